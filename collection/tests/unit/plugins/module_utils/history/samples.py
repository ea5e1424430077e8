# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Results to keep."""

from __future__ import annotations

from typing import Any

from ansible_collections.availability.lab.plugins.module_utils.history.entry import entry_of
from ansible_collections.availability.lab.plugins.module_utils.report.read.probe_record import Run
from ansible_collections.availability.lab.plugins.module_utils.report.result import build
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import (
    START_NS,
    probe_record,
)

DAY_NS = 86_400 * 10**9


def result(day: int = 0, scenario: str = "rolling", variants: int = 1, **options: Any) -> dict[str, Any]:
    """A result that began so many days after the sample's own start."""
    record = probe_record(**{"start_ns": START_NS + day * DAY_NS, "duration_s": 20, **options})
    runs = [Run(f"variant-{number}", "during", "p.json", record) for number in range(variants)]
    return build(scenario, "", runs, [], {})


def entry(day: int = 0, profile: str = "quick", **options: Any) -> dict[str, Any]:
    return entry_of(result(day, **options), profile)
