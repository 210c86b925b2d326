# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a signal leaves a step half done, or done and not taken back; where it is lost; or where it is waited
with while a command runs that can be ended.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import convergence, replace, runner
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Stopped
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Call, Install, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SIGNALS, Meter, Slice
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import SwapOff
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.actions import BridgeAway

HEADING = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
AREA = HEADING + "/swap file 1024 0 -2\n"


@pytest.fixture(autouse=True)
def handlers():
    """Signals mean what they mean to a module."""
    before = {number: signal.signal(number, runner._stopped) for number in runner.STOPPED_BY}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    SIGNALS.wait(None)


def come(*_ignored):
    os.kill(os.getpid(), signal.SIGTERM)


def resource(*steps, observe=lambda host, params: None):
    """One that plans these steps, once."""
    plans = [(), tuple(steps)]
    return SimpleNamespace(
        observe=observe,
        resolve=lambda params, state: None,
        plan=lambda spec, state: plans.pop() if plans else (),
        managed=lambda state: {},
        wanted=lambda spec, state: {},
        result=lambda spec, state: {},
        warnings=lambda spec, state: [],
    )


def converge(host, *steps, **given):
    return convergence.converge(resource(*steps, **given), {}, host, check_mode=False)


def test_what_it_comes_in_the_middle_of_is_done_and_then_taken_back(tmp_path):
    def work(host):
        host.install("/one", "1")
        come()
        host.install("/two", "2")

    steps = (
        Step("write both", "", Call(work), (Remove("/one"), Remove("/two"))),
        Step("write the last", "", Install("/three", "3")),
    )
    with pytest.raises(HighwaterError, match=r"^could not write the last: stopped by SIGTERM$") as caught:
        converge(Host(str(tmp_path)), *steps)
    assert caught.value.reason == "stopped"
    assert list(tmp_path.iterdir()) == []


def test_after_the_last_step_all_is_done(tmp_path):
    returned = converge(Host(str(tmp_path)), Step("write", "", Call(lambda host: (host.install("/one", "1"), come()))))
    assert returned["changed"]
    assert (tmp_path / "one").read_text() == "1"
    with pytest.raises(Stopped):  # the next object of the same call
        converge(Host(str(tmp_path)), Step("write", "", Install("/two", "2")))
    assert not (tmp_path / "two").exists()


def test_it_is_not_taken_for_an_answer_while_one_looks(tmp_path):
    """Fails where code that goes on after an error of ours takes the signal for one."""

    def observe(_host, _params):
        try:
            come()
        except HighwaterError:
            pytest.fail("it was raised where somebody looks")

    with pytest.raises(HighwaterError, match="stopped by SIGTERM"):
        converge(Host(str(tmp_path)), Step("write", "", Install("/one", "1")), observe=observe)
    assert list(tmp_path.iterdir()) == []


def test_a_meter_lets_it_through_with_a_slice_and_without():
    for slice_ in (Slice(), Slice("run", time.monotonic() + 60)):
        with SIGNALS:
            signal.signal(signal.SIGTERM, runner._stopped)
            come()
            with pytest.raises(Stopped):
                Meter(slice_, "writing", 0, 9).reached(1)
            Meter(slice_, "writing", 0, 9).reached(2)  # once


def test_elsewhere_it_is_raised_at_once():
    with pytest.raises(Stopped, match=r"^stopped by SIGTERM$"):
        come()
    come()  # the next ones are ignored


@pytest.mark.parametrize("may_end", [True, False])
def test_a_command(may_end):
    """Its own signal comes while it runs: only one that can be ended is."""
    threading.Timer(0.3, come).start()
    began = time.monotonic()
    with SIGNALS:
        if may_end:
            with pytest.raises(Stopped):
                Host().run("sleep", "30", may_end=True)
            assert time.monotonic() - began < 10
        else:
            assert Host().run("sleep", "1.5").status == 0
            with pytest.raises(Stopped):
                SIGNALS.check()


def test_a_command_has_its_time_and_what_it_says():
    assert Host().run("sh", "-c", "head -c 300000 /dev/zero; sleep 0.8; echo end >&2", timeout=30) == Completed(
        0, "\0" * 300000, "end\n"
    )
    with pytest.raises(HighwaterError, match=r"sleep 30 did not end within 1 seconds") as caught:
        Host().run("sleep", "30", timeout=1.0)
    assert caught.value.reason == "timeout"


def machine(tmp_path, areas, command):
    host = Host(str(tmp_path), lambda argv, _timeout: command(host, argv))
    host.install("/proc/swaps", areas)
    return host


@pytest.mark.parametrize("off", [False, True], ids=["still on", "off by then"])
def test_a_swapoff(tmp_path, off):
    """One that is off by then counts as done, so that it is taken back."""

    def command(host, _argv):
        if off:
            host.install("/proc/swaps", HEADING)
        come()
        SIGNALS.check()

    host = machine(tmp_path, AREA, command)
    with SIGNALS:
        if not off:
            with pytest.raises(Stopped):
                SwapOff("/swap").perform(host)
            return
        SwapOff("/swap").perform(host)
        with pytest.raises(Stopped):
            SIGNALS.check()


def test_a_bridge_goes_though_a_signal_comes(tmp_path):
    """By then the new area is on, and the old one gone."""
    ran = []

    def command(host, argv):
        ran.append(argv)
        if len(ran) == 1:
            come()
            SIGNALS.check()
        host.install("/proc/swaps", HEADING)
        return Completed(0, "", "")

    host = machine(tmp_path, AREA, command)
    host.install("/swap", "")
    with SIGNALS:
        BridgeAway("/swap").perform(host)
    assert len(ran) == 2
    assert not host.exists("/swap")


@pytest.mark.parametrize("call", ["fsync", "rename", "fchmod"])
def test_a_file_that_is_replaced(tmp_path, monkeypatch, call):
    """Fails where a module that is stopped at once leaves the new text beside the file."""
    path = tmp_path / "fstab"
    path.write_text("old")
    real = getattr(os, call)

    def stopped(*arguments, **options):
        real(*arguments, **options)
        come()

    monkeypatch.setattr(replace.os, call, stopped)
    with pytest.raises(Stopped):
        replace.replace_file(str(path), b"new", 0o644)
    assert list(tmp_path.iterdir()) == [path]
