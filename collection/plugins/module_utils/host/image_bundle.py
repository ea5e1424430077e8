# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One tar file that holds several small images, each made from a Dockerfile and a few files.

A cluster without a registry gets its control plane this way: static binaries become images under the names that
kubeadm asks for, and the tar is imported on every node. The tar's name carries the fingerprint of all that went
into it, so what is there need not be made again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass

from .debian_image import add_file, modes_of_an_image, run


@dataclass(frozen=True)
class BundledImage:
    """One image of the bundle.

    Attributes:
        name: full reference, as the cluster will ask for it.
        dockerfile: complete text; COPY takes the files by the base name of their `src`.
        files: paths of what the build context holds beside the Dockerfile.
    """

    name: str
    dockerfile: str
    files: tuple[str, ...] = ()


class ImageBundle:
    """A bundle: is it there, and how to make it.

    Args:
        docker: the docker client to call.
        images: what the tar holds.
        bases: fingerprints of local images that the Dockerfiles start from.
        cache_dir: folder for the tar.
        name: first part of the tar's file name.
    """

    def __init__(
        self, docker: str, name: str, images: tuple[BundledImage, ...], cache_dir: str, bases: tuple[str, ...] = ()
    ) -> None:
        self.docker = docker
        self.images = images
        self.cache_dir = cache_dir
        self.fingerprint = self._fingerprint(bases)
        self.path = os.path.join(cache_dir, f"{name}-{self.fingerprint}.tar")

    def _fingerprint(self, bases: tuple[str, ...]) -> str:
        # Names, not paths: two checkouts and two caches make, and share, the same bundle.
        recipe = [[image.name, image.dockerfile, *map(os.path.basename, image.files)] for image in self.images]
        digest = hashlib.sha256(json.dumps([bases, recipe]).encode())
        for path in sorted({path for image in self.images for path in image.files}, key=os.path.basename):
            add_file(digest, path)
        return digest.hexdigest()[:32]

    def exists(self) -> bool:
        """Whether the tar is in the cache."""
        return os.path.exists(self.path)

    @modes_of_an_image()
    def build(self) -> None:
        """Build every image and save them into one tar. Raises ImageError; a broken build leaves no tar."""
        os.makedirs(self.cache_dir, exist_ok=True)
        with open(self.path + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.exists():  # another run made it while this one waited
                return
            workspace = tempfile.mkdtemp(prefix=".bundle-", dir=self.cache_dir)
            try:
                for number, image in enumerate(self.images):
                    self._build_image(image, os.path.join(workspace, str(number)))
                saved = os.path.join(workspace, "bundle.tar")
                run([self.docker, "save", "--output", saved, *(image.name for image in self.images)])
                os.replace(saved, self.path)
            finally:
                shutil.rmtree(workspace, ignore_errors=True)

    def _build_image(self, image: BundledImage, context: str) -> None:
        os.mkdir(context)
        for path in image.files:
            dest = os.path.join(context, os.path.basename(path))
            try:
                os.link(path, dest)  # the cache and its workspace share a disk as a rule: no copy of 100 MB
            except OSError:
                shutil.copy2(path, dest)
        with open(os.path.join(context, "Dockerfile"), "w") as dockerfile:
            dockerfile.write(image.dockerfile)
        run([self.docker, "build", "--tag", image.name, context], env={**os.environ, "DOCKER_BUILDKIT": "0"})
