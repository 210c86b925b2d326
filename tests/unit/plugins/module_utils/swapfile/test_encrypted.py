# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where pages would reach the disk as they are, where a converged host is changed, or where encryption is begun
on a host that cannot have it."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import encrypted, resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.crypttab import Table, make_line
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_file

from .conftest import all_back, steps_of, words

NAME = "highwater-swap-file"
BRIDGE = "/swap/.file.highwater"
FSTAB = "/dev/mapper/highwater-swap-file none swap sw,pri=10,nofail 0 0\n"
CRYPTTAB = make_line("/swap/file", True) + "\n"
RELOAD = "reload systemd (it makes its swap units from /etc/fstab)"
NEW_LINES = [
    "write %r to /etc/crypttab (the next boot would not make its device)" % CRYPTTAB.rstrip(),
    "write %r to /etc/fstab (the next boot would not turn it on)" % FSTAB.rstrip(),
]


def with_crypttab(state, text):
    return state._replace(crypt=Table(text, state.path), table=state.table._replace(tags=("/dev/mapper/" + NAME,)))


def running(world, **changes):
    """An encrypted swapfile as a first run has left it."""
    entry = dict(world.ENTRY, before=dict(world.ENTRY["before"], crypttab=Table("", world.PATH).before()))
    state = world.settled_state(**dict({"header": None, "fstab": FSTAB, "record": entry}, **changes))
    areas = tuple(area._replace(kind="partition") for area in state.machine.memory.areas)
    machine = state.machine._replace(memory=state.machine.memory._replace(areas=areas), mapped={world.PATH: NAME})
    return with_crypttab(state._replace(machine=machine, area=areas[0] if areas else None), CRYPTTAB)


def test_first_run(world):
    assert words(with_crypttab(world.state(), None), world.params(encrypted=True)) == [
        "remember /swap/file (what was asked, and what was there before)",
        "make /swap/file with 512 MiB to be encrypted (it is missing)",
        "swap on /swap/file with priority 10, encrypted (it is off)",
        *NEW_LINES,
        RELOAD,
    ]


def test_second_run(world):
    assert words(running(world), world.params(encrypted=True)) == []


def test_the_diff_of_a_second_run(world):
    """Its header lies within. Fails where a host that is as wanted is shown as one that is to change."""
    states = (running(world),)
    specs = resource.resolve(world.params(encrypted=True), states)
    assert resource.managed(states) == resource.wanted(specs, states)


def test_discard_that_was_noted_of_it_while_it_was_plain(world):
    entry = dict(running(world).record, on={"boot_id": "boot", "discard": "once"})
    assert words(running(world, record=entry), world.params(encrypted=True)) == []


def test_from_plain(world):
    state = with_crypttab(world.settled_state(), None)._replace(table=world.settled_state().table)
    assert words(state, world.params(encrypted=True)) == [
        "remember /swap/file (what was asked, and what was there before)",
        NEW_LINES[0],
        "write %r to /etc/fstab (it has %r)" % (FSTAB.rstrip(), world.OURS.rstrip()),
        RELOAD,
        "swap off /swap/file (it is formatted as it is, not encrypted)",
        "wipe the swap header of /swap/file (it is formatted as it is, not encrypted)",
        "swap on /swap/file with priority 10, encrypted (it was swapped off for the change)",
    ]


def test_to_plain(world):
    assert words(running(world), world.params()) == [
        "write %r to /etc/fstab (it has %r)" % (world.OURS.rstrip(), FSTAB.rstrip()),
        "take the entry of /swap/file out of /etc/crypttab (it has %r)" % CRYPTTAB.rstrip(),
        RELOAD,
        "swap off /swap/file (it is encrypted)",
        "format /swap/file as swap (it is encrypted)",
        "swap on /swap/file with priority 10 (it was swapped off for the change)",
    ]


@pytest.mark.parametrize("encrypt", [True, False])
def test_no_page_of_an_encrypted_one_goes_through_a_plain_bridge(world, encrypt):
    """Neither in a resize, nor on the way to plain."""
    state = running(world, areas=[world.area(used=100 * world.MIB)])
    found = steps_of(state, world.params(encrypted=encrypt, size="600MiB"))
    on = next(step for step in found if step.does.startswith("swap on " + BRIDGE))
    make, turn_on = on.action.actions
    assert not make.formatted
    assert [action.__class__.__name__ for action in turn_on.actions] == ["Open", "SwapOn"]
    assert turn_on.actions[1].path == "/dev/mapper/highwater-swap-.file.highwater"
    away = next(step for step in found if step.does.startswith("swap off and remove"))
    assert away.action.device == "highwater-swap-.file.highwater"


def test_a_device_that_was_left_open(world):
    state = running(world, areas=[])
    assert words(state, world.params(encrypted=True)) == [
        "close the device %s (no swap is on it)" % NAME,
        "swap on /swap/file with priority 10, encrypted (it is off)",
    ]


def test_a_device_of_another_name(world):
    """Somebody's own line, as installers write it: one of ours takes its place, and gives it back in the end."""
    own = "cryptswap1 /swap/file /dev/urandom swap,cipher=aes-xts-plain64\n"
    state = running(world, record={})
    state = with_crypttab(state._replace(machine=state.machine._replace(mapped={world.PATH: "cryptswap1"})), own)
    found = words(state, world.params(encrypted=True))
    assert "swap off /swap/file (its device is /dev/mapper/cryptswap1)" in found
    entry = steps_of(state, world.params(encrypted=True))[0].action.entry
    gone = running(world, record=entry)
    back = steps_of(gone, world.params(path="all", state="absent"))
    assert any(getattr(step.action, "text", None) == own for step in back)


@pytest.mark.parametrize("text", [None, "home UUID=1 none luks", "# text\r\n"])
def test_crypttab_is_given_back_byte_for_byte(world, text):
    options = world.params(encrypted=True)
    first = steps_of(with_crypttab(world.state(), text), options)
    written = next(step.action.text for step in first if "/etc/crypttab" in step.does)
    state = with_crypttab(running(world, record=first[0].action.entry), written)
    for options in (world.params(), world.params(state="absent"), world.params(path="all", state="absent")):
        action = next(step.action for step in steps_of(state, options) if "/etc/crypttab" in step.does)
        assert getattr(action, "text", None) == text


def test_absent(world):
    """fstab first: a boot in between would wait for a device that crypttab makes no more."""
    assert words(running(world), world.params(state="absent")) == [
        "swap off /swap/file (it is to be absent)",
        "take the entry of /swap/file out of /etc/fstab (it has %r)" % FSTAB.rstrip(),
        "take the entry of /swap/file out of /etc/crypttab (it has %r)" % CRYPTTAB.rstrip(),
        RELOAD,
        "remove /swap/file (it is to be absent)",
        "forget /swap/file",
    ]


def over_a_file_that_is_gone(world, **changes):
    """The file of the area was removed, or moved, by hand, and another one stands at its path."""
    state = running(world, **dict({"found": world.found(3 * world.MIB, inode=99), "generation": 1}, **changes))
    return state._replace(machine=state.machine._replace(gone=(world.PATH,)))


@pytest.mark.parametrize("asked", ["present", "absent", "disabled"])
@pytest.mark.parametrize("known", [True, False])
def test_a_file_in_the_place_of_one_that_was_removed(world, asked, known):
    """Fails where the area that is on makes a file swap on which it is not: it would be removed or written over. So it
    is where the host's own line of crypttab, which was written for the other one, makes it noise.
    """
    state = over_a_file_that_is_gone(world) if known else over_a_file_that_is_gone(world, record={})
    with pytest.raises(HighwaterError, match="somebody's file of 3 MiB") as caught:
        words(state, world.params(state=asked, encrypted=True))
    assert caught.value.reason == "not_swap"


def test_all_leaves_it_too(world):
    with pytest.raises(HighwaterError, match="somebody's file of 3 MiB"):
        words(over_a_file_that_is_gone(world), all_back(world))


def test_a_file_that_was_removed_is_made_again(world):
    state = over_a_file_that_is_gone(world, found=None)
    assert words(state, world.params(encrypted=True))[1:] == [
        "swap off /swap/file (it is missing)",
        "rename it to /swap/file (the old file is off)",
        "swap on /swap/file with priority 10, encrypted (it was swapped off for the change)",
    ]
    assert words(state, world.params(state="absent"))[0] == "swap off /swap/file (it is to be absent)"


@pytest.mark.parametrize(("gone", "blank"), [(False, False), (True, True)])
def test_what_took_its_place_is_looked_into(tmp_path, world, gone, blank):
    """Fails where what may become swap is refused, since the look is only taken at files that are off."""
    host = Host(str(tmp_path))
    host.install("/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    (tmp_path / "swap").mkdir()
    (tmp_path / "swap/file").write_bytes(bytes(world.MIB))
    machine = running(world).machine._replace(gone=(world.PATH,) if gone else ())
    assert observe_file(host, machine, world.PATH).blank is blank


def test_take_back_in_words(world):
    states = (running(world),)
    specs = resource.resolve(world.params(encrypted=True, persistent=False), states)
    take_back = ["swapoff /dev/mapper/%s" % NAME, "cryptsetup close " + NAME, "rm /swap/file"]
    assert resource.result(specs, states)["take_back"] == take_back


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"discard": "once"}, "discard: once cannot go with encrypted: true"),
        ({"label": "x"}, "label: x cannot go with encrypted: true"),
        ({"path": "/a b"}, "path: '/a b' cannot be written into /etc/crypttab"),
        ({"path": "/" + "a" * 120}, "is too long for the name of a device"),
    ],
)
def test_options(world, changes, said):
    with pytest.raises(HighwaterError, match=said):
        encrypted.check_options(world.params(encrypted=True, **changes))


@pytest.fixture
def host(tmp_path):
    """One that can."""
    it = Host(str(tmp_path))
    it.install("/usr/sbin/cryptsetup", "")
    it.install("/usr/lib/systemd/systemd", "")
    it.install("/usr/lib/systemd/system-generators/systemd-cryptsetup-generator", "")
    it.install("/proc/sys/kernel/osrelease", "6.1\n")
    it.install("/lib/modules/6.1/modules.dep", "kernel/drivers/md/dm-crypt.ko.xz: kernel/drivers/md/dm-mod.ko.xz\n")
    it.install("/sys/power/resume", "0:0\n")
    it.install("/proc/cmdline", "quiet resume=/dev/sda2 noresume\n")
    return it


def test_a_host_that_can(host, world):
    encrypted.refuse_host(host, world.params())


@pytest.mark.parametrize(
    ("missing", "said", "reason"),
    [
        ("/usr/sbin/cryptsetup", "needs cryptsetup, which is not on this host", "cryptsetup"),
        (
            "/usr/lib/systemd/system-generators/systemd-cryptsetup-generator",
            "reads /etc/crypttab at boot",
            "cryptsetup",
        ),
        ("/lib/modules/6.1/modules.dep", "needs the kernel module dm-crypt", "kernel_module_missing"),
    ],
)
def test_a_host_that_cannot(host, world, missing, said, reason):
    host.remove(missing)
    with pytest.raises(Unsupported, match=said) as error:
        encrypted.refuse_host(host, world.params())
    assert error.value.reason == reason


def test_for_tonight_nothing_has_to_read_crypttab(host, world):
    host.remove("/usr/lib/systemd/system-generators/systemd-cryptsetup-generator")
    encrypted.refuse_host(host, world.params(persistent=False))


def test_debians_script_without_systemd(host, world):
    host.remove("/usr/lib/systemd/systemd")
    with pytest.raises(Unsupported, match="reads /etc/crypttab at boot"):
        encrypted.refuse_host(host, world.params())
    host.install("/etc/init.d/cryptdisks", "")
    encrypted.refuse_host(host, world.params())


@pytest.mark.parametrize(("path", "text"), [("/sys/power/resume", "8:2\n"), ("/proc/cmdline", "resume=/dev/sda2\n")])
def test_beside_hibernation(host, world, path, text):
    host.install(path, text)
    with pytest.raises(HighwaterError, match="set up to wake from swap") as error:
        encrypted.refuse_host(host, world.params())
    assert error.value.reason == "hibernation"
