# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/meminfo, proc_meminfo(5)."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError, natural

WHERE = "/proc/meminfo"


def parse_meminfo(text: str) -> dict[str, int]:
    """Every value by the kernel's name (``MemTotal``, ``Active(anon)``), in bytes.

    The kernel's kB is 1024 bytes. What has no unit there (``HugePages_Total`` and its sisters) is a plain count.
    A name that this kernel lacks is missing, never 0. Raises ParseError, for a text without ``MemTotal`` too.
    """
    values = dict(_pair(line) for line in text.splitlines() if line.strip())
    if "MemTotal" not in values:
        raise ParseError(WHERE, text, "a MemTotal line")
    return values


def _pair(line: str) -> tuple[str, int]:
    name, _colon, value = line.partition(":")
    fields = value.split()
    if not name.strip() or not fields or fields[1:] not in ([], ["kB"]):
        raise ParseError(WHERE, line, "a line such as 'MemTotal: 16384 kB'")
    return name.strip(), natural(WHERE, fields[0], line) * (1024 if fields[1:] else 1)
