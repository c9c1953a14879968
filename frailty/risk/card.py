"""The model card in Markdown, with the TRIPOD+AI checklist filled from the run; what only people can say is left empty."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any

from frailty.knowledge import rules_dir
from frailty.risk.dataset import TRUTH
from frailty.risk.evaluate import report_settings
from frailty.risk.report import brief, figures, percent, thousands

Account = Mapping[str, Any]
BY_SITE = "*to be filled by the site*"


def model_card(account: Account, *, id: str, title: str, mark: str = "", limits: Sequence[str] = ()) -> str:
    """The card as Markdown. mark: stands on top, such as *synthetic*; limits: of this model, beside those of every model."""
    said = report_settings()["card"]
    train, test = account["data"]["train"], account["data"]["test"]
    parts = [f"# {title}", f"`{id}`" + (f" · **{mark.upper()}**" if mark else ""),
             "## Purpose", said["purpose"].strip(), "Not for:", _list(said["not_for"]),
             "## Approval", "Off on every worklist until a site turns it on.",
             _table(["role", "name", "date", "decision"],
                    [[role, "", "", ""] for role in ("clinical safety officer", "information governance", "practice")]),
             "## In brief", _list(brief(account)),
             "## Data", _table(["", "snapshots", "rows", "people", "admitted", "died first", "lost from sight"], [
                 [name, f"{one['from']} to {one['to']}", *(thousands(one[key]) for key in (
                     "rows", "people", "events", "deaths_first", "censored"))] for name, one in account["data"].items()]),
             f"Training data, SHA-256: `{train['hash']}`  \nTest data, SHA-256: `{test['hash']}`",
             "## How good it is", _table(["prediction", "AUROC", "AUPRC", "observed / expected", "slope"], [
                 [account["names"][name], figures(one["auroc"]), figures(one["auprc"]), figures(one["ratio"], 2),
                  figures(one["slope"], 2)] for name, one in account["predictions"].items()]),
             _updating(account), "## Groups", _groups(account),
             "## Limits", _list([*said["limits"], *limits]),
             "## TRIPOD+AI", "Collins GS et al. BMJ 2024;385:e078378; topics in our words.", checklist(account, title, mark)]
    return "\n\n".join(part for part in parts if part) + "\n"


def checklist(account: Account, title: str, mark: str = "") -> str:
    """A Markdown table of every item of TRIPOD+AI with what the run can say of it."""
    filled = _filled(account, title, mark)
    with (rules_dir() / "tripod_ai.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return _table(["item", "topic", "told"],
                  [[row["item"], row["topic"], row["answer"].format_map(filled) or BY_SITE] for row in rows])


def _filled(account: Account, title: str, mark: str) -> dict[str, str]:
    data, predictions, names, model = account["data"], account["predictions"], account["names"], account["model"]
    ours = predictions["scorecard"]
    words = {"train": "learned from", "calibration": "recalibrated on", "test": "judged on"}
    practices = account["groups"].get("practice", [])
    much = [one["title"] for one in account["drift"] if one["change"] != "little"]
    shown = [one for one in practices if not one["suppressed"] and one["auroc"]]
    made_up = mark or TRUTH in predictions
    return {
        "title": title, "horizon": str(account["horizon"]), "purpose": " ".join(report_settings()["card"]["purpose"].split()),
        "references": ", ".join(names[name] for name in predictions if name not in ("scorecard", "additive", TRUTH)),
        "synthetic": f" ({mark})" if mark else "",
        "dates": "; ".join(f"{words[name]} {one['from']} to {one['to']}" for name, one in data.items())
                 + f"; follow-up {account['horizon']} days from each.",
        "practices": f"General practice; {len(practices)} practices." if practices else "General practice.",
        "offered": str(data["train"]["features"]), "chosen": str(model["features"]) if model else "those of the scorecard",
        "features": str(model["features"]) if model else "all", "pairs": str(model["pairs"]) if model else "its",
        "form": "Scorecard of a hazard that is constant within the horizon" if model and model["form"] == "survival"
                else "Logistic scorecard",
        "aim": "Both." if model else "Evaluation of a model as it stands.",
        "kind": "development and evaluation" if model else "evaluation",
        "intercept": f"{model['intercept']:.4f}" if model else "as published",
        "size": "; ".join(f"{words[name]} {thousands(one['rows'])} rows of {thousands(one['people'])} people with "
                          f"{thousands(one['events'])} admissions" for name, one in data.items()) + ".",
        "censored": f"{thousands(data['test']['censored'])} test rows were lost from sight: {account['methods']['censoring']}.",
        "measures": "; ".join(f"{name.replace('_', ' ')}: {how}" for name, how in account["methods"].items()) + ".",
        "drift": ", ".join(much) + "." if much else "no feature moved more than little.",
        "data_sharing": "Made-up data: anybody can make them again from the seed." if made_up else BY_SITE,
        "flow": "; ".join(f"{words[name]} {thousands(one['rows'])}: {thousands(one['events'])} admitted, "
                          f"{thousands(one['deaths_first'])} died first, {thousands(one['censored'])} lost from sight"
                          for name, one in data.items()) + ".",
        "performance": f"AUROC {figures(ours['auroc'])}, AUPRC {figures(ours['auprc'])}, slope {figures(ours['slope'], 2)}, "
                       f"observed / expected {figures(ours['ratio'], 2)}; groups above.",
        "clusters": "AUROC by practice: " + ", ".join(f"{one['group']} {one['auroc']['value']:.3f}" for one in shown) + "."
                    if shown else "Not examined.",
        "updating": _updating(account) or "None.",
    }


def _updating(account: Account) -> str:
    if "before" not in account["calibration"]:
        return ""
    before, after = account["calibration"]["before"], account["calibration"]["after"]
    return (f"Recalibration changed: {account['update']}. Slope {figures(before['slope'], 2)} before and "
            f"{figures(after['slope'], 2)} after; observed / expected {figures(before['ratio'], 2)} before and "
            f"{figures(after['ratio'], 2)} after.")


def _groups(account: Account) -> str:
    rows = []
    for dimension, many in account["groups"].items():
        for one in many:
            if one["suppressed"]:
                rows.append([dimension, one["group"], "hidden: small number", "", "", ""])
            else:
                rows.append([dimension, one["group"], thousands(one["rows"]), figures(one["ratio"], 2), figures(one["auroc"], 2),
                             percent(one["recall"])])
    return _table(["", "group", "rows", "observed / expected", "AUROC", "of those admitted, selected"], rows)


def _list(many: Sequence[str]) -> str:
    return "\n".join(f"- {one}" for one in many)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
