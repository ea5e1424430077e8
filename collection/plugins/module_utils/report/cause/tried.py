# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the cluster said to the advised patches, as the experiment's record has it, joined with the advice itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]
TAKEN, REFUSED, NOT_TRIED = "taken", "refused", "not tried"


def with_tries(explained: Json, tries: Sequence[Mapping[str, Any]]) -> Json:
    """The explanation with `tried` in each change that has a patch. One that was refused is no patch any more."""
    return {
        **explained,
        "causes": [_told(line, tries) for line in explained["causes"]],
        "failures": [{**row, "cause": _told(row["cause"], tries)} for row in explained["failures"]],
    }


def _told(cause: Json, tries: Sequence[Mapping[str, Any]]) -> Json:
    change = cause["change"]
    if not change["patch"]:
        return cause
    found = next((one for one in tries if (one["target"], one["patch"]) == (change["target"], change["patch"])), None)
    text, tried, patch = change["text"], NOT_TRIED, change["patch"]
    if found is None or found["taken"] is None:
        why = found["said"] if found is not None else "it was not among the patches of the experiment"
        text += f" (nobody tried this patch in a dry run: {why})"
    elif found["taken"]:
        text, tried = f"{text} (the cluster would take this patch: a dry run)", TAKEN
    else:
        text, tried, patch = f"{text} (the cluster refused a patch for it: {found['said']})", REFUSED, {}
    return {**cause, "change": {**change, "text": text, "tried": tried, "patch": patch}}
