# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The built file, installed into an empty path: what is in it, and playbooks run from it."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.availability.lab.tests.galaxy.conftest import COLLECTION, Run
from ansible_collections.availability.lab.tests.unit.plugins.module_utils.probe.good_server import serving

CLONE = COLLECTION.parent
SCENARIOS = sorted(path.stem for path in (CLONE / "playbooks/scenarios").glob("*.yml"))
PLAYBOOKS = sorted(
    {path.stem for path in (COLLECTION / "playbooks").glob("*.yml")}
    | {path.stem.replace("-", "_") for path in (CLONE / "playbooks").glob("*.yml")}
    | {name.replace("-", "_") for name in [*SCENARIOS, "site"]}
)


def test_the_file_holds_what_a_user_needs(built: Path) -> None:
    with tarfile.open(built) as archive:
        names = set(archive.getnames())
    assert {"README.md", "CHANGELOG.md", "LICENSE", "COPYING", "meta/runtime.yml"} <= names
    assert {f"playbooks/{name}.yml" for name in PLAYBOOKS} <= names
    workloads = {path.parent.name for path in (CLONE / "workloads").glob("*/Dockerfile")}
    assert {f"playbooks/workloads/{name}/Dockerfile" for name in workloads} <= names
    strays = [name for name in names if any(part in name for part in ("__pycache__", "tests/output", ".venv"))]
    assert strays == []
    assert built.stat().st_size < 2 << 20, "Galaxy takes more, but nothing big belongs into it"


def test_the_installed_collection_is_whole(run: Run, installed: Path) -> None:
    done = run("ansible-galaxy", "collection", "verify", "availability.lab", "--offline", "-p", installed)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = run("ansible-galaxy", "collection", "list", "availability.lab", "-p", installed, "--format", "json")
    version = yaml.safe_load((COLLECTION / "galaxy.yml").read_text())["version"]
    assert {"availability.lab": {"version": version}} in json.loads(listed.stdout).values()


def test_a_probe_runs_from_the_installed_collection(run: Run, installed: Path, tmp_path: Path) -> None:
    def measure(place: Path) -> tuple[subprocess.CompletedProcess[str], Path, list[str]]:
        place.mkdir()
        with serving() as served:
            done = run(
                "ansible-playbook", "availability.lab.probe",
                *("-e", f"probe_url={served.url}/"), *("-e", "probe_rate=40"), *("-e", "probe_duration=2s"),
                *("-e", json.dumps({"probe_options": {"identify": ["version=header:X-Version"]}})),
                cwd=place, PWD=str(place), ANSIBLE_COLLECTIONS_PATH=str(installed),
                ANSIBLE_STDOUT_CALLBACK="availability.lab.condensed",
            )  # fmt: skip
        return done, next((place / "results" / "probe").glob("*Z")), served.requests

    done, folder, asked = measure(tmp_path / "first")
    if json.loads((folder / "result.json").read_text())["verdict"] == "inconclusive":
        # One late request of 80 is more than 1 %: the machine was too busy to measure, which is no failure.
        done, folder, asked = measure(tmp_path / "again")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((folder / "result.json").read_text())
    assert result["verdict"] == "pass"
    assert result["variants"][0]["figures"]["attempts"] == 80
    assert asked.count("GET /") == 80
    assert (folder / "report.html").stat().st_size > 10_000
    assert done.stdout.endswith(f"  report  {(folder / 'report.html').relative_to(folder.parents[2])}\n\n"), done.stdout


def test_an_unavailable_service_fails_the_playbook_and_is_reported(run: Run, installed: Path, tmp_path: Path) -> None:
    with serving() as served:
        url = served.url
    done = run(
        "ansible-playbook", "availability.lab.probe", "-e", f"probe_url={url}/", "-e", "probe_duration=1s",
        cwd=tmp_path, PWD=str(tmp_path), ANSIBLE_COLLECTIONS_PATH=str(installed),
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    result = json.loads(next((tmp_path / "results" / "probe").glob("*Z/result.json")).read_text())
    assert (result["verdict"], result["variants"][0]["figures"]["ok"]) == ("fail", 0)


def test_a_probe_without_an_address_says_what_is_missing(run: Run, installed: Path, tmp_path: Path) -> None:
    done = run("ansible-playbook", "availability.lab.probe", cwd=tmp_path, ANSIBLE_COLLECTIONS_PATH=str(installed))
    assert done.returncode == 2
    assert "probe_url: expected the address to ask" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_probe_with_a_misspelt_scheme_says_which_there_are(run: Run, installed: Path, tmp_path: Path) -> None:
    done = run(
        "ansible-playbook", "availability.lab.probe", "-e", "probe_url=grcp://127.0.0.1:1/",
        cwd=tmp_path, ANSIBLE_COLLECTIONS_PATH=str(installed),
    )  # fmt: skip
    assert done.returncode == 2
    assert "ws://, wss://, grpc://, grpcs://, tcp://, redis://" in done.stdout, done.stdout
    assert list(tmp_path.iterdir()) == []


def test_workloads_are_found_from_an_empty_folder(run: Run, installed: Path, tmp_path: Path) -> None:
    wrong = ("availability.lab.workload", "-e", "workload_name=nowhere")
    done = run("ansible-playbook", *wrong, cwd=tmp_path, ANSIBLE_COLLECTIONS_PATH=str(installed))
    assert done.returncode == 2
    assert "expected one of envoy, guestbook, hello, load-and-stress, price-api, simpleprobe" in done.stdout, (
        done.stdout
    )
    assert list(tmp_path.iterdir()) == []


def test_every_playbook_finds_its_roles_and_modules(run: Run, installed: Path, tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    host = {"hosts": {"localhost": {"ansible_connection": "local"}}}
    inventory.write_text(yaml.safe_dump({"all": {"children": {"lab": host, "etcd": host}}}))
    names = [f"availability.lab.{name}" for name in PLAYBOOKS]
    done = run("ansible-playbook", "--syntax-check", "-i", inventory, *names, ANSIBLE_COLLECTIONS_PATH=str(installed))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.lab
def test_an_experiment_runs_from_an_empty_folder(run: Run, installed: Path, tmp_path: Path) -> None:
    """On the lab that is up, without an inventory: this machine is taken, the workload comes from the collection."""
    only = ("-e", json.dumps({"scenario_only": ["switch"]}))
    place = {"PWD": str(tmp_path), "ANSIBLE_COLLECTIONS_PATH": str(installed)}
    done = run("ansible-playbook", "availability.lab.blue_green", *only, cwd=tmp_path, **place)
    if ": inconclusive: " in " ".join(done.stdout.split()):
        done = run("ansible-playbook", "availability.lab.blue_green", *only, cwd=tmp_path, **place)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(sorted((tmp_path / "results/blue-green").glob("*Z/result.json"))[-1].read_text())
    assert (result["verdict"], result["variants"][0]["figures"]["failed"]) == ("pass", 0)
