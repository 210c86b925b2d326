# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module whose progress somebody at the terminal watches."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase


class WatchedAction(ActionBase):  # type: ignore[misc]
    """Runs the module of the same name in the manner of a subclass; in the background, as it is."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        if self._task.async_val:  # whoever wants it in the background does not watch it
            result.update(self._execute_module(task_vars=task_vars, wrap_async=True))
            return result
        try:
            result.update(self.watched(task_vars))
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def watched(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """The module's answer, after all that there was to tell."""
        raise NotImplementedError
