# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Role zram where the distribution has put the kernel module into a package of its own.

Debian has not, so its module is put into such a package here, which apt then has to find. Fails where the role does not
get it, where it wants it on a host that has the module, where a host that cannot is not left alone with a sentence, and
where the package stays when all is taken back, or goes although it was there before.
"""

from __future__ import annotations

import debs
import pytest
from harness import Machine

SPLIT = r"""
set -e
kernel=$(uname -r); module=$(modinfo -n zram)
mkdir -p /srv/archive /srv/tree/DEBIAN /srv/tree$(dirname $module)
mv $module /srv/tree$module
depmod --all
cat > /srv/tree/DEBIAN/control <<END
Package: modules-extra-$kernel
Version: 1
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: the kernel module zram
END
printf '#!/bin/sh\ndepmod --all\n' > /srv/tree/DEBIAN/postinst
chmod 755 /srv/tree/DEBIAN/postinst
dpkg-deb --build /srv/tree /srv/archive/extra.deb > /dev/null
cd /srv/archive
{ dpkg-deb --field extra.deb; echo "Filename: ./extra.deb"; echo "Size: $(stat -c %s extra.deb)"
  echo "SHA256: $(sha256sum extra.deb | cut -d' ' -f1)"; } > Packages
echo 'deb [trusted=yes] file:/srv/archive ./' > /etc/apt/sources.list.d/split.list
"""
REMOVE = """
- hosts: all
  gather_facts: false
  roles:
    - role: highwater.memory.zram
      zram_state: absent
"""
UPDATE = "apt-get update -q -o Dir::Etc::sourcelist=sources.list.d/split.list -o Dir::Etc::sourceparts=-"
ROLE = """
- hosts: all
  gather_facts: false
  tasks:
    - name: As it comes
      ansible.builtin.include_role:
        name: highwater.memory.zram
      vars:
        zram_size: 128MiB
        zram_packages: %s
        zram_on_unsupported: %s
"""
EXTRA = '{debian: "modules-extra-{kernel}"}'


def play(machine: Machine, packages: str, on_unsupported: str = "skip") -> tuple[int, str]:
    done = machine.play(ROLE % (packages, on_unsupported), "-v")  # with what each module returned
    return done.changed, " ".join(done.output.split())


@pytest.mark.machine(image="trixie")
def test_the_module_comes_from_its_package(machine: Machine) -> None:
    # What Ansible's apt module would get by itself, after an update of all that apt knows.
    debs.install(machine, "python3-apt", "python-apt-common", "distro-info-data")
    machine.shell(SPLIT)
    assert machine.attempt("modprobe zram").code != 0

    changed, output = play(machine, "{}")
    assert changed == 0
    assert "zram0 needs the kernel module zram, which the kernel that runs does not have" in output
    changed, output = play(machine, EXTRA)
    assert changed == 0, "a package that cannot be had is no reason to fail where on_unsupported is skip"
    with pytest.raises(AssertionError, match="zram0 needs the kernel module zram"):
        play(machine, "{}", "fail")
    assert "zram" not in machine.shell("cat /proc/swaps; ls /etc/systemd/system")

    machine.shell(UPDATE)
    changed, _output = play(machine, EXTRA, "fail")
    assert changed == 2, "the package and the device"
    assert "/dev/zram0" in machine.shell("cat /proc/swaps")
    changed, output = play(machine, EXTRA, "fail")
    assert changed == 0
    assert "skipping" in output.partition("Get the kernel module from its package")[2]

    assert machine.play(REMOVE).changed == 2, "the device and the package"
    assert machine.attempt("dpkg-query --status modules-extra-$(uname -r)").code != 0
    assert machine.attempt("modprobe zram").code != 0
    assert machine.play(REMOVE).changed == 0

    machine.shell("apt-get install -q -y modules-extra-$(uname -r)")
    assert play(machine, EXTRA, "fail")[0] == 1, "the device"
    assert machine.play(REMOVE).changed == 1, "the device, and not a package that others have installed"
    assert "ok installed" in machine.shell("dpkg-query --status modules-extra-$(uname -r)")
