# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words that stand on a command line and are not by us, by the path of the file: what is not ours is not taken away.

Our record has them as ``theirs``; a word that stood there twice is there twice. Records of before paths were told apart
have a list of names, which count for each path.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.cmdline.loaders import (
    DROP_IN,
    GRUB,
    KERNEL_INSTALL,
    Loader,
    cleared,
    line_of,
)
from ansible_collections.highwater.memory.plugins.module_utils.cmdline.words import value_of

Words = Dict[str, List[str]]  # by path


def remembered(entry: Mapping[str, Any], loader: Loader) -> Words:
    """What our record says of the files that there are now."""
    known = entry.get("theirs", {})
    if isinstance(known, list):
        asked = entry.get("words", {})
        return {path: [asked[name] for name in known if name in asked] for path in loader.texts}
    later = _of_later_files(known)
    return {path: known.get(_lasting(path), later) for path in loader.texts}


def _of_later_files(known: Words) -> list[str]:
    """For files newer than the record: kernel-install makes them from its own, or from a line as the others have it."""
    if KERNEL_INSTALL in known:
        return known[KERNEL_INSTALL]
    first, *others = list(known.values()) or [[]]
    return [word for word in first if all(word in other for other in others)]


def _lasting(path: str) -> str:
    """The path of an entry without the tries left and done that systemd-boot counts in its name."""
    return re.sub(r"\+[0-9]+(-[0-9]+)?\.conf\Z", ".conf", path)


def to_remember(theirs: Words, entry: Mapping[str, Any], loader: Loader) -> Any:
    """For our record; as it is there, where that says the same: a new kernel's entry alone is no change."""
    if "theirs" in entry and theirs == remembered(entry, loader):
        return entry["theirs"]
    return {_lasting(path): words for path, words in theirs.items()} if any(theirs.values()) else {}


def bare(loader: Loader, going: tuple[str, ...], known: Words) -> dict[str, str]:
    """The texts of entries without the words that go. Where a run that was cut off has taken them off already, what is
    left of them is theirs. (Our file for GRUB is made anew as a whole.)"""
    texts = {}
    for path in loader.texts if loader.name != GRUB else ():
        text = loader.text_of(path)
        line = line_of(path, text).split()
        there = tuple(word for word in going if line.count(word) > known[path].count(word))
        texts[path] = cleared(path, text, there)
    return texts


def observed(loader: Loader, wanted: Mapping[str, str], entry: Mapping[str, Any], texts: Mapping[str, str]) -> Words:
    """What is theirs of the words wanted (by name), where the entries have these texts: as bare() says.

    What was there before us and has gone since is not theirs any more, so that it is ours to put there.
    """
    if loader.name == GRUB:
        lines = {path: _made_without_us(loader, wanted, entry) for path in loader.texts}
    else:
        lines = {path: line_of(path, text).split() for path, text in texts.items()}
    known = remembered(entry, loader)
    ours = entry.get("words", {}).values()
    found: Words = {path: [] for path in lines}
    for path, line in lines.items():
        for word in wanted.values():
            most = known[path].count(word) if word in ours else len(line)
            found[path] += [word] * min(line.count(word), most)
    return found


def _made_without_us(loader: Loader, wanted: Mapping[str, str], entry: Mapping[str, Any]) -> list[str]:
    """The words that count on GRUB's line though our file does not have them; what a run was taking off when it was cut
    off may still be on the line from us."""
    by_us = {*(loader.texts[DROP_IN] or "").replace('"', " ").split(), *entry.get("going", ())}
    return [word for name, word in wanted.items() if value_of(loader.next, name) == word and word not in by_us]
