"""Tiers of need: how many people are in each tonight, and how many moved from one to another since the last run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from frailty.errors import DefinitionError
from frailty.triage.expressions import literal, with_settings

if TYPE_CHECKING:
    import duckdb

    from frailty.triage.context import Run

AUDIENCE = "tier"  # stands in `listed` for a row that is somebody's tier, not a line of a page
NEW, LEFT = "new", "left"


@dataclass(frozen=True)
class Tier:
    """A tier: whom it holds by the first reason that fits."""

    id: str
    title: str
    because: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Tiers:
    """`sizes`: tier -> people; `flows`: tier of the last run, or new -> tier now, or left -> people; empty on the first night.

    `people`: (person, patient_id, practice, tier, reason, since) of everybody who is not in the last tier.
    """

    tiers: tuple[Tier, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    flows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    people: Sequence[tuple[int, str, str, str, str, date]] = ()

    def rows(self, run: int, as_of: date) -> list[tuple[Any, ...]]:
        """Rows for the store's table `listed`, from which the next night tells who moved."""
        if not self.tiers:
            return []
        last = self.tiers[-1].id
        made = [(run, as_of, AUDIENCE, "", tier, "", person, patient, "", None, "", why, None, since,
                 json.dumps({"practice": practice})) for person, patient, practice, tier, why, since in self.people]
        return [*made, (run, as_of, AUDIENCE, "", last, "", None, "", "", None, "", "", None, None,
                        json.dumps({"people": self.sizes.get(last, 0)}))]

    def counted(self) -> dict[str, Any]:
        """Sizes and flows, for run.json."""
        return {"sizes": dict(self.sizes), "flows": {name: dict(to) for name, to in self.flows.items()}}


def read_tiers(entries: Iterable[Mapping[str, Any]], where: str) -> tuple[Tier, ...]:
    """The tiers of a file of rules, in their order."""
    try:
        return tuple(Tier(one["id"], one["title"], tuple((why["when"], why["says"]) for why in one["because"])) for one in entries)
    except (KeyError, TypeError) as error:
        raise DefinitionError("A tier is not complete.", where=where, why=f"{error} is missing",
                              mend="give id, title, and because = [{ when = …, says = … }]") from error


def tiers_of(run: Run, previous: Iterable[Mapping[str, Any]]) -> Tiers:
    """Everybody's tier tonight, and the flows. People of a practice that is frozen or on hold keep the tier that they had, unless
    they object or have died since."""
    tiers = run.rules.tiers
    if not tiers:
        return Tiers()
    con, values, last = run.con, run.facts.settings.values, tiers[-1].id
    cases = " ".join(f"WHEN {with_settings(when, values)} THEN {literal(f'{tier.id}|{says}')}"
                     for tier in tiers for when, says in tier.because)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE t_tier AS
        SELECT person, patient_id, practice, split_part(said, '|', 1) AS tier, split_part(said, '|', 2) AS why, registered_from
        FROM (SELECT person, patient_id, practice, registered_from, CASE {cases} END AS said FROM facts
              WHERE registration_status = 'registered' AND coalesce(death_status, 'none') = 'none'
                    AND coalesce(objection, 'no') <> 'yes' AND practice_state IS DISTINCT FROM 'not served')
        WHERE said IS NOT NULL""")
    before = [row for row in previous if row["audience"] == AUDIENCE]
    _before(con, before)
    held = [ods for ods, one in run.facts.sources.practices.items() if one.state != "ok"]
    con.execute("""INSERT INTO t_tier SELECT person, patient_id, practice, tier, why, NULL FROM t_tier_before
                   WHERE list_contains($held::VARCHAR[], practice) AND list_contains($tiers::VARCHAR[], tier)
                     AND patient_id NOT IN (SELECT patient_id FROM t_tier)
                     AND patient_id NOT IN (SELECT patient_id FROM facts WHERE objection = 'yes'
                                            OR death_status IN ('informal', 'formal'))""",
                {"held": held, "tiers": [tier.id for tier in tiers]})
    counts = dict(con.execute("SELECT tier, count(*) FROM t_tier GROUP BY tier").fetchall())
    people = con.execute("""
        SELECT t.person, patient_id, coalesce(t.practice, ''), t.tier, t.why, CASE WHEN b.tier = t.tier THEN b.since ELSE $as_of END
        FROM t_tier t LEFT JOIN t_tier_before b USING (patient_id) WHERE t.tier <> $last ORDER BY t.person""",
        {"as_of": run.as_of, "last": last}).fetchall()
    flows = _flows(run, before, [tier.id for tier in tiers], last) if before else {}
    return Tiers(tiers, {tier.id: int(counts.get(tier.id, 0)) for tier in tiers}, flows, people)


def _before(con: duckdb.DuckDBPyConnection, before: Sequence[Mapping[str, Any]]) -> None:
    """The temp table `t_tier_before`: who was in which tier after the last run, but for the last tier."""
    con.execute("""CREATE OR REPLACE TEMP TABLE t_tier_before (person INTEGER, patient_id VARCHAR, practice VARCHAR, tier VARCHAR,
                   why VARCHAR, since DATE)""")
    columns = ("person", "patient_id", "list", "reason", "first_listed")
    rows = [[*(row[name] for name in columns), json.loads(row["facts"])["practice"]] for row in before if row["patient_id"]]
    if rows:
        con.execute("""INSERT INTO t_tier_before (person, patient_id, tier, why, since, practice)
                       SELECT unnest($1::INTEGER[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[]), unnest($4::VARCHAR[]),
                              unnest($5::DATE[]), unnest($6::VARCHAR[])""", [list(one) for one in zip(*rows, strict=True)])


def _flows(run: Run, before: Sequence[Mapping[str, Any]], tiers: Sequence[str], last: str) -> dict[str, dict[str, int]]:
    """tier of the last run, or new -> tier now, or left -> people."""
    flows: dict[str, dict[str, int]] = {name: dict.fromkeys((*tiers, LEFT), 0) for name in (*tiers, NEW)}
    for was, now, number in run.con.execute("""
            SELECT coalesce(b.tier, CASE WHEN t.registered_from > $since THEN 'new' ELSE $last END), t.tier, count(*)
            FROM t_tier t LEFT JOIN t_tier_before b USING (patient_id) GROUP BY ALL""",
            {"since": run.previous.as_of, "last": last}).fetchall():
        if was in flows:
            flows[was][now] = int(number)
    for was, number in run.con.execute("""SELECT tier, count(*) FROM t_tier_before
            WHERE patient_id NOT IN (SELECT patient_id FROM t_tier) GROUP BY tier""").fetchall():
        if was in flows:
            flows[was][LEFT] = int(number)
    total = next((json.loads(row["facts"])["people"] for row in before if not row["patient_id"]), 0)
    flows[last][LEFT] = max(0, total - sum(flows[last][name] for name in tiers))
    return flows
