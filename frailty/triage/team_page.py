"""Pages of teams that serve several practices: community, mental health, navigators and others; and the hub's own lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from frailty.site import Request, Team
from frailty.triage import cards
from frailty.triage.context import Run
from frailty.triage.lines import Line, ListView, Page, came_off
from frailty.triage.listing import Scope, excluded, make_list
from frailty.triage.previous import Place
from frailty.triage.rules import ListInfo
from frailty.triage.why_off import why_off


def team_pages(run: Run) -> list[Page]:
    """A page for each team of each queue that has rules turned on, requests, or people from the last run."""
    made = []
    for queue in run.rules.queues:
        lists = run.rules.lists_of("team", queue.id)
        mine = [team for team in run.site.teams if team.queue == queue.id] or [Team(queue.id, queue.id, queue.title)]
        used = any(rule.id not in run.evaluation.off for one in lists for rule in run.rules_of(one.id))
        used |= any(one.audience == queue.id for asked in run.asked.values() for one in asked)
        made += [_team_page(run, team, lists) for team in sorted(mine, key=lambda one: one.id)
                 if lists and (used or run.previous.at("team", team.id))]
    return made


def _team_page(run: Run, team: Team, lists: Sequence[ListInfo]) -> Page:
    practices = team.practices or tuple(one.ods for one in run.site.practices)

    def asked(person: int, info: ListInfo) -> list[Request]:
        return run.asked_of(person, team.queue) if info == lists[0] else []

    scope = Scope(("team", team.id), practices, asked)
    found = [make_list(run, scope, info) for info in lists]
    views = tuple(view for view, _ in found)
    served = "all practices" if not team.practices else ", ".join(map(run.practice_name, practices))
    mine = [person for person, row in run.rows.items() if row["practice"] in practices]
    return Page(
        "team",
        team.id,
        team.name,
        "Team worklist" + (f" · lead {team.lead}" if team.lead else "") + f" · serves {served}",
        views,
        left(run, scope.place, views),
        excluded(run, practices),
        tuple(group for _, groups in found for group in groups),
        (),
        tuple(notices(run, lists, practices)),
        run.facts.sources.feeds,
        "ok",
        sum(run.census.registered.get(ods, 0) for ods in practices),
        decided=run.decided(mine, [rule for one in lists for rule in run.rules_of(one.id)]),
    )


def left(run: Run, place: Place, views: Sequence[ListView]) -> tuple[Line, ...]:
    """Lines of the last run that these lists no longer hold, and why."""
    title = {view.id: view.title for view in views}
    here = {line.mark: title[line.list] for view in views for line in view.lines}
    present = {(line.list, line.mark) for view in views for line in view.lines}
    gone = [line for key, line in run.previous.at(*place).items()
            if key not in present and key[0] in title and not run.unsaid(line)]
    why = why_off(run, gone, here)
    return tuple(came_off(line, why[line.list, line.mark]) for line in gone)


def notices(run: Run, lists: Sequence[ListInfo], practices: Sequence[str], own: bool = False) -> list[str]:
    """What the reader of these lists must know: which practices are on hold, unless it is the reader's `own`, what is off, and
    who could not be left out."""
    made = []
    rules = [rule for one in lists for rule in run.rules_of(one.id)]
    states = run.facts.sources.practices
    for ods in () if own else practices:
        if states[ods].state != "ok":
            made.append(f"{run.practice_name(ods)} is {states[ods].state}: its planned lines repeat the last good run.")
        if not states[ods].hospital:
            made.append(f"Newer hospital stays of people of {run.practice_name(ods)} are not known ({states[ods].hospital_note}).")
    chosen = {name for rule in rules for name in rule.exclusions}
    for one in run.rules.exclusions:
        if one.scope != "named" or one.id in chosen:
            gaps = {ods: why for ods in practices if (why := run.facts.why_absent(one.fact, ods))}
            if gaps and one.fact != "in_hospital":
                made.append(f"Nobody could be left out as “{one.label}”{_at(run, gaps, practices)}: {next(iter(gaps.values()))}.")
    named = {one.id for one in lists if one.gaps == "named"}
    for rule in rules:
        gaps = {ods: why for ods in practices if (why := run.off_at(rule, ods))}
        whole = rule.id in run.evaluation.off
        if gaps:
            where = " for this practice" if own and len(practices) == 1 and not whole else _at(run, gaps, practices)
            more = " See “Could not be evaluated”." if rule.list in named and not whole else ""
            made.append(f"Rule {rule.id} is off{where}: {next(iter(gaps.values()))}.{more}")
        for ods in practices:
            came, went = run.unsteady.get((ods, rule.id), (0, 0))
            if came or went:
                made.append(f"Rule {rule.id} at {run.practice_name(ods)} changed too much overnight: "
                            f"{cards.plural(came, 'new person', 'new people')} not listed yet, {went:,} kept; the hub asks why.")
    off = [rule.id for rule in run.rules.off if rule.list in {one.id for one in lists}]
    if off:
        made.append(f"Proposals that the site has not turned on: {', '.join(off)}.")
    warning = run.facts.calendar.warning(run.as_of.replace(year=run.as_of.year + (run.as_of.month == 12)))
    return [*made, *([warning] if warning else [])]


def _at(run: Run, some: Collection[str], practices: Sequence[str]) -> str:
    """Where, if it is not everywhere."""
    if len(some) == len(practices):
        return ""
    names = [run.practice_name(ods) for ods in some]
    return f" for {', '.join(names[:3])}" + (f" and {cards.plural(len(names) - 3, 'more practice')}" if len(names) > 3 else "")
