# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real files, really dropped. Fails where a page stays that should go, goes that should stay, or is counted otherwise
than mincore(2) has it; where anything but a regular file is opened, a link followed, or a changing tree is an error.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import threading

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice
from ansible_collections.highwater.memory.plugins.module_utils.page_cache import answer, counting, evict, workers

from .conftest import PAGE, cached, counted_by, purge, write

SIZE = 16 * PAGE
FOLIO = evict.FOLIO


def test_a_tree_is_dropped_and_counted(disk, counter):
    files = [write(disk / name) for name in ("a", "b/c", "b/d/e")]
    assert [cached(path) for path in files] == [SIZE] * 3
    done = purge(disk)
    assert [cached(path) for path in files] == [0] * 3
    assert (done["file_count"], done["bytes_cached_before"], done["bytes_cached_after"]) == (3, 3 * SIZE, 0)
    assert (done["bytes_evicted"], done["changed"], done["counted_by"]) == (3 * SIZE, True, counter)
    assert done["bytes_dirty"] == (0 if counter == "cachestat" else None)
    again = purge(disk)
    assert (again["file_count"], again["bytes_evicted"], again["changed"], again["actions"]) == (3, 0, False, [])


def test_check_mode_counts_and_drops_nothing(disk, counter):
    path = write(disk / "a")
    write(disk / "dirty", sync=False)
    done = purge(disk, check_mode=True)
    assert (done["bytes_cached_before"], done["bytes_evicted"], done["changed"]) == (2 * SIZE, 2 * SIZE, True)
    assert cached(path) == SIZE


def test_dirty_pages_are_written_first_and_with_sync_false_left(disk, counter):
    kept = write(disk / "kept", sync=False)
    done = purge(disk, sync=False)
    if counter == "cachestat":
        assert done["bytes_cached_after"] == done["bytes_dirty"] + done["bytes_mapped_or_locked"]
    data = kept.read_bytes()
    gone = [write(disk / ("gone%d" % number), sync=False) for number in range(3 * evict.WRITING)]
    done = purge(disk)
    assert sum(cached(path) for path in [kept, *gone]) == 0
    assert done["bytes_cached_after"] == 0
    assert kept.read_bytes() == data


@pytest.mark.skipif(counted_by() != "cachestat", reason="this kernel does not tell what is dirty")
def test_without_sync_what_is_dirty_stays_and_is_called_dirty(disk):
    path = write(disk / "a", 256 * PAGE, sync=False)
    done = purge(path, sync=False, check_mode=True)
    assert done["bytes_dirty"] == done["bytes_cached_after"] == 256 * PAGE
    assert done["bytes_evicted"] == 0
    assert cached(path) == 256 * PAGE


def test_what_is_mapped_or_locked_stays_and_is_told(disk, counter):
    path = write(disk / "a")
    with open(path, "r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED)
        start = ctypes.c_char.from_buffer(mapping)
        touched = mapping[0] + mapping[5 * PAGE]  # two pages in the page tables, or more by fault-around
        locked = ctypes.CDLL(None).mlock(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(8 * PAGE)) == 0
        done = purge(path)
        left = cached(path)
        assert touched is not None
        assert left >= (8 * PAGE if locked else 2 * PAGE)
        assert (done["bytes_cached_after"], done["bytes_mapped_or_locked"]) == (left, left)
        assert done["bytes_evicted"] == SIZE - left
        del start
        mapping.close()
    assert purge(path)["bytes_cached_after"] == 0


def test_the_tail_stays_to_the_page(disk, counter):
    path = write(disk / "log", 4 * FOLIO + 100)
    whole = cached(path)
    done = purge(path, keep_tail="%dB" % (2 * PAGE))
    # The last page holds 100 bytes; the range ends at a page, so that no more than asked for is dropped.
    left = cached(path)
    assert 3 * PAGE <= left < 3 * PAGE + FOLIO
    assert (done["bytes_cached_after"], done["bytes_evicted"]) == (left, whole - left)
    assert done["bytes_mapped_or_locked"] == 0
    small = write(disk / "small", PAGE)
    done = purge(small, keep_tail="1MiB")
    assert (cached(small), done["bytes_evicted"], done["bytes_cached_after"]) == (PAGE, 0, PAGE)


def test_large_files_go_in_parts(disk, counter, monkeypatch):
    monkeypatch.setattr(evict, "WINDOW", FOLIO)
    path = write(disk / "large", 5 * FOLIO + 1, sync=False)
    done = purge(path)
    assert (cached(path), done["bytes_evicted"], done["file_count"]) == (0, 5 * FOLIO + PAGE, 1)
    write(disk / "large", 5 * FOLIO + 1, sync=False)
    done = purge(path, keep_tail="%dB" % FOLIO)
    assert FOLIO < cached(path) == done["bytes_cached_after"] <= 2 * FOLIO + PAGE


def test_sparse_and_empty_files(disk, counter):
    with open(disk / "sparse", "wb") as file:
        file.truncate(2**33)
        file.seek(2**32)
        file.write(b"x" * PAGE)
    (disk / "empty").touch()
    done = purge(disk)
    assert (done["file_count"], done["bytes_evicted"], done["error_count"]) == (2, PAGE, 0)


def test_nothing_but_regular_files_is_opened_and_no_link_followed(disk, tmp_path_factory):
    outside = write(tmp_path_factory.mktemp("outside") / "file")
    tree = disk / "tree"
    inside = write(tree / "inside")
    os.symlink(outside, tree / "link")
    os.symlink(outside.parent, tree / "folder")
    os.symlink("nowhere", tree / "dangling")
    os.mkfifo(tree / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    folder = os.open(tree, os.O_RDONLY)
    listener.bind("/proc/self/fd/%d/socket" % folder)  # a path of its own may be too long
    os.close(folder)
    if os.geteuid() == 0:
        os.mknod(tree / "device", 0o600 | 0o020000, os.makedev(1, 3))
    writers = []

    def waits_for_a_reader():
        try:
            writers.append(os.open(tree / "fifo", os.O_WRONLY))
        except OSError:
            pass

    waiting = threading.Thread(target=waits_for_a_reader, daemon=True)
    waiting.start()
    done = purge(tree)
    waiting.join(0.2)
    assert writers == [], "the FIFO was opened: its writer went on"
    listener.close()
    assert (done["file_count"], done["error_count"], done["errors"]) == (1, 0, [])
    assert (cached(inside), cached(outside)) == (0, SIZE)
    os.close(os.open(tree / "fifo", os.O_RDONLY | os.O_NONBLOCK))  # lets the writer go
    waiting.join()
    for fd in writers:
        os.close(fd)


def test_names_that_are_no_utf8(disk):
    name = os.fsencode(disk) + b"/caf\xe9\xff\n"
    os.mkdir(name)
    path = write(disk / "x").rename(os.fsdecode(name + b"/\x80log"))
    done = purge(disk, include=["*log"])
    assert (cached(path), done["file_count"], done["warnings"]) == (0, 1, [])


def test_files_that_go_while_the_tree_is_walked_are_no_errors(disk, monkeypatch):
    """Each is removed between the moment its name is read and the moment it is opened."""
    for number in range(8):
        write(disk / ("%d" % number))
    opened = workers.Walk.files.__globals__["open_file"]

    def too_late(name, folder=None):
        if name in "0246":
            os.unlink(name, dir_fd=folder)
        return opened(name, folder)

    monkeypatch.setitem(workers.Walk.files.__globals__, "open_file", too_late)
    done = purge(disk)
    assert (done["file_count"], done["error_count"]) == (4, 0)
    assert sorted(os.listdir(disk)) == list("1357")


def test_a_file_that_turns_into_a_link_is_not_followed(disk, monkeypatch, tmp_path_factory):
    outside = write(tmp_path_factory.mktemp("outside") / "file")
    write(disk / "a")
    opened = workers.Walk.files.__globals__["open_file"]

    def swapped(name, folder=None):
        os.unlink(name, dir_fd=folder)
        os.symlink(outside, name, dir_fd=folder)
        return opened(name, folder)

    monkeypatch.setitem(workers.Walk.files.__globals__, "open_file", swapped)
    done = purge(disk)
    assert (done["file_count"], done["error_count"], cached(outside)) == (0, 0, SIZE)


def test_a_file_that_grows_meanwhile(disk, counter):
    """Fails where nothing goes while somebody writes, or where more stays than was written since the purge began."""
    path = write(disk / "log", 4096 * PAGE)  # more than could be appended while it is dropped
    stop = threading.Event()

    def append():
        with open(path, "ab") as file:
            while not stop.wait(0.001):
                file.write(b"x" * PAGE)
                file.flush()

    writer = threading.Thread(target=append)
    writer.start()
    try:
        results = []
        for _turn in range(20):
            size = os.stat(path).st_size
            done = purge(path)
            results.append((done, os.stat(path).st_size - size))
    finally:
        stop.set()
        writer.join()
    for done, written_since in results:
        assert done["error_count"] == 0
        assert done["bytes_cached_after"] <= written_since
    first, written_since = results[0]
    assert first["bytes_evicted"] >= 4096 * PAGE - written_since > 0
    purge(path)
    assert cached(path) == 0


def test_globs_choose_by_the_path_below_the_folder(disk):
    names = ("a.log", "b.txt", "old/c.log", "cache/d.log", "cache/deep/e.log")
    files = {name: write(disk / name) for name in names}
    done = purge(disk, include=["*.log", "*.never"], exclude=["cache", "b*"])
    gone = sorted(name for name, path in files.items() if not cached(path))
    assert gone == ["a.log", "old/c.log"]
    assert done["file_count"] == 2
    assert done["warnings"] == ["include: *.never matches no file below %s" % disk]


def test_sizes_and_ages(disk):
    small, large = write(disk / "small", PAGE), write(disk / "large", 4 * PAGE)
    purge(disk, min_size="%dB" % (2 * PAGE))
    assert (cached(small), cached(large)) == (PAGE, 0)
    large.read_bytes()
    purge(disk, min_cached="%dB" % (2 * PAGE))
    assert (cached(small), cached(large)) == (PAGE, 0)
    os.utime(small, (0, os.stat(small).st_mtime - 3600))
    large.read_bytes()
    purge(disk, older_than="30m")
    assert (cached(small), cached(large)) == (0, 4 * PAGE)


def test_every_path_has_its_own_figures(disk):
    write(disk / "one/a")
    write(disk / "two/b")
    write(disk / "two/c")
    done = purge(disk / "one", disk / "two" / "b", str(disk) + "/tw*")
    rows = [(row["path"], row["file_count"], row["bytes_evicted"]) for row in done["paths"]]
    assert rows == [(str(disk / "one"), 1, SIZE), (str(disk / "two/b"), 1, SIZE), (str(disk / "two"), 2, SIZE)]
    assert (done["file_count"], done["bytes_evicted"]) == (4, 3 * SIZE)


def test_time_of_access_stays(disk):
    path = write(disk / "a")
    os.utime(path, (1000, 2000))
    purge(disk)
    assert (os.stat(path).st_atime, os.stat(path).st_mtime) == (1000, 2000)


def test_no_process_and_no_descriptor_is_left(disk):
    write(disk / "a/b/c")
    before = sorted(os.listdir("/proc/self/fd"))
    purge(disk)
    assert sorted(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_memory_does_not_grow_with_the_tree(disk):
    """A walk of 5,000 names needs no more than one of 100: peak of what Python has allocated."""
    import tracemalloc

    def peak(count):
        folder = disk / ("many%d" % count)
        folder.mkdir()
        for number in range(count):
            os.close(os.open(str(folder / ("%d" % number)), os.O_CREAT | os.O_WRONLY))
        work = workers.Work(
            str(folder), answer.asked.__globals__["Request"](), counting.Counter(), Slice(), frozenset()
        )
        tracemalloc.start()
        workers._purge_share(work, 0, 1, None)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)
    assert peak(5000) < 2 * peak(101)
