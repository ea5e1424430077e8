# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The API tier: messages over JSON.

Settings: API_HOST, API_PORT (5000), REDIS_HOST, REDIS_PORT (6379), MAX_MSG_GET (10).

``GET /messages?limit=n`` · ``POST /messages`` with ``{"message": text}`` · ``POST /messages/<number>`` for writers that
number what they write, to count afterwards what was lost or doubled · ``GET /messages/numbers`` for that count.
"""

from __future__ import annotations

from collections import Counter

from flask import Flask, Response, jsonify, request
from lab_workload import Identity, Lifecycle, add_health, env_number, env_text, serve

from .store import Store, StoreError

MAX_TEXT = 500
MAX_LIMIT = 100_000


def create_app(store: Store, lifecycle: Lifecycle, default_limit: int = 10) -> Flask:
    """The application over a store."""
    app = Flask(__name__)
    add_health(app, lifecycle)
    app.wsgi_app = Identity(app.wsgi_app, lifecycle, env_text("APP_VERSION", "1.0"))  # type: ignore[method-assign]

    def bad(why: str) -> tuple[Response, int]:
        return jsonify(error=why), 400

    @app.errorhandler(StoreError)
    def unavailable(error: StoreError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 503

    @app.get("/messages")
    def messages() -> tuple[Response, int]:
        text = request.args.get("limit", str(default_limit))
        if not (text.isascii() and text.isdigit() and int(text) <= MAX_LIMIT):
            return bad(f"limit={text!r}: expected a whole number from 0 to {MAX_LIMIT}")
        return jsonify(messages=store.newest(int(text))), 200

    @app.post("/messages")
    def post() -> tuple[Response, int]:
        body = request.get_json(silent=True)
        text = body.get("message") if isinstance(body, dict) else None
        if not isinstance(text, str) or not 0 < len(text.strip()) <= MAX_TEXT:
            return bad(f'expected JSON with "message": a text of 1 to {MAX_TEXT} characters')
        return jsonify(store.add(text.strip())), 201

    @app.post("/messages/<int:number>")
    def post_number(number: int) -> tuple[Response, int]:
        return jsonify(store.add(str(number))), 201

    @app.get("/messages/numbers")
    def numbers() -> tuple[Response, int]:
        kept = Counter(int(m["text"]) for m in store.newest(MAX_LIMIT) if m["text"].isdigit())
        doubled = sorted(number for number, times in kept.items() if times > 1)
        return jsonify(kept=sorted(kept), doubled=doubled), 200

    return app


def main() -> None:
    """Serves until SIGTERM."""
    redis_port = int(env_number("REDIS_PORT", 6379, 1, 65535))
    store = Store.at(env_text("REDIS_HOST", "redis"), redis_port, env_number("REDIS_TIMEOUT_S", 2, 0.1, 60))
    lifecycle = Lifecycle()
    app = create_app(store, lifecycle, int(env_number("MAX_MSG_GET", 10, 0, MAX_LIMIT)))
    serve(app, lifecycle, port=int(env_number("API_PORT", 5000, 1, 65535)), host=env_text("API_HOST", "0.0.0.0"))  # noqa: S104


if __name__ == "__main__":
    main()
