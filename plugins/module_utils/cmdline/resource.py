# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kernel_command_line for the runner (see core/convergence.py): observe, resolve, plan, what is shown of a state."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ansible_collections.highwater.memory.plugins.module_utils.cmdline.loaders import (
    GRUB,
    Loader,
    line_of,
    observe_loader,
    text_for,
)
from ansible_collections.highwater.memory.plugins.module_utils.cmdline.words import value_of, words
from ansible_collections.highwater.memory.plugins.module_utils.core import record
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Install, Plan, Remove, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.record import Forget, Remember
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

__all__ = ("managed", "observe", "plan", "resolve", "result", "wanted", "warnings")

KIND, OBJECT = "kernel_command_line", "parameters"


class State(NamedTuple):
    """A host before or after.

    loader:  None where there is none that we know.
    running: the running kernel's command line.
    entry:   our record: ``words`` by name that we set, and ``theirs``, names that stood there as asked before us.
    """

    loader: Optional[Loader]
    running: str
    entry: dict[str, Any]

    @property
    def ours(self) -> Mapping[str, str]:
        """The words that we set, by name."""
        found: Mapping[str, str] = self.entry.get("words", {})
        return found


class Spec(NamedTuple):
    """What is to be.

    words:   all that stand there by us, by name; gone: words of ours that go.
    texts:   by path what the loader's files are to say.
    entry:   our record; empty where there is to be none.
    asked:   names that were asked for.
    """

    words: Mapping[str, str]
    gone: Mapping[str, str]
    texts: Mapping[str, Optional[str]]
    entry: dict[str, Any]
    asked: tuple[str, ...]


def observe(host: Host, _params: Mapping[str, Any]) -> State:
    """Read the host. Raises HighwaterError for a record that is damaged."""
    return State(observe_loader(host), host.must_read("/proc/cmdline"), record.recall(host, KIND, OBJECT))


def resolve(params: Mapping[str, Any], state: State) -> Spec:
    """Raises HighwaterError for what cannot stand on a command line, Unsupported where no boot loader is known."""
    asked = words(params["parameters"] or {})
    if params["state"] == "absent":
        kept = {name: word for name, word in state.ours.items() if asked and name not in asked}
        kept = {} if params["exclusive"] else kept
    else:
        kept = dict({} if params["exclusive"] else state.ours, **asked)
    kept = dict(sorted(kept.items()))
    gone = {name: word for name, word in state.ours.items() if kept.get(name) != word}
    if state.loader is None:
        if kept or gone:
            raise Unsupported(
                "the kernel command line cannot be set on this host: there is neither a GRUB that reads "
                "/etc/default/grub.d nor a boot loader entry; set %s where this machine boots from"
                % " ".join(asked.values() or gone.values()),
                reason="boot_loader",
            )
        return Spec({}, {}, {}, {}, tuple(asked))
    theirs = _theirs(state, state.loader, kept, gone)
    mine = {name: word for name, word in kept.items() if name not in theirs}
    removable = tuple(word for name, word in gone.items() if name not in state.entry.get("theirs", ()))
    texts = {path: text_for(state.loader, path, mine, removable) for path in state.loader.texts}
    return Spec(kept, gone, texts, {"words": kept, "theirs": theirs} if kept else {}, tuple(asked))


def _theirs(state: State, loader: Loader, kept: Mapping[str, str], gone: Mapping[str, str]) -> list[str]:
    """Names that are on the line as asked, and not by us: what is not ours is not taken away either."""
    known = state.entry.get("theirs", [])
    new = [name for name in kept if name not in state.ours and name not in gone]
    lines = [line_of(path, text or "") for path, text in loader.texts.items()]
    if loader.name == GRUB:
        lines = [loader.next] if loader.texts and not any(loader.texts.values()) else []
    there = [name for name in new if lines and all(value_of(line, name) == kept[name] for line in lines)]
    return sorted({name for name in known if name in kept and name not in gone} | set(there))


def plan(spec: Spec, state: State) -> Plan:
    """The record first; then the files, the loader's configuration made from them, and what leaves the record."""
    between = dict(state.entry, **spec.entry) if spec.entry else state.entry
    return (
        _record_step(state.entry, between)
        + (_loader_steps(spec, state, state.loader) if state.loader else ())
        + _record_step(between, spec.entry)
    )


def _record_step(old: dict[str, Any], new: dict[str, Any]) -> Plan:
    if old == new:
        return ()
    write: Any = Remember(KIND, OBJECT, new) if new else Forget(KIND, OBJECT)
    back: Any = Remember(KIND, OBJECT, old) if old else Forget(KIND, OBJECT)
    does = (
        "remember %s" % " ".join(new["words"].values()) if new else "forget what was on the kernel command line by us"
    )
    return (Step(does, "state: absent takes it off again" if new else "", write, (back,)),)


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


def _file_step(spec: Spec, loader: Loader, path: str, then: tuple[Any, ...]) -> Step:
    """then: what taking it back needs besides."""
    old, text = loader.texts[path], spec.texts[path]
    back: Any = Remove(path) if old is None else Install(path, old)
    if text is None:
        return Step("remove %s" % path, _why(spec), Remove(path), (back, *then))
    return Step("write %s" % path, _why(spec), Install(path, text), (back, *then))


def _why(spec: Spec) -> str:
    parts = [" ".join(spec.words.values())] if spec.words else []
    parts += ["without %s" % " ".join(spec.gone.values())] if spec.gone else []
    return "%s; it takes effect at the next boot" % ", ".join(parts)


def managed(state: State) -> dict[str, Any]:
    """The loader's files by lines."""
    return _diff(state.loader.texts if state.loader else {})


def wanted(spec: Spec, _state: State) -> dict[str, Any]:
    """managed() as it will be."""
    return _diff(spec.texts)


def _diff(texts: Mapping[str, Optional[str]]) -> dict[str, Any]:
    return {path: None if text is None else text.splitlines() for path, text in texts.items()}


def result(spec: Spec, state: State) -> dict[str, Any]:
    """parameters, boot_loader, files, reboot_required."""
    return {
        "parameters": {
            name: {"next_boot": spec.words.get(name), "running": value_of(state.running, name)}
            for name in sorted({*spec.words, *spec.gone, *spec.asked})
        },
        "boot_loader": state.loader.name if state.loader else None,
        "files": sorted(path for path, text in spec.texts.items() if text is not None),
        "reboot_required": bool(_pending(spec, state)),
    }


def warnings(spec: Spec, state: State) -> list[str]:
    """What the running kernel does not know of yet."""
    pending = _pending(spec, state)
    return ["the kernel command line takes effect at the next boot: %s" % ", ".join(pending)] if pending else []


def _pending(spec: Spec, state: State) -> list[str]:
    new = [word for name, word in spec.words.items() if value_of(state.running, name) != word]
    old = ["without %s" % word for word in spec.gone.values() if word in state.running.split()]
    return new + old
