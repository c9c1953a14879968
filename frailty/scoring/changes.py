"""Why a score changed between two replays of the store, term by term.

A replay is the list scored on a day, with what the store held after a load and under a definition. From the first to the last
we go in three steps, one thing changing in each, and what differs between the two ends of a step has that step's cause:

1. the definition (where the old one is given): `definition`, what the same records on the same day give under the new one;
2. what the store holds about that same day: `arrived` (a record that it did not hold, recorded by then all the same), `corrected`
   (a record held before and now, changed; or the person's details, or a stay), `removed` (a record no longer held);
3. the day: `arrived` (a record of the days between), `aged_out` (nothing is left in a look-back), `older` (age), `superseded`
   (a term that silences another came up, or a newer number took the place of an older one).

The points of the rows of a person and score sum exactly to the change of the points. `joined`: one row for all of a person.
`status`: the score began or ceased to be computable or to be for the person; no points. People whose Patient
is no longer held have no name in the store any more; they do not appear.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from frailty.errors import FrailtyError
from frailty.records.build import LATEST
from frailty.records.history import definitions_of, held, load_since
from frailty.scoring.definitions import Scorecard, Term
from frailty.scoring.load import load_scorecard
from frailty.scoring.lock import definition_hash

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

CAUSES = ("arrived", "aged_out", "corrected", "removed", "definition", "older", "superseded", "joined", "status")
COLUMNS = ("patient_id", "score", "value_before", "value_after", "band_before", "band_after", "cause", "term", "points", "on",
           "system", "code", "display", "resource", "detail")
Row = dict[str, Any]
Key = tuple[str, str]                       # patient_id, score


class Replay(NamedTuple):
    """Scores and contributions (with their records) as of a day, a load and a definition."""

    scores: pd.DataFrame
    contributions: pd.DataFrame


class Step(NamedTuple):
    """What happens between two replays of which one thing differs: 'definition', 'store' or 'day'."""

    kind: str
    before: Replay
    after: Replay
    held_before: Collection[int] = ()       # records that the store held at the beginning, and at the end
    held_after: Collection[int] = ()
    altered: Collection[int] = ()           # held at both, and changed


def changes(steps: Sequence[Step], cards: Sequence[Scorecard]) -> pd.DataFrame:
    """One row per cause of change, for everybody whose value, band or status differs between the first and the last replay.

    Columns: see COLUMNS. points: the change that this row makes. on: the day of the evidence that came or went.
    """
    import pandas as pd
    found: dict[Key, list[Row]] = defaultdict(list)
    first, last = _outcomes(steps[0].before, cards), _outcomes(steps[-1].after, cards)
    moved = [key for key in dict.fromkeys([*first, *last]) if _differ(first.get(key), last.get(key))]
    for step in steps:
        begin, end = _outcomes(step.before, cards), _outcomes(step.after, cards)
        before, after = _by_person(step.before, moved), _by_person(step.after, moved)
        for card in cards:
            for key in (key for key in moved if key[1] == card.id):
                found[key] += _causes(step, card, begin.get(key), end.get(key), before.get(key, {}), after.get(key, {}))
    rows = []
    for key in sorted(moved):
        one, two = first.get(key, _NOBODY), last.get(key, _NOBODY)
        whole = {"patient_id": key[0], "score": key[1], "value_before": one["value"], "value_after": two["value"],
                 "band_before": one["band"], "band_after": two["band"]}
        rows += [{**whole, **row} for row in sorted(found[key], key=lambda row: (CAUSES.index(row["cause"]), row["term"]))]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def find_changes(con: DuckDBPyConnection, since: date | int, now: date, cards: Sequence[Scorecard], rules: Path | None,
                 replay: Callable[[bool, date, int | None], Replay], old_rules: Path | None) -> pd.DataFrame:
    """Replays the store (`replay`: by the old definition or not, day, load) and compares; what to know is in attrs["notes"]."""
    load, then, note = load_since(con, since)
    if now < then:
        raise FrailtyError(f"The day to compare with, {now}, lies before {then}.", mend="give a later one")
    used, base = definitions_of(con, load), old_rules or rules
    other = [card.id for card in cards if used.get(card.id, "") not in ("", definition_hash(load_scorecard(card.id, base), base))]
    notes = [note] if note else []
    if other:
        notes.append(f"The definition then in use was another one for: {', '.join(other)}. What follows compares records only; "
                     "with the old definition (a pack: --old-rules) its effect is shown too.")
    first = replay(True, then, load)
    anew = replay(False, then, load) if old_rules else first
    known = replay(False, then, None)
    last = replay(False, now, None) if now > then else known
    records = sorted({int(one) for one in (anew, known) for one in one.contributions["record"] if one >= 0})
    (before, altered), (after, _) = held(con, records, load), held(con, records, LATEST)
    found = changes([Step("definition", first, anew), Step("store", anew, known, before, after, altered & before),
                     Step("day", known, last)], cards)
    found.attrs.update(notes=notes, since=(load, then), as_of=now)
    return found


_NOBODY: Row = {"value": float("nan"), "band": None, "status": "", "reason": "", "points": 0}


def _outcomes(replay: Replay, cards: Sequence[Scorecard]) -> dict[Key, Row]:
    """What each person has of each score."""
    made: dict[Key, Row] = {}
    for card in cards:
        frame = replay.scores
        columns = ["patient_id", card.id, *(f"{card.id}_{word}" for word in ("band", "status", "reason", "points"))]
        for id, value, band, status, reason, points in zip(*(frame[name].tolist() for name in columns), strict=True):
            made[id, card.id] = {"value": value, "band": band if isinstance(band, str) else None, "status": status,
                                 "reason": reason, "points": points}
    return made


def _differ(one: Row | None, two: Row | None) -> bool:
    if one is None or two is None:
        return True
    equal = one["value"] == two["value"] or (one["value"] != one["value"] and two["value"] != two["value"])
    return not equal or one["band"] != two["band"] or one["status"] != two["status"]


def _by_person(replay: Replay, keys: Collection[Key]) -> dict[Key, dict[str, Row]]:
    """Of the people and scores in question: term -> its contribution."""
    wanted, made = set(keys), defaultdict[Key, dict[str, Row]](dict)
    frame = replay.contributions
    for row in frame[frame["patient_id"].isin({id for id, _ in wanted})].to_dict("records"):
        if (row["patient_id"], row["score"]) in wanted:
            made[row["patient_id"], row["score"]][row["term"]] = {str(name): cell for name, cell in row.items()}
    return made


def _causes(step: Step, card: Scorecard, begin: Row | None, end: Row | None, before: dict[str, Row], after: dict[str, Row]
            ) -> Iterator[Row]:
    if end is None:
        return
    if begin is None:
        yield _row("joined", "", end["points"], {}, "came onto the list")
        return
    terms = {term.id: term for term in card.terms}
    rivals_of = {term.id: {*term.unless, *(id for group in card.groups if term.id in group.terms and group.choose != "sum"
                                           for id in group.terms)} for term in card.terms}
    differ = [id for id in dict.fromkeys([*before, *after]) if _points(before.get(id)) != _points(after.get(id))]
    gained, lost = [id for id in differ if id not in before], [id for id in differ if id not in after]
    named = _definition if step.kind == "definition" else _store if step.kind == "store" else _day
    found = []
    for id in differ:
        rivals = [other for other in (gained if id in lost else lost) if other != id and other in rivals_of.get(id, ())]
        cause, detail = named(step, terms.get(id), before.get(id), after.get(id), rivals)
        found.append(_row(cause, id, _points(after.get(id)) - _points(before.get(id)), after.get(id) or before[id], detail))
    for row in found:       # points for what is not known, a floor: they follow from what happened to the terms
        if row["term"] not in rivals_of:
            row["cause"] = next((one["cause"] for one in found if one["term"] in rivals_of), row["cause"])
    yield from found
    if begin["status"] != end["status"]:
        yield _row("definition" if step.kind == "definition" else "status", "", 0, {}, f"was {_said(begin)}, is {_said(end)}")
    elif step.kind == "definition" and not found and _differ(begin, end):
        yield _row("definition", "", 0, {}, "the same points, another value or band")


def _definition(step: Step, term: Term | None, before: Row | None, after: Row | None, rivals: list[str]) -> tuple[str, str]:
    return "definition", ("counts under the new definition" if before is None else "does not count under the new definition"
                          if after is None else "has other points under the new definition")


def _store(step: Step, term: Term | None, before: Row | None, after: Row | None, rivals: list[str]) -> tuple[str, str]:
    """The same day, other holdings."""
    if after is not None and _dated(after) and after["record"] not in step.held_before:
        return "arrived", "became known later, of a day before"
    if before is not None and _dated(before) and before["record"] not in step.held_after:
        return "removed", "the record is no longer held"
    if rivals:
        return ("superseded", f"silenced by {rivals[0]}") if after is None else ("corrected", f"no longer silenced by {rivals[0]}")
    row = after or before or {}
    if not _dated(row):
        return "corrected", "the person's details were changed"
    if row["record"] in step.altered:
        return "corrected", "the record was changed"
    if term is not None and any(e.at_least > 1 for e in term.evidence):
        more = after is not None and (before is None or after["n"] > before["n"])
        return ("arrived", "another record of it") if more else ("removed", "another record of it is no longer held")
    return "corrected", "the person's details, or the stay that it belongs to, were changed"


def _day(step: Step, term: Term | None, before: Row | None, after: Row | None, rivals: list[str]) -> tuple[str, str]:
    """The same holdings, another day."""
    if after is None and rivals:
        return "superseded", f"silenced by {rivals[0]}"
    if before is None and rivals:
        return "aged_out", f"no longer silenced by {rivals[0]}"
    if not _dated(after or before or {}):
        return "older", ""
    evidence = term.evidence if term else ()
    numbers = any(e.source in ("value", "answer") and not e.counts for e in evidence)
    if after is None:
        windowed = any(e.within for e in evidence)
        if windowed and not numbers:
            return "aged_out", "the look-back has passed"
        return "superseded", "a newer number" if numbers else "a record that rules it out"
    if before is not None and after["last_on"] == before["last_on"] and not numbers:
        return "aged_out", "less is left in the look-back"
    return "arrived", ""


def _dated(row: Row) -> bool:
    return bool(row) and row["last_on"] == row["last_on"] and row["last_on"] is not None


def _points(row: Row | None) -> float:
    return 0 if row is None else row["points"]


def _said(outcome: Row) -> str:
    status = str(outcome["status"]).replace("_", " ")
    return f"{status} ({outcome['reason'].rstrip('.')})" if outcome["reason"] and status != "ok" else status


def _row(cause: str, term: str, points: float, source: Row, detail: str) -> Row:
    text = {name: source[name] if isinstance(source.get(name), str) else "" for name in ("system", "code", "display", "resource")}
    return {"cause": cause, "term": term, "points": points, "on": source.get("last_on"), **text, "detail": detail}

