# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The production server of all workloads: waitress, with an end that loses no request.

waitress because it is one small process (pure Python, no master beside the worker: SIGTERM reaches the one that
serves), buffers slow clients in its own loop, and lets the drain below be written on its public classes. Its own
shutdown cuts answers short and gunicorn's closes kept connections at once, so both lose requests.

On SIGTERM: connections that already wait are accepted, then the port closes. Requests in flight are finished. A kept
connection gets ``Connection: close`` with its next answer; one that stays silent is closed after DRAIN_S seconds.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask

from .lifecycle import Lifecycle
from .settings import env_choice, env_number, env_text

# The kubelet copies this file into the pod's status: the process's last words reach whoever watches the pod.
TERMINATION_LOG = Path("/dev/termination-log")
BACKLOG = 1024
_TICK_S = 0.05


class _Task(WSGITask):
    def build_response_header(self) -> bytes:
        if self.channel.server.lifecycle.draining:
            # Answered as if the client itself had asked to close: waitress then says so and closes after the body.
            self.request.headers["CONNECTION"] = "close"
        return super().build_response_header()


class _Channel(HTTPChannel):
    task_class = _Task

    def busy(self) -> bool:
        """A request is being read, answered or sent."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len)


class Server(TcpWSGIServer):
    """A waitress server that can be drained. ``lifecycle`` is set before the first request."""

    channel_class = _Channel
    lifecycle: Lifecycle

    def tick(self, timeout_s: float) -> None:
        """Handles what is ready, waiting at most ``timeout_s``."""
        wasyncore.loop(timeout=timeout_s, use_poll=True, map=self._map, count=1)

    def stop_listening(self) -> None:
        """Takes in the connections that the kernel has already accepted for us, then closes the port."""
        for _ in range(BACKLOG):
            if not select.select([self.socket], [], [], 0)[0]:
                break
            self.handle_accept()
        self.accepting = False
        wasyncore.dispatcher.close(self)  # the port alone: the trigger still wakes the loop for the threads

    def drain(self, silent_s: float, limit_s: float) -> int:
        """Serves what is open until nothing is, and returns the number of requests given up.

        Connections that stay silent are closed after ``silent_s``; after ``limit_s`` it ends whatever is in flight.
        """
        began = time.monotonic()
        while self.active_channels:
            elapsed_s = time.monotonic() - began
            busy = [channel for channel in list(self.active_channels.values()) if channel.busy()]
            if elapsed_s >= limit_s:
                return len(busy)
            if elapsed_s >= silent_s:
                for channel in list(self.active_channels.values()):
                    if not channel.busy():
                        channel.will_close = True
            self.tick(_TICK_S)
        return 0


def log_event(event: str, **fields: Any) -> None:
    """One JSON line on standard output, with the epoch time in seconds."""
    print(json.dumps({"event": event, "at": time.time(), **fields}), flush=True)


def serve(app: Any, lifecycle: Lifecycle, port: int, host: str = "0.0.0.0") -> None:  # noqa: S104 a pod's address
    """Serves ``app`` until SIGTERM or SIGINT, drains and ends the process: 0, or 1 when requests were given up.

    Settings: WSGI_THREADS (8), GRACEFUL_SHUTDOWN (on; off ends at once, which is the contrast that the lab shows),
    DRAIN_S (5) for silent connections, SHUTDOWN_TIMEOUT_S (20) for requests in flight: less than what the pod's
    terminationGracePeriodSeconds leaves after preStop.

    :raises SettingError: a setting is no such number.
    :raises OSError: the port cannot be bound.
    """
    threads = int(env_number("WSGI_THREADS", 8, minimum=1, maximum=256))
    graceful = env_choice("GRACEFUL_SHUTDOWN", "on", ("on", "off")) == "on"
    silent_s = env_number("DRAIN_S", 5, maximum=3600)
    limit_s = env_number("SHUTDOWN_TIMEOUT_S", 20, maximum=3600)
    # waitress warns for each request that waits for a thread: under load that is a line a request.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    server = Server(app, host=host, port=port, threads=threads, backlog=BACKLOG, connection_limit=4096, ident=None)
    server.lifecycle = lifecycle

    def stop(signum: int, _frame: Any) -> None:
        lifecycle.terminate()
        if not graceful:
            _leave_last_words(lifecycle.last_words())
            os._exit(128 + signum)
        server.pull_trigger()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log_event("started", port=port, threads=threads, graceful=graceful)
    while lifecycle.sigterm_at is None:
        server.tick(1.0)

    log_event("sigterm", **lifecycle.summary())
    server.stop_listening()
    port_closed_at = time.time()
    given_up = server.drain(silent_s, limit_s)
    last_words = {**lifecycle.summary(), "port_closed_at": port_closed_at, "given_up": given_up}
    log_event("drained", **last_words)
    _leave_last_words(last_words)
    sys.stdout.flush()
    os._exit(1 if given_up else 0)  # not sys.exit: a stuck request's thread must not keep the process


def _leave_last_words(last_words: dict[str, Any]) -> None:
    path = Path(env_text("TERMINATION_LOG", str(TERMINATION_LOG)))
    if path.is_file():  # the kubelet makes it; outside of Kubernetes there is none
        path.write_text(json.dumps(last_words), encoding="utf-8")
