# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who else sets up a zram device on this host: their file, so that nothing of theirs is touched by accident.

Looks at what runs at boot, not at what is installed: a program that is there but switched off owns nothing.
"""

from __future__ import annotations

import re

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.openrc import RUNLEVELS, SCRIPTS
from ansible_collections.highwater.memory.plugins.module_utils.core.systemd import UNITS
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

# By what it runs, which is what has to be switched off.
GENERATOR, UNIT, SCRIPT, LINES, HAND = "generator", "unit", "script", "lines", "hand"


class Owner(NamedTuple):
    """Another program that sets the device up.

    program, file: its name, and the file that a person edits.
    way:        GENERATOR, UNIT (of systemd), SCRIPT (of OpenRC), LINES (of the file), HAND (only a person can tell).
    name:       the unit or script.
    switch_off: how a person does it.
    links:      those that have the boot run it, with where they point to, below /etc; vendor: there are others.
    text:       the file's, for LINES.
    started:    whether OpenRC takes the script for started.
    """

    program: str
    file: str
    way: str
    name: str
    switch_off: str
    links: tuple[tuple[str, str], ...] = ()
    vendor: bool = False
    text: str = ""
    started: bool = False


OURS = "highwater-"  # what our artefacts' names begin with
OF_ITS_OWN = "%s of this host's own"

# systemd.generator(7): where zram-generator may be; the first counts.
GENERATORS = tuple(
    "%s/systemd/system-generators/zram-generator" % folder
    for folder in ("/run", "/etc", "/usr/local/lib", "/usr/lib", "/lib")
)
# Where zram-generator.conf(5) is read from; the last counts.
GENERATOR_FOLDERS = ("/usr/lib/systemd", "/usr/local/lib/systemd", "/etc/systemd", "/run/systemd")
GENERATOR_OFF = "host-memory-limit"  # a limit of 0 is below any machine's RAM

_FOLDERS = ("/run", "/usr/local/lib", "/usr/lib", "/lib")
UNIT_FOLDERS = (UNITS,) + tuple("%s/systemd/system" % folder for folder in _FOLDERS)
# Units that set up devices without a word of which: (unit, (program, the file a person edits) ..., only zram0).
SERVICES = (
    ("zramswap.service", (("zram-tools", "/etc/default/zramswap"), ("zramswap", "/etc/zramswap.conf")), True),
    ("zram-config.service", (("zram-config", "/usr/bin/init-zram-swapping"),), False),
    ("armbian-zram-config.service", (("armbian-zram-config", "/etc/default/armbian-zram-config"),), False),
)
ZRAM_INIT = "zram-init"
ZRAM_INIT_CONF = "/etc/conf.d/zram-init"

# What a unit starts of the administrator's own, by itself or by a shell. What packages bring has its unit say a device.
STARTS = re.compile(
    r"(?m)^[ \t]*ExecStart(?:Pre|Post)?[ \t]*=[ \t]*[-@:+!|]*(?:\S*/)?(?:(?:ba|da)?sh[ \t]+(?:-\w+[ \t]+)*)?"
    r"['\"]?(/(?:usr/local|opt|etc|root|home)/[^\s'\";&|]+)"
)
SCRIPT_REACH = 2**16  # a script is shorter, and what is longer need not be read whole
# systemd-sysv-generator(8): the init scripts that systemd runs where it has no unit of that name.
SYSV_GENERATORS = tuple("%s/systemd/system-generators/systemd-sysv-generator" % lib for lib in ("/usr/lib", "/lib"))
SYSV_FOLDERS = tuple("/etc/rc%s.d" % level for level in "S2345")

UDEV_RULES = "/etc/udev/rules.d"
SETS_UP = re.compile(r"disksize|mkswap|swapon|zramctl")  # what a rule says that does more than tune a device
FSTAB = "/etc/fstab"
LOCAL = ("/etc/rc.local",)
LOCAL_FOLDER = "/etc/local.d"  # OpenRC's


def find_owners(host: Host, name: str) -> tuple[Owner, ...]:
    """All who set up the device of that name at boot."""
    by_init = _generator(host, name) + _units(host, name) + _sysv(host, name) + _scripts(host, name)
    return by_init + _lines(host, name) + _local(host, name)


def refuse_owners(owners: tuple[Owner, ...], name: str, instead: str = "", going: bool = False) -> None:
    """Raise HighwaterError where somebody else sets the device up; instead: what would do beside work by hand; going:
    whether it is to be gone, for which no other will do."""
    if owners:
        owner = owners[0]
        raise HighwaterError(
            "name: %s is set up by %s (%s), and two owners of one device would undo each other's work: %s%s"
            % (
                name,
                owner.program,
                owner.file,
                instead or "switch that one off first (%s)" % owner.switch_off,
                "" if going else ", or choose another name such as %s" % another(name),
            ),
            reason="owner",
            owner=owner.program,
            file=owner.file,
        )


def another(name: str) -> str:
    """The name of a device that is not the one of that name."""
    return "zram%d" % (int(name[len("zram") :]) + 1)


def names(text: str, name: str) -> bool:
    """Whether a text names the device outside of comments, and not only what is ours of it."""
    return re.search(r"(?m)^[^#\n]*(?<!%s)\b%s\b" % (OURS, name), text) is not None


# -- zram-generator ------------------------------------------------------------------------------


def _generator(host: Host, name: str) -> tuple[Owner, ...]:
    """Parts are read in the order of their names, whichever folder; of a name that is there twice only the last."""
    if not _generator_runs(host):
        return ()
    files: dict[str, str] = {}
    for folder in GENERATOR_FOLDERS:
        parts = [part for part in host.listdir(folder + "/zram-generator.conf.d") if part.endswith(".conf")]
        for file in ["zram-generator.conf"] + ["zram-generator.conf.d/" + part for part in parts]:
            if host.exists("%s/%s" % (folder, file)):
                files[file] = "%s/%s" % (folder, file)
    found, off = "", False
    for file in sorted(files):
        section = re.search(r"(?ms)^\s*\[%s\]\s*$(.*?)(?=^\s*\[|\Z)" % name, _text(host, files[file]))
        if section:
            found = found or files[file]
            limits = re.findall(r"(?m)^\s*%s\s*=\s*(\S+)" % GENERATOR_OFF, section.group(1))
            off = limits[-1] == "0" if limits else off
    if not found or off:
        return ()
    switch_off = "%s = 0 in a section [%s] of %s" % (GENERATOR_OFF, name, generator_file(name))
    return (Owner("zram-generator", found, GENERATOR, generator_unit(name), switch_off),)


def generator_unit(name: str) -> str:
    """The unit by which zram-generator sets a device up, and resets it."""
    return "systemd-zram-setup@%s.service" % name


def _generator_runs(host: Host) -> bool:
    """Whether it is there and not masked, which a link to /dev/null or an empty file does."""
    path = next((path for path in GENERATORS if host.exists(path)), "")
    there = host.lstat(path) if path else None
    return there is not None and there.st_size > 0 and host.readlink(path) != "/dev/null"


def generator_file(name: str) -> str:
    """The part of zram-generator's configuration that comes after all others, for one device."""
    return "/etc/systemd/zram-generator.conf.d/99-highwater-%s.conf" % name


# -- systemd -------------------------------------------------------------------------------------


def _units(host: Host, name: str) -> tuple[Owner, ...]:
    found = []
    for unit, links in sorted(_enabled(host).items()):
        whose = owner_of_unit(host, unit, name)
        if whose:
            program, file = whose
            ours = tuple((link, target) for link, target in links if link.startswith(UNITS + "/"))
            off = "systemctl disable --now %s" % unit
            found.append(Owner(program, file, UNIT, unit, off, ours, len(ours) < len(links)))
    return tuple(found)


def _enabled(host: Host) -> dict[str, list[tuple[str, str]]]:
    """Units that the boot pulls in, with the links that have it do so; not those that are masked, nor ours."""
    found: dict[str, list[tuple[str, str]]] = {}
    merged = host.readlink("/lib") is not None  # /lib is /usr/lib, and need not be looked through twice
    for folder in UNIT_FOLDERS[:-1] if merged else UNIT_FOLDERS:
        for wants in host.listdir(folder):
            if wants.endswith((".wants", ".requires")):
                for unit in host.listdir("%s/%s" % (folder, wants)):
                    link = "%s/%s/%s" % (folder, wants, unit)
                    target = host.readlink(link)
                    masked = host.readlink("%s/%s" % (UNITS, unit)) == "/dev/null"
                    if target and not masked and unit.endswith((".service", ".swap")) and not unit.startswith(OURS):
                        found.setdefault(unit, []).append((link, target))
    return found


def owner_of_unit(host: Host, unit: str, name: str) -> tuple[str, str] | None:
    """Program and file of who sets up the device by that unit, None where it does not."""
    for known, programs, only_first in SERVICES:
        if unit == known:
            if only_first and name != "zram0":
                return None
            return next((one for one in programs if host.exists(one[1])), (programs[0][0], _unit_file(host, unit)))
    file = _unit_file(host, unit)
    text = _text(host, file)
    command = re.search(r"(?m)^ExecStart=.*\b%s\b(.*)" % ZRAM_INIT, text)
    if command:
        number = re.search(r"(?:^|\s)-d\s*(\d+)", command.group(1))  # zram-init(8): without it, the first
        return (ZRAM_INIT, file) if name == "zram%s" % (number.group(1) if number else "0") else None
    scripts = [script for script in _started(host, text) if names(script[1], name)]
    named = names(text + "\n" + unit, name)
    if not scripts and not named:
        return None
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mention import started_sets_up, unit_sets_up

    if named and unit_sets_up(unit, text, name):
        return OF_ITS_OWN % "a unit", file
    return next(((OF_ITS_OWN % "a script", path) for path, text in scripts if started_sets_up(text, name)), None)


def _started(host: Host, unit: str) -> list[tuple[str, str]]:
    """Path and text of the scripts that a unit of that text starts."""
    texts = [(path, _script(host, path)) for path in STARTS.findall(unit)]
    return [(path, text) for path, text in texts if text]


def _script(host: Host, path: str) -> str:
    """The text of a script, empty for what is none or not there."""
    try:
        start = host.read_start(path, SCRIPT_REACH) or b""
    except OSError:  # a folder, or somebody else's filesystem that fails
        return ""
    return start.decode("utf-8", "replace") if start.startswith(b"#!") else ""


def _unit_file(host: Host, unit: str) -> str:
    template = re.sub(r"@.*(?=\.)", "@", unit)
    paths = ["%s/%s" % (folder, one) for one in (unit, template) for folder in UNIT_FOLDERS]
    return next((path for path in paths if host.exists(path)), paths[0])


def _sysv(host: Host, name: str) -> tuple[Owner, ...]:
    """Init scripts that systemd runs by itself. Other links may start them, too, so a person has to switch them off."""
    if not any(map(host.exists, SYSV_GENERATORS)):
        return ()
    links = {link for folder in SYSV_FOLDERS for link in host.listdir(folder) if link.startswith("S")}
    found = []
    for script in sorted({link[len("S00") :] for link in links if OURS not in link}):
        text = _script(host, "%s/%s" % (SCRIPTS, script))
        if names(text, name) and not any(host.exists("%s/%s.service" % (folder, script)) for folder in UNIT_FOLDERS):
            from ansible_collections.highwater.memory.plugins.module_utils.zram.mention import started_sets_up

            if started_sets_up(text, name):
                path, off = "%s/%s" % (SCRIPTS, script), "update-rc.d %s disable" % script
                found.append(Owner(OF_ITS_OWN % "a script", path, HAND, script, off))
    return tuple(found)


# -- OpenRC --------------------------------------------------------------------------------------


def _scripts(host: Host, name: str) -> tuple[Owner, ...]:
    enabled: dict[str, list[tuple[str, str]]] = {}
    for runlevel in host.listdir(RUNLEVELS):
        for script in host.listdir("%s/%s" % (RUNLEVELS, runlevel)):
            link = "%s/%s/%s" % (RUNLEVELS, runlevel, script)
            target = host.readlink(link)
            if target and not script.startswith(OURS):
                enabled.setdefault(script, []).append((link, target))
    found = []
    for script, links in sorted(enabled.items()):
        whose = owner_of_script(host, script, name)
        if whose:
            started = host.exists("/run/openrc/started/%s" % script)
            off = "rc-update del %s" % script
            found.append(Owner(whose[0], whose[1], SCRIPT, script, off, tuple(links), started=started))
    return tuple(found)


def owner_of_script(host: Host, script: str, name: str) -> tuple[str, str] | None:
    """The same of a script of OpenRC."""
    if script == ZRAM_INIT:
        return (ZRAM_INIT, ZRAM_INIT_CONF) if name in _of_zram_init(_text(host, ZRAM_INIT_CONF)) else None
    files = ("/etc/conf.d/%s" % script, "%s/%s" % (SCRIPTS, script))
    mentions = [(file, text) for file, text in ((file, _text(host, file)) for file in files) if names(text, name)]
    if not mentions:
        return None
    from ansible_collections.highwater.memory.plugins.module_utils.zram.mention import script_sets_up

    return next(((OF_ITS_OWN % "a script", file) for file, text in mentions if script_sets_up(text, name)), None)


def _of_zram_init(conf: str) -> tuple[str, ...]:
    """The devices that zram-init's OpenRC script sets up, by its conf.d file: those of a type and a size."""
    value = dict(re.findall(r"(?m)^\s*(\w+)=[\"']?([^\s\"'#]*)", conf))
    count = value.get("num_devices", "0").lstrip("+")
    return tuple(
        "zram%d" % number
        for number in range(int(count) if count.isdigit() else 0)
        if value.get("type%d" % number, "").startswith(("swap", "/", "-"))
        and value.get("size%d" % number, "0") not in ("", "0")
    )


# -- lines of files ------------------------------------------------------------------------------


def _lines(host: Host, name: str) -> tuple[Owner, ...]:
    rules = ["%s/%s" % (UDEV_RULES, file) for file in host.listdir(UDEV_RULES) if file.endswith(".rules")]
    found = []
    for path in [FSTAB] + rules:
        text = _text(host, path)
        if any(is_about(path, line, name) for line in logical_lines(text)):
            off = "take the lines that name %s out of it" % name
            found.append(Owner(OF_ITS_OWN % "a setting", path, LINES, path, off, text=text))
    return tuple(found)


def is_about(path: str, line: str, name: str) -> bool:
    """Whether a line of fstab, or a rule of udev, sets the device up."""
    if path == FSTAB:  # by its source: an option such as x-systemd.after= is about another
        return re.search(r"(?m)^\s*(?:/dev/(?:\S+/)?|\w+=\"?)%s\"?\s" % name, line) is not None
    return names(line, name) and SETS_UP.search(line) is not None


def logical_lines(text: str) -> list[str]:
    """The lines of a file, those that go on after a backslash in one."""
    return re.findall(r"(?s)(?:[^\n]*\\\n)*[^\n]*\n|[^\n]+\Z", text)


def _local(host: Host, name: str) -> tuple[Owner, ...]:
    started = ["%s/%s" % (LOCAL_FOLDER, file) for file in host.listdir(LOCAL_FOLDER) if file.endswith(".start")]
    off = "take the lines that name %s out of it" % name
    return tuple(
        Owner(OF_ITS_OWN % "a script", path, HAND, path, off)
        for path in list(LOCAL) + started
        if names(_text(host, path), name)
    )


def _text(host: Host, path: str) -> str:
    """The text of a regular file; empty for a link, a folder, or where nothing is."""
    try:
        return "" if host.readlink(path) is not None else host.read(path) or ""
    except IsADirectoryError:
        return ""


def devices_named(host: Host, unit: str) -> set[str]:
    """All devices that the files of a unit or a script say anything of, or may do without a word of which."""
    if unit == ZRAM_INIT:
        return set(_of_zram_init(_text(host, ZRAM_INIT_CONF)))
    files = ("/etc/conf.d/%s" % unit, "%s/%s" % (SCRIPTS, unit), _unit_file(host, unit))
    texts = [_text(host, file) for file in files]
    texts += [text for _path, text in _started(host, texts[-1])]
    return {name for text in texts for name in re.findall(r"\bzram\d+\b", text)}
