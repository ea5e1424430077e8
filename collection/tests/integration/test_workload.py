# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`make up` and `make down`: one workload on the lab that is up, to be looked at by hand."""

from __future__ import annotations

import re
import urllib.request

import pytest
from lab_under_test import Lab

pytestmark = pytest.mark.lab

GUESTBOOK = ("--extra-vars", "workload_name=guestbook")


def test_a_workload_comes_up_says_where_it_is_and_goes(lab: Lab) -> None:
    up = lab.succeed("playbooks/workload.yml", *GUESTBOOK, "--extra-vars", "workload_pod_security_standard=restricted")
    found = re.search(r"frontend: (http://[0-9.]+:[0-9]+/)", up.output)
    assert found, up.output
    with urllib.request.urlopen(found[1], timeout=10) as page:
        assert b"<form" in page.read()
    assert lab.succeed("playbooks/workload.yml", *GUESTBOOK).changed() == {"localhost": 0}
    lab.succeed("playbooks/workload.yml", *GUESTBOOK, "--extra-vars", "workload_state=absent")
    assert "namespace/guestbook" not in lab.kubectl("get", "namespaces", "--output=name").split()


def test_a_wrong_name_is_answered_with_those_that_there_are(lab: Lab) -> None:
    refused = lab.run("playbooks/workload.yml", "--extra-vars", "workload_name=gestbook")
    assert refused.code != 0
    assert "workload_name is gestbook" in refused.output
    assert "expected one of guestbook, hello," in " ".join(refused.output.split())
    assert "changed=0" in refused.output
