# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chains of members, whole, torn and damaged. It would take a member that is believed though a byte of it is missing or
another, for these to fail."""

from __future__ import annotations

import gzip
import os
import signal
import struct

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compress.member import (
    HEADER,
    Stamp,
    holds,
    is_whole,
    pack,
    read_chain,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

STAMP = Stamp(inode=77, size=10**9, mtime_ns=1_700_000_000_123456789, on_disk=4096)
BLOCKS = st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=5)
SETTINGS = settings(derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def chain_of(blocks):
    parts, offset = [], 0
    for block in blocks:
        parts.append(pack(STAMP, offset, block, 6))
        offset += len(block)
    return parts


def written(folder, data):
    path = folder / "part"
    path.write_bytes(data)
    return os.open(path, os.O_RDONLY)


@SETTINGS
@given(blocks=BLOCKS)
def test_a_chain_is_an_ordinary_gzip_and_says_where_its_bytes_belong(tmp_path, blocks):
    fd = written(tmp_path, b"".join(chain_of(blocks)))
    try:
        members = read_chain(fd)
        original = b"".join(blocks)
        assert gzip.decompress((tmp_path / "part").read_bytes()) == original
        assert [member.length for member in members] == [len(block) for block in blocks]
        assert all(holds(fd, member, lambda length, at: original[at : at + length]) for member in members)
        assert {member.stamp for member in members} == {STAMP}
    finally:
        os.close(fd)


@SETTINGS
@given(blocks=BLOCKS, data=st.data())
def test_cut_off_anywhere_only_whole_members_count(tmp_path, blocks, data):
    parts = chain_of(blocks)
    cut = data.draw(st.integers(0, sum(map(len, parts)) - 1))
    whole = [sum(map(len, parts[: count + 1])) <= cut for count in range(len(parts))].count(True)
    fd = written(tmp_path, b"".join(parts)[:cut])
    try:
        assert len(read_chain(fd)) == whole
    finally:
        os.close(fd)


@SETTINGS
@given(blocks=BLOCKS, data=st.data())
def test_a_last_member_with_a_wrong_byte_in_what_it_holds_does_not_count(tmp_path, blocks, data):
    parts = chain_of(blocks)
    last = bytearray(parts[-1])
    place = data.draw(st.integers(62, len(last) - 1))  # behind the header
    last[place] ^= data.draw(st.integers(1, 255))
    fd = written(tmp_path, b"".join(parts[:-1]) + bytes(last))
    try:
        members = read_chain(fd)
        # A bit that deflate does not use may differ: then what comes out is still every byte of the block.
        good = len(members) == len(parts) and is_whole(fd, members[-1])
        assert good or len(members) == len(parts) - 1
        original = b"".join(blocks)
        assert all(holds(fd, member, lambda length, at: original[at : at + length]) for member in members)
    finally:
        os.close(fd)


def test_a_gzip_of_somebody_else_is_no_chain(tmp_path):
    fd = written(tmp_path, gzip.compress(b"x" * 1000))
    assert read_chain(fd) == ()
    os.close(fd)


@pytest.mark.parametrize("before", [b"", pack(STAMP, 0, b"", 6)])
@pytest.mark.parametrize("packed", [0, 1, HEADER])
def test_a_member_of_no_length_ends_the_chain(tmp_path, before, packed):
    """Crafted by whoever can write to the folder: believed, the chain would be read at one place for ever."""
    part = bytearray(before + pack(STAMP, 0, b"", 6))
    struct.pack_into("<II", part, len(before) + HEADER - 8, 0, packed)
    fd = written(tmp_path, bytes(part))
    signal.alarm(10)  # ends the whole run, since nothing else would
    try:
        assert read_chain(fd) == ()
    finally:
        signal.alarm(0)
        os.close(fd)


def test_a_member_that_holds_other_bytes_than_the_original(tmp_path):
    fd = written(tmp_path, pack(STAMP, 0, b"what was", 6))
    member = read_chain(fd)[0]
    assert holds(fd, member, lambda length, at: b"what was"[at : at + length])
    assert not holds(fd, member, lambda length, at: b"what Was"[at : at + length])
    assert not holds(fd, member, lambda length, at: b"what"[at : at + length])
    os.close(fd)


@pytest.mark.parametrize("level", [1, 9])
def test_levels(tmp_path, level):
    data = b"some line of a log\n" * 1000
    assert gzip.decompress(pack(STAMP, 0, data, level)) == data
