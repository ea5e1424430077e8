# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options of a probe, checked: `parse` turns raw values into `Options` before a socket is opened."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from .abort import can_abort
from .arguments import ARGUMENTS, OptionError, check_entries, seconds
from .expectation import Expectation, ExpectationError, Finder, parse_status_set
from .lane import RESUMED
from .load_model import load_of, think_time_of
from .objective import Objective, ObjectiveError, parse_scoped
from .protocol import OF_HTTP, PROTOCOLS
from .resuming import ResumingConnection
from .schedule import Stage, due_times, planned_requests
from .secret import in_address, in_options
from .target import HTTP1, Target, TargetError, parse_target

#: Random arrivals are counted before the run up to here; of more only the mean is known.
_COUNTED_ARRIVALS = 5_000_000


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
    address_order: str
    ca_file: str | None
    client_cert: str | None
    client_key: str | None
    verify: bool
    tls_min_version: str | None
    http2: bool
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

    def targets_on(self, lane: str) -> list[Target]:
        """The targets as a lane connects to them."""
        if lane != RESUMED:
            return self.targets
        return [replace(target, connection=ResumingConnection) for target in self.targets]

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
    for name in (
        "method", "connection", "arrivals", "ip_version", "address_order", "tls_min_version", "http_version",
    ):  # fmt: skip
        if given[name] is not None and given[name] not in ARGUMENTS[name]["choices"]:
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
    model, stages, duration_s, users = load_of(given)
    think_time = None if given["think_time"] is None else think_time_of(given["think_time"])
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
    _check_protocols(given, targets, lanes)
    options = Options(
        targets=targets,
        control=_control(given["control"]),
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
        address_order=given["address_order"],
        ca_file=given["ca_file"],
        client_cert=given["client_cert"],
        client_key=given["client_key"],
        verify=bool(given["verify"]),
        tls_min_version=given["tls_min_version"],
        http2=_http2(given, targets, lanes),
        raw=in_options(given),
    )
    _check_abort(options)
    return options


def _check_protocols(given: Mapping[str, Any], targets: Sequence[Target], lanes: Sequence[str]) -> None:
    """Options that a target's protocol knows nothing of are refused by name."""
    for target in targets:
        if RESUMED in lanes and target.scheme != "https":
            raise OptionError(f"connection: {target.scheme}:// has no TLS session to resume, expected https:// alone")
        protocol = PROTOCOLS.get(target.scheme)
        if protocol is None:
            continue
        for name in OF_HTTP:
            if name not in protocol.takes and given[name] not in (ARGUMENTS[name].get("default"), None):
                raise OptionError(f"{name}: {target.scheme}:// has none, expected it with http:// or https:// alone")
        for text in given["identify"]:
            if not text.partition("=")[2].startswith("regex:"):
                raise OptionError(f"identify: {text!r}, expected name=regex:(...) with {target.scheme}://")
        if "reuse" in lanes and not protocol.keeps:
            raise OptionError(
                f"connection: to connect is all that {target.scheme}:// asks, and a kept one is not; expected new"
            )


def _http2(given: dict[str, Any], targets: Sequence[Target], lanes: Sequence[str]) -> bool:
    """Whether the plan speaks HTTP/2: all of it does, or nothing. Raises OptionError."""
    if all(target.protocol == HTTP1 for target in targets):
        return False
    if any(target.protocol == HTTP1 for target in targets):
        raise OptionError("http_version: HTTP/2 or grpc:// beside other addresses, expected one of them alone")
    if RESUMED in lanes:
        raise OptionError("connection: resumed is not measured with HTTP/2, expected new, reuse or both")
    if given["follow_redirects"]:
        raise OptionError("follow_redirects: not with HTTP/2, expected 0: redirects are reported as the answer")
    if str(given["control"] or "").lower().startswith("https:"):
        raise OptionError("control: https:// beside HTTP/2, expected http://: the control target is asked by HTTP/1.1")
    return True


def _brownout_share(value: Any) -> float:
    if not 0.0 < float(value) <= 100.0:
        raise OptionError(f"brownout_share: expected percent over 0 and up to 100, got {value}")
    return float(value)


def _control(url: str | None) -> Target | None:
    if url is None:
        return None
    target = parse_target("control", {"url": url}, {})
    if target.protocol != HTTP1:
        raise OptionError(f"control: {in_address(url)!r} speaks HTTP/2, expected http:// or https://")
    return target


def _targets(given: dict[str, Any]) -> list[Target]:
    listed = list(given["targets"] or [])
    urls = given["url"] or []
    if bool(listed) == bool(urls):
        raise OptionError("url: expected either url or targets, and at least one address")
    common = {
        name: given[name]
        for name in (
            "method", "headers", "body", "body_base64", "host", "server_name", "connect_to", "values", "http_version",
        )
    }  # fmt: skip
    common["timeout_s"] = seconds("timeout", given["timeout"])
    check_entries("targets", listed)
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
    identify = [text.partition("=")[0] for text in given["identify"]]
    found = parse_scoped(option, given[option], values, identify)
    for objective in found:
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
