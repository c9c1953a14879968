"""Alerts about a home: several of its residents had the same kind of event within days (CH-07)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frailty.errors import DefinitionError
from frailty.triage.expressions import with_settings

if TYPE_CHECKING:
    from frailty.triage.context import Run


@dataclass(frozen=True)
class HomeAlert:
    """Residents for whom `when` holds are counted; from the setting `at_least` on, the home's and the hub's page say so."""

    id: str
    version: int
    when: str
    at_least: str
    says: str
    evidence: dict[str, str]
    owner: str
    hazards: tuple[str, ...]
    examples: tuple[dict[str, Any], ...]
    where: str = ""


def read_alert(entry: Mapping[str, Any], file: str) -> HomeAlert:
    """An alert of a file of rules; without evidence, owner, hazards or examples it does not load."""
    where = f"{file}, alert {entry.get('id', '(without id)')}"
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    told["examples"] = told.pop("example", ())
    try:
        made = HomeAlert(**told, where=where)
    except TypeError as error:
        raise DefinitionError("The alert is not complete.", where=where, why=str(error)) from error
    if not (made.evidence and made.owner and made.hazards and made.examples):
        raise DefinitionError("An alert without evidence, owner, hazards and examples does not load.", where=where)
    return made


def home_alerts(run: Run) -> dict[str, list[str]]:
    """Home -> its alerts tonight. Counted are all who live there, confirmed or probable, in hospital or not."""
    settings = run.facts.settings
    found: dict[str, list[str]] = {}
    for alert in run.rules.alerts:
        for home, count in run.con.execute(
                f"""SELECT home_id, count(*) FROM facts WHERE home_id IS NOT NULL AND ({with_settings(alert.when, settings.values)})
                    GROUP BY home_id HAVING count(*) >= {settings.number(alert.at_least)} ORDER BY home_id""").fetchall():
            said = alert.says.format_map({**settings.values, "count": count})
            found.setdefault(str(home), []).append(f"{alert.id}: {said}")
    return found
