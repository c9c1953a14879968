"""One plain sentence per person and score, fit for a card."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from frailty.scoring.definitions import Scorecard, Term
from frailty.terminology import list_codelists

if TYPE_CHECKING:
    import pandas as pd

NEWEST = 2      # terms that a sentence names


def sentences(scores: pd.DataFrame, contributions: pd.DataFrame, cards: Sequence[Scorecard],
              confirmed: Mapping[tuple[str, str], tuple[str, date]] | None = None) -> pd.DataFrame:
    """patient_id, score, sentence; in the order of `scores`, then of `cards`.

    "Severe by eFI: 14 of 36 deficits; newest: falls (12 May 2026), weight loss (3 March 2026); not confirmed."

    newest: the terms that came up last: by their first record, or, where they look back for a time only, by their last; medicines
    and age have no day of which that could be said. confirmed: (patient_id, score) -> the band that a clinician coded last, and
    when; a band that no code can confirm is not called unconfirmed. Nothing is said of risk, nor of what would change the band.
    """
    import pandas as pd
    rows: dict[tuple[str, str], list[dict[Any, Any]]] = defaultdict(list)
    for row in contributions.to_dict("records"):
        rows[row["patient_id"], row["score"]].append(row)
    made, lists = [], frozenset(list_codelists())
    for person in scores.to_dict("records"):
        for card in cards:
            key = str(person["patient_id"]), card.id
            said = _sentence(card, person, rows.get(key, []), (confirmed or {}).get(key), lists)
            made.append({"patient_id": key[0], "score": card.id, "sentence": said})
    return pd.DataFrame(made, columns=["patient_id", "score", "sentence"])


def _sentence(card: Scorecard, person: Mapping[Any, Any], rows: Sequence[Mapping[Any, Any]],
              coded: tuple[str, date] | None, lists: frozenset[str]) -> str:
    status, reason = person[f"{card.id}_status"], person[f"{card.id}_reason"] or ""
    if status == "outside_population":
        return f"{card.name}: not meant for this person. {reason}".strip()
    if status != "ok":
        return f"{card.name}: not computed. {reason}".strip()
    band = person[f"{card.id}_band"]
    parts = [f"{_capital(band)} by {card.name}: {_amount(card, person)}" if isinstance(band, str)
             else f"{card.name}: {_amount(card, person)}"]
    newest = _newest(card, rows)
    if newest:
        parts.append("newest: " + ", ".join(f"{term} ({_day(day)})" for day, term in newest))
    if coded:
        level, day = coded
        parts.append(f"{'confirmed' if level == band else f'coded as {level}'} {_day(day)}")
    elif card.confirmed_by and isinstance(band, str) and card.confirmed_by.format(band=band) in lists:
        parts.append("not confirmed")
    if person.get("thin_record") is True:
        parts.append("thin record")
    return "; ".join(parts) + "." + (f" {reason}" if reason else "")


def _amount(card: Scorecard, person: Mapping[Any, Any]) -> str:
    """A share of deficits where every term is one; else points. Without records the words say so."""
    points, of = float(person[f"{card.id}_points"]), float(person.get(f"{card.id}_of", 1))
    if card.link.fraction and of % 1 == 0 and all(t.points == 1 for t in card.terms):
        return f"{points:.0f} of {of:.0f} deficits" if points else f"none of {of:.0f} deficits recorded"
    if card.link.fraction:
        return f"{float(person[card.id]):.2f}"
    if card.link.kind != "identity":
        return "computed"                               # a risk is not for a card
    return f"{points:g} point{'' if points == 1 else 's'}" if points else "nothing recorded that counts"


def _newest(card: Scorecard, rows: Sequence[Mapping[Any, Any]]) -> list[tuple[date, str]]:
    terms = {term.id: term for term in card.terms}
    found = []
    for row in rows:
        term = terms.get(row["term"])
        if term is None or not row["points"] or any(e.source in ("issue", "person") for e in term.evidence):
            continue
        day = row["last_on" if all(e.within for e in term.evidence) else "first_on"]
        if day == day and day is not None:
            found.append((day, term_name(term)))
    return sorted(found, key=lambda one: (-one[0].toordinal(), one[1]))[:NEWEST]


def term_name(term: Term) -> str:
    """The title of a term inside a sentence: small unless it begins with an abbreviation or somebody's name."""
    first = term.title.split(" ")[0]
    keep = first[1:] != first[1:].lower() or "'" in first or len(first) == 1
    return term.title if keep else term.title[:1].lower() + term.title[1:]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _day(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"
