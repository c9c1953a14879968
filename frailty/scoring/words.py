"""The words of the scorecard language (docs/scorecards.md): those that are evaluated, and those that are refused for now."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """What may stand in one place."""

    here: tuple[str, ...]           # evaluated in this version
    later: tuple[str, ...] = ()     # in the language, refused in this version


SCORE = Words(("id", "title", "version", "licence", "source", "population", "link", "needs", "term", "group", "band", "example",
               "variant", "based_on", "variants_only", "without_caution", "verified", "notes", "floor", "index", "set", "status",
               "missing", "codes_from_site", "evidence", "unmapped", "default", "restricted", "short", "confirmed_by"))
VARIANT = Words(tuple(word for word in SCORE.here if word not in ("variant", "based_on", "variants_only")))
POPULATION = Words(("age_at_least", "age_below"))
LINK = Words(("divide_by", "minimum_share", "logistic", "survival"))
LINK_NAMES = Words(("identity",))
LOGISTIC = Words(("intercept",))
SURVIVAL = Words(("baseline", "horizon", "mean"))
NEEDS = Words(("hospital", "substances", "bnf"))
INDEX = Words(("at", "within"))
INDEX_AT = Words(("last_discharge",))
SET = Words(("within",))
UNMAPPED = Words(("each",))
STATUS = Words(("not_available",))
TERM = Words(("id", "title", "any", "all", "none", "at_least", "points", "bands", "points_per", "lookup", "unless", "missing"))
GROUP = Words(("id", "title", "choose", "terms", "bands", "missing"))
CHOOSE = Words(("first", "worst", "latest", "sum"))
MISSING = Words(("absent", "not_assessable"))
MISSING_POINTS = Words(("points",))
PER = Words(("each", "form", "cap"))
FORM = Words(("identity", "square", "log"))
LOOKUP = Words(("file", "key", "points", "title", "default"))
EVIDENCE = Words(("from", "codes", "answers", "category", "within", "before", "value", "unit", "round_to", "take", "best", "feed",
                  "stay", "where", "at_least"), ("elements",))
FROM = Words(("coded", "value", "answer", "issue", "stay", "person"))
NUMBERS = ("latest", "first", "min", "max", "best_of_last", "change", "set")
TAKES = {"coded": ("any", "records", "days"), "value": ("any", "records", "days", *NUMBERS),
         "answer": ("any", "records", "days", *NUMBERS),
         "issue": ("any", "records", "days", "distinct:substance", "distinct:bnf_paragraph"),
         "stay": ("any", "records", "days", "length_of_stay", "provider"), "person": ("age", "input")}
TAKE = Words(tuple(dict.fromkeys(word for many in TAKES.values() for word in many)))
BEST = Words(("largest", "smallest"))
FEED = Words(("hospital",), ("gp",))
STAY = Words(("setting", "admission", "index"))
WHERE = Words(("sex", "age_at_event"))
EDGES = ("at_least", "above", "below", "at_most")
AGES = Words(("at_least", "below"))
VALUE = Words((*EDGES, "sex"))
STEP = Words((*EDGES, "points"))
BAND = Words((*EDGES, "label", "any_term"))
EXAMPLE = Words(("title", "given", "expect"))
GIVEN = Words(("age", "sex", "terms", "events", "values", "answers", "issues", "medicines", "stays", "inputs", "hospital"))
EXPECT = Words(("points", "value", "of", "band", "status", "terms"))
