# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How a step names an object, and how the object is noted before it is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..stage import Stage, StepError

Json = dict[str, Any]
OBJECT: dict[str, dict[str, Any]] = {
    "object": {"type": "str", "required": True},
    "kind": {"type": "str", "default": "Deployment"},
    "api_version": {"type": "str", "default": "apps/v1"},
}


def path_of(stage: Stage, args: Mapping[str, Any]) -> str:
    """The object's path."""
    return stage.changes.path(args["api_version"], args["kind"], stage.namespace, args["object"])


def there(stage: Stage, args: Mapping[str, Any]) -> Json:
    """The object as it is. Raises StepError when it is not there."""
    found = stage.changes.read(path_of(stage, args))
    if found is None:
        raise StepError(f"there is no {args['kind']} {args['object']} in namespace {stage.namespace}")
    return found


def note(stage: Stage, args: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    """Write down the merge patch that puts the object back."""
    stage.journal.note(
        "patch", api_version=args["api_version"], kind=args["kind"], namespace=stage.namespace, name=args["object"],
        definition=definition,
    )  # fmt: skip
