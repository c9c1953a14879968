"""Errors that a person can act on: what happened, where, why, and how to mend it."""

from __future__ import annotations


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
