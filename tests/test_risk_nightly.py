"""The nightly run applies a published model where the site turned it on, and only there; no list changes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

import frailty
from frailty.cli import main
from frailty.errors import SiteError
from frailty.nightly import Options, run_nightly
from frailty.risk.publish import head, publish, read_evaluation, write_draft, write_evaluation
from frailty.synthetic.locality import make_locality

DAY = date(2026, 1, 1)
MARK = "synthetic, for demonstration, not for care"
TERMS = [
    {"id": "age", "title": "Age", "any": [{"from": "person"}],
     "bands": [{"below": 65, "points": 0}, {"at_least": 65, "points": Decimal("0.8")}], "missing": {"points": Decimal("0.1")}},
    {"id": "imd_quintile", "title": "Deprivation quintile", "any": [{"from": "person", "take": "input:imd_quintile", "round_to": 1}],
     "bands": [{"below": 2, "points": Decimal("0.3")}, {"at_least": 2, "points": 0}]},
    {"id": "falls", "title": "Falls", "any": [{"codes": "efi/falls"}], "points": Decimal("0.5")}]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    out = tmp_path_factory.mktemp("town")
    make_locality(out, people=120, homes=1, practices=1, seed=3, layout="tables", as_of=DAY)
    table = {**head("made_up_12m", 365, "1", "0" * 64, made_up=True, learned_on="2026-01-01"),
             "link": {"logistic": {"intercept": Decimal("-2.5")}}, "term": TERMS,
             "band": [{"label": f"lower ({MARK})", "below": Decimal("0.2")}, {"label": f"higher ({MARK})", "at_least": Decimal("0.2")}]}
    draft = out / "draft"
    write_draft(draft, table, {})
    write_evaluation(draft, read_evaluation(draft) | {"evaluation": {}})
    publish(draft, out / "own" / "models", "# Card", None, made_up=True)
    return out


def run(town, name: str, more: str = ""):
    text = (town / "site.toml").read_text(encoding="utf-8")
    said = text.replace("[settings]", f"[settings]\n{more}") if "[settings]" in text else f"{text}\n[settings]\n{more}"
    (town / f"{name}.toml").write_text(said, encoding="utf-8")
    options = Options(records=tuple(str(one) for one in sorted((town / "records").iterdir())), out=town / name, purpose="direct-care",
                      site=town / f"{name}.toml", as_of=str(DAY), rules=town / "own", scores=("efi",))
    return run_nightly(options, lambda *_: None)


def test_on_where_the_site_says_so(town):
    on = run(town, "on", 'risk_models = ["made_up_12m"]\n')
    risk, terms = (pd.read_csv(town / "on" / "data" / f"{name}.csv") for name in ("risk", "risk_terms"))
    assert len(risk) == on.people and set(risk["mark"]) == {MARK} == set(terms["mark"])
    assert set(risk["status"]) <= {"ok", "outside_population", "not_assessable"} and (risk["status"] == "ok").sum() > 60
    assert risk["chance"][risk["status"] == "ok"].between(0, 1).all() and all(MARK in one for one in risk["band"].dropna())
    assert on.run["models"]["made_up_12m"]["mark"] == MARK and f"model made_up_12m ({MARK})" in (town / "on" / "status.txt").read_text()
    assert "Deprivation quintile" in set(terms["title"])
    # It is in no other output: not among the scores, on no page.
    for one in (town / "on").rglob("*"):
        if one.suffix in (".csv", ".html") and not one.stem.startswith("risk") and "site" not in one.parts:
            assert "made_up_12m" not in one.read_text(encoding="utf-8"), one
    practice = frailty.open(town / "on.duckdb").with_rules(town / "own")
    alone = practice.score("made_up_12m", DAY).set_index("patient_id")["made_up_12m"].dropna()
    written = risk.set_index("patient_id")["chance"].dropna()
    assert (alone.reindex(written.index).round(4) - written).abs().max() == 0


def test_a_model_that_is_not_there(town):
    with pytest.raises(SiteError, match="there is no model 'made_up_12'") as error:
        run(town, "wrong", 'risk_models = ["made_up_12"]\n')
    assert "did you mean 'made_up_12m'?" in str(error.value) and not (town / "wrong").exists()


def test_a_day_beyond_the_records_is_remarked(town, capsys):
    run(town, "watched")
    for until, remarked in (("2030-01-01", True), ("2025-06-01", False)):
        main(["model", "monitor", "made_up_12m", "--store", str(town / "watched.duckdb"), "--rules", str(town / "own"),
              "--until", until])
        assert ("nobody counts as admitted between" in capsys.readouterr().out) == remarked
