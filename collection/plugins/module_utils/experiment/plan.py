# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A plan: one variant of a scenario as typed data, every field of it checked before anything is changed.

`parse` takes what a plan file or the role holds; docs/experiment.md lists the fields. What only the host can tell
(files, nodes, rights) is found out there, before the load begins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..cluster.record import Front, RecordError
from ..probe.address import SCHEMES
from ..probe.arguments import ARGUMENTS, OptionError
from ..probe.options import parse as parse_probe
from .collect import KINDS as COLLECTORS
from .fields import PlanError, Table, fields
from .steps.table import KINDS

ENGINES = ("http_probe", "k6")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: What a plan says of the probe beside the probe's own options: where on the service it asks.
PROBE_EXTRAS = ("path", "steady_path", "scheme", "url", "report")
#: Set by the experiment itself.
PROBE_OWN = ("result", "attempts", "name", "owner_pid", "targets")
REPORTS = ("client", "siege", "hey", "k6", "vegeta")
#: Files that only the host of the probe can look at.
PROBE_FILES = ("ca_file", "client_cert", "client_key")
#: How to connect: what is asked before the measurement is asked in the same way.
CONNECTION_OPTIONS = (
    "ca_file", "client_cert", "client_key", "connect_to", "expect_status", "headers", "host", "http_version",
    "ip_version", "address_order", "server_name", "tls_min_version", "verify",
)  # fmt: skip

TABLE: dict[str, dict[str, Any]] = {
    "scenario": {"type": "str", "required": True},
    "variant": {"type": "str", "required": True},
    "record": {"type": "str", "required": True},
    "journal": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": ""},
    "cluster": {"type": "dict"},
    "deploy": {"type": "list", "elements": "dict", "default": []},
    "patches": {"type": "list", "elements": "dict", "default": []},
    "service": {"type": "str", "default": ""},
    "front": {"type": "str", "default": ""},
    "address_from": {"type": "str", "default": "node", "choices": ["node", "loadbalancer", "ingress"]},
    "engine": {"type": "str", "default": "http_probe", "choices": list(ENGINES)},
    "job": {"type": "list", "elements": "dict", "default": []},
    "probe": {"type": "dict", "required": True},
    "attempts": {"type": "bool", "default": False},
    "steps": {"type": "list", "elements": "dict", "default": []},
    "collect": {"type": "str", "choices": sorted(COLLECTORS)},
    "steady_requests": {"type": "int", "default": 20, "least": 0},
    "steady_timeout_s": {"type": "float", "default": 60, "least": 1},
    "ready_timeout_s": {"type": "float", "default": 180, "least": 1},
    "before_s": {"type": "float", "default": 5, "least": 0},
    "between_s": {"type": "float", "default": 5, "least": 0},
    "after_s": {"type": "float", "default": 5, "least": 0},
    "limit_s": {"type": "float", "default": 1800, "least": 1},
}
_CLUSTER: Table = {"kubeconfig": {"type": "str", "required": True}, "context": {"type": "str"}}
_DEPLOY: Table = {
    "workload": {"type": "str", "required": True},
    "manifests": {"type": "list", "elements": "dict", "required": True},
    "keep": {"type": "bool", "default": False},
}
_PATCH: Table = {
    "target": {"type": "str", "required": True},
    "patch": {"type": "dict", "required": True},
    "text": {"type": "str", "default": ""},
}
_STEP: dict[str, dict[str, Any]] = {
    "do": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "after_s": {"type": "float", "least": 0},
}


@dataclass(frozen=True)
class PlannedStep:
    """One step: its kind, its mark on the timeline, the pause before it, and the checked arguments of its kind."""

    do: str
    name: str
    after_s: float
    args: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A checked plan. `record` is the stem of its files: <record>.probe.json, .cluster.jsonl, .experiment.json, …"""

    scenario: str
    variant: str
    record: str
    journal: str
    namespace: str
    cluster: dict[str, Any] | None
    deploy: list[dict[str, Any]]
    patches: list[dict[str, Any]]
    service: str
    front: Front | None
    address_from: str
    engine: str
    job: list[dict[str, Any]]
    probe: dict[str, Any]
    attempts: bool
    steps: list[PlannedStep]
    collect: str | None
    steady_requests: int
    steady_timeout_s: float
    ready_timeout_s: float
    before_s: float
    between_s: float
    after_s: float
    limit_s: float

    @property
    def needs_root(self) -> bool:
        """Whether a step needs root on the host that runs the experiment."""
        return any(getattr(KINDS[step.do], "ROOT", False) for step in self.steps)

    @property
    def open_ended(self) -> bool:
        """Whether the load lasts until the last step has ended: it does, unless requests or stages are counted out."""
        return self.engine == "http_probe" and not self.probe.get("requests") and not self.probe.get("stages")

    def probe_options(self, address: str) -> dict[str, Any]:
        """The options of the load at an address (scheme, host and port)."""
        options = {name: value for name, value in self.probe.items() if name not in PROBE_EXTRAS}
        options.update(
            url=[self._url(address, str(self.probe.get("path", "/")))],
            name=self.variant,
            result=f"{self.record}.probe.json",
            objectives=self.probe.get("objectives") or ["requests > 0"],
        )
        if self.attempts or self.probe.get("report") == "client":
            options["attempts"] = f"{self.record}.attempts.jsonl"
        if self.open_ended:
            options["duration"] = f"{self.limit_s:g}s"
        return options

    def steady_options(self, address: str) -> dict[str, Any]:
        """The options of one try for a steady state."""
        options = {name: value for name, value in self.probe.items() if name in CONNECTION_OPTIONS}
        path = str(self.probe.get("steady_path") or self.probe.get("path") or "/")
        if "{value}" in path:
            options["values"] = self.probe.get("values")
        options.update(
            url=[self._url(address, path)],
            requests=self.steady_requests,
            rate=20,
            timeout="2s",
            objectives=["availability == 100"],
        )
        return options

    def _url(self, address: str, path: str) -> str:
        """The service speaks HTTP where the plan does not say otherwise."""
        scheme = self.probe.get("scheme")
        return (f"{scheme}://{address.partition('://')[2]}" if scheme else address) + path

    def shown(self) -> list[str]:
        """The plan in lines for people: what would be done, when."""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        lines = [f"{self.scenario}, variant {self.variant}{where}"]
        for part in self.deploy:
            lines.append(f"  deploy {part['workload']}: {', '.join(_named(one) for one in part['manifests'])}")
        load = {
            name: value for name, value in self.probe.items() if name not in (*CONNECTION_OPTIONS, "values", "body")
        }
        lines.append(f"  ask with {self.engine}: " + ", ".join(f"{name} {value}" for name, value in load.items()))
        for number, step in enumerate(self.steps):
            when = f"{self.before_s:g} s after the first request" if not number else f"{step.after_s:g} s later"
            lines.append(f"  {when}: {step.do}: {step.name}")
        least = self.probe.get("duration")
        lines.append(
            f"  end {self.after_s:g} s after the last step" + (f", after {least} at the earliest" if least else "")
            if self.open_ended
            else "  end when the load's own plan has ended"
        )
        return lines


def parse(raw: Mapping[str, Any], on_host: bool = True) -> Plan:
    """Check a whole plan. Raises PlanError naming the first field that does not fit, and what was expected.

    on_host: whether this is the host that probes: elsewhere the files of certificates cannot be looked at.
    """
    found = fields("", raw, TABLE)
    for name in ("scenario", "variant"):
        if not _NAME.fullmatch(found[name]):
            raise PlanError(f"{name}: expected letters, digits, '.', '_' and '-', got {found[name]!r}")
    if found["cluster"] is not None:
        found["cluster"] = fields("cluster", found["cluster"], _CLUSTER)
        if not found["namespace"]:
            raise PlanError("namespace: is missing; expected the namespace of the service")
    elif not found["probe"].get("url"):
        raise PlanError("probe.url: is missing; expected the service's address, as the plan has no cluster to look in")
    if found["cluster"] is not None and not found["probe"].get("url") and not found["service"]:
        raise PlanError("service: is missing; expected the name of the Service that is asked")
    try:
        found["front"] = Front.parse("front", found["front"])
    except RecordError as error:
        raise PlanError(str(error)) from error
    _check_way(found)
    found["deploy"] = [
        _with_manifests(f"deploy[{i}]", fields(f"deploy[{i}]", one, _DEPLOY)) for i, one in enumerate(found["deploy"])
    ]
    found["patches"] = [fields(f"patches[{i}]", one, _PATCH) for i, one in enumerate(found["patches"])]
    for i, one in enumerate(found["patches"]):
        if not re.fullmatch(r"(Deployment|StatefulSet)/[a-z0-9.-]+", one["target"]):
            raise PlanError(
                f"patches[{i}].target: expected Deployment/<name> or StatefulSet/<name>, got {one['target']!r}"
            )
    if found["engine"] == "k6" and not found["job"]:
        raise PlanError("job: is missing; expected the manifests of the Job that runs k6")
    found["steps"] = [_step(i, one, found["between_s"]) for i, one in enumerate(found["steps"])]
    plan = Plan(**found)
    _check_probe(plan, on_host)
    return plan


def _check_way(found: Mapping[str, Any]) -> None:
    """How requests come to the service: what is said of the proxy in front has to fit. Raises PlanError."""
    front, url = found["front"], found["probe"].get("url")
    if found["address_from"] == "ingress":
        if front is None:
            raise PlanError(
                "front: is missing; expected namespace/service of the proxy to ask, as address_from is ingress"
            )
        if url:
            raise PlanError(f"probe.url: is {url}, and address_from is ingress; expected one of the two")
        if found["cluster"] is None:
            raise PlanError("address_from: is ingress, and the plan has no cluster to look for it in")
        if found["engine"] != "http_probe":
            raise PlanError(f"engine: is {found['engine']}, and address_from is ingress; expected http_probe")
        if not found["probe"].get("host"):
            raise PlanError("probe.host: is missing; expected the host of the Ingress, as address_from is ingress")
    elif front is not None and not url:
        raise PlanError("front: is there, but probe.url is missing; expected the address of the proxy in front")


def _step(index: int, raw: Any, between_s: float) -> PlannedStep:
    where = f"steps[{index}]"
    if not isinstance(raw, Mapping):
        raise PlanError(f"{where}: expected a mapping with do and name, got {raw!r}")
    common = fields(where, {name: raw[name] for name in raw if name in _STEP}, _STEP)
    kind = common["do"]
    if kind not in KINDS:
        raise PlanError(f"{where}.do: no such step: {kind}; expected one of {', '.join(sorted(KINDS))}")
    own = {name: value for name, value in raw.items() if name not in _STEP}
    if kind == "tasks":
        own["index"] = index
    args = fields(f"{where} ({kind})", own, KINDS[kind].TAKES)
    if "manifests" in args:
        _with_manifests(where, args)
    after_s = common["after_s"] if common["after_s"] is not None else between_s
    return PlannedStep(kind, common["name"], after_s, args)


def _with_manifests(where: str, part: dict[str, Any]) -> dict[str, Any]:
    for i, one in enumerate(part["manifests"]):
        metadata = one.get("metadata")
        if not (one.get("apiVersion") and one.get("kind") and isinstance(metadata, Mapping) and metadata.get("name")):
            raise PlanError(f"{where}.manifests[{i}]: expected apiVersion, kind and metadata.name")
    return part


def _check_probe(plan: Plan, on_host: bool) -> None:
    unknown = sorted(set(plan.probe) - (set(ARGUMENTS) | set(PROBE_EXTRAS)) | set(plan.probe) & set(PROBE_OWN))
    if unknown:
        known = sorted((set(ARGUMENTS) | set(PROBE_EXTRAS)) - set(PROBE_OWN))
        raise PlanError(f"probe.{unknown[0]}: no such option; expected {', '.join(known)}")
    report = plan.probe.get("report")
    if report is not None and report not in REPORTS:
        raise PlanError(f"probe.report: expected one of {', '.join(REPORTS)}, got {report!r}")
    scheme = plan.probe.get("scheme")
    if scheme is not None and scheme not in SCHEMES:
        raise PlanError(f"probe.scheme: expected one of {', '.join(SCHEMES)}, got {scheme!r}")
    for name in ("path", "steady_path"):
        if name in plan.probe and not str(plan.probe[name]).startswith("/"):
            raise PlanError(f"probe.{name}: expected a path that begins with /, got {plan.probe[name]!r}")
    address = str(plan.probe.get("url") or "http://127.0.0.1:1")
    hidden = () if on_host else PROBE_FILES
    for options in (plan.probe_options(address), plan.steady_options(address)):
        given = {name: value for name, value in options.items() if name not in (*hidden, "result", "attempts")}
        try:
            parse_probe(given)
        except OptionError as error:
            raise PlanError(f"probe.{error}") from error
        if not plan.steady_requests:
            break
    if plan.engine == "k6" and not plan.probe.get("stages"):
        raise PlanError("probe.stages: is missing; expected the stages of users that k6 goes through")


def _named(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"
