# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where Host invents a value for a missing file, lets a file be seen half written, loses its attributes,
follows a link, or lets two runs on one host work at once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host


@pytest.fixture
def host(tmp_path):
    return Host(str(tmp_path))


def test_missing_is_none_and_empty_is_not(host, tmp_path):
    (tmp_path / "empty").write_text("")
    assert host.read("/empty") == ""
    assert host.read("/missing") is None
    assert host.read("/empty/below") is None
    assert host.listdir("/missing") == []


def test_bytes_that_are_no_text_survive(host, tmp_path):
    (tmp_path / "fstab").write_bytes(b"# caf\xe9\r\n")
    host.install("/fstab", host.read("/fstab"))
    assert (tmp_path / "fstab").read_bytes() == b"# caf\xe9\r\n"


def test_must_read_names_the_file(host):
    with pytest.raises(HighwaterError, match="/proc/meminfo"):
        host.must_read("/proc/meminfo")


def test_install_makes_folders_and_mode_whatever_the_umask(host, tmp_path):
    old = os.umask(0o077)
    try:
        host.install("/etc/sysctl.d/90.conf", "a\n", 0o644)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "etc/sysctl.d/90.conf").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "etc/sysctl.d").stat().st_mode) == 0o755


def test_install_keeps_mode_and_extended_attributes(host, tmp_path):
    path = tmp_path / "fstab"
    path.write_text("old\n")
    path.chmod(0o604)
    try:
        os.setxattr(str(path), "user.note", b"kept")
    except OSError:
        pytest.skip("no extended attributes on this filesystem")
    host.install("/fstab", "new\n", 0o644)
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert os.getxattr(str(path), "user.note") == b"kept"


def test_install_replaces_and_never_writes_into_the_old_file(host, tmp_path):
    path = tmp_path / "fstab"
    path.write_text("old\n")
    with open(str(path)) as reader:
        host.install("/fstab", "new\n")
        assert reader.read() == "old\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["fstab"]


@pytest.mark.parametrize("make", [lambda path: os.symlink("elsewhere", str(path)), lambda path: path.mkdir()])
def test_install_refuses_what_is_no_regular_file(host, tmp_path, make):
    make(tmp_path / "fstab")
    with pytest.raises(HighwaterError, match="fstab is"):
        host.install("/fstab", "new\n")
    assert not (tmp_path / "elsewhere").exists()


def test_install_removes_what_processes_that_were_cut_off_have_left(host, tmp_path):
    """Their numbers may be taken again after a boot; what a process that runs is writing stays."""
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        left = [tmp_path / (".file.highwater.%s" % number) for number in (4194305, os.getpid(), 1)]
        stays = [tmp_path / name for name in (".file.highwater", ".file.highwater.1x", ".other.highwater.4194305")]
        stays.append(tmp_path / (".file.highwater.%d" % sleeper.pid))
        for path in left + stays:
            path.touch()
        os.utime(left[-1], (0, 0))  # before this boot, whatever process has that number now
        host.install("/file", "text")
    finally:
        sleeper.kill()
        sleeper.wait()
    assert sorted(tmp_path.iterdir()) == sorted([*stays, tmp_path / "file"])


def test_a_failed_install_leaves_the_old_file_and_nothing_beside(host, tmp_path, monkeypatch):
    (tmp_path / "fstab").write_text("old\n")

    def full(_fd, _data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        host.install("/fstab", "new\n")
    monkeypatch.undo()
    assert (tmp_path / "fstab").read_text() == "old\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["fstab"]


def test_a_folder_that_somebody_makes_at_the_same_time(host, tmp_path, monkeypatch):
    monkeypatch.setattr(host, "lstat", lambda path: None if path != "/" else os.lstat("/"))
    (tmp_path / "var").mkdir(mode=0o700)
    host.make_folder("/var/lib")
    assert (tmp_path / "var/lib").is_dir()
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_write_kernel_never_creates(host, tmp_path):
    with pytest.raises(FileNotFoundError):
        host.write_kernel("/missing", "1")
    assert list(tmp_path.iterdir()) == []


def test_remove_empty_folders_stops_at_what_is_not_empty(host, tmp_path):
    (tmp_path / "var/lib/highwater/memory/zram_device").mkdir(parents=True)
    (tmp_path / "var/lib/highwater/other").write_text("")
    host.remove_empty_folders("/var/lib/highwater/memory/zram_device", above="/var/lib")
    assert not (tmp_path / "var/lib/highwater/memory").exists()
    assert (tmp_path / "var/lib/highwater/other").exists()


@pytest.mark.parametrize("broken", [False, True])
def test_what_is_removed_stays_away(host, tmp_path, monkeypatch, broken):
    """Fails where a power cut brings a file back whose line in fstab is gone: its folder is not synced, or before it is
    removed; or where a disk that cannot do that is taken for a file that is still there.
    """
    seen = []

    def fsync(fd):
        seen.append((os.readlink("/proc/self/fd/%d" % fd), host.exists("/swap/file")))
        if broken:
            raise OSError(5, "Input/output error")

    host.install("/swap/file", "")
    monkeypatch.setattr(os, "fsync", fsync)
    host.remove("/swap/file")
    assert seen == [(str(tmp_path / "swap"), False)]
    host.remove("/swap/file")
    host.remove("/nowhere/file")
    assert len(seen) == 1


def test_commands_run_without_shell_and_in_plain_english():
    done = Host().run(sys.executable, "-c", "import os, sys; print(os.environ['LC_ALL'], sys.argv[1])", "$HOME; ls")
    assert done.out == "C $HOME; ls\n"


def test_a_command_that_fails_is_named_with_its_last_word():
    with pytest.raises(HighwaterError, match="no such thing") as caught:
        Host().run(sys.executable, "-c", "import sys; sys.exit('first\\nno such thing')")
    assert caught.value.reason == "command_failed"


def test_a_command_that_is_missing_and_one_that_hangs():
    with pytest.raises(HighwaterError) as caught:
        Host().run("no-such-command")
    assert caught.value.reason == "command_missing"
    with pytest.raises(HighwaterError) as caught:
        Host().run("sleep", "60", timeout=0.2)
    assert caught.value.reason == "timeout"
