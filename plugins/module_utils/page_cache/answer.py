# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What page_cache_purge answers (see core/runner.py)."""

from __future__ import annotations

import os
import stat
import time
from typing import Any, Optional

from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Progress
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size
from ansible_collections.highwater.memory.plugins.module_utils.page_cache import workers
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.arguments import FILES
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.counting import PAGE, Counter
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.evict import ERRORS, Totals
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.request import (
    Asked,
    asked,
    kernel_devices,
    matches,
    shown,
)
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.whole import purge_whole
from ansible_collections.highwater.memory.plugins.module_utils.page_cache.workers import Place


def page_cache_purge(params: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    """One purge, or as much of it as the slice of the call allows. HighwaterError for what cannot be asked."""
    request = asked(params, host, check_mode)
    if request.is_idle and host.slice.resume is None:
        return dict(_figures(Totals()), **_answer([]), paths=[], msg=_idle_words(request))
    if request.scope != FILES:
        totals = Totals()
        progress = purge_whole(request, host, totals)
        if progress:
            return dict(_answer([]), progress=progress)
        return dict(_figures(totals), **_answer([(_whole_words(request.scope), totals)]), paths=[])
    return _purge_files(request, host)


# -- files ---------------------------------------------------------------------------------------


class _Purge:
    """A purge of several paths, of which earlier calls may have done a part.

    done:            per path what was found and done.
    at:              of the paths, the one in work; places, through: of its shares.
    unmatched_paths: globs among the paths that match nothing; unmatched: those of include, so far.
    """

    def __init__(self, request: Asked, kernel: frozenset[int]) -> None:
        """kernel: see request.kernel_devices()."""
        self.unmatched_paths: list[str] = []
        self.paths: list[str] = []
        for path in request.paths:
            found = matches(path, kernel)
            self.paths += found
            self.unmatched_paths += [] if found else [path]
        self.done = [Totals() for _path in self.paths]
        self.at = 0
        self.places: list[Optional[Place]] = []
        self.through: list[bool] = []
        self.matched = [False] * len(request.request.include)

    def as_json(self) -> dict[str, Any]:
        """What from_json() makes the same of, in another process."""
        return {
            "paths": [_plain(path) for path in self.paths],
            "unmatched_paths": [_plain(path) for path in self.unmatched_paths],
            "done": [totals.as_dict() for totals in self.done],
            "at": self.at,
            "places": [place and [[_plain(name) for name in place.names], *place[1:]] for place in self.places],
            "through": self.through,
            "matched": self.matched,
        }

    @classmethod
    def from_json(cls, request: Asked, found: dict[str, Any]) -> _Purge:
        purge = cls(request._replace(paths=()), frozenset())
        purge.paths = [_encoded(path) for path in found["paths"]]
        purge.unmatched_paths = [_encoded(path) for path in found["unmatched_paths"]]
        for earlier in found["done"]:
            purge.done.append(Totals())
            purge.done[-1].add(earlier)
        purge.at, purge.through, purge.matched = found["at"], found["through"], found["matched"]
        purge.places = [
            Place([_encoded(name) for name in place[0]], *place[1:]) if place else None for place in found["places"]
        ]
        return purge

    @property
    def fraction(self) -> float:
        """About how much of the work is done, 0 to 1."""
        shares = [place.fraction if place else float(done) for place, done in zip(self.places, self.through)]
        return (self.at + sum(shares) / max(len(shares), 1)) / max(len(self.paths), 1)


def _plain(name: str) -> str:
    """A name that may be no UTF-8 as text that survives any JSON: its bytes as characters."""
    return os.fsencode(name).decode("latin-1")


def _encoded(name: str) -> str:
    return os.fsdecode(name.encode("latin-1"))


def _purge_files(request: Asked, host: Host) -> dict[str, Any]:
    earlier = host.slice.resume
    kernel = kernel_devices(host)
    purge = _Purge.from_json(request, earlier) if earlier else _Purge(request, kernel)
    began, seen = time.monotonic(), _seen(purge)
    work = workers.Work("", request.request, Counter(), host.slice, kernel)
    while purge.at < len(purge.paths):
        if not _is_through(purge, work._replace(path=purge.paths[purge.at])):
            rate = (_seen(purge) - seen) / max(time.monotonic() - began, 1e-6)
            return dict(_answer([]), progress=dict(_progress(purge, request, rate), resume=purge.as_json()))
        purge.at, purge.places, purge.through = purge.at + 1, [], []
    return _all(request, purge)


def _is_through(purge: _Purge, work: workers.Work) -> bool:
    """Work on the path that the purge is at; whether all of it is done."""
    totals = purge.done[purge.at]
    if _is_folder(work.path):
        if not purge.places:
            count = workers.workers()
            purge.places, purge.through = [None] * count, [False] * count
        shares = workers.purge_folder(work, purge.places, purge.through)
    else:
        shares = [workers.purge_file(work, purge.places[0] if purge.places else None)]
    for share in shares:
        totals.add(share.totals)
        purge.matched = [before or now for before, now in zip(purge.matched, share.matched or purge.matched)]
    purge.places = [share.place for share in shares]
    purge.through = [share.place is None for share in shares]
    return all(purge.through)


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:  # gone since we looked for it: what opens it finds nothing to do
        return False


def _seen(purge: _Purge) -> int:
    """Bytes that were found in the cache, with a page for each file, so that files without any count too."""
    return sum(totals.before + totals.files * PAGE for totals in purge.done)


def _progress(purge: _Purge, request: Asked, rate: float) -> dict[str, Any]:
    files = sum(totals.files for totals in purge.done)
    verb = "purging" if request.request.evict else "counting"
    work = "%s %s (%d files so far)" % (verb, shown(purge.paths[purge.at]), files)
    done = _seen(purge)
    return Progress(work, done, int(done / max(purge.fraction, 1e-6)), rate)._asdict()


# -- words and figures ---------------------------------------------------------------------------


def _all(request: Asked, purge: _Purge) -> dict[str, Any]:
    total = Totals()
    for one in purge.done:
        total.add(one.as_dict())
    named = [(shown(path), totals) for path, totals in zip(purge.paths, purge.done)]
    answer = _answer(named)
    answer["warnings"] = _warnings(request, purge, total)
    rows = [dict(_figures(totals), path=path) for path, totals in named]
    return dict(_figures(total), **answer, paths=rows)


def _answer(done: list[tuple[str, Totals]]) -> dict[str, Any]:
    effective = [(words, totals) for words, totals in done if totals.evicted > 0]
    return {
        "changed": bool(effective),
        "actions": [_action(words, totals) for words, totals in effective],
        "warnings": [],
    }


def _action(words: str, totals: Totals) -> str:
    files = " (%d files)" % totals.files if totals.files > 1 else ""
    return "drop %s of %s from memory%s" % (format_size(totals.evicted), words, files)


def _figures(totals: Totals) -> dict[str, Any]:
    return {
        "file_count": totals.files,
        "bytes_cached_before": totals.before,
        "bytes_cached_after": totals.after,
        "bytes_evicted": totals.evicted,
        "bytes_dirty": None if totals.undivided else totals.dirty,
        "bytes_mapped_or_locked": totals.stuck,
        "uncounted_count": totals.uncounted,
        "counted_by": totals.how,
        "error_count": totals.failed,
        "errors": totals.errors,
    }


def _warnings(request: Asked, purge: _Purge, total: Totals) -> list[str]:
    said = ["paths: %s matches no file and no folder" % shown(glob) for glob in purge.unmatched_paths]
    unmatched = [glob for glob, matched in zip(request.request.include, purge.matched) if not matched]
    said += ["include: %s matches no file below %s" % (shown(glob), _some(purge.paths)) for glob in unmatched]
    if total.uncounted:
        said.append(
            "%d of %d files could not be counted, since the kernel tells what is cached only to who may write a file: "
            "the figures are without them" % (total.uncounted, total.files)
        )
    if total.failed:
        first = total.errors[0]
        said.append(
            "%d files or folders could not be dealt with, of which errors has the first %d: %s: %s"
            % (total.failed, min(total.failed, ERRORS), first["path"], first["why"])
        )
    return said


def _some(paths: list[str]) -> str:
    return ", ".join(shown(path) for path in paths[:3]) + (" ..." if len(paths) > 3 else "") or "paths"


def _whole_words(scope: str) -> str:
    return {"pagecache": "page cache", "slab": "names and inodes"}.get(scope, "page cache, names and inodes")


def _idle_words(request: Asked) -> str:
    return "nothing to do: %s is available, more than only_below (%s)" % (
        format_size(request.available),
        format_size(request.only_below or 0),
    )
