# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our own record on the host: what was asked, and what was there before us.

One JSON file an object below /var/lib/highwater/memory (0700, files 0600), so that ``absent`` and ``remove``
work without the configuration at hand and give back what was, and what was computed once stays.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

FOLDER = "/var/lib/highwater/memory"

Entry = Dict[str, Any]  # JSON's own types


def record_path(kind: str, name: str) -> str:
    """Where an entry is: kind is the module's name, name the object's (``zram0``, ``/swapfile``), encoded."""
    return "%s/%s/%s.json" % (FOLDER, kind, _encoded(name))


# Percent-encoding as in a URL; urllib.parse does the same and costs 10 ms at the start of every module.
def _encoded(name: str) -> str:
    return re.sub(rb"[^A-Za-z0-9_.~-]", lambda byte: b"%%%02X" % byte.group()[0], os.fsencode(name)).decode("ascii")


def _decoded(name: str) -> str:
    return os.fsdecode(re.sub(rb"%([0-9A-F]{2})", lambda code: bytes((int(code.group(1), 16),)), name.encode("ascii")))


def recall(host: Host, kind: str, name: str) -> Entry:
    """What is remembered of an object; empty where nothing is. HighwaterError where the file is damaged."""
    path = record_path(kind, name)
    text = host.read(path)
    if text is None:
        return {}
    try:
        entry = json.loads(text)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise HighwaterError(
            "%s is damaged (%.40r): remove it, and run again to have it made anew" % (path, text), reason="record"
        )
    return entry


def remembered(host: Host, kind: str) -> tuple[str, ...]:
    """The names of all objects of a kind that have a record."""
    names = host.listdir("%s/%s" % (FOLDER, kind))
    return tuple(_decoded(name[: -len(".json")]) for name in names if name.endswith(".json"))


class Remember(NamedTuple):
    """The action that writes an entry (see plan.py)."""

    kind: str
    name: str
    entry: Entry

    def perform(self, host: Host) -> None:
        host.make_folder(FOLDER, 0o700)
        host.install(record_path(self.kind, self.name), json.dumps(self.entry, indent=1, sort_keys=True) + "\n", 0o600)


class Forget(NamedTuple):
    """The action that removes an entry, and the folders that it leaves empty."""

    kind: str
    name: str

    def perform(self, host: Host) -> None:
        # Imported here because a converged host has no use for it.
        from ansible_collections.highwater.memory.plugins.module_utils.core.replace import remove_leftovers

        host.remove(record_path(self.kind, self.name))
        remove_leftovers(host.path(record_path(self.kind, self.name)))
        host.remove_empty_folders("%s/%s" % (FOLDER, self.kind), above="/var/lib")


def noting(kind: str, name: str, entry: Entry) -> Remember | Forget:
    """The action after which the record says this of an object, and nothing of one without an entry."""
    return Remember(kind, name, entry) if entry else Forget(kind, name)


def joined(old: Entry, new: Entry) -> Entry:
    """The new entry with what the old one has beyond it, part by part: for as long as a change is on its way."""
    entry = {part: dict(old.get(part, {}), **new.get(part, {})) for part in {**old, **new}}
    left, leaves = old.get("left", {}), new.get("left", {})
    if left and left.get("boot") == leaves.get("boot"):  # else all that was left went with that boot
        entry["left"]["before"] = dict(left.get("before", {}), **leaves.get("before", {}))
    return entry


BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_id(host: Host) -> str:
    """Of the running kernel; another after each boot."""
    return (host.read(BOOT_ID) or "").strip()


def left_over(entry: Entry, boot: str) -> dict[str, Any]:
    """What was before us, by setting, of those given up for the next boot only, which the running kernel still has."""
    left = entry.get("left", {})
    before: dict[str, Any] = left.get("before", {})
    return before if boot and left.get("boot") == boot else {}


def with_left_over(old: Entry, new: Entry, boot: str, before: dict[str, Any]) -> Entry:
    """The new entry with what left_over() finds again; what an earlier boot left goes with the next change."""
    if before and boot:
        return dict(new, left={"boot": boot, "before": before})
    stale = bool(new) and "left" in old and not left_over(old, boot)
    return old if stale and dict(old, left=None) == dict(new, left=None) else new


# What an entry says of the object that is there now, where the rest is for the next boot, or not all of it there yet.
LIVE = "live"


def live(entry: Entry) -> Entry:
    """What an entry says that the object that is there now was made from."""
    found: Entry = entry.get(LIVE, entry)
    return found


def without_stale(entry: Entry, host: Host) -> Entry:
    """The entry without what it says of an object that went with an earlier boot."""
    if LIVE not in entry or entry[LIVE].get("boot") == boot_id(host):
        return entry
    return {key: value for key, value in entry.items() if key != LIVE}


# RAM that a balloon or a new kernel takes is not a reason to resize; a machine of another size is.
RAM_TOLERANCE = 10  # a tenth


def kept_size(entry: Entry, option: str, expression: str, ram: int) -> int | None:
    """The bytes that option was settled to, where they still count: same expression, about the same RAM (bytes)."""
    kept = entry.get("sizes", {}).get(option)
    if not kept or kept["expression"] != expression or abs(kept["ram"] - ram) * RAM_TOLERANCE > kept["ram"]:
        return None
    size: int = kept["bytes"]
    return size


def settled(expression: str, ram: int, size: int) -> Entry:
    """What kept_size() finds again under entry["sizes"][option]; ram and size in bytes."""
    return {"expression": expression, "ram": ram, "bytes": size}
