"""Who lives in which care home: the home's own list, the address and the codes, with confidence and disagreements."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from typing import Any

from frailty.knowledge import parsed, rules_dir
from frailty.site import Home, Resident, Site
from frailty.triage.clocks import Calendar, Clock, Place, due_day


@cache
def _known() -> tuple[frozenset[str], dict[str, str], float]:
    """Titles, roads by their abbreviation, and how much alike a name must be to be proposed."""
    told = parsed(rules_dir() / "names_and_addresses.toml")
    return frozenset(told["titles"]), told["roads"], told["alike"]


@dataclass(frozen=True)
class Question:
    """A disagreement for a person to settle (CH-08). `person` is None for a line that matches nobody.

    `work`: the urgent work that waits for the answer, of `patient_id`, by `rules`; `due`: of the first of it.
    """

    home: str
    what: str
    name: str
    detail: str
    person: int | None = None
    birth_date: date | None = None
    nhs_number: str = ""
    room: str = ""
    patient_id: str = ""
    work: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    priority: str = "P5"
    due: date | None = None
    practice: str = ""


@dataclass
class Residence:
    """What is known of one person's home."""

    home: str | None = None
    sources: list[str] = field(default_factory=list)
    confidence: str = "probable"
    line: Resident | None = None
    since: date | None = None
    clock_kind: str | None = None
    clock_start: date | None = None
    clock_due: date | None = None


@dataclass
class Residents:
    """All residents by person, the lines that match nobody, and the questions.

    `proposed`: line -> who it could mean; only for the hub, because that person need not live at the home.
    """

    people: dict[int, Residence] = field(default_factory=dict)
    unmatched: list[tuple[str, Resident, str]] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    proposed: dict[Resident, str] = field(default_factory=dict)


def find_residents(site: Site, people: Sequence[Mapping[str, Any]], coded: Mapping[int, date]) -> Residents:
    """Match the three sources.

    `people`: everybody whom a list, an address or a code could mean (person, name, birth_date, nhs_number, address,
    postcode, death_status, registration_status). `coded`: person -> first date of the present run of residence codes.
    """
    found = Residents()
    facts = {int(row["person"]): row for row in people}
    listed = _match_lists(site, facts, found)
    there: dict[str, list[Home]] = {}
    for home in site.homes:
        there.setdefault(postcode_key(home.postcode), []).append(home)
    at_home = {
        person: home.id
        for person, row in facts.items()
        for home in there.get(postcode_key(row["postcode"]), ())
        if at_address(home, row)
    }
    keeps = {home.id for home in site.homes if home.keeps_list}
    for person in sorted({*listed, *at_home, *(person for person in coded if person in facts)}):
        row = facts[person]
        died, left = row["death_status"] == "formal", row["registration_status"] == "deregistered"
        if (died or left) and person in listed:
            why = "has died" if died else "is no longer registered with a practice here"
            found.questions.append(_question(listed[person][0], row, "on the home's list", f"but {why}"))
        if died or (left and person not in listed):
            continue
        made = Residence()
        if person in listed:
            made.home, made.line, strong = listed[person]
            made.since = made.line.admitted_on
            made.sources.append("home's list")
        else:
            made.home, strong = at_home.get(person), False
        if person in at_home and at_home[person] == made.home:
            made.sources.append("address")
        if person in coded:
            made.sources.append("code")
            made.since = made.since or coded[person]
        disagrees = made.home in keeps and person not in listed
        if strong or (len(made.sources) > 1 and made.home is not None and not disagrees):
            made.confidence = "confirmed"
        _disagreements(made, row, at_home.get(person), disagrees, found)
        found.people[person] = made
    return found


def start_clocks(
    found: Residents,
    last_stay: Mapping[int, tuple[date, date]],
    as_of: date,
    clock: Clock,
    calendar: Calendar,
) -> None:
    """Day 0 is the admission to the home, or a later return from an inpatient stay (admitted, discharged)."""
    for person, made in found.people.items():
        if made.home is None:
            continue
        if made.since is not None and made.since <= as_of:
            made.clock_kind, made.clock_start = "new", made.since
        stay = last_stay.get(person)
        if stay and (made.since is None or stay[0] >= made.since):
            made.clock_kind, made.clock_start = "back", stay[1]
        if made.clock_start is not None:
            made.clock_due = due_day(clock, made.clock_start, as_of, Place(calendar))


def _match_lists(
    site: Site, facts: Mapping[int, Mapping[str, Any]], found: Residents
) -> dict[int, tuple[str, Resident, bool]]:
    """Person -> (home, line, strong). Strong: NHS number and birth date agree."""
    by_number: dict[str, list[int]] = {}
    by_birth: dict[date, list[int]] = {}
    for person, row in facts.items():
        if row["nhs_number"]:
            by_number.setdefault(str(row["nhs_number"]), []).append(person)
        if row["birth_date"]:
            by_birth.setdefault(row["birth_date"], []).append(person)
    claims: dict[int, list[tuple[str, Resident, bool]]] = {}
    for home in site.homes:
        for line in home.residents:
            match, strong, why = _match_line(line, facts, by_number, by_birth)
            if match is not None and line.confirmed is False:
                match, why = None, "a person said that the match in the records is somebody else"
            if match is None:
                found.unmatched.append((home.id, line, why))
                near = "" if line.confirmed is False else _perhaps(line, facts, by_birth)
                if near:
                    found.proposed[line] = near
                continue
            strong = strong or line.confirmed is True
            if why:
                found.questions.append(
                    _question(home.id, facts[match], why, f"the list says {_written(line)}", line)
                )
            claims.setdefault(match, []).append((home.id, line, strong))
    best = {}
    for person, claim in claims.items():
        # two homes' lists: the newest admission wins, then agreement of the address, then the home's id
        claim.sort(
            key=lambda one: (
                one[1].admitted_on or date.min,
                one[2],
                any(h.id == one[0] and at_address(h, facts[person]) for h in site.homes),
                one[0],
            )
        )
        best[person] = claim[-1]
        homes = sorted({one[0] for one in claim})
        for home_id in homes if len(homes) > 1 else ():
            names = ", ".join(other.name for other in site.homes if other.id in homes and other.id != home_id)
            won = "this home is taken (newest admission)" if home_id == claim[-1][0] else f"{names} is taken"
            found.questions.append(_question(home_id, facts[person], f"also on the list of {names}", won))
    return best


def _match_line(
    line: Resident,
    facts: Mapping[int, Mapping[str, Any]],
    by_number: Mapping[str, list[int]],
    by_birth: Mapping[date, list[int]],
) -> tuple[int | None, bool, str]:
    """The person that a line means, whether number and birth date agree, and what is odd about it."""
    if line.nhs_number and line.nhs_number in by_number:
        same = by_number[line.nhs_number]
        if len(same) > 1:
            return None, False, "two people in the records share this NHS number"
        row = facts[same[0]]
        born = line.birth_date is None or row["birth_date"] is None or line.birth_date == row["birth_date"]
        named = same_name(line.name, str(row["name"] or ""))
        if born and line.birth_date and row["birth_date"]:
            return same[0], True, "" if named else "the name differs from the records"
        if named:
            return same[0], False, "" if born else "the date of birth differs from the records"
        return None, False, "the NHS number belongs to somebody with another name and date of birth"
    if line.birth_date:
        fits = [
            person
            for person in by_birth.get(line.birth_date, ())
            if same_name(line.name, str(facts[person]["name"] or ""))
        ]
        if len(fits) == 1:
            number = facts[fits[0]]["nhs_number"]
            odd = line.nhs_number and number and line.nhs_number != number
            return fits[0], False, "the NHS number differs from the records" if odd else ""
        if fits:
            return None, False, "two people in the records have this name and date of birth"
    return None, False, "nobody in the records fits"


def confidence(
    line: Resident, people: Sequence[Mapping[str, Any]]
) -> str:
    """How sure the match of a line is: certain (number and date of birth), likely, possible, or none."""
    facts = {int(row["person"]): row for row in people}
    by_number: dict[str, list[int]] = {}
    by_birth: dict[date, list[int]] = {}
    for person, row in facts.items():
        by_number.setdefault(str(row["nhs_number"] or "-"), []).append(person)
        by_birth.setdefault(row["birth_date"], []).append(person)
    match, strong, why = _match_line(line, facts, by_number, by_birth)
    if match is None:
        return "possible" if _perhaps(line, facts, by_birth) else "none"
    return "certain" if strong and not why else "likely" if not why else "possible"


def _perhaps(line: Resident, facts: Mapping[int, Mapping[str, Any]], by_birth: Mapping[date, list[int]]) -> str:
    """Somebody born on that day whose name is much alike: a proposal for a person to settle, never a match."""
    if line.birth_date is None:
        return ""
    mine, (_, _, alike) = " ".join(name_words(line.name)), _known()
    near = [
        row
        for person in by_birth.get(line.birth_date, ())
        if difflib.SequenceMatcher(None, mine, " ".join(name_words(str((row := facts[person])["name"] or "")))).ratio() >= alike
    ]
    if len(near) != 1:
        return ""
    return f"possibly {near[0]['name']}, born on the same day; if so, add the NHS number to the line and confirm it"


def _disagreements(
    made: Residence, row: Mapping[str, Any], at_home: str | None, disagrees: bool, found: Residents
) -> None:
    home = made.home
    if home is None:
        found.questions.append(_question("", row, "a code says care home", "no home is known: which one?"))
    elif disagrees:
        found.questions.append(
            _question(home, row, "not on the home's list", _say(made.sources) + " that they live here")
        )
    elif at_home is not None and at_home != home:
        found.questions.append(
            _question(home, row, "on the home's list", "but the address is another home's")
        )
    elif made.confidence == "probable":
        found.questions.append(
            _question(
                home,
                row,
                "one source only",
                "only " + _say(made.sources) + " that they live here: " + _how_to_confirm(made.line),
            )
        )
    elif made.sources == ["home's list"]:
        found.questions.append(
            _question(
                home,
                row,
                "no care-home code and another address in the records",
                "please bring the GP record up to date",
            )
        )


def _how_to_confirm(line: Resident | None) -> str:
    if line is None or not line.where:
        return "please confirm"
    return f"if this is the person meant, write yes under Confirmed in the workbook, {line.where}; if not, no"


def _say(sources: Sequence[str]) -> str:
    """The sources as a subject: "the address and a care-home code say"."""
    names = {"home's list": "the home's list", "address": "the address", "code": "a care-home code"}
    return " and ".join(names[one] for one in sources) + (" say" if len(sources) > 1 else " says")


def _question(
    home: str, row: Mapping[str, Any], what: str, detail: str, line: Resident | None = None
) -> Question:
    return Question(
        home,
        what,
        str(row["name"] or ""),
        detail,
        int(row["person"]),
        row["birth_date"],
        str(row["nhs_number"] or ""),
        line.room if line else "",
    )


def _written(line: Resident) -> str:
    parts = (line.name, line.birth_date.isoformat() if line.birth_date else "", line.nhs_number)
    return ", ".join(part for part in parts if part)


def words(text: str) -> list[str]:
    """Lower-case words without accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.findall(r"[a-z0-9]+", plain.replace("'", ""))


def name_words(text: str) -> list[str]:
    """Words of a name, family name last, titles off ("EXAMPLE, Alice (Mrs)" -> alice example)."""
    titles, _, _ = _known()
    family, comma, given = text.partition(",")
    parts = [part for part in text.split() if (bare := "".join(words(part))) and bare not in titles]
    if not comma and len(parts) > 1 and len("".join(words(parts[0]))) > 1 and parts[0].isupper() and not parts[-1].isupper():
        text = " ".join([*parts[1:], parts[0]])  # SMITH Ada
    return [word for word in words(f"{given} {family}" if comma else text) if word not in titles]


def same_name(one: str, other: str) -> bool:
    """Family names agree, and first names agree or one is the other's initial."""
    a, b = name_words(one), name_words(other)
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-1]:
        return False
    return a[0] == b[0] or (min(len(a[0]), len(b[0])) == 1 and a[0][0] == b[0][0])


@lru_cache(maxsize=1 << 16)
def postcode_key(text: str | None) -> str:
    """Postcode without spaces, upper case."""
    return re.sub(r"\s", "", text or "").upper()


def at_address(home: Home, row: Mapping[str, Any]) -> bool:
    """The person's address holds the home's name, or its number and street, at the home's postcode."""
    if not home.postcode or postcode_key(row["postcode"]) != postcode_key(home.postcode):
        return False
    _, roads, _ = _known()
    here = [roads.get(word, word) for word in words(str(row["address"] or ""))]
    for text in (home.name, home.address):
        wanted = [roads.get(word, word) for word in words(text.split("\n")[0].split(",")[0])]
        if len(wanted) > 1 and any(
            here[i : i + len(wanted)] == wanted for i in range(len(here) - len(wanted) + 1)
        ):
            return True
    return False
