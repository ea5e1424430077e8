# Copyright: the Availability Lab founders
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A line at the end of a terminal that says what is going on: overwritten in place, gone before anything is printed."""

from __future__ import annotations

import os
import shutil
import threading
from typing import Any, TextIO

CLEAR = "\r\x1b[K"


class StatusLine:
    """`show` what is going on; all that Ansible's display prints meanwhile comes out whole, above it.

    Does nothing where the stream is not a terminal.
    """

    def __init__(self, display: Any, stream: TextIO) -> None:
        self._stream = stream
        self._shown = False
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._active = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        if self._active:
            # Ansible's display tells nobody when it prints: warnings and texts of tasks would be garbled without this.
            self._print = display.display
            display.display = self._display

    def show(self, text: str) -> None:
        """Put this text in the place of the one before."""
        if not self._active:
            return
        width = shutil.get_terminal_size().columns - 1
        with self._lock:
            self._stream.write(CLEAR + text[:width])
            self._stream.flush()
            self._shown = True

    def clear(self) -> None:
        """Leave nothing of it."""
        if not self._active:
            return
        with self._lock:
            if self._shown:
                self._stream.write(CLEAR)
                self._stream.flush()
                self._shown = False

    def _display(self, *arguments: Any, **options: Any) -> None:
        # A worker is a fork: what it prints goes through the parent, whose line it is. Its lock's copy may be held.
        if os.getpid() != self._process:
            self._print(*arguments, **options)
            return
        with self._lock:
            self.clear()
            self._print(*arguments, **options)
