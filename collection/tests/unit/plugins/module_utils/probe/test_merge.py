# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""However a plan is split over workers, and in whatever order they tell of it, the outages are the same."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.probe import outcome
from ansible_collections.availability.lab.plugins.module_utils.probe.merge import Track
from ansible_collections.availability.lab.plugins.module_utils.probe.outages import summary
from ansible_collections.availability.lab.plugins.module_utils.probe.track import Tracker
from hypothesis import example, given
from hypothesis import strategies as st

SPACING = 10_000_000
STALLED = "stalled"
KINDS = st.lists(
    st.tuples(
        st.sampled_from([outcome.OK, outcome.OK, outcome.REFUSED, outcome.RESET, outcome.NOT_SENT, STALLED]),
        st.integers(1, 12),
    ).map(lambda pair: [pair[0]] * pair[1]),
    max_size=20,
).map(lambda runs: [kind for run in runs for kind in run])


def measured(kinds: list[str], owners: list[int], workers: int, seed: int) -> dict[str, Any]:
    """The outages as told when request n was worker owners[n]'s; they end, and deltas come, in a random order."""
    chance = random.Random(seed)
    trackers = [Tracker(SPACING * 3, workers == 1) for _unused in range(workers)]
    track = Track()
    open_requests: list[tuple[int, int, int]] = []

    def tell(worker: int, now: int) -> None:
        told = json.loads(json.dumps(trackers[worker].told(now)))  # as on the wire
        track.add(worker, workers, told, SPACING * 3)
        killed_now(track, workers)

    def end(position: int) -> None:
        worker, number, index = open_requests.pop(position)
        kind = kinds[index]
        code = outcome.STALLED_CODE if kind == STALLED else outcome.CODE[kind]
        trackers[worker].end(number, code, index * SPACING + (5 * SPACING if kind == STALLED else 5), f"why {kind}")

    for index, worker in enumerate(owners):
        open_requests.append((worker, trackers[worker].begin(index * SPACING), index))
        while open_requests and chance.random() < 0.6:
            end(chance.randrange(len(open_requests)))
        if chance.random() < 0.2:
            tell(chance.randrange(workers), index * SPACING + 1)
    while open_requests:
        end(chance.randrange(len(open_requests)))
    for worker in range(workers):
        tell(worker, len(kinds) * SPACING)
    for worker in range(workers):
        track.gone(worker)
    return summary("new", track.runs, ended_ns=len(kinds) * SPACING)


def killed_now(track: Track, workers: int) -> None:
    """What a progress file says of the track is what would be known if nothing more came."""
    told = [run.to_list() for run in track.ended + track.unsettled()]
    over = copy.deepcopy(track)
    for worker in range(workers):
        over.gone(worker)
    assert told == [run.to_list() for run in over.runs]


@given(KINDS, st.integers(1, 8), st.integers(0, 1_000_000))
@example([outcome.OK] * 3 + [outcome.REFUSED] + [outcome.OK] * 12, 2, 1)
def test_any_split_gives_the_same_outages(kinds: list[str], workers: int, seed: int) -> None:
    chance = random.Random(seed)
    alone = measured(kinds, [0] * len(kinds), 1, seed)
    in_turn = [index % workers for index in range(len(kinds))]
    anyhow = [chance.randrange(workers) for _unused in kinds]
    assert measured(kinds, in_turn, workers, seed + 1) == alone
    assert measured(kinds, anyhow, workers, seed + 2) == alone


def test_a_server_that_fails_every_second_request_is_not_out() -> None:
    kinds = [outcome.OK, outcome.RESET] * 50
    told = measured(kinds, [index % 2 for index in range(100)], 2, 1)
    assert (told["count"], told["isolated_failures"], told["longest_s"]) == (0, 50, 0.0)


def test_a_lost_worker_does_not_hold_up_the_others() -> None:
    track = Track()
    first, lost = Tracker(whole=False), Tracker(whole=False)
    lost.begin(0)  # its answer is never told
    track.add(1, 2, lost.told(1), 1 << 62)
    for number, kind in enumerate([outcome.OK, outcome.RESET, outcome.RESET, outcome.OK]):
        first.end(first.begin(number * SPACING), outcome.CODE[kind], number * SPACING, "why")
    track.add(0, 2, first.told(4 * SPACING), 1 << 62)
    assert track.runs == []
    track.gone(1)
    assert [(run.first_bad, run.next_good, run.lost) for run in track.runs] == [(SPACING, 3 * SPACING, 2)]


def test_a_good_answer_that_a_lost_worker_told_of_still_ends_the_outage() -> None:
    """Its request 3 is in flight for ever, request 4 was good: the other worker's next good one is later."""
    kinds = [outcome.OK, outcome.RESET, outcome.RESET, outcome.OK, outcome.OK, outcome.OK, outcome.OK]
    track, trackers = Track(), [Tracker(whole=False), Tracker(whole=False)]
    for index, kind in enumerate(kinds):
        owner = trackers[index in (3, 4)]
        number = owner.begin(index * SPACING)
        if index != 3:
            owner.end(number, outcome.CODE[kind], index * SPACING, "why")
    for worker, tracker in enumerate(trackers):
        track.add(worker, 2, tracker.told(7 * SPACING), 1 << 62)
    killed_now(track, 2)
    for worker in range(2):
        track.gone(worker)
    assert [(run.first_bad, run.next_good, run.lost) for run in track.runs] == [(SPACING, 4 * SPACING, 2)]


def test_an_outage_that_goes_on_is_known_to_be_over_by_a_later_good_request_of_another_worker() -> None:
    track = Track()
    first, second = Tracker(whole=False), Tracker(whole=False)
    for number in (0, 2, 4):
        first.end(first.begin(number), outcome.CODE[outcome.OK if not number else outcome.RESET], number, "why")
    first.begin(6)  # in flight
    for number in (1, 3, 5, 7):
        second.end(second.begin(number), outcome.CODE[outcome.OK if number in (1, 7) else outcome.RESET], number, "why")
    track.add(0, 2, first.told(8), 1 << 62)
    track.add(1, 2, second.told(8), 1 << 62)
    (current,) = track.open
    assert (current.first_bad, current.lost, current.next_good) == (2, 4, 7)
