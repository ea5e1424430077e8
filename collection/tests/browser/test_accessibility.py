# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""report.html can be read and used by everybody: an audit of the page in both themes, wide and narrow."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

AUDIT = (Path(__file__).parent / "accessibility.js").read_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("unfold", [False, True])
def test_the_audit_finds_nothing(open_report, report, theme, width, unfold):
    folder, _record = report
    page = open_report(folder, unfold=unfold)
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 700},
    )
    try:
        page.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
        if unfold:
            page.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        time.sleep(0.3)
        assert page.execute_script(AUDIT) == []
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_focus_of_the_keyboard_is_seen(open_report, report):
    """Whatever the tab key reaches has an outline, in the order of the page, and it reaches the patch's button."""
    folder, _record = report
    page = open_report(folder, unfold=False)
    reached = []
    for _step in range(40):
        page.switch_to.active_element.send_keys(Keys.TAB)
        element = page.switch_to.active_element
        if element.tag_name == "body":
            break
        style = page.execute_script(
            "const s = getComputedStyle(arguments[0]); return [s.outlineStyle, parseFloat(s.outlineWidth)]", element
        )
        assert style[0] != "none", element.get_attribute("outerHTML")[:120]
        assert style[1] >= 2
        reached.append(element.get_attribute("outerHTML"))
    assert 'class="skip"' in reached[0]
    assert any("data-copy" in one for one in reached)
    assert any("<summary" in one for one in reached)


def test_a_folded_section_opens_by_keyboard(open_report, report):
    folder, _record = report
    page = open_report(folder, unfold=False)
    summary = page.find_element(By.CSS_SELECTOR, "#outages > summary")
    summary.send_keys(Keys.ENTER)
    assert page.find_element(By.CSS_SELECTOR, "table.outages").is_displayed()


def test_the_audit_finds_what_is_wrong(open_report, report):
    """Else it would prove nothing."""
    folder, _record = report
    page = open_report(folder)
    page.execute_script(
        """
        document.documentElement.lang = "";
        document.querySelector("main").insertAdjacentHTML("beforeend",
          "<h6>deep</h6><button></button><p style='color: #999; background: #fff'>pale</p>"
          + "<canvas></canvas><a href='#nowhere'>x</a><p style='width: 5000px'>wide</p>");
        """
    )
    found = " | ".join(page.execute_script(AUDIT))
    for what in ("no language", "heading after level", "no name: <button", "contrast 2.85", "chart without a text",
                 "link to nothing", "scrolls sideways"):  # fmt: skip
        assert what in found
