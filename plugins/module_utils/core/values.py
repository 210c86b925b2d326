# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Classes of immutable values: what typing.NamedTuple makes, in less than half the time.

typing compiles the annotation of each field to check it, which mypy has done long before. A module defines some fifty
such classes before it looks at anything, and start-up is most of what a converged host costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

    class _Definition(type):
        """Turns the body of a class into a named tuple: its annotations are the fields, in order."""

        def __new__(mcs, name, bases, body):
            if not bases:
                return super().__new__(mcs, name, bases, body)
            fields = list(body.pop("__annotations__", ()))
            optional = [field for field in fields if field in body]
            if optional != fields[len(fields) - len(optional) :]:
                raise TypeError("%s: a field without a default follows one that has one" % name)
            defaults = [body.pop(field) for field in optional]
            made = namedtuple(name, fields, defaults=defaults, module=body.pop("__module__"))
            for key, item in body.items():
                setattr(made, key, item)
            return made

    class NamedTuple(metaclass=_Definition):
        """To derive from, as from typing's."""


__all__ = ("NamedTuple",)
