# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other devices of who sets up a device, or did before us: a unit or script is switched off as a whole.

That is told, not refused: whoever wants both taken over does so one after the other, and each would be refused for the
other. Nor does the owner come back with the first that is given back, since it would set up the other beside us.
"""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.openrc import RUNLEVELS
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, recall
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import (
    SCRIPT,
    UNIT,
    Owner,
    devices_named,
    find_owners,
    owner_of_script,
    owner_of_unit,
)
from ansible_collections.highwater.memory.plugins.module_utils.zram.taken import GIVEN_UP, KIND, Taken

DEVICES = "zram_device"  # KIND of state.py


class Beside(NamedTuple):
    """Another device of an owner that is switched off, or is to be.

    owner:         the unit or script; program, file: as of an Owner.
    ours:          whether we set the device up at boot; taken: what our record says was taken over for it.
    """

    owner: str
    program: str
    file: str
    device: str
    ours: bool
    taken: Entry


def observe_beside(
    host: Host, name: str, owners: tuple[Owner, ...], taken: Taken, others: tuple[str, ...]
) -> tuple[Beside, ...]:
    """All of them, of those that set up the device of that name. others: devices that are set up."""
    found = []
    for unit, of_openrc in sorted(_switched_off(owners, taken).items()):
        for device in sorted(devices_named(host, unit).union(others) - {name}):
            whose = (owner_of_script if of_openrc else owner_of_unit)(host, unit, device)
            # What another owner sets up as well stays in the boot, whatever becomes of this one.
            if whose and all(owner.name == unit for owner in find_owners(host, device)):
                record = recall(host, DEVICES, device)
                ours = bool(record) and GIVEN_UP not in record
                found.append(Beside(unit, whose[0], whose[1], device, ours, recall(host, KIND, device)))
    return tuple(found)


def _switched_off(owners: tuple[Owner, ...], taken: Taken) -> dict[str, bool]:
    """Units and scripts that are, or are to be; whether they are OpenRC's."""
    found = {owner.name: owner.way == SCRIPT for owner in owners if owner.way in (UNIT, SCRIPT)}
    paths = [link for link, _target in taken.record.get("links", [])] + taken.record.get("masks", [])
    found.update((path.rpartition("/")[2], path.startswith(RUNLEVELS + "/")) for path in paths)
    return found
