# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where cloud-init's swapfile is not seen, or where one is seen that it does not make."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import cloud_init, resource

MAIN, OFF, USER = cloud_init.MAIN, cloud_init.OFF, cloud_init.INSTANCE
ONE, TWO = ("%s/%s" % (cloud_init.FOLDER, name) for name in ("10_one.cfg", "90_two.cfg"))
BLOCK = "users: []\nswap:\n  # theirs\n  filename: /swap.img\n\n  size: auto\n  maxsize: 4G\nmounts: []\n"


@pytest.fixture
def host(tmp_path):
    host = Host(str(tmp_path))
    host.install(MAIN, "users:\n - default\n")
    return host


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, None),
        ({MAIN: BLOCK}, MAIN),
        ({ONE: BLOCK}, ONE),
        ({USER: "#cloud-config\n" + BLOCK}, USER),
        ({ONE: BLOCK.replace("\n", "\r\n")}, ONE),
        ({ONE: "swap: {filename: /swap.img, size: 1G}"}, ONE),
        ({ONE: 'swap: {"size": "auto", "filename": "/swap.img"}\n'}, ONE),
        ({ONE: "swap:\n  size: 512M  # its own name\n"}, ONE),
        ({ONE: "swap:\n  filename: '/swap.img'\n  size: 1"}, ONE),
        ({ONE: BLOCK, TWO: "swap: {size: 0}\n"}, None),
        ({ONE: "swap: {size: 0}\n", TWO: BLOCK}, TWO),
        ({ONE: BLOCK, USER: "swap:\n  size: 0\n"}, None),
        ({ONE: BLOCK, OFF: ""}, None),
        ({ONE: "swap:\n  filename: /swap.img\n"}, None),
        ({ONE: "swap:\n  filename: /other\n  size: 1G\n"}, None),
        ({ONE: "swap:\nfilename: /swap.img\nsize: 1G\n"}, None),
        ({ONE: "# " + BLOCK.replace("\n", "\n# ")}, None),
        ({ONE: "  swap:\n    size: 1G\n"}, None),
        ({ONE: "swap:\n  maxsize: 1G\n"}, None),
        ({ONE: BLOCK[:30]}, None),
        ({cloud_init.FOLDER + "/README": BLOCK}, None),
        ({ONE: "swap\x00: [}{"}, None),
    ],
)
def test_the_file_that_asks_for_it(host, files, found):
    for path, text in files.items():
        host.install(path, text)
    assert cloud_init.find(host, "/swap.img") == found


def test_without_cloud_init(tmp_path):
    host = Host(str(tmp_path))
    host.install(ONE, BLOCK)
    assert cloud_init.find(host, "/swap.img") is None


def test_it_is_named_whatever_is_done_to_the_file(world):
    state = world.settled_state(cloud_init=MAIN)
    for asked in ("present", "absent", "disabled"):
        (said,) = resource.warnings(resource.resolve(world.params(state=asked), (state,)), (state,))
        assert MAIN in said
        assert "/swap/file" in said
