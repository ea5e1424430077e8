# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One file of a project's release: its address, the checksum it must have, and the binaries that come out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .archive import ArchiveError, extract
from .cache_entry import CacheEntry
from .download import DownloadError, fetch

_SCRATCH = ".download"


class AssetError(Exception):
    """The asset is described wrongly or cannot be had; the text names the variable to look at."""


@dataclass(frozen=True)
class ReleaseAsset:
    """``url`` and the members may hold {version}, {os} and {arch}.

    ``sha256``: architecture -> pinned checksum. ``binary``: the download itself under that name; or ``members``:
    binary -> path in the archive. ``address_variable``: what the user sets to change the address.
    """

    url: str
    binary: str = ""
    members: dict[str, str] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)
    address_variable: str = "url"

    @property
    def binaries(self) -> list[str]:
        return [self.binary] if self.binary else sorted(self.members)

    def check(self, arch: str) -> None:
        """AssetError when it does not say what comes out, or nothing could verify it on this architecture."""
        if bool(self.binary) == bool(self.members):
            raise AssetError(f"assets: {self.url}: expected either binary or members")
        if arch not in self.sha256:
            raise AssetError(f"assets: {self.url}: expected sha256.{arch}; unverified is not accepted")

    def recipe(self, entry: CacheEntry) -> dict[str, Any]:
        """What decides the content: not the address, so that a mirror and the original make the same entry."""
        return {
            "file": self._filled(self.url, entry).rsplit("/", 1)[-1],
            "sha256": self.sha256[entry.target.arch],
            "members": {name: self._filled(path, entry) for name, path in self.members.items()} or self.binary,
        }

    def bring(self, entry: CacheEntry, folder: Path, timeout_s: float) -> dict[str, Any]:
        """Fetch, verify and unpack into ``folder``; facts for the manifest."""
        url = self._filled(self.url, entry)
        scratch = folder / _SCRATCH
        expected = self.sha256[entry.target.arch]
        try:
            size_bytes = fetch(url, scratch, expected, timeout_s)
            if self.binary:
                scratch.rename(folder / self.binary)
            else:
                extract(scratch, {name: self._filled(path, entry) for name, path in self.members.items()}, folder)
                scratch.unlink()
        except (DownloadError, ArchiveError) as error:
            raise AssetError(f"{error} (the address is set by {self.address_variable})") from error
        for name in self.binaries:
            (folder / name).chmod(0o755)
        return {"url": url, "sha256": expected, "size_bytes": size_bytes}

    def _filled(self, template: str, entry: CacheEntry) -> str:
        for name, value in (("version", entry.version), ("os", entry.target.os), ("arch", entry.target.arch)):
            template = template.replace("{" + name + "}", value)
        return template
