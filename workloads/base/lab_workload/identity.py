# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""WSGI middleware: every answer says who gave it.

``X-Version``, ``X-Pod`` and ``X-Node``, and once the process drains ``X-Draining`` with the seconds since. A probe
reads these to split its figures by version and pod without parsing bodies, and to see that a pod was still sent
requests after it had been told to go.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from typing import Any, Callable

from .lifecycle import Lifecycle
from .settings import env_text

# Asked by the kubelet, not by clients: left out of the request counts.
KUBELET_PATHS = frozenset({"/healthz", "/prestop"})


class Identity:
    """Wraps a WSGI application; ``version`` is what X-Version says."""

    def __init__(self, app: Callable[..., Iterable[bytes]], lifecycle: Lifecycle, version: str) -> None:
        self._app = app
        self._lifecycle = lifecycle
        self._headers = [
            ("X-Version", version),
            ("X-Pod", env_text("POD_NAME", socket.gethostname())),
            ("X-Node", env_text("NODE_NAME", "unknown")),
        ]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            drained_s = self._lifecycle.draining_for_s()
            extra = [] if drained_s is None else [("X-Draining", f"{drained_s:.3f}")]
            return start_response(status, headers + self._headers + extra, exc_info)

        if environ.get("PATH_INFO") in KUBELET_PATHS:
            return self._app(environ, start)
        self._lifecycle.request_began()
        try:
            body = self._app(environ, start)
        except BaseException:
            self._lifecycle.request_ended()
            raise
        return _Counted(body, self._lifecycle)


class _Counted:
    """The body of an answer; the request ends when the server closes it, which PEP 3333 guarantees."""

    def __init__(self, body: Iterable[bytes], lifecycle: Lifecycle) -> None:
        self._body = body
        self._lifecycle = lifecycle

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            getattr(self._body, "close", lambda: None)()
        finally:
            self._lifecycle.request_ended()
