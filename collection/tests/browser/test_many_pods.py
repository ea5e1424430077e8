# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The page of a rollout of 500 pods stays a page: lanes are grouped, tables are cut, both can be shown whole."""

from __future__ import annotations

import json

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.publish import publish
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_cluster import SampleCluster
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)
from selenium.webdriver.common.by import By

PODS = 500


@pytest.fixture(scope="module")
def rollout(tmp_path_factory):
    """500 pods of one version are replaced one by one; a few requests are lost, far apart from each other."""
    folder = tmp_path_factory.mktemp("rollout")
    cluster = SampleCluster(START_NS)
    for number in range(PODS):
        old, new, at_s = f"hello-blue-{number}", f"hello-green-{number}", 5 + 50 * number / PODS
        cluster.pod(-2, old, "blue", "listed", ready=True)
        cluster.pod(at_s, new, "green", "added", running=False)
        cluster.pod(at_s + 1, new, "green", ready=True)
        cluster.pod(at_s + 1.1, old, "blue", ready=True, deleted=True)
        cluster.pod(at_s + 2, old, "blue", "deleted", deleted=True)
    return published(folder, cluster, [(second, second + 0.2, "refused") for second in range(6, 58, 2)])


def published(folder, cluster, bad):
    """The folder with the report of one run."""
    (folder / "probe.json").write_text(json.dumps(probe_record(bad=bad)))
    (folder / "cluster.jsonl").write_text(cluster.text(60))
    source = {"variant": "v", "phase": "during", "probe": str(folder / "probe.json"), "attempts": None, "events": []}
    publish(
        scenario="rollout",
        title="Rollout of many pods",
        directory=folder,
        sources=[{**source, "cluster": str(folder / "cluster.jsonl")}],
        expectations=[],
        formats=["html"],
    )
    return folder


@pytest.fixture(scope="module")
def two_owners(tmp_path_factory):
    """A rollout from one ReplicaSet to the next, a database beside it, and a bare pod."""
    cluster = SampleCluster(START_NS)
    for number, at_s in enumerate((5, 15)):
        cluster.pod(-2, f"old-{number}", "1", "listed", ready=True, owner="ReplicaSet/old")
        cluster.pod(at_s, f"new-{number}", "2", "added", ready=True, owner="ReplicaSet/new")
        cluster.pod(at_s + 1, f"old-{number}", "1", "deleted", deleted=True)
    cluster.pod(-1, "db-0", "7", "listed", ready=True, owner="StatefulSet/db")
    cluster.pod(-1, "shell", "9", "listed", ready=True, owner="")
    return published(tmp_path_factory.mktemp("owners"), cluster, [(6, 6.2, "refused")])


def height(page) -> int:
    return int(page.execute_script("return document.documentElement.scrollHeight"))


def test_the_page_is_short_also_unfolded(open_report, rollout, pictures):
    page = open_report(rollout, unfold=False)
    assert height(page) < 3000
    assert page.save_screenshot(str(pictures / "pods-500.png"))
    page = open_report(rollout)
    assert height(page) < 6000


def test_pods_are_grouped_and_can_be_shown_each(open_report, rollout):
    page = open_report(rollout, unfold=False)
    grouped = height(page)
    button = page.find_element(By.CSS_SELECTOR, "[data-do='pods']")
    assert (button.text, button.get_attribute("aria-expanded")) == ("Show all 1,000 pods", "false")
    button.click()
    assert height(page) > grouped + 1000 * 10
    assert (button.text, button.get_attribute("aria-expanded")) == ("Group the pods", "true")
    button.click()
    assert height(page) == grouped


def tall_pods(page) -> int:
    """How tall the chart of the pods is, in pixels."""
    chart = page.find_element(By.XPATH, "//div[@class='chart'][span='pods']//canvas")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    return int(chart.size["height"])


def test_many_pods_are_grouped_by_who_owns_them(open_report, rollout):
    assert tall_pods(open_report(rollout, unfold=False)) == 2 * 40 + 46


def test_few_pods_stand_under_their_owners(open_report, two_owners, pictures):
    page = open_report(two_owners, unfold=False)
    lanes, headings = 6, 4  # the bare pod has no owner, which is said, too
    assert tall_pods(page) == (lanes + headings) * 19 + 46
    assert page.save_screenshot(str(pictures / "pods-by-owner.png"))
    data = json.loads(page.execute_script("return document.getElementById('data').textContent"))
    assert [pod["name"] for pod in data["variants"][0]["cluster"]["pods"]] == [
        "old-0",
        "old-1",
        "db-0",
        "shell",
        "new-0",
        "new-1",
    ]


def test_a_long_table_is_cut_and_can_be_shown_whole(open_report, rollout):
    page = open_report(rollout)
    page.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    table = page.find_element(By.CSS_SELECTOR, ".as-table table")
    rows = table.find_elements(By.CSS_SELECTOR, "tbody tr")
    assert len(rows) > 22
    assert len([row for row in rows if row.is_displayed()]) == 20
    button = page.find_element(By.CSS_SELECTOR, ".as-table .show-all")
    assert button.text == f"Show all {len(rows)} rows"
    page.execute_script("arguments[0].click()", button)
    assert all(row.is_displayed() for row in rows)


def test_a_row_is_a_card_on_a_phone(open_report, rollout):
    page = open_report(rollout)
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        cells = page.find_elements(By.CSS_SELECTOR, "#requests tr.whole td")
        names = [
            page.execute_script("return getComputedStyle(arguments[0], '::before').content", cell) for cell in cells
        ]
        assert names[:3] == ['"attempts"', '"ok"', '"failed"']
        assert len({cell.rect["y"] for cell in cells}) == len(cells)  # each on a line of its own
        assert page.execute_script("return document.documentElement.scrollWidth") <= 360
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
