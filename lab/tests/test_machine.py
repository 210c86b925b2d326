# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Records of machines, and what is told about them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from lab import build, machine, paths, qemu, report, snapshot, ssh
from lab.cli import main
from lab.errors import LabError
from lab.images import Shape
from lab.process import Identity
from lab.progress import Board, Job


@pytest.fixture(autouse=True)
def a_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HIGHWATER_LAB_DIR", str(tmp_path / "lab"))
    monkeypatch.setattr(ssh, "key", lambda: Path("/cache/key/id_rsa"))


def a_machine(name: str = "trixie", **changes: object) -> machine.Machine:
    made = machine.Machine(name, "trixie", Shape(), "/cache/images/trixie-0123", 20022)
    for field, value in changes.items():
        setattr(made, field, value)
    paths.folder(made.home)
    made.write()
    return made


def test_a_record_is_read_as_it_was_written() -> None:
    made = a_machine(process=Identity(1, 2, "boot"), started=5.0)
    assert machine.load("trixie") == made
    assert machine.known() == [made]


def test_other_labs_machines_are_known_of(tmp_path: Path) -> None:
    a_machine()
    assert (tmp_path / "lab").resolve() in paths.all_labs()


def test_a_machine_whose_process_is_gone_is_off() -> None:
    assert not a_machine(process=Identity(1, 2, "another boot")).running


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a b", "x" * 64])
def test_names_that_are_no_names(name: str) -> None:
    with pytest.raises(LabError, match="cannot be a machine's name"), machine.held(name):
        pass


def test_the_image_of_a_machine() -> None:
    a_machine("mine")
    assert machine.image_of("mine", None) == "trixie"
    assert machine.image_of("mine", "bookworm") == "bookworm"
    assert machine.image_of("bullseye", None) == "bullseye"
    with pytest.raises(LabError, match="no image is called 'other'; say which with --image"):
        machine.image_of("other", None)


@pytest.mark.parametrize(("failures", "comes_up"), [(0, True), (2, True), (3, False)])
def test_a_machine_that_does_not_come_up_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, comes_up: bool
) -> None:
    starts: list[Path] = []

    def start(it: machine.Machine, _memory: Path) -> None:
        assert list(it.home.iterdir()) == [], "what the attempt before has left"
        it.write()
        starts.append(it.home)
        if len(starts) <= failures:
            raise LabError("QEMU did not start")

    monkeypatch.setattr(build, "build", lambda _image, _job: build.Built(tmp_path))
    monkeypatch.setattr(snapshot, "take", lambda *_asked: snapshot.Snapshot(tmp_path))
    monkeypatch.setattr(machine.Machine, "start", start)
    for where, name in ((snapshot, "overlay"), (snapshot, "extra_disk"), (qemu, "wait_until_loaded"), (ssh, "wait")):
        monkeypatch.setattr(where, name, lambda *_asked, **_options: None)
    monkeypatch.setattr("lab.waiting.pause", lambda _seconds: None)
    job = Job(Board(), "trixie")
    if comes_up:
        assert machine.bring_up("trixie", None, None, job) == machine.load("trixie")
    else:
        with pytest.raises(LabError, match="QEMU did not start"):
            machine.bring_up("trixie", None, None, job)
        assert machine.load("trixie") is None
    assert len(starts) == min(failures + 1, machine.ATTEMPTS)


def test_inventory() -> None:
    text = report.inventory([a_machine("a.1"), a_machine("b")], "operator")
    lines = text.splitlines()
    assert lines[:3] == ["---", "all:", "  vars:"]
    assert lines[6:13] == [
        "  hosts:",
        '    "a.1":',
        '      ansible_host: "127.0.0.1"',
        "      ansible_port: 20022",
        '      ansible_user: "operator"',
        '      ansible_ssh_private_key_file: "/cache/key/id_rsa"',
        '      lab_image: "trixie"',
    ]
    assert report.inventory([], "root").splitlines()[-1] == "  hosts: {}"


def test_status_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    here = Identity.of(1)
    a_machine("a", process=here, started=time.time() - 65)
    a_machine("a-long-name")
    assert main(["status"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.index("image") == first.index("trixie") == second.index("trixie")
    assert first.endswith("1    1 min 5 s")
    assert "off" in second
    assert main(["status", "--json"]) == 0
    assert [it["running"] for it in json.loads(capsys.readouterr().out)] == [True, False]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["ssh", "nobody"], "error: there is no machine called 'nobody' (there are: none at all)"),
        (["down"], "error: say which machines to end, or --all"),
        (["log", "nobody"], "error: there is no machine called 'nobody'"),
    ],
)
def test_errors_are_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    assert capsys.readouterr().err.startswith(sentence)


@pytest.mark.parametrize(("flags", "kvm"), [("fpu vmx sse", True), ("fpu svm", True), ("fpu hypervisor", False)])
def test_kvm_only_where_the_processor_says_so(flags: str, kvm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda _path: f"processor : 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr("lab.qemu.os.access", lambda _path, _mode: True)
    assert qemu.has_kvm.__wrapped__() is kvm


def test_emulation_avoids_what_panics() -> None:
    line = qemu.arguments(qemu.Hardware(Path("/image"), Shape(memory=512)), 20022)
    assert "qemu64,-cx16" in line or qemu.has_kvm()
    assert line[line.index("-m") + 1] == "512"
    assert "user,id=net,hostfwd=tcp:127.0.0.1:20022-:22" in line
