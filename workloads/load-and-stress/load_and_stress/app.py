# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The service. Settings: PORT (8080), STRESSTIME (60 seconds), MAX_STRESS (4 at a time).

``GET`` or ``POST /stress?seconds=n`` starts · ``GET /stresses`` lists · ``GET /stress/<id>`` tells · ``DELETE
/stress/<id>`` cancels · ``GET /cpu`` measures · ``GET /insight`` shows the environment.
"""

from __future__ import annotations

import math
import os
import socket

import psutil
from flask import Flask, Response, jsonify, request
from lab_workload import Identity, Lifecycle, add_health, env_number, env_text, serve

from .insight import masked
from .stresses import Stresses, TooManyError

MAX_SECONDS = 3600


def create_app(stresses: Stresses, lifecycle: Lifecycle, default_seconds: float = 60) -> Flask:
    """The application; every answer names the host, which is the pod."""
    app = Flask(__name__)
    add_health(app, lifecycle)
    app.wsgi_app = Identity(app.wsgi_app, lifecycle, env_text("APP_VERSION", "1.0"))  # type: ignore[method-assign]
    hostname = socket.gethostname()
    psutil.cpu_percent()  # each later call measures since the one before it

    def unknown(number: int) -> tuple[Response, int]:
        return jsonify(error=f"no stress {number} on {hostname}"), 404

    @app.route("/stress", methods=["GET", "POST"])
    def stress() -> tuple[Response, int]:
        text = request.args.get("seconds", str(default_seconds))
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds <= MAX_SECONDS:
            return jsonify(error=f"seconds={text!r}: expected a number above 0, at most {MAX_SECONDS}"), 400
        try:
            return jsonify(hostname=hostname, **stresses.start(seconds)), 202
        except TooManyError as error:
            return jsonify(hostname=hostname, error=str(error)), 429

    @app.get("/stresses")
    def stress_list() -> Response:
        return jsonify(hostname=hostname, stresses=stresses.list())

    @app.get("/stress/<int:number>")
    def stress_status(number: int) -> tuple[Response, int]:
        status = stresses.status(number)
        return (jsonify(hostname=hostname, **status), 200) if status else unknown(number)

    @app.delete("/stress/<int:number>")
    def stress_cancel(number: int) -> tuple[Response, int]:
        status = stresses.cancel(number)
        return (jsonify(hostname=hostname, **status), 200) if status else unknown(number)

    @app.get("/cpu")
    def cpu() -> Response:
        load1, load5, load15 = psutil.getloadavg()
        return jsonify(
            hostname=hostname,
            load={"1": load1, "5": load5, "15": load15},
            cpu_percent=psutil.cpu_percent(),
            cpu_count=psutil.cpu_count(),
        )

    @app.get("/insight")
    def insight() -> Response:
        return jsonify(hostname=hostname, environment=masked(os.environ))

    return app


def main() -> None:
    """Serves until SIGTERM; the stresses end with the container."""
    stresses = Stresses(int(env_number("MAX_STRESS", 4, 1, 64)))
    seconds = env_number("STRESSTIME", 60, 0.001, MAX_SECONDS)
    lifecycle = Lifecycle()
    serve(create_app(stresses, lifecycle, seconds), lifecycle, port=int(env_number("PORT", 8080, 1, 65535)))


if __name__ == "__main__":
    main()
