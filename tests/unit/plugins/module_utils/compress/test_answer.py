# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of compress_in_place and what it returns. It would take a file that is touched though it was not meant,
or one that is left out without a word, for these to fail."""

from __future__ import annotations

import bz2
import fcntl
import gzip
import lzma
import os
import random
import shutil
import signal
import subprocess
import time
import types

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compress.answer import compress_in_place
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice

from .conftest import BLOCK, log_lines

DEFAULTS = {
    "state": "compressed",
    "include": None,
    "older_than": None,
    "level": 6,
    "block_size": "64KiB",
    "workers": 2,
    "min_saving": 10,
    "keep_metadata": True,
}


def asked(path, check_mode=False, host=None, **params):
    chosen = {"include": ["*"] if os.path.isdir(path) else None}
    return compress_in_place({**DEFAULTS, **chosen, "path": str(path), **params}, host or Host(), check_mode)


def tree(folder):
    """Every file below a folder with its bytes, mtime and owner."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_returned_is_what_the_disk_says(log):
    size, on_disk = log.stat().st_size, log.stat().st_blocks * 512
    told = asked(log)
    result = (log.parent / "app.log.gz").stat()
    assert told["changed"]
    assert told["files"] == [
        {
            "path": str(log),
            "size_before": size,
            "size_after": result.st_size,
            "ratio": round(size / result.st_size, 2),
            "freed": on_disk - result.st_blocks * 512,
            "estimated": False,
        }
    ]
    assert told["freed"] == on_disk - result.st_blocks * 512


def test_a_second_run_changes_nothing(log):
    asked(log)
    before = tree(log.parent)
    told = asked(log)
    assert (told["changed"], told["files"], told["freed"]) == (False, [], 0)
    assert tree(log.parent) == before


def test_check_mode_estimates_and_touches_nothing(log):
    before, ctime = tree(log.parent), log.stat().st_ctime_ns
    told = asked(log, check_mode=True)
    assert tree(log.parent) == before
    assert log.stat().st_ctime_ns == ctime
    row = told["files"][0]
    assert row["estimated"]
    asked(log)
    assert row["size_after"] == pytest.approx((log.parent / "app.log.gz").stat().st_size, rel=0.1)


def test_a_sparse_file_is_estimated_by_what_it_holds(log):
    """Some blocks of data at the start of a hole of ten times their length, and some more behind it."""
    with open(log, "r+b") as file:
        file.seek(80 * BLOCK)
        file.write(log_lines(3 * BLOCK, seed=1))
    row = asked(log, check_mode=True)["files"][0]
    freed = asked(log)["files"][0]["freed"]
    assert row["size_after"] == pytest.approx((log.parent / "app.log.gz").stat().st_size, rel=0.1)
    assert row["freed"] == pytest.approx(freed, rel=0.1)


def test_a_sparse_file_whose_data_does_not_shrink_is_refused(log):
    """Its size would say that nearly all could be won, which is a hole already."""
    with open(log, "wb") as file:
        file.truncate(200 * BLOCK)
        file.write(os.urandom(3 * BLOCK))
    with pytest.raises(HighwaterError, match="would shrink by 0 %, from 192 KiB") as caught:
        asked(log)
    assert caught.value.reason == "min_saving"


def test_nothing_but_a_hole_is_refused(log):
    os.truncate(log, 0)
    os.truncate(log, 9 * BLOCK)
    with pytest.raises(HighwaterError, match="would shrink by 0 %, from 0 B"):
        asked(log)


def test_check_mode_of_a_run_that_was_cut_off(log):
    host = Host()
    host.slice = Over("run", 0.0)
    asked(log, host=host)
    before = tree(log.parent)
    row = asked(log, check_mode=True)["files"][0]
    assert tree(log.parent) == before
    held = sum(path.stat().st_blocks * 512 for path in log.parent.iterdir())
    asked(log)
    result = log.parent / "app.log.gz"
    assert row["estimated"]
    assert row["size_after"] == pytest.approx(result.stat().st_size, rel=0.1)
    assert row["freed"] == pytest.approx(held - result.stat().st_blocks * 512, rel=0.1)


def test_a_folder_by_glob_and_age(tmp_path, log):
    log.unlink()
    old = time.time() - 3 * 86400
    for name in ("old.log", "sub/old.log", "old.txt", "young.log"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(log_lines(2 * BLOCK))
        if "old" in name:
            os.utime(path, (old, old))
    told = asked(tmp_path, include=["*.log"], older_than="2d")
    assert sorted(row["path"] for row in told["files"]) == [str(tmp_path / "old.log"), str(tmp_path / "sub/old.log")]
    assert sorted(tree(tmp_path)) == ["old.log.gz", "old.txt", "sub/old.log.gz", "young.log"]


def test_a_run_that_was_cut_off_is_gone_on_with_whatever_the_age(log):
    """A run ends between two calls, and what it was at looks as young as it gets."""
    content, host = log.read_bytes(), Host()
    host.slice = Over("run", 0.0)
    assert "progress" in asked(log.parent, older_than="7d", host=host)
    os.utime(log)
    assert [row["path"] for row in asked(log.parent, older_than="7d")["files"]] == [str(log)]
    assert gzip.decompress((log.parent / "app.log.gz").read_bytes()) == content


def test_what_is_left_alone_in_a_folder_is_named_with_the_reason(tmp_path, log):
    content = log.read_bytes()
    noise = random.Random(1).randbytes if hasattr(random.Random, "randbytes") else os.urandom
    (tmp_path / "done.gz").write_bytes(gzip.compress(content))
    (tmp_path / "done.xz").write_bytes(lzma.compress(content))
    (tmp_path / "done.bz2").write_bytes(bz2.compress(content))
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "noise").write_bytes(noise(3 * BLOCK))
    (tmp_path / "twice").write_bytes(content)
    os.link(tmp_path / "twice", tmp_path / "twice too")
    os.symlink("app.log", tmp_path / "link")
    with open(tmp_path / "open", "wb") as file:
        file.write(content)
        file.flush()
        before = {name: bytes_ for name, (bytes_, *_rest) in tree(tmp_path).items()}
        told = asked(tmp_path)
    why = {os.path.basename(row["path"]): row["why"] for row in told["left_alone"]}
    assert [row["path"] for row in told["files"]] == [str(log)]
    assert "compressed already (gzip)" in why["done.gz"]
    assert "compressed already (xz)" in why["done.xz"]
    assert "compressed already (bzip2)" in why["done.bz2"]
    assert "is empty" in why["empty"]
    assert "would shrink by 0 %" in why["noise"]
    assert "2 names" in why["twice"]
    assert "2 names" in why["twice too"]
    assert "open for writing by" in why["open"]
    assert len(why) == 8  # the link is not followed, and is nothing of its own
    after = {name: bytes_ for name, (bytes_, *_rest) in tree(tmp_path).items()}
    assert {name for name in before if after.get(name) != before[name]} == {"app.log", "link"}


def test_a_folder_without_include_is_refused(log):
    before = tree(log.parent)
    for include in (None, []):
        with pytest.raises(HighwaterError, match=r"^include: .* is a folder: say by globs") as caught:
            asked(log.parent, include=include)
        assert caught.value.reason == "include"
    assert tree(log.parent) == before


@pytest.mark.parametrize(
    ("path", "reason", "said"),
    [
        ("/proc/meminfo", "filesystem", "is the kernel's own (proc)"),
        ("/proc", "filesystem", "is the kernel's own (proc)"),
        ("/proc/self/fd", "filesystem", "is the kernel's own (proc)"),
        ("/sys/kernel/notes", "filesystem", "is the kernel's own (sysfs)"),
        ("/dev/null", "not_a_file", "is a device: name a regular file"),
        ("/nothing/there", "missing", "does not exist"),
        ("/etc/passwd/there", "missing", "does not exist"),
        ("/etc/mtab", "symlink", "is a symbolic link"),
    ],
)
def test_what_is_no_file_of_a_disk(path, reason, said):
    with pytest.raises(HighwaterError) as caught:
        asked(path)
    assert caught.value.message.startswith(path)
    assert (caught.value.reason, said in caught.value.message) == (reason, True)


def test_a_file_in_memory_is_refused(log):
    """The kernel says by mountinfo what the folder is on; here it says tmpfs, so that no mount is needed."""
    before = tree(log.parent)
    for path in (log, log.parent):
        with pytest.raises(HighwaterError, match=r"is in memory \(tmpfs\)") as caught:
            asked(path, host=Mounted(log.parent, "tmpfs"))
        assert caught.value.reason == "filesystem"
    assert tree(log.parent) == before


class Mounted(Host):
    """A host whose mountinfo says that a folder is on a filesystem of this kind."""

    def __init__(self, folder, kind):
        super().__init__()
        self._line = "1 1 0:1 / %s rw - %s none rw\n" % (folder, kind)

    def read(self, path):
        return self._line if path == "/proc/self/mountinfo" else super().read(path)


def test_a_btrfs_without_room_for_an_extent_is_refused(log, monkeypatch):
    """There no block of an extent is free before its last one is. The filesystem is said to be one, and to have so much
    room, since a test has no real one; tests/lab/test_compress_full.py has.
    """
    before, host = tree(log.parent), Mounted(log.parent, "btrfs")

    def with_room(available, free):
        stands_in = types.SimpleNamespace(f_frsize=4096, f_bavail=available // 4096, f_bfree=free // 4096)
        monkeypatch.setattr(os, "fstatvfs", lambda fd: stands_in)

    with_room(2**20, 2**30)
    for check_mode in (True, False):
        with pytest.raises(HighwaterError, match="has 1 MiB free, and compressing it in place begins with") as caught:
            asked(log, check_mode, host=host)
        assert caught.value.reason == "disk_full"
    assert tree(log.parent) == before
    for available, free in ((2**24, 2**24), (0, 2**24)):  # 0: the kernel's answer once its metadata is full
        with_room(available, free)
        assert asked(log, check_mode=True, host=host)["files"]


def test_a_program_that_runs_is_refused(tmp_path, log):
    program = tmp_path / "sleeper"
    shutil.copy(shutil.which("sleep"), program)
    with subprocess.Popen([str(program), "60"]) as running:
        try:
            with pytest.raises(HighwaterError, match="is a program that is running") as caught:
                asked(program)
        finally:
            running.kill()
    assert caught.value.reason == "open"
    asked(program)
    assert (tmp_path / "sleeper.gz").exists()


def test_a_file_that_a_file_server_holds_is_not_waited_for(log):
    """One with a lease may keep it for that long; so an open() that waits is what it takes to fail. Check mode asks for
    the file by opening it for writing, too.
    """
    before = tree(log.parent)
    with open("/proc/sys/fs/lease-break-time") as file:
        wait = int(file.read())
    with open(log, "rb") as held:
        fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        handler = signal.signal(signal.SIGIO, signal.SIG_IGN)
        began = time.monotonic()
        try:
            for check_mode in (True, False):
                with pytest.raises(HighwaterError, match="is leased by another program") as caught:
                    asked(log, check_mode)
                assert caught.value.reason == "open"
        finally:
            signal.signal(signal.SIGIO, handler)
    assert time.monotonic() - began < wait
    assert tree(log.parent) == before


@pytest.mark.parametrize("attribute", ["a", "i"])
def test_an_attribute_that_forbids_to_write_is_named(log, attribute):
    if subprocess.run(["chattr", "+" + attribute, str(log)], capture_output=True, check=False).returncode:
        pytest.skip("not root, or a filesystem without attributes")
    try:
        with pytest.raises(HighwaterError, match=r"attribute a or i .*chattr -ai") as caught:
            asked(log)
    finally:
        subprocess.run(["chattr", "-" + attribute, str(log)], check=True)
    assert caught.value.reason == "attribute"


def test_one_file_that_cannot_be_compressed_is_an_error(tmp_path, log):
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(HighwaterError, match="is empty") as caught:
        asked(tmp_path / "empty")
    assert caught.value.reason == "empty"


def test_one_byte_does_not_shrink(tmp_path, log):
    (tmp_path / "one").write_bytes(b"x")
    with pytest.raises(HighwaterError, match="would shrink by 0 %"):
        asked(tmp_path / "one")
    assert (tmp_path / "one").read_bytes() == b"x"


def test_restored_leaves_alone_what_is_whole_or_was_never_begun(log):
    for _turn in range(2):
        before = tree(log.parent)
        assert asked(log.parent, state="restored")["changed"] is False
        assert tree(log.parent) == before
        if log.exists():
            asked(log)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("block_size", "1KiB", "64KiB to 1GiB"),
        ("block_size", "2GiB", "64KiB to 1GiB"),
        ("block_size", "4", "block_size: 4 "),
        ("level", 0, "1 (fast) to 9"),
        ("level", 10, "1 (fast) to 9"),
        ("workers", 0, "workers: 0 is out of range"),
        ("min_saving", 101, "0 to 100"),
        ("older_than", "5", "90s, 15m, 2h or 7d"),
        ("older_than", "2 weeks", "90s, 15m, 2h or 7d"),
    ],
)
def test_options_that_cannot_be(log, option, value, said):
    before = tree(log.parent)
    with pytest.raises(HighwaterError) as caught:
        asked(log.parent, **{option: value})
    assert caught.value.message.startswith(option)
    assert said in caught.value.message
    assert tree(log.parent) == before


def test_a_slice_that_is_over_says_how_far_it_is_and_the_next_goes_on(log):
    content = log.read_bytes()
    host = Host()
    host.slice = Over("run", 0.0)
    calls = 0
    while log.exists():
        told = asked(log, host=host)
        calls += 1
        assert ("progress" in told) == log.exists()
        assert told["changed"]
    assert calls == 8
    assert gzip.decompress((log.parent / "app.log.gz").read_bytes()) == content


@pytest.mark.parametrize(("option", "value"), [("include", ["*.log"]), ("older_than", "7d")])
def test_what_chooses_files_of_a_folder_is_refused_for_a_single_file(log, option, value):
    """It is young: it would take an age that is not asked after to fail."""
    for begun in (True, False):
        with pytest.raises(HighwaterError, match="^%s: .*app.log is a file" % option):
            asked(log, **{option: value})
        assert log.exists() is begun
        if begun:
            asked(log)


class Over(Slice):
    """A slice that is over wherever the work could stop."""

    def is_over(self, left=0.0):
        return left > 0
