"""Commands about one person or many: `frailty explain`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from frailty.cli.parts import a_date, command, practice_of, rules_of, rules_option


def add_people(commands: Any) -> None:
    """Adds the commands to the parser."""
    explain = command(commands, "explain", _explain, "one person's score, term by term, down to the record",
                      "frailty explain 9d3c61 --store lists.duckdb --score efi --as-of 2026-11-22")
    explain.add_argument("patient", metavar="PATIENT", help="patient_id, as in scores.csv")
    explain.add_argument("--store", type=Path, required=True, metavar="FILE")
    explain.add_argument("--score", default="efi", metavar="ID")
    explain.add_argument("--as-of", type=a_date, metavar="DATE", help="default: today")
    explain.add_argument("--site", type=Path, metavar="FILE", help="site.toml: which refusals are objections to profiling")
    rules_option(explain)


def _explain(chosen: argparse.Namespace) -> int:
    from frailty.scoring.load import load_scorecard
    card = load_scorecard(chosen.score, rules_of(chosen))
    practice = practice_of(chosen)
    if chosen.patient in practice.objectors(_objection_kinds(chosen.site)):
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
    return 0


def _objection_kinds(path: Path | None) -> list[str] | None:
    """The site's word for an objection to profiling; None (any refusal) where no site is named, to be on the safe side."""
    if path is None:
        return None
    from frailty.site import load_site
    from frailty.triage import load_settings
    return load_settings(load_site(path)).texts("objection_kinds")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
