# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A long command that ends when its caller does: on a time-out, on Ctrl-C and on SIGTERM its whole group is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

TAIL_LINES = 15


class CommandError(Exception):
    """The command failed; the text holds its name, how it ended, and its last lines."""


def run_bounded(
    command: list[str], *, timeout_s: float, cwd: Path | None = None, env: dict[str, str] | None = None
) -> str:
    """Run the command in a process group of its own; return what it printed (both streams).

    CommandError: it cannot be started, ended with another status than 0, or ran into the time-out.
    """
    shown = " ".join(command[:3])
    with _sigterm_raises():
        try:
            child = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise CommandError(f"`{shown}` cannot be started: {error}") from error
        try:
            output, _unused = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise CommandError(f"`{shown}` did not end within {timeout_s:g} s") from error
        finally:
            if child.poll() is None:
                _end_group(child)
    if child.returncode != 0:
        tail = "\n".join(output.strip().splitlines()[-TAIL_LINES:])
        raise CommandError(f"`{shown}` ended with status {child.returncode}:\n{tail}")
    return output


def _end_group(child: subprocess.Popen[str]) -> None:
    """SIGTERM, five seconds to end, SIGKILL. The group's number is the child's, which is not reaped yet."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
            return


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Make SIGTERM unwind the stack, so that the child is ended and temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
