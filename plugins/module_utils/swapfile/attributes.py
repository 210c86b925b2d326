# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Owner, mode and SELinux label of a swapfile that is there."""

from __future__ import annotations

import os

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, Run, Step
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import selinux
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.change import Change
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.spec import Spec
from ansible_collections.highwater.memory.plugins.module_utils.swapfile.state import State

RELABEL = 600.0  # seconds; semanage compiles the whole policy


class Chown(NamedTuple):
    """Owner and mode of a file that is no link."""

    path: str
    uid: int
    gid: int
    mode: int

    def perform(self, host: Host) -> None:
        # O_PATH would not do for fchmod; a swapfile that is on can be opened for reading.
        fd = os.open(host.path(self.path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.fchown(fd, self.uid, self.gid)
            os.fchmod(fd, self.mode)
        finally:
            os.close(fd)


class Label(NamedTuple):
    """The type that SELinux wants of a swapfile."""

    path: str

    def perform(self, host: Host) -> None:
        selinux.label(host.path(self.path))


def attribute_steps(spec: Spec, state: State, change: Change) -> Plan:
    """The steps to those that it is to have."""
    return owner_steps(state, change) + label_steps(spec, state, change)


def owner_steps(state: State, change: Change) -> Plan:
    found = state.found
    if found is None or change.remake or state.private:
        return ()
    why = "they are %04o, %d:%d" % (found.mode, found.uid, found.gid)
    back = Chown(state.path, found.uid, found.gid, found.mode)
    does = "set mode and owner of %s to 0600, 0:0" % state.path
    return (Step(does, why, Chown(state.path, 0, 0, 0o600), (back,)),)


def label_steps(spec: Spec, state: State, change: Change) -> Plan:
    """The type that SELinux wants of a swapfile, now and at the next relabelling."""
    steps: Plan = ()
    if state.lacks_rule:
        why = "so that a relabelling leaves it"
        rule, no_rule = Run(selinux.rule(spec.path), RELABEL), Run(selinux.no_rule(spec.path), RELABEL)
        steps += (Step("tell SELinux that %s is %s" % (spec.path, selinux.TYPE), why, rule, (no_rule,)),)
    if state.machine.selinux and state.found is not None and not change.remake and state.type != selinux.TYPE:
        does = "give %s the SELinux type %s" % (spec.path, selinux.TYPE)
        steps += (Step(does, "it is %s" % (state.type or "unlabelled"), Label(spec.path)),)
    return steps


def untell_selinux(state: State) -> Plan:
    """The rule taken away again, where we made it."""
    if not state.record.get("selinux") or not state.has_rule:
        return ()
    forget, back = Run(selinux.no_rule(state.path), RELABEL), Run(selinux.rule(state.path), RELABEL)
    return (Step("take the rule for %s from SELinux" % state.path, "we made it", forget, (back,)),)
