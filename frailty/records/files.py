"""Which files hold records, and in what form: decided by looking into them, never by their names alone."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from frailty.errors import RecordsError

_SNIFF_BYTES = 1 << 16
_RECORD_SUFFIXES = (".json", ".ndjson", ".jsonl")
MANIFESTS = ("manifest.json", "bulk-manifest.json")    # of a Bulk Data export: read for its time, not for records
TABLES = ("persons", "events", "medicines", "stays")


@dataclass(frozen=True)
class RecordFile:
    """A file of one source. form: ndjson (bulk, one resource a line) | json (anything else) | table | xml | empty."""

    path: Path
    form: str
    table: str = ""

    @property
    def name(self) -> str:
        """The name that reports show."""
        return self.path.name


@dataclass(frozen=True)
class Source:
    """One RECORDS argument. name: stable from night to night (`name=path`, else the last part of the path)."""

    name: str
    root: Path
    files: tuple[RecordFile, ...]
    ignored: tuple[str, ...]

    def shown(self, file: RecordFile) -> str:
        """Path of a file below the source, for reports."""
        return str(file.path.relative_to(self.root)) if self.root.is_dir() else file.path.name


def open_bytes(path: Path) -> IO[bytes]:
    """A file's bytes, unpacked."""
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if path.suffix == ".bz2":
        return bz2.open(path, "rb")
    return path.open("rb")


def find_sources(arguments: Sequence[str | os.PathLike[str]]) -> list[Source]:
    """The sources that RECORDS arguments name, with their files in stable order.

    Raises RecordsError where a path is missing, unreadable or given twice under one name.
    """
    sources: dict[str, Source] = {}
    for argument in arguments:
        text = os.fspath(argument)
        name, _, given = text.partition("=")
        if not given or Path(text).exists():
            name, given = "", text
        root = Path(given).expanduser()
        if not root.exists():
            raise RecordsError("The records were not found.", where=given,
                               mend="name an existing folder or file, or NAME=PATH to name the source as well")
        name = name or root.resolve().name
        if name in sources:
            raise RecordsError(f"Two sources have the name {name!r}.", where=given,
                               mend="give each a name of its own: NAME=PATH")
        sources[name] = _source(name, root)
    if not sources:
        raise RecordsError("No records were named.", mend="name a folder or a file of records")
    return list(sources.values())


def _source(name: str, root: Path) -> Source:
    files, ignored = [], []
    for path in sorted(_walk(root)):
        file = _classify(path)
        if file is None:
            ignored.append(path.name)
        else:
            files.append(file)
    return Source(name, root, tuple(files), tuple(ignored))


def _walk(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in names:
            if not name.startswith("."):
                yield Path(folder, name)


def _classify(path: Path) -> RecordFile | None:
    name = path.name.lower().removesuffix(".gz").removesuffix(".bz2")
    stem, suffix = Path(name).stem, Path(name).suffix
    if suffix == ".csv" and stem in TABLES:
        return RecordFile(path, "table", stem)
    if path.name in MANIFESTS and b'"transactionTime"' in path.read_bytes()[:_SNIFF_BYTES]:
        return None
    if suffix == ".xml":
        return RecordFile(path, "xml")
    if suffix not in _RECORD_SUFFIXES:
        return None
    return RecordFile(path, _form(path))


def _form(path: Path) -> str:
    try:
        with open_bytes(path) as stream:
            head = stream.read(_SNIFF_BYTES)
    except (OSError, EOFError):
        return "json"                       # the careful reader says what is wrong with it
    if not head.strip():
        return "empty"
    if path.suffix == ".bz2" or not head.startswith(b"{"):
        return "json"
    line, newline, _ = head.partition(b"\n")
    if not newline and len(head) == _SNIFF_BYTES:
        return "json" if b'"Bundle"' in head[:4096] else "ndjson"
    try:
        first = json.loads(line)
    except ValueError:
        return "json"
    kind = first.get("resourceType") if isinstance(first, dict) else None
    return "ndjson" if isinstance(kind, str) and kind not in ("Bundle", "Parameters") else "json"


def sha256(path: Path) -> str:
    """Hash of a file's bytes as they lie on disk."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
