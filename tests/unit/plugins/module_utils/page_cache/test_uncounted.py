# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of others, looked at by somebody whom the kernel does not tell what is cached of them. Fails where figures are
made up, or where one is dropped, left or passed over without a word."""

from __future__ import annotations

import json
import os
import pathlib
import tempfile

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.page_cache import answer, counting

from .conftest import PAGE, cached, purge, write

SIZE = 16 * PAGE


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to become somebody who may not read all")
def test_who_may_not_look_or_count_is_told_so(monkeypatch):
    """A folder that may not be read is an error, once; what is cached of files of others is not made up."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        tree = pathlib.Path(name)
        write(tree / "closed/a")
        (tree / "closed").chmod(0o700)
        files = [write(tree / ("open%d" % number)) for number in range(4)]
        for path in files:
            path.chmod(0o644)
        monkeypatch.setattr(answer, "Counter", lambda: counting.Counter(cachestat=False))
        done = as_nobody(lambda: purge(tree))
        assert done["errors"] == [{"path": str(tree / "closed"), "why": "Permission denied"}]
        assert (done["error_count"], done["file_count"], done["uncounted_count"]) == (1, 4, 4)
        assert (done["bytes_cached_before"], done["bytes_evicted"], done["changed"]) == (0, 0, False)
        assert "4 of 4 files could not be counted" in done["warnings"][0]
        assert "closed: Permission denied" in done["warnings"][1]
        assert sum(cached(path) for path in files) == 0, "they were dropped all the same"


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to become somebody who may not count all")
@pytest.mark.parametrize("options", [{"min_cached": "4KiB"}, {"keep_tail": "1MiB"}, {"check_mode": True}])
def test_what_cannot_be_counted_is_told_of_and_left_alone(monkeypatch, options):
    """Fails where it goes though nobody knows whether enough of it is cached, or stays without a word."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        path = write(pathlib.Path(name) / "file")
        path.chmod(0o644)
        monkeypatch.setattr(answer, "Counter", lambda: counting.Counter(cachestat=False))
        done = as_nobody(lambda: purge(path, **options))
        assert cached(path) == SIZE
        assert (done["file_count"], done["uncounted_count"], done["bytes_cached_before"]) == (1, 1, 0)
        assert "1 of 1 files could not be counted" in done["warnings"][0]


def as_nobody(work):
    """What work() gives in a process of nobody's."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(writer, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(pid, 0)
    return json.loads(text)
