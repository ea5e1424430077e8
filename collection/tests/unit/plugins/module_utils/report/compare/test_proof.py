# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Before and after: a difference is claimed only where the runs bear it, and a run is one observation."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.report.compare.proof import pairs_needed, proof, seen


def run(failing: dict[int, int], length_s: int = 120) -> dict[str, Any]:
    """100 requests a second; failing: second -> failed requests."""
    rows = [
        {"i": second, "outcomes": {"ok": 100 - failing.get(second, 0), "refused": failing.get(second, 0)}}
        for second in range(length_s)
    ]
    return {"started_unix_ns": 0, "timeline": {"bucket_ms": 1000, "rows": rows}}


def outage(length_s: int) -> dict[str, Any]:
    return run(dict.fromkeys(range(30, 30 + length_s), 100))


CALM = outage(0)


def test_four_pairs_that_all_show_it_are_evidence() -> None:
    found = proof([outage(length) for length in (3, 4, 5, 6)], [CALM] * 4)
    assert found["verdict"] == "better"
    assert found["before"] == {
        "failed": 1800, "due": 48000, "share": pytest.approx(0.0375), "without_service_s": 4.5, "runs": 4,
    }  # fmt: skip
    assert found["after"] == {"failed": 0, "due": 48000, "share": 0, "without_service_s": 0, "runs": 4}
    assert found["difference"] == pytest.approx(-0.0375)
    assert found["p_value"] == pytest.approx(2 / math.comb(8, 4))
    assert (found["pairs_needed"], found["reason"]) == (4, "")


def test_the_reverse_is_worse() -> None:
    found = proof([CALM] * 4, [outage(length) for length in (3, 4, 5, 6)])
    assert (found["verdict"], found["p_value"]) == ("worse", pytest.approx(2 / 70))


@pytest.mark.parametrize("length_s", [3, 10, 25, 40])
def test_one_outage_is_no_evidence_however_long(length_s: int) -> None:
    found = proof([outage(length_s)], [CALM])
    assert (found["verdict"], found["p_value"]) == ("no evidence", 1.0)
    assert found["before"]["without_service_s"] == length_s, "what was seen is shown all the same"
    assert found["difference"] == pytest.approx(-length_s / 120)
    assert found["pairs_needed"] == 4
    assert found["reason"] == (
        "1 run without the change and 1 with it cannot tell a change from chance: at least 4 pairs are needed, "
        "and they do only if every run shows the same"
    )


def test_three_pairs_never_suffice_and_the_pairs_for_the_effect_are_told() -> None:
    found = proof([outage(length) for length in (2, 10, 30)], [outage(length) for length in (0, 1, 2)])
    assert found["verdict"] == "no evidence"
    assert f"at least 4 pairs are needed; about {found['pairs_needed']} pairs" in found["reason"]
    assert found["pairs_needed"] == 10, "15.7 * 104.5 s² of variance / (13 s)²"


def test_the_pairs_for_an_effect_are_sixteen_s_squared_over_d_squared() -> None:
    assert pairs_needed([0, 2], [1, 3]) == math.ceil(15.698 * 2)
    assert pairs_needed([0, 2], [10, 12]) == 4
    assert pairs_needed([1, 2], [2, 1]) is None


def test_twice_the_same_is_no_evidence() -> None:
    same = [outage(length) for length in range(6)]
    found = proof(same, same)
    assert (found["verdict"], found["difference"], found["p_value"]) == ("no evidence", 0, 1.0)
    assert found["reason"] == (
        "6 runs without the change and 6 with it do not tell the difference from chance; no difference was seen"
    )


def test_a_run_without_a_request_is_no_run() -> None:
    found = proof([run({}, 0)], [CALM])
    assert (found["verdict"], found["difference"], found["before"]["share"]) == ("no evidence", None, None)
    assert found["reason"] == "no run without the change had a request"


def test_unsent_requests_are_no_failures_of_the_service() -> None:
    probe = run({}, 5)
    probe["timeline"]["rows"][0]["outcomes"] = {"ok": 1, "not_sent": 9}
    probe["timeline"]["rows"][1]["outcomes"] = {"not_sent": 10}
    found = seen(probe)
    assert (found.failed, found.due, found.without_service_s) == (0, 301, 0)


def test_probes_side_by_side_are_one_run() -> None:
    found = seen([outage(3), outage(5)])
    assert (found.failed, found.due, found.without_service_s) == (800, 24000, 5)


def random_run(chance: random.Random) -> dict[str, Any]:
    """As the lab's: one outage of a random length, in every other run."""
    return outage(round(chance.expovariate(1 / 15))) if chance.random() < 0.5 else CALM


@pytest.mark.parametrize("pairs", [1, 3, 4, 5, 6])
def test_at_equal_law_one_verdict_in_twenty_is_false_at_most(pairs: int) -> None:
    chance, rounds = random.Random(pairs), 250
    pool = [random_run(chance) for _unused in range(200)]
    false = sum(
        proof(chance.choices(pool, k=pairs), chance.choices(pool, k=pairs))["verdict"] != "no evidence"
        for _unused in range(rounds)
    )
    assert false <= rounds * 0.05 + 2.6 * math.sqrt(rounds * 0.05 * 0.95)
    assert false or pairs < 4, "a test that never speaks would pass, too"


def test_a_change_that_takes_most_of_it_away_is_found() -> None:
    chance = random.Random(2)
    verdicts = [
        proof(
            [outage(5 + round(chance.expovariate(1 / 15))) for _unused in range(5)],
            [outage(round(chance.expovariate(1))) for _unused in range(5)],
        )["verdict"]
        for _unused in range(50)
    ]
    assert verdicts.count("better") >= 45
