# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Due times: the right number at the right moments, whatever the stages."""

from __future__ import annotations

import math

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.schedule import (
    Stage,
    active_users,
    due_times,
    planned_requests,
    widest_gap_s,
)
from hypothesis import given
from hypothesis import strategies as st

RATE = st.floats(min_value=0.0, max_value=500.0)
STAGES = st.lists(st.builds(Stage, st.floats(0.1, 5.0), RATE, RATE), min_size=1, max_size=4)


@given(st.floats(0.5, 2000.0), st.floats(0.1, 3.0))
def test_a_constant_rate_is_evenly_spaced_from_the_start(rate: float, length_s: float) -> None:
    times = list(due_times([Stage(length_s, rate, rate)]))
    assert len(times) == math.ceil(rate * length_s - 1e-9)
    assert all(abs(time - n * 1e9 / rate) <= 1 for n, time in enumerate(times))


@given(STAGES, st.sampled_from(["constant", "poisson"]))
def test_times_rise_and_stay_inside(stages: list[Stage], arrivals: str) -> None:
    times = list(due_times(stages, arrivals))
    assert times == sorted(times)
    assert all(0 <= time <= sum(stage.duration_s for stage in stages) * 1e9 + 1 for time in times)


@given(STAGES)
def test_the_plan_counts_what_the_schedule_makes(stages: list[Stage]) -> None:
    assert len(list(due_times(stages))) == planned_requests(stages)


@given(STAGES, st.integers(1, 50))
def test_a_limit_cuts_the_same_schedule(stages: list[Stage], limit: int) -> None:
    assert list(due_times(stages, limit=limit)) == list(due_times(stages))[:limit]


@given(st.floats(1.0, 100.0), st.floats(1.0, 100.0))
def test_in_a_ramp_request_n_is_due_when_the_integral_reaches_n(start: float, end: float) -> None:
    stage = Stage(4.0, start, end)
    for number, time in enumerate(due_times([stage])):
        assert stage.integral(time / 1e9) == pytest.approx(number, abs=1e-4)


def test_poisson_has_the_rate_and_the_spread() -> None:
    times = list(due_times([Stage(100.0, 100.0, 100.0)], "poisson", seed=3))
    gaps = [b - a for a, b in zip(times, times[1:])]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert mean == pytest.approx(1e7, rel=0.05)
    assert deviation / mean == pytest.approx(1.0, abs=0.05)  # exponential gaps
    assert times == list(due_times([Stage(100.0, 100.0, 100.0)], "poisson", seed=3))


def test_a_ramp_from_nothing_begins_at_once() -> None:
    assert next(due_times([Stage(1.0, 0, 10)])) == 0


def test_users_follow_the_stages() -> None:
    stages = [Stage(10.0, 0, 100), Stage(5.0, 100, 100), Stage(10.0, 100, 0)]
    assert [active_users(stages, t) for t in (0.0, 5.0, 10.0, 14.9, 20.0, 24.99, 25.0)] == [0, 50, 100, 100, 50, 0, 0]


@given(STAGES, st.one_of(st.none(), st.integers(1, 50)))
def test_the_widest_gap_is_that_of_the_schedule(stages: list[Stage], limit: int | None) -> None:
    times = [time / 1e9 for time in due_times(stages, limit=limit)]
    gaps = [b - a for a, b in zip(times, times[1:])]
    if times and len(times) == planned_requests(stages):
        gaps.append(sum(stage.duration_s for stage in stages) - times[-1])
    assert widest_gap_s(stages, limit) == pytest.approx(max(gaps, default=0.0), abs=1e-6)


def test_the_widest_gap_of_a_ramp_from_nothing_and_of_a_pause() -> None:
    assert widest_gap_s([Stage(10.0, 0.0, 10.0)]) == pytest.approx(math.sqrt(2.0))
    pause = [Stage(5.0, 10.0, 10.0), Stage(20.0, 0.0, 0.0), Stage(5.0, 10.0, 10.0)]
    assert widest_gap_s(pause) == pytest.approx(20.1)


@given(st.integers(1, 200), st.integers(0, 20))
def test_random_arrivals_are_as_many_as_asked_for(count: int, seed: int) -> None:
    stages = [Stage(count / 100.0, 100.0, 100.0)]
    times = list(due_times(stages, "poisson", count, seed, endless=True))
    assert len(times) == count
    assert times == sorted(times)
