# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The history in etcd: one key a run, over the JSON gateway of etcd's v3 API, with the client's certificate."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from .entry import HistoryError

Json = dict[str, Any]
PREFIX = "/availability-lab/history/"
TIMEOUT_S = 5.0
PAGE = 200  # keys an answer: a few hundred KiB at most
UNAVAILABLE = 503  # this member has no leader; another may


class EtcdHistory:
    """Entries as text, by scenario and run. The endpoints are one cluster's: the first that answers is used."""

    def __init__(
        self, endpoints: Sequence[str], ca_cert: str | None, client_cert: str | None, client_key: str | None
    ) -> None:
        """Raises HistoryError: an endpoint is no URL, or a certificate cannot be read."""
        self._endpoints = [_endpoint(text) for text in endpoints]
        self._context: ssl.SSLContext | None = None
        if any(scheme == "https" for scheme, _host, _port in self._endpoints):
            self._context = _context(ca_cert, client_cert, client_key)

    def place(self, scenario: str, run: str) -> str:
        """Where an entry is, as people are told."""
        return f"etcd:{PREFIX}{scenario}/{run}"

    def read(self, scenario: str = "") -> Iterator[tuple[str, str]]:
        """Yield (place, text) of a scenario's entries, of all scenarios for "", in the order of their names."""
        prefix = PREFIX + (f"{scenario}/" if scenario else "")
        start, end = prefix.encode(), prefix[:-1].encode() + b"0"  # "0" follows "/": the end of all that begin so
        more = True
        while more:
            answer = self._ask("range", {"key": _base64(start), "range_end": _base64(end), "limit": PAGE})
            pairs = answer.get("kvs", [])
            for pair in pairs:
                yield f"etcd:{_text(pair['key'])}", _text(pair.get("value", ""))
            more = bool(answer.get("more")) and bool(pairs)
            if more:
                start = base64.b64decode(pairs[-1]["key"]) + b"\0"

    def find(self, scenario: str, run: str) -> str | None:
        """The text of one entry, None where there is none."""
        pairs = self._ask("range", {"key": _key(scenario, run)}).get("kvs", [])
        return _text(pairs[0].get("value", "")) if pairs else None

    def store(self, scenario: str, run: str, text: str) -> None:
        """Write one entry."""
        self._ask("put", {"key": _key(scenario, run), "value": _base64(text.encode())})

    def remove(self, scenario: str, run: str) -> None:
        """Remove one entry."""
        self._ask("deleterange", {"key": _key(scenario, run)})

    def _ask(self, call: str, body: Json) -> Json:
        problems = []
        for scheme, host, port in self._endpoints:
            try:
                status, raw = self._post(scheme, host, port, f"/v3/kv/{call}", json.dumps(body))
            except (OSError, HTTPException) as error:  # ssl.SSLError is an OSError
                problems.append(f"{scheme}://{host}:{port}: {error}")
                continue
            if status == UNAVAILABLE:
                problems.append(f"{scheme}://{host}:{port}: {_message(raw)}")
                continue
            if status != 200:
                raise HistoryError(f"endpoints: {scheme}://{host}:{port} answered {status}: {_message(raw)}")
            try:
                answer: Json = json.loads(raw)
            except ValueError as error:
                raise HistoryError(
                    f"endpoints: {scheme}://{host}:{port} is not etcd's JSON gateway: {raw[:80]!r}"
                ) from error
            return answer
        raise HistoryError("endpoints: no member answered: " + "; ".join(problems))

    def _post(self, scheme: str, host: str, port: int, path: str, body: str) -> tuple[int, bytes]:
        if scheme == "https":
            connection: HTTPConnection = HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._context)
        else:
            connection = HTTPConnection(host, port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _endpoint(text: str) -> tuple[str, str, int]:
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("http", "https") or not parts.hostname or port is None:
        raise HistoryError(f"endpoints: {text!r}: expected a URL with its port, such as https://127.0.0.1:2379")
    return parts.scheme, parts.hostname, port


def _context(ca_cert: str | None, client_cert: str | None, client_key: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_cert)
    except (OSError, ValueError) as error:
        raise HistoryError(f"ca_cert: {ca_cert} cannot be used: {error}") from error
    if client_cert:
        try:
            context.load_cert_chain(client_cert, client_key)
        except (OSError, ValueError) as error:
            raise HistoryError(f"client_cert: {client_cert} with {client_key} cannot be used: {error}") from error
    return context


def _key(scenario: str, run: str) -> str:
    return _base64(f"{PREFIX}{scenario}/{run}".encode())


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode("utf-8", errors="replace")


def _message(raw: bytes) -> str:
    """The gateway's own words, where it gave some."""
    try:
        told = json.loads(raw)
        return str(told.get("message") or told.get("error"))
    except (ValueError, AttributeError):
        return raw[:200].decode("utf-8", errors="replace").strip()
