# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A device that was half set up, by a run or a boot that was cut off or failed before the size.

It holds on to the disk behind it, which since Linux 6.10 not even the same device can then be given once more, and to
algorithms for a second pass, which nothing takes back singly.
"""

from __future__ import annotations

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import BUSY_PATIENCE, Plan, Step, Write
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.zram.action import NOT_TO_BE_HAD, Reset, write_all
from ansible_collections.highwater.memory.plugins.module_utils.zram.state import Device, attribute


class LetGo(NamedTuple):
    """Have a device without a size forget all that was set on it: only a reset does, and only of one that has a size.

    algorithms: what that may be had by, best first: one that is only listed may be what the boot failed of.
    """

    name: str
    algorithms: tuple[str, ...]

    def perform(self, host: Host) -> None:
        for algorithm in self.algorithms:
            try:
                self._size(host, algorithm)
                break
            except OSError as error:
                if error.errno not in NOT_TO_BE_HAD or algorithm == self.algorithms[-1]:
                    raise
        Reset(self.name).perform(host)

    def _size(self, host: Host, algorithm: str) -> None:
        files = (("comp_algorithm", algorithm), ("disksize", "1M"))
        write_all(host, tuple(Write(attribute(self.name, file), value, BUSY_PATIENCE) for file, value in files))


def let_go_steps(name: str, device: Device) -> Plan:
    """Steps for such a device; empty for one that has a size, or on which nothing was set yet that stays."""
    if device.size or not (device.writeback_device or device.recompress):
        return ()
    held = [device.writeback_device or ""] + [algorithm for _priority, algorithm in device.recompress or ()]
    chosen = (device.algorithm,) if device.algorithm else ()
    algorithms = chosen + tuple(other for other in device.algorithms if other != device.algorithm)
    does = "have %s let go of %s" % (name, ", ".join(filter(None, held)))
    return (Step(does, "it was half set up", LetGo(name, algorithms)),)
