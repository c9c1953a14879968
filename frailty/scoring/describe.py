"""A scorecard in words, for `frailty scores show`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from frailty.scoring.definitions import Evidence, Group, Interval, Scorecard, Step, Term
from frailty.scoring.load import load_scorecards, scorecard_ids
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
        "floor": f"a sum below {card.floor:f} counts as {card.floor:f}" if card.floor is not None else "",
        "unmapped": f"a medicine of unknown substance could add {card.unmapped:f} points" if card.unmapped is not None else "",
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
    lines += _terms(card, rules) if card.terms else []
    lines += [_group(group) for group in card.groups]
    if card.notes:
        lines += ["", *(textwrap.fill(f"- {note}", 110, subsequent_indent="  ") for note in card.notes)]
    return "\n".join(lines)


def empty_lists(card: Scorecard, rules: Path | None = None) -> list[str]:
    """The code lists that the site must fill before the score can be computed."""
    return [name for name in card.codes_from_site if not load_codelist(name, rules).entries]


def groups(rules: Path | None = None) -> list[tuple[str, list[Scorecard]]]:
    """All scores in alphabetical order, by when they are computed; groups without a score are left out."""
    made: dict[str, list[Scorecard]] = {name: [] for name in GROUPS}
    for card in load_scorecards(scorecard_ids(rules), rules):
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
          "sum": "the sum is one term"}
UNITS = {"Cel": "°C", "score": "", "count": ""}
NEEDS = {"hospital": "a hospital feed", "substances": "the substance of every medicine",
         "bnf": "the BNF paragraph of every medicine"}


def _value(card: Scorecard) -> str:
    link = card.link
    if link.kind == "assessed":
        return f"points / assessed terms, of which there must be {float(link.minimum_share):.0%}"
    return {"identity": "sum of points", "divide_by": f"points / {card.of:g}",
            "logistic": f"1 / (1 + exp(-points)), with the intercept {link.intercept}",
            "survival": f"risk within {link.horizon}: 1 - {link.baseline} ^ exp(points - {link.mean})"}[link.kind]


def _terms(card: Scorecard, rules: Path | None) -> list[str]:
    """Each term: its points, name and evidence; then its steps, what it yields to and what it is where nothing is known."""
    wide = [min(24, max(len(_points(term)) for term in card.terms)), min(26, max(len(term.id) for term in card.terms))]
    lines = []
    for term in card.terms:
        said = [_named(term) + _evidence(term, rules), _steps(term.steps), _providers(term), _missing(term.missing),
                f"not beside {' or '.join(term.unless)}" if term.unless else ""]
        line = f"  {_points(term):>{wide[0]}}  {term.id:<{wide[1]}}  " + "; ".join(one for one in said if one)
        lines.append(textwrap.fill(line, 110, subsequent_indent=" " * (sum(wide) + 6), break_on_hyphens=False))
    return lines


def _group(group: Group) -> str:
    """Which of its terms counts, and what the group is where nothing is known."""
    said = [f"of {', '.join(group.terms)}: {CHOOSE[group.choose]} ({group.id})", _steps(group.steps), _missing(group.missing)]
    return textwrap.fill("  " + "; ".join(one for one in said if one), 110, subsequent_indent=" " * 5, break_on_hyphens=False)


def _points(term: Term) -> str:
    if term.per:
        form = {"identity": "{}", "square": "{} squared", "log": "ln of {}"}[term.per.form]
        return f"{term.per.each:f} x " + form.format("it" if term.per.cap is None else f"it, at most {term.per.cap:f}")
    return f"{term.points:f}" if not term.steps and not term.choices else "by step" if term.steps else "by place"


def _steps(steps: Sequence[Step]) -> str:
    return "points: " + ", ".join(f"{_interval(step.interval) or 'any'} = {step.points:f}" for step in steps) if steps else ""


def _providers(term: Term) -> str:
    if not term.choices:
        return ""
    *named, (_, others) = term.choices
    points = [points for _, points in named]
    return f"points: {len(named)} named trusts from {min(points):f} to {max(points):f}, any other {others:f}"


def _missing(missing: str | Decimal) -> str:
    """What holds where nothing is known; nothing to say where that counts as absent."""
    if isinstance(missing, Decimal):
        return f"{missing:f} points where nothing is recorded"
    return "no score without it" if missing == "not_assessable" else ""


def _named(term: Term) -> str:
    """The title, where it says more than the id."""
    same = term.title.casefold().replace(" ", "") == term.id.casefold().replace("_", "").replace("-", "").replace(" ", "")
    return "" if same else f"{term.title}: "


def _evidence(term: Term, rules: Path | None) -> str:
    """Any of these, and all of those, and none of the last."""
    some, every, none = (list(dict.fromkeys(_one(e, rules) for e in many)) for many in (term.any, term.all, term.none))
    return ", and ".join([*([" or ".join(some)] if some else []), *every, *(f"not {one}" for one in none)])


def _one(one: Evidence, rules: Path | None) -> str:
    """One evidence in words: what, how much of it, of whom, when."""
    what = {"value": _value_of, "answer": _value_of, "stay": _stay_of, "person": _person_of}.get(one.source)
    said = what(one) if what else _codes_of(one, rules)
    return said + _whom(one) + _window(one)


def _codes_of(one: Evidence, rules: Path | None) -> str:
    """Codes of a list, or medicines."""
    if one.source == "issue":
        many = {"distinct:substance": "different substances among ", "distinct:bnf_paragraph": "different BNF paragraphs among "}
        whose = f"medicines of {one.codes}{f' ({one.category})' if one.category else ''}" if one.codes else "all medicines"
        return (many.get(one.take, "") + whose + (f", {one.at_least} or more" if one.at_least > 1 else "")
                + " issued" + (" on different days" if one.take == "days" else ""))
    entries = load_codelist(one.codes, rules).entries
    count = sum((not one.category or entry.category == one.category) and not (one.without_caution and entry.caution)
                for entry in entries)
    said = f"{count} {'code' if count == 1 else 'codes'} of {one.codes}"
    if one.at_least > 1 or one.take == "days":
        said += f", on {one.at_least} or more days" if one.take == "days" else f", {one.at_least} or more records"
    return said + (f", coded in {_stay(one)}" if one.settings or one.admissions or one.index is not None else "")


def _value_of(one: Evidence) -> str:
    """A number or an answer, and which one of several."""
    which = {"latest": "the latest ", "first": "the first ", "min": "the smallest ", "max": "the largest ",
             "change": "change from the person's own earlier ", "best_of_last":
             f"the {'smallest' if one.smallest else 'largest'} of the last {one.of_last} "}.get(one.take, "")
    if one.source == "answer":
        said = which + f"{one.answers}{' ' + one.category if one.category else ''} as the answer to {one.codes}"
    else:
        cuts = " or ".join(_interval(i) + (f" ({i.sex})" if i.sex else "") for i in one.intervals)
        named = which + one.codes.removeprefix("quantities/").replace("_", " ")
        said = " ".join(filter(None, (named, cuts, UNITS.get(one.unit, one.unit))))
    if one.take == "days":
        said += f", on {one.at_least} or more days"
    elif one.at_least > 1:
        said += f", with {one.at_least} or more before" if one.take == "change" else f", {one.at_least} or more of them"
    return (said + (f", rounded to {one.round_to:f}" if one.round_to else "") + (", during the stay" if one.index else ""))


def _stay_of(one: Evidence) -> str:
    if one.take == "length_of_stay":
        return f"days of {_stay(one)}"
    if one.take == "provider":
        return f"the trust of {_stay(one)}"
    if one.index:
        return f"{_stay(one)} was of this kind" if not (one.settings or one.admissions) else _stay(one)
    return ("days with " if one.take == "days" else "") + _stay(one, "s") + (
        f", {one.at_least} or more" if one.at_least > 1 else "")


def _stay(one: Evidence, plural: str = "") -> str:
    """A stay of some kind: of how one came in, and where."""
    kind = " or ".join(one.admissions) + (" " if one.admissions else "") + (" or ".join(one.settings) or "hospital")
    which = "the scored " if one.index else "earlier " if one.index is False else "" if plural else "a "
    return f"{which}{kind} {f'attendance{plural} or ' if 'emergency' in one.settings else ''}stay{plural}"


def _person_of(one: Evidence) -> str:
    cuts = " or ".join(_interval(i) for i in one.intervals)
    said = f"{one.take[6:]}, which the site supplies" if one.take.startswith("input:") else "age in years"
    return f"{said} {cuts}".rstrip()


def _whom(one: Evidence) -> str:
    """Sex, and age on the day of the event."""
    ages = [f"from age {one.age_from}"] * (one.age_from is not None) + [f"below age {one.age_below}"] * (one.age_below is not None)
    return "".join(f", {word}" for word in ([f"{one.sex} only"] if one.sex else []) + ages)


def _window(one: Evidence) -> str:
    if one.take == "set":
        return " in the one set"
    return (f", last {one.within.text}" if one.within else "") + (f", {one.before.text} ago or more" if one.before else "")


def _interval(interval: Interval) -> str:
    words = []
    if interval.low is not None:
        words.append(f"{'above' if interval.low_open else 'from'} {interval.low:f}")
    if interval.high is not None:
        words.append(f"{'below' if interval.high_open else 'to'} {interval.high:f}")
    return " ".join(words)
