# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several objects in one remote call: zram devices, swapfiles, huge pages and vm settings, in the order in which they
build on each other, each by the resource of its own module."""

from __future__ import annotations

from typing import Any, Iterator, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible_collections.highwater.memory.plugins.module_utils.cmdline import arguments as cmdline_arguments
from ansible_collections.highwater.memory.plugins.module_utils.cmdline import resource as cmdline
from ansible_collections.highwater.memory.plugins.module_utils.core.convergence import attempt
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import arguments as swapfile_arguments
from ansible_collections.highwater.memory.plugins.module_utils.swapfile import resource as swapfile
from ansible_collections.highwater.memory.plugins.module_utils.sysfs import arguments as sysfs_arguments
from ansible_collections.highwater.memory.plugins.module_utils.sysfs import resource as sysfs
from ansible_collections.highwater.memory.plugins.module_utils.vm import arguments as vm_arguments
from ansible_collections.highwater.memory.plugins.module_utils.vm import sysctl
from ansible_collections.highwater.memory.plugins.module_utils.zram import arguments as zram_arguments
from ansible_collections.highwater.memory.plugins.module_utils.zram import resource as zram


class Kind(NamedTuple):
    """A module of ours whose objects can be part of a call.

    module:    its name, and that of the option that takes a list of its options.
    named_by:  its option that names an object.
    returns:   its return value that says whether an object is active.
    swap:      what an active object of it is to vm_sysctl's expect_swap.
    late:      whether state: absent of it comes after all else. A change of huge pages makes the kernel compute
               vm.min_free_kbytes anew, so it comes before vm_sysctl sets that, and after vm_sysctl has given it back.
    """

    module: str
    resource: Any
    arguments: Any
    named_by: Optional[str] = None
    returns: Optional[str] = None
    swap: Optional[str] = None
    late: bool = False


KINDS = (
    Kind("zram_device", zram, zram_arguments.ARGUMENTS, "name", "zram", "zram"),
    Kind("swapfile", swapfile, swapfile_arguments.ARGUMENTS, "path", "swapfile", "disk"),
    Kind("transparent_hugepage", sysfs.transparent_hugepage, sysfs_arguments.TRANSPARENT_HUGEPAGE_ARGUMENTS, late=True),
    Kind("zswap", sysfs.zswap, sysfs_arguments.ZSWAP_ARGUMENTS),
    Kind("lru_gen", sysfs.lru_gen, sysfs_arguments.LRU_GEN_ARGUMENTS),
    Kind("vm_sysctl", sysctl, vm_arguments.ARGUMENTS),
    Kind("kernel_command_line", cmdline, cmdline_arguments.ARGUMENTS),
)
ARGUMENTS = {kind.module: {"type": "list", "elements": "dict", "default": []} for kind in KINDS}


class Object(NamedTuple):
    """One object of a call: its kind, and its options as its own module would have them."""

    kind: Kind
    params: Any

    def words(self) -> str:
        """How an error names it: ``swapfile /swapfile``."""
        name = self.params[self.kind.named_by] if self.kind.named_by else ""
        return ("%s %s" % (self.kind.module, name)).rstrip()

    def gives_way(self) -> bool:
        """Whether it goes once others of its kind have come, and stays where one of them could not be had. Not what is
        named ``all``: those would be among them by then.
        """
        named = self.params[self.kind.named_by] if self.kind.named_by else None
        return "hold_back" in self.params and self.params["state"] != "present" and named != "all"


def converge_all(asked: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    """Bring every object to its state; the first that cannot be brought there ends it.

    asked: per module's name a list of its options. Returns changed, actions, diff and warnings of all, and per
    module's name a list of what each object returned. Raises HighwaterError that names the object; its facts have the
    actions that were carried out before.
    """
    objects = [each for kind in KINDS for each in _in_order(kind, asked[kind.module])]
    objects.sort(key=lambda each: each.kind.late and each.params["state"] == "absent")
    done: list[tuple[Kind, dict[str, Any]]] = []
    for each in objects:
        params = each.params
        if check_mode and "expect_swap" in params:
            # What the objects before it would have turned on or set is not so in check mode.
            params = dict(
                params,
                expect_swap=params["expect_swap"] + list(_swap_of(done)),
                expect_huge_pages=params["expect_huge_pages"] or _huge_pages_of(done),
            )
        if check_mode and "expect_room" in params:
            params = dict(params, expect_room=params["expect_room"] or _turns_swap_on(done))
        if "hold_back" in params:
            params = dict(params, hold_back=params["hold_back"] or _missed(each.kind, objects, done))
        try:
            done.append((each.kind, attempt(each.kind.resource, params, host, check_mode)))
        except HighwaterError as error:
            facts = dict(error.facts, actions=_all(done, "actions"))
            raise type(error)("%s: %s" % (each.words(), error.message), error.reason, **facts) from error
        if "progress" in done[-1][1]:
            break
    return _together(done)


def _in_order(kind: Kind, asked: list[dict[str, Any]]) -> list[Object]:
    objects = sorted((Object(kind, _checked(kind, options)) for options in asked), key=Object.gives_way)
    if kind.named_by:
        _refuse_twice([each.words() for each in objects])
    return objects


def _refuse_twice(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise HighwaterError(
                "%s is listed more than once: each item would undo the other's work at each run: list it once" % name,
                reason="options",
            )


def _checked(kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
    """Options as Ansible would give them to the module itself. HighwaterError for what it would refuse."""
    result = ArgumentSpecValidator(kind.arguments).validate(options)
    # A name that is misspelt comes first, since it can be why another one is missing.
    errors = sorted(result.errors.errors, key=lambda one: not isinstance(one, UnsupportedError))
    if errors:
        words = "there is no option %s" if isinstance(errors[0], UnsupportedError) else "%s"
        raise HighwaterError("%s: %s" % (kind.module, words % errors[0].msg), reason="options")
    return dict(result.validated_parameters)


def _swap_of(done: list[tuple[Kind, dict[str, Any]]]) -> Iterator[str]:
    for kind, returned in done:
        found = (kind.swap and kind.returns and returned.get(kind.returns)) or {}
        if kind.swap and found.get("active") and found.get("fstype", "swap") == "swap":
            yield kind.swap


def _turns_swap_on(done: list[tuple[Kind, dict[str, Any]]]) -> bool:
    return any(list(_swap_of([each])) for each in done if each[1]["changed"])


def _missed(kind: Kind, objects: list[Object], done: list[tuple[Kind, dict[str, Any]]]) -> str | None:
    """Why an object of a kind that is to be present could not be had; None where all could. With a kubelet none is
    wanted at all.
    """
    for each, (_kind, returned) in zip(objects, done):
        skipped = returned.get("supported") is False and returned["reason"] != "kubelet"
        if skipped and each.kind is kind and each.params["state"] == "present":
            return str(returned["msg"])
    return None


def _huge_pages_of(done: list[tuple[Kind, dict[str, Any]]]) -> str | None:
    chosen = [
        returned.get("settings", {}).get("enabled", {}).get("after")
        for kind, returned in done
        if kind.module == "transparent_hugepage"
    ]
    return chosen[-1] if chosen else None


def _all(done: list[tuple[Kind, dict[str, Any]]], key: str) -> list[Any]:
    return [item for _kind, returned in done for item in returned[key]]


def _together(done: list[tuple[Kind, dict[str, Any]]]) -> dict[str, Any]:
    own = {"diff", "warnings", "progress"}
    together: dict[str, Any] = {
        kind.module: [
            {key: value for key, value in returned.items() if key not in own}
            for of, returned in done
            if of.module == kind.module
        ]
        for kind in KINDS
    }
    progress = [returned["progress"] for _kind, returned in done if "progress" in returned]
    return dict(
        together,
        **({"progress": progress[0]} if progress else {}),
        changed=any(returned["changed"] for _kind, returned in done),
        actions=_all(done, "actions"),
        diff=[returned["diff"] for _kind, returned in done if "diff" in returned],
        warnings=_all(done, "warnings"),
    )
