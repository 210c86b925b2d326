# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules out of an archive are compiled once.

Ansible sends a module and what it imports as a zip archive without compiled code, and compiling is most of what the
start of a module costs. Python's zipimporter compiles each file twice: it is asked for the file's name first (by
importlib.util.spec_from_loader), and learns that from the compiled code. This one knows the name from the path, for all
that is imported after this module: runner.py imports it before anything of ours, and modules import that first.
"""

from __future__ import annotations

import os
import sys
import zipimport


class Importer(zipimport.zipimporter):
    """A zipimporter for archives that hold Python source."""

    def get_filename(self, fullname: str) -> str:
        """Where a module is, as a path below the archive's; zipimport.ZipImportError where it is not."""
        ending = os.sep + "__init__.py" if self.is_package(fullname) else ".py"
        return os.path.join(self.archive, self.prefix + fullname.rpartition(".")[2] + ending)


def compile_once(loaded_by: object) -> None:
    """Import from archives by Importer from now on, where loaded_by (a ``__loader__``) says that this runs in one."""
    if isinstance(loaded_by, zipimport.zipimporter) and Importer not in sys.path_hooks:
        sys.path_hooks.insert(0, Importer)
        for path in [path for path in sys.path_importer_cache if path.startswith(loaded_by.archive)]:
            del sys.path_importer_cache[path]


compile_once(globals().get("__loader__"))
