# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""/proc/net/sockstat: sockets and the memory in their buffers, proc_net_sockstat in net/ipv4/proc.c."""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError, natural

WHERE = "/proc/net/sockstat"


def parse_sockstat(text: str) -> dict[str, dict[str, int]]:
    """By protocol (``TCP``, ``UDP``, ``FRAG``; ``sockets`` for all) the numbers by the kernel's names.

    ``mem`` is in pages, ``memory`` (of FRAG) in bytes. Raises ParseError, for a text without ``sockets`` too.
    """
    found = dict(_line(line) for line in text.splitlines() if line.strip())
    if "sockets" not in found:
        raise ParseError(WHERE, text, "a line such as 'sockets: used 39'")
    return found


def _line(line: str) -> tuple[str, dict[str, int]]:
    protocol, colon, rest = line.partition(":")
    fields = rest.split()
    if not colon or not fields or len(fields) % 2:
        raise ParseError(WHERE, line, "a line such as 'TCP: inuse 12 mem 79'")
    return protocol.strip(), {name: natural(WHERE, value, line) for name, value in zip(fields[::2], fields[1::2])}
