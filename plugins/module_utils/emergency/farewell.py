# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes with an emergency swapfile: the note at login, and the list of what the next boot removes by itself: the
swapfile, which that boot does not turn on, its record, and the list.

The list is a file of tmpfiles.d(5), since a swapfile that is on cannot be deleted ahead.
"""

from __future__ import annotations

import re
from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.job import MADE_BY
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import record_path
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import KIND

NAME = "highwater-emergency.swap"
# pam_motd(8) shows it at each login; gone with the next boot, as the swap.
NOTE = "/run/motd.d/highwater-emergency-swap"
LIST = "/etc/tmpfiles.d/highwater-emergency-swap.conf"

# Lines of type r are globs: where a mount point's name could be read as one, the file stays until it is taken back.
_READ_OTHERWISE = re.compile(r"""[*?\[\]{}\\"\x00-\x1f\x7f]""")


def notes_away() -> Plan:
    """The steps that remove both, for when the swapfile has gone."""
    return tuple(Step("remove %s" % path, "there is no emergency swap any more", Remove(path)) for path in (NOTE, LIST))


def farewell(path: str) -> Optional[str]:
    """The list for a swapfile: lines of type r, for a boot only (!); None where its path cannot stand in one."""
    if _READ_OTHERWISE.search(path):
        return None
    lines = ["r! %s\n" % _field(each) for each in (path, record_path(KIND, path), LIST)]
    return "%s.emergency_swap: the next boot removes these, this list too.\n%s" % (MADE_BY, "".join(lines))


def _field(path: str) -> str:
    """A path as one field, in quotes since a blank would end it (escapes are not understood by all versions); a percent
    sign begins a specifier.
    """
    return '"%s"' % path.replace("%", "%%")
