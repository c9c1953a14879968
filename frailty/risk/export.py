"""What was learned, in the words of the scorecard language (docs/scorecards.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import FrailtyError
from frailty.risk.dataset import Column
from frailty.risk.fitting import Pair, Step
from frailty.scoring.definitions import COUNTS

PARTS = ("any", "all", "none")
Parts = dict[str, list[dict[str, Any]]]
Cuts = Sequence[NDArray[np.float32]]


def number(one: np.float32) -> int | Decimal:
    """A cut point as it is written: the shortest decimal that is this number."""
    return int(one) if float(one).is_integer() else Decimal(str(one))


def term(column: Column, cuts: NDArray[np.float32], points: Sequence[Decimal]) -> dict[str, Any]:
    """The [[term]] of a feature. points: of its bins, the last of what is not known."""
    *of_bins, missing = points
    made = {"id": column.id, "title": column.title, **column.term}
    if column.kind == "flag":
        made["points"] = of_bins[1]
    else:
        bands: list[dict[str, Any]] = [{"points": of_bins[0]}]
        for cut, here in zip(cuts, of_bins[1:], strict=True):
            if here != bands[-1]["points"]:
                bands[-1] = {**bands[-1], "below": number(cut)}
                bands.append({"at_least": number(cut), "points": here})
        made["bands"] = [{key: band[key] for key in ("at_least", "below", "points") if key in band} for band in bands]
    if missing:
        if not any(one.get("from") in ("value", "answer", "person") for part in PARTS for one in made.get(part, [])):
            raise FrailtyError(f"The feature '{column.id}' was not known in some rows, but records cannot say so of it.",
                               why="what is counted and not recorded is absent", mend="give 0 where nothing is recorded")
        made["missing"] = {"points": missing}
    return made


def step_parts(column: Column, cuts: NDArray[np.float32], step: Step) -> Parts | None:
    """The evidence that a step holds; None where the language has no words for it."""
    parts: Parts = {part: [dict(one) for one in column.term.get(part, [])] for part in PARTS}
    if "at_least" in column.term:
        parts["any"][0]["at_least"] = column.term["at_least"]
    if column.kind == "flag":
        return parts if step.up else None
    if len(parts["any"]) > 1:
        return None
    measured = (parts["any"] + parts["all"])[0]
    if measured.get("take", "age" if measured.get("from") == "person" else "any") in COUNTS:
        if not step.up:
            return None
        measured["at_least"] = int(np.ceil(cuts[step.k - 1]))
    elif "value" in measured or measured.get("from") == "stay":
        return None
    else:
        measured["value"] = [{"at_least" if step.up else "below": number(cuts[step.k - 1])}]
    return parts


def pair_parts(columns: Sequence[Column], cuts: Cuts, pair: Pair) -> Parts | None:
    """The evidence of a pair; None where the language has no words for it."""
    one, two = (step_parts(columns[step.feature], cuts[step.feature], step) for step in (pair.one, pair.two))
    if one is None or two is None:
        return None
    if not pair.both:
        if one["all"] or one["none"] or two["all"] or two["none"]:
            return None
        return {"any": one["any"] + two["any"], "all": [], "none": []}
    if len(one["any"]) > 1 and len(two["any"]) > 1:
        return None
    single = [e for parts in (one, two) if len(parts["any"]) == 1 for e in parts["any"]]
    several = [e for parts in (one, two) if len(parts["any"]) > 1 for e in parts["any"]]
    return {"any": several, "all": single + one["all"] + two["all"], "none": one["none"] + two["none"]}


def step_title(column: Column, cuts: NDArray[np.float32], step: Step) -> str:
    """A step in plain words."""
    if column.kind == "flag":
        return column.title
    return f"{column.title}: {'at least' if step.up else 'below'} {number(cuts[step.k - 1])}"


def pair_term(columns: Sequence[Column], cuts: Cuts, pair: Pair, points: Decimal) -> dict[str, Any]:
    """The [[term]] of a pair."""
    parts = pair_parts(columns, cuts, pair)
    if parts is None:
        raise FrailtyError(f"The language has no words for {columns[pair.one.feature].id} with {columns[pair.two.feature].id}.")
    joint = "and" if pair.both else "or"
    titles = [step_title(columns[step.feature], cuts[step.feature], step) for step in (pair.one, pair.two)]
    return {"id": f"{columns[pair.one.feature].id}_{joint}_{columns[pair.two.feature].id}", "title": f" {joint} ".join(titles),
            **{part: many for part, many in parts.items() if many}, "points": points}


def needs_hospital(terms: Sequence[Mapping[str, Any]]) -> bool:
    """Does any evidence come from a hospital feed?"""
    return any(one.get("from") == "stay" or one.get("feed") == "hospital"
               for table in terms for part in PARTS for one in table.get(part, []))
