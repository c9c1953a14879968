"""The cases of `fixtures/expected.toml`, the files made when tests run, and how answers are compared."""

from __future__ import annotations

import gzip
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).resolve().parent / "fixtures"

Found = dict[str, tuple[int, str, str]]  # deficit: records, first day, last day


@dataclass(frozen=True)
class Case:
    id: str
    spec: dict[str, Any]

    def prepare(self, folder: Path) -> list[Path]:
        """A copy of the case with its made files; one path per source."""
        here = folder / self.id
        shutil.copytree(FIXTURES / self.id, here)
        for step in self.spec.get("make", []):
            make(step["what"], here / step["from"])
        return [folder / path for path in self.spec.get("paths", [self.id])]


def cases() -> list[Case]:
    with (FIXTURES / "expected.toml").open("rb") as handle:
        return [Case(spec["id"], spec) for spec in tomllib.load(handle)["case"]]


def make(what: str, path: Path) -> None:
    """Spoil, compress or enlarge one file, in the way that the case is about."""
    raw = path.read_bytes()
    if what == "gzip":
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(raw, mtime=0))
        path.unlink()
    elif what == "broken-gzip":
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(raw, mtime=0)[:-40])
        path.unlink()
    elif what == "not-gzip":
        path.rename(path.with_name(path.name + ".gz"))
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "bom":
        path.write_bytes(b"\xef\xbb\xbf" + raw)
    elif what == "crlf":
        path.write_bytes(raw.replace(b"\n", b"\r\n"))
    elif what == "blank-lines":
        path.write_bytes(b"\n  \n" + b"\n\n\t".join(raw.strip().split(b"\n")))
    elif what == "utf-16":
        path.write_bytes(raw.decode().encode("utf-16"))
    elif what == "latin-1":
        path.write_bytes(raw.decode().encode("latin-1"))
    elif what == "pad":
        path.write_bytes(raw.replace(b"PAD", b"<div>" + b"so it goes on; " * 1_200_000 + b"</div>"))
    elif what == "deep":
        path.write_bytes(raw.replace(b'"DEEP"', b"[" * 3000 + b"]" * 3000))
    else:
        raise ValueError(f"unknown step {what!r} for {path.name}")


def differences(expect: dict[str, Any], found: Found) -> list[str]:
    """What is wrong with the deficits of one person; nothing if all is as the case says."""
    wrong: list[str] = []
    any_dates = set(expect.get("ignore_dates", []))
    for deficit, wanted in expect["deficits"].items():
        have = found.get(deficit)
        if wanted == ["?"]:
            continue
        if have is None:
            wrong.append(f"{deficit} is missing")
        elif have[0] != wanted[0] or (deficit not in any_dates and list(have[1:]) != wanted[1:]):
            wrong.append(f"{deficit} is {have}, should be {wanted}")
    wrong += [f"{deficit} should not be there" for deficit in found if deficit not in expect["deficits"]]
    return wrong


# ----------------------------------------------------------------------------------------------------------
# Reading the library's answers
# ----------------------------------------------------------------------------------------------------------

BOOKS = ("used", "not_needed", "superseded", "removed", "quarantined")


def day(value: Any) -> str:
    """A date, a timestamp or a text as 2024-06-01."""
    return str(value)[:10]


def deficits_by_person(practice: Any, as_of: Any) -> dict[str, Found]:
    """patient_id: deficits present, from the library's contributions to the eFI."""
    found: dict[str, Found] = {str(patient): {} for patient in practice.persons["patient_id"]}
    rows = practice.contributions(["efi"], as_of=as_of)
    rows = rows[(rows["score"] == "efi") & (rows["points"] > 0)]
    for row in rows.itertuples():
        found[str(row.patient_id)][row.term] = (int(row.n), day(row.first_on), day(row.last_on))
    return found


def patient_ids(practice: Any, who: str) -> list[str]:
    """The patient ids of the people with this NHS number or this id."""
    people = practice.persons
    by_number = people[people["nhs_number"].astype("string") == who]
    if len(by_number):
        return [str(patient) for patient in by_number["patient_id"]]
    ids = [str(patient) for patient in people["patient_id"]]
    return [patient for patient in ids if patient.split("~")[0] == who or patient.endswith(("/" + who, ":" + who))]


def unbalanced(books: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    """Each source and resource type whose books do not add up."""
    wrong = []
    for source, types in books.items():
        for kind, counts in types.items():
            total = sum(counts.get(name, 0) for name in BOOKS)
            if counts["read"] != total or min(counts.values()) < 0:
                wrong.append(f"{source} {kind}: read {counts['read']}, accounted for {total}: {counts}")
    return wrong


def booked(books: dict[str, dict[str, dict[str, int]]], kind: str, entry: str) -> int:
    return sum(types.get(kind, {}).get(entry, 0) for types in books.values())


def quarantined(practice: Any, file: str) -> Any:
    """The lines of quarantine that name a file."""
    rows = practice.quarantine
    return rows.loc[[Path(str(name)).name == file for name in rows["file"]]]
