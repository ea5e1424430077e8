# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads a probe's progress file once a second, over whatever connection, while the task waits for the module."""

from __future__ import annotations

import copy
import json
import os
import shlex
import threading
from types import TracebackType
from typing import Any, Callable

from ansible.errors import AnsibleError
from ansible_collections.availability.lab.plugins.module_utils.probe.progress import live_line

EVERY_S = 1.0
#: A line holds the second's histograms; the live line needs only what stands before them.
FIRST_BYTES = 4096
#: More than a whole line: the file itself grows with the measurement.
LAST_BYTES = 1 << 20


class Live:
    """`with Live(connection, path, show): …` calls `show` with every new line, in words.

    status: a file that holds what an experiment does now, {"doing": …}, said before the probe's figures, and what it
    has heard of the cluster, {"news": [[number, words], …]}, each said once in a line of its own.
    """

    def __init__(self, connection: Any, path: str, show: Callable[[str], None], status: str = "") -> None:
        self._local = connection.transport == "local"
        # A connection plugin keeps the state of the command that it runs: the module's must be left alone.
        self._connection = copy.copy(connection)
        self._path = path
        self._status = status
        self._show = show
        self._shown = ""
        self._told = 0  # the number of the latest of the news
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Live:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=5 * EVERY_S)

    def _watch(self) -> None:
        while not self._ended.wait(EVERY_S):
            status = self._read_status()
            for number, words in status.get("news", []):
                if number > self._told:
                    self._told = number
                    self._show(words)
            line = "  ".join(part for part in (status.get("doing", ""), summary_line(self._last(self._path))) if part)
            if line and line != self._shown:
                self._shown = line
                self._show(line)

    def _read_status(self) -> dict[str, Any]:
        """What the experiment does now; {} where nothing tells."""
        try:
            found = json.loads(self._last(self._status)) if self._status else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _last(self, path: str) -> bytes:
        """The beginning of the file's last whole line; nothing where it cannot be read (yet)."""
        if self._local:
            try:
                with open(path, "rb") as file:
                    file.seek(max(0, os.fstat(file.fileno()).st_size - LAST_BYTES))
                    lines = file.read().rsplit(b"\n", 2)
            except OSError:
                return b""
            return lines[-2][:FIRST_BYTES] if len(lines) > 1 else b""
        command = f"tail -n 1 {shlex.quote(path)} | head -c {FIRST_BYTES}"
        try:
            status, said, _errors = self._connection.exec_command(command)
        except AnsibleError:
            return b""
        return bytes(said) if status == 0 else b""


def summary_line(raw: bytes) -> str:
    """The live line of a progress line of which only the beginning may be there; "" where it is none."""
    text = raw.decode("utf-8", "replace")
    beginning, deltas, _rest = text.partition(',"deltas":')
    if not deltas:
        return ""
    try:
        summary = json.loads(beginning + "}")
    except ValueError:
        return ""
    return "" if "completed" not in summary else live_line(summary)
