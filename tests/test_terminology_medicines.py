"""The medicines ladder."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frailty.errors import DefinitionError, SiteError
from frailty.terminology import substance_of_name, substances

SCT, DMD = "http://snomed.info/sct", "https://dmd.nhs.uk"


@pytest.mark.parametrize(
    ("name", "substance"),
    [
        ("Amlodipine 5mg tablets", "amlodipine"),
        ("AMLODIPINE 5 MG Oral Tablet", "amlodipine"),
        ("24 HR metoprolol succinate 100 MG Extended Release Oral Tablet [Toprol]", "metoprolol"),
        ("Acetaminophen 325 MG Oral Tablet", "paracetamol"),
        ("Simvistatin 10 MG", "simvastatin"),
        ("Levothyroxine sodium 100microgram tablets", "levothyroxine"),
        ("Thyroxine 0.088 MG Oral Tablet", "levothyroxine"),
        ("Co-codamol 30mg/500mg tablets", "codeine + paracetamol"),
        ("Codeine phosphate 30 mg and paracetamol 500 mg oral capsule", "codeine + paracetamol"),
        ("Acetaminophen 300 MG / Codeine 30 MG Oral Tablet", "codeine + paracetamol"),
        (
            "Fluticasone 250micrograms/dose / Salmeterol 50micrograms/dose dry powder inhaler",
            "fluticasone + salmeterol",
        ),
        ("Ceftriaxone 1g in 50mL Sodium chloride 0.9% solution for infusion", "ceftriaxone"),
        ("Zosyn (piperacillin/tazobactam) 4.5gm injection", "piperacillin + tazobactam"),
        ("Insulin glargine 100units/ml solution for injection", "insulin glargine"),
        ("insulin, regular, human 100 UNT/ML Injectable Solution", "insulin soluble"),
        ("Isosorbide mononitrate 60mg modified-release tablets", "isosorbide mononitrate"),
        ("Lipitor 10mg tablets (Upjohn UK Ltd)", "atorvastatin"),
        ("Micropore tape 5cm (3M Health Care Ltd)", None),
        ("Ironamlodipine 5mg", None),
        ("Little Pink Pill for water retention", None),
        ("", None),
    ],
)
def test_a_name_tells_its_substance(name, substance):
    assert substance_of_name(name) == substance


def test_the_ladder(tmp_path):
    table = tmp_path / "dmd.csv"
    table.write_text(
        "system,code,substance,bnf_paragraph\n"
        "https://dmd.nhs.uk/,322236009,Paracetamol,0407010\n"
        "dmd,111,Salmeterol + Fluticasone,\n"
    )
    systems = [SCT, DMD, SCT, DMD, DMD, DMD, "", ""]
    codes = ["322236009", "322236009", "222", "111", "333", "444", "", ""]
    names = [
        "Anything",
        None,
        "Paracetamol 500mg tablets",
        "x",
        "Berkolol 10mg",
        "Berkolol 20mg",
        "Bandage",
        "BANDAGE ",
    ]
    ids, found, rungs, bnf = substances(systems, codes, names, table)
    assert (ids.dtype, rungs.dtype) == (np.int32, np.int8)
    assert rungs.tolist() == [1, 1, 2, 1, 3, 3, 3, 3]
    assert bnf == ["0407010", "0407010", "", "", "", "", "", ""]
    assert [found[i] for i in ids] == [
        "paracetamol",
        "paracetamol",
        "paracetamol",
        "fluticasone + salmeterol",
        "product dm+d|333",
        "product dm+d|444",
        "product bandage",
        "product bandage",
    ]


@pytest.mark.parametrize(
    ("written", "kept"),
    [("040101", "040101"), ("4.1.1", "040101"), ("04.01.01", "040101"), ("0401010z0aaabab", "0401010Z0AAABAB"), ("", "")],
)
def test_a_bnf_code_has_one_spelling(tmp_path, written, kept):
    table = tmp_path / "dmd.csv"
    table.write_text(f"system,code,substance,bnf_paragraph\ndmd,1,zopiclone,{written}\n")
    assert substances([DMD], ["1"], [None], table).bnf == [kept]


def test_one_product_under_two_systems_is_one():
    ids, _, rungs, _ = substances([SCT, DMD, DMD + "/"], ["333", "333", "333 "], ["A", "B", None])
    assert set(ids.tolist()) == {0}
    assert set(rungs.tolist()) == {3}


@given(st.lists(st.sampled_from(["Ramipril 5mg", "Nothing known", "Aspirin / Ramipril", ""]), max_size=20))
def test_every_concept_gets_a_substance_and_a_rung(names):
    ids, found, rungs, _ = substances(["s"] * len(names), [str(i) for i in range(len(names))], names)
    assert len(ids) == len(rungs) == len(names)
    assert sorted(set(ids.tolist())) == list(range(len(found)))
    assert set(rungs.tolist()) <= {2, 3}


def test_bad_tables_say_where(tmp_path):
    site = tmp_path / "site.csv"
    site.write_text("system,code,substance\ndmd,1,\n")
    with pytest.raises(SiteError, match=r"site\.csv:2"):
        substances([], [], [], site)
    site.write_text("system,code\ndmd,1\n")
    with pytest.raises(SiteError, match="missing: substance"):
        substances([], [], [], site)
    site.write_text("system,code,substance,bnf_paragraph\ndmd,1,zopiclone,4.1\n")
    with pytest.raises(SiteError, match="not a BNF code"):
        substances([], [], [], site)
    (tmp_path / "medicines").mkdir()
    (tmp_path / "medicines" / "substances.csv").write_text("name,substance\nAspirin,aspirin\naspirin,asp\n")
    with pytest.raises(DefinitionError, match="twice"):
        substance_of_name("Aspirin", tmp_path)
