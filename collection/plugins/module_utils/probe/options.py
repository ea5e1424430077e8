# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options of a probe: one table for the module and the command, and their validation.

`ARGUMENTS` has the form of an Ansible argument_spec. `parse` turns raw values into `Options` and raises
`OptionError` naming the option and what was expected, before a socket is opened.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from .brownout import SHARE_PERCENT
from .expectation import Expectation, ExpectationError, Finder, parse_status_set
from .objective import Objective, ObjectiveError, can_abort, parse_objective
from .schedule import Stage, due_times, planned_requests
from .secret import in_options
from .target import Target, TargetError, parse_target

ARGUMENTS: dict[str, dict[str, Any]] = {
    "url": {"type": "list", "elements": "str"},
    "targets": {
        "type": "list",
        "elements": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "name": {"type": "str"},
            "weight": {"type": "int", "default": 1},
            "method": {"type": "str"},
            "headers": {"type": "dict"},
            "body": {"type": "str"},
        },
    },
    "values": {"type": "list", "elements": "str"},
    "method": {
        "type": "str",
        "default": "GET",
        "choices": ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"],
    },
    "headers": {"type": "dict", "default": {}},
    "body": {"type": "str"},
    "connect_to": {"type": "str"},
    "host": {"type": "str"},
    "server_name": {"type": "str"},
    "ca_file": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "verify": {"type": "bool", "default": True},
    "ip_version": {"type": "str", "default": "any", "choices": ["any", "4", "6"]},
    "follow_redirects": {"type": "int", "default": 0},
    "connection": {"type": "str", "default": "new", "choices": ["new", "reuse", "both"]},
    "rate": {"type": "float"},
    "users": {"type": "int"},
    "stages": {
        "type": "list",
        "elements": "dict",
        "options": {
            "duration": {"type": "str", "required": True},
            "rate": {"type": "float"},
            "users": {"type": "int"},
        },
    },
    "arrivals": {"type": "str", "default": "constant", "choices": ["constant", "poisson"]},
    "think_time": {"type": "str"},
    "iteration_time": {"type": "str"},
    "requests": {"type": "int"},
    "duration": {"type": "str"},
    "max_in_flight": {"type": "int", "default": 0},
    "processes": {"type": "int", "default": 1},
    "timeout": {"type": "str", "default": "5s"},
    "expect_status": {"type": "list", "elements": "str", "default": ["200-399"]},
    "expect_body": {"type": "str"},
    "expect_regex": {"type": "str"},
    "expect_json": {"type": "dict", "default": {}},
    "expect_latency": {"type": "str"},
    "identify": {"type": "list", "elements": "str", "default": []},
    "remote_date": {"type": "str"},
    "control": {"type": "str"},
    "control_rate": {"type": "float", "default": 10.0},
    "stall_after": {"type": "str", "default": "1s"},
    "brownout_share": {"type": "float", "default": SHARE_PERCENT},
    "objectives": {"type": "list", "elements": "str", "default": ["failed == 0"]},
    "abort_on": {"type": "list", "elements": "str", "default": []},
    "max_lateness": {"type": "str", "default": "100ms"},
    "max_steal": {"type": "float", "default": 20.0},
    "name": {"type": "str", "default": ""},
    "result": {"type": "path"},
    "attempts": {"type": "path"},
    "seed": {"type": "int", "default": 1},
    "owner_pid": {"type": "int"},
}

#: What a task has beyond the probe itself.
TASK_ARGUMENTS: dict[str, dict[str, Any]] = {
    "report": {"type": "str", "choices": ["client", "siege", "hey", "k6", "vegeta"]},
    "fail_on": {"type": "str", "default": "fail", "choices": ["fail", "inconclusive", "never"]},
}

#: Random arrivals are counted before the run up to here; of more only the mean is known.
_COUNTED_ARRIVALS = 5_000_000
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|h)?")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class OptionError(ValueError):
    """An option's value cannot be used; the text names the option and what was expected."""


def seconds(option: str, text: object, allow_zero: bool = False) -> float:
    """A duration as `500ms`, `10s`, `1m30s`, `2h` or a plain number of seconds."""
    raw = str(text).strip()
    total = 0.0
    position = 0
    while position < len(raw):
        match = _DURATION.match(raw, position)
        if match is None or (match.group(2) is None and (position or match.end() != len(raw))):
            raise OptionError(f"{option}: {raw!r} is not a duration, expected for example 500ms, 10s or 1m30s")
        total += float(match.group(1)) * _UNITS[match.group(2) or "s"]
        position = match.end()
    if not raw or total < 0 or (total == 0 and not allow_zero):
        raise OptionError(f"{option}: {raw!r} must be longer than 0, expected for example 500ms, 10s or 1m30s")
    return total


@dataclass(frozen=True)
class Options:
    """A validated plan: what to send where, when, and what to expect. Times in seconds."""

    targets: list[Target]
    control: Target | None
    control_rate: float
    lanes: list[str]
    model: str
    stages: list[Stage]
    arrivals: str
    requests: int | None
    duration_s: float | None
    users: int
    think_time_s: tuple[float, float] | None
    iteration_s: float | None
    max_in_flight: int
    processes: int
    timeout_s: float
    expectation: Expectation
    identify: list[tuple[str, Finder]]
    remote_date: Finder | None
    follow_redirects: int
    stall_after_s: float
    brownout_percent: float
    objectives: list[Objective]
    abort_on: list[Objective]
    max_lateness_s: float
    max_steal_percent: float
    name: str
    result: str | None
    attempts: str | None
    seed: int
    owner_pid: int | None
    ip_version: str
    ca_file: str | None
    client_cert: str | None
    client_key: str | None
    verify: bool
    raw: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def planned_arrivals(self) -> int | None:
        """Arrivals in the whole plan (each lane sends one request for each); None when only time ends it."""
        if self.model == "open" and self.arrivals == "constant":
            return planned_requests(self.stages, self.requests)
        if self.model == "open" and planned_requests(self.stages) <= _COUNTED_ARRIVALS:
            return sum(1 for _unused in self.due_times())
        return self.requests

    def due_times(self) -> Iterator[int]:
        """When each arrival of an open plan is due, in ns from the start.

        Without a duration the requests alone end the plan: chance may need longer for them than their mean.
        """
        endless = self.duration_s is None and self.requests is not None
        return due_times(self.stages, self.arrivals, self.requests, self.seed, endless=endless)

    def reading(self) -> dict[str, Any]:
        """How the requests are read, for the header of the progress file."""
        return {
            "stall_after_s": self.stall_after_s,
            "timeout_s": self.timeout_s,
            "brownout_percent": self.brownout_percent,
        }

    def plan(self) -> dict[str, Any]:
        """The plan as the record has it."""
        arrivals = self.planned_arrivals
        return {
            "model": self.model,
            "arrivals": self.arrivals if self.model == "open" else "immediate",
            "stages": [{"duration_s": s.duration_s, "from": s.start, "to": s.end} for s in self.stages],
            "requests": None if arrivals is None else arrivals * len(self.lanes),
            "duration_s": self.duration_s,
            "connections_peak": self.users,
            "think_time_s": None if self.think_time_s is None else list(self.think_time_s),
            "iteration_s": self.iteration_s,
            "lanes": self.lanes,
        }


def parse(raw: Mapping[str, Any]) -> Options:
    """Validate raw option values (names as in ARGUMENTS; absent or None means the default). Raises OptionError."""
    unknown = sorted(set(raw) - set(ARGUMENTS))
    if unknown:
        raise OptionError(f"{unknown[0]}: unknown option, expected one of {', '.join(sorted(ARGUMENTS))}")
    given = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
    given.update({name: value for name, value in raw.items() if value is not None})
    try:
        return _parse(given)
    except (TargetError, ExpectationError, ObjectiveError) as error:
        raise OptionError(str(error)) from error


def check_folder(option: str, path: str | None) -> None:
    """Raise OptionError where a file that is to be written has no folder."""
    folder = os.path.dirname(os.path.abspath(path)) if path else None
    if folder is not None and not os.path.isdir(folder):
        raise OptionError(f"{option}: the folder {folder} does not exist, expected a file in an existing folder")


def _check_values(given: dict[str, Any]) -> None:
    for name in ("method", "connection", "arrivals", "ip_version"):
        if given[name] not in ARGUMENTS[name]["choices"]:
            expected = ", ".join(ARGUMENTS[name]["choices"])
            raise OptionError(f"{name}: {given[name]!r} is unknown, expected one of {expected}")
    for name, least in (("processes", 1), ("max_in_flight", 0), ("follow_redirects", 0), ("requests", 1), ("users", 1)):
        if given[name] is not None and int(given[name]) < least:
            raise OptionError(f"{name}: {given[name]} is too small, expected {least} or more")
    for name in ("rate", "control_rate"):
        if given[name] is not None and not 0 < float(given[name]) < math.inf:
            raise OptionError(
                f"{name}: {given[name]} is not a rate, expected more than 0 a second (as fast as possible: users)"
            )
    for name in ("ca_file", "client_cert", "client_key"):
        if given[name] is not None and not os.access(given[name], os.R_OK):
            raise OptionError(f"{name}: {given[name]} cannot be read, expected a PEM file")
    if given["client_key"] is not None and given["client_cert"] is None:
        raise OptionError("client_key: given without client_cert, expected both")
    for name in ("result", "attempts"):
        check_folder(name, given[name])


def _parse(given: dict[str, Any]) -> Options:
    _check_values(given)
    model, stages, duration_s, users = _load(given)
    think_time = None if given["think_time"] is None else _think_time(given["think_time"])
    iteration = None if given["iteration_time"] is None else seconds("iteration_time", given["iteration_time"])
    if model == "open" and (think_time or iteration):
        name = "think_time" if think_time else "iteration_time"
        raise OptionError(f"{name}: only users wait; expected users or stages of users, not a rate")
    if think_time and iteration:
        raise OptionError("iteration_time: expected either think_time or iteration_time, not both")
    lanes = ["new", "reuse"] if given["connection"] == "both" else [given["connection"]]
    if model == "closed" and len(lanes) > 1:
        raise OptionError("connection: both needs a rate (every arrival goes to both lanes), not users")
    processes = int(given["processes"])
    cap = int(given["max_in_flight"])
    if 0 < cap < processes:
        raise OptionError(f"max_in_flight: {cap} is less than one for each of {processes} processes, expected more")
    if model == "closed" and 0 < cap < users:
        raise OptionError(f"max_in_flight: {cap} is less than the {users} users, who are the cap; expected fewer users")
    if model == "closed" and processes > users:
        raise OptionError(f"processes: {processes} is more than the {users} users, expected at most as many")
    targets = _targets(given)
    options = Options(
        targets=targets,
        control=None if given["control"] is None else parse_target("control", {"url": given["control"]}, {}),
        control_rate=float(given["control_rate"]),
        lanes=lanes,
        model=model,
        stages=stages,
        arrivals=given["arrivals"],
        requests=None if given["requests"] is None else int(given["requests"]),
        duration_s=duration_s,
        users=users,
        think_time_s=think_time,
        iteration_s=iteration,
        max_in_flight=cap,
        processes=processes,
        timeout_s=seconds("timeout", given["timeout"]),
        expectation=Expectation(
            statuses=parse_status_set("expect_status", given["expect_status"]),
            contains=_bytes(given["expect_body"]),
            pattern=Expectation.compile("expect_regex", given["expect_regex"]),
            json_values=Expectation.pointers("expect_json", given["expect_json"]),
            latency_ns=None
            if given["expect_latency"] is None
            else int(seconds("expect_latency", given["expect_latency"]) * 1e9),
        ),
        identify=_identify(given["identify"]),
        remote_date=None if given["remote_date"] is None else Finder.parse("remote_date", given["remote_date"]),
        follow_redirects=int(given["follow_redirects"]),
        stall_after_s=seconds("stall_after", given["stall_after"]),
        brownout_percent=_brownout_share(given["brownout_share"]),
        objectives=_objectives(given, "objectives", lanes, targets),
        abort_on=_objectives(given, "abort_on", lanes, targets),
        max_lateness_s=seconds("max_lateness", given["max_lateness"]),
        max_steal_percent=float(given["max_steal"]),
        name=given["name"],
        result=given["result"],
        attempts=given["attempts"],
        seed=int(given["seed"]),
        owner_pid=given.get("owner_pid"),
        ip_version=given["ip_version"],
        ca_file=given["ca_file"],
        client_cert=given["client_cert"],
        client_key=given["client_key"],
        verify=bool(given["verify"]),
        raw=in_options(given),
    )
    _check_abort(options)
    return options


def _brownout_share(value: Any) -> float:
    if not 0.0 < float(value) <= 100.0:
        raise OptionError(f"brownout_share: expected percent over 0 and up to 100, got {value}")
    return float(value)


def _load(given: dict[str, Any]) -> tuple[str, list[Stage], float | None, int]:
    """The load model: exactly one of rate, users and stages."""
    chosen = [name for name in ("rate", "users", "stages") if given[name] not in (None, [])]
    if len(chosen) != 1:
        said = " and ".join(chosen) or "none of them"
        raise OptionError(f"rate: expected exactly one of rate, users and stages, got {said}")
    duration = None if given["duration"] is None else seconds("duration", given["duration"])
    if chosen[0] == "stages":
        if duration is not None:
            raise OptionError("duration: the stages have durations of their own, expected only one of the two")
        return _stages(given["stages"])
    if duration is None and given["requests"] is None:
        raise OptionError("duration: expected duration or requests (or both), got neither")
    if chosen[0] == "rate":
        rate = float(given["rate"])
        length = duration if duration is not None else int(given["requests"]) / rate
        return "open", [Stage(length, rate, rate)], duration, 0
    users = int(given["users"])
    stages = [] if duration is None else [Stage(duration, users, users)]
    return "closed", stages, duration, users


def _stages(raw: Sequence[Mapping[str, Any]]) -> tuple[str, list[Stage], float | None, int]:
    """Stages go in a straight line from the value before (0 at first) to their own; a first one of no time sets it."""
    _check_entries("stages", raw)
    kinds = {"rate" if stage.get("rate") is not None else "users" for stage in raw}
    if len(kinds) != 1 or any((s.get("rate") is None) == (s.get("users") is None) for s in raw):
        raise OptionError("stages: expected every stage to have a duration and a rate, or a duration and users")
    kind = kinds.pop()
    stages = []
    before = 0.0
    for stage in raw:
        length = seconds("stages.duration", stage["duration"], allow_zero=True)
        try:
            value = float(stage[kind])
        except (TypeError, ValueError) as error:
            raise OptionError(f"stages.{kind}: {stage[kind]!r} is no number, expected 0 or more") from error
        if not 0 <= value < math.inf:
            raise OptionError(f"stages.{kind}: {stage[kind]}, expected 0 or more")
        if length:
            stages.append(Stage(length, before, value))
        before = value
    if not stages or max(max(s.start, s.end) for s in stages) <= 0:
        raise OptionError(f"stages: expected some time with a {kind} above 0")
    total = sum(stage.duration_s for stage in stages)
    peak = int(max(max(s.start, s.end) for s in stages)) if kind == "users" else 0
    return ("open" if kind == "rate" else "closed"), stages, total, peak


def _think_time(text: str) -> tuple[float, float]:
    """`1s` is fixed, `0-1s` or `200ms-1s` is uniform."""
    low, dash, high = str(text).partition("-")
    if not dash:
        fixed = seconds("think_time", low, allow_zero=True)
        return fixed, fixed
    unit = re.search(r"[a-z]+$", high.strip())
    if unit and re.fullmatch(r"[\d.]+", low.strip()):
        low = low.strip() + unit.group()  # 0-1s: the unit counts for both
    times = seconds("think_time", low, allow_zero=True), seconds("think_time", high)
    if times[0] > times[1]:
        raise OptionError(f"think_time: {text!r} goes down, expected the shorter time first")
    return times


def _targets(given: dict[str, Any]) -> list[Target]:
    listed = list(given["targets"] or [])
    urls = given["url"] or []
    if bool(listed) == bool(urls):
        raise OptionError("url: expected either url or targets, and at least one address")
    common = {
        name: given[name] for name in ("method", "headers", "body", "host", "server_name", "connect_to", "values")
    }
    _check_entries("targets", listed)
    entries = listed or [{"url": url} for url in urls]
    targets = [parse_target("targets" if listed else "url", entry, common) for entry in entries]
    for position, target in enumerate(targets):
        # Two addresses that differ in a secret alone look the same without it.
        twins = [other for other in targets[:position] if other.name == target.name]
        if (
            twins
            and not entries[position].get("name")
            and entries[position]["url"] not in (entry["url"] for entry in entries[:position])
        ):
            targets[position] = replace(target, name=f"{target.name} ({len(twins) + 1})")
    names = [target.name for target in targets]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"targets: two targets are called {name!r}, expected different names")
    return targets


def _check_entries(option: str, entries: Sequence[Any]) -> None:
    """Each entry of a list of dictionaries has the keys of the table, and those that it must have."""
    known = ARGUMENTS[option]["options"]
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise OptionError(f"{option}: {entry!r}, expected keys and values")
        for name in entry:
            if name not in known:
                raise OptionError(f"{option}: {name!r} is unknown, expected one of {', '.join(sorted(known))}")
        for name, spec in known.items():
            value = entry.get(name)
            if value is None and spec.get("required"):
                raise OptionError(f"{option}: expected {name} in every entry")
            if value is not None and spec["type"] == "dict" and not isinstance(value, Mapping):
                raise OptionError(f"{option}.{name}: {value!r}, expected names and values")
            if value is not None and spec["type"] == "int":
                try:
                    int(value)
                except (TypeError, ValueError) as error:
                    raise OptionError(f"{option}.{name}: {value!r}, expected a whole number") from error


def _identify(texts: Sequence[str]) -> list[tuple[str, Finder]]:
    found: list[tuple[str, Finder]] = []
    for text in texts:
        name, equals, source = text.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][\w-]*", name):
            raise OptionError(
                f"identify: {text!r}, expected name=header:X-Name, name=json:/pointer or name=regex:(...)"
            )
        if name in dict(found):
            raise OptionError(f"identify: {name!r} is given twice, expected different names")
        found.append((name, Finder.parse("identify", source)))
    return found


def _objectives(given: dict[str, Any], option: str, lanes: Sequence[str], targets: Sequence[Target]) -> list[Objective]:
    """The objectives; a scope must be a lane or a target that there is, or a name of `identify`."""
    values = {"lane": list(lanes), "target": [target.name for target in targets]}
    names = {*values, *(text.partition("=")[0] for text in given["identify"])}
    found = [parse_objective(option, text) for text in given[option]]
    for objective in found:
        name, value = objective.scope or ("", "")
        if name and name not in names:
            raise OptionError(f"{option}: {objective.text!r}, expected a scope of {', '.join(sorted(names))}")
        if name in values and value not in values[name]:
            raise OptionError(f"{option}: {objective.text!r}, expected as {name} one of {', '.join(values[name])}")
        wrong = can_abort(objective) if option == "abort_on" else ""
        if wrong:
            raise OptionError(f"abort_on: {objective.text!r} {wrong}")
    return found


def _check_abort(options: Options) -> None:
    """An objective about a share of the plan needs a plan whose number of requests is known."""
    for objective in options.abort_on:
        if options.planned_arrivals is None and objective.metric not in ("failed", "longest_outage", "total_outage"):
            raise OptionError(
                f"abort_on: {objective.text!r} cannot be decided before the end where only time ends the plan; "
                "expected failed, longest_outage or total_outage, or requests in the plan"
            )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
