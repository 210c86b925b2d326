# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What we have taken over from others who set a device up (see take_over.py): our record of it, and its files."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.openrc import RUNLEVELS, STARTED
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, boot_id, recall
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

KIND = "zram_taken_over"  # of our records: for each device what we have switched off
# Of our records of devices: the boot that they last for, by persistent: false or, of those given up, apply: next_boot.
GIVEN_UP = "given_up"


class Taken(NamedTuple):
    """What we have taken over for a device, as it stands on the host now.

    record: links ([path, target]), masks, files (of ours, to be removed), lines (files with lines that we have put
            into comments), quiet (files of ours until the next boot), runs (boots in which what was switched off for
            the next one runs on); empty where nothing was taken over.
    texts:  of the files, None for one that is gone.
    masks:  those that are still masks, and not an administrator's own unit by now.
    started: scripts among the links that OpenRC takes for started.
    boot:   which one this is, empty where nobody asks.
    """

    record: Entry
    texts: tuple[tuple[str, Optional[str]], ...]
    masks: tuple[str, ...]
    started: tuple[str, ...] = ()
    boot: str = ""

    @property
    def runs(self) -> bool:
        """Whether what was switched off for the next boot may still run in this one."""
        return self.boot in self.record.get("runs", [])


def observe_taken(host: Host, name: str) -> Taken:
    """Read it."""
    record = recall(host, KIND, name)
    paths = [path for kind in ("files", "lines", "quiet") for path in record.get(kind, [])]
    masks = tuple(path for path in record.get("masks", []) if host.readlink(path) == "/dev/null")
    scripts = [link.rpartition("/")[2] for link, _target in record.get("links", []) if link.startswith(RUNLEVELS)]
    started = tuple(script for script in scripts if host.exists("%s/%s" % (STARTED, script)))
    return Taken(record, tuple((path, host.read(path)) for path in paths), masks, started)


def is_theirs(host: Host, record: Entry, named: bool, has_unit: bool, has_owner: bool) -> bool:
    """Whether a device is none of ours, whatever we remember. named: by the user, not found by what we have left;
    has_owner: whether somebody else sets it up.

    One that was for one boot only is gone with that, and a record that is stale by then says nothing of what is there.
    Of one without a record or unit, a run that was cut off has no more than begun to take it; a record that names no
    boot may be what is left of such a run, too.
    """
    if has_unit:
        return False
    if GIVEN_UP not in record and (has_owner or not record):
        return not named
    return _is_stale(record, host)


def kept(entry: Entry, host: Host) -> Entry:
    """What of a device's entry holds for one that is set up now: nothing of what was given up up to an earlier boot."""
    return {} if _is_stale(entry, host) else {key: value for key, value in entry.items() if key != GIVEN_UP}


def _is_stale(entry: Entry, host: Host) -> bool:
    """Whether the boot is over up to which the device was left."""
    return entry.get(GIVEN_UP, "") not in ("", boot_id(host))
