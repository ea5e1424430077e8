# Copyright: the Availability Lab founders
# Apache-2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which features that container networks and images need the running kernel has.

No module is loaded to find out. The evidence, in this order: the symbol table (it holds the functions of built-in
code and of loaded modules alike), then the list of modules that could be loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PRESENT = "present"  # built in or loaded
LOADABLE = "loadable"  # a module file is there
ABSENT = "absent"
UNKNOWN = "unknown"  # this host does not show enough to tell


@dataclass(frozen=True)
class Feature:
    """A kernel feature: any one of the symbols shows that it runs, any one of the modules brings it."""

    symbols: frozenset[str]
    modules: frozenset[str]
    purpose: str


FEATURES = {
    "overlay": Feature(frozenset({"ovl_fill_super"}), frozenset({"overlay"}), "layers of container images"),
    "bridge": Feature(frozenset({"br_add_if"}), frozenset({"bridge"}), "the network of the containers"),
    "br_netfilter": Feature(
        frozenset({"br_nf_pre_routing"}), frozenset({"br_netfilter"}), "Services between pods of one node"
    ),
    "veth": Feature(frozenset({"veth_newlink"}), frozenset({"veth"}), "network interfaces of containers"),
    "packet_filter": Feature(
        frozenset({"nf_tables_newtable", "ipt_do_table"}),
        frozenset({"nf_tables", "ip_tables"}),
        "rules of kube-proxy (nf_tables or ip_tables)",
    ),
    "conntrack": Feature(frozenset({"nf_conntrack_in"}), frozenset({"nf_conntrack"}), "connections through a Service"),
    "nat": Feature(frozenset({"nf_nat_setup_info"}), frozenset({"nf_nat"}), "addresses of Services"),
}


def feature_states(
    names: list[str],
    kallsyms: Path = Path("/proc/kallsyms"),
    modules: Path = Path("/proc/modules"),
    module_tree: Path | None = None,
) -> dict[str, str]:
    """The state of each named feature. `module_tree`: by default the running kernel's folder in /lib/modules.

    KeyError: a name that FEATURES does not have.
    """
    features = {name: FEATURES[name] for name in names}
    tree = module_tree or Path("/lib/modules") / os.uname().release
    wanted = frozenset(symbol for feature in features.values() for symbol in feature.symbols)
    symbols = _symbols(kallsyms, wanted)
    loadable = _module_names(tree)
    # Without /proc/modules the kernel cannot load any: what it does not show, it does not have. With it, a container
    # may not see the module files of its host, which loads them on demand all the same.
    certain = symbols is not None and (loadable is not None or not modules.exists())
    states = {}
    for name, feature in features.items():
        if feature.symbols & (symbols or frozenset()):
            states[name] = PRESENT
        elif feature.modules & (loadable or frozenset()):
            states[name] = LOADABLE
        else:
            states[name] = ABSENT if certain else UNKNOWN
    return states


def _symbols(kallsyms: Path, wanted: frozenset[str]) -> frozenset[str] | None:
    """Those of the wanted symbols that the kernel has; None where it hides its symbol table."""
    seen = set()
    empty = True
    try:
        with kallsyms.open(encoding="utf-8") as lines:
            for line in lines:
                empty = False
                # "ffffffff81000000 T name [module]"; the compiler may split a function: "name.cold", "name.part.0".
                symbol = line.split(maxsplit=3)[2].split(".", 1)[0]
                if symbol in wanted:
                    seen.add(symbol)
    except OSError:
        return None
    return None if empty else frozenset(seen)


def _module_names(tree: Path) -> frozenset[str] | None:
    """Names of the modules in a kernel's module folder; None where there is no such folder."""
    try:
        entries = (tree / "modules.dep").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    # "kernel/fs/overlayfs/overlay.ko.xz: …"; a file name may have a dash where the module has an underscore.
    files = (entry.split(":", 1)[0].rsplit("/", 1)[-1] for entry in entries)
    return frozenset(file.split(".ko", 1)[0].replace("-", "_") for file in files)
