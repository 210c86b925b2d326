# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where somebody else who sets the same below /sys at boot is not named, or somebody is who does not."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.sysfs import owners
from ansible_collections.highwater.memory.plugins.module_utils.sysfs.table import TRANSPARENT_HUGEPAGE
from hypothesis import given
from hypothesis import strategies as st

from .conftest import THP, ZSWAP

ENABLED = THP + "/enabled"
W = "w %s - - - - %s\n"
UNIT = "[Service]\nExecStart=/bin/sh -c 'echo never | tee " + ENABLED + " > /dev/null'\n"
TO_ENABLE = UNIT + "[Install]\nWantedBy=multi-user.target\n"
WANTED = "/etc/systemd/system/%s.target.wants/disable-thp.service"  # what systemctl enable makes
TUNED = "/etc/tuned/active_profile"
ENABLED_TUNED = "/etc/systemd/system/multi-user.target.wants/tuned.service"

# What stands where (mode 0755 for rc.local); file, line and value that have the last word over enabled: madvise.
LAST = {
    "tmpfiles before ours": ({"/etc/tmpfiles.d/a.conf": "# x\n" + W % (ENABLED, "never")}, ("a.conf", 2, "never")),
    "tmpfiles with a mode": (
        {"/usr/lib/tmpfiles.d/a.conf": "w! %s 0644 root root - never\n" % ENABLED},
        ("tmpfiles.d/a.conf", 1, "never"),
    ),
    "tmpfiles before ours, appending": (
        {"/etc/tmpfiles.d/b.conf": "w+ %s - - - - always\n" % ENABLED},
        ("b.conf", 1, "always"),
    ),
    "rc.local": ({"/etc/rc.local": "#!/bin/sh\necho never > %s\n" % ENABLED}, ("rc.local", 2, "never")),
    "a unit": (
        {"/etc/systemd/system/disable-thp.service": TO_ENABLE, WANTED % "multi-user": None},
        ("disable-thp.service", 2, "never"),
    ),
    "a unit that another one requires": (
        {"/etc/systemd/system/disable-thp.service": TO_ENABLE,
         "/etc/systemd/system/db.service.requires/disable-thp.service": None},
        ("disable-thp.service", 2, "never"),
    ),
    "a unit that others pull in, as by Wants=": (
        {"/etc/systemd/system/disable-thp.service": UNIT}, ("disable-thp.service", 2, "never")
    ),
    "a unit of a timer": (
        {"/etc/systemd/system/disable-thp.service": TO_ENABLE, "/etc/systemd/system/disable-thp.timer": "[Timer]\n"},
        ("disable-thp.service", 2, "never"),
    ),
    "a unit of a package that is enabled": (
        {"/usr/lib/systemd/system/disable-thp.service": TO_ENABLE,
         WANTED % "multi-user": "/usr/lib/systemd/system/disable-thp.service"},
        ("lib/systemd/system/disable-thp.service", 2, "never"),
    ),
    "local.d of OpenRC": (
        {"/etc/local.d/thp.start": "#!/bin/sh\necho never > %s\n" % ENABLED, "/etc/runlevels/default/local": ""},
        ("thp.start", 2, "never"),
    ),
    "the first of two lines of tmpfiles": (
        {"/etc/tmpfiles.d/a.conf": W % (ENABLED, "never"), "/etc/tmpfiles.d/b.conf": W % (ENABLED, "always")},
        ("a.conf", 1, "never"),
    ),
    "tuned by a section's type": (
        {ENABLED_TUNED: "", TUNED: "mine",
         "/etc/tuned/mine/tuned.conf": "[pages]\ntype=vm\ntransparent_hugepages=never\n"},
        ("mine/tuned.conf", 3, "never"),
    ),
    "a template": ({"/etc/systemd/system/thp@.service": TO_ENABLE}, ("thp@.service", 2, "never")),
    "sysfsutils": (
        {"/etc/init.d/sysfsutils": "", "/etc/sysfs.d/thp.conf": "kernel/mm/transparent_hugepage/enabled = never\n"},
        ("thp.conf", 1, "never"),
    ),
    "tuned": (
        {ENABLED_TUNED: "", TUNED: "mine", "/etc/tuned/mine/tuned.conf": "[main]\ninclude=base\n",
         "/usr/lib/tuned/base/tuned.conf": "[vm]\ntransparent_hugepages=never\n"},
        ("base/tuned.conf", 2, "never"),
    ),
    "tuned by a path": (
        {ENABLED_TUNED: "", TUNED: "mine",
         "/etc/tuned/mine/tuned.conf": "[sysfs]\n/sys/kernel/mm/transparent_hugepage/e*=never\n"},
        ("mine/tuned.conf", 2, "never"),
    ),
    "tuned after a unit": (
        {"/etc/systemd/system/disable-thp.service": UNIT, WANTED % "basic": None, ENABLED_TUNED: "", TUNED: "mine",
         "/etc/tuned/mine/tuned.conf": "[vm]\ntransparent_hugepage=always\n"},
        ("mine/tuned.conf", 2, "always"),
    ),
}  # fmt: skip

NOBODY = {
    "the same value": {"/etc/tmpfiles.d/a.conf": W % (ENABLED, "madvise")},
    "the same value in the first of two lines": {
        "/etc/tmpfiles.d/a.conf": W % (ENABLED, "madvise"), "/etc/tmpfiles.d/b.conf": W % (ENABLED, "never")
    },
    "a unit of a package that is not enabled": {"/usr/lib/systemd/system/disable-thp.service": TO_ENABLE},
    "another setting": {"/etc/tmpfiles.d/a.conf": W % (THP + "/defrag", "never")},
    "a comment": {"/etc/tmpfiles.d/a.conf": "# " + W % (ENABLED, "never")},
    "no w": {"/etc/tmpfiles.d/a.conf": "f %s - - - - never\n" % ENABLED},
    "hidden by the same name": {
        "/etc/tmpfiles.d/a.conf": "", "/usr/lib/tmpfiles.d/a.conf": W % (ENABLED, "never")
    },
    "sysfsutils that is not there": {"/etc/sysfs.conf": "kernel/mm/transparent_hugepage/enabled = never\n"},
    "a program that reads it": {"/etc/systemd/system/a.service": "ExecStart=/bin/cat %s\n" % ENABLED},
    "tuned without a profile": {ENABLED_TUNED: "", "/etc/tuned/mine/tuned.conf": "[vm]\ntransparent_hugepages=never\n"},
    "tuned that is not enabled": {
        TUNED: "mine", "/etc/tuned/mine/tuned.conf": "[vm]\ntransparent_hugepages=never\n"
    },
    "a unit that is not enabled": {"/etc/systemd/system/disable-thp.service": TO_ENABLE},
    "a unit beside another one that is enabled": {
        "/etc/systemd/system/disable-thp.service": TO_ENABLE,
        "/etc/systemd/system/other.service": "[Service]\nExecStart=/bin/true\n",
        "/etc/systemd/system/multi-user.target.wants/other.service": None,
    },
    "another parameter": {"/proc/cmdline": "quiet transparent_hugepages=never notransparent_hugepage=never\n"},
}  # fmt: skip


def put(machine, files):
    """A text of None stands for a link to the unit of that name; one below .wants for a link to what it says."""
    for path, text in files.items():
        if text is None or (text and ".wants/" in path):
            link = machine.folder / path.lstrip("/")
            link.parent.mkdir(parents=True)
            link.symlink_to(text or "../" + link.name)
            continue
        machine.write(path, text)
        (machine.folder / path.lstrip("/")).chmod(0o755)


@pytest.mark.parametrize("case", LAST)
def test_who_has_the_last_word(machine, case):
    files, (file, line, value) = LAST[case]
    put(machine, files)
    done = machine.run("transparent_hugepage", enabled="madvise")
    found = done["settings"]["enabled"]["overridden_by"]
    assert (found["file"][-len(file) :], found["line"], found["value"]) == (file, line, value)
    assert len(done["warnings"]) == 1
    assert "%s, line %d (" % (found["file"], line) in done["warnings"][0]
    assert "has the last word (%s)" % value in done["warnings"][0]
    assert machine.run("transparent_hugepage", enabled="madvise")["changed"] is False
    # Only what is to last can be taken away by the next boot.
    assert machine.run("transparent_hugepage", enabled="madvise", persistent=False)["warnings"] == []


@pytest.mark.parametrize("case", NOBODY)
def test_who_has_not(machine, case):
    put(machine, NOBODY[case])
    done = machine.run("transparent_hugepage", enabled="madvise")
    assert (done["settings"]["enabled"]["overridden_by"], done["warnings"]) == (None, [])


@pytest.mark.parametrize(
    ("module", "options", "path", "text", "said"),
    [
        ("transparent_hugepage", {"enabled": "madvise"}, "/proc/cmdline", "quiet transparent_hugepage=never",
         "transparent_hugepage enabled is also set by /proc/cmdline (the kernel command line), to never: ours comes"),
        ("zswap", {"enabled": False}, "/proc/cmdline", "zswap.enabled=1 quiet", "zswap enabled is also set by /proc/c"),
        ("zswap", {"max_pool_percent": 30}, "/etc/tmpfiles.d/z.conf", W % (ZSWAP + "/max_pool_percent", "20"),
         "zswap max_pool_percent is also set by /etc/tmpfiles.d/z.conf, line 1 (which systemd-tmpfiles writes), to 20"),
    ],
)  # fmt: skip
def test_who_is_overruled_by_ours(machine, module, options, path, text, said):
    machine.swap("/dev/vdb")
    machine.write(path, text)
    done = machine.run(module, **options)
    assert [warning[: len(said)] for warning in done["warnings"]] == [said]
    assert all(one["overridden_by"] is None for one in done["settings"].values())


def test_a_unit_of_ours_is_no_other_owner(machine):
    text = "# Made by highwater.memory.transparent_hugepage\n" + UNIT
    unit = "/etc/systemd/system/x.service"
    put(machine, {unit: text, "/etc/systemd/system/basic.target.wants/x.service": None})
    assert machine.run("transparent_hugepage", enabled="madvise")["warnings"] == []


@given(st.text(alphabet="w+! /sysecho>|te'\"-#=kernl\n\tmvabld", max_size=80))
def test_whatever_stands_in_a_file_is_read_without_an_error(text):
    for pattern in (owners._TMPFILES, owners._COMMAND, owners._SYSFS_CONF):
        list(owners._lines("/x", text, pattern, TRANSPARENT_HUGEPAGE, "who"))
