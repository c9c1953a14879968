"""Made-up people for the tests of scoring: drawn by Hypothesis as plain rows, and laid out as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from frailty.records.arrays import (
    ADMISSIONS,
    COMPARATORS,
    OPEN,
    SETTINGS,
    SEXES,
    Coded,
    Issues,
    Measured,
    PracticeArrays,
    Stays,
    empty_family,
)
from frailty.scoring.definitions import STATUS
from frailty.scoring.engine import Scores
from frailty.terminology import Ladder

Row = dict[str, Any]
EPOCH = date(1970, 1, 1)
TODAY = date(2024, 2, 29)   # the leap day: the hardest date to look back from
ICD10, SNOMED, LOCAL = "http://hl7.org/fhir/sid/icd-10", "http://snomed.info/sct", "urn:test"

HEADER = "system,code,term,match,within_years,min_age_at_event,max_age_at_event,category,status,caution\n"
LISTS = {
    "t/one": "urn:test,A1,,exact,,,,,,\nurn:test,A2,,exact,,,,,,careful\nurn:test,B,,prefix,,,,,,\n",
    "t/two": "urn:test,A1,,exact,,,,,,\nurn:test,C1,,exact,,,,,,\n",
    "t/kinds": "urn:test,B,,prefix,,,,red,,\nurn:test,C,,prefix,,,,blue,,\nurn:test,D1,,exact,,,,green,,\n",
    "t/drugs": "urn:test,M1,,exact,,,,,,\nurn:test,M3,,exact,,,,,,\n",
    "t/limits": "urn:test,A1,,exact,1,,,,,\nurn:test,B,,prefix,,60,,,,\nurn:test,C1,,exact,,40,59,,,\nurn:test,C,,prefix,2,,,,,\n",
    "t/named": "substance,aspirin,,exact,,,,anti,,\nsubstance,codeine,,exact,,,,opioid,,\nbnf,0407,,prefix,,,,pain,,\n",
    "t/question": "urn:test,K1,,exact,,,,,,\n",
    "t/answers": "urn:test,no,,exact,,,,0,,\nurn:test,some,,exact,,,,1,,\nurn:test,much,,exact,,,,2,,\n",
    "quantities/q1": "urn:test,Q1,,exact,,,,,,\nurn:test,Q9,,exact,,,,,,careful\n",
    "quantities/q2": "urn:test,Q2,,exact,,,,,,\n",
}
CODES = ("A1", "A2", "B1", "B2", "C1", "C2", "D1", "Z1")
DRUGS = {"M1": (1, 1), "M2": (2, 2), "M3": (2, 3), "M4": (3, 3), "M5": (4, 1)}    # code: substance, rung
NAMES = ("", "aspirin", "codeine + paracetamol", "product x", "senna")              # of the substances
BNF = {"M1": "0209000A0", "M2": "0407010F0", "M5": "0106020M0"}
QUANTITIES = {"q1": ("Q1", "Q9"), "q2": ("Q2",)}
ANSWERS = {"t/question=t/answers": ("K1",)}
QUANTITY_TABLE = """quantity,codes,unit,spelling,factor,plausible_min,plausible_max,derived,source
q1,quantities/q1,g/L,g/L,1,0,1000,,test
q2,quantities/q2,score,score,1,0,1000,,test
"""
CARD = """
id = "mixed"
title = "Every word of the language"
version = "1"
licence = "none"
source = { citation = "made up" }
population = { age_at_least = 40 }
link = { divide_by = 7 }
needs = ["hospital"]
band = [{ label = "low", below = 0.3 }, { label = "middle", at_least = 0.3, at_most = 0.9 },
        { label = "high", above = 0.9 }]
[[term]]
id = "ever"
any = [{ codes = "t/one" }]
points = 1
[[term]]
id = "joined"
any = [
  { codes = "t/two", within = "1 year" },
  { from = "value", codes = "quantities/q1", value = [{ above = 3 }], within = "90 days" },
]
points = 0.5
[[term]]
id = "sex"
any = [
  { from = "value", codes = "quantities/q1", unit = "g/L", value = [
    { below = 2, sex = "female" }, { at_most = 4, sex = "male" } ] },
]
points = 2
[[term]]
id = "stay"
any = [{ codes = "t/two", feed = "hospital", within = "2 years", stay = { admission = "emergency" } }]
points = 0.25
[[term]]
id = "kind"
any = [{ codes = "t/one", stay = { setting = ["inpatient", "virtual"] } }]
points = 1
[[term]]
id = "days"
any = [{ codes = "t/one", take = "days", at_least = 2 }]
points = 1
[[term]]
id = "twice"
any = [{ codes = "t/one", take = "records" }]
at_least = 2
points = -0.5
[[term]]
id = "drugs"
any = [{ from = "issue", take = "distinct:substance", within = "12 months" }]
at_least = 2
points = 1
[[term]]
id = "some"
any = [{ from = "issue", codes = "t/drugs" }, { codes = "t/two", take = "days", at_least = 2 }]
points = 1
[[term]]
id = "both"
all = [{ codes = "t/one" }, { from = "value", codes = "quantities/q2" }]
none = [{ codes = "t/kinds", category = "green" }]
points = 1
[[term]]
id = "latest"
any = [{ from = "value", codes = "quantities/q1", take = "latest" }]
bands = [{ at_most = 2, points = 3 }, { above = 2, below = 4, points = 0 }, { at_least = 4, points = 1 }]
[[term]]
id = "least"
any = [{ from = "value", codes = "quantities/q2", take = "min", within = "3 weeks" }]
bands = [{ below = 3, points = 1 }, { at_least = 3, points = 0.25 }]
[[term]]
id = "most"
any = [{ from = "value", codes = "quantities/q2", take = "max" }]
bands = [{ below = 3, points = 1 }, { at_least = 3, points = 0.25 }]
[[term]]
id = "count"
any = [{ codes = "t/kinds", category = "red" }]
bands = [{ below = 2, points = 1 }, { at_least = 2, points = 2 }]
unless = ["ever"]
[[term]]
id = "age"
any = [{ from = "person" }]
bands = [{ below = 60, points = 0 }, { at_least = 60, points = 1 }]
[[term]]
id = "lookup"
any = [{ codes = "t/kinds" }]
lookup = { file = "w.csv", key = "key", points = "points" }
unless = { red = ["blue"], blue = ["green"] }
"""
CAREFUL = """
id = "careful"
title = "The same without cautions"
based_on = "mixed"
without_caution = true
link = "identity"
band = []
"""


def write_rules(folder: Path, cards: dict[str, str]) -> Path:
    """A folder of rules: the code lists above, and scorecards as text."""
    for name, rows in LISTS.items():
        path = folder / "codelists" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + rows)
        (path.parent / "source.toml").write_text('publication = "made up"\n')
    (folder / "quantities.csv").write_text(QUANTITY_TABLE)
    (folder / "scores").mkdir(exist_ok=True)
    (folder / "scores" / "w.csv").write_text("key,points\nred,1\nblue,0.25\ngreen,2\n")
    for id, text in cards.items():
        (folder / "scores" / f"{id}.toml").write_text(text)
    return folder


@st.composite
def persons(draw: st.DrawFn, codes: tuple[tuple[str, str], ...], quantities: dict[str, tuple[str, ...]],
            limit: int = 7) -> Row:
    """One person, with dates crowded around the edges of every window."""
    edges = (0, 1, -1, 20, 21, 22, 89, 90, 91, 365, 366, 367, 730, 731, 732, 5000)
    days = st.sampled_from([TODAY - timedelta(days=n) for n in edges])
    delays = st.sampled_from([0, 0, 0, 1, 400])
    stays = draw(st.lists(st.builds(
        lambda started, delay, setting, admission, length, provider: {
            "started": started, "recorded_start": started + timedelta(days=delay), "setting": setting,
            "admission": admission, "ended": None if length is None else started + timedelta(days=length),
            "recorded_end": None if length is None else started + timedelta(days=length + delay), "provider": provider},
        days, delays, st.sampled_from([*SETTINGS, "inpatient", "inpatient"]), st.sampled_from(ADMISSIONS),
        st.sampled_from([0, 1, 3, 20, None]), st.sampled_from(["RA1", "RB2", "RC3", None])), max_size=3))
    stays.sort(key=lambda stay: (stay["started"], stay["recorded_start"]))
    for n, stay in enumerate(stays):
        stay["record"] = 300 + n

    def records(family: str, first: int, rows: Any) -> list[Row]:
        """Rows of one family; the codings of one record share their dates and their stay."""
        made = []
        for record in range(first, first + draw(st.integers(0, limit))):
            effective, delay = draw(days), draw(delays)
            stay = draw(st.sampled_from([None, *stays]))
            for row in draw(rows):
                made.append({**row, "effective": effective, "recorded": effective + timedelta(days=delay),
                             "record": record, **({"stay": stay} if family == "coded" else {})})
        return made

    def coding(pair: tuple[str, str]) -> Row:
        return {"system": pair[0], "code": pair[1]}

    coded = records("coded", 0, st.lists(st.sampled_from(codes), min_size=1, max_size=2, unique=True).map(
        lambda pairs: [coding(pair) for pair in pairs]))
    number = st.sampled_from([0.0, 1.9, 2.0, 3.0, 3.1, 4.0, 36.0, 130.0])
    values = st.sampled_from([(name, code) for name in quantities for code in quantities[name]])
    measured = records("measured", 100, st.builds(
        lambda pair, value, comparator, minute: [{
            "quantity": pair[0], **coding((LOCAL, pair[1])), "value": value % 3 // 1 if "=" in pair[0] else value,
            "comparator": "" if "=" in pair[0] else comparator, "minute": minute}],
        values, number, st.sampled_from(["", "", *COMPARATORS]), st.sampled_from([-1, 600, 600, 601])))
    shared = [row["record"] for row in coded]
    if shared and measured:     # an observation with a value that is also a coded entry
        twin = draw(st.sampled_from(coded))
        measured[0] |= {key: twin[key] for key in ("record", "effective", "recorded")}
    issues = records("issues", 200, st.lists(st.sampled_from(sorted(DRUGS)), min_size=1, max_size=2, unique=True).map(
        lambda names: [{**coding((LOCAL, name)), "substance": DRUGS[name][0], "rung": DRUGS[name][1],
                        "names": NAMES[DRUGS[name][0]], "bnf": BNF.get(name, "")} for name in names]))
    birth = draw(st.sampled_from([None, date(1984, 2, 29), date(1984, 3, 1), date(1964, 2, 29), date(1964, 3, 1),
                                  date(1944, 7, 1), date(1940, 1, 1)]))
    since = st.sampled_from([None, date(2010, 1, 1), TODAY, TODAY + timedelta(days=1), date(2022, 2, 28),
                             date(2022, 3, 1), date(2022, 3, 2)])
    return {"birth": birth, "as_of": draw(st.sampled_from([TODAY, TODAY - timedelta(days=1), date(2023, 12, 31)])),
            "sex": draw(st.sampled_from(SEXES)), "hospital_from": draw(since), "coded": coded, "measured": measured,
            "issues": issues, "stays": stays, "hospital_without_stays": draw(st.booleans()),
            "inputs": draw(st.sampled_from([{}, {"imd": 12.5}, {"imd": 40.0}]))}


@dataclass
class Laid:
    """People as arrays, with the table of concepts that they were laid out with."""

    arrays: PracticeArrays
    systems: list[str]
    codes: list[str]
    as_of: np.ndarray
    ladder: Ladder


def number_of(day: date | None) -> int:
    return int(OPEN) if day is None else (day - EPOCH).days


def concept_table(people: list[Row]) -> list[tuple[str, str]]:
    """Every coding in use, in an order that is not that of the alphabet."""
    found = {(row["system"], row["code"]) for person in people for family in ("coded", "measured", "issues")
             for row in person[family]}
    return sorted(found, key=lambda pair: (pair[1][::-1], pair[0])) or [("", "")]


def lay_out(people: list[Row], quantities: tuple[str, ...], shuffle: np.random.Generator | None = None) -> Laid:
    """Rows in the promised order (effective, recorded, record); `shuffle` mixes what that order leaves open."""
    table = concept_table(people)
    if shuffle is not None:
        table = [table[i] for i in shuffle.permutation(len(table))]
    concept = {pair: n for n, pair in enumerate(table)}
    stay_rows = [stay for person in people for stay in person["stays"]]

    def family(kind: Any, name: str, columns: Any) -> Any:
        plain = empty_family(kind, len(people))._asdict()
        rows: list[Row] = []
        offsets = [0]
        for person in people:
            own = list(person[name])
            if shuffle is not None and name != "stays":     # rows point at stays by their place
                own = [own[i] for i in shuffle.permutation(len(own))]
            rows += [columns(row) for row in sorted(own, key=lambda row: tuple(
                row.get(key, 0) for key in ("effective", "recorded", "record")) if name != "stays" else 0)]
            offsets.append(len(rows))
        made = {key: np.array([row.get(key, -1) for row in rows], column.dtype) for key, column in plain.items()}
        return kind(**{**made, "offsets": np.array(offsets, np.int64)})

    def dated(row: Row) -> Row:
        return {"concept": concept[row["system"], row["code"]], "effective": number_of(row["effective"]),
                "recorded": number_of(row["recorded"]), "record": row["record"]}

    def stay_of(row: Row) -> int:
        return next((n for n, one in enumerate(stay_rows) if one is row["stay"]), -1)

    providers = ("RB2", "RC3", "RA1")
    ladder = Ladder(np.array([DRUGS.get(code, (-1, 3))[0] for _, code in table], np.int32), list(NAMES),
                    np.array([DRUGS.get(code, (-1, 3))[1] for _, code in table], np.int8), [BNF.get(code, "") for _, code in table])
    paragraphs = sorted({code[:6] for code in ladder.bnf if code})
    names = tuple(dict.fromkeys([*quantities, *(row["quantity"] for p in people for row in p["measured"])]))
    arrays = PracticeArrays(
        person=np.arange(len(people), dtype=np.int32),
        birth=np.array([number_of(p["birth"]) for p in people], np.int32),
        sex=np.array([SEXES.index(p["sex"]) for p in people], np.int8),
        death=np.full(len(people), OPEN, np.int32),
        hospital_from=np.array([number_of(p["hospital_from"]) for p in people], np.int32),
        hospital_without_stays=np.array([p["hospital_without_stays"] for p in people], np.bool_),
        coded=family(Coded, "coded", lambda row: {**dated(row), "stay": stay_of(row)}),
        measured=family(Measured, "measured", lambda row: {
            **dated(row), "quantity": names.index(row["quantity"]), "value": row["value"], "minute": row.get("minute", -1),
            "comparator": COMPARATORS.index(row["comparator"])}),
        issues=family(Issues, "issues", dated),
        stays=family(Stays, "stays", lambda row: {
            "started": number_of(row["started"]), "recorded_start": number_of(row["recorded_start"]),
            "setting": SETTINGS.index(row["setting"]), "admission": ADMISSIONS.index(row["admission"]),
            "ended": number_of(row.get("ended")), "recorded_end": number_of(row.get("recorded_end")),
            "record": row.get("record", -1), "provider": providers.index(row["provider"]) if row.get("provider") else -1}),
        quantities=names, substance=ladder.substance, rung=ladder.rung, providers=providers,
        paragraph=np.array([paragraphs.index(code[:6]) if code else -1 for code in ladder.bnf], np.int32),
        inputs={"imd": np.array([p.get("inputs", {}).get("imd", np.nan) for p in people])})
    return Laid(arrays, [pair[0] for pair in table], [pair[1] for pair in table],
                np.array([number_of(p["as_of"]) for p in people], np.int32), ladder)


def as_said(scores: Scores, laid: Laid, id: str) -> list[Row]:
    """What the engine says of each person, in the words of the oracle."""
    score, found, plan = scores[id], scores.contributions, scores.plan
    card = next(card for card in plan.scorecards if card.id == id)
    said: list[Row] = [{
        "points": int(score.points[p]), "status": STATUS[score.status[p]], "band": (*score.bands, "")[score.band[p]],
        "reason": scores.reasons[score.reason[p]], "terms": {}} for p in range(len(laid.as_of))]
    for r in range(len(found)):
        if plan.scorecards[found.score[r]] is card:
            concept = int(found.concept[r])
            said[found.person[r]]["terms"][plan.term_names[found.term[r]]] = {
                "points": int(found.points[r]), "n": int(found.n[r]), "record": int(found.record[r]),
                "first": None if found.first[r] == OPEN else EPOCH + timedelta(days=int(found.first[r])),
                "last": None if found.last[r] == OPEN else EPOCH + timedelta(days=int(found.last[r])),
                "code": (laid.systems[concept], laid.codes[concept]) if concept >= 0 else None}
    return said
