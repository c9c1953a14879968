"""Writing the made-up locality: records, homes' lists, site.toml and the truth."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from frailty.errors import FrailtyError
from frailty.synthetic import fhir_hospital, fhir_r4, fhir_stu3, tables
from frailty.synthetic.dirt import Target, soil
from frailty.synthetic.extract import extract
from frailty.synthetic.model import Locality, Progress, alive, build
from frailty.synthetic.site import home_lists, site_toml
from frailty.synthetic.sources import odd_files, write_source, write_tables
from frailty.synthetic.truth import Written, person_ids, write_truth

LAYOUTS = ("fhir", "tables")
HOSPITAL = "hospital"
SPLIT_PRACTICE, SPLIT_LINES = 1, 20_000     # a practice whose Observations come in several files, as servers do
MARK = "README.txt"
_OURS = ("records", "homes", "truth", "delta")
_READ_ME = """Everything in this folder and its neighbours is made up. Nobody in it exists.

people.csv    one row a person: what is true of them, what each source says of them, and their hazards
outcomes.csv  what happens in the twelve months after the extract
dirt.csv      every fault put into the files on purpose: file, line, and what must become of it
truth.json    the counts

Never give this folder to a model that is to be judged by it.
"""


@dataclass(frozen=True)
class LocalitySummary:
    """What was written. `records`: one folder a source, in the order in which site.toml names them."""

    out: Path
    as_of: date
    seed: int
    layout: str
    people: int
    records: tuple[Path, ...]
    site: Path
    truth: Path
    resources: dict[str, dict[str, int]]        # source -> type -> lines, faults not counted
    bytes: int
    statuses: dict[str, int]
    dirt: dict[str, int]

    @property
    def lines(self) -> int:
        """Records in all."""
        return sum(sum(counts.values()) for counts in self.resources.values())


def make_locality(out: Path, people: int = 10_000, homes: int = 3, practices: int = 3, seed: int = 1,
                  layout: str = "fhir", *, as_of: date, rules: Path | None = None,
                  progress: Progress | None = None) -> LocalitySummary:
    """Writes a made-up locality of `people` registered persons under `out`, extracted early on the day `as_of`.

    Same arguments, same bytes. The day is always given: nothing here looks at a clock. A folder that holds an older
    made-up locality is written over; anything else in the way is an error.
    """
    if layout not in LAYOUTS:
        raise FrailtyError(f"There is no layout {layout!r}.", mend="fhir or tables")
    if people < 50 or practices < 1 or homes < 0:
        raise FrailtyError("A locality needs at least 50 people and one practice.")
    start_folder(out)
    locality = build(as_of, people, homes, practices, seed, rules, progress)
    tell = progress or (lambda what, done, whole: None)
    written = _fhir(locality, out, tell) if layout == "fhir" else _tables(locality, out, tell)
    lists, counts = home_lists(locality)
    written.homes.update(counts)
    (out / "homes").mkdir()
    for home, text in lists.items():
        (out / "homes" / f"{home}.csv").write_bytes(text.encode("utf-8"))
    (out / "site.toml").write_bytes(site_toml(locality).encode("utf-8"))
    tell("writing the truth", 0, 1)
    truth = write_truth(locality, out / "truth", written)
    tell("writing the truth", 1, 1)
    sources = written.sources
    return LocalitySummary(
        out=out, as_of=as_of, seed=seed, layout=layout, people=people,
        records=tuple(out / "records" / name for name in sources), site=out / "site.toml", truth=out / "truth",
        resources={name: source["resources"] for name, source in sources.items()},
        bytes=sum(source["bytes"] for source in sources.values()), statuses=truth["people"], dirt=truth["dirt"])


def start_folder(out: Path) -> None:
    """An empty `out` with the mark of a made-up locality. Refuses to remove what does not bear that mark."""
    there = [name for name in _OURS if (out / name).exists()]
    if there and not (out / "truth" / MARK).is_file():
        raise FrailtyError("The folder already holds something that is not a made-up locality.", where=str(out),
                           why=f"it contains {', '.join(there)} and no truth/{MARK}", mend="give another folder")
    for name in reversed(there):        # the mark last, so that an interrupted start can be started again
        if name != "truth":
            shutil.rmtree(out / name)
    shutil.rmtree(out / "truth", ignore_errors=True)
    (out / "truth").mkdir(parents=True)
    (out / "truth" / MARK).write_bytes(_READ_ME.encode())


def _fhir(locality: Locality, out: Path, tell: Progress) -> Written:
    targets = _targets(locality, tell)
    patients = {target.name: len(target.files["Patient"]) for target in targets}
    split = {target.name: SPLIT_LINES for target in targets[SPLIT_PRACTICE:-1][:1]}
    files, faults = soil(locality.settings, locality.streams["dirt"], locality.codes, locality.as_of,
                         int(alive(locality).sum()), targets, split)
    odd = odd_files([target.name for target in targets[:-1]])
    sources: dict[str, dict[str, Any]] = {}
    for number, target in enumerate(targets):
        tell("writing", number, len(targets))
        sources[target.name] = {
            "shape": target.shape, "patients": patients[target.name],
            "resources": {kind: len(lines) for kind, lines in target.files.items() if lines},
            "lines": {name: len(lines) for name, lines in files[target.name].items()},
            "bytes": write_source(out / "records" / target.name, files[target.name], str(locality.day), odd)}
    return Written("fhir", sources, faults, {}, odd)


def _targets(locality: Locality, tell: Progress) -> list[Target]:
    """The sources as good lines, the hospital last."""
    ids = person_ids(locality, "fhir")
    long_dead = np.flatnonzero(locality.people.death < locality.as_of - 20).tolist()
    targets = []
    for plan in locality.plans:
        tell("putting into words", plan.index, len(locality.plans) + 1)
        files = (fhir_stu3 if plan.shape == "stu3" else fhir_r4).gp_files(locality, extract(locality, plan))
        name = f"{plan.slug}-gp"
        gone = [(ids[person][name], int(locality.people.death[person])) for person in long_dead if name in ids[person]]
        targets.append(Target(name, files, plan.share, plan.shape, gone))
    tell("putting into words", len(locality.plans), len(locality.plans) + 1)
    return [*targets, Target(HOSPITAL, fhir_hospital.hospital_files(locality), 0.0, HOSPITAL, [])]


def _tables(locality: Locality, out: Path, tell: Progress) -> Written:
    """The plain tables. They hold no faults: the reader of tables has tests of its own."""
    sources: dict[str, dict[str, Any]] = {}
    names = [f"{plan.slug}-gp" for plan in locality.plans] + [HOSPITAL]
    for number, name in enumerate(names):
        tell("writing", number, len(names))
        made = (
            tables.hospital_tables(locality) if name == HOSPITAL else tables.gp_tables(locality, locality.plans[number])
        )
        counts = {table: len(lines) - 1 for table, lines in made.items()}
        sources[name] = {"shape": "tables", "patients": counts["persons"], "resources": counts,
                         "lines": {f"{table}.csv": count for table, count in counts.items()},
                         "bytes": write_tables(out / "records" / name, made)}
    return Written("tables", sources, [], {}, {})
