# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A headless Chromium, installed where it is missing, and the pages that the tests look at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.publish import publish
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_cluster import rolling_update
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)
from selenium import webdriver

NS = 1_000_000_000
FLAGS = (
    "--headless",
    "--no-sandbox",  # the tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)


@pytest.fixture(scope="session")
def chromium() -> None:
    """Debian's Chromium and its driver."""
    if shutil.which("chromium") and shutil.which("chromedriver"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    packages = ["chromium", "chromium-driver", "fonts-dejavu-core"]
    wait = ["-o", "DPkg::Lock::Timeout=600"]  # the lab beside these tests installs, too
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run([*sudo, "apt-get", "-q", *wait, *command], check=True, env=environment)


@pytest.fixture(scope="session")
def browser(chromium):
    """One browser for all tests; its console is kept."""
    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        driver.set_window_size(1280, 1000)
        yield driver
        driver.quit()


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """A rolling update with and without probes: the folder that availability_report writes, and its record."""
    folder = tmp_path_factory.mktemp("report")
    versions = [(0, "blue"), (30, "green")]
    later = START_NS + 100 * NS
    probes = {
        "with-probes": probe_record(versions=versions),
        "before": probe_record(duration_s=20, start_ns=later),
        "without": probe_record(
            start_ns=later + 21 * NS,
            versions=versions,
            bad=[(31.3, 32.5, "refused"), (40, 40.3, "reset"), (50, 50.05, "timeout_headers"), (55, 55.2, "not_sent")],
            latency_ms=5,
            seed=2,
        ),
    }
    for name, record in probes.items():
        (folder / f"{name}.json").write_text(json.dumps(record))
    (folder / "cluster.jsonl").write_text(rolling_update(later + 21 * NS).text(70))
    common = {"attempts": None, "events": [], "cluster": None}
    done = [{"name": "image set to green", "at": (later + 51 * NS) / NS}]
    cluster = str(folder / "cluster.jsonl")
    sources = [
        {**common, "variant": "probes", "phase": "during", "probe": str(folder / "with-probes.json")},
        {**common, "variant": "no-probes", "phase": "before", "probe": str(folder / "before.json")},
        {**common, "variant": "no-probes", "phase": "during", "probe": str(folder / "without.json"), "cluster": cluster,
         "events": done},
    ]  # fmt: skip
    published = publish(
        scenario="rolling-update",
        title="Rolling update </script><b>&amp;",
        directory=folder,
        sources=sources,
        expectations=["versions >= 2", "probes: availability == 100", "no-probes.failed > probes.failed"],
        formats=["html", "json"],
    )
    return folder, published.record


@pytest.fixture
def open_report(browser):
    """Opens the report of a folder and waits until it is drawn; in the end nothing may stand in the console.

    unfold: opens its folded sections, as a reader would who looks for the tables.
    """

    def opened(folder: Path, unfold: bool = True) -> webdriver.Chrome:
        browser.get_log("browser")
        browser.get_log("performance")
        browser.set_window_size(1280, 1000)
        browser.get((folder / "report.html").as_uri())
        deadline = time.monotonic() + 60
        while browser.execute_script("return document.documentElement.dataset.ready") != "yes":
            assert time.monotonic() < deadline, browser.get_log("browser")
            time.sleep(0.05)
        if unfold:
            browser.execute_script("document.querySelectorAll('details.fold').forEach((one) => { one.open = true; })")
        return browser

    yield opened
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Where screenshots go: a folder named by BROWSER_PICTURES, to look at them, or one that is thrown away."""
    folder = Path(os.environ.get("BROWSER_PICTURES") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
