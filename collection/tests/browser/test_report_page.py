# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""report.html in a real browser: no error, no network, the figures of result.json, and it can be used."""

from __future__ import annotations

import base64
import json
import time

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.figures.quantities import duration, percent
from ansible_collections.availability.lab.plugins.module_utils.report.render.story import story
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait


@pytest.fixture
def page(open_report, report):
    folder, _record = report
    return open_report(folder)


def drawn(page, index):
    """The share of pixels that a canvas has something on."""
    return page.execute_script(
        """
        const canvas = document.querySelectorAll("canvas")[arguments[0]];
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        let filled = 0;
        for (let i = 3; i < data.length; i += 4) filled += data[i] > 0;
        return filled / (data.length / 4);
        """,
        index,
    )


def zoom(page, variant):
    """The time range that a variant's charts show, in seconds as its axis says it."""
    return page.execute_script(
        "return document.querySelector(`[data-timeline='${arguments[0]}']`).dataset.range", variant
    )


def test_it_needs_no_network(page):
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert asked
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_it_is_one_file_of_a_modest_size(report):
    folder, _record = report
    assert (folder / "report.html").stat().st_size < 1_000_000


def test_the_figures_are_those_of_the_record(page, report):
    folder, _record = report
    record = json.loads((folder / "result.json").read_text())
    assert page.find_element(By.ID, "verdict").text.endswith(story(record).verdict[1:])
    cards = page.find_elements(By.CSS_SELECTOR, "[data-variant]")
    assert [card.get_attribute("data-variant") for card in cards] == ["probes", "no-probes"]
    for card, variant in zip(cards, record["variants"]):
        figure = variant["figures"]
        shown = {
            one.get_attribute("data-figure"): one.text for one in card.find_elements(By.CSS_SELECTOR, "[data-figure]")
        }
        latency, outages = figure["latency_ms"], figure["outages"]
        assert shown == {
            "availability": percent(figure["availability"]["planned"]["percent"]),
            "failed": f"{figure['failed']:,}",
            "not_sent": f"{figure['not_sent']:,}",
            "longest_outage": duration(outages["longest_s"]) if outages["count"] else "none",
            "p50": duration(latency["p50"] / 1000),
            "p99": duration(latency["p99"] / 1000),
            "max": duration(latency["max"] / 1000),
        }


def test_the_bars_add_up_to_every_request(page, report):
    _folder, record = report
    data = json.loads(page.execute_script("return document.getElementById('data').textContent"))
    for drawn_variant, variant in zip(data["variants"], record["variants"]):
        for step in drawn_variant["zooms"]:
            counts = [sum(column) for group in ("good", "failing") for column in step[group].values()]
            assert sum(counts) == variant["figures"]["attempts"]


def test_every_chart_is_drawn(page):
    count = page.execute_script("return document.querySelectorAll('canvas').length")
    assert count == 2 + 5 + 1  # requests and latency; the same with endpoints, CPU and pods; the distribution
    assert all(drawn(page, index) > 0.02 for index in range(count))


def test_names_of_the_service_are_text_and_not_markup(page):
    assert page.find_element(By.ID, "title").text == "Rolling update </script><b>&amp;"


def test_every_outage_is_listed_with_its_cause_and_leads_to_the_chart(page, report):
    _folder, record = report
    rows = page.find_elements(By.CSS_SELECTOR, "table.outages tbody tr")
    outages = [one for variant in record["variants"] for phase in variant["phases"] for one in phase["outages"]]
    assert len(rows) == len(outages) == 3
    for row, outage in zip(rows, outages):
        assert outage["cause"]["title"][1:] in row.text
        assert duration(outage["length_s"]) in row.text
    whole = zoom(page, 1)
    rows[0].find_element(By.CSS_SELECTOR, "button.link").click()
    assert zoom(page, 1) != whole


def test_drag_zooms_and_double_click_shows_all(page):
    chart = page.find_element(By.CSS_SELECTOR, "[data-timeline='0'] .u-over")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    whole = zoom(page, 0)
    ActionChains(page).move_to_element_with_offset(chart, -200, 0).click_and_hold().move_by_offset(
        150, 0
    ).release().perform()
    start, end = (float(part) for part in zoom(page, 0).split(" "))
    assert 1 < end - start < 15
    assert start > 5
    ActionChains(page).double_click(chart).perform()
    assert zoom(page, 0) == whole == "0 60"


def test_the_pointer_reads_what_stands_there(page):
    chart = page.find_element(By.CSS_SELECTOR, "[data-timeline='1'] .u-over")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    ActionChains(page).move_to_element(chart).perform()
    tip = page.find_element(By.CSS_SELECTOR, "[data-timeline='1'] .tip")
    assert tip.is_displayed()
    assert "blue" in tip.text
    assert "p99" in tip.text
    assert "UTC" in tip.text


def test_the_keyboard_moves_zooms_and_speaks(page):
    charts = page.find_element(By.CSS_SELECTOR, "[data-timeline='1'] .charts")
    page.execute_script("arguments[0].focus()", charts)
    charts.send_keys("n")
    start, end = (float(part) for part in zoom(page, 1).split(" "))
    assert start < 21 + 31.3 < end
    spoken = page.find_element(By.CSS_SELECTOR, "[data-timeline='1'] .readout").get_attribute("textContent")
    assert "refused" in spoken
    charts.send_keys(Keys.ARROW_RIGHT)
    moved = page.find_element(By.CSS_SELECTOR, "[data-timeline='1'] .readout").get_attribute("textContent")
    assert moved != spoken
    charts.send_keys("0")
    assert zoom(page, 1) == "0 81"


def test_the_zoom_buttons_are_named(page):
    for button in page.find_elements(By.CSS_SELECTOR, "button"):
        if button.is_displayed():
            assert button.accessible_name


def test_text_has_enough_contrast_in_both_themes(page):
    """WCAG AA, 4.5 to 1, for every text colour that the style sheet uses on its two backgrounds."""
    for theme in ("light", "dark"):
        page.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
        colours = page.execute_script(
            "const s = getComputedStyle(document.documentElement);"
            "return Object.fromEntries(arguments[0].map((n) => [n, s.getPropertyValue(n).trim()]))",
            ["--ink", "--soft", "--good", "--bad", "--warn", "--accent", "--paper", "--card"],
        )
        for name in ("--ink", "--soft", "--good", "--bad", "--warn", "--accent"):
            for ground in ("--paper", "--card"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (theme, name, ground)


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_fits_a_phone_and_a_desk(page, pictures, width):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 700},
    )
    try:
        time.sleep(0.3)
        wide = page.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width
        height = page.execute_script("return document.documentElement.scrollHeight")
        page.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700},
        )
        time.sleep(0.3)
        assert page.save_screenshot(str(pictures / f"report-{width}.png"))
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_theme_can_be_switched(page, pictures):
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    try:
        # The browser tells the page of the change in its own time.
        WebDriverWait(page, 10).until(
            lambda shown: shown.execute_script("return document.documentElement.dataset.theme") == "dark"
        )
        assert page.save_screenshot(str(pictures / "report-dark.png"))
        page.find_element(By.ID, "theme").click()
        assert page.execute_script("return document.documentElement.dataset.theme") == "light"
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_it_prints(page, pictures):
    printed = page.execute_cdp_cmd(
        "Page.printToPDF", {"printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69}
    )
    pdf = base64.b64decode(printed["data"])
    (pictures / "report.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF")
    assert 2 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") + pdf.count(b"/Type /Page/") <= 12
    assert page.execute_script("return document.documentElement.dataset.theme") == "light"
