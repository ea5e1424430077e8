# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How far the marks of an experiment are from the changes that they mark, as the cluster's own watch told them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: Steps whose first change is one of a single object that the record of the namespace shows.
WATCHED = ("apply", "patch", "restart", "scale", "delete")


def late_ms(records: Iterable[Path]) -> dict[str, float]:
    """Step -> milliseconds from its mark to the change of the very object, of <record>.experiment.json files."""
    found = {}
    for path in records:
        record: Any = json.loads(path.read_text())
        watched = path.with_name(path.name.replace(".experiment.json", ".cluster.jsonl"))
        lines = [json.loads(line) for line in watched.read_text().splitlines()] if watched.exists() else []
        for step in record["steps"]:
            if step["do"] not in WATCHED or not step["changes"]:
                continue
            change = step["changes"][0]
            if not step["at_unix_ns"] == change["called_unix_ns"] < change["answered_unix_ns"]:
                raise ValueError(f"{path}: the mark of {step['name']!r} is not its first call")
            kind, name = change["what"].split(" from ")[0].split()[-2:]
            seen = [
                line["t_ns"]
                for line in lines
                if line.get("name") == name
                and kind in (line.get("kind"), "scale")
                and line["t_ns"] >= step["at_unix_ns"]
            ]
            if seen:
                late = (seen[0] - step["at_unix_ns"]) / 1e6
                found[f"{record['scenario']}, {record['variant']}: {step['name']}"] = round(late, 1)
    return found
