"""What users import: a practice list that can be scored, explained and replayed.

    practice = frailty.read_fhir("export/")
    practice.score(["efi", "hfrs"], as_of="2026-11-22")
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import FrailtyError, nearest
from frailty.knowledge import parsed, rules_dir
from frailty.records.build import LATEST, Needs, build_arrays, columns_of, concepts, ladder_of, people, quintiles, standing
from frailty.records.days import date_of, day_number, day_numbers, today
from frailty.records.facts import last_entries, objectors
from frailty.records.files import find_sources
from frailty.records.history import about
from frailty.records.inputs import Inputs, read_inputs
from frailty.records.load import SourceBooks, load_frames, load_sources
from frailty.records.store import connect
from frailty.scoring import compile_plan, evaluate, input_names, load_scorecards, scorecard_ids

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

    from frailty.records.arrays import PracticeArrays
    from frailty.records.days import AsOf
    from frailty.scoring import History, Plan, Scorecard, ScoreHistory
    from frailty.terminology import Ladder

BLOCK = 50_000
NOT_SCORED = "not scored: objection"


def read_fhir(records: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *,
              progress: Callable[[str, int, int], None] | None = None,
              medicines: str | os.PathLike[str] | None = None) -> Practice:
    """Reads a folder, a file, or several (each one source) of FHIR JSON, NDJSON or plain CSV tables into memory.

    medicines: the site's own table of products, CSV with the columns system, code, substance and, if at hand, bnf_paragraph.
    Nothing stops at a bad record: see `Practice.quarantine` and `Practice.books`. Raises RecordsError where a path
    does not exist.
    """
    given = [records] if isinstance(records, (str, os.PathLike)) else list(records)
    con = connect()
    books = load_sources(con, find_sources(given), mode="full", kinds={}, extracted_at=None, now=datetime.now(),
                         progress=progress or _silent, folder=Path(tempfile.gettempdir()))
    return Practice(con, books, Path(medicines) if medicines else None)


def open(path: str | os.PathLike[str], *, medicines: str | os.PathLike[str] | None = None) -> Practice:
    """Opens the store that `frailty nightly --store` keeps, for reading. medicines: see `read_fhir`."""
    return Practice(connect(Path(path), read_only=True), site_medicines=Path(medicines) if medicines else None)


class Practice:
    """People and their records, as scoring reads them. Get one from `read_fhir`, `open` or `Practice.from_frames`."""

    def __init__(self, con: DuckDBPyConnection, books: Sequence[SourceBooks] = (),
                 site_medicines: Path | None = None, rules: Path | None = None) -> None:
        self.connection = con
        self._books = tuple(books)
        self._site_medicines = site_medicines
        self._inputs: Inputs = {}
        self._rules = rules

    @classmethod
    def from_frames(cls, persons: pd.DataFrame, events: pd.DataFrame, medicines: pd.DataFrame | None = None,
                    stays: pd.DataFrame | None = None) -> Practice:
        """A practice list from four plain tables; the columns are those of the CSV tables (README, "Plain tables")."""
        frames = {"persons": persons, "events": events, "medicines": medicines, "stays": stays}
        con = connect()
        return cls(con, [load_frames(con, "frames", {k: f for k, f in frames.items() if f is not None}, datetime.now())])

    def with_rules(self, folder: str | os.PathLike[str]) -> Practice:
        """The same people and records, scored with a folder of your own scores laid over the shipped ones.

            practice.with_rules("our-scores").score(["efi", "our_index"])

        Raises DefinitionError where something in the folder is not well formed, or differs from a shipped one of its name.
        """
        from frailty.scoring.overlay import laid_over
        return self._under(laid_over(Path(folder)))

    def with_inputs(self, inputs: pd.DataFrame | str | os.PathLike[str]) -> Practice:
        """The same people and records, with numbers that no record holds: column patient_id, and one column an input.

        inputs: a frame, or a CSV file. For scores that say `take = "input:NAME"`, such as imd2007_score of `parr30`; empty = not
        known. They have no dates: `history` and `rising` take them as they are for every date. Raises FrailtyError where a person
        stands twice, a number is none, or no score reads an input of this name.
        """
        made, known = self._under(self._rules), input_names(self._rules)
        if isinstance(inputs, (str, os.PathLike)):
            made._inputs = read_inputs(Path(inputs), known)
            return made
        if "patient_id" not in inputs or inputs["patient_id"].duplicated().any():
            raise FrailtyError("The inputs need one row per person, with a column patient_id.")
        names = [str(name) for name in inputs.columns if name != "patient_id"]
        for name in names:
            if name not in known:
                raise FrailtyError(f"No score reads an input {name!r}.", mend=nearest(name, known) or "inputs: " + ", ".join(known))
        made._inputs = {name: dict(zip(inputs["patient_id"], inputs[name], strict=True)) for name in names}
        return made

    def _under(self, rules: Path | None) -> Practice:
        made = Practice(self.connection, self._books, self._site_medicines, rules)
        made._inputs = self._inputs
        return made

    # ---- what was read

    @property
    def persons(self) -> pd.DataFrame:
        """One row per person in the order of patient_id, as things stand today."""
        people(self.connection, today())
        return self.connection.execute("SELECT * EXCLUDE (person) FROM person_as_of ORDER BY patient_id").fetchdf()

    @property
    def books(self) -> dict[str, dict[str, dict[str, int]]]:
        """source -> resource type -> read, used, not_needed, superseded, removed, quarantined."""
        import json
        if self._books:
            return {one.source: one.types for one in self._books}
        rows = self.connection.execute("SELECT source, books FROM load ORDER BY load").fetchall()
        return {source: json.loads(books) for source, books in rows if books}

    @property
    def quarantine(self) -> pd.DataFrame:
        """What could not be used, or not wholly: source, file, line, resource_type, reason, part."""
        return self.connection.execute("""SELECT source, file, line, resource_type, reason, part FROM quarantine
            WHERE known_to IS NULL ORDER BY ALL""").fetchdf()

    def objectors(self, kinds: Sequence[str] | None = None, as_of: date | None = None) -> list[str]:
        """patient_id of everybody whose objection stands on a day (default: today).

        kinds: the kinds of consent that speak of profiling, such as `objection_kinds` of rules/triage/settings.toml; None: a
        standing refusal of any kind counts. Nobody is left out of `score` unasked: that is for you to do.
        """
        return objectors(self.connection, as_of or today(), kinds)

    # ---- scores

    def score(self, scores: str | Sequence[str], as_of: AsOf = None, *, load: int | None = None,
              objectors: Collection[str] = ()) -> pd.DataFrame:
        """One row per person, in the order of patient_id.

        scores: ids of scorecards (`frailty scores` lists them). as_of: a date, inclusive; or one per person, as a
        sequence in the order of `persons`, or a mapping or Series patient_id -> date (people left out keep today); default today.
        load: replays what the store held after that load. objectors: patient_ids who keep their row and are not scored, as
        `practice.objectors()` gives them. Columns: patient_id, last_entry_on, registered_from, thin_record, then per score
        its value (empty unless status is ok), _points, _of, _band, _status, _reason.
        """
        return self.evaluate(scores, as_of, load=load, objectors=objectors)[0]

    def contributions(self, scores: str | Sequence[str], as_of: AsOf = None, *, load: int | None = None,
                      objectors: Collection[str] = ()) -> pd.DataFrame:
        """Every term that gave points: patient_id, score, term, points, first_on, last_on, n, system, code, resource."""
        return self.evaluate(scores, as_of, load=load, objectors=objectors)[1]

    def explain(self, patient_id: str, score: str, as_of: AsOf = None) -> pd.DataFrame:
        """The terms behind one person's score: term, points, first and last date, number of records, the last record.

        Raises FrailtyError where nobody has this patient_id.
        """
        persons, place, days = self._one(patient_id, as_of)
        return self._evaluate([score], persons[[place]], [patient_id], days[[place]], LATEST, ())[1].drop(
            columns=["patient_id", "score", "record"])

    def evaluate(self, scores: str | Sequence[str], as_of: AsOf = None, *, load: int | None = None,
                 objectors: Collection[str] = (), progress: Callable[[str, int, int], None] | None = None
                 ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Scores and contributions in one pass (`score` and `contributions` give one of the two)."""
        frame, found = self._replay(scores, as_of, load=load, objectors=objectors, progress=progress)
        return frame, found.drop(columns="record")

    def _replay(self, scores: str | Sequence[str], as_of: AsOf = None, *, load: int | None = None,
                objectors: Collection[str] = (), progress: Callable[[str, int, int], None] | None = None
                ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """As `evaluate`, and contributions have their record, as the store counts them."""
        import pandas as pd
        wanted = [scores] if isinstance(scores, str) else list(scores)
        persons, ids, days = self._asked(as_of, load or LATEST)
        parts = []
        for low in range(0, max(len(persons), 1), BLOCK):
            (progress or _silent)("scoring", low, len(persons))
            block = slice(low, low + BLOCK)
            parts.append(self._evaluate(wanted, persons[block], ids[block], days[block], load or LATEST, objectors))
        return (pd.concat([part[0] for part in parts], ignore_index=True),
                pd.concat([part[1] for part in parts], ignore_index=True))

    # ---- scores over time

    def history(self, scores: str | Sequence[str], dates: Iterable[str | date], *, load: int | None = None,
                objectors: Collection[str] = ()) -> History:
        """Everybody's scores at each of the dates, exactly as `score` gives them there, in one go.

        `.frame()` has one row per person and date, `["efi"].points`, `.value`, `.band` and `.status` are arrays
        [people, dates], `.hashes` the definitions and code lists, which are the same at all dates. `.report` says per
        date what a look back can see: registered (people registered that day, by the present records), gone_since (of
        them, died or left since), share_seen (of those who were registered by the records held *then*, how many are
        still in the records; empty before the first load), entries (records that the scores may read, known by then)
        and recorded_assumed (the share of them whose recorded date is only assumed). objectors: patient_ids to leave out,
        as `practice.objectors()` gives them.
        """
        import pandas as pd

        from frailty.records.seen import assumed_dates, seen
        from frailty.scoring.history import History, plans_for
        days = np.array([day_number(one) for one in ([dates] if isinstance(dates, (str, date)) else dates)], np.int32)
        persons, ids = self._all_but(None, load or LATEST, objectors)
        wanted = [scores] if isinstance(scores, str) else list(scores)
        cards, ladder = self._cards(wanted)
        plans = plans_for(cards, *concepts(self.connection), self._rules, ladder)
        needs = Needs(np.unique(np.concatenate([plan.coded_concepts for plan in plans])),
                      tuple(dict.fromkeys(name for plan in plans for name in plan.measured_quantities)),
                      any(plan.issue_needed for plan in plans), self._rules)
        found = self._histories(plans, needs, ladder, persons, ids, days, load or LATEST)
        report = pd.DataFrame({"date": days.astype("M8[D]").astype("M8[s]"), **seen(self.connection, days, load or LATEST)})
        report["share_seen"] = report.pop("still_seen") / report.pop("listed_then")
        report["entries"], report["recorded_assumed"] = assumed_dates(self.connection, days, needs, load or LATEST)
        return History(ids, days, {one: found[one] for one in wanted},
                       {name: value for plan in plans for name, value in plan.hashes.items()}, report)

    def rising(self, as_of: str | date | None = None, *, score: str = "", load: int | None = None,
               objectors: Collection[str] = ()) -> pd.DataFrame:
        """Rising need: one row per person how a score moved over the six months up to a day (default today).

        Columns: patient_id, status, months (that the slope spans; 0 = none), slope_per_month (least squares over the same
        day of each month, or its last day), rise_6m, from_band, to_band, rapid_rise, moderate_rise, artefact_rise (most of
        it came from one coding day, a new registration or summarising; rapid_rise is then held), artefact_why,
        deficits_arrived (term and the day since which it counts). Every month as it was known then; flags are empty where
        the score had no value. Thresholds: rules/rising_need.toml. objectors: patient_ids to leave out.
        """
        import pandas as pd

        from frailty.scoring.rising import load_rules, rising
        con, rules = self.connection, load_rules()
        day = date_of(as_of)
        persons, ids = self._all_but(day, load or LATEST, objectors)
        cards, ladder = self._cards([score or rules.score])
        plan = compile_plan(cards, *concepts(con), self._rules, ladder=ladder)
        needs = Needs(plan.coded_concepts, tuple(plan.measured_quantities), plan.issue_needed, self._rules)
        parts = []
        for low in range(0, max(len(persons), 1), BLOCK):
            block = slice(low, low + BLOCK)
            arrays = self._arrays(persons[block], ids[block], needs, ladder, load or LATEST)
            since = columns_of(con, """SELECT coalesce(registered_from - DATE '1970-01-01', -719162) AS day
                FROM chosen JOIN person_as_of USING (person) ORDER BY i""")["day"]
            parts.append(rising(plan, arrays, day, since.astype(np.int32), ids[block], rules))
        return pd.concat(parts, ignore_index=True)

    # ---- definitions

    def coverage(self, scores: str | Sequence[str] | None = None, as_of: str | date | None = None, *,
                 objectors: Collection[str] = ()) -> pd.DataFrame:
        """For what share of the list each score can be computed, per practice, and what is missing most.

        scores: default all. Of the people alive and registered on the day but for `objectors` (patient_ids). Columns: see
        `frailty.scoring.coverage.coverage`.
        """
        from frailty.scoring.coverage import coverage
        wanted = [scores] if isinstance(scores, str) else list(scores or scorecard_ids(self._rules))
        found = self.score(wanted, as_of, objectors=objectors)
        found = found[~found["patient_id"].isin(objectors)]
        here = found.merge(about(self.connection, date_of(as_of)), on="patient_id")
        return coverage(here, here["practice"], wanted)

    def compare(self, old: str | os.PathLike[str], new: str | os.PathLike[str], as_of: str | date | None = None, *, score: str = "",
                objectors: Collection[str] = ()) -> pd.DataFrame:
        """What another definition would do: one row per person alive and registered whom either of the two is for.

        old, new: the id of a score, or a folder of rules or a definition pack; score: which of its scores, where that is not
        clear. Columns: patient_id, practice, age_group, old_ and new_ value, band and status, moved (same, higher, lower, ...).
        """
        from frailty.scoring.compare import compare, sides
        both = sides(os.fspath(old), os.fspath(new), score, self._rules)
        frames = [self._under(side.rules).score(side.card.id, as_of, objectors=objectors) for side in both]
        known = about(self.connection, date_of(as_of))
        known = known[~known["patient_id"].isin(objectors)]
        here = [known[["patient_id"]].merge(frame, on="patient_id") for frame in frames]
        return compare(here[0], here[1], known, [side.card for side in both])

    def changes(self, since: str | date | int, scores: str | Sequence[str] = "efi", as_of: str | date | None = None, *,
                old_rules: str | os.PathLike[str] | None = None, objectors: Collection[str] = ()) -> pd.DataFrame:
        """Why did it change? One row per cause, for everybody whose value, band or status is not what it was.

        since: a day, or the number of a load. as_of: the day to compare with (default: today). old_rules: the folder or pack of the
        definition that was in use then; else today's is used for both. Causes: arrived, aged_out, corrected, removed,
        definition, older, superseded, joined, status; what each means: `frailty.scoring.changes`. attrs["notes"] of the
        frame holds what its reader must know.
        """
        from frailty.scoring.changes import Replay, find_changes
        from frailty.scoring.overlay import laid_over
        wanted = [scores] if isinstance(scores, str) else list(scores)
        old = self._under(laid_over(Path(old_rules), trial=True)) if old_rules else None

        def replay(by_old: bool, day: date, load: int | None) -> Replay:
            return Replay(*(old if by_old and old else self)._replay(wanted, day, load=load, objectors=objectors))

        return find_changes(self.connection, since if isinstance(since, int) else date_of(since), date_of(as_of),
                            self._cards(wanted)[0], self._rules, replay, old._rules if old else None)

    # ---- explanation

    def sentences(self, scores: str | Sequence[str], as_of: str | date | None = None, *, objectors: Collection[str] = ()
                  ) -> pd.DataFrame:
        """One plain sentence per person and score, fit for a card: patient_id, score, sentence (see frailty.scoring.sentences)."""
        from frailty.records.history import confirmed_bands
        from frailty.scoring.sentences import sentences
        cards = self._cards([scores] if isinstance(scores, str) else scores)[0]
        found, terms = self.evaluate([card.id for card in cards], as_of, objectors=objectors)
        lists = {card.id: {card.confirmed_by.format(band=band.label): band.label for band in card.bands} for card in cards
                 if card.confirmed_by}
        return sentences(found, terms, cards, confirmed_bands(self.connection, lists, date_of(as_of)))

    def outlook(self, patient_id: str, score: str, as_of: str | date | None = None) -> pd.DataFrame:
        """What changes by itself within two years if nothing more is recorded for one person: on, term, points, band, status.

        A look-back that passes, a birthday, an entry with a date to come. Points: the change from that day on.
        """
        from frailty.scoring.outlook import HORIZON, outlook
        (card,), ladder = self._cards([score])
        persons, place, _ = self._one(patient_id, as_of)
        plan = compile_plan([card], *concepts(self.connection), self._rules, ladder=ladder)
        needs = Needs(plan.coded_concepts, tuple(plan.measured_quantities), plan.issue_needed, self._rules)
        arrays = self._arrays(np.repeat(persons[place], HORIZON), [patient_id] * HORIZON, needs, ladder, LATEST)
        return outlook(evaluate(plan, arrays, day_number(as_of) + np.arange(HORIZON, dtype=np.int32)), card, date_of(as_of))

    def _histories(self, plans: Sequence[Plan], needs: Needs, ladder: Ladder | None, persons: NDArray[np.int32], ids: list[str],
                   days: NDArray[np.int32], load: int) -> dict[str, ScoreHistory]:
        from frailty.records.seen import movers
        from frailty.scoring.history import history, joined
        con = self.connection

        def arrays_of(places: NDArray[np.intp]) -> PracticeArrays:
            return self._arrays(persons[places], [ids[place] for place in places], needs, ladder, load)

        parts = []
        for low in range(0, max(len(persons), 1), BLOCK):
            arrays = arrays_of(np.arange(low, min(low + BLOCK, len(persons))))
            parts.append({id: one for plan in plans for id, one in history(plan, arrays, days).items()})
        found = joined(parts)
        # Whoever moved between practices of the records stood differently at different times, as in `score`.
        moved, turns = movers(con, load)
        places = np.flatnonzero(np.isin(persons, moved))
        if len(places):
            arrays, period = arrays_of(places), np.searchsorted(turns, days, side="right")
            for one in np.unique(period):
                then = np.flatnonzero(period == one)
                people(con, date(1970, 1, 1) + timedelta(days=int(days[then[0]])), load)
                stood = replace(arrays, **standing(con, load))
                for plan in plans:
                    for id, right in history(plan, stood, days[then]).items():
                        for what in ("points", "band", "status", *(["of"] if isinstance(right.of, np.ndarray) else [])):
                            getattr(found[id], what)[np.ix_(places, then)] = getattr(right, what)
            people(con, today(), load)
        return found

    def _asked(self, as_of: AsOf, load: int = LATEST) -> tuple[NDArray[np.int32], list[str], NDArray[np.int32]]:
        one_day = as_of is None or isinstance(as_of, (str, date))
        people(self.connection, date_of(as_of) if one_day else today(), load)
        rows = columns_of(self.connection, "SELECT person, patient_id FROM person_as_of ORDER BY patient_id")
        ids = [str(one) for one in rows["patient_id"]]
        return rows["person"].astype(np.int32), ids, day_numbers(as_of, ids)

    def _one(self, patient_id: str, as_of: AsOf) -> tuple[NDArray[np.int32], int, NDArray[np.int32]]:
        """All persons, the place of one of them, and the days."""
        persons, ids, days = self._asked(as_of)
        if patient_id not in ids:
            raise FrailtyError("Nobody here has this patient id.",
                               mend="take one from the column patient_id of scores.csv or Practice.persons")
        return persons, ids.index(patient_id), days

    def _all_but(self, as_of: AsOf, load: int, objectors: Collection[str]) -> tuple[NDArray[np.int32], list[str]]:
        persons, ids, _ = self._asked(as_of, load)
        out = frozenset(objectors)
        places = [place for place, one in enumerate(ids) if one not in out]
        return persons[places], [ids[place] for place in places]

    def _arrays(self, persons: NDArray[np.int32], ids: Sequence[str], needs: Needs, ladder: Ladder | None, load: int
                ) -> PracticeArrays:
        """The records of these people, with the inputs of the site; the deprivation quintile is in the records."""
        arrays = build_arrays(self.connection, persons, needs, ladder=ladder, load=load)
        given = {name: np.array([one.get(id, np.nan) for id in ids], np.float64) for name, one in self._inputs.items()}
        return replace(arrays, inputs={"imd_quintile": quintiles(self.connection), **given})

    def _cards(self, scores: Sequence[str]) -> tuple[list[Scorecard], Ladder | None]:
        """The scorecards, and what the concepts are as medicines where one of them reads any."""
        cards = load_scorecards(scores, self._rules)
        medicines = any(e.source == "issue" for card in cards for e in card.evidence)
        return cards, ladder_of(self.connection, self._site_medicines) if medicines else None

    def _evaluate(self, scores: Sequence[str], persons: NDArray[np.int32], ids: list[str], days: NDArray[np.int32],
                  load: int, objectors: Collection[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
        con = self.connection
        cards, ladder = self._cards(scores)
        plan = compile_plan(cards, *concepts(con), self._rules, ladder=ladder)
        needs = Needs(plan.coded_concepts, tuple(plan.measured_quantities), plan.issue_needed, self._rules)
        out = frozenset(objectors)
        places = np.array([place for place, one in enumerate(ids) if one not in out], np.intp)
        scored = [ids[place] for place in places]
        arrays = self._arrays(persons[places], scored, needs, ladder, load)
        result = evaluate(plan, arrays, days[places])
        frame = result.frame(scored)
        if len(scored) < len(ids):
            frame = _with_rows_of_objectors(frame, ids)
        for place, (name, column) in enumerate(self._record_columns(persons, days, load).items(), 1):
            frame.insert(place, name, column)
        return frame, self._named(result.contributions_frame(scored))

    def _record_columns(self, persons: NDArray[np.int32], days: NDArray[np.int32], load: int) -> dict[str, Any]:
        con = self.connection
        con.register("score_date_given", {"person": persons, "day": days, "i": np.arange(len(persons))})
        con.execute("""CREATE OR REPLACE TEMP TABLE score_date AS
            SELECT person, i, DATE '1970-01-01' + day AS as_of FROM score_date_given""")
        con.unregister("score_date_given")
        last_entries(con, load)
        rule = parsed(rules_dir() / "thin_record.toml")["thin_record"]
        rows = con.execute("""SELECT l.last_entry_on, p.registered_from,
                coalesce(l.entries, 0) < $fewer OR l.last_entry_on IS NULL
                    OR l.last_entry_on <= d.as_of - to_months($months) AS thin_record
            FROM score_date d JOIN person_as_of p USING (person) LEFT JOIN last_entry l USING (person) ORDER BY d.i""",
            {"fewer": rule["fewer_entries_than"], "months": rule["no_entry_for_months"]}).fetchdf()
        return {str(name): rows[name].to_numpy() for name in rows.columns}

    def _named(self, found: pd.DataFrame) -> pd.DataFrame:
        """Contributions with the codes and resources that their keys mean."""
        con = self.connection
        con.register("found", found.assign(row=np.arange(len(found))))
        named = con.execute("""
            SELECT f.patient_id, f.score, f.term, f.points, f.first_on::DATE AS first_on, f.last_on::DATE AS last_on, f.n,
                   c.system, c.code, c.display AS display, r.resource, f.record
            FROM found f LEFT JOIN concept c ON c.concept = f.concept LEFT JOIN (
                SELECT record, any_value(resource_type || '/' || resource_id) AS resource
                FROM (SELECT record, resource_type, resource_id FROM event
                      UNION ALL SELECT record, resource_type, resource_id FROM stay)
                WHERE record IN (SELECT record FROM found) GROUP BY record) r ON r.record = f.record
            ORDER BY f.row""").fetchdf()
        con.unregister("found")
        return named


def _silent(stage: str, done: int, total: int) -> None:
    """Progress for those who want none."""


def _with_rows_of_objectors(frame: pd.DataFrame, ids: list[str]) -> pd.DataFrame:
    """The frame with a row for every id, in that order; those it lacks have no points and say why. Whole numbers stay whole."""
    whole = {name: "Int64" for name, kind in frame.dtypes.items() if kind.kind == "i"}
    frame = frame.astype(whole).set_index("patient_id").reindex(ids).rename_axis("patient_id").reset_index()
    for name in frame.columns:
        if name.endswith("_status"):
            missing = frame[name].isna()
            frame.loc[missing, name] = "not_available"
            frame.loc[missing, name.removesuffix("_status") + "_reason"] = NOT_SCORED
    return frame
