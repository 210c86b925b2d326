# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a unit or script that mentions a device sets it up: many only wait for it, or read what it says of itself.

In doubt it does: to switch off one too many is asked for by name, two owners of one device are not. Only imported where
there is such a mention, which on most hosts there is not.
"""

from __future__ import annotations

import re

from ansible_collections.highwater.memory.plugins.module_utils.zram.owner import logical_lines, names

# The settings of a unit that say what it does, not what it waits for.
SETTINGS = re.compile(r"\s*(?:Exec\w+|What|Environment(?:File)?|WorkingDirectory|Standard\w+)\s*=\s*(.*)", re.DOTALL)
COMMENT = re.compile(r"(?m)^\s*[#;].*\n?")
# Lines of a script's depend(), see openrc-run(8).
DEPENDS = re.compile(r"(?m)^\s*(?:need|use|want|after|before|provide|keyword|config)\s.*$")
# Commands that change nothing, and words of the shell that no command is; what they are given may do so.
READERS = re.compile(
    r"(?:\S*/)?(?:\[|awk|cat|cut|date|done|echo|exit|false|fi|e?grep|head|ls|printf|sleep|sort|stat|tail|test|true|wc)\Z"
)
NOISE = re.compile(r"\S*\b(?:ba|da)?sh\s+-\w*c\s|\d?>&\d")
KEYWORDS = r"(?:if|then|else|elif|while|until|do|exec)\s"
COMMANDS = re.compile(r"(?:^|[;&|\n])(?:[\s'\"!@:+-]|%s)*([^\s;&|'\"]+)" % KEYWORDS)
# Into a file that may be the device's (below /sys, its node, one that cannot be told from here), or by a reader's own
# means to run something.
WRITES = re.compile(r">\s*(?![\s>&]|/(?!sys\b|dev/zram))|\$\(|`|mkswap|swapon|zramctl|modprobe")

# What a script has to do that sets up a device, and none does that only looks at one, or makes swap of something else.
MAKES = re.compile(
    r"\b(?:mkswap|mkfs[.\w]*|mke2fs)\b[^\n;&|]*(?:\bzram|\$)"
    r"|(?:>|\btee\s(?:\s*-\w+\s)*)\s*\S*disksize\b"
    r"|\bzramctl\b[^\n;&|]*\s-(?:s|f|-size|-find)\b"
)


def unit_sets_up(unit: str, text: str, name: str) -> bool:
    """Whether a unit does, by its own name and by what it runs."""
    instance = unit.partition("@")[2].rpartition(".")[0]
    values = [value.replace("%i", instance).replace("%I", instance) for value in _settings(text)]
    if any(names(_without_statistics(value, name), name) and not _only_reads(value) for value in values):
        return True
    return names(unit, name) and not (values and all(map(_only_reads, values)))


def script_sets_up(text: str, name: str) -> bool:
    """Whether a script of OpenRC, or its conf.d file, does."""
    return names(_without_statistics(DEPENDS.sub("", text), name), name)


def started_sets_up(text: str, name: str) -> bool:
    """Whether a script that a unit starts does, which may be of any kind: most that name a device look at it only."""
    text = COMMENT.sub("", text)
    return names(_without_statistics(text, name), name) and MAKES.search(text) is not None


def _settings(text: str) -> list[str]:
    """Their values; comments do not go on after a backslash, and do not end what does."""
    found = [SETTINGS.match(line) for line in logical_lines(COMMENT.sub("", text))]
    values = [setting.group(1).replace("\\\n", " ").strip() for setting in found if setting]
    return [value for value in values if value]


def _without_statistics(text: str, name: str) -> str:
    """Nothing is set up by /sys/block/zram0/mm_stat, whoever is given it."""
    return re.sub(r"/%s/\w*stat\b" % name, "", text)


def _only_reads(command: str) -> bool:
    """Whether a command line runs nothing but what reads."""
    words = COMMANDS.findall(NOISE.sub(";", command))
    return not WRITES.search(command) and all(map(READERS.match, words))
