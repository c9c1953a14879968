"""One night's load: every source staged, merged into the store, resolved, and accounted for to the last resource."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from frailty.records.careful import Quarantined
from frailty.records.files import Source, sha256
from frailty.records.stage import STAGED, Progress, Staged, first_row, insert_rows, line_numbers, sql_text, stage, stage_frames
from frailty.terminology import load_map, nhs_number_sql, normalise_sql, systems_table, trim_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COLUMNS = ("read", "used", "not_needed", "superseded", "removed", "quarantined")
# hold(source, what, number before, number now): why a full load of a source is not to be believed, or ''.
Hold = Callable[[str, str, int, int], str]
# The joins of a load are written with the long side first; left alone, DuckDB 2.0 builds on it, at twice the cost.
_AS_WRITTEN = "SET disabled_optimizers = 'join_order,build_side_probe_side'"
_TABLES = ("event", "stay", "person", "plan", "consent", "target")


@dataclass
class SourceBooks:
    """What became of every resource of one source: per type, read = used + not_needed + superseded + removed +
    quarantined. held: why tonight's records were not taken. ended: resources that a full load no longer holds."""

    source: str
    mode: str
    types: dict[str, dict[str, int]] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    held: str = ""
    ended: int = 0
    unchanged: int = 0
    extracted_from: str = ""

    def balanced(self) -> bool:
        """True where every resource that was read is accounted for."""
        return all(row["read"] == sum(row[c] for c in COLUMNS[1:]) for row in self.types.values())


@dataclass(frozen=True)
class Coverage:
    """What the site says of a source: which practices it covers (none named: all), since when (None: not stated)."""

    source: str
    practices: tuple[str, ...]
    since: date | None


def load_sources(con: DuckDBPyConnection, sources: Sequence[Source], *, mode: str, kinds: dict[str, str],
                 extracted_at: datetime | None, now: datetime, progress: Progress, folder: Path,
                 hold: Hold | None = None, coverage: Sequence[Coverage] = ()) -> list[SourceBooks]:
    """Loads every source into an open store, in one load number; resolves references; returns the books.

    mode: 'full' (what is absent tonight is ended) or 'delta'. kinds: source -> gp | hospital | home | other, where
    the site says so; else guessed from what the source holds. hold: decides whether a full load is believed; if not,
    the store keeps what it had of that source.
    coverage: kept in the store, so that whoever opens it later scores as tonight.
    """
    with ThreadPoolExecutor(1) as meanwhile:
        inputs = meanwhile.submit(_inputs, sources)
        staged = stage(con, sources, progress, folder)
    con.execute("BEGIN")                                 # one commit: the store is not tidied up in between
    try:
        _knowledge(con)
        number = _next_load(con)
        books = _merge(con, staged, number, mode, hold if mode == "full" else None)
        for book in books:
            book.inputs = inputs.result()[book.source]
        _feeds(con, sources, books, number, mode, kinds, extracted_at, now)
        for said in coverage:
            con.execute("UPDATE feed SET practices = ?, since = ? WHERE source = ?", [list(said.practices), said.since, said.source])
        _finish(con, staged, books, number, progress)
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")
    con.execute("DETACH staging")
    return books


def load_frames(con: DuckDBPyConnection, name: str, frames: dict[str, Any], now: datetime) -> SourceBooks:
    """Loads plain tables given as data frames as one source."""
    _knowledge(con)
    number = _next_load(con)
    staged = stage_frames(con, name, frames)
    (books,) = _merge(con, [staged], number, "full", None)
    _feeds(con, [staged.source], [books], number, "full", {}, None, now)
    _finish(con, [staged], [books], number, lambda *_: None)
    con.execute("DETACH staging")
    return books


def _inputs(sources: Sequence[Source]) -> dict[str, list[dict[str, Any]]]:
    """What was read of each source, as run.json and the store name it."""
    return {source.name: [{"file": source.shown(file), "bytes": file.path.stat().st_size, "sha256": sha256(file.path)}
                          for file in source.files] for source in sources}


def _tidy(con: DuckDBPyConnection) -> None:
    """Drops what only the load needed: a commit would write it all down first."""
    for kind, name in con.execute("""SELECT 'VIEW', view_name FROM duckdb_views() WHERE temporary AND NOT internal
                                     UNION ALL SELECT 'TABLE', table_name FROM duckdb_tables() WHERE temporary""").fetchall():
        con.execute(f'DROP {kind} "{name}"')


def _finish(con: DuckDBPyConnection, staged: Sequence[Staged], books: Sequence[SourceBooks], number: int,
            progress: Progress) -> None:
    progress("resolving people and references", 0, 1)
    text = sql_text("resolve").replace(":arrivals", "".join(sql_text(f"insert_{table}") for table in ("stay", "plan", "consent")))
    for which in ("arriving", "again"):
        text = text.replace(f":resolved({which})", sql_text("resolved").replace(":which", which))
    con.execute(text.replace(":load", str(number)))
    _account_unresolved(con, staged, books)
    for one in books:
        con.execute("UPDATE load SET books = ?, inputs = ? WHERE load = ? AND source = ?",
                    [json.dumps(one.types, sort_keys=True), json.dumps(one.inputs), number, one.source])
        con.execute("UPDATE quarantine SET known_to = ? WHERE source = ? AND load < ? AND known_to IS NULL",
                    [number, one.source, number])
        if one.quarantined:
            import pandas as pd
            frame = pd.DataFrame([vars(q) for q in one.quarantined])
            con.register("bad", frame)
            con.execute(f"""INSERT INTO quarantine SELECT {number}, ?, file, line, resource_type, reason, part, NULL
                            FROM bad""", [one.source])
            con.unregister("bad")
    con.execute("RESET disabled_optimizers")
    _tidy(con)


def _next_load(con: DuckDBPyConnection) -> int:
    row = first_row(con.execute("SELECT coalesce(max(load), 0) + 1 FROM load"))
    return int(row[0]) if row else 1


def _knowledge(con: DuckDBPyConnection) -> None:
    con.execute(f"CREATE OR REPLACE TEMP MACRO valid_nhs(x) AS {nhs_number_sql('x')}")
    con.execute("CREATE OR REPLACE TEMP TABLE systems (alias VARCHAR, uri VARCHAR, kind VARCHAR)")
    insert_rows(con, "systems", systems_table())
    for name in ("settings", "admission_methods"):
        rows = [(system, code.lower(), value) for (system, code), value in load_map(f"stays/{name}").items()]
        con.execute(f"CREATE OR REPLACE TEMP TABLE map_{name} (system VARCHAR, code VARCHAR, value VARCHAR)")
        insert_rows(con, f"map_{name}", rows)


# ---- merging what came into the store

def _merge(con: DuckDBPyConnection, staged: Sequence[Staged], number: int, mode: str, hold: Hold | None
           ) -> list[SourceBooks]:
    con.execute(_AS_WRITTEN)
    con.execute("""CREATE OR REPLACE TEMP TABLE deleted (source VARCHAR, resource_type VARCHAR, resource_id VARCHAR,
                                                         deleted_at VARCHAR)""")
    deleted = [(one.source.name, *row) for one in staged for row in one.deleted]
    insert_rows(con, "deleted", deleted)
    con.execute(sql_text("merge"))
    _concepts(con)
    con.execute(sql_text("fate"))
    books = [SourceBooks(one.source.name, mode, held=_held_back(con, one.source.name, hold),
                         notes=dict(sorted(one.notes.items()))) for one in staged]
    con.execute("UPDATE coming SET fresh = FALSE WHERE fate <> 'used'")
    con.execute("CREATE OR REPLACE TEMP VIEW incoming AS SELECT * FROM coming WHERE fresh")
    taken = {book.source: book for book in books if not book.held}
    for table in _TABLES:
        if first_row(con.execute(f"SELECT 1 FROM {table} LIMIT 1")):
            ended, same = _against_store(con, table, list(taken), number, mode)
            for source, book in taken.items():
                book.ended += ended.get(source, 0)
                book.unchanged += same.get(source, 0)
    for text in ("insert_person", "insert_target", "arriving"):
        con.execute(sql_text(text).replace(":load", str(number)))
    fates = con.execute("SELECT source, resource_type, fate, count(*) FROM coming GROUP BY ALL").fetchall()
    for one, book in zip(staged, books, strict=True):
        book.quarantined = list(one.quarantined)
        _count(one, [row[1:] for row in fates if row[0] == book.source], book)
        _quarantine_staged(con, one, book)
    return books


# Deleted after this version was written (or nobody says when).
_DELETED = "coalesce(try_cast(updated AS TIMESTAMPTZ) <= try_cast(deleted_at AS TIMESTAMPTZ), TRUE)"
# A delta may bring a version that is older than the one held, or not newer than the last one held before it was removed.
_OLDER = """
    SELECT c.record FROM coming c JOIN held h USING (record) WHERE c.place = 1 AND c.content <> h.content AND (
        try_cast(c.updated AS TIMESTAMPTZ) < try_cast(h.updated AS TIMESTAMPTZ)
        OR try_cast(c.updated AS TIMESTAMPTZ) = try_cast(h.updated AS TIMESTAMPTZ)
           AND try_cast(c.version AS HUGEINT) < try_cast(h.version AS HUGEINT))
    UNION SELECT record FROM incoming f JOIN (
        SELECT record, max(try_cast(updated AS TIMESTAMPTZ)) AS last FROM {table}
        WHERE known_to IS NOT NULL AND record IN (SELECT record FROM incoming) AND record NOT IN (SELECT record FROM held)
        GROUP BY record) USING (record)
    WHERE try_cast(f.updated AS TIMESTAMPTZ) <= last"""
# A newer version names another patient: the record was put right, and the first patient no longer has it.
_MOVED_AWAY = """
    SELECT h.record FROM held h JOIN incoming f USING (source, resource_type, resource_id)
    WHERE f.record <> h.record AND h.record NOT IN (SELECT record FROM coming WHERE record IS NOT NULL)
      AND try_cast(f.updated AS TIMESTAMPTZ) > try_cast(h.updated AS TIMESTAMPTZ)"""


def _held_back(con: DuckDBPyConnection, source: str, hold: Hold | None) -> str:
    """Why a full load of this source is not believed; then all it would have used goes to quarantine."""
    if hold is None:
        return ""
    now = dict(con.execute("SELECT resource_type, count(*) FROM coming WHERE fate = 'used' AND source = ? GROUP BY ALL",
                           [source]).fetchall())
    row = first_row(con.execute("SELECT count(*) FROM person WHERE source = ? AND known_to IS NULL", [source]))
    why = hold(source, "people", row[0] if row else 0, sum(now.get(kind, 0) for kind in STAGED["person"]))
    last = first_row(con.execute("SELECT books FROM load WHERE source = ? AND mode = 'full' ORDER BY load DESC LIMIT 1", [source]))
    for kind, counted in sorted(json.loads(last[0]).items()) if last and not why else ():
        if kind not in STAGED["person"] and any(kind in names for names in STAGED.values()):
            why = why or hold(source, kind, counted["used"], now.get(kind, 0))
    if why:
        con.execute("""UPDATE coming SET fate = 'quarantined', why = 'held with its whole source, which changed too much overnight'
                       WHERE fate IN ('used', 'removed') AND source = ?""", [source])
    return why


def _against_store(con: DuckDBPyConnection, table: str, sources: Sequence[str], number: int, mode: str
                   ) -> tuple[dict[str, int], dict[str, int]]:
    """Ends rows of these sources that are changed, gone or (full load) absent; takes what is the same or older out of
    `incoming`. Returns how many records of each source ended by absence, and how many stayed the same."""
    delta = mode == "delta"
    named = "resource_id IN (SELECT resource_id FROM coming UNION ALL SELECT resource_id FROM deleted)" if delta else "TRUE"
    con.execute(f"""CREATE OR REPLACE TEMP TABLE held AS
        SELECT DISTINCT source, record, resource_type, resource_id, content, updated, version FROM {table}
        WHERE source IN (SELECT unnest(?)) AND known_to IS NULL AND {named}""", [list(sources)])
    con.execute("""CREATE OR REPLACE TEMP TABLE same AS SELECT h.source AS source, record FROM incoming f JOIN held h USING (record)
                   WHERE f.content = h.content""")
    con.execute(f"CREATE OR REPLACE TEMP TABLE older AS {_OLDER.format(table=table) if delta else 'SELECT record FROM held LIMIT 0'}")
    con.execute("""UPDATE coming SET fate = 'superseded' WHERE fate IN ('used', 'removed')
                   AND record IN (SELECT record FROM older)""")
    gone = ["SELECT record FROM coming WHERE fate = 'removed' AND place = 1",
            "SELECT record FROM held JOIN deleted USING (source, resource_type, resource_id) WHERE " + _DELETED,
            """SELECT record FROM incoming f JOIN held h USING (record) WHERE f.content <> h.content
               AND record NOT IN (SELECT record FROM older)"""]
    if delta:
        gone.append(_MOVED_AWAY)
        con.execute(f"""UPDATE {table} SET updated = f.updated, version = f.version FROM incoming f
            WHERE f.record = {table}.record AND {table}.known_to IS NULL AND f.record IN (SELECT record FROM same)
              AND try_cast(f.updated AS TIMESTAMPTZ) > try_cast({table}.updated AS TIMESTAMPTZ)""")
    absent = ("SELECT source, record FROM held WHERE record NOT IN (SELECT record FROM coming WHERE record IS NOT NULL)"
              if mode == "full" else "SELECT source, record FROM held LIMIT 0")
    counted = [dict(con.execute(f"SELECT source, count(*) FROM ({rows}) GROUP BY source").fetchall()) for rows in (absent, "FROM same")]
    con.execute(f"""UPDATE {table} SET known_to = {number} WHERE known_to IS NULL AND record IN (
                    SELECT record FROM held WHERE record IN ({' UNION ALL '.join(gone)} UNION ALL SELECT record FROM ({absent})))""")
    con.execute("""UPDATE coming SET fresh = FALSE WHERE fresh AND record IN (
                   SELECT record FROM same UNION ALL SELECT record FROM older)""")
    return counted[0], counted[1]


def _concepts(con: DuckDBPyConnection) -> None:
    # Codings are unnested on their own: DuckDB 2.0.0 stops with an internal error where UNNEST follows a hash join.
    con.execute("""CREATE OR REPLACE TEMP TABLE coding AS
        SELECT rid, part, coalesce(c."system", '') AS said_system, c.code AS said_code, c.display AS display FROM (
            SELECT rid, part, unnest(codings) AS c FROM staged_event
            UNION ALL SELECT rid, 0, unnest(codings) FROM staged_target)
        WHERE trim(c.code) <> ''""")
    con.execute(f"""CREATE OR REPLACE TEMP TABLE spelled AS
        SELECT said_system, said_code, system, kind, {normalise_sql('system', 'said_code')} AS code, display FROM (
            SELECT d.*, coalesce(s.uri, rtrim(said_system, '/')) AS system, coalesce(s.kind, 'other') AS kind
            FROM (SELECT said_system, said_code, min(display) AS display FROM coding GROUP BY ALL) d
            LEFT JOIN systems s ON s.alias = {trim_sql('said_system')})""")
    con.execute("""INSERT INTO concept
        SELECT (SELECT coalesce(max(concept), -1) FROM concept) + row_number() OVER (ORDER BY system, code),
               system, code, any_value(kind), min(display)
        FROM spelled WHERE (system, code) NOT IN (SELECT (system, code) FROM concept) GROUP BY system, code""")
    con.execute("""UPDATE concept SET display = s.display
        FROM (SELECT system, code, min(display) AS display FROM spelled GROUP BY ALL) s
        WHERE s.system = concept.system AND s.code = concept.code
          AND (concept.display IS NULL OR s.display < concept.display)""")
    con.execute("""CREATE OR REPLACE TEMP TABLE coded AS
        SELECT DISTINCT rid, part, concept FROM coding JOIN spelled USING (said_system, said_code)
        JOIN concept USING (system, code)""")


def _count(staged: Staged, fates: Sequence[tuple[Any, ...]], books: SourceBooks) -> None:
    counts: dict[str, Counter[str]] = {}

    def add(kind: str, column: str, n: int) -> None:
        counts.setdefault(kind, Counter())[column] += n

    for column in ("read", "not_needed", "used"):
        for kind, n in getattr(staged, column).items():
            add(kind, column, n)
    for one in staged.quarantined:
        if not one.part:
            add(one.resource_type, "quarantined", 1)
    for kind, fate, n in fates:
        add(kind, fate, n)
    books.types = {kind: {c: int(row[c]) for c in COLUMNS} for kind, row in sorted(counts.items())}


def _quarantine_staged(con: DuckDBPyConnection, staged: Staged, books: SourceBooks) -> None:
    rows = con.execute("""SELECT file, line, ordinal, resource_type, why, '' FROM coming
                          WHERE fate = 'quarantined' AND source = $1
        UNION ALL SELECT c.file, c.line, c.ordinal, c.resource_type, p.why, p.part FROM parts p JOIN coming c USING (rid)
                  WHERE c.fate = 'used' AND c.source = $1""", [staged.source.name]).fetchall()
    books.quarantined += _placed(staged, rows)


def _placed(staged: Staged, rows: Sequence[tuple[Any, ...]]) -> list[Quarantined]:
    """Rows (file number, line, ordinal, type, reason, part) with their lines looked up."""
    source = staged.source
    rows = [(number if number is None else number - staged.first_file, *rest) for number, *rest in rows]
    wanted: dict[int, set[int]] = {}
    for number, line, ordinal, *_ in rows:
        if line is None and ordinal is not None and source.files and source.files[number].form == "ndjson":
            wanted.setdefault(number, set()).add(ordinal)
    lines = {number: line_numbers(source.files[number], ordinals) for number, ordinals in wanted.items()}
    placed = []
    for number, line, ordinal, kind, why, part in rows:
        file = source.files[number] if source.files and number is not None else None
        if line is None and ordinal is not None:
            line = lines[number].get(ordinal) if number in lines else int(ordinal) + 1     # a table has a header line
        placed.append(Quarantined(source.shown(file) if file else source.name, line, kind, why, part or ""))
    return sorted(placed, key=lambda q: (q.file, q.line or 0, q.resource_type, q.reason, q.part))


# ---- feeds and what stayed unresolved

def _feeds(con: DuckDBPyConnection, sources: Sequence[Source], books: Sequence[SourceBooks], number: int, mode: str,
           kinds: dict[str, str], extracted_at: datetime | None, now: datetime) -> None:
    # A slip of the pen in 2999 must not be the newest date; a data set that lies wholly in the future has one all the same.
    spans = {source: span for source, *span in con.execute("""
        SELECT source, coalesce(max(recorded) FILTER (recorded <= $1), max(recorded)),
               min(effective) FILTER (effective > '1900-01-01')
        FROM (SELECT source, recorded, effective FROM event WHERE known_to IS NULL
              UNION ALL SELECT source, recorded_start, started FROM stay WHERE known_to IS NULL
              UNION ALL SELECT source, coalesce(recorded, effective), effective
                        FROM staged_event JOIN incoming USING (rid)
              UNION ALL SELECT source, recorded_start, started FROM arriving_stay) GROUP BY source""", [now.date()]).fetchall()}
    told = dict(con.execute("SELECT source, kind FROM feed").fetchall()) | kinds
    guessed = {} if all(source.name in told for source in sources) else _guess_kinds(con)
    for source, one in zip(sources, books, strict=True):
        kind = told.get(source.name) or guessed.get(source.name, "gp")
        _feed(con, source, one, number, mode, kind, extracted_at, now, spans.get(source.name, (None, None)))


def _feed(con: DuckDBPyConnection, source: Source, books: SourceBooks, number: int, mode: str, kind: str,
          extracted_at: datetime | None, now: datetime, span: Sequence[date | None]) -> None:
    newest, oldest = span
    at, told = extracted_at, "argument"
    if at is None:
        at, told = _manifest_time(source), "manifest"
    if at is None:
        at, told = (datetime(newest.year, newest.month, newest.day) if newest else None), "newest record"
    if at is not None and at.tzinfo is not None:
        at = at.astimezone(ZoneInfo("Europe/London")).replace(tzinfo=None)
    books.extracted_from = told
    known = first_row(con.execute("SELECT practices, since FROM feed WHERE source = ?", [source.name]))
    con.execute("INSERT INTO load VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                [number, source.name, "held" if books.held else mode, now.replace(tzinfo=None), at, told, newest, oldest])
    if books.held:                                       # the feed stays at its last good load
        con.execute("UPDATE feed SET held = ? WHERE source = ?", [books.held, source.name])
    else:
        con.execute("INSERT OR REPLACE INTO feed VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)",
                    [source.name, kind, at, told, newest, oldest, number, *(known or (None, None))])


def _manifest_time(source: Source) -> datetime | None:
    """`transactionTime` of a Bulk Data manifest that lies beside the files."""
    folder = source.root if source.root.is_dir() else source.root.parent
    for path in (folder / "manifest.json", folder / "bulk-manifest.json"):
        try:
            said = json.loads(path.read_text("utf-8")).get("transactionTime")
            return datetime.fromisoformat(said)
        except (OSError, ValueError, TypeError, AttributeError):
            continue
    return None


def _guess_kinds(con: DuckDBPyConnection) -> dict[str, str]:
    """source -> hospital where most of its diagnoses are ICD-10, or where it has hospital stays and no diagnoses; else gp."""
    rows = con.execute("""
        SELECT source, sum(stays), sum(icd10), sum(coded) FROM (
            SELECT source, 1 AS stays, 0 AS icd10, 0 AS coded FROM (
                SELECT source, setting FROM stay WHERE known_to IS NULL UNION ALL SELECT source, setting FROM arriving_stay)
            WHERE setting IN ('inpatient', 'emergency')
            UNION ALL SELECT source, 0, (concept.kind = 'icd10')::INTEGER, 1 FROM arriving_event JOIN concept USING (concept)
            WHERE counts) GROUP BY source""").fetchall()
    return {source: "hospital" if (icd10 and icd10 * 2 >= coded) or (stays and not coded) else "gp"
            for source, stays, icd10, coded in rows}


def _account_unresolved(con: DuckDBPyConnection, staged: Sequence[Staged], books: Sequence[SourceBooks]) -> None:
    """Resources of this load whose person or date could not be found are quarantined (the store keeps them: a
    Patient or Encounter that comes later mends them)."""
    for one, book in zip(staged, books, strict=True):
        rows = con.execute(sql_text("unresolved"), [book.source]).fetchall()
        for kind, n in Counter(row[3] for row in rows).items():
            book.types[kind]["used"] -= n
            book.types[kind]["quarantined"] += n
        book.quarantined += _placed(one, rows)
