"""The words of the scorecard language: those that this version evaluates, and those it knows but refuses."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """What may stand in one place."""

    here: tuple[str, ...]           # evaluated in this version
    later: tuple[str, ...] = ()     # in the language, refused in this version


SCORE = Words(("id", "title", "version", "licence", "source", "population", "link", "needs", "term", "band", "example",
               "based_on", "without_caution", "verified", "notes", "default", "restricted"),
              ("group", "variant", "floor", "index", "evidence"))
POPULATION = Words(("age_at_least",))
LINK = Words(("divide_by",), ("logistic", "survival", "horizon", "minimum_share"))
LINK_NAMES = Words(("identity",), ("logistic", "survival"))
NEEDS = Words(("hospital",))
TERM = Words(("id", "title", "any", "all", "none", "at_least", "points", "bands", "lookup", "unless", "missing"),
             ("points_per", "of", "cap"))
MISSING = Words(("absent",), ("not_assessable", "points"))
LOOKUP = Words(("file", "key", "points", "title"), ("default",))
EVIDENCE = Words(("from", "codes", "category", "within", "value", "unit", "take", "feed", "stay", "at_least"),
                 ("elements", "where", "round_to", "index"))
FROM = Words(("coded", "value", "issue", "person"), ("answer", "stay"))
TAKE = Words(("any", "records", "days", "distinct:substance", "latest", "min", "max", "age"),
             ("first", "distinct:bnf_paragraph", "best_of_last", "change", "length_of_stay"))
TAKES = {"coded": ("any", "records", "days"), "value": ("any", "records", "days", "latest", "min", "max"),
         "issue": ("any", "records", "days", "distinct:substance"), "person": ("age",)}
FEED = Words(("hospital",), ("gp",))
STAY = Words(("setting", "admission"), ("index",))
EDGES = ("at_least", "above", "below", "at_most")
VALUE = Words((*EDGES, "sex"))
STEP = Words((*EDGES, "points"))
BAND = Words((*EDGES, "label"), ("term",))
EXAMPLE = Words(("title", "given", "expect"))
GIVEN = Words(("age", "sex", "terms", "events", "values", "issues", "hospital"))
EXPECT = Words(("points", "band", "status", "terms"))
