"""The words on a line: frailty, who knows the person, what is missing. Facts in, plain English out."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from frailty.triage.facts import FactTable
from frailty.triage.lines import Card

Row = Mapping[str, Any]
SHOWN = 4           # deficits that a card names


@lru_cache(maxsize=1 << 14)
def day(value: date | None, weekday: bool = False) -> str:
    """A date as people write it: 3 Nov 2026, or Tue 3 Nov 2026."""
    if value is None:
        return "not recorded"
    text = f"{value.day} {value:%b} {value.year}"
    return f"{value:%a} {text}" if weekday else text


def plural(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def fill(template: str, row: Row, settings: Mapping[str, Any]) -> str:
    """A template with the facts of one person written in."""
    named = _named(template)
    values = {name: day(value) if isinstance(value := settings[name], date) else value for name in named & settings.keys()}
    for name in named & row.keys():
        value = row[name]
        values[name] = (
            ("none recorded" if name.endswith("_on") else "not recorded")
            if value is None
            else day(value)
            if isinstance(value, date)
            else value
        )
    values["plan"] = plan(row)
    values["plan_since"] = (
        "no care and support plan is recorded"
        if row["plan_status"] is not None
        else "whether a care and support plan was made is not known"
    )
    values["late_discharge"] = late(row["last_discharge_on"], row["last_discharge_known_on"], int(settings["late_news_days"]))
    return template.format_map(values)


@lru_cache(maxsize=1024)
def _named(template: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(template) if name)


def late(when: date | None, known: date | None, late_days: int) -> str:
    """Words that mark an event of which the records heard late; else nothing."""
    told = when is not None and known is not None and (known - when).days > late_days
    return f" (late-notification: known since {day(known)})" if told else ""


def plan(row: Row) -> str:
    """Where the care and support plan stands."""
    if row["plan_status"] == "none":
        return "no care and support plan in the records"
    if row["plan_status"] == "draft":
        return f"the care and support plan is only a draft ({day(row['plan_recorded_on'])})"
    if row["plan_status"] == "agreed":
        return f"care and support plan of {day(row['plan_recorded_on'])}: review due {day(row['plan_review_due'])}"
    return "whether a care and support plan exists is not known"


def card(row: Row, practice_name: str = "") -> Card:
    """The card of a person."""
    return Card(
        str(row["name"] or "Name not recorded"),
        str(row["nhs_number"] or ""),
        row["birth_date"],
        row["age"],
        str(row["phone"] or ""),
        str(row["room"] or ""),
        str(row["usual_gp"] or ""),
        practice_name,
        ", ".join(part for part in (row["address"], row["postcode"]) if part),
    )


def frailty(row: Row, own_practice: bool) -> str:
    """Confirmed or suggested, never a bare score."""
    if row["objection"] == "yes":
        scored = "Not scored: objection" if own_practice else "Not shown"
    elif row["frailty_suggested"] is None:
        scored = "The records do not suffice to suggest a level"
    elif row["frailty_suggested"] == "outside":
        scored = "Not looked for in the records (under 65)"
    elif row["frailty_suggested"] == "fit":
        scored = "No frailty suggested by the records"
    else:
        scored = f"{str(row['frailty_suggested']).capitalize()} frailty suggested by the records"
    confirmed = row["frailty_confirmed"]
    parts = []
    if confirmed in ("mild", "moderate", "severe"):
        parts.append(
            f"{str(confirmed).capitalize()} frailty confirmed by a clinician ({day(row['frailty_confirmed_on'])})"
        )
        if row["frailty_suggested"] not in (None, "outside", confirmed) and row["objection"] != "yes":
            parts.append(scored[0].lower() + scored[1:])
    elif confirmed == "unspecified":
        parts.append(f"Frailty coded without a level ({day(row['frailty_confirmed_on'])})")
        parts.append(scored[0].lower() + scored[1:])
    else:
        parts.append(
            scored
            + (", not confirmed" if "suggested by the records" in scored and "No " not in scored else "")
        )
    if row["cfs"] is not None:
        parts.append(f"Clinical Frailty Scale {row['cfs']} ({day(row['cfs_on'])})")
    return "; ".join(parts)


def known(row: Row, home_name: str = "", social: bool = False) -> tuple[str, ...]:
    """Who already knows the person, and what is already in place; `social`: without plans and palliative care."""
    parts = []
    if row["last_contact_on"]:
        parts.append(f"last contact {day(row['last_contact_on'])}")
    if home_name:
        word = "lives at" if row["care_home"] == "confirmed" else "probably lives at"
        parts.append(f"{word} {home_name}")
    if row["plan_status"] in ("agreed", "draft") and not social:
        parts.append(
            f"{row['plan_title'] or 'care plan'}: {row['plan_status']} ({day(row['plan_recorded_on'])})"
        )
    if row["palliative"] == "yes" and not social:
        parts.append(f"palliative care recorded {day(row['palliative_on'])}")
    if row["housebound"] == "yes":
        parts.append("housebound")
    if row["lives_alone"] == "yes":
        parts.append("lives alone")
    return tuple(parts)


def missing(row: Row, facts: FactTable, social: bool = False) -> tuple[str, ...]:
    """What a reader might take for granted and nobody knows. What a whole practice lacks stands on top of its page."""
    parts = []
    frail = row["frailty_level"] in ("moderate", "severe") and not social
    where = row["practice"]
    if row["in_hospital"] is None and not facts.why_absent("in_hospital", where):
        parts.append("whether in hospital")
    if frail and row["plan_status"] is None and not facts.why_absent("plan_status", where):
        parts.append("whether a care and support plan exists")
    if frail and row["cfs"] is None and not facts.why_absent("cfs", where):
        parts.append("a Clinical Frailty Scale value of the last year")
    if row["medicines_rung"] == 3 and not social:
        parts.append("substances of some medicines (counted by product)")
    for fact, words in (("usual_gp", "usual GP"), ("phone", "phone number"), ("nhs_number", "NHS number")):
        if not row[fact]:
            parts.append(words)
    if row["last_contact_on"] is None:
        parts.append("date of the last contact")
    return tuple(parts)


def warnings(row: Row) -> tuple[str, ...]:
    """What must be read before anybody calls."""
    parts = []
    if row["death_status"] == "formal":
        parts.append(f"Died on {day(row['deceased_on'])}: contact those left behind only")
    if row["death_status"] == "informal":
        parts.append("Recorded as died, not formally notified: make no contact before this is confirmed")
    if row["in_hospital"] == "yes":
        parts.append(f"In hospital since {day(row['in_hospital_since'])}")
    if row["last_days"] == "yes":
        parts.append(f"Last days of life recorded on {day(row['last_days_on'])}")
    elif row["last_days_on"] is not None:
        parts.append(f"An old entry says last days of life ({day(row['last_days_on'])}): check")
    if row["registration_status"] == "deregistered":
        parts.append(f"Registration ended on {day(row['registered_to'])}: hand over in person")
    return tuple(parts)


def events(row: Row, as_of: date, days: int, late_days: int) -> tuple[str, ...]:
    """Recent events with dates; news that came late says so."""
    parts = []
    for fact, known_fact, words in (
        ("last_discharge_on", "last_discharge_known_on", "Left hospital on"),
        ("last_emergency_admission_on", "last_admission_known_on", "Emergency admission on"),
        ("last_ed_on", "last_ed_known_on", "Emergency department on"),
        ("last_fall_on", "last_fall_known_on", "Fall recorded on"),
    ):
        when, told = row[fact], row[known_fact]
        if when is not None and (as_of - when).days < days:
            late = told is not None and (told - when).days > late_days
            parts.append(f"{words} {day(when)}" + (f" (late news: known since {day(told)})" if late else ""))
    return tuple(parts)


def deficits(terms: Sequence[tuple[str, date | None]], row: Row) -> tuple[str, ...]:
    """What the suggested level rests on, newest first; the count stands last."""
    if not terms or row["frailty_points"] is None:
        return ()
    ordered = sorted(terms, key=lambda one: (-(one[1].toordinal() if one[1] else 0), one[0]))
    parts = [
        term[:1].lower() + term[1:] + (f" ({day(first)})" if first else "") for term, first in ordered[:SHOWN]
    ]
    more = len(ordered) - len(parts)
    total = (
        f"{row['frailty_points']} of {row['frailty_of']}" if row["frailty_of"] else str(row["frailty_points"])
    )
    return (
        f"Newest in the records: {', '.join(parts)}"
        + (f" and {more} more" if more else "")
        + f" ({total} deficits)",
    )
