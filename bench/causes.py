#!/usr/bin/env python3
# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How often is the right cause named? Holds what the causes say of the planted ones against their labels.

Reads the folders that playbooks/planted-causes.yml wrote (by default all of results/planted-causes; of a plant's
records the newest), and writes docs/causes-precision.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / ".venv/collections")]

from ansible_collections.availability.lab.plugins.module_utils.cluster.record import read_record  # noqa: E402
from ansible_collections.availability.lab.plugins.module_utils.report.cause.explain import UNKNOWN, explain  # noqa: E402
from table import table  # noqa: E402

#: A label of its own: no request may be lost, and so no cause be named.
NOTHING = "nothing"
#: What a cause has to cost beside the costliest before it counts as named.
SHARE = 0.1


@dataclass(frozen=True)
class Judged:
    """What was named for one plant."""

    plant: str
    label: tuple[str, ...]
    lost: int
    named: tuple[str, ...]  # "cause (confidence)", the costliest first
    verdict: str  # right, wrong or unknown

    @property
    def truth(self) -> str:
        """The cause under which the plant is counted: the first of those that are right."""
        return self.label[0]


def judge(label: dict[str, Any], found: dict[str, Any]) -> Judged:
    """Right where all that was named is right; unknown where nothing wrong was named, but a part was left unknown."""
    lost = found["failed_requests"]
    right = tuple(label["right"])
    lines = [one for one in found["causes"] if one["requests_lost"] >= max(1, SHARE * lost)]
    names = [one["id"] for one in lines]
    if not lost:
        verdict = "right" if NOTHING in right else "lost nothing"
    elif set(names) <= set(right):
        verdict = "right"
    else:
        verdict = UNKNOWN if set(names) <= {*right, UNKNOWN} else "wrong"
    named = tuple(f"{one['id']} ({_confidence(one)})" for one in lines)
    return Judged(label["plant"], right, lost, named, verdict)


def _confidence(line: dict[str, Any]) -> str:
    """The confidence of most of its requests."""
    return max(line["confidence"], key=line["confidence"].get)


def read(folders: Iterable[Path]) -> list[Judged]:
    """One plant after the other, by name. Records of plants that could not be planted are left out, and said."""
    labels = {path.name: path for folder in sorted(folders) for path in sorted(folder.glob("*.label.json"))}
    judged = []
    for name, path in sorted(labels.items()):
        label = json.loads(path.read_text())
        stem = path.parent / name.removesuffix(".label.json")
        if label["failures"]:
            print(f"causes: {stem}: {'; '.join(label['failures'])}", file=sys.stderr)
            continue
        probe = json.loads(Path(f"{stem}.probe.json").read_text())
        behind_front = label.get("behind_front")
        judged.append(judge(label, explain(probe, read_record(f"{stem}.cluster.jsonl"), service=behind_front)))
    return judged


def by_cause(judged: list[Judged]) -> list[list[str]]:
    """A line for each cause: planted, named right, named wrong, unknown."""
    rows = []
    for cause in sorted({one.truth for one in judged}):
        those = [one.verdict for one in judged if one.truth == cause]
        rows.append([cause, str(len(those)), *(str(those.count(word)) for word in ("right", "wrong", UNKNOWN))])
    return rows


def page(judged: list[Judged], when: str, note: str) -> str:
    """The page; note: what has to be known about these plants."""
    counted = [one for one in judged if one.verdict != "lost nothing"]
    share = {word: sum(one.verdict == word for one in counted) for word in ("right", "wrong", UNKNOWN)}
    lines = [
        "# How often the right cause is named",
        "",
        f"`playbooks/planted-causes.yml`, then `.venv/bin/python -m bench.causes`. Planted {when} on a minikube lab of",
        f"two nodes, {os.cpu_count()} cores that all share.",
        "",
        "Each plant is a small service of two good replicas (or what the plant needs), asked 50 times a second, and",
        "one change. Its label, the causes that are right, was written down before it was planted. Named is the",
        f"costliest cause and every other that costs at least {SHARE:.0%} of the lost requests; all of them have to be",
        "right. What no rule knows has the label `unknown`; a plant that must cost nothing has the label `nothing`.",
        "",
        f"Of {len(counted)} plants {share['right']} were named right ({share['right'] / len(counted):.0%}), "
        f"{share['wrong']} wrong, {share[UNKNOWN]} left unknown that a rule should know.",
        f"Nothing was lost, and so nothing could be named, in {len(judged) - len(counted)} more.",
        *(["", note] if note else []),
        "",
        "## By cause",
        "",
        *table(["cause", "planted", "named right", "named wrong", "unknown"], by_cause(counted)),
        "",
        "## By plant",
        "",
        *table(
            ["plant", "label", "requests lost", "named", "verdict"],
            [
                [one.plant, ", ".join(one.label), str(one.lost), ", ".join(one.named) or "-", one.verdict]
                for one in judged
            ],
        ),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders of results of planted-causes")
    parser.add_argument("--note", default="", help="a sentence about these plants, for the page")
    options = parser.parse_args()
    folders = options.folders or list((ROOT / "results/planted-causes").glob("*Z"))
    judged = read(folders)
    if not judged:
        sys.exit("causes: no plant was found; run playbooks/planted-causes.yml")
    newest = max(folder.name for folder in folders)
    (ROOT / "docs/causes-precision.md").write_text(page(judged, newest[:10], options.note))
    print("causes: wrote docs/causes-precision.md")


if __name__ == "__main__":
    main()
