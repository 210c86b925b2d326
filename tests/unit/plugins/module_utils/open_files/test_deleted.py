# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files without a name, held open by real processes. It would take a look by name, by number of process alone, or a sum
over file descriptors instead of files, for these to fail."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.open_files.answer import list_deleted, truncate_deleted
from ansible_collections.highwater.memory.plugins.module_utils.open_files.deleted import (
    empty,
    find,
    matching,
    refuse_careless,
)

# Opens a file, writes to it, deletes it, says so, and appends a line for each line that it is sent.
WRITER = """
import os, sys
path, flags, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
fd = os.open(path, flags | os.O_CREAT | os.O_WRONLY, 0o600)
os.write(fd, b"x" * size)
os.unlink(path)
print("ready", flush=True)
for line in sys.stdin:
    os.write(fd, line.encode())
    print(os.fstat(fd).st_size, os.fstat(fd).st_blocks * 512, flush=True)
"""
MIB = 2**20


@pytest.fixture
def writer(tmp_path):
    """Starts a process that writes to a file below tmp_path and has deleted it."""
    started = []

    def start(name, flags=os.O_APPEND, size=MIB):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / name), str(flags), str(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.stdin.close()
        process.wait(timeout=60)


def say(process, line):
    """Let the writer append a line: the file's size and what it has on disk afterwards."""
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return tuple(int(word) for word in process.stdout.readline().split())


def ours(tmp_path, **params):
    return {"match": [str(tmp_path) + "/*"], **params}


def test_each_file_once_the_largest_first(tmp_path, writer):
    small, large = writer("small.log"), writer("large.log", size=3 * MIB)
    with open(f"/proc/{small.pid}/fd/3", "rb"):  # held a second time, by this process
        files = list_deleted(ours(tmp_path), Host(), False)["files"]
    assert next((row["path"], row["pid"]) for row in files) == (str(tmp_path / "large.log"), large.pid)
    assert len(files) == 2
    assert files[0]["size_on_disk"] >= 3 * MIB > files[1]["size_on_disk"] >= MIB
    assert {files[1]["pid"], files[1]["also_open"][0]["pid"]} == {small.pid, os.getpid()}


def test_names_with_blanks_and_a_file_that_is_called_deleted(tmp_path, writer):
    process = writer("a b (deleted)")
    there = tmp_path / "c (deleted)"
    there.write_bytes(b"x" * MIB)
    with open(there, "rb"):
        files = list_deleted(ours(tmp_path), Host(), False)["files"]
    assert [(row["path"], row["pid"]) for row in files] == [(str(tmp_path / "a b (deleted)"), process.pid)]


def test_a_file_that_still_has_another_name_is_not_listed(tmp_path):
    (tmp_path / "one").write_bytes(b"x" * MIB)
    os.link(tmp_path / "one", tmp_path / "other")
    with open(tmp_path / "one", "rb"):
        os.unlink(tmp_path / "one")
        assert list_deleted(ours(tmp_path), Host(), False)["files"] == []


def test_check_mode_says_what_would_be_freed_and_frees_nothing(tmp_path, writer):
    process = writer("log")
    told = truncate_deleted(ours(tmp_path), Host(), True)
    assert told["changed"]
    assert told["freed"] >= MIB
    size, on_disk = say(process, "x")
    assert size == MIB + 2
    assert on_disk >= MIB


def test_an_appending_writer_goes_on_from_the_new_beginning(tmp_path, writer):
    process = writer("log")
    told = truncate_deleted(ours(tmp_path), Host(), False)
    assert told["changed"]
    assert told["freed"] >= MIB
    assert told["warnings"] == []
    size, on_disk = say(process, "x")
    assert size == 2
    assert on_disk <= 8192
    assert truncate_deleted({"match": ["/nothing/*"]}, Host(), False)["changed"] is False


def test_a_writer_that_does_not_append_is_named(tmp_path, writer):
    process = writer("log", flags=0)
    told = truncate_deleted(ours(tmp_path), Host(), False)
    assert f"process {process.pid}) without O_APPEND" in told["warnings"][0]
    size, on_disk = say(process, "x")
    assert size == MIB + 2
    assert on_disk < MIB


def test_what_is_not_matched_stays(tmp_path, writer):
    process = writer("keep.log")
    writer("drop.log")
    truncate_deleted({"match": [str(tmp_path) + "/drop*"]}, Host(), False)
    assert say(process, "x")[0] == MIB + 2


@pytest.mark.parametrize(
    ("globs", "says"),
    [
        ([], "the list is empty"),
        (["*"], "'*' would empty every file"),
        (["/*"], "'/*' would empty every file"),
        (["/*/*"], "would empty every file"),
        (["?*"], "would empty every file"),
        (["*.*"], "would empty every file"),
        (["[!x]*"], "would empty every file"),
        ([""], "'' matches no file: name those that are meant"),
        (["/var/log/app/*", " "], "' ' matches no file: name those that are meant"),
        (["/var/log/app/*", "**"], "'**' would empty every file"),
        (["access_log"], "paths begin with a slash: write /.../access_log"),
    ],
)
def test_careless_globs_are_refused_before_anything_is_looked_at(globs, says):
    with pytest.raises(HighwaterError) as caught:
        truncate_deleted({"match": globs}, None, False)
    assert says in caught.value.message
    assert caught.value.reason == "match"


@pytest.mark.parametrize("glob", ["*.log", "/var/log/app/*", "*/access_log", "/[a-z]*/x", "?var/x"])
def test_globs_that_name_something_are_taken(glob, tmp_path):
    refuse_careless([glob])


def test_a_number_that_now_means_another_file_is_left_alone(tmp_path):
    """Between the list and the truncation the descriptor is closed and used again for a file that has a name."""
    path = tmp_path / "log"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"x" * MIB)
    os.unlink(path)
    seen = matching(find(Host()), [str(tmp_path) + "/*"])
    (tmp_path / "precious").write_bytes(b"y" * MIB)
    other = os.open(tmp_path / "precious", os.O_WRONLY)
    os.dup2(other, fd)
    os.close(other)
    assert len(seen) == 1
    assert empty(Host(), seen[0]) is None
    os.close(fd)
    assert (tmp_path / "precious").stat().st_size == MIB


def test_a_process_that_ends_meanwhile(tmp_path, writer):
    process = writer("log")
    seen = matching(find(Host()), [str(tmp_path) + "/*"])
    process.stdin.close()
    process.wait(timeout=60)
    deadline = time.monotonic() + 60
    while os.path.exists(f"/proc/{process.pid}/fd/3") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(seen) == 1
    assert empty(Host(), seen[0]) is None


class OneDescriptor(Host):
    """A host where nothing is seen but one descriptor of this process, by a few calls of the kernel."""

    def __init__(self, fd):
        super().__init__()
        self.fd = fd

    def listdir(self, path):
        return [str(os.getpid() if path == "/proc" else self.fd)]


PRECIOUS = b"y" * 2**13
CALLS = ("readlink", "stat", "open", "fstat", "ftruncate", "close")  # what a look and a truncation are made of


class Changing:
    """Under one number, a file without a name and one that is precious, in turn: at each of the moments given there is
    the other one. A moment is the number of the call of the kernel that comes next.
    """

    def __init__(self, folder, moments, precious_first=False):
        self.folder, self.moments, self.count = folder, moments, 0
        folder.mkdir()
        self.precious = os.open(folder / "precious", os.O_RDWR | os.O_CREAT, 0o600)
        os.write(self.precious, PRECIOUS)
        self.log = self._new_log()
        self.fd = os.dup(self.precious if precious_first else self.log)
        self.is_precious = precious_first

    def _new_log(self):
        fd = os.open(self.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        os.write(fd, b"x" * len(PRECIOUS))
        os.unlink(self.folder / "log")
        return fd

    def before(self, call):
        def and_change(*arguments, **more):
            if self.count in self.moments:
                self.is_precious = not self.is_precious
                os.dup2(self.precious if self.is_precious else self.log, self.fd)
            self.count += 1
            return call(*arguments, **more)

        return and_change

    def truncate(self, monkeypatch):
        with monkeypatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self.before(getattr(os, name)))
            return truncate_deleted(ours(self.folder), OneDescriptor(self.fd), False)

    def end(self):
        """Of precious, what is left; of the log, the size."""
        content, size = os.pread(self.precious, 2 * len(PRECIOUS), 0), os.fstat(self.log).st_size
        for fd in (self.precious, self.log, self.fd):
            os.close(fd)
        return content, size


@pytest.mark.parametrize("precious_first", [False, True])
@pytest.mark.parametrize("changes", [1, 2, 3])
def test_a_descriptor_that_changes_between_any_two_calls_never_costs_another_file(
    tmp_path, monkeypatch, changes, precious_first
):
    """At each moment there is, and at each pair and triple of them; what is said is what was done."""
    bare = Changing(tmp_path / "bare", ())
    bare.truncate(monkeypatch)
    calls = bare.count
    assert bare.end() == (PRECIOUS, 0)
    assert calls >= len(CALLS)
    emptied = 0
    for moments in itertools.combinations(range(calls + 1), changes):
        changing = Changing(tmp_path / "-".join(map(str, moments)), moments, precious_first)
        told = changing.truncate(monkeypatch)
        content, size = changing.end()
        assert content == PRECIOUS, moments
        assert len(told["files"]) == len(told["actions"]) == (size == 0), moments
        assert (told["freed"] >= len(PRECIOUS), told["changed"]) == (size == 0, size == 0), moments
        emptied += size == 0
    assert emptied or (precious_first and changes == 3)  # the last moments are too late to matter


# Has under the same number a file without a name and one that is precious, in turn, as fast as it can.
CHANGING = """
import os, sys
log, name = os.path.join(sys.argv[1], "log"), os.path.join(sys.argv[1], "precious")
precious = os.open(name, os.O_WRONLY | os.O_CREAT, 0o600)
os.write(precious, b"y" * 2 ** 20)
print("ready", flush=True)
while os.path.exists(name):
    for _turn in range(200):
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(fd, b"x" * 4096)
        os.unlink(log)
        os.dup2(precious, fd)
        os.close(fd)
"""


def test_a_process_that_changes_its_descriptor_all_the_time_loses_no_other_file(tmp_path):
    """The moments as they come; whether one of them is met is not asked here (above, all are)."""
    process = subprocess.Popen([sys.executable, "-c", CHANGING, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        for _turn in range(50):
            truncate_deleted(ours(tmp_path), Host(), False)
        assert (tmp_path / "precious").read_bytes() == b"y" * MIB
    finally:
        (tmp_path / "precious").unlink()
        process.wait(timeout=60)


def test_what_cannot_be_truncated_is_named_once_the_others_are(tmp_path, writer):
    """A program that runs (ETXTBSY)."""
    writer("log")
    program = shutil.copy(shutil.which("sleep"), tmp_path / "program")
    with open(program, "rb"), subprocess.Popen([program, "60"]) as running:
        os.unlink(program)
        try:
            with pytest.raises(HighwaterError) as caught:
                truncate_deleted(ours(tmp_path), Host(), False)
        finally:
            running.kill()
    assert f"could not truncate {program}: Text file busy; 1 other files that match" in caught.value.message
    assert caught.value.facts["freed"] >= MIB
