# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The end of the lab, after everything that needs it."""

from __future__ import annotations

import subprocess

import pytest
from lab_under_test import Lab

pytestmark = pytest.mark.lab


def test_teardown_leaves_nothing_running(lab: Lab) -> None:
    lab.succeed("playbooks/teardown.yml")
    own = ("dockerd", "containerd", "etcd", "minikube")
    names = subprocess.run(["ps", "-eo", "comm="], check=True, capture_output=True, text=True).stdout.split()
    assert [name for name in names if name in own] == []
