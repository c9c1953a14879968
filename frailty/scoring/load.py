"""Reading a scorecard: TOML -> validated dataclasses. Every refusal says where, why and how to mend it."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from frailty.errors import DefinitionError, nearest
from frailty.knowledge import models_dir, rules_dir
from frailty.scoring import words
from frailty.scoring.definitions import Band, Example, Group, Link, Scorecard, Term, Window
from frailty.scoring.load_terms import TermReader, interval, missing_of, no_gap, steps_of, window
from frailty.scoring.reading import At, File, Raw

_VARIANT = re.compile(r"^\[\[variant\]\]\s*(?:#.*)?\n(?:(?!\[).*\n)*?id\s*=\s*\"([^\"]*)\"", re.MULTILINE)
_ONLY = re.compile(r"^variants_only\s*=\s*true", re.MULTILINE)
KINDS = ("term", "group", "band", "example")
MODEL_FILE = "scorecard.toml"
RESERVED = ("intercept", "floor", "substances_unknown")


def scorecard_ids(rules: Path | None = None) -> list[str]:
    """The ids of the scorecards under rules/scores/ and of their variants, in alphabetical order."""
    found: list[str] = []
    for path in ((rules or rules_dir()) / "scores").glob("*.toml"):
        text = path.read_text("utf-8", "replace")
        found += [] if _ONLY.search(text) else [path.stem]
        found += [f"{path.stem}_{variant}" for variant in _VARIANT.findall(text)]
    return sorted(found)


def model_ids(rules: Path | None = None) -> list[str]:
    """The ids of the published models, the site's own among them. They are scores too, and are only ever asked for by name."""
    return sorted({path.parent.name for folder in _model_folders(rules or rules_dir()) for path in folder.glob(f"*/{MODEL_FILE}")})


def path_of(name: str, folder: Path) -> Path:
    """The file of a scorecard (which may not exist): in `folder`, that of scores, or that of a published model."""
    own = folder / f"{name}.toml"
    found = [one for models in _model_folders(folder.parent) if (one := models / name / MODEL_FILE).is_file()]
    return found[0] if found and not own.is_file() else own


def _model_folders(rules: Path) -> list[Path]:
    return [rules / "models", models_dir()]


def load_scorecard(id: str, rules: Path | None = None) -> Scorecard:
    """The scorecard `rules/scores/<id>.toml`, a variant in such a file, or a published model, proven well formed.

    Read once per process, and again when any of these files changes.
    """
    return load_scorecards((id,), rules)[0]


def load_scorecards(ids: Iterable[str], rules: Path | None = None) -> list[Scorecard]:
    """Several scorecards; whether their files changed is looked up once for all."""
    folder = (rules or rules_dir()) / "scores"
    places = [folder, *(one for models in _model_folders(folder.parent) for one in models.glob("*/"))]
    stamp = frozenset((one.path, one.stat().st_mtime_ns) for place in places if place.is_dir() for one in os.scandir(place))
    return [_load(id, rules, folder, stamp) for id in ids]


@lru_cache(maxsize=256)
def _load(id: str, rules: Path | None, folder: Path, stamp: frozenset[tuple[str, int]]) -> Scorecard:
    file = file_of(id, folder)
    if not file or (file == id and _ONLY.search(path_of(id, folder).read_text("utf-8", "replace"))):
        known = scorecard_ids(rules)
        raise DefinitionError(f"There is no score '{id}'.", where="rules/scores/",
                              why="the file holds only variants" if file else "",
                              mend=nearest(id, known) or f"the scores are: {', '.join(known) or '(none)'}")
    return _Reader(folder).read(id, file)


def input_names(rules: Path | None = None) -> dict[str, list[str]]:
    """What a site may supply per person: the name of each input, and the scores that read it."""
    found: dict[str, list[str]] = {}
    for card in load_scorecards((*scorecard_ids(rules), *model_ids(rules)), rules):
        for name in sorted({e.take[6:] for e in card.evidence if e.take.startswith("input:")}):
            found.setdefault(name, []).append(card.id)
    return found


def file_of(id: str, folder: Path) -> str:
    """The name of the file that defines a score: its own, or that of which it is a variant; '' = none."""
    if path_of(id, folder).is_file():
        return id
    parts = id.split("_")
    for n in range(len(parts) - 1, 0, -1):
        base, variant = "_".join(parts[:n]), "_".join(parts[n:])
        path = folder / f"{base}.toml"
        if path.is_file() and variant in _VARIANT.findall(path.read_text("utf-8", "replace")):
            return base
    return ""


@dataclass
class _Layers:
    """A definition as read: its own words over those of the base."""

    top: dict[str, Any]
    at: At
    tables: dict[str, list[Raw]]


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bytes: list[bytes] = []

    def read(self, id: str, file: str) -> Scorecard:
        layers = self._merged(file, ())
        if file != id:
            layers = self._variant(layers, id, id[len(file) + 1:])
        card = self._scorecard(layers)
        digest = hashlib.sha256(b"" if file == id else id.encode())
        for part in self.bytes:
            digest.update(hashlib.sha256(part).digest())
        return replace(card, sha256=digest.hexdigest(), file=layers.at.file.name)

    def _merged(self, id: str, seen: tuple[str, ...]) -> _Layers:
        """The file's own words laid over those of the score it is based on."""
        path = path_of(id, self.folder)
        data = path.read_bytes()
        self.bytes.append(data)
        name = f"models/{id}/{MODEL_FILE}" if path.name == MODEL_FILE else f"rules/scores/{id}.toml"
        file = File(name, data.decode("utf-8", "replace"))
        at = At(file)
        try:
            top: dict[str, Any] = tomllib.loads(data.decode("utf-8"), parse_float=Decimal)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, InvalidOperation) as error:
            line = re.search(r"at line (\d+)", str(error))
            raise DefinitionError(f"The scorecard '{id}' is not valid TOML.", why=str(error),
                                  where=file.name + (f", line {line[1]}" if line else "")) from None
        at.check(top, words.SCORE, "a scorecard")
        if top.get("id") != id:
            at.fail(f"The id '{top.get('id', '')}' differs from the name of the file.", "id", mend=f'id = "{id}"')
        own = _own_tables(top, at)
        if "based_on" not in top:
            return _Layers(top, at, {kind: own.get(kind, []) for kind in KINDS})

        base = at.text(top["based_on"], "based_on")
        if "title" not in top:
            at.fail(f"'{id}' is based on '{base}' and has no title of its own.", "based_on", mend='title = "..."')
        if base in (*seen, id):
            at.fail(f"'{id}' is based on itself.", "based_on", why=" -> ".join((*seen, id, base)))
        source = file_of(base, self.folder)
        if not source:
            at.fail(f"'{id}' is based on '{base}', which does not exist.", "based_on",
                    mend=nearest(base, scorecard_ids(self.folder.parent)))
        below = self._merged(source, (*seen, id))
        if source != base:
            below = self._variant(below, base, base[len(source) + 1:])
        below.top.pop("variants_only", None)
        below.top.pop("variant", None)
        return _laid_over(below, _Layers(top, at, own))

    def _variant(self, whole: _Layers, id: str, name: str) -> _Layers:
        """A variant's words laid over those of its file."""
        terms_before = 0
        for n, table in enumerate(whole.at.tables_of(whole.top["variant"], "variant")):
            at = At(whole.at.file, "variant", n)
            at.check(table, words.VARIANT, "a variant")
            if table.get("id") == name:
                if "title" not in table:
                    at.fail(f"The variant '{name}' has no title of its own.", "id", mend='title = "..."')
                top = {**table, "id": id}
                own = _own_tables(top, at, "variant.", terms_before)
                return _laid_over(whole, _Layers(top, at, own))
            terms_before += len(table.get("term", []))
        raise AssertionError(name)      # file_of found it

    def _scorecard(self, layers: _Layers) -> Scorecard:
        top, at, tables = layers.top, layers.at, layers.tables
        for key in ("id", "title", "version", "licence", *({"restricted"} & top.keys())):
            if not at.text(top.get(key, ""), key).strip():
                at.fail(f"The scorecard says no '{key}'.", mend=f'{key} = "..."')
        source = at.table_of(top.get("source", {}), "source")
        if not source.get("citation"):
            at.fail("The scorecard names no publication.", "source", mend='source = { citation = "...", doi = "..." }')
        available = "status" not in top
        lacks = at.texts(top.get("missing", []), "missing")
        if not available:
            at.word(top["status"], words.STATUS, f"status = '{top['status']}'", "status")
        if available == bool(lacks):
            at.fail("'status' and 'missing' belong together.", "missing" if lacks else "status",
                    mend='status = "not_available"\nmissing = ["..."]')
        if not tables["term"] and available:
            at.fail("The scorecard has no term.", mend="add a [[term]]")
        population = at.table_of(top.get("population", {}), "population")
        at.check(population, words.POPULATION, "'population'")
        needs = at.texts(top.get("needs", []), "needs")
        for need in needs:
            at.word(need, words.NEEDS, f"'{need}' in 'needs'", "needs")
        unmapped = at.table_of(top.get("unmapped", {}), "unmapped")
        at.check(unmapped, words.UNMAPPED, "'unmapped'")
        indexed, index_within = self._index(top, at)
        set_within = None
        if "set" in top:
            at.check(at.table_of(top["set"], "set"), words.SET, "'set'")
            set_within = window(top["set"].get("within"), at)

        named = at.table_of(top.get("evidence", {}), "evidence")
        reader = TermReader(self.folder, named, at.truth(top.get("without_caution", False), "without_caution"), indexed,
                            set_within is not None)
        terms: list[Term] = []
        places: dict[str, At] = {}
        for raw in tables["term"]:
            for term in reader.terms(raw):
                if term.id in places or term.id in RESERVED:
                    raw.at.fail(f"The term '{term.id}' is defined twice." if term.id in places else
                                f"A term cannot be called '{term.id}'.", "id", mend="give each term its own id")
                terms.append(term)
                places[term.id] = raw.at
        self.bytes += reader.bytes
        _check_unless(terms, places)
        groups = _groups(tables["group"], terms)
        link = _link(top.get("link", "identity"), at)
        card = Scorecard(
            id=top["id"], title=top["title"], version=top["version"], licence=top["licence"], source=source,
            terms=tuple(terms), groups=groups, bands=_bands(tables["band"], link), link=link,
            floor=at.number(top["floor"], "floor") if "floor" in top else None,
            age_at_least=at.whole(population["age_at_least"], "age_at_least") if "age_at_least" in population else None,
            age_below=at.whole(population["age_below"], "age_below", 1) if "age_below" in population else None,
            needs=needs, index=indexed, index_within=index_within, set_within=set_within, available=available, lacks=lacks,
            codes_from_site=at.texts(top.get("codes_from_site", []), "codes_from_site"),
            unmapped=at.number(unmapped["each"], "unmapped") if unmapped else None,
            verified=at.text(top.get("verified", ""), "verified"), notes=at.texts(top.get("notes", []), "notes"),
            based_on=top.get("based_on", ""), default=at.truth(top.get("default", True), "default"),
            restricted=top.get("restricted", ""), short=at.text(top.get("short", ""), "short"),
            confirmed_by=at.text(top.get("confirmed_by", ""), "confirmed_by"), lookups=reader.lookups)
        _check_needs(card, at)
        return replace(card, examples=tuple(_example(raw, card) for raw in tables["example"]))

    def _index(self, top: dict[str, Any], at: At) -> tuple[bool, Window | None]:
        got = top.get("index")
        if got is None:
            return False, None
        table = {"at": got} if isinstance(got, str) else at.table_of(got, "index")
        at.check(table, words.INDEX, "'index'")
        at.word(table.get("at"), words.INDEX_AT, f"index = '{table.get('at')}'", "index")
        return True, window(table["within"], at) if "within" in table else None


def _own_tables(top: dict[str, Any], at: At, prefix: str = "", skip: int = 0) -> dict[str, list[Raw]]:
    """The [[term]]s and so on that a file or variant has itself."""
    return {kind: [Raw(table, At(at.file, prefix + kind, n + (skip if kind == "term" else 0)))
                   for n, table in enumerate(at.tables_of(top.pop(kind), kind))] for kind in KINDS if kind in top}


def _laid_over(below: _Layers, own: _Layers) -> _Layers:
    """Terms and groups of the same id are laid over each other; bands are replaced; examples are not inherited."""
    tables: dict[str, list[Raw]] = {}
    for kind in ("term", "group"):
        merged = list(below.tables[kind])
        by_id = {raw.table.get("id"): n for n, raw in enumerate(merged)}
        for raw in own.tables.get(kind, []):
            n = by_id.get(raw.table.get("id"))
            if n is None:
                merged.append(raw)
            else:
                merged[n] = Raw(_without_other_points(merged[n].table, raw.table), raw.at)
        tables[kind] = merged
    tables["band"] = own.tables.get("band", below.tables["band"])
    tables["example"] = own.tables.get("example", [])
    top = {**below.top, "short": "", **own.top}         # a short name is not inherited
    if "evidence" in below.top and "evidence" in own.top:
        top["evidence"] = {**below.top["evidence"], **own.top["evidence"]}
    return _Layers(top, own.at, tables)


def _without_other_points(below: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """New points of any kind take the place of the old ones."""
    kinds = ("points", "bands", "points_per", "lookup")
    drop = kinds if any(kind in own for kind in kinds) else ()
    return {**{key: value for key, value in below.items() if key not in drop}, **own}


def _link(link: Any, at: At) -> Link:
    if isinstance(link, str):
        at.word(link, words.LINK_NAMES, f"The link '{link}'", "link")
        return Link()
    at.check(at.table_of(link, "link"), words.LINK, "'link'")
    kinds = [key for key in ("divide_by", "logistic", "survival") if key in link]
    if len(kinds) != 1:
        at.fail("The link is not clear.", "link", mend="say one of divide_by, logistic and survival")
    kind = kinds[0]
    if kind == "divide_by" and link["divide_by"] == "assessed":
        share = at.number(link.get("minimum_share"), "minimum_share")
        if not 0 < share <= 1:
            at.fail("'minimum_share' must be above 0 and at most 1.", "minimum_share", why=f"it is {share}")
        return Link("assessed", minimum_share=Fraction(share))
    if "minimum_share" in link:
        at.fail("'minimum_share' goes only with divide_by = \"assessed\".", "minimum_share")
    if kind == "divide_by":
        by = Fraction(at.number(link["divide_by"], "link"))
        if by <= 0:
            at.fail("'divide_by' must be above zero.", "link", why=f"it is {by}")
        return Link("divide_by", divide_by=by)
    table = at.table_of(link[kind], kind)
    if kind == "logistic":
        at.check(table, words.LOGISTIC, "'logistic'")
        return Link("logistic", intercept=at.number(table.get("intercept"), "intercept"))
    at.check(table, words.SURVIVAL, "'survival'")
    baseline = at.number(table.get("baseline"), "baseline")
    if not 0 < baseline < 1:
        at.fail("'baseline' must be a share of survivors between 0 and 1.", "baseline", why=f"it is {baseline}")
    return Link("survival", baseline=baseline, mean=at.number(table.get("mean", 0), "mean"),
                horizon=window(table.get("horizon"), at).text)


def _check_unless(terms: list[Term], places: dict[str, At]) -> None:
    by_id = {term.id: term for term in terms}
    for term in terms:
        for other in term.unless:
            if other not in by_id:
                places[term.id].fail(f"The term '{term.id}' names '{other}' in 'unless', which is not a term.",
                                     "unless", mend=nearest(other, list(by_id)))
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


def _groups(raws: list[Raw], terms: list[Term]) -> tuple[Group, ...]:
    by_id = {term.id: term for term in terms}
    groups: list[Group] = []
    taken: dict[str, str] = {}
    for raw in raws:
        table, at = raw.table, raw.at
        at.check(table, words.GROUP, "a group")
        id = at.text(table.get("id", ""), "id")
        if not id or id in by_id or id in taken or id in RESERVED or id in [g.id for g in groups]:
            at.fail("A group needs an id that no term and no other group has.", "id", why=f"it is '{id}'", mend='id = "..."')
        choose = at.word(table.get("choose"), words.CHOOSE, f"choose = '{table.get('choose')}'", "choose")
        names = at.texts(table.get("terms", []), "terms")
        for name in names:
            if name not in by_id:
                at.fail(f"The group '{id}' names '{name}', which is not a term.", "terms", mend=nearest(name, list(by_id)))
            if name in taken or names.count(name) > 1:
                at.fail(f"The term '{name}' is in more than one place of the groups.", "terms")
            if by_id[name].missing != "absent":
                at.fail(f"The term '{name}' of a group has its own 'missing'.", "terms", mend="say it in the group")
            if choose == "worst" and (by_id[name].steps or by_id[name].per or by_id[name].choices):
                at.fail(f"The term '{name}' has no fixed points, so the worst cannot be told.", "terms",
                        mend='make a term of each band, or choose = "first"')
            if choose == "latest" and (by_id[name].unless or any(e.source == "person" for e in by_id[name].evidence)):
                at.fail(f"The term '{name}' cannot be in a group that chooses the latest.", "terms",
                        why="it has 'unless', or evidence without a date")
        taken |= dict.fromkeys(names, id)
        if len(names) < (1 if choose == "sum" else 2):
            at.fail(f"The group '{id}' has too few terms.", "terms", mend='terms = ["...", "..."]')
        if ("bands" in table) != (choose == "sum"):
            at.fail(f"'bands' of the group '{id}' and choose = \"sum\" belong together.", "choose",
                    mend="bands = [ { below = ..., points = ... }, ... ]")
        missing = missing_of(table.get("missing", "absent"), f"the group '{id}'", at)
        if choose == "sum" and missing != "absent":
            at.fail(f"'missing' does not go with the sum of the group '{id}'.", "missing")
        groups.append(Group(id, at.text(table.get("title", id), "title"), choose, names,
                            steps_of(table["bands"], f"the group '{id}'", at) if "bands" in table else (), missing))
    return tuple(groups)


def _bands(raws: list[Raw], link: Link) -> tuple[Band, ...]:
    bands: list[Band] = []
    for raw in raws:
        raw.at.check(raw.table, words.BAND, "a band")
        label = raw.at.text(raw.table.get("label", ""), "label")
        if not label:
            raw.at.fail("A band has no label.", mend='label = "..."')
        if label in [band.label for band in bands]:
            raw.at.fail(f"Two bands are called '{label}'.", "label")
        edges = interval(raw.table, raw.at, "label")
        any_term = raw.at.number(raw.table["any_term"], "any_term") if "any_term" in raw.table else None
        if any_term is not None and (edges.low is not None or edges.high is not None):
            raw.at.fail(f"The band '{label}' has edges and 'any_term'.", "any_term", mend="write two bands")
        if any_term is not None and not bands:
            raw.at.fail("The first band is for any value, so it cannot be one of 'any_term'.", "any_term",
                        mend="write it after the band that it takes people from")
        bands.append(Band(label, edges, any_term))
    by_value = [(band.interval, raw.at) for band, raw in zip(bands, raws, strict=True) if band.any_term is None]
    no_gap([one for one, _ in by_value], [at for _, at in by_value], "band", "")
    return tuple(bands)


def _check_needs(card: Scorecard, at: At) -> None:
    fed = any(e.feed for e in card.evidence)
    if "hospital" in card.needs and card.available and not fed and not card.index:
        at.fail("The scorecard needs a hospital feed, but none of its evidence says which part.", "needs",
                mend='add feed = "hospital" to the evidence that the feed answers')
    if "hospital" not in card.needs and (fed or card.index or any(e.source == "stay" for e in card.evidence)):
        at.fail("Evidence comes from a hospital feed that the scorecard does not need.", "needs",
                mend='add needs = ["hospital"]')
    medicines = [e for e in card.evidence if e.source == "issue"]
    for need in ("substances", "bnf"):
        if need in card.needs and card.available and not medicines:
            at.fail(f"The scorecard needs '{need}', but it has no evidence of medicines.", "needs")
    if card.unmapped is not None and ("substances" not in card.needs or card.unmapped <= 0 or card.link.kind != "identity"):
        at.fail("'unmapped' says how many points a medicine of unknown substance could add to a sum.", "unmapped",
                mend='needs = ["substances"] and unmapped = { each = 3 }, without a link')
    if card.set_within and not any(e.take == "set" for e in card.evidence):
        at.fail("The scorecard has a set, but no evidence of it.", "set", mend='add take = "set" to the evidence')
    ids = [one.id for one in card.parts]
    for one in card.parts:
        if one.missing != "absent" and f"{one.id}_missing" in ids:
            at.fail(f"A term cannot be called '{one.id}_missing'.", why="the points for what is missing have this name")
    unknown = [name for name in card.codes_from_site if name not in card.codelists]
    if unknown:
        at.fail(f"'codes_from_site' names '{unknown[0]}', which no evidence names.", "codes_from_site",
                mend=nearest(unknown[0], card.codelists))


def _example(raw: Raw, card: Scorecard) -> Example:
    at = raw.at
    at.check(raw.table, words.EXAMPLE, "an example")
    given = at.table_of(raw.table.get("given"), "given")
    expect = at.table_of(raw.table.get("expect"), "expect")
    at.check(given, words.GIVEN, "'given'")
    at.check(expect, words.EXPECT, "'expect'")
    ids = [term.id for term in card.terms]
    extra = [*RESERVED, *(group.id for group in card.groups), *(f"{one.id}_missing" for one in card.parts)]
    for key, table in (("given", given), ("expect", expect)):
        for id in table.get("terms", []):
            if id not in ids and not (key == "expect" and id in extra):
                at.fail(f"The example names the term '{id}', which does not exist.", key, mend=nearest(id, ids))
    if "band" in expect and expect["band"] not in [b.label for b in card.bands] + [""]:
        at.fail(f"The example expects the band '{expect['band']}', which does not exist.", "expect")
    return Example(given, expect, at.text(raw.table.get("title", ""), "title"), at.file.where("example", at.nth))
