# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One file fetched over HTTP and kept only when its SHA-256 is the expected one."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

_TRIES = 3
_PAUSE_S = 1.0
_CHUNK_BYTES = 1 << 20
# The server's trouble, not the address's: worth another try.
_PASSING_STATUS = (408, 429, 500, 502, 503, 504)


class DownloadError(Exception):
    """The file cannot be had, or it is not the expected one; the text names the address."""


def fetch(url: str, destination: Path, sha256: str, timeout_s: float, pause_s: float = _PAUSE_S) -> int:
    """Fetch into ``destination``; return the size in bytes. ``timeout_s`` bounds the wait for each piece.

    A connection that breaks, an answer cut short and a 5xx are tried again; a 404 and a wrong checksum are not.
    DownloadError leaves no file behind.
    """
    try:
        size, digest = _stream_again(url, destination, timeout_s, pause_s)
        if digest != sha256.lower():
            raise DownloadError(f"{url}: its SHA-256 is {digest}, expected {sha256.lower()}")
    except DownloadError:
        destination.unlink(missing_ok=True)
        raise
    return size


class _Passing(Exception):
    """A failure that another try may cure."""


def _stream_again(url: str, destination: Path, timeout_s: float, pause_s: float) -> tuple[int, str]:
    """As _stream, and again after what may pass. Raises DownloadError after the last try."""
    for attempt in range(1, _TRIES):
        try:
            return _stream(url, destination, timeout_s)
        except _Passing:
            time.sleep(pause_s * attempt)
    try:
        return _stream(url, destination, timeout_s)
    except _Passing as error:
        raise DownloadError(f"{url}: {error} ({_TRIES} tries)") from error


def _stream(url: str, destination: Path, timeout_s: float) -> tuple[int, str]:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"{url}: expected an address that begins with http:// or https://")
    digest, size = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer, destination.open("wb") as kept:  # noqa: S310
            announced = answer.headers.get("Content-Length")
            while chunk := answer.read(_CHUNK_BYTES):
                digest.update(chunk)
                kept.write(chunk)
                size += len(chunk)
    except urllib.error.HTTPError as error:
        failure = f"the server answers {error.code} {error.reason}"
        raise (_Passing if error.code in _PASSING_STATUS else DownloadError)(
            failure if error.code in _PASSING_STATUS else f"{url}: {failure}"
        ) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise _Passing(f"the connection failed: {getattr(error, 'reason', None) or error!r}") from error
    if announced is not None and int(announced) != size:
        raise _Passing(f"the answer was cut: {size} of {announced} bytes")
    return size, digest.hexdigest()
