"""site.toml of the made-up locality, and the homes' own lists."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import numpy as np

from frailty.synthetic.model import Locality
from frailty.synthetic.people import OPEN, REGISTERED, Names
from frailty.synthetic.text import iso

COLUMNS = ("room", "name", "birth_date", "nhs_number", "admitted_on", "requested", "request_reason", "requested_by",
           "note")
REASONS = ("not eating for three days", "more confused than usual", "skin on the heel is red",
           "chesty since the weekend", "family asks about medicines", "two falls this week")
STRANGERS = (
    "Agnes Visitor",
    "Bertram Newcomer",
    "Clara Passing",
    "Desmond Elsewhere",
    "Elspeth Untraced",
    "Fergus Away",
)
MEETINGS = ("Wednesday", "Thursday", "Tuesday")


def home_lists(locality: Locality) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """The CSV of each home by home id, and how many lines of which kind each holds."""
    rng = locality.streams["homes"]
    texts, counts = {}, {}
    for index, home in enumerate(locality.homes):
        lines, counts[home.id] = _lines(locality, index, rng)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows(lines)
        texts[home.id] = out.getvalue()
    return texts, counts


def _lines(locality: Locality, index: int, rng: np.random.Generator) -> tuple[list[tuple[str, ...]], dict[str, int]]:
    people, r, s = locality.people, locality.residence, locality.settings
    here, own = people.home == index, (people.home == index) & r.listed
    second, dead = r.second_list == index, r.dead_on_list == index
    strangers = int(s.number("homes.unknown_per_home"))
    tally = {"residents": int(here.sum()), "listed_residents": int(own.sum()), "dead": int(dead.sum()),
             "also_on_another_list": int(second.sum()), "unknown": strangers, "requested": 0, "without_nhs_number": 0,
             "name_slips": 0}
    lines: list[tuple[str, ...]] = []
    for room, person in enumerate(rng.permutation(np.flatnonzero(own | second | dead)).tolist(), start=1):
        slip = rng.random() < s.number("homes.name_slip_share")
        no_number = rng.random() >= s.number("homes.nhs_number_share")
        asked = bool(r.requested[person]) and bool(own[person])
        for what, said in (("name_slips", slip), ("without_nhs_number", no_number), ("requested", asked)):
            tally[what] += int(said)
        admitted = r.admitted_on[person] if r.admitted_on[person] < OPEN else locality.as_of - 400
        request = ("yes", REASONS[person % len(REASONS)], locality.homes[index].lead) if asked else ("", "", "")
        lines.append((str(room), _written(locality.names, person, slip), iso(int(people.birth[person])),
                      "" if no_number else _number(int(people.nhs[person]), person), iso(int(admitted)), *request,
                      "back from hospital" if r.returned[person] else ""))
    for n in range(strangers):
        born, came = iso(locality.as_of - 31000 - 777 * n - 1000 * index), iso(locality.as_of - 90 - n)
        name = STRANGERS[(index + n) % len(STRANGERS)]
        lines.append((str(len(lines) + 1), name, born, "", came, "", "", "", "own doctor elsewhere"))
    return lines, tally


def _written(names: Names, person: int, slip: bool) -> str:
    """A name as the home writes it; a slip of the pen turns the last two letters round."""
    family = names.family(person)
    return f"{names.given(person)} {family[:-2] + family[-1] + family[-2] if slip else family}"


def _number(nhs: int, person: int) -> str:
    """An NHS number, in half of the lines with spaces."""
    text = str(nhs)
    return f"{text[:3]} {text[3:6]} {text[6:]}" if person % 2 else text


_HEAD = """\
# The site: who takes part, which records come from where, and what the site decides.
# Everything here is made up. Change it freely; every key has a default.

[site]
name = "Harbour and Downs"

# Practices. mdt_day: weekday of the next meeting, or mdt_dates = ["2026-11-25"]; mdt_slots: people it can discuss;
# on_hold = true: the practice's planned lists stay as they were.
"""
_PRACTICE = """\
[[practice]]
ods = "{ods}"
name = "{name}"
lead = "Dr {letter} Example"
mdt_day = "{day}"
mdt_slots = 8
on_hold = false

"""
_HOME = """\
[[home]]
id = "{id}"
name = "{name}"
practice = "{ods}"
lead = "{lead}"
round_day = "{round_day}"
beds = {beds}
phone = "{phone}"
address = "{address}"
postcode = "{postcode}"
residents = "homes/{id}.csv"

"""
_FEED = """\
[[feed]]
name = "{name}"
kind = "{kind}"
practices = [{practices}]
expected_days = {days}
{since}
"""
_REQUEST = """\
[[request]]
nhs_number = "{nhs}"
asked_by = "{who}"
asked_on = "{on}"
reason = "{reason}"
audience = "{audience}"

"""
_TAIL = """\
[settings]
# The site's own numbers; without them the proposals of the rules hold. `proposals`: clinical rules that are only a
# proposal are off until a site turns them on; this made-up one tries them all.
proposals = true

[sign-off]
# Pages say SHADOW until all four are filled in and the hash is that of the rules and settings.
safety_officer = ""
ig_lead = ""
clinical_lead = ""
hash = ""
"""


def site_toml(locality: Locality) -> str:
    """The commented description of the site."""
    plans = locality.plans
    since = locality.day - timedelta(days=int(locality.settings.number("hospital.years") * 365.25))
    out = [_HEAD]
    out += [
        _PRACTICE.format(ods=plan.ods, name=plan.name, letter=chr(65 + plan.index % 26), day=MEETINGS[plan.index % 3])
        for plan in plans
    ]
    out.append(f"# Care homes. residents: the home's own list, a CSV with\n# {', '.join(COLUMNS)}.\n")
    out += [_HOME.format(**home.__dict__ | {"ods": plans[home.practice].ods}) for home in locality.homes]
    out.append(
        "# Feeds: the folders of records. expected_days: what is older is late. since: the day from which a hospital\n"
        "# feed covers admissions.\n"
    )
    out += [
        _FEED.format(name=f"{plan.slug}-gp", kind="gp", practices=f'"{plan.ods}"', days=1, since="") for plan in plans
    ]
    everyone = ", ".join(f'"{plan.ods}"' for plan in plans)
    out.append(_FEED.format(name="hospital", kind="hospital", practices=everyone, days=2, since=f'since = "{since}"\n'))
    out.append("# People whom somebody asked for. They are always served, whatever their scores.\n")
    for person, who, reason, audience in requests(locality):
        practice = plans[int(locality.people.practice[person])].name
        out.append(_REQUEST.format(nhs=locality.people.nhs[person], who=f"{who}, {practice}", reason=reason,
                                   on=iso(locality.as_of - 2), audience=audience))
    return "".join([*out, _TAIL])


def requests(locality: Locality) -> list[tuple[int, str, str, str]]:
    """Whom somebody asked for: a fit person, one who objects to profiling, and one with many medicines."""
    people, x = locality.people, locality.extras
    able = (people.status == REGISTERED) & (people.home < 0) & (people.moved_on == OPEN)
    able &= (x.gp_nhs > 0) & (people.age >= 65)
    objects = x.objecting
    chosen = [
        (able & ~objects, locality.gp.listed.sum(axis=1), "Nurse C", "worried since last week", "practice"),
        (able & objects, people.age * 0, "Dr A", "asks for a review", "practice"),
        (able & ~objects, -locality.gp.regular, "Receptionist D", "cannot manage the tablets", "pharmacist")]
    found: list[tuple[int, str, str, str]] = []
    for mask, key, who, reason, audience in chosen:
        rows = np.flatnonzero(mask)
        if len(rows):
            found.append((int(rows[np.argsort(key[rows], kind="stable")[0]]), who, reason, audience))
    return found
