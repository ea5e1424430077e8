# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A result in one breath: what was lost, when, why, what to change. Page, Markdown, terminal and card all begin so."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..cause.remedies import remedies
from ..figures.quantities import duration, percent
from . import words
from .page_rows import cause_rows

Json = dict[str, Any]
UNKNOWN = "unknown"
NEAR_S = 60.0  # a change longer ago than this is not named as what the loss followed
LAG_S = 0.3  # a change is stamped when it is sent or seen, which may be after it took effect
MOST_NAMED = 3
# An expectation that speaks of loss, as in "no-probes.failed > 0"
OF_LOSS = re.compile(r"\b(failed|availability\w*|error_rate|lost_to_\w+|writes_lost|\w*outages?)\b")
CERTAINTY = ("high", "medium", "low")


@dataclass(frozen=True)
class Proof:
    """The run without the change and the run with it."""

    before: Json
    after: Json
    before_name: str
    after_name: str
    text: str
    helped: bool


@dataclass(frozen=True)
class Story:
    """headline: what was lost, when and why; advice: what to change, and what limits this.

    tone: good only where nothing was lost; plain for a loss that was expected; bad; unsure.
    """

    headline: str
    advice: str
    others: str
    verdict: str
    tone: str
    variant: str
    change: str
    target: str
    patch: Json
    proof: Proof | None

    @property
    def sentence(self) -> str:
        """Headline and advice as one text."""
        return f"{self.headline} {self.advice}".rstrip()


def story(result: Mapping[str, Any]) -> Story:
    """The story of a result record. It is told of the variant that lost the largest share of its requests."""
    variants = result["variants"]
    worst = _worst(result)
    change, target, patch = _change(result, worst)
    lost = bool(worst["figures"]["failed"])
    sentences = []
    if lost and change:
        sentences.append(f"In {target}: {change}." if target else f"{words.capital(change)}.")
    if unsent := sum(variant["figures"]["not_sent"] for variant in ([worst] if lost else variants)):
        sentences.append(
            f"{words.capital(words.counted(unsent, 'request'))} could not be sent: the client's own fault."
        )
    if result["verdict"] == "inconclusive" and worst["figures"]["attempts"]:
        sentences.append("The measurement cannot be trusted.")
    verdict, tone = _verdict(result, worst)
    proof = _proof(result, worst)
    return Story(
        headline=_lost(worst, len(variants)) if lost else _nothing_lost(variants),
        advice=" ".join(sentences),
        others=_others(variants, worst, {proof.after_name} if proof else ()) if lost else "",
        verdict=verdict,
        tone=tone,
        variant=worst["name"],
        change=change,
        target=target,
        patch=patch,
        proof=proof,
    )


def _worst(result: Mapping[str, Any]) -> Json:
    """A variant that repeats another one with the change is no candidate while the other one lost something."""
    cures = {one["variant"] for one in result["proofs"]}
    own = [variant for variant in result["variants"] if variant["name"] not in cures]
    lossy = [variant for variant in own if variant["figures"]["failed"]]
    found: Json = max(lossy or result["variants"], key=_share)
    return found


def _share(variant: Mapping[str, Any]) -> float:
    figures = variant["figures"]
    share: float = figures["failed"] / figures["attempts"] if figures["attempts"] else 0.0
    return share


def _nothing_lost(variants: Sequence[Json]) -> str:
    attempts = sum(variant["figures"]["attempts"] for variant in variants)
    if not attempts:
        return "No request was due, so nothing can be told."
    where = f" in {len(variants)} variants" if len(variants) > 1 else ""
    done = list(dict.fromkeys(m["name"] for v in variants for m in v["marks"] if m["source"] == "scenario"))
    more = f" and {words.counted(len(done) - 1, 'more step')}" if len(done) > 1 else ""
    during = f", through “{done[0]}”{more}" if done else ""
    return f"None of the {words.counted(attempts, 'request')} was lost{where}{during}."


def _lost(variant: Json, variants: int) -> str:
    figures = variant["figures"]
    where = f" in variant {variant['name']}" if variants > 1 else ""
    were = "was" if figures["failed"] == 1 else "were"
    head = f"Of {words.counted(figures['attempts'], 'request')} {figures['failed']:,} {were} lost{where}"
    return f"{head}{_outages(figures['outages'])}{_when(variant)}{_why(variant)}."


def _outages(outages: Mapping[str, Any]) -> str:
    if not outages["count"]:
        return ", none of them next to another" if outages["isolated_failures"] > 1 else ""
    longest = duration(outages["longest_s"])
    if outages["count"] == 1:
        return f", in an outage of {longest}"
    return f", in {outages['count']:,} outages of at most {longest}"


def _when(variant: Mapping[str, Any]) -> str:
    """When the first request was lost, and after what."""
    bad = [one["first_bad_unix_ns"] for phase in variant["phases"] for one in phase["outages"] if one["requests_lost"]]
    if not bad:
        return ""
    first = min(bad)
    into = f", beginning {duration((first - variant['over_time']['started_unix_ns']) / 1e9)} into the run"
    near = [mark for mark in variant["marks"] if -LAG_S <= (first - mark["at_unix_ns"]) / 1e9 <= NEAR_S]
    before = [mark for mark in near if mark["at_unix_ns"] < first] or near
    own = [mark for mark in before if mark["source"] == "scenario"]
    if not before:
        return into
    mark = (own or before)[-1]
    after = max(first - mark["at_unix_ns"], 0) / 1e9
    return f"{into}, {duration(after)} after “{mark['name']}”" if after else f"{into}, at “{mark['name']}”"


def _why(variant: Json) -> str:
    """The causes with what each cost; said to be unknown where no rule found one."""
    if not any(phase["explained"] for phase in variant["phases"]):
        seen = [one for one in variant["figures"]["outcomes"] if one["name"] != "ok" and one["count"]]
        shown = ", ".join(words.outcome(one["name"]) for one in seen[:MOST_NAMED])
        return f" ({shown}); why is not known, since the cluster was not recorded"
    rows = [row for row in cause_rows([variant]) if row["requests_lost"] and row["id"] != UNKNOWN]
    # what the client could not send is no loss: it is told of beside the causes, not as one of them
    unsent = variant["figures"]["not_sent"]
    rows = [row for row in rows if row["id"] != "probe_fault" or row["requests_lost"] > unsent]
    unknown = max(variant["figures"]["failed"] - sum(row["requests_lost"] for row in rows), 0)
    if not rows:
        return "; no rule explains why"
    if len(rows) == 1 and not unknown:
        return f": {_told(variant, rows[0])}"
    parts = [f"{row['requests_lost']:,} because {_told(variant, row)}" for row in rows[:MOST_NAMED]]
    if others := sum(row["requests_lost"] for row in rows[MOST_NAMED:]):
        parts.append(f"{others:,} of other causes")
    if unknown:
        parts.append(f"{unknown:,} that no rule explains")
    return f": {', '.join(parts)}"


def _told(variant: Json, row: Json) -> str:
    return f"{words.UNSURE[_confidence(variant, row['id'])]}{words.cause(row)}"


def _confidence(variant: Mapping[str, Any], cause: str) -> str:
    """The confidence with which most of the cause's requests were explained; of equals the lower one."""
    sums = dict.fromkeys(CERTAINTY, 0)
    for phase in variant["phases"]:
        for explained in phase["explained"]:
            for one in explained["causes"]:
                if one["id"] == cause:
                    for level in CERTAINTY:
                        sums[level] += one["confidence"].get(level, 0)
    return max(CERTAINTY, key=lambda level: (sums[level], CERTAINTY.index(level)))


def _change(result: Mapping[str, Any], worst: Json) -> tuple[str, str, Json]:
    """In words, of which workload, and as a patch: that of the workload whose causes cost the variant most."""
    advised = [one for one in remedies(result) if one["variant"] == worst["name"]]
    if advised:
        best = max(advised, key=lambda one: int(one["requests_lost"]))
        return best["text"], best["target"], best["patch"]
    for row in cause_rows([worst]):
        if row["requests_lost"] and row["id"] != UNKNOWN:
            return row["change"]["text"], row["change"]["target"], {}
    return "", "", {}


def _others(variants: Sequence[Json], worst: Json, told_elsewhere: Collection[str]) -> str:
    others = [variant for variant in variants if variant is not worst and variant["name"] not in told_elsewhere]
    if len(others) > MOST_NAMED:
        lossy = [variant for variant in others if variant["figures"]["failed"]]
        rest = f", {len(lossy)} lost up to {percent(100 * max(map(_share, lossy)))}" if lossy else ""
        return f"Of the other {len(others)} variants {len(others) - len(lossy)} lost nothing{rest}."
    told = [
        f"{one['name']} lost {one['figures']['failed'] or 'none'} of {one['figures']['attempts']:,}" for one in others
    ]
    return f"{'; '.join(told)}." if told else ""


def _verdict(result: Mapping[str, Any], worst: Json) -> tuple[str, str]:
    """In words and as a tone. A run that lost requests is never a green pass, also where that was expected."""
    reasons = result["reasons"]
    if result["verdict"] == "inconclusive":
        return f"inconclusive: {reasons[0]}" if reasons else "inconclusive", "unsure"
    if result["verdict"] == "fail":
        return f"failed: {reasons[0]}" if reasons else "failed", "bad"
    figures = worst["figures"]
    reached = percent(figures["availability"]["planned"]["percent"])
    if not figures["failed"]:
        kept = "as expected: " if result["expectations"] else ""
        return f"{kept}{reached}, nothing lost", "good"
    if not result["expectations"]:
        return f"{reached}; nothing was expected of this run", "plain"
    foretold = any(row["variant"] == worst["name"] and OF_LOSS.search(row["what"]) for row in result["expectations"])
    if foretold:
        return f"as expected: {reached}, loss expected", "plain"
    return f"{reached}: what was expected holds, but did not foretell this loss", "plain"


def _proof(result: Mapping[str, Any], worst: Json) -> Proof | None:
    found = [one for one in result["proofs"] if one["cure_of"] == worst["name"]] or list(result["proofs"])
    if not found:
        return None
    one = found[0]
    chance = "" if one["p_value"] is None else f" (p = {one['p_value']:.3f})"
    after = f"With the change {_side(one['after'])}, without it {_side(one['before'])}"
    doubt = f", {one['reason']}" if one["reason"] else chance
    text = {
        "better": f"{after}: it helped, by more than chance{chance}.",
        "worse": f"{after}: it made things worse, by more than chance{chance}.",
    }.get(one["verdict"], f"{after}: no proof that it helped{doubt}.")
    return Proof(one["before"], one["after"], one["cure_of"], one["variant"], text, one["verdict"] == "better")


def _side(side: Mapping[str, Any]) -> str:
    return f"{side['failed']:,} of {side['due']:,} requests failed"
