# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The messages in redis: a list, newest first, each with the number that redis gave it."""

from __future__ import annotations

import json
import time
from typing import Any, Callable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

LIST = "guestbook:messages"
COUNTER = "guestbook:counter"


class StoreError(Exception):
    """Redis did not answer. Whether a message that was being written is kept is then not known."""


class Store:
    """Messages in one redis. Nothing is retried: a silent second try could write twice, and would hide the outage."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.time) -> None:
        self._redis = client
        self._clock = clock

    @classmethod
    def at(cls, host: str, port: int, timeout_s: float) -> Store:
        """A store that connects with the first use."""
        return cls(
            redis.Redis(
                host=host,
                port=port,
                decode_responses=True,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),
            )
        )

    def add(self, text: str) -> dict[str, Any]:
        """Keeps a message and returns it. Raises StoreError."""
        try:
            message = {"id": self._redis.incr(COUNTER), "text": text, "at": self._clock()}
            self._redis.lpush(LIST, json.dumps(message))
        except redis.RedisError as error:
            raise StoreError(f"redis: {error}") from error
        return message

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """The newest messages, newest first, at most ``limit``. Raises StoreError."""
        if limit == 0:
            return []
        try:
            return [json.loads(entry) for entry in self._redis.lrange(LIST, 0, limit - 1)]
        except redis.RedisError as error:
            raise StoreError(f"redis: {error}") from error
