"""The account of a model as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.risk.charts import Series, forest, lines
from frailty.risk.dataset import TRUTH

if TYPE_CHECKING:
    import jinja2

PAGE = "report.html"
DIMENSIONS = {"imd_quintile": "Deprivation (IMD quintile, 1 = most deprived)", "care_home": "Care home"}
Account = Mapping[str, Any]


def page(account: Account, *, title: str, mark: str = "") -> str:
    """The page as text."""
    return str(_environment().get_template("report.html").render(
        a=account, title=title, mark=mark, brief=brief(account), charts=charts(account), names=account["names"],
        dimensions=DIMENSIONS,
        groups={name: [one for one in many if not one["suppressed"]] for name, many in account["groups"].items()},
        hidden={name: [one["group"] for one in many if one["suppressed"]] for name, many in account["groups"].items()}))


# ---- in words

def figures(one: Mapping[str, float] | None, digits: int = 3) -> str:
    """A value and its interval."""
    if one is None or one["value"] is None:
        return "not shown"
    value, low, high = ("?" if one[end] is None else f"{round(one[end], digits) + 0.0:.{digits}f}"      # + 0.0: no -0.000
                        for end in ("value", "low", "high"))
    return f"{value} ({low} to {high})".replace("-", "\N{MINUS SIGN}")


def percent(one: Mapping[str, float] | float | None, digits: int = 1) -> str:
    """A share, with its interval where it has one."""
    if one is None:
        return "not shown"
    if isinstance(one, Mapping):
        if one["value"] is None:
            return "not shown"
        return f"{100 * one['value']:.{digits}f} % ({100 * one['low']:.{digits}f} to {100 * one['high']:.{digits}f})"
    return f"{100 * one:.{digits}f} %"


def thousands(number: float) -> str:
    """1,234."""
    return f"{number:,.0f}"


def signed(number: float, digits: int = 2) -> str:
    """With its sign."""
    return f"{number:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def brief(account: Account) -> list[str]:
    """What a reader must know first: one sentence each, from the figures alone."""
    ours, others, names = account["predictions"]["scorecard"], account["predictions"], account["names"]
    test = account["data"]["test"]
    said = [f"Judged on {thousands(test['rows'])} rows of {thousands(test['people'])} people, {test['from']} to {test['to']}, with "
            f"{thousands(test['events'])} emergency admissions within {account['horizon']} days.",
            f"It ranks a person who is admitted above one who is not in {figures(ours['auroc'])} of pairs (AUROC).",
            f"{percent(ours['observed'])} were admitted and {percent(ours['expected'])} were expected: "
            f"ratio {figures(ours['ratio'], 2)}, calibration slope {figures(ours['slope'], 2)}."]
    at = min(account["capacity"], key=lambda one: abs(one["share"] - account["settings"]["evaluate"]["selected"]))
    said.append(f"A team that sees the {100 * at['share']:g} % with the highest risk ({thousands(at['k'])}) finds "
                f"{percent(at['scorecard']['recall'])} of all who are admitted; of those it sees, "
                f"{percent(at['scorecard']['precision'])} are.")
    said += [f"{words} {figures(others[name]['scorecard_less_this'])}."
             for name, words in (("age", "What it adds to age alone, in AUROC:"),) if name in others]
    if TRUTH in others:
        said.append(f"Against the true risk given the records, which only a made-up locality knows, it lacks "
                    f"{figures(_turned(others[TRUTH]['scorecard_less_this']))} AUROC.")
    gain = account["boosting"]["auroc_gain"]
    word = "beats it by" if gain["low"] > 0 else "is behind it by" if gain["high"] < 0 else "cannot be told apart from it:"
    said.append(f"{names['boosting']} {word} {figures(gain if gain['high'] >= 0 else _turned(gain), 4)} AUROC.")
    if "additive" in others:
        said.append(f"Its pairs add {figures(others['additive']['scorecard_less_this'], 4)} AUROC to the points of features alone.")
    return said


def _turned(one: Mapping[str, float]) -> dict[str, float]:
    return {"value": -one["value"], "low": -one["high"], "high": -one["low"]}


# ---- in pictures

def charts(account: Account) -> dict[str, str]:
    """name -> SVG."""
    names, predictions = account["names"], account["predictions"]
    order = sorted(predictions, key=lambda name: -predictions[name]["auroc"]["value"])
    made = {"auroc": forest([(names[n], *(predictions[n]["auroc"][key] for key in ("value", "low", "high"))) for n in order],
                            x="Area under the ROC curve, 95 % interval"),
            "calibration": _calibration(account), "decision": _decision(account), "recall": _recall(account)}
    if len(account["months"]) > 1:
        made["months"] = _months(account["months"])
    return made


def _calibration(account: Account) -> str:
    words = {"before": "Before recalibration", "after": "The scorecard", "boosting": account["names"]["boosting"]}
    top = max(max(one["predicted"], one["observed"]["high"]) for kind in account["calibration"].values() for one in kind["curve"])
    top = min(1.0, top * 1.03)
    series = [Series("Perfect", [(0, 0), (1, 1)], plain=True)]
    for name in ("after", "before", "boosting"):
        if name in account["calibration"]:
            curve = account["calibration"][name]["curve"]
            series.append(Series(words[name], [(one["predicted"], one["observed"]["value"]) for one in curve],
                                 [(one["observed"]["low"], one["observed"]["high"]) for one in curve] if name == "after" else ()))
    return lines(series, x="Predicted risk, mean of each bin", y="Admitted", x_range=(0, top), y_range=(0, top))


def _decision(account: Account) -> str:
    curve = account["decision_curve"]
    at = curve["threshold"]
    shown = [name for name in ("scorecard", "boosting", "age", *_published(account)) if name in curve]
    top = max(max(curve[name]) for name in shown) * 1.1 or 0.01
    last = max((n for n, _ in enumerate(at) if max(curve[name][n] for name in shown) > top / 25), default=0)
    right = at[min(last + 1, len(at) - 1)]
    series = [Series("Treat all", list(zip(at, curve["all"], strict=True)), plain=True),
              Series("", [(0, 0), (right, 0)], plain=True)]
    series += [Series(account["names"][name], list(zip(at, curve[name], strict=True))) for name in shown]
    return lines(series, x="Risk at which somebody would act", y="Net benefit per person", x_range=(0, right),
                 y_range=(-0.12 * top, top), shares=(True, False))


def _recall(account: Account) -> str:
    shown = ["scorecard", "boosting", "age", *_published(account)]
    rows = account["capacity"]
    top = max(one[name]["recall"]["value"] for one in rows for name in shown if name in one) * 1.05
    series = [Series(account["names"][name], [(0, 0), *((one["share"], one[name]["recall"]["value"]) for one in rows)])
              for name in shown if name in rows[0]]
    series.append(Series("By chance", [(0, 0), (1, 1)], plain=True))
    return lines(series, x="Share of the list that is seen", y="Share of admissions found", x_range=(0, rows[-1]["share"]),
                 y_range=(0, min(top, 1.0)))


def _published(account: Account) -> Sequence[str]:
    """The published scores, the best first; at most three, or a chart cannot be read."""
    found = [name for name in account["predictions"] if name not in ("scorecard", "additive", "logistic", "boosting", "age", TRUTH)]
    return sorted(found, key=lambda name: -account["predictions"][name]["auroc"]["value"])[:3]


def _months(months: Sequence[Mapping[str, Any]]) -> str:
    points = [(float(n), one["ratio"]["value"]) for n, one in enumerate(months)]
    bars = [(one["ratio"]["low"], one["ratio"]["high"]) for one in months]
    low, high = min(0.8, *(bar[0] for bar in bars)) - 0.02, max(1.25, *(bar[1] for bar in bars)) + 0.02
    every = max(1, len(months) // 8)
    words = [one["as_of"][:7] if n % every == 0 else "" for n, one in enumerate(months)]
    return lines([Series("As expected", [(-0.5, 1), (len(months) - 0.5, 1)], plain=True), Series("", points, bars)],
                 x="Day of the snapshot", y="Observed / expected", x_range=(-0.5, len(months) - 0.5), y_range=(low, high),
                 shares=(False, False), names=words)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2
    made = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True,
                              trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    made.filters |= {"figures": figures, "percent": percent, "thousands": thousands, "signed": signed}
    return made
