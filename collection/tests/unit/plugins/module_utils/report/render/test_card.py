# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""card.png: 1200 x 630 whatever the run, the same picture for the same result."""

from __future__ import annotations

import struct
import warnings
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.render import card
from ansible_collections.availability.lab.plugins.module_utils.report.render.page_data import page_data
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record


@pytest.mark.parametrize("title", ["Rolling update", "$x^{2$ <b> " * 40, ""])
@pytest.mark.parametrize("options", [{}, {"bad": [(31, 31.5, "refused")]}, {"duration_s": 0}])
def test_it_has_the_size_that_previews_ask_for(title: str, options: dict[str, Any]) -> None:
    runs = [Run("rolling", "during", "p.json", probe_record(**options))]
    result = build("rolling", title, runs, [], {})
    data = page_data(result, runs, {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = card.render(result, data)
    assert picture[:4] == b"\x89PNG"
    assert struct.unpack(">II", picture[16:24]) == (1200, 630)
    assert card.render(result, data) == picture
