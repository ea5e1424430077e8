# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The command's flags: the module's options with dashes, and the short ones that hey, oha and curl have, too."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, NoReturn

from .arguments import ARGUMENTS, OptionError
from .place import say
from .secret import header_parts
from .typed import MisfitError, typed
from .words import WORDS

BAD_OPTION = 64
#: A short flag where hey, oha or curl have it with the same meaning (-q as in oha: of all together, not of each user).
SHORT = {
    "headers": ("-H",),
    "method": ("-m", "-X"),
    "users": ("-c",),
    "rate": ("-q",),
    "requests": ("-n",),
    "duration": ("-z",),
    "timeout": ("-t",),
    "verify": ("-k",),
}
#: What an address alone is probed with.
DEFAULT_RATE = 10.0
DEFAULT_DURATION = "10s"

BRIEF = """\
usage: probe URL [URL ...] [option ...]
       probe report | recover | merge FILE ...

Measures the availability of an HTTP service: every planned request ends in exactly one outcome.

  probe http://127.0.0.1:8080/                           10 requests a second for 10 s
  probe -q 200 -z 1m http://127.0.0.1:8080/              200 a second, each when it is due
  probe -c 50 -n 10000 http://127.0.0.1:8080/            50 users: each sends, waits, sends again
  probe -q 50 -z 5m --objectives 'availability >= 99.9' --abort-on 'longest_outage < 2s' URL
  probe grpc://127.0.0.1:50051                           gRPC; also redis://, ws://, dns://, tcp://
  probe --config plan.yml -o json                        options from a file, record to stdout

  -q, --rate N        requests a second     -n, --requests N      end after so many
  -c, --users N       users, not a rate     -z, --duration TIME   end after 30s, 5m, 1m30s
  -H, --headers TEXT  'Name: value'         -m, --method NAME     GET, POST, … (also -X)
  -d TEXT | @FILE     request body          -t, --timeout TIME    of each request (5s)
  -k, --no-verify     any certificate       -o FORMAT             text (default) or json
  --connection KIND   new, reuse or both    --result FILE         keep the record (JSON)
  --objectives TEXT   what has to hold      --quiet               the verdict alone

  probe report FILE          a record's summary; -o, --result, --quiet and --hdr fit all words
  probe recover FILE         the record of a killed probe, from its .progress file
  probe merge FILE FILE ...  one record of several probers

All options: probe --help. Exit code: 0 pass, 1 fail, 2 inconclusive, 64 wrong usage.
"""

HELP: dict[str, dict[str, str]] = {
    "what is sent, and where": {
        "url": "address to probe; again for more (http://, https://, grpc://host/package.Service/Method, grpcs://, "
        "ws://, wss://, tcp://host:port, redis://host, dns://server/name?type=A); {value}: each of --values in turn",
        "targets": 'as JSON: {"url": …, "name": …, "weight": …, "method": …, "headers": …, "body": …}; again for more',
        "values": "values for {value} in the address or body, for example product ids; again for more",
        "method": "HTTP method",
        "headers": "request header as 'Name: value' or Name=value; again for more",
        "body": "request body",
        "body_base64": "request body of any bytes, as Base64: a gRPC message",
        "http_version": "2: many requests on each kept connection; by ALPN with https://, at once with http://",
        "host": "Host header instead of the URL's",
        "connect_to": "connect to this address:port instead of the URL's",
        "server_name": "TLS server name (SNI) instead of the URL's host",
        "ip_version": "address family for host names",
        "address_order": "a name's addresses: the system's first, or each in turn (headless Services)",
        "ca_file": "PEM file of the authorities to trust",
        "client_cert": "PEM file of the client certificate",
        "client_key": "PEM file of its key",
        "verify": "verify the server's certificate",
        "tls_min_version": "oldest version of TLS that is spoken",
        "follow_redirects": "how many redirects to follow; 0 reports them",
        "connection": "a new connection for each request, kept ones, or both side by side (every arrival on both); "
        "resumed: new ones that resume an earlier TLS session",
    },
    "load: one of rate, users and stages": {
        "rate": "open model: requests a second, sent when they are due, however slow the answers",
        "users": "closed model: connections that send, wait for the end, and send again",
        "stages": 'as JSON: {"duration": "30s", "rate": 100} or {…, "users": 50}: straight to it; again for more',
        "requests": "stop after so many arrivals",
        "duration": "stop after this time, such as 60s or 5m",
        "arrivals": "spacing of the arrivals of the open model",
        "think_time": "closed model: pause after each answer, 1s or 0-1s (uniform)",
        "iteration_time": "closed model: one request each such time and user",
        "max_in_flight": "cap on requests in flight; what it holds back is not sent: inconclusive; 0: none",
        "processes": "worker processes",
        "timeout": "time limit of a request, from its start",
        "seed": "seed of random arrivals and think times",
    },
    "what is good": {
        "expect_status": "statuses that are ok: 200, 200-299, 2xx; again for more",
        "expect_body": "text that the body must contain",
        "expect_regex": "regular expression that the body must match somewhere",
        "expect_json": "value at a JSON pointer as /pointer=value; again for more",
        "expect_latency": "slower answers fail",
        "objectives": "such as 'availability >= 99.9', 'p99{lane=new} < 50ms', 'longest_outage < 1s'; again for more",
        "abort_on": "stop as soon as this objective can no longer be met; again for more",
        "stall_after": "an answer that takes longer is part of a stall",
        "brownout_share": "percent of a second's requests that must fail for a brown-out",
        "max_lateness": "self-check: limit of the 99th percentile of the sends' lateness",
        "max_steal": "self-check: limit of the stolen, or throttled, CPU time in percent",
    },
    "what is told apart": {
        "identify": "break down by name=header:X-Name, name=json:/pointer or name=regex:(...); again for more",
        "remote_date": "where attempts find the server's date: header:Date or json:/date",
        "control": "address that is known to work, probed beside: tells faults of this side",
        "control_rate": "requests a second to the control address",
        "name": "name of the run in the record",
    },
    "where it goes": {
        "result": "write the record (JSON) here",
        "attempts": "write every request as a JSON line here",
        "owner_pid": "end early, with a record, when this process ends",
    },
}


class Parser(argparse.ArgumentParser):
    """argparse, with errors of one line."""

    def error(self, message: str) -> NoReturn:
        """One line, and the code of a wrong usage: argparse's own is the one of an inconclusive verdict."""
        say(f"probe: {message} (see --help)", sys.stderr)
        raise SystemExit(BAD_OPTION)


class _Brief(argparse.Action):
    def __call__(self, *_unused: Any) -> None:
        say(BRIEF.rstrip(), sys.stdout)
        raise SystemExit(0)


def parser() -> argparse.ArgumentParser:
    """The command's options, made from the same table as the module's."""
    made = Parser(
        prog="probe",
        usage="probe URL [URL ...] [option ...]\n       " + "\n       ".join(f"probe {word}" for word in WORDS),
        description="Measures the availability of an HTTP service: every planned request ends in exactly one outcome."
        "\n\nwords in the place of the URL, which measure nothing:\n"
        + "\n".join(f"  {usage:<22}{text}" for usage, text in WORDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit code: 0 pass, 1 fail, 2 inconclusive, 64 wrong usage. Ctrl-C ends it early, with a report.",
        add_help=False,
        # A shortened --headers would not be known as one that holds secrets.
        allow_abbrev=False,
    )
    made.add_argument("addresses", nargs="*", metavar="URL", help=HELP[_FIRST]["url"].replace("%", "%%"))
    command = made.add_argument_group("the command")
    command.add_argument("-h", action=_Brief, nargs=0, help="the commonest options, with examples")
    command.add_argument("--help", action="help", help="all options")
    command.add_argument("--config", metavar="FILE", help="options from a file: the module's, as YAML or JSON")
    command.add_argument(
        "-o",
        dest="form",
        choices=["text", "json", "csv"],
        default="text",
        help="what is printed at the end: summary, whole record, or timeline",
    )
    command.add_argument("--quiet", action="store_true", help="no live line, and of the summary the verdict alone")
    command.add_argument("--hdr", metavar="FILE", help="also write the latencies in HdrHistogram's log format")
    for title, texts in HELP.items():
        group = made.add_argument_group(title)
        for name, text in texts.items():
            _add(group, name, text)
        if title == _FIRST:
            group.add_argument("-d", dest="data", metavar="TEXT", help="request body; @FILE reads it from a file")
    return made


_FIRST = next(iter(HELP))


def _add(group: Any, name: str, text: str) -> None:
    spec = ARGUMENTS[name]
    flags = [*SHORT.get(name, ()), "--" + name.replace("_", "-")]
    default = spec.get("default")
    text = text.replace("%", "%%") + ("" if default in (None, [], {}, "") else f" (default: {_shown(default)})")
    if spec["type"] == "bool":
        flags[-1] = "--no-" + name
        group.add_argument(*flags, dest=name, action="store_false", default=None, help="do not " + text)
    elif spec["type"] in ("list", "dict"):
        group.add_argument(*flags, action="append", metavar=_metavar(spec), help=text)
    else:
        kind = {"int": int, "float": float}.get(spec["type"], str)
        metavar = None if "choices" in spec else _metavar(spec)
        group.add_argument(*flags, type=kind, choices=spec.get("choices"), help=text, metavar=metavar)


def _metavar(spec: dict[str, Any]) -> str:
    if spec["type"] == "dict":
        return "NAME=VALUE"
    return {"int": "N", "float": "N", "path": "FILE"}.get(spec["type"], "TEXT")


def _shown(default: object) -> str:
    return ", ".join(map(str, default)) if isinstance(default, list) else str(default)


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Raw option values as the module would get them; flags go before the configuration file. Raises OptionError."""
    raw = {} if arguments.config is None else _configured(arguments.config)
    for name, spec in ARGUMENTS.items():
        value = getattr(arguments, name)
        if value is None:
            continue
        if spec["type"] == "dict":
            value = dict(_pair(name, text) for text in value)
        elif spec.get("elements") == "dict":
            value = [_json(name, text) for text in value]
        raw[name] = value
    if arguments.addresses:
        raw["url"] = [*arguments.addresses, *(arguments.url or [])]
    if arguments.data is not None:
        if arguments.body is not None:
            raise OptionError("body: given twice, expected either -d or --body")
        raw["body"] = _body(arguments.data)
    if not any(raw.get(name) for name in ("rate", "users", "stages")):
        raw["rate"] = DEFAULT_RATE
    if not any(raw.get(name) for name in ("requests", "duration", "stages")):
        raw["duration"] = DEFAULT_DURATION
    return raw


def _configured(path: str) -> dict[str, Any]:
    """The options of a file. JSON needs nothing, YAML needs PyYAML, which every controller has."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise OptionError(f"config: {path} cannot be read ({error.strerror}), expected a file of options") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"config: {path} is not UTF-8 text, expected a file of options") from error
    try:
        found = json.loads(text)
    except ValueError:
        found = _yaml(path, text)
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise OptionError(f"config: {path} holds no options, expected name: value lines such as rate: 100")
    return {name: _typed(name, value) for name, value in found.items()}


def _typed(name: str, value: Any) -> Any:
    """A value of the file in the form of its option. Raises OptionError."""
    spec = ARGUMENTS.get(name)
    if spec is None or value is None:
        return value  # `parse` names what is unknown
    if spec["type"] == "list" and not isinstance(value, list):
        value = [value]  # one address needs no list
    try:
        return typed(name, value, spec)
    except MisfitError as error:
        raise OptionError(str(error)) from None


def _yaml(path: str, text: str) -> Any:
    try:
        import yaml  # noqa: PLC0415 - the probe itself runs where there is only the standard library
    except ImportError as error:
        raise OptionError(f"config: {path} is no JSON, and YAML needs PyYAML here; expected JSON") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise OptionError(f"config: {path} is neither JSON nor YAML ({' '.join(str(error).split())})") from error


def _body(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        with open(text[1:], encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"body: {text[1:]} cannot be read as UTF-8 text ({error}), expected -d @FILE") from error


def _pair(name: str, text: str) -> tuple[str, str]:
    """Name=value; a header also as curl writes it, Name: value."""
    key, sign, value = header_parts(text) if name == "headers" else text.partition("=")
    if sign == ":":
        value = value.strip()
    if not sign or not key:
        expected = "'Name: value' or Name=value" if name == "headers" else "NAME=VALUE"
        raise OptionError(f"{name}: {text!r}, expected {expected}")
    return key, value


def _json(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise OptionError(f"{name}: {text!r} is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise OptionError(f"{name}: {text!r}, expected a JSON object")
    return value
