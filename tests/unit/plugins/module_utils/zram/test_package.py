# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a package that was installed for a device is not named once it is of no use, or is while it is used.

What is done about its note is in cases/ours_*package*.txt.
"""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Remember
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource
from ansible_collections.highwater.memory.plugins.module_utils.zram.arguments import ARGUMENTS
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import KIND, PACKAGE_KIND

ABSENT = {**{name: option.get("default") for name, option in ARGUMENTS.items()}, "state": "absent"}


@pytest.fixture
def host(tmp_path):
    """A machine with two devices of ours, and what was installed for the first."""
    host = Host(str(tmp_path))
    host.install("/proc/meminfo", "MemTotal: 1 kB\nMemFree: 1 kB\nCommitted_AS: 1 kB\nCommitLimit: 1 kB\n")
    for name in ("zram0", "zram1"):
        host.install("/sys/block/%s/comp_algorithm" % name, "[lzo]\n")
        host.install("/sys/block/%s/mm_stat" % name, "0 0 0 0 0 0 0 0 0\n")
        Remember(KIND, name, {"created": True}).perform(host)
    Remember(PACKAGE_KIND, "extra-6.8", {}).perform(host)
    return host


@pytest.mark.parametrize(
    ("asked", "packages"),
    [({"name": "zram0"}, []), ({"name": "all"}, ["extra-6.8"]), ({"name": "all", "apply": "next_boot"}, [])],
    ids=["one of two", "all", "all, at the next boot"],
)
def test_named_when_the_last_device_goes(host, asked, packages):
    params = {**ABSENT, **asked}
    states = resource.observe(host, params)
    assert resource.result(resource.resolve(params, states), states)["packages"] == packages
