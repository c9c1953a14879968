"""The practice's page: MDT pack, note reviews, pharmacist's lists, people nobody has seen, deaths to confirm."""

from __future__ import annotations

from typing import Any

from frailty.site import PracticeInfo, Request
from frailty.triage import cards
from frailty.triage.context import Run
from frailty.triage.lines import Page
from frailty.triage.listing import Room, Scope, excluded, list_room, make_list
from frailty.triage.room import comes_again
from frailty.triage.rules import ListInfo
from frailty.triage.team_page import left, notices


def practice_page(run: Run, practice: PracticeInfo) -> Page:
    """Build one practice's page."""
    ods, lists = practice.ods, run.rules.lists_of("practice")
    state = run.facts.sources.practices[ods]
    mine = [person for person, row in run.rows.items() if row["practice"] == ods]

    def asked(person: int, info: ListInfo) -> list[Request]:
        return [one for one in run.asked[person] if _asked_list(run, person, one.audience) == info.id]

    scope = Scope(("practice", ods), (ods,), asked)
    found = [make_list(run, scope, info, _mdt_room(run, practice, info) if info.id == "mdt" else list_room(run, scope, info))
             for info in lists]
    views = tuple(view for view, _ in found)
    return Page(
        "practice",
        ods,
        practice.name,
        "Practice worklist" + (f" · lead {practice.lead}" if practice.lead else ""),
        views,
        left(run, scope.place, views),
        excluded(run, [ods]),
        tuple(group for _, groups in found for group in groups),
        _objectors(run, ods),
        tuple(_notices(run, practice, lists)),
        run.facts.sources.of(ods),
        state.state,
        _registered(run, ods),
        decided=run.decided(mine, [rule for one in lists for rule in run.rules_of(one.id)]),
    )


def _asked_list(run: Run, person: int, audience: str) -> str:
    """On which list of the practice a request stands; empty where a home's or a team's page carries it."""
    if run.rows[person]["death_status"] == "informal":
        return "hold"
    if audience not in ("practice", "home", "pharmacist"):
        return ""
    if audience == "pharmacist":
        return "pharmacist"
    return "" if run.at_home(person, audience) else "mdt"


def _mdt_room(run: Run, practice: PracticeInfo, info: ListInfo) -> Room:
    """How many the pack holds, and for which meeting."""
    slots = practice.mdt_slots if practice.mdt_slots is not None else run.facts.settings.number(info.slots)
    found, intro = run.meetings(practice), info.intro
    if not found:
        return Room(slots, intro + " No meeting days are given for this practice.", comes_again(run, info.id))
    first, when = found[0], cards.day(found[0].on, weekday=True)
    days = max(1, (found[-1].on - first.on).days) if len(found) > 1 else 7
    closes = cards.day(first.cut_off, weekday=True)
    if run.as_of <= first.cut_off:
        return Room(slots, f"{intro} Meeting on {when}; the pack closes at the end of {closes}.", days, first.on)
    in_pack = any(
        line.list == info.id and line.section == "now" and line.due == first.on
        for line in run.previous.at("practice", practice.ods).values()
    )
    if in_pack or len(found) == 1:
        return Room(slots, f"{intro} Meeting on {when}; the pack closed on {closes}.", days, first.on, open=False)
    return Room(slots, f"{intro} Meeting on {cards.day(found[1].on, weekday=True)}.", days, found[1].on)


def _registered(run: Run, ods: str) -> int:
    """Living registered people; of a frozen practice as in its last good register, with which the next night compares."""
    frozen = run.facts.sources.practices[ods].state == "frozen"
    return max(run.census.registered.get(ods, 0), run.previous.registered.get(("practice", ods), 0) if frozen else 0)


def _objectors(run: Run, ods: str) -> tuple[Any, ...]:
    """The marker that only the person's own practice sees."""
    cursor = run.con.execute(
        "SELECT name, nhs_number, birth_date, age, phone, room, usual_gp, address, postcode FROM facts "
        "WHERE practice = ? AND objection = 'yes' AND registration_status = 'registered' "
        "AND coalesce(death_status, 'none') <> 'formal' "
        "ORDER BY name, person",
        [ods],
    )
    names = [column[0] for column in cursor.description or ()]
    return tuple(cards.card(dict(zip(names, row, strict=True))) for row in cursor.fetchall())


def _notices(run: Run, practice: PracticeInfo, lists: list[ListInfo]) -> list[str]:
    """What the reader must know before using the page."""
    made = []
    state = run.facts.sources.practices[practice.ods]
    if state.state != "ok":
        since = f" of {cards.day(run.previous.as_of)}" if run.previous.as_of else ""
        shown = (
            f"The planned lists below repeat the last good run{since}."
            if run.previous.at("practice", practice.ods)
            else "There is no earlier list to show."
        )
        made.append(f"This practice is {state.state}: {state.why}. {shown} New requests are still served.")
    if not state.hospital:
        made.append(f"Newer admissions and discharges are not known ({state.hospital_note}).")
    moved = sum(
        run.at_home(person, one.audience)
        for person, found in run.asked.items()
        for one in found
        if run.rows[person]["practice"] == practice.ods
    )
    if moved:
        made.append(
            f"{cards.plural(moved, 'request')} for care-home residents: first on the home's round list."
        )
    return [*made, *notices(run, lists, [practice.ods], own=True)]
