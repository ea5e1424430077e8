# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""hello: the date and a tag, the service that goes from blue to green.

Run as ``python3 -m hello TAG``: the tag is an argument of the image's ENTRYPOINT, so a Deployment changes its colour by
changing ``args``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime, timezone

from flask import Flask
from lab_workload import Identity, Lifecycle, add_health, env_number, serve

PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")


def create_app(tag: str, lifecycle: Lifecycle) -> Flask:
    """The application: ``GET /`` gives ``{"date": {year … microsecond}, "tag": tag}``, the date in UTC."""
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the date reads from year to microsecond
    add_health(app, lifecycle)
    app.wsgi_app = Identity(app.wsgi_app, lifecycle, version=tag)  # type: ignore[method-assign]

    @app.get("/")
    def hello() -> dict[str, object]:
        now = datetime.now(timezone.utc)
        return {"date": {part: getattr(now, part) for part in PARTS}, "tag": tag}

    return app


def main(argv: Sequence[str] | None = None) -> None:
    """Serves on PORT (default 5000) until SIGTERM."""
    parser = argparse.ArgumentParser(prog="hello", description="Serves the date and a tag on PORT (default 5000).")
    parser.add_argument("tag", help="what the answer's 'tag' says, such as blue or green")
    tag = parser.parse_args(argv).tag
    lifecycle = Lifecycle()
    serve(create_app(tag, lifecycle), lifecycle, port=int(env_number("PORT", 5000, 1, 65535)))


if __name__ == "__main__":
    main()
