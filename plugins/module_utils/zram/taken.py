# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What we have taken over from others who set a device up (see take_over.py): our record of it, and its files."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry, recall
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

KIND = "zram_taken_over"  # of our records: for each device what we have switched off


class Taken(NamedTuple):
    """What we have taken over for a device, as it stands on the host now.

    record: links ([path, target]), masks, files (of ours, to be removed), lines (files with lines that we have put
            into comments), quiet (files of ours until the next boot); empty where nothing was taken over.
    texts:  of the files, None for one that is gone.
    """

    record: Entry
    texts: tuple[tuple[str, Optional[str]], ...]


def observe_taken(host: Host, name: str) -> Taken:
    """Read it."""
    record = recall(host, KIND, name)
    paths = [path for kind in ("files", "lines", "quiet") for path in record.get(kind, [])]
    return Taken(record, tuple((path, host.read(path)) for path in paths))
