"""Scorecards -> arrays: which concept feeds which slot, which slots make which term, in the order of the kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from frailty.errors import DefinitionError
from frailty.records.arrays import Int32, Int64
from frailty.scoring import tables as tb
from frailty.scoring.definitions import (
    LOG_DECIMALS,
    Band,
    Evidence,
    Group,
    Scorecard,
    Term,
    Window,
    first_multiple,
    first_on_curve,
    rounded,
    scaled,
    unit_points,
)
from frailty.scoring.lists import Lists
from frailty.scoring.slots import Literal, Slots, edge_of, number_of

if TYPE_CHECKING:
    from frailty.terminology import Ladder

_NONE: Int32 = np.empty(0, np.int32)
Outcome = tuple[float, int]                     # smallest measure, points


@dataclass(frozen=True)
class Plan:
    """Compiled scorecards for one table of concepts.

    coded_concepts: concepts whose entries are read; issue_concepts: the same for medicines (empty = not read).
    measured_quantities: quantities that are read. term_names, term_card: what the numbers in a contribution mean. hashes:
    of every definition and code list that the plan rests on.
    """

    scorecards: tuple[Scorecard, ...]
    tables: tb.Plan
    windows: tuple[Window | None, ...]
    ages: tuple[int, ...]
    issue_spans: tuple[int, ...]
    issue_entries: Int64
    markers: tuple[int, ...]
    coded_concepts: Int32
    issue_concepts: Int32
    measured_quantities: tuple[str, ...]
    providers: tuple[str, ...]
    inputs: tuple[str, ...]
    stays_needed: bool
    reasons: tuple[str, ...]
    term_card: Int32
    term_names: tuple[str, ...]
    hashes: dict[str, str] = field(default_factory=dict)

    @property
    def issue_needed(self) -> bool:
        return bool(self.issue_spans)


def compile_plan(scorecards: Sequence[Scorecard], concept_systems: Sequence[str], concept_codes: Sequence[str],
                 rules: Path | None = None, *, ladder: Ladder | None = None) -> Plan:
    """Compile scorecards against a table of concepts (a concept's number is its position).

    ladder: what the concepts are as medicines; needed where a code list names substances or BNF codes.
    """
    for n, card in enumerate(scorecards):
        if card.id in [other.id for other in scorecards[:n]]:
            raise DefinitionError(f"The score '{card.id}' is asked for twice.", mend="name each score once")
    return _Compiler(Lists(concept_systems, concept_codes, rules, ladder)).compile(tuple(scorecards))


@dataclass
class _Row:
    """One row of tables.Judging.terms, before it is laid out."""

    id: str
    literals: list[Literal]
    outcomes: list[Outcome]
    others: list[str] = field(default_factory=list)     # ids; those of rows that are only known by place: "#3"
    role: int = tb.SCORES
    form: int = tb.STEPS
    reason: int = 0
    wins: int = 0           # of a LATE row: so many of the others win on the same day


class _Compiler(Slots):
    def __init__(self, lists: Lists) -> None:
        super().__init__(lists)
        self.reasons: list[str] = [""]

    def compile(self, cards: tuple[Scorecard, ...]) -> Plan:
        empty = {card.id: self.lists.waits_for(card) for card in cards}
        rows = {card.id: [] if empty[card.id] or not card.available else self._rows(card) for card in cards}
        on = {card.id: n for n, card in enumerate(c for c in cards if c.index or c.set_within)}
        of = {card.id: n for n, card in enumerate(c for c in cards if c.link.kind == "assessed")}
        every = [row for card in cards for row in rows[card.id]]
        spans = _spans([rows[card.id] for card in cards]).tolist()
        others = [other for card, (low, _) in zip(cards, spans, strict=True) for other in self._others(rows[card.id], low)]
        edges = [_band_edges(card) for card in cards]
        table = _table([self._card(card, rows[card.id], low, edge, on.get(card.id, -1), of.get(card.id, -1), empty[card.id])
                        for card, low, edge in zip(cards, spans, _spans(edges).tolist(), strict=True)], tb.CARD_COLUMNS)
        for row, card, edge in zip(table, cards, edges, strict=True):
            row[tb.WITHOUT] = -1 if row[tb.OF] >= 0 or row[tb.FLOOR] >= 0 or card.set_within else 255 & max(
                (n for n, (points, single) in enumerate(edge[:len(card.bands)]) if not single and points <= 0), default=-1)
        asking = self._asking(every, table)
        populations = np.zeros((len(asking["working"]), tb.CARD_COLUMNS), np.int32)
        populations[:, tb.STANDING] = table[asking["working"]][:, tb.STANDING]
        populations, table[asking["working"], tb.POPULATION] = np.unique(populations, axis=0, return_inverse=True)
        sets = [(self.span_of(replace(_ANY, within=card.set_within), card), members, on[card.id])
                for card in cards if (members := self.sets.get(card.id))]
        held = len(self.kinds), len(self.spans), len(self.conditions)
        if any(count > limit for count, limit in zip(held, tb.LIMITS, strict=True)):
            raise DefinitionError("These scores ask for more than one plan can hold.",
                                  why="it holds {} aggregates, {} windows and {} conditions".format(*tb.LIMITS),
                                  mend="compile them in several plans")
        size = self.lists.size
        rules = sorted(self.values)
        literals, outcomes = [row.literals for row in every], [row.outcomes for row in every]
        maps = tb.Maps(
            _table(self.kinds), np.concatenate([[size], self.lists.rank]).astype(np.int32),
            np.concatenate([[0], self.lists.cautioned]).astype(np.int8), _entries(self.coded, size), self.fits(),
            _table(self.spans, 7), _table(self.input_slots))
        values = tb.Values(
            offsets=_offsets(np.bincount([1 + r[0] for r in rules], minlength=1 + len(self.quantities))),
            rules=np.array([r[1] for r in rules], np.int64), bounds=np.array([r[2] for r in rules], np.float64).ravel())
        later = tb.Later(
            _table(self.runs), _table([(span, low, high, row) for (span, _, row), (low, high) in
                                       zip(sets, _spans([members for _, members, _ in sets]).tolist(), strict=True)]),
            _table([one for _, members, _ in sets for one in members]), _table(self.stays))
        judging = tb.Judging(
            slots=np.array([many[0][0] if many else 0 for many in literals], np.int32),
            counts=np.array([many[0][2] if many else 0 for many in literals], np.int32),
            plain=np.array([self._plain(row) for row in every], np.int32),
            terms=np.hstack([_spans(literals), _spans(others), _spans(outcomes), np.array(
                [(row.role, row.form, row.reason) for row in every], np.int32).reshape(-1, 3)]).astype(np.int32),
            literals=_table([one for many in literals for one in many]),
            ranges=np.array(self.ranges, np.float64).ravel(),
            others=np.array([one for many in others for one in many], np.int32),
            edges=np.array([edge for many in outcomes for edge, _ in many], np.float64),
            points=np.array([points for many in outcomes for _, points in many], np.int64),
            cards=table, bands=np.array([edge for many in edges for edge in many], np.int64).ravel(), populations=populations,
            **asking)
        hashes = {f"score/{card.id}": card.sha256 for card in cards}
        hashes |= {f"codelist/{name}": codelist.sha256 for name, codelist in sorted(self.lists.lists.items())}
        return Plan(
            scorecards=cards, tables=tb.Plan(maps, values, later, judging), windows=tuple(self.windows), ages=tuple(self.ages),
            issue_spans=tuple({span for _, _, span, _ in self.issues}), issue_entries=_entries(self.issues, size),
            markers=tuple(self.markers), coded_concepts=_used(self.coded), issue_concepts=_used(self.issues),
            measured_quantities=tuple(self.quantities), providers=tuple(self.providers), inputs=tuple(self.inputs),
            stays_needed=bool(self.conditions or self.stays) or any(card.index for card in cards),
            reasons=tuple(self.reasons),
            term_card=np.repeat(np.arange(len(cards), dtype=np.int32), [len(rows[card.id]) for card in cards]),
            term_names=tuple(row.id for row in every), hashes=hashes)

    # Terms

    def _rows(self, card: Scorecard) -> list[_Row]:
        """The terms of a card as the kernels judge them, with what the card's own words add to them."""
        for name, ids in card.lookups.items():
            self.lists.check_categories(card, name, ids)
        k = card.scale
        group_of = {id: group for group in card.groups for id in group.terms}
        rows = {term.id: self._row(term, card, k) for term in card.terms}
        found: list[_Row] = []
        if card.link.kind == "logistic":
            found.append(_Row("intercept", [], [(-math.inf, scaled(card.link.intercept, k))]))
        found += [rows[term.id] for term in card.terms
                  if term.id not in group_of or group_of[term.id].choose != "sum"]
        for group in card.groups:
            members = [rows[id] for id in group.terms]
            self._choose(group, members, {term.id: term for term in card.terms})
            if group.choose == "sum":
                literals = [(one[0], tb.ALSO, *one[2:]) for row in members for one in row.literals if one[1] <= tb.ALL]
                found += [*members, _Row(group.id, literals, [
                    (-math.inf if step.interval.low is None else float(first_multiple(step.interval, k, None)),
                     scaled(step.points, k)) for step in group.steps], role=tb.SUM)]
            elif group.missing != "absent":
                found.append(self._missing(group, [], list(group.terms), k))
        for term in card.terms:
            found += self._unknown(term, card, k, len(found))
        silent = {term.id: term for term in card.terms if term.missing == "absent"}
        for ids in card.deficits if card.link.kind == "assessed" else ():
            kept = ids[0] in group_of and group_of[ids[0]].missing != "absent"
            if all(id in silent for id in ids) and not kept:
                found += self._lacking([silent[id] for id in ids], card, len(found))
        longest = _longest_issue(card)
        for need, take in (("substances", "distinct:unknown_substance"), ("bnf", "distinct:unknown_paragraph")):
            if need in card.needs:
                what = "substance" if need == "substances" else "BNF paragraph"
                literals = self.literals_of((), (Evidence("issue", within=longest, take=take),), (), card)
                sentence, each = f"The {what} of a medicine is not known.", card.unmapped if need == "substances" else None
                if each is not None:
                    sentence = f"A medicine of unknown substance could add up to {each.normalize():f} points."
                found.append(_Row(f"{need}_unknown", literals, [(-math.inf, scaled(each or Decimal(0), k))],
                                  role=tb.BLOCKS if each is None else tb.DOUBT, reason=self._reason(sentence)))
        if self.lists.ladder is None and any(e.source == "issue" and self.lists.names_medicines(e.codes) for e in card.evidence):
            found.append(_Row("medicines_unknown", [], [(-math.inf, 0)], role=tb.BLOCKS,
                              reason=self._reason("What the medicines are is not known here.")))
        if card.floor is not None:
            found.append(_Row("floor", [(0, tb.ALL, 2**31 - 1, 0, 0)], [(-math.inf, scaled(card.floor, k))]))
        return found

    def _row(self, term: Term, card: Scorecard, k: int) -> _Row:
        row = _Row(term.id, self.literals_of(term.any, term.all, term.none, card), _outcomes(term, k), list(term.unless))
        if term.per:
            row.form = {"identity": tb.IDENTITY, "square": tb.SQUARE, "log": tb.LOG}[term.per.form]
        if term.choices:
            row.outcomes = self._by_provider(term.choices, k)
        return row

    def _choose(self, group: Group, members: list[_Row], terms: dict[str, Term]) -> None:
        """Make the members of a group silence each other, or feed the group's sum."""
        order = list(range(len(members)))
        if group.choose == "worst":
            order.sort(key=lambda n: -terms[group.terms[n]].points)     # stable: of equals the first as written
        for place, n in enumerate(order):
            if group.choose == "sum":
                members[n].role = tb.MEMBER
            elif group.choose == "latest":
                members[n].role = tb.LATE
                members[n].others = [id for id in group.terms if id != group.terms[n]]
                members[n].wins = n
            else:
                members[n].others += [group.terms[m] for m in order[:place]]

    def _missing(self, of: Term | Group, literals: list[Literal], others: list[str], k: int) -> _Row:
        if isinstance(of.missing, str):
            return _Row(f"{of.id}_missing", literals, [(-math.inf, 0)], others, tb.BLOCKS,
                        reason=self._reason(f"Not known: {of.title}."))
        return _Row(f"{of.id}_missing", literals, [(-math.inf, scaled(of.missing, k))], others)

    def _unknown(self, term: Term, card: Scorecard, k: int, place: int) -> list[_Row]:
        """Rows that are present where a term is not assessed, and say what follows."""
        rows: list[_Row] = []
        for literals in self._unknowns(term, card) if term.missing != "absent" else ():
            rows.append(self._missing(term, literals, [term.id, *(f"#{place + m}" for m in range(len(rows)))], k))
        return rows

    def _lacking(self, terms: list[Term], card: Scorecard, place: int) -> list[_Row]:
        """Rows that are present where not one of the terms of a deficit is assessed: it leaves the denominator."""
        rows: list[_Row] = []
        for case in product(*(self._unknowns(term, card) for term in terms)):
            others = [*(term.id for term in terms), *(f"#{place + m}" for m in range(len(rows)))]
            rows.append(_Row(f"{terms[0].id}_missing", [one for literals in case for one in literals], [(-math.inf, 0)], others,
                             tb.TAKES))
        return rows

    def _unknowns(self, term: Term, card: Scorecard) -> list[list[Literal]]:
        """The cases in which a term is not assessed, unless it is present: nothing of `any` is known, or one of the others not."""
        cases = [[e] for e in term.all + term.none if e.may_be_unknown]
        if term.any and all(e.may_be_unknown for e in term.any):
            cases.insert(0, list(term.any))
        return [[(self._known(e, card), tb.NONE, 1, 0, 0) for e in case] for case in cases]

    def _known(self, e: Evidence, card: Scorecard) -> int:
        """The slot that is filled where anything is known at all."""
        any_number = replace(e, take="any" if e.counts else e.take, intervals=(), category="", round_to=None)
        return self.slot_of((any_number,), card)

    def _others(self, rows: list[_Row], offset: int) -> list[list[int]]:
        """The rows that silence each row; for LATE ones twice their number, and one more where they win on the same day."""
        place = {row.id: n for n, row in enumerate(rows)} | {f"#{n}": n for n in range(len(rows))}
        return [[2 * (offset + place[o]) + (n < row.wins) if row.role == tb.LATE else offset + place[o]
                 for n, o in enumerate(row.others)] for row in rows]

    def _plain(self, row: _Row) -> int:
        """What the kernels may leave out for a term."""
        one = row.literals[0] if len(row.literals) == 1 else None
        if one is None or one[1] > tb.ALL or one[3] != one[4]:
            return tb.SEVERAL
        simple = (not row.others and len(row.outcomes) == 1 and row.outcomes[0][1] != 0 and row.role == tb.SCORES
                  and row.form == tb.STEPS and self.kinds[one[0]] not in (tb.PERSON, tb.PROVIDER))
        return tb.PLAIN if simple else tb.SINGLE

    def _by_provider(self, choices: tuple[tuple[str, Decimal], ...], k: int) -> list[Outcome]:
        """Outcomes by the position of a provider in the plan's list; -1 and all that are not named have the last."""
        default = scaled(choices[-1][1], k)
        points = {number_of(self.providers, name): scaled(many, k) for name, many in choices[:-1]}
        steps: dict[float, int] = {-math.inf: default}
        for place in sorted(points):
            steps[float(place)] = points[place]
            steps[place + 1.0] = points.get(place + 1, default)
        return list(steps.items())

    # Cards

    def _card(self, card: Scorecard, rows: list[_Row], place: list[int], bands: list[int], on: int, of: int, empty: str
              ) -> list[int]:
        """One row of tables.Judging.cards."""
        window = _longest(card)
        by_stay = any(e.source == "coded" and e.by_stay for e in card.evidence)
        of_stays = card.index or any(e.source == "stay" for e in card.evidence)
        kinds = " or ".join(dict.fromkeys(a for e in card.evidence for a in (
            *e.admissions, *e.settings, *(("index",) if e.index and e.source == "coded" else ()))))
        aged = any(e.take == "age" or e.age_from is not None or e.age_below is not None or self.lists.limits_age(e)
                   for e in card.evidence)
        least = -(-card.link.minimum_share * len(card.deficits) // 1)
        off = ("Not available: " + "; ".join(card.lacks) + "." if not card.available else
               f"Not available: the code list {empty} has no codes yet; the site must supply them." if empty else "")
        row = {
            tb.LOW: place[0], tb.HIGH: place[1], tb.BAND_LOW: bands[0], tb.BAND_HIGH: bands[0] + len(card.bands),
            tb.AGE_AT_LEAST: tb.NO_AGE if card.age_at_least is None else card.age_at_least,
            tb.AGE_BELOW: tb.OPEN if card.age_below is None else card.age_below,
            tb.NEEDS_BIRTH: card.age_at_least is not None or card.age_below is not None or aged,
            tb.HOSPITAL: "hospital" in card.needs, tb.LOOK_NEEDED: number_of(self.windows, window),
            tb.BY_STAY: by_stay or any(e.by_stay for e in card.evidence), tb.INDEXED: card.index, tb.ON: on, tb.OF: of,
            tb.OF_LEAST: int(least), tb.OF_ALL: len(card.deficits),
            tb.FLOOR: place[1] - 1 if card.floor is not None and rows else -1,
            tb.INDEX_LOOK: number_of(self.windows, card.index_within),
            tb.YOUNG: self._reason(f"Younger than {card.age_at_least}.", card.age_at_least is not None),
            tb.OLD: self._reason(f"{card.age_below} or older.", card.age_below is not None),
            tb.NO_BIRTH: self._reason("The date of birth is not known."),
            tb.NO_FEED: self._reason("No hospital feed covers this practice."),
            tb.SHORT_FEED: self._reason(
                "The hospital feed starts after this date." if window is None else
                f"The hospital feed does not cover all of the {window.text} before this date."),
            tb.UNSURE_STAY: self._reason(
                f"It is not known whether a diagnosis in the window belongs to {_a(kinds)} stay." if by_stay else
                "It is not known of what kind a stay in the window was.", by_stay or of_stays),
            tb.NO_STAYS: self._reason("The hospital feed gives no stays: every diagnosis in the window counts, not "
                                      f"only those of {kinds} stays.", by_stay and not of_stays),
            tb.STAYLESS: self._reason("The hospital feed gives no stays.", of_stays),
            tb.NO_INDEX: self._reason("No discharge from hospital is known" + (
                f" in the {card.index_within.text} before this date." if card.index_within else " up to this date."), card.index),
            tb.NO_SET: self._reason("No complete set of measurements of one moment is known in the last "
                                    f"{card.set_within.text if card.set_within else ''}.", card.set_within is not None),
            tb.TOO_FEW: self._reason(f"Fewer than {int(least)} of the {len(card.deficits)} terms could be assessed.", of >= 0),
            tb.OFF: self._reason(off, bool(off))}
        return [int(row.get(column, 0)) for column in range(tb.CARD_COLUMNS)]

    def _asking(self, rows: list[_Row], cards: Int32) -> dict[str, NDArray[Any]]:
        """What a slot marks, and what is marked whether or not a slot is filled. Gives each card what it says while ASLEEP.

        Most cards of most people have nothing to go on. Where the only terms that need no filled slot make a card not
        assessable, they are looked at once one of its slots is filled; until then the first of them speaks for the card.
        """
        wakes: list[list[int]] = [[] for _ in self.kinds]
        working: list[int] = []
        filled_up = -(-len(rows) // 64) * 64
        always = np.zeros(filled_up + -(-len(cards) // 64) * 64, np.bool_)
        for c, card in enumerate(cards):
            if card[tb.OFF] > 0 and card[tb.LOW] == card[tb.HIGH] and card[tb.OF] < 0:
                continue
            working.append(c)
            resting = []
            for t in range(card[tb.LOW], card[tb.HIGH]):
                of_any, of_all = ([slot for slot, how, *_ in rows[t].literals if how == wanted] for wanted in (tb.ANY, tb.ALL))
                for slot in dict.fromkeys(of_any or of_all[:1]):    # one of ANY must be filled, or else the first of ALL
                    wakes[slot].append(t)
                resting += [] if of_any or of_all else [t]
            reason = card[tb.NO_SET] or (rows[resting[0]].reason if resting else 0)
            if reason and card[tb.OF] < 0 and card[tb.FLOOR] < 0 and all(rows[t].role == tb.BLOCKS for t in resting):
                card[tb.ASLEEP] = 255 + 256 * (2 + 256 * reason)
                for slot in {slot for t in range(card[tb.LOW], card[tb.HIGH]) for slot, *_ in rows[t].literals}:
                    wakes[slot] += [*resting, filled_up + c]
            else:
                always[resting], card[tb.ASLEEP] = True, card[tb.WITHOUT]
        return {"asked": _offsets(np.array([len(some) for some in wakes], np.int64)),
                "asking": np.array([place for some in wakes for place in some], np.int32),
                "always": np.packbits(always, bitorder="little").view("<u8"), "working": _table(working)}

    def _reason(self, sentence: str, applies: bool = True) -> int:
        return number_of(self.reasons, sentence) if applies else 0


_ANY = Evidence("value")


def _table(rows: Sequence[Any], columns: int = 1) -> Int32:
    """Whole numbers; row after row, or [rows, columns] where `columns` are told."""
    flat = np.array([tuple(row) if isinstance(row, tuple | list) else (row,) for row in rows], np.int32)
    return flat.reshape(-1, columns) if columns > 1 else flat.ravel()


def _entries(many: list[tuple[Int32, int, int, int]], size: int) -> Int64:
    """The slots, with span and condition or marker, that each of `size` concepts feeds."""
    three = np.array([(slot, span, 1 + third) for _, slot, span, third in many], np.int64).reshape(-1, 3)
    concepts = np.concatenate([_NONE, *(concepts for concepts, _, _, _ in many)])
    return tb.chain(concepts, np.repeat(three, [len(one[0]) for one in many], axis=0), size)


def _used(many: list[tuple[Int32, int, int, int]]) -> Int32:
    """The concepts that feed anything."""
    return np.unique(np.concatenate([_NONE, *(concepts for concepts, _, _, _ in many)]))


def _longest(card: Scorecard) -> Window | None:
    """The longest window that a hospital feed must cover; None = ever."""
    return _longest_of([e.within for e in card.evidence if e.feed and e.index is not True])


def _longest_issue(card: Scorecard) -> Window | None:
    return _longest_of([e.within for e in card.evidence if e.source == "issue"])


def _longest_of(windows: list[Window | None]) -> Window | None:
    if not windows or None in windows:
        return None
    return max((w for w in windows if w), key=lambda w: w.about_days)


def _outcomes(term: Term, scale: int) -> list[Outcome]:
    """(smallest measure, points in multiples of 10^-scale) of each possible outcome; with a form its three numbers."""
    if term.per:
        step = term.measured.round_to or Decimal(1)
        cap = math.inf if term.per.cap is None else float(term.per.cap)
        return [(cap, scaled(unit_points(term), scale)), (float(1 / step), 0), (float(term.per.each / LOG_DECIMALS), 0)]
    e = term.measured if term.steps else None
    return [(edge_of(rounded(step.interval, e.round_to) if e and not e.counts else step.interval, e is not None and e.whole),
             scaled(step.points, scale)) for step in term.steps] or [(-math.inf, scaled(term.points, scale))]


def _band_edges(card: Scorecard) -> list[tuple[int, int]]:
    """(smallest number of points, 1 = of any one term) of each band; where terms may be missing, for each number of terms."""
    def edge(band: Band, of: Fraction | None) -> tuple[int, int]:
        if band.any_term is not None:
            return -(-Fraction(band.any_term) * 10**card.scale // 1).__int__(), 1
        if band.interval.low is None:
            return -2**63, 0
        if card.link.kind in ("logistic", "survival"):
            return first_on_curve(band.interval, card.scale, card.link), 0
        return first_multiple(band.interval, card.scale, of), 0

    if card.link.kind != "assessed":
        return [edge(band, card.link.divide_by) for band in card.bands]
    return [edge(band, Fraction(max(of, 1))) for of in range(len(card.deficits) + 1) for band in card.bands]


def _a(word: str) -> str:
    return f"an {word}" if word[:1] in "aeiou" else f"a {word}"


def _offsets(sizes: NDArray[Any]) -> Int32:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)


def _spans(rows: Sequence[Sequence[Any]]) -> Int32:
    """[rows, 2] where each begins and ends when all are laid end to end."""
    ends = _offsets(np.array([len(row) for row in rows], np.int64))
    return np.stack([ends[:-1], ends[1:]], 1)
