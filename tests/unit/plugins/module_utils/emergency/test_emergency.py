# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether, where and how large. It would take a healthy host that is touched, a file in the wrong place, one that would
not fit and is swapped off, or a note or a list that stays behind, for these to fail."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import DEFAULT_HEADROOM, Memory
from ansible_collections.highwater.memory.plugins.module_utils.disk import filesystems as disks
from ansible_collections.highwater.memory.plugins.module_utils.emergency import resource
from ansible_collections.highwater.memory.plugins.module_utils.emergency.farewell import LIST, farewell
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import SwapHeader
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import state as files
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.filesystem import Filesystem
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.fstab import Table
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import DEFAULT_KEEP_FREE

MIB, GIB = 2**20, 2**30
PATH = "/srv/highwater-emergency.swap"
THEN = f"Emergency swap: 2 GiB on {PATH}, since yesterday UTC"
UUID = "00010203-0405-0607-0809-0a0b0c0d0e0f"
RAM = 4 * GIB

MEMINFO = """\
MemTotal: 4194304 kB
MemFree: 100000 kB
MemAvailable: %d kB
Committed_AS: 4000000 kB
CommitLimit: 2097152 kB
"""


def params(**changes):
    options = {
        "state": "present",
        "only_below": resource.DEFAULT_ONLY_BELOW,
        "size": resource.DEFAULT_SIZE,
        "keep_free": DEFAULT_KEEP_FREE,
        "headroom": DEFAULT_HEADROOM,
        "on_unsupported": "fail",
    }
    return dict(options, **changes)


def mounted(point, free, kind="ext4", writable=True, source="/dev/vdb"):
    return disks.Filesystem(point, source, kind, hash(point), 20 * GIB, free, 1000, 900, writable)


def memory(available, areas=()):
    return Memory(RAM, available, 4 * GIB, 8 * GIB, False, tuple(areas))


def file_state(mem, found=True, free=10 * GIB, used=0, priority=-2):
    """The swapfile as module swapfile sees it: 2 GiB and on, or not there."""
    size = 2 * GIB
    there = {
        "found": files.Found("file", 0o600, 0, 0, size, size, 12),
        "header": SwapHeader(size, UUID, ""),
        "generation": 3,
        "record": {
            "before": {"file": False, "active": False, "fstab": [], "missing": False, "last": None},
            "folders": [],
            "generation": 3,
            "inode": 12,
            "label": "",
            "on": {"boot_id": "boot", "discard": "none"},
            "sizes": {"size": {"expression": resource.DEFAULT_SIZE, "ram": RAM, "bytes": size}},
            "uuid": UUID,
        },
        "area": SwapArea(PATH, "file", size - 4096, used, priority),
    }
    bare = files.State(
        PATH,
        files.Machine(mem, "", "boot", True, 4096, 2),
        {},
        folders=(files.Folder("/", 0o755, 0, 0), files.Folder("/srv", 0o755, 0, 0)),
        filesystem=Filesystem("ext4", "/srv", 20 * GIB, free),
        table=Table("", PATH, ("UUID=" + UUID,)),
        area=None,
        bridge_area=None,
    )
    return bare._replace(**there) if found else bare


def state(available=100 * MIB, on=False, note=None, list=None, systemd=True, used=0, priority=-2):
    areas = (SwapArea(PATH, "file", 2 * GIB - 4096, used, priority),) if on else ()
    mem = memory(available, areas)
    file = file_state(mem, on, used=used, priority=priority)
    there = (PATH,) if on else ()
    return resource.State(mem, 2, (mounted("/srv", 10 * GIB),), there, (file,), note, list, systemd)


def steps(options, found):
    return resource.plan(resource.resolve(options, found), found)


def words(options, found):
    return [step.words() for step in steps(options, found)]


def test_swap_with_a_note_and_a_list_that_come_first():
    found = state()
    planned = words(params(), found)
    assert planned[0] == f"write {resource.NOTE} (so that people see at login how to take it back)"
    assert planned[1] == f"write {LIST} (so that the next boot leaves nothing)"
    assert planned[3] == f"make {PATH} with 2 GiB and format it as swap (it is missing)"
    assert planned[-1] == f"swap on {PATH} (it is off)"  # by the kernel's choice: below what is on
    assert [step for step in planned if "fstab" in step] == []  # for tonight only
    assert all(step.undo for step in steps(params(), found))


def test_without_systemd_nothing_reads_a_list_and_the_note_says_that_the_file_stays():
    planned = steps(params(), state(systemd=False))
    assert [step for step in planned if LIST in step.does] == []
    assert "until the next boot (which leaves the file)" in planned[0].action.text
    assert LIST not in planned[0].action.text


def test_a_note_of_another_file_is_written_anew():
    """Fails where people read at login how to take back a file that was given up, and not the one that is there."""
    old = THEN.replace(PATH, "/srv" + PATH)
    first = steps(params(), state(note=old, list="old"))[0]
    assert first.does == "write " + resource.NOTE
    assert " on %s, since" % PATH in first.action.text
    assert first.undo[0].text == old


@pytest.mark.parametrize("priority", [-2, -3, 0, 5])
def test_what_is_on_is_left_alone_and_the_note_keeps_its_hour(priority):
    """At whatever priority: to change that it would have to be swapped off, with memory as it is."""
    found = state(on=True, priority=priority, note=THEN, list=farewell(PATH))
    assert words(params(), found) == []
    assert words(params(), found._replace(note=None))[0].startswith("write " + resource.NOTE)


def test_what_is_on_keeps_its_size_while_memory_suffices_and_follows_where_it_does_not():
    def on(available):
        return state(available=available, on=True, note=THEN, list=farewell(PATH))

    assert words(params(size="3GiB"), on(GIB)) == []
    assert any("make" in step and "3 GiB" in step for step in words(params(size="3GiB"), on(100 * MIB)))
    literal = on(GIB)
    literal = literal._replace(files=(literal.files[0]._replace(record=dict(literal.files[0].record, sizes={})),))
    assert words(params(), literal) == []


def test_a_healthy_host_gets_none():
    found = state(available=GIB)._replace(files=())
    assert words(params(), found) == []
    told = resource.result(resource.resolve(params(), found), found)
    assert (told["below"], told["swapfile"], told["take_back"], told["note"]) == (False, None, [], None)
    assert told["only_below"] == RAM // 10
    assert told["most_room"] == {"mount_point": "/srv", "free": 10 * GIB}


def test_absent_takes_all_of_it_away_the_swap_first():
    planned = words(params(state="absent"), state(available=GIB, on=True, note="x", list="x"))
    assert planned[0].startswith(f"swap off {PATH}")
    assert planned[-2:] == [
        f"remove {resource.NOTE} (there is no emergency swap any more)",
        f"remove {LIST} (there is no emergency swap any more)",
    ]


def test_what_stays_on_keeps_its_note_and_its_list():
    """As where the record was lost, so that it counts as swap that was there before us."""
    options = {"path": PATH, "state": "absent", "apply": "now", "persistent": True, "headroom": DEFAULT_HEADROOM}
    found = file_state(memory(GIB, [SwapArea(PATH, "file", 2 * GIB - 4096, 0, -2)]))
    before = dict(found.record["before"], file=True, active=True)
    found = found._replace(record=dict(found.record, before=before))
    options["path"] = "all"
    planned = resource.swapfile.plan(resource.swapfile.resolve(options, (found,)), (found,))
    assert not any(step.does.startswith("remove") for step in planned)


def test_no_word_of_snapshots_for_swap_that_is_for_tonight():
    found = state()
    file = found.files[0]._replace(filesystem=Filesystem("btrfs", "/srv", 20 * GIB, 10 * GIB, devices=1, shared=True))
    found = found._replace(files=(file,))
    assert resource.warnings(resource.resolve(params(), found), found) == []


def test_absent_removes_no_list_that_is_not_there():
    planned = words(params(state="absent"), state(available=GIB, on=True, note="x"))
    assert planned[-1] == f"remove {resource.NOTE} (there is no emergency swap any more)"
    assert not any(LIST in step for step in planned)


@pytest.mark.parametrize("path", ["all", PATH])
def test_module_swapfile_leaves_no_note_and_no_list_either(path, tmp_path):
    """As role swapfile and playbook remove take it back: fails where people read of swap that there is no more."""
    options = {"path": path, "state": "absent", "apply": "now", "persistent": True, "headroom": DEFAULT_HEADROOM}
    found = file_state(memory(GIB, [SwapArea(PATH, "file", 2 * GIB - 4096, 0, -2)]))
    machine = Host(str(tmp_path))
    for text in (resource.NOTE, LIST):
        machine.install(text, "x")
    for step in resource.swapfile.plan(resource.swapfile.resolve(options, (found,)), (found,)):
        if step.does in (f"remove {resource.NOTE}", f"remove {LIST}"):
            step.action.perform(machine)
    assert not machine.exists(resource.NOTE)
    assert not machine.exists(LIST)
    nothing = file_state(memory(GIB), found=False)
    assert resource.swapfile.plan(resource.swapfile.resolve(options, (nothing,)), (nothing,)) == ()


def test_absent_is_refused_with_figures_where_the_pages_would_not_fit():
    found = state(available=300 * MIB, on=True, note="x", list="x", used=200 * MIB)
    with pytest.raises(HighwaterError) as caught:
        words(params(state="absent"), found)
    assert caught.value.reason == "headroom"
    assert "would bring 200 MiB back and leave 100 MiB" in caught.value.message
    assert caught.value.message.endswith(": free memory first, or lower headroom")  # options that there are
    assert words(params(state="absent", headroom="64MiB"), found)


@pytest.mark.parametrize("option", ["only_below", "size", "keep_free", "headroom"])
def test_a_size_that_cannot_be_read_names_its_option(option):
    with pytest.raises(HighwaterError) as caught:
        words(params(**{option: "lots"}), state(on=option == "headroom", used=1))
    assert caught.value.message.startswith(option + ": ")


@pytest.mark.parametrize("option", ["only_below", "size", "keep_free", "headroom"])
def test_so_it_does_on_a_host_that_has_enough_where_it_is_tried_beforehand(option):
    with pytest.raises(HighwaterError) as caught:
        words(params(**{option: "lots"}), state(available=GIB)._replace(files=()))
    assert caught.value.message.startswith(option + ": lots has the unknown name lots")


@pytest.mark.parametrize("filesystems", [(), (mounted("/srv", 0),)])
def test_a_healthy_host_is_left_alone_whatever_its_disks(filesystems):
    assert words(params(), state(available=GIB)._replace(files=(), filesystems=filesystems)) == []
    assert words(params(size="auto"), state(available=GIB)._replace(files=(), filesystems=filesystems)) == []


def test_a_disk_without_room_is_refused_with_figures():
    found = state()
    found = found._replace(files=(file_state(found.memory, found=False, free=300 * MIB),))
    with pytest.raises(HighwaterError) as caught:
        words(params(size="1GiB"), found)
    assert caught.value.reason == "disk"


# -- what is observed ------------------------------------------------------------------------------------------------


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host of which only the memory is written down; its disks are told, since a test cannot mount some."""

    def make(available, *mounts):
        (tmp_path / "proc").mkdir(exist_ok=True)
        (tmp_path / "proc/meminfo").write_text(MEMINFO % (available // 1024))
        (tmp_path / "proc/swaps").write_text("Filename Type Size Used Priority\n")
        monkeypatch.setattr(resource, "filesystems", lambda _host: list(mounts))
        return Host(root=str(tmp_path))

    return make


def test_a_healthy_host_is_not_even_looked_at_by_swapfile(host, monkeypatch):
    monkeypatch.setattr(resource.swapfile, "observe", None)
    found = resource.observe(host(GIB, mounted("/srv", GIB)), params())
    assert found.files == ()


def test_the_filesystem_with_the_most_room_that_can_hold_swap(host, monkeypatch):
    asked = []
    monkeypatch.setattr(resource.swapfile, "observe", lambda _host, options: asked.append(options["path"]) or ())
    mounts = (
        mounted("/", 2 * GIB),
        mounted("/boot/efi", 90 * GIB, kind="vfat"),
        mounted("/cdrom", 80 * GIB, writable=False),
        mounted("/fast", 70 * GIB, source="/dev/zram1"),  # memory itself
        mounted("/srv", 10 * GIB),
    )
    resource.observe(host(100 * MIB, *mounts), params())
    assert asked == [PATH]


def test_what_is_half_written_is_gone_on_with_where_it_is(host, monkeypatch, tmp_path):
    """Between two calls memory has become more, and by what is written the room less than elsewhere; fails where the
    draft is left lying, or another is begun.
    """
    asked = []
    monkeypatch.setattr(resource.swapfile, "observe", lambda _host, options: asked.append(options["path"]) or ())
    (tmp_path / "srv").mkdir()
    (tmp_path / files.draft_path(PATH).lstrip("/")).touch()
    machine = host(GIB, mounted("/data", 10 * GIB), mounted("/srv", 9 * GIB))
    resource.observe(machine, params())
    assert asked == []  # an earlier boot's is not this run's
    machine.install(resource.NOTE, "Emergency swap")
    resource.observe(machine, params())
    assert asked == [PATH]


@pytest.mark.parametrize(
    "unfit",
    [
        {"folders": (files.Folder("/", 0o755, 0, 0), files.Folder("/srv", 0o755, 999, 999))},  # a database's own disk
        {"folders": (files.Folder("/", 0o755, 0, 0), files.Folder("/srv", 0o1777, 0, 0))},
        {"filesystem": Filesystem("btrfs", "/srv", 20 * GIB, 10 * GIB, devices=2)},
    ],
)
def test_the_next_best_where_the_filesystem_with_the_most_room_cannot_have_it(host, monkeypatch, unfit):
    machine = host(100 * MIB, mounted("/srv", 10 * GIB), mounted("/", 5 * GIB))
    fit = file_state(memory(100 * MIB), found=False)

    def observe(_host, options):
        if options["path"] == PATH:
            return (fit._replace(**unfit),)
        assert options["path"] == "/highwater-emergency.swap"
        there = files.State("/highwater-emergency.swap", fit.machine, {}, folders=fit.folders[:1])
        return (there._replace(filesystem=Filesystem("ext4", "/", 20 * GIB, 5 * GIB), table=fit.table),)

    monkeypatch.setattr(resource.swapfile, "observe", observe)
    found = resource.observe(machine, params())
    told = resource.result(resource.resolve(params(), found), found)
    assert found.files[0].path == "/highwater-emergency.swap"
    assert told["most_room"]["mount_point"] == "/"
    assert any("make /highwater-emergency.swap" in step for step in words(params(), found))


def test_where_none_can_have_it_the_one_with_the_most_room_says_why(host, monkeypatch):
    fit = file_state(memory(100 * MIB), found=False)
    own = (files.Folder("/", 0o755, 0, 0), files.Folder("/srv", 0o755, 999, 999))
    monkeypatch.setattr(
        resource.swapfile, "observe", lambda _host, options: (fit._replace(path=options["path"], folders=own),)
    )
    found = resource.observe(host(100 * MIB, mounted("/srv", 10 * GIB), mounted("/home", 5 * GIB)), params())
    with pytest.raises(HighwaterError, match="path: " + PATH) as caught:
        resource.resolve(params(), found)
    assert caught.value.reason == "folder"


def test_no_filesystem_at_all(host):
    with pytest.raises(Unsupported) as caught:
        resource.observe(host(100 * MIB, mounted("/", GIB, kind="tmpfs")), params())
    assert caught.value.reason == "filesystem"


def test_absent_finds_a_file_by_its_name_without_any_record(host, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(resource.swapfile, "observe", lambda _host, options: asked.append(options["path"]) or ())
    (tmp_path / "srv").mkdir()
    (tmp_path / PATH.lstrip("/")).touch()
    found = resource.observe(host(GIB, mounted("/", GIB), mounted("/srv", GIB)), params(state="absent"))
    assert found.paths == (PATH,)
    assert asked == [PATH]


# -- what the next boot removes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/mnt/*/x", "/mnt/a?b", "/mnt/[a]", "/mnt/a\\b", '/mnt/a"b', "/mnt/a\nb"])
def test_no_list_where_a_path_could_be_read_as_a_glob(path):
    assert farewell(path) is None


@pytest.mark.skipif(not shutil.which("systemd-tmpfiles"), reason="systemd-tmpfiles is not here")
@pytest.mark.parametrize("name", ["highwater-emergency.swap", "a disk/50% full/highwater-emergency.swap", "it's/ä"])
def test_systemd_reads_the_list_as_it_is_meant(tmp_path, name):
    """Only what is named goes, and only at a boot; --prefix keeps that in the test's folder."""
    meant, other = tmp_path / name, tmp_path / "other"
    meant.parent.mkdir(parents=True, exist_ok=True)
    for path in (meant, other):
        path.touch()
    command = ["systemd-tmpfiles", "--remove", f"--prefix={tmp_path}"]
    conf = tmp_path / "list.conf"
    conf.write_text(farewell(str(meant)))
    subprocess.run([*command, str(conf)], check=True)
    assert meant.exists()
    subprocess.run([*command, "--boot", str(conf)], check=True)
    assert not meant.exists()
    assert other.exists()
