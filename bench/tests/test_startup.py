# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Fails where a call that changes something is timed as one that finds nothing to do, or fewer settings than ten are.

The machine is a stand-in: what Ansible would print is given.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from bench import settings, startup
from bench.machine import Bench
from lab.errors import LabError

CHANGED = 'bench-trixie | CHANGED => {\n    "changed": true,\n    "actions": ["set vm.swappiness to 100"]\n}\n'
FOUND = 'bench-trixie | SUCCESS => {\n    "changed": false\n}\n'


def told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(Bench, "_timed", lambda _self, _command: (1.5, text))


def test_a_converged_call_that_changes_something_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    told(monkeypatch, FOUND)
    assert bench.adhoc("x", converged=True) == 1.5
    told(monkeypatch, CHANGED)
    assert bench.adhoc("x") == 1.5
    with pytest.raises(LabError, match="x changed something on a converged host"):
        bench.adhoc("x", converged=True)


class Recorder:
    """Says what was called, and how."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, bool]] = []

    def reset(self) -> None:
        self.calls.append(("reset", "", False))

    def play(self, playbook: str) -> float:
        self.calls.append((playbook, "", False))
        return 1.0

    def ping(self) -> float:
        return 1.0

    def adhoc(self, module: str, arguments: str = "", converged: bool = False) -> float:
        self.calls.append((module, arguments, converged))
        return 1.0


def test_ten_settings_that_stand_in_the_file_are_timed_after_a_call_that_is_not() -> None:
    bench = Recorder()
    startup.measure(bench, lambda _line: None)  # type: ignore[arg-type]
    ours = [one[1:] for one in bench.calls if one[0] == "highwater.memory.vm_sysctl"]
    asked = json.loads(ours[0][0])
    values = yaml.safe_load((Path(startup.__file__).with_name("settings_values.yml")).read_text())["settings"]
    assert asked == {"settings": values, "force": True}
    assert len(values) == 10
    assert [converged for _arguments, converged in ours] == [False] + [True] * startup.ROUNDS
    assert {arguments for arguments, _converged in ours} == {ours[0][0]}
    for name in startup.MODULES:
        assert [one[2] for one in bench.calls if one[0] == name] == [False] + [True] * startup.ROUNDS


def test_five_rounds_of_what_is_compared() -> None:
    """A median of three is one of two neighbours as soon as one run is disturbed."""
    assert settings.ROUNDS == startup.ROUNDS == 5
