# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Lost requests by what lost them: the counts add up."""

from __future__ import annotations

from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.report.render.lost import lost_by_cause


def variant(name: str, ok: int, outcomes: dict[str, int], explained: list[dict[str, Any]]) -> dict[str, Any]:
    figures = {
        "attempts": 100,
        "ok": ok,
        "outcomes": [{"name": "ok", "count": ok}, *({"name": one, "count": n} for one, n in outcomes.items())],
    }
    return {"name": name, "figures": figures, "phases": [{"explained": explained}]}


def cause(title: str, lost: int) -> dict[str, Any]:
    return {"id": title.replace(" ", "_"), "title": title, "requests_lost": lost, "failures": 1}


def test_causes_of_all_probes_add_and_the_rest_is_not_explained() -> None:
    explained = [{"causes": [cause("out of memory", 2), cause("pod killed", 5)]}, {"causes": [cause("pod killed", 1)]}]
    found = lost_by_cause([variant("bare", 90, {"refused": 9, "not_sent": 1}, explained)])
    assert list(found["bare"].items()) == [("pod killed", 6), ("out of memory", 2), ("not explained", 2)]


def test_without_a_cluster_record_the_outcomes_are_told() -> None:
    found = lost_by_cause([variant("bare", 90, {"refused": 9, "not_sent": 1}, [])])
    assert found == {"bare": {"refused": 9, "not_sent": 1}}


def test_nothing_lost_is_nothing_told() -> None:
    assert lost_by_cause([variant("good", 100, {}, [{"causes": []}])]) == {"good": {}}
