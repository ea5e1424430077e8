# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Kubernetes quantities ("250m", "10Mi", "1e3") as plain numbers.

Grammar: k8s.io/apimachinery/pkg/api/resource, type Quantity.
"""

from __future__ import annotations

import re

_FACTORS = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)(|[numkMGTPE]|[KMGTPE]i)")


def parse_quantity(text: str) -> float:
    """The number a quantity stands for: cores, bytes, pieces. Raises ValueError when it is not a quantity."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a Kubernetes quantity such as 250m or 10Mi")
    return float(match.group(1)) * _FACTORS[match.group(2)]


def cpu_m(text: str | None) -> float | None:
    """Millicores; None when no value is set."""
    return None if text is None else round(parse_quantity(str(text)) * 1000, 3)


def memory_bytes(text: str | None) -> int | None:
    """Bytes; None when no value is set."""
    return None if text is None else round(parse_quantity(str(text)))
