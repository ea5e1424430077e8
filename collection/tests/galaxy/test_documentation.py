# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What people read: the modules' documentation, the site made of it, and the changelog."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml
from ansible_collections.availability.lab.tests.galaxy.conftest import COLLECTION, Run
from ansible_collections.availability.lab.tests.unit.examples.examples import MODULES

#: A warning about a label of docs.ansible.com's own pages.
ANSIBLES_MANUAL = re.compile(
    r"undefined label: "
    r"'(action_plugins|callback_plugins|common_return_values|ansible_configuration_settings|ansible_collections\.ansible\..*)'"
)
ROLES = sorted(path.name for path in (COLLECTION / "roles").iterdir())


def test_the_documentation_passes_its_linter(run: Run, tree: Path) -> None:
    done = run("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", tree)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_site_is_built_and_every_reference_in_it_leads_somewhere(run: Run, installed: Path, tmp_path: Path) -> None:
    """A page for each module, role and the screen.

    Pages of Ansible's own manual would be looked up on the network: left out.
    """
    place = {"ANSIBLE_COLLECTIONS_PATH": str(installed)}
    made = run(
        "antsibull-docs", "sphinx-init", "--use-current", "--dest-dir", tmp_path, "--lenient", "--fail-on-error",
        "--index-rst-source", COLLECTION / "docs/index.rst", "availability.lab", **place,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    (tmp_path / "rst").chmod(0o755)
    written = run(
        "antsibull-docs", "--config-file", "antsibull-docs.cfg", "collection", "--use-current", "--dest-dir", "rst",
        "--fail-on-error", "availability.lab",
        cwd=tmp_path, **place,
    )  # fmt: skip
    assert written.returncode == 0, written.stdout + written.stderr
    offline = "extensions=sphinx.ext.autodoc,sphinx_antsibull_ext"
    site = run("sphinx-build", "-M", "html", "rst", "build", "-c", ".", "-q", "-D", offline, cwd=tmp_path)
    assert site.returncode == 0, site.stdout + site.stderr
    assert [line for line in site.stderr.splitlines() if not ANSIBLES_MANUAL.search(line)] == []
    pages = {page.name for page in (tmp_path / "build/html/collections/availability/lab").iterdir()}
    assert {*(f"{name}_module.html" for name in MODULES), *(f"{name}_role.html" for name in ROLES)} <= pages
    assert "condensed_callback.html" in pages


def test_the_changelog_is_made_of_the_fragments(run: Run, tree: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ansible_collections/availability/lab"
    shutil.copytree(tree, copy)
    linted = run("antsibull-changelog", "lint", cwd=copy)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    released = run("antsibull-changelog", "release", "--date", "2026-11-21", cwd=copy)
    assert released.returncode == 0, released.stdout + released.stderr
    assert (copy / "CHANGELOG.md").read_text() == (COLLECTION / "CHANGELOG.md").read_text(), "run: make changelog"
    text = (copy / "CHANGELOG.md").read_text().replace("\\", "")
    assert "v" + yaml.safe_load((COLLECTION / "galaxy.yml").read_text())["version"] in text
    assert [name for name in MODULES if f"availability.lab.{name}" not in text] == []


def test_the_execution_environment_is_accepted(run: Run, built: Path, tmp_path: Path) -> None:
    """Its definition against the schema, its context made, and the collection's own requirements found."""
    shutil.copy(COLLECTION.parent / "execution-environment.yml", tmp_path)
    (tmp_path / "build").mkdir()
    shutil.copy(built, tmp_path / "build")
    made = run("ansible-builder", "create", "--context", "context", "--output-filename", "Containerfile", cwd=tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "ansible-runner" in (tmp_path / "context/Containerfile").read_text()


def test_the_collections_requirements_are_found(run: Run, installed: Path) -> None:
    found = run("ansible-builder", "introspect", installed)
    assert found.returncode == 0, found.stdout + found.stderr
    assert any(line.startswith("kubernetes") for line in yaml.safe_load(found.stdout)["python"])
