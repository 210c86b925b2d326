# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the file that a hibernated system would be woken from is taken for another, or another for that one."""

from __future__ import annotations

import os
import struct

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import btrfs, extents, resume
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_file
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.resume import Resume


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"sys/power/resume": "8:1\n", "sys/power/resume_offset": "0\n"}, None),
        ({"sys/power/resume": "8:1\n", "sys/power/resume_offset": "34816\n"}, Resume("8:1", 34816)),
        ({"sys/power/resume": "0:0\n", "sys/power/resume_offset": "34816\n"}, Resume(None, 34816)),
        ({"proc/cmdline": "quiet resume=/dev/sda1 resume_offset=34816\n"}, Resume(None, 34816)),
        ({"proc/cmdline": "resume_offset=1 resume_offset=2"}, Resume(None, 2)),
        ({"proc/cmdline": "xresume_offset=1"}, None),
        # What the command line said may have been changed since.
        ({"proc/cmdline": "resume_offset=1", "sys/power/resume_offset": "0\n"}, None),
    ],
)
def test_observe(tmp_path, files, expected):
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert resume.observe(Host(str(tmp_path))) == expected


PAGE = 4096


@pytest.mark.parametrize(
    ("where", "place", "expected"),
    [
        (Resume("8:1", 34816), 34816 * PAGE, True),
        (Resume(None, 34816), 34816 * PAGE, True),
        (Resume("8:2", 34816), 34816 * PAGE, False),
        (Resume("8:1", 5), 34816 * PAGE, False),
        (Resume("8:1", 99), None, True),
        (Resume("8:2", 99), None, False),
    ],
)
def test_is_from(where, place, expected):
    assert resume.is_from(where, "8:1", place, PAGE) is expected


# What Linux 6.18 says of a btrfs on which `btrfs inspect-internal map-swapfile` finds a swapfile at page 35072 of the
# device: each chunk's address, length and place, and the file's address by FIEMAP.
CHUNKS = [
    (13631488, 8388608, 13631488),
    (22020096, 8388608, 22020096),
    (30408704, 33554432, 38797312),
    (63963136, 50331648, 105906176),
    (114294784, 50331648, 156237824),
]
ADDRESS = 101711872


def kernel_with(chunks, at_once, stripes=1):
    """The ioctl as the kernel answers it, with so many chunks in one answer."""

    def ioctl(_fd, request, args, _mutate):
        assert request == 0xD0009411
        tree, low, high, first, last, _low_id, _high_id, low_type, high_type, most = struct.unpack_from("=7Q3I", args)
        assert (tree, low, high, low_type, high_type) == (3, 256, 256, 228, 228)
        found = [chunk for chunk in chunks if first <= chunk[0] <= last][: min(at_once, most)]
        struct.pack_into("=I", args, 64, len(found))
        at = 104
        for address, length, place in found:
            item = struct.pack("<4Q3I2H", length, 2, 65536, 1, 4096, 4096, 4096, stripes, 1)
            item += struct.pack("<2Q16s", 1, place, b"") * stripes
            struct.pack_into("=3Q2I", args, at, 7, 256, address, 228, len(item))
            args[at + 32 : at + 32 + len(item)] = item
            at += 32 + len(item)

    return ioctl


@pytest.mark.parametrize("at_once", [1, 2, 35])
@pytest.mark.parametrize(
    ("address", "place"),
    [(ADDRESS, 35072 * PAGE), (152043520, 47360 * PAGE), (13631488, 13631488), (1, None), (1 << 40, None)],
)
def test_where_on_its_device_btrfs_has_an_address(monkeypatch, at_once, address, place):
    monkeypatch.setattr(btrfs.fcntl, "ioctl", kernel_with(CHUNKS, at_once))
    assert btrfs.place_of(0, address) == place


def test_what_is_in_several_places_is_in_none_of_them(monkeypatch):
    monkeypatch.setattr(btrfs.fcntl, "ioctl", kernel_with(CHUNKS, 35, stripes=2))
    assert btrfs.place_of(0, ADDRESS) is None


def test_a_kernel_that_does_not_say(tmp_path):
    with open(str(tmp_path / "file"), "wb") as file:
        assert btrfs.place_of(file.fileno(), ADDRESS) is None


@pytest.mark.parametrize(("kind", "offset", "expected"), [
    ("ext4", ADDRESS // PAGE, True),
    ("ext4", 35072, False),
    ("btrfs", ADDRESS // PAGE, False),
    ("btrfs", 35072, True),
])  # fmt: skip
def test_the_file_is_known_by_its_place(tmp_path, world, monkeypatch, kind, offset, expected):
    """Fails where each file of a btrfs is taken for the one that another one is: it could neither change nor go."""
    host = Host(str(tmp_path))
    host.install("/proc/self/mountinfo", "1 0 0:30 / / rw - %s none rw\n" % kind)
    host.install("/swap/file", "")
    monkeypatch.setattr(extents, "read_extents", lambda fd: [extents.Extent(0, 1 << 20, 0, ADDRESS)])
    for name, answer in (("place_of", 35072 * PAGE), ("count_devices", 1), ("keeps_copies", False)):
        monkeypatch.setattr(btrfs, name, lambda *_, answer=answer: answer)
    machine = world.machine()._replace(resumes_from=Resume(None, offset))
    assert observe_file(host, machine, world.PATH).resumes is expected


def test_a_file_whose_place_is_not_known_may_be_it(tmp_path, world, monkeypatch):
    host = Host(str(tmp_path))
    host.install("/proc/self/mountinfo", "1 0 0:30 / / rw - ext2 none rw\n")
    host.install("/swap/file", "")
    monkeypatch.setattr(extents, "read_extents", lambda fd: None)
    assert observe_file(host, world.machine()._replace(resumes_from=Resume(None, 99)), world.PATH).resumes


def test_device_of(tmp_path):
    status = os.stat(str(tmp_path))
    number = "%d:%d" % (os.major(status.st_dev), os.minor(status.st_dev))
    assert resume.device_of(status, "tmpfs") == number
    assert resume.device_of(status, "/dev/null") == "1:3"
