# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is seen of one subsystem below /sys, as an immutable value; nothing here writes."""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core import record
from ansible_collections.highwater.memory.plugins.module_utils.core.areas import swap_areas
from ansible_collections.highwater.memory.plugins.module_utils.core.boot import Artefact, observe_artefact
from ansible_collections.highwater.memory.plugins.module_utils.core.container import container
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import SETTINGS
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.parse.swaps import SwapArea
from ansible_collections.highwater.memory.plugins.module_utils.sysfs import owners
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.boot import job_name
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import Modules, Setting, Subsystem

VM = "/proc/sys/vm/"
OBJECT = "settings"  # the one object of its kind, which is the module's name, in our record


class State(NamedTuple):
    """A subsystem before or after.

    live:     values by option in their one form; None where the kernel lacks the setting.
    offered:  by option what the kernel offers; None where it does not say.
    writable: whether this process may write there; container: its kind, None on a machine of its own.
    entry:    our record: ``settings`` by option (value, persistent), ``before`` by option, ``beside`` by name, ``made``
              of these what the kernel has made with our change, and what was given up for the next boot only.
    boot_id:  of this boot.
    beside:   vm settings that the kernel computes anew with ours, as they are now; in the record, as before us.
    beside_of_others: those of them that our module vm_sysctl sets, and gives back itself; as before it, where known.
    boot:     what the next boot does.
    swaps:    the swap that is on.
    owners:   who else sets the same at boot.
    """

    subsystem: Subsystem
    live: Mapping[str, Optional[str]]
    offered: Mapping[str, Optional[tuple[str, ...]]]
    there: bool
    writable: bool
    container: Optional[str]
    entry: dict[str, Any]
    boot_id: str
    beside: Mapping[str, str]
    beside_of_others: Mapping[str, Optional[str]]
    boot: Artefact
    swaps: tuple[SwapArea, ...]
    owners: tuple[owners.Owner, ...]

    @property
    def before(self) -> Mapping[str, Optional[str]]:
        """What was there before us, by option."""
        return {**self.left, **self.entry.get("before", {})}

    @property
    def left(self) -> Mapping[str, Optional[str]]:
        """The same of what was given up for the next boot only."""
        return record.left_over(self.entry, self.boot_id)

    @property
    def owned(self) -> tuple[str, ...]:
        """Options in our record."""
        return tuple(self.entry.get("settings", ()))

    def is_ours(self, setting: Setting) -> bool:
        """Whether we set it already: by our record or, where that was lost, by what the next boot does."""
        return setting.option in self.owned or setting.path in (self.boot.text or "")


def observe(subsystem: Subsystem, host: Host, params: Mapping[str, Any]) -> State:
    """Read the host. Raises HighwaterError for a record that is damaged."""
    texts = {setting.option: host.read(setting.path) for setting in subsystem.settings}
    live = {
        setting.option: None if texts[setting.option] is None else setting.kind.read(texts[setting.option])
        for setting in subsystem.settings
    }
    boot = observe_artefact(host, job_name(subsystem), SETTINGS, params["apply"] == "next_boot")
    some = [setting.path for setting in subsystem.settings if texts[setting.option] is not None]
    return State(
        subsystem=subsystem,
        live=live,
        offered={
            setting.option: _offered(host, setting, texts[setting.option], params[setting.option])
            for setting in subsystem.settings
        },
        there=bool(some),
        writable=all(os.access(host.path(path), os.W_OK) for path in some),
        container=container(host),
        entry=record.recall(host, subsystem.name, OBJECT),
        boot_id=record.boot_id(host),
        beside=_beside(host, subsystem),
        beside_of_others=_beside_of_others(host),
        boot=boot,
        swaps=swap_areas(host),
        owners=owners.observe(host, subsystem, boot.path),
    )


def _beside(host: Host, subsystem: Subsystem) -> dict[str, str]:
    names = [setting.beside for setting in subsystem.settings if setting.beside]
    return {name: host.must_read(VM + name).strip() for name in names}


def _beside_of_others(host: Host) -> dict[str, Optional[str]]:
    entries = [record.recall(host, "vm_sysctl", file) for file in record.remembered(host, "vm_sysctl")]
    return {name: one.get("before", {}).get(name) for one in entries for name in one.get("settings", ())}


def _offered(host: Host, setting: Setting, text: str | None, asked: Any) -> tuple[str, ...] | None:
    """Looking for modules means reading a long list, so only where something else than what is chosen is asked for."""
    if text is None or not asked:
        return None
    if not isinstance(setting.kind, Modules):
        offered: tuple[str, ...] | None = setting.kind.offered(text)
        return offered
    names = asked if setting.kind.preference else [asked]
    return None if names[:1] == [text.strip()] else setting.kind.find(host, names)
