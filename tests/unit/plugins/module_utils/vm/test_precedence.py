# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has the last word on a setting: each case in precedence/ is the files of a machine, and what is expected.

Fails where a folder, a name, a mask, a link, a glob or the other of a pair is weighed otherwise than by sysctl.d(5).
Ours says swappiness 100, where a case says nothing else.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import tuned as tuned_profile
from ansible_collections.highwater.memory.plugins.module_utils.vm import owners, settings_table, tuned
from ansible_collections.highwater.memory.plugins.module_utils.vm.precedence import parse
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import full
from hypothesis import example, given
from hypothesis import strategies as st

yaml = pytest.importorskip("yaml")  # the oldest Python of hosts has no controller, and so no YAML
CASES = sorted((Path(__file__).parent / "precedence").glob("*.yml"))


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_who_has_the_last_word(machine, path):
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    key, value = case.get("key", "swappiness"), case.get("value", "100")
    if case.get("systemd") is False:
        (machine.folder / "usr/lib/systemd/systemd-sysctl").unlink()
    for name, text in case["files"].items():
        machine.write(name, text)
    for name in case.get("programs", ()):
        (machine.folder / name.lstrip("/")).chmod(0o755)
    for name, target in case.get("links", {}).items():
        machine.link(name, target)
    file = case.get("file", "/etc/sysctl.d/90-highwater.conf")
    done = machine.run(settings={key: value}, file=file)
    line, warnings = done["settings"][full(key)]["overridden_by"], " ".join(done["warnings"])
    said = [warning for warning in done["warnings"] if "has the last word" in warning and "ours" not in warning]
    if case["expected"] is None:
        assert (line, said) == (None, [])
    else:
        where, _says, number = case["expected"].rpartition(" says ")
        assert line["value"] == (None if number == "nothing" else int(number))
        assert where.startswith(line["file"] + (", line %d" % line["line"] if line["line"] else " ("))
        assert where in said[0]
    assert case.get("second_owner", "") in warnings
    assert ("one owner" in warnings) == ("second_owner" in case)
    assert ("is not read at boot" in warnings) == (case.get("read_at_boot") is False)
    assert machine.live(key) == value
    assert machine.run(settings={key: value}, file=file)["changed"] is False


def test_everybody_else_is_named_whoever_has_the_last_word(machine):
    """The distribution's own file, one of somebody's with the other of the pair, a glob, tuned and the kubelet."""
    machine.write("/usr/lib/sysctl.d/10-map-count.conf", "# more\nvm.max_map_count=1048576\nvm.swappiness = 5\n")
    machine.write("/etc/sysctl.d/20-a.conf", "-vm/dirty_ratio = 7\nvm.* = 0\nvm.min_slab_ratio=3\nkernel.panic = 1\n")
    machine.write("/etc/sysctl.d/95-b.conf", "-vm.max_map_count\n-vm.swappiness\n")
    machine.link("/etc/systemd/system/multi-user.target.wants/tuned.service", "/usr/lib/systemd/system/tuned.service")
    machine.write("/etc/tuned/active_profile", "mine")
    machine.write("/etc/tuned/mine/tuned.conf", "[vm]\ndirty_bytes = 1M\n")
    machine.write("/usr/lib/systemd/system/kubelet.service", "")
    asked = {"max_map_count": 2000000, "dirty_bytes": "1M", "overcommit_memory": 1}
    found = {name: one["also_set_by"] for name, one in machine.run(settings=asked)["settings"].items()}
    a_glob = {"file": "/etc/sysctl.d/20-a.conf", "line": 2, "key": "vm.*", "value": 0}
    assert found == {
        "vm.max_map_count": [
            {"file": "/usr/lib/sysctl.d/10-map-count.conf", "line": 2, "key": "vm.max_map_count", "value": 1048576},
            a_glob,
        ],
        "vm.dirty_bytes": [
            {"file": "/etc/sysctl.d/20-a.conf", "line": 1, "key": "vm.dirty_ratio", "value": 7},
            a_glob,
            {"file": "/etc/tuned/mine/tuned.conf", "line": 2, "key": "vm.dirty_bytes", "value": 1048576},
        ],
        "vm.overcommit_memory": [
            a_glob,
            {
                "file": "/usr/lib/systemd/system/kubelet.service",
                "line": None,
                "key": "vm.overcommit_memory",
                "value": 1,
            },
        ],
    }


@pytest.mark.parametrize("value", ["--5", "\u00b2", "60 70", "", "$(true)", "sixty"])
def test_what_is_no_number_is_said_as_it_stands(machine, value):
    machine.write("/etc/sysctl.d/95-a.conf", "vm.swappiness = %s\n" % value)
    machine.link("/etc/systemd/system/multi-user.target.wants/tuned.service", "/usr/lib/systemd/system/tuned.service")
    machine.write("/etc/tuned/active_profile", "mine")
    machine.write("/etc/tuned/mine/tuned.conf", "[vm]\ndirty_bytes = %sM\n" % value)
    settings = machine.run(settings={"swappiness": 100, "dirty_bytes": "1M"})["settings"]
    assert settings["vm.swappiness"]["overridden_by"]["value"] == value
    assert settings["vm.dirty_bytes"]["overridden_by"]["value"] == value + "M"


@given(st.text(alphabet='vm./*-=#;[]{}dirty_bytesuclSYT%"\n 0Mk', max_size=80))
def test_whatever_stands_in_a_file_of_another_program_is_read_without_an_error(text):
    for line in tuned_profile._of_text("/x", "[sysctl]\n" + text + "\n[vm]\n" + text):
        found = tuned._assignment(line)
        assert found is None or found.name in settings_table.TABLE or found.key.startswith("vm.")
    for patterns in (owners._UDEV, owners._TMPFILES, owners._SYSCTL, owners._ECHO):
        assert all(found.line for found in owners._lines("/x", text, patterns, "who"))


@example("*/=")  # a folder of settings, but no setting
@example("vm/.=")
@given(st.text(alphabet="vm./*-=#; swapines\n\t0x19[]", max_size=60))
def test_whatever_stands_in_a_file_is_read_without_an_error(text):
    for line in parse("/x", text):
        assert 1 <= line.line <= len(text.splitlines())
        assert line.key.count(".") == 1


def test_what_stands_in_the_place_of_a_file_that_the_boot_runs_is_no_error(machine):
    """A folder, or what a filesystem that fails does not let be read, is somebody else's business."""
    for folder in ("/etc/local.d/x.start", "/etc/rc.local", "/usr/lib/systemd/system/d.service"):
        machine.write(folder + "/x", "")
    machine.write("/etc/runlevels/default/local", "")
    machine.write("/etc/systemd/system/a.wants", "no folder")
    machine.link("/etc/systemd/system/basic.target.wants/d.service", "/usr/lib/systemd/system/d.service")
    assert machine.run(settings={"swappiness": 10})["warnings"] == []
