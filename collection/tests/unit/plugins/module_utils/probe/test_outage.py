# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Outages found in whatever order the answers come, compared with a plain walk over the requests in order."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.probe import outages, outcome
from ansible_collections.availability.lab.plugins.module_utils.probe.histogram import Histogram
from ansible_collections.availability.lab.plugins.module_utils.probe.outage import Run
from ansible_collections.availability.lab.plugins.module_utils.probe.outages import (
    Sums,
    joined,
    keep_longest,
    summary,
)
from ansible_collections.availability.lab.plugins.module_utils.probe.track import Tracker
from hypothesis import given
from hypothesis import strategies as st

SPACING = 10_000_000  # one request each 10 ms
KINDS = st.sampled_from([outcome.OK] * 6 + [outcome.REFUSED, outcome.RESET, outcome.NOT_SENT])


def plain_walk(kinds: list[str]) -> list[tuple[int | None, int, int, int | None, int]]:
    """(last good, first bad, last bad, next good, lost) of each run, as numbers of requests."""
    found: list[tuple[int | None, int, int, int | None, int]] = []
    last_good: int | None = None
    run: list[int] = []
    for number, kind in enumerate(kinds):
        if kind == outcome.OK:
            if run:
                found.append((last_good, run[0], run[-1], number, len(run)))
                run = []
            last_good = number
        elif kind != outcome.NOT_SENT:
            run.append(number)
    if run:
        found.append((last_good, run[0], run[-1], None, len(run)))
    return found


def at(number: int | None) -> int | None:
    return None if number is None else number * SPACING


def tracked(kinds: list[str], order: list[int], tell_each: int = 7) -> list[Run]:
    tracker = Tracker()
    for number in range(len(kinds)):
        assert tracker.begin(number * SPACING) == number
    runs: list[Run] = []
    current = None
    for count, number in enumerate(order):
        tracker.end(number, outcome.CODE[kinds[number]], number * SPACING + 5, "why")
        if count % tell_each == 0:
            runs += tracker.take()[0]
    ended, current = tracker.take()
    return runs + ended + ([current] if current else [])


@given(st.lists(KINDS, max_size=120), st.randoms(use_true_random=False))
def test_runs_are_those_of_a_walk_in_order(kinds: list[str], chance: Any) -> None:
    order = list(range(len(kinds)))
    chance.shuffle(order)
    found = [(r.last_good, r.first_bad, r.last_bad, r.next_good, r.lost) for r in tracked(kinds, order)]
    assert found == [(at(a), at(b), at(c), at(d), lost) for a, b, c, d, lost in plain_walk(kinds)]


def test_the_ring_grows_when_the_oldest_request_hangs() -> None:
    tracker = Tracker()
    for number in range(50_000):
        tracker.begin(number)
        if number not in (0, 20_000):
            tracker.end(number, outcome.OK_CODE, number)
    tracker.end(20_000, outcome.CODE[outcome.RESET], 20_001, "reset")
    assert tracker.take() == ([], None)  # nothing can be said before the first request ended
    tracker.end(0, outcome.CODE[outcome.TIMEOUT_HEADERS], 60_000, "late")
    runs, current = tracker.take()
    assert current is None
    assert [(r.first_bad, r.next_good, r.first_outcome) for r in runs] == [
        (0, 1, outcome.TIMEOUT_HEADERS),
        (20_000, 20_001, outcome.RESET),
    ]
    assert tracker.cursor == 50_000


def test_the_ring_stays_small_while_requests_end() -> None:
    tracker = Tracker()
    for number in range(100_000):
        tracker.end(tracker.begin(number), outcome.OK_CODE, number)
    assert len(tracker.ring) == 4096


def test_an_outage_is_measured_from_the_first_failure_to_the_next_good_start() -> None:
    kinds = [outcome.OK] * 10 + [outcome.REFUSED] * 20 + [outcome.OK] * 5
    (run,) = tracked(kinds, list(range(len(kinds))))
    entry = run.to_record("new", control_failed=False)
    assert (entry["kind"], entry["isolated"], entry["requests_lost"]) == ("outage", False, 20)
    assert (entry["last_good_s"], entry["first_bad_s"], entry["last_bad_s"], entry["next_good_s"]) == (
        0.09,
        0.1,
        0.29,
        0.3,
    )
    assert (entry["length_s"], entry["resolution_s"]) == (0.2, 0.01)
    assert entry["first_error"] == "why"


def test_late_answers_are_a_stall_that_ends_when_they_come() -> None:
    tracker = Tracker()
    tracker.end(tracker.begin(0), outcome.OK_CODE, 1)
    for start in range(1_000, 3_000, 100):
        tracker.end(tracker.begin(start), outcome.STALLED_CODE, 4_000)
    tracker.end(tracker.begin(3_500), outcome.OK_CODE, 4_000)
    (run,), _unused = tracker.take()
    entry = run.to_record("new", control_failed=False)
    assert (entry["kind"], entry["requests_lost"], entry["requests_slow"]) == ("stall", 0, 20)
    assert (run.first_bad, run.end) == (1_000, 4_000)


def test_a_single_failure_is_isolated_and_no_outage() -> None:
    kinds = [outcome.OK, outcome.RESET, outcome.OK, outcome.RESET, outcome.RESET, outcome.OK]
    told = summary("new", tracked(kinds, list(range(6))))
    assert (told["count"], told["isolated_failures"], told["requests_lost"]) == (1, 1, 3)
    assert told["longest_s"] == told["total_s"] == 0.02
    assert [entry["isolated"] for entry in told["list"]] == [True, False]


def test_an_outage_during_which_the_control_failed_is_marked() -> None:
    bad = tracked([outcome.OK, outcome.RESET, outcome.RESET, outcome.OK], [0, 1, 2, 3])
    control = tracked([outcome.OK, outcome.OK, outcome.RESET, outcome.OK], [0, 1, 2, 3])
    assert [entry["control_failed"] for entry in summary("new", bad, control)["list"]] == [True]
    assert [entry["control_failed"] for entry in summary("new", bad, [])["list"]] == [False]


def test_runs_survive_the_delta_lines() -> None:
    (run,) = tracked([outcome.OK, outcome.RESET, outcome.RESET, outcome.OK], [0, 1, 2, 3])
    assert Run.from_list(run.to_list()).to_record("new", False) == run.to_record("new", False)


def test_every_length_says_what_is_known() -> None:
    kinds = [outcome.OK] * 10 + [outcome.REFUSED] * 20 + [outcome.OK] * 5 + [outcome.RESET] + [outcome.OK] * 4
    told = summary("new", tracked(kinds, list(range(len(kinds)))), target="a", ended_ns=400_000_000)
    outage, isolated = told["list"]
    assert (outage["shortest_s"], outage["length_s"], outage["longest_s"]) == (0.19, 0.2, 0.21)
    assert (isolated["shortest_s"], isolated["length_s"], isolated["longest_s"]) == (0.0, 0.01, 0.02)
    assert outage["target"] == "a"
    assert told["longest_between_s"] == [0.19, 0.21]
    assert told["total_between_s"] == [0.19, 0.23]


def test_an_outage_without_an_end_may_have_lasted_to_the_end_of_the_measurement() -> None:
    (run,) = tracked([outcome.OK, outcome.RESET, outcome.RESET], [0, 1, 2])
    entry = run.to_record("new", False, ended_ns=900_000_000)
    assert (entry["shortest_s"], entry["longest_s"]) == (0.01, 0.9)


def test_a_request_in_flight_does_not_hold_an_outage_open() -> None:
    tracker = Tracker()
    for number in range(6):
        tracker.begin(number * SPACING)
        if number != 3:
            code = outcome.CODE[outcome.RESET] if number in (1, 2) else outcome.OK_CODE
            tracker.end(number, code, number * SPACING + 5, "why")
    ended, current = tracker.take()
    assert not ended
    assert current is not None
    assert (current.next_good, current.length) == (4 * SPACING, 3 * SPACING)
    tracker.end(3, outcome.OK_CODE, 100 * SPACING)
    ended, current = tracker.take()
    assert [run.next_good for run in ended] == [3 * SPACING]
    assert current is None


def test_one_slow_answer_among_prompt_ones_is_a_stall_of_at_most_what_is_prompt() -> None:
    tracker = Tracker(stall_ns=100 * SPACING)
    for number in range(10):
        tracker.begin(number * SPACING)
        slow = number == 4
        tracker.end(number, outcome.STALLED_CODE if slow else outcome.OK_CODE, (400 if slow else number) * SPACING)
    (run,), _unused = tracker.take()
    entry = run.to_record("new", False)
    assert (entry["kind"], entry["isolated"]) == ("stall", True)
    assert (entry["shortest_s"], entry["length_s"], entry["longest_s"]) == (0.01, 1.01, 1.02)


def test_tracks_side_by_side_are_as_bad_as_the_worst_of_them() -> None:
    bad = summary("new", tracked([outcome.OK, *[outcome.RESET] * 8, outcome.OK], list(range(10))), target="a")
    good = summary("new", tracked([outcome.OK, outcome.RESET, outcome.OK], [0, 1, 2]), target="b")
    both = joined([good, bad])
    assert (both["count"], both["longest_s"], both["total_s"]) == (1, 0.08, 0.08)
    assert (both["requests_lost"], both["isolated_failures"]) == (9, 1)
    assert [entry["target"] for entry in both["list"]] == ["a", "b"]


def test_the_widest_gap_between_requests_is_kept() -> None:
    tracker = Tracker()
    start = 0
    for number in range(30_000):
        start += 900 if number == 17_000 else 10
        tracker.end(tracker.begin(start), outcome.OK_CODE, start)
    tracker.take()
    assert tracker.widest == 900


def test_a_long_list_keeps_the_longest(monkeypatch: Any) -> None:
    monkeypatch.setattr("ansible_collections.availability.lab.plugins.module_utils.probe.outages.LIST_LIMIT", 3)
    kinds = [outcome.OK, outcome.RESET] * 10 + [outcome.OK] + [outcome.RESET] * 5 + [outcome.OK]
    told = summary("new", tracked(kinds, list(range(len(kinds)))))
    assert (len(told["list"]), told["list_truncated"]) == (3, 8)
    assert max(entry["length_s"] for entry in told["list"]) == told["longest_s"]


def test_the_lengths_of_all_outages_are_a_distribution_also_of_those_not_listed(monkeypatch: Any) -> None:
    monkeypatch.setattr(f"{outages.__name__}.LIST_LIMIT", 3)
    kinds = ([outcome.OK] + [outcome.RESET] * 2) * 10 + ([outcome.OK] + [outcome.RESET] * 7) * 3 + [outcome.OK] * 5
    kinds += [outcome.RESET, outcome.OK]  # an isolated failure is no outage
    runs = tracked(kinds, list(range(len(kinds))))
    told = summary("new", runs, target="a")
    assert (told["count"], len(told["list"])) == (13, 3)
    lengths = Histogram.from_record(told["lengths"])
    assert (lengths.count, lengths.min, lengths.max) == (13, 2 * SPACING, 7 * SPACING)
    assert lengths.sum == round(told["total_s"] * 1e9)
    sums = Sums()
    kept = keep_longest(runs, sums, [])
    assert len(kept) == 3
    again = Sums.from_list(json.loads(json.dumps(sums.to_list())))
    assert summary("new", kept, target="a", left_out=again) == told
    both = joined([told, told])
    assert (both["count"], both["lengths"]["count"]) == (13, 26)
