from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from ansible_collections.availability.lab.plugins.module_utils.host.listeners import Listener, holder, listeners

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def test_a_real_listener_is_found_with_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (found,) = [it for it in listeners() if it.port == port]
        process = holder(found.inode)
    assert found.address == "127.0.0.1"
    assert process is not None
    assert process.pid == os.getpid()
    assert "python" in process.command


def test_only_listening_sockets_count_and_ipv6_is_read(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(
        HEAD
        + "   0: 0100007F:094B 00000000:0000 0A 0:0 0:0 0 0 0 41 1\n"
        + "   1: 0100007F:094C 0100007F:9999 01 0:0 0:0 0 0 0 42 1\n"
    )
    (tmp_path / "net" / "tcp6").write_text(
        HEAD
        + "   0: 00000000000000000000000000000000:0050 0:0000 0A 0:0 0:0 0 0 0 43 1\n"
        + "   1: 0000000000000000FFFF00000100007F:0051 0:0000 0A 0:0 0:0 0 0 0 44 1\n"
    )
    assert listeners(tmp_path) == [
        Listener("127.0.0.1", 2379, "41"),
        Listener("::", 80, "43"),
        Listener("127.0.0.1", 81, "44"),
    ]


def test_a_host_without_these_tables_has_no_listeners(tmp_path: Path) -> None:
    assert listeners(tmp_path) == []
    assert holder("41", tmp_path) is None


@pytest.mark.parametrize(
    ("held", "wanted", "port", "conflict"),
    [
        ("127.0.0.1", "127.0.0.1", 2379, True),
        ("0.0.0.0", "127.0.0.1", 2379, True),
        ("::", "127.0.0.1", 2379, True),
        ("127.0.0.1", "0.0.0.0", 2379, True),
        ("127.0.0.2", "127.0.0.1", 2379, False),
        ("127.0.0.1", "127.0.0.1", 2380, False),
    ],
)
def test_conflicts(held: str, wanted: str, port: int, conflict: bool) -> None:
    assert Listener(held, 2379, "1").conflicts_with(wanted, port) is conflict
