"""A scorecard in words, for `frailty scores show`."""

from __future__ import annotations

import textwrap
from pathlib import Path

from frailty.scoring.definitions import Evidence, Interval, Scorecard, Term
from frailty.scoring.load import load_scorecard, scorecard_ids
from frailty.terminology import load_codelist


def describe(card: Scorecard, rules: Path | None = None) -> str:
    """Source, licence, needs, bands, terms with points and code counts."""
    lines = [card.title, "=" * len(card.title), ""]
    facts = {
        "id": f"{card.id}, version {card.version}", "source": card.source.get("citation", ""),
        "doi": card.source.get("doi", ""), "licence": card.licence, "restricted": card.restricted, "verified": card.verified,
        "population": _population(card),
        "needs": ", ".join(NEEDS[need] for need in card.needs) or "records of general practice",
        "value": _value(card),
        "scored at": "the last discharge from hospital" + (
            f", if in the last {card.index_within.text}" if card.index_within else "") if card.index else "",
        "measured": f"in one set, of the last {card.set_within.text}" if card.set_within else "",
        "missing": "; ".join(card.lacks),
        "waits for": ", ".join(f"the codes of {name}" for name in empty_lists(card, rules)),
        "bands": "; ".join(
            f"{band.label} " + (_interval(band.interval) if band.any_term is None else f"any one term of {band.any_term:f} or more")
            for band in card.bands) or "none",
        "definition": f"sha256 {card.sha256[:16]}…",
    }
    lines += [textwrap.fill(f"{name + ':':<12}{value}", 110, subsequent_indent=" " * 12)
              for name, value in facts.items() if value]
    noun = "term" if len(card.terms) == 1 else "terms"
    lines += ["", f"{len(card.terms)} {noun} (points, term, evidence):"] if card.terms else []
    lines += [textwrap.fill(f"  {_points(term):>6}  {term.id:<24} {_named(term)}{_evidence(term, rules)}", 110,
                            subsequent_indent=" " * 33) for term in card.terms]
    lines += [textwrap.fill(f"  of {', '.join(group.terms)}: {CHOOSE[group.choose]} ({group.id})", 110, subsequent_indent=" " * 5)
              for group in card.groups]
    if card.notes:
        lines += ["", *(textwrap.fill(f"- {note}", 110, subsequent_indent="  ") for note in card.notes)]
    return "\n".join(lines)


def empty_lists(card: Scorecard, rules: Path | None = None) -> list[str]:
    """The code lists that the site must fill before the score can be computed."""
    return [name for name in card.codes_from_site if not load_codelist(name, rules).entries]


def groups(rules: Path | None = None) -> list[tuple[str, list[Scorecard]]]:
    """All scores in alphabetical order, by when they are computed; groups without a score are left out."""
    made: dict[str, list[Scorecard]] = {name: [] for name in GROUPS}
    for id in scorecard_ids(rules):
        card = load_scorecard(id, rules)
        made[GROUPS[3 if card.lacks else 2 if empty_lists(card, rules) else 1 if card.by_name_only else 0]].append(card)
    return [(name, cards) for name, cards in made.items() if cards]


def markdown(rules: Path | None = None) -> str:
    """The same as Markdown tables: id, title and version, source, population and needs, what is verified or missing."""
    lines = ["# Scores", "",
             "Made by `frailty scores list --markdown`; a test holds it up to date. `frailty scores show ID` says more."]
    for name, cards in groups(rules):
        lines += ["", f"## {name}", "", "| id | what | source | for, and needs | verified, or what is missing |",
                  "| --- | --- | --- | --- | --- |"]
        for card in cards:
            doi = f" [{card.source['doi']}](https://doi.org/{card.source['doi']})" if card.source.get("doi") else ""
            waits = "".join(f" Waits for the codes of {one}." for one in empty_lists(card, rules))
            restricted = f" Restricted: {card.restricted}." if card.restricted else ""
            needs = ", ".join(NEEDS[need] for need in card.needs)
            cells = (f"`{card.id}`", f"{card.title}; {card.version}", str(card.source.get("citation", "")) + doi,
                     _population(card) + (f"; {needs}" if needs else ""),
                     ("; ".join(card.lacks) or card.verified or "nothing said") + waits + restricted)
            lines.append("| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _population(card: Scorecard) -> str:
    return " and ".join([f"{card.age_at_least} years and over"] * (card.age_at_least is not None)
                        + [f"below {card.age_below} years"] * (card.age_below is not None)) or "everybody"


GROUPS = ("Scored every night", "By name only, with --scores", "Waiting for code lists that the site fills",
          "Not available: known, and never computed")
CHOOSE = {"first": "the first counts", "worst": "the one with most points counts", "latest": "the latest counts",
          "sum": "their sum is one term"}
NEEDS = {"hospital": "a hospital feed", "substances": "the substance of every medicine",
         "bnf": "the BNF paragraph of every medicine"}


def _value(card: Scorecard) -> str:
    link = card.link
    if link.kind == "assessed":
        return f"points / assessed terms, of which there must be {float(link.minimum_share):.0%}"
    return {"identity": "sum of points", "divide_by": f"points / {card.of:g}",
            "logistic": f"1 / (1 + exp(-points)), with the intercept {link.intercept}",
            "survival": f"risk within {link.horizon}: 1 - {link.baseline} ^ exp(points - {link.mean})"}[link.kind]


def _points(term: Term) -> str:
    if term.per:
        form = {"identity": "", "square": " sq", "log": " ln"}[term.per.form]
        return f"{term.per.each:f} x{form}"
    return f"{term.points:f}" if not term.steps and not term.choices else "steps"


def _named(term: Term) -> str:
    """The title, where a term's id is a bare code."""
    return f"{term.title}: " if term.id[-1:].isdigit() and term.title != term.id else ""


def _evidence(term: Term, rules: Path | None) -> str:
    """Any of these, and all of those, and none of the last."""
    some, every, none = (list(dict.fromkeys(_one(e, rules) for e in many)) for many in (term.any, term.all, term.none))
    return " and ".join([*([" or ".join(some)] if some else []), *every, *(f"not {one}" for one in none)])


def _one(one: Evidence, rules: Path | None) -> str:
    if one.source == "answer":
        return f"{one.answers}{' ' + one.category if one.category else ''} to {one.codes}{_window(one)}"
    if one.source == "value":
        cuts = ", ".join(_interval(i) + (f" ({i.sex})" if i.sex else "") for i in one.intervals) or "any"
        return f"{one.codes.removeprefix('quantities/')} {cuts} {one.unit}".rstrip() + _window(one)
    if one.codes:
        entries = load_codelist(one.codes, rules).entries
        count = sum((not one.category or entry.category == one.category)
                    and not (one.without_caution and entry.caution) for entry in entries)
        return f"{count} {'code' if count == 1 else 'codes'} of {one.codes}{_window(one)}"
    return (f"{one.take.replace('distinct:', 'distinct ')} of {one.source}"
            + (f", at least {one.at_least}" if one.at_least > 1 else "") + _window(one))


def _window(one: Evidence) -> str:
    return f", last {one.within.text}" if one.within else ""


def _interval(interval: Interval) -> str:
    words = []
    if interval.low is not None:
        words.append(f"{'above' if interval.low_open else 'from'} {interval.low:f}")
    if interval.high is not None:
        words.append(f"{'below' if interval.high_open else 'to'} {interval.high:f}")
    return " ".join(words)
