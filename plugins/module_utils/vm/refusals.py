# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of names that this kernel lacks, or that stand twice, and of values that it does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from ansible_collections.highwater.memory.plugins.module_utils.core.container import inside
from ansible_collections.highwater.memory.plugins.module_utils.vm.settings_table import (
    INT_MAX,
    TABLE,
    Setting,
    Version,
    full,
    row,
)

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.vm.state import State
    from ansible_collections.highwater.memory.plugins.module_utils.vm.values import Value


def named_twice(name: str, member: str) -> str:
    """Why two names do not go together: they are one, or exclude each other."""
    if name == member:
        return "settings: %s is named twice, in two spellings: name it once" % full(name)
    return (
        "settings: %s and %s exclude each other, and the kernel sets one to 0 when the other is written: "
        "name only one of them" % tuple(sorted((full(name), full(member))))
    )


def computed_for_image(sources: Mapping[str, str], state: State) -> str:
    """Why expressions are refused in a container; sources: who asked for each, by name."""
    return (
        "settings: %s would be computed from this machine, %s, and what apply: next_boot makes here is "
        "an image that boots on another: write %s, or say force: true"
        % (
            ", ".join("%s (%s)" % (full(name), source) for name, source in sorted(sources.items())),
            inside(state.container or ""),
            "a number" if len(sources) == 1 else "numbers",
        )
    )


def unknown(name: str, state: State) -> str:
    """Why a name is refused that this kernel lacks, and what may be meant."""
    since, until = row(name).since, row(name).until
    said = "settings: this kernel (%d.%d) has no %s" % (state.kernel + (full(name),))
    if since > state.kernel:
        said += ", which came with Linux %d.%d" % since
    elif until and until <= state.kernel:
        said += ", which went with Linux %d.%d" % until
    if name in TABLE:
        return said + ": leave it out, or say unknown: skip"
    near = alike(name, state)
    if near:
        said += "; it has " + near
    return said + ": correct the name, or say unknown: skip"


def alike(name: str, state: State) -> str:
    """The settings of this kernel that may be meant by a name: ``vm.a, vm.b``; empty for none."""
    import difflib  # only where it is needed: start-up is most of what a converged host costs

    elsewhere = [one for one in state.known if one.endswith("." + name)]
    near = elsewhere or difflib.get_close_matches(name, state.known, n=3, cutoff=0.5)
    return ", ".join(full(one) for one in near)


def out_of_range(known: Setting, value: Value, kernel: Version) -> str:
    """Why a kernel of that version does not take a value."""
    bounds = known.range(kernel)
    # The most that any int holds says little, but for a value above it.
    too_much = any(int(word) > bounds.most for word in value.number.split())
    endless = bounds.most >= INT_MAX and not too_much
    takes = "%d or more" % bounds.low if endless else "%d to %d" % (bounds.low, bounds.most)
    said = "settings: %s: %s%s is outside what %s: %s%s" % (
        full(known.name),
        value.number,
        " (from %s)" % value.expression if value.expression else "",
        "makes sense (%s)" % known.judged if known.judged else "the kernel takes",
        takes,
        ", or 0" if known.zero else "",
    )
    later = [one for one in known.ranges if one.since > kernel]
    if later:
        said += " (%d to %s since Linux %d.%d, and this one is %d.%d)" % (
            (later[-1].low, later[-1].high) + later[-1].since + kernel
        )
    if known.partner and value.number == "0":
        said += "; to turn it off, set %s instead" % full(known.partner)
    return said
