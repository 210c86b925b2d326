# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The largest of a real tree, checked against du(1). It would take a file that counts twice or not at all, or a link
that is followed, for these to fail."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compress import candidates
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Stopped
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.disk.answer import disk_usage
from ansible_collections.highwater.memory.plugins.module_utils.disk.filesystems import Filesystem, filesystems
from ansible_collections.highwater.memory.plugins.module_utils.disk.walk import largest

KIB = 1024


@pytest.fixture
def tree(tmp_path):
    for name, size in (("a/one", 400), ("a/two", 100), ("b/c/d/deep", 900), ("b/small", 8), ("three", 200)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size * KIB))
    os.symlink("/usr", tmp_path / "a" / "link")
    os.link(tmp_path / "a" / "one", tmp_path / "b" / "again")
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 2**30)
    return tmp_path


def asked(**params):
    return {"paths": None, "largest": 10, "seconds": 60, "estimate": False, **params}


def test_files_by_what_they_hold_of_the_disk(tree):
    files = largest([str(tree)], 3, 60).files
    assert [os.path.basename(file.path) for file in files] in (["deep", "one", "three"], ["deep", "again", "three"])
    assert all(file.on_disk >= file.size for file in files)


def test_folders_agree_with_du_and_leave_out_those_that_say_no_more(tree):
    folders = {folder.path: folder for folder in largest([str(tree)], 10, 60).folders}
    told = subprocess.run(["du", "-B1", "-x", str(tree)], capture_output=True, text=True, check=True).stdout
    by_du = {path: int(size) for size, path in (line.split("\t") for line in told.splitlines())}
    # du counts a folder's own blocks in it, which the walk counts with what it is in.
    assert folders[str(tree)].on_disk == pytest.approx(by_du[str(tree)], abs=4096 * 6)
    assert folders[str(tree)].files == 6  # the file with two names once
    assert str(tree / "b" / "c" / "d") in folders
    assert str(tree / "b" / "c") not in folders


def test_a_deep_tree_costs_no_recursion(tmp_path):
    path = os.path.join(str(tmp_path), "deep")
    os.mkdir(path)
    for _level in range(1200):
        path = os.path.join(path, "d")
        try:
            os.mkdir(path)
        except OSError:  # the longest path that the kernel takes
            break
    try:
        assert largest([str(tmp_path)], 5, 60).complete
    finally:  # which costs pytest one, too
        subprocess.run(["rm", "-rf", str(tmp_path / "deep")], check=True)


def test_too_little_time_is_said(tree, monkeypatch):
    told = disk_usage(asked(paths=[str(tree)], seconds=1), Host(), False)
    assert told["complete"] is True
    assert told["warnings"] == []
    ticks = iter(range(0, 10**6, 5))
    monkeypatch.setattr("time.monotonic", lambda: next(ticks))
    told = disk_usage(asked(paths=[str(tree)], seconds=6), Host(), False)
    assert told["complete"] is False
    assert "seconds: 6 were not enough" in told["warnings"][0]


def test_a_crowded_folder_is_named_and_costs_no_more_than_the_time(tmp_path, monkeypatch):
    """A filesystem without inodes is so because of a few folders, each of which takes long to read."""
    (tmp_path / "crowd/below").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    for number in range(3000):
        (tmp_path / "crowd" / str(number)).touch()
    (tmp_path / "other/one").touch()
    (tmp_path / "crowd/below/one").touch()
    found = largest([str(tmp_path)], 2, 60)
    assert found.complete
    assert tuple(found.crowds[0]) == (3000, str(tmp_path / "crowd"))
    assert len(found.crowds) == 2
    ticks = iter(range(10**6))
    monkeypatch.setattr("time.monotonic", lambda: next(ticks))
    late = largest([str(tmp_path / "crowd")], 2, 2)  # over after 2,000 entries
    assert not late.complete
    assert [one.path for one in late.crowds] == [str(tmp_path / "crowd")]
    assert 1900 < late.crowds[0].files < 3000
    assert late.folders[0].files == late.crowds[0].files


def test_filesystems_as_df_has_them():
    mine = {one.mount_point: one for one in filesystems(Host())}
    told = subprocess.run(
        ["df", "-B1", "--output=target,size,avail,itotal,iavail", *mine], capture_output=True, text=True, check=True
    ).stdout
    for line in told.splitlines()[1:]:
        mount_point, size, free, inodes, inodes_free = line.split()
        one = mine[mount_point]
        assert (one.size, one.inodes) == (int(size), int(inodes) if inodes != "-" else 0)
        assert one.free == pytest.approx(int(free), rel=0.05)
        assert one.inodes_free == pytest.approx(int(inodes_free) if inodes_free != "-" else 0, rel=0.05)
    fullness = [one.fullness for one in filesystems(Host())]
    assert fullness == sorted(fullness, reverse=True)


def host_with(tmp_path, *mounts):
    """A host with these mounts; what they hold is this machine's, since a test cannot mount any."""
    (tmp_path / "proc/self").mkdir(parents=True)
    lines = (
        "%d 1 8:%d / %s %s - %s %s %s\n" % (number, number, point, options, kind, source, of_filesystem)
        for number, (point, kind, source, options, of_filesystem) in enumerate(mounts, 20)
    )
    (tmp_path / "proc/self/mountinfo").write_text("".join(lines))
    return Host(str(tmp_path))


@pytest.mark.parametrize(
    ("kind", "source", "counts"),
    [
        ("ext4", "/dev/vda1", True),
        ("btrfs", "/dev/mapper/root", True),
        ("tmpfs", "tmpfs", False),
        ("overlay", "overlay", False),
        ("squashfs", "/dev/loop3", False),
        ("nfs4", "/export", False),
    ],
)
def test_only_filesystems_on_disks(tmp_path, kind, source, counts):
    found = filesystems(host_with(tmp_path, ("/", kind, source, "rw,relatime", "rw")))
    assert [one.mount_point for one in found] == (["/"] if counts else [])


def test_a_filesystem_that_is_mounted_twice_counts_once_and_a_single_file_is_none(tmp_path):
    mounts = [("/", "ext4", "/dev/vda1", "rw", "rw"), ("/usr", "ext4", "/dev/vda1", "rw", "rw")]
    mounts += [("/etc/passwd", "xfs", "/dev/vdb", "rw", "rw"), ("/nothing/here", "xfs", "/dev/vdc", "rw", "rw")]
    found = filesystems(host_with(tmp_path, *mounts))
    assert [one.mount_point for one in found] == ["/"]


@pytest.mark.parametrize(
    ("options", "of_filesystem", "writable"), [("rw", "rw", True), ("ro", "rw", False), ("rw", "ro", False)]
)
def test_read_only_by_the_mount_or_by_the_filesystem(tmp_path, options, of_filesystem, writable):
    host = host_with(tmp_path, ("/", "ext4", "/dev/vda1", options, of_filesystem))
    assert filesystems(host)[0].writable is writable


def test_full_by_inodes_is_full():
    one = Filesystem("/", "/dev/vda1", "ext4", 1, size=1000, free=900, inodes=50, inodes_free=0, writable=True)
    assert one.fullness == 1.0
    assert one._replace(inodes=0).fullness == pytest.approx(0.1)  # which makes them as it needs them


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="/dev/shm is no filesystem of its own here")
def test_another_filesystem_below_is_left_out():
    below = "/dev/shm/highwater-test-%d" % os.getpid()
    try:
        with open(below, "wb") as file:
            file.write(b"x" * 3 * 2**20)
        assert below not in [file.path for file in largest(["/dev"], 1000, 60).files]
        assert below in [file.path for file in largest(["/dev/shm"], 1000, 60).files]
    finally:
        os.unlink(below)


def test_names_of_any_bytes(tmp_path):
    name = os.path.join(os.fsencode(str(tmp_path)), b"a\xff \n.log")
    with open(name, "wb") as file:
        file.write(b"x" * 10000)
    assert [os.fsencode(file.path) for file in largest([str(tmp_path)], 5, 60).files] == [name]


def test_what_compressing_would_give(tree):
    (tree / "log").write_bytes(b"a line of a log that is much like the next one\n" * 20000)
    told = disk_usage(asked(paths=[str(tree)], estimate=True), Host(), False)
    by_name = {os.path.basename(row["path"]): row for row in told["files"]}
    assert by_name["log"]["would_free"] > 800 * KIB
    assert by_name["log"]["why_not"] is None
    assert by_name["deep"]["would_free"] == 0
    assert "would shrink by 0 %" in by_name["deep"]["why_not"]
    assert sorted(os.listdir(tree)) == ["a", "b", "log", "sparse", "three"]


@pytest.mark.parametrize(
    ("path", "system"),
    [
        ("/usr/lib/libx.so", True),
        ("/boot/vmlinuz", True),
        ("/lib64/ld.so", True),
        ("/etc/services", True),
        ("/usr/local/app/app.log", False),
        ("/var/log/usr/bin/log", False),
        ("/library/file", False),
        ("/srv/etc/x", False),
    ],
)
def test_what_belongs_to_the_system_is_not_proposed(path, system):
    """Compressed, a library would be gone."""
    found = []
    try:
        candidates.refuse_system(path)
    except HighwaterError as error:
        found.append(error.reason)
    assert found == (["system"] if system else [])


def test_a_signal_is_no_reason_why_a_file_would_not_shrink(tree, monkeypatch):
    """It ends the look at all of them."""

    def then_a_signal(*_asked):
        raise Stopped("stopped by SIGTERM", reason="stopped")

    monkeypatch.setattr(candidates, "sample", then_a_signal)
    with pytest.raises(Stopped):
        disk_usage(asked(paths=[str(tree)], estimate=True), Host(), False)


def test_a_system_file_is_listed_with_the_reason():
    told = disk_usage(asked(paths=["/usr/bin"], largest=3, estimate=True), Host(), False)
    assert [row["would_free"] for row in told["files"]] == [0, 0, 0]
    assert all(
        row["why_not"] == row["path"] + " belongs to the system, which needs it as it is" for row in told["files"]
    )


@pytest.mark.parametrize(
    ("option", "value"), [("largest", 0), ("seconds", 0), ("paths", ["/nothing/here"]), ("paths", ["/etc/passwd"])]
)
def test_options_that_cannot_be(option, value):
    with pytest.raises(HighwaterError) as caught:
        disk_usage(asked(**{option: value}), Host(), False)
    assert caught.value.message.startswith(option + ": ")
