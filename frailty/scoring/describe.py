"""A scorecard in words, for `frailty scores show`."""

from __future__ import annotations

import textwrap
from pathlib import Path

from frailty.scoring.definitions import Evidence, Interval, Scorecard, Term
from frailty.terminology import load_codelist


def describe(card: Scorecard, rules: Path | None = None) -> str:
    """Source, licence, needs, bands, terms with points and code counts."""
    lines = [card.title, "=" * len(card.title), ""]
    facts = {
        "id": f"{card.id}, version {card.version}", "source": card.source.get("citation", ""),
        "doi": card.source.get("doi", ""), "licence": card.licence, "restricted": card.restricted, "verified": card.verified,
        "population": f"{card.age_at_least} years and over" if card.age_at_least else "everybody",
        "needs": ", ".join(f"a {need} feed" for need in card.needs) or "records of general practice",
        "value": f"points / {card.of:g}" if card.divide_by else "sum of points",
        "bands": "; ".join(f"{band.label} {_interval(band.interval)}" for band in card.bands) or "none",
        "definition": f"sha256 {card.sha256[:16]}…",
    }
    lines += [textwrap.fill(f"{name + ':':<12}{value}", 110, subsequent_indent=" " * 12)
              for name, value in facts.items() if value]
    lines += ["", f"{len(card.terms)} terms (points, term, evidence):"]
    lines += [textwrap.fill(f"  {_points(term):>6}  {term.id:<24} {_named(term)}{_evidence(term, rules)}", 110,
                            subsequent_indent=" " * 33) for term in card.terms]
    if card.notes:
        lines += ["", *(textwrap.fill(f"- {note}", 110, subsequent_indent="  ") for note in card.notes)]
    return "\n".join(lines)


def _points(term: Term) -> str:
    return f"{term.points:f}" if not term.steps else "steps"


def _named(term: Term) -> str:
    """The title, where a term's id is a bare code."""
    return f"{term.title}: " if term.id[-1:].isdigit() and term.title != term.id else ""


def _evidence(term: Term, rules: Path | None) -> str:
    parts = []
    for one in term.evidence:
        if one.source == "value":
            cuts = ", ".join(_interval(i) + (f" ({i.sex})" if i.sex else "") for i in one.intervals) or "any"
            parts.append(f"{one.codes.removeprefix('quantities/')} {cuts} {one.unit}".rstrip() + _window(one))
        elif one.codes:
            entries = load_codelist(one.codes, rules).entries
            count = sum((not one.category or entry.category == one.category)
                        and not (one.without_caution and entry.caution) for entry in entries)
            parts.append(f"{count} {'code' if count == 1 else 'codes'} of {one.codes}{_window(one)}")
        else:
            parts.append(f"{one.take.replace('distinct:', 'distinct ')} of {one.source}"
                         + (f", at least {one.at_least}" if one.at_least > 1 else "") + _window(one))
    return " or ".join(dict.fromkeys(parts))


def _window(one: Evidence) -> str:
    return f", last {one.within.text}" if one.within else ""


def _interval(interval: Interval) -> str:
    words = []
    if interval.low is not None:
        words.append(f"{'above' if interval.low_open else 'from'} {interval.low:f}")
    if interval.high is not None:
        words.append(f"{'below' if interval.high_open else 'to'} {interval.high:f}")
    return " ".join(words)
