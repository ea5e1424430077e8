# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The first screen of report.html: the sentence, the verdict in words, the timeline with its causes, the patch."""

from __future__ import annotations

import json
import time

import pytest
import yaml
from ansible_collections.availability.lab.plugins.module_utils.report.publish import publish
from ansible_collections.availability.lab.plugins.module_utils.report.render.story import story
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)
from selenium.webdriver.common.by import By

NS = 10**9


@pytest.fixture
def page(open_report, report):
    folder, _record = report
    return open_report(folder, unfold=False)


@pytest.fixture(scope="module")
def cured(tmp_path_factory):
    """Four runs that lost requests, and in turn with them the same with a change that helped."""
    folder = tmp_path_factory.mktemp("cured")
    sources = []
    for number in range(8):
        name, start_ns = ("bare", "cured")[number % 2], START_NS + 100 * number * NS
        bad = [(3, 4, "refused")] if name == "bare" else []
        path = folder / f"{name}-{number}.json"
        path.write_text(json.dumps(probe_record(start_ns=start_ns, bad=bad)))
        source = {"variant": name, "phase": f"round {number // 2}", "probe": str(path), "attempts": None}
        sources.append({**source, "events": [], "cluster": None, "cure_of": "bare" if name == "cured" else ""})
    publish(
        scenario="cure",
        title="",
        directory=folder,
        sources=sources,
        expectations=["cured: failed == 0"],
        formats=["html"],
    )
    return folder


def test_it_begins_with_the_sentence_and_the_verdict_in_words(page, report):
    _folder, record = report
    told = story(record)
    assert page.find_element(By.TAG_NAME, "h1").text == told.headline
    assert told.advice in page.find_element(By.CSS_SELECTOR, ".lead").text
    verdict = page.find_element(By.ID, "verdict")
    assert "loss expected" in verdict.text
    assert page.find_elements(By.CSS_SELECTOR, ".top.tone-plain")


def test_sentence_timeline_and_patch_are_in_sight_at_once(page, pictures):
    page.set_window_size(1280, 900)
    for selector in ("h1", "#verdict", "[data-timeline] .u-over", "[data-copy]", "#patch"):
        box = page.find_element(By.CSS_SELECTOR, selector).rect
        assert box["y"] + min(box["height"], 120) < 800, selector
    first = page.find_element(By.CSS_SELECTOR, "[data-timeline]")
    assert first.get_attribute("data-timeline") == "1"  # the variant that lost requests
    assert page.save_screenshot(str(pictures / "first-screen.png"))


def test_tables_are_folded_away_and_a_link_opens_one(page):
    assert not [one for one in page.find_elements(By.CSS_SELECTOR, "main table") if one.is_displayed()]
    page.execute_script("location.hash = 'outages'")
    deadline = time.monotonic() + 5
    while not page.find_element(By.CSS_SELECTOR, "table.outages").is_displayed():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_print_opens_what_is_folded_and_folds_it_again(page):
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert page.find_element(By.CSS_SELECTOR, "table.outages").is_displayed()
    page.execute_script("dispatchEvent(new Event('afterprint'))")
    assert not page.find_element(By.CSS_SELECTOR, "table.outages").is_displayed()


@pytest.mark.parametrize("clipboard", [True, False])
def test_the_patch_is_copied_also_without_the_clipboard(page, report, clipboard):
    _folder, record = report
    page.execute_script(
        """
        window.copied = null;
        const clipboard = arguments[0] ? { writeText: async (text) => { window.copied = text; } } : undefined;
        Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
        document.execCommand = (name) => { window.copied = document.activeElement.value; return name === "copy"; };
        """,
        clipboard,
    )
    button = page.find_element(By.CSS_SELECTOR, "[data-copy]")
    button.click()
    deadline = time.monotonic() + 5
    while button.text != "Copied":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert yaml.safe_load(page.execute_script("return window.copied")) == story(record).patch


def test_the_cause_stands_on_the_band(page):
    """The texts that are drawn over the first timeline's requests."""
    drawn = page.execute_script(
        """
        const seen = [];
        const real = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) { seen.push(text); return real.call(this, text, ...rest); };
        document.querySelector("[data-timeline='1'] [data-do='all']").click();
        return new Promise((done) => setTimeout(() => { CanvasRenderingContext2D.prototype.fillText = real; done(seen); }, 200));
        """  # noqa: E501
    )
    assert any("application listened" in text or "requests were sent to it" in text for text in drawn), drawn
    assert not [text for text in drawn if "_" in text]


def test_no_raw_name_of_an_outcome_is_shown(open_report, report):
    folder, _record = report
    page = open_report(folder)
    shown = page.find_element(By.TAG_NAME, "body").text.replace("it was timeout_headers", "")
    assert "timeout_headers" not in shown
    assert "timeout headers" not in shown
    assert "no answer in time" in shown


def test_before_and_after_of_a_proof(open_report, cured, pictures):
    page = open_report(cured, unfold=False)
    proof = page.find_element(By.ID, "proof")
    assert "80 of 4,800 failed" in proof.text
    assert "0 of 4,800 failed" in proof.text
    assert "it helped, by more than chance" in proof.text
    assert "helped" in proof.get_attribute("class").split()
    assert page.save_screenshot(str(pictures / "proof.png"))
