"""Reading the terms of a scorecard: evidence, points, intervals."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from frailty.errors import DefinitionError, nearest
from frailty.records.arrays import ADMISSIONS, SETTINGS, SEXES
from frailty.scoring import words
from frailty.scoring.definitions import Evidence, Interval, Per, Step, Term, Window
from frailty.scoring.reading import At, Raw

PARTS = ("any", "all", "none")


class TermReader:
    """Reads the [[term]]s of one card. named: the evidence under [evidence]; bytes: grows by the tables of weights."""

    def __init__(self, folder: Path, named: dict[str, Any], without_caution: bool, indexed: bool, sets: bool) -> None:
        self.folder, self.named, self.without_caution, self.indexed, self.sets = folder, named, without_caution, indexed, sets
        self.bytes: list[bytes] = []
        self.lookups: dict[str, tuple[str, ...]] = {}

    def terms(self, raw: Raw) -> list[Term]:
        """One term, or one for each row of its lookup."""
        table, at = raw.table, raw.at
        at.check(table, words.TERM, "a term")
        id = at.text(table.get("id", ""), "id")
        if not id:
            at.fail("A term has no id.", mend='id = "..."')
        parts: dict[str, Any] = {name: tuple(self._evidence(one, at) for one in self._listed(table.get(name, []), name, at))
                                 for name in PARTS}
        if not any(parts.values()):
            at.fail(f"The term '{id}' has no evidence.", mend="add any = [ { codes = ... } ]")
        if "at_least" in table:
            if len(parts["any"]) != 1 or parts["all"] or parts["none"]:
                at.fail(f"'at_least' of the term '{id}' is not clear: it has more than one evidence.", "at_least",
                        mend="write at_least inside the evidence that is counted")
            count = at.whole(table["at_least"], "at_least", 1)
            parts["any"] = (self._counted(replace(parts["any"][0], at_least=count), at),)
        given = [key for key in ("points", "bands", "points_per", "lookup") if key in table]
        if len(given) != 1:
            at.fail(f"The term '{id}' must have one of points, bands, points_per and lookup.", given[0] if given else "",
                    why=f"it has {' and '.join(given) or 'none'}")
        term = Term(id, at.text(table.get("title", id), "title"), **parts,
                    missing=missing_of(table.get("missing", "absent"), f"the term '{id}'", at))
        if term.missing != "absent" and not any(e.may_be_unknown for e in term.evidence):
            at.fail(f"The term '{id}' says what to do where it is missing, but it never is.", "missing",
                    why="codes, medicines and stays that are not recorded are absent", mend="take 'missing' away")
        if "lookup" in table and not (term.any + term.all and term.measured.take == "provider"):
            return self._lookup(term, table, at)
        term = replace(term, unless=at.texts(table.get("unless", []), "unless"))
        if "points" in table:
            if any(not e.counts and not e.intervals for e in term.any + term.all):
                at.fail(f"The term '{id}' gives points for an age or a value without saying which.", "points",
                        mend="use bands = [ { below = ..., points = ... }, ... ], or value = [ ... ] in the evidence")
            return [replace(term, points=at.number(table["points"], "points"))]
        key = given[0]
        if len(term.any) > 1 or not term.any + term.all:
            at.fail(f"'{key}' of the term '{id}' needs exactly one evidence to measure.", key,
                    mend="write it alone under 'any', or first under 'all'")
        if key == "bands":
            if term.measured.take == "provider":
                at.fail("A provider is not a number.", "bands", mend="use a lookup")
            return [replace(term, steps=steps_of(table["bands"], f"the term '{id}'", at))]
        if key == "lookup":
            return [replace(term, choices=self._choices(table["lookup"], at))]
        return [replace(term, per=self._per(table["points_per"], term, at))]

    def _listed(self, many: Any, name: str, at: At) -> list[dict[str, Any]]:
        """Evidence written inline, or by its name under [evidence]."""
        if isinstance(many, list):
            for one in many:
                if isinstance(one, str) and one not in self.named:
                    at.fail(f"There is no evidence named '{one}'.", name, why="looked under [evidence]",
                            mend=nearest(one, list(self.named)))
            many = [self.named[one] if isinstance(one, str) else one for one in many]
        return at.tables_of(many, name)

    def _per(self, raw: Any, term: Term, at: At) -> Per:
        table = at.table_of(raw, "points_per")
        at.check(table, words.PER, "'points_per'")
        form = at.word(table.get("form", "identity"), words.FORM, f"form = '{table.get('form')}'", "points_per")
        measured = term.measured
        if measured.take == "provider":
            at.fail("A provider is not a number.", "points_per", mend="use a lookup")
        if not measured.whole and measured.round_to is None and form != "log":
            at.fail(f"The measure of the term '{term.id}' is no whole number.", "points_per",
                    why="sums of points are exact", mend="add round_to = 0.1, or 1, to the evidence")
        cap = at.number(table["cap"], "points_per") if "cap" in table else None
        return Per(at.number(table.get("each"), "points_per"), form, cap)

    # Tables of weights

    def _rows(self, lookup: dict[str, Any], at: At, keys: tuple[str, ...]) -> list[tuple[str, Decimal, dict[str, str]]]:
        for key in ("file", "key", "points"):
            at.text(lookup.get(key), f"lookup.{key}")
        path = self.folder / lookup["file"]
        if not path.is_file():
            at.fail(f"The table '{lookup['file']}' was not found.", "lookup", why="looked in rules/scores/",
                    mend=nearest(lookup["file"], [p.name for p in self.folder.glob("*.csv")]))
        data = path.read_bytes()
        self.bytes.append(data)
        reader = csv.DictReader(data.decode("utf-8-sig").splitlines())
        columns = reader.fieldnames or []
        for key in keys:
            if key in lookup and lookup[key] not in columns:
                at.fail(f"The table '{lookup['file']}' has no column '{lookup[key]}'.", "lookup",
                        why=f"its columns are: {', '.join(columns)}", mend=nearest(lookup[key], list(columns)))
        found = []
        for line, row in enumerate(reader, 2):
            id = (row[lookup["key"]] or "").strip()
            try:
                points = Decimal((row[lookup["points"]] or "").strip())
                if not id or not points.is_finite():
                    raise InvalidOperation
            except InvalidOperation:
                raise DefinitionError("A row of weights has no key or no number.",
                                      where=f"rules/scores/{lookup['file']}, line {line}",
                                      why=f"key '{id}', points '{row[lookup['points']]}'") from None
            found.append((id, points, row))
        return found

    def _choices(self, raw: Any, at: At) -> tuple[tuple[str, Decimal], ...]:
        """Points by the provider; the last are those of all others."""
        lookup = at.table_of(raw, "lookup")
        at.check(lookup, words.LOOKUP, "'lookup'")
        if "default" not in lookup:
            at.fail("A lookup by provider says no 'default'.", "lookup", mend="default = 0")
        rows = [(key, points) for key, points, _ in self._rows(lookup, at, ("key", "points"))]
        return (*rows, ("", at.number(lookup["default"], "lookup")))

    def _lookup(self, pattern: Term, table: dict[str, Any], at: At) -> list[Term]:
        """One term for each row of a table of weights: the row's key is the category of the code list."""
        lookup = at.table_of(table["lookup"], "lookup")
        at.check(lookup, words.LOOKUP, "'lookup'")
        if "default" in lookup:
            at.fail("'default' goes only with take = \"provider\".", "lookup", mend="give each category a row")
        if any(not e.codes or e.category for e in pattern.evidence):
            at.fail(f"Every evidence of the term '{pattern.id}' must name a code list and no category.", "lookup",
                    why="the lookup makes one term for each category")
        if any(not e.counts and not e.intervals for e in pattern.any + pattern.all):
            at.fail(f"The term '{pattern.id}' gives points for a value without saying which.", "lookup",
                    mend="add value = [ ... ] to the evidence")
        unless = at.table_of(table.get("unless", {}), "unless")
        terms = []
        for id, points, row in self._rows(lookup, at, ("key", "points", "title")):
            others = unless.get(id, [])
            if not isinstance(others, list):
                at.fail(f"'unless' of '{id}' must be a list of term ids.", "unless")
            parts: dict[str, Any] = {name: tuple(replace(e, category=id) for e in getattr(pattern, name)) for name in PARTS}
            terms.append(Term(id, row[lookup["title"]] if "title" in lookup else id, points=points,
                              unless=tuple(others), missing=pattern.missing, **parts))
        ids = tuple(term.id for term in terms)
        for id in unless:
            if id not in ids:
                at.fail(f"'unless' names '{id}', which is not in '{lookup['file']}'.", "unless", mend=nearest(id, ids))
        for e in pattern.evidence:
            self.lookups[e.codes] = ids
        return terms

    # Evidence

    def _evidence(self, one: dict[str, Any], at: At) -> Evidence:
        at.check(one, words.EVIDENCE, "evidence")
        source = at.word(one.get("from", "coded"), words.FROM, f"from = '{one.get('from')}'", "from")
        stated = at.text(one.get("take", "age" if source == "person" else "any"), "take")
        take, _, rest = stated.partition(":")
        if take == "distinct":
            take, rest = stated, ""
        at.word(take, words.TAKE, f"take = '{stated}'", "take")
        if take not in words.TAKES[source]:
            at.fail(f"take = '{stated}' does not go with from = '{source}'.", "take",
                    mend=f"use one of: {', '.join(words.TAKES[source])}")
        if take == "best_of_last" and not (rest.isdigit() and 1 < int(rest) < 100):
            at.fail("'best_of_last' says no number of values.", "take", mend='take = "best_of_last:3"')
        if bool(rest) != (take in ("best_of_last", "input")):
            at.fail(f"take = '{stated}' is not clear.", "take",
                    mend='take = "input:imd"' if take == "input" else f'take = "{take}"')
        self._fits(one, source, take, at)
        codes = self._list_name(one, "codes", at)
        if not codes and source in ("coded", "value", "answer"):
            at.fail("Evidence names no code list.", "any", mend='codes = "family/list"')
        answers = self._list_name(one, "answers", at)
        if source == "answer" and not answers:
            at.fail("Evidence names no list of answers.", "any", mend='answers = "family/list"')
        values = at.tables_of(one.get("value", []), "value")
        for value in values:
            at.check(value, words.VALUE, "'value'")
        stay = at.table_of(one.get("stay", {}), "stay")
        at.check(stay, words.STAY, "'stay'")
        if "index" in stay and not self.indexed:
            at.fail("'index' needs a score that has an index stay.", "stay", mend='index = "last_discharge"')
        if source == "value" and set(stay) - {"index"}:
            at.fail("A number can only be asked for the index stay.", "stay", mend="stay = { index = true }")
        if take in ("length_of_stay", "provider") and stay.get("index") is not True:
            at.fail(f"take = '{take}' is about the index stay.", "stay", mend="stay = { index = true }")
        where = at.table_of(one.get("where", {}), "where")
        at.check(where, words.WHERE, "'where'")
        ages = at.table_of(where.get("age_at_event", {}), "where")
        at.check(ages, words.AGES, "'age_at_event'")
        round_to = at.number(one["round_to"], "round_to") if "round_to" in one else None
        if round_to is not None and (round_to <= 0 or (round_to % 1 and 1 % round_to)):
            at.fail("'round_to' must be a whole number or a whole part of one.", "round_to", mend="round_to = 0.1")
        evidence = Evidence(
            source=source, codes=codes, answers=answers, category=at.text(one.get("category", ""), "category"),
            without_caution=self.without_caution and source in ("coded", "value"),
            within=window(one["within"], at) if "within" in one else None,
            before=window(one["before"], at, "before") if "before" in one else None,
            intervals=tuple(interval(value, at, "value") for value in values),
            unit=at.text(one.get("unit", ""), "unit"), round_to=round_to,
            take=stated if take == "input" else take, of_last=int(rest) if take == "best_of_last" else 0,
            smallest=at.word(one.get("best", "largest"), words.BEST, f"best = '{one.get('best')}'", "best") == "smallest",
            feed=at.word(one["feed"], words.FEED, f"feed = '{one['feed']}'", "feed") if "feed" in one
            else "hospital" if source == "stay" else "",
            settings=self._one_of(stay.get("setting", []), SETTINGS, "setting", "stay", at),
            admissions=self._one_of(stay.get("admission", []), ADMISSIONS, "admission", "stay", at),
            index=at.truth(stay["index"], "stay") if "index" in stay else None,
            sex=(*self._one_of(where.get("sex", []), SEXES, "sex", "where", at), "")[0],
            age_from=at.whole(ages["at_least"], "where") if "at_least" in ages else None,
            age_below=at.whole(ages["below"], "where", 1) if "below" in ages else None,
            at_least=at.whole(one.get("at_least", 1), "at_least", 1))
        if source == "stay" and evidence.index is None and self.indexed:
            evidence = replace(evidence, index=False)
        if evidence.within and evidence.before and evidence.within.about_days <= evidence.before.about_days:
            at.fail("No day lies within and before these look-backs.", "before", mend="within must reach further back than before")
        return self._counted(evidence, at)

    def _fits(self, one: dict[str, Any], source: str, take: str, at: At) -> None:
        """Refuse words that say nothing about this kind of evidence."""
        recorded = ("coded", "value", "answer", "issue", "stay")
        only = {"value": ("value", "answer", "person", "stay"), "unit": ("value",), "round_to": ("value", "person"),
                "stay": ("coded", "value", "stay"), "feed": ("coded", "stay"), "category": ("coded", "issue", "answer"),
                "codes": ("coded", "value", "answer", "issue"), "answers": ("answer",), "within": recorded, "before": recorded,
                "where": recorded,
                "at_least": recorded}
        for key, sources in only.items():
            if key in one and source not in sources:
                at.fail(f"'{key}' does not go with from = '{source}'.", key)
        if "value" in one and source == "stay" and take != "length_of_stay":
            at.fail("'value' does not go with a count of stays.", "value", mend="use at_least")
        if "best" in one and take != "best_of_last":
            at.fail("'best' goes only with take = \"best_of_last:n\".", "best")
        if take == "set":
            if not self.sets:
                at.fail("take = 'set' needs a score that has one timed set.", "take", mend='[set]\nwithin = "7 days"')
            for key in ("within", "before", "where", "stay"):
                if key in one:
                    at.fail(f"'{key}' does not go with take = 'set'.", key, why="all numbers of a set are of one moment",
                            mend="write the window under [set]" if key == "within" else "")

    def _list_name(self, one: dict[str, Any], key: str, at: At) -> str:
        name = at.text(one.get(key, ""), key)
        if name and not re.fullmatch(r"[\w\-]+/[\w\-]+", name):
            at.fail(f"'{name}' is not the name of a code list.", key, mend=f'{key} = "family/list"')
        return name

    def _counted(self, evidence: Evidence, at: At) -> Evidence:
        if evidence.at_least > 1 and not evidence.counts and evidence.take != "change":
            at.fail(f"'at_least' does not go with take = '{evidence.take}'.", "at_least",
                    why="it is a number of records, not of years or units", mend="use bands")
        return evidence

    def _one_of(self, got: Any, known: tuple[str, ...], key: str, place: str, at: At) -> tuple[str, ...]:
        many = [got] if isinstance(got, str) else got
        if not isinstance(many, list):
            at.fail(f"'{key}' must be a word or a list of words.", place)
        for word in many:
            if word not in known or word == "unknown":
                at.fail(f"'{word}' is not a known {key}.", place,
                        mend=nearest(str(word), known[1:]) or f"use one of: {', '.join(known[1:])}")
        return tuple(many)


def missing_of(got: Any, what: str, at: At) -> str | Decimal:
    """absent | not_assessable | points."""
    if isinstance(got, dict):
        at.check(got, words.MISSING_POINTS, "'missing'")
        return at.number(got.get("points"), "missing")
    return at.word(got, words.MISSING, f"'missing' of {what}", "missing")


def window(got: Any, at: At, key: str = "within") -> Window:
    """A look-back in words."""
    match = re.fullmatch(r"\s*(\d+)\s*(y|years?|months?|weeks?|d|days?|h|hours?)\s*", at.text(got, key))
    if not match or int(match[1]) == 0:
        at.fail(f"'{got}' is not a look-back.", key, mend=f'{key} = "2 years", "12 months" or "90 days"')
    count, unit = int(match[1]), match[2][0]
    if unit == "h":
        if count % 24:
            at.fail(f"'{got}' is not a number of whole days.", key, why="scores are as of a day", mend=f'{key} = "24 h"')
        return Window(got, days=count // 24)
    if unit in "wd":
        return Window(got, days=count * (7 if unit == "w" else 1))
    return Window(got, months=count * (12 if unit == "y" else 1))


def interval(one: dict[str, Any], at: At, key: str) -> Interval:
    """Numbers between edges."""
    if ("at_least" in one and "above" in one) or ("below" in one and "at_most" in one):
        at.fail("An interval has two edges on one side.", key, mend="say at_least or above; below or at_most")
    number = {edge: at.number(one[edge], edge) for edge in words.EDGES if edge in one}
    low, high = number.get("at_least", number.get("above")), number.get("below", number.get("at_most"))
    sex = one.get("sex", "")
    if sex and sex not in SEXES:
        at.fail(f"'{sex}' is not a known sex.", key, mend=nearest(str(sex), SEXES) or f"use one of: {', '.join(SEXES)}")
    if low is not None and high is not None and (
            low > high or (low == high and not ("at_least" in one and "at_most" in one))):
        at.fail(f"The interval from {low} to {high} is empty.", key)
    return Interval(low, "above" in one, high, "below" in one, sex)


def steps_of(raw: Any, whose: str, at: At) -> tuple[Step, ...]:
    """Points by intervals of a measure, proven to hold every number once."""
    steps = []
    for one in at.tables_of(raw, "bands"):
        at.check(one, words.STEP, "'bands' of a term")
        if "points" not in one:
            at.fail(f"A band of {whose} has no points.", "bands", mend="{ below = 50, points = 0 }")
        steps.append(Step(interval(one, at, "bands"), at.number(one["points"], "points")))
    if not steps:
        at.fail(f"'bands' of {whose} is empty.", "bands")
    no_gap([s.interval for s in steps], [at] * len(steps), f"band of {whose}", "bands")
    return tuple(steps)


def no_gap(intervals: list[Interval], places: list[At], what: str, key: str) -> None:
    """Prove that the intervals, in order, hold every number exactly once."""
    if not intervals:
        return
    if intervals[0].low is not None:
        places[0].fail(f"The first {what} leaves smaller numbers without one.", key or "at_least", mend="give it no lower edge")
    if intervals[-1].high is not None:
        places[-1].fail(f"The last {what} leaves larger numbers without one.", key or "at_most", mend="give it no upper edge")
    for at, one, two in zip(places[1:], intervals, intervals[1:], strict=False):
        if one.high is None or two.low is None:
            at.fail(f"Two neighbours overlap: each {what} but the first and last needs both edges.", key)
        if one.high != two.low:
            kind = "a gap" if one.high < two.low else "an overlap"
            at.fail(f"There is {kind} between {one.high} and {two.low}: a {what} must begin where the one before "
                    "it ends.", key or "above")
        if one.high_open == two.low_open:
            at.fail(f"The number {two.low} is in {'no' if two.low_open else 'more than one'} {what}.",
                    key or "above", mend="pair at_most with above, or below with at_least")
