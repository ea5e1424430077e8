# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Python packages for an image, unpacked on this machine, so that `docker build` needs no network.

Wheels alone are taken, for the image's Python and not for the one that runs here. A requirements file is installed
once: the folder is named by its content, and is renamed into place when it is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile

from .debian_image import ImageError, run

# Newest first. bookworm's glibc is 2.36; a wheel built for an older one runs there too.
_MANYLINUX = ("_2_35", "_2_34", "_2_31", "_2_28", "_2_27", "_2_17", "2014", "_2_12", "2010", "_2_5", "1")


def needs_packages(requirements: str) -> bool:
    """Whether the text of a requirements file names anything but comments."""
    return any(line.strip() and not line.strip().startswith("#") for line in requirements.splitlines())


def install_packages(
    requirements_path: str, python_version: str, architecture: str, cache_dir: str, python: str = sys.executable
) -> str:
    """Returns the folder that holds the packages of a requirements file, installing them unless it is there.

    Args:
        requirements_path: complete closure, pinned; hashes are checked where it has them.
        python_version: of the image, such as "3.11".
        architecture: of the image, as `uname -m` says it.
        cache_dir: parent of the folders.
        python: interpreter whose pip is used.

    Raises ImageError: no pip, or a package that cannot be had.
    """
    with open(requirements_path, "rb") as stream:
        content = stream.read()
    key = hashlib.sha256(content + f"\0{python_version}\0{architecture}".encode()).hexdigest()[:32]
    folder = os.path.join(cache_dir, key)
    if os.path.isdir(folder):
        return folder
    os.makedirs(cache_dir, exist_ok=True)
    unfinished = tempfile.mkdtemp(prefix=".install-", dir=cache_dir)
    try:
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        command += ["--target", unfinished, "--no-compile", "--no-deps", "--only-binary", ":all:"]
        command += ["--implementation", "cp", "--python-version", python_version]
        for name in _MANYLINUX:
            command += ["--platform", f"manylinux{name}_{architecture}"]
        run([*command, "--requirement", requirements_path])
        os.chmod(unfinished, 0o755)  # noqa: S103  mkdtemp made it private; the image's user must read it
        os.rename(unfinished, folder)
    except OSError as error:
        if not os.path.isdir(folder):  # else a second run was faster, and its folder has the same content
            raise ImageError(f"cannot write {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder
