# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""A stdout callback that prints what a module returned, as it came, warnings included: one line of JSON a task."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: result_json
type: stdout
short_description: What a module returned, as JSON
description: For the tests on machines of the lab.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "result_json"

    def tell(self, outcome: str, result: Any) -> None:
        self._display.display(json.dumps({"outcome": outcome, "result": result.result}, default=str))

    def v2_runner_on_ok(self, result: Any) -> None:
        self.tell("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self.tell("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self.tell("unreachable", result)
