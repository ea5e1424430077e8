# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Did the change help? Failed requests of the runs without it and of those with it.

A run, one disturbance, is one observation: whatever its outage costs, a single dead endpoint costs it all at once, and
twenty seconds of it are no more evidence than two. The verdict is an exact permutation test over runs (permutation.py).

The runs are made in pairs A/B/A/B, so that a drift of the machine meets both sides, but tested unpaired: any run could
have come from the other side. A sign-flip test of n pairs has 2^n ways and needs 6 pairs to reach 5 %; the unpaired one
has (2n over n), needs 4, and takes sides of unequal number. Pairing would pay only where neighbours are much more alike
than runs of one side; without that its fewer ways are lost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance
from typing import Any

from ..cause.finding import NS_PER_MS
from ..figures.executed import CLIENT_OUTCOMES
from .permutation import SIGNIFICANCE, Sample, can_tell, p_values

Record = Mapping[str, Any]
POWER = 0.8  # the chance that as many pairs as are told find an effect as large as the one seen
FEWEST_PAIRS = next(pairs for pairs in range(1, 9) if can_tell(pairs, pairs))


@dataclass(frozen=True)
class Seen:
    """One disturbance. failed of due requests (unsent ones are left out), and the time in which none succeeded."""

    failed: int
    due: int
    without_service_s: float

    @property
    def share(self) -> float:
        return self.failed / self.due


def proof(before: Sequence[Record | Sequence[Record]], after: Sequence[Record | Sequence[Record]]) -> dict[str, Any]:
    """Compare the runs of the same scenario without and with a change; each is one disturbance.

    A run is its probe record, or those of several probes that watched it at the same time. Runs without a request are
    left out.
    Returns before and after as {failed, due, share, without_service_s, runs}: sums of requests, and the means over runs
    of the failed share and of the seconds without service; difference (of the shares, after - before), p_value,
    verdict (better, worse, no evidence), pairs_needed (runs of each side that are estimated to show the difference
    seen; None: it cannot be told) and reason: "" or why there is no evidence, and how many pairs are needed.
    """
    old, new = [one for one in map(seen, before) if one.due], [one for one in map(seen, after) if one.due]
    found: dict[str, Any] = {
        "before": _side(old),
        "after": _side(new),
        "difference": None,
        "p_value": None,
        "verdict": "no evidence",
        "pairs_needed": None,
        "reason": "",
    }
    if not old or not new:
        found["reason"] = f"no run {'without' if not old else 'with'} the change had a request"
        return found
    shares = [one.share for one in old], [one.share for one in new]
    difference = found["difference"] = fmean(shares[1]) - fmean(shares[0])
    p = found["p_value"] = p_values({"share": Sample(*shares)})["share"]
    found["pairs_needed"] = pairs_needed(*shares)
    if p <= SIGNIFICANCE:  # not before the runs are enough: the way they came is one of all
        found["verdict"] = "better" if difference < 0 else "worse"
    else:
        found["reason"] = _reason(len(old), len(new), found["pairs_needed"])
    return found


def seen(run: Record | Sequence[Record]) -> Seen:
    """What the probes of one disturbance saw: their requests together, and of the times without service the longest."""
    probes = [run] if isinstance(run, Mapping) else run
    failed = due = 0
    dark_s = 0.0
    for probe in probes:
        dark_rows = 0
        for row in probe["timeline"]["rows"]:
            sent = {outcome: count for outcome, count in row["outcomes"].items() if outcome not in CLIENT_OUTCOMES}
            good = sent.get("ok", 0)
            due += sum(sent.values())
            failed += sum(sent.values()) - good
            dark_rows += any(sent.values()) and not good
        dark_s = max(dark_s, dark_rows * int(probe["timeline"]["bucket_ms"]) * NS_PER_MS / 1e9)
    return Seen(failed, due, round(dark_s, 6))


def pairs_needed(old: Sequence[float], new: Sequence[float]) -> int | None:
    """Runs of each side after which a difference like this one is found with a chance of POWER; None: it is none.

    Two means with spread s and distance d: n = 2 (z_0.975 + z_0.8)^2 s^2 / d^2 (Lehr, Sixteen S-squared over D-squared,
    1992), and at least FEWEST_PAIRS. A rough guide: s is known from the few runs there are, and with one run of each
    side not at all: then it is what would do if every run showed the same.
    """
    distance = abs(fmean(new) - fmean(old))
    if not distance:
        return None
    sides = [side for side in (old, new) if len(side) > 1]
    spread = sum(variance(side) * (len(side) - 1) for side in sides) / max(1, sum(len(side) - 1 for side in sides))
    z = NormalDist().inv_cdf(1 - SIGNIFICANCE / 2) + NormalDist().inv_cdf(POWER)
    return max(FEWEST_PAIRS, math.ceil(2 * z**2 * spread / distance**2 - 1e-9))


def _reason(old: int, new: int, pairs: int | None) -> str:
    runs = f"{old} {'run' if old == 1 else 'runs'} without the change and {new} with it"
    if not can_tell(old, new):
        text = f"{runs} cannot tell a change from chance: at least {FEWEST_PAIRS} pairs are needed"
        if pairs and max(old, new) == 1:
            return f"{text}, and they do only if every run shows the same"
    else:
        text = f"{runs} do not tell the difference from chance"
    if pairs is None:
        return f"{text}; no difference was seen"
    return f"{text}; about {pairs} pairs for the difference seen"


def _side(runs: Sequence[Seen]) -> dict[str, Any]:
    return {
        "failed": sum(one.failed for one in runs),
        "due": sum(one.due for one in runs),
        "share": fmean(one.share for one in runs) if runs else None,
        "without_service_s": round(fmean(one.without_service_s for one in runs), 6) if runs else None,
        "runs": len(runs),
    }
