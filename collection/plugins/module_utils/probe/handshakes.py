# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the TLS handshakes of each target agreed on, and which certificates were shown when: a renewal leaves two."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from collections.abc import Iterable
from typing import Any

from .certificate import not_after

#: More different ones of a target than this (a new certificate each second) are not told apart.
_MOST = 100
_DAY_S = 86_400
#: (number of the target, version, cipher, SHA-256 of the certificate, end of its validity in Unix seconds)
_Kind = tuple[int, str, str, str, Any]


class Handshakes:
    """Counted by target and kind. Times in ns from the start of the probe."""

    def __init__(self) -> None:
        self._kinds: dict[_Kind, list[int]] = {}  # kind -> [connections, resumed ones, first, last]
        self._certificates: dict[bytes, tuple[str, Any]] = {}

    def add(self, target: int, sock: ssl.SSLSocket, at: int) -> None:
        """Count the connection on which a handshake has ended."""
        der = sock.getpeercert(True) or b""
        told = self._certificates.get(der)
        if told is None:
            if len(self._certificates) >= _MOST:
                self._certificates.clear()
            told = self._certificates[der] = (hashlib.sha256(der).hexdigest(), not_after(der))
        cipher = sock.cipher()
        kind = (target, sock.version() or "", cipher[0] if cipher else "", *told)
        self._count(kind, [1, int(bool(sock.session_reused)), at, at])

    def take(self) -> list[list[Any]]:
        """What was counted since the last call (JSON)."""
        told = self.to_list()
        self._kinds.clear()
        return told

    def to_list(self) -> list[list[Any]]:
        """All that was counted (JSON)."""
        return [[*kind, *counts] for kind, counts in self._kinds.items()]

    def merge(self, told: Iterable[list[Any]]) -> None:
        """Add what `take` or `to_list` gave."""
        for target, version, cipher, digest, until, *counts in told:
            self._count((target, version, cipher, digest, until), counts)

    def _count(self, kind: _Kind, counts: list[int]) -> None:
        seen = self._kinds.get(kind)
        if seen is None:
            if len(self._kinds) < _MOST:
                self._kinds[kind] = list(counts)
            return
        seen[0] += counts[0]
        seen[1] += counts[1]
        seen[2] = min(seen[2], counts[2])
        seen[3] = max(seen[3], counts[3])

    def to_record(self, target: int, started_unix_s: float) -> list[dict[str, Any]]:
        """Those of one target, in the order in which they came."""
        return in_order(
            {
                "version": version,
                "cipher": cipher,
                "certificate_sha256": digest,
                **validity(until, started_unix_s),
                "connections": connections,
                "resumed": resumed,
                "first_s": round(first / 1e9, 6),
                "last_s": round(last / 1e9, 6),
            }
            for (index, version, cipher, digest, until), (connections, resumed, first, last) in self._kinds.items()
            if index == target
        )


def validity(until: int | None, started_unix_s: float) -> dict[str, Any]:
    """When a certificate expires, and how many days after the start of the probe that is (negative: before it)."""
    if until is None:
        return {"not_after": None, "days_left": None}
    moment = datetime.datetime.fromtimestamp(until, datetime.timezone.utc)
    return {
        "not_after": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "days_left": round((until - started_unix_s) / _DAY_S, 2),
    }


def in_order(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries of the record by their first connection; what came at the same moment in any fixed order."""
    return sorted(entries, key=lambda one: (one["first_s"], one["certificate_sha256"], one["version"], one["cipher"]))
