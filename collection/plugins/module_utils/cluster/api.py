# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Raw access to the Kubernetes API: the kubernetes client does addresses, TLS and credentials, the answers stay
plain JSON. Turning each watch event into the client's model objects would cost ten times the CPU of parsing it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.utils.keepalive import tcp_keepalive_socket_options

from .clock import ClockOffset

LONGEST_WAIT_S = 30.0  # a server that asks for more is asked again all the same
REQUEST_TIMEOUT_S = 10.0
SEND_TIMEOUT_S = 30.0  # an admission webhook may take its time
JSON = "application/json"


class ClusterError(Exception):
    """The cluster cannot be used as asked; the text is meant for the user."""


class ApiProblem(Exception):
    """The API did not do what was asked; ``status`` is its HTTP status, 0 where there was no answer.

    retry_after_s: how long the server wants to be left alone, 0 where it does not say.
    """

    def __init__(self, text: str, status: int = 0, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.status, self.retry_after_s = status, retry_after_s


class ApiUnavailable(ApiProblem):
    """The API did not answer, or said that it cannot now. Worth another try."""


class ApiRefused(ApiProblem):
    """The API answered 401, 403 or 404: no right to the resource, or no such resource."""


class ApiGone(ApiProblem):
    """410: the resource version is too old for the watch cache. List again."""


class ApiRejected(ApiProblem):
    """The API answered 400, 405, 409, 415 or 422: the object or the change is not one that it takes."""


def load_configuration(kubeconfig: str, context: str | None) -> client.Configuration:
    """Address and credentials of a kubeconfig's context, without hidden retries.

    Raises ClusterError when the file is missing, malformed or lacks the context.
    """
    configuration = client.Configuration()
    try:
        load: Any = config.load_kube_config
        load(kubeconfig, context=context, client_configuration=configuration)
    except (config.ConfigException, OSError, ValueError) as error:
        raise ClusterError(f"kubeconfig {kubeconfig}: {error}") from error
    configuration.retries = False  # a retry hidden here would blur the times that are recorded
    return configuration


class ClusterApi:
    """Reads, watches and changes on one API server, over the kubeconfig's context. Safe to share by threads."""

    def __init__(self, configuration: client.Configuration) -> None:
        configuration.socket_options = tcp_keepalive_socket_options(5, 2, 3)  # a node that vanishes sends no FIN
        configuration.connection_pool_maxsize = 32  # a connection a watch, and those of the pollers
        self._client: Any = client.ApiClient(configuration)
        self.host = configuration.host
        self.clock = ClockOffset()

    @classmethod
    def from_kubeconfig(cls, path: str, context: str | None = None) -> ClusterApi:
        """Raises ClusterError when the file is missing, malformed or lacks the context."""
        return cls(load_configuration(path, context))

    def get(self, path: str, **params: Any) -> Any:
        """One object or list as parsed JSON. Raises ApiUnavailable, ApiRefused, ApiGone."""
        body = self.get_bytes(path, **params)
        try:
            return json.loads(body)
        except ValueError as error:
            raise ApiUnavailable(f"{path}: the answer is not JSON: {body[:80]!r}") from error

    def get_bytes(self, path: str, **params: Any) -> bytes:
        """The body of a GET, whatever it is. Raises as ``get``."""
        response = self._open(path, params, REQUEST_TIMEOUT_S, "application/json, */*")
        try:
            return bytes(response.data)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiUnavailable(f"{path}: {error}") from error
        finally:
            response.release_conn()

    def watch(self, path: str, resource_version: str, timeout_s: int, **params: Any) -> WatchStream:
        """Changes after ``resource_version``; the server closes the stream after ``timeout_s``. Raises as ``get``."""
        params.update(
            watch="true", allowWatchBookmarks="true", resourceVersion=resource_version, timeoutSeconds=timeout_s
        )
        return WatchStream(self._open(path, params, timeout_s + 30.0, "application/json"))

    def send(self, method: str, path: str, body: Any = None, content_type: str = JSON, **params: Any) -> bytes:
        """One change (POST, PATCH, PUT, DELETE); the answer's body. ``body`` is what JSON can hold, or None.

        Raises ApiUnavailable, ApiRefused, ApiRejected, ApiGone.
        """
        data = None if body is None else json.dumps(body)
        response = self._open(
            path, params, SEND_TIMEOUT_S, "application/json, */*", method=method, body=data, content_type=content_type
        )
        try:
            return bytes(response.data)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiUnavailable(f"{path}: {error}") from error
        finally:
            response.release_conn()

    def close(self) -> None:
        self._client.close()

    def _open(
        self,
        path: str,
        params: dict[str, Any],
        read_timeout_s: float,
        accept: str,
        *,
        method: str = "GET",
        body: str | None = None,
        content_type: str = JSON,
    ) -> Any:
        headers = {"Accept": accept, "User-Agent": "availability-lab"}
        if method != "GET":
            headers["Content-Type"] = content_type
        queries: list[tuple[str, str]] = []
        sent_s = time.time()
        try:
            self._client.update_params_for_auth(headers, queries, ["BearerToken"], path, method, body)
            url = self.host + path + ("?" + urlencode({**params, **dict(queries)}) if params or queries else "")
            # Past the client's own request(), which would encode the body once more.
            response = self._client.rest_client.pool_manager.request(
                method,
                url,
                body=body,
                headers=headers,
                preload_content=False,
                timeout=urllib3.Timeout(connect=REQUEST_TIMEOUT_S, read=read_timeout_s),
            )
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            raise ApiUnavailable(f"{self.host}{path}: {error}") from error
        self.clock.add(response.headers.get("Date"), sent_s, time.time())
        if not 200 <= response.status < 300:
            _raise(path, response)
        return response


class WatchStream:
    """Iterates over the events of one watch. ``shutdown`` from another thread ends the iteration."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yields {type, object}. Ends when the server ends the stream; raises ApiUnavailable when it breaks."""
        pending = b""
        try:
            for chunk in self._response.stream(2**16, decode_content=True):
                pending += chunk
                *lines, pending = pending.split(b"\n")
                for line in lines:
                    if line.strip():
                        yield json.loads(line)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ApiUnavailable(f"the watch broke: {error}") from error
        finally:
            self._response.close()

    def shutdown(self) -> None:
        try:
            self._response.shutdown()
        except (ValueError, RuntimeError, OSError):  # it has ended by itself meanwhile
            return


def _raise(path: str, response: Any) -> None:
    """Map a status other than 200 to an exception with the API's own words."""
    try:
        body = response.data
    except (urllib3.exceptions.HTTPError, OSError):
        body = b""
    finally:
        response.release_conn()
    try:
        message = json.loads(body).get("message", "")
    except (ValueError, AttributeError):
        message = body[:200].decode("utf-8", "replace").strip()
    text = f"{path}: {response.status} {message}"
    kinds: dict[int, type[ApiProblem]] = {410: ApiGone, **dict.fromkeys((401, 403, 404), ApiRefused)}
    kinds.update(dict.fromkeys((400, 405, 409, 415, 422), ApiRejected))
    asked = str(response.headers.get("Retry-After") or "")  # the API server tells seconds, never a date
    wait_s = min(float(asked), LONGEST_WAIT_S) if asked.isdigit() else 0.0
    raise kinds.get(response.status, ApiUnavailable)(text, response.status, wait_s)
