# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""price-api: product id in, price out, for many users, without login.

Settings: PORT (8080), PRICES_URL (file:///config/prices.txt), RELOAD_S (10; 0 reloads only when told).

``GET /price/<id>`` · ``GET /prices`` tells about the list · ``POST /prices/reload`` reads it again.
"""

from __future__ import annotations

import sys

from flask import Flask, Response, jsonify
from lab_workload import Identity, Lifecycle, add_health, env_number, env_text, serve
from prices import PriceList, PricesError

MAX_DIGITS = 18


def create_app(prices: PriceList, lifecycle: Lifecycle) -> Flask:
    """The application over a price list."""
    app = Flask(__name__)
    add_health(app, lifecycle)
    app.wsgi_app = Identity(app.wsgi_app, lifecycle, env_text("APP_VERSION", "1.0"))  # type: ignore[method-assign]

    @app.get("/price/<product>")
    def price(product: str) -> tuple[Response, int]:
        if not (product.isascii() and product.isdigit() and len(product) <= MAX_DIGITS):
            return jsonify(error=f"product id {product[:60]!r}: expected 1 to {MAX_DIGITS} digits"), 400
        found = prices.get(int(product))
        if found is None:
            return jsonify(error=f"no product {int(product)}"), 404
        return jsonify(id=int(product), price=found), 200

    @app.get("/prices")
    def status() -> Response:
        return jsonify(prices.status())

    @app.post("/prices/reload")
    def reload() -> tuple[Response, int]:
        try:
            prices.reload()
        except PricesError as error:
            return jsonify(error=f"the last good list stays: {error}", **{"products": prices.status()["products"]}), 502
        return jsonify(prices.status()), 200

    return app


def main() -> None:
    """Loads the list, which must succeed, and serves until SIGTERM."""
    prices = PriceList(env_text("PRICES_URL", "file:///config/prices.txt"))
    period_s = env_number("RELOAD_S", 10, 0, 86400)
    try:
        prices.reload()
    except PricesError as error:
        sys.exit(f"PRICES_URL: {error}")
    if period_s:
        prices.reload_every(period_s)
    lifecycle = Lifecycle()
    serve(create_app(prices, lifecycle), lifecycle, port=int(env_number("PORT", 8080, 1, 65535)))


if __name__ == "__main__":
    main()
