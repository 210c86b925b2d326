# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Purges that are put down and gone on with. Fails where the calls of one come to other figures than a single one
would, where a call goes on for long after its time, or where more is being written than it could wait for.
"""

from __future__ import annotations

import os

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Slice
from ansible_collections.highwater.memory.plugins.module_utils.page_cache import answer, counting, evict, workers

from .conftest import PAGE, cached, purge, write

FOLIO = evict.FOLIO


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_in_slices_comes_to_the_same_as_one(disk, monkeypatch, processes):
    """Each call is put down after every file, which no clock could be made to do: only is_over is a stand-in."""
    monkeypatch.setattr(workers, "workers", lambda: processes)
    files = [write(disk / ("%d/%d" % (number % 4, number)), PAGE * (1 + number % 3)) for number in range(40)]
    write(disk / "0/caf\udce9", PAGE)
    total = sum(cached(path) for path in files) + PAGE
    monkeypatch.setattr(Slice, "is_over", lambda self, left=0.0: True)
    monkeypatch.setattr(workers, "BETWEEN_LOOKS", 0.0)
    host, calls, percents = Host(), 0, []
    host.slice = Slice("run", 0.0)
    while True:
        done = purge(disk, host=host)
        calls += 1
        if "progress" not in done:
            break
        progress = done["progress"]
        percents.append(progress["done"] / progress["total"])
        host.slice = Slice("run", 0.0, progress["resume"])
        assert calls < 100
    assert calls > 10
    assert percents == sorted(percents)
    # Of two, which share files by their inodes, the last to be put down may be through with all but a few.
    assert percents[-1] > (0.9 if processes == 1 else 0.75)
    assert (done["errors"], [path for path in files if cached(path)]) == ([], [])
    assert (done["file_count"], done["bytes_cached_before"], done["bytes_evicted"]) == (41, total, total)


@pytest.mark.parametrize("options", [{}, {"min_cached": str(3 * FOLIO) + "B"}], ids=["all", "min_cached"])
def test_a_large_file_in_slices_counts_once(disk, monkeypatch, options):
    """min_cached is asked of the whole file, not of what is left of it by the time of a later call."""
    monkeypatch.setattr(evict, "WINDOW", FOLIO)
    monkeypatch.setattr(Slice, "is_over", lambda self, left=0.0: True)
    monkeypatch.setattr(workers, "BETWEEN_LOOKS", 0.0)
    for target in ("file", "."):
        path = write(disk / "file", 5 * FOLIO)
        host, calls = Host(), 0
        host.slice = Slice("run", 0.0)
        while True:
            done = purge(disk / target, host=host, **options)
            calls += 1
            assert calls < 20
            if "progress" not in done:
                break
            host.slice = Slice("run", 0.0, done["progress"]["resume"])
        assert calls >= 5
        assert (done["file_count"], done["bytes_cached_before"], cached(path)) == (1, 5 * FOLIO, 0)


def test_a_large_dirty_file_is_put_down_while_it_is_written(disk, counter, monkeypatch):
    """A disk may take minutes for what would be dropped at once. Fails where all of it is one piece of work.

    The kernel may have written it by itself before we come, so that it is only called dirty here.
    """
    count = counting.Counter.count

    def dirty(*asked):
        found = count(*asked)
        return found and (found[0], found[0])

    monkeypatch.setattr(counting.Counter, "count", dirty)
    monkeypatch.setattr(evict, "DIRTY_WINDOW", FOLIO)
    monkeypatch.setattr(Slice, "is_over", lambda self, left=0.0: True)
    monkeypatch.setattr(workers, "BETWEEN_LOOKS", 0.0)
    path = write(disk / "file", 5 * FOLIO, sync=False)
    host, left = Host(), []
    host.slice = Slice("run", 0.0)
    while True:
        done = purge(path, host=host)
        left.append(cached(path))
        assert len(left) < 20
        if "progress" not in done:
            break
        host.slice = Slice("run", 0.0, done["progress"]["resume"])
    assert left == [4 * FOLIO, 3 * FOLIO, 2 * FOLIO, FOLIO, 0]
    assert (done["file_count"], done["bytes_cached_before"], done["bytes_evicted"]) == (1, 5 * FOLIO, 5 * FOLIO)


def test_the_last_file_is_put_down_too_where_it_alone_takes_long(disk, monkeypatch):
    """Of a tree that is nearly done little is left, of its last file much may be. Fails where the terminal is silent
    for as long as that takes. Each part takes a second by a clock of the test's, which nothing else moves.
    """
    now = [1000.0]
    monkeypatch.setattr(evict, "WINDOW", FOLIO)
    monkeypatch.setattr(workers.time, "monotonic", lambda: now[0])
    drop = evict.Evictor._drop

    def slow(self, fd, offset, length, before, written):
        now[0] += 1.0
        drop(self, fd, offset, length, before, written)

    monkeypatch.setattr(evict.Evictor, "_drop", slow)
    for number in range(200):
        (disk / ("empty%d" % number)).touch()
    path = write(disk / "large", 16 * FOLIO)
    position = workers.Walk.__init__.__globals__["_Level"].position
    monkeypatch.setattr(workers.Walk.__init__.__globals__["_Level"], "position", lambda self: (200, position(self)[1]))
    request = answer.asked.__globals__["Request"]()
    work = workers.Work(str(disk), request, counting.Counter(), Slice("run", now[0] + 4.5), frozenset())
    share = workers._purge_share(work, 0, 1, None)
    assert share.place is not None
    assert (share.place.names, share.place.offset) == (["large"], 5 * FOLIO)
    assert 200 / 201 < share.place.fraction < 1
    assert cached(path) == 11 * FOLIO
    work = work._replace(slice_=Slice("run", now[0] + 8.5))
    share = workers._purge_share(work, 0, 1, share.place)
    assert (share.place, cached(path)) == (None, 0), "what takes less than another call would is finished"


def test_no_more_is_being_written_than_can_soon_be_waited_for(disk, monkeypatch):
    """Files whose pages are on their way to the disk are open. Fails where a run that is to be put down would have to
    wait for as many as there are, however large.
    """
    monkeypatch.setattr(evict, "WRITING_BYTES", 6 * PAGE)
    totals = evict.Totals()
    evictor = evict.Evictor(answer.asked.__globals__["Request"](), counting.Counter(), totals)
    paths = [write(disk / ("%d" % number), 2 * PAGE, sync=False) for number in range(20)]
    before, opened = len(os.listdir("/proc/self/fd")), []
    for path in paths:
        evictor.file(os.open(path, os.O_RDONLY))
        opened.append(len(os.listdir("/proc/self/fd")) - before)
    evictor.finish()
    assert max(opened) <= 3
    assert (totals.files, totals.after, sum(cached(path) for path in paths)) == (20, 0, 0)
    assert len(os.listdir("/proc/self/fd")) == before
