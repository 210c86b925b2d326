# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where the swap of the machine that builds an image, seen in /proc/swaps, is taken for the image's."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.parse.swap_header import make_header, uuid_bytes
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import disable, resource
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.observe import observe_machine

LINE = "/swapfile none swap sw 0 0\n"


@pytest.fixture
def host(tmp_path):
    it = Host(str(tmp_path))
    it.install("/proc/meminfo", "MemTotal: 2097152 kB\nMemFree: 1048576 kB\nCommitLimit: 9 kB\nCommitted_AS: 9 kB\n")
    it.install(
        "/proc/swaps", "Filename Type Size Used Priority\n/swapfile file 524284 0 -2\n/dev/vdb1 partition 9 0 -3\n"
    )
    it.install("/proc/self/mountinfo", "36 35 98:0 / / rw - ext4 /dev/sda1 rw\n")
    it.install("/etc/fstab", LINE)
    return it


def with_file(host):
    host.install("/swapfile", "", 0o600)
    with open(host.path("/swapfile"), "wb") as file:
        file.write(make_header(1 << 20, 4096, uuid_bytes(None), "").ljust(1 << 20, b"\0"))


def words(host, world, monkeypatch, **options):
    options = world.params(path="/swapfile", size="1MiB", keep_free="0", **options)
    # Whoever runs the tests is root of no folder on the way.
    monkeypatch.setattr("ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec.refuse_folders", id)
    monkeypatch.setattr(disable, "refuse_folders", id)
    states = resource.observe(host, options)
    return [step.does for step in resource.plan(resource.resolve(options, states), states)]


@pytest.mark.parametrize("state", ["absent", "disabled"])
@pytest.mark.parametrize("apply", ["now", "next_boot"])
def test_in_a_container_the_file_goes_and_nothing_is_swapped_off(host, world, monkeypatch, state, apply):
    host.install("/run/systemd/container", "podman\n")
    with_file(host)
    found = words(host, world, monkeypatch, state=state, apply=apply)
    assert "remove /swapfile" in found
    assert not [does for does in found if does.startswith("swap off")]


@pytest.mark.parametrize("contained", [True, False], ids=["container", "chroot"])
def test_a_file_that_the_image_does_not_have_yet_is_made(host, world, monkeypatch, contained):
    if contained:
        host.install("/run/systemd/container", "podman\n")
    found = words(host, world, monkeypatch, apply="next_boot")
    assert [does for does in found if does.startswith("make /swapfile")]


def test_a_device_is_not_the_image_s_either(host):
    host.install("/run/systemd/container", "podman\n")
    host.install("/dev/vdb1", "")
    assert disable.observe_device(host, observe_machine(host), "/dev/vdb1", "/dev/vdb1").area is None


@pytest.mark.parametrize("contained", [True, False], ids=["container", "machine"])
@pytest.mark.parametrize("areas", ["", "/dev/dm-0 partition 1020 4 -2\n"], ids=["off", "on"])
def test_an_encrypted_device_is_not_the_image_s_either(host, world, monkeypatch, contained, areas):
    """With the machine's /dev and /sys. Fails where building an image closes the device of the machine below."""
    host.install("/proc/swaps", "Filename Type Size Used Priority\n" + areas)
    for name, text in (("dm-0/dm/name", "highwater-swapfile"), ("dm-0/dm/uuid", "CRYPT-PLAIN-highwater-swapfile")):
        host.install("/sys/block/" + name, text + "\n")
    host.make_folder("/sys/block/dm-0/slaves/loop3")
    host.install("/sys/block/loop3/loop/backing_file", "/swapfile\n")
    host.link("/dev/mapper/highwater-swapfile", "../dm-0")
    if contained:
        host.install("/run/systemd/container", "podman\n")
    with_file(host)
    found = words(host, world, monkeypatch, state="present", apply="next_boot")
    assert ("close the device highwater-swapfile" in str(found)) is (not contained and not areas)
    assert bool(observe_machine(host).mapped) is not contained


def test_on_the_machine_itself_they_are_on(host, world):
    with_file(host)
    (state,) = resource.observe(host, world.params(path="/swapfile", state="absent"))
    assert state.area.path == "/swapfile"
    assert disable.observe_device(host, state.machine, "/dev/vdb1", "/dev/vdb1").area.path == "/dev/vdb1"
