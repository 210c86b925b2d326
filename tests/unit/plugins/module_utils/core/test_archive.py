# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives as Ansible sends them, imported by a Python of their own: what is compiled, and what tracebacks name."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import archive

# Counts what is compiled, by file, and says where modules come from.
PROGRAM = """
import builtins, collections, json, sys
counted, compile_ = collections.Counter(), builtins.compile
def counting(source, name, *more, **named):
    counted[name] += 1
    return compile_(source, name, *more, **named)
builtins.compile = counting
sys.path.insert(0, sys.argv[1])
import top.first
import top.below.second, top.third
print(json.dumps([counted, top.first.__file__, top.below.__file__, top.below.second.failing()]))
"""
FAILING = """
import traceback
def failing():
    try:
        raise ValueError("told")
    except ValueError:
        return traceback.format_exc()
"""


@pytest.fixture
def imported(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, list[object]]:
    path = tmp_path / "payload.zip"
    with zipfile.ZipFile(path, "w") as payload:
        payload.writestr("top/__init__.py", "")
        payload.writestr("top/first.py", request.param)
        payload.writestr("top/archive.py", Path(archive.__file__).read_text())
        payload.writestr("top/below/__init__.py", "")
        payload.writestr("top/below/second.py", FAILING)
        payload.writestr("top/third.py", "")
    said = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], capture_output=True, check=True, text=True)
    return path, json.loads(said.stdout)


@pytest.mark.parametrize("imported", ["from top import archive"], indirect=True)
def test_each_file_is_compiled_once_and_keeps_its_name(imported: tuple[Path, list[object]]) -> None:
    """Fails where the importer is not asked, as a packages's folder that was looked at before it came."""
    path, (counted, first, below, traceback) = imported
    assert [counted[f"{path}/top/{name}"] for name in ("below/__init__.py", "below/second.py", "third.py")] == [1, 1, 1]
    assert (first, below) == (f"{path}/top/first.py", f"{path}/top/below/__init__.py")
    assert f'File "{path}/top/below/second.py", line 5, in failing\n    raise ValueError("told")' in traceback


@pytest.mark.parametrize("imported", [""], indirect=True)
def test_python_itself_compiles_twice(imported: tuple[Path, list[object]]) -> None:
    """Fails once Python does better: then the file under test has no use any more."""
    path, (counted, *_more) = imported
    assert counted[f"{path}/top/third.py"] == 2


def test_nothing_is_changed_outside_of_an_archive() -> None:
    assert archive.Importer not in sys.path_hooks


MODULES = sorted(Path(archive.__file__).parents[2].glob("modules/*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_modules_import_the_core_before_their_own_work(path: Path) -> None:
    """Fails where most of a module would be compiled twice, since the importer comes with the runner."""
    ours = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("from ansible_coll")]
    assert "plugins.module_utils.core" in ours[0]
