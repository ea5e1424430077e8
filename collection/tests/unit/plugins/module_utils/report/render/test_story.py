# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The one sentence that a report begins with: right in what it says, honest in what it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.availability.lab.plugins.module_utils.probe.outcome import OUTCOMES
from ansible_collections.availability.lab.plugins.module_utils.report import expectation
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.render import markdown, text, words
from ansible_collections.availability.lab.plugins.module_utils.report.render.story import story
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)

Json = dict[str, Any]
LOSS = [(31, 31.5, "refused"), (40, 40.3, "reset")]  # 10 and 6 of 1,200 requests
READINESS = {"readinessProbe": {"httpGet": {"path": "/"}}}
MARK = {"at_unix_ns": START_NS + 30 * 10**9, "source": "scenario", "name": "deploy v2"}


def cause(name: str, lost: int, confidence: str = "high", **settings: Any) -> Json:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "web", **settings}]}}}} if settings else {}
    change = {"text": f"change what {name} needs", "target": "Deployment/web" if settings else "", "patch": patch}
    sums = {"high": 0, "medium": 0, "low": 0} | {confidence: lost}
    return {"id": name, "title": name.replace("_", " "), "failures": 1, "requests_lost": lost, "confidence": sums,
            "subjects": [], "change": change}  # fmt: skip


def run(variant: str = "bare", causes: Sequence[Json] | None = None, cure_of: str = "", **options: Any) -> Run:
    explained = None
    if causes is not None:
        explained = {"service": "web", "cluster_record": "c.jsonl", "failed_requests": 0, "unknown_requests": 0,
                     "explained_share": None, "causes": list(causes), "failures": [], "race": {"pods": []},
                     "notes": []}  # fmt: skip
    return Run(variant, "during", "p.json", probe_record(**options), explained, cure_of=cure_of)


def result(*runs: Run, expected: Sequence[str] = (), marks: Sequence[Json] = (), failures: Sequence[str] = ()) -> Json:
    parsed = [expectation.parse(line, {one.variant: ["during"] for one in runs}) for line in expected]
    return build("rolling", "Rolling update", runs, parsed, {one.variant: marks for one in runs}, failures=failures)


HEAD = "Of 1,200 requests 16 were lost, in 2 outages of at most 500 ms, beginning 31 s into the run"


def test_what_when_why_and_what_to_change() -> None:
    told = story(result(run(causes=[cause("added_before_listening", 16, **READINESS)], bad=LOSS), marks=[MARK]))
    assert told.sentence == (
        f"{HEAD}, 1 s after “deploy v2”: pods were sent requests before they listened. "
        "In Deployment/web: change what added_before_listening needs."
    )
    assert told.target == "Deployment/web"
    assert told.patch["spec"]["template"]["spec"]["containers"] == [{"name": "web", **READINESS}]


def test_nothing_lost() -> None:
    told = story(result(run(), expected=["availability == 100"], marks=[MARK, {**MARK, "name": "deploy v3"}]))
    assert told.sentence == "None of the 1,200 requests was lost, through “deploy v2” and 1 more step."
    assert (told.verdict, told.tone, told.change) == ("as expected: 100.00 %, nothing lost", "good", "")


def test_no_data() -> None:
    told = story(result(run(duration_s=0)))
    assert told.sentence == "No request was due, so nothing can be told."
    assert told.tone == "unsure"
    assert told.verdict.startswith("inconclusive: bare: during: no request was due")


def test_no_rule_explains_the_loss() -> None:
    told = story(result(run(causes=[cause("unknown", 16, "low")], bad=LOSS)))
    assert told.sentence == f"{HEAD}; no rule explains why."


def test_without_a_cluster_record_the_sentence_says_what_the_client_saw() -> None:
    told = story(result(run(bad=LOSS)))
    assert told.sentence == (
        f"{HEAD} (connection refused, connection reset); why is not known, since the cluster was not recorded."
    )


@pytest.mark.parametrize(("level", "word"), [("high", ""), ("medium", "probably "), ("low", "perhaps ")])
def test_a_cause_is_as_sure_as_its_evidence(level: str, word: str) -> None:
    told = story(result(run(causes=[cause("oom_killed", 16, level)], bad=LOSS)))
    assert f": {word}a container ran out of memory" in told.sentence


def test_several_causes_each_with_its_cost() -> None:
    causes = [cause("added_before_listening", 10, **READINESS), cause("stale_connection", 4, "medium")]
    told = story(result(run(causes=causes, bad=LOSS)))
    assert told.sentence == (
        f"{HEAD}: 10 because pods were sent requests before they listened, 4 because probably open connections led "
        "to pods that were gone, 2 that no rule explains. "
        "In Deployment/web: change what added_before_listening needs."
    )


def test_the_worst_variant_is_named_and_how_the_others_did() -> None:
    told = story(result(run("good"), run("bad", bad=LOSS), run("fair", bad=LOSS[1:])))
    assert told.variant == "bad"
    assert told.sentence.startswith("Of 1,200 requests 16 were lost in variant bad, in 2 outages")
    assert told.others == "good lost none of 1,200; fair lost 6 of 1,200."


def test_many_variants_are_summed_up() -> None:
    told = story(result(run("bad", bad=LOSS), run("fair", bad=LOSS[1:]), *(run(f"good-{i}") for i in range(4))))
    assert told.others == "Of the other 5 variants 4 lost nothing, 1 lost up to 0.50 %."


@pytest.mark.parametrize(
    ("expected", "verdict", "tone"),
    [
        (["failed > 0"], "as expected: 98.67 %, loss expected", "plain"),
        (["p99 < 10s"], "98.67 %: what was expected holds, but did not foretell this loss", "plain"),
        ([], "98.67 %; nothing was expected of this run", "plain"),
        (["failed == 0"], "failed: expected failed == 0, found 16 (bare)", "bad"),
    ],
)
def test_a_loss_is_never_a_green_pass(expected: list[str], verdict: str, tone: str) -> None:
    told = story(result(run(bad=LOSS), expected=expected))
    assert (told.verdict, told.tone) == (verdict, tone)


def test_what_the_client_did_not_send_is_its_own_fault() -> None:
    told = story(result(run(bad=[(5, 5.2, "not_sent")])))
    assert told.sentence == (
        "None of the 1,200 requests was lost. 4 requests could not be sent: the client's own fault."
    )


BAD = [(second, second + 1, "refused") for second in range(3, 60, 10)]


def in_turn(pairs: int) -> list[Run]:
    """Rounds of the bare and the cured variant, one after the other: a proof needs four at least."""
    found = []
    for number in range(pairs):
        start_ns = START_NS + 200 * number * 10**9
        bare = probe_record(start_ns=start_ns, bad=[(10, 15, "refused")])
        cured = probe_record(start_ns=start_ns + 100 * 10**9)
        found.append(Run("bare", f"round {number}", "p.json", bare))
        found.append(Run("cured", f"round {number}", "p.json", cured, cure_of="bare"))
    return found


def test_a_proof_is_told_of_the_variant_that_was_cured() -> None:
    told = story(result(*in_turn(4)))
    assert told.variant == "bare"
    assert told.proof is not None
    assert told.proof.helped
    assert told.proof.text.startswith(
        "With the change 0 of 4,800 requests failed, without it 400 of 4,800 requests failed: it helped, by more than"
    )


def test_no_proof_says_so() -> None:
    told = story(result(run("bare", bad=LOSS[:1]), run("cured", cure_of="bare")))
    assert told.proof is not None
    assert not told.proof.helped
    assert "no proof that it helped" in told.proof.text


def test_every_outcome_has_words_and_a_new_name_is_readable() -> None:
    assert set(OUTCOMES) <= set(words.OUTCOMES)
    assert not [shown for shown in words.OUTCOMES.values() if "_" in shown]
    assert words.outcome("some_new_thing") == "some new thing"


def test_summary_and_terminal_begin_with_the_sentence() -> None:
    record = result(run(causes=[cause("oom_killed", 16)], bad=LOSS), expected=["failed > 0"])
    sentence = story(record).sentence
    lines = markdown.render(record).splitlines()
    assert lines[0] == f"**{sentence}**"
    assert "### Rolling update: 🔷 as expected: 98.67 %, loss expected" in lines
    assert sentence in " ".join(text.render(record).split())
    assert "as expected: 98.67 %, loss expected" in text.render(record)


def test_no_raw_name_of_an_outcome_reaches_people() -> None:
    record = result(run(bad=[(31, 31.5, "timeout_headers")]))
    for shown in (text.render(record).replace("it was timeout_headers", ""), markdown.render(record)):
        assert "timeout_headers" not in shown
        assert "timeout headers" not in shown
    assert "no answer in time" in text.render(record)
