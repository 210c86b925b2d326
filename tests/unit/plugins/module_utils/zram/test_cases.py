# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine in, the plan in words out: each file of cases/ is one state of a machine, as a person can read it.

    -- include NAME --       all of another case but what is asked and expected
    -- options --            options of the module, as JSON
    -- /a/path --            a file of the machine; "-- no /a/path --" one that is not there after all
    -- link /a/path --       a symbolic link, to what the next line says
    -- swap header /a/path   a device that holds a swap area
    -- plan --               the steps expected, exactly and in order; empty for a converged machine
    -- refused REASON --     or the sentence expected

Fails where a state of that kind is met with other steps, in another order, or is not left alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import DEFAULT_HEADROOM
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import PAGE

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.txt") if not path.stem.startswith("_"))
DEFAULTS = {
    "name": "zram0", "state": "present", "size": None, "algorithm": None, "priority": None, "mem_limit": None,
    "discard": True, "fstype": "swap", "headroom": DEFAULT_HEADROOM, "persistent": True, "apply": "now",
}  # fmt: skip


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
        elif word == "no":
            host.remove(path)
        elif word == "swap header":
            host.install(path, "\0" * (PAGE - 10) + "SWAPSPACE2")
        elif word == "folder":
            host.make_folder(path)
        elif heading.startswith("/"):
            host.install(heading, text)
        else:
            expected[heading] = text


@pytest.mark.parametrize("name", NAMES)
def test_case(tmp_path, name):
    host, case = Host(str(tmp_path)), {}
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


def test_without_systemd_nothing_can_be_persistent(tmp_path):
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
