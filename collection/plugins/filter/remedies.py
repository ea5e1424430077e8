# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter availability.lab.remedies; documented in remedies.yml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.availability.lab.plugins.module_utils.report.cause.remedies import remedies


def patches(result: Any) -> list[dict[str, Any]]:
    """The patches that a result record advises."""
    if not isinstance(result, Mapping):
        raise AnsibleFilterError(f"remedies: expected a result record (result.json), got {type(result).__name__}")
    try:
        return remedies(result)
    except (ValueError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"remedies: {error}") from error


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"remedies": patches}
