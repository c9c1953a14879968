"""The store: one DuckDB file per locality.

A load works on a copy and takes the place of the store only when it has succeeded, so readers never wait and a crash
at any moment leaves the store as it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING

from frailty.errors import RecordsError
from frailty.records.stage import prepare

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def connect(path: Path | None = None, *, read_only: bool = False, spill: Path | None = None, shown: Path | None = None
            ) -> DuckDBPyConnection:
    """Opens a store, makes it where it does not exist (None: in memory), and lends it the macros.

    shown: how errors name it, where `path` is a copy.
    """
    import duckdb
    name = str(shown or path)
    exists = path is not None and path.exists()
    if read_only and not exists:
        raise RecordsError("There is no store here.", where=name, mend="make one: frailty nightly RECORDS... --store FILE")
    try:
        con = duckdb.connect(str(path) if path else ":memory:", read_only=read_only)
    except duckdb.Error as error:
        raise RecordsError("The store cannot be opened.", where=name, why=str(error).splitlines()[0].replace(str(path), name),
                           mend="close the program that has it open, or name another file") from None
    with contextlib.suppress(duckdb.Error):             # in a notebook without ipywidgets there is none to switch off
        con.execute("SET enable_progress_bar = false")
    if spill is not None:
        con.execute("SET temp_directory = '" + str(spill).replace("'", "''") + "'")
    if not exists:
        con.execute(package_files("frailty.records").joinpath("schema.sql").read_text("utf-8"))
    elif not con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'person_id'").fetchone():
        con.close()
        raise RecordsError("This file is not a frailty store.", where=name, mend="name the file that nightly wrote")
    prepare(con)
    return con


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Keeps a store or an output folder for this run alone. Raises RecordsError where another run has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    old_mask = os.umask(0o077)
    try:
        lock = path.with_name(f".{path.name}.lock").open("w")
    finally:
        os.umask(old_mask)
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RecordsError(f"Another run is using this {what}.", where=str(path),
                               mend=f"wait for it to end, or name another {what}") from None
        yield


@contextlib.contextmanager
def working_copy(path: Path) -> Iterator[tuple[DuckDBPyConnection, Path]]:
    """A copy of the store to work on, and a folder for large work. Needs the lock.

    The copy becomes the store when the block ends without an error; else both go.
    """
    copy, prefix = path.with_name(f".{path.name}.new"), f".{path.name}.tmp-"
    old_mask = os.umask(0o077)
    try:
        _remove(copy)                                   # what a run left that was killed
        for left in path.parent.iterdir():
            if left.name.startswith(prefix):
                shutil.rmtree(left, ignore_errors=True)
        if path.exists():
            shutil.copyfile(path, copy)
        try:
            with tempfile.TemporaryDirectory(prefix=prefix, dir=path.parent) as spill:
                con = connect(copy, spill=Path(spill), shown=path)
                try:
                    # One thread is left to Python, which works meanwhile. Of two, DuckDB is faster on one than on both: threads
                    # that insert in order copy their rows once more.
                    (threads,), = con.execute("SELECT current_setting('threads')").fetchall()
                    con.execute(f"SET threads = {max(1, threads - 1)}")
                    yield con, Path(spill)
                    con.execute("CHECKPOINT")
                finally:
                    con.close()
        except BaseException:
            _remove(copy)
            raise
        with copy.open("rb") as written:
            os.fsync(written.fileno())
        copy.replace(path)
    finally:
        os.umask(old_mask)


def _remove(copy: Path) -> None:
    for left in (copy, copy.with_name(copy.name + ".wal")):
        left.unlink(missing_ok=True)
