# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that the kernel takes and that hurt the machine: refused, unless ``force`` says that they are meant.

Guards look at what would change. A setting that is already live and in our file passed them once, and memory that
moves by a page must not make a converged host fail.
"""

from __future__ import annotations

from typing import Callable, Mapping, NoReturn

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.vm import dirty, min_free, watermarks
from ansible_collections.highwater.memory.plugins.module_utils.vm.live import number_to_be
from ansible_collections.highwater.memory.plugins.module_utils.vm.merge import Wanted
from ansible_collections.highwater.memory.plugins.module_utils.vm.state import State

MIN_FREE_PERCENT = 5
HIGH_PERCENT = 15
COMMITTED_PERCENT = 90
HUGE_PAGES_PERCENT = 90
MOST_PAGE_CLUSTER = 10
# What the kernel would choose moves a little with what it has managed since boot.
AUTO_TOLERANCE = 10
OR_FORCE = ", or say force: true"
_POOLS = ("nr_hugepages", "nr_hugepages_mempolicy")  # one pool by two names
_OF_MARKS = ("min_free_kbytes", "watermark_scale_factor")


class Change(NamedTuple):
    """What a guard judges: the host, and all settings with a number to be, of which those in changing are not so yet.

    targets: numbers by name, of what is wanted and of what is given back.
    now: whether the running kernel is changed, so that what is available and committed at this moment counts.
    """

    state: State
    wanted: Mapping[str, Wanted]
    targets: Mapping[str, str]
    changing: tuple[str, ...]
    now: bool

    @property
    def image(self) -> bool:
        """Whether it is for another machine, of which neither memory nor kernel is known here."""
        return bool(self.state.container) and not self.now

    def becomes(self, name: str) -> int:
        """The number that a setting will have."""
        return number_to_be(name, self.targets, self.state.live)

    def touches(self, *names: str) -> bool:
        return any(name in self.changing for name in names)

    def asks(self, name: str) -> bool:
        """Whether a change of it is wanted: what was there before us is not for the caller to write otherwise."""
        return name in self.wanted and self.touches(name)


def refuse_harm(change: Change) -> None:
    """Raise HighwaterError, with the figures, at the first guard that does not let the change pass."""
    for guard in OF_ANY_MACHINE if change.image else OF_ANY_MACHINE + OF_THIS_MACHINE:
        guard(change)


def _refuse(message: str) -> NoReturn:
    raise HighwaterError("settings: " + message + OR_FORCE, reason="guard")


def _min_free_share(change: Change) -> None:
    if not change.asks("min_free_kbytes"):
        return
    asked = change.becomes("min_free_kbytes") * 1024
    managed = min_free.managed_pages(change.state.zones) * change.state.page_size
    if asked * 100 > managed * MIN_FREE_PERCENT:
        _refuse(
            "vm.min_free_kbytes: %d (%s) is more than %d %% of the %s that the kernel manages, which can bring the "
            "OOM killer at once: write at most %d"
            % (
                asked // 1024,
                format_size(asked),
                MIN_FREE_PERCENT,
                format_size(managed),
                managed * MIN_FREE_PERCENT // 100 // 1024,
            )
        )


def _min_free_automatic(change: Change) -> None:
    if not change.asks("min_free_kbytes"):
        return
    asked, automatic = change.becomes("min_free_kbytes"), change.state.min_free_auto
    if asked * AUTO_TOLERANCE < automatic * (AUTO_TOLERANCE - 1):
        _refuse(
            "vm.min_free_kbytes: %d (%s) is below the %d (%s) that the kernel would choose itself: write at least "
            "that, as in max(min_free_auto, ...), leave it out"
            % (asked, format_size(asked * 1024), automatic, format_size(automatic * 1024))
        )


def _min_free_now(change: Change) -> None:
    """Whether what is available now is enough for a reserve that grows."""
    if not change.now or not change.touches("min_free_kbytes"):
        return
    asked, available = change.becomes("min_free_kbytes") * 1024, change.state.available
    if asked > change.state.number("min_free_kbytes") * 1024 and asked > available:
        _refuse(
            "vm.min_free_kbytes: %d (%s) is more than the %s that is available now: free memory first, or use "
            "apply: next_boot" % (asked // 1024, format_size(asked), format_size(available))
        )


def _high_marks(change: Change) -> None:
    if not change.touches(*_OF_MARKS):
        return
    high, ram = _high_to_be(change), change.state.memory["MemTotal"]
    if high * 100 > ram * HIGH_PERCENT:
        _refuse(
            "%s would put the high watermarks at %s, more than %d %% of the %s of RAM: write less"
            % (_marks_said(change), format_size(high), HIGH_PERCENT, format_size(ram))
        )
    growth = _marks_growth(change)
    if change.now and growth > change.state.available:
        _refuse(
            "%s would raise the high watermarks by %s, more than the %s that is available now: free memory first, "
            "use apply: next_boot" % (_marks_said(change), format_size(growth), format_size(change.state.available))
        )


def _high_to_be(change: Change) -> int:
    """The high watermarks of all zones, in bytes."""
    state = change.state
    marks = watermarks.computed(
        state.zones, change.becomes("min_free_kbytes"), change.becomes("watermark_scale_factor"), state.page_size
    )
    return watermarks.total(state.zones, marks, state.page_size).high


def _marks_growth(change: Change) -> int:
    """Bytes by which the high watermarks rise; 0 where they stay, or fall."""
    if not change.touches(*_OF_MARKS):
        return 0
    state = change.state
    return max(0, _high_to_be(change) - watermarks.total(state.zones, state.marks, state.page_size).high)


def _marks_said(change: Change) -> str:
    return " with ".join("vm.%s: %d" % (name, change.becomes(name)) for name in _OF_MARKS if name in change.targets)


def _huge_pages_share(change: Change) -> None:
    """Whether a pool leaves the rest of the machine anything, at the next boot too, when nothing else is there yet."""
    size, ram = change.state.memory.get("Hugepagesize", 0), change.state.memory["MemTotal"]
    for name in _POOLS:
        pool = change.becomes(name) * size
        if change.asks(name) and pool * 100 > ram * HUGE_PAGES_PERCENT:
            _refuse(
                "vm.%s: %d (%s) is more than %d %% of the %s of RAM, and all else has to do with what is left: write "
                "at most %d"
                % (
                    name,
                    change.becomes(name),
                    format_size(pool),
                    HUGE_PAGES_PERCENT,
                    format_size(ram),
                    ram * HUGE_PAGES_PERCENT // 100 // size,
                )
            )


def _huge_pages_now(change: Change) -> None:
    """Whether what is available now is enough for a pool that grows: the kernel takes whatever it gets."""
    size = change.state.memory.get("Hugepagesize", 0)
    available = change.state.available
    for name in _POOLS:
        more = _pool_growth(change, name)
        if change.now and more > available:
            _refuse(
                "vm.%s: %d takes %s more from the machine at once than the %s that is available now: write at most %d, "
                "or use apply: next_boot"
                % (
                    name,
                    change.becomes(name),
                    format_size(more),
                    format_size(available),
                    change.state.number(name) + available // size,
                )
            )


def _pool_growth(change: Change, name: str) -> int:
    """Bytes that a pool takes more from the machine; 0 where it stays, or gives some back."""
    if not change.touches(name):
        return 0
    return max(0, change.becomes(name) - change.state.number(name)) * change.state.memory.get("Hugepagesize", 0)


def _all_now(change: Change) -> None:
    """Whether what is available now is enough for a pool and a reserve that both grow, each of which would fit."""
    more, name = max((_pool_growth(change, name), name) for name in _POOLS)
    growth = _marks_growth(change)
    if change.now and more and growth and more + growth > change.state.available:
        _refuse(
            "vm.%s: %d takes %s more, and %s raises the high watermarks by %s, together more than the %s that is "
            "available now: free memory first, write less, or use apply: next_boot"
            % (
                name,
                change.becomes(name),
                format_size(more),
                _marks_said(change),
                format_size(growth),
                format_size(change.state.available),
            )
        )


def _vfs_cache_pressure(change: Change) -> None:
    if change.asks("vfs_cache_pressure") and change.becomes("vfs_cache_pressure") == 0:
        _refuse(
            "vm.vfs_cache_pressure: 0 never gives dentries and inodes back, which can end in the OOM killer: "
            "write 1 or more (the default is 100)"
        )


def _page_cluster(change: Change) -> None:
    if change.asks("page-cluster") and change.becomes("page-cluster") > MOST_PAGE_CLUSTER:
        asked = change.becomes("page-cluster")
        _refuse(
            "vm.page-cluster: %d would read %s for each page that is swapped in (2 to that power of pages): "
            "write %d or less" % (asked, format_size(change.state.page_size << asked), MOST_PAGE_CLUSTER)
        )


def _background_above_foreground(change: Change) -> None:
    """Whatever their units where both are asked for; of one alone only beside another in the same unit, since beside
    one in the other unit the kernel helps itself (answer.py warns of that). For an image both have to be asked for, and
    in one unit: the rest would be the builder's.
    """
    background, foreground = dirty.limits(change.becomes, change.state.memory["MemTotal"])
    names, alike = {background.name, foreground.name}, background.in_bytes == foreground.in_bytes
    meant: object = names <= set(change.wanted)
    if change.image:
        meant = meant and alike
    elif alike:
        meant = names & set(change.wanted)
    if meant and change.touches(background.name, foreground.name) and background.size > foreground.size:
        _refuse(
            "%s is above %s, so that writing programs would be stopped before the background begins: write less for "
            "the first or more for the second" % (background.words(), foreground.words())
        )


def _strict_overcommit(change: Change) -> None:
    if (
        not change.now
        or change.becomes("overcommit_memory") != 2
        or not change.touches("overcommit_memory", "overcommit_ratio", "overcommit_kbytes")
    ):
        return
    limit = _commit_limit(change)
    committed = change.state.memory.get("Committed_AS", 0)
    if committed * 100 > limit * COMMITTED_PERCENT:
        _refuse(
            "vm.overcommit_memory: 2 would put the commit limit at %s, and %s are committed already (above %d %%), "
            "so that programs would soon get no memory: raise vm.overcommit_ratio with it"
            % (format_size(limit), format_size(committed), COMMITTED_PERCENT)
        )


def _commit_limit(change: Change) -> int:
    """Bytes, as mm/util.c (vm_commit_limit) counts them."""
    memory = change.state.memory
    swap = memory.get("SwapTotal", 0)
    kbytes = change.becomes("overcommit_kbytes")
    if kbytes:
        return kbytes * 1024 + swap
    # Of all sizes; a kernel before 4.20 says only how many of the default size there are.
    huge = memory.get("Hugetlb", memory.get("HugePages_Total", 0) * memory.get("Hugepagesize", 0))
    huge += max(_pool_growth(change, name) for name in _POOLS)
    return (memory["MemTotal"] - huge) * change.becomes("overcommit_ratio") // 100 + swap


OF_ANY_MACHINE: tuple[Callable[[Change], None], ...] = (
    _vfs_cache_pressure,
    _page_cluster,
    _background_above_foreground,
)
# These reckon with the memory and the kernel at hand.
OF_THIS_MACHINE: tuple[Callable[[Change], None], ...] = (
    _min_free_share,
    _min_free_automatic,
    _min_free_now,
    _high_marks,
    _huge_pages_share,
    _huge_pages_now,
    _all_now,
    _strict_overcommit,
)
