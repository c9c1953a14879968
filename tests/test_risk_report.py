"""The page and the card of a model: they hold the figures, hide what must be hidden, and need nothing from elsewhere."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from risk_town import risk_data
from test_worklist_accessible import AXE, BROWSER, judged

from frailty.risk.card import BY_SITE, checklist, model_card
from frailty.risk.charts import Series, forest, lines, ticks
from frailty.risk.evaluate import evaluate
from frailty.risk.learner import ScorecardClassifier
from frailty.risk.report import brief, charts, figures, page

RULES = Path(__file__).parents[1] / "rules"
MODEL = RULES.parent / "models" / "demo_emergency_admission_12m"
MARK = "synthetic, for demonstration, not for care"


@pytest.fixture(scope="module")
def account() -> dict[str, Any]:
    parts = [risk_data(people, seed, 18_000 + 500 * seed, censored=0.05) for people, seed in ((3_000, 1), (1_500, 2), (2_000, 3))]
    return evaluate(*parts, ScorecardClassifier(parts[0].columns, pairs=2))


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    parts = [risk_data(1_000, seed, 18_000 + 500 * seed, dates=1) for seed in (4, 5, 6)]
    return evaluate(*parts, p=parts[2].given["hazard_given_records"])


class Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("meta", "br", "link", "path", "circle", "rect"):
            self.open.append(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}, "the page needs something from elsewhere"

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "circle", "rect"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> str:
    reader = Balanced()
    reader.feed(text)
    assert reader.open == []
    return re.sub(r"\s+", " ", " ".join(reader.text))


def test_the_page_holds_the_figures_and_the_json_all_of_them(account: dict[str, Any]) -> None:
    text = read(page(account, title="Admission & more", mark=MARK))
    assert json.loads(json.dumps(account, allow_nan=False)) == account
    assert MARK.upper() in text and "Admission & more" in text and "A clinician decides" in text
    for one in account["predictions"].values():
        assert figures(one["auroc"]) in text
    for one in brief(account):
        assert one in text
    for one in account["model"]["terms"]:
        assert one["title"] in text
    assert account["data"]["train"]["hash"] in text
    assert "The scorecard without pairs" in text and "Its pairs add" in text


@pytest.mark.skipif(not BROWSER or AXE is None, reason="no Chromium, or no axe-core")
def test_the_page_is_accessible(account: dict[str, Any], tmp_path: Path) -> None:
    text = page(account, title="Admission", mark=MARK).replace("style-src", "script-src 'unsafe-inline'; style-src")
    told = judged(text, tmp_path)
    assert told["violations"] == [] and told["passes"] > 10


def test_what_is_hidden_in_the_account_has_no_figures_on_the_page(account: dict[str, Any]) -> None:
    text = page(account, title="t")
    assert "Hidden: not recorded, yes." in text and MARK.upper() not in text
    assert "hidden: small number" in model_card(account, id="m", title="t")


def test_a_published_scorecard_has_a_page_too(published: dict[str, Any]) -> None:
    text = read(page(published, title="t"))
    assert "As published" in text and "The model" not in text
    assert "None." in checklist(published, "t")
    assert "| 4 | Aim: development or evaluation | Evaluation of a model as it stands. |" in checklist(published, "t")


def test_the_checklist_says_only_what_was_done(account: dict[str, Any]) -> None:
    hazard = {**account, "model": {**account["model"], "form": "survival"}}
    assert "Scorecard of a hazard" in checklist(hazard, "t") and "Logistic scorecard" in checklist(account, "t")
    for text in (checklist(account, "t"), (MODEL / "card.md").read_text(encoding="utf-8")):
        assert "fitted anew" not in text.split("| 12f |")[1].split("\n")[0]         # what was changed stands under 24
        assert "else not dealt with" in text.split("| 6c |")[1].split("\n")[0]


def test_charts_are_whole_and_speak(account: dict[str, Any]) -> None:
    for name, svg in charts(account).items():
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img" and root.get("aria-label"), name
        assert "nan" not in svg.lower().replace("finance", "")
    line = lines([Series("a & b", [(0, 0), (1, 1)]), Series("c", [(0, 1), (1, 0)])], x="x", y="y", x_range=(0, 1), y_range=(0, 1))
    texts = [node.text for node in ElementTree.fromstring(line).iter() if node.tag == "text"]
    assert {"a & b", "c", "x", "y", "0 %", "100 %"} <= set(texts)
    assert "0.700 (0.600 to 0.800)" in forest([("one", 0.7, 0.6, 0.8)], x="AUROC")


def test_figures_have_no_negative_zero() -> None:
    assert figures({"value": -0.0001, "low": -0.0012, "high": 0.001}) == "0.000 (\N{MINUS SIGN}0.001 to 0.001)"


def test_ticks_are_round_numbers() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(-0.003, 0.021) == [0, 0.005, 0.01, 0.015, 0.02]
    assert ticks(3, 3) == [3]


def test_the_card_says_purpose_limits_data_and_leaves_approval_to_people(account: dict[str, Any]) -> None:
    text = model_card(account, id="admission_365", title="Admission", mark=MARK, limits=["Only for a test."])
    with (RULES / "risk_report.toml").open("rb") as stream:
        said = tomllib.load(stream)["card"]
    for one in (*said["not_for"], *said["limits"], "Only for a test.", MARK.upper(), "| clinical safety officer |  |  |  |"):
        assert one in text
    assert account["data"]["train"]["hash"] in text and figures(account["predictions"]["scorecard"]["auroc"]) in text
    assert not re.search(r"\{\w+\}|None |\bnan\b", text)


def test_every_item_of_the_checklist_is_told_or_left_to_the_site(account: dict[str, Any]) -> None:
    with (RULES / "tripod_ai.csv").open(encoding="utf-8") as stream:
        items = [row["item"] for row in csv.DictReader(stream)]
    assert len(items) == len(set(items)) == 52 and {int(re.sub(r"\D", "", item)) for item in items} == set(range(1, 28))
    rows = [line.split(" | ") for line in checklist(account, "t").splitlines()[2:]]
    assert [row[0].strip("| ") for row in rows] == items
    told = {row[0].strip("| "): row[2] for row in rows}
    assert BY_SITE in told["17"] and "AUROC 0." in told["23a"] and "Slope" in told["24"] and "2020-08-26" in told["5b"]
