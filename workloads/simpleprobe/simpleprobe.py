# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""simpleprobe: a page with a version and the process's own counts.

It exists as image 1.0 and 2.0, so that a rolling update can be watched from outside, and shows what readiness probes
and preStop hooks are worth: both talk to the handlers ``/healthz`` and ``/prestop``.
"""

from __future__ import annotations

import socket

from flask import Flask, render_template_string
from lab_workload import Identity, Lifecycle, add_health, env_number, env_text, serve

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>simpleprobe v{{ version }}</title>
<h1>simpleprobe</h1>
<p>Version: v{{ version }}</p>
<dl>
{% for name, value in stats.items() %}<dt>{{ name }}</dt><dd>{{ value }}</dd>
{% endfor %}</dl>
</html>
"""


def create_app(version: str, lifecycle: Lifecycle) -> Flask:
    """The application: ``/`` is the page, ``/stats`` its figures as JSON."""
    app = Flask(__name__)
    add_health(app, lifecycle)
    app.wsgi_app = Identity(app.wsgi_app, lifecycle, version)  # type: ignore[method-assign]

    def stats() -> dict[str, object]:
        return {
            "version": version,
            "pod": env_text("POD_NAME", socket.gethostname()),
            "node": env_text("NODE_NAME", "unknown"),
            "uptime_s": round(lifecycle.uptime_s(), 3),
            "requests": lifecycle.requests,
            "in_flight": lifecycle.in_flight,
            "draining": lifecycle.draining,
        }

    @app.get("/")
    def page() -> str:
        return render_template_string(PAGE, version=version, stats=stats())

    app.add_url_rule("/stats", view_func=stats)
    return app


def main() -> None:
    """Serves on PORT (default 8080) until SIGTERM; APP_VERSION is what the image says."""
    lifecycle = Lifecycle()
    app = create_app(env_text("APP_VERSION", "1.0"), lifecycle)
    serve(app, lifecycle, port=int(env_number("PORT", 8080, 1, 65535)))


if __name__ == "__main__":
    main()
