from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host.kernel import (
    ABSENT,
    FEATURES,
    LOADABLE,
    PRESENT,
    UNKNOWN,
    feature_states,
)


def states(tmp_path: Path, kallsyms: str | None, dep: str | None, has_modules: bool) -> dict[str, str]:
    if kallsyms is not None:
        (tmp_path / "kallsyms").write_text(kallsyms)
    if dep is not None:
        (tmp_path / "modules.dep").write_text(dep)
    if has_modules:
        (tmp_path / "modules").write_text("")
    return feature_states(["overlay", "veth"], tmp_path / "kallsyms", tmp_path / "modules", tmp_path)


def test_a_symbol_shows_a_feature_also_when_the_compiler_split_it(tmp_path: Path) -> None:
    table = "0000000000000000 t ovl_fill_super.cold\n0000000000000000 t veth_newlink\t[veth]\n"
    assert states(tmp_path, table, None, has_modules=True) == {"overlay": PRESENT, "veth": PRESENT}


def test_a_module_file_is_good_enough(tmp_path: Path) -> None:
    dep = "kernel/fs/overlayfs/overlay.ko.xz:\nkernel/drivers/net/veth.ko: kernel/x.ko\n"
    assert states(tmp_path, "0 T start\n", dep, has_modules=True) == {"overlay": LOADABLE, "veth": LOADABLE}


def test_a_module_tree_without_it_makes_it_absent(tmp_path: Path) -> None:
    found = states(tmp_path, "0 T start\n", "kernel/drivers/net/veth.ko:\n", has_modules=True)
    assert found == {"overlay": ABSENT, "veth": LOADABLE}


def test_a_kernel_without_modules_has_what_its_table_shows(tmp_path: Path) -> None:
    found = states(tmp_path, "0 T veth_newlink\n", None, has_modules=False)
    assert found == {"overlay": ABSENT, "veth": PRESENT}


@pytest.mark.parametrize("table", [None, "", "0 T start\n"])
def test_a_container_that_sees_no_module_files_cannot_tell(tmp_path: Path, table: str | None) -> None:
    assert states(tmp_path, table, None, has_modules=True) == {"overlay": UNKNOWN, "veth": UNKNOWN}


def test_every_feature_has_evidence_and_a_purpose() -> None:
    assert all(feature.symbols and feature.modules and feature.purpose for feature in FEATURES.values())
