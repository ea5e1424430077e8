# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The made-to-order records are real ones: they satisfy the engine's own schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.sample_probe import probe_record

DOCS = Path(__file__).resolve().parents[6] / "docs"


def test_a_sample_satisfies_the_probe_schema():
    schema = json.loads((DOCS / "probe-result.schema.json").read_text())
    record = probe_record(versions=[(0, "blue"), (30, "green")], bad=[(20, 21, "refused"), (40, 40.1, "not_sent")])
    jsonschema.validate(record, schema)
