# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a boot is to write below /sys: the same writes as are made live."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.highwater.memory.plugins.module_utils.core.job import SETTINGS, Job
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Step, Write
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import Subsystem


def job_name(subsystem: Subsystem) -> str:
    """``highwater-transparent-hugepage``: of the artefact's file."""
    return "highwater-" + subsystem.name.replace("_", "-")


def boot_job(subsystem: Subsystem, lasting: Mapping[str, str]) -> Job:
    """The job that gives settings their values; lasting: by option, in their one form."""
    steps = tuple(
        Step(
            "set %s to %s" % (setting.option, lasting[setting.option]),
            "",
            Write(setting.path, setting.kind.write(lasting[setting.option])),
        )
        for setting in subsystem.settings
        if setting.option in lasting
    )
    return Job(job_name(subsystem), subsystem.name, SETTINGS, "Settings of %s" % subsystem.name, steps)
