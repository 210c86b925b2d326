# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine in, the plan in words out: each file of cases/ is one state of a machine, as a person can read it.

    -- include NAME --       all of another case but what is asked and expected
    -- options --            options of the module, as JSON
    -- /a/path --            a file of the machine; "-- no /a/path --" one that is not there after all
    -- no folder /a/path --  nor a folder
    -- link /a/path --       a symbolic link, to what the next line says
    -- swap header /a/path   a device that holds a swap area; its label is what the next line says, if anything
    -- ext4 on /a/path --    a device that holds a filesystem; "highwater's ext4 on" for one with our label
    -- plan --               the steps expected, exactly and in order; empty for a converged machine
    -- refused REASON --     or the sentence expected

Fails where a state of that kind is met with other steps, in another order, or is not left alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import PAGE

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.txt") if not path.stem.startswith("_"))
DEFAULTS = {name: option.get("default") for name, option in ARGUMENTS.items()}


class Machine(Host):
    """A machine whose files belong to root, whoever runs the test."""

    def lstat(self, path):
        found = super().lstat(path)
        return None if found is None else os.stat_result(found[:4] + (0, 0) + found[6:10])


def parts(name):
    """The parts of a case in order: (heading, text)."""
    pieces = re.split(r"(?m)^-- (.+) --\n", (CASES / (name + ".txt")).read_text(encoding="utf-8"))
    return list(zip(pieces[1::2], pieces[2::2]))


def lay_out(host, name, expected):
    """Make the machine's files; what is asked and expected of a case goes into ``expected``."""
    for heading, text in parts(name):
        word, _blank, path = heading.rpartition(" ")
        if word == "include":
            lay_out(host, path, {})
        elif word == "link":
            host.link(path, text.strip())
        elif word == "no folder":
            shutil.rmtree(host.path(path))
        elif word == "no":
            host.remove(path)
        elif word == "swap header":
            label = text.strip().encode("ascii")
            header = struct.pack("=1024xIII16s16s", 1, 0, 0, b"", label)  # 1 is the only version that there is
            host.install(path, (header.ljust(PAGE - 10, b"\0") + b"SWAPSPACE2").decode("ascii"))
        elif word in ("ext4 on", "highwater's ext4 on"):
            label = "highwater" if word.startswith("highwater") else ""
            host.install(path, "\0" * 1080 + "\x53\udcef".ljust(64, "\0") + label + "\0" * 2 * PAGE)
        elif word == "folder":
            host.make_folder(path)
        elif heading.startswith("/"):
            host.install(heading, text)
        else:
            expected[heading] = text


@pytest.mark.parametrize("name", NAMES)
def test_case(tmp_path, name):
    host, case = Machine(str(tmp_path)), {}
    lay_out(host, name, case)
    params = dict(DEFAULTS, **json.loads(case.pop("options", "{}")))
    before = snapshot(tmp_path)
    heading, text = case.popitem()
    assert not case, "one expectation a case"
    try:
        states = resource.observe(host, params)
        spec = resource.resolve(params, states)
        steps = resource.plan(spec, states)
        found = ("plan", "".join(step.words() + "\n" for step in steps))
        resource.result(spec, states)
        resource.warnings(spec, states)
        changes = resource.managed(states) != resource.wanted(spec, states)
        assert not changes or steps, "the diff shows what no step does"
    except HighwaterError as error:
        found = ("refused %s" % error.reason, error.message + "\n")
    assert found == (heading, text)
    assert snapshot(tmp_path) == before, "looking and planning never write"


def test_without_an_init_system_nothing_can_be_persistent(tmp_path):
    """Unsupported, so that on_unsupported decides: the role skips such a host."""
    host = Host(str(tmp_path))
    lay_out(host, "_zram0", {})
    shutil.rmtree(tmp_path / "run/systemd")
    states = resource.observe(host, DEFAULTS)
    with pytest.raises(Unsupported, match="write persistent: false") as caught:
        resource.resolve(DEFAULTS, states)
    assert caught.value.reason == "init"
    resource.resolve(dict(DEFAULTS, persistent=False), states)


def snapshot(root):
    """Every file below root with its bytes; links by their target."""
    files = [os.path.join(folder, file) for folder, _folders, names in os.walk(root) for file in names]
    return {path: os.readlink(path) if os.path.islink(path) else Path(path).read_bytes() for path in files}
