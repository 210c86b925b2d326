# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The pages that fill memory, and what is read from /proc. (Filling itself is the demo.)"""

from __future__ import annotations

import os
import signal
import time
import zlib

import pytest

from demo import guest

PAGES = guest.MIB // guest.PAGE


def pages(chunk: bytearray) -> list[bytes]:
    return [bytes(chunk[start : start + guest.PAGE]) for start in range(0, len(chunk), guest.PAGE)]


@pytest.mark.parametrize("ratio", [2, 3, 4])
def test_pages_compress_as_told_each_by_itself(ratio: int) -> None:
    sizes = [len(zlib.compress(page)) for page in pages(guest.template(ratio))]
    assert ratio * 0.9 < guest.PAGE / (sum(sizes) / len(sizes)) <= ratio


def test_no_page_is_like_another_and_none_is_of_one_value() -> None:
    chunk = guest.template(3)
    seen: set[bytes] = set()
    for first in (0, PAGES, 2 * PAGES):
        guest.stamp(chunk, first)
        seen.update(pages(chunk))
    assert len(seen) == 3 * PAGES
    assert all(len(set(page)) > 1 for page in seen)


def test_watermarks_are_summed_over_zones_without_the_boost(monkeypatch: pytest.MonkeyPatch) -> None:
    zone = """, zone   DMA
  per-node stats
      nr_inactive_anon 1
  pages free     100
        boost    10
        min      20
        low      30
        high     40
        managed  900
        protection: (0, 900)
  pagesets
    cpu: 0
              high:  7
    """
    monkeypatch.setattr(guest, "text", lambda _path: f"Node 0{zone}\nNode 0{zone}")
    assert guest.watermarks() == {"min": 20 * guest.PAGE, "low": 40 * guest.PAGE, "high": 60 * guest.PAGE}


def test_swap_areas_come_in_the_order_of_their_use(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """Filename Type Size Used Priority
/swapfile file 1000 0 10
/dev/zram0 partition 500 20 100"""
    monkeypatch.setattr(guest, "text", lambda _path: text)
    assert guest.swaps() == [
        {"name": "/dev/zram0", "size": 500 * 1024, "used": 20 * 1024, "priority": 100},
        {"name": "/swapfile", "size": 1000 * 1024, "used": 0, "priority": 10},
    ]


def child_that_fills(mib: int, times: int) -> tuple[int, int]:
    """A process that tells `times` times of so many MiB more, ten times a second, and the pipe it tells it by."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(60)
        for _time in range(times):
            os.write(writer, b"." * mib)
            time.sleep(0.1)
        os._exit(0)
    os.close(writer)
    return child, reader


@pytest.mark.parametrize(("mib", "times", "why"), [(1, 400, "stalled"), (guest.AREA // guest.MIB, 30, None)])
def test_a_program_that_only_creeps_is_ended_and_one_that_goes_on_is_not(mib: int, times: int, why: str | None) -> None:
    """Fails where a MiB now and then counts as going on: a host that thrashes would be waited for to the limit."""
    child, reader = child_that_fills(mib, times)
    try:
        filled, _fullest, found = guest.follow(reader, child, 1)
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert found == why
    assert filled < 40 if why else filled == mib * times
