# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where a Service sent its requests, over time: which pods, how many, on which ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...cluster.record import ObjectChange
from .lives import Steps

_RANK = {"ready": 2, "serving": 1, "no": 0}


class Endpoints:
    """One Service's EndpointSlices. An endpoint is a pod, or an address that somebody wrote down."""

    def __init__(self) -> None:
        self.of: dict[str, Steps[str]] = {}  # by pod uid, else address: ready, serving (terminating, still answers), no
        self.names: set[str] = set()  # of the pods that ever were one
        self.usable: Steps[int] = Steps()  # ready ones, else those that still serve, as kube-proxy chooses
        self.ports: Steps[tuple[int, ...]] = Steps()
        self._values: dict[str, dict[str, str]] = {}  # endpoint -> slice -> value: it may stand in two for a moment
        self._slices: dict[str, Mapping[str, Any]] = {}
        self._counts = dict.fromkeys(_RANK, 0)

    def add(self, change: ObjectChange) -> list[tuple[str, str]]:
        """Take a slice's new state; (uid, name) of the pods in it."""
        old = self._slices.pop(change.name, {"endpoints": []})
        new: Mapping[str, Any] = {"endpoints": []}
        if change.event != "deleted":
            new = self._slices[change.name] = change.state
            if change.state.get("ports"):
                self.ports.set(change.t_ns, tuple(sorted(port for port in change.state["ports"] if port)))
        entries = {_key(entry): entry for entry in new["endpoints"]}
        for key in {_key(entry): None for entry in old["endpoints"]} | dict.fromkeys(entries):
            self._set(change, key, _value(entries[key]) if key in entries else None)
        self.usable.set(change.t_ns, self._counts["ready"] or self._counts["serving"])
        pods = [(str(entry["uid"]), str(entry["pod"])) for entry in entries.values() if entry["uid"]]
        self.names.update(name for _unused, name in pods)
        return pods

    def _set(self, change: ObjectChange, key: str, value: str | None) -> None:
        slices = self._values.setdefault(key, {})
        before = max(slices.values(), key=_RANK.__getitem__, default=None)
        if value is None:
            slices.pop(change.name, None)
        else:
            slices[change.name] = value
        after = max(slices.values(), key=_RANK.__getitem__, default=None)
        if before == after:
            return
        if before is not None:
            self._counts[before] -= 1
        if after is not None:
            self._counts[after] += 1
        self.of.setdefault(key, Steps()).set(change.t_ns, after or "no")


def _key(entry: Mapping[str, Any]) -> str:
    return str(entry["uid"] or next(iter(entry.get("addresses") or []), entry["pod"]))


def _value(entry: Mapping[str, Any]) -> str:
    if entry["ready"]:
        return "ready"
    return "serving" if entry["serving"] and entry["terminating"] else "no"
