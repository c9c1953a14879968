"""The answer comes back: filled worklists read, each row held against the line it answers, and kept in the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.errors import FrailtyError
from frailty.records.stage import insert_rows
from frailty.records.tasks import read_tasks
from frailty.sheets import Problem, Row, Sheet, digits, open_workbook
from frailty.site import Site
from frailty.site.people import NEEDED, SHEETS
from frailty.triage.lines import Line, unpack
from frailty.triage.outcomes import TASK, Decision, Outcomes, load_outcomes

if TYPE_CHECKING:
    import duckdb

Pages = dict[tuple[str, ...], dict[tuple[str, str], Line]]      # (day, audience, id) -> (list, mark) -> line
SHEET = "Worklist"
COLUMNS = {"key": "Key", "name": "Name", "nhs_number": "NHS number", "outcome": "Outcome", "on": "Date", "by": "By",
           "review_on": "Review on", "note": "Note"}
ANSWER = ("outcome", "on", "by", "review_on", "note")
TABLE = """
CREATE TABLE IF NOT EXISTS decision (                         -- what people answered; never overwritten
    patient_id VARCHAR, mark VARCHAR, audience VARCHAR, audience_id VARCHAR, list VARCHAR, listed_on DATE, rules VARCHAR[],
    outcome VARCHAR, decided_on DATE, decided_by VARCHAR, review_on DATE, note VARCHAR,
    asked VARCHAR, basis JSON,                                -- what the line said of requests; facts of its night
    source VARCHAR, row INTEGER, known_from INTEGER, known_to INTEGER
)"""


@dataclass(frozen=True)
class Answer:
    """One filled row, not yet held against its line."""

    key: str
    name: str
    nhs_number: str
    outcome: str
    on: date
    by: str
    review_on: date | None
    note: str
    file: str
    sheet: str
    row: int

    def problem(self, key: str, what: str, mend: str) -> Problem:
        """A problem of this row."""
        return Problem(self.file, self.sheet, self.row, COLUMNS.get(key, ""), what, mend)


@dataclass(frozen=True)
class TypedDecision:
    """A decision that names a person and a list, not a row: of site.xlsx, or of a Task. `patient_id` or `nhs_number` (digits)."""

    nhs_number: str
    list: str
    outcome: str
    on: date
    by: str
    review_on: date | None
    note: str
    file: str
    row: int
    sheet: str = "Decisions"
    patient_id: str = ""

    def problem(self, column: str, what: str, mend: str) -> Problem:
        """A problem of this decision."""
        return Problem(self.file, self.sheet, self.row, column, what, mend)


@dataclass
class Answers:
    """All filled rows of tonight, the files they came from, and what is wrong with the rest."""

    rows: list[Answer] = field(default_factory=list)
    typed: list[TypedDecision] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)


def row_key(as_of: date, audience: str, page_id: str, list_id: str, mark: str) -> str:
    """The hidden key of a row: which line of which night it answers, wherever the row is sorted or copied to."""
    return "|".join((as_of.isoformat(), audience, page_id, list_id, mark))


def read_answers(paths: Sequence[Path]) -> Answers:
    """Filled rows of workbooks, or of all workbooks in folders. A bad row or file is a problem; the others are read."""
    outcomes = load_outcomes()
    found = Answers()
    for path in paths:
        if not path.exists():
            raise FrailtyError("The filled worklists were not found.", where=str(path), mend="check --outcomes")
        files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        for file in files:
            name = str(file.relative_to(path)) if path.is_dir() else file.name
            kind = file.suffix.lower()
            if file.name.startswith(("~$", ".")) or (path.is_dir() and kind in (".html", ".csv", ".txt")):
                continue
            data = file.read_bytes()
            found.files[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            if kind in (".json", ".ndjson"):
                _read_tasks(file, name, outcomes, found)
            else:
                _read_file(file, name, outcomes, found)
    return found


def _read_tasks(file: Path, name: str, outcomes: Outcomes, found: Answers) -> None:
    """Outcomes that another system wrote into Task resources."""
    try:
        tasks = read_tasks(file)
    except FrailtyError as error:
        found.problems.append(Problem(name, "", 0, "", error.what.rstrip("."), error.mend[:1].upper() + error.mend[1:]))
        return
    codes = {one.code for one in outcomes.outcomes}
    for task in tasks:
        on = _iso(task.on)
        one = TypedDecision(digits(task.nhs_number), task.queue, task.outcome, on or date.min, task.by, _iso(task.review_on),
                            task.note, name, task.line, TASK, task.patient)
        if task.outcome not in codes:
            found.problems.append(one.problem("Task.output", "the outcome is none of our codes", "see rules/triage/outcomes.toml"))
        elif on is None:
            found.problems.append(one.problem("Task.executionPeriod", "there is no day", "give its end, or Task.lastModified"))
        elif not task.by:
            found.problems.append(one.problem("Task.owner", "nobody is named", "say who decided"))
        else:
            found.typed.append(one)


def _read_file(file: Path, name: str, outcomes: Outcomes, found: Answers) -> None:
    try:
        book = open_workbook(file)
    except FrailtyError as error:
        found.problems.append(Problem(name, "", 0, "", error.what.rstrip("."), error.mend[:1].upper() + error.mend[1:]))
        return
    read = 0
    for worksheet in book.worksheets:
        problems: list[Problem] = []
        sheet = Sheet(worksheet, name, COLUMNS, ("key", "outcome", "on", "by"), problems, strict=False)
        rows = list(sheet.rows())
        if "key" not in sheet.where and worksheet.title != SHEET:
            continue                                    # an explanation, or a sheet of their own
        read += 1
        found.problems += problems
        for row in rows:
            before = len(problems)
            answer = _answer(row, outcomes)
            found.problems += problems[before:]
            if answer:
                found.rows.append(answer)
    if not read:
        found.problems.append(Problem(name, "", 0, "", "no sheet of a worklist is in this file",
                                      "give the worklist.xlsx that was filled in; a newly made workbook cannot be read"))


def list_titles(rules: Path | None = None) -> dict[str, str]:
    """Title -> id of every list, as people know them; `rules`: with those of a site's own rules."""
    from frailty.triage.home_page import TABLES, TITLES
    from frailty.triage.rules import load_lists

    own = {one.title: one.id for one in load_lists(rules)}
    return own | {title: name for name, (title, _) in TITLES.items() if name not in TABLES}


def read_typed(site: Site, found: Answers, rules: Path | None = None) -> None:
    """Decisions typed into the site's workbook, added to those of the filled worklists; `rules`: whose lists may be named."""
    if not site.people:
        return
    outcomes, titles = load_outcomes(), list_titles(rules)
    for worksheet in open_workbook(Path(site.people)).worksheets:
        if worksheet.title.strip().casefold() != "decisions":
            continue
        name = Path(site.people).name
        for row in Sheet(worksheet, name, SHEETS["Decisions"], NEEDED["Decisions"], found.problems).rows():
            before = len(found.problems)
            number, by, note = row.nhs_number("nhs_number"), row.text("by"), row.text("note")
            where, outcome = row.choice("list", titles), row.choice("outcome", outcomes.words())
            on, review = row.day("on", needed=True), row.day("review_on")
            for key, value in (("nhs_number", number), ("list", where), ("outcome", outcome), ("by", by)):
                if not value and not any(one.column == SHEETS["Decisions"][key] for one in found.problems[before:]):
                    row.say(key, "the cell is empty", "fill it in")
            if outcome and outcomes.get(outcome).note and not note:
                row.say("note", "this outcome needs a note", "say which, to whom, or why")
            if on is not None and all(one.used for one in found.problems[before:]):
                found.typed.append(TypedDecision(number, where, outcome, on, by, review, note, name, row.number))


def _answer(row: Row, outcomes: Outcomes) -> Answer | None:
    if all(row.cells.get(key) is None or row.cells[key].value in (None, "") for key in ANSWER):
        return None
    before = len(row.sheet.problems)
    outcome = row.choice("outcome", outcomes.words())
    if not outcome and len(row.sheet.problems) == before:
        row.say("outcome", "the outcome is missing", "choose one from the list of the cell")
    on, by = row.day("on", needed=True), row.text("by")
    if not by:
        row.say("by", "nobody is named", "write who decided")
    note = row.text("note")
    if outcome and outcomes.get(outcome).note and not note:
        row.say("note", "this outcome needs a note", "say which, to whom, or why")
    review = row.day("review_on")
    if on and review and review <= on:
        row.say("review_on", "the day lies before the decision", "write a later day, or none")
    key = row.text("key")
    if not key:
        row.say("key", "the row has no key: it was added by hand, or the hidden column was emptied",
                "write the outcome in site.xlsx, sheet Decisions")
    if len(row.sheet.problems) > before or on is None:
        return None
    return Answer(key, row.text("name"), digits(row.text("nhs_number")), outcome, on, by, review, note, row.sheet.file,
                  row.sheet.worksheet.title, row.number)


# ---- held against the lines, and kept

def keep_answers(con: duckdb.DuckDBPyConnection, found: Answers, load: int, as_of: date) -> int:
    """Put what is new into the store's table `decision`; returns how many rows that were. Needs `person_as_of`."""
    con.execute(TABLE)
    pages: Pages = {}
    made = []
    for answer in found.rows:
        decision = _decision(con, answer, as_of, pages, found.problems)
        if decision:
            made.append(decision)
    made += [decision for one in found.typed if (decision := _typed(con, one, as_of, found.problems))]
    kept = {_identity(one): one for one in load_decisions(con)}
    fresh = [one for name, one in {_identity(one): one for one in made}.items() if name not in kept]
    for one in fresh:                                   # the same row, written otherwise than last time: a correction
        con.execute("""UPDATE decision SET known_to = ? WHERE known_to IS NULL AND known_from < ? AND source = ?
                       AND mark = ? AND list = ? AND listed_on IS NOT DISTINCT FROM ?""",
                    [load, load, one.source, one.mark, one.list, one.listed_on])
    insert_rows(con, "decision", [
        (one.patient_id, one.mark, one.audience, one.audience_id, one.list, one.listed_on, list(one.rules), one.outcome, one.on,
         one.by, one.review_on, one.note, one.asked, json.dumps(dict(one.basis)), one.source, one.row, load, None)
        for one in fresh])
    return len(fresh)


def load_decisions(con: duckdb.DuckDBPyConnection, as_of: date | None = None) -> list[Decision]:
    """Decisions that stand, as far as they were made by a day."""
    if not con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'decision'").fetchall()[0][0]:
        return []                                       # a store opened to read, in which nobody has answered yet
    cursor = con.execute("""
        SELECT patient_id, mark, audience, audience_id, list, listed_on, rules, outcome, decided_on AS on, decided_by AS by,
               review_on, note, asked, basis, source, row FROM decision
        WHERE known_to IS NULL AND ($day::DATE IS NULL OR decided_on <= $day)
        ORDER BY decided_on, source, row, patient_id""", {"day": as_of})
    names = [column[0] for column in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [Decision(**row | {"rules": tuple(row["rules"]), "basis": json.loads(row["basis"])}) for row in rows]


def _identity(one: Decision) -> tuple[Any, ...]:
    """Two rows that say the same are one decision, in however many files they stand."""
    return (one.patient_id, one.mark, one.list, one.outcome, one.on, one.by.casefold(), one.review_on, one.note)


def _decision(con: duckdb.DuckDBPyConnection, answer: Answer, as_of: date, pages: Pages,
              problems: list[Problem]) -> Decision | None:
    parts = answer.key.split("|", 4)
    day = _iso(parts[0])
    if len(parts) < 5 or day is None:
        problems.append(answer.problem("key", "the hidden key was changed", "fill in a new worklist.xlsx"))
        return None
    if answer.on > as_of:
        problems.append(answer.problem("on", "the day lies in the future", "write the day of the decision"))
        return None
    _, audience, page_id, list_id, mark = parts
    place = (parts[0], audience, page_id)
    if place not in pages:
        pages[place] = {(line.list, line.mark): line for line in _lines(con, day, audience, page_id)}
    line = pages[place].get((list_id, mark)) or _unlisted(con, audience, list_id, mark)
    if line is None:
        problems.append(answer.problem(
            "key", "no list of this store holds this row: the file is of another site, or of a run that this store does not know",
            "fill in the worklist.xlsx of this site's own lists"))
        return None
    if (answer.name and _plain(answer.name) != _plain(line.card.name)) or (
            answer.nhs_number and line.card.nhs_number and answer.nhs_number != line.card.nhs_number):
        problems.append(answer.problem("name", "the name and the hidden key are of two people: perhaps only some columns were "
                                       "sorted, or the file is of another site", "fill in a new worklist.xlsx"))
        return None
    return Decision(line.patient_id, list_id, answer.outcome, answer.on, answer.by, answer.review_on, answer.note,
                    f"{answer.file}, {answer.sheet}", answer.row, audience, page_id, day, mark, line.rules, _asked(line),
                    line.basis)


def _typed(con: duckdb.DuckDBPyConnection, one: TypedDecision, as_of: date, problems: list[Problem]
           ) -> Decision | None:
    """A row of the sheet Decisions, or a Task: the person, and the line of that list that was last shown."""
    people = con.execute("SELECT patient_id FROM person_as_of WHERE patient_id = ?", [one.patient_id]).fetchall() or con.execute(
        "SELECT patient_id FROM person_as_of WHERE nhs_number = ? ORDER BY 1", [one.nhs_number]).fetchall()
    if len(people) != 1:
        what = "nobody in the records has this number" if not people else "two people have this number"
        problems.append(one.problem("NHS number", what, "compare with the record"))
        return None
    if one.on > as_of:
        problems.append(one.problem("Date", "the day lies in the future", "write the day of the decision"))
        return None
    row = con.execute("""SELECT facts, audience, audience_id, as_of FROM listed WHERE patient_id = ? AND list = ? AND as_of <= ?
                         AND status <> 'came off' ORDER BY as_of DESC, run DESC LIMIT 1""",
                      [people[0][0], one.list, as_of]).fetchone()
    line = unpack(str(row[0])) if row else None
    person, source = people[0][0], f"{one.file}, {one.sheet}"
    made = Decision(person, one.list, one.outcome, one.on, one.by, one.review_on, one.note, source, one.row, mark=person)
    if row is None:
        return made
    line = unpack(str(row[0]))
    return replace(made, audience=row[1], audience_id=row[2], listed_on=row[3], mark=line.mark, rules=line.rules,
                   asked=_asked(line), basis=line.basis)


def _lines(con: duckdb.DuckDBPyConnection, day: date, audience: str, page_id: str) -> list[Line]:
    rows = con.execute("""SELECT facts FROM listed WHERE as_of = ? AND audience = ? AND audience_id = ? AND list <> 'register'
                          AND status <> 'came off' ORDER BY run""", [day, audience, page_id]).fetchall()
    return [unpack(str(row[0])) for row in rows]


def _unlisted(con: duckdb.DuckDBPyConnection, audience: str, list_id: str, mark: str) -> Line | None:
    """Everybody else at a home: on the page, but not kept from run to run."""
    if audience != "home" or list_id != "everyone_else":
        return None
    from frailty.triage.lines import Card
    row = con.execute("SELECT name, nhs_number FROM person_as_of WHERE patient_id = ?", [mark]).fetchone()
    return Line(list_id, Card(str(row[0] or "Name not recorded"), str(row[1] or "")), patient_id=mark) if row else None


def _asked(line: Line) -> str:
    return " · ".join((line.by, *line.why)) if line.asked else ""


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _iso(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


# ---- what the outcomes teach

def feedback(con: duckdb.DuckDBPyConnection, decisions: Sequence[Decision], as_of: date, objectors: Sequence[str],
             small: int) -> list[dict[str, Any]]:
    """Per rule: how many people it listed, how many were answered, and how many of these it was wrong about.

    small: where no more were answered, the rule cannot be judged by it.
    """
    outcomes = load_outcomes()
    listed: dict[str, set[str]] = {}
    for rule, person in con.execute("""
            SELECT DISTINCT unnest(CAST(facts->'$.rules' AS VARCHAR[])), patient_id FROM listed
            WHERE list <> 'register' AND status <> 'came off' AND patient_id <> '' AND as_of <= ?""", [as_of]).fetchall():
        if person not in objectors:
            listed.setdefault(str(rule), set()).add(str(person))
    newest: dict[tuple[str, str], Decision] = {}
    for one in decisions:
        for rule in one.rules:
            if one.patient_id and one.patient_id not in objectors:
                newest[rule, one.patient_id] = one
    labels = sorted({one.code.partition(":")[0] for one in outcomes.outcomes if one.label})
    made = []
    for rule in sorted({*listed, *(rule for rule, _ in newest)} - {"ASKED"}):
        mine = [outcomes.get(one.outcome) for (name, _), one in newest.items() if name == rule]
        wrong = sum(one.label for one in mine)
        n, answered = len(listed.get(rule, ())), len(mine)
        name, _, version = rule.partition(" v")
        made.append({
            "rule": name, "version": version, "listed": n, "answered": answered,
            **{label.replace("-", "_"): sum(one.label and one.code.partition(":")[0] == label for one in mine) for label in labels},
            "labels": wrong, "labels_of_listed": round(wrong / n, 3) if n else "",
            "right_of_answered": round(1 - wrong / answered, 3) if answered else "",
            "note": f"{small} or fewer answered: too few to judge the rule" if answered <= small else ""})
    return made


def data_quality(con: duckdb.DuckDBPyConnection, decisions: Sequence[Decision]) -> dict[str, list[dict[str, Any]]]:
    """Per practice: what people said is wrong, for the practice to mend."""
    outcomes = load_outcomes()
    labelled = [one for one in decisions if outcomes.get(one.outcome).label]
    rows = {row[0]: row[1:] for row in con.execute(
        """SELECT patient_id, practice, name, nhs_number, birth_date FROM person_as_of
           WHERE list_contains(?::VARCHAR[], patient_id)""", [[one.patient_id for one in labelled]]).fetchall()}
    made: dict[str, list[dict[str, Any]]] = {}
    for one in labelled:
        practice, name, number, born = rows.get(one.patient_id, (None, None, None, None))
        if practice:
            made.setdefault(str(practice), []).append({
                "name": name or "", "nhs_number": number or "", "birth_date": born,
                "said": outcomes.get(one.outcome).words, "note": one.note, "on": one.on, "by": one.by, "list": one.list,
                "rules": "; ".join(mark for mark in one.rules if mark != "ASKED")})
    return made
