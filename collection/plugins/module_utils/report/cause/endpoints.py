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
        self._slices: dict[str, dict[str, str]] = {}  # slice -> endpoint -> value
        self._counts = dict.fromkeys(_RANK, 0)

    def add(self, change: ObjectChange) -> list[tuple[str, str]]:
        """Take a slice's new state; (uid, name) of the pods that came into it."""
        old = self._slices.pop(change.name, {})
        new: dict[str, str] = {}
        pods = []
        if change.event != "deleted":
            if change.state.get("ports"):
                self.ports.set(change.t_ns, tuple(sorted(port for port in change.state["ports"] if port)))
            for entry in change.state["endpoints"]:
                key = _key(entry)
                new[key] = _value(entry)
                if entry["uid"] and key not in old:
                    pods.append((key, str(entry["pod"])))
            self._slices[change.name] = new
        for key in old:
            if key not in new:
                self._set(change, key, None)
        for key, value in new.items():
            if old.get(key) != value:
                self._set(change, key, value)
        self.usable.set(change.t_ns, self._counts["ready"] or self._counts["serving"])
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
