"""Hospital Frailty Risk Score, from Gilbert 2018: 109 codes, weights that sum to 173.2, bands below 5, to 15, above."""

from __future__ import annotations

from fractions import Fraction

import pytest
from golden import differs, icd, sum_of_weights
from icd_people import score_lists, table, tenths

from frailty.scoring import load_scorecard

pytestmark = pytest.mark.scoring


def test_codes_and_sum_of_weights() -> None:
    assert len(load_scorecard("hfrs").terms) == 109 and sum_of_weights("hfrs") == Fraction("173.2")


def test_every_code_gives_its_weight_with_any_fourth_character() -> None:
    rows = table("scores", "hfrs_weights.csv")
    for rest in ("", "0", "9", ".8", "12"):
        assert score_lists(["hfrs"], [[row["icd10"] + rest] for row in rows])["hfrs"].tolist() == [
            tenths(row["weight"]) for row in rows]


@pytest.mark.parametrize(("codes", "points", "band"), [
    # sums of the published weights, worked by hand
    ((), 0, "low"),
    (("G81", "F32"), 4.9, "low"),                               # 4.4 + 0.5
    (("G81", "R79"), 5.0, "intermediate"),                      # 4.4 + 0.6: jamesvanoppen/hfrs says low
    (("G81", "F10"), 5.1, "intermediate"),                      # 4.4 + 0.7
    (("F00", "G81", "R31", "D64"), 14.9, "intermediate"),       # 7.1 + 4.4 + 3.0 + 0.4
    (("F00", "G81", "F05", "K52"), 15.0, "intermediate"),       # 7.1 + 4.4 + 3.2 + 0.3
    (("F00", "G81", "R29"), 15.1, "high"),                      # 7.1 + 4.4 + 3.6
])
def test_bands_below_on_and_above_each_edge(codes: tuple[str, ...], points: float, band: str) -> None:
    assert differs("hfrs", icd(*codes), points=points, band=band, terms=list(codes)) == []


@pytest.mark.parametrize(("age", "status"), [(74, "outside_population"), (75, "ok"), (76, "ok")])
def test_it_is_of_people_of_75_and_over(age: int, status: str) -> None:
    assert differs("hfrs", icd("F00", age=age), points=7.1, status=status) == []


def test_a_code_counts_once_and_its_neighbours_do_not() -> None:
    assert differs("hfrs", icd("F00", "F000", "F001", "F009", "F04", "G82"), points=7.1, terms=["F00"]) == []
