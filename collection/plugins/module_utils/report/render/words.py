# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""People's words for the names that records use. Records, metrics and CSV keep the names: programs read those."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# docs/probe-result.md lists the outcomes.
OUTCOMES = {
    "ok": "answered",
    "wrong_status": "answered with an error",
    "wrong_body": "wrong answer",
    "too_slow": "answered too late",
    "refused": "connection refused",
    "unreachable": "host unreachable",
    "reset": "connection reset",
    "reset_in_answer": "answer broken off",
    "closed_early": "answer cut short",
    "timeout_connecting": "no connection in time",
    "timeout_headers": "no answer in time",
    "timeout_body": "answer not finished in time",
    "tls": "TLS failed",
    "dns": "name not found",
    "malformed": "answer not HTTP",
    "unprocessed": "turned away by a server that leaves or is full",
    "not_sent": "not sent",
    "ports_exhausted": "client out of ports",
    "descriptors_exhausted": "client out of descriptors",
    "client_late": "client too late",
}
# A cause as what happened, after a colon. The titles in cause/explain.py name it, for tables and for chart bands.
CAUSES = {
    "probe_fault": "the probe itself was at fault",
    "oom_killed": "a container ran out of memory and was killed",
    "liveness_restart": "a liveness probe restarted a container",
    "evicted": "a pod was evicted from its node",
    "container_crashed": "a container ended by itself",
    "image_not_pulled": "the image could not be pulled",
    "container_not_created": "a container could not be created",
    "volume": "a volume could not be attached",
    "not_created": "pods were not allowed to be created",
    "deleted": "the workload was deleted",
    "service_changed": "the Service's ports were changed",
    "grace_too_short": "a pod was killed at the end of its grace period, with its requests",
    "bad_release": "the new version answered wrongly or late",
    "too_little_capacity": "there were too few pods for the load",
    "probe_overloaded": "the probe's machine was overloaded",
    "dependency_down": "readiness probes failed with a service that they ask",
    "tls": "no TLS session came about",
    "dns": "the name was not found",
    "replicas_zero": "the workload was set to zero replicas",
    "unschedulable": "no node had room for a pod",
    "added_before_listening": "pods were sent requests before they listened",
    "terminated_while_routed": "pods were stopped while requests were still sent to them",
    "node_not_ready": "a node was not ready",
    "cpu_throttled": "CPU limits throttled the pods",
    "host_overloaded": "the machine was overloaded",
    "late_deregistration": "the load balancer sent to pods that were gone",
    "stale_connection": "open connections led to pods that were gone",
    "selector_changed": "the Service was switched to other pods",
    "readiness_failed": "readiness probes failed",
    "no_ready_endpoint": "the Service had no ready pod",
    "application_error": "the application answered with errors",
}
UNSURE = {"high": "", "medium": "probably ", "low": "perhaps "}


def outcome(name: str) -> str:
    """What became of a request, as in "no answer in time"."""
    return OUTCOMES.get(name, name.replace("_", " "))


def cause(row: Mapping[str, Any]) -> str:
    """What a cause of docs/causes.md did; its title where it is newer than this list."""
    return CAUSES.get(row["id"], str(row["title"]))


def counted(number: int, thing: str) -> str:
    """As in "1 outage" and "1,200 requests"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def capital(text: str) -> str:
    """The first letter large, the others as they are."""
    return text[:1].upper() + text[1:]
