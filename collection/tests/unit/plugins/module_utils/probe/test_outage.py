# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Outages found in whatever order the answers come, compared with a plain walk over the requests in order."""

from __future__ import annotations

from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.probe import outcome
from ansible_collections.availability.lab.plugins.module_utils.probe.outage import Run, Tracker, merge_workers, summary
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


def test_two_workers_outage_is_where_neither_has_a_good_answer() -> None:
    kinds = [outcome.OK] * 10 + [outcome.REFUSED] * 30 + [outcome.OK] * 10

    def worker(part: int) -> list[Run]:
        tracker = Tracker()
        for number, kind in enumerate(kinds):
            if number % 2 == part:
                tracker.end(tracker.begin(number * SPACING), outcome.CODE[kind], number * SPACING + 5, "why")
        ended, current = tracker.take()
        return ended + ([current] if current else [])

    (run,) = merge_workers([worker(0), worker(1)])
    (alone,) = tracked(kinds, list(range(len(kinds))))
    assert run.to_record("new", False) == alone.to_record("new", False)


def test_failures_of_one_worker_alone_stay_its_own() -> None:
    first = tracked([outcome.OK, outcome.RESET, outcome.RESET, outcome.OK], [0, 1, 2, 3])
    merged = merge_workers([first, []])
    assert [(run.first_bad, run.lost) for run in merged] == [(SPACING, 2)]
