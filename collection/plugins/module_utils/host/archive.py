# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Single files out of a tar archive, each by its full name inside: nothing else of the archive touches the disk."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path


class ArchiveError(Exception):
    """The file is no tar archive, or a wanted member is not a regular file in it."""


def extract(archive: Path, members: dict[str, str], folder: Path) -> None:
    """Write each member to ``folder/<file name>``. ``members``: file name -> name inside the archive."""
    try:
        with tarfile.open(archive) as opened:
            for name, member in members.items():
                try:
                    source = opened.extractfile(member)
                except KeyError:
                    source = None
                if source is None:
                    raise ArchiveError(f"the archive holds no file {member}")
                with source, (folder / name).open("wb") as kept:
                    shutil.copyfileobj(source, kept)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArchiveError(f"the archive cannot be read: {error}") from error
