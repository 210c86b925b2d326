# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""`python3 -m lab`: see `cli.py`."""

from __future__ import annotations

import sys

from lab.cli import main

sys.exit(main())
