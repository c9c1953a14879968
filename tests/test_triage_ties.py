"""Two entries of one day: what counts is a stated rule, never the order in which files were read."""

from __future__ import annotations

from datetime import date
from typing import Any

from triage_town import Town, site

DAY = date(2026, 11, 10)


def facts(turned: bool) -> dict[str, Any]:
    town = Town()
    town.person(1)
    told = [
        lambda: town.code(1, "care/cfs", DAY, value=5),
        lambda: town.code(1, "care/cfs", DAY, value=7),
        lambda: town.code(1, "needs/phq9", DAY, "value", value=11),
        lambda: town.code(1, "needs/phq9", DAY, "value", value=16),
        lambda: town.code(1, "efi/falls", DAY, recorded=date(2026, 11, 11)),
        lambda: town.code(1, "efi/falls", DAY, recorded=date(2026, 11, 20)),
        lambda: town.stay(1, DAY, date(2026, 11, 14), recorded_start=DAY, recorded_end=date(2026, 11, 14), provider="Ward A"),
        lambda: town.stay(1, DAY, date(2026, 11, 14), recorded_start=date(2026, 11, 12), recorded_end=date(2026, 11, 16)),
        lambda: town.stay(1, date(2026, 11, 8), date(2026, 11, 14), recorded_start=date(2026, 11, 9)),
        lambda: town.stay(1, date(2026, 11, 20), provider="Ward A"),
        lambda: town.stay(1, date(2026, 11, 20), provider="Ward B"),
        lambda: town.stay(1, DAY, DAY, "emergency", recorded_start=DAY),
        lambda: town.stay(1, DAY, DAY, "emergency", recorded_start=date(2026, 11, 13)),
    ]
    for tell in reversed(told) if turned else told:
        tell()
    town.facts(site())
    cursor = town.con.execute("SELECT * FROM facts")
    return dict(zip([column[0] for column in cursor.description or ()], cursor.fetchone() or (), strict=True))


def test_the_order_of_the_records_does_not_matter() -> None:
    one, other = facts(False), facts(True)
    assert {name: (value, other[name]) for name, value in one.items() if value != other[name]} == {}
    assert (one["cfs"], one["frailty_level"]) == (7, "severe")          # of two of one day the frailer one
    assert one["phq9"] == 16
    assert one["last_fall_known_on"] == date(2026, 11, 20)              # the newest word on the newest day
    assert (one["last_ed_known_on"], one["last_discharge_known_on"]) == (date(2026, 11, 13), date(2026, 11, 16))
    assert one["in_hospital_provider"] == "Ward B"
