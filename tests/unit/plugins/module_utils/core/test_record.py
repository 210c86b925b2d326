# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the record can be read by others, loses an object's name, hides damage, or forgets a settled size."""

from __future__ import annotations

import stat

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import record
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

GIB = 2**30


@pytest.fixture
def host(tmp_path):
    return Host(str(tmp_path))


def test_round_trip_of_a_name_with_slashes(host, tmp_path):
    record.Remember("swapfile", "/mnt/a b/swap", {"size": 1}).perform(host)
    assert record.recall(host, "swapfile", "/mnt/a b/swap") == {"size": 1}
    assert record.remembered(host, "swapfile") == ("/mnt/a b/swap",)
    folder = tmp_path / record.FOLDER[1:]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]


@pytest.mark.parametrize("name", ["/mnt/100% é/swap", "/mnt/caf\udce9/swap", "..", "/a+b~c_d.e-f%2F"])
def test_names_of_any_bytes_come_back_and_stay_in_the_folder(host, tmp_path, name):
    record.Remember("swapfile", name, {}).perform(host)
    assert record.remembered(host, "swapfile") == (name,)
    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / record.FOLDER[1:] / "swapfile"]


def test_forget_leaves_no_trace_but_keeps_others(host, tmp_path):
    record.Remember("zram_device", "zram0", {}).perform(host)
    record.Remember("zram_device", "zram1", {}).perform(host)
    record.Forget("zram_device", "zram0").perform(host)
    assert record.remembered(host, "zram_device") == ("zram1",)
    record.Forget("zram_device", "zram1").perform(host)
    record.Forget("zram_device", "zram1").perform(host)
    assert not (tmp_path / "var/lib/highwater").exists()
    assert (tmp_path / "var/lib").exists()


def test_forget_leaves_nothing_of_a_run_that_was_cut_off(host, tmp_path):
    record.Remember("swapfile", "/swapfile", {"size": 1}).perform(host)
    host.install("/var/lib/highwater/memory/swapfile/.%2Fswapfile.json.highwater.4194305", "{")
    record.Forget("swapfile", "/swapfile").perform(host)
    assert list((tmp_path / "var/lib").iterdir()) == []


def test_nothing_remembered_is_empty(host):
    assert record.recall(host, "zram_device", "zram0") == {}
    assert record.remembered(host, "zram_device") == ()


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_damage_is_told_with_the_file(host, tmp_path, text):
    record.Remember("zram_device", "zram0", {}).perform(host)
    (tmp_path / record.FOLDER[1:] / "zram_device/zram0.json").write_text(text)
    with pytest.raises(HighwaterError, match=r"zram0\.json is damaged"):
        record.recall(host, "zram_device", "zram0")


def test_what_is_live_goes_with_its_boot(host):
    """Fails where what was noted of an object in another boot still counts, or an entry without such a note is lost."""
    host.install(record.BOOT_ID, "one\n")
    entry = {"discard": False, "live": {"boot": "one", "discard": True}}
    assert record.live(record.without_stale(entry, host))["discard"] is True
    host.install(record.BOOT_ID, "two\n")
    assert record.without_stale(entry, host) == record.live({"discard": False}) == {"discard": False}


@pytest.mark.parametrize(
    ("expression", "ram", "kept"),
    [
        ("ram / 2", 4 * GIB, 2 * GIB),
        ("ram / 2", int(4.4 * GIB), 2 * GIB),  # a tenth more: the same machine
        ("ram / 2", int(3.6 * GIB) + 1, 2 * GIB),
        ("ram / 2", int(4.5 * GIB), None),
        ("ram / 2", int(3.5 * GIB), None),
        ("ram / 3", 4 * GIB, None),
    ],
)
def test_what_was_computed_once_stays_on_the_same_machine(expression, ram, kept):
    entry = {"sizes": {"size": record.settled("ram / 2", 4 * GIB, 2 * GIB)}}
    assert record.kept_size(entry, "size", expression, ram) == kept
    assert record.kept_size({}, "size", expression, ram) is None


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (("boot-1", {"a": 1, "b": 2}), ("boot-1", {"b": 2}), ("boot-1", {"a": 1, "b": 2})),
        (("boot-1", {"a": 1}), ("boot-1", {"a": 3, "b": 2}), ("boot-1", {"a": 3, "b": 2})),
        (("boot-1", {"a": 1}), ("boot-2", {"b": 2}), ("boot-2", {"b": 2})),
        (("boot-1", {"a": 1}), None, ("boot-1", {"a": 1})),
        (None, ("boot-2", {"b": 2}), ("boot-2", {"b": 2})),
    ],
)
def test_what_was_given_up_stays_noted_until_all_of_a_change_is_made(old, new, kept):
    """A run that is cut off after the first of its steps has not given back anything yet."""
    entries = [{"left": {"boot": one[0], "before": one[1]}} if one else {} for one in (old, new, kept)]
    assert record.joined(*entries[:2]) == entries[2]


def test_of_all_else_an_entry_has_part_by_part_the_new_one_counts():
    old = {"settings": {"a": {"value": "1", "from": {"ram": 1}}, "b": {}}, "before": {"a": "0"}}
    joined = record.joined(old, {"settings": {"a": {"value": "2"}}})
    assert joined == {"settings": {"a": {"value": "2"}, "b": {}}, "before": {"a": "0"}}
