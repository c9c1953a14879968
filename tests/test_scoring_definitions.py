"""Scorecards as files: what loads, and what a person is told when one does not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from scoring_people import CARD, CAREFUL, HEADER, write_rules

from frailty.errors import DefinitionError
from frailty.scoring import compile_plan, default_scorecard_ids, load_scorecard, scorecard_ids
from frailty.scoring.reading import File

pytestmark = pytest.mark.scoring
HEAD = 'id = "one"\ntitle = "t"\nversion = "1"\nlicence = "l"\nsource = { citation = "c" }\n'
TERM = '[[term]]\nid = "a"\nany = [{ codes = "t/one" }]\npoints = 1\n'


def refusal(folder: Path, text: str, **others: str) -> str:
    """The whole message with which the scorecard `one` is refused."""
    rules = write_rules(folder, {"one": text, **others})
    with pytest.raises(DefinitionError) as caught:
        compile_plan([load_scorecard("one", rules)], ["urn:test"], ["A1"], rules)
    return str(caught.value)


def test_whole_message(tmp_path: Path) -> None:
    text = HEAD + TERM + '[[term]]\nid = "b"\nany = [{ codes = "t/one", takes = "days" }]\npoints = 1\n'
    assert refusal(tmp_path, text) == "\n".join([
        "'takes' in evidence is not a word of the scorecard language.",
        "  where: rules/scores/one.toml, line 12",
        "  mend: did you mean 'take'?"])


@pytest.mark.parametrize(("body", "parts"), [
    ("", ["has no term"]),
    ("titel = 'x'\n" + TERM, ["'titel' in a scorecard is not a word", "line 6", "did you mean 'title'?"]),
    (TERM + 'point = 1\n', ["'point' in a term is not a word", "line 10", "did you mean 'points'?"]),
    (TERM + 'points_per = { each = 1 }\n', ["must have one of points, bands, points_per and lookup", "it has points and points_per"]),
    ('link = "logistic"\n' + TERM, ["The link 'logistic' is not a word", "line 6"]),
    ('link = { divide_by = 0 }\n' + TERM, ["must be above zero", "line 6"]),
    ('restricted = ""\n' + TERM, ["says no 'restricted'", 'restricted = "..."']),
    ('default = "no"\n' + TERM, ["'default' must be true or false", "line 6"]),
    ('needs = ["hospitals"]\n' + TERM, ["'hospitals' in 'needs'", "did you mean 'hospital'?"]),
    ('needs = ["hospital"]\n' + TERM, ["none of its evidence says which part", 'add feed = "hospital"']),
    (TERM + TERM, ["The term 'a' is defined twice", "line 11"]),
    (TERM.replace("points = 1", ""), ["must have one of points, bands, points_per and lookup", "it has none"]),
    (TERM.replace("points = 1", 'points = "one"'), ["'points' must be a number", "it is 'one'", "line 9"]),
    (TERM.replace("points = 1", "points = nan"), ["'points' must be a number"]),
    (TERM.replace('"t/one"', '"one"'), ["'one' is not the name of a code list", "family/list"]),
    (TERM.replace('"t/one"', '"t/ones"'), ["There is no code list t/ones", "t/one"]),
    (TERM.replace('codes = "t/one"', 'from = "stay"'), ["hospital feed that the scorecard does not need"]),
    (TERM.replace('codes = "t/one"', 'from = "values"'), ["not a word", "did you mean 'value'?"]),
    (TERM.replace('"t/one"', '"t/one", within = "20 h"'), ["not a number of whole days", "24 h"]),
    (TERM.replace('"t/one"', '"t/one", within = "a while"'), ["'a while' is not a look-back", '"12 months"']),
    (TERM.replace('"t/one"', '"t/one", take = "length_of_stay"'), ["does not go with from = 'coded'"]),
    (TERM.replace('"t/one"', '"t/one", elements = []'), ["'elements' in evidence is not a word of the scorecard language"]),
    (TERM.replace('"t/one"', '"t/one", take = "latest"'), ["does not go with from = 'coded'"]),
    (TERM.replace('"t/one"', '"t/one", feed = "gp"'), ["feed = 'gp' is not a word of the scorecard language", "use one of: hospital"]),
    (TERM.replace('"t/one"', '"t/one", feed = "hospital"'), ["feed that the scorecard does not need"]),
    (TERM.replace('"t/one"', '"t/one", stay = { admission = "emergncy" }'), ["did you mean 'emergency'?"]),
    (TERM.replace('"t/one"', '"t/one", stay = { admission = "unknown" }'), ["'unknown' is not a known admission"]),
    (TERM.replace('"t/one"', '"t/one", value = [{ above = 1 }]'), ["'value' does not go with from = 'coded'"]),
    (TERM.replace('"t/one"', '"t/one", at_least = 0'), ["whole number of at least 1"]),
    (TERM + 'unless = ["b"]\n', ["names 'b' in 'unless', which is not a term", "line 10"]),
    (TERM + 'unless = ["a"]\n', ["in a circle: a -> a"]),
    (TERM + 'unless = ["b"]\n' + TERM.replace('"a"', '"b"') + 'unless = ["a"]\n', ["in a circle: a -> b -> a"]),
    (TERM + 'missing = "points"\n', ["'missing' of the term 'a' is not a word"]),
    (TERM + 'all = [{ codes = "t/two" }]\nat_least = 2\n', ["'at_least' of the term 'a' is not clear"]),
    (TERM.replace('{ codes = "t/one" }', '{ from = "person" }'), ["points for an age or a value without saying"]),
    (TERM.replace("points = 1", 'lookup = { file = "v.csv", key = "key", points = "points" }'),
     ["The table 'v.csv' was not found", "did you mean 'w.csv'?"]),
    (TERM.replace("points = 1", 'lookup = { file = "w.csv", key = "key", points = "weight" }'),
     ["no column 'weight'", "its columns are: key, points"]),
    (TERM.replace("points = 1", 'lookup = { file = "w.csv", key = "key", points = "key" }'),
     ["no key or no number", "w.csv, line 2"]),
    (TERM.replace("points = 1", 'lookup = { file = "w.csv", key = "key", points = "points" }'),
     ["has no code for 'red'", "'t/one'"]),
    (TERM.replace("points = 1", 'lookup = { file = "w.csv", key = "key", points = "points" }\nunless = { rde = [] }'),
     ["'unless' names 'rde'", "did you mean 'red'?"]),
    (TERM.replace('codes = "t/one"', 'from = "value", codes = "quantities/q3"'),
     ["'quantities/q3', which is not a quantity", "did you mean 'quantities/q2'?"]),
    (TERM.replace('codes = "t/one"', 'from = "value", codes = "quantities/q1", unit = "g/dL"'),
     ["in g/dL", "its canonical unit is g/L", 'unit = "g/L"']),
    (TERM.replace('codes = "t/one"', 'from = "value", codes = "quantities/q1", value = [{ above = 2, below = 2 }]'),
     ["The interval from 2 to 2 is empty"]),
    (TERM.replace('codes = "t/one"', 'from = "value", codes = "quantities/q1", value = [{ above = 2, at_least = 2 }]'),
     ["two edges on one side"]),
    (TERM.replace('codes = "t/one"', 'from = "value", codes = "quantities/q1", value = [{ above = 2, sex = "femal" }]'),
     ["did you mean 'female'?"]),
    (TERM + '[[example]]\ngiven = { terms = ["aa"] }\nexpect = {}\n', ["the term 'aa', which does not exist"]),
    (TERM + '[[example]]\ngiven = { code = "x" }\nexpect = {}\n', ["'code' in 'given'"]),
])
def test_refusals(tmp_path: Path, body: str, parts: list[str]) -> None:
    message = refusal(tmp_path, HEAD + body)
    for part in parts:
        assert part in message


VALUE = TERM.replace('codes = "t/one"', 'from = "value", codes = "quantities/q1"')
LATEST = VALUE.replace('q1"', 'q1", take = "latest"')
GROUP = '[[group]]\nid = "g"\nchoose = "first"\nterms = ["a", "b"]\n'
TWO = TERM + TERM.replace('"a"', '"b"')


@pytest.mark.parametrize(("body", "parts"), [
    (LATEST, ["gives points for an age or a value without saying which", "or value = [ ... ] in the evidence"]),
    (LATEST.replace("points = 1", "points_per = { each = 1 }"), ["is no whole number", "sums of points are exact", "round_to = 0.1"]),
    (TERM.replace("points = 1", 'points_per = { each = 1, form = "cube" }'), ["form = 'cube' is not a word", "identity, square, log"]),
    (TERM.replace("points = 1", "points_per = { eech = 1 }"), ["did you mean 'each'?"]),
    (VALUE.replace('q1"', 'q1", round_to = 0.3'), ["a whole number or a whole part of one"]),
    (VALUE.replace('q1"', 'q1", take = "best_of_last"'), ["says no number of values", "best_of_last:3"]),
    (VALUE.replace('q1"', 'q1", take = "latest:3"'), ["is not clear"]),
    (VALUE.replace('q1"', 'q1", best = "smallest"'), ["goes only with take = \"best_of_last:n\""]),
    (VALUE.replace('q1"', 'q1", take = "set"'), ["needs a score that has one timed set", "[set]"]),
    ('set = { within = "7 days" }\n' + TERM, ["has a set, but no evidence of it"]),
    ('set = { within = "7 days" }\n' + VALUE.replace('q1"', 'q1", take = "set", within = "1 day"'), ["'within' does not go with take = 'set'"]),
    (VALUE.replace('q1"', 'q1", stay = { index = true }'), ["needs a score that has an index stay", 'index = "last_discharge"']),
    ('index = "last_admission"\n' + TERM, ["index = 'last_admission' is not a word", "use one of: last_discharge"]),
    ('index = "last_discharge"\n' + TERM, ["hospital feed that the scorecard does not need"]),
    (TERM.replace('"t/one"', '"t/one", where = { sex = "femal" }'), ["did you mean 'female'?"]),
    (TERM.replace('"t/one"', '"t/one", where = { age_at_event = { above = 3 } }'), ["'above' in 'age_at_event'"]),
    (TERM.replace('codes = "t/one"', 'from = "answer", codes = "t/one"'), ["names no list of answers"]),
    (TERM.replace('{ codes = "t/one" }', '"grene"'), ["There is no evidence named 'grene'"]),
    (TERM + 'missing = { points = 1 }\n', ["says what to do where it is missing, but it never is"]),
    (VALUE + 'missing = { point = 1 }\n', ["'point' in 'missing'", "did you mean 'points'?"]),
    (TERM.replace('"a"', '"floor"'), ["cannot be called 'floor'"]),
    (TWO + GROUP.replace("first", "frist"), ["choose = 'frist'", "did you mean 'first'?"]),
    (TWO + GROUP.replace('"b"', '"c"'), ["The group 'g' names 'c', which is not a term"]),
    (TWO + GROUP.replace(', "b"', ""), ["has too few terms"]),
    (TWO + GROUP + GROUP.replace('"g"', '"h"'), ["is in more than one place of the groups"]),
    (TWO + GROUP.replace('"g"', '"a"'), ["an id that no term and no other group has"]),
    (TWO + GROUP.replace("first", "sum"), ["and choose = \"sum\" belong together"]),
    (TWO.replace("points = 1", "bands = [{ points = 1 }]") + GROUP.replace("first", "worst"), ["has no fixed points"]),
    (TWO.replace("points = 1", 'points = 1\nunless = ["b"]', 1) + GROUP.replace("first", "latest"), ["cannot be in a group that chooses the latest"]),
    ("link = { logistic = {} }\n" + TERM, ["'intercept' must be a number"]),
    ('link = { survival = { baseline = 1.2, horizon = "1 year" } }\n' + TERM, ["a share of survivors between 0 and 1"]),
    ('link = { divide_by = "assessed" }\n' + TERM, ["'minimum_share' must be a number"]),
    ("link = { divide_by = 3, minimum_share = 1 }\n" + TERM, ["goes only with divide_by = \"assessed\""]),
    ('status = "not_available"\n', ["'status' and 'missing' belong together"]),
    ('missing = ["all"]\n' + TERM, ["'status' and 'missing' belong together"]),
    ('status = "not available"\nmissing = ["all"]\n', ["did you mean 'not_available'?"]),
    ('codes_from_site = ["t/on"]\n' + TERM, ["which no evidence names", "did you mean 't/one'?"]),
    ('needs = ["bnf"]\n' + TERM, ["needs 'bnf', but it has no evidence of medicines"]),
    ('[[variant]]\nid = "v"\n' + TERM.replace("[[term]]", "[[variant.term]]") + TERM, []),
])
def test_refusals_of_rarer_words(tmp_path: Path, body: str, parts: list[str]) -> None:
    if parts:
        message = refusal(tmp_path, HEAD + body)
        for part in parts:
            assert part in message
        return
    rules = write_rules(tmp_path, {"one": HEAD + body})
    assert scorecard_ids(rules) == ["one", "one_v"]
    with pytest.raises(DefinitionError, match="has no title of its own"):
        load_scorecard("one_v", rules)


def test_variants(tmp_path: Path) -> None:
    text = HEAD + "variants_only = true\n" + TERM + """
[[variant]]
id = "double"
title = "Twice as much"
[[variant.term]]
id = "a"
points = 2
[[variant.term]]
id = "new"
any = [{ codes = "t/two" }]
points = 1
[[variant]]
id = "half"
title = "Half as much"
[[variant.term]]
id = "a"
points = "half"
"""
    rules = write_rules(tmp_path, {"one": text, "above": 'id = "above"\ntitle = "t"\nbased_on = "one_double"\n'})
    assert scorecard_ids(rules) == ["above", "one_double", "one_half"]
    for id in ("one_double", "above"):
        assert [(t.id, t.points) for t in load_scorecard(id, rules).terms] == [("a", 2), ("new", 1)]
    with pytest.raises(DefinitionError, match="holds only variants"):
        load_scorecard("one", rules)
    with pytest.raises(DefinitionError, match="must be a number") as caught:
        load_scorecard("one_half", rules)
    assert "line 27" in str(caught.value)


def test_lists_that_the_site_fills(tmp_path: Path) -> None:
    rules = write_rules(tmp_path, {"one": HEAD + 'codes_from_site = ["t/one"]\n' + TERM})
    (rules / "codelists/t/one.csv").write_text(HEADER)
    plan = compile_plan([load_scorecard("one", rules)], ["urn:test"], ["A1"], rules)
    assert "Not available: the code list t/one has no codes yet; the site must supply them." in plan.reasons


@pytest.mark.parametrize(("bands", "part"), [
    ('{ label = "x", any_term = 3 }', "The first band is for any value"),
    ('{ label = "x" }, { label = "y", any_term = 3, below = 3 }', "has edges and 'any_term'"),
    ('{ label = "x", at_least = 0 }', "leaves smaller numbers without one"),
    ('{ label = "x", below = 3 }', "leaves larger numbers without one"),
    ('{ label = "x", below = 3 }, { label = "y", at_least = 4 }', "a gap between 3 and 4"),
    ('{ label = "x", below = 3 }, { label = "y", at_least = 2 }', "an overlap between 3 and 2"),
    ('{ label = "x", below = 3 }, { label = "y", above = 3 }', "The number 3 is in no band"),
    ('{ label = "x", at_most = 3 }, { label = "y", at_least = 3 }', "The number 3 is in more than one band"),
    ('{ label = "x", below = 3 }, { label = "y" }', "each band but the first and last needs both edges"),
    ('{ label = "x", below = 3 }, { label = "x", at_least = 3 }', "Two bands are called 'x'"),
    ('{ below = 3 }', "A band has no label"),
    ('{ label = "x", term = "a" }', "did you mean 'any_term'?"),
])
def test_bands_have_no_gap_and_no_overlap(tmp_path: Path, bands: str, part: str) -> None:
    assert part in refusal(tmp_path, f"{HEAD}band = [{bands}]\n{TERM}")


def test_steps_of_a_term_are_proven_too(tmp_path: Path) -> None:
    text = TERM.replace("points = 1", "bands = [{ below = 2, points = 0 }, { at_least = 3, points = 1 }]")
    message = refusal(tmp_path, HEAD + text)
    assert "a gap between 2 and 3: a band of the term 'a'" in message and "line 9" in message


@pytest.mark.parametrize(("text", "parts"), [
    (HEAD.replace('"one"', '"two"') + TERM, ["differs from the name of the file", 'mend: id = "one"']),
    (HEAD.replace('licence = "l"\n', "") + TERM, ["says no 'licence'"]),
    (HEAD.replace('citation = "c"', 'doi = "d"') + TERM, ["names no publication"]),
    (HEAD + "[[term]\n", ["is not valid TOML", "line 6"]),
    ('id = "one"\ntitle = "t"\nbased_on = "mixd"\n', ["based on 'mixd', which does not exist", "'mixed'?", "line 3"]),
    ('id = "one"\ntitle = "t"\nbased_on = "one"\n', ["is based on itself", "one -> one"]),
    ('id = "one"\nbased_on = "mixed"\n', ["has no title of its own"]),
])
def test_whole_files_that_are_refused(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = refusal(tmp_path, text, mixed=CARD)
    for part in parts:
        assert part in message


def test_an_unknown_score_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="did you mean 'charlson_age'") as caught:
        load_scorecard("charlson-age")
    assert "There is no score 'charlson-age'" in str(caught.value)


def test_lists_that_a_score_cannot_rest_on(tmp_path: Path) -> None:
    rules = write_rules(tmp_path, {"one": HEAD + TERM})
    for text, part in ((HEADER, "is empty, but a score rests on it"),
                       (HEADER + "urn:test,A1,,exact,0.3,,,,,\n", "limits 'A1' to a part of a year or month"),
                       (HEADER + "urn:test,A1,,descendants,,,,,,\n", "descendants")):
        (rules / "codelists/t/one.csv").write_text(text)
        with pytest.raises(DefinitionError, match=part):
            compile_plan([load_scorecard("one", rules)], ["urn:test"], ["A1"], rules)


def test_based_on(tmp_path: Path) -> None:
    rules = write_rules(tmp_path, {"mixed": CARD, "careful": CAREFUL, "plus": """
        id = "plus"
        title = "With a term more, and other points"
        based_on = "careful"
        [[term]]
        id = "ever"
        points = 9
        [[term]]
        id = "new"
        any = [{ codes = "t/two" }]
        points = 0.125
        """})
    mixed, careful, plus = (load_scorecard(id, rules) for id in ("mixed", "careful", "plus"))
    assert mixed.divide_by == Fraction(7) and careful.divide_by is None and not careful.bands
    assert all(e.without_caution for e in careful.evidence if e.source in ("coded", "value"))
    assert [t.id for t in plus.terms] == [*(t.id for t in mixed.terms), "new"]
    assert plus.terms[0].any == careful.terms[0].any and plus.terms[0].points == 9
    assert (mixed.scale, plus.scale) == (2, 3)
    assert len({mixed.sha256, careful.sha256, plus.sha256}) == 3
    (rules / "scores/w.csv").write_text("key,points\nred,1\nblue,0.25\ngreen,3\n")
    assert load_scorecard("careful", rules).sha256 != careful.sha256   # the weights are part of the definition
    assert load_scorecard("mixed", rules).sha256 == load_scorecard("mixed", rules).sha256


def test_the_published_scores() -> None:
    assert default_scorecard_ids() == [
        "charlson", "charlson_age", "charlson_quan2011", "efi", "efi_reviewed", "hfrs"]
    hfrs, charlson, updated = (load_scorecard(id) for id in ("hfrs", "charlson", "charlson_quan2011"))
    assert sum(term.points for term in hfrs.terms) == Fraction("173.2") and hfrs.scale == 1
    assert sum(term.points for term in charlson.terms) == 33
    assert sum(term.points for term in updated.terms) == 28
    hierarchy = {term.id: term.unless for term in charlson.terms if term.unless}
    assert hierarchy == {"mld": ("msld",), "diab": ("diabwc",), "canc": ("metacanc",)}
    assert hierarchy == {term.id: term.unless for term in load_scorecard("charlson_age").terms if term.unless}
    efi, reviewed = load_scorecard("efi"), load_scorecard("efi_reviewed")
    assert [term.id for term in efi.terms] == [term.id for term in reviewed.terms]
    assert all(term.points == 1 for term in efi.terms) and efi.of == 36
    assert [band.label for band in hfrs.bands] == ["low", "intermediate", "high"]


def test_what_is_scored_by_name_only(tmp_path: Path) -> None:
    rules = write_rules(tmp_path, {
        "plain": HEAD.replace("one", "plain") + TERM, "rare": HEAD.replace("one", "rare") + "default = false\n" + TERM,
        "held": HEAD.replace("one", "held") + 'restricted = "no licence yet"\n' + TERM,
        "based": 'id = "based"\ntitle = "t"\nbased_on = "held"\n',
        "again": 'id = "again"\ntitle = "t"\nbased_on = "rare"\ndefault = true\n'})
    assert scorecard_ids(rules) == ["again", "based", "held", "plain", "rare"]
    assert default_scorecard_ids(rules) == ["again", "plain"]
    assert load_scorecard("based", rules).restricted == "no licence yet"


def test_lines_are_found() -> None:
    file = File("x.toml", 'a = 1\n[source]\na = 2\n[[term]]\na = 3\n\n[[term]]\nb = { a = 4 }\n')
    assert file.where("", 0, "a") == "x.toml, line 1"
    assert file.where("source", 0, "a") == "x.toml, line 3"
    assert file.where("term", 1, "a") == "x.toml, line 8"
    assert file.where("term", 1, "z") == "x.toml, line 7"
    assert file.where("", 0, "z") == "x.toml"
