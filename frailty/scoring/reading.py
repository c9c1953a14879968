"""A definition file as read: where a word stands, and refusals that say so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from frailty.errors import DefinitionError, nearest
from frailty.scoring import words


@dataclass
class File:
    """The text of a definition file, to find the line of what is wrong."""

    name: str
    text: str

    def where(self, table: str = "", nth: int = 0, key: str = "") -> str:
        """'<file>, line <n>': the key inside the nth [[table]] (table '' = top level), as near as can be found."""
        header = re.compile(r"^\s*\[\[?\s*([\w.\-]+)")
        here, count, start = table == "", -1, 1
        for number, line in enumerate(self.text.splitlines(), 1):
            match = header.match(line)
            if match:
                count += match[1] == table
                here = match[1] == table and count == nth
                if here:
                    start = number
            elif here and key and re.search(rf"(?<![\w\-]){re.escape(key)}(?![\w\-])\s*=", line):
                return f"{self.name}, line {number}"
        return f"{self.name}, line {start}" if table else self.name


@dataclass(frozen=True)
class At:
    """A place in a file."""

    file: File
    table: str = ""
    nth: int = 0

    def fail(self, what: str, key: str = "", *, why: str = "", mend: str = "") -> NoReturn:
        raise DefinitionError(what, where=self.file.where(self.table, self.nth, key), why=why, mend=mend)

    def check(self, got: dict[str, Any], allowed: words.Words, place: str) -> None:
        """Refuse keys that the language does not have."""
        for key in got:
            self.word(key, allowed, f"'{key}' in {place}", key)

    def word(self, word: Any, allowed: words.Words, label: str, key: str) -> str:
        if word in allowed:
            return str(word)
        self.fail(f"{label} is not a word of the scorecard language.", key,
                  mend=nearest(str(word), allowed) or f"use one of: {', '.join(allowed)}")

    def text(self, got: Any, key: str) -> str:
        if not isinstance(got, str):
            self.fail(f"'{key}' must be text.", key, why=f"it is {got!r}", mend=f'{key} = "..."')
        return got

    def whole(self, got: Any, key: str, least: int = 0) -> int:
        if not isinstance(got, int) or isinstance(got, bool) or got < least:
            self.fail(f"'{key}' must be a whole number of at least {least}.", key, why=f"it is {got!r}")
        return got

    def number(self, got: Any, key: str) -> Decimal:
        if isinstance(got, bool) or not isinstance(got, int | Decimal) or not Decimal(got).is_finite():
            self.fail(f"'{key}' must be a number.", key, why=f"it is {got!r}")
        return Decimal(got)

    def table_of(self, got: Any, key: str) -> dict[str, Any]:
        if not isinstance(got, dict):
            self.fail(f"'{key}' must be a table.", key, why=f"it is {got!r}", mend=f"{key} = {{ ... }}")
        return got

    def truth(self, got: Any, key: str) -> bool:
        if not isinstance(got, bool):
            self.fail(f"'{key}' must be true or false.", key, why=f"it is {got!r}")
        return got

    def texts(self, got: Any, key: str) -> tuple[str, ...]:
        if not isinstance(got, list) or not all(isinstance(one, str) for one in got):
            self.fail(f"'{key}' must be a list of texts.", key, mend=f'{key} = ["..."]')
        return tuple(got)

    def tables_of(self, got: Any, key: str) -> list[dict[str, Any]]:
        if not isinstance(got, list) or not all(isinstance(one, dict) for one in got):
            self.fail(f"'{key}' must be a list of tables.", key, mend=f"{key} = [ {{ ... }} ]")
        return got


@dataclass(frozen=True)
class Raw:
    """One [[table]] as read, and where it stands."""

    table: dict[str, Any]
    at: At
