# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What timers run on a host, without Ansible: the entry points of the zipapp (core/zipapp.py).

A command is a function that takes the words after its name and returns the exit status; it prints one line with its
figures on standard output, which is what the journal shows, and an error of ours as one sentence on standard error.
What it imports is in the zipapp, so nothing here or below may import ansible.
"""

from __future__ import annotations

import sys
from typing import Callable

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError

WRONG_USE = 2  # as argparse has it


def _page_cache_purge(words: list[str]) -> int:
    from ansible_collections.highwater.memory.plugins.module_utils.page_cache.command import purge_command

    return purge_command(words)


def _memory_compact(words: list[str]) -> int:
    from ansible_collections.highwater.memory.plugins.module_utils.compaction.command import compact_command

    return compact_command(words)


# Each imports its own work when it is run, and nothing of the others'.
COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "memory-compact": _memory_compact,
    "page-cache-purge": _page_cache_purge,
}


def main(words: list[str]) -> int:
    """Run the command that the first word names; the exit status."""
    command = COMMANDS.get(words[0]) if words else None
    if command is None:
        complain("commands: %s; each of them has --help" % ", ".join(sorted(COMMANDS)))
        return WRONG_USE
    try:
        return command(words[1:])
    except HighwaterError as error:
        complain(error.message)
    except OSError as error:
        complain(str(error))
    return 1


def say(line: str) -> None:
    """What a run has to say, on standard output, which is the journal."""
    sys.stdout.write(line + "\n")


def complain(line: str) -> None:
    """What is wrong, on standard error."""
    sys.stderr.write(line + "\n")
