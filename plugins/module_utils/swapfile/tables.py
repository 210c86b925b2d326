# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the next boot does: our lines in fstab and, of an encrypted swapfile, in crypttab, and systemd told of them."""

from __future__ import annotations

from typing import Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Run, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Entry
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import crypttab, fstab
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import State

RELOAD = Run(("systemctl", "daemon-reload"))


class Texts(NamedTuple):
    """The two files; None where there is none."""

    fstab: Optional[str]
    crypttab: Optional[str]


def texts(state: State) -> Texts:
    """As they are."""
    return Texts(state.table.text, state.crypt.text)


def with_texts(state: State, found: Texts) -> State:
    """The state as it would be with these."""
    return state._replace(table=state.table._replace(text=found.fstab), crypt=state.crypt._replace(text=found.crypttab))


def texts_after(spec: Spec, state: State) -> Texts:
    """As the spec wants them."""
    return Texts(_fstab_after(spec, state), _crypttab_after(spec, state))


def before(state: State) -> Entry:
    """What the record keeps of them, to be given back; noted: when, since the last is to go first."""
    crypt = {"crypttab": state.crypt.before()} if state.crypt.entries() else {}
    return {**state.table.before(), **crypt, "noted": state.machine.clock}


def _fstab_after(spec: Spec, state: State) -> str | None:
    table = state.table
    if not spec.present or not spec.persistent:
        if not table.entries() and not spec.give_back:
            return table.text
        return table.given_back(state.record.get("before", {}), lines_too=spec.give_back)
    return table.text if table.says(spec.line) else table.with_line(spec.line)


def _crypttab_after(spec: Spec, state: State) -> str | None:
    crypt = state.crypt
    if spec.present and spec.persistent and spec.crypt_line:
        return crypt.with_line(spec.crypt_line)
    known = state.record.get("before", {}).get("crypttab", {})
    if crypt.entries() or (spec.give_back and known.get("lines")):
        return crypt.given_back(known, lines_too=spec.give_back)
    return crypt.text


def refuse_links(spec: Spec, state: State) -> None:
    """Raise HighwaterError where one that is to change is a symbolic link, as on hosts that make it from elsewhere."""
    found, wanted = texts(state), texts_after(spec, state)
    changes = {fstab.PATH: wanted.fstab != found.fstab, crypttab.PATH: wanted.crypttab != found.crypttab}
    for path, target in state.machine.links.items():
        if changes[path]:
            raise HighwaterError(
                "%s is a symbolic link to %s: make it a file, or say there what it is to say, or use persistent: false"
                % (path, target),
                reason="symlink",
            )


def table_steps(spec: Spec, state: State) -> Plan:
    """The steps that change them: none where both are as the spec wants them.

    At no moment does fstab name a device that crypttab does not make: a boot would wait for it.
    """
    found, wanted = texts(state), texts_after(spec, state)
    reload = (RELOAD,) if state.machine.systemd else ()
    steps: Plan = ()
    if wanted.crypttab != found.crypttab:
        steps += (_step(crypttab.PATH, _crypttab_words(spec, state), found.crypttab, wanted.crypttab, crypttab.MODE),)
    if wanted.fstab != found.fstab:
        steps += (_step(fstab.PATH, _fstab_words(spec, state), found.fstab, wanted.fstab, 0o644),)
    if not state.crypt._replace(text=wanted.crypttab).entries():
        steps = steps[::-1]
    if steps and reload:
        # In front, so that it is undone last: systemd is to read what was put back.
        steps = (steps[0]._replace(undo=(*steps[0].undo, RELOAD)), *steps[1:])
        steps += (Step("reload systemd", "it makes its swap units from %s" % fstab.PATH, RELOAD),)
    return steps


def _step(path: str, words: tuple[str, str], old: str | None, new: str | None, mode: int) -> Step:
    action, back = (Remove(path) if text is None else Install(path, text, mode) for text in (new, old))
    return Step(words[0], words[1], action, (back,))


def _fstab_words(spec: Spec, state: State) -> tuple[str, str]:
    raw = state.table.raw()
    there = "it has " + " and ".join(repr(line) for line in raw)
    if spec.present and spec.persistent:
        return "write %r to %s" % (spec.line, fstab.PATH), there if raw else "the next boot would not turn it on"
    lines = [old["line"].strip() for old in state.record.get("before", {}).get("fstab", [])] if spec.give_back else []
    if lines:
        does = "put back %s in %s" % (" and ".join(map(repr, lines)), fstab.PATH)
        return does, there if raw else "it was there before us"
    return "take the entry of %s out of %s" % (spec.path, fstab.PATH), there


def _crypttab_words(spec: Spec, state: State) -> tuple[str, str]:
    raw = state.crypt.raw()
    there = "it has " + " and ".join(repr(line) for line in raw)
    if spec.present and spec.persistent and spec.crypt_line:
        does = "write %r to %s" % (spec.crypt_line, crypttab.PATH)
        return does, there if raw else "the next boot would not make its device"
    if not raw:
        return "put back the entry of %s in %s" % (spec.path, crypttab.PATH), "it was there before us"
    return "take the entry of %s out of %s" % (spec.path, crypttab.PATH), there
