# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Members of an etcd cluster on this host: who leads, and which process that is. JSON over TLS, by etcd's gateway."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TIMEOUT_S = 5
Json = dict[str, Any]


class Members:
    """The cluster's members: {name, url, config_dir} each; and the client's {ca_file, client_cert, client_key}."""

    def __init__(self, members: Sequence[Mapping[str, str]], files: Mapping[str, str]) -> None:
        self._members = members
        self._context = ssl.create_default_context(cafile=files["ca_file"])
        self._context.load_cert_chain(files["client_cert"], files["client_key"])

    def statuses(self) -> list[Json]:
        """What each member says of itself and of the leader. Raises OSError, ValueError when one does not answer."""
        return [self.ask(member["url"], "maintenance/status", {}) for member in self._members]

    def ask(self, url: str, what: str, body: Json) -> Json:
        """One question. Raises OSError (HTTPError too), ValueError."""
        if not url.startswith("https://"):
            raise ValueError(f"members: {url}: expected an https URL")
        request = urllib.request.Request(f"{url}/v3/{what}", json.dumps(body).encode(), method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._context) as answer:  # noqa: S310
            told: Json = json.load(answer)
        return told

    def leader(self, statuses: Sequence[Json]) -> int:
        """The leader's place in the list. Raises ValueError when none leads."""
        ids = [status["header"]["member_id"] for status in statuses]
        lead = statuses[0].get("leader", "0")
        if lead not in ids:
            raise ValueError("no member leads")
        return ids.index(lead)

    def process(self, index: int) -> int:
        """The process of a member, told by its configuration folder. Raises ValueError unless there is one."""
        member = self._members[index]
        marker = f"{member['config_dir']}/".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended
            if Path(words[0].decode(errors="replace")).name == "etcd" and any(w.startswith(marker) for w in words[1:]):
                found.append(int(entry.name))
        if len(found) != 1:
            raise ValueError(f"expected one process etcd of member {member['name']}, found {len(found)}")
        return found[0]
