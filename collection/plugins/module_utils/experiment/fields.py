# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Checks raw data against a table of fields, each problem named by where it stands and what was expected there.

A table has the form of an Ansible argument_spec: name -> {type, required, default, choices, elements, least}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..probe.typed import WORDS, MisfitError, typed

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
                raise PlanError(f"{_at(where, name)}: is missing; expected {WORDS[spec['type']]}")
            found[name] = spec.get("default")
            continue
        try:
            found[name] = typed(_at(where, name), value, spec)
        except MisfitError as error:
            raise PlanError(str(error)) from None
    return found


def _at(where: str, name: object) -> str:
    return f"{where}.{name}" if where else str(name)
