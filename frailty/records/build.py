"""From the store to the arrays that scoring reads, for a list of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from frailty.records.arrays import (
    ADMISSIONS,
    COMPARATORS,
    OPEN,
    ROLES,
    SETTINGS,
    SEXES,
    Coded,
    Issues,
    Measured,
    PracticeArrays,
    Stays,
    answer_numbers,
    empty_family,
    family_of,
)
from frailty.records.stage import first_row, insert_rows, sql_text
from frailty.terminology import PARAGRAPH, ConceptIndex, Ladder, load_codelist, load_quantities, substances, unit_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ALWAYS = np.int32(-719162)                              # 0001-01-01: a feed whose start nobody stated
_EPOCH = "DATE '1970-01-01'"
LATEST = 2**31 - 1


@dataclass(frozen=True)
class Needs:
    """What a set of scores needs materialised: concepts of coded entries, quantities, and whether medicines."""

    concepts: NDArray[np.int32]
    quantities: tuple[str, ...]
    issues: bool
    rules: Path | None = None                           # where quantities and their lists are read; None = as shipped


def concepts(con: DuckDBPyConnection) -> tuple[list[str], list[str]]:
    """Systems and codes of the concept table; a concept's number is its position."""
    rows = con.execute("SELECT system, code FROM concept ORDER BY concept").fetchnumpy()
    return list(rows["system"]), list(rows["code"])


def held_sql(alias: str, load: int) -> str:
    """SQL condition: the store held this row after that load."""
    return f"{alias}.known_from <= {load} AND ({alias}.known_to IS NULL OR {alias}.known_to > {load})"


def people(con: DuckDBPyConnection, as_of: date, load: int = LATEST) -> None:
    """Makes the temp table `person_as_of`, one row per person in the order of patient_id; not twice for one day and state."""
    row = first_row(con.execute("SELECT max(load) FROM load"))
    mark = f"of {as_of}, load {load} of {row[0] if row else None}"
    if not con.execute("""SELECT 1 FROM duckdb_tables() WHERE temporary AND table_name = 'person_as_of' AND comment = ?""",
                       [mark]).fetchall():
        con.execute(sql_text("people"), {"as_of": as_of, "load": load})
        con.execute(f"COMMENT ON TABLE person_as_of IS '{mark}'")


def build_arrays(con: DuckDBPyConnection, persons: Sequence[int] | NDArray[np.int32], needs: Needs, *,
                 ladder: Ladder | None = None, load: int = LATEST) -> PracticeArrays:
    """The arrays of the given people, in that order. Needs the temp table `person_as_of`.

    ladder: of `ladder_of`, where medicines are needed and it is at hand.
    """
    chosen = np.asarray(persons, np.int32)
    con.register("chosen_given", {"person": chosen, "i": np.arange(len(chosen), dtype=np.int32)})
    con.execute("CREATE OR REPLACE TEMP TABLE chosen AS SELECT * FROM chosen_given")
    con.unregister("chosen_given")
    held = held_sql("e", load)
    # Codings of one record in an order that does not hang on when each was first met.
    con.execute("""CREATE OR REPLACE TEMP TABLE concept_place AS
        SELECT concept, row_number() OVER (ORDER BY system, code) AS place FROM concept""")
    stays, providers = _stays(con, held, len(chosen))
    ladder = (ladder or ladder_of(con)) if needs.issues else None
    none = np.empty(0, np.int32)
    return PracticeArrays(
        person=chosen, **standing(con, load),
        coded=_coded(con, needs, held, len(chosen)), measured=_measured(con, needs, held, len(chosen)),
        issues=_issues(con, needs, held, len(chosen), load), stays=stays, quantities=needs.quantities,
        substance=ladder.substance if ladder else none, rung=ladder.rung if ladder else none.astype(np.int8),
        paragraph=_paragraphs(ladder) if ladder else none, providers=providers)


def standing(con: DuckDBPyConnection, load: int = LATEST) -> dict[str, Any]:
    """The columns of `PracticeArrays` that hang on the day of `person_as_of`, of the people whose arrays were built last."""
    columns = columns_of(con, f"""SELECT coalesce(birth_date - {_EPOCH}, {OPEN}) AS birth, sex,
            coalesce(deceased_on - {_EPOCH}, {OPEN}) AS death, practice, sources
        FROM chosen JOIN person_as_of USING (person) ORDER BY i""")
    hospital_from, without = _coverage(con, columns["practice"], columns["sources"], load)
    return {"birth": columns["birth"].astype(np.int32), "sex": _positions(columns["sex"], SEXES),
            "death": columns["death"].astype(np.int32), "hospital_from": hospital_from, "hospital_without_stays": without}


def quintiles(con: DuckDBPyConnection) -> NDArray[np.float64]:
    """The deprivation quintile of the people whose arrays were built last; NaN where not known."""
    return columns_of(con, """SELECT coalesce(imd_quintile::DOUBLE, 'nan'::DOUBLE) AS quintile
        FROM chosen JOIN person_as_of USING (person) ORDER BY i""")["quintile"].astype(np.float64)


def columns_of(con: DuckDBPyConnection, sql: str) -> dict[str, NDArray[Any]]:
    """The result of a statement as one array a column."""
    return {name: np.asarray(column) for name, column in con.execute(sql).fetchnumpy().items()}


def _coded(con: DuckDBPyConnection, needs: Needs, held: str, people: int) -> Coded:
    if not len(needs.concepts):
        return empty_family(Coded, people)
    con.register("wanted_given", {"concept": needs.concepts.astype(np.int32)})
    con.execute("CREATE OR REPLACE TEMP TABLE wanted AS SELECT w.concept, c.place FROM wanted_given w JOIN concept_place c USING (concept)")
    con.unregister("wanted_given")
    return family_of(Coded, people, columns_of(con, f"""
        SELECT chosen.i AS i, e.concept, e.effective - {_EPOCH} AS effective, e.recorded - {_EPOCH} AS recorded,
               coalesce(e.ended - {_EPOCH}, {OPEN}) AS ended, coalesce(s.place, -1) AS stay, e.record
        FROM event e JOIN chosen USING (person) JOIN wanted w USING (concept)
        LEFT JOIN stay_place s ON s.record = e.stay AND s.i = chosen.i
        WHERE e.counts AND e.effective IS NOT NULL AND {held}
        ORDER BY chosen.i, e.effective, e.recorded, e.record, w.place, e.part"""))


def quantity_tables(con: DuckDBPyConnection, names: Sequence[str], rules: Path | None = None) -> None:
    """Temp tables `concept_quantity` (concept, quantity) and `unit_factor` (quantity, spelling, factor, low, high)."""
    systems, codes = concepts(con)
    index = ConceptIndex(systems, codes)
    known = {quantity.name: quantity for quantity in load_quantities(rules)}
    pairs, units = [], []
    for position, name in enumerate(names):
        if "=" in name:                                  # answers to a question, see _answer_numbers
            continue
        quantity = known[name]
        pairs += [(int(c), position) for c in np.flatnonzero(index.match(load_codelist(quantity.codes, rules)))]
        units += [(position, spelling, factor, quantity.plausible_min, quantity.plausible_max)
                  for spelling, factor in quantity.spellings.items()]
    con.execute("CREATE OR REPLACE TEMP TABLE concept_quantity (concept INTEGER, quantity INTEGER)")
    con.execute("""CREATE OR REPLACE TEMP TABLE unit_factor (quantity INTEGER, spelling VARCHAR, factor DOUBLE,
                   low DOUBLE, high DOUBLE)""")
    insert_rows(con, "concept_quantity", pairs)
    insert_rows(con, "unit_factor", units)


def _measured(con: DuckDBPyConnection, needs: Needs, held: str, people: int) -> Measured:
    if not needs.quantities:
        return empty_family(Measured, people)
    quantity_tables(con, needs.quantities, needs.rules)
    signs = " ".join(f"WHEN '{sign}' THEN {n}" for n, sign in enumerate(COMPARATORS) if sign)
    answers = f"""
        UNION ALL BY NAME
        SELECT chosen.i AS i, a.quantity, e.concept, e.effective, e.minute, e.recorded, a.number AS value, 0 AS comparator, e.record,
               e.part, c.place
        FROM event e JOIN chosen USING (person)
        JOIN answer_number a ON a.concept = e.concept AND (a.answer = e.answer OR a.answer IS NULL AND e.counts)
        JOIN concept_place c ON c.concept = e.concept
        WHERE e.effective IS NOT NULL AND coalesce(e.status, '') NOT IN ('cancelled', 'registered') AND {held}"""
    return family_of(Measured, people, columns_of(con, f"""
        SELECT i, quantity, concept, effective - {_EPOCH} AS effective, coalesce(minute, -1) AS minute,
               recorded - {_EPOCH} AS recorded, value, comparator, -1 AS answer, record
        FROM (SELECT chosen.i AS i, q.quantity, e.concept, e.effective, e.minute, e.recorded, e.value * u.factor AS value,
                     CASE e.comparator {signs} ELSE 0 END AS comparator, e.record, e.part, c.place
              FROM event e JOIN chosen USING (person) JOIN concept_quantity q USING (concept)
              JOIN unit_factor u ON u.quantity = q.quantity AND u.spelling = {unit_sql('e.unit')}
              JOIN concept_place c ON c.concept = e.concept
              WHERE e.value * u.factor BETWEEN u.low AND u.high AND e.effective IS NOT NULL AND {held}
              {answers if _answer_numbers(con, needs) else ''})
        ORDER BY i, effective, recorded, record, quantity, part, place"""))


def _answer_numbers(con: DuckDBPyConnection, needs: Needs) -> bool:
    """Makes the temp table `answer_number` (concept, quantity, answer, number): coded answers that count. Are any asked for?

    The quantity "question=answers" names two code lists; the number of an answer is that of arrays.answer_numbers. Records
    also give an answer as a finding of its own, without its question: then `answer` is NULL here.
    """
    asked = [(n, *name.split("=", 1)) for n, name in enumerate(needs.quantities) if "=" in name]
    if not asked:
        return False
    index = ConceptIndex(*concepts(con))
    given = [row[0] for row in con.execute("SELECT DISTINCT answer FROM event WHERE answer IS NOT NULL ORDER BY answer").fetchall()]
    said = ConceptIndex([text.rpartition("|")[0] for text in given], [text.rpartition("|")[2] for text in given])
    rows = []
    for quantity, *names in asked:
        question, answers = map(str, names)
        entries = load_codelist(answers, needs.rules).entries
        numbers = answer_numbers([entry.category for entry in entries])
        places = np.flatnonzero(index.match(load_codelist(question, needs.rules)))
        found = {given[n]: numbers[entry.category] for entry in reversed(entries) for n in said.positions(entry)}
        rows += [(int(concept), quantity, text, number) for concept in places for text, number in found.items()]
        own = {concept: numbers[entry.category] for entry in reversed(entries) for concept in index.positions(entry)}
        rows += [(concept, quantity, None, number) for concept, number in own.items()]
    con.execute("CREATE OR REPLACE TEMP TABLE answer_number (concept INTEGER, quantity INTEGER, answer VARCHAR, number DOUBLE)")
    insert_rows(con, "answer_number", rows)
    return True


def values_set_aside(con: DuckDBPyConnection) -> list[tuple[str, str, int]]:
    """(quantity position as text, reason, count) of numbers that no score can read: unknown unit, or implausible."""
    rows = con.execute(f"""
        SELECT q.quantity::VARCHAR, CASE WHEN u.factor IS NULL THEN 'unknown unit ' || coalesce(nullif(e.unit, ''), '(none)')
                    ELSE 'outside the plausible range' END AS reason, count(DISTINCT e.record)
        FROM event e JOIN concept_quantity q USING (concept)
        LEFT JOIN unit_factor u ON u.quantity = q.quantity AND u.spelling = {unit_sql('e.unit')}
        WHERE e.known_to IS NULL AND e.value IS NOT NULL
          AND (u.factor IS NULL OR NOT e.value * u.factor BETWEEN u.low AND u.high)
        GROUP BY ALL ORDER BY ALL""").fetchall()
    return [(str(a), str(b), int(c)) for a, b, c in rows]


def issues_where(alias: str, load: int) -> str:
    """SQL condition: this row is a medicine that counts. Plans count only for a source without issues."""
    return (f"({alias}.role = 'issue' OR {alias}.role = 'plan' AND {alias}.source NOT IN "
            f"(SELECT DISTINCT x.source FROM event x WHERE x.role = 'issue' AND {held_sql('x', load)}))")


def _issues(con: DuckDBPyConnection, needs: Needs, held: str, people: int, load: int) -> Issues:
    if not needs.issues:
        return empty_family(Issues, people)
    return family_of(Issues, people, columns_of(con, f"""
        SELECT chosen.i AS i, e.concept, e.effective - {_EPOCH} AS effective, e.recorded - {_EPOCH} AS recorded,
               coalesce(e.ended - {_EPOCH}, {OPEN}) AS ended, CASE e.role WHEN 'issue' THEN {ROLES.index('issue')}
               ELSE {ROLES.index('plan')} END AS role, e.record
        FROM event e JOIN chosen USING (person) JOIN concept_place c USING (concept)
        WHERE e.kind = 'issue' AND {issues_where('e', load)} AND e.effective IS NOT NULL AND {held}
        ORDER BY chosen.i, e.effective, e.recorded, e.record, c.place"""))


def _stays(con: DuckDBPyConnection, held: str, people: int) -> tuple[Stays, tuple[str, ...]]:
    """The stays, and the names that their providers are positions in."""
    settings = " ".join(f"WHEN '{name}' THEN {n}" for n, name in enumerate(SETTINGS))
    admissions = " ".join(f"WHEN '{name}' THEN {n}" for n, name in enumerate(ADMISSIONS))
    con.execute(f"""CREATE OR REPLACE TEMP TABLE stay_place AS
        SELECT row_number() OVER (ORDER BY i, started, recorded_start, e.record) - 1 AS place, i, e.record,
               e.started - {_EPOCH} AS started, coalesce(e.ended - {_EPOCH}, {OPEN}) AS ended,
               e.recorded_start - {_EPOCH} AS recorded_start, coalesce(e.recorded_end - {_EPOCH}, {OPEN}) AS recorded_end,
               CASE e.setting {settings} ELSE 0 END AS setting, CASE e.admission {admissions} ELSE 0 END AS admission,
               e.provider AS named
        FROM stay e JOIN chosen USING (person)
        WHERE e.setting IN ('inpatient', 'emergency', 'virtual') AND e.status IS DISTINCT FROM 'cancelled' AND {held}""")
    names = tuple(str(row[0]) for row in con.execute(
        "SELECT DISTINCT named FROM stay_place WHERE named IS NOT NULL ORDER BY named").fetchall())
    con.register("provider_given", {"named": np.array(names, object), "provider": np.arange(len(names))})
    stays = family_of(Stays, people, columns_of(con, """
        SELECT s.* EXCLUDE (named), coalesce(p.provider, -1) AS provider
        FROM stay_place s LEFT JOIN provider_given p USING (named) ORDER BY place"""))
    con.unregister("provider_given")
    return stays, names


def _coverage(con: DuckDBPyConnection, practices: NDArray[Any], sources: NDArray[Any], load: int
              ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    from_day = np.full(len(practices), OPEN, np.int32)
    without = np.zeros(len(practices), np.bool_)
    feeds = con.execute(f"""SELECT source, practices, since, (SELECT count(*) FROM stay e WHERE e.source = feed.source
            AND e.setting IN ('inpatient', 'emergency') AND {held_sql('e', load)}) = 0
        FROM feed WHERE kind = 'hospital' ORDER BY source""").fetchall()
    for source, named, since, no_stays in feeds:
        if named:
            covered = np.isin(practices.astype(str), np.array(named, dtype=str))
        elif named is not None:                          # no practices named = all of them
            covered = np.ones(len(practices), np.bool_)
        else:                                            # nobody said whom it covers: at least those who are in it
            covered = np.fromiter((source in held for held in sources), np.bool_, len(sources))
        start = np.int32((since - date(1970, 1, 1)).days) if since else ALWAYS
        from_day[covered] = np.minimum(from_day[covered], start)
        without[covered] |= no_stays
    return from_day, without


def ladder_of(con: DuckDBPyConnection, site_table: Path | None = None) -> Ladder:
    """What each concept of the store is as a medicine; one that is none has substance -1, rung 0 and no BNF code."""
    size = int(con.execute("SELECT count(*) FROM concept").fetchall()[0][0])
    rows = con.execute("""SELECT concept, system, code, display FROM concept
        WHERE concept IN (SELECT DISTINCT concept FROM event WHERE kind = 'issue') ORDER BY system, code""").fetchall()
    found = substances([r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows], site_table)
    ladder = Ladder(np.full(size, -1, np.int32), found.names, np.zeros(size, np.int8), [""] * size)
    for (concept, *_), ids, rung, bnf in zip(rows, found.substance, found.rung, found.bnf, strict=True):
        ladder.substance[concept], ladder.rung[concept], ladder.bnf[concept] = ids, rung, bnf
    return ladder


def _paragraphs(ladder: Ladder) -> NDArray[np.int32]:
    """[concepts] a number for each BNF paragraph, in the order of the paragraphs; -1 = not known."""
    each = [code[:PARAGRAPH] for code in ladder.bnf]
    places = {paragraph: n for n, paragraph in enumerate(sorted({*each} - {""}))}
    return np.array([places.get(paragraph, -1) for paragraph in each], np.int32)


def _positions(values: NDArray[Any], order: tuple[str, ...]) -> NDArray[np.int8]:
    places = {name: position for position, name in enumerate(order)}
    return np.fromiter((places.get(str(value), 0) for value in values), np.int8, len(values))
