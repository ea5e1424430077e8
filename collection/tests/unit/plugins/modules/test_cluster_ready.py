from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.availability.lab.plugins.modules import cluster_ready

READY = {
    "items": [
        {
            "kind": "Node",
            "metadata": {"name": "lab"},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }
    ]
}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\n'
        f"case \"$*\" in *diff*) exit 1 ;; *apply*) cat {tmp_path}/applied ;; *) echo '{json.dumps(READY)}' ;; esac\n"
    )
    kubectl.chmod(0o755)
    (tmp_path / "applied").write_text("pod/a unchanged\n")

    def call(**options: Any) -> dict[str, Any]:
        base = {"kubectl": str(kubectl), "kubeconfig": "/kubeconfig", "manifests": ["kind: Pod"], "timeout_s": 0}
        with patch_module_args({**base, **options}), pytest.raises(SystemExit):
            cluster_ready.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_it_changes_what_is_other_and_waits(run, tmp_path: Path) -> None:
    assert run() == {"changed": False, "changes": []} | {"invocation": run()["invocation"]}
    (tmp_path / "applied").write_text("pod/a configured\n")
    assert run()["changes"] == ["pod/a configured"]
    assert run()["changed"] is True


def test_check_mode_asks_and_does_not_wait(run, tmp_path: Path) -> None:
    run(_ansible_check_mode=True, deployments=[{"namespace": "x", "name": "y"}])
    _diff, call = (tmp_path / "calls").read_text().splitlines()
    assert "--dry-run=server" in call


def test_what_lacks_is_said(run) -> None:
    answer = run(deployments=[{"namespace": "kube-system", "name": "coredns"}])
    assert answer["msg"] == "cluster_ready: not ready after 0 s: deployment kube-system/coredns is not there"
