# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compressing in place on a real filesystem. It would take a block that is punched before its member is whole, a member
that is taken for whole and is not, or a name that goes too early, for these to fail."""

from __future__ import annotations

import errno
import gzip
import os
import stat
import struct
import subprocess
import time
import zlib
from functools import partial

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compress import ahead, blocks, member
from ansible_collections.highwater.memory.plugins.module_utils.compress.member import HEADER
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Unfinished

from .conftest import BLOCK, REQUEST, Failing, OneBlock, compress, dying, laid, log_lines, readable, restore

SOMEBODY = 65534  # an owner that is not us
OWNERS = [
    os.geteuid(),
    pytest.param(SOMEBODY, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")),
]


def test_the_result_is_an_ordinary_gzip_with_the_metadata_of_the_original(log):
    before, content = log.stat(), log.read_bytes()
    os.setxattr(log, "user.origin", b"app")
    compress(log)
    result = log.parent / "app.log.gz"
    assert os.listdir(log.parent) == ["app.log.gz"]
    assert subprocess.run(["gunzip", "-c", str(result)], capture_output=True, check=True).stdout == content
    after = result.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_mtime_ns == before.st_mtime_ns
    assert os.getxattr(result, "user.origin") == b"app"


def test_an_acl_is_taken_along(log):
    """The kernel's own form of `setfacl -m u:1234:rw`, as an extended attribute."""
    entries = ((0x01, 6, -1), (0x02, 6, 1234), (0x04, 4, -1), (0x10, 6, -1), (0x20, 0, -1))  # linux/posix_acl_xattr.h
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(log, "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("the filesystem of the temporary folder has no ACLs")
    compress(log)
    assert os.getxattr(log.parent / "app.log.gz", "system.posix_acl_access") == acl


def test_without_metadata_it_is_closed_to_others(log):
    compress(log, REQUEST._replace(keep_metadata=False))
    assert stat.S_IMODE((log.parent / "app.log.gz").stat().st_mode) == 0o600


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_sizes_around_a_block(tmp_path, log, size):
    content = log_lines(size, seed=size)
    log.write_bytes(content)
    compress(log)
    assert gzip.decompress((tmp_path / "app.log.gz").read_bytes()) == content


def test_a_sparse_file(tmp_path, log):
    with open(log, "r+b") as file:
        file.truncate(40 * BLOCK)
        file.seek(37 * BLOCK + 5)
        file.write(b"behind the hole")
    content = log.read_bytes()
    compress(log)
    assert gzip.decompress((tmp_path / "app.log.gz").read_bytes()) == content


@pytest.mark.parametrize("name", [b"a b\n.log", b"latin-\xe4.log", "ümläut.log".encode(), b"-rf", b"'\"$(x).log"])
def test_odd_names(tmp_path, log, name):
    path = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    os.rename(log, path)
    with open(path, "rb") as file:
        content = file.read()
    compress(path)
    assert os.listdir(os.fsencode(tmp_path)) == [name + b".gz"]
    with gzip.open(path + ".gz") as file:
        assert file.read() == content


def test_never_more_extra_disk_than_a_block(log, monkeypatch):
    """The sum of original and part file, looked at whenever something is written or synced."""
    seen = []

    def look():
        names = list(os.scandir(log.parent))
        seen.append(sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in names))

    for name in ("fdatasync", "fsync", "write"):
        monkeypatch.setattr(os, name, _then(getattr(os, name), look))
    before = log.stat().st_blocks * 512
    compress(log)
    assert max(seen) > before  # it did need the room of a block, for a moment
    assert max(seen) - before <= BLOCK


def _then(call, look):
    def both(*arguments, **more):
        result = call(*arguments, **more)
        look()
        return result

    return both


# -- cut off ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("owner", OWNERS)
def test_killed_before_every_single_call(tmp_path, log, owner):
    content, before = log.read_bytes(), log.stat()
    at, ended = 0, 9
    while ended == 9:
        at += 1
        path = tmp_path / str(at) / "app.log"
        laid(path, log, owner)
        ended = dying(at, partial(compress, path))
        if ended == 9:
            assert readable(path) == content, "killed before call %d" % at
            if path.exists():  # else there was only its folder to be synced
                compress(path)
        assert os.listdir(path.parent) == ["app.log.gz"]
        result = path.parent / "app.log.gz"
        assert gzip.decompress(result.read_bytes()) == content
        assert (stat.S_IMODE(result.stat().st_mode), result.stat().st_mtime_ns) == (0o640, before.st_mtime_ns)
        assert (result.stat().st_uid, os.getxattr(result, "user.origin")) == (owner, b"app")
    assert ended == 0
    assert at > 8 * 4  # of each block: written, synced, punched, and more


@pytest.mark.parametrize("owner", OWNERS)
def test_killed_before_every_single_call_and_undone(tmp_path, log, owner):
    """However far it was: it would take a part file, or a result, that is not taken for ours any more to fail."""
    content, before = log.read_bytes(), log.stat()
    at, ended, undone = 0, 9, 0
    while ended == 9:
        at += 1
        path = tmp_path / str(at) / "app.log"
        laid(path, log, owner)
        ended = dying(at, partial(compress, path))
        if ended == 9 and path.exists():
            restore(path)
            undone += 1
            assert os.listdir(path.parent) == ["app.log"]
            assert path.read_bytes() == content, "killed before call %d" % at
            assert (path.stat().st_uid, path.stat().st_mtime_ns) == (owner, before.st_mtime_ns)
    assert ended == 0
    assert undone > 8 * 4


@pytest.mark.parametrize("work", [compress, restore])
def test_cut_off_with_both_names_and_written_to_since(log, monkeypatch, work):
    """A log that goes on after a power cut: what was appended is part of the next run, not in its way."""
    content, link = log.read_bytes(), os.link

    def then_ends(*arguments, **more):
        link(*arguments, **more)
        raise OSError(errno.EIO, "it ends here")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", then_ends)
        with pytest.raises(OSError, match="it ends here"):
            compress(log)
    assert sorted(os.listdir(log.parent)) == [".app.log.highwater", "app.log", "app.log.gz"]
    with open(log, "ab") as file:
        file.write(b"one more line\n")
    work(log)
    assert os.listdir(log.parent) == ["app.log.gz" if work is compress else "app.log"]
    assert readable(log) == content + b"one more line\n"


def test_killed_before_every_single_call_of_the_way_back(tmp_path, log):
    content, before = log.read_bytes(), log.stat()
    at, ended = 0, 9
    while ended == 9:
        at += 1
        path = tmp_path / str(at) / "app.log"
        path.parent.mkdir()
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert dying(20, partial(compress, path)) == 9
        assert path.read_bytes() != content
        ended = dying(at, partial(restore, path))
        if ended == 9:
            assert readable(path) == content, "killed before call %d" % at
            restore(path)
        assert os.listdir(path.parent) == ["app.log"]
        assert path.read_bytes() == content
        assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert ended == 0
    assert at > 5


def test_the_way_back_gives_the_room_of_what_is_torn_away_first(log, monkeypatch):
    """Full to the last block, it is all that there is for the first block that is written back."""
    content, part, seen = log.read_bytes(), log.parent / ".app.log.highwater", []
    with pytest.raises(Unfinished):
        compress(log, slice_=OneBlock())
    whole = part.stat().st_size
    with open(part, "ab") as file:
        file.write(part.read_bytes()[:-100])
    write_all = blocks.write_all

    def looked_at(fd, data):
        seen.append(part.stat().st_size)
        write_all(fd, data)

    monkeypatch.setattr(blocks, "write_all", looked_at)
    restore(log)
    assert seen[0] == whole
    assert log.read_bytes() == content


def test_the_way_back_without_room_is_said_and_can_be_gone_on_with(log, monkeypatch):
    content, begun = log.read_bytes(), len(os.listdir(log.parent))
    with pytest.raises(Unfinished):
        compress(log, slice_=OneBlock())
    with monkeypatch.context() as patch:
        patch.setattr(blocks, "write_all", Failing(2, errno.ENOSPC)(blocks.write_all))
        patch.setattr(member, "_PIECE", 4096)
        with pytest.raises(HighwaterError, match=r"no room for the 64 KiB .*state: compressed") as caught:
            restore(log)
    assert caught.value.reason == "disk_full"
    assert readable(log) == content
    restore(log)
    assert log.read_bytes() == content
    assert len(os.listdir(log.parent)) == begun


@pytest.mark.parametrize("written", [1, 4096, 30001, BLOCK - 1])
def test_a_block_that_was_written_back_in_part_is_no_change_of_somebody_else(log, written):
    """Up to any byte, since a filesystem that is full takes what it can."""
    content = log.read_bytes()
    for work, result in ((restore, log), (compress, log.parent / "app.log.gz")):
        with pytest.raises(Unfinished):
            compress(log, slice_=OneBlock())
        before = log.stat()
        with open(log, "r+b") as file:
            file.write(content[:written])
        os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))
        work(log)
        whole = gzip.decompress(result.read_bytes()) if work is compress else result.read_bytes()
        assert whole == content


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("inflates", [True, False])
def test_a_member_with_a_wrong_bit_is_neither_written_back_nor_given_up(log, at, inflates):
    """A disk that turns a bit of one that was whole: written back, its bytes would be wrong, and the member gone. So
    would they be if it were taken for torn, where it is the last, since the original has a hole there.
    """
    content, part = log.read_bytes(), log.parent / ".app.log.highwater"
    for _block in range(3):
        with pytest.raises(Unfinished):
            compress(log, slice_=OneBlock())
    damaged, end = _with_a_bit_turned(part, at, inflates)
    part.write_bytes(damaged)
    for work in (restore, restore, compress):
        with pytest.raises(HighwaterError, match=r"zcat .*\.app\.log\.highwater") as caught:
            work(log)
        assert caught.value.reason == "verify"
        assert part.read_bytes() == damaged[:end]
        assert log.read_bytes() == bytes((at + 1) * BLOCK) + content[(at + 1) * BLOCK :]


def _with_a_bit_turned(part, at, inflates):
    """The bytes of the part file with one bit of a member turned, by which it still inflates to as many bytes, or does
    not; and where that member ends.
    """
    fd = os.open(part, os.O_RDONLY)
    one = member.read_chain(fd)[at]
    os.close(fd)
    for bit in range(8 * (one.at + HEADER), 8 * (one.at + one.packed - 8)):
        damaged = bytearray(part.read_bytes())
        damaged[bit // 8] ^= 1 << bit % 8
        body = bytes(damaged[one.at + HEADER : one.at + one.packed - 8])
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            found = len(engine.decompress(body)) == one.length and engine.eof and inflates
        except zlib.error:
            found = not inflates
        if found:
            return bytes(damaged), one.at + one.packed
    raise LookupError("no such bit")


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_error_at_every_single_call(tmp_path, log, monkeypatch, number, owner):
    content = log.read_bytes()
    failing, at = Failing(0, number), 0
    while failing.count >= at:
        at += 1
        path = tmp_path / str(at) / "app.log"
        laid(path, log, owner)
        failing = Failing(at, number)
        said = _with_calls(failing, monkeypatch, path)
        assert said in (None, number, *["disk_full"] * (number == errno.ENOSPC))
        assert readable(path) == content, "call %d failed" % at
        if path.exists():
            compress(path)
        assert os.listdir(path.parent) == ["app.log.gz"]
    assert at > 20


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_error_at_every_single_call_of_the_way_back(tmp_path, log, monkeypatch, number):
    content = log.read_bytes()
    failing, at = Failing(0, number), 0
    while failing.count >= at:
        at += 1
        path = tmp_path / str(at) / "app.log"
        laid(path, log, os.geteuid())
        for _block in range(3):
            with pytest.raises(Unfinished):
                compress(path, slice_=OneBlock())
        failing = Failing(at, number)
        said = _with_calls(failing, monkeypatch, path, restore)
        assert (said is None) is (failing.count < at)
        assert readable(path) == content, "call %d failed" % at
        restore(path)
        assert os.listdir(path.parent) == ["app.log"]
        assert path.read_bytes() == content
    assert at > 3 * 4  # of each block: written, synced, cut off, synced


def test_blocks_grow_again_after_a_disk_that_was_full_for_a_moment(log, monkeypatch):
    """Small for ever, they would make many members of a large file, and a larger one."""
    failing = Failing(1, errno.ENOSPC)
    with monkeypatch.context() as patch:
        patch.setattr(blocks, "write_all", failing(blocks.write_all))
        compress(log)
    with open(log.parent / "app.log.gz", "rb") as file:
        lengths = [one.length for one in member.read_chain(file.fileno())]
    assert lengths[0] == BLOCK // 4
    assert max(lengths) == BLOCK


def _with_calls(stand_in, monkeypatch, path, work=compress):
    """Compress, or restore, with stand-ins for what writes to the disk; the number of the error that it ends with."""
    with monkeypatch.context() as patch:
        for name in ("write", "fdatasync", "fsync", "link", "chown", "chmod", "setxattr"):
            patch.setattr(os, name, stand_in(getattr(os, name)))
        if work is restore:
            patch.setattr(os, "ftruncate", stand_in(os.ftruncate))
        patch.setattr(blocks, "punch", stand_in(blocks.punch))
        try:
            work(path)
        except OSError as error:
            return error.errno
        except HighwaterError as error:
            return error.reason
    return None


def test_a_member_that_comes_back_otherwise_from_the_disk_gives_nothing_up(log, monkeypatch):
    content = log.read_bytes()
    write = os.write

    def flipped(fd, data):
        return write(fd, bytes(data[:200]) + bytes([data[200] ^ 1]) + bytes(data[201:]) if len(data) > 300 else data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", flipped)
        with pytest.raises(HighwaterError, match="does not give back what was written") as caught:
            compress(log)
    assert caught.value.reason == "verify"
    assert log.read_bytes() == content
    assert os.listdir(log.parent) == ["app.log"]


def test_a_zlib_that_is_wrong_shows_before_anything_is_given_up(log, monkeypatch):
    """A stand-in for a fault of zlib, at the start and where a run goes on."""
    content, pack = log.read_bytes(), ahead.pack

    def faulty(stamp, offset, data, level):
        engine = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        wrong = engine.compress(data[:-1] + b"?") + engine.flush()
        return pack(stamp, offset, data, level)[:HEADER] + wrong + b"12345678"

    for begun in (False, True):
        if begun:
            with pytest.raises(Unfinished):
                compress(log, slice_=OneBlock())
        before = log.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(ahead, "pack", faulty)
            with pytest.raises(HighwaterError, match="does not unpack to them") as caught:
                compress(log)
        assert caught.value.reason == "verify"
        assert log.read_bytes() == before
        assert readable(log) == content
    compress(log)
    assert gzip.decompress((log.parent / "app.log.gz").read_bytes()) == content


def test_the_age_of_the_original_stays_while_it_is_compressed(log):
    """So that a run over old files, cut off, is gone on with: else it would look like a file of today."""
    before = log.stat().st_mtime_ns
    with pytest.raises(Unfinished):
        compress(log, slice_=OneBlock())
    assert log.stat().st_mtime_ns == before


def test_a_writer_is_found_by_its_mtime_in_the_same_tick_of_the_clock(log, monkeypatch):
    """It comes and goes between two looks, and writes where nothing was punched yet."""
    content, utime = log.read_bytes(), os.utime

    def then_somebody_writes(fd, ns):
        utime(fd, ns=ns)
        with open(log, "r+b") as file:
            file.seek(6 * BLOCK + 7)
            file.write(b"written meanwhile")

    monkeypatch.setattr(os, "utime", then_somebody_writes)
    with pytest.raises(HighwaterError, match="changes while it is being compressed") as caught:
        compress(log)
    assert caught.value.reason == "changed"
    assert readable(log) == content[: 6 * BLOCK + 7] + b"written meanwhile" + content[6 * BLOCK + 24 :]


def test_slices_go_on_where_the_last_one_ended(log):
    content = log.read_bytes()
    for call in range(1, 8):
        with pytest.raises(Unfinished) as caught:
            compress(log, slice_=OneBlock())
        assert (caught.value.progress.done, caught.value.progress.total) == (call * BLOCK, len(content))
        assert readable(log) == content
    compress(log, slice_=OneBlock())
    assert gzip.decompress((log.parent / "app.log.gz").read_bytes()) == content


# -- others at work on the file ------------------------------------------------------------------------


def test_a_file_that_is_open_for_writing_is_refused_and_its_holder_named(log):
    content = log.read_bytes()
    with open(log, "ab") as file:
        child = subprocess.Popen(["sleep", "60"], stdin=file)
    try:
        with pytest.raises(HighwaterError, match=r"open for writing by sleep \(process %d\)" % child.pid) as caught:
            compress(log)
    finally:
        child.kill()
        child.wait()
    assert caught.value.reason == "open"
    assert log.read_bytes() == content
    assert os.listdir(log.parent) == ["app.log"]


def test_a_reader_is_not_in_the_way(log):
    with open(log, "rb"):
        compress(log)
    assert (log.parent / "app.log.gz").exists()


# Opens a file to append, says so, and appends a line when it is told.
APPENDER = 'exec 3>> "$0"; echo opened; read line; echo "one more line" >&3; echo done'


def appender(path):
    return subprocess.Popen(["sh", "-c", APPENDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def until_it_waits(path):
    """Until somebody waits for us to let the file be opened for writing: the kernel's list of locks says so."""
    inode, deadline = ":%d " % path.stat().st_ino, time.monotonic() + 60
    while time.monotonic() < deadline:
        with open("/proc/locks") as file:
            if any("BREAKING" in line and inode in line for line in file):
                return
        time.sleep(0.01)
    raise TimeoutError("nobody waits for " + str(path))


@pytest.mark.parametrize("moment", ["punched", "punched, and stays", "written"])
def test_a_writer_that_comes_meanwhile_loses_nothing(log, monkeypatch, moment):
    """It opens the file to append after a block: while that is punched, so that it gets through at once, or when the
    lease is ours again, so that it waits. What it writes must stay.
    """
    content, punch, write_all, writers = log.read_bytes(), blocks.punch, blocks.write_all, []

    def punched(fd, offset, length):
        punch(fd, offset, length)
        if offset == BLOCK and moment != "written":
            writers.append(appender(log))
            assert writers[0].stdout.readline() == b"opened\n"
            if moment == "punched":
                assert writers[0].communicate(b"now\n", timeout=60)[0] == b"done\n"

    def written(fd, data):
        if len(calls) == 2 and moment == "written":
            writers.append(appender(log))
            until_it_waits(log)
        calls.append(len(data))
        write_all(fd, data)

    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(blocks, "punch", punched)
        patch.setattr(blocks, "write_all", written)
        with pytest.raises(HighwaterError) as caught:
            compress(log)
    assert caught.value.reason == ("changed" if moment == "punched" else "open")
    if moment != "punched":
        assert writers[0].communicate(b"now\n", timeout=60)[0].endswith(b"done\n")
    assert readable(log) == content + b"one more line\n"
    compress(log)
    assert gzip.decompress((log.parent / "app.log.gz").read_bytes()) == content + b"one more line\n"


@pytest.mark.parametrize("owner", OWNERS)
def test_a_writer_that_comes_at_the_very_end_loses_nothing(log, monkeypatch, owner):
    """It opens the file to append when the result is about to get its name: removed, the file would take it along."""
    content, link, writers = log.read_bytes(), os.link, []
    os.chown(log, owner, -1)

    def then_comes_a_writer(*arguments, **more):
        link(*arguments, **more)
        if not writers:  # the result gets its name; the way back is linked too
            writers.append(appender(log))
            until_it_waits(log)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", then_comes_a_writer)
        with pytest.raises(HighwaterError, match="open for writing") as caught:
            compress(log)
    assert caught.value.reason == "open"
    assert writers[0].communicate(b"now\n", timeout=60)[0] == b"opened\ndone\n"
    assert readable(log) == content + b"one more line\n"
    compress(log)
    assert gzip.decompress((log.parent / "app.log.gz").read_bytes()) == content + b"one more line\n"
    assert (log.parent / "app.log.gz").stat().st_uid == owner


def test_a_writer_into_a_block_that_is_punched_at_this_very_moment_is_found_out(log, monkeypatch):
    """Its bytes are in the original, what was there before is in the part file, and nothing is removed."""
    content, punch = log.read_bytes(), blocks.punch

    def and_somebody_writes(fd, offset, length):
        punch(fd, offset, length)
        if offset == BLOCK:
            with open(log, "r+b") as file:
                file.seek(offset + 7)
                file.write(b"written meanwhile")

    monkeypatch.setattr(blocks, "punch", and_somebody_writes)
    with pytest.raises(HighwaterError, match="was written to while"):
        compress(log)
    assert b"written meanwhile" in log.read_bytes()
    assert gzip.decompress((log.parent / ".app.log.highwater").read_bytes()) == content


BACK = [(BLOCK, 3 * BLOCK), (0, BLOCK // 2), (2 * BLOCK + 4096, 2 * BLOCK + 8192)]  # bytes of the original, from and to


def _is_back(log, content, start, end):
    """As after a power cut on btrfs: the part file was synced, and that promises nothing about holes made before."""
    with open(log, "r+b") as file:
        file.seek(start)
        file.write(content[start:end])


@pytest.mark.parametrize(("start", "end"), BACK)
@pytest.mark.parametrize("work", [compress, restore])
def test_blocks_that_are_back_after_a_power_cut_are_no_new_bytes(log, work, start, end):
    content = log.read_bytes()
    for _block in range(4):
        with pytest.raises(Unfinished):
            compress(log, slice_=OneBlock())
    _is_back(log, content, start, end)
    work(log)
    assert readable(log) == content
    assert os.listdir(log.parent) == ["app.log.gz" if work is compress else "app.log"]


@pytest.mark.parametrize(("start", "end"), BACK)
def test_blocks_that_are_back_when_only_a_name_was_left_to_go(log, last_name_stays, start, end):
    content = log.read_bytes()
    with last_name_stays():
        compress(log)
    _is_back(log, content, start, end)
    compress(log)
    assert os.listdir(log.parent) == ["app.log.gz"]
    assert readable(log) == content


def test_what_was_written_into_a_punched_block_stops_the_next_run(log):
    assert dying(20, partial(compress, log)) == 9
    with open(log, "r+b") as file:
        file.write(b"new at the beginning")
    for work in (compress, restore):
        with pytest.raises(HighwaterError, match="was written to") as caught:
            work(log)
        assert caught.value.reason == "changed"
    assert log.read_bytes().startswith(b"new at the beginning")


def test_a_file_that_was_cut_meanwhile(log):
    assert dying(20, partial(compress, log)) == 9
    os.truncate(log, 10)
    with pytest.raises(HighwaterError, match="was cut to 10 bytes"):
        compress(log)


def test_another_file_of_the_name_is_not_taken_for_the_one_that_was_begun(log):
    assert dying(20, partial(compress, log)) == 9
    os.rename(log, log.parent / "away")
    log.write_bytes(b"another file\n" * 20000)
    with pytest.raises(HighwaterError, match="belongs to a file that stood"):
        compress(log)
    assert log.read_bytes() == b"another file\n" * 20000


def test_hard_links_symbolic_links_and_what_is_no_file(log, tmp_path):
    os.link(log, tmp_path / "second")
    with pytest.raises(HighwaterError, match="2 names"):
        compress(log)
    os.unlink(tmp_path / "second")
    os.symlink(log, tmp_path / "link")
    with pytest.raises(HighwaterError, match="symbolic link"):
        compress(tmp_path / "link")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(HighwaterError, match="is a FIFO: name a regular file"):
        compress(tmp_path / "fifo")
    with pytest.raises(HighwaterError, match="does not exist"):
        compress(tmp_path / "nothing")


def test_a_gz_that_is_there_is_not_overwritten(log):
    (log.parent / "app.log.gz").write_bytes(b"precious")
    content = log.read_bytes()
    with pytest.raises(HighwaterError, match="is there already"):
        compress(log)
    assert (log.parent / "app.log.gz").read_bytes() == b"precious"
    assert log.read_bytes() == content


def test_a_file_of_others_in_place_of_the_part_file(log):
    content = log.read_bytes()
    (log.parent / ".app.log.highwater").write_bytes(b"precious bytes of somebody")
    with pytest.raises(HighwaterError, match="not a part file of ours"):
        compress(log)
    assert (log.parent / ".app.log.highwater").read_bytes() == b"precious bytes of somebody"
    os.unlink(log.parent / ".app.log.highwater")
    os.symlink("/etc/passwd", log.parent / ".app.log.highwater")
    with pytest.raises(HighwaterError, match="symbolic link"):
        compress(log)
    assert log.read_bytes() == content


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_part_file_of_somebody_else_is_not_trusted_even_if_the_log_is_theirs(log):
    """Whole and of this very original: its owner could have made it, and may have it open for writing."""
    os.chown(log, SOMEBODY, -1)
    with pytest.raises(Unfinished):
        compress(log, slice_=OneBlock())
    part = log.parent / ".app.log.highwater"
    os.chown(part, SOMEBODY, -1)
    before = log.read_bytes(), part.read_bytes()
    for work in (compress, restore):
        with pytest.raises(HighwaterError, match="belongs to somebody else") as caught:
            work(log)
        assert caught.value.reason == "not_ours"
    assert (log.read_bytes(), part.read_bytes()) == before


def test_a_name_that_is_too_long(log):
    path = log.parent / ("x" * 250)
    os.rename(log, path)
    with pytest.raises(HighwaterError, match="has 250 bytes"):
        compress(path)
