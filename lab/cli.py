# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The command line."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Optional, Sequence

from lab import commands
from lab.errors import LabError, Stopped
from lab.images import IMAGES, USUAL, Shape
from lab.waiting import listen_to_signals

DESCRIPTION = """\
Throw-away virtual machines with Debian kernels, under QEMU.

An image is built once, booted once, and kept as a snapshot; from then on a pristine, booted machine takes seconds.
Machines are named after their image unless told otherwise. Without KVM the machines are emulated, which is slow to
boot and quick to restore.
"""

EPILOG = """\
examples:
  python3 -m lab up trixie                        a pristine machine
  python3 -m lab up a b --image bookworm --memory 2048
  python3 -m lab ssh trixie uname -r
  python3 -m lab inventory > inventory.yml        for ansible-playbook -i
  python3 -m lab reset trixie                     as new again
  python3 -m lab down --all

environment:
  HIGHWATER_LAB_DIR     where the machines of this lab live (default: in the cache); another folder is another lab
  HIGHWATER_LAB_MIRROR  the Debian archive to build from (default: the one this machine installs from)
  XDG_CACHE_HOME        the cache is the folder highwater-lab in it (default: ~/.cache)
"""


def parser() -> argparse.ArgumentParser:
    """All commands and their options; each names the function that does it."""
    top = argparse.ArgumentParser(
        prog="python3 -m lab",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    sub = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    images = ", ".join(IMAGES)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        new = sub.add_parser(name, help=text, description=text, allow_abbrev=False)
        new.set_defaults(run=getattr(commands, name))
        return new

    new = add("build", "make images, unless they are in the cache")
    new.add_argument("images", nargs="*", metavar="IMAGE", help=f"{images} (default: {', '.join(USUAL)})")
    new.add_argument("--boot", action="store_true", help="boot them too, and keep the snapshot that `up` starts from")
    shape(new)

    new = add("up", "bring up pristine, booted machines")
    new.add_argument(
        "names", nargs="*", metavar="NAME", help="default: one machine for each image that needs no compiling"
    )
    new.add_argument("--image", help=f"{images} (default: the one the machine is named after)")
    shape(new)

    new = add("reset", "make machines as new: pristine and booted, in seconds")
    new.add_argument("names", nargs="+", metavar="NAME")

    new = add("ssh", "log in to a machine, or run a command in it")
    new.add_argument("--user", default="root", help="root (default) or operator, who may use sudo")
    new.add_argument("name", metavar="NAME")
    new.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")

    new = add("wait", "wait until machines answer to ssh")
    new.add_argument("names", nargs="+", metavar="NAME")
    new.add_argument("--timeout", type=positive, default=240, metavar="SECONDS", help="default: %(default)s")

    for name, text in (
        ("reboot", "reboot machines, and prove by the kernel's boot id that they did"),
        ("cut", "take the power away from machines: their disks stay as they are at that moment"),
        ("start", "boot machines that are off, from their own disks"),
    ):
        new = add(name, text)
        new.add_argument("names", nargs="+", metavar="NAME")
    new.add_argument("--own-loader", action="store_true", help="by the boot loader on that disk, if there is one")

    new = add("throttle", "make a machine's disk slow, until it is reset or started again")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--mib", type=limit, default=0, metavar="N", help="MiB a second, both ways together; 0: no limit")
    new.add_argument("--operations", type=limit, default=0, metavar="N", help="operations a second; 0: no limit")

    new = add("down", "end machines and leave nothing of them")
    new.add_argument("names", nargs="*", metavar="NAME")
    new.add_argument("--all", action="store_true", help="every machine of this lab")

    new = add("status", "show the machines")
    new.add_argument("--json", action="store_true", help="for programs")

    new = add("inventory", "print an Ansible inventory of the machines that run")
    new.add_argument("names", nargs="*", metavar="NAME", help="default: all that run")
    new.add_argument("--user", default="root", help="root (default) or operator, who may use sudo")

    new = add("log", "print the end of a machine's console")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--lines", type=positive, default=40, help="default: %(default)s")

    new = add("rootfs", "print the path of an image's root tree, a tar file")
    new.add_argument("image", metavar="IMAGE", help=images)

    new = add("key", "print the path of the private ssh key")

    new = add("clean", "remove images and snapshots that are out of date and that no machine uses")
    new.add_argument("--all", action="store_true", help="those that are up to date too")
    return top


def shape(command: argparse.ArgumentParser) -> None:
    """Options for the hardware; left out, a machine that exists keeps its own."""
    default = Shape()
    command.add_argument("--memory", type=positive, metavar="MIB", help=f"default: {default.memory}")
    command.add_argument("--cpus", type=positive, metavar="N", help=f"default: {default.cpus}")
    command.add_argument("--disk", type=positive, metavar="GIB", help=f"{default.disk} (default) or more")
    command.add_argument("--extra", type=positive, metavar="GIB", help="a second, empty disk, /dev/vdb (default: none)")


def positive(text: str) -> int:
    """A whole number above zero."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def limit(text: str) -> int:
    """A whole number that is not negative."""
    return 0 if text == "0" else positive(text)


def main(words: Optional[Sequence[str]] = None) -> int:
    """Runs a command; the exit code is 0, 1 for an error, 2 for bad usage, 130 when stopped."""
    chosen = parser().parse_args(words)
    listen_to_signals()
    try:
        return int(chosen.run(chosen) or 0)
    except Stopped:
        print("stopped; nothing was left half-way", file=sys.stderr)
        return 130
    except LabError as error:
        if error.evidence:
            print(error.evidence, file=sys.stderr)
        print(f"error: {error}", file=sys.stderr)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
    return 1
