# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, plan, apply, look again; the same for every resource.

A resource is a Python module with these functions (State and Spec are immutable values of its own):

    observe(host, params) -> State      reads; never writes; params are the module's, and check_mode
    resolve(params, state) -> Spec      sizes evaluated, preferences settled; HighwaterError on bad input
    plan(spec, state) -> Plan           pure; empty when nothing is to do
    managed(state) -> dict              what the diff shows of a state: no counters, nothing that moves by itself
    wanted(spec, state) -> dict         the same fields, as they will be
    result(spec, state) -> dict         what the module returns beside changed, actions and diff
    settled(wanted, state) -> dict      what was wanted, with what only the steps have shown: the state after; optional
    warnings(spec, state) -> list       sentences, from the state after
    part(spec, steps) -> dict           what a call returns of the steps that it has done, where its slice is over
                                        before all are and no later call can tell of them; optional
    given_up(state) -> Plan             pure; takes away what earlier calls have begun (see progress.py), for when
                                        resolve() refuses to go on with it; not every resource leaves such things
    left_behind(host, params) -> str    what is on its way and nobody sees, as the end of an error's sentence; optional
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SIGNALS, Unfinished
from ansible_collections.highwater.memory.plugins.module_utils.core.runner import error_facts

if TYPE_CHECKING:
    from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan


def attempt(resource: Any, params: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    """As converge(); what this host cannot do is a warning where on_unsupported says so."""
    try:
        return converge(resource, params, host, check_mode)
    except Unsupported as error:
        if params["on_unsupported"] != "skip":
            raise
        facts = error_facts(error, host)
        skipped = {"changed": False, "actions": [], "msg": error.message, "warnings": [error.message]}
        return dict(skipped, **facts)


def converge(resource: Any, params: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    """One pass from what is to what was asked for; in check mode everything but apply.

    Returns changed, actions, diff, warnings and the resource's own result; where the slice of the call is over before
    all is done, ``progress`` instead of the last. Raises HighwaterError and OSError. A signal is waited with until what
    it comes in the middle of is done.
    """
    with SIGNALS:
        try:
            return _converge(resource, params, host, check_mode)
        except HighwaterError as error:
            error.message += _left_behind(resource, params, host)
            raise


def _converge(resource: Any, params: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    SIGNALS.check()
    host.kept.clear()  # several objects may be converged on one host, each by itself
    params = dict(params, check_mode=check_mode)
    _refuse_nothing(params)
    before = resource.observe(host, params)
    try:
        spec = resource.resolve(params, before)
    except HighwaterError as error:
        if not check_mode and error.reason != "options":  # a slip of the pen does not cost what was begun
            _give_up(resource, before, host, error)
        raise
    steps = resource.plan(spec, before)
    wanted = resource.wanted(spec, before)
    diff = {"before": resource.managed(before), "after": wanted}
    done = {"changed": bool(steps), "actions": [step.words() for step in steps]}
    applied = bool(steps) and not check_mode
    if applied:
        from ansible_collections.highwater.memory.plugins.module_utils.core.plan import apply  # only where it is needed

        try:
            apply(steps, host)
        except Unfinished as pause:
            done = {"changed": True, "actions": [step.words() for step in pause.steps], "diff": diff, "warnings": []}
            told = resource.part(spec, pause.steps) if hasattr(resource, "part") else {}
            return dict(done, **told, progress=pause.progress._asdict())
    try:
        after = _applied(resource, params, host) if applied else before
        shown = resource.result(spec, after)
    except HighwaterError as error:  # what was done stays done
        error.facts = dict(error.facts, **done)
        raise
    if applied and hasattr(resource, "settled"):
        diff["after"] = resource.settled(wanted, after)
    return dict(shown, **done, diff=diff, warnings=resource.warnings(spec, after))


def _applied(resource: Any, params: dict[str, Any], host: Host) -> Any:
    """The state after all steps, which is as asked."""
    after = resource.observe(host, params)
    _prove(resource, params, after)
    return after


def _left_behind(resource: Any, params: dict[str, Any], host: Host) -> str:
    try:
        found: str = resource.left_behind(host, params) if hasattr(resource, "left_behind") else ""
    except (HighwaterError, OSError):  # the error that came before is the one to show
        return ""
    return found


def _give_up(resource: Any, state: Any, host: Host, error: HighwaterError) -> None:
    """Take away what earlier calls have begun and this one refuses; the end of its sentence says what it was."""
    done = []
    for step in resource.given_up(state) if hasattr(resource, "given_up") else ():
        try:
            step.action.perform(host)
        except (HighwaterError, OSError):  # the refusal is the error to show: a filesystem is read-only by now, say
            continue
        done.append(step.does)
    if done:
        error.message += "; what was begun is given up: %s" % ", ".join(done)
        error.facts = dict(error.facts, changed=True)


def _refuse_nothing(params: dict[str, Any]) -> None:
    """Raise HighwaterError where nothing is to hold now, and nothing from the next boot on."""
    kept_from_both = params.get("persistent") is False and params.get("apply") == "next_boot"
    if kept_from_both and params.get("state") != "absent":
        raise HighwaterError(
            "persistent: false with apply: next_boot is nothing now and nothing later: leave one of the two out"
        )


def _prove(resource: Any, params: dict[str, Any], after: Any) -> None:
    """What was planned and done must leave nothing to plan: the host is asked, not the steps."""
    left: Plan = resource.plan(resource.resolve(params, after), after)
    if left:
        raise HighwaterError(
            "all steps were carried out, but the host does not stay as asked; still to do: %s"
            % "; ".join(step.words() for step in left),
            reason="not_converged",
        )
