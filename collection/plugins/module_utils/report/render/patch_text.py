# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A patch as people paste it: YAML, and the command that applies it."""

from __future__ import annotations

import json
import shlex
from typing import Any

try:
    import yaml
except ImportError:  # on a target host, where no report is made
    yaml = None  # type: ignore[assignment]

Json = dict[str, Any]
FILE = "patch.yaml"


def as_yaml(patch: Json) -> str:
    """The patch as a YAML document; as JSON, which is YAML too, where there is no library."""
    if yaml is None:
        return json.dumps(patch, indent=1, ensure_ascii=False) + "\n"
    text: str = yaml.safe_dump(patch, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return text


def command(target: str) -> str:
    """How to apply patch.yaml to a target such as Deployment/web."""
    kind, _slash, name = target.partition("/")
    return f"kubectl patch {shlex.quote(kind.lower())} {shlex.quote(name)} --patch-file {FILE}"
