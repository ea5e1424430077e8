# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Checks raw data against a table of fields, each problem named by where it stands and what was expected there.

A table has the form of an Ansible argument_spec: name -> {type, required, default, choices, elements, least}.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Callable

Table = Mapping[str, Mapping[str, Any]]


class PlanError(ValueError):
    """A plan cannot be used; the text names the field and what was expected, in one line."""


def fields(where: str, raw: Any, table: Table) -> dict[str, Any]:
    """The values of `raw` in their types, defaults filled in. Raises PlanError for the first that does not fit."""
    if not isinstance(raw, Mapping):
        raise PlanError(f"{where}: expected a mapping with {', '.join(table)}, got {raw!r}")
    unknown = [name for name in raw if name not in table]
    if unknown:
        raise PlanError(f"{_at(where, unknown[0])}: no such field; expected {', '.join(sorted(table))}")
    found = {}
    for name, spec in table.items():
        value = raw.get(name)
        if value is None:
            if spec.get("required"):
                raise PlanError(f"{_at(where, name)}: is missing; expected {_WORDS[spec['type']]}")
            found[name] = spec.get("default")
            continue
        found[name] = _typed(_at(where, name), value, spec)
    return found


def _at(where: str, name: object) -> str:
    return f"{where}.{name}" if where else str(name)


def _typed(where: str, value: Any, spec: Mapping[str, Any]) -> Any:
    kind = spec["type"]
    try:
        typed = _TYPES[kind](value)
    except (TypeError, ValueError):
        raise PlanError(f"{where}: expected {_WORDS[kind]}, got {value!r}") from None
    if "choices" in spec and typed not in spec["choices"]:
        raise PlanError(f"{where}: expected one of {', '.join(map(str, spec['choices']))}, got {typed!r}")
    if "least" in spec and typed < spec["least"]:
        raise PlanError(f"{where}: expected {spec['least']} or more, got {typed:g}")
    if kind == "list" and "elements" in spec:
        return [_typed(f"{where}[{i}]", one, {"type": spec["elements"]}) for i, one in enumerate(typed)]
    return typed


def _text(value: Any) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise TypeError
    return str(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or float(value) != int(float(value)):
        raise ValueError
    return int(float(value))


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError
    return number


def _yes_or_no(value: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError


def _list(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return list(value)


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return dict(value)


_TYPES: dict[str, Callable[[Any], Any]] = {
    "str": _text, "int": _whole, "float": _number, "bool": _yes_or_no, "list": _list, "dict": _dict,
}  # fmt: skip
_WORDS = {
    "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "list": "a list",
    "dict": "a mapping",
}  # fmt: skip
