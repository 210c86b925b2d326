# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where bad input gets through, where an error does not name the option, value and way out, or where a size
that was computed once moves."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import crypttab, resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_file
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.resume import Resume
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import auto_size, resolve_present

GIB = 1 << 30
MIB = 1 << 20


@pytest.mark.parametrize(
    ("ram", "free", "expected"),
    [
        (100 * MIB, 100 * GIB, 256 * MIB),
        (int(1.99 * GIB), 100 * GIB, 2037 * MIB),
        (4 * GIB, 100 * GIB, 4 * GIB),
        (15 * GIB, 100 * GIB, 4 * GIB),
        (16 * GIB, 100 * GIB, 4 * GIB),
        (64 * GIB, 100 * GIB, 8 * GIB),
        (1024 * GIB, 1000 * GIB, 32 * GIB),
        (8 * GIB, 8 * GIB, 2 * GIB),
        (8 * GIB, 100 * MIB, 256 * MIB),
    ],
)
def test_auto_size(ram, free, expected):
    assert auto_size(ram, free) == expected


def test_what_was_computed_stays(world):
    params = world.params(size="disk_free / 10")
    first = resolve_present(params, world.state(disk=5 * GIB))
    state = world.state(disk=4 * GIB, record=dict(world.ENTRY, sizes=first.sizes))
    assert resolve_present(params, state).size == first.size == GIB // 2
    assert resolve_present(world.params(size="disk_free / 8"), state).size == GIB // 2
    assert resolve_present(world.params(size="disk_free / 16"), state).size == GIB // 4


def test_what_was_computed_is_in_whole_pages_of_another_kernel(world):
    """Fails where a kernel with larger pages than the one that it was settled on finds another size after each run."""
    kept = 300 * MIB + 4096
    record = dict(world.ENTRY, sizes={"size": world.settled("ram / 2", 2 * world.GIB, kept)})
    state = world.settled_state(found=world.found(300 * MIB + 65536), record=record)
    state = state._replace(machine=state.machine._replace(page=65536), header=world.header(300 * MIB + 65536))
    (spec,) = resource.resolve(world.params(size="ram / 2"), (state,))
    assert spec.size == 300 * MIB + 65536
    assert resource.plan((spec,), (state,)) == ()


def test_a_literal_is_exact_but_for_whole_pages(world):
    assert resolve_present(world.params(size="2MB"), world.state()).size == 2002944


def test_own_blocks_count_as_free(world):
    state = world.settled_state(disk=GIB // 2)
    assert resolve_present(world.params(size="disk_free"), state).size == GIB


BAD = [
    ({"size": "512"}, "size: 512 ", "512MiB"),
    ({"size": "-1GiB"}, "size: -1GiB ", "above 0"),
    ({"size": "ram / 0"}, "size: ram / 0 ", "not 0"),
    ({"size": "4kB"}, "size: 4kB ", "1MiB"),
    ({"size": "nonsense"}, "size: nonsense ", "disk_free"),
    ({"priority": 40000}, "priority: 40000 ", "32767"),
    ({"priority": -1}, "priority: -1 ", "32767"),
    ({"label": "sixteen bytes ab"}, "label: 'sixteen bytes ab' ", "15"),
    ({"keep_free": "1"}, "keep_free: 1 ", "1MiB"),
    ({"headroom": "ram ram"}, "headroom: ram ram ", "+"),
]


@pytest.mark.parametrize(("options", "begins", "names"), BAD)
def test_bad_options(world, options, begins, names):
    with pytest.raises(HighwaterError) as caught:
        resolve_present(world.params(**options), world.state())
    assert caught.value.message.startswith(begins)
    assert names in caught.value.message


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("swapfile", "from the root"),
        ("", "from the root"),
        ("/", "/swapfile"),
        ("/a/../b", "/b"),
        ("//swapfile", "/swapfile"),
        ("/swap/", "/swap"),
        ("/swap\nfile", "another name"),
    ],
)
def test_bad_paths(world, path, names, tmp_path):
    with pytest.raises(HighwaterError) as caught:
        resource.observe(Host(str(tmp_path)), world.params(path=path))
    assert caught.value.message.startswith("path: ")
    assert names in caught.value.message


STRANGERS = [
    (lambda w: {"found": w.found(kind="link")}, "symbolic link", "not_a_file"),
    (lambda w: {"found": w.found(kind="folder")}, "folder", "not_a_file"),
    (lambda w: {"found": w.found(kind="other")}, "device", "not_a_file"),
    (lambda w: {"found": w.found()}, "somebody's file of 512 MiB", "not_swap"),
    (lambda w: {"found": w.found(), "record": dict(w.ENTRY, inode=13)}, "somebody's file", "not_swap"),
    (lambda w: {"found": w.found(), "hibernated": True}, "hibernated", "hibernation"),
    (lambda w: {"folders": (w.folder(link=True),)}, "/swap", "symlink"),
]


BY_TAG = "UUID=00010203-0405-0607-0809-0a0b0c0d0e0f none swap sw 0 0\n"


@pytest.mark.parametrize("wanted", ["present", "absent", "disabled"])
@pytest.mark.parametrize("listed", ["", "ours", "by its UUID"])
@pytest.mark.parametrize(("changes", "names", "reason"), STRANGERS)
def test_strangers(world, wanted, listed, changes, names, reason):
    """Fails where a line of fstab, ours from the file that was there before perhaps, makes up for what the file is."""
    fstab = {"": "", "ours": world.OURS, "by its UUID": BY_TAG}[listed]
    with pytest.raises(HighwaterError) as caught:
        resource.resolve(world.params(state=wanted), (world.state(fstab=fstab, **changes(world)),))
    assert names in caught.value.message
    assert caught.value.reason == reason


def test_all_leaves_a_file_that_took_the_place_of_ours(world):
    """Fails where our own line in fstab makes it ours again when all is taken back."""
    state = world.state(found=world.found(inode=99), fstab=world.OURS, record=world.ENTRY)
    with pytest.raises(HighwaterError, match="somebody's file"):
        resource.resolve(world.params(path="all", state="absent"), (state,))


@pytest.mark.parametrize("wanted", ["present", "absent"])
def test_noise_under_our_line_of_crypttab_that_is_not_our_file(world, wanted):
    """Fails where the line that was written for our file makes another one ours."""
    crypt = crypttab.Table(crypttab.make_line(world.PATH, True), world.PATH)
    state = world.state(found=world.found(inode=99), fstab=world.OURS, record=world.ENTRY, crypt=crypt)
    with pytest.raises(HighwaterError, match="somebody's file"):
        resource.resolve(world.params(state=wanted), (state,))


@pytest.mark.parametrize("wanted", ["present", "absent", "disabled"])
def test_zeros_that_fstab_has_as_swap(world, wanted):
    """Fails where a swapfile that was never formatted, in which nothing can be lost, is refused."""
    state = world.state(found=world.found(), blank=True, fstab=world.OURS)
    resource.resolve(world.params(state=wanted), (state,))


def test_zeros_that_our_record_tells_of(world):
    """Of a first run that was cut off between the rename of its file and the note of which file that is: fails where
    absent, and with it path: all, is refused on such a host.
    """
    record = {key: value for key, value in world.ENTRY.items() if key not in ("inode", "generation")}
    state = world.state(found=world.found(), blank=True, record=record)
    resource.resolve(world.params(state="absent"), (state,))
    with pytest.raises(HighwaterError, match="somebody's file"):
        resource.resolve(world.params(state="absent"), (state._replace(blank=False),))


@pytest.mark.parametrize(("found", "blank"), [(b"", True), (b"data", False)])
def test_what_fstab_names_is_looked_into(tmp_path, world, found, blank):
    """Fails where a line of fstab saves the look whether the file holds nothing but zeros."""
    host = Host(str(tmp_path))
    host.install("/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    (tmp_path / "swap").mkdir()
    (tmp_path / "swap/file").write_bytes(bytes(MIB) + found)
    assert observe_file(host, world.machine(fstab=world.OURS), world.PATH).blank is blank


def test_zeros_may_become_swap_but_are_not_removed(world):
    state = world.state(found=world.found(), blank=True)
    resource.resolve(world.params(), (state,))
    with pytest.raises(HighwaterError, match="somebody's file"):
        resource.resolve(world.params(state="absent"), (state,))
    ours = state._replace(record=world.ENTRY, generation=world.ENTRY["generation"])
    resource.resolve(world.params(state="absent"), (ours,))


@pytest.mark.parametrize("fstab", ["", "/swap/file none swap sw,pri=10,nofail 0 0\n"])
def test_another_file_that_got_the_inode_of_ours_is_not_ours(world, fstab):
    """ext4 gives the number of a file that was removed to the next one at once."""
    record, generation = world.ENTRY, world.ENTRY["generation"] + 1
    data = world.state(found=world.found(), record=record, generation=generation, fstab=fstab)
    for options in ({}, {"state": "absent"}):
        with pytest.raises(HighwaterError, match="somebody's file"):
            resource.resolve(world.params(**options), (data,))


LUKS = "data /swap/file none luks\n"


@pytest.mark.parametrize("wanted", ["present", "absent", "disabled"])
@pytest.mark.parametrize("there", [{}, {"blank": True}, {"header": True}, {"ours": True}])
def test_the_file_of_a_device_that_is_not_swap(world, wanted, there):
    """Fails where the line of crypttab that names the file for something else is taken for proof that it is swap, or
    where anything else is: that line would open it at the next boot.
    """
    state = world.state(found=world.found(), crypt=crypttab.Table(LUKS, world.PATH), blank="blank" in there)
    if "header" in there:
        state = state._replace(header=world.header())
    if "ours" in there:
        state = state._replace(record=world.ENTRY, generation=world.ENTRY["generation"])
    with pytest.raises(HighwaterError, match=r"^path: /swap/file is what 'data' in /etc/crypttab is made of") as caught:
        resource.resolve(world.params(state=wanted), (state,))
    assert caught.value.reason == "not_swap"


def test_a_file_that_is_written_in_another_way(world):
    """Fails where the sentence is about the name, though it is the file that is taken."""
    state = world.state(found=world.found(), crypt=crypttab.Table("data //swap/./file none luks\n", world.PATH))
    with pytest.raises(HighwaterError, match="is what 'data' in /etc/crypttab is made of"):
        resource.resolve(world.params(), (state,))


def test_no_file_is_made_for_a_device_that_is_not_swap(world):
    """Fails where a new file is put there, or where what is absent anyway is refused."""
    state = world.state(crypt=crypttab.Table(LUKS, world.PATH))
    with pytest.raises(HighwaterError, match="'data' in /etc/crypttab"):
        resource.resolve(world.params(), (state,))
    assert resource.plan(resource.resolve(world.params(state="absent"), (state,)), (state,)) == ()


@pytest.mark.parametrize("wanted", ["present", "absent", "disabled"])
def test_what_crypttab_formats_as_swap_at_each_boot_is_swap(world, wanted):
    """Fails where noise that is swap by its line is refused: an encrypted swapfile that is off looks like that."""
    line = "cryptswap1 /swap/file /dev/urandom swap\n"
    state = world.state(found=world.found(), crypt=crypttab.Table(line, world.PATH))
    resource.resolve(world.params(state=wanted), (state,))


@pytest.mark.parametrize(
    "folder",
    [
        {"mode": 0o777},
        {"mode": 0o1777},
        {"mode": 0o775, "gid": 50},
        {"mode": 0o775, "acl": True},
        {"uid": 1000},
        {"mode": 0o757},
    ],
)
def test_folders_of_others(world, folder):
    with pytest.raises(HighwaterError) as caught:
        resolve_present(world.params(), world.state(folders=(world.folder(**folder),)))
    assert caught.value.reason == "folder"


@pytest.mark.parametrize("folder", [{"mode": 0o775}, {"mode": 0o700}])
def test_folders_that_are_roots_alone(world, folder):
    assert resolve_present(world.params(), world.state(folders=(world.folder(**folder),))).size


def test_a_sticky_folder_further_up_is_safe(world):
    folders = (world.folder(path="/tmp", mode=0o1777), world.folder(path="/tmp/mine"))
    assert resolve_present(world.params(), world.state(folders=folders)).size


def test_a_tmpfs_is_called_one_although_everybody_can_write_there(world):
    with pytest.raises(HighwaterError) as caught:
        resolve_present(world.params(), world.state(kind="tmpfs", folders=(world.folder(mode=0o1777),)))
    assert caught.value.reason == "filesystem"


def test_absent_takes_nothing_out_of_folders_of_others(world):
    ours = world.settled_state(folders=(world.folder(mode=0o1777),))
    with pytest.raises(HighwaterError) as caught:
        resource.resolve(world.params(state="absent"), (ours,))
    assert caught.value.reason == "folder"
    resource.resolve(world.params(state="absent"), (world.state(folders=(world.folder(mode=0o1777),)),))


RESUME = {"size": "1GiB"}, {"label": "new"}, {"state": "absent"}


@pytest.mark.parametrize("options", RESUME)
def test_the_file_that_hibernation_resumes_from_is_left(world, options):
    state = world.settled_state(resumes=True)
    state = state._replace(machine=state.machine._replace(resumes_from=Resume(None, 34816)))
    with pytest.raises(HighwaterError, match=r"resume_offset is 34816") as caught:
        resource.resolve(world.params(**options), (state,))
    assert caught.value.reason == "hibernation"
    resource.resolve(world.params(priority=3), (state,))  # off and on again, where it is


def test_a_file_system_that_is_read_only(world):
    state = world.state()
    state = state._replace(filesystem=state.filesystem._replace(read_only=True))
    with pytest.raises(Unsupported, match=r"mounted read-only \(at /\)") as caught:
        resource.resolve(world.params(), (state,))
    assert caught.value.reason == "filesystem"
