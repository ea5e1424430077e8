# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A report over the merged record of several probers: it is a probe record like any other."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.availability.lab.plugins.module_utils.probe import outcome
from ansible_collections.availability.lab.plugins.module_utils.probe.joint_record import Joint
from ansible_collections.availability.lab.plugins.module_utils.report.publish import FORMATS, publish
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.probers import record_of


def test_a_merged_record_is_reported_with_its_outage_in_every_format(tmp_path: Path) -> None:
    joint = Joint()
    for number in range(3):
        sent = [
            (at, "new", 0, outcome.REFUSED if at in range(4_000, 6_000) else outcome.OK)
            for at in range(number * 10, 10_000, 30)
        ]
        joint.add(f"{number}.json", record_of(sent, host=f"h{number}"))
    probe, folder = tmp_path / "probe.json", tmp_path / "report"
    probe.write_text(json.dumps(joint.record()))
    folder.mkdir()
    source = {"variant": "places", "phase": "during", "probe": str(probe), "cluster": None, "attempts": None}
    publish(
        scenario="places",
        title="",
        directory=folder,
        expectations=["longest_outage > 1s"],
        formats=FORMATS,
        sources=[{**source, "events": []}],
    )
    result = json.loads((folder / "result.json").read_text())
    (variant,) = result["variants"]
    assert variant["figures"]["attempts"] == 1000
    assert variant["figures"]["outages"]["longest_s"] == 2.0
    assert result["verdict"] == "pass"
