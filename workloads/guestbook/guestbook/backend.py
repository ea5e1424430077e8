# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the frontend asks of the API: one new connection a request, so that the Service spreads them over its pods."""

from __future__ import annotations

import http.client
import json
from typing import Any


class BackendError(Exception):
    """The API did not answer, or not with what was asked. ``status`` is what to tell the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Backend:
    """The API at ``host``:``port``."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._address = (host, port)
        self._timeout_s = timeout_s

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON of a good answer. Raises BackendError: 400 as the API says, 503 unavailable, 502 anything else."""
        connection = http.client.HTTPConnection(*self._address, timeout=self._timeout_s)
        headers = {"Connection": "close", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise BackendError(503, f"the API does not answer: {error or type(error).__name__}") from error
        except ValueError as error:
            raise BackendError(502, "the API's answer is no JSON") from error
        finally:
            connection.close()
        if answer.status >= 400:
            status = answer.status if answer.status in (400, 503) else 502
            raise BackendError(status, str(content.get("error", answer.reason)))
        return content
