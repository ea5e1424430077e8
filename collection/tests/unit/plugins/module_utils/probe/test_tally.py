# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Deltas add up exactly, whatever is in them, and survive JSON."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.probe import outcome
from ansible_collections.availability.lab.plugins.module_utils.probe.identities import (
    COMBINATION_LIMIT,
    IDENTITY_LIMIT,
    OTHER,
    Identities,
)
from ansible_collections.availability.lab.plugins.module_utils.probe.tally import Tally
from hypothesis import given
from hypothesis import strategies as st

EVENT = st.tuples(
    st.sampled_from(["new", "reuse"]),
    st.integers(0, 1),
    st.sampled_from([("blue",), ("green",), ("",)]),
    st.sampled_from(outcome.OUTCOMES),
    st.integers(0, 10**10),
    st.integers(0, 10**9),
)
EVENTS = st.lists(EVENT, max_size=60)


def tallied(events: list[Any]) -> Tally:
    tally = Tally()
    for lane, target, who, name, start, latency in events:
        key = (lane, target, who)
        figures = tally.cell(key)
        figures.outcome(name, start, f"at {start}")
        tally.due[(lane, target)] = tally.due.get((lane, target), 0) + 1
        if name == outcome.OK:
            figures.latency.add(latency)
            tally.completed(key, start, latency)
        else:
            tally.row(start, key, name)
    return tally


def everything(tally: Tally) -> Any:
    delta = tally.to_delta()
    for name in ("cells", "due", "rows"):
        delta[name] = sorted(delta[name], key=lambda entry: entry[:3])
    for row in delta["rows"]:
        row[1].sort()
    # Of two examples with the same first time either may be kept.
    for cell in delta["cells"]:
        cell[3][0] = {name: entry[:3] for name, entry in sorted(cell[3][0].items())}
    return json.loads(json.dumps(delta))


@given(EVENTS, EVENTS)
def test_merging_is_counting_all(left: list[Any], right: list[Any]) -> None:
    merged = tallied(left)
    merged.merge(tallied(right))
    assert everything(merged) == everything(tallied(left + right))


@given(EVENTS)
def test_a_delta_is_read_back_from_json(events: list[Any]) -> None:
    tally = tallied(events)
    again = Tally.from_delta(json.loads(json.dumps(tally.to_delta())), {})
    assert everything(again) == everything(tally)


@given(EVENTS)
def test_every_event_has_one_class(events: list[Any]) -> None:
    total = tallied(events).total(lambda key: True)
    assert total.completed + total.failed + total.not_sent == len(events)


def test_the_number_of_identities_is_bounded() -> None:
    identities = Identities(1)
    allowed = [identities.allowed((f"pod-{n}",)) for n in range(IDENTITY_LIMIT + 10)]
    assert allowed[IDENTITY_LIMIT - 1] == (f"pod-{IDENTITY_LIMIT - 1}",)
    assert set(allowed[IDENTITY_LIMIT:]) == {(OTHER,)}
    assert identities.allowed(("pod-3",)) == ("pod-3",)


def test_a_name_without_bounds_does_not_hide_another() -> None:
    identities = Identities(2)
    allowed = [identities.allowed(("blue" if n < 700 else "green", f"id-{n}")) for n in range(1400)]
    assert allowed[699] == ("blue", OTHER)
    assert allowed[1399] == ("green", OTHER)
    both = Identities(2)
    seen = {both.allowed((f"a-{n // 100}", f"b-{n % 100}")) for n in range(10_000)}
    assert len(seen) == COMBINATION_LIMIT + 1


def test_the_first_example_is_kept() -> None:
    tally = Tally()
    figures = tally.cell(("new", 0, ()))
    figures.outcome(outcome.RESET, 20, "second")
    figures.outcome(outcome.RESET, 10, "first")
    figures.outcome(outcome.RESET, 30, "third")
    assert figures.outcomes[outcome.RESET] == [3, 10, 30, "first"]
