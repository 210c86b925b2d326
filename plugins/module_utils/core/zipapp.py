# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One program that stays on a host, where a timer needs more than plain commands: module_utils as a zipapp.

A module that wants a timer to run a command of commands.py

- plans ``on_steps(there, text)`` before the steps of its units, with ``text = zipapp_text(there.interpreter)``;
- has ``ExecStart=`` + ``command_line(there.interpreter, "page-cache-purge", "/var/log")`` in its service;
- plans ``off_steps(there, leaving)`` after its units have gone: the program goes with the last unit that names it.

The sources come from where this module itself was imported from: on a host that is the payload of the module call, in
which Ansible has packed all that commands.py imports. So whatever module installs the program, its bytes are the same.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from typing import Iterable, Iterator, Optional

from ansible_collections.highwater.memory.plugins.module_utils import commands
from ansible_collections.highwater.memory.plugins.module_utils.core.boot import files_of_ours
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.job import MADE_BY
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

PATH = "/usr/local/lib/highwater-memory/highwater-memory.pyz"
MODE = 0o755
PYTHON = "/usr/bin/python3"
OLDEST_PYTHON = 8  # of Python 3

PACKAGE = "ansible_collections.highwater.memory.plugins.module_utils"
HEADER = "#!%%s\n%s, and written again by it: changes here do not last.\n" % MADE_BY
MAIN = "import sys\n\nfrom %s.commands import main\n\nsys.exit(main(sys.argv[1:]))\n" % PACKAGE
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file knows

# How modules of this collection import each other: a name out of a module, or a module out of a package.
_IMPORT = re.compile(r"(?m)^\s*from %s(\.[\w.]+)? import (?:\(([^)]*)\)|([^\n(]+))" % re.escape(PACKAGE))


class Zipapp(NamedTuple):
    """The program as it stands on the host.

    text:        the whole file, read as text with surrogateescape; None where there is none.
    safe:        whether it is root's, and nobody else may write it.
    interpreter: the Python that is to run it.
    units:       paths of files of ours that name it.
    """

    text: Optional[str]
    safe: bool
    interpreter: str
    units: tuple[str, ...]


class Withdraw(NamedTuple):
    """The action that removes the program and its folder."""

    path: str = PATH

    def perform(self, host: Host) -> None:
        host.remove(self.path)
        host.remove_empty_folders(os.path.dirname(self.path), above="/usr/local/lib")


def observe_zipapp(host: Host) -> Zipapp:
    """Read what is there. HighwaterError where something that is not ours is in the way."""
    found = host.lstat(PATH)
    text = host.read(PATH) if found and stat.S_ISREG(found.st_mode) else None
    if found and (text is None or not text.startswith("#!") or MADE_BY not in text[:500]):
        raise HighwaterError("%s was not made by us: move it away" % PATH, reason="owner", file=PATH)
    owner = host.lstat("/") if found else None
    safe = bool(found and owner) and (found.st_uid, found.st_mode & 0o7777) == (owner.st_uid, MODE)  # type: ignore[union-attr]
    units = tuple(file.path for file in files_of_ours(host, "highwater") if PATH in (file.text or ""))
    return Zipapp(text, safe, _interpreter(host), units)


def _interpreter(host: Host) -> str:
    """The distribution's python3, whose name outlives its next version; where that is too old, the one that runs us."""
    version = re.search(r"3\.(\d+)", os.path.basename(os.path.realpath(host.path(PYTHON))))
    if version and int(version.group(1)) >= OLDEST_PYTHON:
        return PYTHON
    import sys

    return sys.executable


def command_line(interpreter: str, *words: str) -> str:
    """A call of the program for ExecStart= of a unit of systemd, whatever is in the words.

    -I: nothing of the environment or of the user's own packages gets in. Source: systemd.syntax(7), systemd.service(5).
    """
    return " ".join(_quoted(word) for word in (interpreter, "-I", PATH) + words)


def _quoted(word: str) -> str:
    word = word.replace("%", "%%").replace("$", "$$")
    if re.match(r"[\w@^+=:,./%$-]+\Z", word, re.ASCII):
        return word
    escaped = re.sub(
        rb'[\x00-\x1f"\\\x7f-\xff]',
        lambda match: b"\\x%02x" % match.group()[0],
        word.encode("utf-8", "surrogateescape"),
    )
    return '"%s"' % escaped.decode("ascii")


# -- steps ---------------------------------------------------------------------------------------


def on_steps(there: Zipapp, text: str, why: str = "a timer runs it") -> Plan:
    """Steps to a program with that text; none where it is there and nobody else may write it."""
    if there.text == text and there.safe:
        return ()
    install = Install(PATH, text, MODE)
    if there.text is None:
        return (Step("write %s" % PATH, why, install, (Withdraw(),)),)
    back = Install(PATH, there.text, MODE)
    if there.safe:
        return (Step("rewrite %s" % PATH, "it is of another version", install, (back,)),)
    # A new file: one that is replaced keeps its owner and mode, and who may write it, writes what root runs.
    gone = Step("remove %s" % PATH, "others may write it", Withdraw(), (back,))
    return (gone, Step("write %s" % PATH, why, install, (Withdraw(),)))


def off_steps(there: Zipapp, leaving: Iterable[str], why: str = "no timer runs it") -> Plan:
    """Steps to no program, none while files of ours other than ``leaving`` name it."""
    if there.text is None or set(there.units) - set(leaving):
        return ()
    return (Step("remove %s" % PATH, why, Withdraw(), (Install(PATH, there.text, MODE),)),)


# -- building ------------------------------------------------------------------------------------


def zipapp_text(interpreter: str) -> str:
    """The whole program as text (surrogateescape), the same bytes whenever and wherever it is built.

    Nothing is compressed, since zlib's output differs by its version.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, source in sorted(_members()):
            about = zipfile.ZipInfo(name, EPOCH)
            about.create_system, about.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            archive.writestr(about, source)
    return HEADER % interpreter + packed.getvalue().decode("utf-8", "surrogateescape")


def _members() -> Iterator[tuple[str, str]]:
    yield "__main__.py", MAIN
    sources = dict(_sources())
    folders = {"/".join(parts[:end]) for parts in (name.split("/") for name in sources) for end in range(1, len(parts))}
    for folder in folders:
        yield folder + "/__init__.py", ""
    yield from sources.items()


def _sources() -> Iterator[tuple[str, str]]:
    """The modules that commands.py needs, each with all that it imports: name in the archive, text."""
    todo, seen = ["commands"], {"commands"}
    while todo:
        module = todo.pop()
        text = _source(module)
        if text is None:
            continue
        yield "%s/%s.py" % (PACKAGE.replace(".", "/"), module.replace(".", "/")), text
        found = set(_imported(text)) - seen
        seen |= found
        todo += sorted(found)


def _imported(text: str) -> Iterator[str]:
    """Modules, below module_utils, that a source may import; some names are of functions and no module at all."""
    for package, several, one in _IMPORT.findall(text):
        yield package[1:]
        for name in (several or one).split(","):
            words = name.split("#")[0].split()
            if words:
                yield ("%s.%s" % (package, words[0]))[1:]


def _source(module: str) -> str | None:
    """The text of a module below module_utils, None where there is no such file."""
    folder = os.path.dirname(commands.__file__)
    try:
        data = commands.__loader__.get_data("%s/%s.py" % (folder, module.replace(".", "/")))  # type: ignore[union-attr]
    except OSError:
        return None
    # Ansible's loader of collections, by which tests import us, says None where that of a zip or a folder raises.
    return None if data is None else bytes(data).decode("utf-8")
