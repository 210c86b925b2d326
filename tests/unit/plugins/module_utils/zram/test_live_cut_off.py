# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel does not tell of a live device (discard, parameters), where a run stops in the middle or asks for the
next boot only: the record has to say of what is there what is true of it.

A mock, as of zram_kernel.py: no real swapoff can be had to last as long as a test wants.
"""

from __future__ import annotations

import errno
import json

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Completed, Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Progress, Unfinished
from ansible_collections.highwater.memory.plugins.module_utils.core.record import BOOT_ID, record_path
from ansible_collections.highwater.memory.plugins.module_utils.core.swap import NOTE

from .zram_kernel import BEFORE, COMPRESSION, Kernel, run, state

RECORD = record_path("zram_device", "zram0")
ASKED = {
    "discard": dict(BEFORE, discard=False),
    "params": dict(BEFORE, algorithm=[{"name": "lz4", "params": {"level": 8}}]),
    "recompress": dict(BEFORE, recompress=["zstd"]),
    "recompress with params": dict(BEFORE, recompress=[{"name": "zstd", "params": {"level": 8}}]),
    "algorithms": dict(BEFORE, algorithm=["zstd", "lz4"]),
}


class Stuck(Kernel):
    """A kernel in which a swapoff can outlast the call that begins it.

    outlasting: the area whose swapoff does; stuck: that whose swapoff fails; broken: the device that cannot be set up.
    """

    outlasting, stuck, broken = "", "", ""

    def write_kernel(self, path, text):
        name, file = path.split("/")[-2:]
        if file == "disksize" and name == self.broken:
            raise OSError(errno.ENOMEM, "Cannot allocate memory", path)
        return super().write_kernel(path, text)

    def command_swapon(self, *words):
        if not Host.read(self, words[-1]):
            return Completed(255, "", "swapon: %s: read swap header failed" % words[-1])
        super().command_swapon(*words)
        self.put("/discard" + words[-1], "on" if "-d" in words else "off")
        return None

    def command_swapoff(self, path):
        if path == self.stuck:
            return Completed(4, "", "swapoff: %s: Input/output error" % path)
        if path == self.outlasting:
            self.put(NOTE, json.dumps([path, 1, "a unit", "a run"]))
            self.put("/proc/77/cmdline", "swapoff\0%s\0" % path)
            half = self.pages[path] // 2 // COMPRESSION * COMPRESSION
            self.pages[path] -= half
            self.pages["/dev/zram0"] += half
            self.tell()
            raise Unfinished(Progress("swapping off %s" % path, 0, 1, 1.0))
        if self.exists(NOTE):
            self.put("/proc/77/cmdline", "")
            self.unlink(NOTE)
        return super().command_swapoff(path)

    def unlink(self, path):
        Host.remove(self, path)

    def units(self):
        folder = "/etc/systemd/system"
        found = [folder + "/" + name for name in Host.listdir(self, folder) if name.startswith("highwater-")]
        return [*found, folder + "/swap.target.wants/highwater-zram0.service"]


def full(tmp_path, **before):
    """A host with a device, BEFORE unless told otherwise, that holds more than memory has room for."""
    kernel = Stuck(tmp_path)
    kernel.put(BOOT_ID, "this boot\n")
    run(kernel, dict(BEFORE, **before))
    kernel.use(1500)
    return kernel


def made_from(kernel):
    """What is true of the live device."""
    files = ("comp_algorithm", "algorithm_params", "recomp_algorithm")
    seen = {file: Host.read(kernel, "/sys/block/zram0/" + file) for file in files}
    return dict(seen, discard=Host.read(kernel, "/discard/dev/zram0"))


def fresh(tmp_path, options):
    """The same of a device that has been made with these options at once."""
    (tmp_path / "other").mkdir()
    kernel = Stuck(tmp_path / "other")
    run(kernel, options)
    return made_from(kernel)


@pytest.mark.parametrize("asked", ASKED)
def test_giving_the_pages_back_outlasts_the_call(tmp_path, asked):
    """Fails where the next call sets up again what it already is, or is refused, since its record was not written."""
    kernel = full(tmp_path)
    kernel.outlasting = "/dev/zram1"
    first = run(kernel, ASKED[asked])
    assert "progress" in first
    assert "swap on /dev/zram0 with priority 100" in first["actions"]
    kernel.outlasting = ""
    again = run(kernel, ASKED[asked])
    assert not any("swap off /dev/zram0" in action for action in again["actions"]), "it was as asked for by then"
    assert list(kernel.priorities) == ["/dev/zram0"]
    assert made_from(kernel) == fresh(tmp_path, ASKED[asked])
    assert "live" not in json.loads(Host.read(kernel, RECORD))
    assert not run(kernel, ASKED[asked])["changed"]


# What an earlier boot had says nothing of discard, so that it is left as it is.
@pytest.mark.parametrize(
    ("given_up", "asked"),
    [("this boot", asked) for asked in ASKED] + [("an earlier boot", asked) for asked in ASKED if asked != "discard"],
)
def test_what_was_given_up_does_not_come_back_into_the_record(tmp_path, asked, given_up):
    """Fails where the note of a run that is under way carries on that the device was given up: the next call would take
    it for somebody else's, and set it up again each time; or absent would leave it on.
    """
    kernel = full(tmp_path)
    kernel.put(RECORD, json.dumps(dict(json.loads(Host.read(kernel, RECORD)), given_up=given_up)))
    for path in list(kernel.units()):
        kernel.unlink(path)
    kernel.outlasting = "/dev/zram1"
    assert "progress" in run(kernel, ASKED[asked])
    noted = json.loads(Host.read(kernel, RECORD))
    assert "given_up" not in noted
    assert "live" in noted
    kernel.outlasting = ""
    again = run(kernel, ASKED[asked])
    assert not any("swap off /dev/zram0" in action for action in again["actions"]), "it was as asked for by then"
    assert not run(kernel, ASKED[asked])["changed"]
    kernel.pages.update({"/dev/zram0": 0, "": 0})
    kernel.tell()
    run(kernel, {"state": "absent"})
    assert not kernel.priorities


@pytest.mark.parametrize("asked", ASKED)
def test_asked_for_the_next_boot_and_then_for_now(tmp_path, asked):
    """Fails where what was noted for the next boot is taken for what the live device is."""
    kernel = full(tmp_path)
    before = made_from(kernel)
    later = dict(ASKED[asked], apply="next_boot")
    assert run(kernel, later)["changed"]
    assert made_from(kernel) == before
    assert not run(kernel, later)["changed"], "once is enough"
    assert run(kernel, ASKED[asked])["changed"]
    assert made_from(kernel) == fresh(tmp_path, ASKED[asked])
    assert not run(kernel, ASKED[asked])["changed"]


@pytest.mark.parametrize("asked", ASKED)
def test_asked_for_the_next_boot_and_then_taken_back(tmp_path, asked):
    """Fails where a live device that is as asked for is set up anew, because it was to be another after the boot."""
    kernel = full(tmp_path)
    before = state(kernel)
    run(kernel, dict(ASKED[asked], apply="next_boot"))
    done = run(kernel, BEFORE)
    assert done["changed"]
    assert not any("swap o" in action for action in done["actions"])
    assert state(kernel) == before


@pytest.mark.parametrize("asked", ASKED)
def test_what_was_asked_for_the_next_boot_is_there_after_it(tmp_path, asked):
    """Fails where a note of an earlier boot still counts, or is a change on a host that is as asked for."""
    kernel = full(tmp_path)
    run(kernel, dict(ASKED[asked], apply="next_boot"))
    kernel.boots()
    assert not run(kernel, ASKED[asked])["changed"]


def test_a_choice_for_the_next_boot_stays_one(tmp_path):
    """Fails where the algorithm of the live device settles a request that it was not made from: the boot would never
    take the one that is preferred.
    """
    kernel = full(tmp_path, algorithm=["zstd", "lzo"])
    later = dict(BEFORE, algorithm=["lz4", "zstd"], apply="next_boot")
    run(kernel, later)
    run(kernel, dict(later, priority=7))
    unit = Host.read(kernel, "/etc/systemd/system/highwater-zram0.service")
    assert "echo lz4" in unit
    assert "-p 7" in unit
    assert json.loads(Host.read(kernel, RECORD))["algorithm"] in (None, "lz4")


def test_a_device_of_somebody_else_is_not_what_is_noted_for_the_next_boot(tmp_path):
    """Fails where parameters that nobody knows of a device that was there before us are taken for those asked for."""
    kernel = full(tmp_path)
    kernel.unlink(RECORD)
    run(kernel, dict(ASKED["params"], apply="next_boot"))
    run(kernel, ASKED["params"])
    assert made_from(kernel)["algorithm_params"].strip() == "level=8"


OUT = "; pages of zram0 are in /dev/zram1 for now: run again, with the old options too, and they go back"


def test_what_cannot_be_taken_back_leaves_the_pages_where_they_are(tmp_path):
    """Fails where the temporary device is swapped off though its pages have nowhere to go (the mock runs out of memory
    then), or where the message does not say where they are, or is about what only follows from that.
    """
    kernel = full(tmp_path)
    held = sum(kernel.pages.values())
    kernel.broken = "zram0"
    with pytest.raises(HighwaterError, match="could not set up zram0") as caught:
        run(kernel, ASKED["params"])
    assert list(kernel.priorities) == ["/dev/zram1"]
    assert sum(kernel.pages.values()) == held
    assert caught.value.message.endswith(OUT)
    assert "zram1:" not in caught.value.message.replace(OUT, "")
    kernel.broken = ""
    run(kernel, BEFORE)
    assert list(kernel.priorities) == ["/dev/zram0"]
    assert kernel.devices() == ["zram0"]
    assert sum(kernel.pages.values()) == held


@pytest.mark.parametrize(
    "options",
    [ASKED["discard"], dict(BEFORE, algorithm=["none"]), dict(BEFORE, size="2TiB"), dict(BEFORE, mem_limit="8MiB")],
    ids=["apply", "resolve", "table", "plan"],
)
def test_an_error_while_pages_are_in_the_temporary_device_says_so(tmp_path, options):
    """Fails where a later call ends with an error that leaves the temporary device on and unmentioned."""
    kernel = full(tmp_path)
    kernel.outlasting = "/dev/zram1"
    run(kernel, ASKED["discard"])
    kernel.outlasting, kernel.stuck = "", "/dev/zram1"
    kernel.put("/proc/77/cmdline", "")
    with pytest.raises(HighwaterError) as caught:
        run(kernel, options)
    assert caught.value.message.endswith(OUT)
    kernel.stuck = ""
    run(kernel, BEFORE)
    assert kernel.devices() == ["zram0"]
    with pytest.raises(HighwaterError) as caught:
        run(kernel, dict(BEFORE, algorithm=["none"]))
    assert OUT not in caught.value.message
