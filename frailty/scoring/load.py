"""Reading a scorecard: TOML -> validated dataclasses. Every refusal says where, why and how to mend it."""

from __future__ import annotations

import csv
import difflib
import hashlib
import re
import tomllib
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.records.arrays import ADMISSIONS, SETTINGS, SEXES
from frailty.scoring import words
from frailty.scoring.definitions import Band, Evidence, Example, Interval, Scorecard, Step, Term, Window


def scorecard_ids(rules: Path | None = None) -> list[str]:
    """The ids of the scorecards under rules/scores/, in alphabetical order."""
    return sorted(path.stem for path in ((rules or rules_dir()) / "scores").glob("*.toml"))


def load_scorecard(id: str, rules: Path | None = None) -> Scorecard:
    """The scorecard `rules/scores/<id>.toml`, proven well formed."""
    folder = (rules or rules_dir()) / "scores"
    if not (folder / f"{id}.toml").is_file():
        known = scorecard_ids(rules)
        raise DefinitionError(f"There is no score '{id}'.", where="rules/scores/",
                              mend=_suggest(id, known) or f"the scores are: {', '.join(known) or '(none)'}")
    return _Reader(folder).read(id)


def _suggest(word: str, known: list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, 1, 0.6)
    return f"did you mean '{near[0]}'?" if near else ""


@dataclass
class _File:
    """The text of a definition file, to find the line of what is wrong."""

    name: str
    text: str

    def where(self, table: str = "", nth: int = 0, key: str = "") -> str:
        """'<file>, line <n>': the key inside the nth [[table]] (table '' = top level), as near as can be found."""
        header = re.compile(r"^\s*\[\[?\s*([\w.\-]+)")
        here, count, start = table == "", -1, 1
        for number, line in enumerate(self.text.splitlines(), 1):
            match = header.match(line)
            if match:
                count += match[1] == table
                here = match[1] == table and count == nth
                if here:
                    start = number
            elif here and key and re.search(rf"(?<![\w\-]){re.escape(key)}(?![\w\-])\s*=", line):
                return f"{self.name}, line {number}"
        return f"{self.name}, line {start}" if table else self.name


@dataclass(frozen=True)
class _At:
    """A place in a file."""

    file: _File
    table: str = ""
    nth: int = 0

    def fail(self, what: str, key: str = "", *, why: str = "", mend: str = "") -> NoReturn:
        raise DefinitionError(what, where=self.file.where(self.table, self.nth, key), why=why, mend=mend)

    def check(self, got: dict[str, Any], allowed: words.Words, place: str) -> None:
        """Refuse keys that the language does not have, or not yet."""
        for key in got:
            self.word(key, allowed, f"'{key}' in {place}", key)

    def word(self, word: Any, allowed: words.Words, label: str, key: str) -> str:
        if word in allowed.here:
            return str(word)
        if word in allowed.later:
            self.fail(f"{label} is not supported in this version.", key,
                      why="the word belongs to the language of scorecards, but no score has needed it yet",
                      mend=f"use one of: {', '.join(allowed.here)}")
        self.fail(f"{label} is not a word of the scorecard language.", key,
                  mend=_suggest(str(word), allowed.here + allowed.later) or f"use one of: {', '.join(allowed.here)}")

    def text(self, got: Any, key: str) -> str:
        if not isinstance(got, str):
            self.fail(f"'{key}' must be text.", key, why=f"it is {got!r}", mend=f'{key} = "..."')
        return got

    def whole(self, got: Any, key: str, least: int = 0) -> int:
        if not isinstance(got, int) or isinstance(got, bool) or got < least:
            self.fail(f"'{key}' must be a whole number of at least {least}.", key, why=f"it is {got!r}")
        return got

    def number(self, got: Any, key: str) -> Decimal:
        if isinstance(got, bool) or not isinstance(got, int | Decimal) or not Decimal(got).is_finite():
            self.fail(f"'{key}' must be a number.", key, why=f"it is {got!r}")
        return Decimal(got)

    def table_of(self, got: Any, key: str) -> dict[str, Any]:
        if not isinstance(got, dict):
            self.fail(f"'{key}' must be a table.", key, why=f"it is {got!r}", mend=f"{key} = {{ ... }}")
        return got

    def tables_of(self, got: Any, key: str) -> list[dict[str, Any]]:
        if not isinstance(got, list) or not all(isinstance(one, dict) for one in got):
            self.fail(f"'{key}' must be a list of tables.", key, mend=f"{key} = [ {{ ... }} ]")
        return got


@dataclass(frozen=True)
class _Raw:
    """One [[table]] as read, and where it stands."""

    table: dict[str, Any]
    at: _At


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bytes: list[bytes] = []

    def read(self, id: str) -> Scorecard:
        top, at, terms, bands, examples = self._merged(id, ())
        card = self._scorecard(top, at, terms, bands, examples)
        digest = hashlib.sha256()
        for part in self.bytes:
            digest.update(hashlib.sha256(part).digest())
        return replace(card, sha256=digest.hexdigest(), file=at.file.name)

    def _merged(self, id: str, seen: tuple[str, ...],
                ) -> tuple[dict[str, Any], _At, list[_Raw], list[_Raw], list[_Raw]]:
        """The file's own words laid over those of the score it is based on."""
        path = self.folder / f"{id}.toml"
        data = path.read_bytes()
        self.bytes.append(data)
        file = _File(f"rules/scores/{id}.toml", data.decode("utf-8", "replace"))
        at = _At(file)
        try:
            top: dict[str, Any] = tomllib.loads(data.decode("utf-8"), parse_float=Decimal)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, InvalidOperation) as error:
            line = re.search(r"at line (\d+)", str(error))
            raise DefinitionError(f"The scorecard '{id}' is not valid TOML.", why=str(error),
                                  where=file.name + (f", line {line[1]}" if line else "")) from None
        at.check(top, words.SCORE, "a scorecard")
        if top.get("id") != id:
            at.fail(f"The id '{top.get('id', '')}' differs from the name of the file.", "id", mend=f'id = "{id}"')
        says_bands = "band" in top
        own = {name: [_Raw(table, _At(file, name, n)) for n, table in enumerate(at.tables_of(top.pop(name, []), name))]
               for name in ("term", "band", "example")}
        if "based_on" not in top:
            return top, at, own["term"], own["band"], own["example"]

        base = at.text(top["based_on"], "based_on")
        if "title" not in top:
            at.fail(f"'{id}' is based on '{base}' and has no title of its own.", "based_on", mend='title = "..."')
        if base in (*seen, id):
            at.fail(f"'{id}' is based on itself.", "based_on", why=" -> ".join((*seen, id, base)))
        if not (self.folder / f"{base}.toml").is_file():
            at.fail(f"'{id}' is based on '{base}', which does not exist.", "based_on",
                    mend=_suggest(base, scorecard_ids(self.folder.parent)))
        below, _, terms, bands, _ = self._merged(base, (*seen, id))
        by_id = {raw.table.get("id"): n for n, raw in enumerate(terms)}
        for raw in own["term"]:
            n = by_id.get(raw.table.get("id"))
            if n is None:
                terms.append(raw)
            else:
                terms[n] = _Raw({**terms[n].table, **raw.table}, raw.at)
        return {**below, **top, "id": id}, at, terms, own["band"] if says_bands else bands, own["example"]

    def _scorecard(self, top: dict[str, Any], at: _At, raw_terms: list[_Raw], raw_bands: list[_Raw],
                   raw_examples: list[_Raw]) -> Scorecard:
        for key in ("id", "title", "version", "licence", *({"restricted"} & top.keys())):
            if not at.text(top.get(key, ""), key).strip():
                at.fail(f"The scorecard says no '{key}'.", mend=f'{key} = "..."')
        source = at.table_of(top.get("source", {}), "source")
        if not source.get("citation"):
            at.fail("The scorecard names no publication.", "source", mend='source = { citation = "...", doi = "..." }')
        if not raw_terms:
            at.fail("The scorecard has no term.", mend="add a [[term]]")

        population = at.table_of(top.get("population", {}), "population")
        at.check(population, words.POPULATION, "'population'")
        needs = top.get("needs", [])
        if not isinstance(needs, list):
            at.fail("'needs' must be a list.", "needs", mend='needs = ["hospital"]')
        for need in needs:
            at.word(need, words.NEEDS, f"'{need}' in 'needs'", "needs")
        notes = top.get("notes", [])
        if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
            at.fail("'notes' must be a list of sentences.", "notes")

        for key in ("without_caution", "default"):
            if not isinstance(top.get(key, True), bool):
                at.fail(f"'{key}' must be true or false.", key)
        lookups: dict[str, tuple[str, ...]] = {}
        terms: list[Term] = []
        places: dict[str, _At] = {}
        for raw in raw_terms:
            for term in self._terms(raw, top.get("without_caution", False), lookups):
                if term.id in places:
                    raw.at.fail(f"The term '{term.id}' is defined twice.", "id", mend="give each term its own id")
                terms.append(term)
                places[term.id] = raw.at
        self._check_unless(terms, places)

        bands = [self._band(raw) for raw in raw_bands]
        self._no_gap([b.interval for b in bands], [r.at for r in raw_bands], "band", "")
        labels = [b.label for b in bands]
        for n, label in enumerate(labels):
            if label in labels[:n]:
                raw_bands[n].at.fail(f"Two bands are called '{label}'.", "label")
        age = population.get("age_at_least")
        card = Scorecard(
            id=top["id"], title=top["title"], version=top["version"], licence=top["licence"], source=source,
            terms=tuple(terms), bands=tuple(bands), divide_by=self._link(top.get("link", "identity"), at),
            age_at_least=None if age is None else at.whole(age, "age_at_least"), needs=tuple(needs),
            verified=at.text(top.get("verified", ""), "verified"), notes=tuple(notes),
            based_on=top.get("based_on", ""), default=top.get("default", True),
            restricted=top.get("restricted", ""), lookups=lookups)
        if needs and not any(e.feed for e in card.evidence):
            at.fail("The scorecard needs a hospital feed, but none of its evidence says which part.", "needs",
                    mend='add feed = "hospital" to the evidence that the feed answers')
        if not needs and any(e.feed for e in card.evidence):
            at.fail("Evidence comes from a hospital feed that the scorecard does not need.", "needs",
                    mend='add needs = ["hospital"]')
        return replace(card, examples=tuple(self._example(raw, card) for raw in raw_examples))

    def _link(self, link: Any, at: _At) -> Fraction | None:
        if isinstance(link, str):
            at.word(link, words.LINK_NAMES, f"The link '{link}'", "link")
            return None
        at.check(at.table_of(link, "link"), words.LINK, "'link'")
        if link.get("divide_by") == "assessed":
            at.fail("Dividing by the assessed terms is not supported in this version.", "link",
                    mend="link = { divide_by = 36 }")
        by = Fraction(at.number(link.get("divide_by"), "link"))
        if by <= 0:
            at.fail("'divide_by' must be above zero.", "link", why=f"it is {by}")
        return by

    # Terms

    def _terms(self, raw: _Raw, without_caution: bool, lookups: dict[str, tuple[str, ...]]) -> list[Term]:
        table, at = raw.table, raw.at
        at.check(table, words.TERM, "a term")
        id = at.text(table.get("id", ""), "id")
        if not id:
            at.fail("A term has no id.", mend='id = "..."')
        at.word(table.get("missing", "absent"), words.MISSING, f"'missing' of the term '{id}'", "missing")
        parts: dict[str, Any] = {
            name: tuple(self._evidence(one, at, without_caution) for one in at.tables_of(table.get(name, []), name))
            for name in ("any", "all", "none")}
        if not any(parts.values()):
            at.fail(f"The term '{id}' has no evidence.", mend="add any = [ { codes = ... } ]")
        if "at_least" in table:
            if len(parts["any"]) != 1 or parts["all"] or parts["none"]:
                at.fail(f"'at_least' of the term '{id}' is not clear: it has more than one evidence.", "at_least",
                        mend="write at_least inside the evidence that is counted")
            count = at.whole(table["at_least"], "at_least", 1)
            parts["any"] = (self._counted(replace(parts["any"][0], at_least=count), at),)
        given = [key for key in ("points", "bands", "lookup") if key in table]
        if len(given) != 1:
            at.fail(f"The term '{id}' must have one of points, bands and lookup.", given[0] if given else "",
                    why=f"it has {' and '.join(given) or 'none'}")
        term = Term(id, at.text(table.get("title", id), "title"), **parts)
        if "lookup" in table:
            return self._lookup(term, table, at, lookups)
        unless = table.get("unless", [])
        if not isinstance(unless, list) or not all(isinstance(one, str) for one in unless):
            at.fail(f"'unless' of the term '{id}' must be a list of term ids.", "unless", mend='unless = ["..."]')
        term = replace(term, unless=tuple(unless))
        if "points" in table:
            if any(e.source == "person" or e.take in ("latest", "min", "max") for e in term.evidence):
                at.fail(f"The term '{id}' gives points for an age or a value without saying which.", "points",
                        mend="use bands = [ { below = ..., points = ... }, ... ]")
            return [replace(term, points=at.number(table["points"], "points"))]
        return [replace(term, steps=self._steps(term, table["bands"], at))]

    def _steps(self, term: Term, raw: Any, at: _At) -> tuple[Step, ...]:
        if len(term.any) + len(term.all) != 1 or term.none:
            at.fail(f"'bands' of the term '{term.id}' needs exactly one evidence.", "bands")
        steps = []
        for one in at.tables_of(raw, "bands"):
            at.check(one, words.STEP, "'bands' of a term")
            if "points" not in one:
                at.fail(f"A band of the term '{term.id}' has no points.", "bands", mend="{ below = 50, points = 0 }")
            steps.append(Step(self._interval(one, at, "bands"), at.number(one["points"], "points")))
        if not steps:
            at.fail(f"'bands' of the term '{term.id}' is empty.", "bands")
        self._no_gap([s.interval for s in steps], [at] * len(steps), f"band of the term '{term.id}'", "bands")
        return tuple(steps)

    def _lookup(self, pattern: Term, table: dict[str, Any], at: _At, lookups: dict[str, tuple[str, ...]],
                ) -> list[Term]:
        """One term for each row of a table of weights: the row's key is the category of the code list."""
        lookup = at.table_of(table["lookup"], "lookup")
        at.check(lookup, words.LOOKUP, "'lookup'")
        for key in ("file", "key", "points"):
            at.text(lookup.get(key), f"lookup.{key}")
        if any(not e.codes or e.category for e in pattern.evidence):
            at.fail(f"Every evidence of the term '{pattern.id}' must name a code list and no category.", "lookup",
                    why="the lookup makes one term for each category")
        path = self.folder / lookup["file"]
        if not path.is_file():
            at.fail(f"The table '{lookup['file']}' was not found.", "lookup", why="looked in rules/scores/",
                    mend=_suggest(lookup["file"], [p.name for p in self.folder.glob("*.csv")]))
        data = path.read_bytes()
        self.bytes.append(data)
        reader = csv.DictReader(data.decode("utf-8-sig").splitlines())
        columns = reader.fieldnames or []
        for key in ("key", "points", "title"):
            if key in lookup and lookup[key] not in columns:
                at.fail(f"The table '{lookup['file']}' has no column '{lookup[key]}'.", "lookup",
                        why=f"its columns are: {', '.join(columns)}", mend=_suggest(lookup[key], list(columns)))
        unless = at.table_of(table.get("unless", {}), "unless")
        terms = []
        for line, row in enumerate(reader, 2):
            where = f"rules/scores/{lookup['file']}, line {line}"
            id = (row[lookup["key"]] or "").strip()
            try:
                points = Decimal((row[lookup["points"]] or "").strip())
                if not id or not points.is_finite():
                    raise InvalidOperation
            except InvalidOperation:
                raise DefinitionError("A row of weights has no key or no number.", where=where,
                                      why=f"key '{id}', points '{row[lookup['points']]}'") from None
            others = unless.get(id, [])
            if not isinstance(others, list):
                at.fail(f"'unless' of '{id}' must be a list of term ids.", "unless")
            parts = {name: tuple(replace(e, category=id) for e in getattr(pattern, name))
                     for name in ("any", "all", "none")}
            terms.append(Term(id, row[lookup["title"]] if "title" in lookup else id, points=points,
                              unless=tuple(others), **parts))
        ids = tuple(term.id for term in terms)
        for id in unless:
            if id not in ids:
                at.fail(f"'unless' names '{id}', which is not in '{lookup['file']}'.", "unless", mend=_suggest(id, ids))
        for e in pattern.evidence:
            lookups[e.codes] = ids
        return terms

    def _check_unless(self, terms: list[Term], places: dict[str, _At]) -> None:
        by_id = {term.id: term for term in terms}
        for term in terms:
            for other in term.unless:
                if other not in by_id:
                    places[term.id].fail(f"The term '{term.id}' names '{other}' in 'unless', which is not a term.",
                                         "unless", mend=_suggest(other, list(by_id)))
        done: set[str] = set()

        def walk(id: str, path: tuple[str, ...]) -> None:
            if id in path:
                places[id].fail(f"The terms suppress each other in a circle: {' -> '.join((*path, id))}.", "unless",
                                mend="take one of the 'unless' away")
            if id not in done:
                for other in by_id[id].unless:
                    walk(other, (*path, id))
                done.add(id)

        for id in by_id:
            walk(id, ())

    # Evidence

    def _evidence(self, one: dict[str, Any], at: _At, without_caution: bool) -> Evidence:
        at.check(one, words.EVIDENCE, "evidence")
        source = at.word(one.get("from", "coded"), words.FROM, f"from = '{one.get('from')}'", "from")
        take = one.get("take", "age" if source == "person" else "any")
        base = take.partition(":")[0] if isinstance(take, str) else take
        at.word(take if take in words.TAKE.here + words.TAKE.later else base, words.TAKE, f"take = '{take}'", "take")
        if take not in words.TAKES[source]:
            at.fail(f"take = '{take}' does not go with from = '{source}'.", "take",
                    mend=f"use one of: {', '.join(words.TAKES[source])}")
        codes = at.text(one.get("codes", ""), "codes")
        if not codes and source in ("coded", "value"):
            at.fail("Evidence names no code list.", "any", mend='codes = "family/list"')
        if codes and not re.fullmatch(r"[\w\-]+/[\w\-]+", codes):
            at.fail(f"'{codes}' is not the name of a code list.", "codes", mend='codes = "family/list"')
        only = {"value": ("value",), "unit": ("value",), "stay": ("coded",), "feed": ("coded",),
                "category": ("coded", "issue"), "codes": ("coded", "value", "issue"),
                "within": ("coded", "value", "issue"), "at_least": ("coded", "value", "issue")}
        for key, sources in only.items():
            if key in one and source not in sources:
                at.fail(f"'{key}' does not go with from = '{source}'.", key)
        values = at.tables_of(one.get("value", []), "value")
        for value in values:
            at.check(value, words.VALUE, "'value'")
        if values and take in ("latest", "min", "max"):
            at.fail(f"'value' does not go with take = '{take}' in this version.", "value",
                    mend="let the term's bands judge the value")
        stay = at.table_of(one.get("stay", {}), "stay")
        at.check(stay, words.STAY, "'stay'")
        evidence = Evidence(
            source=source, codes=codes, category=at.text(one.get("category", ""), "category"),
            without_caution=without_caution and source in ("coded", "value"),
            within=self._window(one["within"], at) if "within" in one else None,
            intervals=tuple(self._interval(value, at, "value") for value in values),
            unit=at.text(one.get("unit", ""), "unit"), take=take,
            feed=at.word(one["feed"], words.FEED, f"feed = '{one['feed']}'", "feed") if "feed" in one else "",
            settings=self._one_of(stay.get("setting", []), SETTINGS, "setting", at),
            admissions=self._one_of(stay.get("admission", []), ADMISSIONS, "admission", at),
            at_least=at.whole(one.get("at_least", 1), "at_least", 1))
        return self._counted(evidence, at)

    def _counted(self, evidence: Evidence, at: _At) -> Evidence:
        if evidence.at_least > 1 and evidence.take in ("latest", "min", "max", "age"):
            at.fail(f"'at_least' does not go with take = '{evidence.take}'.", "at_least",
                    why="it is a number of records, not of years or units", mend="use bands")
        return evidence

    def _one_of(self, got: Any, known: tuple[str, ...], key: str, at: _At) -> tuple[str, ...]:
        many = [got] if isinstance(got, str) else got
        if not isinstance(many, list):
            at.fail(f"'{key}' must be a word or a list of words.", "stay")
        for word in many:
            if word not in known or word == "unknown":
                at.fail(f"'{word}' is not a known {key}.", "stay",
                        mend=_suggest(str(word), known[1:]) or f"use one of: {', '.join(known[1:])}")
        return tuple(many)

    def _window(self, got: Any, at: _At) -> Window:
        match = re.fullmatch(r"\s*(\d+)\s*(y|years?|months?|weeks?|d|days?|h|hours?)\s*", at.text(got, "within"))
        if not match or int(match[1]) == 0:
            at.fail(f"'{got}' is not a look-back.", "within", mend='within = "2 years", "12 months" or "90 days"')
        count, unit = int(match[1]), match[2][0]
        if unit == "h":
            at.fail("A look-back in hours is not supported in this version: entries hold days.", "within", mend='within = "1 day"')
        if unit in "wd":
            return Window(got, days=count * (7 if unit == "w" else 1))
        return Window(got, months=count * (12 if unit == "y" else 1))

    # Intervals

    def _interval(self, one: dict[str, Any], at: _At, key: str) -> Interval:
        if ("at_least" in one and "above" in one) or ("below" in one and "at_most" in one):
            at.fail("An interval has two edges on one side.", key, mend="say at_least or above; below or at_most")
        number = {edge: at.number(one[edge], edge) for edge in words.EDGES if edge in one}
        low, high = number.get("at_least", number.get("above")), number.get("below", number.get("at_most"))
        sex = one.get("sex", "")
        if sex and sex not in SEXES:
            at.fail(f"'{sex}' is not a known sex.", key,
                    mend=_suggest(str(sex), SEXES) or f"use one of: {', '.join(SEXES)}")
        if low is not None and high is not None and (
                low > high or (low == high and not ("at_least" in one and "at_most" in one))):
            at.fail(f"The interval from {low} to {high} is empty.", key)
        return Interval(low, "above" in one, high, "below" in one, sex)

    def _band(self, raw: _Raw) -> Band:
        raw.at.check(raw.table, words.BAND, "a band")
        label = raw.at.text(raw.table.get("label", ""), "label")
        if not label:
            raw.at.fail("A band has no label.", mend='label = "..."')
        return Band(label, self._interval(raw.table, raw.at, "label"))

    def _no_gap(self, intervals: list[Interval], places: list[_At], what: str, key: str) -> None:
        """Prove that the intervals, in order, hold every number exactly once."""
        if not intervals:
            return
        if intervals[0].low is not None:
            places[0].fail(f"The first {what} leaves smaller numbers without one.", key or "at_least",
                           mend="give it no lower edge")
        if intervals[-1].high is not None:
            places[-1].fail(f"The last {what} leaves larger numbers without one.", key or "at_most",
                            mend="give it no upper edge")
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

    def _example(self, raw: _Raw, card: Scorecard) -> Example:
        at = raw.at
        at.check(raw.table, words.EXAMPLE, "an example")
        given = at.table_of(raw.table.get("given"), "given")
        expect = at.table_of(raw.table.get("expect"), "expect")
        at.check(given, words.GIVEN, "'given'")
        at.check(expect, words.EXPECT, "'expect'")
        ids = [term.id for term in card.terms]
        for key, table in (("given", given), ("expect", expect)):
            for id in table.get("terms", []):
                if id not in ids:
                    at.fail(f"The example names the term '{id}', which does not exist.", key, mend=_suggest(id, ids))
        if "band" in expect and expect["band"] not in [b.label for b in card.bands] + [""]:
            at.fail(f"The example expects the band '{expect['band']}', which does not exist.", "expect")
        return Example(given, expect, at.text(raw.table.get("title", ""), "title"), at.file.where("example", at.nth))
