"""The words of the scorecard language (docs/scorecards.md): what may stand in each place."""

from __future__ import annotations

Words = tuple[str, ...]

SCORE = ("id", "title", "version", "licence", "source", "population", "link", "needs", "term", "group", "band", "example",
         "variant", "based_on", "variants_only", "without_caution", "verified", "notes", "floor", "index", "set", "status",
         "missing", "codes_from_site", "evidence", "unmapped", "default", "restricted", "short", "confirmed_by")
VARIANT = tuple(word for word in SCORE if word not in ("variant", "based_on", "variants_only"))
POPULATION = ("age_at_least", "age_below")
LINK = ("divide_by", "minimum_share", "logistic", "survival")
LINK_NAMES = ("identity",)
LOGISTIC = ("intercept",)
SURVIVAL = ("baseline", "horizon", "mean")
NEEDS = ("hospital", "substances", "bnf")
INDEX = ("at", "within")
INDEX_AT = ("last_discharge",)
SET = ("within",)
UNMAPPED = ("each",)
STATUS = ("not_available",)
TERM = ("id", "title", "any", "all", "none", "at_least", "points", "bands", "points_per", "lookup", "unless", "missing")
GROUP = ("id", "title", "choose", "terms", "bands", "missing")
CHOOSE = ("first", "worst", "latest", "sum")
MISSING = ("absent", "not_assessable")
MISSING_POINTS = ("points",)
PER = ("each", "form", "cap")
FORM = ("identity", "square", "log")
LOOKUP = ("file", "key", "points", "title", "default")
EVIDENCE = ("from", "codes", "answers", "category", "within", "before", "value", "unit", "round_to", "take", "best", "feed",
            "stay", "where", "at_least")
FROM = ("coded", "value", "answer", "issue", "stay", "person")
NUMBERS = ("latest", "first", "min", "max", "best_of_last", "change", "set")
TAKES = {"coded": ("any", "records", "days"), "value": ("any", "records", "days", *NUMBERS),
         "answer": ("any", "records", "days", *NUMBERS),
         "issue": ("any", "records", "days", "distinct:substance", "distinct:bnf_paragraph"),
         "stay": ("any", "records", "days", "length_of_stay", "provider"), "person": ("age", "input")}
TAKE = tuple(dict.fromkeys(word for many in TAKES.values() for word in many))
BEST = ("largest", "smallest")
FEED = ("hospital",)
STAY = ("setting", "admission", "index")
WHERE = ("sex", "age_at_event")
EDGES = ("at_least", "above", "below", "at_most")
AGES = ("at_least", "below")
VALUE = (*EDGES, "sex")
STEP = (*EDGES, "points")
BAND = (*EDGES, "label", "any_term")
EXAMPLE = ("title", "given", "expect")
GIVEN = ("age", "sex", "terms", "events", "values", "answers", "issues", "medicines", "stays", "inputs", "hospital")
EXPECT = ("points", "value", "of", "band", "status", "terms")
