# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on the profiles: made from the data, and current."""

from __future__ import annotations

import profiles
import pytest


def test_the_page_is_what_the_data_makes_of_it() -> None:
    """Fails where a profile or the module's arithmetic was changed without `make profiles`."""
    assert profiles.PAGE.read_text(encoding="utf-8") == profiles.page()


@pytest.mark.parametrize("gib", profiles.SIZES)
def test_a_machine_of_files_has_the_memory_that_it_says(gib: int) -> None:
    column = profiles.column({"vm_sysctl": [{"name": "x", "settings": {"min_free_kbytes": "ram * 5%"}}]}, gib, [])
    assert int(column["`vm.min_free_kbytes`"].split()[0]) == pytest.approx(gib * 2**20 * 0.05 * 49 / 50, rel=1e-3)
