# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Before and after: a difference is claimed only where the blocks bear it."""

from __future__ import annotations

from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.report.cause.proof import blocks, proof


def run(length_s: int, failing: dict[int, int], start_s: int = 0) -> list[dict[str, Any]]:
    """100 requests a second; failing: second -> failed requests."""
    rows = [
        {"i": second * 10, "outcomes": {"ok": 100 - failing.get(second, 0), "refused": failing.get(second, 0)}}
        for second in range(length_s)
    ]
    return [{"started_unix_ns": start_s * 10**9, "timeline": {"bucket_ms": 100, "rows": rows}}]


def test_a_clear_cure_is_better() -> None:
    found = proof(run(120, dict.fromkeys(range(3, 120, 5), 20)), run(120, {}))
    assert found["verdict"] == "better"
    assert found["before"] == {"failed": 480, "due": 12000, "share": 0.04, "blocks": 24}
    assert found["low"] <= found["difference"] == -0.04 <= found["high"] < 0


def test_the_reverse_is_worse() -> None:
    found = proof(run(120, {}), run(120, dict.fromkeys(range(3, 120, 5), 20)))
    assert found["verdict"] == "worse"
    assert 0 < found["low"] <= found["difference"] <= found["high"]
    assert found["p_value"] < 0.01


def test_one_cluster_of_failures_that_does_not_come_again_is_no_evidence() -> None:
    assert proof(run(120, {50: 90}), run(120, {}))["verdict"] == "no evidence"


def test_three_rollouts_with_failures_against_three_without_are_evidence() -> None:
    """As measured on the lab's cluster: 110 of 3000 requests lost in seven of twelve blocks, then none."""
    failing = {5: 20, 6: 10, 11: 15, 16: 5, 17: 20, 23: 10, 31: 10, 36: 10, 41: 10}
    assert proof(run(60, failing), run(60, {}))["verdict"] == "better"


def test_twice_the_same_is_no_evidence() -> None:
    same = run(120, dict.fromkeys(range(3, 120, 7), 10))
    found = proof(same, same)
    assert found["verdict"] == "no evidence"
    assert found["low"] < 0 < found["high"]
    assert found == proof(same, same), "the same records give the same interval"


def test_too_short_a_run_is_no_evidence_and_says_so() -> None:
    found = proof(run(10, {1: 50}), run(120, {}))
    assert (found["verdict"], found["difference"]) == ("no evidence", None)
    assert "2 blocks of 5 s are too few" in found["reason"]


def test_unsent_requests_are_no_failures_of_the_service() -> None:
    (probe,) = run(5, {})
    probe["timeline"]["rows"][0]["outcomes"] = {"ok": 1, "not_sent": 9}
    assert blocks([probe]) == [(0, 401)]


def test_runs_one_after_the_other_add_blocks_and_probes_side_by_side_do_not() -> None:
    assert blocks(run(10, {1: 7}) + run(10, {6: 2}, start_s=60)) == [(7, 500), (0, 500), (0, 500), (2, 500)]
    assert blocks(run(10, {1: 7}) + run(10, {2: 3})) == [(10, 1000), (0, 1000)]
    repeated = [probe for at in (0, 100, 200) for probe in run(20, {5: 40}, start_s=at)]
    calm = [probe for at in (50, 150, 250) for probe in run(20, {}, start_s=at)]
    assert proof(repeated[:1], calm[:1])["reason"] == "4 blocks of 5 s are too few: at least 6 are needed"
    assert proof(repeated, calm)["before"]["blocks"] == 12
