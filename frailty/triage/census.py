"""Who is where tonight: people, verdicts and exclusions by practice, read once for all lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frailty.triage.context import Run

NOBODY: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Census:
    """`people`: practice -> everybody in the records; `registered`: of them, living and registered; `spoken`: (rule, practice) ->
    people of whom the rule said something; `flagged`: (exclusion, practice) -> people."""

    people: Mapping[str, int]
    registered: Mapping[str, int]
    spoken: Mapping[tuple[str, str], list[int]]
    flagged: Mapping[tuple[str, str], set[int]]


def census(run: Run) -> Census:
    """Counted from the tables `facts` and `exclusion_flag` and the verdicts of the run."""
    counts = run.con.execute(
        """SELECT practice, count(*), count(*) FILTER (registration_status = 'registered'
           AND coalesce(death_status, 'none') = 'none') FROM facts WHERE practice IS NOT NULL GROUP BY practice""").fetchall()
    spoken: dict[tuple[str, str], list[int]] = {}
    for person, verdicts in run.verdicts.items():
        practice = run.rows[person]["practice"]
        for rule in verdicts:
            spoken.setdefault((rule, practice), []).append(person)
    flagged: dict[tuple[str, str], set[int]] = {}
    for name, practice, people in run.con.execute(
            "SELECT exclusion, practice, list(person) FROM exclusion_flag JOIN facts USING (person) GROUP BY ALL").fetchall():
        flagged[name, practice] = set(people)
    return Census({ods: n for ods, n, _ in counts}, {ods: n for ods, _, n in counts}, spoken, flagged)
