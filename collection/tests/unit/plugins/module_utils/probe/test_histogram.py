# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The histogram: 0.1 %, exact sums, exact merge, and HdrHistogram's own reader agrees."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.hdr import encode, write_log
from ansible_collections.availability.lab.plugins.module_utils.probe.histogram import (
    Histogram,
    bounds_of,
    index_of,
    middle_of,
)
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from hdrh.log import HistogramLogReader  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

DURATION = st.integers(min_value=0, max_value=1 << 42)
DURATIONS = st.lists(DURATION, max_size=200)


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(DURATION)
def test_a_value_lies_in_its_bucket_and_is_known_to_a_thousandth(value: int) -> None:
    low, width = bounds_of(index_of(value))
    assert low <= value < low + width
    assert abs(middle_of(index_of(value)) - value) <= max(1, value * 0.001)


@given(DURATION)
def test_buckets_follow_each_other_without_a_gap(value: int) -> None:
    low, width = bounds_of(index_of(value))
    assert index_of(low + width) == index_of(value) + 1


@given(DURATIONS)
def test_adding_many_is_adding_each(values: list[int]) -> None:
    histogram = Histogram()
    if values:
        histogram.add_many(values)
    assert histogram.to_record() == filled(values).to_record()


@given(DURATIONS, DURATIONS)
def test_merging_is_adding_all(left: list[int], right: list[int]) -> None:
    merged = filled(left)
    merged.merge(filled(right))
    assert merged.to_record() == filled(left + right).to_record()


@given(st.lists(DURATION, min_size=1, max_size=200), st.sampled_from([50.0, 90.0, 99.0, 99.9, 100.0]))
def test_percentiles_are_those_of_the_sorted_values(values: list[int], percent: float) -> None:
    exact = sorted(values)[max(1, math.ceil(len(values) * percent / 100 - 1e-9)) - 1]
    found = filled(values).percentile(percent)
    assert found is not None
    assert abs(found - exact) <= max(1, exact * 0.001)


@given(DURATIONS)
def test_the_record_is_read_back(values: list[int]) -> None:
    record = filled(values).to_record()
    assert Histogram.from_record(record).to_record() == record


def test_a_record_that_does_not_add_up_is_refused() -> None:
    record = {**filled([1, 2, 3]).to_record(), "count": 4}
    with pytest.raises(ValueError, match="do not add up"):
        Histogram.from_record(record)


def test_an_empty_histogram_knows_nothing() -> None:
    record = Histogram().to_record()
    assert record["count"] == 0
    assert record["p99_ms"] is None
    assert record["min_ns"] is None


def test_a_negative_duration_counts_as_nothing() -> None:
    assert filled([-5]).to_record()["max_ns"] == 0


@given(st.lists(st.integers(min_value=1, max_value=1 << 40), min_size=1, max_size=100))
def test_hdrhistogram_reads_the_same_counts(values: list[int]) -> None:
    histogram = filled(values)
    read = HdrHistogram.decode(encode(histogram))
    assert read.get_total_count() == len(values)
    for value in values:
        assert read.get_count_at_value(value) == histogram.counts[index_of(value)]
    assert read.get_max_value() == pytest.approx(max(values), rel=0.001)


def test_hdrhistogram_reads_the_log(tmp_path: Path) -> None:
    histogram = filled([1_000_000 * n for n in range(1, 1001)])
    path = tmp_path / "latency.hlog"
    write_log(str(path), histogram, 1_795_244_400_000_000_000, 60.0)
    reference = HdrHistogram(1, 1 << 41, 3)
    found = HistogramLogReader(str(path), reference).get_next_interval_histogram()
    assert found.get_total_count() == 1000
    assert found.get_value_at_percentile(99.0) == pytest.approx(990_000_000, rel=0.001)
