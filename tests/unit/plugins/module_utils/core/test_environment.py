# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails where a container or a kubelet's node is not seen, or a plain machine is taken for one."""

from __future__ import annotations

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import environment
from ansible_collections.highwater.memory.plugins.module_utils.core.container import container
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host

INITIAL = "         0          0 4294967295\n"
UNIT = "/usr/lib/systemd/system/kubelet.service"


@pytest.fixture
def machine(tmp_path):
    """A function from files (path: text) to a Host that has just these."""

    def make(files):
        host = Host(str(tmp_path))
        for path, text in files.items():
            host.install(path, text)
        return host

    return make


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"/proc/self/uid_map": INITIAL}, None),
        ({}, None),  # a kernel without user namespaces
        ({"/proc/self/uid_map": "0 100000 65536\n"}, "user namespace"),
        ({"/proc/1/environ": "PATH=/bin\0container=lxc\0", "/proc/self/uid_map": INITIAL}, "lxc"),
        ({"/proc/1/environ": "mycontainer=lxc\0"}, None),
        ({"/run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({"/run/.containerenv": ""}, "podman"),
        ({"/.dockerenv": ""}, "docker"),
    ],
)
def test_containers_are_told_from_machines(machine, files, kind):
    host = machine(files)
    assert container(host) == kind
    if kind:
        with pytest.raises(Unsupported, match=kind) as caught:
            environment.refuse_container(host, "zram0")
        assert caught.value.reason == "container"
    else:
        environment.refuse_container(host, "zram0")


@pytest.mark.parametrize(
    ("namespace", "root", "kind"),
    [
        ("pid:[4026531836]", "ext4", None),  # a small virtual machine whose disk was made from an image
        ("pid:[4026531836]", "overlay", "docker"),  # docker run --pid=host
        ("pid:[4026532201]", "ext4", "docker"),
    ],
)
def test_a_machine_booted_from_an_image_is_no_container(machine, namespace, root, kind):
    host = machine({"/.dockerenv": "", "/proc/self/mounts": "/dev/vda / %s rw 0 0\n" % root})
    host.link("/proc/self/ns/pid", namespace)
    assert container(host) == kind


@pytest.mark.parametrize(("namespace", "kind"), [("pid:[4026531836]", None), ("pid:[4026532201]", "PID namespace")])
def test_a_pod_without_any_mark_is_told_by_its_pid_namespace(machine, namespace, kind):
    host = machine({"/proc/self/uid_map": INITIAL})
    host.link("/proc/self/ns/pid", namespace)
    assert container(host) == kind


@pytest.mark.parametrize(("root", "kind"), [("../..", None), ("/", "chroot"), ("../../gone", None)])
def test_a_chroot_is_told_by_the_root_of_pid_1(machine, root, kind):
    """Ansible's connection chroot, or packer's builder: the machine's /proc, and a root that another machine boots."""
    host = machine({"/proc/self/uid_map": INITIAL, "/run/.keep": ""})
    host.link("/proc/self/ns/pid", "pid:[4026531836]")
    host.link("/proc/1/root", root)
    assert container(host) == kind
    if kind:
        with pytest.raises(Unsupported, match="zram0 cannot be set up in a chroot: swap") as caught:
            environment.refuse_container(host, "zram0")
        assert (caught.value.reason, caught.value.facts["container"]) == ("container", "chroot")


def test_a_root_of_pid_1_that_is_not_for_us_to_see_tells_nothing(machine, monkeypatch):
    """Without the right to trace it, or behind hidepid."""
    host = machine({"/proc/self/uid_map": INITIAL})

    def refuse(_path):
        raise PermissionError

    monkeypatch.setattr("os.stat", refuse)
    assert container(host) is None


@pytest.mark.parametrize(
    ("files", "refused"),
    [
        ({}, False),
        ({UNIT: ""}, True),
        ({"/var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\n"}, True),
        ({UNIT: "", "/var/lib/kubelet/config.yaml": "a: 1\nfailSwapOn: false\n"}, False),
        ({UNIT: "", "/var/lib/kubelet/config.yaml": "failSwapOn: true\n"}, True),
        ({UNIT: "", "/var/lib/kubelet/config.yaml": "# failSwapOn: false\n"}, True),
        ({UNIT: "", "/etc/default/kubelet": "KUBELET_EXTRA_ARGS=--fail-swap-on=false\n"}, False),
    ],
)
def test_a_kubelet_that_would_not_start_is_seen(machine, files, refused):
    host = machine(files)
    if not refused:
        return environment.refuse_kubelet(host, "swap")
    with pytest.raises(Unsupported, match="failSwapOn: false") as caught:
        environment.refuse_kubelet(host, "swap")
    assert caught.value.reason == "kubelet"
    return None


@pytest.mark.parametrize(
    ("text", "found"), [("NAME=x\nID=debian\n", "debian"), ('ID="ol"\n', "ol"), ("VERSION_ID=12\n", None)]
)
def test_os_id(machine, text, found):
    assert environment.os_id(machine({"/etc/os-release": text})) == found


@pytest.mark.parametrize(("online", "count"), [("0\n", 1), ("0-1\n", 2), ("0-3,6\n", 5), ("0,2,4-5\n", 4)])
def test_cpus_are_those_online(machine, online, count):
    assert environment.cpus(machine({"/sys/devices/system/cpu/online": online})) == count
