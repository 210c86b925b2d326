# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is on the disk before what, and what comes while a run is cut off. It would take a byte that was only in memory,
a log that goes on, or another file in the place of the log, for these to fail."""

from __future__ import annotations

import errno
import gzip
import os
import zlib
from functools import partial

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compress import blocks, work
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Unfinished

from .conftest import BLOCK, CALLS, REQUEST, Failing, OneBlock, compress, log_lines, readable, restore


def test_the_original_is_on_the_disk_before_its_first_block_goes(log, monkeypatch):
    """Else a power cut would take the end of a file that was written a moment ago, and the part file has its start."""
    inode, fsync, punch, seen = log.stat().st_ino, os.fsync, blocks.punch, []

    def synced(fd):
        seen.append(("fsync", os.fstat(fd).st_ino))
        fsync(fd)

    def punched(fd, offset, length):
        seen.append(("punch", os.fstat(fd).st_ino))
        punch(fd, offset, length)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(blocks, "punch", punched)
    with pytest.raises(Unfinished):
        compress(log, slice_=OneBlock())
    with open(log, "ab") as file:
        file.write(b"one more line\n")
    again = len(seen)
    compress(log)
    for run in (seen[:again], seen[again:]):
        assert ("fsync", inode) in run[: run.index(("punch", inode))]


@pytest.mark.parametrize("way", [compress, restore])
@pytest.mark.parametrize("added", [1, 4096, 3 * BLOCK + 5])
def test_a_log_that_goes_on_when_only_its_name_was_left_to_go(log, last_name_stays, way, added):
    """The power is cut at the very end, and the next boot starts who appends to it."""
    content, more = log.read_bytes(), log_lines(added, seed=3)
    with last_name_stays():
        compress(log)
    assert sorted(os.listdir(log.parent)) == ["app.log", "app.log.gz"]
    with open(log, "ab") as file:
        file.write(more)
    way(log)
    assert os.listdir(log.parent) == ["app.log.gz" if way is compress else "app.log"]
    assert readable(log) == content + more


def test_a_new_log_in_the_same_place_is_not_taken_for_one_that_goes_on(log, last_name_stays):
    """Even with the same inode number, which filesystems give away again at once."""
    with last_name_stays():
        compress(log)
    result = (log.parent / "app.log.gz").read_bytes()
    log.write_bytes(log_lines(9 * BLOCK, seed=8))
    with pytest.raises(HighwaterError, match="is there already") as caught:
        compress(log)
    assert caught.value.reason == "exists"
    assert not restore(log)  # there is nothing to undo
    assert (log.parent / "app.log.gz").read_bytes() == result
    assert log.read_bytes() == log_lines(9 * BLOCK, seed=8)


def test_a_log_that_is_rotated_at_the_very_end_takes_no_new_one_along(log, monkeypatch):
    """The name belongs to another file when it is its turn to go."""
    content, give = log.read_bytes(), work._give_metadata

    def then_rotated(*arguments):
        give(*arguments)
        os.rename(log, log.parent / "app.log.1")
        log.write_bytes(b"the new one\n")

    monkeypatch.setattr(work, "_give_metadata", then_rotated)
    with pytest.raises(HighwaterError, match="is another file since") as caught:
        compress(log)
    assert caught.value.reason == "changed"
    assert log.read_bytes() == b"the new one\n"
    with gzip.open(log.parent / "app.log.gz") as file:
        assert file.read() == content


def test_the_way_back_of_a_sparse_file_needs_no_more_room_than_it_held(log):
    """Holes stay holes: written as zeros, they might not fit on the disk."""
    content = bytearray(40 * BLOCK)
    content[17 * BLOCK : 18 * BLOCK] = log_lines(BLOCK, seed=2)
    content[39 * BLOCK + 100 : 39 * BLOCK + 200] = b"x" * 100
    with open(log, "wb") as file:
        file.truncate(len(content))
        for at in (17 * BLOCK, 39 * BLOCK + 100):
            file.seek(at)
            file.write(content[at : at + BLOCK].rstrip(b"\0"))
    os.sync()
    before = log.stat().st_blocks
    for _block in range(39):
        with pytest.raises(Unfinished):
            compress(log, slice_=OneBlock())
    restore(log)
    assert log.read_bytes() == content
    os.sync()
    assert log.stat().st_blocks <= before + 8  # the filesystem's own, at most


def test_the_block_size_is_another_in_each_run_and_the_log_goes_on(log):
    """Blocks that begin and end anywhere, within pages too."""
    content = log.read_bytes()
    for number, size in enumerate((BLOCK, 3 * BLOCK, BLOCK // 4, 100000, 4096)):
        with pytest.raises(Unfinished):
            compress(log, REQUEST._replace(block_size=size, level=1 + 2 * number, workers=1 + number), OneBlock())
        more = log_lines(1000 * number + 1, seed=number)
        with open(log, "ab") as file:
            file.write(more)
        content += more
        assert readable_by_zlib(log) == content
    with pytest.raises(Unfinished):
        restore(log, OneBlock())
    assert readable_by_zlib(log) == content
    compress(log, REQUEST._replace(block_size=10 * BLOCK))
    assert os.listdir(log.parent) == ["app.log.gz"]
    assert readable(log) == content


def readable_by_zlib(path):
    """As readable(), member by member, whatever their sizes."""
    packed, whole = (path.parent / ".app.log.highwater").read_bytes(), b""
    while packed:
        engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
        whole += engine.decompress(packed)
        assert engine.eof
        packed = engine.unused_data
    return whole + path.read_bytes()[len(whole) :]


@pytest.mark.parametrize("way", [compress, restore])
def test_an_error_at_every_single_read(tmp_path, log, monkeypatch, way):
    """A sector that cannot be read, of the original or of the part file: at the sample, at the read back, at a look."""
    content = log.read_bytes()[: 3 * BLOCK + 12345]
    failing, at = Failing(0, errno.EIO), 0
    while failing.count >= at:
        at += 1
        path = tmp_path / str(at) / "app.log"
        path.parent.mkdir()
        path.write_bytes(content)
        for _block in range(2):
            with pytest.raises(Unfinished):
                compress(path, slice_=OneBlock())
        failing, said = Failing(at, errno.EIO), None
        with monkeypatch.context() as patch:
            patch.setattr(os, "pread", failing(os.pread))
            try:
                way(path, **({"request": REQUEST._replace(workers=1)} if way is compress else {}))
            except OSError as error:
                said = error.errno
        assert said == (errno.EIO if failing.count >= at else None)
        assert readable(path) == content, "read %d failed" % at
        if path.exists():
            way(path)
        assert os.listdir(path.parent) == ["app.log.gz" if way is compress else "app.log"]
        assert readable(path) == content
    assert at > 10


@pytest.mark.parametrize("way", [compress, restore])
@pytest.mark.parametrize("second", [compress, restore])
def test_a_second_run_at_any_moment_of_the_first_does_nothing(tmp_path, log, monkeypatch, way, second):
    """Of somebody who has begun anew, while the first still runs on the host: between the names of the result, too,
    where each of the two would take one of them away.
    """
    content = log.read_bytes()[: BLOCK + 12345]
    at, count = 0, [0]
    while count[0] >= at:
        at += 1
        path = tmp_path / str(at) / "app.log"
        path.parent.mkdir()
        path.write_bytes(content)
        with pytest.raises(Unfinished):
            compress(path, slice_=OneBlock())
        count[0] = 0
        with monkeypatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, _and_second(getattr(os, name), at, count, partial(second, path)))
            patch.setattr(blocks, "punch", _and_second(blocks.punch, at, count, partial(second, path)))
            way(path)
        assert os.listdir(path.parent) == ["app.log.gz" if way is compress else "app.log"], at
        assert readable(path) == content
    assert at > 8  # of a single block


def _and_second(call, at, count, second):
    def both(*arguments, **more):
        count[0] += 1
        if count[0] == at:
            with pytest.raises(HighwaterError) as caught:
                second()
            assert caught.value.reason in ("lock", "open", "missing")  # missing: all but a folder is synced
        return call(*arguments, **more)

    return both
