# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The command line: the module's options with dashes, for people without a playbook."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from .hdr import write_log
from .histogram import Histogram
from .options import ARGUMENTS, OptionError, parse
from .place import STANDARD_OUTPUT, write
from .progress import SUFFIX, ProgressError, live_line, recover
from .supervisor import OnSecond, RecordUnwritten, Supervisor

EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 2}
_BAD_OPTION = 64

HELP = {
    "url": "address to probe; again for more (http:// or https://); {value} in it takes each of --values in turn",
    "targets": 'as JSON: {"url": …, "name": …, "weight": …, "method": …, "headers": …, "body": …}; again for more',
    "values": "values for {value} in the address or body, for example product ids; again for more",
    "method": "HTTP method",
    "headers": "request header as Name=value; again for more",
    "body": "request body",
    "connect_to": "connect to this address:port instead of the URL's",
    "host": "Host header instead of the URL's",
    "server_name": "TLS server name (SNI) instead of the URL's host",
    "ca_file": "PEM file of the authorities to trust",
    "client_cert": "PEM file of the client certificate",
    "client_key": "PEM file of its key",
    "verify": "verify the server's certificate",
    "ip_version": "address family for host names",
    "follow_redirects": "how many redirects to follow; 0 reports them",
    "connection": "a new connection for each request, kept ones, or both side by side (every arrival on both)",
    "rate": "open model: requests a second, sent when they are due, however slow the answers",
    "users": "closed model: connections that send, wait for the end, and send again",
    "stages": 'as JSON: {"duration": "30s", "rate": 100} or {…, "users": 50}: straight to that value; again for more',
    "arrivals": "spacing of the arrivals of the open model",
    "think_time": "closed model: pause after each answer, 1s or 0-1s (uniform)",
    "iteration_time": "closed model: one request each such time and user",
    "requests": "stop after so many arrivals",
    "duration": "stop after this time, such as 60s or 5m",
    "max_in_flight": "cap on requests in flight; what it holds back is not sent, and the verdict inconclusive; 0: none",
    "processes": "worker processes",
    "timeout": "time limit of a request, from its start",
    "expect_status": "statuses that are ok: 200, 200-299, 2xx; again for more",
    "expect_body": "text that the body must contain",
    "expect_regex": "regular expression that the body must match somewhere",
    "expect_json": "value at a JSON pointer as /pointer=value; again for more",
    "expect_latency": "slower answers fail",
    "identify": "break down by name=header:X-Name, name=json:/pointer or name=regex:(...); again for more",
    "remote_date": "where attempts find the server's date: header:Date or json:/date",
    "control": "address that is known to work, probed beside: tells faults of this side",
    "control_rate": "requests a second to the control address",
    "stall_after": "an answer that takes longer is part of a stall",
    "objectives": "such as 'availability >= 99.9', 'p99{lane=new} < 50ms', 'longest_outage < 1s'; again for more",
    "abort_on": "stop as soon as this objective can no longer be met; again for more",
    "max_lateness": "self-check: limit of the 99th percentile of the sends' lateness",
    "max_steal": "self-check: limit of the stolen CPU time in percent",
    "name": "name of the run in the record",
    "result": "write the record (JSON) here",
    "attempts": "write every request as a JSON line here",
    "seed": "seed of random arrivals and think times",
    "owner_pid": "end early, with a record, when this process ends",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, and the code of a wrong usage: argparse's own is the one of an inconclusive verdict."""
        _say(f"probe: {message} (see --help)", sys.stderr)
        raise SystemExit(_BAD_OPTION)


def parser() -> argparse.ArgumentParser:
    """The command's options, made from the same table as the module's."""
    made = _Parser(
        prog="probe",
        description="Measures the availability of an HTTP service: every planned request ends in exactly one outcome.",
        epilog="Exit code: 0 pass, 1 fail, 2 inconclusive, 64 wrong options. Ctrl-C ends it early, with a report.",
    )
    for name, spec in ARGUMENTS.items():
        flag = "--" + name.replace("_", "-")
        default = spec.get("default")
        text = HELP[name].replace("%", "%%") + (
            "" if default in (None, [], {}, "") else f" (default: {_shown(default)})"
        )
        if spec["type"] == "bool":
            made.add_argument(
                "--no-" + name, dest=name, action="store_false", default=None, help="do not " + HELP[name]
            )
        elif spec["type"] in ("list", "dict"):
            made.add_argument(flag, action="append", metavar=_metavar(spec), help=text)
        else:
            kind = {"int": int, "float": float}.get(spec["type"], str)
            made.add_argument(
                flag,
                type=kind,
                choices=spec.get("choices"),
                help=text,
                metavar=None if "choices" in spec else _metavar(spec),
            )
    made.add_argument("--quiet", action="store_true", help="no live line a second, no summary")
    made.add_argument("--recover", metavar="FILE", help="make the record of a killed probe from its .progress file")
    made.add_argument("--hdr", metavar="FILE", help="also write the latencies in HdrHistogram's log format")
    return made


def _metavar(spec: dict[str, Any]) -> str:
    if spec["type"] == "dict":
        return "NAME=VALUE"
    return {"int": "N", "float": "N", "path": "FILE"}.get(spec["type"], "TEXT")


def _shown(default: object) -> str:
    return ", ".join(map(str, default)) if isinstance(default, list) else str(default)


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Raw option values as the module would get them. Raises OptionError."""
    raw: dict[str, Any] = {}
    for name, spec in ARGUMENTS.items():
        value = getattr(arguments, name)
        if value is None:
            continue
        if spec["type"] == "dict":
            value = dict(_pair(name, text) for text in value)
        elif spec.get("elements") == "dict":
            value = [_json(name, text) for text in value]
        raw[name] = value
    return raw


def _pair(name: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise OptionError(f"{name}: {text!r}, expected NAME=VALUE")
    return key, value


def _json(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise OptionError(f"{name}: {text!r} is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise OptionError(f"{name}: {text!r}, expected a JSON object")
    return value


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    arguments = parser().parse_args(list(argv))
    problem = ""
    try:
        _check_folder(arguments.hdr)
        if arguments.recover is not None:
            record = recover(arguments.recover)
            write(record, arguments.result or _recovered(arguments.recover))
        else:
            supervisor = Supervisor(parse(options_of(arguments)), argv)
            record = supervisor.run(None if arguments.quiet else _live())
            problem = supervisor.problem
        if arguments.hdr is not None:
            write_log(
                arguments.hdr,
                Histogram.from_record(record["totals"]["latency"]),
                record["started_unix_ns"],
                record["elapsed_s"],
            )
    except RecordUnwritten as error:
        record, problem = error.record, str(error)
    except (OptionError, ProgressError, OSError) as error:
        _say(f"probe: {error}", sys.stderr)
        return _BAD_OPTION
    if problem:
        _say(f"probe: {problem}", sys.stderr)
    if not arguments.quiet:
        _say(summary_text(record), sys.stderr if arguments.result == STANDARD_OUTPUT else sys.stdout)
    code = EXIT_CODES[record["verdict"]]
    return max(code, EXIT_CODES["inconclusive"]) if problem.startswith("the record") else code


def _check_folder(path: str | None) -> None:
    folder = None if path is None else os.path.dirname(os.path.abspath(path))
    if folder is not None and not os.path.isdir(folder):
        raise OptionError(f"hdr: the folder {folder} does not exist, expected a file in an existing folder")


def _recovered(path: str) -> str:
    """Where the record of a progress file goes when nobody says."""
    return path.removesuffix(SUFFIX) if path.endswith(SUFFIX) else path + ".json"


def _live() -> OnSecond:
    def show(summary: dict[str, Any]) -> None:
        _say(live_line(summary), sys.stderr)

    return show


def _say(text: str, stream: Any) -> None:
    """Print; a reader that went away (a closed pipe, a terminal that is gone) is no reason to stop measuring."""
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # Else the interpreter tries again at its end, and fails.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def summary_text(record: dict[str, Any]) -> str:
    """The end of a run in a few lines."""
    totals = record["totals"]
    lines = []

    def percent(kind: str) -> str:
        share = totals["availability"][kind]
        if share["value"] is None:
            return "nothing measured"
        return f"{100 * share['value']:.4f} % (at least {100 * share['lower']:.4f} %)"

    lines.append(
        "  ".join(f"{name.replace('_', ' ')} {totals[name]}" for name in ("due", "completed", "failed", "not_sent"))
    )
    lines.append(f"availability  planned {percent('planned')}  sent {percent('sent')}  time {percent('time')}")
    latency = totals["latency"]
    if latency["count"]:
        names = ("p50_ms", "p90_ms", "p99_ms", "p999_ms")
        times = "  ".join(f"{name[:-3]} {latency[name]:.3f} ms" for name in names)
        lines.append(f"latency  {times}  max {latency['max_ns'] / 1e6:.3f} ms")
    for name, entry in totals["outcomes"].items():
        if name != "ok":
            lines.append(
                f"  {name} {entry['count']}  {entry['first_s']:.3f} to {entry['last_s']:.3f} s  {entry['example']}"
            )
    outages = record["outages"]
    if outages["list"]:
        lines.append(
            f"outages {outages['count']}  longest {outages['longest_s']:.3f} s  total {outages['total_s']:.3f} s  "
            f"isolated failures {outages['isolated_failures']}  stalls {outages['stalls']}"
        )
    lines.append(
        "verdict: " + record["verdict"] + ("" if not record["reasons"] else " (" + "; ".join(record["reasons"]) + ")")
    )
    return "\n".join(lines)
