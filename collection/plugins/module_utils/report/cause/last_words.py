# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What an application says of itself as it ends: Kubernetes' termination message, where it is a JSON object.

The kubelet copies /dev/termination-log into the pod's status, so whoever watches the pod learns what only the
application knows: when SIGTERM reached it, when the last request came, how many it was sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .finding import NS_PER_S


@dataclass(frozen=True)
class LastWords:
    """sigterm_ns, last_request_ns: wall clock of the pod's node; requests: of the process. None: it says nothing."""

    sigterm_ns: int | None = None
    last_request_ns: int | None = None
    requests: int | None = None


def last_words(message: str | None) -> LastWords:
    """Understands {"sigterm_at": epoch seconds, "last_request_at": epoch seconds, "requests": count}, each optional.

    Any other text, as most applications leave it, says nothing.
    """
    try:
        said = json.loads(message or "")
    except json.JSONDecodeError:
        return LastWords()
    if not isinstance(said, dict):
        return LastWords()
    count = said.get("requests")
    known = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    return LastWords(_ns(said.get("sigterm_at")), _ns(said.get("last_request_at")), count if known else None)


def _ns(epoch_s: Any) -> int | None:
    if not isinstance(epoch_s, (int, float)) or isinstance(epoch_s, bool):
        return None
    return int(epoch_s * NS_PER_S)
