# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Fails where the machine would not be sent all that the writing of zeros imports."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench import swapfile
from bench.machine import ROOT

MODULE = f"{swapfile.UTILS}/swapfile/zeros".replace("/", ".")


def test_what_is_sent_is_enough(tmp_path: Path) -> None:
    for file in swapfile.SENT:
        target = tmp_path / swapfile.UTILS / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "plugins/module_utils" / file, target)
    subprocess.run([sys.executable, "-c", f"import {MODULE}"], cwd=tmp_path, check=True)
