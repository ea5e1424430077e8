# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The filter as a playbook uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.availability.lab.plugins.filter import remedies
from ansible_collections.availability.lab.tests.unit.plugins.action.test_availability_report import play

PATCH = {"spec": {"replicas": 2}}
CAUSE = {
    "id": "replicas_zero",
    "requests_lost": 7,
    "change": {"text": "ask for two", "target": "Deployment/web", "patch": PATCH},
}
RESULT = {"record": "result", "variants": [{"name": "bare", "phases": [{"explained": [{"causes": [CAUSE]}]}]}]}


def test_in_a_playbook(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    documented = yaml.safe_load(Path(remedies.__file__).with_suffix(".yml").read_text())
    (example,) = yaml.safe_load(documented["EXAMPLES"])
    shown = {"msg": "{{ item.target }} {{ item.patch | to_json }}"}
    done = play(tmp_path, [{"ansible.builtin.debug": shown, "loop": example["loop"]}])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Deployment/web {json.dumps(PATCH)}" in done.stdout


@pytest.mark.parametrize("value", ["text", {"record": "probe"}, {"record": "result", "variants": [{}]}])
def test_what_is_no_result(value: object) -> None:
    with pytest.raises(AnsibleFilterError, match="remedies: "):
        remedies.patches(value)
