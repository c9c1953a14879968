"""From a learned model to files that anybody can read, and back through the engine."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from frailty.errors import DefinitionError, FrailtyError, SiteError
from frailty.knowledge import models_dir, rules_dir
from frailty.risk import study
from frailty.risk.apply import ended, turned_on
from frailty.risk.dataset import Column
from frailty.risk.publish import (
    Approval,
    bands,
    check_model,
    head,
    prove_same,
    publish,
    read_evaluation,
    read_model,
    toml_text,
    write_draft,
    write_evaluation,
)
from frailty.risk.sources import town_records
from frailty.scoring.load import load_scorecard, model_ids
from frailty.scoring.overlay import laid_over
from frailty.synthetic.town import make_town

DAYS = [date(2019, 1, 1), date(2020, 1, 1), date(2021, 1, 1)]
MARK = "synthetic, for demonstration, not for care"
APPROVAL = Approval("A. Example", "clinical safety officer", "to plan reviews", "2027-01-01")


@pytest.fixture(scope="module")
def learned():
    """records, test rows, the learner, the scorecard as a table."""
    made = study.prepare(town_records(make_town(2_400, DAYS)), 365)
    options = {"max_terms": 25, "least": 1.0, "pairs": 1}
    model, table = study.learn(made, "made_up_12m", "1", "2026-11-25", options)
    return made.records, made.test, model, table, made


@pytest.fixture
def draft(learned, tmp_path):
    folder = tmp_path / "draft"
    write_draft(folder, learned[3], {"rows": 3})
    return folder


def evaluated(draft):
    write_evaluation(draft, read_evaluation(draft) | {"evaluation": {"auroc": 0.7}})
    return draft


def test_the_engine_gives_what_the_learner_gives(learned, draft):
    records, test, model, table, _ = learned
    card, _ = read_model(draft)
    expected = model.predict_proba(test.x)[:, 1]
    assert prove_same(records, card, test.person, test.as_of, expected) > 0.9 * len(test)
    assert len(card.terms) == len(table["term"]) >= 4 and not card.default
    with pytest.raises(FrailtyError, match="is not the model that was learned"):
        prove_same(records, card, test.person, test.as_of, expected + 1e-4)


def test_the_survival_form_goes_the_same_way(learned, tmp_path):
    model, table = study.learn(learned[4], "made_up_survival", "1", "2026-11-25", {"form": "survival", "max_terms": 5, "pairs": 0})
    card = study.write(learned[4], tmp_path / "draft", model, table, {"from": "a test"})
    assert card.link.kind == "survival" and card.link.horizon == "365 days"
    assert read_evaluation(tmp_path / "draft")["training"]["rows_proven_free_of_the_future"] > 500


def test_every_part_bears_the_mark(draft):
    card, _ = read_model(draft)
    assert MARK in card.title and card.restricted == MARK and all(MARK in band.label for band in card.bands)
    assert card.age_at_least == 18 and set(card.needs) <= {"hospital"}
    assert not list(draft.rglob("*.pkl"))


def test_toml_says_what_the_table_said(learned):
    table = learned[3]
    again = tomllib.loads(toml_text(table), parse_float=Decimal)

    def plain(one):
        if isinstance(one, dict):
            return {key: plain(part) for key, part in one.items()}
        return [plain(part) for part in one] if isinstance(one, (list, tuple)) else one

    assert again == plain(table)
    assert tomllib.loads(toml_text({"id": 'quote " and \\ and é', "term": [{"n": Decimal("1E-7")}]}), parse_float=Decimal) == {
        "id": 'quote " and \\ and é', "term": [{"n": Decimal("0.0000001")}]}
    with pytest.raises(FrailtyError, match="float has no form"):
        toml_text({"a": 0.1})


def test_publishing(draft, tmp_path):
    models = tmp_path / "own" / "models"
    with pytest.raises(FrailtyError, match="has not been evaluated"):
        publish(draft, models, "# Card", APPROVAL, made_up=True)
    evaluated(draft)
    with pytest.raises(FrailtyError, match="Who approves this model"):
        publish(draft, models, "# Card", None, made_up=False)
    folder = publish(draft, models, "# Card\n", APPROVAL, made_up=False)
    assert sorted(one.name for one in models.rglob("*")) == ["card.md", "evaluation.json", "made_up_12m", "scorecard.toml"]
    assert json.loads((folder / "evaluation.json").read_text())["approval"]["by"] == "A. Example"
    left = models / f".{folder.name}.old"               # of a run that was killed
    left.mkdir()
    (left / "card.md").touch()
    publish(draft, models, "# Card, mended\n", APPROVAL, made_up=False)       # the same definition again
    assert [one.name for one in models.iterdir()] == [folder.name]
    assert (folder / "card.md").read_text() == "# Card, mended\n"


def test_the_site_finds_its_models_and_nothing_turns_them_on(draft, tmp_path):
    own = tmp_path / "own"
    publish(evaluated(draft), own / "models", "# Card", APPROVAL, made_up=True)
    rules = laid_over(own)
    assert "made_up_12m" in model_ids(rules) and "made_up_12m" not in model_ids()
    card = load_scorecard("made_up_12m", rules)
    assert card.by_name_only and turned_on([], rules) == {}
    told = turned_on(["made_up_12m"], rules)
    assert ended(told, date(2026, 12, 1)) == {} and "its approval ended on 2027-01-01" in ended(told, date(2027, 1, 2))["made_up_12m"]
    with pytest.raises(SiteError, match="there is no model 'made_up_12'"):
        turned_on(["made_up_12"], rules)


def test_a_model_that_was_changed_is_refused(draft, tmp_path):
    own = tmp_path / "own"
    folder = publish(evaluated(draft), own / "models", "# Card", APPROVAL, made_up=True)
    path = folder / "scorecard.toml"
    path.write_text(path.read_text().replace("intercept = -", "intercept = -1"))
    with pytest.raises(DefinitionError, match="is not the one that was evaluated"):
        check_model(load_scorecard("made_up_12m", laid_over(own)), laid_over(own))
    changed = draft / "scorecard.toml"
    changed.write_text(changed.read_text().replace("intercept = -", "intercept = -1"))
    with pytest.raises(FrailtyError, match="was changed after it was trained"):
        publish(draft, own / "models", "# Card", APPROVAL, made_up=True)
    write_evaluation(draft, read_evaluation(draft) | {"definition": read_model(draft)[1]})
    with pytest.raises(FrailtyError, match="Version 1 of 'made_up_12m' is published already, and differs"):
        publish(draft, own / "models", "# Card", APPROVAL, made_up=True)


def test_slips(tmp_path, draft):
    with pytest.raises(FrailtyError, match="is no name for a model"):
        head("Our Model", 365, "1", "x", made_up=False, learned_on="2026-11-25")
    with pytest.raises(DefinitionError, match="holds no model"):
        read_model(tmp_path)
    with pytest.raises(FrailtyError, match="not empty"):
        write_draft(draft, {}, {})
    with pytest.raises(FrailtyError, match="have the same cut point"):
        bands(np.full(50, 0.1))


def test_one_learned_on_real_people_has_no_mark():
    said = head("ours_12m", 365, "1", "x", made_up=False, learned_on="2026-11-25")
    assert "restricted" not in said and MARK not in json.dumps(said, default=str)


def test_features_of_a_site_that_name_a_list_that_is_not_there():
    from frailty.risk.features import card_of
    with pytest.raises(DefinitionError, match="The feature 'x' cannot be evaluated"):
        card_of([Column("x", "X", "flag", 0, {"any": [{"codes": "efi"}]})])
    assert rules_dir().is_dir()


def test_the_shipped_model_is_for_demonstration():
    """It loads, is what was evaluated, bears its mark on every band, is off, and was honestly judged on later rows."""
    assert model_ids() == ["demo_emergency_admission_12m"]
    card = load_scorecard("demo_emergency_admission_12m")
    told = check_model(card)
    assert card.restricted == MARK and MARK in card.title and all(MARK in band.label for band in card.bands) and not card.default
    assert MARK in (models_dir() / card.id / "card.md").read_text(encoding="utf-8").lower()
    assert told["training"]["made_up"] and told["approval"] is None
    account = told["evaluation"]
    assert account["data"]["test"]["events"] >= 10_000 and account["data"]["train"]["to"] < account["data"]["calibration"]["from"]
    assert account["predictions"]["hazard_given_records"]["scorecard_less_this"]["low"] > -0.02
    assert 0.95 <= account["calibration"]["after"]["slope"]["value"] <= 1.05
    assert account["boosting"]["beats"]
