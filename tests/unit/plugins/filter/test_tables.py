# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks show of many hosts. It would take a host that is missing, in the wrong place or called wrongly, for
these to fail."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.filter.disk_table import disk_table
from ansible_collections.highwater.memory.plugins.filter.emergency_table import emergency_table

MIB = 2**20


def look(available, actions=(), swapfile=None):
    return {
        "memory": {"total": 1000 * MIB, "available": available * MIB, "swap_total": 64 * MIB, "swap_free": 8 * MIB},
        "only_below": 100 * MIB,
        "most_room": {"mount_point": "/srv", "free": 2048 * MIB},
        "swapfile": swapfile,
        "actions": list(actions),
    }


def test_the_host_with_the_least_memory_comes_first_and_those_without_an_answer_last():
    lines = emergency_table(
        {
            "calm": look(500),
            "near": look(150),
            "gone": {"unreachable": True, "msg": "no route to host"},
            "worst": look(20, ["swap on"], {"path": "/x"}),
            "helped": look(90, [], {"path": "/x"}),
            "pod": {"supported": False, "reason": "container", "actions": []},
            "morning": look(700, ["swap off"]),
        }
    )
    assert [line.split()[0] for line in lines[2:]] == ["worst", "helped", "near", "calm", "morning", "gone", "pod"]
    ends = {line.split()[0]: line.partition("on /srv")[2].strip() for line in lines[2:]}
    assert ends == {
        "worst": "needed",
        "helped": "is on",
        "near": "next",
        "calm": "",
        "morning": "to be taken back",
        "gone": "",
        "pod": "",
    }
    assert lines[-2].endswith("could not be looked at")
    assert lines[-1].endswith("cannot have one (container)")
    assert "2.0 %" in lines[2]
    assert "20 MiB" in lines[2]


def test_disks_files_folders_and_what_is_deleted():
    usage = {
        "filesystems": [
            {
                "mount_point": "/",
                "fstype": "btrfs",
                "size": 4096 * MIB,
                "free": 0,
                "inodes": 0,
                "inodes_free": 0,
                "used_percent": 100.0,
            }
        ],
        "files": [
            {"path": "/var/log/a", "on_disk": 900 * MIB, "would_free": 700 * MIB, "why_not": None},
            {
                "path": "/var/lib/b",
                "on_disk": 90 * MIB,
                "would_free": 0,
                "why_not": "/var/lib/b is open for writing: wait",
            },
        ],
        "folders": [{"path": "/var/log", "on_disk": 1000 * MIB, "files": 12}],
    }
    deleted = {"files": [{"path": "/tmp/x y", "size_on_disk": 5 * MIB, "command": "app", "pid": 7, "appends": False}]}
    assert disk_table(usage, deleted) == [
        "   used  free     of  inodes free  mounted at  type",
        "───────  ────  ─────  ───────────  ──────────  ─────",
        "100.0 %   0 B  4 GiB               /           btrfs",
        "",
        "on disk  compressing frees  largest files  why not",
        "───────  ─────────────────  ─────────────  ───────────────────",
        "900 MiB  700 MiB            /var/log/a",
        " 90 MiB  -                  /var/lib/b     is open for writing",
        "",
        " on disk  files  largest folders",
        "────────  ─────  ───────────────",
        "1000 MiB     12  /var/log",
        "",
        "on disk  process  deleted, but open  its writers append",
        "───────  ───────  ─────────────────  ──────────────────",
        "  5 MiB  app (7)  /tmp/x y           no",
    ]
    full = dict(usage["filesystems"][0], inodes=1000, inodes_free=99)
    crowded = dict(usage, filesystems=[full], crowded=[{"path": "/var/spool", "files": 800}])
    assert "  800  /var/spool" in disk_table(crowded, deleted)
    many = [dict(deleted["files"][0], path="/tmp/%d" % number) for number in range(23)]
    assert disk_table(usage, {"files": many})[-2:] == [
        "  5 MiB  app (7)  /tmp/19            no",
        "and 3 more, 15 MiB together",
    ]
    assert disk_table(usage, {"files": []})[-2:] == ["", "deleted, but open: none"]
    assert len(disk_table({"filesystems": usage["filesystems"], "files": [], "folders": []})) == 3


def test_what_was_done():
    """By tasks of which one was skipped and one has failed."""
    done = [
        {"files": [{"path": "/a/gone", "size_on_disk": 64 * MIB, "pid": 7, "command": "app"}], "freed": 64 * MIB},
        {"skipped": True, "changed": False},
        {"failed": True, "msg": "it is not there"},
        {
            "files": [
                {"path": "/a/x", "size_before": 30 * MIB, "size_after": 3 * MIB, "ratio": 10.0, "freed": 27 * MIB}
            ],
            "left_alone": [{"path": "/a/now", "why": "/a/now is open for writing by app (process 8): let it close"}],
        },
    ]
    disks = {"filesystems": [], "files": [], "folders": []}
    expected = [
        "64 MiB  /a/gone  truncating",
        "27 MiB  /a/x     compressing 10.0 to 1",
        "-       /a/now   is open for writing by app (process 8)",
    ]
    assert disk_table(disks, done=done)[2:5] == expected
    assert disk_table(disks, done=done)[0].startswith("freed   file")
    assert disk_table(disks, done=done, check=True)[0].startswith("would free  file")
    assert disk_table(disks, done=[{"skipped": True}])[0].startswith("used")
