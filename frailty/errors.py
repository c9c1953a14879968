"""Errors that a person can act on: what happened, where, why, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FrailtyError(Exception):
    """An error whose text is meant for the person who runs the command.

    `where` names a file and line, or a sheet and row; it never holds a patient's identifier.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", mend: str = "") -> None:
        self.what, self.where, self.why, self.mend = what, where, why, mend
        super().__init__(self.text())

    def text(self) -> str:
        """The whole message, one part a line."""
        lines = [self.what]
        lines += [f"  {label}: {part}" for label, part in
                  (("where", self.where), ("why", self.why), ("mend", self.mend)) if part]
        return "\n".join(lines)


class DefinitionError(FrailtyError):
    """Something under rules/ or models/ cannot be used as it stands."""


class RecordsError(FrailtyError):
    """Records cannot be read at all (single bad records are quarantined instead)."""


class SiteError(FrailtyError):
    """site.toml, or a file it names, cannot be used as it stands."""


def nearest(word: str, known: Iterable[str], most: int = 1, least: float = 0.6, quotes: str = "''", otherwise: str = "") -> str:
    """How to mend a slip of the pen: the known words, at most so many, that are at least so much like it; else `otherwise`."""
    near = difflib.get_close_matches(word, list(known), most, least)
    before, after = quotes[:1], quotes[1:]
    return f"did you mean {' or '.join(before + one + after for one in near)}?" if near else otherwise
