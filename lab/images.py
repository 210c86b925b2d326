# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The images of the lab, one row each: to add one, add a row."""

from __future__ import annotations

from typing import NamedTuple

from lab.errors import LabError

BASE = (
    "systemd-sysv",
    "libpam-systemd",
    "dbus",
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
)

# Succeeds when a machine has finished booting; prints what is wrong when it does not.
SYSTEMD_SETTLED = "systemctl is-system-running --wait >/dev/null || { systemctl --failed --no-legend --plain; exit 1; }"


class Image(NamedTuple):
    """What one root tree is made from."""

    name: str
    suite: str
    kernel: str = "linux-image-cloud-amd64"
    packages: tuple[str, ...] = BASE
    components: str = "main"
    settled: str = SYSTEMD_SETTLED


IMAGES = {
    image.name: image
    for image in (
        Image("bullseye", "bullseye"),  # Linux 5.10, Python 3.9, systemd 247
        Image("bookworm", "bookworm"),  # Linux 6.1, Python 3.11, systemd 252
        Image("trixie", "trixie"),  # Linux 6.12, Python 3.13, systemd 257
    )
}


class Shape(NamedTuple):
    """What hardware a machine is given; machines of one image and shape share a snapshot."""

    memory: int = 1024  # MiB
    cpus: int = 1
    disk: int = 6  # GiB; the file is sparse


def image_called(name: str) -> Image:
    """The image, or an error that names those that there are."""
    try:
        return IMAGES[name]
    except KeyError:
        raise LabError(f"there is no image called '{name}'; there are {', '.join(IMAGES)}") from None
