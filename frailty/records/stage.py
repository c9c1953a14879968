"""From files to staged rows: one SELECT per resource type over typed columns, and the careful reader for the rest."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.errors import RecordsError
from frailty.knowledge import rules_dir
from frailty.records.careful import CarefulReader, Quarantined
from frailty.records.files import RecordFile, Source, open_bytes
from frailty.records.shapes import CODING, SUBJECTS, TARGETS, TYPES, doubtful

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Progress = Callable[[str, int, int], None]

_MAX_RESOURCE_BYTES = 1 << 27
_SCOPES = 1 << 24                       # bundles that one source may hold
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
    con.execute(sql_text("macros"))


def _rows(path: str) -> list[dict[str, str]]:
    with (rules_dir() / path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def stage(con: DuckDBPyConnection, sources: Sequence[Source], progress: Progress, folder: Path) -> list[Staged]:
    """Fills the staged_* temp tables from the files of all sources, type by type; what was counted, by source.

    Files are numbered through all sources. Raises RecordsError only where a table cannot be read at all.
    """
    staged: list[Staged] = []
    for source in sources:
        staged.append(Staged(source, sum(len(one.source.files) for one in staged)))
    con.execute(sql_text("staged"))
    with tempfile.TemporaryDirectory(prefix=".frailty-", dir=folder) as work:
        readers = []
        for place in range(len(staged)):
            (Path(work) / str(place)).mkdir()
            readers.append(CarefulReader(Path(work) / str(place), first_scope=place * _SCOPES))
        _read_bulk(con, staged, readers, progress)
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
        for kind, paths in prepared.items():
            _scan(con, "prepared", TYPES[kind], {str(path): None for path in paths})    # its lines say which file they are of
            _keep(con, kind, "prepared")
    for one in staged:
        for number, file in enumerate(one.source.files, one.first_file):
            if file.form == "table":
                _read_table(con, one, file, number)
    progress("understanding the records", 0, 1)
    _stage_types(con, staged)
    return staged


def stage_frames(con: DuckDBPyConnection, name: str, frames: dict[str, Any]) -> Staged:
    """Stages plain tables given as data frames (see TABLE_COLUMNS)."""
    staged = Staged(Source(name, Path(name), (), ()))
    con.execute(sql_text("staged"))
    for table, frame in frames.items():
        con.register("given", frame.astype(object).where(frame.notna(), None))
        _table_rows(con, table, [str(c) for c in frame.columns], "given", f"{table} frame", 0, staged)
        con.unregister("given")
    _stage_types(con, [staged])
    return staged


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


def _read_bulk(con: DuckDBPyConnection, staged: Sequence[Staged], readers: Sequence[CarefulReader], progress: Progress
               ) -> None:
    bulk = {str(file.path): _Bulk(file, number, one, reader) for one, reader in zip(staged, readers, strict=True)
            for number, file in enumerate(one.source.files, one.first_file) if file.form == "ndjson"}
    first_type = {path: _first_type(one.file) for path, one in bulk.items()}
    waiting: dict[str, list[str]] = {}
    for path, kind in first_type.items():
        waiting.setdefault(kind, []).append(path)
    total, doubts = len(waiting), dict[str, set[int]]()
    done: set[tuple[str, str]] = set()
    while waiting:
        kind = next(iter(waiting))
        paths = [path for path in waiting.pop(kind) if (kind, path) not in done]
        done |= {(kind, path) for path in paths}
        progress(f"reading {kind}", max(total - len(waiting) - 1, 0), total)
        for path, other in _read_type(con, kind, {path: bulk[path] for path in paths}, first_type, doubts) if paths else ():
            waiting.setdefault(other, []).append(path)
    for path, ordinals in sorted(doubts.items()):
        bulk[path].reader.lines(bulk[path].file, bulk[path].shown, bulk[path].number, ordinals)


def _first_type(file: RecordFile) -> str:
    import json
    with open_bytes(file.path) as stream:
        return str(json.loads(stream.readline())["resourceType"])


def _read_type(con: DuckDBPyConnection, kind: str, bulk: dict[str, _Bulk], first_type: dict[str, str],
               doubts: dict[str, set[int]]) -> list[tuple[str, str]]:
    """One typed scan of files that hold this type. Returns (file, type) of other types met in them."""
    needed = kind in TYPES
    columns = TYPES[kind] if needed else {"resourceType": "VARCHAR"}
    readable = {path: one.number for path, one in bulk.items()}
    try:
        _scan(con, "scanned", columns, readable)
    except _duckdb_error():                             # one bad file (cut off, not UTF-8) must not cost the others
        readable = {path: number for path, number in readable.items() if _scans(con, columns, path)}
        for path in set(bulk) - set(readable):
            bulk[path].reader.file(RecordFile(bulk[path].file.path, "json"), bulk[path].shown, bulk[path].number)
        if not readable:
            return []
        _scan(con, "scanned", columns, readable)
    path_of = {number: path for path, number in readable.items()}
    first = [number for number, path in path_of.items() if first_type[path] == kind]
    con.execute("CREATE OR REPLACE TEMP TABLE starts AS SELECT _f, min(rowid) AS first FROM scanned GROUP BY _f")
    kinds = con.execute('SELECT _f, "resourceType", count(*) FROM scanned GROUP BY ALL ORDER BY ALL').fetchall()
    others: list[tuple[str, str]] = []
    for number, found, count in kinds:
        path = path_of[number]
        if found == kind:
            bulk[path].staged.read[kind] += count
            if not needed:
                bulk[path].staged.not_needed[kind] += count
        elif number in first and found is not None and found not in ("Bundle", "Parameters"):
            others.append((path, found))
    doubt = "FALSE"
    if needed:
        con.execute(f"INSERT INTO left_out SELECT '{kind}', s.rowid FROM scanned s WHERE "
                    f'"resourceType" IS DISTINCT FROM \'{kind}\' OR coalesce({doubtful(kind)}, FALSE)')
        doubt = f""""resourceType" = '{kind}' AND s.rowid IN (SELECT rid FROM left_out WHERE kind = '{kind}')"""
    doubtful_rows = con.execute(
        f"""SELECT _f, s.rowid - first, "resourceType" = '{kind}' FROM scanned s JOIN starts USING (_f)
            WHERE {doubt} OR (_f IN (SELECT unnest(?)) AND ("resourceType" IS NULL
                              OR "resourceType" IN ('Bundle', 'Parameters')))""", [first]).fetchall()
    for number, ordinal, ours in doubtful_rows:
        path = path_of[number]
        doubts.setdefault(path, set()).add(int(ordinal))
        if ours:
            bulk[path].staged.read[kind] -= 1            # the careful reader counts it again
    if needed:
        _keep(con, kind, "scanned")
    else:
        con.execute("DROP TABLE scanned")
    return others


def _scan(con: DuckDBPyConnection, table: str, columns: dict[str, str], numbers: Mapping[str, int | None]) -> None:
    """Files, and their numbers, into a table whose column _f says which file a row is of."""
    paths = f"[{', '.join(map(_quoted, numbers))}]"
    number = f"[{', '.join('NULL' if one is None else str(one) for one in numbers.values())}]::INTEGER[]"
    con.execute(f"DROP TABLE IF EXISTS {table}")
    con.execute(f"""CREATE TEMP TABLE {table} AS
        SELECT * EXCLUDE (filename), ({number})[list_position({paths}, filename)] AS _f FROM read_json({paths},
        columns = {{{_column_spec(columns)}}}, format = 'newline_delimited', records = true, ignore_errors = true, filename = true,
        maximum_object_size = {_MAX_RESOURCE_BYTES})""")


def _scans(con: DuckDBPyConnection, columns: dict[str, str], path: str) -> bool:
    try:
        _scan(con, "scanned", columns, {path: None})
    except _duckdb_error():
        return False
    return True


def _keep(con: DuckDBPyConnection, kind: str, table: str) -> None:
    """Makes a scanned table part of what is staged of its type. Tables are kept as they are: copying costs more."""
    row = first_row(con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name SIMILAR TO ?", [f"raw_{kind}_[0-9]+"]))
    place = row[0] if row else 0
    con.execute(f"ALTER TABLE {table} RENAME TO raw_{kind}_{place}")
    con.execute(f"UPDATE left_out SET kind = '{kind}_{place}' WHERE kind = '{kind}'")


# ---- plain tables

def _read_table(con: DuckDBPyConnection, staged: Staged, file: RecordFile, number: int) -> None:
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
    _table_rows(con, file.table, columns, "given", shown, number, staged)


def _table_rows(con: DuckDBPyConnection, table: str, columns: list[str], given: str, shown: str, number: int,
                staged: Staged) -> None:
    missing = [name for name in _TABLE_NEEDS[table] if name not in columns]
    if missing:
        raise RecordsError(f"The table {table} has no column {missing[0]!r}.", where=shown,
                           why=f"its columns are: {', '.join(columns)}",
                           mend=f"give it the columns {', '.join(TABLE_COLUMNS[table])}")
    wanted = ", ".join(f'nullif(trim(CAST("{c}" AS VARCHAR)), \'\') AS "{c}"' if c in columns else f'NULL::VARCHAR AS "{c}"'
                       for c in TABLE_COLUMNS[table])
    con.execute(f"""CREATE OR REPLACE TEMP TABLE table_rows AS SELECT {wanted}, NULL::{TYPES['Patient']['_p']} AS _p,
                        NULL::INTEGER AS _f, {number} AS file, row_number() OVER () AS ordinal FROM {given}""")
    _keep(con, table, "table_rows")
    count = first_row(con.execute(f"SELECT count(*) FROM {given}"))
    staged.read[table] += int(count[0]) if count else 0


# ---- staging

def _stage_types(con: DuckDBPyConnection, staged: Sequence[Staged]) -> None:
    tables = sorted(row[0] for row in con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE temporary AND starts_with(table_name, 'raw_')").fetchall())
    con.execute("CREATE OR REPLACE TEMP TABLE source_of (file INTEGER, source VARCHAR)")
    insert_rows(con, "source_of", [(one.first_file + place, one.source.name) for one in staged
                                   for place in range(len(one.source.files))] or [(0, staged[0].source.name)])
    base = 0
    for table in tables:
        _, kind, place = table.split("_")
        row = first_row(con.execute(f"SELECT coalesce(max(rowid), -1) + 1 FROM {table}"))
        out = f" WHERE rowid NOT IN (SELECT rid FROM left_out WHERE kind = '{kind}_{place}')"
        none = con.execute(f"SELECT 1 FROM left_out WHERE kind = '{kind}_{place}' LIMIT 1").fetchall() == []
        con.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT rowid + {base} AS rid, * FROM {table}{'' if none else out}")
        _stage_resource(con, kind, table, base)
        for target, names in STAGED.items():
            if kind in names:
                con.execute(f"INSERT INTO staged_{target} BY NAME {sql_text(names[kind])}")
        con.execute("DROP VIEW raw")
        con.execute(f"DROP TABLE {table}")
        base += int(row[0]) if row else 0


def _stage_resource(con: DuckDBPyConnection, kind: str, table: str, base: int) -> None:
    """One row per resource: whose, how old, from where, and a hash of what it says."""
    if kind in TABLE_COLUMNS:
        identity = {"persons": "patient_id", "stays": "stay_id"}.get(kind, "coalesce(record_id, ordinal::VARCHAR)")
        columns = ", ".join(f'"{c}"' for c in TABLE_COLUMNS[kind])
        gone = "status = 'entered-in-error'" if kind == "events" else "FALSE"
        con.execute(f"""INSERT INTO coming BY NAME
            SELECT '{kind}' AS resource_type, rid, source, {identity} AS resource_id, 'Patient/' || patient_id AS subject,
                   hash({columns}) AS content, {gone} AS gone, file, ordinal,
                   record_key(source, '{kind}', {identity}, 'Patient/' || patient_id) AS record
            FROM raw JOIN source_of USING (file)""")
        return
    shape = TYPES[kind]
    subject = SUBJECTS.get(kind) or (
        "reference_key(coalesce(subject, patient))" if "subject" in shape
        else "reference_key(patient)" if "patient" in shape else f"'{kind}/' || id")
    columns = ", ".join(f'"{c}"' for c in shape if c not in ("meta", "_p", "resourceType", "id"))
    errors = ["status = 'entered-in-error'"] if shape.get("status") == "VARCHAR" else []
    errors += ["status_code(verificationStatus) = 'entered-in-error'"] if "verificationStatus" in shape else []
    # Only narrow columns go through the joins: nested ones would be copied on the way.
    con.execute(f"""INSERT INTO coming BY NAME
        SELECT '{kind}' AS resource_type, r.* EXCLUDE (_f), source, rid - first AS ordinal,
               record_key(source, '{kind}', resource_id, subject) AS record
        FROM (SELECT rid, _f, id AS resource_id, {subject} AS subject, meta.lastUpdated AS updated,
                     meta.versionId AS version, hash({columns}) AS content,
                     coalesce({' OR '.join(errors) or 'FALSE'}, FALSE) AS gone, coalesce(_p.file, _f) AS file, _p.line AS line,
                     _p.scope AS bundle, _p."time" AS file_time, _p.newest AS newest
              FROM raw) r
        JOIN source_of USING (file)
        LEFT JOIN (SELECT _f, min(rowid) + {base} AS first FROM {table} GROUP BY _f) f ON f._f = r._f""")


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
