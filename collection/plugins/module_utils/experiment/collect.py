# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is looked at when all is measured: which numbered writes the store holds, what each pod counted."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Mapping
from typing import Any, Callable

from .etcd_members import Members
from .stage import Stage, StepError

TIMEOUT_S = 10
RETRY_FOR_S = 30

#: What a collector found: field of the report's run -> JSON to keep.
Found = dict[str, Any]


def _again_and_again(stage: Stage, what: str, question: Callable[[], Any]) -> Any:
    """The answer; asked again while the service comes back from what was done to it."""
    found: list[Any] = []

    def ask() -> str:
        try:
            found[:] = [question()]
        except (OSError, ValueError, KeyError) as error:
            return str(error)
        return ""

    stage.wait_until(what, ask, RETRY_FOR_S)
    return found[0]


def etcd_keys(stage: Stage, address: str, probe: Mapping[str, Any]) -> Found:
    """Which of the numbered keys etcd has, asked at the member that was written to."""
    everything = {"key": "AA==", "range_end": "AA==", "keys_only": True}  # from the first key to the last
    member = Members([], probe)
    told = _again_and_again(stage, "etcd", lambda: member.ask(address, "kv/range", everything))
    return {"stored": [base64.b64decode(entry["key"]).decode() for entry in told.get("kvs", [])]}


def guestbook_numbers(stage: Stage, address: str, probe: Mapping[str, Any]) -> Found:
    """Which of the numbered messages the guestbook still has."""

    def ask() -> Any:
        with urllib.request.urlopen(f"{address}/messages/numbers", timeout=TIMEOUT_S) as answer:  # noqa: S310 - as probed
            return json.load(answer)

    told = _again_and_again(stage, "the guestbook", ask)
    return {"stored": told["kept"] + told["doubled"]}


def served(stage: Stage, address: str, probe: Mapping[str, Any]) -> Found:
    """How many requests each living pod of simpleprobe counted. Those that ended said it in their last words."""
    counts = {}
    for pod in stage.living_pods(["app.kubernetes.io/name=simpleprobe"]):
        name = pod["metadata"]["name"]
        told = stage.changes.api.get(f"/api/v1/namespaces/{stage.namespace}/pods/{name}:8080/proxy/stats")
        if "requests" not in told:
            raise StepError(f"pod {name} does not tell how many requests it served: {told}")
        counts[name] = told["requests"]
    return {"served": counts}


KINDS: dict[str, Callable[[Stage, str, Mapping[str, Any]], Found]] = {
    "etcd-keys": etcd_keys,
    "guestbook-numbers": guestbook_numbers,
    "served": served,
}
