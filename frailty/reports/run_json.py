"""What run.json says of a night: its books, what could not be used, how scores and lists came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.errors import FrailtyError
from frailty.records.facts import facts_tables
from frailty.records.files import Source
from frailty.records.load import COLUMNS, SourceBooks
from frailty.records.told import assumed_shares, feeds, quarantine_reasons, unmapped_codes, values_aside
from frailty.scoring import load_scorecard
from frailty.scoring.lock import definition_hash
from frailty.scoring.prevalence import prevalence
from frailty.site import Site

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

    from frailty.scoring.definitions import Scorecard
    from frailty.triage import Worklists


@dataclass(frozen=True)
class Night:
    """What a night was asked to do, and had to do it with. as_of: as asked for; day: of the lists."""

    as_of: str
    day: date
    purpose: str
    site: Site
    sources: Sequence[Source]
    books: Sequence[SourceBooks]
    wanted: Sequence[str]
    rules: Path | None


def told_of_records(con: DuckDBPyConnection, night: Night, scores: pd.DataFrame, objected: int) -> dict[str, Any]:
    """run.json but for the version and the lists. scores: of those who do not object. Makes temp tables.

    Raises FrailtyError where the books do not balance.
    """
    books, rules, day = night.books, night.rules, night.day
    for one in books:
        if not one.balanced():
            raise FrailtyError("The books do not balance; nothing was changed.", where=f"source {one.source}",
                               why="a resource was read and is neither used, set aside nor quarantined",
                               mend="report this as a defect of the program")
    cards = [load_scorecard(one, rules) for one in night.wanted]
    total = {kind: {c: sum(one.types.get(kind, {}).get(c, 0) for one in books) for c in COLUMNS}
             for kind in sorted({kind for one in books for kind in one.types})}
    return {
        "as_of": str(day) if night.as_of != "latest" else "latest", "day_of_lists": str(day),
        "purpose": night.purpose, "people": len(scores), "objected": objected,
        "inputs": {one.source: one.inputs for one in books},
        "ignored_files": {source.name: list(source.ignored) for source in night.sources if source.ignored},
        "feeds": feeds(con, night.site),
        "books": {"all": total, **{one.source: one.types for one in books}},
        "notes": {one.source: one.notes for one in books if one.notes},
        "held": {one.source: one.held for one in books if one.held},
        "quarantine_reasons": quarantine_reasons(con),
        "values_set_aside": values_aside(con),
        "unmapped_codes": unmapped_codes(con),
        "recorded_date_assumed": assumed_shares(con),
        "scores": {card.id: {"version": card.version, "definition": definition_hash(card, rules),
                             **score_summary(scores, card)} for card in cards},
        "code_lists": {name: _list_hash(name, rules) for card in cards for name in card.codelists},
        "efi_compared": _compared(con, scores, day),
        "prevalence": prevalence(con, day),
    }


def score_summary(scores: pd.DataFrame, card: Scorecard) -> dict[str, Any]:
    """How many people of each status, and of each band, have this score."""
    score = card.id
    fine = scores.loc[scores[f"{score}_status"] == "ok", f"{score}_band"].dropna()
    bands = {str(name): int(n) for name, n in fine.value_counts().items()}
    order = [band.label for band in card.bands]
    bands = {label: bands[label] for label in order if label in bands}
    status = {str(name): int(n) for name, n in scores[f"{score}_status"].value_counts().sort_index().items()}
    return {"status": status, "bands": bands}


def _list_hash(name: str, rules: Path | None) -> str:
    from frailty.terminology import load_codelist
    return load_codelist(name, rules).sha256


def _compared(con: DuckDBPyConnection, scores: pd.DataFrame, day: date) -> dict[str, Any]:
    """How often the published code lists and the reviewed ones disagree, and both against values stored in records."""
    from frailty.terminology import load_codelist
    both = scores[(scores["efi_status"] == "ok") & (scores["efi_reviewed_status"] == "ok")]
    made: dict[str, Any] = {"people": len(both), "another_band_with_reviewed_lists":
                            int((both["efi_band"] != both["efi_reviewed_band"]).sum())}
    stored = load_codelist("care/efi_value")
    if not stored.entries:
        return made | {"stored_values": "no verified code for a stored eFI value is in rules/codelists/care/efi_value.csv"}
    facts_tables(con, day, ["care/efi_value"])
    con.register("scores_given", both[["patient_id", "efi", "efi_reviewed"]])
    row = con.execute("""WITH newest AS (
            SELECT person, arg_max(value, (effective, value)) AS value FROM tagged WHERE value BETWEEN 0 AND 1 GROUP BY person)
        SELECT count(*), round(avg(abs(value - efi)), 3), round(avg(abs(value - efi_reviewed)), 3)
        FROM newest JOIN person_as_of USING (person) JOIN scores_given USING (patient_id)""").fetchall()
    con.unregister("scores_given")
    n, efi, reviewed = row[0]
    return made | {"stored_values": n, "mean_difference_efi": efi, "mean_difference_efi_reviewed": reviewed}


def told_of_lists(worklists: Worklists | None) -> dict[str, Any]:
    """The part `worklists` of run.json."""
    if worklists is None:
        return {"written": False, "why": "worklists are for direct care only"}
    from frailty.triage.casework import urgent_first
    cases = worklists.cases
    queues = {queue: {"open": n, "urgent": urgent} for queue, n, urgent in urgent_first(cases)}
    return {"cases": {"people": len(cases.cases), "queues": queues, "closed": len(cases.closed), "alerts": list(cases.alerts)},
            "written": True, "rules_hash": worklists.rules_hash, "shadow": worklists.shadow,
            "compared_with": str(worklists.previous_as_of) if worklists.previous_as_of else None,
            "pages": [{"audience": page.audience, "id": page.id, "state": page.state,
                       "lists": {view.id: {"now": len(view.part("now")), "overflow": len(view.part("overflow")),
                                           **view.books} for view in page.lists},
                       "excluded": dict(page.excluded)} for page in worklists.pages],
            "tiers": worklists.tiers.counted(),
            "equity": [vars(one) for page in worklists.pages for one in page.equity]}
