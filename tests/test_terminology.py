"""Codes, check digits, systems, lists, quantities, stays: the machinery, and its SQL twin."""

import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frailty.errors import DefinitionError
from frailty.terminology import (
    ConceptIndex,
    canonical_system,
    load_codelist,
    load_map,
    load_quantities,
    match_concepts,
    nhs_number_sql,
    nhs_number_valid,
    normalise_code,
    normalise_nhs_number,
    normalise_sql,
    snomed_check_digit,
    system_kind,
    systems_table,
    unit_key,
    unit_sql,
)

SCT, READ2, CTV3 = "http://snomed.info/sct", "http://read.info/readv2", "http://read.info/ctv3"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
HEADER = "system,code,term,match,within_years,min_age_at_event,max_age_at_event,category,status,caution\n"


@pytest.fixture(scope="module")
def sql():
    con = duckdb.connect()
    yield con
    con.close()


# --- systems and codes


@pytest.mark.parametrize(
    ("written", "uri", "kind"),
    [
        ("http://snomed.info", SCT, "snomed"),
        (" http://snomed.info/sct ", SCT, "snomed"),
        ("urn:oid:2.16.840.1.113883.2.1.3.2.4.15", SCT, "snomed"),
        ("https://dmd.nhs.uk/", "https://dmd.nhs.uk", "dmd"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", ICD10, "icd10"),
        ("http://fhir.mimic.mit.edu/CodeSystem/diagnosis-icd10", ICD10, "icd10"),
        ("urn:oid:2.16.840.1.113883.2.1.6.9", "https://fhir.hl7.org.uk/Id/emis-drug-codes", "emisdrug"),
        ("http://hl7.org/fhir/v3/ActCode", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "other"),
        (" http://example.org/mine\n", "http://example.org/mine", "other"),
        ("http://acme.org/not-snomed", "http://acme.org/not-snomed", "other"),
    ],
)
def test_a_system_has_one_name(written, uri, kind):
    assert canonical_system(written) == uri
    assert system_kind(uri) == kind


@pytest.mark.parametrize(
    ("kind", "written", "code"),
    [
        ("readv2", "C34..00", "C34.."),
        ("readv2", "133F.11", "133F."),
        ("readv2", "H33", "H33.."),
        ("readv2", "C10E", "C10E."),
        ("readv2", "c10E.", "c10E."),
        ("ctv3", "Xa1no", "Xa1no"),
        ("ctv3", "..... ", "....."),
        ("ctv3", "", ""),
        ("icd10", "I48.0", "I480"),
        ("icd10", "i48.-", "I48"),
        ("icd10", "G30.9†", "G309"),
        ("icd10", "F00.9*", "F009"),
        ("icd10", "I10X", "I10"),
        ("icd10", "I64.X", "I64"),
        ("icd10", "W19.XXXA", "W19XXXA"),
        ("icd10", "X59", "X59"),
        ("icd9", "250.00", "25000"),
        ("snomed", "394595002 ", "394595002"),
        ("snomed", " 86290005", "86290005"),
        ("loinc", "718-7", "718-7"),
        ("atc", "n05ba01", "N05BA01"),
        ("other", " Mixed Case ", "Mixed Case"),
    ],
)
def test_a_code_has_one_spelling(kind, written, code):
    assert normalise_code(kind, written) == code


KINDS = sorted({kind for _, _, kind in systems_table()})
BITS = st.sampled_from(
    [
        "I",
        "x",
        "X",
        "1",
        "0",
        ".",
        "-",
        "†",
        "*",
        " ",
        "\u00a0",
        "ß",
        "é",
        "İ",
        "a",
        "Z",
        "\t",
        "'",
        "\n",
        "\\",
        "𝄞",
    ]
)
CODES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12) | st.lists(
    BITS, max_size=9
).map("".join)


@settings(max_examples=40, deadline=None)
@given(codes=st.lists(CODES, min_size=1, max_size=30))
def test_sql_and_python_normalise_alike(codes):
    uris = [*sorted({uri for _, uri, _ in systems_table()}), "http://example.org/unknown"]
    rows = [(uri, code) for uri in uris for code in codes]
    con = duckdb.connect()
    con.execute("CREATE TABLE c (i INTEGER, system VARCHAR, code VARCHAR)")
    con.execute(
        "INSERT INTO c SELECT unnest(?), unnest(?), unnest(?)",
        [list(range(len(rows))), [uri for uri, _ in rows], [code for _, code in rows]],
    )
    got = con.execute(f"SELECT {normalise_sql('system', 'code')} FROM c ORDER BY i").fetchall()
    con.close()
    for (uri, code), (answer,) in zip(rows, got, strict=True):
        assert answer == normalise_code(system_kind(uri), code), (uri, code)


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(KINDS), code=CODES)
def test_normalising_twice_changes_nothing(kind, code):
    once = normalise_code(kind, code)
    assert normalise_code(kind, once) == once


def test_sql_of_a_missing_code_is_missing(sql):
    assert sql.execute(
        f"SELECT {normalise_sql('s', 'c')} FROM (SELECT '{ICD10}' s, NULL::VARCHAR c)"
    ).fetchone() == (None,)


# --- check digits


@pytest.mark.parametrize("code", ["22298006", "73211009", "1239511000000100", "1991000124105", "763264000"])
def test_snomed_check_digit_right(code):
    assert snomed_check_digit(code)


@pytest.mark.parametrize(
    "code",
    ["22298007", "1239511000000000", "", "12345", "0" * 8, "２２２９８００６", "22298006 ", "abc", "1" * 19],
)
def test_snomed_check_digit_wrong(code):
    assert not snomed_check_digit(code)


@given(st.integers(10**6, 10**17).map(str).filter(snomed_check_digit), st.data())
@settings(max_examples=50, deadline=None)
def test_snomed_check_digit_sees_every_slip_of_one_digit_and_every_swap(code, data):
    place = data.draw(st.integers(1, len(code) - 2))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != code[place]]))
    assert not snomed_check_digit(code[:place] + other + code[place + 1 :])
    if code[place] != code[place + 1]:
        assert not snomed_check_digit(code[:place] + code[place + 1] + code[place] + code[place + 2 :])


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("943 476 5919", "9434765919"),
        ("943-476-5919", "9434765919"),
        (" 9990000018\n", "9990000018"),
        ("9434765918", None),
        ("943476591", None),
        ("0000000000", None),
        ("9999999999", None),
        ("1111111111", None),
        ("0123456789", None),
        ("NHS 9434765919", None),
        ("９４３４７６５９１９", None),
        ("", None),
    ],
)
def test_nhs_numbers(sql, written, number):
    assert normalise_nhs_number(written) == number
    assert sql.execute(f"SELECT {nhs_number_sql('n')} FROM (SELECT ? AS n)", [written]).fetchone() == (
        number,
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.integers(0, 10**10 - 1).map("{:010d}".format) | st.text("0123456789 -x\u00a0é", max_size=13),
        min_size=1,
        max_size=50,
    )
)
def test_nhs_number_sql_equals_python(texts):
    con = duckdb.connect()
    got = con.execute(f"SELECT {nhs_number_sql('n')} FROM (SELECT unnest(?) AS n)", [texts]).fetchall()
    con.close()
    assert [row[0] for row in got] == [normalise_nhs_number(text) for text in texts]


def test_a_check_digit_of_ten_is_never_valid():
    assert not any(nhs_number_valid(f"123456789{digit}") for digit in range(10))


# --- lists


def make_list(folder: Path, rows: str, name: str = "test/one") -> Path:
    path = folder / "codelists" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + rows, encoding="utf-8")
    (path.parent / "source.toml").write_text('publication = "p"\n[list.one]\nnote = "n"\n')
    return folder


def test_matching_by_code_and_by_prefix(tmp_path):
    rules = make_list(
        tmp_path, f"{SCT},22298006,,exact,,,,,,\n{ICD10},I4,,prefix,,,,,,\n{READ2},C34..,,exact,,,,,,\n"
    )
    systems = ["http://snomed.info", SCT, ICD10, "icd10", ICD10, READ2, CTV3, READ2]
    codes = ["22298006", "73211009", "I48.0", "i4", "I50", "C34..00", "C34..", "c34.."]
    got = match_concepts(load_codelist("test/one", rules), systems, codes)
    assert got.dtype == np.bool_
    assert got.tolist() == [True, False, True, True, False, True, False, False]


@settings(max_examples=50, deadline=None)
@given(
    codes=st.lists(st.text("I48XZ.", min_size=1, max_size=5), max_size=30),
    prefixes=st.lists(st.text("I48Z", min_size=1, max_size=3), min_size=1, max_size=4, unique=True),
)
def test_prefix_matching_equals_a_plain_loop(tmp_path_factory, codes, prefixes):
    rules = make_list(tmp_path_factory.mktemp("r"), "".join(f"{ICD10},{p},,prefix,,,,,,\n" for p in prefixes))
    got = match_concepts(load_codelist("test/one", rules), [ICD10] * len(codes), codes)
    assert got.tolist() == [
        any(normalise_code("icd10", code).startswith(p) for p in prefixes) for code in codes
    ]


def test_no_concepts_no_matches(tmp_path):
    assert match_concepts(load_codelist("test/one", make_list(tmp_path, "")), [], []).shape == (0,)


def test_the_hash_follows_the_content(tmp_path):
    first = load_codelist("test/one", make_list(tmp_path / "a", f"{SCT},22298006,x,exact,,,,,,\n"))
    same = load_codelist("test/one", make_list(tmp_path / "b", f"{SCT},22298006,x,exact,,,,,,\n"))
    other = load_codelist("test/one", make_list(tmp_path / "c", f"{SCT},22298006,x,exact,5,,,,,\n"))
    assert first.sha256 == same.sha256 != other.sha256
    assert other.entries[0].within_years == 5
    assert first.source == {"publication": "p", "note": "n"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (f"{SCT},22298007,,exact,,,,,,\n", ["check digit", "one.csv:2"]),
        (f"{SCT},22298006,,exact,,,,,,\n{SCT},22298006,,exact,,,,,,\n", ["twice", "one.csv:3"]),
        (f"{SCT},22298006,,like,,,,,,\n", ["Unknown match", "prefix"]),
        (f"{READ2},C34x.y,,exact,,,,,,\n", ["five characters"]),
        (f"{SCT},22298006,,exact,five,,,,,\n", ["within_years", "not a number"]),
        (f"{SCT},,,exact,,,,,,\n", ["needs a system and a code"]),
        (f"{SCT},22298006,a, b,exact,,,,,,\n", ["another number of cells"]),
    ],
)
def test_a_bad_list_says_what_and_where(tmp_path, rows, words):
    with pytest.raises(DefinitionError) as error:
        load_codelist("test/one", make_list(tmp_path, rows))
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_list_that_is_not_there_names_near_ones():
    with pytest.raises(DefinitionError, match="efi/falls"):
        load_codelist("efi/fals")


def test_a_changed_list_is_read_again(tmp_path):
    rules = make_list(tmp_path, f"{SCT},22298006,,exact,,,,,,\n")
    assert len(load_codelist("test/one", rules).entries) == 1
    make_list(tmp_path, f"{SCT},22298006,,exact,,,,,,\n{SCT},73211009,,exact,,,,,,\n")
    import os

    os.utime(tmp_path / "codelists/test/one.csv", ns=(1, 1))
    assert len(load_codelist("test/one", rules).entries) == 2


def test_descendants_are_refused(tmp_path):
    codelist = load_codelist("test/one", make_list(tmp_path, f"{SCT},22298006,,descendants,,,,,,\n"))
    with pytest.raises(DefinitionError, match="hierarchy"):
        match_concepts(codelist, [SCT], ["22298006"])


def test_an_index_serves_many_lists():
    index = ConceptIndex([READ2, SCT], ["13CA.00", "160689007"])
    assert index.match(load_codelist("efi/housebound")).tolist() == [True, True]
    assert index.match(load_codelist("efi/falls")).tolist() == [False, False]
    assert index.match(load_codelist("efi/housebound").without_caution()).tolist() == [True, True]


# --- quantities, stays, cost


def test_units_convert():
    hb = {q.name: q for q in load_quantities()}["haemoglobin"]
    assert hb.convert(12.5, "g/dL") == 125
    assert hb.convert(125, " G / l ") == 125
    assert hb.convert(125, None) == 125
    assert hb.convert(12.5, None) is None, "outside the plausible range: set aside, not guessed to be g/dL"
    assert hb.convert(125, "banana") is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(" gG/dLl%µμ[]{}²\u00a0ÅK", max_size=8), min_size=1, max_size=20))
def test_unit_sql_equals_python(units):
    con = duckdb.connect()
    got = con.execute(f"SELECT {unit_sql('u')} FROM (SELECT unnest(?) AS u)", [units]).fetchall()
    assert [row[0] for row in got] == [unit_key(unit) for unit in units]
    assert con.execute(f"SELECT {unit_sql('NULL::VARCHAR')}").fetchone() == ("",)
    con.close()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("hb,quantities/haemoglobin,g/L,g/L,2,1,9,,\n", "factor 1"),
        ("hb,quantities/haemoglobin,g/L,g/L,1,9,1,,\n", "plausible"),
        ("hb,q/h,g/L,g/L,1,1,9,,\nhb,q/h,g/L,G / l,1,1,9,,\n", "twice"),
        ("hb,q/h,g/L,g/L,1,1,9,,\nhb,q/x,g/L,g/dL,10,1,9,,\n", "differ"),
    ],
)
def test_bad_quantities(tmp_path, rows, words):
    (tmp_path / "quantities.csv").write_text(
        "quantity,codes,unit,spelling,factor,plausible_min,plausible_max,derived,source\n" + rows
    )
    with pytest.raises(DefinitionError, match=words):
        load_quantities(tmp_path)


def test_stays_speak_the_words_of_the_arrays():
    from frailty.records.arrays import ADMISSIONS, SETTINGS

    kinds, methods = load_map("stays/settings"), load_map("stays/admission_methods")
    assert set(kinds.values()) <= set(SETTINGS)
    assert set(methods.values()) <= set(ADMISSIONS)
    act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    uk = "https://fhir.hl7.org.uk/CodeSystem/UKCore-AdmissionMethodEngland"
    assert (kinds[act, "IMP"], kinds[act, "EMER"], kinds["", "ambulatory"]) == (
        "inpatient",
        "emergency",
        "outpatient",
    )
    assert (methods[uk, "21"], methods[uk, "2C"], methods[uk, "11"]) == ("emergency", "other", "elective")
    assert all(code == code.lower() for system, code in [*kinds, *methods] if not system)
    with pytest.raises(DefinitionError, match="stays/settings"):
        load_map("stays/nothing")


def test_importing_is_light():
    heavy = "pandas duckdb numba sklearn jinja2 rich"
    code = f"import sys, frailty.terminology; sys.exit(any(m in sys.modules for m in {heavy.split()!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
