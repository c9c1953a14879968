"""What every page of one run draws on: verdicts, exclusions, requests, and how a line is made."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from frailty.records.left import Left
from frailty.site import Home, PracticeInfo, Request, Site
from frailty.triage import cards
from frailty.triage.capacity import Fairness, fairness
from frailty.triage.census import Census, census
from frailty.triage.clocks import Meeting, due_day, instant, london, meetings, reached
from frailty.triage.clocks import Place as ClockPlace
from frailty.triage.copies import changed
from frailty.triage.evaluate import Evaluation
from frailty.triage.facts import FactTable
from frailty.triage.home_alerts import home_alerts
from frailty.triage.homes import Question
from frailty.triage.lines import Card, Line
from frailty.triage.outcomes import Decisions, Verdict, told
from frailty.triage.previous import Place, Previous, compared
from frailty.triage.rules import Exclusion, ListInfo, Rule, RuleSet, applies
from frailty.triage.tiers import Tiers
from frailty.triage.vocabulary import BUILT, vocabulary

if TYPE_CHECKING:
    import duckdb

SHOWN = ("palliative", "palliative_on", "housebound", "lives_alone")  # coded facts that cards name
ASKED = "ASKED"  # stands in `rules` where a person asked


@dataclass
class Run:
    """One run. `rows`: facts of everybody who may be shown; `verdicts`: person -> rule -> (outcome, first).

    `held`: person -> rule or request -> the decision that keeps them off; `again`: the same for what lists them again; `kept`:
    why a line stays though its rule is silent. `unsteady`: (practice, rule) -> people who came and who went, held for now.
    `gone`: patient_id -> the last row of who was listed and is not in the records tonight.
    """

    con: duckdb.DuckDBPyConnection
    site: Site
    facts: FactTable
    rules: RuleSet
    as_of: date
    previous: Previous
    evaluation: Evaluation
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    verdicts: dict[int, dict[str, tuple[str, bool]]] = field(default_factory=dict)
    flags: dict[int, list[str]] = field(default_factory=dict)
    asked: dict[int, list[Request]] = field(default_factory=dict)
    terms: dict[str, list[tuple[str, date | None]]] = field(default_factory=dict)
    unserved: list[Question] = field(default_factory=list)
    decisions: Decisions = field(default_factory=Decisions)
    held: dict[int, dict[str, str]] = field(default_factory=dict)
    again: dict[int, dict[str, str]] = field(default_factory=dict)
    shares: dict[str, dict[str, int]] = field(default_factory=dict)
    kept: dict[tuple[int, str], str] = field(default_factory=dict)
    unsteady: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    tiers: Tiers = field(default_factory=Tiers)
    gone: dict[str, Left] = field(default_factory=dict)
    _due_days: dict[tuple[Any, ...], tuple[date, str] | None] = field(default_factory=dict)

    @cached_property
    def alerts(self) -> dict[str, list[str]]:
        """Home -> its alerts tonight."""
        return home_alerts(self)

    @cached_property
    def census(self) -> Census:
        """People, verdicts and exclusions by practice."""
        return census(self)

    @cached_property
    def needs(self) -> dict[int, str]:
        """Person -> tier of need and why; since when, where it did not change tonight."""
        titles = {tier.id: tier.title for tier in self.tiers.tiers}
        return {person: f"{titles[tier]}: {why}" + (f", since {cards.day(since)}" if since < self.as_of else "")
                for person, _, _, tier, why, since in self.tiers.people}

    def off_at(self, rule: Rule, ods: str) -> str:
        """Why a rule could not be decided for anybody of a practice; empty where it could."""
        gaps = (absent for fact in rule.needs if (absent := self.facts.why_absent(fact, ods)))
        return self.evaluation.off.get(rule.id, "") or next(gaps, "")

    def slots(self, setting: str, place: str) -> int:
        """How many places this setting gives a practice, home or team: its own, or the number for all."""
        return self.site.slots.get((place, setting), self.facts.settings.number(setting))

    def load(self) -> None:
        """Read verdicts and exclusions, match requests, fetch the facts of everybody who may be shown."""
        for person, rule, outcome, first in self.con.execute("SELECT * FROM outcome ORDER BY ALL").fetchall():
            self.verdicts.setdefault(person, {})[rule] = (outcome, first)
        self._match_requests()
        wanted = {
            *self.verdicts,
            *self.asked,
            *self.facts.residents.people,
            *(
                line.person
                for lines in self.previous.lines.values()
                for line in lines.values()
                if line.person is not None
            ),
        }
        decided = self.con.execute(
            "SELECT person FROM facts WHERE list_contains(?::VARCHAR[], patient_id)", [sorted(self.decisions.by_person)]
        ).fetchall()
        wanted |= {person for (person,) in decided}
        self.con.execute("CREATE OR REPLACE TEMP TABLE t_show (person INTEGER)")
        self.con.execute("INSERT INTO t_show SELECT unnest(?::INTEGER[])", [sorted(wanted)])
        cursor = self.con.execute(
            f"SELECT {', '.join(self._shown())} FROM facts WHERE person IN (SELECT person FROM t_show) ORDER BY person"
        )
        names = [column[0] for column in cursor.description or ()]
        self.rows = {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}
        ranks = {one.id: rank for rank, one in enumerate(self.rules.exclusions)}
        for person, flag in self.con.execute(
            "SELECT * FROM exclusion_flag WHERE person IN (SELECT person FROM t_show) ORDER BY ALL"
        ).fetchall():
            self.flags.setdefault(person, []).append(flag)
        for held in self.flags.values():
            held.sort(key=ranks.__getitem__)
        for person in list(self.asked):
            barred = next(
                (
                    one
                    for one in self.rules.exclusions
                    if one.id in self.flags.get(person, ())
                    and one.outcome == "excluded"
                    and not one.asked_anyway
                ),
                None,
            )
            if barred:
                row = self.rows[person]
                why = cards.fill(barred.reason, row, self.facts.settings.values)
                self.unserved += [
                    Question(
                        "",
                        f"asked for, but {why}",
                        str(row["name"] or ""),
                        asked_text(request),
                        person,
                        row["birth_date"],
                        str(row["nhs_number"] or ""),
                    )
                    for request in self.asked.pop(person)
                ]
        self._decide()
        self.terms = self.facts.deficits(
            [
                row["patient_id"]
                for row in self.rows.values()
                if row["frailty_suggested"] in ("moderate", "severe")
            ]
        )

    def _decide(self) -> None:
        """What people decided: a rule that it answers is suppressed, a request that it answers is closed (3.3)."""
        for person, row in self.rows.items():
            if str(row["patient_id"]) not in self.decisions.by_person:
                continue
            verdicts = self.verdicts.get(person, {})
            for rule in self.met(person, self.rules.rules):
                said = self.decisions.on_rule(str(row["patient_id"]), rule, row, self.as_of)
                if said and said.held:
                    verdicts[rule.id] = ("suppressed", verdicts[rule.id][1])
                self._said(person, rule.id, said)
            if person in self.asked:
                self.asked[person] = [one for one in self.asked[person] if not self.answered(person, one)]
                if not self.asked[person]:
                    del self.asked[person]

    def _said(self, person: int, about: str, said: Verdict | None) -> bool:
        if said is not None:
            (self.held if said.held else self.again).setdefault(person, {})[about] = said.text
        return said is not None and said.held

    def answered(self, person: int, request: Request) -> bool:
        """Whether somebody answered this very request."""
        row, asked = self.rows[person], asked_text(request)
        said = self.decisions.on_request(
            str(row["patient_id"]), asked, request.asked_on, request.reason, row, self.as_of
        )
        return self._said(person, asked, said)

    def decision_on(self, line: Line) -> str:
        """The decision that keeps somebody off whom this line listed; empty where there is none."""
        rules = [rule for mark in line.rules if (rule := self.rules.rule(mark.split(" v")[0]))]
        names = [rule.id for rule in rules]
        for about, text in self.held.get(line.who, {}).items():
            if about in names or (ASKED in line.rules and about in line.by):
                return text
        row = self.rows.get(line.who)
        if row is not None and "practice_paused" not in self.flags.get(line.who, ()):
            return ""
        # the last good list is repeated: what a rule would say tonight is not known, what was decided is
        said = [self.decisions.on_rule(line.patient_id, rule, row or {}, self.as_of) for rule in rules]
        return next((one.text for one in said if one and one.held), "")

    def reported(self) -> list[Question]:
        """What a worklist reported of a person and the records do not say: a death, a move, an incident."""
        made = []
        for person, row in self.rows.items():
            mine = self.decisions.by_person.get(str(row["patient_id"]))
            outcome = self.decisions.outcomes.get(mine[-1].outcome) if mine else None
            gone = row["death_status"] == "formal" or row["registration_status"] == "deregistered"
            if mine and outcome and (outcome.kind == "incident" or (outcome.kind == "gone" and not gone)):
                said = told(mine[-1], outcome) + (f": {mine[-1].note}" if mine[-1].note else "")
                what, name = "reported in a worklist, not in the records", str(row["name"] or "")
                made.append(Question("", what, name, said, person, row["birth_date"], str(row["nhs_number"] or "")))
        return made

    def decided(self, people: Iterable[int], rules: Sequence[Rule]) -> tuple[Line, ...]:
        """People whom these rules would list, and whom a decision keeps off: who, which list, until when."""
        lists = {rule.id: rule.list for rule in rules}

        def shown(person: int, rule_id: str) -> bool:
            found = self.exclusion(person, [rule for rule in rules if rule.id == rule_id])
            return rule_id in lists and (found is None or found.outcome not in ("excluded", "held"))

        return tuple(
            Line(lists[about], self.card(person), str(self.rows[person]["patient_id"]), person, why=(text,), by=f"rule {about}")
            for person in people
            for about, text in self.held.get(person, {}).items()
            if shown(person, about)
        )

    def _shown(self) -> list[str]:
        """The facts that lines and texts name; the others stay in the table."""
        rules = (*self.rules.rules, *self.rules.off)
        texts = [text for rule in rules for text in (rule.asks, rule.reason, *(leave.reason for leave in rule.leaves))]
        texts += [one.reason for one in self.rules.exclusions]
        said = {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}
        said |= {name for rule in rules for name in (rule.due, *rule.needs)}
        return [name for name in vocabulary() | (self.rules.facts or {}) if name in BUILT or name in SHOWN or name in said]

    def _match_requests(self) -> None:
        """Requests by NHS number. Nobody, or more than one person: a person must look."""
        for request in self.site.requests:
            if request.asked_on is not None and request.asked_on > self.as_of:
                continue
            found = self.con.execute(
                "SELECT person, name, birth_date FROM facts WHERE nhs_number = ? ORDER BY person",
                [request.nhs_number],
            ).fetchall()
            if len(found) == 1:
                self.asked.setdefault(found[0][0], []).append(request)
                continue
            what = (
                "asked for, but nobody in the records has this NHS number"
                if not found
                else f"asked for, but {len(found)} people in the records share this NHS number"
            )
            self.unserved.append(Question("", what, "", asked_text(request), None, None, request.nhs_number))

    # --- who is excluded -------------------------------------------------------------------------------------------

    def unsaid(self, line: Line) -> bool:
        """Whether a line of the last run came of a score and the person objects since: then no page says that it was there."""
        rules = [self.rules.rule(mark.split(" v")[0]) for mark in line.rules if mark != ASKED]
        if line.patient_id in self.gone:
            return self.gone[line.patient_id].objects
        scored = any(rule is None or rule.planned for rule in rules)
        return scored and line.person is not None and "objection" in self.flags.get(line.person, ())

    def exclusion(self, person: int, rules: Sequence[Rule]) -> Exclusion | None:
        """The first exclusion that keeps a person off the lists of these rules."""
        flags = self.flags.get(person)
        if not flags:
            return None
        for flag in flags:                              # in the order of the exclusions
            exclusion = self.rules.exclusion(flag)
            if exclusion.scope == "everything" and not rules:
                return exclusion
            holds = (applies(exclusion, rule) for rule in rules)
            if rules and (all(holds) if exclusion.scope == "planned" else any(holds)):
                return exclusion
        return None

    def rules_of(self, list_id: str) -> list[Rule]:
        """The rules of one list, in their order."""
        return self.rules.rules_of(list_id)

    def met(self, person: int, rules: Sequence[Rule]) -> list[Rule]:
        """Those of the rules that hold for a person."""
        verdicts = self.verdicts.get(person, {})
        return [rule for rule in rules if verdicts.get(rule.id, ("", False))[0] == "yes"]

    @cached_property
    def _practices(self) -> dict[str, PracticeInfo]:
        return {one.ods: one for one in self.site.practices}

    @cached_property
    def _homes(self) -> dict[str, Home]:
        return {one.id: one for one in self.site.homes}

    # --- names -----------------------------------------------------------------------------------------------------

    def practice(self, ods: str | None) -> PracticeInfo | None:
        """A practice by its code."""
        return self._practices.get(str(ods))

    def practice_name(self, ods: str | None) -> str:
        """A practice's name, or its code."""
        found = self.practice(ods)
        return found.name if found else str(ods or "")

    def home(self, home_id: str | None) -> Home | None:
        """A home by its id."""
        return self._homes.get(str(home_id))

    def asked_of(self, person: int, queue: str) -> list[Request]:
        """What is asked of a team, or of the hub; who may have died is only the practice's, which confirms it."""
        may_call = self.rows[person]["death_status"] != "informal"
        return [one for one in self.asked[person] if one.audience == queue and may_call]

    def at_home(self, person: int, audience: str) -> bool:
        """Whether a request stands on a home's page: asked of the home, or for a confirmed resident."""
        row = self.rows[person]
        if audience not in ("practice", "home") or self.home(row["home_id"]) is None:
            return False
        return audience == "home" or row["care_home"] == "confirmed"

    def meetings(self, practice: PracticeInfo | None) -> tuple[Meeting, ...]:
        """The practice's next two meetings."""
        if practice is None:
            return ()
        return meetings(
            practice.mdt_day,
            practice.mdt_dates,
            self.as_of,
            self.facts.settings.number("cut_off_days"),
            self.facts.calendar,
        )

    # --- lines -----------------------------------------------------------------------------------------------------

    def card(self, person: int) -> Card:
        """The card of a person."""
        row = self.rows[person]
        return cards.card(row, self.practice_name(row["practice"]))

    def line(
        self,
        person: int,
        where: ListInfo | str,
        met: Sequence[Rule],
        asked: Sequence[Request] = (),
    ) -> Line:
        """A line for somebody who is asked for, or for whom rules hold. `where`: a list, or by name one of a home's page."""
        row, settings = self.rows[person], self.facts.settings
        info = where if isinstance(where, ListInfo) else ListInfo(where, "home", "care_home", "", "")
        social = info.card == "social"
        again, held = self.again.get(person, {}), self.held.get(person, {})
        if social:                  # what other teams decided is no navigator's to read (4.5)
            own_rules = {rule.id for one in self.rules.lists_of(info.page, info.queue) for rule in self.rules.rules_of(one.id)}
            held = {about: text for about, text in held.items() if about in own_rules}
        about = [*map(asked_text, asked), *(rule.id for rule in met)]
        why = list(dict.fromkeys(again[one] for one in about if one in again))
        why += [f"Asked because: {request.reason}" for request in asked if request.reason]
        why += [cards.fill(rule.reason, row, settings.values) for rule in met]
        why += [f"Still open: {kept}" for rule in met if (kept := self.kept.get((person, rule.id)))]
        said = " ".join(why)
        why += [
            event
            for event in cards.events(
                row, self.as_of, settings.number("recent_event_days"), settings.number("late_news_days")
            )
            if not social and event.split(" (")[0] not in said
        ]
        if info.card == "deficits":
            why += cards.deficits(self.terms.get(row["patient_id"], ()), row)
        asks = next((rule.asks for rule in met), "")
        if asked and row["death_status"] == "informal":
            asks = f"Confirm whether this person has died; {asked[0].asked_by} asks for them. Make no contact before that."
        elif asked:
            asks = f"See {row['name'] or 'this person'}: asked for by {asked[0].asked_by}."
        home = self.home(row["home_id"])
        own = info.page == "practice"
        verdicts = self.verdicts.get(person, {})
        return Line(
            list=info.id,
            card=self.card(person),
            patient_id=str(row["patient_id"]),
            person=person,
            asks=asks,
            by=" · ".join([*map(asked_text, asked), *(f"rule {one.id} v{one.version}" for one in met)]),
            rules=(*(ASKED for _ in asked[:1]), *(f"{one.id} v{one.version}" for one in met)),
            why=tuple(dict.fromkeys(why)),       # two rules may give one reason
            frailty="" if social else cards.frailty(row, own),
            need="" if social else self.needs.get(person, ""),
            known=(*cards.known(row, home.name if home and info.page != "home" else "", social), *dict.fromkeys(held.values())),
            missing=cards.missing(row, self.facts, social),
            warnings=cards.warnings(row),
            priority=min((one.priority for one in met), default="P5"),
            asked=bool(asked),
            first=any(verdicts.get(one.id, ("", False))[1] for one in met),
            basis={fact: row[fact] for fact in self.decisions.outcomes.basis_facts() if row[fact] is not None},
        )

    @cached_property
    def fairness(self) -> Fairness:
        """The numbers by which places are shared."""
        return fairness(self.facts.settings)

    def finished(
        self,
        place: Place,
        lines: Iterable[Line],
        rules: Sequence[Rule],
        meeting: date | None = None,
        home: Home | None = None,
    ) -> list[Line]:
        """The lines with their due day and their status since the last run."""
        before = self.previous.at(*place)
        made = []
        for line in lines:
            met = [rule for rule in rules if f"{rule.id} v{rule.version}" in line.rules]
            line = self.due(line, met, meeting, home) if line.section == "now" else line
            if not line.patient_id and line.mark in self.decisions.by_person:
                last = self.decisions.by_person[line.mark][-1]
                said = told(last, self.decisions.outcomes.get(last.outcome))
                line = changed(line, why=(*line.why, f"Outcome recorded: {said}; open until the sources agree"))
            made.append(compared(line, before.get((line.list, line.mark)), self.as_of))
        return made

    def due(self, line: Line, met: Sequence[Rule], meeting: date | None, home: Home | None) -> Line:
        """When it is due: by the clock of the list's own rule, else by the earliest clock."""
        team = any(one.id == line.list and one.page != "practice" for one in self.rules.lists)
        coming = "next_round" if home else self.rules.usual_due(line.list) if team else "next_mdt"
        mine = [rule.due for rule in met if rule.list == line.list] or [
            *(rule.due for rule in met), *([coming] if line.asked or not met else [])]
        row = self.rows.get(line.who)
        found = [self.due_on(coming if due == "next_mdt" else due, line.turn_on or self.as_of, row, home, meeting) for due in mine]
        if not any(found):
            return line
        when, text = min(one for one in found if one)
        if when < self.as_of:
            late = self.facts.calendar.between(when, self.as_of)
            text += f": OVERDUE by {cards.plural(late, 'working day')}" if late else ": OVERDUE"
        return changed(line, due=when, due_text=text, overdue=when < self.as_of)

    def due_on(self, due: str, start: date, row: Mapping[str, Any] | None, home: Home | None, meeting: date | None = None
               ) -> tuple[date, str] | None:
        """The day that a rule's `due` means for work that began on `start`, and how a line says it; None: nobody knows.

        `meeting`: the one for which the page's pack is made.
        """
        key = (due, start, row["practice"] if row else None, home.id if home else None, meeting)
        if key not in self._due_days:
            made = self._due_on(due, start, row, home, meeting)
            if due in (self.rules.facts or {}):             # a person's own day
                return made
            self._due_days[key] = made
        return self._due_days[key]

    def _due_on(self, due: str, start: date, row: Mapping[str, Any] | None, home: Home | None, meeting: date | None
                ) -> tuple[date, str] | None:
        clock = self.facts.clocks.clock(due)
        if clock is None:
            day = row[due] if row else None
            return (day, f"by {cards.day(day, weekday=True)}") if isinstance(day, date) else None
        practice = self.practice(row["practice"]) if row else None
        here = ClockPlace(self.facts.calendar, round_day=home.round_day if home else "",
                          mdt_day=practice.mdt_day if practice else "", mdt_dates=practice.mdt_dates if practice else ())
        met = clock.counts == "next_meeting" and (meeting or here.mdt_day or here.mdt_dates)
        day = meeting if met and meeting else due_day(clock, start, self.as_of, here)
        word = "MDT on" if met else "round on" if clock.counts == "next_round" and here.round_day else "by"
        hour = f", {london(reached(clock, instant(start), here)):%H:%M}" if clock.counts in ("by_time", "same_day") else ""
        return day, f"{word} {cards.day(day, weekday=True)}{hour}"


def asked_text(request: Request) -> str:
    """Who asked, and when."""
    return f"asked by {request.asked_by}" + (f" on {cards.day(request.asked_on)}" if request.asked_on else "")
