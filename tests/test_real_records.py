"""Public records of other people's making, where the variable FRAILTY_DATA names the folder that holds them.

Each set has a whole night by itself, and all are read together; books balance; eFI equals the oracle's, HFRS and Charlson
equal pycomorb's. Without the folder these tests are skipped; `test_oddities.py` has an example of every oddity.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import oracle
import pytest
from nightly_town import run
from oddities import deficits_by_person, unbalanced

DATA = os.environ.get("FRAILTY_DATA", "")
FOLDERS = sorted(path.name for path in Path(DATA).iterdir() if path.is_dir()) if DATA else []
LARGE = ("pysynthea-bulk", "synthea-smart-r4")
QUICK = 1_000_000           # bytes of records of which a second night takes no time
MODEST = 10_000_000         # and of which a whole night takes seconds; of a larger set only a sample is read here
AS_OF = [
    dt.date(2005, 3, 31),
    dt.date(2012, 2, 29),
    dt.date(2021, 3, 1),
    dt.date(2021, 6, 30),
    dt.date(2025, 4, 1),
]
ICD10 = "http://hl7.org/fhir/sid/icd-10"

pytestmark = pytest.mark.skipif(not DATA, reason="FRAILTY_DATA names no folder with public FHIR records")


@pytest.fixture(scope="module")
def terms() -> oracle.Terms:
    return oracle.Terms()


def read(path: Any) -> Any:
    import frailty

    return frailty.read_fhir(path)


class Nights:
    """One night of each set, whose store serves several tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: dict[str, Any] = {}

    def of(self, folder: str) -> tuple[Any, Path]:
        out = self.folder / folder
        if folder not in self.results:
            self.results[folder] = run([str(Path(DATA) / folder)], out, as_of="latest")
        return self.results[folder], out

    def practice(self, folder: str) -> Any:
        import frailty

        _, out = self.of(folder)
        return frailty.open(out.with_name(out.name + ".duckdb"))


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    return Nights(tmp_path_factory.mktemp("nights"))


# -- nothing crashes, nothing is lost


def whole(result: Any, out: Path) -> None:
    """Done, accounted for, and everybody scored once."""
    assert result.exit_code in (0, 3)
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert unbalanced(told["books"]) == []
    lines = (out / "data/scores.csv").read_text(encoding="utf-8").splitlines()[1:]
    ids = [line.split(",")[0] for line in lines]
    objected = told["objected"] if told["purpose"] == "direct-care" else 0
    assert ids == sorted(set(ids)) and len(ids) - objected == told["people"] == result.people
    assert sum(told["scores"]["efi"]["status"].values()) == told["people"]
    assert (out / "status.txt").read_text(encoding="utf-8").count("\n") == 1


def again(folder: str, store: Path, spill: Path) -> None:
    """The same records once more into a copy of the store: they are read, and nothing has ended."""
    from frailty.records.files import find_sources
    from frailty.records.load import load_sources
    from frailty.records.store import connect

    shutil.copy(store, spill / "again.duckdb")
    con = connect(spill / "again.duckdb")
    for one in load_sources(con, find_sources([str(Path(DATA) / folder)]), mode="full", kinds={}, extracted_at=None,
                            now=dt.datetime.now(), progress=lambda stage, done, total: None, folder=spill):
        assert one.balanced() and not one.ended and not one.held
    con.close()


def again_today(folders: list[str], out: Path) -> None:
    """The same records on another evening, for another purpose: nothing has ended."""
    research = out.with_name(out.name + "-research")
    again = run([str(Path(DATA) / folder) for folder in folders], research, as_of="", purpose="research", scores=("efi",),
                store=out.with_name(out.name + ".duckdb"))
    whole(again, research)
    assert not any(one["ended"] for one in again.run["this_run"]["loads"].values())


def size(folder: str) -> int:
    return sum(path.stat().st_size for path in (Path(DATA) / folder).rglob("*") if path.is_file())


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if size(folder) <= MODEST])
def test_folder_by_itself(folder: str, nights: Nights, tmp_path: Path) -> None:
    """A night as of each source's newest day; and, where that is quick, the records once more: nothing has ended."""
    result, out = nights.of(folder)
    whole(result, out)
    practice = nights.practice(folder)
    assert practice.persons["patient_id"].is_unique
    assert all(str(reason).strip() for reason in practice.quarantine["reason"])
    scores = practice.score(["efi"], as_of=dt.date.today())
    assert list(scores["patient_id"]) == list(practice.persons["patient_id"])
    if size(folder) <= QUICK:
        again(folder, out.with_name(out.name + ".duckdb"), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if size(folder) > QUICK])
def test_a_large_folder_again(folder: str, tmp_path: Path) -> None:
    whole(run([str(Path(DATA) / folder)], tmp_path / "lists", as_of="latest"), tmp_path / "lists")
    again_today([folder], tmp_path / "lists")


@pytest.mark.slow
def test_whole_nights_of_all_together(tmp_path: Path) -> None:
    whole(run([str(Path(DATA) / folder) for folder in FOLDERS], tmp_path / "lists", as_of="latest"), tmp_path / "lists")
    again_today(FOLDERS, tmp_path / "lists")


def test_folders_together() -> None:
    """Any mixture in one run; the two largest sets are left out for time, they have no shape of their own."""
    practice = read([Path(DATA) / folder for folder in FOLDERS if folder not in LARGE])
    assert unbalanced(practice.books) == []
    assert practice.persons["patient_id"].is_unique


# -- eFI equals the oracle


def every_tenth(source: Path, target: Path) -> Path:
    for number, file in enumerate(sorted(path for path in source.rglob("*") if path.is_file())):
        if number % 10 == 0:
            shutil.copy(file, target)
    return target


def some_patients(source: Path, target: Path, people: int = 6) -> Path:
    """The lines of a Bulk Data export that belong to the first few patients."""
    with gzip.open(source / "Patient.ndjson.gz", "rt", encoding="utf-8") as handle:
        patients = handle.readlines()[:people]
    (target / "Patient.ndjson").write_text("".join(patients), encoding="utf-8")
    marks = ['"Patient/' + line.split('"id"', 1)[1].split('"')[1] + '"' for line in patients]
    for file in sorted(source.glob("*.ndjson.gz")):
        if file.name != "Patient.ndjson.gz":
            with gzip.open(file, "rt", encoding="utf-8") as handle:
                kept = [line for line in handle if any(mark in line for mark in marks)]
            (target / file.name.removesuffix(".gz")).write_text("".join(kept), encoding="utf-8")
    return target


SAMPLES: dict[str, Any] = {
    "uk-gpconnect-stu3": None,
    "smart-stu3": None,
    "synthea-pathling": None,
    "synthea-bulk10": None,
    "synthea-smart-r4": every_tenth,
    "pysynthea-bulk": some_patients,
}


def matched(practice: Any, records: oracle.Records) -> dict[str, str]:
    """The library's patient_id of every person of the oracle."""
    rows = [
        (str(row.patient_id), str(row.nhs_number), str(row.birth_date)[:10], str(row.sex))
        for row in practice.persons.itertuples()
    ]
    pairs: dict[str, str] = {}
    for person in records.persons.values():
        ends = tuple(mark + ident for ident in person.patient_ids for mark in "/:")
        found = [
            row
            for row in rows
            if row[1] == person.nhs_number or row[0] in person.patient_ids or row[0].endswith(ends)
        ]
        if len(found) != 1:
            found = [
                row
                for row in found or rows
                if row[1] in (person.nhs_number or "", "None", "nan", "<NA>")
                and row[2].startswith(person.birth_date or "")
                and row[3] == person.sex
            ]
        assert len(found) == 1, f"{person} is {len(found)} people in the library"
        pairs[person.key] = found[0][0]
    assert len(set(pairs.values())) == len(pairs) == len(rows)
    return pairs


@pytest.mark.parametrize("folder", SAMPLES)
def test_efi_equals_the_oracle(folder: str, tmp_path: Path, nights: Nights, terms: oracle.Terms) -> None:
    path = Path(DATA) / folder
    if not path.is_dir():
        pytest.skip(f"{folder} is not in FRAILTY_DATA")
    if SAMPLES[folder]:
        path = SAMPLES[folder](path, tmp_path)
    records = oracle.Records(path, terms=terms)
    practice = read(path) if SAMPLES[folder] else nights.practice(folder)
    ids = matched(practice, records)
    wrong: list[str] = []
    compared = 0
    for as_of in AS_OF:
        theirs = deficits_by_person(practice, as_of)
        for key, deficits in records.efi(as_of).items():
            ours = {name: (d.n, d.first.isoformat(), d.last.isoformat()) for name, d in deficits.items()}
            compared += len(ours)
            have = theirs[ids[key]]
            wrong += [
                f"{as_of} {ids[key]} {name}: library {have.get(name)}, oracle {ours.get(name)}"
                for name in sorted(ours.keys() | have.keys())
                if ours.get(name) != have.get(name)
            ]
    assert compared > 30
    assert wrong == [], f"{len(wrong)} differences, the first: " + "\n".join(wrong[:10])


def test_efi_points_are_the_number_of_deficits(nights: Nights, terms: oracle.Terms) -> None:
    """Points of the score itself, not only its contributions."""
    folder, as_of = "uk-gpconnect-stu3", dt.date(2021, 6, 30)
    records, practice = oracle.Records(Path(DATA) / folder, terms=terms), nights.practice(folder)
    ids = matched(practice, records)
    scores = practice.score(["efi"], as_of=as_of).set_index("patient_id")["efi_points"]
    for key, deficits in records.efi(as_of).items():
        assert int(scores[ids[key]]) == len(deficits), ids[key]


# -- HFRS and Charlson equal pycomorb

EXPLAINED: dict[tuple[str, str], str] = {}  # (patient id, score): why the two differ; nothing so far


class Admission:
    """ICD-10 diagnoses of one person (code, admitted, discharged, kind of admission); the last discharge."""

    def __init__(self) -> None:
        self.diagnoses: list[tuple[str, dt.date, dt.date, str]] = []

    @property
    def as_of(self) -> dt.date:
        return max(discharged for _code, _admitted, discharged, _kind in self.diagnoses)


def hospital_rows(records: oracle.Records) -> dict[str, Admission]:
    kinds = {
        (row["system"], row["code"]): row["admission"]
        for row in oracle.table(oracle.RULES / "stays" / "admission_methods.csv")
    }
    classes = {
        item.id: kinds.get((item.resource["class"]["system"], item.resource["class"]["code"]), "unknown")
        for item in records.kept.values()
        if item.type == "Encounter"
    }
    people: dict[str, Admission] = defaultdict(Admission)
    for event in records.events:
        condition = records.kept[event.record].resource
        stay = condition["encounter"]["reference"].split("/")[1]
        for system, code in event.present:
            if system == ICD10:
                row = (code, event.effective, event.recorded, classes[stay])
                people[records.persons[event.person].patient_ids[0]].diagnoses.append(row)
    return people


@pytest.fixture(scope="module")
def mimic(nights: Nights, terms: oracle.Terms) -> tuple[dict[str, Admission], dict[str, str], Any]:
    path = Path(DATA) / "icd10-mimic4-demo"
    if not path.is_dir():
        pytest.skip("icd10-mimic4-demo is not in FRAILTY_DATA")
    pd = pytest.importorskip("pandas")
    records = oracle.Records(path, terms=terms)
    people = hospital_rows(records)
    born = {p.patient_ids[0]: p.birth_date or "" for p in records.persons.values()}
    practice = nights.practice(path.name)
    dates = {patient: dt.date(2200, 1, 1) for patient in practice.persons["patient_id"]}
    dates.update({patient: admission.as_of for patient, admission in people.items()})
    scores = practice.score(["hfrs", "charlson", "charlson_quan2011", "charlson_age"], as_of=pd.Series(dates))
    return people, born, scores.set_index("patient_id")


def differing(wanted: dict[str, float], have: Any, score: str) -> dict[str, tuple[float, float]]:
    return {
        patient: (float(have[patient]), value)
        for patient, value in wanted.items()
        if abs(float(have[patient]) - value) > 1e-9 and (patient, score) not in EXPLAINED
    }


def age_on(born: str, date: dt.date) -> int:
    birth = dt.date.fromisoformat(born)
    return date.year - birth.year - ((date.month, date.day) < (birth.month, birth.day))


def test_hfrs_equals_pycomorb(mimic: tuple[dict[str, Admission], dict[str, str], Any]) -> None:
    pycomorb = pytest.importorskip("pycomorb")
    polars = pytest.importorskip("polars")
    people, _born, scores = mimic
    rows = [
        (patient, code)
        for patient, admission in people.items()
        for code, admitted, discharged, kind in admission.diagnoses
        if kind == "emergency"
        and oracle.add_months(admission.as_of, -24) < admitted
        and discharged <= admission.as_of
    ]
    frame = polars.DataFrame(rows, schema=["id", "code"], orient="row")
    peer = pycomorb.comorbidity(score="hfrs", df=frame, id_col="id", code_col="code")
    wanted = dict.fromkeys(people, 0.0) | dict(peer.select("id", "HFRS Score").iter_rows())
    assert len(people) > 15
    assert sum(value > 0 for value in wanted.values()) > 10
    assert differing(wanted, scores["hfrs_points"], "hfrs") == {}


@pytest.mark.parametrize(
    ("score", "weights", "column"),
    [
        ("charlson", "charlson", "Charlson Comorbidity Index"),
        ("charlson_quan2011", "quan", "Charlson Comorbidity Index"),
        ("charlson_age", "charlson", "Charlson Age-Comorbidity Score"),
    ],
)
def test_charlson_equals_pycomorb(
    score: str, weights: str, column: str, mimic: tuple[dict[str, Admission], dict[str, str], Any]
) -> None:
    pycomorb = pytest.importorskip("pycomorb")
    polars = pytest.importorskip("polars")
    people, born, scores = mimic
    rows = [
        (patient, code, age_on(born[patient], admission.as_of))
        for patient, admission in people.items()
        for code, _admitted, discharged, _kind in admission.diagnoses
        if discharged <= admission.as_of
    ]
    frame = polars.DataFrame(rows, schema=["id", "code", "age"], orient="row")
    peer = pycomorb.comorbidity(
        score="charlson",
        df=frame,
        id_col="id",
        code_col="code",
        age_col="age",
        implementation="quan",
        weights=weights,
    )
    wanted = {patient: float(value) for patient, value in peer.select("id", column).iter_rows()}
    assert sum(value > 0 for value in wanted.values()) > 10
    assert differing(wanted, scores[f"{score}_points"], score) == {}
