# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Verdicts of many, and their words."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.figures.verdict import in_words, worst


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "inconclusive"),
        (["pass", "pass"], "pass"),
        (["pass", "inconclusive"], "inconclusive"),
        (["inconclusive", "fail", "pass"], "fail"),
    ],
)
def test_the_worst_counts_and_nothing_is_no_pass(verdicts: list[str], expected: str) -> None:
    assert worst(verdicts) == expected


@pytest.mark.parametrize(
    ("verdict", "failed", "words"),
    [("pass", 0, "pass"), ("pass", 3, "pass, with loss"), ("pass", None, "pass"), ("fail", 3, "fail")],
)
def test_a_loss_is_no_clean_pass(verdict: str, failed: int | None, words: str) -> None:
    assert in_words(verdict, failed) == words
