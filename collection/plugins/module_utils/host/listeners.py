# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which TCP ports are listened on, by which process: read from /proc, so nothing is opened or sent."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"  # the state TCP_LISTEN in /proc/net/tcp


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket: its address as text, its port, the inode that its process holds."""

    address: str
    port: int
    inode: str

    def conflicts_with(self, address: str, port: int) -> bool:
        """Whether a service could not listen on `address`:`port` beside this one. A wildcard meets everything."""
        wildcards = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
        return self.port == port and (self.address == address or self.address in wildcards or address in wildcards)


@dataclass(frozen=True)
class Holder:
    """The process behind a socket: its id and its command line."""

    pid: int
    command: str


def listeners(proc: Path = Path("/proc")) -> list[Listener]:
    """All listening TCP sockets of this network namespace."""
    found = []
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue  # a kernel without IPv6 has no tcp6
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN:
                address, port = fields[1].split(":")
                found.append(Listener(_address(address), int(port, 16), fields[9]))
    return found


def _address(encoded: str) -> str:
    """The text of an address that /proc/net/tcp shows as 32-bit words in the host's byte order."""
    words = [int(encoded[start : start + 8], 16) for start in range(0, len(encoded), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed)
    # A listener on ::ffff:127.0.0.1 is a listener on 127.0.0.1.
    address = ipaddress.IPv6Address(packed)
    return str(address.ipv4_mapped or address)


def holder(inode: str, proc: Path = Path("/proc")) -> Holder | None:
    """The process that holds the socket with this inode; None where it cannot be seen (another user's, not root)."""
    target = f"socket:[{inode}]"
    for process in proc.iterdir():
        if process.name.isdigit() and _holds(process, target):
            return Holder(int(process.name), _command(process))
    return None


def _holds(process: Path, target: str) -> bool:
    try:
        descriptors = os.listdir(process / "fd")
    except OSError:
        return False  # it ended meanwhile, or belongs to another user
    return any(_link(process / "fd" / descriptor) == target for descriptor in descriptors)


def _link(descriptor: Path) -> str:
    try:
        return os.readlink(descriptor)
    except OSError:
        return ""  # closed meanwhile


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""
