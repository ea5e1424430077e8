# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where records go: readable by their owner alone, whole or not at all, and as a Unix user expects.

`-` is standard output; a FIFO or device is written into; a link stays a link, and its file is replaced.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from collections.abc import Mapping
from typing import IO, Any

STANDARD_OUTPUT = "-"
#: A FIFO that nobody reads must not hold the command for ever.
READER_WITHIN_S = 10.0


def private(path: str, flags: int = os.O_TRUNC) -> IO[str]:
    """Open a text file for writing, readable by its owner alone when it is new."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600), "w", encoding="utf-8")


def is_stream(path: str) -> bool:
    """Bytes written there cannot be taken back: standard output, a FIFO, a device."""
    return path == STANDARD_OUTPUT or (os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode))


def _opened_stream(path: str) -> int:
    """A FIFO's descriptor, once it has a reader. Raises OSError when none comes."""
    deadline = time.monotonic() + READER_WITHIN_S
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            os.set_blocking(descriptor, True)
            return descriptor


def say(text: str, stream: IO[str]) -> None:
    """Print; a reader that went away (a closed pipe, a terminal that is gone) is no reason to stop measuring."""
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # Else the interpreter tries again at its end, and fails.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write(record: Mapping[str, Any], path: str) -> None:
    """Write a record so that the file is whole or absent. Raises OSError."""
    if path == STANDARD_OUTPUT:
        json.dump(record, sys.stdout, separators=(",", ":"))
        print(flush=True)
        return
    if is_stream(path):
        with os.fdopen(_opened_stream(path), "w", encoding="utf-8") as file:
            json.dump(record, file, separators=(",", ":"))
            file.write("\n")
        return
    real = os.path.realpath(path)
    temporary = f"{real}.{os.getpid()}.tmp"
    try:
        with private(temporary) as file:
            json.dump(record, file, separators=(",", ":"))
            file.write("\n")
        os.replace(temporary, real)
    except OSError:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
