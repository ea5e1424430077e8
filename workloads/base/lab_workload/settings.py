# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Settings from the environment: checked when the process starts, so that a typo never waits for a request."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence


class SettingError(Exception):
    """A setting has a value that the workload cannot use; the message names it and what was expected."""


def env_text(name: str, default: str, environ: Mapping[str, str] | None = None) -> str:
    """The setting ``name``; an empty value counts as not set, as a manifest's unset variable often arrives."""
    return (os.environ if environ is None else environ).get(name, "").strip() or default


def env_number(
    name: str,
    default: float,
    minimum: float = 0,
    maximum: float = math.inf,
    environ: Mapping[str, str] | None = None,
) -> float:
    """The setting ``name`` as a number from ``minimum`` to ``maximum``; :raises SettingError: otherwise."""
    text = env_text(name, str(default), environ)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not minimum <= value <= maximum or math.isinf(value):
        raise SettingError(f"{name}={text!r}: expected a number from {minimum:g} to {maximum:g}")
    return value


def env_choice(name: str, default: str, choices: Sequence[str], environ: Mapping[str, str] | None = None) -> str:
    """The setting ``name``, one of ``choices`` (case does not matter); :raises SettingError: otherwise."""
    text = env_text(name, default, environ).lower()
    if text not in choices:
        raise SettingError(f"{name}={text!r}: expected one of {', '.join(choices)}")
    return text
