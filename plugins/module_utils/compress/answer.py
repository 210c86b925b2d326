# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What compress_in_place answers (see core/runner.py)."""

from __future__ import annotations

import base64
import os
import stat
import time
from typing import Any, Callable, Dict, Optional

from ansible_collections.highwater.memory.plugins.module_utils.compress import candidates, work
from ansible_collections.highwater.memory.plugins.module_utils.compress.member import LARGEST_BLOCK, read_chain
from ansible_collections.highwater.memory.plugins.module_utils.compress.pair import Pair, opened, part_name, stamp
from ansible_collections.highwater.memory.plugins.module_utils.compress.writers import Guard
from ansible_collections.highwater.memory.plugins.module_utils.core.age import age_in_seconds
from ansible_collections.highwater.memory.plugins.module_utils.core.environment import cpus
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError, Stopped, cause
from ansible_collections.highwater.memory.plugins.module_utils.core.host import Host
from ansible_collections.highwater.memory.plugins.module_utils.core.progress import Meter, Unfinished
from ansible_collections.highwater.memory.plugins.module_utils.core.size import format_size, size_in_bytes
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

SMALLEST_BLOCK = 2**16
Row = Dict[str, Any]


def compress_in_place(params: dict[str, Any], host: Host, check_mode: bool) -> dict[str, Any]:
    """One file, or those of a folder; what cannot be done is an error for the file named, a row of left_alone for one
    of a folder. It is the effect that counts as changed.
    """
    request, min_saving = _request(params, host), params["min_saving"] / 100
    path = params["path"].rstrip("/") or "/"
    restored = params["state"] == "restored"
    answer: dict[str, Any] = {"files": [], "left_alone": [], "warnings": []}

    moved = False  # bytes of a file that is not among the answer's, since it was put down or has failed

    def one(file: str) -> None:
        nonlocal moved
        before = _part_size(file)
        try:
            row = (
                _restore(file, host, check_mode) if restored else _compress(file, request, min_saving, host, check_mode)
            )
        except OSError as error:
            moved = moved or _part_size(file) != before
            raise _failed(file, error) from error
        except BaseException:
            moved = moved or _part_size(file) != before
            raise
        answer["files"] += [row] if row else []

    try:
        if _is_folder(path):
            if not (restored or params["include"]):
                raise HighwaterError(
                    "include: %s is a folder: say by globs which of its files are meant, such as ['*.log'], or ['*'] "
                    "for all" % path,
                    reason="include",
                )
            candidates.refuse_filesystem(path, path, host)
            progress = _each(path, params, one, answer["left_alone"], host)
            answer.update({"progress": progress} if progress else {})
        else:
            is_done = _is_done(path)
            _refuse_choice(path, is_done, params)
            if not is_done:
                one(path)
    except Unfinished as unfinished:
        answer["progress"] = unfinished.progress._asdict()
    return dict(
        answer,
        changed=bool(answer["files"]) or moved,
        freed=sum(row["freed"] for row in answer["files"]),
        actions=[_words(row, restored) for row in answer["files"]],
    )


def _failed(path: str, error: OSError) -> HighwaterError:
    """The kernel's own word for what went wrong, and what follows from it."""
    return HighwaterError(
        "%s: %s: none of its bytes is lost, so see the kernel's log, and run again when that is mended"
        % (path, error.strerror),
        reason="kernel",
    )


def _refuse_choice(path: str, is_done: bool, params: dict[str, Any]) -> None:
    """Raise HighwaterError where a single file is named together with what chooses some of a folder."""
    for option in ("include", "older_than"):
        if params[option] and (is_done or os.path.lexists(path)):
            raise HighwaterError(
                "%s: %s is a file, and this chooses among those of a folder: leave it out, or name the folder"
                % (option, path)
            )


class _Begun(NamedTuple):
    """A folder that is worked on in several calls; files that do not shrink stay as they are, so that the host cannot
    tell which have been looked at.

    at:    the file to go on with, None at the start; when: the first call began, in seconds since the epoch.
    done:  bytes of the files before it; total: of all; files: how many they were.
    """

    at: Optional[str]
    when: float
    done: int
    total: int
    files: int

    @staticmethod
    def from_json(found: Optional[dict[str, Any]]) -> _Begun:
        if found is None:
            return _Begun(None, time.time(), 0, 0, 0)
        return _Begun(os.fsdecode(base64.b64decode(found["at"])), *(found[key] for key in _Begun._fields[1:]))

    def as_json(self) -> dict[str, Any]:
        """The name may be no UTF-8, which no JSON takes."""
        return dict(self._asdict(), at=base64.b64encode(os.fsencode(self.at or "")).decode("ascii"))


def _each(
    folder: str, params: dict[str, Any], one: Callable[[str], None], left_alone: list[Row], host: Host
) -> Optional[Row]:
    """All files of a folder, as far as the slice goes; the progress where it is over before the last. Sizes are looked
    at before the first.
    """
    begun = _Begun.from_json(host.slice.resume)
    files = _files(folder, params, begun)
    sizes = [_size(file) for file in files]
    begun = begun._replace(total=max(begun.total, begun.done + sum(sizes)), files=begun.files or len(files))
    doing = "restoring" if params["state"] == "restored" else "compressing"
    meter = Meter(host.slice, "%s %d files below %s" % (doing, begun.files, folder), begun.done, begun.total)
    for number, (file, size) in enumerate(zip(files, sizes), 1):
        begun = begun._replace(at=file)
        try:
            try:
                if params["state"] != "restored":
                    candidates.refuse_system(file)
                one(file)
            except Stopped:
                raise
            except (HighwaterError, OSError) as error:
                left_alone.append({"path": file, "why": cause(error)})
            if number < len(files):
                begun = begun._replace(at=files[number], done=begun.done + size)
                meter.reached(begun.done)
        except Unfinished as unfinished:
            return dict(unfinished.progress._asdict(), resume=begun.as_json())
    return None


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:
        return 0


def _request(params: dict[str, Any], host: Host) -> work.Request:
    block_size = size_in_bytes("block_size", params["block_size"], {})
    if not SMALLEST_BLOCK <= block_size <= LARGEST_BLOCK:
        raise HighwaterError("block_size: %s is out of range: write 64KiB to 1GiB" % params["block_size"])
    if not 1 <= params["level"] <= 9:
        raise HighwaterError("level: %d is out of range: write 1 (fast) to 9 (small)" % params["level"])
    if not 0 <= params["min_saving"] <= 100:
        raise HighwaterError("min_saving: %d is no percentage: write 0 to 100" % params["min_saving"])
    workers = params["workers"] if params["workers"] is not None else cpus(host)
    if not 1 <= workers <= 1024:
        raise HighwaterError("workers: %d is out of range: write 1 to 1024" % workers)
    return work.Request(params["level"], block_size, workers, params["keep_metadata"])


def _files(folder: str, params: dict[str, Any], begun: _Begun) -> list[str]:
    """Those that are still to be looked at; none that this run has made."""
    if params["state"] == "restored":
        found = candidates.cut_off_below(folder)
    else:
        older_than = age_in_seconds("older_than", params["older_than"]) if params["older_than"] is not None else None
        found = candidates.files_below(folder, params["include"], older_than, begun.when)
    if begun.at is None:
        return list(found)
    start = candidates.order_of(begun.at)
    left = (path for path in found if candidates.order_of(path) >= start)
    return [path for path in left if path == begun.at or not _is_newer(path, begun.when)]


def _is_newer(path: str, when: float) -> bool:
    """Whether it is a .gz that has come since."""
    try:
        return path.endswith(".gz") and os.lstat(path).st_ctime >= when
    except FileNotFoundError:
        return True


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_done(path: str) -> bool:
    """Whether an earlier run has made path.gz of it: the members say so."""
    if os.path.lexists(path):
        return False
    try:
        fd = os.open(path + ".gz", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return bool(read_chain(fd))
    finally:
        os.close(fd)


def _compress(path: str, request: work.Request, min_saving: float, host: Host, check_mode: bool) -> Row:
    with opened(path) as pair:
        on_disk, size = _on_disk(pair), stamp(pair).size
        begun = _is_begun(pair)
        if not begun:
            estimate = candidates.refuse_hopeless(pair, request.level, min_saving, host)
            if check_mode:
                with Guard(pair, host):
                    return _row(path, size, estimate.packed, on_disk - estimate.packed, estimated=True)
        elif check_mode:
            packed = work.size_in_the_end(pair) or candidates.sample(pair.original, request.level).packed
            return _row(path, size, packed, on_disk - packed, estimated=True)
        with Guard(pair, host) as guard:
            original = work.compress(pair, request, guard, host.slice)
        found = os.stat(pair.result_name, dir_fd=pair.folder, follow_symlinks=False)
        return _row(path, size, found.st_size, original.on_disk - found.st_blocks * 512, estimated=False)


def _restore(path: str, host: Host, check_mode: bool) -> Optional[Row]:
    with opened(path) as pair:
        before, size = _on_disk(pair), stamp(pair).size
        if not _is_begun(pair):
            return None
        if not check_mode:
            with Guard(pair, host) as guard:
                work.restore(pair, guard, host.slice)
        return _row(path, size, size, before - _on_disk(pair), estimated=check_mode)


def _is_begun(pair: Pair) -> bool:
    """Whether a run was cut off."""
    part = os.path.join(os.path.dirname(pair.path), part_name(pair.name))
    return os.path.lexists(part) or (os.path.lexists(pair.path + ".gz") and work.has_result(pair))


def _part_size(path: str) -> Optional[int]:
    """Bytes of the part file, which nobody but a run changes; None where there is none."""
    folder, name = os.path.split(path)
    try:
        return os.lstat(os.path.join(folder, part_name(name))).st_size
    except OSError:
        return None


def _on_disk(pair: Pair) -> int:
    """Bytes that the original and its part file hold together."""
    held = os.fstat(pair.original).st_blocks
    try:
        held += os.stat(pair.part_name, dir_fd=pair.folder, follow_symlinks=False).st_blocks
    except FileNotFoundError:
        pass
    return held * 512


def _row(path: str, before: int, after: int, freed: int, estimated: bool) -> Row:
    return {
        "path": path,
        "size_before": before,
        "size_after": after,
        "ratio": round(before / after, 2) if after else None,
        "freed": freed,
        "estimated": estimated,
    }


def _words(row: Row, restored: bool) -> str:
    if restored:
        return "restore %s (a run was cut off)" % row["path"]
    return "compress %s to %s.gz (%s freed)" % (row["path"], row["path"], format_size(row["freed"]))
