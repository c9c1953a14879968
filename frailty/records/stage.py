"""From files to staged rows: one SELECT per resource type over typed columns, and the careful reader for the rest."""

from __future__ import annotations

import csv
import itertools
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.errors import RecordsError
from frailty.knowledge import rules_dir
from frailty.records.careful import CarefulReader, Quarantined
from frailty.records.files import RecordFile, Source, open_bytes
from frailty.records.shapes import CODING, CONTAINERS, SUBJECTS, TARGETS, TYPES, doubtful

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Progress = Callable[[str, int, int], None]

_MAX_RESOURCE_BYTES = 1 << 27
_SCOPES = 1 << 24                       # bundles that one source may hold
_ROW_BITS = 40                          # rows of one place; the rest of a row's number says which place
# table staged_<key> <- the statement of each type
STAGED = {
    "event": {kind: kind for kind in ("Condition", "Observation", "Procedure", "MedicationRequest", "MedicationStatement",
                                      "AllergyIntolerance", "FamilyMemberHistory", "ServiceRequest", "ProcedureRequest",
                                      "Flag", "events", "medicines")} | {"Encounter": "EncounterCodes"},
    "stay": {"Encounter": "Encounter", "stays": "stays"},
    "person": {"Patient": "Patient", "persons": "persons"},
    "plan": {kind: kind for kind in ("CarePlan", "EpisodeOfCare", "Task", "Appointment")},
    "consent": {"Consent": "Consent"},
    "target": {kind: kind for kind in TARGETS},
}
TABLE_COLUMNS = {
    "persons": ("patient_id", "nhs_number", "birth_date", "sex", "deceased_on", "name", "phone", "address", "postcode",
                "practice", "registered_from", "registered_to", "usual_gp", "ethnicity", "imd_quintile"),
    "events": ("patient_id", "record_id", "system", "code", "term", "effective_on", "recorded_on", "ended_on", "value",
               "unit", "comparator", "stay_id", "status"),
    "medicines": ("patient_id", "record_id", "system", "code", "term", "issued_on", "recorded_on", "ended_on", "role"),
    "stays": ("patient_id", "stay_id", "started", "ended", "setting", "admission_method", "admitted_from",
              "discharged_to", "provider", "recorded_start", "recorded_end"),
}
_TABLE_NEEDS = {"persons": ("patient_id",), "events": ("patient_id", "system", "code", "effective_on"),
                "medicines": ("patient_id", "issued_on"), "stays": ("patient_id", "stay_id", "started")}


@dataclass
class Staged:
    """What staging counted for one source, beside the staged_* tables of all. first_file: number of its first file."""

    source: Source
    first_file: int = 0

    read: Counter[str] = field(default_factory=Counter)
    not_needed: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    quarantined: list[Quarantined] = field(default_factory=list)
    deleted: list[tuple[str, str, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)


def first_row(result: DuckDBPyConnection) -> tuple[Any, ...] | None:
    """The first row, or None. The result is read to its end: DuckDB 2 refuses other work on the connection before."""
    rows = result.fetchall()
    return rows[0] if rows else None


def sql_text(name: str) -> str:
    """A statement of `records/sql/`."""
    return package_files("frailty.records").joinpath("sql", f"{name}.sql").read_text("utf-8")


def insert_rows(con: DuckDBPyConnection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Many rows into a table at once: `executemany` takes about a millisecond for each."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    if columns:
        kinds = [row[1] for row in con.execute(f"DESCRIBE {table}").fetchall()]
        con.execute(f"INSERT INTO {table} SELECT {', '.join(f'unnest(?::{kind}[])' for kind in kinds)}", columns)


def prepare(con: DuckDBPyConnection) -> None:
    """Macros, and the knowledge that they read, into a connection."""
    systems = _rows("records/identifier_systems.csv")
    answers = _rows("records/negative_answers.csv")
    values = {
        "nhs_systems": [row["system"] for row in systems if row["kind"] == "nhs-number"],
        "ods_systems": [row["system"] for row in systems if row["kind"] == "ods"],
        "no_codes": [f"{row['system']}|{row['code']}" for row in answers if row["code"]],
        "no_texts": [row["text"] for row in answers if row["text"]],
        "codings_shape": '[{"system":"VARCHAR","code":"VARCHAR","display":"VARCHAR"}]',
    }
    for name, value in values.items():
        con.execute(f"SET VARIABLE {name} = ?", [value])
    con.execute("SET TimeZone = 'UTC'")
    con.execute(sql_text("macros"))


def beside(con: DuckDBPyConnection) -> DuckDBPyConnection:
    """Another connection to the same store, for another thread; it sees what is committed, and has temp tables of its own."""
    made = con.cursor()
    prepare(made)
    return made


def _rows(path: str) -> list[dict[str, str]]:
    with (rules_dir() / path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def stage(con: DuckDBPyConnection, sources: Sequence[Source], progress: Progress, folder: Path) -> list[Staged]:
    """Fills the staged_* tables from the files of all sources, type by type; what was counted, by source.

    Files are numbered through all sources. Not within a transaction: the types are staged side by side, each by a
    connection of its own. Raises RecordsError only where a table cannot be read at all.
    """
    staged: list[Staged] = []
    for source in sources:
        staged.append(Staged(source, sum(len(one.source.files) for one in staged)))
    places = _begin(con, staged)
    with tempfile.TemporaryDirectory(prefix=".frailty-", dir=folder) as work, _Hands(con) as hands:
        readers = []
        for place in range(len(staged)):
            (Path(work) / str(place)).mkdir()
            readers.append(CarefulReader(Path(work) / str(place), first_scope=place * _SCOPES))
        _read_bulk(hands, places, staged, readers, progress)
        prepared: dict[str, list[Path]] = {}
        for one, reader in zip(staged, readers, strict=True):
            careful = [(number, file) for number, file in enumerate(one.source.files, one.first_file)
                       if file.form in ("json", "xml", "empty")]
            for done, (number, file) in enumerate(careful):
                progress(f"reading {one.source.name}", done, len(careful))
                reader.file(file, one.source.shown(file), number)
            for kind, path in reader.close().items():
                prepared.setdefault(kind, []).append(path)
            _take_counts(one, reader)
        progress("understanding the records", 0, 1)
        for job in [hands.set(_stage_prepared, kind, paths, next(places)) for kind, paths in prepared.items()]:
            job.result()
    for one in staged:
        for number, file in enumerate(one.source.files, one.first_file):
            if file.form == "table":
                _read_table(con, one, file, number, next(places))
    _end(con)
    return staged


def stage_frames(con: DuckDBPyConnection, name: str, frames: dict[str, Any]) -> Staged:
    """Stages plain tables given as data frames (see TABLE_COLUMNS). Not within a transaction."""
    staged = Staged(Source(name, Path(name), (), ()))
    places = _begin(con, [staged])
    for table, frame in frames.items():
        con.register("given", frame.astype(object).where(frame.notna(), None))
        _table_rows(con, table, [str(c) for c in frame.columns], f"{table} frame", 0, staged, next(places))
        con.unregister("given")
    _end(con)
    return staged


def _begin(con: DuckDBPyConnection, staged: Sequence[Staged]) -> Iterator[int]:
    """Makes the database in memory that all connections of this load see (temporary tables are of one alone), and
    answers the places of what is to be staged: each has tables and row numbers of its own."""
    con.execute("DETACH DATABASE IF EXISTS staging")
    con.execute("ATTACH ':memory:' AS staging")
    con.execute(sql_text("staged"))
    insert_rows(con, "staging.source_of", [(one.first_file + place, one.source.name) for one in staged
                                           for place in range(len(one.source.files))] or [(0, staged[0].source.name)])
    return itertools.count()


def _end(con: DuckDBPyConnection) -> None:
    """Shows what was staged as one table of each kind, in the order of the places. Only what a load changes is copied."""
    made: dict[str, list[tuple[int, str]]] = {}
    for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'staging'").fetchall():
        kind, _, place = name.rpartition("_")
        if place.isdigit():
            made.setdefault(kind, []).append((int(place), name))
    for kind in ("coming", *(f"staged_{target}" for target in STAGED)):
        rows = " UNION ALL ".join(f"FROM staging.{name}" for name in [kind, *(name for _, name in sorted(made.get(kind, ())))])
        if kind == "coming":
            rows = f"SELECT *, 1 AS place, 'used' AS fate, NULL::VARCHAR AS why, TRUE AS fresh FROM ({rows})"
        con.execute(f"CREATE OR REPLACE TEMP {'TABLE' if kind in ('coming', 'staged_person') else 'VIEW'} {kind} AS {rows}")


class _Hands:
    """Two threads with a connection each: reading a type and understanding it is one core's work."""

    def __init__(self, con: DuckDBPyConnection) -> None:
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(2, initializer=self._ready, initargs=(con,))

    def _ready(self, con: DuckDBPyConnection) -> None:
        self._own.con = beside(con)

    def set(self, work: Callable[..., Any], *given: Any) -> Future[Any]:
        return self._pool.submit(lambda: work(self._own.con, *given))

    def __enter__(self) -> _Hands:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def _take_counts(staged: Staged, reader: CarefulReader) -> None:
    staged.read += reader.read
    staged.not_needed += reader.not_needed
    staged.used += reader.used_containers
    staged.quarantined += reader.quarantined
    staged.deleted += reader.deleted
    staged.notes += reader.notes


# ---- bulk files

@dataclass(frozen=True)
class _Bulk:
    """A bulk file, and whose it is."""

    file: RecordFile
    number: int
    staged: Staged
    reader: CarefulReader

    @property
    def shown(self) -> str:
        return self.staged.source.shown(self.file)


@dataclass(frozen=True)
class _Seen:
    """What one scan found: (file, type, how many), and (file, place among its lines, of this type?) of the lines that the
    careful reader has to read; files that DuckDB cannot read at all."""

    counted: list[tuple[int, str | None, int]]
    doubtful: list[tuple[int, int, bool]]
    unreadable: list[int]


def _read_bulk(hands: _Hands, places: Iterator[int], staged: Sequence[Staged], readers: Sequence[CarefulReader],
               progress: Progress) -> None:
    bulk = {number: _Bulk(file, number, one, reader) for one, reader in zip(staged, readers, strict=True)
            for number, file in enumerate(one.source.files, one.first_file) if file.form == "ndjson"}
    first_type = {number: _first_type(one.file) for number, one in bulk.items()}
    waiting: dict[str, list[int]] = {}
    for number, kind in first_type.items():
        waiting.setdefault(kind, []).append(number)
    doubts, done, total = dict[int, set[int]](), set[tuple[str, int]](), 0
    while waiting:                                       # files of one type, then what else was met in them
        done |= {(kind, number) for kind, numbers in waiting.items() for number in numbers}
        jobs = [(kind, hands.set(_read_type, kind, {str(bulk[number].file.path): number for number in numbers},
                                 [number for number in numbers if first_type[number] == kind], next(places)))
                for kind, numbers in sorted(waiting.items(), key=lambda one: -sum(bulk[n].file.path.stat().st_size for n in one[1]))]
        waiting, before, total = {}, total, total + len(jobs)
        for ended, (kind, job) in enumerate(jobs, before):
            progress(f"reading {kind}", ended, total)
            seen: _Seen = job.result()
            for number, found, count in seen.counted:
                if found == kind:
                    bulk[number].staged.read[kind] += count
                    if kind not in TYPES:
                        bulk[number].staged.not_needed[kind] += count
                elif first_type[number] == kind and found is not None and found not in CONTAINERS and (found, number) not in done:
                    waiting.setdefault(found, []).append(number)
            for number, ordinal, ours in seen.doubtful:
                doubts.setdefault(number, set()).add(ordinal)
                if ours:
                    bulk[number].staged.read[kind] -= 1      # the careful reader counts it again
            for number in seen.unreadable:
                bulk[number].reader.file(RecordFile(bulk[number].file.path, "json"), bulk[number].shown, number)
    for number, ordinals in sorted(doubts.items(), key=lambda one: str(bulk[one[0]].file.path)):
        bulk[number].reader.lines(bulk[number].file, bulk[number].shown, number, ordinals)


def _first_type(file: RecordFile) -> str:
    import json
    with open_bytes(file.path) as stream:
        return str(json.loads(stream.readline())["resourceType"])


def _read_type(con: DuckDBPyConnection, kind: str, numbers: dict[str, int], first: list[int], place: int) -> _Seen:
    """One typed scan of files that hold this type, staged where the type is needed. first: files that begin with it."""
    needed = kind in TYPES
    columns = TYPES[kind] if needed else {"resourceType": "VARCHAR"}
    readable = dict(numbers)
    try:
        _scan(con, columns, readable)
    except _duckdb_error():                             # one bad file (cut off, not UTF-8) must not cost the others
        readable = {path: number for path, number in numbers.items() if _scans(con, columns, path)}
        if readable:
            _scan(con, columns, readable)
    unreadable = [number for path, number in numbers.items() if path not in readable]
    if not readable:
        return _Seen([], [], unreadable)
    counted = con.execute('SELECT _f, "resourceType", count(*) FROM scanned GROUP BY ALL ORDER BY ALL').fetchall()
    con.execute(f"""CREATE OR REPLACE TEMP TABLE left_out AS
        SELECT s.rowid AS rid, _f, s.rowid - first AS ordinal, "resourceType" AS found FROM scanned s JOIN starts USING (_f)
        WHERE "resourceType" IS DISTINCT FROM '{kind}' OR {f'coalesce({doubtful(kind)}, FALSE)' if needed else 'FALSE'}""")
    doubts = con.execute(f"""SELECT _f, ordinal, coalesce(found = '{kind}', FALSE) FROM left_out
        WHERE found = '{kind}' OR (_f IN (SELECT unnest(?)) AND (found IS NULL OR found IN (SELECT unnest(?))))""",
                         [first, CONTAINERS]).fetchall()
    if needed:
        none = con.execute("SELECT 1 FROM left_out LIMIT 1").fetchall() == []
        _stage_type(con, kind, place, "" if none else " WHERE rowid NOT IN (SELECT rid FROM left_out)")
    con.execute("DROP TABLE scanned")
    return _Seen(counted, doubts, unreadable)


def _stage_prepared(con: DuckDBPyConnection, kind: str, paths: list[Path], place: int) -> None:
    """What the careful reader wrote of a type; its lines say which file they are of."""
    _scan(con, TYPES[kind], {str(path): None for path in paths})
    _stage_type(con, kind, place)
    con.execute("DROP TABLE scanned")


def _scan(con: DuckDBPyConnection, columns: dict[str, str], numbers: Mapping[str, int | None]) -> None:
    """Files, and their numbers, into `scanned`, whose column _f says which file a row is of; `starts` has their first rows."""
    paths = f"[{', '.join(map(_quoted, numbers))}]"
    number = f"[{', '.join('NULL' if one is None else str(one) for one in numbers.values())}]::INTEGER[]"
    con.execute(f"""CREATE OR REPLACE TEMP TABLE scanned AS
        SELECT * EXCLUDE (filename), ({number})[list_position({paths}, filename)] AS _f FROM read_json({paths},
        columns = {{{_column_spec(columns)}}}, format = 'newline_delimited', records = true, ignore_errors = true, filename = true,
        maximum_object_size = {_MAX_RESOURCE_BYTES})""")
    con.execute("CREATE OR REPLACE TEMP TABLE starts AS SELECT _f, min(rowid) AS first FROM scanned GROUP BY _f")


def _scans(con: DuckDBPyConnection, columns: dict[str, str], path: str) -> bool:
    try:
        _scan(con, columns, {path: None})
    except _duckdb_error():
        return False
    return True


# ---- plain tables

def _read_table(con: DuckDBPyConnection, staged: Staged, file: RecordFile, number: int, place: int) -> None:
    shown = staged.source.shown(file)
    options = "all_varchar = true, header = true, ignore_errors = true, store_rejects = true, null_padding = true"
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE given AS SELECT * FROM read_csv({_quoted(str(file.path))}, {options})")
    except _duckdb_error() as error:
        raise RecordsError("A table cannot be read.", where=shown, why=str(error).splitlines()[0],
                           mend="save it as CSV in UTF-8 with a header line") from None
    for line, message in con.execute("SELECT line, error_message FROM reject_errors").fetchall():
        staged.read[file.table] += 1
        staged.quarantined.append(Quarantined(shown, int(line), file.table, f"the line cannot be read: {message}"))
    con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    columns = [row[0] for row in con.execute("DESCRIBE given").fetchall()]
    _table_rows(con, file.table, columns, shown, number, staged, place)


def _table_rows(con: DuckDBPyConnection, table: str, columns: list[str], shown: str, number: int, staged: Staged,
                place: int) -> None:
    """Stages the rows of `given`."""
    missing = [name for name in _TABLE_NEEDS[table] if name not in columns]
    if missing:
        raise RecordsError(f"The table {table} has no column {missing[0]!r}.", where=shown,
                           why=f"its columns are: {', '.join(columns)}",
                           mend=f"give it the columns {', '.join(TABLE_COLUMNS[table])}")
    wanted = ", ".join(f'nullif(trim(CAST("{c}" AS VARCHAR)), \'\') AS "{c}"' if c in columns else f'NULL::VARCHAR AS "{c}"'
                       for c in TABLE_COLUMNS[table])
    con.execute(f"""CREATE OR REPLACE TEMP TABLE scanned AS SELECT {wanted}, NULL::{TYPES['Patient']['_p']} AS _p,
                        NULL::INTEGER AS _f, {number} AS file, row_number() OVER () AS ordinal FROM given""")
    row = first_row(con.execute("SELECT count(*) FROM scanned"))
    staged.read[table] += int(row[0]) if row else 0
    _stage_type(con, table, place)
    con.execute("DROP VIEW raw; DROP TABLE scanned")


# ---- staging

def _stage_type(con: DuckDBPyConnection, kind: str, place: int, which: str = "") -> None:
    """The rows of `scanned`, as far as wanted, into the tables of this place."""
    con.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT rowid + {place << _ROW_BITS} AS rid, * FROM scanned{which}")
    con.execute(f"CREATE TABLE staging.coming_{place} AS FROM staging.coming")
    _stage_resource(con, kind, place)
    for target, names in STAGED.items():
        if kind in names:
            con.execute(f"CREATE TABLE staging.staged_{target}_{place} AS FROM staging.staged_{target}")
            con.execute(f"INSERT INTO staging.staged_{target}_{place} BY NAME {sql_text(names[kind])}")


def _stage_resource(con: DuckDBPyConnection, kind: str, place: int) -> None:
    """One row per resource: whose, how old, from where, and a hash of what it says."""
    if kind in TABLE_COLUMNS:
        identity = {"persons": "patient_id", "stays": "stay_id"}.get(kind, "coalesce(record_id, ordinal::VARCHAR)")
        columns = ", ".join(f'"{c}"' for c in TABLE_COLUMNS[kind])
        gone = "status = 'entered-in-error'" if kind == "events" else "FALSE"
        con.execute(f"""INSERT INTO staging.coming_{place} BY NAME
            SELECT '{kind}' AS resource_type, rid, source, {identity} AS resource_id, 'Patient/' || patient_id AS subject,
                   hash({columns}) AS content, {gone} AS gone, file, ordinal,
                   record_key(source, '{kind}', {identity}, 'Patient/' || patient_id) AS record
            FROM raw JOIN staging.source_of USING (file)""")
        return
    shape = TYPES[kind]
    subject = SUBJECTS.get(kind) or (
        "reference_key(coalesce(subject, patient))" if "subject" in shape
        else "reference_key(patient)" if "patient" in shape else f"'{kind}/' || id")
    columns = ", ".join(f'"{c}"' for c in shape if c not in ("meta", "_p", "resourceType", "id"))
    errors = ["status = 'entered-in-error'"] if shape.get("status") == "VARCHAR" else []
    errors += ["status_code(verificationStatus) = 'entered-in-error'"] if "verificationStatus" in shape else []
    # Only narrow columns go through the joins: nested ones would be copied on the way.
    con.execute(f"""INSERT INTO staging.coming_{place} BY NAME
        SELECT '{kind}' AS resource_type, r.* EXCLUDE (_f), source, rid - {place << _ROW_BITS} - first AS ordinal,
               record_key(source, '{kind}', resource_id, subject) AS record
        FROM (SELECT rid, _f, id AS resource_id, {subject} AS subject, meta.lastUpdated AS updated,
                     meta.versionId AS version, hash({columns}) AS content,
                     coalesce({' OR '.join(errors) or 'FALSE'}, FALSE) AS gone, coalesce(_p.file, _f) AS file, _p.line AS line,
                     _p.scope AS bundle, _p."time" AS file_time, _p.newest AS newest
              FROM raw) r
        JOIN staging.source_of USING (file)
        LEFT JOIN starts f ON f._f = r._f""")


def _column_spec(columns: dict[str, str]) -> str:
    return ", ".join(f"{_quoted(name)}: {_quoted(kind)}" for name, kind in columns.items())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _duckdb_error() -> type[Exception]:
    import duckdb
    return duckdb.Error


def line_numbers(file: RecordFile, ordinals: Iterable[int]) -> dict[int, int]:
    """Line numbers of the given non-blank lines (counted from 0) of a bulk file."""
    wanted, ordinal, found = set(ordinals), -1, {}
    with open_bytes(file.path) as stream:
        for line, raw in enumerate(stream, 1):
            if not raw.isspace():
                ordinal += 1
                if ordinal in wanted:
                    found[ordinal] = line
                    if len(found) == len(wanted):
                        break
    return found


__all__ = ["CODING", "Staged", "prepare", "stage", "stage_frames"]
