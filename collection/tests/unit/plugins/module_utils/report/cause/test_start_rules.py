# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Pods that should have replaced others and could not start, each for its own reason."""

from __future__ import annotations

import pytest
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.report.cause.story import (
    Story,
    causes,
    only,
    rfc3339,
)


@pytest.fixture
def replaced(story: Story) -> Story:
    """Both pods are deleted before a new one is there, as the strategy Recreate does."""
    story.delete(29, "web-a")
    story.delete(29, "web-b")
    story.fail(33.9, count=99, until_s=80)
    return story


def test_a_missing_config_map(replaced: Story) -> None:
    replaced.pod(30, "web-c")
    why = 'configmap "web" not found'
    replaced.container(31, "web-c", state="waiting", reason="CreateContainerConfigError", message=why)
    cause = only(replaced)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("container_not_created", "high", "web-c")
    assert why in cause["evidence"][0]["text"]


@pytest.mark.parametrize("state", ["RunContainerError", "CrashLoopBackOff"])
def test_a_program_that_is_not_there_never_ran_and_so_did_not_crash(replaced: Story, state: str) -> None:
    """The kubelet tells of such a container as of one that ended by itself, whatever it waits for then."""
    why = 'exec: "/nope": stat /nope: no such file or directory'
    replaced.pod(30, "web-c")
    last = {"state": "terminated", "reason": "StartError", "message": why, "exit_code": 128, "finished_at": rfc3339(31)}
    replaced.container(31, "web-c", state="waiting", reason=state, message=why, last=last)
    assert causes(replaced)[0] == ("container_not_created", "high", "web-c")


def test_a_quota(replaced: Story) -> None:
    about = {"kind": "ReplicaSet", "name": "web-1"}
    why = 'pods "web-1-x" is forbidden: exceeded quota: team'
    replaced.change(29.5, "Event", "rs.1", {"reason": "FailedCreate", "message": why, "about": about})
    assert causes(replaced) == [("not_created", "high", "Deployment/web")]


def test_a_volume_that_the_old_node_still_has(replaced: Story) -> None:
    replaced.pod(30, "web-c", node="n2")
    why = "Multi-Attach error for volume pvc-1 Volume is already exclusively attached to one node"
    replaced.event(31, "web-c", "FailedAttachVolume", why)
    replaced.container(31, "web-c", state="waiting", reason="ContainerCreating")
    cause = only(replaced)
    assert (cause["id"], cause["confidence"], cause["subject"]) == ("volume", "high", "web-c")
    assert "ReadWriteMany" in cause["change"]["text"]


def test_a_mount_that_came_about_at_the_second_try_is_not_the_cause(replaced: Story) -> None:
    """As recorded: every new pod's own token may be late by a second; here its readiness path was wrong."""
    replaced.pod(30, "web-c")
    why = 'MountVolume.SetUp failed for volume "kube-api-access-x": failed to sync configmap cache: timed out'
    replaced.event(31, "web-c", "FailedMount", why)
    replaced.event(32, "web-c", "Created", "Created container: web")
    replaced.event(34, "web-c", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404")
    assert causes(replaced) == [("readiness_failed", "high", "web-c")]


def test_an_init_container_whose_image_is_missing(replaced: Story) -> None:
    replaced.pod(30, "web-c")
    waits = {"name": "migrate", "state": "waiting", "reason": "ImagePullBackOff", "message": "not found"}
    replaced.update(31, "web-c", init_containers=[waits])
    assert causes(replaced) == [("image_not_pulled", "high", "web-c")]


def test_a_workload_that_was_deleted_and_made_anew(replaced: Story) -> None:
    replaced.change(28.9, "Deployment", "web", {"replicas": 2}, event="deleted")
    cause = only(replaced)
    assert (cause["id"], cause["subject"], cause["change"]["patch"]) == ("deleted", "Deployment/web", {})


def test_the_strategy_recreate_is_named_and_its_patch_is_one_that_the_api_takes(replaced: Story) -> None:
    replaced.change(0, "Deployment", "web", {"replicas": 1, "strategy": "Recreate"}, via="list")
    cause = only(replaced)
    assert cause["id"] == "no_ready_endpoint"
    assert "the strategy of Deployment/web is Recreate" in [one["text"] for one in cause["evidence"]]
    assert cause["change"]["patch"]["spec"] == {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "replicas": 2,
    }
