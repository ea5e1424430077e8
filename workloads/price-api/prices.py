# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The price list: a flat file at an address, read when the pod starts and again when it is told to or it is time."""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from typing import Any, Callable

MAX_BYTES = 32 << 20
_LINE = re.compile(r"([0-9]{1,18})\s*,\s*([0-9]{1,18}(?:\.[0-9]{1,9})?)")
SCHEMES = ("http://", "https://", "file://")


class PricesError(Exception):
    """The list cannot be fetched or has a wrong line; the message names the address and the line."""


def parse(text: str) -> dict[int, str]:
    """Prices by product id. One product a line, ``id,price``; empty lines and those with # are skipped.

    A price stays the text that it was, so that 19.90 does not become 19.9. Raises PricesError with the line's number.
    """
    prices: dict[int, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            raise PricesError(f"line {number}: expected 'id,price' with a price such as 19.90, got {stripped[:60]!r}")
        product = int(match[1])
        if product in prices:
            raise PricesError(f"line {number}: product {product} has a price already")
        prices[product] = match[2]
    if not prices:
        raise PricesError("expected at least one line 'id,price'")
    return prices


def fetch(address: str, timeout_s: float = 10) -> str:
    """The text at an http, https or file address. Raises PricesError."""
    if not address.startswith(SCHEMES):
        raise PricesError(f"{address!r}: expected an address that begins with {', '.join(SCHEMES)}")
    try:
        with urllib.request.urlopen(address, timeout=timeout_s) as answer:  # noqa: S310  schemes are checked above
            content = answer.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise PricesError(f"{address}: larger than {MAX_BYTES >> 20} MiB")
        return str(content.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise PricesError(f"{address}: {error}") from error


class PriceList:
    """The prices at an address. A reload that fails keeps the last good ones and is told in :meth:`status`."""

    def __init__(self, address: str, read: Callable[[str], str] = fetch) -> None:
        self.address = address
        self._read = read
        self._lock = threading.Lock()
        self._prices: dict[int, str] = {}
        self._loaded_at: float | None = None
        self._error: str | None = None

    def reload(self) -> None:
        """Reads the list again and takes it over as a whole. Raises PricesError, and then keeps what it has."""
        with self._lock:
            try:
                self._prices = parse(self._read(self.address))
            except PricesError as error:
                self._error = str(error)
                raise
            self._loaded_at, self._error = time.time(), None

    def get(self, product: int) -> str | None:
        """The price of a product, None for an unknown one."""
        return self._prices.get(product)

    def status(self) -> dict[str, Any]:
        """Address, number of products, time of the last good load (epoch seconds), and the error since, if any."""
        return {
            "address": self.address,
            "products": len(self._prices),
            "loaded_at": self._loaded_at,
            "error": self._error,
        }

    def reload_every(self, period_s: float) -> threading.Thread:
        """Reloads in the background for ever; a failure waits for the next turn."""

        def turn() -> None:
            while True:
                time.sleep(period_s)
                try:
                    self.reload()
                except PricesError as error:
                    print(f"prices not reloaded, the last good list stays: {error}", flush=True)

        thread = threading.Thread(target=turn, daemon=True, name="reload")
        thread.start()
        return thread
