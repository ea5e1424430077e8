# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The frontend tier: a page with the newest messages and a form.

Settings: HKF_DEBUG (off), HKF_HOST (0.0.0.0), HKF_PORT (8080), MAX_MSG_GET (10), API_HOST (api), API_PORT (5000).
"""

from __future__ import annotations

from flask import Flask, Response, jsonify, redirect, render_template, request
from lab_workload import Identity, Lifecycle, add_health, env_choice, env_number, env_text, serve
from werkzeug.wrappers import Response as Redirect

from .backend import Backend, BackendError


def create_app(backend: Backend, lifecycle: Lifecycle, limit: int = 10, debug: bool = False) -> Flask:
    """The application in front of an API. ``debug`` shows on the page what failed; without it the log alone says it."""
    app = Flask(__name__)
    add_health(app, lifecycle)
    app.wsgi_app = Identity(app.wsgi_app, lifecycle, env_text("APP_VERSION", "1.0"))  # type: ignore[method-assign]

    @app.errorhandler(BackendError)
    def failed(error: BackendError) -> tuple[Response, int] | tuple[str, int]:
        app.logger.warning("%s %s: %s", request.method, request.path, error)
        if request.path.startswith("/messages"):
            return jsonify(error=str(error)), error.status
        shown = str(error) if debug or error.status == 400 else "The guestbook cannot be read just now."
        return render_template("page.html", messages=[], error=shown), error.status

    @app.get("/")
    def page() -> str:
        messages = backend.call("GET", f"/messages?limit={limit}")["messages"]
        return render_template("page.html", messages=messages, error="")

    @app.post("/")
    def post() -> Redirect:
        backend.call("POST", "/messages", {"message": request.form.get("message", "")})
        return redirect("/", code=303)

    @app.get("/messages/numbers")
    def numbers() -> Response:
        return jsonify(backend.call("GET", "/messages/numbers"))

    @app.post("/messages/<int:number>")
    def post_number(number: int) -> tuple[Response, int]:
        return jsonify(backend.call("POST", f"/messages/{number}")), 201

    return app


def main() -> None:
    """Serves until SIGTERM."""
    api_port = int(env_number("API_PORT", 5000, 1, 65535))
    backend = Backend(env_text("API_HOST", "api"), api_port, env_number("API_TIMEOUT_S", 5, 0.1, 60))
    debug = env_choice("HKF_DEBUG", "false", ("true", "false", "1", "0", "on", "off")) in ("true", "1", "on")
    lifecycle = Lifecycle()
    app = create_app(backend, lifecycle, int(env_number("MAX_MSG_GET", 10, 0, 1000)), debug)
    serve(app, lifecycle, port=int(env_number("HKF_PORT", 8080, 1, 65535)), host=env_text("HKF_HOST", "0.0.0.0"))  # noqa: S104


if __name__ == "__main__":
    main()
