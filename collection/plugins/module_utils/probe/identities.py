# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which identities (version, pod, ...) are counted apart: memory stays bounded whatever the answers say."""

from __future__ import annotations

#: Values of one name beyond this many are counted together, as `(other)`; other names keep theirs.
IDENTITY_LIMIT = 500
#: And so are combinations of the names' values.
COMBINATION_LIMIT = 4 * IDENTITY_LIMIT
OTHER = "(other)"


class Identities:
    """The identities seen by one worker."""

    def __init__(self, names: int) -> None:
        self._values: list[set[str]] = [set() for _unused in range(names)]
        self._known: set[tuple[str, ...]] = set()

    def allowed(self, identity: tuple[str, ...]) -> tuple[str, ...]:
        """The identity, with `(other)` for each name that has too many different values."""
        if identity in self._known:
            return identity
        limited = tuple(
            value if value in seen or len(seen) < IDENTITY_LIMIT else OTHER
            for value, seen in zip(identity, self._values)
        )
        if limited not in self._known:
            if len(self._known) >= COMBINATION_LIMIT:
                return (OTHER,) * len(identity)
            self._known.add(limited)
            for value, seen in zip(limited, self._values):
                if value != OTHER:
                    seen.add(value)
        return limited
