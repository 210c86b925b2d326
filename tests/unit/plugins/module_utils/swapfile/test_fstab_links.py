# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a line of fstab that names the swapfile through a link is not known as the swapfile's: present would put
a second one beside it, and absent leave one that names nothing.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_file

OTHERS = "/other/file none swap sw 0 0\n/link none ext4 defaults 0 0\n/dev/vdb1 none swap sw 0 0\n"


@pytest.fixture
def host(tmp_path):
    """/link leads to /swap, /data/swapfile to the file there."""
    it = Host(str(tmp_path))
    it.install("/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    it.link("/link", "swap")
    it.link("/data/swapfile", "../swap/file")
    it.link("/dev/vdb1", "/swap/file")  # leads out of the sample
    it.make_folder("/other")
    return it


def fields(spec):
    return "%s none swap sw 0 0" % spec


@pytest.mark.parametrize("there", [True, False], ids=["there", "gone"])
@pytest.mark.parametrize("spec", ["/link/file", "//link/./file", "/data/swapfile", "/link/../swap/file", '/link"/file'])
def test_a_line_by_a_link(host, world, spec, there):
    host.link('/link"', "swap")
    if there:
        host.install("/swap/file", "")
    table = observe_file(host, world.machine(fstab=OTHERS + fields(spec) + "\n"), world.PATH).table
    assert table.raw() == (fields(spec),)
    assert table.with_line(world.OURS.rstrip()) == OTHERS + world.OURS
    assert table.with_line(None) == OTHERS


@pytest.mark.parametrize("spec", ["/link/other", "link/file", "/other/swap", "/link", "LABEL=/link/file"])
def test_a_line_of_others(host, world, spec):
    host.install("/swap/file", "")
    assert observe_file(host, world.machine(fstab=OTHERS + fields(spec) + "\n"), world.PATH).table.raw() == ()
