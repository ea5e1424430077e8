# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A worker: a process with one event loop, which sends its part of the plan and tells of it through a pipe."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import signal
import ssl
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Callable

from .attempts import AttemptLog
from .exchange import Exchange
from .http2.multiplexed import Multiplexed
from .lane import CONTROL, Lane
from .loop import Loop
from .options import Options
from .recorder import Recorder
from .resolver import Resolver
from .users import share_of

_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031  # fcntl's number on Linux; Python names it from 3.10 on


@dataclass(frozen=True)
class Job:
    """What all workers share; the plan starts at `base_ns` (monotonic clock), `started_unix_ns` (wall clock)."""

    options: Options
    resolver: Resolver
    context: ssl.SSLContext | None
    base_ns: int
    started_unix_ns: int


class Worker:
    """The supervisor's view of a worker."""

    def __init__(self, index: int, pid: int, pipe: int) -> None:
        self.index = index
        self.pid = pid
        self.pipe = pipe
        self._rest = b""

    def lines(self) -> list[bytes] | None:
        """The whole lines that came; None at the end of the pipe."""
        data = os.read(self.pipe, _PIPE_BYTES)
        if not data:
            return None
        *whole, self._rest = (self._rest + data).split(b"\n")
        return whole


class _Outbox:
    """A worker's end of the pipe: never blocks while the loop runs."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._data = b""
        os.set_blocking(pipe, False)

    def put(self, message: dict[str, Any]) -> None:
        self._data += json.dumps(message, separators=(",", ":")).encode() + b"\n"
        self.pump()

    def pump(self) -> None:
        if self._data:
            try:
                written = os.write(self._pipe, self._data)
            except BlockingIOError:
                return
            self._data = self._data[written:]

    def drain(self) -> None:
        os.set_blocking(self._pipe, True)
        while self._data:
            self.pump()


def fork(index: int, job: Job, ending: Callable[[], bool]) -> Worker:
    """Start worker `index`. `ending` says whether the plan was ended meanwhile: asked once, when it can be told so."""
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        status = 1
        try:
            _work(index, write_end, job, ending)
            status = 0
        except BrokenPipeError:
            pass  # the supervisor is gone: its progress file has what was told
        except BaseException:  # told to the supervisor, whatever it is
            os.set_blocking(write_end, True)
            os.write(write_end, json.dumps({"error": traceback.format_exc()[-4000:]}).encode() + b"\n")
        finally:
            os._exit(status)
    os.close(write_end)
    return Worker(index, pid, read_end)


def _work(index: int, pipe: int, job: Job, ending: Callable[[], bool]) -> None:
    """The life of a worker."""
    options = job.options
    with suppress(OSError):  # a smaller pipe only means more turns
        fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)
    # Sleep as exactly as the kernel can (50 us late is the default): prctl(2), PR_SET_TIMERSLACK. Where that is
    # refused sends are some 50 us late, which the self-check shows.
    with suppress(OSError), open("/proc/self/timerslack_ns", "w", encoding="ascii") as file:
        file.write("1")
    attempts = None if options.attempts is None else AttemptLog(options.attempts, job.started_unix_ns)
    recorder = Recorder(options, attempts)
    exchange = (Multiplexed if options.http2 else Exchange)(options, recorder, job.resolver, job.context, job.base_ns)
    share, stall_ns = (index, options.processes), int(options.stall_after_s * 1e9)
    exchange.cap = share_of(options.max_in_flight, *share)
    lanes = [Lane(name, name, options.targets_on(name), share=share, stall_ns=stall_ns) for name in options.lanes]
    control = Lane(CONTROL, "new", [options.control], counted=False) if options.control and index == 0 else None
    loop = Loop(exchange, lanes, control, share)

    def stop(_number: int, _frame: object) -> None:
        loop.abandoned = loop.stopping
        loop.stopping = True

    signal.signal(signal.SIGTERM, stop)
    for number in (signal.SIGINT, signal.SIGHUP):  # the supervisor passes it on, once
        signal.signal(number, signal.SIG_IGN)
    if ending():
        loop.stopping = True
    job.resolver.start()
    outbox = _Outbox(pipe)
    gc.collect()
    gc.freeze()
    gc.disable()  # the loop makes no cycles; a collection would make it late
    loop.run(outbox.put, outbox.pump)
    if attempts is not None:
        attempts.close()
    outbox.drain()
