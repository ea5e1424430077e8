# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is secret in a command, its options and its addresses, hidden before it is written or shown anywhere.

Records are passed around: RFC 3986 (3.2.1) says of what stands behind the colon of user information that it is not
to be shown in clear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

HIDDEN = "***"
LEAST_SECRET = 4
_NAME = re.compile(r"auth|cookie|token|secret|passw|pwd|key|session|signature|credential", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)([^/?#@\s:]*):([^/?#\s]*)@")
#: Flags without a value may stand before it, as in `-kH`.
_SHORT_HEADER = re.compile(r"-k*H")
_PARAMETER = re.compile(r"([?&;]([^=&#\s]*))=([^&#\s]*)")


def in_address(text: str) -> str:
    """The address without the password of its user and the values of parameters such as token."""
    text = _PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    return _PARAMETER.sub(lambda m: f"{m.group(1)}={HIDDEN}" if _NAME.search(m.group(2)) else m.group(0), text)


def in_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Headers with the values hidden that are secret by their name."""
    return {name: HIDDEN if _NAME.search(name) else _shown(value) for name, value in headers.items()}


def in_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options for the record: unset ones left out, secrets hidden."""
    kept = {name: value for name, value in given.items() if value not in (None, [], {}, "")}
    for name, value in kept.items():
        if name == "headers":
            kept[name] = in_headers(value)
        elif name == "targets":
            kept[name] = [
                {k: in_headers(v) if k == "headers" and isinstance(v, Mapping) else _shown(v) for k, v in entry.items()}
                for entry in ({k: v for k, v in target.items() if v is not None} for target in value)
            ]
        elif name in ("url", "control"):
            kept[name] = [_shown(one) for one in value] if isinstance(value, list) else _shown(value)
    return kept


def values_of(given: Mapping[str, Any]) -> set[str]:
    """The secret values themselves, for what shows options without knowing them (Ansible). Shorter ones than
    LEAST_SECRET are left out: hiding every `ab` would hide the result."""
    found: set[str] = set()
    entries = [given, *(target for target in given.get("targets") or [] if isinstance(target, Mapping))]
    for entry in entries:
        headers = entry.get("headers")
        if isinstance(headers, Mapping):
            found.update(str(value) for name, value in headers.items() if _NAME.search(str(name)))
        for name in ("url", "control"):
            value = entry.get(name)
            for address in value if isinstance(value, list) else [value]:
                found.update(_in_one_address(str(address or "")))
    return {value for value in found if len(value) >= LEAST_SECRET}


def _in_one_address(text: str) -> set[str]:
    passwords = {match.group(2) for match in _PASSWORD.finditer(text)}
    return passwords | {match.group(3) for match in _PARAMETER.finditer(text) if _NAME.search(match.group(2))}


def in_argv(argv: Sequence[str]) -> list[str]:
    """A command line as the record shows it: addresses, and headers in all their forms, without their secrets."""
    shown = []
    before = ""
    for word in argv:
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", "")
        short = _SHORT_HEADER.match(word)
        if before == "--headers" or _SHORT_HEADER.fullmatch(before):
            hidden = _pair(word)
        elif short:
            hidden = short.group() + _pair(word[short.end() :])
        elif option == "--headers" and equals:
            hidden = f"{option}={_pair(value)}"
        elif before == "--targets" or option == "--targets":
            hidden = _json(word)
        else:
            hidden = in_address(word)
        shown.append(hidden)
        before = word
    return shown


def _shown(value: Any) -> Any:
    return in_address(value) if isinstance(value, str) and "://" in value else value


def header_parts(text: str) -> tuple[str, str, str]:
    """Name, separator and value of a header flag, `Name=value` or `Name: value`; no separator where it has neither."""
    sign = next((character for character in text if character in "=:"), "")
    name, _unused, value = text.partition(sign) if sign else (text, "", "")
    return name, sign, value


def _pair(text: str) -> str:
    name, sign, _unused = header_parts(text)
    return f"{name}{sign}{HIDDEN}" if sign and _NAME.search(name) else text


def _json(text: str) -> str:
    """Values of secret names in a JSON text, which need not be a whole one."""

    def hide(match: re.Match[str]) -> str:
        return f'{match.group(1)}"{HIDDEN}"' if _NAME.search(match.group(2)) else match.group(0)

    return in_address(re.sub(r'("([^"\\]*)"\s*:\s*)"(?:[^"\\]|\\.)*"', hide, text))
