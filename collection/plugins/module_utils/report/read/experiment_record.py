# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the record of an experiment (docs/experiment.md) says of a run: marks, when it was disturbed, doubts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .record_file import read_record

KIND = "experiment"
SCHEMA_VERSION = 1
NS_PER_S = 1_000_000_000
Json = dict[str, Any]


def with_experiment(source: Mapping[str, Any]) -> Json:
    """A run entry {experiment: path, …} with what that record tells; one without it as it is. Raises RecordError.

    A run with a phase of its own (a round of a proof) is not cut into phases: only its marks are taken.
    """
    if not source.get("experiment"):
        return dict(source)
    record = read_record(source["experiment"], KIND, SCHEMA_VERSION)
    steps = [step for step in record["steps"] if step["started_unix_ns"]]
    told: Json = {
        "events": [{"name": step["name"], "at": step["at_unix_ns"] / NS_PER_S} for step in steps],
        "doubts": record["problems"],
        "url": record["address"],
        "service": source.get("service") or record["service"],
        "advice": record.get("advice"),  # none in the records of the first versions
    }
    if steps and source.get("phase", "during") == "during":
        ended = max(step["ended_unix_ns"] or step["started_unix_ns"] for step in steps)
        told["disturbed_from"] = steps[0]["at_unix_ns"] / NS_PER_S
        told["disturbed_to"] = max(ended, steps[0]["at_unix_ns"]) / NS_PER_S
    return {**source, **told}
