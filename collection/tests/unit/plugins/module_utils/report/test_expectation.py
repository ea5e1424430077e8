# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.expectation import ExpectationError, check, parse
from ansible_collections.availability.lab.plugins.module_utils.report.figures.quantities import duration, percent

VARIANTS = {"probes": ["before", "during"], "no-probes": ["during"]}
GOOD = {"availability": 100.0, "failed": 0, "p99": 0.012, "versions": 2, "longest_outage": 0.0}
POOR = {"availability": 99.9, "failed": 22, "p99": 0.250, "versions": 2, "longest_outage": 1.4}
VALUES = {
    "probes": {"all": GOOD, "before": {**GOOD, "versions": 1}, "during": GOOD},
    "no-probes": {"all": POOR, "during": POOR},
}


def outcome(text):
    return [(row["variant"], row["ok"]) for row in check(parse(text, VARIANTS), VALUES)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("versions >= 2", [("probes", True), ("no-probes", True)]),
        ("availability == 100", [("probes", True), ("no-probes", False)]),
        ("availability == 100%", [("probes", True), ("no-probes", False)]),
        ("no-probes: failed > 0", [("no-probes", True)]),
        ("no-probes.failed > 0", [("no-probes", True)]),
        ("probes.before: versions == 1", [("probes", True)]),
        ("probes.before.versions != 1", [("probes", False)]),
        ("p99 < 50ms", [("probes", True), ("no-probes", False)]),
        ("longest_outage <= 1.4s", [("probes", True), ("no-probes", True)]),
        ("no-probes.p99 > 10 * probes.p99", [("no-probes", True)]),
        ("0 == probes.failed", [("probes", True)]),
        ("longest_outage == 0", [("probes", True), ("no-probes", False)]),
    ],
)
def test_an_expectation_is_checked_for_each_variant_it_speaks_of(text, expected):
    assert outcome(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("availabilty == 100", "no figure 'availabilty'; there are attempts"),
        ("p99 < 50", "expected a unit (us, ms, s, m) on the time 50"),
        ("p99 < 50%", "compares a time with a percent"),
        ("probes: p99 < failed", "compares a time with a count"),
        ("green: failed > 0", "no variant 'green'; there are probes, no-probes"),
        ("before: failed > 0", "no variant 'before'"),
        ("no-probes.before.failed > 0", "variant 'no-probes' has no phase 'before'; there are during"),
        ("failed", "expected <figure>"),
        ("1 < 2", "expected a figure on at least one side"),
        ("failed > many things", "'many things' is neither a number nor a figure"),
        ("", "expected <figure>"),
    ],
)
def test_what_cannot_be_read_says_why(text, problem):
    with pytest.raises(ExpectationError) as error:
        parse(text, VARIANTS)
    assert problem in str(error.value)
    assert repr(text) in str(error.value)


def test_no_data_satisfies_nothing():
    values = {"probes": {"all": {"p99": None, "availability": None}}}
    for text in ("p99 < 1s", "p99 > 0", "availability != 100"):
        row = check(parse(text, {"probes": ["during"]}), values)[0]
        assert not row["ok"]
        assert row["found"] == "no data"


def test_a_contrast_that_did_not_appear_shows_both_numbers():
    row = check(parse("probes.failed > no-probes.failed", VARIANTS), VALUES)[0]
    assert (row["ok"], row["found"]) == (False, "0 against 22")


@pytest.mark.parametrize(
    ("value", "text"),
    [(100.0, "100.00 %"), (99.375, "99.38 %"), (99.9996, "99.9996 %"), (99.99999999, "< 100 %"), (0.0, "0.00 %")],
)
def test_a_share_never_rounds_a_failure_away(value, text):
    assert percent(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00085, "850 µs"), (0.01243, "12.4 ms"), (0.6, "600 ms"), (2.014, "2.01 s"), (600, "10 min"), (0, "0 s")],
)
def test_a_time_has_three_digits_that_matter(seconds, text):
    assert duration(seconds) == text
