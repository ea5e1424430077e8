# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""module_defaults for the groups of meta/runtime.yml reach the modules of the installed collection."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from ansible_collections.availability.lab.tests.galaxy.conftest import COLLECTION, Run
from ansible_collections.availability.lab.tests.unit.examples.examples import Examples

#: The option that a group is for.
SHARED = {"cache": "cache_dir", "cluster": "kubeconfig", "engine": "docker_cli", "run": "owner_pid"}
GROUPS = yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text())["action_groups"]

PLAY = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/availability.lab.cache: {cache_dir: CACHE}
    group/availability.lab.cluster: {kubeconfig: /nowhere/kubeconfig}
    group/availability.lab.engine: {docker_cli: /nowhere/docker}
    group/availability.lab.run: {owner_pid: 4194305}
  tasks:
    - availability.lab.image_bundle: {name: group, images: [{name: "x:1", dockerfile: FROM scratch}]}
      register: bundle
      failed_when: "'cannot run /nowhere/docker' not in bundle.msg"
    - availability.lab.minikube_cluster: {state: absent, binary: "true", home: CACHE} # kubeconfig is required
    - availability.lab.cluster_watch: {namespace: x, record: CACHE/x.jsonl}
      register: watch
      failed_when: "'there is no process 4194305' not in watch.msg"
"""


def test_defaults_of_a_group_reach_its_modules(run: Run, installed: Path, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAY.replace("CACHE", str(tmp_path)))
    done = run("ansible-playbook", "play.yml", cwd=tmp_path, ANSIBLE_COLLECTIONS_PATH=str(installed))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_group_has_just_the_modules_that_share_its_option() -> None:
    assert set(GROUPS) == set(SHARED)
    told = dict(re.findall(r"^  (\w+): # (\w+)$", (COLLECTION / "meta/runtime.yml").read_text(), re.MULTILINE))
    assert told == SHARED
    modules = sorted(path.stem for path in (COLLECTION / "plugins/modules").glob("*.py"))
    for group, option in SHARED.items():
        having = [name for name in modules if option in (Examples.documentation(name)["options"])]
        assert GROUPS[group] == having, group
