# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Does the same to several machines or images at once, and shows how it goes."""

from __future__ import annotations

import concurrent.futures
import os
from typing import Callable, Optional, Sequence, TypeVar

from lab.errors import LabError, Stopped
from lab.progress import Board, Job
from lab.waiting import STOP

T = TypeVar("T")


def each(kind: str, names: Sequence[str], work: Callable[[str, Job], T], done: Callable[[T], str]) -> list[T]:
    """Results in the order of the names; an error when any failed, once all have ended."""
    board = Board()
    results: list[T] = []
    errors: list[LabError] = []

    def one(number: int, name: str) -> Optional[T]:
        if STOP.is_set():
            raise Stopped
        job = board.start(f"{kind} {number} of {len(names)} · {name}")
        outcome = "stopped"
        try:
            result = work(name, job)
            outcome = done(result)
            return result
        except LabError as error:
            outcome = "failed"
            error.args = (f"{name}: {error}",)
            raise
        finally:
            board.finish(job, outcome)

    # Emulated machines are busy while they boot: one each for every processor.
    workers = max(1, min(len(names), os.cpu_count() or 1))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(one, number, name) for number, name in enumerate(names, 1)]
        while concurrent.futures.wait(futures, timeout=0.2).not_done:
            board.tick()
    board.close()
    for future in futures:
        try:
            result = future.result()
            if result is not None:
                results.append(result)
        except LabError as error:
            errors.append(error)
    if errors:
        raise LabError("; ".join(str(e) for e in errors), "\n".join(e.evidence for e in errors if e.evidence))
    return results
