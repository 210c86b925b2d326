# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where bad input is taken or refused in other words, where anything is dropped though memory is there, and where
a command line does not mean the options that it was made of."""

from __future__ import annotations

import os
import shutil

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.page_cache import command
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.arguments import ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.request import kernel_devices
from hypothesis import given
from hypothesis import strategies as st

from .conftest import PAGE, cached, purge, write

MEMINFO = """\
MemTotal:        1000000 kB
MemAvailable:     400000 kB
Buffers:           10000 kB
Cached:           300000 kB
Dirty:              5000 kB
Writeback:          1000 kB
Mapped:            20000 kB
Shmem:             50000 kB
SReclaimable:      70000 kB
"""
KIB = 1024


@pytest.fixture
def machine(tmp_path):
    """A host of samples: what drop_caches is written can be read there."""
    for path, text in (
        ("proc/meminfo", MEMINFO),
        ("proc/sys/vm/drop_caches", ""),
        ("sys/devices/system/cpu/online", "0-1\n"),
        ("proc/self/mountinfo", ""),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return Host(str(tmp_path))


@pytest.mark.parametrize(
    ("paths", "options", "says"),
    [
        ((), {}, "paths: none is given, and scope is files"),
        (("/",), {}, "paths: / is the whole machine"),
        (("//",), {}, "paths: / is the whole machine"),
        (("/usr/..",), {}, "paths: / is the whole machine"),
        (("/proc",), {}, "paths: /proc belongs to the kernel"),
        (("/proc/self/root/etc",), {}, "paths: /proc/self/root/etc"),
        (("/sys/kernel",), {}, "paths: /sys/kernel belongs to the kernel"),
        (("/dev/../dev",), {}, "paths: /dev belongs to the kernel"),
        (("srv",), {}, "paths: srv is not absolute"),
        (("/nowhere/at/all",), {}, "paths: /nowhere/at/all is not there"),
        (("/dev/null",), {}, "paths: /dev/null belongs to the kernel"),
        (("/srv",), {"scope": "all"}, "scope: all is about the whole machine, and paths about files"),
        (("/srv",), {"scope": "pagecache", "force": True}, "scope: pagecache is about the whole machine, and paths"),
        ((), {"scope": "slab", "min_size": "1MiB"}, "scope: slab is about the whole machine, and min_size about files"),
        ((), {"scope": "all"}, "scope: all drops every clean page, inode and name of the whole machine"),
        (("/srv",), {"min_size": "3"}, "min_size: 3 has no unit"),
        (("/srv",), {"keep_tail": "-1MiB"}, "keep_tail: -1MiB is negative"),
        (("/srv",), {"min_cached": "lots"}, "min_cached: lots has the unknown name lots"),
        (("/srv",), {"older_than": "5"}, "older_than: 5 is no age"),
        (("/srv",), {"only_below": "50"}, "only_below: 50 has no unit"),
    ],
)
def test_bad_input(machine, paths, options, says):
    if paths == ("/proc/self/root/etc",):
        says = "paths: "  # it is /etc by another name, which is fine: it must not count as the kernel's
        purge(*paths, check_mode=True, only_below="0B")
        return
    with pytest.raises(HighwaterError) as error:
        purge(*paths, host=machine, **options)
    assert error.value.message.startswith(says)
    assert machine.read("/proc/sys/vm/drop_caches") == ""


def test_links_and_other_things_are_refused_and_a_glob_is_a_warning(disk):
    target = write(disk / "target")
    os.symlink(target, disk / "link")
    os.mkfifo(disk / "fifo")
    with pytest.raises(HighwaterError, match="is a symbolic link, which is not followed: name what it points to"):
        purge(disk / "link")
    with pytest.raises(HighwaterError, match="is neither a file nor a folder"):
        purge(disk / "fifo")
    assert cached(target) == 16 * PAGE
    done = purge(disk / "no*", disk / "*")
    assert done["warnings"] == ["paths: %s/no* matches no file and no folder" % disk]
    assert [row["path"] for row in done["paths"]] == [str(target)]
    literal = write(disk / "a[1]*")
    assert [row["path"] for row in purge(literal)["paths"]] == [str(literal)], "what is there is meant literally"


def test_nothing_is_done_while_memory_is_there(disk):
    path = write(disk / "a")
    done = purge(disk, only_below="1B")
    assert (cached(path), done["changed"], done["file_count"], done["paths"]) == (16 * PAGE, False, 0, [])
    assert done["msg"].startswith("nothing to do: ")
    assert purge(disk, only_below="ram")["changed"]


@pytest.mark.parametrize(
    ("scope", "value", "held"), [("pagecache", "1", 260000), ("slab", "2", 70000), ("all", "3", 330000)]
)
def test_the_whole_machine_by_drop_caches(machine, scope, value, held):
    """A folder of samples, since a real one would slow everybody down; the lab does it for real."""
    done = purge(scope=scope, host=machine, force=True, sync=False, check_mode=True)
    assert machine.read("/proc/sys/vm/drop_caches") == ""
    assert done["bytes_cached_before"] == held * KIB
    assert done["bytes_evicted"] == (held - (0 if scope == "slab" else 26000)) * KIB
    assert done["counted_by"] == "meminfo"
    purge(scope=scope, host=machine, force=True, sync=False)
    assert machine.read("/proc/sys/vm/drop_caches") == value


def test_where_drop_caches_cannot_be_written(machine):
    os.unlink(machine.path("/proc/sys/vm/drop_caches"))
    with pytest.raises(Unsupported, match="scope: pagecache: /proc/sys/vm/drop_caches cannot be written here") as error:
        purge(scope="pagecache", host=machine, sync=False)
    assert error.value.reason == "container"


def test_filesystems_of_the_kernel_are_known_by_their_numbers():
    """Of this very machine: a walk that leaves its filesystem must not come into one of these."""
    devices = kernel_devices(Host())
    assert os.stat("/proc/self").st_dev in devices
    assert os.stat("/").st_dev not in devices


def test_what_is_mounted_from_the_kernel_is_refused_by_its_name_and_left_out_of_a_glob(disk, tmp_path):
    """Fails where a named path on a filesystem of the kernel is walked, or a glob's match there. The host's list of
    mounts says that the disk's own is one, so that none has to be mounted; tests/integration mounts a real one.
    """
    inside = write(disk / "proc" / "file")
    device = os.stat(disk).st_dev
    mount = "21 1 %d:%d / %s rw - proc proc rw\n" % (os.major(device), os.minor(device), disk)
    for path, text in (("self/mountinfo", mount), ("meminfo", MEMINFO)):
        (tmp_path / "proc" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc" / path).write_text(text)
    host = Host(str(tmp_path))
    for path in (disk / "proc", inside):
        with pytest.raises(HighwaterError) as error:
            purge(path, host=host)
        assert error.value.message == (
            "paths: %s is on a filesystem of the kernel's and has no page cache: name files or folders of a disk" % path
        )
    done = purge(disk / "*", host=host)
    assert (done["file_count"], done["paths"]) == (0, [])
    assert done["warnings"] == ["paths: %s/* matches no file and no folder" % disk]
    assert cached(inside) == 16 * PAGE


values = st.text(st.characters(blacklist_characters="\0"), min_size=1, max_size=12)
options = st.fixed_dictionaries(
    {},
    optional={
        name: st.booleans()
        if spec["type"] == "bool"
        else st.lists(values, min_size=1, max_size=3)
        if spec["type"] == "list"
        else st.sampled_from(spec["choices"])
        if "choices" in spec
        else values
        for name, spec in ARGUMENTS.items()
    },
)


@given(options)
def test_a_command_line_means_the_options_that_it_was_made_of(asked):
    name, *words = command.words_of(asked)
    assert name == command.NAME
    parsed = vars(command.parser().parse_args(words))
    assert not parsed.pop("check")
    for option, spec in ARGUMENTS.items():
        wanted = asked.get(option, spec.get("default"))
        assert (parsed[option] or None) == (wanted or None), option


def test_the_command_tells_its_figures_in_a_line(disk, capsys):
    write(disk / "a b")
    assert command.purge_command(["--", str(disk)]) == 0
    assert capsys.readouterr().out.startswith("dropped 64 KiB of 64 KiB in the page cache, 1 file, ")
    assert command.purge_command(["--check", "--include=*x", str(disk)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("would drop 0 B of 0 B in the page cache, 0 files, ")
    assert told.err == "include: *x matches no file below %s\n" % disk
    shutil.rmtree(disk)
    with pytest.raises(HighwaterError, match="is not there"):
        command.purge_command([str(disk)])
