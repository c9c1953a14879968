"""The nightly run: records in; scores, contributions, worklists and the books out. All or nothing."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.errors import FrailtyError, SiteError, nearest
from frailty.practice import Practice
from frailty.records.build import LATEST
from frailty.records.days import today
from frailty.records.facts import facts_tables
from frailty.records.files import Source, find_sources
from frailty.records.inputs import not_in_records, read_tables
from frailty.records.load import Coverage, Hold, SourceBooks, load_sources
from frailty.records.stage import beside, first_row, insert_rows
from frailty.records.store import locked, working_copy
from frailty.reports.outputs import replacing_folder, write_json, write_tables
from frailty.reports.run_json import Night, score_summary, told_of_lists, told_of_records
from frailty.risk.apply import ended, turned_on, write_risk
from frailty.scoring import input_names, load_scorecard, load_scorecards, scorecard_ids
from frailty.scoring.lock import definition_hash
from frailty.scoring.overlay import laid_over, own_names
from frailty.site import Site, load_site
from frailty.site.read import file_marks, site_files
from frailty.warming import LIST_SCORES, wanted_scores, warm_up

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

    from frailty.triage import FactTable, Worklists
    from frailty.triage.filled import Answers

PURPOSES = ("direct-care", "research")
OUTPUTS = ("data", "practice", "home", "home-staff", "team", "hub", "status.txt", "run.json")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Options:
    """What `frailty nightly` was asked to do (see its --help)."""

    records: tuple[str, ...]
    out: Path
    purpose: str
    site: Path | None = None
    store: Path | None = None
    as_of: str = ""
    delta: bool = False
    extracted_at: datetime | None = None
    scores: tuple[str, ...] = ()
    validate: bool = False
    fhir: bool = False
    rules: Path | None = None
    accept_change: tuple[str, ...] = ()
    outcomes: tuple[Path, ...] = ()


@dataclass
class Result:
    """How a run ended. exit_code: 0 done; 3 done, but a source was missing, stale, frozen or held."""

    exit_code: int
    as_of: date
    people: int
    troubles: list[str]
    run: dict[str, Any] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)


def run_nightly(options: Options, progress: Progress) -> Result:
    """Loads, scores, triages and writes. Raises FrailtyError with nothing changed where it cannot.

    The store and the output folder are each replaced in one step, the store first: a run that is killed in between
    is simply run again.
    """
    import frailty
    started = time.monotonic()
    clock = datetime.now().astimezone()
    rules = laid_over(options.rules) if options.rules else None
    _check(options, rules)
    site = load_site(options.site)
    sources = find_sources(options.records)
    answers = _answers(options, site, rules)
    tables, named = read_tables(site, input_names(rules) if site.inputs else ())
    _check_feeds(site, sources)
    _check_names(options.accept_change, sources)
    store = options.store or options.out.with_name(options.out.name + ".duckdb")
    if store.resolve().is_relative_to(options.out.resolve()):
        raise FrailtyError("The store lies in the output folder.", where=str(store), why="a run replaces the whole folder",
                           mend="name a --store beside it")
    from frailty.triage import load_settings
    models = turned_on(load_settings(site).texts("risk_models"), rules, site.path)
    warming = warm_up(options.scores, site, rules)
    with (locked(store, "store"), locked(options.out, "output folder"), replacing_folder(options.out) as folder,
          working_copy(store) as (con, spill)):
        progress("loading", 0, 1)
        kinds = {feed.name: feed.kind for feed in site.feeds}
        books = load_sources(
            con, sources, mode="delta" if options.delta else "full", kinds=kinds, extracted_at=options.extracted_at,
            now=clock, progress=progress, folder=spill, hold=_hold(site, options.accept_change),
            coverage=[Coverage(feed.name, feed.practices, feed.since) for feed in site.feeds])
        if options.validate:
            _validate(con, sources, progress)
        practice = Practice(con, books, site.medicines, rules)
        practice = practice.with_inputs(site.inputs) if site.inputs else practice
        as_of, day = _as_of(con, options.as_of)
        objectors = _objectors(practice, site, options.purpose, day)
        warming.join()
        wanted = wanted_scores(options.scores, rules)
        night = Night(options.as_of, day, options.purpose, site, sources, books, wanted, rules)
        # Beside the scores the facts of the lists, beside the lists the tables and the books: each on a connection of its own.
        with beside(con) as side, ThreadPoolExecutor(1) as meanwhile:
            direct = options.purpose == "direct-care"
            gathered = meanwhile.submit(_gather, side, site, day, rules) if direct else None
            scores, contributions = practice.evaluate(wanted, as_of, objectors=objectors, progress=progress)
            rising, asleep = _rising(practice, scores, day), ended(models, day)
            scored = scores[~scores["patient_id"].isin(objectors)]
            written = meanwhile.submit(write_tables, con, folder, scores if direct else scored, contributions,
                                       _person_ids(options.purpose), practice.quarantine, rising)
            told = meanwhile.submit(told_of_records, con, night, scored, len(scores) - len(scored))
            worklists = None
            if gathered is not None:
                gathered.result()
                worklists = _triage(side, site, scores, contributions, rising, day, answers, rules, progress)
            progress("writing", 0, 1)
            _write_pages(worklists, scores, contributions, folder, options.fhir)
            written.result()
            run = {"frailty": frailty.__version__, **told.result(), "worklists": told_of_lists(worklists)}
        risk = _apply_models(practice, [one for one in models if one not in asleep], as_of, objectors, folder)
        run["site"], run["tables"], run["models"] = file_marks(site), tables, risk
        if worklists is not None:
            run["outcomes"] = _learned(con, site, folder, answers, day, objectors)
        troubles = [*_troubles(con, site, sources, books, day, worklists), *_to_mend(answers), *asleep.values(),
                     *not_in_records(tables, named - set(scores["patient_id"]))]
        result = Result(3 if troubles else 0, day, len(scored), troubles, run,
                        sorted(str(p.parent.relative_to(folder)) for p in folder.rglob("worklist.html")))
        (folder / "status.txt").write_text(_status(result) + "\n", encoding="utf-8")
        _remember(con, options, day, run, worklists)
        run["this_run"] = {
            "started_at": clock.isoformat(timespec="seconds"), "seconds": round(time.monotonic() - started, 1),
            "python": platform.python_version(),
            "loads": {one.source: {"unchanged": one.unchanged, "ended": one.ended} for one in books}}
        write_json(folder / "run.json", run)
    return result


# ---- before

def _check(options: Options, rules: Path | None) -> None:
    if options.purpose not in PURPOSES:
        raise FrailtyError(f"{options.purpose!r} is not a purpose.", mend=nearest(options.purpose, PURPOSES)
                           or "one of " + ", ".join(PURPOSES))
    if rules is not None and options.rules is not None:     # a rule that does not hold fails before anything changes
        from frailty.triage import load_rules
        with own_names(options.rules.resolve(), rules):
            load_rules(None, rules)
    known = scorecard_ids(rules)
    for score in options.scores:
        if score not in known:
            raise FrailtyError(f"There is no score {score!r}.", mend=nearest(score, known) or "see: frailty scores")
    if options.as_of not in ("", "latest"):
        try:
            date.fromisoformat(options.as_of)
        except ValueError:
            raise FrailtyError(f"{options.as_of!r} is not a date.", mend="write --as-of YYYY-MM-DD, or --as-of latest") from None
    if options.out.exists() and not options.out.is_dir():
        raise FrailtyError("The output is a file, not a folder.", where=str(options.out), mend="name an empty or a new folder")
    there = {path.name for path in options.out.iterdir()} if options.out.exists() else set()
    if (there and "run.json" not in there) or any(name not in OUTPUTS and not name.startswith(".") for name in there):
        raise FrailtyError("The output folder holds other things.", where=str(options.out),
                           why="a run replaces the whole folder", mend="name an empty or a new folder")
    held = _purpose_of(options.out / "run.json") if there else ""
    if held and held != options.purpose:
        raise FrailtyError("The output folder holds a run for another purpose.", where=str(options.out),
                           why=f"a run for {options.purpose} would replace what the run for {held} wrote",
                           mend="name another folder with --out, and the same store with --store")


def _purpose_of(run: Path) -> str:
    """What the run was for that wrote this run.json; empty where the file does not say."""
    try:
        told = json.loads(run.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(told.get("purpose", "")) if isinstance(told, dict) else ""


def _check_feeds(site: Site, sources: Sequence[Source]) -> None:
    """A record source that the site does not name is a slip of the pen more often than a new source."""
    if not site.feeds:
        return
    named = [feed.name for feed in site.feeds]
    for source in sources:
        if source.name not in named:
            raise SiteError(f"The source {source.name!r} is not a [[feed]] of the site.", where=site.path,
                            mend=nearest(source.name, named) or "add it, or name the source: NAME=PATH")


def _check_names(accepted: Sequence[str], sources: Sequence[Source]) -> None:
    named = [source.name for source in sources]
    for name in accepted:
        if name not in named:
            raise FrailtyError(f"--accept-change names {name!r}, which is no source of tonight.",
                               mend=nearest(name, named) or "one of " + ", ".join(named))


def _hold(site: Site, accepted: Sequence[str]) -> Hold:
    """Decides for each source whether it changed too much overnight to be believed (G12)."""
    from frailty.triage import load_settings
    settings = load_settings(site)
    percent, least = settings.number("shrink_percent"), settings.number("shrink_people")

    def hold(source: str, what: str, before: int, now: int) -> str:
        changed = abs(now - before) if what == "people" else before - now
        few = changed < max(1, least) and not (what == "people" and not now)
        if source in accepted or not before or few or changed * 100 <= before * percent:
            return ""
        return (f"{what} went from {before:,} to {now:,} overnight; the last good records stay in use. If this is "
                f"right, run once with --accept-change {source}")

    return hold


def _validate(con: DuckDBPyConnection, sources: Sequence[Source], progress: Progress) -> None:
    """Adds what FHIR's own models find to the quarantine, as parts: the records stay in use."""
    from frailty.records.validate import validate
    row = first_row(con.execute("SELECT max(load) FROM load"))
    for source in sources:
        insert_rows(con, "quarantine", [
            (row and row[0], source.name, one.file, one.line, one.resource_type, one.reason, one.part, None)
            for one in validate(source, progress)])


def _as_of(con: DuckDBPyConnection, said: str) -> tuple[Any, date]:
    """What to score as of (one date, or one per person), and the day of the lists."""
    if said != "latest":
        day = date.fromisoformat(said) if said else today()
        return day, day
    rows = con.execute("""SELECT patient_id, max(newest) FROM person_id JOIN feed USING (source)
                          WHERE newest IS NOT NULL GROUP BY patient_id""").fetchall()
    day = max((row[1] for row in rows), default=today())
    return {row[0]: row[1] for row in rows}, day


# ---- between

def _answers(options: Options, site: Site, rules: Path | None) -> Answers:
    """The filled worklists, and what the site's workbook says; read first, so that a wrong path changes nothing."""
    from frailty.triage.filled import Answers, read_answers, read_typed
    if options.outcomes and options.purpose != "direct-care":
        raise FrailtyError("--outcomes needs --purpose direct-care.", why="only then there are worklists")
    found = read_answers(options.outcomes) if options.outcomes else Answers()
    read_typed(site, found, rules)
    found.problems[:] = [one for one in (*site.problems, *found.problems) if not one.used]
    return found


def _triage(con: DuckDBPyConnection, site: Site, scores: pd.DataFrame, contributions: pd.DataFrame, rising: pd.DataFrame,
            day: date, answers: Answers, rules: Path | None, progress: Progress) -> Worklists:
    from frailty.triage import build_worklists, load_rules, previous_listed
    from frailty.triage.filled import keep_answers, load_decisions
    progress("deciding who is on which list", 0, 1)
    facts, site = _facts(con, site, scores, contributions, rising, day, rules)
    row = first_row(con.execute("SELECT max(load) FROM load"))
    keep_answers(con, answers, int(row[0]) if row else 1, day)
    return build_worklists(con, site, facts, load_rules(site, rules), day, previous_listed(con, day), load_decisions(con, day))


def _gather(con: DuckDBPyConnection, site: Site, day: date, rules: Path | None) -> None:
    """What the records say on that day of what rules ask for."""
    from frailty.triage import needed_lists
    facts_tables(con, day, needed_lists(rules), LATEST, refusals_to=max(day, today()), rules=rules, medicines=site.medicines)


def _facts(con: DuckDBPyConnection, site: Site, scores: pd.DataFrame, contributions: pd.DataFrame, rising: pd.DataFrame,
           day: date, rules: Path | None) -> tuple[FactTable, Site]:
    """The table `facts` of a day, and the site with the practices of the records where it names none. Needs `_gather`."""
    from frailty.triage import build_facts
    practices = [row[0] for row in con.execute(
        "SELECT DISTINCT practice FROM person_as_of WHERE practice IS NOT NULL ORDER BY practice").fetchall()]
    site = site.with_practices(practices)
    persons = con.execute("SELECT patient_id, person FROM person_as_of").fetchdf()
    return build_facts(con, site, scores.merge(persons, on="patient_id"), contributions, day, rising=rising, rules=rules), site


def triage_facts(practice: Practice, site: Site, day: date, rules: Path | None = None) -> tuple[FactTable, Site]:
    """The facts of everybody in a store as the night of that day would see them, in the temp table `facts`."""
    objectors = _objectors(practice, site, "direct-care", day)
    scores, contributions = practice.evaluate(list(LIST_SCORES), day, objectors=objectors)
    rising = _rising(practice, scores, day)             # before the facts are gathered: it makes `person_as_of` anew
    _gather(practice.connection, site, day, rules)
    return _facts(practice.connection, site, scores, contributions, rising, day, rules)


def _rising(practice: Practice, scores: pd.DataFrame, day: date) -> pd.DataFrame:
    """How the score of the lists moved, of those who have a value."""
    score = LIST_SCORES[1]
    return practice.rising(day, score=score, objectors=scores.loc[scores[f"{score}_status"] != "ok", "patient_id"])


def _learned(con: DuckDBPyConnection, site: Site, folder: Path, answers: Answers, day: date, objectors: Sequence[str]
             ) -> dict[str, Any]:
    """What the outcomes teach, as files: per rule in data/, per practice in its own folder; what to mend in hub/."""
    from frailty.reports.worklists import folder_name, write_rows
    from frailty.triage import load_settings
    from frailty.triage.filled import data_quality, feedback, load_decisions
    decisions, few = load_decisions(con, day), load_settings(site).number("small_number")
    if decisions:
        write_rows(folder / "data" / "feedback.csv", feedback(con, decisions, day, objectors, few))
    for ods, rows in data_quality(con, decisions).items():
        place = folder / "practice" / folder_name(ods)
        if place.is_dir():                              # else the practice is none of this site
            write_rows(place / "data_quality.csv", rows)
    mend = [{"file": one.file, "sheet": one.sheet, "row": one.row or "", "column": one.column, "what": one.what, "mend": one.mend}
            for one in answers.problems]
    for name, data in site_files(site).items():         # what was read, for a replay of this night
        place = folder / "hub" / "site" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    if mend:
        write_rows(folder / "hub" / "to_mend.csv", mend)
    return {"files": answers.files, "rows_filled": len(answers.rows), "decisions_kept": len(decisions), "to_mend": mend}


def _to_mend(answers: Answers) -> list[str]:
    """Cells of workbooks that could not be used: the first few by place, all of them in hub/to_mend.csv."""
    said = [str(one) for one in answers.problems[:5]]
    more = len(answers.problems) - len(said)
    return said + ([f"{more} more cells to mend, see hub/to_mend.csv"] if more else [])


def _objectors(practice: Practice, site: Site, purpose: str, day: date) -> list[str]:
    """patient_id of those who are not scored, because they object now, whatever the day of the lists (G8).

    For a person's own care an objection to profiling counts, as the site defines it; for any other purpose every refusal.
    """
    from frailty.triage import load_settings
    kinds = load_settings(site).texts("objection_kinds") if purpose == "direct-care" else None
    return practice.objectors(kinds, max(day, today()))


def _person_ids(purpose: str) -> str:
    if purpose != "direct-care":
        return "SELECT NULL AS patient_id, NULL AS source, NULL AS id, NULL AS linked_by, NULL AS note LIMIT 0"
    return """SELECT patient_id, source, replace(key, 'Patient/', '') AS id, linked_by, note FROM person_id
              WHERE starts_with(key, 'Patient/') ORDER BY ALL"""


# ---- after

def _apply_models(practice: Practice, ids: Sequence[str], as_of: Any, objectors: Sequence[str], folder: Path) -> dict[str, Any]:
    """Writes data/risk.csv and data/risk_terms.csv, every row with the mark of its model; answers what run.json says of it."""
    rules = practice._rules
    if not (cards := load_scorecards(ids, rules)):
        return {}
    found, terms = practice.evaluate(ids, as_of, objectors=objectors)
    write_risk(cards, found := found[~found["patient_id"].isin(objectors)], terms, folder / "data")
    return {one.id: {"version": one.version, "definition": definition_hash(one, rules), "mark": one.restricted,
                     **score_summary(found, one)} for one in cards}


def _write_pages(worklists: Worklists | None, scores: pd.DataFrame, contributions: pd.DataFrame, folder: Path, fhir: bool) -> None:
    if worklists is None:
        return
    import frailty
    from frailty.reports.round_sheet import write_round_sheets
    from frailty.reports.worklists import write_worklists
    write_worklists(worklists, folder)
    write_round_sheets(worklists, folder)
    if not fhir:
        return
    from frailty.reports.fhir import Scored, write_fhir
    card = load_scorecard(LIST_SCORES[1])
    write_fhir(worklists, Scored(card, definition_hash(card), scores, contributions), folder, frailty.__version__)


def _troubles(con: DuckDBPyConnection, site: Site, sources: Sequence[Source], books: Sequence[SourceBooks], day: date,
              worklists: Worklists | None) -> list[str]:
    from frailty.triage import load_settings
    from frailty.triage.sources import read_sources
    found = [f"{one.source}: held, {one.held}" for one in books if one.held]
    tonight = {source.name for source in sources}
    found += [f"{feed.name}: missing tonight" for feed in site.feeds if feed.name not in tonight and feed.kind != "home"]
    held = {one.source for one in books if one.held}
    for source in read_sources(con, site, day, load_settings(site)).feeds:
        if source.state in ("late", "frozen", "missing") and source.name in tonight and source.name not in held:
            found.append(f"{source.name}: {source.state}, {source.note}")
    explained = {ods for feed in site.feeds if any(one.startswith(f"{feed.name}: ") for one in found) for ods in feed.practices}
    return found + [f"practice {page.id}: frozen, why is on its page" for page in (worklists.pages if worklists else ())
                    if page.audience == "practice" and page.state == "frozen" and page.id not in explained]


def _status(result: Result) -> str:
    frail = result.run["scores"]["efi_reviewed"]["bands"]
    quarantined = sum(row["quarantined"] for row in result.run["books"]["all"].values())
    objected = result.run["objected"]
    text = (f"{result.as_of}: {result.people:,} people scored; {f'objected: {objected:,}; ' if objected else ''}"
            f"reviewed eFI moderate {frail.get('moderate', 0):,}, severe {frail.get('severe', 0):,}; "
            f"{quarantined:,} records in quarantine")
    odd = sum(bool(one["warning"]) for one in result.run["prevalence"])
    text += "".join(f"; model {one}" + (f" ({told['mark']})" if told["mark"] else "") for one, told in result.run["models"].items())
    text += f"; code lists that find far fewer or far more people than published: {odd} (run.json)" if odd else ""
    return text + ("; all sources complete" if not result.troubles else "; TROUBLE: " + "; ".join(result.troubles))


def _remember(con: DuckDBPyConnection, options: Options, day: date, run: dict[str, Any], worklists: Worklists | None) -> None:
    """Keeps the run and its lists in the store; a second run for the same day takes the place of the first."""
    row = first_row(con.execute("SELECT coalesce(max(run), 0) + 1, (SELECT max(load) FROM load) FROM run"))
    number, load = row if row else (1, 1)
    con.execute("INSERT INTO run VALUES (?, current_timestamp::TIMESTAMP, ?, ?, ?, ?, ?)",
                [number, day, options.purpose, load,
                 json.dumps({one: card["definition"] for one, card in run["scores"].items()}),
                 run["worklists"].get("rules_hash")])
    if worklists is not None:
        con.execute("DELETE FROM listed WHERE as_of = ?", [day])
        insert_rows(con, "listed", worklists.rows(number))
