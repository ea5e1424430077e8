# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Did the change help? Failed requests of a run before it and one after it, with a confidence interval.

Failures come in clusters (one dying pod fails ten requests), so requests are no independent samples. The unit is a
block of time. The verdict is a permutation test: if the change did nothing, any block could as well have come from the
other run. The interval of the difference is Efron's percentile bootstrap over blocks.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from .failure import CLIENT_OUTCOMES
from .finding import NS_PER_MS, NS_PER_S

BLOCK_S = 5  # longer than the race of one pod: its failures stay in one block
FEWEST_BLOCKS = 6
DRAWS = 4000
SIGNIFICANT = 0.05
ROUNDING = 1e-12  # equal shares, summed in another order
SEED = 7  # the same two records always give the same interval


def proof(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Compare probe records of the same scenario, one or more of each side.

    Returns before and after as {failed, due, share, blocks}, difference (after - before, share of requests) with low
    and high of its 95 % interval, p_value, verdict (better, worse, no evidence) and reason: "" or why nothing can be
    told. Too short a run is no evidence, and says so.
    """
    old, new = blocks(before), blocks(after)
    found: dict[str, Any] = {
        "before": _figures(old),
        "after": _figures(new),
        "difference": None,
        "low": None,
        "high": None,
        "p_value": None,
        "verdict": "no evidence",
        "reason": "",
    }
    shortest = min(len(old), len(new))
    if shortest < FEWEST_BLOCKS:
        found["reason"] = f"{shortest} blocks of {BLOCK_S} s are too few: at least {FEWEST_BLOCKS} are needed"
        return found
    draw = random.Random(SEED)  # noqa: S311 - resampling, no secret
    differences = sorted(
        _share(draw.choices(new, k=len(new))) - _share(draw.choices(old, k=len(old))) for _unused in range(DRAWS)
    )
    difference = found["after"]["share"] - found["before"]["share"]
    pool, extreme = old + new, 0
    for _unused in range(DRAWS):
        draw.shuffle(pool)
        extreme += abs(_share(pool[len(old) :]) - _share(pool[: len(old)])) >= abs(difference) - ROUNDING
    found.update(difference=difference, low=differences[int(DRAWS * 0.025)], high=differences[int(DRAWS * 0.975) - 1])
    found["p_value"] = (extreme + 1) / (DRAWS + 1)
    if found["p_value"] < SIGNIFICANT:
        found["verdict"] = "better" if difference < 0 else "worse"
    return found


def blocks(probes: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """(failed, due) for each block of BLOCK_S seconds in which requests were due; unsent requests are left out.

    Probes that watched at the same time share their blocks: what befell one befell the others.
    """
    began = min((int(probe["started_unix_ns"]) for probe in probes), default=0)
    found: dict[int, list[int]] = {}
    for probe in probes:
        start, width = int(probe["started_unix_ns"]) - began, int(probe["timeline"]["bucket_ms"]) * NS_PER_MS
        for row in probe["timeline"]["rows"]:
            block = found.setdefault((start + row["i"] * width) // (BLOCK_S * NS_PER_S), [0, 0])
            for outcome, count in row["outcomes"].items():
                if outcome not in CLIENT_OUTCOMES:
                    block[0] += count if outcome != "ok" else 0
                    block[1] += count
    return [(failed, due) for failed, due in found.values() if due]


def _share(some: list[tuple[int, int]]) -> float:
    return sum(failed for failed, _unused in some) / sum(due for _unused, due in some)


def _figures(some: list[tuple[int, int]]) -> dict[str, Any]:
    failed, due = sum(failed for failed, _unused in some), sum(due for _unused, due in some)
    return {"failed": failed, "due": due, "share": failed / due if due else None, "blocks": len(some)}
