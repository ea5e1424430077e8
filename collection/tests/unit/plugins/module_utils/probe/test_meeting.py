# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Several probers' runs together, compared with what one prober with all their requests says."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.probe import outcome
from ansible_collections.availability.lab.plugins.module_utils.probe.meeting import Met, Piece, View, meet
from ansible_collections.availability.lab.plugins.module_utils.probe.outage import Run
from ansible_collections.availability.lab.plugins.module_utils.probe.outages import summary
from ansible_collections.availability.lab.plugins.module_utils.probe.track import Tracker
from hypothesis import given
from hypothesis import strategies as st

SPACING = 10_000_000
STALL = 3 * SPACING
STALLED = "stalled"
KINDS = st.lists(
    st.tuples(
        st.sampled_from([outcome.OK, outcome.OK, outcome.REFUSED, outcome.RESET, STALLED]), st.integers(1, 20)
    ).map(lambda pair: [pair[0]] * pair[1]),
    max_size=14,
).map(lambda runs: [kind for run in runs for kind in run])


def seen(kinds: list[str], mine: list[int]) -> View:
    """What a prober saw that sent these requests."""
    tracker = Tracker(STALL)
    for index in mine:
        number = tracker.begin(index * SPACING)
        late = kinds[index] == STALLED
        code = outcome.STALLED_CODE if late else outcome.CODE[kinds[index]]
        tracker.end(number, code, index * SPACING + (5 * SPACING if late else 5), f"why {kinds[index]}")
    runs, current = tracker.take()
    # As the record tells it: of its answered requests, late ones among them.
    answered = [index * SPACING for index in mine if kinds[index] in (outcome.OK, STALLED)]
    edges = (answered[0], answered[-1]) if answered else (None, None)
    return View(runs + ([current] if current else []), *edges, tracker.widest or None)


def together(views: list[View], count: int) -> Met:
    return meet(views, ended(count), STALL)


def ended(count: int) -> int:
    """The last answer has come."""
    return (count + 6) * SPACING


def told(runs: list[Run], count: int) -> dict[str, Any]:
    return summary("new", runs, target="a", ended_ns=ended(count))


def split(count: int, probers: int, seed: int, longest: int) -> list[list[int]]:
    """Which requests are whose: each prober sends up to `longest` of them in a row."""
    chance, owners = random.Random(seed), []
    while len(owners) < count:
        owners += [chance.randrange(probers)] * chance.randint(1, longest)
    return [[index for index in range(count) if owners[index] == prober] for prober in range(probers)]


def goods(kinds: list[str]) -> list[int]:
    return [index * SPACING for index, kind in enumerate(kinds) if kind == outcome.OK]


@given(KINDS, st.integers(2, 8), st.integers(0, 1_000_000), st.integers(1, 12))
def test_what_is_said_together_holds_for_one_prober_with_all_requests(
    kinds: list[str], probers: int, seed: int, longest: int
) -> None:
    count = len(kinds)
    views = [seen(kinds, mine) for mine in split(count, probers, seed, longest)]
    met = together(views, count)
    alone = list(seen(kinds, list(range(count))).runs)
    for run in met.runs:
        first, last = run.first_bad, run.last_bad
        assert not any(first <= time <= last for time in goods(kinds))
        (true,) = (one for one in alone if one.first_bad <= first and last <= one.last_bad)
        assert run.shortest <= true.length <= run.longest(ended(count))
        assert run.shortest <= true.longest(ended(count)) <= run.longest(ended(count))
        assert (run.last_good, run.next_good) == (true.last_good, true.next_good)
        assert run.lost <= true.lost
        assert run.slow <= true.slow
    lost, slow = (sum(getattr(run, name) for run in met.runs) for name in ("lost", "slow"))
    assert lost + met.failures == sum(run.lost for run in alone)
    assert slow + met.slow == sum(run.slow for run in alone)
    for before, after in zip(met.runs, met.runs[1:]):
        assert before.last_bad < after.first_bad


@given(KINDS, st.integers(2, 8), st.integers(0, 1_000_000), st.integers(1, 12))
def test_bounds_hold_for_what_is_left_over(kinds: list[str], probers: int, seed: int, longest: int) -> None:
    count = len(kinds)
    views = [seen(kinds, mine) for mine in split(count, probers, seed, longest)]
    met, true = together(views, count), told(list(seen(kinds, list(range(count))).runs), count)
    ours = told(met.runs, count)
    # What leaves no trace at all is not counted by one prober either.
    assert ours["longest_between_s"][0] <= true["longest_s"] <= true["longest_between_s"][1]
    assert true["longest_between_s"][1] <= max(ours["longest_between_s"][1], met.longest / 1e9) + 1e-9
    assert ours["total_between_s"][0] <= true["total_s"]
    assert true["total_s"] <= ours["total_between_s"][1] + met.total / 1e9 + 1e-9
    stall = max(ours["longest_stall_between_s"][1], met.longest_stall / 1e9)
    assert true["longest_stall_s"] <= stall + 1e-9
    left = met.failures + met.slow
    assert ours["count"] <= true["count"] <= ours["count"] + left
    assert abs(ours["isolated_failures"] - true["isolated_failures"]) <= left
    assert abs(ours["stalls"] - true["stalls"]) <= left


@given(KINDS, st.integers(2, 8), st.integers(0, 1_000_000), st.integers(1, 12))
def test_without_a_run_that_is_cut_it_is_exactly_that(kinds: list[str], probers: int, seed: int, longest: int) -> None:
    count = len(kinds)
    views = [seen(kinds, mine) for mine in split(count, probers, seed, longest)]
    met = together(views, count)
    alone = list(seen(kinds, list(range(count))).runs)
    whole = all(
        any(one.first_bad <= run.first_bad and run.last_bad <= one.last_bad for one in alone)
        for view in views
        for run in view.runs
    )
    if whole and not met.failures and not met.slow:
        assert not any(isinstance(run, Piece) and run.cut for run in met.runs)
        assert told(met.runs, count) == told(alone, count)


def test_the_usual_outage_is_that_of_one_prober() -> None:
    kinds = [outcome.OK] * 40 + [outcome.REFUSED] * 100 + [outcome.OK] * 40
    views = [seen(kinds, list(range(prober, 180, 4))) for prober in range(4)]
    met = together(views, 180)
    assert (met.failures, met.slow, met.longest, met.total) == (0, 0, 0, 0)
    assert told(met.runs, 180) == told(list(seen(kinds, list(range(180))).runs), 180)


@given(KINDS, st.integers(2, 6), st.integers(0, 1_000_000))
def test_the_order_of_the_probers_does_not_matter(kinds: list[str], probers: int, seed: int) -> None:
    count = len(kinds)
    views = [seen(kinds, mine) for mine in split(count, probers, seed, 6)]
    one, other = together(views, count), together(views[::-1], count)
    assert [run.to_record("new", False) for run in one.runs] == [run.to_record("new", False) for run in other.runs]
    one.runs = other.runs = []
    assert one == other


def test_a_good_answer_of_one_cuts_the_outage_of_the_other() -> None:
    """The first fails from 100 ms to 190 ms, the second from 45 ms to 205 ms, but it had an answer at 145 ms."""
    first = seen([outcome.OK] * 10 + [outcome.RESET] * 10 + [outcome.OK] * 5, list(range(25)))
    half = SPACING // 2
    second = View(
        [_run(5 * half, 9 * half, 27 * half, 29 * half), _run(29 * half, 31 * half, 41 * half, 45 * half)],
        half,
        49 * half,
        SPACING,
    )
    met = together([first, second], 25)
    early, late = met.runs
    assert (early.last_good, early.first_bad, early.next_good) == (9 * SPACING, 10 * SPACING, 29 * half)
    assert (late.last_good, late.last_bad, late.next_good) == (29 * half, 19 * SPACING, 20 * SPACING)


def _run(last_good: int, first_bad: int, last_bad: int, next_good: int) -> Run:
    run = Run(last_good, first_bad, outcome.RESET, "why")
    run.add(outcome.RESET, first_bad, first_bad, False)
    run.add(outcome.RESET, last_bad, last_bad, False)
    run.close(next_good)
    return run


def test_who_was_not_there_has_no_say() -> None:
    kinds = [outcome.OK] * 20 + [outcome.RESET] * 20 + [outcome.OK] * 20
    early, whole = seen(kinds, list(range(0, 30, 2))), seen(kinds, list(range(60)))
    late = seen(kinds, list(range(31, 60, 2)))
    met = together([early, late, whole], 60)
    assert [(run.lost, run.shortest) for run in met.runs] == [(30, 19 * SPACING)]
    assert met.failures == 0


def test_what_only_one_of_two_sees_is_no_outage_and_is_told() -> None:
    kinds = [outcome.OK] * 20 + [outcome.RESET] * 20 + [outcome.OK] * 20
    met = together([seen(kinds, list(range(60))), seen([outcome.OK] * 60, list(range(60)))], 60)
    assert (met.runs, met.failures) == ([], 20)
    assert (met.longest, met.total) == (SPACING, 21 * SPACING)
