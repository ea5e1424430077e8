# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a role takes is told once for machines (meta/argument_specs.yml), once for people (README.md), and is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir())


def read(role: str, file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROLES / role / file).read_text()) or {}
    return content


def documented(role: str) -> dict[str, Any]:
    """Arguments of the role's main entry point."""
    options: dict[str, Any] = read(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    return options


def in_tables(role: str) -> set[str]:
    """Names in the first column of README's tables."""
    rows = re.findall(r"^\| *(`[^|]*) \|", (ROLES / role / "README.md").read_text(), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("role", NAMES)
def test_every_default_is_an_argument(role: str) -> None:
    assert set(read(role, "defaults/main.yml")) - set(documented(role)) == set()


@pytest.mark.parametrize("role", NAMES)
def test_readme_has_every_argument(role: str) -> None:
    assert set(documented(role)) - in_tables(role) == set()


@pytest.mark.parametrize("role", NAMES)
def test_readme_tells_of_no_argument_that_is_not_there(role: str) -> None:
    told = {name for name in in_tables(role) if name.startswith((f"{role}_", "lab_"))}
    facts = set(
        re.findall(r"^ +(\w+): ", "\n".join(path.read_text() for path in (ROLES / role).rglob("tasks/*.yml")), re.M)
    )
    assert told - set(documented(role)) - facts == set()


@pytest.mark.parametrize("role", NAMES)
def test_documented_defaults_are_the_real_ones(role: str) -> None:
    real = read(role, "defaults/main.yml")
    told = {name: option["default"] for name, option in documented(role).items() if "default" in option}
    assert {name: squeezed(value) for name, value in told.items()} == {name: squeezed(real[name]) for name in told}


@pytest.mark.parametrize("role", NAMES)
def test_every_argument_has_a_description_and_a_type(role: str) -> None:
    lacking = [
        name for name, option in documented(role).items() if not option.get("description") or "type" not in option
    ]
    assert lacking == []


@pytest.mark.parametrize("role", NAMES)
def test_readme_has_an_example_and_says_where_it_was_tested(role: str) -> None:
    text = (ROLES / role / "README.md").read_text()
    assert "```yaml" in text
    assert re.search(r"[Tt]ested", text)


def squeezed(value: object) -> object:
    """Jinja text may be folded in one file and not in the other."""
    return "".join(value.split()) if isinstance(value, str) and "{{" in value else value
