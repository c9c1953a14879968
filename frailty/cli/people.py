"""Commands about people: `frailty explain` and `frailty changes`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.cli.parts import (
    a_date,
    command,
    objectors_of,
    practice_of,
    rules_of,
    rules_option,
    save,
    site_option,
    store_options,
    table,
)

if TYPE_CHECKING:
    from frailty.scoring import Scorecard


def add_people(commands: Any) -> None:
    """Adds the commands to the parser."""
    explain = command(commands, "explain", _explain, "one person's score, down to the record, and what would change its band",
                      "frailty explain 9d3c61 --store lists.duckdb --score efi --as-of 2026-11-22")
    explain.add_argument("patient", metavar="PATIENT", help="patient_id, as in scores.csv")
    explain.add_argument("--store", type=Path, required=True, metavar="FILE", help="the store that nightly keeps")
    explain.add_argument("--score", default="efi", metavar="ID", help="default: efi; the ids: frailty scores")
    explain.add_argument("--as-of", type=a_date, metavar="DATE", help="default: today")
    explain.add_argument("--facts", action="store_true", help="instead: what the rules of the worklists see of "
                         "this person: each fact with value, date, source, how sure, and why it is missing")
    site_option(explain)
    rules_option(explain)

    changes = command(
        commands, "changes", _changes, "why scores changed: per person, what arrived, aged out, was corrected or removed",
        "frailty changes --store lists.duckdb --since 2026-11-15 --score efi",
        "Compares two replays of the store: as it was after the load of --since, and as it is now. Each line is one cause:\n"
        "  arrived      a record of the days between, or one that became known later\n"
        "  aged_out     nothing is left in a look-back\n"
        "  corrected    a record, or the person's details, were changed\n"
        "  removed      a record is no longer held\n"
        "  definition   the definition changed (with --old-rules)\n"
        "  older        age;  superseded: silenced by another term, or a newer number;  joined: came onto the list\n"
        "  status       the score began or ceased to be computable\n"
        "The points of a person's lines sum to the change of the points.")
    changes.add_argument("--since", type=_since, required=True, metavar="DATE|LOAD", help="a day, or the number of a load")
    changes.add_argument("--score", default="efi", metavar="IDS", help="comma-separated (default: efi)")
    store_options(changes)
    changes.add_argument("--old-rules", type=Path, metavar="DIR", help="the definition in use then: a pack, or a folder of rules")
    changes.add_argument("--csv", type=Path, metavar="FILE", help="write the table to this file, and only the counts here")
    site_option(changes)


def _since(text: str) -> date | int:
    return int(text) if text.isdecimal() and len(text) < 8 else a_date(text)


def _changes(chosen: argparse.Namespace) -> int:
    practice = practice_of(chosen)
    scores = [one.strip() for one in chosen.score.split(",") if one.strip()]
    found = practice.changes(chosen.since, scores, chosen.as_of, old_rules=chosen.old_rules,
                             objectors=objectors_of(chosen, practice))
    load, then = found.attrs["since"]
    for score in scores:
        part = found[found["score"] == score]
        causes = part.groupby("cause")["patient_id"].nunique().sort_values(ascending=False)
        counts = "".join(f"; {str(cause).replace('_', ' ')} {n:,}" for cause, n in causes.items())
        people = part["patient_id"].nunique()
        print(f"{score}, from {then} (load {load}) to {found.attrs['as_of']}: {people:,} people changed{counts}.")
    print("\n".join(f"! {note}" for note in found.attrs["notes"]), end="\n" if found.attrs["notes"] else "")
    if chosen.csv:
        save(found, chosen.csv)
        print(f"Who and why: {chosen.csv}")
        return 0
    for (patient, score), rows in found.groupby(["patient_id", "score"]):
        one = rows.iloc[0]
        print(f"\n{patient}  {score} {_outcome(one['value_before'], one['band_before'])} to "
              f"{_outcome(one['value_after'], one['band_after'])}")
        for row in rows.to_dict("records"):
            day = str(row["on"])[:10] if str(row["on"]) not in ("NaT", "None", "nan") else ""
            code = f"{row['display']} [{row['system']} {row['code']}] {row['resource']}" if row["code"] else ""
            print(f"  {row['points']:+g}  {row['cause'].replace('_', ' '):<10} {row['term']:<24} {day:<10} {code}"
                  f"{'; ' if code and row['detail'] else ''}{row['detail']}".rstrip())
    return 0


def _outcome(value: float, band: Any) -> str:
    return "none" if value != value else f"{value:.3g}" + (f" ({band})" if isinstance(band, str) else "")


def _facts(chosen: argparse.Namespace) -> int:
    from frailty.errors import FrailtyError
    from frailty.nightly import triage_facts
    from frailty.site import load_site
    from frailty.triage.told import facts_of
    practice = practice_of(chosen)
    found, _ = triage_facts(practice, load_site(chosen.site), chosen.as_of or date.today(), rules_of(chosen))
    told = facts_of(practice.connection, found, chosen.patient, rules_of(chosen))
    if not told:
        raise FrailtyError("Nobody here has that id.", where=str(chosen.store), mend="patient_id stands in scores.csv")
    known = [one for one in told if not one.missing]
    print(f"As of {found.as_of}: {len(known)} of {len(told)} facts are known.\n")
    print(table([[one.fact, one.value, one.on, one.sure, one.source] for one in known],
                ["fact", "value", "on", "how sure", "source"]))
    print("\nNot known; no rule reads that as no:\n")
    print(table([[one.fact, one.missing, one.source] for one in told if one.missing], ["fact", "why", "source"]))
    return 0


def _explain(chosen: argparse.Namespace) -> int:
    if chosen.facts:
        return _facts(chosen)
    from frailty.scoring.load import load_scorecard
    card = load_scorecard(chosen.score, rules_of(chosen))
    practice = practice_of(chosen)
    if chosen.patient in objectors_of(chosen, practice):
        print(f"{card.title}: not scored: objection")
        if not chosen.site:
            print("  Without --site a refusal of any kind counts; with it, those that the site calls objections to profiling.")
        return 0
    scores = practice.score([chosen.score], chosen.as_of)
    row = scores[scores["patient_id"] == chosen.patient]
    terms = practice.explain(chosen.patient, chosen.score, chosen.as_of)
    one = row.iloc[0]
    of = f" of {one[f'{card.id}_of']}" if f"{card.id}_of" in row else ""
    band = one[f"{card.id}_band"]
    status = one[f"{card.id}_status"]
    print(f"{card.title}: {one[f'{card.id}_points']:g}{of} points"
          + (f", {band}" if status == "ok" else f" ({status.replace('_', ' ')}: {one[f'{card.id}_reason']})"))
    for term in terms.to_dict("records"):
        days = [str(term[name])[:10] for name in ("first_on", "last_on") if str(term[name]) not in ("NaT", "None")]
        records = f"{term['n']} record" + ("s" if term["n"] != 1 else "")
        print(f"  {term['points']:g}  {term['term']:<24} {' to '.join(dict.fromkeys(days)):<25} {records:<12} "
              f"{_text(term['display'])} [{_text(term['system'])} {_text(term['code'])}] {_text(term['resource'])}".rstrip())
    if not len(terms):
        print("  no term gave points")
    print("\n" + practice.sentences(chosen.score, chosen.as_of).set_index("patient_id").loc[chosen.patient, "sentence"])
    if status == "ok":
        print("\n".join(_what_would_change(card, float(one[f"{card.id}_points"]),
                                           float(one.get(f"{card.id}_of", 1)), str(band))))
    ahead = practice.outlook(chosen.patient, chosen.score, chosen.as_of)
    print("If nothing more is recorded, " + ("in the next two years:" if len(ahead) else "it stays so for two years."))
    for row in ahead.to_dict("records"):
        what = f"{row['points']:+g}  {row['term']}" if row["term"] else ""
        print(f"  {row['on']}  {what:<28} {row['band'] or row['status'].replace('_', ' ')}".rstrip())
    return 0


def _what_would_change(card: Scorecard, points: float, of: float, band: str) -> Iterator[str]:
    """How far the edges of the band are."""
    from frailty.scoring.outlook import edges
    for label, distance, way in edges(card, points, of):
        more = f"{distance:g} {'more' if way == 'up' else 'fewer'} point{'' if distance == 1 else 's'}"
        yield f"{more} would be {label}, not {band}."


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
