# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The handlers that Kubernetes calls: ``/healthz`` for its probes, ``/prestop`` for its lifecycle hook."""

from __future__ import annotations

import time
from typing import Callable

from flask import Flask, Response

from .lifecycle import Lifecycle
from .settings import env_number


def add_health(app: Flask, lifecycle: Lifecycle, sleep: Callable[[float], None] = time.sleep) -> None:
    """Adds both routes to ``app``.

    ``/healthz`` answers 200, and 503 while the process drains: a draining pod is alive but wants no new clients.
    ``/prestop`` begins to drain and answers after PRESTOP_S seconds (default 5): the kubelet sends SIGTERM only after
    that answer, and by then the endpoint is withdrawn and kept connections were asked to close.
    """
    prestop_s = env_number("PRESTOP_S", 5, maximum=3600)

    @app.get("/healthz")
    def healthz() -> Response:
        if lifecycle.draining:
            return Response("draining\n", status=503, mimetype="text/plain")
        return Response("ok\n", mimetype="text/plain")

    @app.get("/prestop")
    def prestop() -> Response:
        lifecycle.begin_draining()
        sleep(prestop_s)
        return Response("drained\n", mimetype="text/plain")
