# SPDX-License-Identifier: GPL-3.0-or-later
"""`make profiles`: what each profile of role vm_tuning comes to on machines of many sizes, into docs/profiles.md.

The numbers are module vm_sysctl's own, in check mode on machines made of files: a folder with the /proc and /sys that a
Linux 6.18 with that much memory has.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import paths
import yaml

sys.path.insert(0, str(paths.LINK))
from ansible_collections.highwater.memory.plugins.module_utils.core import convergence
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.parse.zoneinfo import parse_zoneinfo
from ansible_collections.highwater.memory.plugins.module_utils.vm import min_free, settings_table, sysctl
from ansible_collections.highwater.memory.plugins.module_utils.vm.arguments import ARGUMENTS

PAGE = paths.ROOT / "docs/profiles.md"
DATA = paths.ROOT / "roles/vm_tuning/vars/main"
GIB = 2**30
SIZES = (1, 4, 16, 64, 512)  # GiB
PAGE_SIZE, PAGEBLOCK = 4096, 2 * 2**20
KERNEL = "6.18.0"
# What such a kernel has by itself.
DEFAULTS: Mapping[str, int] = {
    "compaction_proactiveness": 20, "defrag_mode": 0, "dirty_background_bytes": 0, "dirty_background_ratio": 10,
    "dirty_bytes": 0, "dirty_ratio": 20, "dirtytime_expire_seconds": 43200, "kernel.numa_balancing": 1,
    "overcommit_kbytes": 0, "overcommit_memory": 0, "overcommit_ratio": 50, "page-cluster": 3, "swappiness": 60,
    "vfs_cache_pressure": 100, "watermark_boost_factor": 15000, "watermark_scale_factor": 10, "zone_reclaim_mode": 0,
}  # fmt: skip
# The firmware and the kernel itself have about a fiftieth of the memory.
TAKEN = 50

HEAD = """<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Made by `make profiles` from the data in roles/vm_tuning/vars/main: changes made here by hand are lost. -->
# What the profiles come to

By role `vm_tuning`: `vm_tuning_profiles: [server, zram]` is the default. They are merged in their order, and where two
say different things the later one wins and a warning names both. `vm_tuning_settings` comes on top of all.

The numbers are what module `vm_sysctl` computes on an x86 machine with Linux 6.18, one node and that much memory, of
which the kernel manages about 98 %. Another machine computes its own: they stand, with where they came from, in its
`/etc/sysctl.d/90-highwater.conf`. The files linked below say for each number where it comes from. The last four rows
are what the kernel makes of it, in sums over its zones: programs wait for reclaim below *min*, kswapd begins at *low*
and ends at *high*; the gap between each two is what background reclaim has to work with.
"""


def profiles() -> dict[str, dict[str, Any]]:
    """The profiles by name, the role's default ones first."""
    files = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(DATA.glob("*.yml"))}
    found = {name: data[f"vm_tuning__profile_{name}"] for name, data in files.items() if name != "main"}
    return {name: found[name] for name in sorted(found, key=lambda name: (name not in ("server", "zram"), name))}


def intent(name: str) -> str:
    """The paragraph that a profile's file begins with."""
    comment = re.match(r"# SPDX.*\n((?:# .*\n)+)", (DATA / f"{name}.yml").read_text(encoding="utf-8"))
    assert comment, f"{name}.yml does not begin with what it is for"
    return " ".join(line[2:] for line in comment.group(1).splitlines())


class Machine:
    """A folder that is a machine of so many GiB to the module."""

    def __init__(self, folder: Path, gib: int, thp: str) -> None:
        self.folder = folder
        managed = gib * GIB // PAGE_SIZE * (TAKEN - 1) // TAKEN
        zones = {"DMA": 3840, "DMA32": min(managed - 3840, 3 * GIB // PAGE_SIZE * (TAKEN - 1) // TAKEN)}
        zones["Normal"] = managed - sum(zones.values())
        self._write("/proc/zoneinfo", "".join(zone(name, size) for name, size in zones.items() if size))
        kib = managed * PAGE_SIZE // 1024
        self._write("/proc/meminfo", f"MemTotal: {kib} kB\nMemFree: {kib} kB\nMemAvailable: {kib} kB\n")
        self._write("/proc/swaps", "Filename Type Size Used Priority\n")
        self._write("/proc/sys/kernel/osrelease", KERNEL)
        self._write("/proc/self/uid_map", "0 0 4294967295\n")
        self._write("/sys/devices/system/cpu/online", "0-3\n")
        self._write("/sys/kernel/mm/transparent_hugepage/enabled", f"[{thp}]\n")
        self._write("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", f"{PAGEBLOCK}\n")
        automatic = min_free.automatic_min_free_kbytes(self.zones(), PAGEBLOCK if thp != "never" else None, PAGE_SIZE)
        for name, number in {**DEFAULTS, "min_free_kbytes": automatic}.items():
            self._write(settings_table.path(name), f"{number}\n")

    def zones(self) -> Any:
        return parse_zoneinfo((self.folder / "proc/zoneinfo").read_text(encoding="utf-8"))

    def _write(self, path: str, text: str) -> None:
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def run(self, items: Iterable[Mapping[str, Any]], swap: list[str]) -> dict[str, Any]:
        """What vm_sysctl would do there with a profile, as it returns it."""
        given = [{"when": "always", "on_top_of": [], **item} for item in items]
        options = {name: option.get("default") for name, option in ARGUMENTS.items()}
        asked = {**options, "profiles": given, "expect_swap": swap, "unknown": "skip"}
        return convergence.converge(sysctl, asked, Host(str(self.folder)), True)


def zone(name: str, pages: int) -> str:
    marks = f"        boost 0\n        min {pages // 300}\n        low {pages // 240}\n        high {pages // 200}\n"
    size = f"        spanned {pages}\n        present {pages}\n        managed {pages}\n        protection: (0, 0)\n"
    return f"Node 0, zone {name}\n  pages free {pages}\n{marks}{size}"


def column(profile: Mapping[str, Any], gib: int, swap: list[str]) -> dict[str, str]:
    """One machine's column: a row's name and what stands there."""
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder), gib, profile.get("transparent_hugepage", {}).get("enabled", "madvise"))
        done = machine.run(profile["vm_sysctl"], swap)
    found = {f"`{name}`": words(name[3:], one["after"]) for name, one in sorted(done["settings"].items())}
    for part in ("transparent_hugepage", "lru_gen"):
        values = {name: str(value) for name, value in profile.get(part, {}).items() if name != "name"}
        found.update((f"{part} `{name}`", value) for name, value in values.items())
    marks = done["watermarks"]["computed"]
    found["*gap*"] = rounded(marks["low"] - marks["min"])
    found.update((f"*{mark}*", rounded(marks[mark])) for mark in ("min", "low", "high"))
    return found


def words(name: str, number: int) -> str:
    row = settings_table.row(name)
    return f"{number} ({rounded(number * row.bytes_per_unit(PAGE_SIZE))})" if row.unit else str(number)


def rounded(size: int) -> str:
    """To three digits or so, beyond which nobody looks."""
    return f"{size / GIB:.2f} GiB" if size >= GIB else f"{size / 2**20:.0f} MiB"


def table(profile: Mapping[str, Any]) -> list[str]:
    """In Markdown. Where a disk behind the zram makes a difference, a row says both."""
    alone = [column(profile, gib, ["zram"]) for gib in SIZES]
    beside = [column(profile, gib, ["zram", "disk"]) for gib in SIZES]
    lines = ["| | " + " | ".join(f"{gib} GiB" for gib in SIZES) + " |", "|---|" + "---|" * len(SIZES)]
    for name in alone[0]:
        lines.append(f"| {name} | " + " | ".join(one[name] for one in alone) + " |")
        if any(one[name] != other[name] for one, other in zip(alone, beside, strict=True)):
            lines.append(f"| {name} with other swap behind | " + " | ".join(one[name] for one in beside) + " |")
    return lines


def page() -> str:
    """docs/profiles.md as it has to be."""
    parts = [HEAD, "## The kernel's own\n", "Without any profile.\n", *table({"vm_sysctl": []}), ""]
    for name, profile in profiles().items():
        link = f"[roles/vm_tuning/vars/main/{name}.yml](../roles/vm_tuning/vars/main/{name}.yml)"
        parts += [f"## {name}\n", f"{intent(name)} {link}\n", *table(profile), ""]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written to {PAGE.relative_to(paths.ROOT)}")
