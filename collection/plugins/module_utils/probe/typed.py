# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A value from a file in the type that its option has, as Ansible would make it for a task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Callable


class MisfitError(ValueError):
    """A value does not fit; the text names where it stands and what was expected, in one line."""


def typed(where: str, value: Any, spec: Mapping[str, Any]) -> Any:
    """`value` as `spec` (type, elements, choices, least, as in an argument_spec) says. Raises MisfitError."""
    kind = spec["type"]
    try:
        found = _TYPES[kind](value)
    except (TypeError, ValueError):
        raise MisfitError(f"{where}: expected {WORDS[kind]}, got {value!r}") from None
    if "choices" in spec and found not in spec["choices"]:
        raise MisfitError(f"{where}: expected one of {', '.join(map(str, spec['choices']))}, got {found!r}")
    if "least" in spec and found < spec["least"]:
        raise MisfitError(f"{where}: expected {spec['least']} or more, got {found:g}")
    if kind == "list" and "elements" in spec:
        return [typed(f"{where}[{i}]", one, {"type": spec["elements"]}) for i, one in enumerate(found)]
    return found


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
    "str": _text, "path": _text, "int": _whole, "float": _number, "bool": _yes_or_no, "list": _list, "dict": _dict,
}  # fmt: skip
#: What each type is called in an error.
WORDS = {
    "str": "text", "path": "a path", "int": "a whole number", "float": "a number", "bool": "true or false",
    "list": "a list", "dict": "a mapping",
}  # fmt: skip
