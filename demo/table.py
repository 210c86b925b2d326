# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""What the demo found, as text: pure functions from what guest.py printed to lines of at most 100 columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

LABEL, BEFORE, BAR = 13, 34, 72  # columns
MIB = 1 << 20

Look = dict[str, Any]  # of guest.look()
Fill = dict[str, Any]  # of guest.fill()

# How a fill ended, where it was not by the OOM killer.
ENDS = {
    "oom": "",
    "time": ", and more would have fitted: the time was up",
    "stalled": ", where it came to a halt",
    "refused": ", where the kernel refused more",
}


class Findings(NamedTuple):
    """One machine, looked at and filled before and after site.yml."""

    name: str
    before: Look
    filled_before: Fill
    after: Look
    filled_after: Fill


class Style(NamedTuple):
    """What the terminal can show."""

    colours: bool
    blocks: bool

    @property
    def signs(self) -> tuple[str, str, str]:
        """Of what lies in RAM, in zram, in a swapfile."""
        ram, zram, file = "█▓░" if self.blocks else "#+."
        return self.paint(ram, "36"), self.paint(zram, "32"), self.paint(file, "33")

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours and text else text

    def bold(self, text: str) -> str:
        return self.paint(text, "1")

    def text(self, line: str) -> str:
        return line if self.blocks else line.replace("·", "-")


def mib(amount: float) -> str:
    return f"{amount / MIB:,.0f} MiB"


def page(findings: list[Findings], style: Style) -> str:
    """All machines, with bars of one scale."""
    most = max(fill["filled"] for it in findings for fill in (it.filled_before, it.filled_after))
    return "\n\n".join("\n".join(machine(it, BAR / max(most, 1), style)) for it in findings)


def machine(it: Findings, scale: float, style: Style) -> list[str]:
    processors = "1 processor" if it.after["cpus"] == 1 else f"{it.after['cpus']} processors"
    heading = f"{it.name} · Linux {it.after['kernel']} · {processors} · {mib(it.after['ram'])} of RAM"
    return [
        style.bold(style.text(heading)),
        f"{'':{LABEL}}{'before':{BEFORE}}after",
        *rows("swap", swap(it.before, it.filled_before), swap(it.after, it.filled_after)),
        *rows("zram", zram(it.before, it.filled_before), zram(it.after, it.filled_after)),
        *rows("watermarks", [watermarks(it.before)], [watermarks(it.after)]),
        *rows("could fill", [filled(it.filled_before)], [filled(it.filled_after) + style.bold(gain(it))]),
        f"  before   {bar(it.filled_before, scale, style)}",
        f"  after    {bar(it.filled_after, scale, style)}",
        f"           {legend(it.filled_after, style)}",
    ]


def rows(label: str, before: list[str], after: list[str]) -> Iterable[str]:
    """As many lines as the longer column has."""
    labels = itertools.chain([label], itertools.repeat(""))
    for name, (left, right) in zip(labels, itertools.zip_longest(before, after, fillvalue=""), strict=False):
        yield f"  {name:{LABEL - 2}}{left:{BEFORE}}{right}".rstrip()


def swap(look: Look, fill: Fill) -> list[str]:
    """Each area, the one that is used first first, and how full it was when memory was."""
    peak = {area["name"]: area["used"] for area in fill["fullest"]["swaps"]}
    return [
        f"{area['name']:10}  {mib(area['size']):>9}, priority {area['priority']}, {mib(peak.get(area['name'], 0))} used"
        for area in look["swaps"]
    ] or ["none"]


def zram(look: Look, fill: Fill) -> list[str]:
    """Each device, and its ratio when memory was full: data by the RAM that the device took for it."""
    peak = {device["name"]: device for device in fill["fullest"]["zram"]}
    found = [(device, peak.get(device["name"], device)) for device in look["zram"]]
    return [f"{mib(device['size'])}, {device['algorithm']}{ratio(full)}" for device, full in found] or ["none"]


def ratio(device: dict[str, int]) -> str:
    data, taken = device["orig_data_size"], device["mem_used_total"]
    return f"; {mib(data)} kept in {mib(taken)}: {data / taken:.1f} to 1" if data and taken else "; empty"


def watermarks(look: Look) -> str:
    marks = look["watermarks"]
    return ", ".join(f"{name} {marks[name] / MIB:.0f}" for name in ("min", "low", "high")) + " MiB"


def filled(fill: Fill) -> str:
    return mib(fill["filled"]) + ENDS.get(fill["end"], f", where {fill['end']}")


def gain(it: Findings) -> str:
    before, after = it.filled_before["filled"], it.filled_after["filled"]
    return f", {after / before:.1f} times as much" if before else ""


def parts(fill: Fill) -> tuple[int, int, int]:
    """What was filled, in bytes: in RAM, in zram, in other swap."""
    areas = fill["fullest"]["swaps"]
    swapped = sum(area["used"] for area in areas)
    in_zram = sum(area["used"] for area in areas if area["name"].startswith("/dev/zram"))
    return max(0, fill["filled"] - swapped), in_zram, swapped - in_zram


def bar(fill: Fill, scale: float, style: Style) -> str:
    # By the ends of the parts and not by their lengths, so that roundings do not add up.
    ends = [round(end * scale) for end in itertools.accumulate(parts(fill))]
    return "".join(sign * (end - start) for sign, start, end in zip(style.signs, [0, *ends], ends, strict=False))


def legend(fill: Fill, style: Style) -> str:
    names = ("in RAM", "in zram", "in the swapfile")
    told = zip(style.signs, parts(fill), names, strict=True)
    return "   ".join(f"{sign} {mib(part)} {name}" for sign, part, name in told if part)
