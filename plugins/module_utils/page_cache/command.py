# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""page_cache_purge as a command, for timers: the options of the module as those of a command line, and back."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ansible_collections.highwater.memory.plugins.module_utils.commands import complain, say
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.answer import page_cache_purge
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.arguments import ARGUMENTS

NAME = "page-cache-purge"


def purge_command(words: list[str]) -> int:
    """Purge as the words say, and print the figures; the exit status. Raises HighwaterError and OSError."""
    params = vars(parser().parse_args(words))
    check_mode = params.pop("check")
    params["paths"] = params["paths"] or None
    began = time.monotonic()
    answer = page_cache_purge(params, Host(), check_mode)
    for warning in answer["warnings"]:
        complain(warning)
    say(answer.get("msg") or figures(answer, check_mode, time.monotonic() - began))
    return 0


def parser() -> argparse.ArgumentParser:
    """Of the command line, made from the options of the module."""
    made = argparse.ArgumentParser(
        prog=NAME, description="Drops files from the page cache; see the module of that name."
    )
    for option, spec in ARGUMENTS.items():
        flag = _flag(option, spec)
        more: dict[str, Any] = {}
        if spec["type"] == "bool":
            more = {"action": "store_false" if spec["default"] else "store_true", "dest": option}
        elif option == "paths":
            more = {"nargs": "*", "metavar": "PATH"}
        elif spec["type"] == "list":
            more = {"action": "append", "dest": option}
        else:
            more = {"default": spec.get("default"), "choices": spec.get("choices"), "dest": option}
        made.add_argument(flag, **more)
    made.add_argument("--check", action="store_true", help="count only, drop nothing")
    return made


def words_of(params: dict[str, Any]) -> tuple[str, ...]:
    """The command line that means these options of the module; what is as by default is left out."""
    words: list[str] = [NAME]
    for option, spec in ARGUMENTS.items():
        value = params.get(option)
        if option == "paths" or value is None or value == spec.get("default"):
            continue
        if spec["type"] == "bool":
            words.append(_flag(option, spec))
        else:  # with an equals sign, since a value may begin with a dash
            words += ["%s=%s" % (_flag(option, spec), one) for one in (value if spec["type"] == "list" else [value])]
    return tuple(words) + (("--", *params["paths"]) if params.get("paths") else ())


def _flag(option: str, spec: dict[str, Any]) -> str:
    if option == "paths":
        return option
    return ("--no-" if spec["type"] == "bool" and spec["default"] else "--") + option.replace("_", "-")


def figures(answer: dict[str, Any], check_mode: bool, seconds: float) -> str:
    """What was done, in a line for the journal."""
    left = [
        "%s %s" % (format_size(answer[key]), words)
        for key, words in (("bytes_dirty", "dirty"), ("bytes_mapped_or_locked", "mapped or locked"))
        if answer[key]
    ]
    if answer["error_count"]:
        left.append("%d errors" % answer["error_count"])
    return "%s %s of %s in the page cache, %d %s, %.3f s%s" % (
        "would drop" if check_mode else "dropped",
        format_size(answer["bytes_evicted"]),
        format_size(answer["bytes_cached_before"]),
        answer["file_count"],
        "file" if answer["file_count"] == 1 else "files",
        seconds,
        "; left: " + ", ".join(left) if left else "",
    )
