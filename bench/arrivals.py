# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The arrival logger: an epoll HTTP server that stamps when each request reached this machine's receive path.

The stamp is the kernel's own (SO_TIMESTAMPNS), taken when the packet came in, not when this process got round to
reading it: a late logger cannot make a client look late. It is checked all the same: the time from the stamp to the
read is kept, and its quantiles are part of the answer.

Started as a process by `ArrivalLogger`; each `take` on its standard input gives what arrived since the last one.
"""

from __future__ import annotations

import gc
import json
import select
import socket
import struct
import subprocess
import sys
import time
from array import array
from pathlib import Path
from types import TracebackType
from typing import Any

SO_TIMESTAMPNS = 35  # linux; the standard library has no name for it
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nok\n"
TIMESPEC = struct.Struct("@qq")


def serve() -> None:
    """Answer every request on a free port; told by lines on standard input, which ends it when it ends."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(8192)
    listener.setblocking(False)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    gc.disable()
    poller = select.epoll()
    poller.register(listener.fileno(), select.EPOLLIN)
    poller.register(sys.stdin.fileno(), select.EPOLLIN)
    open_: dict[int, socket.socket] = {}
    arrived, delay = array("q"), array("q")
    unpack, now = TIMESPEC.unpack, time.time_ns
    while True:
        for fd, _ in poller.poll():
            sock = open_.get(fd)
            if sock is not None:
                try:
                    data, extra, _, _ = sock.recvmsg(4096, 64)
                    if data:
                        sock.send(ANSWER)
                except OSError:
                    data = b""
                if not data:
                    del open_[fd]
                    sock.close()
                    continue
                seconds, ns = unpack(extra[0][2])
                stamp = seconds * 1_000_000_000 + ns
                arrived.append(stamp)
                delay.append(now() - stamp)
            elif fd == listener.fileno():
                while True:
                    try:
                        sock, _ = listener.accept()
                    except BlockingIOError:
                        break
                    sock.setblocking(False)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                    open_[sock.fileno()] = sock
                    poller.register(sock.fileno(), select.EPOLLIN)
            elif not sys.stdin.readline():
                return
            else:
                ordered = sorted(delay)
                reply = {"arrived_ns": arrived.tolist(), "delay_ns": quantiles(ordered)}
                print(json.dumps(reply), flush=True)
                arrived, delay = array("q"), array("q")


def quantiles(ordered: list[int]) -> dict[str, int]:
    """p50, p90, p99 and max of an ordered list (all 0 of an empty one)."""
    if not ordered:
        return {"p50": 0, "p90": 0, "p99": 0, "max": 0}
    count = len(ordered)
    at = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    return {name: ordered[min(count - 1, int(share * count))] for name, share in at.items()} | {"max": ordered[-1]}


class ArrivalLogger:
    """`with ArrivalLogger(core) as logger:` … `logger.url`, `logger.take()`."""

    def __init__(self, core: int) -> None:
        self._process = subprocess.Popen(
            ["taskset", "-c", str(core), sys.executable, "-S", str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = f"http://127.0.0.1:{self._reply()['port']}/"

    def take(self) -> tuple[list[int], dict[str, int]]:
        """(arrival times in ns since the last call, quantiles in ns of the logger's own delay); forgets them."""
        assert self._process.stdin is not None
        self._process.stdin.write("take\n")
        self._process.stdin.flush()
        reply = self._reply()
        return reply["arrived_ns"], reply["delay_ns"]

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        reply: dict[str, Any] = json.loads(self._process.stdout.readline())
        return reply

    def __enter__(self) -> ArrivalLogger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)


def lateness_ns(arrived: list[int], rate: float, skip_s: float) -> list[int]:
    """How far each arrival lies from its place in a constant schedule of `rate`, sorted, in ns.

    Which instant a client meant as its start is not known. The schedule is laid so that 1 % of the arrivals are
    before their place (they count with their distance, too): the same rule for every client. What arrived in the first
    `skip_s` seconds still takes its places, but is not counted: connections are made then.
    """
    if not arrived:
        return []
    ordered = sorted(arrived)
    step = 1e9 / rate
    offsets = [int(at - ordered[0] - n * step) for n, at in enumerate(ordered)][int(skip_s * rate) :]
    base = sorted(offsets)[len(offsets) // 100] if offsets else 0
    return sorted(abs(offset - base) for offset in offsets)


if __name__ == "__main__":
    serve()
