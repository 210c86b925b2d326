# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a boot loader takes the command line from. Two ways cover what Linux hosts have:

GRUB with drop-ins (Debian, Ubuntu and those made from them): a file of ours in /etc/default/grub.d, and grub.cfg made
anew by GRUB's own program. It is appended to GRUB_CMDLINE_LINUX_DEFAULT, which comes last on the line, so it counts,
and which entries for recovery leave out, so that they boot as if we had never been here.

Boot loader entries (systemd-boot; Fedora and RHEL, whose GRUB reads them too): the ``options`` of each entry, and
/etc/kernel/cmdline, where there is one, from which entries of new kernels are made. Without one they are made from a
package's in /usr/lib/kernel, with which ours begins then, and without that from the running kernel's command line.
Source: the UAPI group's boot loader specification, kernel-install(8).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.cmdline.words import missing, without
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.cmdline.later import Line

# UNTOLD: two of them are set up, and nothing tells which one boots the machine.
GRUB, ENTRIES, UNTOLD = "grub", "boot loader entries", ""
DROP_IN = "/etc/default/grub.d/90-highwater.cfg"
HEADER = (
    "# Made by highwater.memory.kernel_command_line, and written again by it: changes here do not last.\n"
    "# Last on the line, so that it counts; entries for recovery leave it out.\n"
)
# The program that makes the configuration, and the configuration.
_GRUBS = (("/usr/sbin/grub-mkconfig", "/boot/grub/grub.cfg"), ("/usr/sbin/grub2-mkconfig", "/boot/grub2/grub.cfg"))
_ENTRY_FOLDERS = ("/boot/loader/entries", "/efi/loader/entries", "/boot/efi/loader/entries")
KERNEL_INSTALL, PACKAGED = "/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"


class Loader(NamedTuple):
    """A boot loader as it is set up.

    name:     GRUB, ENTRIES or UNTOLD, which has no texts.
    texts:    by path the files that have the command line, None where one is missing.
    next:     the command line of the entry that boots by default.
    generate: the command that makes the loader's configuration from the files; empty where they are it.
    later:    the lines of files that GRUB reads after ours.
    packaged: what kernel-install reads where KERNEL_INSTALL is missing; None where there is no such file.
    left:     GRUB with our file for it, from when that booted a machine which boots by entries now; else None.
    """

    name: str
    texts: Mapping[str, Optional[str]]
    next: str
    generate: tuple[str, ...]
    later: tuple[Line, ...] = ()
    packaged: Optional[str] = None
    left: Optional[Any] = None  # a Loader

    def text_of(self, path: str) -> str:
        """What counts as a file's text, where it is missing as well."""
        found = self.texts[path]
        return (self.packaged if found is None and path == KERNEL_INSTALL else found) or ""


def observe_loader(host: Host) -> Loader | None:
    """What this host boots by; None where it is neither."""
    entries = _linux_entries(host)
    grubs = [(program, config) for program, config in _GRUBS if host.exists(config)]
    reads_entries = not grubs or "blscfg" in (host.read(grubs[0][1]) or "")
    by_entries: bool | None = reads_entries
    if entries and not reads_entries:
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.cmdline.booted import by_systemd_boot

        by_entries = by_systemd_boot(host)
    if by_entries is None and host.exists(DROP_IN):  # an earlier call has known
        by_entries = False
    if by_entries is None:
        return Loader(UNTOLD, {}, "", ())
    if entries and by_entries:
        found = _entries(host, entries)
        return found._replace(left=_left(host, grubs)) if host.exists(DROP_IN) else found
    if grubs and _reads_drop_ins(host, grubs[0][0]):
        return _grub(host, *grubs[0])
    return None


def _reads_drop_ins(host: Host, program: str) -> bool:
    return "default/grub.d" in (host.read(program) or "")


def _left(host: Host, grubs: list[tuple[str, str]]) -> Loader:
    """Where its program has gone, or never read our file, that alone is to go."""
    if grubs and _reads_drop_ins(host, grubs[0][0]):
        return _grub(host, *grubs[0])
    return Loader(GRUB, {DROP_IN: host.read(DROP_IN)}, "", ())


def _grub(host: Host, program: str, config: str) -> Loader:
    lines = re.findall(r"(?m)^\s*linux(?:16|efi)?\s+\S+\s*(.*)$", host.read(config) or "")
    texts = {DROP_IN: host.read(DROP_IN)}
    return Loader(GRUB, texts, lines[0] if lines else "", (program, "-o", config), _later(host))


def _later(host: Host) -> tuple[Line, ...]:
    folder, ours = DROP_IN.rsplit("/", 1)
    if not any(name > ours for name in host.listdir(folder)):
        return ()
    # Only where it is needed: start-up is most of what a converged host costs.
    from ansible_collections.highwater.memory.plugins.module_utils.cmdline.later import lines_after

    return tuple(lines_after(host, DROP_IN))


def _entries(host: Host, entries: Mapping[str, str]) -> Loader:
    texts: dict[str, Optional[str]] = dict(entries)
    own, packaged = host.read(KERNEL_INSTALL), host.read(PACKAGED)
    if own is not None or packaged is not None:
        texts[KERNEL_INSTALL] = own
    # Which entry is the default is the loader's to say: they are all kept alike.
    lines = [line for text in entries.values() for line in options(text)]
    return Loader(ENTRIES, texts, lines[0] if lines else "", (), packaged=packaged)


def _linux_entries(host: Host) -> dict[str, str]:
    """Texts by path; an entry of another program (a shell, memtest) has no kernel that our words are for."""
    texts = {}
    for folder in _ENTRY_FOLDERS:
        for name in host.listdir(folder):
            path = "%s/%s" % (folder, name)
            text = host.read(path) if name.endswith(".conf") else None
            if text and _starts_linux(text):
                texts[path] = text
    return texts


def _starts_linux(text: str) -> bool:
    """By ``linux``, or by ``efi`` a kernel that is a program of EFI's itself: it is told which root it has."""
    if re.search(r"(?m)^[ \t]*linux[ \t]+\S", text):
        return True
    is_efi = re.search(r"(?m)^[ \t]*efi[ \t]+\S", text) is not None
    return is_efi and any(word.startswith("root=") for line in options(text) for word in line.split())


def options(text: str) -> list[str]:
    """The ``options`` lines of an entry."""
    return re.findall(r"(?m)^options[ \t]+(.*)$", text)


def line_of(path: str, text: str) -> str:
    """The command line that a file of a loader's has; an entry may have several lines of it."""
    return " ".join(options(text)) if path.endswith(".conf") else text


def drop_in(wanted: Mapping[str, str]) -> str | None:
    """What our file for GRUB is to say; None for no file. wanted: words by name."""
    line = 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT %s"\n' % " ".join(wanted.values())
    return HEADER + line if wanted else None


def extended(path: str, text: str, wanted: Mapping[str, str]) -> str:
    """An entry, or kernel-install's file, with words (by name) at the end of its line, but those that count already."""
    more = missing(line_of(path, text), wanted)
    head, line, tail = _split(path, text)
    return head + " ".join(line.split() + more) + tail if more else text


def cleared(path: str, text: str, gone: tuple[str, ...]) -> str:
    """An entry, or kernel-install's file, without the last occurrence of each of these words."""
    head, line, tail = _split(path, text)
    left = without(line, gone)
    if left == " ".join(line.split()):
        return text
    if left or not path.endswith(".conf"):
        return head + left + tail
    # Nothing but ours was on it, so we have made it (see _split), with a newline behind it or before it.
    head = head[: head.rindex("options")]
    return head + tail[1:] if tail else head[:-1]


def _split(path: str, text: str) -> tuple[str, str, str]:
    """What comes before the command line that counts, the line, and what comes after it."""
    if not path.endswith(".conf"):
        return "", text.strip(), "\n"
    lines = list(re.finditer(r"(?m)^options[ \t]+(.*)$", text))
    if lines:
        return text[: lines[-1].start(1)], lines[-1].group(1), text[lines[-1].end(1) :]
    # A last line without a newline gets one, and ours is then the one without, so that the way back is known.
    return (text + "options ", "", "\n") if text.endswith("\n") else (text + "\noptions ", "", "")
