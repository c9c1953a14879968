"""Scores to worklists: apply the rules, then build one page for each audience."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from frailty.site import Site
from frailty.triage import cards, handover, team_page
from frailty.triage.cases import Cases
from frailty.triage.casework import casework, left_off, previous_tasks, steadied, still_open
from frailty.triage.context import Run
from frailty.triage.copies import changed
from frailty.triage.evaluate import evaluate
from frailty.triage.facts import FactTable
from frailty.triage.fair import equity_table
from frailty.triage.home_page import home_page, task
from frailty.triage.homes import Question
from frailty.triage.lines import Line, ListView, Page, Worklists, came_off
from frailty.triage.listing import Scope, make_list
from frailty.triage.outcomes import Decision, Decisions
from frailty.triage.practice_page import practice_page
from frailty.triage.previous import numbers_tonight, read_previous, under_tonights_ids, who_is_gone
from frailty.triage.room import placed
from frailty.triage.rules import HOME_LISTS, RuleSet, shadow
from frailty.triage.tiers import Tiers, tiers_of

if TYPE_CHECKING:
    import duckdb


def build_worklists(
    con: duckdb.DuckDBPyConnection,
    site: Site,
    facts: FactTable,
    rules: RuleSet,
    as_of: date,
    previous: Iterable[Mapping[str, Any]] | None = None,
    decisions: Iterable[Decision] = (),
) -> Worklists:
    """Build all pages and the cases from the temp table `facts`.

    `previous`: rows of `listed` of the last run before `as_of` (see `previous_listed`); `decisions`: what people answered.
    """
    rows = list(previous or ())
    numbers = numbers_tonight(con, rows)
    gone = who_is_gone(con, rows, numbers, as_of, facts.settings.texts("objection_kinds"))
    if gone:
        rows = under_tonights_ids(con, rows, gone)
        numbers = numbers_tonight(con, rows)
    run = Run(con, site, facts, rules, as_of, read_previous(rows, numbers), None)  # type: ignore[arg-type]
    run.decisions, run.gone = Decisions(decisions), gone
    _freeze_shrunk(run)
    run.evaluation = evaluate(con, rules, facts.absent_everywhere(), facts.absent_at())
    run.load()
    run.tiers = tiers_of(run, rows)
    cases = casework(run, previous_tasks(rows, numbers))
    still_open(run, cases)
    steadied(run, cases)
    pages = [practice_page(run, practice) for practice in sorted(site.practices, key=lambda one: one.ods)]
    pages += [home_page(run, home) for home in sorted(site.homes, key=lambda one: one.id)]
    pages += team_page.team_pages(run)
    cases = cases.overflow(left_off(pages))
    about = tuple(f"{home.name}: {text}" for home in site.homes for text in run.alerts.get(home.id, ()))
    cases = changed(cases, alerts=(*cases.alerts, *about))
    pages.append(_hub_page(run, pages, cases, run.tiers))
    valid = as_of + timedelta(days=facts.settings.number("page_valid_days"))
    return Worklists(
        as_of,
        site.name,
        shadow(site, rules),
        rules.hash,
        valid,
        run.previous.as_of,
        tuple(pages),
        rules.rules,
        run.evaluation.nulls,
        cases,
        run.tiers,
    )


def _freeze_shrunk(run: Run) -> None:
    """A practice whose register shrank too much since the last run keeps its last good lists (G12)."""
    settings = run.facts.settings
    now = {
        str(ods): int(n)
        for ods, n in run.con.execute(
            "SELECT practice, count(*) FROM facts WHERE registration_status = 'registered' "
            "AND coalesce(death_status, 'none') = 'none' GROUP BY practice"
        ).fetchall()
    }
    for ods, state in list(run.facts.sources.practices.items()):
        before = run.previous.registered.get(("practice", ods), 0)
        lost = before - now.get(ods, 0)
        if (
            state.state != "ok"
            or lost < max(1, settings.number("shrink_people"))
            or lost * 100 <= before * settings.number("shrink_percent")
        ):
            continue
        why = (
            f"registered people fell from {before:,} to {now.get(ods, 0):,} since the last run; if that is right, "
            "raise shrink_percent in site.toml for one night"
        )
        run.facts.sources.practices[ods] = changed(state, state="frozen", why=why)
        run.con.execute("UPDATE facts SET practice_state = 'frozen' WHERE practice = ?", [ods])


def _hub_page(run: Run, pages: list[Page], cases: Cases, tiers: Tiers) -> Page:
    """For coordinators: the hub's own lists, every other list counted, and what a person has to settle."""
    practices, place = tuple(sorted(one.ods for one in run.site.practices)), ("hub", "hub")
    own = run.rules.lists_of("hub")
    first = next((info for info in own if info.queue == "hub"), None)
    scope = Scope(place, practices, lambda person, info: run.asked_of(person, "hub") if info == first else [])
    made = [make_list(run, scope, info) for info in own]
    views = tuple(view for view, _ in made)
    overview = []
    for page in pages:
        for view in page.lists:
            if view.id in ("everyone_else",) or not (view.lines or view.books.get("not evaluated")):
                continue
            overview.append(
                {
                    "audience": page.title,
                    "list": view.title,
                    "now": len(view.part("now")),
                    "room": _room(view),
                    "overflow": len(view.part("overflow")),
                    "paused": len(view.part("paused")),
                    "new": sum(line.status == "new" for line in view.lines),
                    "state": page.state,
                    "overdue": sum(line.overdue for line in view.lines),
                    "not_evaluated": view.books.get("not evaluated", 0),
                    "longest_wait": max(
                        (
                            (run.as_of - line.first_listed).days
                            for line in view.part("overflow")
                            if line.first_listed
                        ),
                        default=0,
                    ),
                }
            )
    over = handover.hand_over(run, cases)
    questions = [*run.unserved, *run.facts.residents.questions, *_unmatched(run), *over.questions,
                 *(one for one in _without_practice(run) if one.person not in over.people), *run.reported()]
    due = {one.patient_id: one.due for one in over.questions}
    lines = placed(run, place, (_with_waiting(run, task(one)) for one in questions), None)
    lines = [
        changed(line, due=day, due_text=f"by {cards.day(day, weekday=True)}" if day else "", overdue=bool(day and day < run.as_of),
                asked="asked for" in line.asks.lower())
        for line in run.finished(place, lines, [])
        for day in [due.get(line.mark)]
    ]
    lines.sort(key=lambda line: (not line.asked, line.priority, line.asks, line.card.name, line.mark))
    present = {line.mark for line in lines}
    ended = {(task.patient_id, f"{task.rule} v{task.version}"): why for task, why in cases.closed}
    settled = tuple(
        came_off(line, next((ended[mark, one] for one in line.rules if (mark, one) in ended), "settled, or no longer in question"))
        for (name, mark), line in run.previous.at(*place).items()
        if name == "tasks" and mark not in present and not run.unsaid(line)
    )
    totals: dict[str, int] = {}
    for page in pages:
        for label, number in page.excluded if page.audience == "practice" else ():
            totals[label] = totals.get(label, 0) + number
    unplaced = run.con.execute(
        "SELECT count(*) FROM facts WHERE practice IS NULL OR practice_state = 'not served'"
    ).fetchall()[0][0]
    if unplaced:
        totals["practice not recorded, or not one of this site"] = int(unplaced)
    notices = [
        f"{page.title} is {page.state}: its planned lists repeat the last good run."
        for page in pages
        if page.state != "ok"
    ]
    notices += [f"Rule {name}: {text}." for name, text in run.evaluation.errors.items()]
    notices += [f"Alert: {alert}." for alert in cases.alerts]
    notices += [*handover.notices(over), *_off_as_a_whole(run)]
    notices += [text for text in team_page.notices(run, own, practices, own=True) if text.startswith(("Rule", "Proposals"))]
    registered = sum(page.registered for page in pages if page.audience == "practice")
    where = {home.id: home.name for home in run.site.homes}
    lines = [changed(line, left_off=where.get(line.key.split("|")[0], line.card.practice)) for line in lines]
    view = ListView(
        "tasks",
        "To settle",
        "Questions that only a person can answer. They lie open until the sources agree; urgent work to hand over stands first, "
        "and an outcome in the workbook closes it.",
        tuple(lines),
        shape="table",
    )
    return Page(
        "hub",
        "hub",
        "Hub: all lists",
        f"For coordinators · {cards.plural(registered, 'registered person', 'registered people')}",
        (*views, view),
        (*team_page.left(run, place, views), *settled),
        tuple(totals.items()),
        tuple(group for _, groups in made for group in groups),
        (),
        tuple(notices),
        run.facts.sources.feeds,
        "ok",
        registered,
        tuple(overview),
        equity=equity_table(run, pages),
        tiers=tiers,
    )


def _room(view: ListView) -> str:
    """The places of a list, in words."""
    if view.weekly is not None:
        return f" ({view.weekly} new a week)"
    return f" of {cards.plural(view.slots, 'place')}" if view.slots is not None else ""


def _unmatched(run: Run) -> list[Question]:
    return [
        Question(
            home,
            "on the home's list, not in the records",
            entry.name,
            "; ".join(filter(None, (why, run.facts.residents.proposed.get(entry, "")))),
            None,
            entry.birth_date,
            entry.nhs_number,
            entry.room,
        )
        for home, entry, why in run.facts.residents.unmatched
    ]


def _with_waiting(run: Run, line: Line) -> Line:
    """A resident whose home nobody knows is on no home's page: what a rule asks of that home stands with the question."""
    row = run.rows.get(line.who)
    if row is None or row["care_home"] not in ("confirmed", "probable") or row["home_id"] is not None:
        return line
    met = [rule for rule in run.met(row["person"], run.rules.rules) if rule.list in HOME_LISTS]
    return changed(line, why=(*line.why, *(f"Waits for that home: {rule.asks} (rule {rule.id})" for rule in met)))


def _without_practice(run: Run) -> list[Question]:
    """People for whom a rule holds and whose practice nobody knows: they are nobody's, so they are the hub's."""
    made = []
    for person, row in run.rows.items():
        flags = run.flags.get(person, [])
        met = [rule for rule in run.met(person, run.rules.rules) if rule.list != "hold"]
        if (
            flags
            and flags[0] == "not_served"
            and met
            and not {"objection", "last_days", "deregistered"} & set(flags)
        ):
            made.append(
                Question(
                    "",
                    "practice not recorded, or not one of this site",
                    str(row["name"] or ""),
                    f"rule {met[0].id} holds: find out who looks after this person",
                    person,
                    row["birth_date"],
                    str(row["nhs_number"] or ""),
                )
            )
    return made


def _off_as_a_whole(run: Run) -> list[str]:
    """Queues of which no rule could be decided, with the first reason; single rules stand in the readiness report."""
    made = []
    for queue in run.rules.queues:
        mine = [rule for rule in run.rules.rules if rule.queue == queue.id]
        if mine and all(rule.id in run.evaluation.off for rule in mine):
            made.append(f"Queue {queue.code} ({queue.title}) is off: {run.evaluation.off[mine[0].id]}.")
    return made
