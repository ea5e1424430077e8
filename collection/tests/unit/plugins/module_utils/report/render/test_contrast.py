# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Variants are called better or worse only where the figures carry it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.render.contrast import (
    contrast_rows,
    failures_carry,
)

Json = dict[str, Any]


def figures(events: int, duration_s: float = 60.0, p50: float = 3.0, p99: float = 9.0, ok: int = 1200) -> Json:
    share = {"percent": 100.0 - events}
    return {
        "availability": {"planned": share, "time": share},
        "failed": 10 * events,
        "ok": ok,
        "duration_s": duration_s,
        "outages": {"count": events, "isolated_failures": 0, "longest_s": 0.5 * bool(events), "total_s": 0.5 * events},
        "latency_ms": {"p50": p50, "p99": p99, "max": 20.0 + events},
    }


@pytest.mark.parametrize(
    ("one", "other", "carried"),
    [(0, 0, False), (0, 1, False), (0, 5, False), (0, 6, True), (6, 0, True), (5, 5, False), (20, 40, True)],
)
def test_outages_are_the_samples(one: int, other: int, carried: bool) -> None:
    assert failures_carry(figures(one), figures(other)) is carried


def test_a_longer_run_may_see_more_outages() -> None:
    assert not failures_carry(figures(1, duration_s=60), figures(10, duration_s=600))


def ranks(one: Json, other: Json) -> dict[str, list[str]]:
    rows = contrast_rows([{"name": "a", "figures": one}, {"name": "b", "figures": other}])
    return {row["name"]: [cell["rank"] for cell in row["cells"]] for row in rows}


def test_a_single_outage_colours_nothing_and_many_do() -> None:
    assert ranks(figures(0), figures(1))["requests failed"] == ["", ""]
    found = ranks(figures(0), figures(9))
    assert found["requests failed"] == found["availability over the plan"] == ["best", "worst"]
    assert found["slowest answer"] == found["longest outage"] == ["", ""]  # one sample each


def test_latencies_differ_by_more_than_noise_or_not_at_all() -> None:
    found = ranks(figures(0, p50=3.0, p99=9.0), figures(0, p50=4.6, p99=10.0))
    assert found["latency p50"] == ["best", "worst"]
    assert found["latency p99"] == ["", ""]
    assert ranks(figures(0, p50=3.0, ok=50), figures(0, p50=4.6, ok=50))["latency p50"] == ["", ""]


def test_one_variant_is_beside_nothing() -> None:
    assert contrast_rows([{"name": "a", "figures": figures(0)}]) == []
