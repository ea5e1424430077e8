# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Two that share the lab and do not meet: a workload to be looked at by hand, and an experiment on another's cluster.

Experiments themselves run one after the other: what they have to undo stands in one journal.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from lab_under_test import Lab
from local_registry import registry

pytestmark = pytest.mark.lab

GUESTBOOK = ("--extra-vars", "workload_name=guestbook")


def up_and_down(lab: Lab) -> None:
    """`make up` and `make down`: a workload comes up, says where it is, and goes."""
    up = lab.succeed("playbooks/workload.yml", *GUESTBOOK, "--extra-vars", "workload_pod_security_standard=restricted")
    found = re.search(r"frontend: (http://[0-9.]+:[0-9]+/)", up.output)
    assert found, up.output
    with urllib.request.urlopen(found[1], timeout=10) as page:
        assert b"<form" in page.read()
    assert lab.succeed("playbooks/workload.yml", *GUESTBOOK).changed() == {"localhost": 0}
    lab.succeed("playbooks/workload.yml", *GUESTBOOK, "--extra-vars", "workload_state=absent")
    assert "namespace/guestbook" not in lab.kubectl("get", "namespaces", "--output=name").split()


@pytest.fixture
def team(lab: Lab, tmp_path: Path) -> Path:
    """Kubeconfig of a user who may do as he likes in the namespace `team`, and nothing elsewhere."""
    inside = "--namespace=team"
    lab.kubectl("create", "namespace", "team")
    lab.kubectl("create", "serviceaccount", "engineer", inside)
    lab.kubectl("create", "rolebinding", "engineer", inside, "--clusterrole=admin", "--serviceaccount=team:engineer")
    token = lab.kubectl("create", "token", "engineer", inside, "--duration=1h").strip()
    config = json.loads(lab.kubectl("config", "view", "--raw", "--output=json"))
    config["users"] = [{"name": "engineer", "user": {"token": token}}]
    config["contexts"] = [{"name": "team", "context": {"cluster": config["clusters"][0]["name"], "user": "engineer"}}]
    config["current-context"] = ""
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


@pytest.fixture(scope="module")
def guestbook(lab: Lab) -> Iterator[Future[None]]:
    """Goes up and down while the tests of this file run."""
    with ThreadPoolExecutor(max_workers=1) as aside:
        yield aside.submit(up_and_down, lab)


@pytest.mark.usefixtures("guestbook")
def test_an_existing_cluster_is_used_with_rights_in_one_namespace(lab: Lab, team: Path, tmp_path: Path) -> None:
    """Of a team that may work in its namespace alone, with images that the nodes pull from the team's registry."""
    inventory = "--inventory=inventories/existing"
    where = {"lab_kubeconfig": str(team), "lab_context": "team", "scenario_only": ["switch"]}
    try:
        denied = lab.run("playbooks/scenarios/blue-green.yml", inventory, "--extra-vars", json.dumps(where))
        assert denied.code != 0
        assert "in hello-switch the user may not create deployments.apps" in " ".join(denied.output.split())
        assert "changed=0" in denied.output
        where["lab_namespace"] = "team"
        nodes = lab.kubectl("get", "nodes", "--output=jsonpath={.items[*].metadata.name}").split()
        with registry(tmp_path, nodes) as team_registry:
            where["images_registry"] = f"{team_registry.address}/team"
            lab.succeed("playbooks/scenarios/blue-green.yml", inventory, "--extra-vars", json.dumps(where))
        result: Any = lab.newest_result("blue-green")
        assert result["verdict"] == "pass"
        events = json.loads(lab.kubectl("get", "events", "--namespace=team", "--output=json"))["items"]
        pulled = [event["message"] for event in events if event["reason"] == "Pulled"]
        assert any(f'Successfully pulled image "{team_registry.address}/team/' in message for message in pulled), pulled
        # HEAD alone, where a node has the layers already from an image of the same content.
        asked = [line for line in team_registry.log.read_text().splitlines() if "containerd/" in line]
        assert any("/v2/team/" in line for line in asked), asked
    finally:
        lab.kubectl("delete", "namespace", "team")


def test_a_workload_comes_up_says_where_it_is_and_goes(guestbook: Future[None]) -> None:
    guestbook.result()
