# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The size grammar against an oracle that shares no code with it: Python's own parser and Fraction, on the same text.

Fails when a result differs by anything at all (operators that bind otherwise, a rounding), when one of the two refuses
what the other takes, or when any text at all ends in something else than a size or one sentence of ours.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Callable, NamedTuple

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.size import (
    BYTES,
    PLAIN,
    Quantity,
    evaluate,
    format_size,
    size_in_bytes,
)
from hypothesis import given, settings
from hypothesis import strategies as st

MIB, GIB = 2**20, 2**30
NAMES = {
    "ram": Quantity(16 * GIB + 12345, BYTES),
    "cpus": Quantity(4, PLAIN),
    "nothing": Quantity(0, BYTES),
}


@given(st.integers(1, 2**63))
def test_every_literal_of_bytes_is_exact(size: int) -> None:
    assert size_in_bytes("size", f"{size}B", {}) == size
    assert size_in_bytes("size", f" {size}.000 b ", {}) == size


@given(st.integers(1, 2**63))
def test_what_is_formatted_can_be_read_again(size: int) -> None:
    text = format_size(size)
    again = size_in_bytes("size", text, {}, allow_zero=True)
    if "." in text and len(text.split()[0].split(".")[1]) == 2:
        unit = size_in_bytes("size", "1" + text.split()[1], {})
        assert abs(again - size) <= unit // 200 + 1
    else:
        assert again == size


class Refused(Exception):
    pass


class Amount:
    """Bytes or plain number with Python's operators."""

    def __init__(self, value: Fraction, dimension: int) -> None:
        self.value, self.dimension = value, dimension

    def _like(self, other: Amount) -> None:
        if self.dimension != other.dimension:
            raise Refused

    def __add__(self, other: Amount) -> Amount:
        self._like(other)
        return Amount(self.value + other.value, self.dimension)

    def __sub__(self, other: Amount) -> Amount:
        return self + -other

    def __neg__(self) -> Amount:
        return Amount(-self.value, self.dimension)

    def __mul__(self, other: Amount) -> Amount:
        if self.dimension + other.dimension > 1:
            raise Refused
        return Amount(self.value * other.value, self.dimension + other.dimension)

    def __truediv__(self, other: Amount) -> Amount:
        if other.value == 0 or self.dimension < other.dimension:
            raise Refused
        return Amount(self.value / other.value, self.dimension - other.dimension)


def _extreme(choose: Callable[..., Fraction]) -> Callable[..., Amount]:
    def function(*amounts: Amount) -> Amount:
        if len({amount.dimension for amount in amounts}) > 1:
            raise Refused
        return Amount(choose(amount.value for amount in amounts), amounts[0].dimension)

    return function


def _clamp(x: Amount, low: Amount, high: Amount) -> Amount:
    if not x.dimension == low.dimension == high.dimension or low.value > high.value:
        raise Refused
    return Amount(low.value if x.value < low.value else min(x.value, high.value), x.dimension)


ORACLE = {
    "A": lambda number, factor, dimension: Amount(Fraction(number) * Fraction(factor), dimension),
    "min": _extreme(min),
    "max": _extreme(max),
    "clamp": _clamp,
    **{name: Amount(Fraction(q.value, q.divisor), q.dimension) for name, q in NAMES.items()},
}

LEAF_UNITS = {"": ("1", 0), "%": ("1/100", 0), "B": ("1", 1), "k": ("1024", 1), " MiB": (str(MIB), 1), "GB": ("1e9", 1)}


class Pair(NamedTuple):
    """One expression twice: in our grammar, and as Python for the oracle."""

    ours: str
    python: str


def _literal(number: str, unit: str) -> Pair:
    factor, dimension = LEAF_UNITS[unit]
    return Pair(number + unit, f"A({number!r}, {factor!r}, {dimension})")


NUMBERS = st.one_of(
    st.integers(0, 40).map(str), st.tuples(st.integers(0, 99), st.integers(0, 99)).map("%d.%02d".__mod__)
)
LEAVES = st.one_of(
    st.builds(_literal, NUMBERS, st.sampled_from(sorted(LEAF_UNITS))),
    st.sampled_from(sorted(NAMES)).map(lambda name: Pair(name, name)),
)


def _grown(parts: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def wrapped(before: str, after: str) -> st.SearchStrategy[Pair]:
        return parts.map(lambda p: Pair(before + p.ours + after, before + p.python + after))

    def called(name: str, least: int, most: int) -> st.SearchStrategy[Pair]:
        arguments = st.lists(parts, min_size=least, max_size=most)
        return arguments.map(lambda ps: Pair(*(f"{name}({' , '.join(side)})" for side in zip(*ps))))

    # No brackets here: which operator binds tighter is what the oracle is asked.
    binary = st.builds(
        lambda left, operator, right: Pair(left.ours + operator + right.ours, left.python + operator + right.python),
        parts,
        st.sampled_from([" + ", " - ", "*", " / ", " * "]),
        parts,
    )
    return st.one_of(
        binary,
        binary,
        wrapped("(", " )"),
        wrapped("-", ""),
        called("min", 1, 3),
        called("max", 1, 3),
        called("clamp", 3, 3),
    )


def _oracle(python: str) -> Amount | None:
    try:
        result = eval(python, {"__builtins__": {}}, dict(ORACLE))
    except Refused:
        return None
    assert isinstance(result, Amount)
    return result


@settings(max_examples=600)
@given(st.recursive(LEAVES, _grown, max_leaves=8))
def test_the_grammar_agrees_with_python(pair: Pair) -> None:
    expected = _oracle(pair.python)
    if expected is None:
        with pytest.raises(HighwaterError):
            evaluate("size", pair.ours, NAMES)
    else:
        found = evaluate("size", pair.ours, NAMES)
        assert found.divisor > 0
        assert (Fraction(found.value, found.divisor), found.dimension) == (expected.value, expected.dimension)


SCRAPS = st.sampled_from([*"0123456789.,+-*/()% \t\n\0_x", "ram", "min(", "clamp(", "MiB", "G", "kB", "é"])


def _complaint(text: str) -> str | None:
    try:
        assert size_in_bytes("size", text, NAMES) > 0
    except HighwaterError as error:
        return str(error)
    return None


@settings(max_examples=600)
@given(st.one_of(st.lists(SCRAPS, max_size=60).map("".join), st.text(max_size=40)))
def test_any_text_is_a_size_or_one_sentence(text: str) -> None:
    complaint = _complaint(text)
    if complaint is not None:
        assert complaint.startswith("size: ")
        assert len(complaint) < 1000
        assert complaint.isprintable()
