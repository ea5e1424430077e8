# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Docker images from Debian packages alone: debootstrap, a setup script in a chroot, one layer.

For machines that reach a Debian mirror and no container registry. An image is named by what goes into it: the
fingerprint of its recipe stands in a label and in the name of the cached tarball, so an unchanged recipe costs
one `docker image inspect`, and an engine that lost its images costs one `docker load`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

LABEL = "lab.availability.fingerprint"


class ImageError(Exception):
    """An image could not be made; the message says which command failed and what it said."""


@dataclass(frozen=True)
class FileInImage:
    """A file of the controller that is laid into the image.

    Attributes:
        src: path on this machine.
        dest: absolute path in the image.
        mode: permission bits, octal text as in Ansible ("0755").
    """

    src: str
    dest: str
    mode: str = "0644"


@dataclass(frozen=True)
class Recipe:
    """All that decides an image's content.

    Attributes:
        suite: Debian release, e.g. "bookworm".
        packages: names that debootstrap resolves and installs besides the minimal base.
        components: archive components, e.g. ("main",).
        files: laid into the tree before `setup` runs.
        setup: shell script run in the chroot once packages and files are in place.
        instructions: Dockerfile lines for the image's settings (ENTRYPOINT, ENV, USER, …).
        keep_documentation: leave manual pages, documentation and locales in.
    """

    suite: str
    packages: tuple[str, ...]
    components: tuple[str, ...] = ("main",)
    files: tuple[FileInImage, ...] = ()
    setup: str = ""
    instructions: tuple[str, ...] = ()
    keep_documentation: bool = False

    def fingerprint(self) -> str:
        """Hex digest over the recipe and the bytes of its files. Raises ImageError for an unreadable file."""
        # Where a file stands on this host is no part of the image: two checkouts make, and share, the same one.
        files = [[entry.dest, entry.mode] for entry in self.files]
        digest = hashlib.sha256(json.dumps({**asdict(self), "files": files}, sort_keys=True).encode())
        for entry in self.files:
            add_file(digest, entry.src)
        return digest.hexdigest()[:32]


def add_file(digest: hashlib._Hash, path: str) -> None:
    """Feed a file's bytes into a digest. Raises ImageError for an unreadable file."""
    try:
        with open(path, "rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise ImageError(f"files: cannot read {path}: {error.strerror}") from error


def run(command: list[str], **kwargs: object) -> str:
    """Standard output of a command; ImageError with the end of what it said when it fails."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, **kwargs)  # type: ignore[call-overload]
    except OSError as error:
        raise ImageError(f"cannot run {command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[-15:]
        raise ImageError(f"{' '.join(command[:6])} … ended with {done.returncode}: " + "\n".join(said))
    return str(done.stdout)


@contextmanager
def modes_of_an_image() -> Iterator[None]:
    """What is made meanwhile can be read by the image's users, whatever umask the one who makes it has."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def mirror_of_this_host() -> str:
    """The archive that this host's own apt is set up with, or "" (debootstrap's default) where there is none."""
    if shutil.which("apt-get") is None:
        return ""
    lines = run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)", "Created-By: Packages"]
    ).splitlines()
    for line in lines:
        uri, _unused, said = line.partition(" ")
        if said.strip() == "Debian Debian":
            return uri
    return ""


class DebianImage:
    """One image: is it there, and how to make it.

    Args:
        docker: the docker client to call.
        name: full image reference.
        recipe: what it is made of.
        cache_dir: folder for the finished tarballs.
        mirror: archive address; empty for this host's own.
    """

    def __init__(self, docker: str, name: str, recipe: Recipe, cache_dir: str, mirror: str = "") -> None:
        self.docker = docker
        self.name = name
        self.recipe = recipe
        self.mirror = mirror
        self.fingerprint = recipe.fingerprint()
        self.cache_dir = cache_dir
        slug = name.replace("/", "-").replace(":", "-")
        self.tarball = os.path.join(cache_dir, f"{slug}-{self.fingerprint}.tar")

    def is_current(self) -> bool:
        """Whether the engine holds this image, made from exactly this recipe."""
        done = subprocess.run(
            [self.docker, "image", "inspect", "--format", "{{json .Config.Labels}}", self.name],
            check=False,
            capture_output=True,
            text=True,
        )
        labels = json.loads(done.stdout or "null") if done.returncode == 0 else None
        return isinstance(labels, dict) and labels.get(LABEL) == self.fingerprint

    @modes_of_an_image()
    def ensure(self) -> str:
        """Make the image present: "load" from the cached tarball or "build". Raises ImageError."""
        os.makedirs(self.cache_dir, exist_ok=True)
        with self._locked():
            if os.path.exists(self.tarball):
                try:
                    run([self.docker, "load", "--input", self.tarball])
                    return "load"
                except ImageError:
                    os.unlink(self.tarball)  # damaged by hand or disk: build it anew
            self._build()
        return "build"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.tarball + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _build(self) -> None:
        # On a disk, not in a tmpfs /tmp that may be mounted nodev or noexec.
        workspace = tempfile.mkdtemp(prefix=".build-", dir=self.cache_dir)
        root = os.path.join(workspace, "root")
        try:
            self._bootstrap(root)
            self._install_files(root)
            self._run_setup(root)
            self._slim(root)
            self._import(root, workspace)
        finally:
            shutil.rmtree(workspace, ignore_errors=True)

    def _bootstrap(self, root: str) -> None:
        command = ["debootstrap", "--variant=minbase", f"--components={','.join(self.recipe.components)}"]
        if self.recipe.packages:
            command.append("--include=" + ",".join(self.recipe.packages))
        command += [self.recipe.suite, root]
        mirror = self.mirror or mirror_of_this_host()
        if mirror:
            command.append(mirror)
        # A tree that is thrown away when the build breaks need not survive a power cut: no fsync for each file.
        run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "DPKG_FORCE": "unsafe-io"})

    def _install_files(self, root: str) -> None:
        for entry in self.recipe.files:
            dest = os.path.join(root, entry.dest.lstrip("/"))
            os.makedirs(os.path.dirname(dest), exist_ok=True)
            shutil.copyfile(entry.src, dest)
            os.chmod(dest, int(entry.mode, 8))

    def _run_setup(self, root: str) -> None:
        if self.recipe.setup:
            run(
                ["chroot", root, "/bin/sh", "-euc", self.recipe.setup],
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            )

    def _slim(self, root: str) -> None:
        dead = ["var/cache/apt", "var/lib/apt/lists", "var/log/bootstrap.log", "var/log/dpkg.log"]
        if not self.recipe.keep_documentation:
            dead += ["usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/i18n"]
        for path in dead:
            full = os.path.join(root, path)
            if os.path.isdir(full):
                shutil.rmtree(full)
            elif os.path.exists(full):
                os.unlink(full)
        os.makedirs(os.path.join(root, "var/cache/apt/archives/partial"), exist_ok=True)
        os.makedirs(os.path.join(root, "var/lib/apt/lists/partial"), exist_ok=True)

    def _import(self, root: str, workspace: str) -> None:
        # A build from scratch instead of `docker import`: engines before 23 refuse STOPSIGNAL there.
        context = os.path.join(workspace, "context")
        os.mkdir(context)
        archive = os.path.join(context, "root.tar")
        excluded = [f"--exclude=./{folder}/*" for folder in ("dev", "proc", "sys")]
        run(["tar", "--numeric-owner", "--xattrs", "-C", root, *excluded, "-cf", archive, "."])
        shutil.rmtree(root)
        lines = ["FROM scratch", "ADD root.tar /", *self.recipe.instructions, f"LABEL {LABEL}={self.fingerprint}"]
        with open(os.path.join(context, "Dockerfile"), "w") as dockerfile:
            dockerfile.write("\n".join(lines) + "\n")
        run([self.docker, "build", "--tag", self.name, context], env={**os.environ, "DOCKER_BUILDKIT": "0"})
        saved = os.path.join(workspace, "image.tar")
        run([self.docker, "save", "--output", saved, self.name])
        os.replace(saved, self.tarball)
