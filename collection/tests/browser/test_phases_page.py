# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The page of a disturbed matrix with numbered writes: phases on the timeline and in tables."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.publish import publish
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

NS = 10**9


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory):
    """Two variants that were disturbed from second 20 to 30; the one without probes lost requests and writes."""
    folder = tmp_path_factory.mktemp("disturbed")
    sources = []
    for number, (name, bad) in enumerate({"probes": [], "no-probes": [(21, 23, "refused"), (31, 33, "reset")]}.items()):
        start_ns = START_NS + number * 100 * NS
        record = probe_record(start_ns=start_ns, versions=[(0, "v1"), (25, "v2")], bad=bad, seed=number)
        failed = {n for n in range(1200) for start, end, _unused in bad if start <= n / 20 < end}
        log = [{"n": n, "due_s": n / 20, "outcome": "reset" if n in failed else "ok"} for n in range(1200)]
        (folder / f"{name}.json").write_text(json.dumps(record))
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
        (folder / f"{name}.stored.json").write_text(json.dumps(list(range(5 * number, 1200))))
        sources.append(
            {
                "variant": name,
                "phase": "during",
                "probe": str(folder / f"{name}.json"),
                "attempts": str(folder / f"{name}.jsonl"),
                "stored": str(folder / f"{name}.stored.json"),
                "cluster": None,
                "settings": {"readiness": name == "probes"},
                "disturbed_from": start_ns / NS + 20,
                "disturbed_to": start_ns / NS + 30,
                "stable": 5,
                "events": [{"name": "image set to v2", "at": start_ns / NS + 20}],
            }
        )
    published = publish(
        scenario="rolling-update",
        title="Rolling update, disturbed",
        directory=folder,
        sources=sources,
        expectations=["no-probes.during: failed > 0", "time_to_recovery < 30s", "probes: writes_lost == 0"],
        formats=["html", "json"],
    )
    return folder, published.record


@pytest.fixture
def page(open_report, disturbed):
    folder, _record = disturbed
    return open_report(folder)


def cells(page, title):
    """The rows of a table as text."""
    rows = page.find_elements(By.CSS_SELECTOR, f"[data-section='{title}'] tbody tr")
    return [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")] for row in rows]


def test_phases_writes_and_settings_stand_in_tables(page, disturbed):
    _folder, record = disturbed
    assert record["verdict"] == "pass", record["reasons"]
    phases = cells(page, "Phases")
    assert [row[0] for row in phases] == [
        *(f"probes: {name}" for name in ("before", "during", "after")),
        *(f"no-probes: {name}" for name in ("before", "during", "recover", "after")),
    ]
    assert phases[5][1:5] == ["30 s", "3 s", "60", "40"]
    assert cells(page, "Writes") == [
        ["probes", "1,200", "0", "0", "0", "0", "0"],
        ["no-probes", "1,120", "5", "0", "80", "0", "0"],
    ]
    effect = cells(page, "What each setting buys: readiness")
    assert [row[:3] for row in effect] == [["true", "1", "0.0"], ["false", "1", "80.0"]]
    assert "no-probes: time to recovery: 13 s" in page.find_element(By.TAG_NAME, "main").text


def test_the_disturbance_is_shaded_on_the_timeline(page):
    """The same height of the chart, above all bars, before and during the disturbance."""
    shades = page.execute_script(
        """
        const chart = document.querySelector("[data-timeline='0'] .charts canvas");
        const plot = chart.closest(".uplot").querySelector(".u-over").getBoundingClientRect();
        const left = plot.left - chart.getBoundingClientRect().left;
        const ratio = chart.width / chart.getBoundingClientRect().width;
        const context = chart.getContext("2d");
        return [7, 22, 28, 52].map((second) => {
          const x = Math.round((left + plot.width * second / 60) * ratio);
          return [...context.getImageData(x, Math.round(23 * ratio), 1, 1).data].join(" ");
        });
        """
    )
    before, during, late, after = shades
    assert during == late != before == after


def test_the_pointer_names_the_phase(page):
    chart = page.find_element(By.CSS_SELECTOR, "[data-timeline='1'] .u-over")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    ActionChains(page).move_to_element_with_offset(chart, -100, 0).perform()
    assert "during" in page.find_element(By.CSS_SELECTOR, "[data-timeline='1'] .tip").text


def test_it_looks_well(page, pictures):
    height = page.execute_script("return document.documentElement.scrollHeight")
    assert page.execute_script("return document.documentElement.scrollWidth") <= 1280
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 1280, "height": height, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        time.sleep(0.3)
        assert page.save_screenshot(str(pictures / "phases-1280.png"))
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
