# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""The states that a swapfile can be found in, as data for swapfile_states.py: how each comes about, and what has to
follow. To add one, add a row to CASES.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping, NamedTuple

# /etc/fstab before each state.
OTHERS = "# a comment\n\nUUID=0000-0000\t/nowhere vfat  noauto 0\t0\n#/swap none swap sw 0 0\n"

# What the cases are written with: F is the file, D its folder; "swap FILE SIZE" makes a swapfile that is fine.
PRELUDE = """
BRIDGE="$D/.swap.highwater"; NEW="$BRIDGE.new"
blocks() { rm -f "$1"; : > "$1"; chmod 600 "$1"; [ $FS = btrfs ] && chattr +C "$1"
           [ $FS = f2fs ] && f2fs_io pinfile set "$1"; fallocate -l "$2" "$1"; }
swap() { blocks "$1" "$2"; mkswap "$1"; }
uuid() { blkid -p -o value -s UUID "$1"; }
hold() { rm -f "$D.result"; python3 "$PAGES" "$D.stop" "$D.result"
         awk -v below="$D/" 'index($1, below) == 1 { used += $4 } END { exit used < 4096 }' /proc/swaps; }
intact() { touch "$D.stop"; while [ ! -s "$D.result" ]; do sleep 0.1; done; grep -q intact "$D.result"; }
line() { printf '%s\\n' "$*" >> /etc/fstab; }
"""


class Case(NamedTuple):
    """A state: how it comes about, on which filesystems, and what is special about what has to follow.

    name:    of the file, below the folder.
    options: beside those that all cases have.
    expects: what has to be in /etc/fstab afterwards, LINE being ours; None: what was there, and ours behind it.
    beside:  names that are in the folder beside the file, before and after.
    on:      paths of other areas that are on, before and after.
    after:   a command that has to succeed in the end, while it is present.
    kept:    giving all back leaves the file and what was on of it, since it was swap before.
    """

    setup: str
    filesystems: tuple[str, ...] = ()
    name: str = "swap"
    options: Mapping[str, Any] = MappingProxyType({})
    expects: str | None = None
    beside: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    after: str = ":"
    kept: bool = True


GOOD = 'swap "$F" 24M; '
REFLINKS = ("xfs", "btrfs")
# f2fs lets no swapfile grow by being written to, makes no holes in one, and allocates blocks as they were left.
ZEROS = HOLES = ZEROED = ("ext4", "xfs", "btrfs")

CASES = {
    # -- the file ------------------------------------------------------------------------------------------------------
    "missing": Case("", kept=False),
    "its folder missing": Case("", name="a/b c/swap", kept=False),
    "cut off half-way": Case('head -c 9M /dev/zero > "$F"', kept=False),
    "cut off half-way, by us": Case('head -c 9M /dev/zero > "$NEW"; chmod 600 "$NEW"', kept=False),
    "cut off half-way, writing zeros": Case('blocks "$NEW" 8M', ZEROS, options={"method": "dd"}, kept=False),
    "cut off, a longer one begun": Case('blocks "$NEW" 32M', ZEROS, options={"method": "dd"}, kept=False),
    "cut off at its first byte": Case(': > "$F"', kept=False),
    "larger": Case('swap "$F" 32M'),
    "smaller": Case('swap "$F" 16M'),
    "larger and on": Case('swap "$F" 32M; swapon "$F"'),
    "smaller and on": Case('swap "$F" 16M; swapon "$F"'),
    "larger and in use": Case('swap "$F" 32M; swapon "$F"; hold', after="intact"),
    "smaller and in use": Case('swap "$F" 16M; swapon "$F"; hold', after="intact"),
    "in use, with a bridge that is on": Case(
        'swap "$F" 16M; swapon "$F"; swap "$BRIDGE" 12M; swapon "$BRIDGE"; hold', after="intact"
    ),
    "in use, without room for a bridge": Case(
        'swap "$F" 32M; swapon "$F"; hold; '
        'fallocate -l $(($(df --output=avail -B1 "$D" | tail -1) - (20 << 20))) "$D/theirs"',
        ("ext4", "xfs"),  # what btrfs calls free is not what can be had
        beside=("theirs",),
        after="intact",
    ),
    "in use by its bridge": Case('swap "$BRIDGE" 12M; swapon "$BRIDGE"; hold', after="intact", kept=False),
    "longer than its header": Case(GOOD + 'truncate -s 23M "$F"; truncate -s 24M "$F"'),
    "with a hole": Case(GOOD + 'fallocate -p -o 8M -l 1M "$F"', HOLES),
    "sparse": Case('truncate -s 24M "$F"; chmod 600 "$F"; mkswap "$F"'),
    "reflinked": Case(
        GOOD + '[ $FS = btrfs ] && chattr +C "$D"; cp --reflink=always "$F" "$D/copy"', REFLINKS, beside=("copy",)
    ),
    "in a snapshot": Case(
        'btrfs subvolume create "$D/sub"; swap "$F" 24M; btrfs subvolume snapshot "$D/sub" "$D/shot"',
        ("btrfs",),
        name="sub/swap",
    ),
    "copy-on-write": Case('fallocate -l 24M "$F"; chmod 600 "$F"; mkswap "$F"', ("btrfs",)),
    "compressed": Case(': > "$F"; chattr +c "$F"; head -c 24M /dev/zero >> "$F"; sync "$F"', ("btrfs",), kept=False),
    **{
        f"in a folder of which new files get {what}": Case(f'chattr {flag} "$D"', ("btrfs",), kept=False)
        for what, flag in (("compressed", "+c"), ("never compressed", "+m"))
    },
    "readable by others": Case(GOOD + 'chmod 644 "$F"'),
    "of another owner": Case(GOOD + 'chown 7:8 "$F"'),
    "of another owner, on": Case(GOOD + 'swapon "$F"; chown 7:8 "$F"; chmod 660 "$F"'),
    "not formatted": Case('blocks "$F" 24M', ZEROED, kept=False),
    "not formatted, in fstab": Case(
        'blocks "$F" 24M; line "$F none swap sw 0 0"', ZEROED, expects=OTHERS + "LINE\n", kept=False
    ),
    "for another page size": Case('blocks "$F" 24M; mkswap -p 65536 "$F"'),
    "of another label": Case('blocks "$F" 24M; mkswap -L old "$F"; swapon "$F"', options={"label": "new"}),
    "formatted, but off": Case(GOOD),
    "by zeros": Case("", ZEROS, options={"method": "dd"}, kept=False),
    # -- the kernel ----------------------------------------------------------------------------------------------------
    "on with another priority": Case(GOOD + 'swapon -p 3 "$F"'),
    "on with the kernel's priority": Case(GOOD + 'swapon "$F"'),
    "on with another discard": Case(
        GOOD + 'swapon -p 10 --discard=once "$F"; line "$F none swap pri=10,discard=once"', expects=OTHERS + "LINE\n"
    ),
    **{
        f"discard {policy}": Case(
            "",
            options={"discard": policy},
            after=f'dmesg | grep " swap on $F[.]" | tail -1 | grep -q "D{shown}$"',  # the kernel shows it nowhere else
            kept=False,
        )
        for policy, shown in (("once", "s"), ("pages", "c"), ("both", "sc"))
    },
    "on beside the bridge of a run that was cut off": Case(
        GOOD + 'swapon -p 10 "$F"; swap "$BRIDGE" 4M; swapon "$BRIDGE"'
    ),
    "the bridge on, the file gone": Case('swap "$BRIDGE" 4M; swapon "$BRIDGE"', kept=False),
    "the bridge off": Case(GOOD + 'swap "$BRIDGE" 4M'),
    # -- fstab ---------------------------------------------------------------------------------------------------------
    "fstab missing": Case(GOOD + "rm /etc/fstab", expects="LINE\n"),
    "fstab empty": Case(GOOD + ": > /etc/fstab", expects="LINE\n"),
    "fstab there, file gone": Case('line "$F none swap sw,pri=10,nofail 0 0"', expects=OTHERS + "LINE\n", kept=False),
    "twice in fstab": Case(
        GOOD + 'line "$F none swap sw 0 0"; line "# between"; line "$F none swap sw,pri=10,nofail 0 0"',
        expects=OTHERS + "LINE\n# between\n",
    ),
    "other options in fstab": Case(GOOD + 'line "$F none swap noauto,pri=3"', expects=OTHERS + "LINE\n"),
    "the old form in fstab": Case(GOOD + 'line "$F swap swap defaults 0 0"', expects=OTHERS + "LINE\n"),
    "in fstab by UUID": Case(GOOD + 'line "UUID=$(uuid "$F") none swap sw 0 0"', expects=OTHERS + "LINE\n"),
    "in fstab by LABEL": Case(
        'blocks "$F" 24M; mkswap -L states "$F"; line "LABEL=states none swap sw 0 0"', expects=OTHERS + "LINE\n"
    ),
    "blanks in its path": Case(
        GOOD + "line \"$(echo \"$F\" | sed 's/ /\\\\040/g') none swap sw 0 0\"",
        name="my swap",
        expects=OTHERS + "LINE\n",
    ),
    "until the next boot": Case("", options={"persistent": False}, expects=OTHERS, kept=False),
    "until the next boot, in fstab": Case(
        GOOD + 'line "$F none swap sw 0 0"', options={"persistent": False}, expects=OTHERS
    ),
    "commented in fstab": Case(GOOD + 'line "#$F none swap sw,pri=10,nofail 0 0"'),
    "fstab without an end": Case(GOOD + "printf '# the end' >> /etc/fstab", expects=OTHERS + "# the end\nLINE\n"),
    "fstab of another system": Case(
        GOOD + "printf '# one\\r\\n# two\\r\\n# three' > /etc/fstab", expects="# one\r\n# two\r\n# three\r\nLINE\r\n"
    ),
    # -- neighbours ----------------------------------------------------------------------------------------------------
    "the installer's own beside it": Case(
        'swap "$D/swap.img" 4M; swapon "$D/swap.img"; line "$D/swap.img none swap sw 0 0"',
        beside=("swap.img",),
        on=("swap.img",),
        kept=False,
    ),
    "dphys-swapfile's beside it": Case(
        'swap "$D/var" 4M; echo CONF_SWAPFILE="$D/var" > "$D/dphys-swapfile"; swapon "$D/var"',
        beside=("var", "dphys-swapfile"),
        on=("var",),
        kept=False,
    ),
}  # fmt: skip
