# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ages as find(1) and sleep(1) have them: a number and a unit, ``90s``, ``15m``, ``2h``, ``7d``."""

from __future__ import annotations

import re

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def age_in_seconds(option: str, text: object) -> float:
    """The seconds of an age. Raises HighwaterError for what is none, a bare number too: nobody knows its unit."""
    match = re.match(r"(\d+(?:\.\d+)?)\s*([smhd])\Z", str(text).strip(), re.ASCII)
    if not match:
        raise HighwaterError("%s: %s is no age: write a number and a unit, such as 90s, 15m, 2h or 7d" % (option, text))
    return float(match.group(1)) * SECONDS[match.group(2)]
