# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What the zram role makes of its variables. Fails where devices are set up in another order than they are listed in,
so that a disk cannot move from one to another, or where a schedule goes to a device that it is not about.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import paths
import pytest
from controller import inventory, play

ROLE = paths.ROOT / "roles/zram"


def handed_on(folder: Path, core: str, name: str = "zram__devices", **variables: Any) -> list[dict[str, Any]]:
    """A list that the role hands on: the items that it loops over, or with zram__objects those of module converge."""
    copy = {"content": "{{ %s | to_json }}" % name, "dest": str(folder / "items.json")}
    playbook = {
        "hosts": "host",
        "gather_facts": False,
        "vars_files": [str(ROLE / "defaults/main.yml"), str(ROLE / "vars/main.yml")],
        "tasks": [{"ansible.builtin.copy": copy}],
    }
    (folder / "play.yml").write_text(json.dumps([playbook]))
    done = play(core, inventory(folder, {"host": {"ansible_connection": "local"}}), folder / "play.yml", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads((folder / "items.json").read_text())
    return found


@pytest.mark.parametrize("core", paths.CORES)
def test_devices_keep_their_order_and_get_the_schedules_that_are_for_them(tmp_path: Path, core: str) -> None:
    devices: list[dict[str, Any]] = [
        {"name": "zram1", "state": "absent"},
        {"name": "zram0", "writeback_device": "/dev/vdb"},
        {"name": "zram3", "recompress": ["zstd"], "recompress_schedule": "weekly"},
        {"name": "zram2", "recompress": ["zstd"], "writeback_device": "/dev/vdc"},
    ]
    schedules = {"zram_writeback_schedule": "daily", "zram_recompress_schedule": "hourly"}
    assert handed_on(tmp_path, core, zram_devices=devices, **schedules) == [
        devices[0],
        {"writeback_schedule": "daily", **devices[1]},
        devices[2],
        {"writeback_schedule": "daily", "recompress_schedule": "hourly", **devices[3]},
    ]
    # Where no device has what they are about, all are told so.
    assert handed_on(tmp_path, core, zram_devices=devices[:1], **schedules) == [
        {"writeback_schedule": "daily", "recompress_schedule": "hourly", **devices[0]}
    ]
    assert handed_on(tmp_path, core, zram_devices=[]) == []


@pytest.mark.parametrize("core", paths.CORES)
def test_all_can_wait_for_the_next_boot(tmp_path: Path, core: str) -> None:
    """Fails where what cannot go while it is in use cannot be given up from the next boot on."""
    gone = {"name": "all", "state": "absent", "on_unsupported": "skip"}
    name, later = "zram__objects", {"zram_apply": "next_boot"}
    assert handed_on(tmp_path, core, name, zram_state="absent") == [{"apply": "now", **gone}]
    assert handed_on(tmp_path, core, name, zram_state="absent", **later) == [{"apply": "next_boot", **gone}]
    devices = [{"name": "zram0"}, {"name": "zram1", "apply": "now"}]
    found = handed_on(tmp_path, core, name, zram_devices=devices, **later)
    assert [item["apply"] for item in found] == ["next_boot", "now"]
