"""Features in the language of scorecards, made from the code lists at hand, and their numbers from the scoring engine.

Each feature is a term of a scorecard that exists only in memory; its points are the measure itself. So a model can only rest on
what a scorecard can say, and what it learns is read back by the same kernels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import DefinitionError, FrailtyError
from frailty.knowledge import rules_dir
from frailty.records.arrays import SEXES, Float64, Int32, Int64
from frailty.risk.cohort import PERIODS, Cohort, known_by, outcomes, years_on
from frailty.risk.dataset import Column, Dataset
from frailty.risk.settings import Signed, check_inputs, load_settings
from frailty.risk.sources import Records
from frailty.terminology import list_codelists, load_codelist, load_quantities

if TYPE_CHECKING:
    from frailty.scoring.definitions import Scorecard
    from frailty.scoring.plan import Plan
    from frailty.terminology import Codelist

BLOCK = 16_384              # rows that are evaluated at a time
CARE_HOME = Column("care_home_residence", "Lives in a care home (coded)", "flag", 0,
                   {"any": [{"codes": "care/residence", "category": "present"}]})


def generate(rules: Path | None = None) -> tuple[Column, ...]:
    """All features that rules/risk.toml and the code lists make: conditions, counts, measurements, age, sex, deprivation."""
    said, lists = load_settings(rules), list_codelists(rules)
    titles = _titles(lists, rules)
    return (*_persons(), *(column for one in said["features"] for column in _conditions(one, titles, rules)),
             *(column for one in said["count"] for column in _counts(one)), *_measured(said["measured"], rules))


def _persons() -> Iterator[Column]:
    yield Column("age", "Age", "number", 1, {"any": [{"from": "person", "take": "age"}]})
    yield Column("imd_quintile", "Deprivation quintile (1 = most deprived)", "number", -1,
                 {"any": [{"from": "person", "take": "input:imd_quintile", "round_to": 1}]})
    # A person's sex is asked for as an age that only they have.
    yield Column("sex_male", "Male", "flag", 0, {"any": [{"from": "person", "value": [{"at_least": 0, "sex": "male"}]}]})


def _conditions(one: dict[str, Any], titles: dict[str, str], rules: Path | None) -> Iterator[Column]:
    names = [one["codes"]] if "codes" in one else [name for name in titles if name.split("/")[0] == one["family"]]
    for name in names:
        codelist = load_codelist(name, rules)
        if not codelist.entries or name in one.get("but_for", ()):
            continue
        categories = codelist.categories() if one.get("by_category") else (one.get("category", ""),)
        if not categories[0] and "exclude" in codelist.categories():
            categories = ("present",)
        for category in categories:
            for within in one["within"]:
                evidence = {key: value for key, value in (
                    ("from", one.get("from", "")), ("codes", name), ("category", category), ("within", within)) if value}
                what = _of_category(codelist, category) if one.get("by_category") else titles[name]
                yield Column(_id(name, category, within), f"{what}{_when(within)}", "flag", int(one["direction"]),
                             {"any": [evidence]})


def _of_category(codelist: Codelist, category: str) -> str:
    """What its codes are called, where they have one name; else the category."""
    terms = {entry.term for entry in codelist.entries if entry.category == category}
    named = len(terms) == 1 and terms != {""}
    return terms.pop().strip('"') if named else category.replace("_", " ").replace("-", " ").capitalize()


def _counts(one: dict[str, Any]) -> Iterator[Column]:
    for within in one["within"]:
        yield Column(_id(one["id"], within), f"{one['title']}{_when(within)}", "count", int(one["direction"]),
                     {"any": [{"take": "records", **one["evidence"], "within": within}]})


def _measured(said: dict[str, Any], rules: Path | None) -> Iterator[Column]:
    for quantity in load_quantities(rules):
        out = any(quantity.name.startswith(start) for start in said["but_for"])
        if out or "=" in quantity.name or not load_codelist(quantity.codes, rules).entries:
            continue
        step, title = _step(quantity.plausible_max - quantity.plausible_min), quantity.name.replace("_", " ")
        value = {"from": "value", "codes": quantity.codes}
        yield Column(_id(quantity.name, "latest"), f"Latest {title}, {quantity.unit or 'score'}", "number", 0,
                     {"any": [{**value, "take": "latest", "within": said["within"], "round_to": step}]})
        yield Column(_id(quantity.name, "change"), f"Change of {title} against the person's own baseline", "number", 0,
                     {"any": [{**value, "take": "change", "within": said["change_within"], "at_least": said["change_at_least"],
                               "round_to": step}]})
        yield Column(_id(quantity.name, "days"), f"Days on which {title} was measured{_when(said['days_within'])}", "count", 0,
                     {"any": [{**value, "take": "days", "within": said["days_within"]}]})


def _step(span: float) -> int | Decimal:
    """A step that cuts the plausible range into hundreds."""
    return 1 if span >= 60 else Decimal("0.1") if span >= 6 else Decimal("0.01")


def _id(*parts: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", "_".join(part for part in parts if part).lower()).strip("_")


def _when(within: str) -> str:
    return f", within {within}" if within else ""


def _titles(names: Sequence[str], rules: Path | None) -> dict[str, str]:
    """name -> its title; where all lists of a family share one, the name of the list."""
    said = {name: str(load_codelist(name, rules).source.get("title", "")) for name in names}
    shared = {family for family in {name.split("/")[0] for name in names}
              if len({title for name, title in said.items() if name.startswith(f"{family}/")}) == 1}
    return {name: name.split("/")[1].replace("_", " ").replace("-", " ").capitalize()
            if name.split("/")[0] in shared or not title else title for name, title in said.items()}


# ---- numbers

def card_of(columns: Sequence[Column], rules: Path | None = None) -> Scorecard:
    """A scorecard in memory: a term for each feature, whose points are the measure."""
    from frailty.scoring.definitions import Scorecard
    from frailty.scoring.load_terms import TermReader
    from frailty.scoring.reading import At, File, Raw
    reader = TermReader((rules or rules_dir()) / "scores", {}, False, False, False)
    at = At(File("features", ""))
    terms = []
    for column in columns:
        table: dict[str, Any] = {"id": column.id, "title": column.title, **column.term}
        if column.kind == "flag":
            table["points"] = 1
        else:
            table["points_per"] = {"each": 1}
        if column.kind == "number":
            table["missing"] = {"points": 1}
        try:
            terms += reader.terms(Raw(table, at))
        except DefinitionError as error:
            raise DefinitionError(f"The feature '{column.id}' cannot be evaluated.", why=error.what, mend=error.mend) from None
    return Scorecard(id="features", title="Features", version="", licence="", source={}, terms=tuple(terms))


def matrix(records: Records, columns: Sequence[Column], person: Int64, as_of: Int32, scores: Sequence[str] = (), *,
           threads: int | None = None, truncated: bool = False) -> tuple[NDArray[np.float32], dict[str, Float64]]:
    """[rows, features] the numbers of features of a person on a day, nan where not known; and the values of published scores.

    truncated: from records that were cut off at the day beforehand; it makes no difference, as `prove_times` shows.
    """
    from frailty.scoring import evaluate, load_scorecard
    plans = _plans(records, [card_of(columns, records.rules)] if columns else [])
    published = _plans(records, [load_scorecard(one, records.rules) for one in scores])
    x = np.zeros((len(person), len(columns)), np.float32)
    given = {one: np.full(len(person), np.nan) for one in scores}
    order = np.argsort(person, kind="stable")
    for low in range(0, len(person), BLOCK):
        rows = order[low:low + BLOCK]
        arrays = records.arrays((*plans, *published), person[rows])
        arrays = known_by(arrays, as_of[rows]) if truncated else arrays
        for plan in plans:
            _fill(x, rows, plan, evaluate(plan, arrays, as_of[rows], threads=threads).contributions, columns)
        for plan in published:
            found = evaluate(plan, arrays, as_of[rows], threads=threads)
            for one in scores:
                given[one][rows] = found[one].value
    return x, given


def values(records: Records, cards: Sequence[Scorecard], person: Int64, as_of: Int32) -> dict[str, Float64]:
    """id -> [rows] the values of scorecards of a person on a day; nan where the status is not ok."""
    from frailty.scoring import evaluate
    plans = _plans(records, cards)
    found = {card.id: np.full(len(person), np.nan) for card in cards}
    order = np.argsort(person, kind="stable")
    for low in range(0, len(person), BLOCK):
        rows = order[low:low + BLOCK]
        arrays = records.arrays(plans, person[rows])
        for plan in plans:
            scores = evaluate(plan, arrays, as_of[rows])
            for card in cards:
                found[card.id][rows] = scores[card.id].value
    return found


def _plans(records: Records, cards: Sequence[Scorecard]) -> list[Plan]:
    from frailty.scoring import compile_plan
    return [compile_plan(cards, records.systems, records.codes, records.rules, ladder=records.ladder)] if cards else []


def _fill(x: NDArray[np.float32], rows: NDArray[np.intp], plan: Plan, found: Any, columns: Sequence[Column]) -> None:
    place = {column.id: n for n, column in enumerate(columns)}
    unknown = {f"{column.id}_missing": n for n, column in enumerate(columns) if column.kind == "number"}
    of = np.array([place.get(name, unknown.get(name, -1)) for name in plan.term_names], np.int64)
    lacks = np.array([name in unknown and name not in place for name in plan.term_names], np.bool_)
    value = np.where(lacks[found.term], np.nan, found.points / 10**plan.scorecards[0].scale)
    keep = of[found.term] >= 0
    x[rows[found.person[keep]], of[found.term[keep]]] = value[keep]


def dataset(records: Records, cohort: Cohort, columns: Sequence[Column], horizon: int, *, outcome: str = "emergency_admission",
            scores: Sequence[str] | None = None, signed: Signed | None = None, least: int = 1
            ) -> Dataset:
    """The rows of a cohort with their features, outcomes and groups.

    scores: published scores to compare with (default: those of rules/risk.toml). signed: lets inputs in that are refused otherwise.
    least: features that are neither known nor above zero in so many rows of the training period are left out.
    """
    check_inputs(columns, signed, records.rules)
    said = load_settings(records.rules)["cohort"]
    y, days, ended = outcomes(records, cohort, horizon, outcome)
    every = [*columns] if any(one.id == CARE_HOME.id for one in columns) else [*columns, CARE_HOME]
    x, given = matrix(records, every, cohort.person, cohort.as_of, tuple(said["compare"]) if scores is None else scores)
    home = x[:, [one.id for one in every].index(CARE_HOME.id)] > 0
    train = x[cohort.rows("train")] if len(cohort.rows("train")) else x
    used = np.flatnonzero(((train != 0) & ~np.isnan(train)).sum(axis=0)[:len(columns)] >= least)
    base = records.base
    age = years_on(base.birth[cohort.person], cohort.as_of)
    bands = [0, *(int(one) for one in said["age_bands"])]
    names = np.array([f"{low}-{high - 1}" for low, high in pairwise(bands)] + [f"{bands[-1]}+"])
    groups = {"age": names[np.searchsorted(bands, age, side="right") - 1], "sex": np.array(SEXES)[base.sex[cohort.person]],
              "care_home": np.where(home, "care home", "elsewhere"),
              **{name: one[cohort.person] for name, one in records.groups.items()}}
    given |= {name: one[cohort.person] for name, one in records.given.items() if horizon == 365}
    return Dataset(
        x=np.ascontiguousarray(x[:, used]), columns=tuple(columns[n] for n in used.tolist()), y=y, days=days, ended=ended,
        person=cohort.person, as_of=cohort.as_of, horizon=horizon, groups=groups, given=given)


def split(data: Dataset, cohort: Cohort) -> tuple[Dataset, Dataset, Dataset]:
    """The rows of training, calibration and test."""
    one, two, three = (data.take(cohort.rows(name)) for name in PERIODS)
    return one, two, three


def prove_times(records: Records, data: Dataset, *, rows: int = 2_000) -> int:
    """Evaluates some rows again on records that were cut off at their day; the number of rows that were compared.

    Raises FrailtyError where a feature is another then: it knew what happened, or became known, only after the snapshot.
    """
    some = np.sort(np.random.default_rng(1).permutation(len(data))[:rows])
    # Rows with an outcome have something to leak.
    some = np.union1d(some, np.flatnonzero(data.y == 1)[:rows])
    again, _ = matrix(records, data.columns, data.person[some], data.as_of[some], truncated=True)
    differ = ~np.isclose(again, data.x[some], rtol=1e-5, equal_nan=True)
    if differ.any():
        worst = int(np.argmax(differ.sum(axis=0)))
        raise FrailtyError(f"The feature '{data.columns[worst].id}' knows more than was recorded on the day of the snapshot.",
                           why=f"with later records cut off it is another in {int(differ[:, worst].sum()):,} of {len(some):,} rows",
                           mend="take features from `features.matrix` on the day itself; nothing of the outcome's time may go in")
    return len(some)

