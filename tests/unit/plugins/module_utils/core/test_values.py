# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named tuples of our own are what typing's are to whoever uses them.

Fails where a class made by one does something that the same class made by the other does not.
"""

from __future__ import annotations

import pickle
import typing
from typing import Optional

import pytest
from ansible_collections.highwater.memory.plugins.module_utils.core import values


class Ours(values.NamedTuple):
    """Of a place."""

    path: str
    size: int = 0
    label: Optional[str] = None

    UNIT = "bytes"

    def words(self) -> str:
        return "%s has %d %s" % (self.path, self.size, self.UNIT)

    @property
    def empty(self) -> bool:
        return not self.size

    @classmethod
    def root(cls) -> Ours:
        return cls("/")


class Theirs(typing.NamedTuple):
    """Of a place."""

    path: str
    size: int = 0
    label: Optional[str] = None


class Nothing(values.NamedTuple):
    """No fields at all: an action without arguments."""

    def perform(self) -> str:
        return "done"


def test_is_what_typing_makes():
    for name in ("_fields", "_field_defaults", "__doc__", "__module__", "__slots__"):
        assert getattr(Ours, name) == getattr(Theirs, name), name
    assert Ours.__name__ == Ours.__qualname__ == "Ours"
    assert Ours.__mro__[1:] == Theirs.__mro__[1:] == (tuple, object)


def test_values():
    one = Ours("/swapfile", size=3)
    assert one == ("/swapfile", 3, None) == Theirs("/swapfile", 3)
    assert one._asdict() == {"path": "/swapfile", "size": 3, "label": None}
    assert one._replace(label="x") == Ours("/swapfile", 3, "x")
    assert repr(one) == "Ours(path='/swapfile', size=3, label=None)"
    assert pickle.loads(pickle.dumps(one)) == one
    assert len({one, Ours("/swapfile", 3)}) == 1


def test_what_else_a_class_has():
    assert Ours("/a", 2).words() == "/a has 2 bytes"
    assert Ours.root().empty
    assert not Ours("/a", 2).empty
    assert Nothing() == ()
    assert Nothing().perform() == "done"


@pytest.mark.parametrize("arguments", [(), ("/a", 1, None, 2)])
def test_number_of_arguments(arguments):
    with pytest.raises(TypeError):
        Ours(*arguments)


def test_is_immutable():
    with pytest.raises(AttributeError):
        Ours("/a").size = 2
    with pytest.raises(AttributeError):
        Ours("/a").other = 2


def test_fields_with_a_default_come_last():
    with pytest.raises(TypeError, match="Wrong: a field without a default"):

        class Wrong(values.NamedTuple):
            path: str = "/"
            size: int
