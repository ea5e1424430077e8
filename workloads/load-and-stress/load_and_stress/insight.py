# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The environment of the process, without what must not be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping

MASK = "********"
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|credential|auth|private|cert|dsn|session|cookie", re.IGNORECASE)
# scheme://user:password@host, in a value of any name
_USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def masked(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables sorted by name; values of names that sound secret, and passwords in addresses, are masked."""
    return {
        name: MASK if _SECRET_NAME.search(name) else _USERINFO.sub(MASK, value)
        for name, value in sorted(environ.items())
    }
