# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where several swapfiles that are given back leave the tables otherwise than they were before the first."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Remove
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import crypttab, fstab, resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.tables import texts_after
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import World, all_back

WORLD = World()
LINE = "%s none swap sw 0 0"
FSTABS = st.none() | st.lists(st.sampled_from(["# begin", "UUID=1-2 / ext4 defaults 0 1", "# end"]), max_size=3)
CRYPTTABS = st.none() | st.sampled_from(["", "# none", "# none\n", "data /dev/vdb1 none luks"])
HOWS = st.sampled_from(["plain", "encrypted"])


def of(path, tables, record, clock=0, **changes):
    state = WORLD.state(fstab=tables[0], record=record, **changes)
    machine = state.machine._replace(crypttab=tables[1], clock=clock)
    table = fstab.Table(tables[0], path, ("/dev/mapper/highwater-" + path[1:],))
    return state._replace(path=path, machine=machine, table=table, crypt=crypttab.Table(tables[1], path))


def asked(found, **options):
    """The record, and the tables, after a run."""
    specs = resource.resolve(WORLD.params(path=found.path, **options), (found,))
    noted = resource.plan(specs, (found,))[0].action.entry
    return noted, texts_after(specs[0], found)


def given_back(tables, records, in_order):
    states = tuple(of(path, tables, record) for path, record in records.items())
    states = in_order(states)
    for step in resource.plan(resource.resolve(all_back(WORLD), states), states):
        for n, path in enumerate((fstab.PATH, crypttab.PATH)):
            if isinstance(step.action, (Install, Remove)) and step.action.path == path:
                text = step.action.text if isinstance(step.action, Install) else None
                tables = (text, tables[1]) if n == 0 else (tables[0], text)
    return tuple(tables)


@given(FSTABS, st.booleans(), CRYPTTABS, st.lists(HOWS, min_size=2, max_size=3), st.randoms())
@settings(deadline=None)
def test_files_of_ours_in_any_order(lines, ended, crypttab_text, hows, random):
    fstab_text = None if lines is None else "\n".join(lines) + ("\n" if ended and lines else "")
    tables, records = (fstab_text, crypttab_text), {}
    for name, how in zip("abc", hows):
        path = "/" + name
        records[path], tables = asked(of(path, tables, {}), encrypted=how == "encrypted")
    order = sorted(records, key=lambda _path: random.random())
    assert given_back(tables, {path: records[path] for path in order}, tuple) == (fstab_text, crypttab_text)


@given(st.permutations([LINE % "/a", LINE % "/b", LINE % "/c", "# between", "# end"]), st.permutations("abc"))
@settings(deadline=None)
def test_swap_that_was_put_away(lines, order):
    """The lines stood behind each other. Fails where one is given back before that behind which it stood."""
    text = "\n".join(lines) + "\n"
    tables, records = (text, None), {}
    for n, name in enumerate(order):
        path = "/" + name
        there = {"found": WORLD.found(), "header": WORLD.header(), "clock": n + 1}
        records[path], tables = asked(of(path, tables, {}, **there), state="disabled")
    assert given_back(tables, dict(sorted(records.items())), resource.in_order_of_return) == (text, None)


@pytest.mark.parametrize("disabled", [True, False])
def test_what_comes_back_goes_on_before_what_is_ours_goes_off(disabled):
    theirs = {"disabled": disabled, "before": {"file": True, "active": True, "noted": 1}}
    ours = [{"before": {"file": False, "noted": noted}} for noted in (2, 3)] + [{"before": {"file": False}}]
    states = [WORLD.state(record=record) for record in (*ours, theirs)]
    found = [state.record for state in resource.in_order_of_return(states)]
    assert found == [theirs, ours[1], ours[0], ours[2]], "the oldest, which have no time, last"


def test_what_a_call_that_is_cut_short_tells_of(world):
    """Fails where what it has taken back is told of by no call: the next one does not know of it any more."""
    states = tuple(world.settled_state(path=path, areas=[], found=None) for path in ("/a", "/b"))
    specs = resource.resolve(all_back(world), states)
    specs = tuple(spec._replace(notice="%s stays" % spec.path) for spec in specs)
    steps = resource.plan(specs, states)
    forgotten = [step.does for step in steps].index("forget /a")
    assert resource.part(specs, steps[: forgotten + 1]) == {"paths": ["/a"], "warnings": ["/a stays"]}
    assert resource.part(specs, steps[:forgotten]) == {"paths": [], "warnings": []}
    one = tuple(spec._replace(give_back=False) for spec in specs[:1])
    assert resource.part(one, steps) == {}, "which returns a swapfile, that of the last call"
