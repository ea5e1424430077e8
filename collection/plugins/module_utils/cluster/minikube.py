# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A minikube cluster as a desired state: what is there, what is missing, and the one command that mends it.

The specification a cluster was made from is kept beside it. What can be changed by a start (a stopped node, a dead
API server) is healed; what cannot (another Kubernetes version, another node image, fewer nodes) takes a new cluster,
and all that is in the old one goes with it. So a cluster that has ever come up is only replaced when that is asked for.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from dataclasses import asdict, dataclass

from ansible_collections.availability.lab.plugins.module_utils.cluster import node_containers
from ansible_collections.availability.lab.plugins.module_utils.cluster.engine_group import with_access

RUNNING = "Running"


class MinikubeError(Exception):
    """minikube failed; the message holds the command, the end of its output and the log's path."""


class NeedsNewClusterError(MinikubeError):
    """Only a new cluster is as wanted, and to throw the old one away was not asked for; the message says why."""


class NameTakenError(MinikubeError):
    """The engine has containers or volumes under the cluster's name that this state folder knows nothing of."""


@dataclass(frozen=True)
class ClusterSpec:
    """What a cluster is made from. A difference in any field means another cluster.

    Attributes:
        nodes: number of nodes, the control plane included.
        kubernetes_version: with its "v".
        driver, container_runtime, base_image, cni: as minikube's options of the same names; empty leaves its default.
        cpus, memory_mb: per node; 0 leaves minikube's default.
        options: further arguments of `minikube start`.
        fingerprint: digest of what stands behind `base_image`, when its name does not say it.
    """

    nodes: int
    kubernetes_version: str
    driver: str = "docker"
    container_runtime: str = "containerd"
    base_image: str = ""
    cni: str = ""
    cpus: int = 0
    memory_mb: int = 0
    options: tuple[str, ...] = ()
    fingerprint: str = ""

    def start_arguments(self) -> list[str]:
        """Arguments of `minikube start` that make this cluster."""
        arguments = [
            f"--driver={self.driver}",
            f"--container-runtime={self.container_runtime}",
            f"--kubernetes-version={self.kubernetes_version}",
            f"--nodes={self.nodes}",
        ]
        for name, value in (("base-image", self.base_image), ("cni", self.cni)):
            if value:
                arguments.append(f"--{name}={value}")
        if self.cpus:
            arguments.append(f"--cpus={self.cpus}")
        if self.memory_mb:
            arguments.append(f"--memory={self.memory_mb}mb")
        return [*arguments, *self.options]


@dataclass(frozen=True)
class NodeStatus:
    """One line of `minikube status`: each field is a state such as "Running" or "Stopped"."""

    name: str
    host: str
    kubelet: str
    apiserver: str
    worker: bool

    @property
    def healthy(self) -> bool:
        served = self.worker or self.apiserver == RUNNING
        return self.host == RUNNING and self.kubelet == RUNNING and served


@dataclass(frozen=True)
class Plan:
    """What a cluster needs: "nothing", "create", "start" or "recreate".

    Attributes:
        action: that word.
        nodes: as minikube sees them before.
        disposable: nothing is lost, or may be, when a start that fails begins again from nothing.
    """

    action: str
    nodes: list[NodeStatus]
    disposable: bool


def parse_status(text: str) -> list[NodeStatus]:
    """Nodes from `minikube status --output json`: one object for one node, a list for several.

    Text that is not JSON (a profile that does not exist is answered in prose) gives no nodes.
    """
    try:
        said = json.loads(text)
    except ValueError:
        return []
    entries = said if isinstance(said, list) else [said]
    return [
        NodeStatus(
            name=entry.get("Name", ""),
            host=entry.get("Host", ""),
            kubelet=entry.get("Kubelet", ""),
            apiserver=entry.get("APIServer", ""),
            worker=bool(entry.get("Worker")),
        )
        for entry in entries
        if isinstance(entry, dict) and entry.get("Host") not in (None, "", "Nonexistent")
    ]


class Minikube:
    """One profile of minikube.

    Args:
        binary: the minikube program.
        profile: name of the cluster.
        home: folder for minikube's own state (MINIKUBE_HOME).
        kubeconfig: file that minikube writes the cluster's access to.
        timeout_s: a start that takes longer is stuck.
    """

    def __init__(self, binary: str, profile: str, home: str, kubeconfig: str, timeout_s: int) -> None:
        self.binary = binary
        self.profile = profile
        self.home = home
        self.kubeconfig = kubeconfig
        self.timeout_s = timeout_s
        self.log = os.path.join(home, f"{profile}-start.log")
        self._spec_file = os.path.join(home, f"{profile}-spec.json")

    def status(self) -> list[NodeStatus]:
        """The nodes as minikube sees them; empty when there is no such cluster, or no minikube."""
        if not self.installed():
            return []
        return parse_status(self._call(["status", "--output", "json"], timeout_s=60, check=False))

    def made_from(self) -> dict[str, object]:
        """The specification of the cluster that is there, and whether it has ever been `finished`; {} when unknown."""
        try:
            with open(self._spec_file) as stream:
                return dict(json.load(stream))
        except (OSError, ValueError):
            return {}

    def installed(self) -> bool:
        """Whether there is a minikube to run."""
        return shutil.which(self.binary) is not None

    def known(self) -> bool:
        """Whether `home` holds a cluster of this name: made, or begun."""
        config = os.path.join(self.home, ".minikube", "profiles", self.profile, "config.json")
        return os.path.exists(config) or os.path.exists(self._spec_file)

    def differences(self, spec: ClusterSpec) -> list[str]:
        """What `spec` wants other than the cluster was made with, as "nodes: 1, wanted 2"."""
        was = self.made_from()
        wanted = json.loads(json.dumps(asdict(spec)))
        return [f"{name}: {was.get(name)}, wanted {wanted[name]}" for name in wanted if was.get(name) != wanted[name]]

    def plan(self, spec: ClusterSpec, recreate: bool = False) -> Plan:
        """What has to be done to reach `spec`.

        Raises NeedsNewClusterError when that would cost a cluster that is there, unless `recreate` says so. Nothing
        is lost with one whose nodes are gone, or that has never come up. Raises NameTakenError where the name is
        another's: minikube would take the containers for remains of its own, and remove them.
        """
        nodes = self.status()
        if not nodes and not self.known():
            others = node_containers.names(self.profile) if spec.driver == "docker" else []
            if others:
                raise NameTakenError(
                    f"profile: the engine has containers or volumes of that name ({', '.join(others)}), "
                    f"and {self.home} did not make them"
                )
        disposable = recreate or not nodes or not self.made_from().get("finished", True)
        action = self._action(spec, nodes)
        if action == "recreate" and not disposable:
            raise NeedsNewClusterError(
                f"{self.profile} was made from another wish ({'; '.join(self.differences(spec))})"
            )
        return Plan(action, nodes, disposable)

    def carry_out(self, plan: Plan, spec: ClusterSpec) -> list[NodeStatus]:
        """Do what was planned; the nodes there are then. Raises MinikubeError."""
        if plan.action == "nothing":
            return plan.nodes
        if plan.action == "recreate":
            self.delete()
        self.start(spec, disposable=plan.disposable)
        return self._healthy_nodes()

    def _action(self, spec: ClusterSpec, nodes: list[NodeStatus]) -> str:
        if not nodes:
            return "recreate" if self.known() else "create"
        if self.differences(spec):
            return "recreate"
        if len(nodes) == spec.nodes and all(node.healthy for node in nodes):
            return "nothing"
        return "start"

    def start(self, spec: ClusterSpec, disposable: bool) -> None:
        """Create, start or heal the cluster. A `disposable` one that fails is tried once from nothing.

        Raises MinikubeError when it does not come up.
        """
        try:
            self._start(spec, finished=not disposable)
        except MinikubeError as error:
            if not disposable:
                raise NeedsNewClusterError(f"{self.profile} does not come up again: {error}") from error
            self.delete()
            self._start(spec, finished=False)
        self._remember(spec, finished=True)

    def _remember(self, spec: ClusterSpec, finished: bool) -> None:
        os.makedirs(self.home, exist_ok=True)
        with open(self._spec_file + ".new", "w") as stream:
            json.dump({**asdict(spec), "finished": finished}, stream)
        os.replace(self._spec_file + ".new", self._spec_file)

    def _healthy_nodes(self) -> list[NodeStatus]:
        nodes = self.status()
        if not all(node.healthy for node in nodes):
            raise MinikubeError(f"minikube says that it started, but its status is not healthy; see {self.log}")
        return nodes

    def stop(self) -> None:
        """Stop all nodes; their state stays."""
        self._call(["stop"], timeout_s=180)

    def delete(self) -> None:
        """Remove the cluster and what minikube remembers of it; its download cache stays.

        Where minikube is gone or fails, the engine is asked itself. Raises MinikubeError when that refuses.
        """
        if self.installed():
            self._call(["delete"], timeout_s=180, check=False)
        try:
            node_containers.remove(self.profile)
        except node_containers.EngineError as error:
            raise MinikubeError(str(error)) from error
        shutil.rmtree(os.path.join(self.home, ".minikube", "profiles", self.profile), ignore_errors=True)
        if os.path.exists(self._spec_file):
            os.unlink(self._spec_file)

    def _start(self, spec: ClusterSpec, finished: bool) -> None:
        # Written first: a start that is interrupted leaves a cluster of this specification, which a start can heal.
        # One that has never come up holds nothing to lose.
        self._remember(spec, finished)
        arguments = ["start", "--wait=apiserver,system_pods,default_sa,node_ready,kubelet", *spec.start_arguments()]
        if os.geteuid() == 0:
            arguments.append("--force")  # the docker driver asks root to say so
        self._call([*arguments, "--alsologtostderr"], timeout_s=self.timeout_s, log=self.log)

    def _call(self, arguments: list[str], timeout_s: int, check: bool = True, log: str = "") -> str:
        command = with_access([self.binary, "--profile", self.profile, *arguments])
        environment = {
            **os.environ,
            "MINIKUBE_HOME": self.home,
            "KUBECONFIG": self.kubeconfig,
            "MINIKUBE_IN_STYLE": "false",
            "MINIKUBE_WANTUPDATENOTIFICATION": "false",
        }
        try:
            with open(log or os.devnull, "w") as errors:
                # A session of its own, so that a stuck start can be ended with all that it started.
                process = subprocess.Popen(
                    command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
                )
            said, _none = process.communicate(timeout=timeout_s)
        except OSError as error:
            raise MinikubeError(f"cannot run {self.binary}: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise MinikubeError(f"minikube {arguments[0]} was not done after {timeout_s} s; see {log}") from error
        if check and process.returncode != 0:
            end = "\n".join(said.strip().splitlines()[-12:])
            raise MinikubeError(f"minikube {arguments[0]} ended with {process.returncode}: {end}\nlog: {log}")
        return said
