# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""compress_in_place of a file of 5 GiB, larger than its filesystem: most of it is a hole.

Fails where an offset does not fit 32 bits anywhere, or where a byte is another afterwards.
"""

from __future__ import annotations

import pytest
from harness import Machine
from test_compress_full import cases, check_compressed

pytestmark = pytest.mark.machine(memory=1024, extra=1, cpus=2)


def test_five_gib(machine: Machine) -> None:
    found = cases(machine, "mkfs.ext4 -q -F", "large", "/mnt/full")["5 GiB"]
    assert found["answer"]["files"][0]["size_before"] == 5 * 2**30
    check_compressed(found)
