# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of work in slices (the host's is module_utils/core/progress.py): calls a module again and again
until it is done, with a line on the terminal after each call.

Work that is short is one call, as without an action plugin.
"""

from __future__ import annotations

import uuid
from itertools import chain, repeat
from typing import Any, Iterator

from ansible.utils.display import Display
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import format_size
from ansible_collections.highwater.memory.plugins.plugin_utils.watched import WatchedAction

# Seconds of each call. The first is short, so that a long silence never has to be explained; a later one costs little
# of the work's time.
SLICES = (8.0, 15.0)
SLICE = 30.0


class SlicedAction(WatchedAction):
    """Runs the module of the same name, in slices where its work takes long."""

    adds_up: tuple[str, ...] = ()  # what each call returns of its own part alone: sums, and lists of what was done
    begins_again = 0  # how often in a run a call may be gone without an answer, and the next one goes on from there

    def watched(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        together: dict[str, Any] = {}
        left = self.begins_again
        slice_: dict[str, Any] = {"run": uuid.uuid4().hex}
        for slice_["seconds"] in slices():
            arguments = dict(self._task.args, slice=dict(slice_))
            answer = self._execute_module(module_args=arguments, task_vars=task_vars)
            if left and was_killed(answer):
                left -= 1
                self._tell_of_death(task_vars, answer)
                continue
            together = merged(together, answer, self.adds_up)
            progress = together.pop("progress", None)
            if progress is None:
                break
            self._tell(task_vars, progress)
            if "resume" in progress:  # what the module itself wants to know next time
                slice_["resume"] = progress["resume"]
        if left < self.begins_again and not self._task.check_mode:
            together["changed"] = True  # what the one has done that is gone, nobody has said
        together.get("invocation", {}).get("module_args", {}).pop("slice", None)
        return together

    def _tell_of_death(self, task_vars: dict[str, Any], answer: dict[str, Any]) -> None:
        """What a call has done by then is a state like any other, from which the next one goes on."""
        host, number = task_vars.get("inventory_hostname"), signal_of(answer["rc"])
        Display().warning("%s: the module's process was killed (signal %d); its work is gone on with" % (host, number))

    def _tell(self, task_vars: dict[str, Any], progress: dict[str, Any]) -> None:
        """A line on standard error, which reaches the terminal at once and leaves what callbacks print alone."""
        Display().display("%s: %s" % (task_vars["inventory_hostname"], sentence(progress)), stderr=True)


def was_killed(answer: dict[str, Any]) -> bool:
    """Whether a module's process was ended by a signal before it could answer: then its shell has said so, by its exit
    status, and there is nothing of the module's own. (255 is ssh's.)
    """
    code = answer.get("rc")
    return bool(answer.get("failed")) and "module_stdout" in answer and isinstance(code, int) and signal_of(code) > 0


def signal_of(code: int) -> int:
    """The signal that an exit status tells of, 0 for none: as a shell has it (128 more), or as subprocess has it."""
    number = -code if code < 0 else code - 128
    return number if 0 < number < 65 else 0


def slices() -> Iterator[float]:
    """The length of each call, in seconds."""
    return chain(SLICES, repeat(SLICE))


def sentence(progress: dict[str, Any]) -> str:
    """How far a work is: what it is, percent, rate, time left."""
    done, total, rate = progress["done"], progress["total"], progress["rate"]
    left = round((total - done) / rate) if rate > 0 else 0
    percent = done * 100 // max(total, 1)
    return "%s: %d %%, %s/s, %s left" % (progress["work"], percent, format_size(int(rate)), clock(left))


def clock(seconds: int) -> str:
    """Hours, minutes and seconds."""
    return "%d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


def merged(earlier: dict[str, Any], later: dict[str, Any], adds_up: tuple[str, ...] = ()) -> dict[str, Any]:
    """What one call would have returned that did the work of both.

    Changed is what either changed; actions are those of both in order; a diff goes from before the first to after the
    last. Lists of results, one for each object (module converge), are merged object by object: of the earlier call
    only a beginning may be there. For all else the later call knows better.
    """
    both: dict[str, Any] = {key: earlier[key] for key in ("changed", "actions", "diff") if key in earlier}
    both.update(later)
    if earlier.get("changed"):
        both["changed"] = True
    for key in ("actions", *adds_up):
        if key in earlier:
            both[key] = earlier[key] + later[key] if key in later else earlier[key]
    if "warnings" in adds_up and "warnings" in both:
        both["warnings"] = list(dict.fromkeys(both["warnings"]))  # of what both calls have looked at
    if earlier.get("diff"):
        both["diff"] = _merged_diff(earlier["diff"], later.get("diff", earlier["diff"]))
    for key, value in later.items():
        if key not in ("actions", "diff", *adds_up) and _are_results(value) and _are_results(earlier.get(key)):
            both[key] = [merged(*pair, adds_up) for pair in zip(earlier[key], value)] + value[len(earlier[key]) :]
    return both


def _merged_diff(earlier: Any, later: Any) -> Any:
    if isinstance(earlier, list):
        return [_merged_diff(*pair) for pair in zip(earlier, later)] + later[len(earlier) :]
    return dict(later, before=earlier["before"])


def _are_results(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) and "changed" in item for item in value)
