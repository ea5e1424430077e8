# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a scenario's data to the plans of its variants: what they share joined, values rendered, all of it checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.utils.vars import merge_hash
from ansible_collections.availability.lab.plugins.module_utils.experiment.fields import PlanError, Table, fields
from ansible_collections.availability.lab.plugins.module_utils.experiment.plan import parse
from ansible_collections.availability.lab.plugins.module_utils.probe.secret import values_of
from ansible_collections.availability.lab.plugins.module_utils.report import expectation
from ansible_collections.availability.lab.plugins.module_utils.report.figures import phases

Json = dict[str, Any]
#: (workload, namespace, settings) -> manifests
Render = Callable[[str, str, Json], list[Json]]
Part = tuple[str, str, Json]

VARIANT: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str"},
    "values": {"type": "dict", "default": {}},
    "beside": {"type": "list", "elements": "dict"},
    "settings": {"type": "dict"},
    "probe": {"type": "dict", "default": {}},
    "engine": {"type": "str", "default": "http_probe"},
    "collect": {"type": "str"},
    "disturbances": {"type": "list", "elements": "dict"},
    # of a proof: the round, the variant that it repeats, and the patches that the report advised
    "round": {"type": "int"},
    "cure_of": {"type": "str"},
    "patches": {"type": "list", "elements": "dict", "default": []},
}
BESIDE: Table = {"workload": {"type": "str", "required": True}, "values": {"type": "dict", "default": {}}}
#: What of a scenario goes into each plan as it is.
AS_IT_IS = (
    "scenario", "journal", "service", "address_from", "attempts", "steady_requests", "steady_timeout_s",
    "before_s", "between_s", "after_s", "limit_s",
)  # fmt: skip
#: The Service of the lab's own front (role front).
LAB_FRONT = "projectcontour/envoy"


@dataclass(frozen=True)
class Planned:
    """A variant's plan, what the report's run has beside its records, and what the role has to know of it."""

    plan: Json
    report: Json
    root: bool
    tasks: list[Json]
    shown: list[str]

    @property
    def front_needed(self) -> str:
        """The front that has to be there before, as namespace/service; "" where none is asked, or the plan's own."""
        front = str(self.plan["front"]) if self.plan["address_from"] == "ingress" else ""
        return "" if front.startswith(f"{self.plan['namespace']}/") else front

    @property
    def secret(self) -> bool:
        """Whether the plan holds what no screen may show: a header such as Authorization, a password, a Secret."""
        parts = [*self.plan["deploy"], *self.plan["steps"], {"manifests": self.plan.get("job", [])}]
        kinds = {one.get("kind") for part in parts for one in part.get("manifests", [])}
        return bool(values_of(self.plan["probe"])) or "Secret" in kinds


def chosen(variants: Sequence[Any], only: Sequence[str], scenario: str) -> list[Json]:
    """The variants that are run, each with all fields. Raises PlanError."""
    listed = [fields(f"scenario_variants[{i}]", one, VARIANT) for i, one in enumerate(variants)]
    names = [one["name"] for one in listed]
    if not names:
        raise PlanError("scenario_variants: is empty; expected at least one variant")
    twice = [name for one, name in zip(listed, names) if one["round"] is None and names.count(name) > 1]
    if twice:
        raise PlanError(f"scenario_variants: two are called {twice[0]}; expected different names")
    unknown = [name for name in only if name not in names]
    if unknown:
        raise PlanError(
            f"scenario_only: {scenario} has no variant {', '.join(unknown)}; expected some of {', '.join(names)}"
        )
    return [one for one in listed if not only or one["name"] in only]


def plan_of(data: Json, variant: Json, render: Render) -> Planned:
    """The plan of one variant. Raises PlanError, naming the variant, and what `render` raises."""
    steps = variant["disturbances"] if variant["disturbances"] is not None else data["disturbances"]
    namespace = data["namespace"] or variant["namespace"] or data["workload"]
    values = merge_hash(data["values_common"], variant["values"])
    probe = {**data["probe"], **(data["probe_profiles"].get(data["profile"]) or {}), **variant["probe"]}
    parts = variant["beside"] if variant["beside"] is not None else data["beside"]
    parts = [fields(f"scenario_beside[{i}]", one, BESIDE) for i, one in enumerate(parts)]
    if data["workload"]:
        parts = [{"workload": data["workload"], "values": values}, *parts]
    plan: Json = {
        **{name: data[name] for name in AS_IT_IS},
        "variant": variant["name"],
        "record": f"{data['directory']}/{variant['name']}{variant['round'] or ''}",
        "namespace": namespace if data["cluster"] else "",
        "cluster": {"kubeconfig": data["kubeconfig"], "context": data["context"] or None} if data["cluster"] else None,
        "deploy": [
            {**part, "manifests": render(part["workload"], namespace, part["values"]), "keep": data["keep"]}
            for part in parts
        ],
        "front": data["front"] if "/" in data["front"] or not data["front"] else f"{namespace}/{data['front']}",
        "patches": [{name: one[name] for name in ("target", "patch", "text")} for one in variant["patches"]],
        "probe": probe,
        "engine": variant["engine"],
        "collect": variant["collect"],
        "steps": [
            _with_manifests(i, step, (data["workload"], namespace, values), render) for i, step in enumerate(steps)
        ],
    }
    _through_ingress(plan, data, variant["name"])
    for part in plan["deploy"]:
        del part["values"]
    if variant["engine"] == "k6":
        plan["job"] = _k6_job(plan, render)
    try:
        checked = parse(plan, on_host=False)
    except PlanError as error:
        raise PlanError(f"{variant['name']}: {error}") from error
    tasks = [{"index": step.args["index"], "file": step.args["file"]} for step in checked.steps if step.do == "tasks"]
    return Planned(plan, _report(variant, data["stable_s"]), checked.needs_root, tasks, checked.shown())


def _through_ingress(plan: Json, data: Json, variant: str) -> None:
    """Where requests come through an Ingress: its host, and the front that answers for it. Raises PlanError."""
    if data["address_from"] != "ingress":
        if data["host"]:
            raise PlanError(
                f"scenario_address_from: is {data['address_from']}; expected ingress, as scenario_host is set"
            )
        return
    if "host" in plan["probe"]:
        raise PlanError("scenario_probe.host: is there, and scenario_address_from is ingress; expected scenario_host")
    host = data["host"] or f"{plan['service']}.{plan['namespace']}.lab.test"
    manifests = [one for part in plan["deploy"] for one in part["manifests"]]
    rules = [rule for one in manifests if one["kind"] == "Ingress" for rule in one["spec"].get("rules") or []]
    hosts = [str(rule.get("host")) for rule in rules]
    if data["workload"] and host not in hosts:
        raise PlanError(
            f"{variant}: scenario_host: no Ingress of {data['workload']} has the host {host}; expected "
            f"{', '.join(hosts) or 'scenario_values_common with ingress: true'}"
        )
    plan["probe"] = {**plan["probe"], "host": host}
    plan["front"] = plan["front"] or LAB_FRONT


def expected(texts: Sequence[str], variants: Sequence[Any], planned: Sequence[Planned]) -> list[str]:
    """The expectations that speak of the variants which are run alone; all are checked. Raises PlanError."""
    every = {one["name"]: [*phases.NAMES, phases.DURING] if isinstance(one, Mapping) else [] for one in variants}
    run = {one.plan["variant"] for one in planned}
    kept = []
    for text in texts:
        try:
            found = expectation.parse(text, every)
        except expectation.ExpectationError as error:
            raise PlanError(f"scenario_expectations: {error}") from error
        sides = [side for side in (found.left, found.right) if isinstance(side, expectation.Reference)]
        if all(side.variant is None or side.variant in run for side in sides):
            kept.append(text)
    return kept


def _with_manifests(index: int, step: Json, base: Part, render: Render) -> Json:
    """A step `apply` takes values of the workload; the plan has the manifests that they make."""
    workload, namespace, values = base
    if not isinstance(step, Mapping) or step.get("do") != "apply" or "manifests" in step:
        return step
    changed = step.get("values")
    if not isinstance(changed, Mapping):
        raise PlanError(f"disturbances[{index}].values: is missing; expected settings of the workload that change")
    if not workload:
        raise PlanError(f"disturbances[{index}]: apply needs scenario_workload, or manifests in place of values")
    rest = {name: value for name, value in step.items() if name != "values"}
    return {**rest, "manifests": render(workload, namespace, merge_hash(values, dict(changed)))}


def _k6_job(plan: Json, render: Render) -> list[Json]:
    """k6 runs inside the cluster, as a Job that asks the Service by its name; the same stages in its own words."""
    probe = plan["probe"]
    settings = {
        "url": f"http://{plan['service']}{str(probe.get('path', '/')).replace('{value}', '')}",
        "products": probe.get("values") or [""],
        "stages": [{"duration": one["duration"], "target": one["users"]} for one in probe.get("stages") or []],
    }
    return render("k6", plan["namespace"], settings)


def _report(variant: Json, stable_s: float) -> Json:
    """What the report's run has beside its records."""
    extra: Json = {"stable": stable_s}
    if variant["round"] is not None:
        extra["phase"] = f"round {variant['round']}"
    for name in ("cure_of", "settings"):
        if variant[name]:
            extra[name] = variant[name]
    return extra
