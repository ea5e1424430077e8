# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Handle of a misbehaving server that runs as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Window:
    """When the server refused, in UNIX seconds: it closed between the first two times and opened between the others."""

    closing: float
    closed: float
    opening: float
    opened: float


class Misbehaving:
    """`with Misbehaving({"ok": 9, "garbage": 1}) as server:` … `server.url`, `server.counts()`.

    `plan` is kind -> count (shuffled), or a list of kinds (in that order), for every path but `/kind/<name>`;
    `front` and the certificate paths are the script's options (see misbehaving.py).
    """

    def __init__(
        self, plan: dict[str, int] | list[str] | None = None, front: str = "plain", **certificates: Path | None
    ) -> None:
        command = [sys.executable, str(Path(__file__).with_name("misbehaving.py")), "--front", front]
        for name, path in certificates.items():
            if path is not None:
                command += ["--" + name.replace("_", "-"), str(path)]
        if isinstance(plan, list):
            command += ["--in-order", *(f"{kind}=1" for kind in plan)]
        else:
            command += [f"{kind}={count}" for kind, count in (plan or {}).items()]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.port: int = self._reply()["port"]
        scheme = "https" if front.startswith("tls") else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Misbehaving:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)  # closes its standard input: it stops

    def counts(self) -> dict[str, int]:
        """Requests read so far, per kind (only kinds that occurred)."""
        served: dict[str, int] = self._ask("counts")["served"]
        return served

    def accepted(self) -> int:
        """Connections accepted so far."""
        accepted: int = self._ask("counts")["accepted"]
        return accepted

    def refuse_begin(self, seconds: float) -> None:
        """Refuse connections and reset the open ones for `seconds`; returns at once."""
        self._say(f"refuse {seconds}")

    def refuse_end(self) -> Window:
        """Wait for the window to end, and tell when it was."""
        return Window(*self._reply()["window"])

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _ask(self, line: str) -> dict[str, Any]:
        self._say(line)
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the misbehaving server ended: {self._process.communicate()[1]}")
        reply: dict[str, Any] = json.loads(line)
        return reply
