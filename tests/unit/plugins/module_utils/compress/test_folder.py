# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder's files, one after the other. It would take one that ends the work on the others, or a signal that does not,
for these to fail."""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import os
import re
import signal
import subprocess

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.compress import blocks, candidates
from ansible_collections.highwater.memory.plugins.module_utils.core import runner
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError

from .test_answer import asked


def three_more(folder, content):
    for name in (b"b.log", b"c/latin-\xe4.log", b"d.log"):
        path = os.path.join(os.fsencode(folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)


def test_blocks_that_were_moved_count_as_changed_though_the_file_is_left_alone(log, monkeypatch):
    """What is compressed of it stays so."""
    real, count = blocks.punch, []

    def broken(fd, offset, length):
        count.append(offset)
        if len(count) == 3:
            raise OSError(errno.EIO, "Input/output error")
        real(fd, offset, length)

    monkeypatch.setattr(blocks, "punch", broken)
    told = asked(log.parent)
    assert [row["path"] for row in told["left_alone"]] == [str(log)]
    assert told["left_alone"][0]["why"].startswith("%s: Input/output error: none of its bytes is lost" % log)
    assert told["changed"]


def test_files_of_the_system_are_left_alone_in_a_folder_but_not_by_name(log, monkeypatch, tmp_path):
    """A library is not open for writing by anybody, and all that runs needs it."""
    library = tmp_path / "usr" / "libc.so.6"
    library.parent.mkdir()
    os.symlink("usr", tmp_path / "lib")
    library.write_bytes(log.read_bytes())
    monkeypatch.setattr(candidates, "SYSTEM", re.compile(re.escape(str(tmp_path)) + "/usr/"))
    for folder in (tmp_path, tmp_path / "x" / ".." / "usr"):
        (tmp_path / "x").mkdir(exist_ok=True)
        told = asked(folder, include=["*.so.6"])
        assert [(row["path"].endswith("libc.so.6"), row["why"][-46:]) for row in told["left_alone"]] == [
            (True, "belongs to the system, which needs it as it is")
        ]
        assert not told["changed"]
    assert library.read_bytes() == log.read_bytes()
    assert asked(library)["changed"]


def test_a_name_that_is_no_utf_8_is_told_in_such_a_form(log):
    """As the module says it; the controller takes nothing else."""
    path = os.fsdecode(os.fsencode(log.parent) + b"/latin-\xe4.log")
    os.rename(log, path)
    (log.parent / os.fsdecode(b"empty-\xe4")).touch()
    told = runner.sayable(asked(log.parent))
    json.dumps(told, ensure_ascii=False).encode("utf-8")
    assert [row["path"] for row in told["files"]] == [str(log.parent) + "/latin-\\xe4.log"]
    assert told["actions"][0].startswith("compress %s/latin-\\xe4.log to " % log.parent)
    assert told["left_alone"][0]["why"].startswith("%s/empty-\\xe4 is empty" % log.parent)
    assert os.path.exists(path + ".gz")


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_signal_ends_the_whole_folder(log, monkeypatch, check_mode):
    """As it ends a single file: it would take a signal that counts as one more file left alone to fail."""
    three_more(log.parent, log.read_bytes())
    looked = []

    def then_a_signal(pair, level):
        looked.append(pair)
        runner._stopped(signal.SIGTERM, None)

    handlers = {number: signal.getsignal(number) for number in runner.STOPPED_BY}
    monkeypatch.setattr(candidates, "sample", then_a_signal)
    try:
        with pytest.raises(HighwaterError, match="stopped by SIGTERM") as caught:
            asked(log.parent, check_mode)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert caught.value.reason == "stopped"
    assert len(looked) == 1


def test_a_file_or_folder_that_goes_away_meanwhile_is_none_of_it(log, monkeypatch):
    """Between the look into the folder and the look at what is in it."""
    three_more(log.parent, log.read_bytes())
    real, gone = os.scandir, [log.parent / "gone", log.parent / "b.log"]
    gone[0].mkdir()

    def then_gone(path):
        entries = list(real(path))
        if os.path.basename(path) == "c":
            os.rmdir(gone[0])
        elif os.path.basename(path) != "gone":
            os.unlink(gone[1])
        return contextlib.nullcontext(entries)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", then_gone)
        told = asked(log.parent, check_mode=True)
    assert not any(os.path.lexists(path) for path in gone)
    assert [os.path.basename(row["path"]) for row in told["files"]] == ["app.log", "latin-\udce4.log", "d.log"]
    assert told["left_alone"] == []


def test_a_folder_that_is_deeper_than_python_recurses(log):
    deep = str(log.parent)
    for _folder in range(1200):
        deep += "/d"
        os.mkdir(deep)
    os.rename(log, deep + "/app.log")
    try:
        assert [row["path"] for row in asked(log.parent, check_mode=True)["files"]] == [deep + "/app.log"]
    finally:  # what tidies up after a test recurses
        subprocess.run(["rm", "-r", str(log.parent / "d")], check=True)


def test_restored_finds_what_was_cut_off_between_the_last_two_names(log, last_name_stays):
    """No part file any more, the result whole, the original a hole; a .gz of something else is no such thing."""
    content = log.read_bytes()
    (log.parent / "other").write_bytes(content)
    (log.parent / "other.gz").write_bytes(gzip.compress(content))

    with last_name_stays():
        asked(log)
    assert sorted(os.listdir(log.parent)) == ["app.log", "app.log.gz", "other", "other.gz"]
    told = asked(log.parent, state="restored")
    assert [row["path"] for row in told["files"]] == [str(log)]
    assert told["left_alone"] == []
    assert log.read_bytes() == content
    assert sorted(os.listdir(log.parent)) == ["app.log", "other", "other.gz"]
