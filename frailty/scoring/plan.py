"""Scorecards -> arrays: which concept feeds which slot, which slots make which term, in the order of the kernels."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from frailty.errors import DefinitionError
from frailty.records.arrays import ADMISSIONS, SETTINGS, SEXES, Int8, Int32, Int64
from frailty.scoring import tables as tb
from frailty.scoring.definitions import Evidence, Interval, Scorecard, Term, Window, first_multiple, scaled

if TYPE_CHECKING:
    from frailty.terminology import Codelist, ConceptIndex, Ladder

X = TypeVar("X")
SUBSTANCE, BNF = "substance", "https://www.nhsbsa.nhs.uk/bnf"   # systems of code lists of medicines
_NONE: Int32 = np.empty(0, np.int32)
KINDS = {"any": tb.RECORDS, "records": tb.RECORDS, "days": tb.DAYS, "distinct:substance": tb.DISTINCT,
         "latest": tb.LATEST, "min": tb.SMALLEST, "max": tb.LARGEST, "age": tb.AGE}


@dataclass(frozen=True)
class Plan:
    """Compiled scorecards for one table of concepts.

    coded_concepts: concepts whose entries are read; issue_concepts: the same for medicines (empty = not read).
    measured_quantities: quantities that are read. outcome_term, outcome_points, term_names, term_card: what the numbers
    in a contribution mean. hashes: of every definition and code list that the plan rests on.
    """

    scorecards: tuple[Scorecard, ...]
    tables: tb.Plan
    windows: tuple[Window | None, ...]
    issue_windows: tuple[int, ...]
    issue_entries: Int64
    coded_concepts: Int32
    issue_concepts: Int32
    measured_quantities: tuple[str, ...]
    stays_needed: bool
    reasons: tuple[str, ...]
    outcome_term: Int32
    term_card: Int32
    term_names: tuple[str, ...]
    hashes: dict[str, str] = field(default_factory=dict)

    @property
    def issue_needed(self) -> bool:
        return bool(self.issue_windows)


def compile_plan(scorecards: Sequence[Scorecard], concept_systems: Sequence[str], concept_codes: Sequence[str],
                 rules: Path | None = None, *, ladder: Ladder | None = None) -> Plan:
    """Compile scorecards against a table of concepts (a concept's number is its position).

    ladder: what the concepts are as medicines, for code lists of substances; without it none is known.
    """
    for n, card in enumerate(scorecards):
        if card.id in [other.id for other in scorecards[:n]]:
            raise DefinitionError(f"The score '{card.id}' is asked for twice.", mend="name each score once")
    return _Compiler(_Lists(concept_systems, concept_codes, rules, ladder)).compile(tuple(scorecards))


class _Lists:
    """Code lists matched against the table of concepts, each once."""

    def __init__(self, systems: Sequence[str], codes: Sequence[str], rules: Path | None, ladder: Ladder | None) -> None:
        from frailty.terminology import ConceptIndex
        self.rules, self.size, self.ladder = rules, len(codes), ladder
        self.index = ConceptIndex(systems, codes)
        self.lists: dict[str, Codelist] = {}
        self.found: dict[tuple[str, str, bool], Int32] = {}
        order = sorted(range(self.size), key=lambda c: (systems[c], codes[c]))
        self.rank = np.empty(self.size, np.int32)
        self.rank[order] = np.arange(self.size, dtype=np.int32)
        self.cautioned = np.zeros(self.size, np.bool_)

    def load(self, name: str) -> Codelist:
        """A code list that a score can rest on."""
        from frailty.terminology import load_codelist
        if name not in self.lists:
            codelist = load_codelist(name, self.rules)
            if not codelist.entries:
                raise DefinitionError(f"The code list '{name}' is empty, but a score rests on it.",
                                      where=f"rules/codelists/{name}.csv", mend="supply the codes, or drop the score")
            for e in codelist.entries:
                if any(limit is not None for limit in (e.within_years, e.min_age_at_event, e.max_age_at_event)):
                    raise DefinitionError(f"The code list '{name}' limits the years or ages of '{e.code}'.",
                                          why="such limits are not supported in this version",
                                          where=f"rules/codelists/{name}.csv")
            self.lists[name] = codelist
        return self.lists[name]

    def concepts(self, name: str, category: str, without_caution: bool) -> Int32:
        """The concepts that a code list, or one category of it, holds."""
        key = (name, category, without_caution)
        if key not in self.found:
            entries = [e for e in self.load(name).entries
                       if (not category or e.category == category) and not (without_caution and e.caution)]
            found = np.flatnonzero(self.index.match(entries))
            if any(e.system in (SUBSTANCE, BNF) for e in entries):
                place, index = self.medicines
                found = np.union1d(found, place[index.match(entries)])
            self.found[key] = found.astype(np.int32)
        return self.found[key]

    @cached_property
    def medicines(self) -> tuple[NDArray[np.int32], ConceptIndex]:
        """Substances and BNF codes as concepts of their own, and the concept that each belongs to."""
        from frailty.terminology import ConceptIndex, parts_of
        rows: list[tuple[int, str, str]] = []
        if self.ladder:
            for c, (substance, rung, bnf) in enumerate(zip(self.ladder.substance, self.ladder.rung, self.ladder.bnf, strict=True)):
                rows += [(c, SUBSTANCE, part) for part in parts_of(self.ladder.names[substance])] if rung in (1, 2) else []
                rows += [(c, BNF, bnf)] if bnf else []
        return np.array([c for c, _, _ in rows], np.int32), ConceptIndex([s for _, s, _ in rows], [code for _, _, code in rows])

    def quantity(self, evidence: Evidence, card: Scorecard) -> str:
        """The name of the quantity whose codes the evidence names."""
        from frailty.terminology import load_quantities
        quantities = load_quantities(self.rules)
        for quantity in quantities:
            if quantity.codes == evidence.codes:
                if evidence.unit and evidence.unit != quantity.unit:
                    raise DefinitionError(
                        f"The score '{card.id}' counts '{evidence.codes}' in {evidence.unit}.", where=card.file,
                        why=f"its canonical unit is {quantity.unit}",
                        mend=f'unit = "{quantity.unit}", with cut points in it')
                entries = [e for e in self.load(evidence.codes).entries if e.caution]
                self.cautioned |= self.index.match(entries)
                return quantity.name
        near = difflib.get_close_matches(evidence.codes, [q.codes for q in quantities], 1)
        raise DefinitionError(f"The score '{card.id}' counts values of '{evidence.codes}', which is not a quantity.",
                              where=card.file, why="no row of rules/quantities.csv has it in its column 'codes'",
                              mend=f"did you mean '{near[0]}'?" if near else "")


class _Compiler:
    def __init__(self, lists: _Lists) -> None:
        self.lists = lists
        self.windows: list[Window | None] = [None]
        self.conditions: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        self.slots: dict[tuple[Evidence, ...], int] = {}
        self.kinds: list[int] = []
        self.coded: list[tuple[Int32, int, int, int]] = []
        self.issues: list[tuple[Int32, int, int, int]] = []
        self.quantities: list[str] = []
        self.values: list[tuple[int, int, tuple[float, ...]]] = []
        self.reasons: list[str] = [""]

    def compile(self, cards: tuple[Scorecard, ...]) -> Plan:
        for card in cards:
            self._check_lookups(card)
        terms = [(card, term) for card in cards for term in card.terms]
        position = {(card.id, term.id): t for t, (card, term) in enumerate(terms)}
        literals = [self._literals(term, card) for card, term in terms]
        others = [[position[card.id, other] for other in term.unless] for card, term in terms]
        outcomes = [_outcomes(term, card.scale) for card, term in terms]
        edges = [_band_edges(card) for card in cards]
        held = len(self.kinds), len(self.windows), len(self.conditions)
        if any(count > limit for count, limit in zip(held, tb.LIMITS, strict=True)):
            raise DefinitionError("These scores ask for more than one plan can hold.",
                                  why="it holds {} aggregates, {} windows and {} conditions".format(*tb.LIMITS),
                                  mend="compile them in several plans")
        size = self.lists.size
        rules = sorted(self.values)
        maps = tb.Maps(np.array(self.kinds, np.int32), np.concatenate([[size], self.lists.rank]).astype(np.int32),
                       np.concatenate([[0], self.lists.cautioned]).astype(np.int8),
                       _entries(self.coded, size), self._fits())
        values = tb.Values(
            offsets=_offsets(np.bincount([1 + r[0] for r in rules], minlength=1 + len(self.quantities))),
            rules=np.array([r[1] for r in rules], np.int32), bounds=np.array([r[2] for r in rules], np.float64).ravel())
        judging = tb.Judging(
            slots=np.array([many[0][0] for many in literals], np.int32),
            counts=np.array([many[0][2] for many in literals], np.int32),
            plain=np.array([self._plain(*row) for row in zip(literals, others, outcomes, strict=True)], np.int8),
            terms=np.hstack([_spans(literals), _spans(others), _spans(outcomes)]).ravel(),
            literals=np.array([one for many in literals for one in many], np.int32).ravel(),
            others=np.array([one for many in others for one in many], np.int32),
            edges=np.array([edge for many in outcomes for edge, _ in many], np.float64),
            points=np.array([points for many in outcomes for _, points in many], np.int64),
            cards=np.array([self._card(*row) for row in zip(cards, _spans([c.terms for c in cards]).tolist(),
                                                            _spans(edges).tolist(), strict=True)], np.int32),
            bands=np.array([edge for many in edges for edge in many], np.int64))
        hashes = {f"score/{card.id}": card.sha256 for card in cards}
        hashes |= {f"codelist/{name}": codelist.sha256 for name, codelist in sorted(self.lists.lists.items())}
        return Plan(
            scorecards=cards, tables=tb.Plan(maps, values, judging), windows=tuple(self.windows),
            issue_windows=tuple({window for _, _, window, _ in self.issues}),
            issue_entries=_entries(self.issues, size),
            coded_concepts=_used(self.coded), issue_concepts=_used(self.issues),
            measured_quantities=tuple(self.quantities), stays_needed=bool(self.conditions), reasons=tuple(self.reasons),
            outcome_term=np.repeat(np.arange(len(terms), dtype=np.int32), [len(many) for many in outcomes]),
            term_card=np.repeat(np.arange(len(cards), dtype=np.int32), [len(card.terms) for card in cards]),
            term_names=tuple(term.id for _, term in terms), hashes=hashes)

    def _plain(self, literals: list[tuple[int, int, int]], others: list[int],
               outcomes: list[tuple[float, int]]) -> int:
        """What the kernels may leave out for a term."""
        if len(literals) > 1 or literals[0][1] == tb.NONE:
            return tb.SEVERAL
        simple = not others and len(outcomes) == 1 and outcomes[0][1] != 0 and self.kinds[literals[0][0]] != tb.AGE
        return tb.PLAIN if simple else tb.SINGLE

    def _check_lookups(self, card: Scorecard) -> None:
        """A code list and its table of weights must have the same categories: nothing may drop out silently."""
        for name, ids in card.lookups.items():
            categories = list(dict.fromkeys(e.category for e in self.lists.load(name).entries))
            for some, other, text in ((ids, categories, "has no code for"), (categories, ids, "has no points for")):
                for id in some:
                    if id not in other:
                        near = difflib.get_close_matches(id, other, 1)
                        raise DefinitionError(
                            f"The score '{card.id}' {text} '{id}'.", where=card.file,
                            why=f"the categories of the code list '{name}' and the keys of its weights differ",
                            mend=f"did you mean '{near[0]}'?" if near else "")

    # Slots

    def _literals(self, term: Term, card: Scorecard) -> list[tuple[int, int, int]]:
        """(slot, part, at_least). Evidence of `any` that counts records shares one slot: a record counts once."""
        together = tuple(e for e in term.any if _joins(e))
        literals = [(self._slot(together, card), tb.ANY, 1)] if together else []
        for part, evidence in ((tb.ANY, term.any), (tb.ALL, term.all), (tb.NONE, term.none)):
            literals += [(self._slot((e,), card), part, e.at_least) for e in evidence
                         if not (part == tb.ANY and _joins(e))]
        return literals

    def _slot(self, evidence: tuple[Evidence, ...], card: Scorecard) -> int:
        """The slot of evidence that is counted together; scores that ask the same share it."""
        key = tuple(replace(e, at_least=1, feed="", take="any" if e.take == "records" else e.take) for e in evidence)
        if key not in self.slots:
            s = self.slots[key] = len(self.kinds)
            self.kinds.append(KINDS[key[0].take])
            for e in key:
                self._feed(s, e, card)
        return self.slots[key]

    def _feed(self, s: int, e: Evidence, card: Scorecard) -> None:
        """Enter one evidence into the maps from concepts or quantities to slots."""
        window = _number(self.windows, e.within)
        if e.source == "value":
            quantity = _number(self.quantities, self.lists.quantity(e, card))
            for i in e.intervals or (Interval(),):
                rule = s | window << 16 | (1 + SEXES.index(i.sex) if i.sex else 0) << 24 | int(e.without_caution) << 28
                self.values.append((quantity, rule, _bounds(i)))
        elif e.source != "person":
            condition = _number(self.conditions, (e.settings, e.admissions)) if e.by_stay else -1
            concepts = (self.lists.concepts(e.codes, e.category, e.without_caution) if e.codes
                        else np.arange(self.lists.size, dtype=np.int32))
            if e.source == "coded":
                self.coded.append((concepts, s, window, condition))
            else:
                marker = sum(kind == tb.DISTINCT for kind in self.kinds) - 1 if self.kinds[s] == tb.DISTINCT else -1
                self.issues.append((concepts, s, window, marker))

    def _fits(self) -> Int8:
        """[conditions, 64] whether a kind of stay meets a condition: 1, 0, or -1 = not known."""
        fits = np.zeros((len(self.conditions), len(SETTINGS) * tb.ADMISSION_CODES), np.int8)
        for row, (settings, admissions) in enumerate(self.conditions):
            for s, setting in enumerate(SETTINGS):
                for a, admission in enumerate(ADMISSIONS):
                    parts = [(word in wanted, word == "unknown") for word, wanted in
                             ((setting, settings), (admission, admissions)) if wanted]
                    no = any(not met and not unknown for met, unknown in parts)
                    fits[row, s * tb.ADMISSION_CODES + a] = 0 if no else 1 if all(met for met, _ in parts) else -1
        return fits

    # Cards

    def _card(self, card: Scorecard, terms: list[int], bands: list[int]) -> list[int]:
        """One row of tables.Plan.cards."""
        window, by_stay = _longest(card), any(e.by_stay for e in card.evidence)
        kinds = " or ".join(dict.fromkeys(a for e in card.evidence for a in e.admissions + e.settings))
        row = {
            tb.LOW: terms[0], tb.HIGH: terms[1], tb.BAND_LOW: bands[0], tb.BAND_HIGH: bands[1],
            tb.AGE_AT_LEAST: tb.NO_AGE if card.age_at_least is None else card.age_at_least,
            tb.NEEDS_BIRTH: card.age_at_least is not None or any(e.source == "person" for e in card.evidence),
            tb.HOSPITAL: "hospital" in card.needs, tb.WINDOW: self.windows.index(window), tb.BY_STAY: by_stay,
            tb.YOUNG: self._reason(f"Younger than {card.age_at_least}.", card.age_at_least is not None),
            tb.NO_BIRTH: self._reason("The date of birth is not known."),
            tb.NO_FEED: self._reason("No hospital feed covers this practice."),
            tb.SHORT_FEED: self._reason(
                "The hospital feed starts after this date." if window is None else
                f"The hospital feed does not cover all of the {window.text} before this date."),
            tb.UNSURE_STAY: self._reason(
                f"It is not known whether a diagnosis in the window belongs to {_a(kinds)} stay.", by_stay),
            tb.NO_STAYS: self._reason("The hospital feed gives no stays: every diagnosis in the window counts, not "
                                      f"only those of {kinds} stays.", by_stay)}
        return [int(row[column]) for column in range(len(row))]

    def _reason(self, sentence: str, applies: bool = True) -> int:
        return _number(self.reasons, sentence) if applies else 0


def _entries(many: list[tuple[Int32, int, int, int]], size: int) -> Int64:
    """The slots, with window and condition or marker, that each of `size` concepts feeds."""
    three = np.array([(slot, window, 1 + third) for _, slot, window, third in many], np.int64).reshape(-1, 3)
    concepts = np.concatenate([_NONE, *(concepts for concepts, _, _, _ in many)])
    return tb.chain(concepts, np.repeat(three, [len(one[0]) for one in many], axis=0), size)


def _used(many: list[tuple[Int32, int, int, int]]) -> Int32:
    """The concepts that feed anything."""
    return np.unique(np.concatenate([_NONE, *(concepts for concepts, _, _, _ in many)]))


def _joins(e: Evidence) -> bool:
    return e.source in ("coded", "value") and e.take in ("any", "records") and e.at_least == 1


def _longest(card: Scorecard) -> Window | None:
    """The longest window that a hospital feed must cover; None = ever."""
    windows = [e.within for e in card.evidence if e.feed]
    if not windows or None in windows:
        return None
    return max((w for w in windows if w), key=lambda w: w.about_days)


def _outcomes(term: Term, scale: int) -> list[tuple[float, int]]:
    """(smallest measure, points in multiples of 10^-scale) of each possible outcome."""
    whole = not any(e.take in ("latest", "min", "max") for e in term.evidence)
    return [(_edge(step.interval, whole), scaled(step.points, scale)) for step in term.steps] or [
        (-math.inf, scaled(term.points, scale))]


def _edge(i: Interval, whole: bool) -> float:
    """The smallest measure inside the interval: a whole number, or a float64."""
    if i.low is None:
        return -math.inf
    if whole:
        return float(first_multiple(i, 0, None))
    return math.nextafter(float(i.low), math.inf) if i.low_open else float(i.low)


def _bounds(i: Interval) -> tuple[float, ...]:
    """The smallest and the largest float64 inside the interval, and the next ones outside of them."""
    low = -math.inf if i.low is None else _edge(i, False)
    high = math.inf if i.high is None else float(i.high)
    if i.high_open:
        high = math.nextafter(high, -math.inf)
    return low, high, math.nextafter(low, -math.inf), math.nextafter(high, math.inf)


def _band_edges(card: Scorecard) -> list[int]:
    """The smallest number of points of each band; the first band has none."""
    return [-2**63, *(first_multiple(band.interval, card.scale, card.divide_by) for band in card.bands[1:])][
        :len(card.bands)]


def _a(word: str) -> str:
    return f"an {word}" if word[:1] in "aeiou" else f"a {word}"


def _number(known: list[X], one: X) -> int:
    """The position of `one`, which is added where it is new."""
    if one not in known:
        known.append(one)
    return known.index(one)


def _offsets(sizes: NDArray[Any]) -> Int32:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)


def _spans(rows: Sequence[Sequence[Any]]) -> Int32:
    """[rows, 2] where each begins and ends when all are laid end to end."""
    ends = _offsets(np.array([len(row) for row in rows], np.int64))
    return np.stack([ends[:-1], ends[1:]], 1)
