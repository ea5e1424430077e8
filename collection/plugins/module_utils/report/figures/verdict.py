# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The verdict of many: the worst of them; and its words, which never call a loss a clean pass."""

from __future__ import annotations

from collections.abc import Sequence


def worst(verdicts: Sequence[str]) -> str:
    """fail before inconclusive before pass; nothing at all is inconclusive."""
    for verdict in ("fail", "inconclusive"):
        if verdict in verdicts:
            return verdict
    return "pass" if verdicts else "inconclusive"


def in_words(verdict: str, failed: int | None) -> str:
    """pass stands for "as expected", which may be a loss: then it says so. failed: requests, None without data."""
    return "pass, with loss" if verdict == "pass" and failed else verdict
