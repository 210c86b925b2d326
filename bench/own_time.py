# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Run in a process of its own: the processor time, in milliseconds, that memory_info costs beyond what Ansible's own
part of every module does. Everything of ours comes from a zip archive of source, as Ansible sends it.

    python own_time.py ARCHIVE [ROOT]

ROOT is the folder of another machine, as after_site.py lays it; without, it is this one. Behind the time stand the
names of the findings, by which the machine that was meant is known.
"""

import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from ansible.module_utils import basic  # noqa: E402, F401

began = time.process_time()

from ansible_collections.highwater.memory.plugins.module_utils.core import runner  # noqa: E402, F401
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host  # noqa: E402
from ansible_collections.highwater.memory.plugins.module_utils.memory.answer import memory_info  # noqa: E402

host = Host(sys.argv[2] if len(sys.argv) > 2 else "/")
memory = memory_info({"gather": ["default"], "sample": 0.0, "trace": False}, host, False)["memory"]
took = 1000 * (time.process_time() - began)
if not memory["meminfo"]["MemTotal"]:
    sys.exit("nothing was measured")
print(took, *(one["name"] for one in memory["findings"]))
