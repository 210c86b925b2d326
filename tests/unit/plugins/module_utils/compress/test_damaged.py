# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part files of which the disk has made something else. It would take one that is taken for torn, and cut off, though
the original has holes in the place of its bytes, for these to fail."""

from __future__ import annotations

import errno
import gzip
import os
from functools import partial

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compress import blocks, member
from ansible_collections.highwater.memory.plugins.module_utils.compress import work as work_
from ansible_collections.highwater.memory.plugins.module_utils.compress.member import HEADER
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Unfinished

from .conftest import BLOCK, OneBlock, compress, dying, log_lines, readable, restore

BLOCKS = 3  # that are compressed when the run is put down
UNREAD = set(range(4, 10))  # of a member's header, what only gunzip looks at: mtime, a hint on the level, the system


def begun(log, content, count=BLOCKS):
    """A run that was put down after so many blocks, from the start; the members of its part file."""
    for name in os.listdir(log.parent):
        os.unlink(log.parent / name)
    log.write_bytes(content)
    for _block in range(count):
        with pytest.raises(Unfinished):
            compress(log, slice_=OneBlock())
    return members_of(part_of(log))


def part_of(log):
    return log.parent / ".app.log.highwater"


def members_of(part):
    with open(part, "rb") as file:
        return member.read_chain(file.fileno())


def with_byte(data, at, mask):
    changed = bytearray(data)
    changed[at] ^= mask
    return bytes(changed)


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
@pytest.mark.parametrize("at", range(BLOCKS))
def test_no_byte_of_a_header_or_a_length_that_is_another_costs_a_byte(log, at, mask):
    """Whatever it makes of the member: one of another file, one that ends elsewhere, none at all."""
    content, part = log.read_bytes(), part_of(log)
    members = begun(log, content)
    one, good, holes = members[at], part.read_bytes(), log.read_bytes()
    end = one.at + one.packed
    read = [one.at + place for place in range(HEADER) if place not in UNREAD] + list(range(end - 4, end))
    for place in read:
        damaged = with_byte(good, place, mask)
        part.write_bytes(damaged)
        for work in (compress, restore):
            with pytest.raises(HighwaterError) as caught:
                work(log, slice_=OneBlock())
            assert caught.value.reason in ("verify", "other_file", "not_ours"), place - one.at
            assert (part.read_bytes() == damaged, log.read_bytes() == holes) == (True, True), place - one.at
    part.write_bytes(good)
    compress(log)
    assert readable(log) == content


@pytest.mark.parametrize("at", range(BLOCKS))
def test_a_page_of_zeros_in_place_of_a_member_costs_no_byte(log, at):
    """A write that the disk has lost, or a block that it has put elsewhere."""
    content, part = log.read_bytes(), part_of(log)
    one = begun(log, content)[at]
    damaged = bytearray(part.read_bytes())
    damaged[one.at : one.at + 4096] = bytes(4096)
    part.write_bytes(damaged)
    holes = log.read_bytes()
    for work in (compress, restore):
        with pytest.raises(HighwaterError, match=r"zcat .*\.app\.log\.highwater") as caught:
            work(log)
        assert caught.value.reason == "verify"
        assert (part.read_bytes(), log.read_bytes()) == (damaged, holes)


def test_a_damaged_member_is_found_though_a_block_before_it_is_back(log):
    """A power cut on btrfs, and a wrong bit: the block that is back says nothing about the last one."""
    content, part = log.read_bytes(), part_of(log)
    last = begun(log, content)[-1]
    damaged = with_byte(part.read_bytes(), last.at + last.packed - 8, 1)  # of its checksum
    part.write_bytes(damaged)
    with open(log, "r+b") as file:
        file.write(content[:BLOCK])
    for work in (compress, restore):
        with pytest.raises(HighwaterError, match="damaged") as caught:
            work(log)
        assert caught.value.reason == "verify"
        assert part.read_bytes() == damaged


@pytest.mark.parametrize("size", [1, 100, 4095])
def test_a_damaged_member_of_a_block_that_is_no_whole_page(log, monkeypatch, size):
    """Punched, it turns into zeros and not into a hole."""
    content, part = log.read_bytes()[: BLOCK + size], part_of(log)
    begun(log, content, 1)
    with monkeypatch.context() as patch:
        patch.setattr(work_, "_name_result", partial(_fails, errno.EIO))
        with pytest.raises(OSError, match="Input/output error"):
            compress(log)
    last = members_of(part)[-1]
    assert (last.offset, last.length) == (BLOCK, size)
    damaged = with_byte(part.read_bytes(), last.at + last.packed - 8, 1)
    part.write_bytes(damaged)
    for work in (compress, restore):
        with pytest.raises(HighwaterError, match="damaged"):
            work(log)
        assert (part.read_bytes(), log.read_bytes()) == (damaged, bytes(BLOCK + size))


def test_a_lost_page_in_the_middle_is_found_though_its_block_is_back(log):
    """By the members that follow."""
    content, part = log.read_bytes(), part_of(log)
    one = begun(log, content)[1]
    damaged = bytearray(part.read_bytes())
    damaged[one.at : one.at + 4096] = bytes(4096)
    part.write_bytes(damaged)
    with open(log, "r+b") as file:
        file.seek(BLOCK)
        file.write(content[BLOCK : 2 * BLOCK])
    for work in (compress, restore):
        with pytest.raises(HighwaterError, match="damaged"):
            work(log)
        assert part.read_bytes() == damaged


def test_a_part_file_of_another_version_is_not_cut_off(log):
    """Which may have another field, or more in it."""
    content, part = log.read_bytes(), part_of(log)
    begun(log, content)
    later = part.read_bytes().replace(b"HW\x30\x00", b"HX\x30\x00")
    assert later != part.read_bytes()
    part.write_bytes(later)
    for work in (compress, restore):
        with pytest.raises(HighwaterError):
            work(log)
        assert part.read_bytes() == later


@pytest.mark.parametrize("kept", [1, 3, 4, HEADER - 1, HEADER, HEADER + 1, 5000])
@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("before", [0, 2])
def test_what_is_torn_is_still_cut_off_and_gone_on_with(log, kept, filled, before):
    """As much of a member as had reached the disk, and then nothing, or the length with zeros."""
    content, part = log.read_bytes(), part_of(log)
    members = begun(log, content, before) if before else begun(log, content, 1)[:0]
    if not before:
        restore(log)
    with open(log, "rb") as file:
        stamp = members[0].stamp if members else _stamp_of(file.fileno())
        block = os.pread(file.fileno(), BLOCK, before * BLOCK)
    torn = member.pack(stamp, before * BLOCK, block, 6)
    with open(part, "ab") as file:
        file.write(torn[:kept] + bytes(filled * (len(torn) - kept)))
    assert readable(log)[: before * BLOCK] == content[: before * BLOCK]
    compress(log)
    assert os.listdir(log.parent) == ["app.log.gz"]
    assert readable(log) == content


def _stamp_of(fd):
    found = os.fstat(fd)
    return member.Stamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_blocks * 512)


def test_what_is_torn_at_a_place_that_has_always_been_a_hole(log):
    """A sparse file: that there is a hole proves nothing there."""
    content = bytes(4 * BLOCK) + log_lines(3 * BLOCK, seed=5)
    with open(log, "wb") as file:
        file.truncate(4 * BLOCK)
        file.seek(4 * BLOCK)
        file.write(content[4 * BLOCK :])
    with pytest.raises(Unfinished):
        compress(log, slice_=OneBlock())
    stamp = members_of(part_of(log))[0].stamp
    torn = member.pack(stamp, BLOCK, bytes(BLOCK), 6)
    with open(part_of(log), "ab") as file:
        file.write(torn[:-3])
    compress(log)
    assert readable(log) == content


# -- what only seems to be on the disk -------------------------------------------------------------


def test_a_member_that_only_the_page_cache_has_is_not_believed(log, monkeypatch):
    """Its fdatasync failed, and before it could be cut off the run was killed: the kernel shows it until the pages go,
    and has told of the error once. Here they go where we let go of them.
    """
    content, part, fadvise = log.read_bytes(), part_of(log), os.posix_fadvise
    with monkeypatch.context() as patch:
        patch.setattr(blocks, "punch", partial(_fails, errno.EIO))
        with pytest.raises(OSError, match="Input/output error"):
            compress(log)
    size, inode, lost = part.stat().st_size, part.stat().st_ino, []
    assert len(members_of(part)) == 1

    def and_pages_go(fd, offset, length, advice):
        if advice == os.POSIX_FADV_DONTNEED and os.fstat(fd).st_ino == inode and not lost:
            lost.append(part.write_bytes(bytes(size)))
        fadvise(fd, offset, length, advice)

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fadvise", and_pages_go)
        compress(log)
    assert lost
    assert readable(log) == content


def test_what_the_disk_does_not_have_gives_nothing_up(log, monkeypatch):
    """The page cache has all of the member, the disk another byte in it."""
    content, part, fadvise, lost = log.read_bytes(), part_of(log), os.posix_fadvise, []

    def and_pages_go(fd, offset, length, advice):
        if advice == os.POSIX_FADV_DONTNEED and part.exists() and part.stat().st_size and not lost:
            data = part.read_bytes()
            lost.append(part.write_bytes(with_byte(data, len(data) - 20, 1)))
        fadvise(fd, offset, length, advice)

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fadvise", and_pages_go)
        with pytest.raises(HighwaterError, match="does not give back what was written") as caught:
            compress(log)
    assert caught.value.reason == "verify"
    assert log.read_bytes() == content


def _fails(number, *_arguments):
    raise OSError(number, os.strerror(number))


# -- errors that come in twos -------------------------------------------------------------------------


class Twice:
    """Stands in for calls: those of number ``at`` and the one after it fail; a write takes half of its bytes first."""

    def __init__(self, at, number):
        self.at, self.number, self.count = at, number, 0

    def __call__(self, call):
        def or_fail(*arguments, **more):
            self.count += 1
            if self.count in (self.at, self.at + 1):
                if call is WRITE:
                    call(arguments[0], arguments[1][: len(arguments[1]) // 2])
                raise OSError(self.number, os.strerror(self.number))
            return call(*arguments, **more)

        return or_fail


WRITE = os.write


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("work", [compress, restore])
def test_two_errors_one_after_the_other(tmp_path, log, monkeypatch, number, work):
    """A write that stops half-way, and then the way back to before it: btrfs that is full can do neither. What is
    appended behind the rest of it would be lost to whoever reads the chain.
    """
    content = log.read_bytes()[: 4 * BLOCK + 12345]
    twice, at = Twice(0, number), 0
    while twice.count >= at:
        at += 1
        path = tmp_path / str(at) / "app.log"
        path.parent.mkdir()
        path.write_bytes(content)
        if work is restore:
            assert dying(20, partial(compress, path)) == 9
        twice = Twice(at, number)
        with monkeypatch.context() as patch:
            for name in ("write", "fdatasync", "fsync", "ftruncate", "link", "unlink"):
                patch.setattr(os, name, twice(getattr(os, name)))
            patch.setattr(blocks, "punch", twice(blocks.punch))
            try:
                work(path)
            except (OSError, HighwaterError):
                pass
        assert readable(path) == content, "calls %d and the next failed" % at
        if path.exists():
            work(path)
        left = "app.log.gz" if work is compress else "app.log"
        assert os.listdir(path.parent) == [left]
        with gzip.open(path.parent / left) if work is compress else open(path, "rb") as file:
            assert file.read() == content
    assert at > 12
