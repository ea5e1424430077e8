# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the lab needs of a host, against what was found: every shortcoming as one line with both numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from .kernel import ABSENT, FEATURES, UNKNOWN
from .listeners import Holder


@dataclass(frozen=True)
class Needs:
    """The least that will do. Memory in MiB, disk in GiB."""

    cores: int
    memory_mb: int
    disk_gb: float
    disk_path: str
    cgroup_controllers: list[str]
    architectures: list[str]


@dataclass(frozen=True)
class PortUse:
    """A port that the lab wants: its purpose, the variable that moves it, what the lab's own process looks like."""

    port: int
    address: str
    purpose: str
    variable: str
    owner: str


@dataclass(frozen=True)
class Found:
    """What the host has. `taken` pairs each wanted port that is in use with its holder (None: not visible)."""

    cores: int
    memory_mb: int
    disk_gb: float
    architecture: str
    cgroup_controllers: list[str]
    kernel_features: dict[str, str]
    taken: list[tuple[PortUse, Holder | None]] = field(default_factory=list)


def shortcomings(found: Found, needs: Needs) -> list[str]:
    """All that stands in the way, in words; empty when the host will do."""
    lines = []
    if found.architecture not in needs.architectures:
        lines.append(f"architecture: {found.architecture} found, one of {', '.join(needs.architectures)} needed")
    if found.cores < needs.cores:
        lines.append(f"cores: {found.cores} found, {needs.cores} needed (min_cores)")
    if found.memory_mb < needs.memory_mb:
        lines.append(f"memory: {found.memory_mb} MB found, {needs.memory_mb} MB needed (min_memory_mb)")
    if found.disk_gb < needs.disk_gb:
        lines.append(f"disk: {found.disk_gb:g} GB free at {needs.disk_path}, {needs.disk_gb:g} GB needed (min_disk_gb)")
    if not found.cgroup_controllers:
        lines.append(f"cgroups: none mounted, needed are {', '.join(needs.cgroup_controllers)}")
    else:
        absent = [name for name in needs.cgroup_controllers if name not in found.cgroup_controllers]
        if absent:
            lines.append(f"cgroups: the controllers {', '.join(absent)} are missing")
    lines.extend(
        f"kernel: no {name}, needed for {FEATURES[name].purpose}"
        for name, state in found.kernel_features.items()
        if state == ABSENT
    )
    lines.extend(_taken(use, holder) for use, holder in found.taken if not _is_own(use, holder))
    return lines


def doubts(found: Found) -> list[str]:
    """What could not be told: not in the way, but worth a warning."""
    return [
        f"kernel: whether it has {name} ({FEATURES[name].purpose}) cannot be seen on this host"
        for name, state in found.kernel_features.items()
        if state == UNKNOWN
    ]


def _is_own(use: PortUse, holder: Holder | None) -> bool:
    return bool(use.owner) and holder is not None and use.owner in holder.command


def _taken(use: PortUse, holder: Holder | None) -> str:
    who = f"process {holder.pid} ({holder.command})" if holder else "a process that cannot be seen from here"
    return f"port {use.port} ({use.purpose}) is taken by {who}: stop it, or set {use.variable} to a free port"
