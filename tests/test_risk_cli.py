"""`frailty model`, as a person uses it: from a made-up town to a published model that is watched."""

from __future__ import annotations

import json
import shutil
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from frailty.cli import main, model
from frailty.errors import FrailtyError
from frailty.risk import study
from frailty.risk.features import generate
from frailty.synthetic import town as towns

MARK = "synthetic, for demonstration, not for care"
DAYS = [date(2019, 1, 1), date(2020, 1, 1), date(2021, 1, 1), date(2021, 2, 1)]


@lru_cache
def kept(make, people, days, seed, shift):
    return make(people, days, seed, shift=shift)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A town of four days, made once; a seventh of the features; terms on little evidence."""
    made = towns.make_town
    monkeypatch.setattr(towns, "make_town", lambda people, days, seed, *, shift, progress: kept(made, people, tuple(days), seed, shift))
    monkeypatch.setattr(model, "TOWN_DAYS", DAYS)
    monkeypatch.setattr(study, "generate", lambda rules: (*generate(rules)[:3], *generate(rules)[3::7]))
    usual = study.usual_options()
    monkeypatch.setattr(study, "usual_options", lambda rules: usual | {"least": 1.0, "max_terms": 8})


def said(capsys) -> str:
    found = capsys.readouterr()
    return found.out + found.err


def test_the_whole_way(tmp_path, capsys):
    draft, own = tmp_path / "draft", tmp_path / "own"
    town = ["--town", "2400"]
    assert main(["model", "train", *town, "--out", str(draft), "--id", "made_up_12m", "--pairs", "0"]) == 0
    assert f"({MARK}): " in said(capsys)
    assert main(["model", "publish", str(draft), "--to", str(own)]) == 1 and "has not been evaluated" in said(capsys)
    assert main(["model", "evaluate", str(draft), *town]) == 0
    text = said(capsys)
    assert text.splitlines()[-3].startswith("Synthetic, for demonstration") and "Area under the curve 0." in text
    assert sorted(one.name for one in draft.iterdir()) == ["card.md", "evaluation.json", "report.html", "scorecard.toml"]
    for name in ("card.md", "report.html", "scorecard.toml"):
        assert MARK in (draft / name).read_text(encoding="utf-8").lower()
    ended = ["--approved-by", "A", "--role", "B", "--use", "C", "--until", "2020-01-01"]
    assert main(["model", "publish", str(draft), "--to", str(own), *ended]) == 1 and "The approval has ended" in said(capsys)
    assert main(["model", "publish", str(draft), "--to", str(own)]) == 0
    text = said(capsys)
    assert 'risk_models = ["made_up_12m"]' in text and (own / "models" / "made_up_12m" / "card.md").exists()
    assert main(["model", "monitor", "made_up_12m", *town, "--rules", str(own), "--months", "2"]) in (0, 3)
    assert said(capsys).lstrip().startswith("Synthetic, for demonstration, not for care.")
    assert main(["scores", "show", "made_up_12m", "--rules", str(own)]) == 0 and MARK in said(capsys)
    assert main(["model", "monitor", str(draft), *town, "--months", "2", "--shift", "2021-01-01=1.2"]) == 3
    assert "RECALIBRATE before further use" in said(capsys)
    assert main(["model", "compare", str(draft), str(draft), *town]) == 0 and "0.000 (0.000 to 0.000)" in said(capsys)


def test_a_model_is_followed_for_as_long_as_it_predicts(tmp_path, capsys):
    """A model of 90 days is held against the admissions of 90 days, whether or not --horizon is given."""
    year, quarter, town = tmp_path / "year", tmp_path / "quarter", ["--town", "2400"]
    assert main(["model", "train", *town, "--out", str(year), "--pairs", "0"]) == 0
    shutil.copytree(year, quarter)
    told = json.loads((quarter / "evaluation.json").read_text())
    told["training"]["horizon"] = 90
    (quarter / "evaluation.json").write_text(json.dumps(told))

    def admissions(command: str, draft: Path, *more: str) -> int:
        said(capsys)
        models = [str(draft)] * (1 if command == "monitor" else 2)
        assert main(["model", command, *models, *town, *more]) in (0, 3)
        text = said(capsys)
        return sum(int(line.split()[2]) for line in text.splitlines() if line.startswith("20")) if command == "monitor" else int(
            text.split(" admissions that both")[0].split()[-1])

    for command in ("monitor", "compare"):
        assert admissions(command, quarter) == admissions(command, quarter, "--horizon", "90") < admissions(command, year) / 2
    assert main(["model", "monitor", str(quarter), *town, "--horizon", "365"]) == 1 and "predicts 90 days" in said(capsys)
    assert main(["model", "evaluate", str(quarter), *town, "--horizon", "365"]) == 1 and "predicts 90 days" in said(capsys)
    assert main(["model", "compare", str(quarter), str(year), *town]) == 1 and "365 days" in said(capsys)


@pytest.mark.parametrize(("arguments", "words"), [
    (["train", "--town", "2400", "--out", "x", "--outcome", "cost"], "not a target that a model may be trained on"),
    (["train", "--town", "2400", "--out", "x", "--outcome", "falls"], "NG249"),
    (["train", "--town", "2400", "--out", "x", "--horizon", "60"], "A horizon of 60 days is not one of this project"),
    (["train", "--town", "100", "--out", "x"], "at least 200 people for each of its days"),
    (["train", "--out", "x"], "one of the arguments --store --town is required"),
    (["monitor", "nothing", "--town", "2400"], "There is no model 'nothing'"),
    (["monitor", "demo_emergency_admission_12m", "--town", "2400", "--months", "0"], "'0' is not a whole number of 1 or more"),
    (["moniter", "x"], "did you mean 'monitor'?"),
    (["evaluate", "nowhere", "--town", "2400"], "holds no model")])
def test_slips(arguments, words, capsys):
    assert main(["model", *arguments]) == 1
    assert words.lower() in said(capsys).lower()


def test_a_table_of_contacts_that_cannot_be_read(tmp_path, capsys):
    for text, words in (("who,when\n", "missing: patient_id, date"), ("patient_id,date\na,1 June\n", "contacts.csv:2"),
                        ("patient_id,date\na\n", "another number of cells"), ("patient_id,date\na,2020-06-01\n", "Nobody of the table")):
        (tmp_path / "contacts.csv").write_text(text)
        assert main(["model", "train", "--town", "2400", "--out", str(tmp_path / "x"), "--contacted", str(tmp_path / "contacts.csv")]) == 1
        assert words in said(capsys)


def test_people_may_be_held_out_of_monitoring_too(monkeypatch, capsys):
    asked = {}

    def followed(*given, **more):
        asked.update(more)
        raise FrailtyError("enough")

    monkeypatch.setattr(study, "followed", followed)
    for more, contact in (([], "censor"), (["--hold-out"], "hold_out")):
        main(["model", "monitor", "demo_emergency_admission_12m", "--town", "2400", *more])
        assert asked["contact"] == contact


def test_who_has_no_value_is_counted_and_nobody_is_an_error(tmp_path, monkeypatch, capsys):
    draft, town, chances = tmp_path / "draft", ["--town", "2400"], study.chances
    assert main(["model", "train", *town, "--out", str(draft), "--pairs", "0"]) == 0
    other = ["--town", "2400", "--seed", "2"]           # other people: the model is judged as it stands

    def some(*given):
        found = chances(*given)
        found[:7] = np.nan
        return found

    monkeypatch.setattr(study, "chances", some)
    said(capsys)
    assert main(["model", "evaluate", str(draft), *other]) == 0 and "7 person-days have no value of the model" in said(capsys)
    monkeypatch.setattr(study, "chances", lambda *given: np.full_like(chances(*given), np.nan))
    for command in (["evaluate", str(draft)], ["compare", str(draft), str(draft)], ["monitor", str(draft)]):
        assert main(["model", *command, *other]) == 1 and "has no value for anybody here" in said(capsys)


def test_help_has_examples(capsys):
    for name in ("train", "evaluate", "publish", "compare", "monitor"):
        with pytest.raises(SystemExit):
            main(["model", name, "--help"])
        assert f"frailty model {name}" in said(capsys).split("example:")[1]
    assert main(["model"]) == 0 and "monitor" in said(capsys)
