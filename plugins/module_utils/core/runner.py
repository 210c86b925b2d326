# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that knows AnsibleModule: observe, plan, apply, look again; the same for every module.

A resource is a Python module with these functions (State and Spec are immutable values of its own):

    observe(host, params) -> State      reads; never writes
    resolve(params, state) -> Spec      sizes evaluated, preferences settled; HighwaterError on bad input
    plan(spec, state) -> Plan           pure; empty when nothing is to do
    managed(state) -> dict              what the diff shows of a state: no counters, nothing that moves by itself
    wanted(spec, state) -> dict         the same fields, as they will be
    result(spec, state) -> dict         what the module returns beside changed, actions and diff
    warnings(spec, state) -> list       sentences, from the state after
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highwater.memory.plugins.module_utils.core import environment
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.plan import Plan, apply, cause
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError

# What a module answers: one pass over one resource, or over several.
Answer = Callable[[Dict[str, Any], Host, bool], Dict[str, Any]]


def run(resource: Any, argument_spec: dict[str, Any], **module_arguments: Any) -> None:
    """Be the Ansible module of one resource: ends the process with its JSON, whatever happens."""
    answer(lambda *asked: attempt(resource, *asked), argument_spec, **module_arguments)


def answer(work: Answer, argument_spec: dict[str, Any], **module_arguments: Any) -> None:
    """Be an Ansible module that answers with work(params, host, check_mode), its warnings shown as such."""
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **module_arguments)
    host = Host()
    try:
        if os.geteuid() != 0:
            raise HighwaterError(
                "this module changes the kernel's settings: run it as root: add become: true", reason="not_root"
            )
        with host.lock():
            returned = work(module.params, host, module.check_mode)
    except HighwaterError as error:
        module.fail_json(msg=error.message, **error_facts(error, host))
    except ParseError as error:
        module.fail_json(msg=str(error), reason="parse")
    except OSError as error:
        module.fail_json(msg=cause(error), reason="kernel")
    for warning in returned.pop("warnings"):
        module.warn(warning)
    module.exit_json(**returned)


def attempt(resource: Any, params: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    """As converge(); what this host cannot do is a warning where on_unsupported says so."""
    try:
        return converge(resource, params, host, check_mode)
    except Unsupported as error:
        if params["on_unsupported"] != "skip":
            raise
        facts = error_facts(error, host)
        return dict(facts, changed=False, actions=[], msg=error.message, warnings=[error.message])


def error_facts(error: HighwaterError, host: Host) -> dict[str, Any]:
    """What an error returns beside its message: a fixed reason, and what roles need to act on it."""
    facts = dict(error.facts, reason=error.reason)
    if isinstance(error, Unsupported):
        facts.update(supported=False, os_id=environment.os_id(host), kernel=environment.kernel(host))
    return facts


def converge(resource: Any, params: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    """One pass from what is to what was asked for; in check mode everything but apply.

    Returns changed, actions, diff, warnings and the resource's own result. Raises HighwaterError and OSError.
    """
    before = resource.observe(host, params)
    spec = resource.resolve(params, before)
    steps = resource.plan(spec, before)
    wanted = resource.wanted(spec, before)
    after = before
    if steps and not check_mode:
        apply(steps, host)
        after = resource.observe(host, params)
        _prove(resource, params, after)
    return dict(
        resource.result(spec, after),
        changed=bool(steps),
        actions=[step.words() for step in steps],
        diff={"before": resource.managed(before), "after": wanted},
        warnings=resource.warnings(spec, after),
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
