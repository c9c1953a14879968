"""`frailty model`: learn a model of admission risk, judge it, publish it as files, compare two, watch one."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty import __version__
from frailty.cli.parts import a_count, a_date, command, rules_of, rules_option, table
from frailty.errors import FrailtyError

if TYPE_CHECKING:
    from frailty.risk.publish import Approval
    from frailty.risk.sources import Records
    from frailty.scoring.definitions import Scorecard

# A made-up town has people of their own on each of these days: to learn, a gap, to recalibrate, a gap, to test.
TOWN_DAYS = [date(2020, month, 1) for month in (1, 3, 5, 7, 9)] + [date(2021, month, 1) for month in (9, 11)] + [
    date(2022, 11, 1), date(2022, 12, 1)] + [date(2023, month, 1) for month in (1, 2, 3, 4, 5)]
_FROM = "Records come from a store (--store), or from a made-up town (--town PEOPLE), whose models bear a mark everywhere."


def add_model(commands: Any) -> None:
    """Adds the command and its own commands to the parser."""
    model = command(commands, "model", lambda _: _help(model), "admission risk: learn, judge, publish and watch models",
                    "frailty model train --town 20000 --out draft",
                    "A model is a scorecard that anybody can read. None is on until a site says so: risk_models in [settings].")
    actions = model.add_subparsers(title="commands", metavar="COMMAND")
    train = command(actions, "train", _train, "learns a model and writes a draft of it",
                    "frailty model train --store lists.duckdb --site site.toml --id our_admission_12m --out draft", _FROM)
    _source_options(train)
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder for the draft")
    train.add_argument("--id", default="", metavar="ID", help="the model's name (default: emergency_admission_DAYSd)")
    train.add_argument("--model-version", default="1", metavar="TEXT", help="its version (default: 1)")
    train.add_argument("--outcome", default="emergency_admission", metavar="NAME", help="what to predict (rules/risk.toml)")
    train.add_argument("--max-terms", type=a_count, metavar="N", help="at most so many terms (default: 40)")
    train.add_argument("--pairs", type=int, metavar="N", help="at most so many pairs of features (default: 4)")
    train.add_argument("--form", choices=("logistic", "survival"), help="logistic, or survival: people count for as long as seen")
    train.add_argument("--points", choices=("real", "integer"), help="points of the scorecard (default: real)")
    judge = command(actions, "evaluate", _evaluate, "judges a draft on a later period, with a report",
                    "frailty model evaluate draft --store lists.duckdb --site site.toml",
                    _FROM + " Writes evaluation.json, card.md and report.html into the draft. On the records that it was learned "
                    "on, the learner too is shown; on others the model is judged as it stands.")
    judge.add_argument("draft", type=Path, metavar="DRAFT", help="the folder that train wrote")
    _source_options(judge)
    published = command(actions, "publish", _publish, "puts an evaluated draft where the nightly run finds it",
                        "frailty model publish draft --to our-rules --approved-by 'A. Example' --role 'safety officer' "
                        "--use 'to plan reviews' --until 2027-11-01",
                        "A model of real people needs all four: who approves it, their role, for what, until when.\n\n"
                        "Then: frailty nightly --rules our-rules, with risk_models = [\"ID\"] in [settings] of site.toml.")
    published.add_argument("draft", type=Path, metavar="DRAFT", help="the folder that train wrote and evaluate judged")
    published.add_argument("--to", type=Path, required=True, metavar="DIR", help="your folder of rules; it goes to DIR/models/ID")
    for option, what in (("--approved-by", "who lets it be used"), ("--role", "their role"), ("--use", "for what")):
        published.add_argument(option, default="", metavar="TEXT", help=what)
    published.add_argument("--until", type=a_date, metavar="DATE", help="the last day of the approval")
    rules_option(published)
    compared = command(actions, "compare", _compare, "two models on the same later rows",
                       "frailty model compare our_admission_12m draft --store lists.duckdb", _FROM)
    compared.add_argument("models", nargs=2, metavar="MODEL", help="the id of a published model, or the folder of a draft")
    _source_options(compared)
    watched = command(actions, "monitor", _monitor, "predicted against observed, month by month: must it be recalibrated?",
                      "frailty model monitor our_admission_12m --store lists.duckdb --site site.toml",
                      _FROM + "\n\nExit code 0: no reason to recalibrate. 3: recalibrate before further use.")
    watched.add_argument("model", metavar="MODEL", help="the id of a published model, or the folder of a draft")
    _source_options(watched)
    watched.add_argument("--months", type=a_count, default=12, metavar="N",
                         help="the last months with known outcomes (default: 12)")
    watched.add_argument("--shift", metavar="DATE=NUMBER",
                         help="with --town: from this day on the log rate of admission is higher by NUMBER, such as 2023-02-01=0.5")


def _source_options(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--store", type=Path, metavar="FILE", help="the store that nightly keeps")
    where.add_argument("--town", type=a_count, metavar="PEOPLE", help="a made-up town of so many people")
    parser.add_argument("--seed", type=int, default=1, help="of the town (default: 1)")
    parser.add_argument("--site", type=Path, metavar="FILE", help="site.toml: products, objections, signed inputs")
    parser.add_argument("--until", type=a_date, metavar="DATE", help="last day of known admissions (default: the feed's)")
    parser.add_argument("--horizon", type=a_count, metavar="DAYS",
                        help="30, 90 or 365, to learn (default: 365); a model is judged by its own")
    parser.add_argument("--contacted", type=Path, metavar="FILE",
                        help="CSV patient_id, date: the day on which care was first changed, followed until the day before; or the "
                             "word lists: the first day with a place on a list of the night")
    parser.add_argument("--hold-out", action="store_true", help="leave those people out instead")
    rules_option(parser)


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


# ---- where records are from

def _records(chosen: argparse.Namespace, shift: tuple[date, float] | None = None) -> tuple[Records, dict[str, Any]]:
    """The records, and what training says of their source."""
    from frailty.cli import _progress
    from frailty.risk.sources import store_records, town_records
    progress = _progress()
    if chosen.town is not None:
        from frailty.synthetic.town import make_town
        made = town_records(make_town(chosen.town, TOWN_DAYS, chosen.seed, shift=shift, progress=progress))
        progress("", 0, 0)
        return made, {"from": f"a made-up town of {chosen.town} people", "seed": chosen.seed}
    if shift:
        raise FrailtyError("--shift goes only with --town.", mend="real records shift by themselves")
    from frailty.cli.parts import objectors_of, practice_of
    from frailty.site import load_site
    practice, site = practice_of(chosen), load_site(chosen.site)
    found = store_records(practice.connection, until=chosen.until, medicines=site.medicines, rules=rules_of(chosen),
                          objectors=objectors_of(chosen, practice))
    newest = practice.connection.execute("SELECT min(newest) FROM feed WHERE kind = 'hospital'").fetchall()[0][0]
    if chosen.until and newest and chosen.until > newest:
        print(f"--until {chosen.until}: the hospital's newest record is of {newest}; nobody counts as admitted between.")
    return found, {"from": "a store"}


def _contacted(path: Path | None, records: Records) -> Mapping[int, int]:
    """Place of a person -> first day of contact."""
    if path is None or str(path) == "lists":
        return records.listed if path else {}
    from frailty.terminology.tables import read_rows
    places = {id: n for n, id in enumerate(records.patient_ids)}
    found: dict[int, int] = {}
    lost = 0
    for line, row in read_rows(path, ("patient_id", "date"), error=FrailtyError):
        try:
            day = (date.fromisoformat(row["date"]) - date(1970, 1, 1)).days
        except ValueError:
            raise FrailtyError("A date cannot be read.", where=f"{path}:{line}", mend="write YYYY-MM-DD") from None
        place = places.get(row["patient_id"], -1)
        lost += place < 0
        if place >= 0:
            found[place] = min(found.get(place, day), day)
    if lost and not found:
        raise FrailtyError("Nobody of the table of people whose care was changed is in these records.", where=str(path),
                           mend="write the patient_id as scores.csv has it")
    if lost:
        print(f"{path}: {lost:,} rows name nobody of these records, or somebody who objects; {len(found):,} people are followed.")
    return found


def _signed(chosen: argparse.Namespace) -> Any:
    from frailty.risk.settings import Signed
    from frailty.site import load_site
    from frailty.triage import load_settings
    text = load_settings(load_site(chosen.site)).text("risk_inputs_signed") if chosen.site else ""
    if not text:
        return None
    inputs, *rest = [part.strip() for part in text.split(";")]
    return Signed(tuple(one.strip() for one in inputs.split(",") if one.strip()), *(*rest, "", "", "", "")[:4])


def _study(chosen: argparse.Namespace, horizon: int, outcome: str = "emergency_admission") -> tuple[Any, dict[str, Any]]:
    from frailty.risk.settings import outcome_of
    from frailty.risk.study import prepare
    outcome_of(outcome, rules_of(chosen))                  # what may not be predicted is told before any work
    records, told = _records(chosen)
    study = prepare(records, horizon, outcome=outcome, contacted=_contacted(chosen.contacted, records),
                    contact="hold_out" if chosen.hold_out else "censor", signed=_signed(chosen))
    return study, told


def _model(name: str, rules: Path | None) -> tuple[Scorecard, dict[str, Any]]:
    """A published model by its id, or a draft by its folder; and what its evaluation.json says."""
    from frailty.risk.publish import check_model, read_evaluation, read_model
    from frailty.scoring.load import load_scorecard, model_ids
    if (Path(name) / "scorecard.toml").is_file():
        return read_model(Path(name), rules)[0], read_evaluation(Path(name))
    if name not in model_ids(rules):
        raise FrailtyError(f"There is no model '{name}'.", mend="the models are: " + (", ".join(model_ids(rules)) or "(none)")
                           + "; or name the folder of a draft")
    card = load_scorecard(name, rules)
    return card, check_model(card, rules)


def _horizon(chosen: argparse.Namespace, *told: Mapping[str, Any]) -> int:
    """The days that models predict, which is what they are judged by; to learn one, those that were asked for."""
    asked = {f"'{one['model']}' predicts {one['training']['horizon']} days": int(one["training"]["horizon"]) for one in told
             if "horizon" in one["training"]}
    if chosen.horizon:
        asked["--horizon"] = chosen.horizon
    if len(set(asked.values())) > 1:
        raise FrailtyError("A model is judged by the days that it predicts.",
                           why="; ".join(f"{who}: {days} days" if who.startswith("-") else who for who, days in asked.items()),
                           mend="leave --horizon out, and compare models of the same days")
    return next(iter(asked.values()), 365)


# ---- commands

def _train(chosen: argparse.Namespace) -> int:
    from frailty.records.days import today
    from frailty.risk.publish import new_folder
    from frailty.risk.study import learn, write
    horizon = _horizon(chosen)
    new_folder(chosen.out)                                  # before any work
    study, told = _study(chosen, horizon, chosen.outcome)
    options = {name: value for name in ("max_terms", "pairs", "points", "form") if (value := getattr(chosen, name)) is not None}
    model, scorecard = learn(study, chosen.id or f"emergency_admission_{horizon}d", chosen.model_version, str(today()), options)
    card = write(study, chosen.out, model, scorecard, told | {"frailty": __version__})
    for reason, count in study.cohort.left_out.items():
        print(f"left out, {reason}: {count:,} person-days")
    print(f"{card.title}: {len(card.terms)} terms of {len(study.train.columns)} features, learned on {len(study.train):,} "
          f"person-days with {int((study.train.y == 1).sum()):,} admissions.")
    print(f"Written: {chosen.out}. Next: frailty model evaluate {chosen.out} ...")
    return 0


def _evaluate(chosen: argparse.Namespace) -> int:
    from frailty.risk import report
    from frailty.risk.publish import CARD, read_evaluation
    from frailty.risk.study import judge
    told = read_evaluation(chosen.draft)
    study, _ = _study(chosen, _horizon(chosen, told))
    account = judge(study, chosen.draft)
    card, _ = _model(str(chosen.draft), rules_of(chosen))
    page = chosen.draft / report.PAGE
    page.write_text(report.page(account, title=card.title, mark=card.restricted), encoding="utf-8")
    (chosen.draft / CARD).write_text(_card_text(chosen.draft, card), encoding="utf-8")
    ours, fit = account["predictions"]["scorecard"], account["calibration"]["after"]
    if card.restricted:
        print(f"{card.restricted[0].upper()}{card.restricted[1:]}.")
    print(f"Area under the curve {_of(ours['auroc'])}, calibration slope {_of(fit['slope'])}, observed / expected "
          f"{_of(fit['ratio'])}, on {account['data']['test']['rows']:,} person-days with "
          f"{account['data']['test']['events']:,} admissions.")
    if account.get("not_scored"):
        print(f"{account['not_scored']:,} person-days have no value of the model and are left out.")
    print(f"Written: {page}, {chosen.draft / CARD}, {chosen.draft / 'evaluation.json'}")
    return 0


def _card_text(draft: Path, card: Scorecard, approval: Approval | None = None) -> str:
    from frailty.risk.card import model_card
    from frailty.risk.publish import read_evaluation
    text = model_card(read_evaluation(draft)["evaluation"], id=card.id, title=card.title, mark=card.restricted, limits=card.notes)
    told = f"Approved by {approval.by} ({approval.role}), {approval.use}, until {approval.until}.\n\n" if approval else ""
    return text.replace("## Approval\n\n", f"## Approval\n\n{told}", 1)


def _publish(chosen: argparse.Namespace) -> int:
    from frailty.records.days import today
    from frailty.risk.publish import Approval, publish
    card, told = _model(str(chosen.draft), rules_of(chosen))
    given = (chosen.approved_by, chosen.role, chosen.use, str(chosen.until or ""))
    if any(given) and not all(given):
        raise FrailtyError("The approval is not complete.", mend="--approved-by NAME --role ROLE --use TEXT --until DATE")
    if chosen.until and chosen.until < today():
        raise FrailtyError("The approval has ended before it began.", why=f"--until {chosen.until}; no night would apply the model",
                           mend="give the last day on which it may be used")
    if "evaluation" not in told:
        raise FrailtyError(f"The model '{card.id}' has not been evaluated.", where=str(chosen.draft), mend="frailty model evaluate")
    made_up = bool(told["training"].get("made_up"))
    approval = Approval(*given) if all(given) else None
    folder = publish(chosen.draft, chosen.to / "models", _card_text(chosen.draft, card, approval), approval, made_up=made_up,
                     rules=rules_of(chosen))
    if made_up:
        print(f"{card.restricted[0].upper()}{card.restricted[1:]}.")
    print(f'Written: {folder}\nIt is off. To apply it at night: frailty nightly --rules {chosen.to}, and in site.toml\n'
          f'[settings]\nrisk_models = ["{card.id}"]')
    return 0


def _compare(chosen: argparse.Namespace) -> int:
    from frailty.risk.study import compare
    rules = rules_of(chosen)
    models = [_model(name, rules) for name in chosen.models]
    study, _ = _study(chosen, _horizon(chosen, *(told for _, told in models)))
    found = compare(study, [card for card, _ in models])
    for one in found:
        if one["mark"]:
            print(f"{one['id']}: {one['mark']}")
    rows = [[one["id"], one["version"], _of(one["auroc"]), _of(one["calibration"]["slope"]), _of(one["calibration"]["ratio"]),
             _of(one["less_first"], 3) if n else ""] for n, one in enumerate(found)]
    print(table(rows, ["model", "version", "area under the curve", "calibration slope", "observed / expected", "less the first"]))
    print(f"On {found[0]['rows']:,} person-days with {found[0]['events']:,} admissions that both have a value for.")
    return 0


def _monitor(chosen: argparse.Namespace) -> int:
    import numpy as np

    from frailty.risk import monitor
    from frailty.risk.cohort import months_before
    from frailty.risk.study import followed
    rules = rules_of(chosen)
    card, told = _model(chosen.model, rules)
    horizon = _horizon(chosen, told)
    records, _ = _records(chosen, _shift(chosen.shift))
    days = months_before(int(records.seen_to.max()) - horizon, chosen.months) if records.own_day is None else [
        int(day) for day in np.unique(records.own_day)[-chosen.months:]]
    data, chance = followed(records, card, days, horizon, contacted=_contacted(chosen.contacted, records),
                            contact="hold_out" if chosen.hold_out else "censor")
    found = monitor.watch(data, chance, rules=rules, mark=card.restricted)
    print(monitor.text(found))
    return 3 if found.recalibrate else 0


def _shift(text: str | None) -> tuple[date, float] | None:
    if not text:
        return None
    day, _, number = text.partition("=")
    try:
        return date.fromisoformat(day), float(number)
    except ValueError:
        raise FrailtyError(f"--shift {text} is not understood.", mend="--shift 2023-02-01=0.5") from None


def _of(one: Mapping[str, Any], digits: int = 2) -> str:
    if one["value"] is None:
        return "-"
    return f"{one['value']:.{digits}f} ({one['low']:.{digits}f} to {one['high']:.{digits}f})"
