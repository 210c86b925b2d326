# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The size grammar: ``min(ram / 2, 4GiB)`` and the like, evaluated exactly on the host.

    sum      product (("+" | "-") product)*
    product  factor (("*" | "/") factor)*
    factor   "-" factor | "(" sum ")" | number unit? | number "%" | name
             | ("min" | "max") "(" sum ("," sum)* ")" | "clamp" "(" x "," low "," high ")"

Every part is either bytes or a plain number, and the two never mix: ``512 + 1GiB`` is refused, because
people mean MiB, kB or bytes by the 512. Whatever is wrong is a HighwaterError of one sentence.
"""

from __future__ import annotations

import re
from typing import Iterable, Mapping, NoReturn, Tuple

from ansible_collections.highwater.memory.plugins.module_utils.core.errors import HighwaterError
from ansible_collections.highwater.memory.plugins.module_utils.core.quantity import (
    BYTES,
    PLAIN,
    UNITS,
    Quantity,
    decimal,
    format_size,
    reduced,
)
from ansible_collections.highwater.memory.plugins.module_utils.core.values import NamedTuple

__all__ = (
    "BYTES",
    "PLAIN",
    "Quantity",
    "evaluate",
    "format_size",
    "is_literal",
    "machine_names",
    "plain_number",
    "size_in_bytes",
)

FUNCTIONS = ("min", "max", "clamp")

# Bounds that no honest expression reaches; they keep the recursion and the integers small.
LONGEST = 500
DEEPEST = 32
LARGEST = 2**63

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:\s*(?P<unit>%|[A-Za-z_][A-Za-z_0-9]*))?"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)|(?P<mark>[-+*/(),]))"
)


class _Token(NamedTuple):
    kind: str  # number, name, mark or end
    text: str
    unit: str = ""  # of a number: "", "%" or the word after it


class _Source(NamedTuple):
    """What an error needs to name, and what the parser reads."""

    option: str
    text: str
    names: Mapping[str, Quantity]
    tokens: tuple[_Token, ...]

    def refuse(self, problem: str) -> NoReturn:
        _refuse(self.option, self.text, problem)


def machine_names(ram: int, available: int, cpus: int, **more_bytes: int) -> dict[str, Quantity]:
    """The names that every expression may refer to, and more_bytes: those of one kind of object.

    ram, available: bytes (MemTotal and MemAvailable of /proc/meminfo); cpus: processors that are online.
    """
    names = {name: Quantity(size, BYTES) for name, size in dict(more_bytes, ram=ram, available=available).items()}
    names["cpus"] = Quantity(cpus, PLAIN)
    return names


_Parsed = Tuple[Quantity, int]  # a value, and the index of the token after it


def evaluate(option: str, text: object, names: Mapping[str, Quantity], percent_of: str | None = None) -> Quantity:
    """The exact amount that an expression stands for.

    option:     the name that an error begins with.
    text:       the expression; an int or float from YAML counts as its text.
    names:      what the expression may refer to, such as ``{"ram": Quantity(MemTotal, BYTES)}``.
    percent_of: the name that a lone percentage (``25%``) is of; without it, it is a plain number.
    Raises HighwaterError for anything that is not an expression, or mixes bytes and plain numbers.
    """
    expression = _expression(option, text)
    source = _Source(option, expression, names, _tokens(option, expression))
    result, at = _sum(source, 0, 0)
    if source.tokens[at].kind != "end":
        _refuse_rest(source, at)
    if percent_of is None or not _is_lone_percentage(source.tokens):
        return result
    if percent_of not in names:
        source.refuse(f"is a percentage of {percent_of}, which is not known here; write an amount such as 512MiB")
    return _product_of(source, result, names[percent_of])


def size_in_bytes(
    option: str, text: object, names: Mapping[str, Quantity], percent_of: str = "ram", allow_zero: bool = False
) -> int:
    """The whole bytes (rounded down) of an expression: above 0, or from 0 on with allow_zero; at most 2**63.

    A plain result is refused with a proposal of units. Only 0 needs none, where it is allowed.
    Raises HighwaterError.
    """
    result = evaluate(option, text, names, percent_of)
    expression = _expression(option, text)
    if result.dimension != BYTES and result.value != 0:
        _refuse(option, expression, _unit_proposal(expression, result))
    size = result.floor()
    if size < 0:
        _refuse(option, expression, f"is negative ({result.words()}); write a size above 0, such as 512MiB")
    if size == 0 and not allow_zero:
        _refuse(option, expression, "is not even one byte; write a size above 0, such as 512MiB")
    if size > LARGEST:
        _refuse(option, expression, "is more than 8388608 TiB, which no kernel can address; write a smaller size")
    return size


def plain_number(option: str, text: object, names: Mapping[str, Quantity]) -> int:
    """The whole number (rounded down) of an expression for a setting that is no amount of memory.

    It may be negative: what the setting takes is for the caller to say. Raises HighwaterError.
    """
    result = evaluate(option, text, names)
    expression = _expression(option, text)
    if result.dimension != PLAIN:
        _refuse(
            option,
            expression,
            f"is an amount of memory ({result.words()}) where a plain number is wanted; "
            "leave the unit off, or divide by another amount",
        )
    if _is_lone_percentage(_tokens(option, expression)):
        _refuse(option, expression, "is a percentage of nothing; write a plain number, or what it is a share of")
    return result.floor()


def is_literal(text: object) -> bool:
    """Whether an expression depends on nothing of the host: no name, and no lone percentage (which is of a name).

    A literal is exact and never evaluated again. What is no expression is no literal.
    """
    try:
        evaluate("", text, {})
        return not _is_lone_percentage(_tokens("", _expression("", text)))
    except HighwaterError:
        return False


# --- from text to tokens ---------------------------------------------------------------------------------------------


def _refuse(option: str, text: str, problem: str) -> NoReturn:
    raise HighwaterError(f"{option}: {_shown(text)} {problem}")


def _shown(text: str) -> str:
    short = text if len(text) <= 80 else text[:77] + "..."
    return short if short.isprintable() and short else repr(short)


def _expression(option: str, text: object) -> str:
    """The text of an option's value. YAML makes an int of ``512``, and its text is what the user wrote."""
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        _refuse(option, str(text), "is not a size; write an amount such as 512MiB, or an expression such as ram / 4")
    stripped = str(text).strip()
    if not stripped:
        _refuse(option, stripped, "is empty; write an amount such as 512MiB, or an expression such as ram / 4")
    if len(stripped) > LONGEST:
        _refuse(option, stripped, f"has {len(stripped)} characters; write an expression of at most {LONGEST}")
    return stripped


def _tokens(option: str, text: str) -> tuple[_Token, ...]:
    """All tokens of a stripped text, and the one that marks its end."""
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            strange = text[at:].lstrip()[0]
            _refuse(option, text, f"has {strange!r}, which means nothing here; write for instance 512MiB or ram * 25%")
        found.append(_token(match))
        at = match.end()
    return (*found, _Token("end", ""))


def _token(match: re.Match[str]) -> _Token:
    number, unit, name, mark = match.groups()
    if number is not None:
        return _Token("number", number, unit or "")
    return _Token("name", name) if name is not None else _Token("mark", mark)


def _is_lone_percentage(tokens: Iterable[_Token]) -> bool:
    """Whether a single ``N%`` is all there is, apart from brackets and a sign."""
    parts = [token for token in tokens if token.kind != "end" and token.text not in ("(", ")", "-")]
    return len(parts) == 1 and parts[0].unit == "%"


# --- from tokens to a value ------------------------------------------------------------------------------------------


def _is_mark(source: _Source, at: int, marks: str) -> bool:
    token = source.tokens[at]
    return token.kind == "mark" and token.text in marks


def _sum(source: _Source, at: int, depth: int) -> _Parsed:
    left, at = _product(source, at, depth)
    while _is_mark(source, at, "+-"):
        sign = 1 if source.tokens[at].text == "+" else -1
        right, at = _product(source, at + 1, depth)
        left = _sum_of(source, left, right, sign)
    return left, at


def _product(source: _Source, at: int, depth: int) -> _Parsed:
    left, at = _factor(source, at, depth)
    while _is_mark(source, at, "*/"):
        operation = _product_of if source.tokens[at].text == "*" else _quotient_of
        right, at = _factor(source, at + 1, depth)
        left = operation(source, left, right)
    return left, at


def _factor(source: _Source, at: int, depth: int) -> _Parsed:
    if depth > DEEPEST:
        source.refuse(f"is nested more than {DEEPEST} deep; write it with fewer brackets and signs")
    token = source.tokens[at]
    if token.kind == "number":
        return _literal(source, token), at + 1
    if token.kind == "name":
        return _call(source, at, depth) if _is_mark(source, at + 1, "(") else (_named(source, token.text), at + 1)
    if token.text == "-":
        value, at = _factor(source, at + 1, depth + 1)
        return value._replace(value=-value.value), at
    if token.text == "(":
        value, at = _sum(source, at + 1, depth + 1)
        return value, _closed(source, at)
    where = f"has {token.text} where" if token.kind == "mark" else "ends where"
    source.refuse(f"{where} an amount is expected, such as 512MiB or ram")


def _literal(source: _Source, token: _Token) -> Quantity:
    if not token.unit:
        return decimal(token.text)
    if token.unit == "%":
        value = decimal(token.text)
        return reduced(value.value, PLAIN, value.divisor * 100)
    factor = UNITS.get(token.unit.lower())
    if factor is None:
        source.refuse(f"has the unknown unit {token.unit}; {_known_unit(source, token)}")
    return decimal(token.text, BYTES, factor)


def _known_unit(source: _Source, token: _Token) -> str:
    number, unit = token.text, token.unit
    if unit in source.names or unit in FUNCTIONS:
        return f"write {number} * {unit}"
    letter = unit[0].upper()
    if letter in ("K", "M", "G", "T"):
        return f"write {number}{letter}iB (of 1024) or {number}{letter if letter != 'K' else 'k'}B (of 1000)"
    if letter == "B":
        return f"write {number}B"
    return "units are B, KiB, MiB, GiB, TiB (K, M, G, T mean the same) and kB, MB, GB, TB"


def _named(source: _Source, name: str) -> Quantity:
    if name in source.names:
        return source.names[name]
    if name in FUNCTIONS:
        source.refuse(f"has {name} without its arguments; write {_usage(name)}")
    if name.lower() in UNITS:
        source.refuse(f"has the unit {name} without a number before it; write for instance 512{name}")
    source.refuse(f"has the unknown name {name}; {_known_names(source)}")


def _known_names(source: _Source) -> str:
    names = ", ".join(sorted(source.names)) or "none"
    return f"names here: {names}; functions: {', '.join(FUNCTIONS)}"


def _usage(function: str) -> str:
    return "clamp(x, low, high)" if function == "clamp" else f"{function}(a, b)"


def _call(source: _Source, at: int, depth: int) -> _Parsed:
    function = source.tokens[at].text
    if function not in FUNCTIONS:
        source.refuse(f"has the unknown function {function}; {_known_names(source)}")
    first, at = _sum(source, at + 2, depth + 1)
    arguments = [first]
    while _is_mark(source, at, ","):
        value, at = _sum(source, at + 1, depth + 1)
        arguments.append(value)
    at = _closed(source, at)
    return _chosen(source, function, arguments), at


def _closed(source: _Source, at: int) -> int:
    if _is_mark(source, at, ")"):
        return at + 1
    if source.tokens[at].kind == "end":
        source.refuse("has a ( that is never closed; add the )")
    _refuse_rest(source, at)


def _refuse_rest(source: _Source, at: int) -> NoReturn:
    """Complain of a token that cannot follow what stands before it."""
    token = source.tokens[at]
    found = token.text + token.unit
    if token.text == ")":
        source.refuse("has a ) without its (; take it away or add the (")
    if token.text == ",":
        source.refuse("has a comma outside min, max and clamp; decimals are written with a point, as in 1.5GiB")
    source.refuse(f"goes on with {found} where it should end; put one of + - * / before it or take it away")


# --- exact arithmetic on bytes and plain numbers ---------------------------------------------------------------------


def _same_dimension(source: _Source, amounts: Iterable[Quantity], verb: str) -> None:
    if len({amount.dimension for amount in amounts}) > 1:
        source.refuse(f"{verb} bytes and a plain number; give each part a unit, and write a share as ram * 25%")


def _sum_of(source: _Source, left: Quantity, right: Quantity, sign: int) -> Quantity:
    _same_dimension(source, (left, right), "adds" if sign > 0 else "subtracts")
    value = left.value * right.divisor + sign * right.value * left.divisor
    return reduced(value, left.dimension, left.divisor * right.divisor)


def _product_of(source: _Source, left: Quantity, right: Quantity) -> Quantity:
    if left.dimension == right.dimension == BYTES:
        source.refuse("multiplies bytes by bytes; one of the two must be a plain number")
    return reduced(left.value * right.value, left.dimension + right.dimension, left.divisor * right.divisor)


def _quotient_of(source: _Source, left: Quantity, right: Quantity) -> Quantity:
    if right.value == 0:
        source.refuse("divides by zero; write a divisor that is not 0")
    if left.dimension < right.dimension:
        source.refuse("divides a plain number by bytes; divide bytes by bytes, or bytes by a plain number")
    return reduced(left.value * right.divisor, left.dimension - right.dimension, left.divisor * right.value)


def _chosen(source: _Source, function: str, arguments: list[Quantity]) -> Quantity:
    """One of the arguments: the result of min, max or clamp."""
    if function == "clamp" and len(arguments) != 3:
        source.refuse(f"gives clamp {len(arguments)} of its 3 arguments; write {_usage(function)}")
    _same_dimension(source, arguments, "compares")
    common = 1
    for argument in arguments:
        common *= argument.divisor
    ordered = sorted(arguments, key=lambda amount: amount.value * (common // amount.divisor))
    if function == "min":
        return ordered[0]
    if function == "max":
        return ordered[-1]
    _x, low, high = arguments
    if low.value * high.divisor > high.value * low.divisor:
        source.refuse(f"clamps to nothing, {low.words()} being above {high.words()}; write {_usage(function)}")
    return ordered[1]  # the middle one: with low <= high that is x held between the two


# --- words for messages ----------------------------------------------------------------------------------------------


def _unit_proposal(expression: str, result: Quantity) -> str:
    if len(expression) <= 20 and expression.replace(".", "", 1).isdecimal():
        return f"has no unit; write {expression}MiB, {expression}kB or {expression}B"
    if "%" in expression:
        return f"is the plain number {result.words()}; write a share of something, for instance ram * 25%"
    return f"is the plain number {result.words()}; give it a unit, for instance ({expression}) * 1MiB"
