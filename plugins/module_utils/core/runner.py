# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that knows AnsibleModule, the same for every module; what a resource is says convergence.py."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from typing import Any, Callable, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highwater.memory.plugins.module_utils.core import archive  # noqa: F401 # pylint: disable=unused-import
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Unsupported, cause
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import SIGNALS, Slice
from ansible_collections.highwater.memory.plugins.module_utils.parse.errors import ParseError

# What a module answers: one pass over one resource, or over several.
Answer = Callable[[Dict[str, Any], Host, bool], Dict[str, Any]]

STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(resource: Any, argument_spec: dict[str, Any], **module_arguments: Any) -> None:
    """Be the Ansible module of one resource: ends the process with its JSON, whatever happens."""
    # Not needed by what only reads: start-up is most of what a converged host costs.
    from ansible_collections.highwater.memory.plugins.module_utils.core.convergence import attempt

    answer(lambda *asked: attempt(resource, *asked), argument_spec, **module_arguments)


def answer(work: Answer, argument_spec: dict[str, Any], alone: bool = True, **module_arguments: Any) -> None:
    """Be an Ansible module that answers with work(params, host, check_mode), its warnings shown as such.

    alone: whether no other run may work on this host meanwhile; not for what only reads, or locks what it works on.
    """
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **module_arguments)
    host = Host()
    host.slice = Slice.asked(module.params)
    for number in STOPPED_BY:
        signal.signal(number, _stopped)
    try:
        if os.geteuid() != 0:
            raise HighwaterError(
                "only root can see and change what this module works on: add become: true", reason="not_root"
            )
        lock = host.lock() if alone else None
        with lock or contextlib.nullcontext():
            host.slice = Slice.asked(module.params)  # from now on: the wait for the lock is no part of it
            returned = work(module.params, host, module.check_mode)
            if lock and "progress" in returned:
                lock.keep(returned["progress"]["work"])
    except HighwaterError as error:
        module.fail_json(msg=sayable(error.message), **sayable(error_facts(error, host)))
    except ParseError as error:
        module.fail_json(msg=sayable(str(error)), reason="parse")
    except OSError as error:
        module.fail_json(msg=sayable(cause(error)), reason="kernel")
    for warning in sayable(returned.pop("warnings")):
        module.warn(warning)
    # All that is in memory goes with the process; to look for garbage in it first takes longer than much of our work.
    gc.freeze()
    module.exit_json(**sayable(returned))


def sayable(value: Any) -> Any:
    """What is returned, in strings of UTF-8, since the controller takes no others: other bytes of a file's name, or of
    a label, are shown as \\xff.
    """
    if isinstance(value, str):
        return (
            value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        )
    if isinstance(value, dict):
        return {sayable(key): sayable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [sayable(item) for item in value]
    return value


def _stopped(number: int, _frame: object) -> None:
    """What a signal means: an error like any other, after which what was begun is taken back, in peace; raised where
    the work can be put down (see Signals).
    """
    for each in STOPPED_BY:
        signal.signal(each, signal.SIG_IGN)
    SIGNALS.came(signal.Signals(number).name)


def error_facts(error: HighwaterError, host: Host) -> dict[str, Any]:
    """What an error returns beside its message: a fixed reason, and what roles need to act on it."""
    facts = dict(error.facts, reason=error.reason)
    if isinstance(error, Unsupported):
        # As in run().
        from ansible_collections.highwater.memory.plugins.module_utils.core import environment

        facts.update(supported=False, os_id=environment.os_id(host), kernel=environment.kernel(host))
    return facts
