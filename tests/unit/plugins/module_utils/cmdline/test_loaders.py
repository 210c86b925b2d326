# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where an entry is damaged, or has another text than before once ours is taken back."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported

PATH = "/boot/loader/entries/other.conf"
NOSMT = {"nosmt": None}


@pytest.mark.parametrize(
    ("text", "with_ours"),
    [
        ("linux /v\ninitrd /i", "linux /v\ninitrd /i\noptions nosmt"),
        ("linux /v\ninitrd /i\n", "linux /v\ninitrd /i\noptions nosmt\n"),
        ("linux /v\noptions quiet", "linux /v\noptions quiet nosmt"),
        (" linux\t/v\noptions\tquiet\ninitrd /i\n", " linux\t/v\noptions\tquiet nosmt\ninitrd /i\n"),
    ],
)
def test_an_entry_and_back(entries, text, with_ours):
    """Fails where our line runs into the one before it, or where an empty line of ours, or a newline, stays behind."""
    entries.write(PATH, text)
    fresh = entries.everything()
    entries.run(parameters=NOSMT)
    assert entries.host.read(PATH) == with_ours
    assert entries.run(parameters=NOSMT)["changed"] is False
    entries.run(state="absent")
    assert entries.everything() == fresh


@pytest.mark.parametrize(
    "text",
    ["title Shell\nefi /shellx64.efi\n", "efi /linux.efi", "# linux /v\nefi /x\n", "efi /x\noptions -nostartup\n", ""],
)
def test_an_entry_that_starts_no_linux_is_left_alone(entries, text):
    """Fails where a program that is not Linux gets a line for it."""
    entries.write(PATH, text)
    done = entries.run(parameters=NOSMT)
    assert entries.host.read(PATH) == text
    assert PATH not in done["files"]


def test_a_kernel_that_is_a_program_of_efi_s_itself(entries):
    """Fails where an entry that starts Linux by efi does not get the words, or keeps them."""
    text = "title Arch\nefi /vmlinuz-linux.efi\noptions initrd=/initramfs.img root=/dev/vda2 rw\n"
    entries.write(PATH, text)
    entries.run(parameters=NOSMT)
    assert entries.host.read(PATH) == text.replace(" rw", " rw nosmt")
    entries.run(state="absent")
    assert entries.host.read(PATH) == text


def test_what_an_entry_gets_in_its_line_s_stead(entries):
    """Fails where another value does not find the line that we made, or makes a second one."""
    entries.write(PATH, "linux /v\n")
    entries.run(parameters=NOSMT)
    entries.run(parameters={"nosmt": "force"})
    assert entries.host.read(PATH) == "linux /v\noptions nosmt=force\n"


def test_grub_counts_where_no_entry_starts_linux(grub):
    """Fails where the shell's entry alone is taken for what the machine boots by."""
    grub.write(PATH, "efi /shellx64.efi\n")
    grub.write("/boot/grub/grub.cfg", "blscfg\nlinux /vmlinuz quiet\n")
    assert grub.run(parameters=NOSMT)["boot_loader"] == "grub"


INFO = "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"


def with_both(grub, booted):
    """A machine that was moved from one boot loader to the other, whose files are still there."""
    grub.write(PATH, "linux /v\noptions quiet\n")
    if booted is not None:
        grub.write(INFO, "")
        (grub.folder / INFO[1:]).write_bytes(b"\x06\0\0\0" + (booted + "\0").encode("utf-16-le"))


@pytest.mark.parametrize(
    ("booted", "found"),
    [("systemd-boot 257.9-1", "boot loader entries"), ("GRUB 2.12", "grub"), ("rEFInd 0.14", "grub"), (None, "grub")],
)
def test_of_two_boot_loaders_the_one_that_has_booted_counts(grub, booted, found):
    """Fails where GRUB's old configuration keeps words from ever taking effect. The last one has no EFI."""
    with_both(grub, booted)
    assert grub.run(parameters=NOSMT)["boot_loader"] == found


def test_an_older_grub_says_nothing_of_itself(grub):
    with_both(grub, None)
    grub.write("/sys/firmware/efi/efivars/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c", "")
    assert grub.run(parameters=NOSMT)["boot_loader"] == "grub"


@pytest.mark.parametrize("why", ["no variables", "an image"])
def test_where_nothing_tells_which_of_two_it_is_refused(grub, why):
    with_both(grub, "systemd-boot 257" if why == "an image" else None)
    if why == "an image":
        grub.write("/run/systemd/container", "podman")
    else:
        (grub.folder / "sys/firmware/efi/efivars").mkdir(parents=True)
    fresh = grub.everything()
    with pytest.raises(Unsupported, match=r"boots by GRUB .* or by boot loader entries") as caught:
        grub.run(parameters=NOSMT)
    assert caught.value.reason == "boot_loader"
    done = grub.run(state="absent")
    assert (done["changed"], done["boot_loader"]) == (False, None)
    assert grub.everything() == fresh


DROP_IN = "/etc/default/grub.d/90-highwater.cfg"


@pytest.mark.parametrize("first", ["absent", "present"])
def test_our_file_for_grub_goes_where_the_machine_boots_by_entries_by_now(grub, first):
    """Fails where the other boot loader's files keep our words for good: the record no longer speaks of them."""
    grub.run(parameters=NOSMT)
    with_both(grub, "systemd-boot 257")
    if first == "present":
        assert "remove " + DROP_IN in " ".join(grub.run(parameters=NOSMT)["actions"])
        assert grub.run(parameters=NOSMT)["changed"] is False
        assert "nosmt" in grub.host.read(PATH)
    grub.run(state="absent")
    assert grub.host.read(DROP_IN) is None
    assert [path for path, text in grub.everything().items() if "nosmt" in text] == []
    assert grub.run(state="absent")["changed"] is False


def test_where_grub_fails_our_file_for_it_stays_beside_the_entries(grub):
    grub.run(parameters=NOSMT)
    with_both(grub, "systemd-boot 257")
    before, grub.fails = grub.everything(), True
    with pytest.raises(HighwaterError, match="no space left"):
        grub.run(state="absent")
    assert {path: text for path, text in grub.everything().items() if "/lib/" not in path} == {
        path: text for path, text in before.items() if "/lib/" not in path
    }


def test_our_file_for_grub_goes_where_grub_has_gone_already(grub):
    grub.run(parameters=NOSMT)
    with_both(grub, "systemd-boot 257")
    grub.host.remove("/usr/sbin/grub-mkconfig")
    grub.run(state="absent")
    assert grub.host.read(DROP_IN) is None


def test_where_nothing_tells_our_file_for_grub_says_which_it_was(grub):
    """Fails where absent refuses to take back what an earlier version has done."""
    fresh = grub.everything()
    grub.run(parameters=NOSMT)
    with_both(grub, None)
    fresh[str(grub.folder / PATH[1:])] = grub.host.read(PATH)
    (grub.folder / "sys/firmware/efi/efivars").mkdir(parents=True)
    assert grub.run(parameters=NOSMT)["changed"] is False
    grub.run(state="absent")
    assert grub.everything() == fresh
