# Copyright (c) 2026, the highwater.memory authors
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors that reach a user, each one sentence: option or file, value found, what would do."""

from __future__ import annotations


class HighwaterError(Exception):
    """What was asked cannot be done, and nothing of it was left half done.

    message: one sentence for the user.
    reason:  a fixed word that roles decide by (``filesystem``, ``headroom`` ...); ``options`` where these are wrong.
    facts:   what a role needs to act on the reason (``os_id``, ``kernel``); part of the return.
    """

    def __init__(self, message: str, reason: str = "options", **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.facts = facts


class Stopped(HighwaterError):
    """A signal has come: it means the whole run, so that whoever goes on after an error lets it through."""


class Unsupported(HighwaterError):
    """This host or kernel cannot do it, whatever the options: ``on_unsupported`` decides what follows."""


def cause(error: Exception) -> str:
    """An error in a few words: the kernel's own for an OSError, with the file that it is about."""
    if isinstance(error, OSError) and error.strerror:
        return "%s (%s)" % (error.strerror, error.filename) if error.filename else error.strerror
    return str(error)
