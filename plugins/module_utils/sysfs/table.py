# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be set below /sys: one row a setting, by module. A new setting is a new row, its option included."""

from __future__ import annotations

from typing import Any, Callable, Sequence

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.choice import parse_choice
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.offered import compressors, pools

# A value in its one form is a text: the chosen word, the digits, or the words ON and OFF.
ON, OFF = "on", "off"


class Words(NamedTuple):
    """One of some words; the file lists what the kernel offers, with brackets around what is chosen."""

    words: tuple[str, ...]

    def read(self, text: str) -> str:
        return parse_choice(text).chosen or text.strip()

    def offered(self, text: str) -> tuple[str, ...] | None:
        return parse_choice(text).offered

    def write(self, value: str) -> str:
        return value

    def understand(self, _option: str, value: Any) -> tuple[str, ...]:
        return (value,)

    def shown(self, value: str) -> Any:
        return value

    def argument(self) -> dict[str, Any]:
        return {"type": "str", "choices": list(self.words)}


class Switch(NamedTuple):
    """On or off; on and off are what is written, since a 1 is not everywhere all of it."""

    on: str
    off: str

    def read(self, text: str) -> str:
        return OFF if text.strip() in ("N", "n") or text.strip().replace("0x", "").strip("0") == "" else ON

    def offered(self, _text: str) -> tuple[str, ...] | None:
        return None

    def write(self, value: str) -> str:
        return self.on if value == ON else self.off

    def understand(self, _option: str, value: Any) -> tuple[str, ...]:
        return (ON if value else OFF,)

    def shown(self, value: str) -> Any:
        return value == ON

    def argument(self) -> dict[str, Any]:
        return {"type": "bool"}


class Number(NamedTuple):
    """A whole number within bounds of ours, where the kernel has none or wider ones."""

    low: int
    high: int

    def read(self, text: str) -> str:
        return text.strip()

    def offered(self, _text: str) -> tuple[str, ...] | None:
        return None

    def write(self, value: str) -> str:
        return value

    def understand(self, option: str, value: Any) -> tuple[str, ...]:
        if not self.low <= value <= self.high:
            raise HighwaterError("%s: %d is out of range: write %d to %d" % (option, value, self.low, self.high))
        return (str(value),)

    def shown(self, value: str) -> Any:
        return int(value) if value.isdigit() else value

    def argument(self) -> dict[str, Any]:
        return {"type": "int"}


class Modules(NamedTuple):
    """A name that a kernel module stands for; the file says what is chosen and not what there is.

    find:       says what this kernel has, given the names that are asked for.
    preference: whether the option is a list of which the first that there is counts.
    """

    find: Callable[[Host, Sequence[str]], tuple[str, ...]]
    preference: bool

    def read(self, text: str) -> str:
        return text.strip()

    def offered(self, _text: str) -> tuple[str, ...] | None:
        return None

    def write(self, value: str) -> str:
        return value

    def understand(self, option: str, value: Any) -> tuple[str, ...]:
        names = tuple(value) if self.preference else (value,)
        for name in names:
            if not name or not all(sign.isalnum() or sign in "-_" for sign in name):
                raise HighwaterError("%s: %r is no name: write for instance zstd" % (option, name))
        if not names:
            raise HighwaterError("%s: the list is empty: name at least one" % option)
        return names

    def shown(self, value: str) -> Any:
        return value

    def argument(self) -> dict[str, Any]:
        return {"type": "list", "elements": "str"} if self.preference else {"type": "str"}


class Setting(NamedTuple):
    """One file below /sys, and the option that sets it.

    kind:   one of the above.
    parameter: of the kernel command line, for the same; empty for none, or that of a module.
    beside: a vm setting that the kernel computes anew when this one is written; empty for none.
    """

    option: str
    path: str
    kind: Any
    beside: str = ""
    parameter: str = ""

    @property
    def at_boot(self) -> str:
        """The kernel's parameter for it, that of a module's own too (``zswap.enabled``); empty for none."""
        _empty, _sys, folder, *rest = self.path.split("/")
        return "%s.%s" % (rest[0], rest[-1]) if folder == "module" else self.parameter


class Subsystem(NamedTuple):
    """What one module sets.

    name:     the module's.
    folder:   is there where the kernel has it at all.
    needs:    the kernel's build option, for the error where it is not.
    settings: in the order in which they are written.
    """

    name: str
    folder: str
    needs: str
    settings: tuple[Setting, ...]

    def arguments(self) -> dict[str, dict[str, Any]]:
        """The options of the settings, as an argument spec."""
        return {setting.option: setting.kind.argument() for setting in self.settings}

    def setting(self, option: str) -> Setting:
        return next(setting for setting in self.settings if setting.option == option)


# Source of words and units: the kernel's transhuge.rst, zswap.rst, multigen_lru.rst.
_THP = "/sys/kernel/mm/transparent_hugepage"
TRANSPARENT_HUGEPAGE = Subsystem(
    "transparent_hugepage",
    _THP,
    "CONFIG_TRANSPARENT_HUGEPAGE",
    (
        Setting(
            "enabled",
            _THP + "/enabled",
            Words(("always", "madvise", "never")),
            "min_free_kbytes",
            "transparent_hugepage",
        ),
        Setting("defrag", _THP + "/defrag", Words(("always", "defer", "defer+madvise", "madvise", "never"))),
        Setting(
            "shmem_enabled",
            _THP + "/shmem_enabled",
            Words(("always", "within_size", "advise", "never", "deny", "force")),
            parameter="transparent_hugepage_shmem",
        ),
        Setting("khugepaged_defrag", _THP + "/khugepaged/defrag", Switch("1", "0")),
    ),
)

_ZSWAP = "/sys/module/zswap/parameters"
ZSWAP = Subsystem(
    "zswap",
    _ZSWAP,
    "CONFIG_ZSWAP",
    (
        Setting("compressor", _ZSWAP + "/compressor", Modules(compressors, True)),
        Setting("zpool", _ZSWAP + "/zpool", Modules(pools, False)),  # until 6.17
        Setting("max_pool_percent", _ZSWAP + "/max_pool_percent", Number(1, 100)),
        Setting("accept_threshold_percent", _ZSWAP + "/accept_threshold_percent", Number(1, 100)),
        Setting("shrinker_enabled", _ZSWAP + "/shrinker_enabled", Switch("Y", "N")),  # since 6.8
        Setting("enabled", _ZSWAP + "/enabled", Switch("Y", "N")),  # last: with all the rest in place
    ),
)

_LRU_GEN = "/sys/kernel/mm/lru_gen"
LRU_GEN = Subsystem(
    "lru_gen",
    _LRU_GEN,
    "CONFIG_LRU_GEN",
    (
        Setting("enabled", _LRU_GEN + "/enabled", Switch("y", "n")),  # y is every part that the machine can do
        Setting("min_ttl_ms", _LRU_GEN + "/min_ttl_ms", Number(0, 3600000)),
    ),
)
