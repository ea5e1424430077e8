# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The image of one workload folder, tagged by its content.

The tag is a digest of every file that can reach the image and of the image it starts from. So one `docker image
inspect` tells whether there is anything to build, a node that has the tag has the content, and a Deployment whose
image did not change is not rolled.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from .debian_image import ImageError, add_file, modes_of_an_image, run
from .python_packages import install_packages, needs_packages

# Beside the application in its folder, but never part of the image.
_NOT_IN_IMAGE = frozenset({"tests", "manifests", "__pycache__", "README.md", "base.yml", "defaults.yml"})


@dataclass(frozen=True)
class WorkloadImage:
    """One workload's image: is it there, and how to make it.

    Attributes:
        repository: name of the image without tag, such as "availability-lab/hello".
        folder: the workload's folder; holds a Dockerfile, and requirements.txt where it has Python packages.
        base_image: reference that the Dockerfile gets as build argument BASE_IMAGE.
        base_fingerprint: digest of the base where its reference alone does not tell its content.
        python_version: of the image, for the packages.
        cache_dir: folder for unpacked packages and build contexts.
        docker: the docker client to call.
        files: paths of this host that are laid into the build context, by their base names.
    """

    repository: str
    folder: str
    base_image: str
    cache_dir: str
    base_fingerprint: str = ""
    python_version: str = "3.11"
    docker: str = "docker"
    files: tuple[str, ...] = ()

    def reference(self) -> str:
        """Full reference with the content's tag. Raises ImageError: no such folder, or no Dockerfile in it."""
        if not os.path.isfile(os.path.join(self.folder, "Dockerfile")):
            raise ImageError(f"path: expected a folder with a Dockerfile, and {self.folder} is none")
        digest = hashlib.sha256(f"{self.base_image}\0{self.base_fingerprint}\0{self.python_version}".encode())
        for relative in files_of(self.folder):
            digest.update(f"\0{relative}\0".encode())
            add_file(digest, os.path.join(self.folder, relative))
        for path in sorted(self.files, key=os.path.basename):
            digest.update(f"\0{os.path.basename(path)}\0".encode())
            add_file(digest, path)
        return f"{self.repository}:{digest.hexdigest()[:12]}"

    def exists(self) -> bool:
        """Whether the engine holds this image with this content. A host without an engine holds none."""
        inspect = [self.docker, "image", "inspect", "--format", "{{.Id}}", self.reference()]
        try:
            return subprocess.run(inspect, check=False, capture_output=True).returncode == 0
        except OSError:
            return False

    @modes_of_an_image()
    def build(self) -> None:
        """Builds and tags the image without network. Raises ImageError with what pip or the engine said."""
        os.makedirs(self.cache_dir, exist_ok=True)
        context = tempfile.mkdtemp(prefix=".context-", dir=self.cache_dir)
        try:
            os.chmod(context, 0o755)  # noqa: S103  mkdtemp made it private; the image's user must read it
            for relative in files_of(self.folder):
                _lay(os.path.join(self.folder, relative), os.path.join(context, relative))
            for path in self.files:
                _lay(path, os.path.join(context, os.path.basename(path)))
            self._add_packages(context)
            arguments = ["--network", "none", "--build-arg", f"BASE_IMAGE={self.base_image}"]
            run([self.docker, "build", "--tag", self.reference(), *arguments, context])
        finally:
            shutil.rmtree(context, ignore_errors=True)

    def _add_packages(self, context: str) -> None:
        requirements = os.path.join(context, "requirements.txt")
        if not os.path.exists(requirements):
            return
        with open(requirements, encoding="utf-8") as stream:
            if not needs_packages(stream.read()):
                return
        packages = os.path.join(self.cache_dir, "python")
        folder = install_packages(requirements, self.python_version, platform.machine(), packages)
        shutil.copytree(folder, os.path.join(context, "python"))


def files_of(folder: str) -> list[str]:
    """Paths below a workload's folder that can reach the image, sorted, so that the digest is the same everywhere."""
    found = []
    for parent, folders, files in os.walk(folder):
        top = os.path.samefile(parent, folder)
        folders[:] = [name for name in folders if name != "__pycache__" and not (top and name in _NOT_IN_IMAGE)]
        found += [
            os.path.relpath(os.path.join(parent, name), folder)
            for name in files
            if not name.endswith(".pyc") and not (top and name in _NOT_IN_IMAGE)
        ]
    return sorted(found)


def _lay(source: str, target: str) -> None:
    """Copy one file into the build context, with the modes of an image, whatever umask it was made under."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(source, target)
    os.chmod(target, 0o755 if os.stat(source).st_mode & 0o100 else 0o644)
