# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a swapfile keeps the type of its folder, where more of a label than its type is changed, or where a rule
that is there is made again.

Labels are attributes of a real file, by another name: without root and SELinux nobody may set the real one.
"""

from __future__ import annotations

import os
import re

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource, selinux

TELL = "tell SELinux that /swap/file is swapfile_t (so that a relabelling leaves it)"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(selinux, "ATTRIBUTE", "user.selinux")
    path = tmp_path / "file"
    path.write_text("")
    try:
        os.setxattr(str(path), "user.selinux", b"")
    except OSError:
        pytest.skip("no extended attributes here")
    os.removexattr(str(path), "user.selinux")
    return str(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b"system_u:object_r:swapfile_t:s0\0"),
        (b"unconfined_u:object_r:default_t:s0:c1,c2\0", b"unconfined_u:object_r:swapfile_t:s0:c1,c2\0"),
        (b"system_u:object_r:etc_runtime_t", b"system_u:object_r:swapfile_t\0"),
    ],
)
def test_label(file, before, after):
    if before:
        os.setxattr(file, "user.selinux", before)
    selinux.label(file)
    assert os.getxattr(file, "user.selinux") == after
    assert selinux.type_of(file) == "swapfile_t"


def test_type_of_what_has_no_label(file):
    assert selinux.type_of(file) is None


@pytest.mark.parametrize("path", ["/swapfile", "/var/my swap (1)/a+b.swap", "/a[b]$"])
def test_pattern_means_the_path_alone(path):
    assert re.fullmatch(selinux.pattern(path), path)
    assert not re.fullmatch(selinux.pattern(path), path.replace(".", "x") + "x")


def test_a_path_with_a_blank(tmp_path):
    """semanage refuses a blank in a file specification, escaped or not, and its file is split at blanks."""
    host = Host(str(tmp_path))
    *_words, pattern = selinux.rule("/var/my swap")
    assert pattern == r"/var/my\sswap"
    rules = pattern + "    --    system_u:object_r:swapfile_t:s0\n"
    host.install("/etc/selinux/targeted/contexts/files/file_contexts.local", rules)
    assert selinux.has_rule(host, "/var/my swap")


def test_has_rule(tmp_path):
    host = Host(str(tmp_path))
    assert not selinux.has_rule(host, "/swap.img")
    folder = tmp_path / "etc/selinux/mls/contexts/files"
    folder.mkdir(parents=True)
    (tmp_path / "etc/selinux/config").write_text("SELINUX=enforcing\nSELINUXTYPE=mls\n")
    (folder / "file_contexts.local").write_text(
        "# generated\n\n/swap\\.img -- system_u:object_r:swapfile_t:s0\n/other -- system_u:object_r:etc_t:s0\n"
    )
    assert selinux.has_rule(host, "/swap.img")
    assert not selinux.has_rule(host, "/swapximg")
    assert not selinux.has_rule(host, "/other")


def plan(state, params):
    return resource.plan(resource.resolve(params, (state,)), (state,))


def with_selinux(state, **changes):
    return state._replace(machine=state.machine._replace(selinux=True, **changes))


def test_a_new_file_has_its_type_from_its_first_byte(world):
    making = [step.action for step in plan(with_selinux(world.state()), world.params()) if step.does.startswith("make")]
    assert making[0].actions[0].labelled


def test_a_file_of_another_type_gets_it(world):
    steps = plan(with_selinux(world.settled_state(type="default_t")), world.params())
    assert [step.words() for step in steps] == ["give /swap/file the SELinux type swapfile_t (it is default_t)"]
    assert plan(with_selinux(world.settled_state(type="swapfile_t")), world.params()) == ()
    assert plan(world.settled_state(type="default_t"), world.params()) == ()


def test_a_relabelling_leaves_it_where_there_is_semanage(world):
    state = with_selinux(world.settled_state(type="swapfile_t"), semanage=True)
    assert TELL in [step.words() for step in plan(state, world.params())]
    told = state._replace(record=dict(world.ENTRY, selinux=True), has_rule=True)
    assert plan(told, world.params()) == ()
    gone = plan(told, world.params(state="absent"))
    assert "take the rule for /swap/file from SELinux (we made it)" in [step.words() for step in gone]
    theirs = plan(state._replace(has_rule=True), world.params(state="absent"))
    assert not [step for step in theirs if "SELinux" in step.does]
