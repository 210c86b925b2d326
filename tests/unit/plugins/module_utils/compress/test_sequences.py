# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever happens to a file, one thing after the other, by seeds that are always the same: runs forwards and back that
are put down, killed, or meet errors, with other blocks each time, while the log goes on. It would take a state that one
of them leaves and another does not understand for these to fail."""

from __future__ import annotations

import errno
import os
import random
import zlib
from functools import partial

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compress import blocks
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Unfinished

from .conftest import BLOCK, CALLS, REQUEST, OneBlock, compress, dying, log_lines, restore

SEEDS = 50  # in each of so many tests
SIZES = (1, 4095, 4096, 4097, BLOCK, BLOCK + 1, 200000, 300001, 500000)
BLOCKS = (4096, BLOCK, 100000, 2 * BLOCK, 300000)


def content_of(chance):
    """Lines of a log, and zeros among them, which may be a hole or not."""
    content = bytearray(log_lines(chance.choice(SIZES), chance.random()))
    if chance.random() < 0.4:
        start = chance.randrange(len(content))
        end = min(len(content), start + chance.choice((100, 5000, 70000, 200000)))
        content[start:end] = bytes(end - start)
    return bytes(content)


def lay(path, content, sparse):
    with open(path, "wb") as file:
        file.truncate(len(content))
        for at in range(0, len(content), 4096):
            page = content[at : at + 4096]
            if not sparse or page.count(0) != len(page):
                file.seek(at)
                file.write(page)


def found(path):
    """What anybody can put together: the members that zlib unpacks, and the original from there on."""
    result, part = path.parent / "app.log.gz", path.parent / ".app.log.highwater"
    packed = next((one.read_bytes() for one in (part, result) if one.exists()), b"")
    whole = b""
    while packed:
        engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            member = engine.decompress(packed)
        except zlib.error:
            break
        if not engine.eof:
            break
        whole, packed = whole + member, engine.unused_data
    return whole + (path.read_bytes()[len(whole) :] if path.exists() else b"")


class Fault:
    """Calls of these numbers fail; a write may take half of its bytes first."""

    def __init__(self, at, width, number, halves):
        self.at, self.width, self.number, self.halves, self.count = at, width, number, halves, 0

    def stand_in(self, call, is_write=False):
        def or_fail(*arguments, **more):
            self.count += 1
            if self.at <= self.count < self.at + self.width:
                if is_write and self.halves:
                    call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise OSError(self.number, os.strerror(self.number))
            return call(*arguments, **more)

        return or_fail


def with_fault(chance, width, work):
    fault = Fault(chance.randrange(1, 40), width, chance.choice((errno.ENOSPC, errno.EIO)), chance.random() < 0.5)
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, fault.stand_in(getattr(os, name), name == "write"))
        patch.setattr(blocks, "punch", fault.stand_in(blocks.punch))
        work()


def happen(what, path, chance):
    """One thing; how it ends does not matter, but for a refusal that nothing gives a reason for."""
    request = REQUEST._replace(block_size=chance.choice(BLOCKS), workers=chance.choice((1, 2, 3)))
    forwards, back = partial(compress, path, request), partial(restore, path)
    try:
        if what == "killed":
            dying(chance.randrange(1, 40), forwards)
        elif what == "killed on the way back":
            dying(chance.randrange(1, 25), back)
        elif what == "a block":
            forwards(OneBlock())
        elif what == "a block back":
            back(OneBlock())
        elif what == "back with an error":
            with_fault(chance, 1, back)
        else:
            with_fault(chance, 2 if what == "two errors" else 1, forwards)
    except (Unfinished, OSError):
        pass
    except HighwaterError as error:
        if error.reason != "disk_full":
            raise


THINGS = (
    *("killed", "a block", "goes on", "an error", "two errors"),
    *("killed on the way back", "a block back", "back with an error"),
)


@pytest.mark.parametrize("turn", range(5))
def test_whatever_happens_the_bytes_are_there(tmp_path, log, turn):
    for seed in range(turn * SEEDS, (turn + 1) * SEEDS):
        chance = random.Random(seed)
        path = tmp_path / str(seed) / "app.log"
        path.parent.mkdir()
        content, happened = content_of(chance), []
        lay(path, content, sparse=chance.random() < 0.5)
        for _step in range(chance.randrange(3, 12)):
            happened.append(chance.choice(THINGS))
            if not path.exists():
                break
            if happened[-1] == "goes on":
                more = log_lines(chance.choice((1, 100, 5000, 70000)), chance.random())
                with open(path, "ab") as file:
                    file.write(more)
                content += more
            else:
                happen(happened[-1], path, chance)
            assert found(path) == content, (seed, happened)
        if path.exists():
            compress(path) if seed % 2 else restore(path)
            assert os.listdir(path.parent) == ["app.log.gz" if seed % 2 else "app.log"], (seed, happened)
        assert found(path) == content, (seed, happened)
