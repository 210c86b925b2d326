# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The images of the lab, one row each: to add one, add a row."""

from __future__ import annotations

from typing import NamedTuple

from lab.errors import LabError

TOOLS = (
    "udev",
    "kmod",
    "openssh-server",
    "python3",
    "sudo",
    "iproute2",
    "procps",
    "util-linux",
    "e2fsprogs",
    "xfsprogs",
    "btrfs-progs",
    "cryptsetup-bin",
    "dmsetup",
)
BASE = ("systemd-sysv", "libpam-systemd", "dbus", *TOOLS)
# Debian's own way to boot without systemd; the two programs of it that udev needs come alone.
OPENRC = (
    "openrc",
    "sysvinit-core",
    "initscripts",
    "orphan-sysvinit-scripts",
    "systemd-standalone-sysusers",
    "systemd-standalone-tmpfiles",
    "ifupdown",
    *TOOLS,
)

# Programs that set up zram as well, and what they need.
NEIGHBOURS = ("zram-tools", "bc", "libreadline8t64", "readline-common", "systemd-zram-generator")

# Succeeds when a machine has finished booting; prints what is wrong when it does not.
SYSTEMD_SETTLED = "systemctl is-system-running --wait >/dev/null || { systemctl --failed --no-legend --plain; exit 1; }"
OPENRC_SETTLED = """\
until test "$(rc-status --runlevel)" = default -a ! -e /run/openrc/rc.starting; do sleep 0.2; done
! ls /run/openrc/failed/* 2>/dev/null"""


class Image(NamedTuple):
    """What one root tree is made from.

    kept:     packages that are not installed, but lie in /var/cache/lab for tests to install.
    compiled: a file of kernels/; such an image has the tree of another, its base, and a kernel compiled by that file.
              That takes long, so it is made only where it is asked for by name.
    """

    name: str
    suite: str
    kernel: str = "linux-image-cloud-amd64"
    packages: tuple[str, ...] = BASE
    components: str = "main"
    settled: str = SYSTEMD_SETTLED
    compiled: str = ""
    base: str = ""
    kept: tuple[str, ...] = ()


IMAGES = {
    image.name: image
    for image in (
        Image("bullseye", "bullseye"),  # Linux 5.10, Python 3.9, systemd 247
        Image("bookworm", "bookworm"),  # Linux 6.1, Python 3.11, systemd 252
        # Linux 6.12, Python 3.13, systemd 257, whose reader of crypttab is a package of its own there.
        Image("trixie", "trixie", packages=(*BASE, "systemd-cryptsetup"), kept=NEIGHBOURS),
        # A kernel with all drivers and zswap, and GRUB to boot it by.
        Image("grub", "trixie", kernel="linux-image-amd64", packages=(*BASE, "grub-pc")),
        Image("openrc", "trixie", packages=OPENRC, settled=OPENRC_SETTLED),  # the same with OpenRC 0.56
        Image("recompress", "trixie", compiled="recompress.config", base="trixie"),  # Linux 6.12 with all of zram
    )
}

USUAL = tuple(name for name, image in IMAGES.items() if name == image.suite)


class Shape(NamedTuple):
    """What hardware a machine is given; machines of one image and shape share a snapshot."""

    memory: int = 1024  # MiB
    cpus: int = 1
    disk: int = 6  # GiB; the file is sparse
    extra: int = 0  # GiB; a second, empty disk, /dev/vdb


def image_called(name: str) -> Image:
    """The image, or an error that names those that there are."""
    try:
        return IMAGES[name]
    except KeyError:
        raise LabError(f"there is no image called '{name}'; there are {', '.join(IMAGES)}") from None
