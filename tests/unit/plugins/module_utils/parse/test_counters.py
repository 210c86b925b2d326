# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/vmstat, /proc/pressure, /proc/net/sockstat and /proc/slabinfo.

Fails when a number is lost, invented or taken from its neighbour, and when text that is not the kernel's passes.
"""

from __future__ import annotations

from typing import Any, Callable

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError
from ansible_collections.highwater.memory.plugins.module_utils.parse.pressure import Pressure, Share, parse_pressure
from ansible_collections.highwater.memory.plugins.module_utils.parse.slabinfo import Cache, parse_slabinfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.sockstat import parse_sockstat
from ansible_collections.highwater.memory.plugins.module_utils.parse.vmstat import parse_vmstat
from hypothesis import given
from hypothesis import strategies as st

SOME = "some avg10=1.53 avg60=0.87 avg300=0.22 total=4711811"
FULL = "full avg10=0.00 avg60=0.00 avg300=0.00 total=81133"
SLABS = """slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> ...
dentry            283201 283311    192   21    1 : tunables    0    0    0 : slabdata  13491  13490      0
kmalloc-rcl-64       64     64     64   64    1 : tunables    0    0    0 : slabdata      1      1      0
"""


def test_vmstat() -> None:
    assert parse_vmstat("nr_free_pages 3992034\noom_kill 0\n") == {"nr_free_pages": 3992034, "oom_kill": 0}
    assert parse_vmstat("nr_isolated_anon -3\n") == {"nr_isolated_anon": 0}


@given(st.dictionaries(st.from_regex(r"[a-z_0-9]{1,40}", fullmatch=True), st.integers(0, 2**64 - 1), min_size=1))
def test_vmstat_of_any_kernel(values: dict[str, int]) -> None:
    assert parse_vmstat("".join("%s %d\n" % pair for pair in values.items())) == values


def test_pressure() -> None:
    some, full = Share(1.53, 0.87, 0.22, 4711811), Share(0.0, 0.0, 0.0, 81133)
    assert parse_pressure(SOME + "\n" + FULL + "\n") == Pressure(some, full)
    assert parse_pressure(SOME + "\n") == Pressure(some, None)


def test_sockstat() -> None:
    text = "sockets: used 39\nTCP: inuse 12 orphan 0 tw 8 alloc 12 mem 79\nFRAG: inuse 0 memory 4096\n"
    assert parse_sockstat(text) == {
        "sockets": {"used": 39},
        "TCP": {"inuse": 12, "orphan": 0, "tw": 8, "alloc": 12, "mem": 79},
        "FRAG": {"inuse": 0, "memory": 4096},
    }


def test_slabinfo() -> None:
    assert parse_slabinfo(SLABS) == (
        Cache("dentry", 283201, 283311, 192, 1, 13490),
        Cache("kmalloc-rcl-64", 64, 64, 64, 1, 1),
    )


MALFORMED: list[tuple[Callable[[str], Any], str, str]] = [
    (parse_vmstat, "", "/proc/vmstat: found ''"),
    (parse_vmstat, "pgfault\n", "found 'pgfault' where a whole number"),
    (parse_vmstat, "pgfault x\n", "found 'pgfault x'"),
    (parse_vmstat, "pgfault 1 2\n", "found 'pgfault 1 2'"),
    (parse_vmstat, "pgfault --1\n", "found 'pgfault --1'"),
    (parse_pressure, "", "/proc/pressure: found '' where a line that begins with 'some'"),
    (parse_pressure, FULL, "where a line that begins with 'some'"),
    (parse_pressure, SOME.replace("avg60", "avg61"), "where a line such as 'some avg10"),
    (parse_pressure, SOME.replace("1.53", "1,53"), "where a whole number"),
    (parse_pressure, SOME.replace("4711811", "-1"), "where a whole number"),
    (parse_pressure, SOME + "\n\n" + FULL, "found '' where a line such as"),
    (parse_sockstat, "", "/proc/net/sockstat: found ''"),
    (parse_sockstat, "TCP: inuse 1\n", "where a line such as 'sockets: used 39'"),
    (parse_sockstat, "sockets: used\n", "found 'sockets: used' where"),
    (parse_sockstat, "sockets used 3\n", "found 'sockets used 3' where"),
    (parse_sockstat, "sockets: used x\n", "found 'sockets: used x' where a whole number"),
    (parse_slabinfo, "", "/proc/slabinfo: found '' where the heading"),
    (parse_slabinfo, "slabinfo - version: 3.0\n", "where the heading"),
    (parse_slabinfo, SLABS.replace("  192 ", " "), "where a line such as 'dentry"),
    (parse_slabinfo, SLABS.replace("slabdata  13491  13490", "slabdata"), "where a line such as 'dentry"),
    (parse_slabinfo, SLABS.replace("13490", "x"), "where a whole number"),
]


@pytest.mark.parametrize(("parse", "text", "says"), MALFORMED)
def test_malformed(parse: Callable[[str], Any], text: str, says: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert says in str(caught.value)
