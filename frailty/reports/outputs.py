"""The files of one run, written to a folder beside the final one and put in its place in one step."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the place of `path` when the block ends without an error; else it goes.

    Files are for their owner only, unless the folder that holds them says more.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new, old = path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.old")
    if old.exists() and not path.exists():              # a run was killed between the two renames
        old.rename(path)
    shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o700
    old_mask = os.umask(0o077)
    try:
        new.mkdir()
        try:
            yield new
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        if mode & 0o077:
            _open_up(new, mode)
        if not path.exists():
            new.rename(path)
        elif not _exchanged(new, path):
            path.rename(old)
            new.rename(path)
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        os.umask(old_mask)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether two folders changed places in one step, which Linux can do on most file systems."""
    try:
        here, exchange = -100, 2                        # AT_FDCWD, RENAME_EXCHANGE
        done: int = ctypes.CDLL(None).renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange)
    except (AttributeError, OSError, TypeError):
        return False
    return done == 0


def _open_up(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    for one in folder.rglob("*"):
        one.chmod(mode if one.is_dir() else mode & 0o666)


def write_tables(con: DuckDBPyConnection, folder: Path, scores: pd.DataFrame, contributions: pd.DataFrame,
                 person_ids: str, quarantine: pd.DataFrame, rising: pd.DataFrame) -> None:
    """`data/`: scores, contributions and rising need for analysis, and what could not be used. No names, no NHS numbers.

    person_ids: SQL for the links between a source's ids and the run's patient_id.
    """
    data = folder / "data"
    data.mkdir()
    con.register("scores_out", scores)
    con.register("contributions_out", contributions.drop(columns=["display"], errors="ignore"))
    con.register("quarantine_out", quarantine)
    arrived = ["; ".join(f"{term} {day}" for term, day in many) for many in rising["deficits_arrived"]]
    con.register("rising_out", rising.assign(deficits_arrived=arrived))
    days = "SELECT * REPLACE (last_entry_on::DATE AS last_entry_on, registered_from::DATE AS registered_from) FROM scores_out"
    _copy(con, days, data / "scores.parquet")
    _copy(con, days, data / "scores.csv")
    _copy(con, "SELECT * FROM contributions_out", data / "contributions.parquet")
    _copy(con, person_ids, data / "person_ids.csv")
    _copy(con, "SELECT source || '/' || file AS file, line, resource_type, reason, part FROM quarantine_out",
          data / "quarantine.csv")
    _copy(con, """SELECT * EXCLUDE (status) REPLACE (round(slope_per_month, 6) AS slope_per_month, round(rise_6m, 6) AS rise_6m)
                  FROM rising_out""", data / "rising.csv")
    for name in ("scores_out", "contributions_out", "quarantine_out", "rising_out"):
        con.unregister(name)


def _copy(con: DuckDBPyConnection, select: str, path: Path) -> None:
    options = "FORMAT parquet, COMPRESSION zstd" if path.suffix == ".parquet" else "FORMAT csv, HEADER"
    target = str(path).replace("'", "''")
    con.execute(f"COPY ({select}) TO '{target}' ({options})")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """A JSON file that diffs well."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
