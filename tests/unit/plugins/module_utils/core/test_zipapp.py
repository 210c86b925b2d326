# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the program on the host needs Ansible or anything of ours that is not in it, differs from build to build,
is run though others may write it, goes while a timer names it, or stays when none does; and where systemd would read
something into its command line."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from ansible_collections.highwater.memory.plugins.module_utils import commands
from ansible_collections.highwater.memory.plugins.module_utils.core import zipapp
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import apply

TEXT = zipapp.zipapp_text(sys.executable)


@pytest.fixture
def host(tmp_path):
    return Host(str(tmp_path))


def install(host, text=TEXT):
    apply(zipapp.on_steps(zipapp.observe_zipapp(host), text), host)


def unit(host, name):
    path = "/etc/systemd/system/%s" % name
    host.install(path, "# Made by highwater.memory.some_module\nExecStart=%s\n" % zipapp.command_line("python3", name))
    return path


@pytest.mark.parametrize("command", sorted(commands.COMMANDS))
def test_each_command_runs_without_ansible_or_any_package_beside_python(host, tmp_path, command):
    """With -S there are no site-packages; what the archive lacks could not be imported. --help imports all."""
    install(host)
    argv = [sys.executable, "-I", "-S", host.path(zipapp.PATH), command, "--help"]
    done = subprocess.run(argv, capture_output=True, cwd=tmp_path, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert command in done.stdout


def test_an_unknown_command_is_an_error_that_names_those_there_are(host):
    install(host)
    done = subprocess.run([host.path(zipapp.PATH), "nothing"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "page-cache-purge" in done.stderr


def test_all_that_is_imported_is_in_it_and_nothing_of_ansible():
    names = zipfile.ZipFile(io.BytesIO(TEXT.encode("utf-8", "surrogateescape"))).namelist()
    assert names == sorted(names)
    folder = "%s/" % zipapp.PACKAGE.replace(".", "/")
    ours = {name[len(folder) :] for name in names if name.startswith(folder)}
    assert {"commands.py", "core/__init__.py", "core/errors.py"} <= ours
    assert "core/runner.py" not in ours, "it imports ansible"


def test_the_same_bytes_each_time_and_by_whatever_clock(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert zipapp.zipapp_text(sys.executable) == TEXT
    assert TEXT.startswith("#!%s\n# Made by highwater.memory" % sys.executable)


def test_it_comes_once_for_all_to_run_and_root_alone_to_write(host):
    install(host)
    found = os.stat(host.path(zipapp.PATH))
    assert found.st_mode & 0o7777 == 0o755
    assert zipapp.on_steps(zipapp.observe_zipapp(host), TEXT) == ()


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o4755, 0o600])
def test_one_that_others_may_write_is_made_anew(host, mode):
    install(host)
    os.chmod(host.path(zipapp.PATH), mode)
    inode = os.stat(host.path(zipapp.PATH)).st_ino
    with open(host.path(zipapp.PATH), "rb"):  # which keeps the inode busy, so that a new one gets another
        install(host)
        found = os.stat(host.path(zipapp.PATH))
    assert found.st_mode & 0o7777 == 0o755
    assert found.st_ino != inode


def test_another_version_is_replaced(host):
    install(host, TEXT.replace("sys.exit", "sys . exit"))
    steps = zipapp.on_steps(zipapp.observe_zipapp(host), TEXT)
    assert [step.words() for step in steps] == ["rewrite %s (it is of another version)" % zipapp.PATH]
    apply(steps, host)
    assert host.read(zipapp.PATH) == TEXT


@pytest.mark.parametrize("make", ["text", "link", "folder"])
def test_what_is_not_ours_is_left_alone(host, make):
    path = host.path(zipapp.PATH)
    os.makedirs(os.path.dirname(path))
    if make == "text":
        with open(path, "w") as file:
            file.write("#!/bin/sh\n")
    elif make == "link":
        os.symlink("/bin/sh", path)
    else:
        os.mkdir(path)
    with pytest.raises(HighwaterError, match="was not made by us: move it away"):
        zipapp.observe_zipapp(host)


def test_it_goes_with_the_last_unit_that_names_it_and_leaves_no_folder(host):
    install(host)
    first, second = unit(host, "highwater-one.service"), unit(host, "highwater-two.service")
    there = zipapp.observe_zipapp(host)
    assert there.units == (first, second)
    assert zipapp.off_steps(there, [first]) == ()
    apply(zipapp.off_steps(there, [first, second]), host)
    assert not os.path.lexists(host.path(os.path.dirname(zipapp.PATH)))
    assert os.path.isdir(host.path("/usr/local/lib"))


def test_a_command_line_means_to_systemd_what_was_meant(tmp_path):
    """Asked of systemd itself where it is at hand, since its quoting is its own."""
    words = [
        "/srv/a b",
        "100%",
        "$HOME",
        "${X}",
        'say "yes"',
        "it's",
        "back\\slash",
        "caf\u00e9",
        "caf\udce9",
        "a;b",
        "*",
        ";",
    ]
    line = zipapp.command_line("/usr/bin/python3", *words)
    assert "\n" not in line
    expected = '"/srv/a b" 100%% $$HOME "$${X}" "say \\x22yes\\x22" "it\'s" "back\\x5cslash" "caf\\xc3\\xa9" "caf\\xe9"'
    assert line == "/usr/bin/python3 -I %s %s %s" % (zipapp.PATH, expected, '"a;b" "*" ";"')
    if shutil.which("systemd-analyze"):
        (tmp_path / "x.service").write_text("[Service]\nType=oneshot\nExecStart=%s\n" % line.replace(zipapp.PATH, "-V"))
        done = subprocess.run(
            ["systemd-analyze", "verify", str(tmp_path / "x.service")], capture_output=True, text=True, check=False
        )
        assert "x.service" not in done.stderr, done.stderr
