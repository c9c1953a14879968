"""Spreadsheets that people fill in: rows by heading, what is wrong with which cell, and files that are the same twice."""

from __future__ import annotations

import difflib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.errors import FrailtyError

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
YES = ("yes", "y", "true", "1", "x", "please")
NO = ("no", "n", "false", "0", "")
HEAD_WITHIN = 20                    # the headings stand in one of the first rows
DAY_NUMBERS = (10_000, 80_000)      # what Excel calls the days from 1927 to 2119


@dataclass(frozen=True, order=True)
class Problem:
    """A cell that a person has to mend; `used`: it was read all the same. It never repeats what stands in the cell."""

    file: str
    sheet: str
    row: int
    column: str
    what: str
    mend: str
    used: bool = False

    def __str__(self) -> str:
        place = [self.file, f"sheet {self.sheet}" if self.sheet else "", f"row {self.row}" if self.row else "",
                 f"column {self.column}" if self.column else ""]
        text = ", ".join(part for part in place if part) + f": {self.what}. {self.mend[:1].upper()}{self.mend[1:]}"
        return text if text.endswith("?") else text + "."


def open_workbook(path: Path) -> Workbook:
    """The workbook in a file. Raises FrailtyError where it is none."""
    import warnings

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    mend = "save it as an Excel workbook (.xlsx) without a password"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")             # what openpyxl cannot keep of a file concerns nobody who only reads
            return load_workbook(path)
    except FileNotFoundError:
        raise FrailtyError("The workbook was not found.", where=str(path), mend="check the path") from None
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError, SyntaxError) as error:
        raise FrailtyError("This is not a workbook that can be read.", where=str(path), why=type(error).__name__,
                           mend=mend) from None


def heading(text: Any) -> str:
    """A heading as a key: "Review-on " is review_on."""
    return re.sub(r"[^a-z0-9]+", "_", str(text or "").casefold()).strip("_")


@dataclass
class Sheet:
    """One sheet, read by its headings. `columns`: key -> the heading as people see it; `example` marks rows to pass over."""

    worksheet: Worksheet
    file: str
    columns: Mapping[str, str]
    needed: Sequence[str]
    problems: list[Problem]
    strict: bool = True             # also say what was used all the same: hidden rows, blanks, numbers kept as text
    where: dict[str, int] = field(default_factory=dict)
    head: int = 0

    def rows(self) -> Iterator[Row]:
        """The filled rows below the headings; none where a needed heading is missing, which is then a problem."""
        if not self._find_head():
            return
        self._merged()
        for cells in self.worksheet.iter_rows(min_row=self.head + 1):
            number = cells[0].row
            found = {key: cells[at - 1] for key, at in self.where.items() if at <= len(cells)}
            if all(cell.value is None or not str(cell.value).strip() for cell in found.values()):
                continue
            if "example" in found and str(found["example"].value or "").strip():
                continue
            if self.strict and self.worksheet.row_dimensions[number].hidden:
                self.say(number, "", "the row is hidden, and was read", "show it, or delete it", used=True)
            yield Row(self, number, found)

    def say(self, row: int, key: str, what: str, mend: str, used: bool = False) -> None:
        """Notes a problem."""
        if used and not self.strict:
            return
        self.problems.append(Problem(self.file, self.worksheet.title, row, self.columns.get(key, key), what, mend, used))

    def _find_head(self) -> bool:
        names = {heading(shown): key for key, shown in self.columns.items()} | {key: key for key in self.columns}
        best: list[tuple[int, str]] = []
        for cells in self.worksheet.iter_rows(max_row=HEAD_WITHIN):
            found = [(cell.column, heading(cell.value)) for cell in cells if isinstance(cell.value, str) and cell.value.strip()]
            if sum(name in names for _, name in found) > sum(name in names for _, name in best):
                best, self.head = found, cells[0].row
        for at, name in best:
            near = difflib.get_close_matches(name, [one for one in names if names[one] not in self.where], 1, 0.9)
            key = names.get(name) or (names[near[0]] if near else "")
            if not key:
                continue
            if key in self.where:
                self.say(self.head, key, "the heading stands twice", "keep one of the two columns")
                return False
            self.where[key] = at
        missing = [key for key in self.needed if key not in self.where]
        known = set(self.where.values())
        others = [name for at, name in best if at not in known]
        for key in missing:
            near = difflib.get_close_matches(heading(self.columns[key]), others, 1, 0.4)
            self.say(self.head or 1, key, "there is no such heading", f"write “{self.columns[key]}” again above its column"
                     + (f" (it may now read “{near[0].replace('_', ' ')}”)" if near else ""))
        return not missing

    def _merged(self) -> None:
        for span in self.worksheet.merged_cells.ranges:
            if span.max_row > self.head:
                key = next((key for key, at in self.where.items() if span.min_col <= at <= span.max_col), "")
                self.say(max(span.min_row, self.head + 1), key, "cells are merged: all but the first are empty",
                         "unmerge them, and fill in each row")


@dataclass
class Row:
    """One row; each reader notes what is wrong with its cell and then gives an empty value."""

    sheet: Sheet
    number: int
    cells: Mapping[str, Any]

    def value(self, key: str) -> Any:
        """What stands in a cell; None where it is empty, an error or a formula (both are problems)."""
        cell = self.cells.get(key)
        if cell is None or cell.value is None:
            return None
        if cell.data_type == "f":
            self.say(key, "the cell holds a formula", "copy it, and paste it as a value")
            return None
        if cell.data_type == "e":
            self.say(key, "the cell holds an error of the spreadsheet", "type the value")
            return None
        return cell.value

    def say(self, key: str, what: str, mend: str, used: bool = False) -> None:
        """Notes a problem of a cell of this row."""
        self.sheet.say(self.number, key, what, mend, used)

    def text(self, key: str) -> str:
        """The text of a cell, blanks around it off. A room that Excel turned into a date is a problem."""
        value = self.value(key)
        if isinstance(value, (datetime, date, time)):
            self.say(key, "the spreadsheet made a date of what was typed", "format the cell as text, and type it again")
            return ""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = "" if value is None else str(value)
        if text != text.strip():
            self.say(key, "there are blanks before or after the text", "delete them", used=True)
        return " ".join(text.split()) if "\n" not in text else text.strip()

    def day(self, key: str, *, birth: bool = False, needed: bool = False) -> date | None:
        """The day in a cell: a date, an Excel day number, or one of the ways in which people write dates."""
        value = self.value(key)
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if DAY_NUMBERS[0] <= value <= DAY_NUMBERS[1]:
                from openpyxl.utils.datetime import from_excel
                self.say(key, "a day number instead of a date", "format the cell as a date", used=True)
                counted: datetime = from_excel(value, self.sheet.worksheet.parent.epoch)
                return counted.date()
            self.say(key, "this is a number, not a date", "write it as 22/11/2026")
            return None
        text = "" if value is None else str(value).strip()
        found = read_day(text, birth=birth)
        if text and found is None:
            there = re.search(r"\d", text)
            self.say(key, "there is no such day" if there else "this is not a date", "write it as 22/11/2026 or 22-Nov-2026")
        if not text and needed and key not in self.sheet.where:
            return None
        if not text and needed:
            self.say(key, "the date is missing", "write the day, as 22/11/2026")
        return found

    def number_in(self, key: str) -> int | None:
        """The whole number in a cell."""
        value = self.value(key)
        if isinstance(value, str) and re.fullmatch(r"\s*\d+\s*", value):
            self.say(key, "a number kept as text", "format the cell as a number, and type it again", used=True)
            value = int(value)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != int(value):
            self.say(key, "this is not a whole number", "write digits only")
            return None
        return int(value)

    def yes(self, key: str) -> bool | None:
        """True for yes, False for no, None for empty or neither (a problem)."""
        text = self.text(key).casefold()
        if text in YES:
            return True
        if text not in NO:
            self.say(key, "this is neither yes nor no", "choose from the list of the cell")
            return None
        return False if text else None

    def choice(self, key: str, known: Mapping[str, str]) -> str:
        """The code of the words in a cell; `known`: words -> code. Case does not matter, but is mentioned."""
        text = self.text(key)
        if not text or text in known:
            return known.get(text, "")
        plain = {words.casefold(): words for words in known} | {code.casefold(): words for words, code in known.items()}
        if text.casefold() in plain:
            words = plain[text.casefold()]
            if text != known[words]:
                self.say(key, "written in another way than in the list of the cell", f"choose “{words}”", used=True)
            return known[words]
        near = difflib.get_close_matches(text.casefold(), plain, 2, 0.6)
        self.say(key, "this is not one of the choices", "did you mean " + " or ".join(f"“{plain[one]}”" for one in near) + "?"
                 if near else "choose from the list of the cell")
        return ""

    def nhs_number(self, key: str) -> str:
        """Ten digits whose check digit is right; else empty and a problem."""
        text = self.text(key)
        number = digits(text)
        if not text or valid_nhs_number(number):
            return number
        if len(number) != 10:
            self.say(key, "this is not an NHS number of ten digits", "write all ten digits; format the cell as text")
        else:
            self.say(key, "the check digit is wrong: a digit is mistyped, or two have changed places", "compare with the record")
        return ""


def digits(text: str) -> str:
    """The digits of a number written with or without spaces and dashes; anything else makes it empty."""
    bare = re.sub(r"[\s\-]", "", text)
    return bare if bare.isascii() and bare.isdigit() else ""


def valid_nhs_number(number: str) -> bool:
    """Whether ten digits end in their check digit (modulus 11; NHS Data Dictionary, NHS NUMBER)."""
    if not re.fullmatch(r"[0-9]{10}", number):
        return False
    left = 11 - sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False)) % 11
    return left != 10 and left % 11 == int(number[9])


def read_day(text: str, *, birth: bool = False) -> date | None:
    """A day as people write it, the day before the month: 2026-11-22, 22/11/2026, 22.11.26, 22-Nov-2026, 22nd November 2026.

    Two digits of a year are of this century, or of the last one in a date of birth (from 15 on). None where it is no day.
    """
    text = re.sub(r"[ T]\d{1,2}:\d\d(:\d\d(\.\d+)?)?$", "", text.strip())
    found = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text)
    if found:
        year, month, day = (int(part) for part in found.groups())
    else:
        found = re.fullmatch(r"(?:[A-Za-z]{3,9},? )?(\d{1,2})(?:st|nd|rd|th)?\s*[/.\- ]\s*(\d{1,2}|[A-Za-z]{3,9})\.?,?\s*[/.\- ]\s*"
                             r"(\d{4}|\d{2})", text)
        if not found:
            return None
        name = found[2][:3].casefold()
        if not found[2].isdigit() and name not in MONTHS:
            return None
        day, month = int(found[1]), int(found[2]) if found[2].isdigit() else MONTHS.index(name) + 1
        year = int(found[3])
        if len(found[3]) == 2:
            year += 1900 if birth and year >= 15 else 2000
    try:
        return date(year, month, day)
    except ValueError:
        return None


# ---- writing

def put(worksheet: Worksheet, row: int, column: int, value: Any, style: str = "") -> Any:
    """A cell that no spreadsheet runs: what begins like a formula stays text, also when somebody edits it."""
    cell = worksheet.cell(row, column)
    if style:
        cell.style = style
    if isinstance(value, str):
        value = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", " ", value)
        cell.value = value
        cell.data_type = "s"
        if value.lstrip()[:1] in ("=", "+", "-", "@"):
            cell.quotePrefix = True
    else:
        cell.value = value
    return cell


def workbook_bytes(book: Workbook, day: date) -> bytes:
    """The file, the same to the byte whenever it is written: its times are those of the day that it is about."""
    stamp = datetime(day.year, day.month, day.day)
    book.properties.created, book.properties.creator = stamp, "frailty"
    raw, made = io.BytesIO(), io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp.isoformat().encode() + b"Z", data)
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, data)
    return made.getvalue()
