# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has the last word on a setting: each case in precedence/ is the files of a machine, and what is expected.

Fails where a folder, a name, a mask, a link, a glob or the other of a pair is weighed otherwise than by sysctl.d(5).
Ours says swappiness 100, where a case says nothing else.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.vm.precedence import parse
from hypothesis import example, given
from hypothesis import strategies as st

yaml = pytest.importorskip("yaml")  # the oldest Python of hosts has no controller, and so no YAML
CASES = sorted((Path(__file__).parent / "precedence").glob("*.yml"))


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_who_has_the_last_word(machine, path):
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    key, value = case.get("key", "swappiness"), case.get("value", "100")
    if case.get("systemd") is False:
        (machine.folder / "usr/lib/systemd/systemd-sysctl").unlink()
    for name, text in case["files"].items():
        machine.write(name, text)
    for name, target in case.get("links", {}).items():
        machine.link(name, target)
    file = case.get("file", "/etc/sysctl.d/90-highwater.conf")
    done = machine.run(settings={key: value}, file=file)
    line, warnings = done["settings"]["vm." + key]["overridden_by"], " ".join(done["warnings"])
    said = [warning for warning in done["warnings"] if "has the last word" in warning and "ours" not in warning]
    if case["expected"] is None:
        assert (line, said) == (None, [])
    else:
        where, _says, number = case["expected"].rpartition(" says ")
        assert line["value"] == (None if number == "nothing" else int(number))
        assert where.startswith("%s, line %d" % (line["file"], line["line"]))
        assert where in said[0]
    assert case.get("second_owner", "") in warnings
    assert ("one owner" in warnings) == ("second_owner" in case)
    assert ("is not read at boot" in warnings) == (case.get("read_at_boot") is False)
    assert machine.live(key) == value
    assert machine.run(settings={key: value}, file=file)["changed"] is False


@example("*/=")  # a folder of settings, but no setting
@given(st.text(alphabet="vm./*-=#; swapines\n\t0x19[]", max_size=60))
def test_whatever_stands_in_a_file_is_read_without_an_error(text):
    for line in parse("/x", text):
        assert 1 <= line.line <= len(text.splitlines())
        assert line.key.strip()
