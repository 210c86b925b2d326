# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What the playbooks are asked: variables of theirs that are misspelt, or wrong.

Fails where one is taken for nothing, so that hosts are called with less than was meant, and where one that is right is
refused. The host refuses every connection, which is how it is seen that it was called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paths
import pytest
from controller import inventory, play

NOWHERE = {"host": {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-F /dev/null"}}
PLAYBOOKS = sorted(path.stem for path in (paths.ROOT / "playbooks").glob("*.yml"))


def asked(folder: Path, playbook: str, core: str = paths.NEWEST_CORE, **extra: Any) -> tuple[str, bool]:
    """What is printed, in one line, and whether the host was called."""
    done = play(core, inventory(folder, NOWHERE), f"highwater.memory.{playbook}", **extra)
    printed = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, printed
    return printed, "Connection refused" in printed


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_variable_of_ours_that_is_misspelt_is_refused_before_any_host_is_called(
    tmp_path: Path, playbook: str
) -> None:
    printed, called = asked(tmp_path, playbook, highwater_host="web1", highwater__of_a_users_own="x")
    assert "highwater_host: no such variable; there are " in printed
    assert "highwater_hosts, highwater_serial" in printed
    assert not called


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_variables_that_the_playbooks_know_are_let_through(tmp_path: Path, playbook: str) -> None:
    known: dict[str, Any] = {"highwater_hosts": "host", "highwater_serial": 1, "highwater_max_fail_percentage": 0}
    page = f"{tmp_path}/page.html"
    printed, called = asked(tmp_path, playbook, highwater_sample=0, highwater_report_path=page, **known)
    assert "no such variable" not in printed
    assert called


@pytest.mark.parametrize("core", paths.CORES)
@pytest.mark.parametrize(
    ("playbook", "wrong"), [("disk_full", "disk_full_compres"), ("emergency_swap", "emergency_swap_siz")]
)
def test_so_are_those_of_a_single_playbook(tmp_path: Path, core: str, playbook: str, wrong: str) -> None:
    printed, called = asked(tmp_path, playbook, core, **{wrong: "/srv/a"})
    assert f"{wrong}: no such variable; there are {playbook}_" in printed
    assert not called


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"path": "/var/log/app", "include": ["*"], "older": "7d"}, "older"),
        ({"include": ["*.log"]}, "{'include': ['*.log']}"),
        (7, "7"),
    ],
)
def test_what_is_to_be_compressed_is_refused_where_it_does_not_say_what_was_meant(
    tmp_path: Path, item: object, says: str
) -> None:
    printed, called = asked(tmp_path, "disk_full", disk_full_compress=["/srv/a", item])
    assert f"disk_full_compress: {says}: write a path, or a dict of path and" in printed
    assert not called


@pytest.mark.parametrize(
    "right",
    ["/srv/a", ["/srv/a", {"path": "/srv/b"}], {"path": "/srv", "include": ["*"], "older_than": "7d", "level": 9}],
)
def test_what_does_is_let_through(tmp_path: Path, right: object) -> None:
    printed, called = asked(tmp_path, "disk_full", disk_full_compress=right)
    assert "disk_full_compress: " not in printed
    assert called
