# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What vm_sysctl sees of a host, as one immutable value; nothing here writes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core import environment, record
from ansible_collections.highwater.memory.plugins.module_utils.core.areas import swap_areas
from ansible_collections.highwater.memory.plugins.module_utils.core.container import container
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.parse.meminfo import parse_meminfo
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.parse.zoneinfo import Zone, parse_zoneinfo
from ansible_collections.highwater.memory.plugins.module_utils.vm import conffile, owners, precedence, watermarks
from ansible_collections.highwater.memory.plugins.module_utils.vm.numbers import canonical, is_still
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import (
    OUTSIDE_VM,
    Version,
    group,
    path,
    row,
)
from ansible_collections.highwater.memory.plugins.module_utils.vm.values import kernel_version, setting_name

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import Quantity

HUGE_PAGES = ("transparent_hugepage", "settings")  # the record of our module of that name
KIND = "vm_sysctl"  # of our record; the object's name is the file
FOLDER = "/proc/sys/vm"
# What the guards and the watermarks reckon with, whatever was asked for.
_ALWAYS = (
    "dirty_background_bytes",
    "dirty_bytes",
    "min_free_kbytes",
    "overcommit_kbytes",
    "overcommit_memory",
    "watermark_scale_factor",
)


class Other(NamedTuple):
    """Another file of ours: our record of it, and the settings by name that it says itself."""

    entry: record.Entry
    values: Mapping[str, str]

    def numbers(self, name: str) -> dict[str, str]:
        """By our record the number of a setting, or of the one that excludes it; empty for neither."""
        said = self.entry.get("settings", {})
        found = {member: said[member].get("value") for member in group(name) if member in said}
        return {member: number for member, number in found.items() if number}

    def still(self, name: str) -> dict[str, str]:
        """numbers(), where the file says the same: it may have been removed, masked or edited by hand since."""
        return {member: number for member, number in self.numbers(name).items() if self.values.get(member) == number}

    def before(self, live: Mapping[str, Optional[str]], boot: str) -> dict[str, Optional[str]]:
        """What was there before us, of what is set by it still, now or at boot; else a boot has brought another."""
        numbers: dict[str, Optional[str]] = self.entry.get("before", {})
        in_force = {
            name: number
            for name, number in numbers.items()
            if self.still(name) or any(live.get(member) == made for member, made in self.numbers(name).items())
        }
        return {**record.left_over(self.entry, boot), **in_force}


class State(NamedTuple):
    """A host before or after.

    asked:     names that the caller speaks of.
    known:     names of all settings that this kernel has.
    live:      settings by name in their one form; None where the kernel lacks one.
    writable:  whether this process may write below /proc/sys; container: its kind, None on a machine of its own.
    text, content: our file, as it is and as read; None and empty where there is none.
    files, owners: who else sets what, in sysctl.d and after it.
    entry:     our record: ``settings`` by name (value, expression, source, from, in_file), ``before`` by name, what was
               given up for the next boot only, and of ``file`` what stood there ``before``.
    boot:      the id of this boot.
    memory:    /proc/meminfo in bytes; zones in pages; page_size in bytes.
    thp_pageblock: bytes, None where transparent huge pages are off, for each size too.
    beside: values by name from before our module transparent_hugepage, whose work makes the kernel compute them anew;
            not of those that somebody has set since.
    kept:   why settings could not be given back in this call, by name.
    others: other files of ours, in the order in which these are read at boot.
    """

    file: str
    asked: tuple[str, ...]
    live: Mapping[str, Optional[str]]
    known: tuple[str, ...]
    kernel: Version
    writable: bool
    container: Optional[str]
    file_kind: Optional[str]
    text: Optional[str]
    content: conffile.Content
    entry: dict[str, Any]
    boot: str
    files: precedence.Files
    owners: Mapping[str, precedence.Assignment]
    memory: Mapping[str, int]
    zones: tuple[Zone, ...]
    swaps: tuple[SwapArea, ...]
    cpus: int
    thp_pageblock: Optional[int]
    beside: Mapping[str, str]
    page_size: int
    kept: Mapping[str, str]
    others: tuple[Other, ...]

    @property
    def ours(self) -> bool:
        """Whether the file is this module's: by its first line or, where that was edited away, by our record."""
        recorded = any(one.get("in_file") for one in self.entry.get("settings", {}).values())
        return self.text is None or self.content.ours or recorded

    @property
    def before(self) -> Mapping[str, Optional[str]]:
        """What was there before us, by name: as our record has it, and where that was lost our file."""
        return {**(self.content.before if self.ours else {}), **self.left, **self.entry.get("before", {})}

    @property
    def left(self) -> Mapping[str, Optional[str]]:
        """The same of what was given up for the next boot only."""
        return record.left_over(self.entry, self.boot)

    @property
    def before_elsewhere(self) -> Mapping[str, Optional[str]]:
        """What was there before us, by name, of what another file of ours sets, or was given up there likewise."""
        found: dict[str, Optional[str]] = {}
        for other in self.others:
            found.update(other.before(self.live, self.boot))
        return found

    def elsewhere(self, name: str) -> dict[str, str]:
        """What another file of ours sets it to, or the one that excludes it: one number by name, empty for none."""
        found: dict[str, str] = {}
        for other in self.others:
            found = other.still(name) or found
        return found

    @property
    def empty(self) -> bool:
        """Whether nothing but comments stands in the file: nobody's settings are lost with it."""
        return not self.content.values and not self.content.foreign

    @property
    def theirs(self) -> str | None:
        """What stood in the file before us, comments of somebody's, which comes back once we have nothing to say."""
        return self.entry.get("file", {}).get("before") if self.ours else self.text

    @property
    def min_free_auto(self) -> int:
        """What the kernel would choose for min_free_kbytes, in kB."""
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.vm.min_free import automatic_min_free_kbytes

        return automatic_min_free_kbytes(self.zones, self.thp_pageblock, self.page_size)

    def names(self) -> dict[str, Quantity]:
        """What an expression may refer to."""
        # As in min_free_auto().
        from ansible_collections.highwater.memory.plugins.module_utils.core.size import machine_names
        from ansible_collections.highwater.memory.plugins.module_utils.vm.min_free import managed_pages

        return machine_names(
            self.memory["MemTotal"],
            self.available,
            self.cpus,
            managed=managed_pages(self.zones) * self.page_size,
            min_free_auto=self.min_free_auto * 1024,
        )

    @property
    def marks(self) -> tuple[watermarks.Marks, ...]:
        """The watermarks of each zone, in pages."""
        numbers = self.number("min_free_kbytes"), self.number("watermark_scale_factor")
        return watermarks.now(self.zones, watermarks.computed(self.zones, *numbers, self.page_size))

    @property
    def available(self) -> int:
        """Bytes that programs can still have; every kernel since 3.14 says them."""
        return self.memory.get("MemAvailable", self.memory.get("MemFree", 0))

    @property
    def owned(self) -> tuple[str, ...]:
        """Names in our record and in our file."""
        in_file = set(self.content.values) if self.ours else set()
        return tuple(sorted(in_file | set(self.entry.get("settings", ()))))

    def number(self, name: str) -> int:
        """A live setting as a number; 0 where the kernel lacks it."""
        return int(self.live.get(name) or 0)


def named(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of all settings that the caller speaks of. Raises HighwaterError for what is no vm setting."""
    keys = list(params["settings"] or {})
    for profile in params["profiles"] or ():
        keys.extend(profile["settings"])
    return tuple(sorted({setting_name(key) for key in keys}))


def observe(host: Host, params: Mapping[str, Any]) -> State:
    """Read the host. Raises HighwaterError for names that are no vm settings, and a record that is damaged."""
    file = params["file"]
    text = None if _kind(host, file) else host.read(file)
    content = conffile.parse(file, text or "")
    entry, boot = record.recall(host, KIND, file), record.boot_id(host)
    asked = named(params)
    names = _with_partners(
        (*asked, *_ALWAYS, *host.kept, *content.values, *entry.get("settings", ()), *entry.get("before", ()))
        + tuple(record.left_over(entry, boot))
    )
    live = {name: _live(host, name) for name in names}
    kernel = kernel_version(environment.kernel(host))
    return State(
        file=file,
        asked=asked,
        live=live,
        known=tuple(host.listdir(FOLDER)) + tuple(name for name in OUTSIDE_VM if host.exists(path(name))),
        kernel=kernel,
        writable=os.access(host.path(FOLDER + "/min_free_kbytes"), os.W_OK),
        container=container(host),
        file_kind=_kind(host, file),
        text=text,
        content=content,
        entry=entry,
        boot=boot,
        files=precedence.observe(host, file),
        owners=owners.observe(host),
        memory=parse_meminfo(host.must_read("/proc/meminfo")),
        zones=parse_zoneinfo(host.must_read("/proc/zoneinfo")),
        swaps=swap_areas(host),
        cpus=environment.cpus(host),
        thp_pageblock=_thp_pageblock(host, params["expect_huge_pages"], kernel),
        beside=_beside(host, live),
        page_size=os.sysconf("SC_PAGE_SIZE"),
        kept=dict(host.kept),
        others=tuple(_others(host, file)),
    )


def _others(host: Host, file: str) -> Iterable[Other]:
    for name in sorted(record.remembered(host, KIND), key=os.path.basename):
        if name != file:
            try:
                yield Other(record.recall(host, KIND, name), conffile.parse(name, host.read(name) or "").values)
            except (HighwaterError, OSError):  # a damaged record is for a call on that file to speak of
                continue


def _beside(host: Host, live: Mapping[str, Optional[str]]) -> dict[str, str]:
    entry = record.recall(host, *HUGE_PAGES)
    made = entry.get("made", {})
    return {
        name: number
        for name, number in entry.get("beside", {}).items()
        if is_still(live.get(name) or number, made.get(name))
    }


def _with_partners(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({member for name in names for member in group(name)}))


def _live(host: Host, name: str) -> str | None:
    if row(name).refused:  # cannot be read, or reading is the action
        return None
    text = host.read(path(name))
    return None if text is None else canonical(text)


def _kind(host: Host, path: str) -> str | None:
    """What keeps a path from being our file: ``a symbolic link``, ``not a regular file``; None where nothing does."""
    found = host.lstat(path)
    if found is None or found.st_mode & 0o170000 == 0o100000:
        return None
    return "a symbolic link" if found.st_mode & 0o170000 == 0o120000 else "not a regular file"


def _thp_pageblock(host: Host, expected: str | None, kernel: Version) -> int | None:
    folder = "/sys/kernel/mm/transparent_hugepage"
    chosen = expected or parse_choice(host.read(folder + "/enabled") or "").chosen
    size = host.read(folder + "/hpage_pmd_size")
    if chosen is None or size is None:
        return None
    if chosen == "never":
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.vm.huge_pages import on_for_a_size

        if not on_for_a_size(host, folder, int(size), kernel):
            return None
    return int(size)
