# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a step is carried out after one that failed, an undo is left out or in the wrong order, or an error
does not say what stays behind."""

from __future__ import annotations

import errno

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import (
    Call,
    Install,
    Remove,
    Run,
    Step,
    Write,
    apply,
)


@pytest.fixture
def host(tmp_path):
    (tmp_path / "swappiness").write_text("60")
    return Host(str(tmp_path), runner=lambda argv, timeout: Completed(int(argv[0] == "false"), "", "it said no"))


def write(value, undo=()):
    return Step("set swappiness to %s" % value, "asked for", Write("/swappiness", value), undo)


FAILS = Step("run false", "", Run(("false",)))


def test_steps_are_carried_out_in_order(host, tmp_path):
    apply((write("10"), Step("note", "", Install("/note", "x")), Step("clear", "", Remove("/note")), write("20")), host)
    assert (tmp_path / "swappiness").read_text() == "20"
    assert not (tmp_path / "note").exists()


def test_a_failure_takes_back_what_was_done_last_first(host, tmp_path):
    seen = []
    spy = (Call(lambda _host: seen.append(host.read("/swappiness"))),)
    plan = (write("10", (Write("/swappiness", "60"),)), Step("look", "", Run(("true",)), spy), FAILS, write("30"))
    with pytest.raises(HighwaterError, match="could not run false: false: it said no") as caught:
        apply(plan, host)
    assert seen == ["10"]  # undone before the step that came before it
    assert (tmp_path / "swappiness").read_text() == "60"
    assert "by hand" not in caught.value.message
    assert caught.value.reason == "command_failed"


def test_what_cannot_be_taken_back_is_named_and_the_rest_still_is(host, tmp_path):
    plan = (write("10", (Write("/swappiness", "60"),)), Step("burn", "", Run(("true",)), (Run(("false",)),)), FAILS)
    with pytest.raises(HighwaterError, match="still to be taken back by hand: burn: false: it said no"):
        apply(plan, host)
    assert (tmp_path / "swappiness").read_text() == "60"


def test_a_signal_between_two_steps_takes_back_too(host, tmp_path):
    """Fails where only what is raised within a step is followed by undoing those before it."""

    def stopped():
        yield write("10", (Write("/swappiness", "60"),))
        raise HighwaterError("stopped by SIGTERM", reason="stopped")

    with pytest.raises(HighwaterError, match="stopped by SIGTERM") as caught:
        apply(stopped(), host)
    assert (tmp_path / "swappiness").read_text() == "60"
    assert caught.value.reason == "stopped"


def test_a_signal_before_the_first_step(host):
    """Fails where the error is about something else than the signal."""

    class Stopped:
        def __iter__(self):
            return self

        def __next__(self):
            raise HighwaterError("stopped by SIGTERM", reason="stopped")

    with pytest.raises(HighwaterError, match=r"^stopped by SIGTERM$"):
        apply(Stopped(), host)


def test_the_kernels_own_words_reach_the_user(host):
    with pytest.raises(HighwaterError, match=r"could not set it: No such file or directory \(.*/missing\)"):
        apply((Step("set it", "", Write("/missing", "1")),), host)


@pytest.mark.parametrize(("busy", "patience", "works"), [(2, 5.0, True), (10**6, 0.3, False), (1, 0.0, False)])
def test_a_device_that_udev_holds_is_waited_for_with_a_bound(host, busy, patience, works):
    turns = []

    def held(path, value):
        turns.append(path)
        if len(turns) <= busy:
            raise OSError(errno.EBUSY, "Device or resource busy", path)

    host.write_kernel = held
    step = Step("reset", "", Write("/reset", "1", patience))
    if works:
        apply((step,), host)
        assert len(turns) == busy + 1
    else:
        with pytest.raises(HighwaterError, match="busy"):
            apply((step,), host)


def test_where_udev_runs_it_is_let_finish(tmp_path):
    def busy_until_settled(path, value):
        if not ran:
            raise OSError(errno.EBUSY, "Device or resource busy", path)

    ran = []
    host = Host(str(tmp_path), runner=lambda argv, timeout: ran.append(argv) or Completed(0, "", ""))
    host.write_kernel = busy_until_settled
    host.install("/run/udev/control", "")
    Write("/reset", "1", 5.0).perform(host)
    assert [argv[:2] for argv in ran] == [("udevadm", "settle")]


def test_words_are_what_and_why():
    assert write("10").words() == "set swappiness to 10 (asked for)"
    assert FAILS.words() == "run false"
