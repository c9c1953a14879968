"""The code lists and tables themselves: faithful, checked, and with a source."""

import csv
from collections import Counter

import pytest

from frailty.knowledge import rules_dir
from frailty.terminology import (
    list_codelists,
    load_codelist,
    load_quantities,
    normalise_code,
    snomed_check_digit,
    substance_of_name,
    system_kind,
    systems_table,
)

NAMES = list_codelists()
FOR_THE_SITE = {"care/objection_profiling", "care/efi_value"}  # and items and totals of instruments
INSTRUMENTS = ("efi_recorded", "efi2_recorded", "4at", "edmonton", "frail", "fried", "must", "prisma7", "activity", "grip_strength", "walk_15_feet")
KEYS = {
    "snomed": "http://snomed.info/sct",
    "readv2": "http://read.info/readv2",
    "ctv3": "http://read.info/ctv3",
    "icd10": "http://hl7.org/fhir/sid/icd-10",
    "emis": "https://fhir.hl7.org.uk/Id/egton-codes",
    "substance": "substance",
    "opcs": "https://fhir.hl7.org.uk/CodeSystem/OPCS-4",
}


def rows(*parts):
    with rules_dir().joinpath(*parts).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", NAMES)
def test_a_list_is_written_as_it_is_compared(name):
    written = rows("codelists", f"{name}.csv")
    uris = {uri for _, uri, _ in systems_table()}
    for row, entry in zip(written, load_codelist(name).entries, strict=True):
        kind = system_kind(row["system"])
        assert row["system"] in uris
        assert row["code"] == normalise_code(kind, row["code"]) == entry.code
        assert row["term"] and row["status"]
        assert kind != "snomed" or snomed_check_digit(row["code"])
        assert kind not in ("readv2", "ctv3") or len(row["code"]) == 5


@pytest.mark.parametrize("name", NAMES)
def test_a_list_has_a_source_and_the_counts_it_states(name):
    codelist = load_codelist(name)
    for key in (
        "title",
        "publication",
        "version",
        "read_from",
        "date_read",
        "licence",
        "checked_by",
        "verified",
    ):
        assert codelist.source[key], key
    counts = Counter(entry.system for entry in codelist.entries)
    if codelist.source.get("status") == "to be supplied":
        assert name in FOR_THE_SITE or name.startswith(("cambridge/", "needs/")) or name.split("/")[1].startswith(INSTRUMENTS)
        assert not counts
    else:
        stated = {KEYS.get(key, "http://loinc.org"): n for key, n in codelist.source["counts"].items()}
        assert counts == stated


def test_the_efi_has_its_35_lists_and_its_codes():
    efi = [load_codelist(name) for name in NAMES if name.startswith("efi/")]
    assert len(efi) == 35
    counts = Counter(system_kind(entry.system) for codelist in efi for entry in codelist.entries)
    assert counts == {"snomed": 2089, "readv2": 1545, "ctv3": 2095}


def test_codes_that_differ_by_case_only_stay_apart():
    codes = {
        (e.system, e.code) for name in NAMES if name.startswith("efi/") for e in load_codelist(name).entries
    }
    folded = Counter((system, code.lower()) for system, code in codes)
    assert sum(n > 1 for n in folded.values()) > 0


def test_contacts_and_bare_observables_carry_a_caution():
    contacts = {(e.system, e.code) for e in load_codelist("care/home_visit").entries}
    housebound = load_codelist("efi/housebound").entries
    visits = [entry for entry in housebound if (entry.system, entry.code) in contacts]
    assert len(visits) == 35
    assert all(entry.caution for entry in visits)
    assert not any(entry.caution for entry in housebound if entry.code in ("160689007", "13CA."))
    assert all(
        entry.caution for entry in housebound if "visit" in entry.term.lower() or "own home" in entry.term
    )
    for name in NAMES:
        for entry in load_codelist(name).entries:
            if "observable-needs-value" in entry.status or "value-rule-code" in entry.status:
                assert entry.caution, (name, entry)


def test_a_code_of_a_value_rule_counts_by_presence_only_where_published():
    values = {
        (e.system, e.code) for n in NAMES if n.startswith("quantities/") for e in load_codelist(n).entries
    }
    both = {
        entry.code
        for n in NAMES
        if n.startswith("efi/")
        for entry in load_codelist(n).entries
        if (entry.system, entry.code) in values
    }
    assert both == {"66Yf.", "XaK8U", "723245007", "165257007"}


def test_staff_of_a_home_are_no_residents():
    residence = load_codelist("care/residence").entries
    staff = [entry for entry in residence if "Employed" in entry.term or "worker" in entry.term]
    assert len(staff) == 5
    assert {entry.category for entry in staff} == {"exclude"}
    assert {entry.category for entry in residence} == {"present", "weak", "exclude"}


def test_frailty_levels_are_one_code_each():
    levels = {
        name: [e.code for e in load_codelist(f"care/frailty_{name}").entries]
        for name in ("mild", "moderate", "severe")
    }
    assert levels == {
        "mild": ["925791000000100"],
        "moderate": ["925831000000107"],
        "severe": ["925861000000102"],
    }


def test_every_hfrs_code_is_its_own_category():
    entries = load_codelist("hfrs/codes").entries
    assert all(
        entry.category == entry.code and entry.match == "prefix" and len(entry.code) == 3 for entry in entries
    )
    assert len(load_codelist("hfrs/codes").categories()) == 109
    assert len(load_codelist("charlson/quan2005").categories()) == 17


def test_quantities_name_their_lists():
    quantities = load_quantities()
    assert sorted(q.codes for q in quantities) == [n for n in NAMES if n.startswith("quantities/")]
    assert all(q.codes == f"quantities/{q.name}" for q in quantities)
    assert [q.name for q in quantities if "" not in q.spellings] == [
        "urine_protein_24h",
        "urine_albumin_24h",
        "urine_microalbumin",
        "gait_speed",
    ]


def test_known_medicine_names_lead_to_their_substance():
    table = rows("medicines", "substances.csv")
    assert len(table) > 800
    for row in table:
        assert substance_of_name(row["name"]) == row["substance"]
        assert row["source"]


def test_tables_tell_their_source():
    for folder in ("terminology", "medicines", "stays"):
        assert (rules_dir() / folder / "source.toml").read_text(encoding="utf-8").count("date_read") == 1
    for parts in (
        ("terminology", "systems.csv"),
        ("quantities.csv",),
        ("stays", "settings.csv"),
        ("stays", "admission_methods.csv"),
    ):
        assert all(row["source"] for row in rows(*parts))
