# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kernel_command_line for the runner (see core/convergence.py): observe, resolve, plan, what is shown of a state."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.cmdline import theirs
from ansible_collections.highwater.memory.plugins.module_utils.cmdline.loaders import (
    DROP_IN,
    GRUB,
    KERNEL_INSTALL,
    UNTOLD,
    Loader,
    drop_in,
    extended,
    observe_loader,
)
from ansible_collections.highwater.memory.plugins.module_utils.cmdline.words import plain, value_of, words
from ansible_collections.highwater.memory.plugins.module_utils.core import record
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

__all__ = ("managed", "observe", "plan", "resolve", "result", "wanted", "warnings")

_NO_LOADER = "there is neither a GRUB that reads /etc/default/grub.d nor a boot loader entry"
_TWO_LOADERS = (
    "nothing tells whether it boots by GRUB (grub.cfg) or by boot loader entries (loader/entries), and the files of "
    "both are there: remove those that are not used"
)
KIND, OBJECT = "kernel_command_line", "parameters"


class State(NamedTuple):
    """A host before or after.

    loader:  None where there is none that we know.
    running: the running kernel's command line.
    entry:   our record: ``words`` by name that we set, ``theirs``, those of them that stood there before us (see
             theirs.py), and ``going``, words that a run has begun to take off.
    """

    loader: Optional[Loader]
    running: str
    entry: dict[str, Any]

    @property
    def ours(self) -> Mapping[str, str]:
        """The words that we set, by name."""
        found: Mapping[str, str] = self.entry.get("words", {})
        return found

    def going(self, kept: Mapping[str, str]) -> tuple[str, ...]:
        """The words of ours that are to go, or may still have to, where these are kept."""
        changed = {word for name, word in self.ours.items() if kept.get(name) != word}
        return tuple(sorted(changed.union(self.entry.get("going", ()))))


class Spec(NamedTuple):
    """What is to be.

    words:   all that stand there by us, by name; gone: words of ours that go.
    texts:   by path what the loader's files are to say.
    entry:   our record; empty where there is to be none. between: until what goes is gone.
    asked:   names that were asked for.
    """

    words: Mapping[str, str]
    gone: tuple[str, ...]
    texts: Mapping[str, Optional[str]]
    entry: dict[str, Any]
    between: dict[str, Any]
    asked: tuple[str, ...]


def observe(host: Host, _params: Mapping[str, Any]) -> State:
    """Read the host. Raises HighwaterError for a record that is damaged."""
    return State(observe_loader(host), host.must_read("/proc/cmdline"), record.recall(host, KIND, OBJECT))


def resolve(params: Mapping[str, Any], state: State) -> Spec:
    """Raises HighwaterError for what cannot stand on a command line, Unsupported where no boot loader is known."""
    asked = words(params["parameters"] or {})
    kept = _kept(params, state, asked)
    gone = tuple(word for word in state.going(kept) if word not in kept.values())
    if state.loader is None or state.loader.name == UNTOLD:
        if kept or gone:
            raise Unsupported(
                "the kernel command line cannot be set on this host: %s; set %s where this machine boots from"
                % (_NO_LOADER if state.loader is None else _TWO_LOADERS, " ".join(asked.values() or gone)),
                reason="boot_loader",
            )
        return Spec({}, (), {}, {}, {}, tuple(asked))
    if state.loader.later and params["state"] == "present":
        # Only where it is needed: start-up is most of what a converged host costs.
        from ansible_collections.highwater.memory.plugins.module_utils.cmdline.later import refuse_lost

        refuse_lost(state.loader.later, kept, state.loader.next)
    return _spec(state, state.loader, kept, gone, tuple(asked))


def _kept(params: Mapping[str, Any], state: State, asked: Mapping[str, str]) -> dict[str, str]:
    """The words that are to stand there by us, by name, in order."""
    names = {plain(name) for name in asked}
    # Of two spellings, which earlier versions allowed, the one that counts: the later on the line.
    last = {plain(name): name for name in sorted(state.ours)}
    kept = {name: state.ours[name] for one, name in last.items() if one not in names}
    if params["exclusive"] or (params["state"] == "absent" and not asked):
        kept = {}
    if params["state"] != "absent":
        kept.update(asked)
    return dict(sorted(kept.items()))


def _spec(state: State, loader: Loader, kept: dict[str, str], gone: tuple[str, ...], asked: tuple[str, ...]) -> Spec:
    known = theirs.remembered(state.entry, loader)
    bare = theirs.bare(loader, state.going(kept), known)
    found = theirs.observed(loader, kept, state.entry, bare)
    texts: dict[str, Optional[str]]
    if loader.name == GRUB:
        texts = {DROP_IN: drop_in({name: word for name, word in kept.items() if word not in found[DROP_IN]})}
    else:
        texts = {path: _written(loader, path, extended(path, text, kept)) for path, text in bare.items()}
    if not kept:
        return Spec(kept, gone, texts, {}, state.entry, asked)
    entry = {"words": kept, "theirs": theirs.to_remember(found, state.entry, loader)}
    return Spec(kept, gone, texts, entry, _between(state, loader, entry, found, gone), asked)


def _written(loader: Loader, path: str, text: str) -> str | None:
    """A file's new text: none for a copy of a package's that has nothing of ours, unless it is the user's own."""
    if path != KERNEL_INSTALL or loader.packaged is None or text == loader.texts[path]:
        return text
    return None if text.split() == loader.packaged.split() else text


def _between(
    state: State, loader: Loader, entry: dict[str, Any], found: theirs.Words, gone: tuple[str, ...]
) -> dict[str, Any]:
    """Our record for as long as not all files say what it will: a run that is cut off leaves to the next what goes."""
    if not gone:
        return entry
    known = theirs.remembered(state.entry, loader)
    both = {path: mine + [word for word in known[path] if word in gone] for path, mine in found.items()}
    return dict(entry, going=list(gone), theirs=theirs.to_remember(both, state.entry, loader))


def plan(spec: Spec, state: State) -> Plan:
    """The record first; then the files, the loader's configuration made from them, and what leaves the record."""
    return (
        _record_step(state.entry, spec.between)
        + (_loader_steps(spec, state, state.loader) + _left_steps(state.loader.left) if state.loader else ())
        + _record_step(spec.between, spec.entry)
    )


def _record_step(old: dict[str, Any], new: dict[str, Any]) -> Plan:
    if old == new:
        return ()
    return (Step(*_told(old, new), record.noting(KIND, OBJECT, new), (record.noting(KIND, OBJECT, old),)),)


def _told(old: dict[str, Any], new: dict[str, Any]) -> tuple[str, str]:
    """What a change of our record does, and why."""
    if not new:
        return "forget what was on the kernel command line by us", ""
    if "going" in new:
        return "remember %s, and what goes" % " ".join(new["words"].values()), "%s is on its way" % " ".join(
            new["going"]
        )
    if "going" in old:
        return "forget %s" % " ".join(old["going"]), "it is gone"
    return "remember %s" % " ".join(new["words"].values()), "state: absent takes it off again"


def _loader_steps(spec: Spec, state: State, loader: Loader) -> Plan:
    changed = {path: text for path, text in spec.texts.items() if text != loader.texts[path]}
    # A run that was cut off before it has left a configuration behind that is older than the files.
    stale = any(value_of(loader.next, name) != word for name, word in spec.words.items()) or bool(spec.gone)
    if not loader.generate or not (changed or stale):
        return tuple(_file_step(spec, loader, path, ()) for path in changed)
    # Only where it is needed: start-up is most of what a converged host costs.
    from ansible_collections.highwater.memory.plugins.module_utils.cmdline.generate import Generate, GenerateBack

    back = (GenerateBack(loader.generate, loader.next),)
    run = Generate(loader.generate, tuple(spec.words.items()))
    return tuple(_file_step(spec, loader, path, back) for path in changed) + (
        Step("run %s" % " ".join(loader.generate), "it makes what the next boot reads", run),
    )


def _left_steps(left: Loader | None) -> Plan:
    """Nothing of ours stays with the boot loader that the machine no longer boots by."""
    if left is None:
        return ()
    # Only where it is needed: start-up is most of what a converged host costs.
    from ansible_collections.highwater.memory.plugins.module_utils.cmdline.generate import made_without

    return made_without(left)


def _file_step(spec: Spec, loader: Loader, path: str, then: tuple[Any, ...]) -> Step:
    """then: what taking it back needs besides."""
    old, text = loader.texts[path], spec.texts[path]
    back: Any = Remove(path) if old is None else Install(path, old)
    if text is None:
        return Step("remove %s" % path, _why(spec), Remove(path), (back, *then))
    return Step("write %s" % path, _why(spec), Install(path, text), (back, *then))


def _why(spec: Spec) -> str:
    parts = [" ".join(spec.words.values())] if spec.words else []
    parts += ["without %s" % " ".join(spec.gone)] if spec.gone else []
    return "%s; it takes effect at the next boot" % ", ".join(parts)


def managed(state: State) -> dict[str, Any]:
    """The loader's files by lines."""
    if state.loader is None:
        return {}
    return _diff({**state.loader.texts, **(state.loader.left.texts if state.loader.left else {})})


def wanted(spec: Spec, state: State) -> dict[str, Any]:
    """managed() as it will be."""
    left = state.loader.left if state.loader else None
    return _diff({**spec.texts, **(dict.fromkeys(left.texts) if left else {})})


def _diff(texts: Mapping[str, Optional[str]]) -> dict[str, Any]:
    return {path: None if text is None else text.splitlines() for path, text in texts.items()}


def result(spec: Spec, state: State) -> dict[str, Any]:
    """parameters, boot_loader, files, reboot_required."""
    gone = (word.split("=")[0] for word in spec.gone)
    return {
        "parameters": {
            name: {"next_boot": spec.words.get(name), "running": value_of(state.running, name)}
            for name in sorted({*spec.words, *gone, *spec.asked})
        },
        "boot_loader": state.loader.name or None if state.loader else None,
        "files": sorted(path for path, text in spec.texts.items() if text is not None),
        "reboot_required": bool(_pending(spec, state)),
    }


def warnings(spec: Spec, state: State) -> list[str]:
    """What the running kernel does not know of yet."""
    pending = _pending(spec, state)
    return ["the kernel command line takes effect at the next boot: %s" % ", ".join(pending)] if pending else []


def _pending(spec: Spec, state: State) -> list[str]:
    new = [word for name, word in spec.words.items() if value_of(state.running, name) != word]
    old = ["without %s" % word for word in spec.gone if word in state.running.split()]
    return new + old
