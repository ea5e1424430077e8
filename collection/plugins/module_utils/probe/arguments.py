# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options of a probe as one table for module, command and plans, and the error of a value that does not fit.

`ARGUMENTS` has the form of an Ansible argument_spec.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .brownout import SHARE_PERCENT

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
            "body_base64": {"type": "str"},
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
    "body_base64": {"type": "str"},
    "http_version": {"type": "str", "default": "1.1", "choices": ["1.1", "2"]},
    "connect_to": {"type": "str"},
    "host": {"type": "str"},
    "server_name": {"type": "str"},
    "ca_file": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "verify": {"type": "bool", "default": True},
    "tls_min_version": {"type": "str", "choices": ["1.2", "1.3"]},
    "ip_version": {"type": "str", "default": "any", "choices": ["any", "4", "6"]},
    "address_order": {"type": "str", "default": "system", "choices": ["system", "in_turn"]},
    "follow_redirects": {"type": "int", "default": 0},
    "connection": {"type": "str", "default": "new", "choices": ["new", "reuse", "both", "resumed"]},
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


def check_entries(option: str, entries: Sequence[Any]) -> None:
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
