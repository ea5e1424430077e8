# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A user who is not root and has sudo, on a machine that has a life.

Another minikube runs on it, the clone is in a folder with a blank and an umlaut in its name, new files are private.
Then a controller elsewhere has the same lab over ssh: another account's clone, which shares no path with it.

After the teardown of the tests' own lab, for there is one engine, one tunnel and one etcd on a machine.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from lab_under_test import ROOT, Lab, PlaybookRun

pytestmark = pytest.mark.lab

NAME = "lab-user"
HOME = Path("/home") / NAME
CLONE = HOME / "Mein Prüfstand" / "availability-lab"
SUDOERS = Path("/etc/sudoers.d") / NAME
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
#: What the tests' own process has in its environment and a login of another user has not.
OURS = ("ANSIBLE_", "KUBECONFIG", "MAKE", "MFLAGS", "PYTEST_", "PYTHON", "SUDO_", "VIRTUAL_ENV", "XDG_")
#: As the tests' lab has: the node's image for them is made.
TWO_NODES = {"minikube_nodes": 2}
PROGRAM = Path("/usr/local/libexec/availability-lab/minikube")


def as_root(*command: str, timeout_s: float = 300) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=timeout_s).stdout


def cache() -> Path:
    """What the tests' lab keeps of what it has made."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "availability-lab"


def nodes(profile: str) -> dict[str, str]:
    """The containers of a minikube profile by name, and when each was started."""
    names = as_root("docker", "ps", "--all", "--format={{.Names}}", f"--filter=name=^{profile}(-m[0-9]+)?$")
    return {
        name: as_root("docker", "inspect", "--format={{.State.Running}} {{.State.StartedAt}}", name)
        for name in names.split()
    }


class User:
    """An account without root's rights, and a clone of its own."""

    def run(self, *command: str, before: tuple[str, ...] = ()) -> PlaybookRun:
        """Run a command in the clone, as in a login of this user."""
        own = {"HOME": str(HOME), "USER": NAME, "LOGNAME": NAME, "ANSIBLE_FORCE_COLOR": "0", "PATH": PATH}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        login = ["runuser", "--user", NAME, "--", "sh", "-c", 'umask 077; exec "$@"', "sh"]
        done = subprocess.run(
            [*before, *login, *command], cwd=CLONE, env={**kept, **own}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1500, check=False,
        )  # fmt: skip
        return PlaybookRun(done.returncode, done.stdout, 0)

    def play(self, playbook: str, *arguments: str, before: tuple[str, ...] = ()) -> PlaybookRun:
        """Run a playbook that has to succeed."""
        run = self.run(".venv/bin/ansible-playbook", playbook, *arguments, before=before)
        assert run.code == 0, run.output[-6000:]
        return run


@pytest.fixture(scope="module")
def account(lab: Lab) -> Iterator[Future[PlaybookRun]]:
    """The account, with what the tests' lab has made and pip has fetched: to make it again would take ten minutes.

    Gives how `make` fares with the clone's virtual environment, which takes a minute beside what else is prepared.
    """
    as_root("apt-get", "install", "--yes", "--no-install-recommends", "sudo", "make", "python3-venv")
    as_root("useradd", "--create-home", "--shell=/bin/sh", NAME)
    try:
        SUDOERS.write_text(f"{NAME} ALL=(ALL) NOPASSWD: ALL\n")
        SUDOERS.chmod(0o440)
        CLONE.mkdir(parents=True)
        tracked = as_root("git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
        for name in tracked:
            if (source := ROOT / name).is_file():
                (CLONE / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, CLONE / name)
        theirs = HOME / ".cache/availability-lab"
        theirs.mkdir(parents=True)
        as_root("cp", "--archive", *(str(cache() / part) for part in ("toolchain", "images")), str(theirs))
        if (pip := cache().parent / "pip").is_dir():
            as_root("cp", "--archive", str(pip), str(theirs.parent))
        as_root("chown", "--recursive", f"{NAME}:", str(HOME))
        with ThreadPoolExecutor(max_workers=1) as aside:
            yield aside.submit(User().run, "make", ".venv/bin/.lab")
    finally:
        SUDOERS.unlink(missing_ok=True)
        as_root("userdel", "--remove", NAME)


@pytest.fixture(scope="module")
def neighbour(
    lab: Lab, account: Future[PlaybookRun], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A node of somebody else's minikube, under the name that minikube gives by default: its containers.

    Without Kubernetes in it: it is there to be left alone, and a cluster would take a minute and a share of the cores.
    """
    lab.succeed("playbooks/lab.yml", "--tags=docker")
    minikube = next((cache() / "toolchain/minikube").glob("*/minikube"))
    own = ["env", f"MINIKUBE_HOME={tmp_path_factory.mktemp('neighbour')}", str(minikube)]
    made = as_root("docker", "images", "--format={{.Repository}}:{{.Tag}}", "availability-lab/node").split()
    image = [f"--base-image={made[0]}"] if made else []  # with source upstream it is minikube's own
    start = ["start", "--driver=docker", "--force", "--no-kubernetes", "--container-runtime=containerd", *image]
    try:
        as_root(*own, *start)
        yield nodes("minikube")
    finally:
        as_root(*own, "delete")
        lab.succeed("playbooks/teardown.yml")  # the engine


@pytest.fixture(scope="module")
def user(neighbour: dict[str, str], account: Future[PlaybookRun]) -> Iterator[User]:
    """Who may use the lab. What a test that failed has left of it goes before the neighbour does."""
    made = account.result()
    assert made.code == 0, made.output[-3000:]
    try:
        yield User()
    finally:
        if nodes("availability-lab"):
            User().run(".venv/bin/ansible-playbook", "playbooks/teardown.yml")


def test_make_lab_as_a_user_with_sudo(neighbour: dict[str, str], user: User) -> None:
    run = user.run("make", "lab", f"ARGS=-e '{json.dumps({**TWO_NODES, 'scenario_only': ['switch']})}'")
    assert run.code == 0, run.output[-6000:]
    (result,) = (CLONE / "results/blue-green").glob("*Z/result.json")
    assert json.loads(result.read_text())["verdict"] == "pass"
    assert set(nodes("availability-lab")) == {"availability-lab", "availability-lab-m02"}
    assert nodes("minikube") == neighbour


def test_a_second_run_changes_nothing(user: User) -> None:
    """Nor does one in check mode; both at once, for they only look."""
    with ThreadPoolExecutor() as both:
        for run in both.map(lambda mode: user.play("playbooks/lab.yml", *mode), ((), ("--check",))):
            assert list(run.changed().values()) == [0], run.changed_tasks()


def test_what_runs_as_root_is_written_by_root_only(user: User) -> None:
    """The folders above it, too; but for the arguments that are data."""
    lines = as_root("ps", "-ww", "-eo", "user=,args=").splitlines()
    tunnels = [line.split() for line in lines if "tunnel --cleanup" in line and line.startswith("root")]
    assert tunnels, lines
    for program in {Path(word) for words in tunnels for word in words if word.startswith("/") and Path(word).is_file()}:
        for path in (program.resolve(), *program.resolve().parents):
            found = path.stat()
            assert found.st_uid == 0, path
            assert not found.st_mode & 0o022 or path.stat().st_mode & 0o1000, path


def test_a_taken_name_is_refused_and_nothing_changed(neighbour: dict[str, str], user: User) -> None:
    values = json.dumps({"minikube_profile": "minikube", "lab_state_dir": str(HOME / "elsewhere")})
    run = user.run(".venv/bin/ansible-playbook", "playbooks/lab.yml", "--tags=minikube", "--extra-vars", values)
    assert run.code != 0
    assert "minikube_profile" in run.output, run.output[-3000:]
    assert nodes("minikube") == neighbour


@pytest.fixture(scope="module")
def by_ssh(user: User, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """Arguments with which the tests' own clone, as another machine, reaches the user's lab by ssh alone."""
    as_root("apt-get", "install", "--yes", "--no-install-recommends", "openssh-server")
    Path("/run/sshd").mkdir(exist_ok=True)
    place = tmp_path_factory.mktemp("ssh")
    for name in ("host", "key"):
        as_root("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / name))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    keys = HOME / "authorized_keys"
    shutil.copy(place / "key.pub", keys)
    shutil.chown(keys, NAME)
    (place / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nPidFile none\nAuthorizedKeysFile {keys}\n"
        f"AllowUsers {NAME}\nUsePAM yes\nSubsystem sftp internal-sftp\n"
    )
    (place / "ssh_config").write_text(
        f"Host lab-1\n  HostName 127.0.0.1\n  Port {port}\n  User {NAME}\n  IdentityFile {place}/key\n"
        f"  UserKnownHostsFile {place}/known\n  StrictHostKeyChecking accept-new\n"
    )
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", str(place / "sshd_config")])
    try:
        yield "--inventory=inventories/remote", f"--ssh-common-args=-F {place}/ssh_config"
    finally:
        server.terminate()
        server.wait()
        # Ansible keeps its connection for a minute, and an account whose processes run cannot be removed.
        subprocess.run(["pkill", "--uid", NAME], check=False)
        until = time.monotonic() + 10
        while subprocess.run(["pgrep", "--uid", NAME], check=False, capture_output=True).stdout:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_another_machine_takes_the_lab_over_by_ssh(lab: Lab, user: User, by_ssh: tuple[str, ...]) -> None:
    """It brings its own tools and the Python for modules, and leaves the cluster and its images as they are."""
    before = nodes("availability-lab")
    lab.succeed("playbooks/lab.yml", *by_ssh)
    assert nodes("availability-lab") == before
    copies = HOME / ".cache/availability-lab/from-controller"
    assert {"kubectl", "kubelet", "coredns"} <= {path.name for path in copies.iterdir()}
    with ThreadPoolExecutor() as both:
        for run in both.map(lambda mode: lab.succeed("playbooks/lab.yml", *by_ssh, *mode), ((), ("--check",))):
            assert run.changed()["lab-1"] == 0, run.changed_tasks()


def test_a_scenario_over_ssh_is_reported_here(lab: Lab, user: User, by_ssh: tuple[str, ...], tmp_path: Path) -> None:
    values = {"scenario_only": ["switch"], "lab_results_dir": str(tmp_path)}
    lab.succeed("playbooks/scenarios/blue-green.yml", *by_ssh, "--extra-vars", json.dumps(values))
    (result,) = (tmp_path / "blue-green").glob("*Z/result.json")
    told = json.loads(result.read_text())
    assert told["verdict"] == "pass"
    assert (result.parent / "switch.cluster.jsonl").is_file()
    assert list((HOME / ".local/state/availability-lab/records").rglob("*.json*")) == []


def test_teardown_needs_neither_network_nor_minikube(neighbour: dict[str, str], user: User) -> None:
    kept = PROGRAM.read_bytes()
    PROGRAM.unlink()
    shutil.rmtree(HOME / ".cache/availability-lab")
    try:
        user.play("playbooks/teardown.yml", before=("unshare", "--net"))
    finally:
        PROGRAM.write_bytes(kept)
        PROGRAM.chmod(0o755)
    assert nodes("availability-lab") == {}
    assert nodes("minikube") == neighbour
