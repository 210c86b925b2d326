# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""Kernels that the lab compiles itself."""

from __future__ import annotations

import re
import subprocess

import pytest

from lab import kernel
from lab.images import IMAGES, USUAL

COMPILED = [image for image in IMAGES.values() if image.compiled]


def test_nothing_is_compiled_unless_it_is_asked_for_by_name() -> None:
    assert COMPILED
    assert not {image.name for image in COMPILED} & set(USUAL)
    assert {image.base for image in COMPILED} <= set(USUAL)


@pytest.mark.parametrize("image", COMPILED, ids=lambda image: image.name)
def test_each_line_of_a_configuration_is_one_that_the_script_can_check(image) -> None:  # type: ignore[no-untyped-def]
    lines = (kernel.CONFIGS / image.compiled).read_text().splitlines()
    symbols = [line for line in lines if line and not line.startswith("# ")]
    assert symbols
    assert all(re.fullmatch(r"CONFIG_[A-Z0-9_]+=y", line) for line in symbols)
    assert len(set(symbols)) == len(symbols)


def test_the_digest_is_of_the_configuration_and_the_distribution() -> None:
    config = COMPILED[0].compiled
    assert kernel.digest("trixie", config) != kernel.digest("bookworm", config)


def test_the_script_is_one() -> None:
    subprocess.run(["sh", "-n", str(kernel.SCRIPT)], check=True)


def test_an_archive_of_nothing() -> None:
    """newc: a magic, thirteen numbers of eight digits, the name that ends an archive, all in fours."""
    assert re.fullmatch(rb"070701[0-9A-F]{104}TRAILER!!!\0{4}", kernel.EMPTY_INITRD)
    assert int(kernel.EMPTY_INITRD[94:102], 16) == len(b"TRAILER!!!\0")
    assert len(kernel.EMPTY_INITRD) % 4 == 0
