"""The tables behind the made-up locality: every code is where it should be, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from frailty.errors import DefinitionError
from frailty.synthetic import latent
from frailty.synthetic.people import nhs_numbers
from frailty.synthetic.settings import load_settings
from frailty.synthetic.text import instant, offset
from frailty.terminology import load_codelist, nhs_number_valid, snomed_check_digit, substance_of_name

SETTINGS = load_settings()
SNOMED, READ = "http://snomed.info/sct", "http://read.info/readv2"


@pytest.fixture(scope="module")
def listed() -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for name in SETTINGS.deficits.names:
        for entry in load_codelist(f"efi/{name}").entries:
            found.setdefault((entry.system, entry.code), set()).add(name)
    return found


def test_common_codes_stand_in_their_lists(listed: dict[tuple[str, str], set[str]]) -> None:
    for row in SETTINGS.rows("codes.csv"):
        assert row["deficit"] in listed[SNOMED, row["snomed"]], row
        assert not row["readv2"] or row["deficit"] in listed[READ, row["readv2"]], row


def test_siblings_and_everyday_codes_stand_in_no_list(listed: dict[tuple[str, str], set[str]]) -> None:
    for table in ("siblings.csv", "background.csv", "tests.csv"):
        for row in SETTINGS.rows(table):
            assert (SNOMED, row["code"]) not in listed and (READ, row.get("readv2", "")) not in listed, row
            assert snomed_check_digit(row["code"]), row


def test_results_carry_the_codes_of_their_quantity() -> None:
    for row in SETTINGS.rows("tests.csv"):
        if row["quantity"]:
            codes = {(entry.system, entry.code) for entry in load_codelist(f"quantities/{row['quantity']}").entries}
            assert {(SNOMED, row["code"]), (READ, row["readv2"])} <= codes, row["id"]


def test_medicines_allow_many_substances() -> None:
    substances = [row["substance"] for row in SETTINGS.rows("medicines.csv") if not row["course"]]
    assert len(set(substances)) > 45
    for row in SETTINGS.rows("medicines.csv"):
        assert substance_of_name(row["display"]), row["display"]
        assert snomed_check_digit(row["code"])


def test_prevalence_is_what_the_settings_say() -> None:
    """The intercepts, checked by drawing people of 65 and over."""
    rng, deficits = np.random.default_rng(1), SETTINGS.deficits
    n = 40_000
    start, end = SETTINGS.numbers("population.age_from"), SETTINGS.numbers("population.age_to")
    share = SETTINGS.numbers("population.age_share") * (start >= 65)
    band = rng.choice(len(start), n, p=share / share.sum())
    age = np.minimum((start + end)[band] / 2, 92.5)
    male = rng.random(n) < SETTINGS.numbers("population.male_share")[band]
    odds = (latent.intercepts(SETTINGS) + deficits.slope * ((age - 75) / 10)[:, None] + deficits.male * male[:, None]
            + deficits.frailty * rng.standard_normal((n, 1)) + deficits.metabolic * rng.standard_normal((n, 1)))
    assert latent.expit(odds).mean(axis=0) == pytest.approx(deficits.prevalence / deficits.share, abs=0.01)


def test_nhs_numbers_are_valid_and_never_given_to_a_person() -> None:
    numbers = nhs_numbers(np.random.default_rng(1), 5000)
    assert len(np.unique(numbers)) == 5000
    assert all(nhs_number_valid(str(number)) and str(number).startswith("999") for number in numbers)


def test_british_time() -> None:
    day = 19_448        # 2023-04-01
    assert offset(day) == "+01:00" and instant(day, 75) == "2023-04-01T01:15:00+01:00"
    assert offset(day - 90) == "+00:00"


def test_missing_setting_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="did you mean died"):
        SETTINGS.number("population.per_1000.diet")
    with pytest.raises(DefinitionError, match="cannot be read"):
        load_settings(tmp_path)
