# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Brown-outs: most requests fail, and an odd good answer hides it from the list of outages."""

from __future__ import annotations

from ansible_collections.availability.lab.plugins.module_utils.probe.brownout import Brownouts, Detector
from hypothesis import given
from hypothesis import strategies as st


def windows(failed: list[int], measured: list[int]) -> list[tuple[int, int]]:
    detector = Detector(0.5)
    for bucket, (bad, of) in enumerate(zip(failed, measured)):
        if of:
            detector.add(bucket, bad, of)
    detector.finish()
    return [(first, last) for first, last, _requests, _failed in detector.ended]


def test_nine_of_ten_failing_for_five_seconds_is_one_brownout() -> None:
    failed = [0] * 20 + [9] * 50 + [0] * 20
    assert windows(failed, [10] * 90) == [(20, 69)]


def test_fewer_than_half_or_a_single_failure_is_none() -> None:
    assert windows([4] * 50, [10] * 50) == []
    assert windows([0] * 20 + [1] + [0] * 20, [0] * 20 + [1] + [0] * 20) == []
    assert windows([], []) == []


def test_two_apart_are_two() -> None:
    failed = [0] * 20 + [10] * 8 + [0] * 20 + [10] * 8 + [0] * 20
    assert windows(failed, [10] * len(failed)) == [(20, 27), (48, 55)]


@given(st.lists(st.integers(0, 10), max_size=60))
def test_every_window_that_counts_is_inside_one(failed: list[int]) -> None:
    found = windows(failed, [10] * len(failed))
    width = min(10, len(failed))
    for first in range(len(failed) - width + 1):
        bad = sum(failed[first : first + width])
        if bad >= 2 and bad >= 5 * width:
            edges = [position for position in range(first, first + width) if failed[position]]
            assert any(low <= edges[0] and edges[-1] <= high for low, high in found)
    assert all(failed[low] and failed[high] for low, high in found)
    assert all(before[1] + 1 < after[0] for before, after in zip(found, found[1:]))


def test_lanes_and_targets_are_apart_and_the_clients_own_faults_do_not_count() -> None:
    rows = {
        bucket: {
            (("new", 0, ()), "ok"): 10,
            (("new", 1, ()), "reset"): 10,
            (("new", 0, ()), "not_sent"): 90,
            (("control", 0, ()), "reset"): 90,
        }
        for bucket in range(5, 35)
    }
    found = Brownouts(["new"])
    for bucket, counts in rows.items():
        found.add(bucket, counts)
    told = found.to_record(["a", "b"])
    (entry,) = told["list"]
    assert (entry["lane"], entry["target"], entry["start_s"], entry["end_s"]) == ("new", "b", 0.5, 3.5)
    assert (entry["requests"], entry["failed"]) == (300, 300)
    assert (told["count"], told["longest_s"], told["total_s"]) == (1, 3.0, 3.0)
