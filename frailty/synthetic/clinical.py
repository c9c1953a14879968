"""GP records: what gets coded of what is true, when, how, and what else is written down."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from frailty.synthetic.catalogue import Codes, Pool, background_pool
from frailty.synthetic.homes import Residence
from frailty.synthetic.latent import expit, has_at, logit
from frailty.synthetic.people import OPEN, YEAR, Bool, Float64, Int8, Int32, People
from frailty.synthetic.rows import (
    ACTIVE,
    CONDITION,
    FAMILY,
    IN_ERROR,
    NEGATED,
    OBSERVATION,
    PAIR,
    REFUTED,
    RESOLVED,
    Coded,
    Contacts,
    in_life,
    join,
    keep,
)
from frailty.synthetic.settings import PracticePlan, Settings


class Recorder:
    """Turns latent deficits into GP records. Every method returns rows; none changes people."""

    def __init__(self, settings: Settings, rng: Generator, as_of: int, people: People, plans: list[PracticePlan],
                 codes: Codes) -> None:
        self.settings, self.rng, self.as_of, self.people = settings, rng, as_of, people
        self.plans, self.codes = plans, codes
        self.quality = np.array([plan.quality for plan in plans])[np.maximum(people.practice, 0)]
        self.stu3 = np.array([plan.shape == "stu3" for plan in plans])[np.maximum(people.practice, 0)]
        self.of_practice = people.practice >= 0
        self.deprived = 3.0 - people.quintile

    # ---- deficits

    def chance(self) -> Float64:
        """Chance that a deficit is ever coded [people, deficits], given that the person has it."""
        s, deficits = self.settings, self.settings.deficits
        own = s.number("recording.attendance") * self.people.attendance + self.quality \
            + s.number("recording.deprivation") * self.deprived
        return expit(logit(np.minimum(deficits.share, 0.985)) + own[:, None])

    def deficits(self, onset: Int32) -> tuple[Coded, Int32]:
        """First entries of deficits and their repeats, and the day on which each was first coded [people, deficits]
        (OPEN = not yet or never)."""
        s, rng, deficits = self.settings, self.rng, self.settings.deficits
        shape = onset.shape
        day = onset + rng.exponential(1.0, shape) * deficits.delay_years * YEAR
        # Coding was thinner in earlier years: what was left out then is often caught up later.
        years_ago = np.maximum(self.as_of - day, 0) / YEAR
        thin = rng.random(shape) > np.exp(-s.number("recording.growth_per_year") * years_ago)
        day = np.where(thin, day + rng.exponential(s.number("recording.caught_up_years"), shape) * YEAR, day)
        first = (int(s.number("recording.first_year")) - 1970) * YEAR
        day = np.where(day < first, first + rng.random(shape) * 5 * YEAR, day)
        value_only = rng.random(shape) < deficits.value_only
        ever = (rng.random(shape) < self.chance()) & has_at(onset, self.as_of) & self.of_practice[:, None] & ~value_only
        recorded = np.where(ever & (day < self.as_of), day, OPEN).astype(np.int32)
        person, deficit = (a.astype(np.int32) for a in np.nonzero(recorded < OPEN))
        first_day = recorded[person, deficit]
        late = rng.random(len(person)) < s.number("recording.late_share")
        lag = rng.exponential(s.number("recording.late_days"), len(person))
        effective = np.where(late, np.maximum(first_day - lag, onset[person, deficit]), first_day).astype(np.int32)
        effective = np.minimum(effective, first_day)
        over = rng.random(len(person)) < s.number("recording.resolved_share") * (1 + deficits.episodic[deficit])
        state = np.where(over, RESOLVED, ACTIVE).astype(np.int8)
        rows = self._rows(person, self._codes(deficit, person, first_day), effective, first_day, deficit, state)
        rows.form = self._forms(person, s.number("recording.problem_share"))
        end = np.minimum(first_day + rng.integers(20, 900, len(person)), self.as_of - 1)
        rows.ended = np.where(over, end, -1).astype(np.int32)
        return join([rows, self._repeats(person, deficit, first_day)]), recorded

    def _codes(self, deficit: Int32, person: Int32, day: Int32) -> Int32:
        """One code for each row: mostly a common one, sometimes any of the list, sometimes one that no list holds."""
        s, rng, codes = self.settings, self.rng, self.codes
        out = np.empty(len(deficit), np.int32)
        dice = rng.random(len(deficit))
        unusual, sibling = s.number("recording.any_code_share"), s.number("recording.sibling_share")
        of = np.maximum(self.people.practice[person], 0)
        read_only = np.array([plan.coding == "read" for plan in self.plans])[of]
        until = np.array([plan.read_until for plan in self.plans])[of]
        for index in range(len(s.deficits)):
            rows = deficit == index
            count = int(rows.sum())
            drawn = codes.common[index].draw(rng, count)
            odd = codes.unusual[index].draw(rng, count)
            old = codes.unusual_read[index]
            if old is not None:
                odd = np.where((read_only & (day < until))[rows], old.draw(rng, count), odd)
            related = codes.siblings[index]
            drawn = np.where(dice[rows] < unusual, odd, drawn)
            if related is not None:
                drawn = np.where(dice[rows] > 1 - sibling, related.draw(rng, count), drawn)
            out[rows] = drawn
        return out

    def _repeats(self, person: Int32, deficit: Int32, first: Int32) -> Coded:
        s, rng = self.settings, self.rng
        years = np.minimum((self.as_of - first) / YEAR, s.number("recording.repeat_years"))
        keen = np.exp(s.number("recording.repeat_attendance") * self.people.attendance[person])
        mean = s.deficits.repeats[deficit] * np.maximum(years, 0) * keen
        times = np.minimum(rng.poisson(mean), 7)
        who, what = np.repeat(person, times), np.repeat(deficit, times)
        span = np.repeat(years * YEAR, times)
        day = (self.as_of - 1 - rng.random(len(who)) * span).astype(np.int32)
        rows = self._rows(who, self._codes(what, who, day), day, day, what, np.full(len(who), ACTIVE, np.int8))
        rows.form = self._forms(who, s.number("recording.problem_share_later"))
        return rows

    def _forms(self, person: Int32, condition_share: float) -> Int8:
        """Problem or plain entry. STU3 records keep most diagnoses as Observations without a value."""
        dice = self.rng.random(len(person))
        r4 = np.where(dice < condition_share, CONDITION, OBSERVATION)
        alone, pair = (self.settings.number(f"recording.stu3_{kind}_share") for kind in ("problem", "pair"))
        stu3 = np.where(dice < alone, CONDITION, np.where(dice < alone + pair, PAIR, OBSERVATION))
        return np.where(self.stu3[person], stu3, r4).astype(np.int8)

    # ---- what is not so

    def noise(self, onset: Int32) -> Coded:
        """Wrong entries, negations, family history and near misses: most must not be counted, some wrongly are."""
        s, rng, people = self.settings, self.rng, self.people
        pool = np.flatnonzero(self.of_practice & (people.age > 25)).astype(np.int32)
        weight = np.exp(s.number("recording.noise_attendance") * people.attendance[pool])
        weight /= weight.sum()

        def some(rate: str) -> Int32:
            count = max(3, round(len(pool) * s.number(f"recording.{rate}") / 1000))
            return pool[rng.choice(len(pool), count, p=weight)]

        parts = []
        person = some("wrong_per_1000")
        dice = rng.random(len(person))
        refuted, error = s.number("recording.wrong_refuted"), s.number("recording.wrong_entered_in_error")
        dice[:2] = (0.0, refuted)      # at least one of each
        state = np.where(dice < refuted, REFUTED, np.where(dice < refuted + error, IN_ERROR, ACTIVE)).astype(np.int8)
        parts.append(self._one_each(person, self._absent(onset, person), state, CONDITION))
        person = some("negated_per_1000")
        negated = np.full(len(person), NEGATED, np.int8)
        parts.append(self._one_each(person, self._absent(onset, person), negated, OBSERVATION))
        person = some("family_history_per_1000")
        deficit = self._absent(onset, person)
        parts.append(self._one_each(person, deficit, np.full(len(person), ACTIVE, np.int8), FAMILY))
        person = some("near_miss_per_1000")
        family = s.number("recording.near_miss_in_family")
        both = Pool(
            np.concatenate([self.codes.near_miss.codes, self.codes.family_history.codes]),
            np.concatenate([(1 - family) * self.codes.near_miss.weights, family * self.codes.family_history.weights]),
        )
        day = self._days(len(person), s.number("recording.noise_years"))
        near = self._rows(person, both.draw(rng, len(person)), day, day)
        near.form = self._forms(person, s.number("recording.problem_share_later"))
        noise: Coded = join([*parts, near])
        return noise

    def _absent(self, onset: Int32, person: Int32) -> Int32:
        """A deficit that the person does not have."""
        wanted = np.argsort(self.rng.random((len(person), onset.shape[1])) + has_at(onset[person], self.as_of), axis=1)
        return wanted[:, 0].astype(np.int32)

    def _one_each(self, person: Int32, deficit: Int32, state: Int8, form: int) -> Coded:
        day = self._days(len(person), self.settings.number("recording.noise_years"))
        code = np.array([self.codes.common[d].draw(self.rng, 1)[0] for d in deficit], dtype=np.int32)
        rows = self._rows(person, code, day, day, deficit, state)
        rows.form = np.full(len(person), form, np.int8)
        return rows

    def _days(self, count: int, years: float) -> Int32:
        return (self.as_of - 1 - self.rng.random(count) * years * YEAR).astype(np.int32)

    # ---- everyday entries, and codes for the worklists

    def background(self) -> Coded:
        """Codes of no interest to any list."""
        s, rng, people = self.settings, self.rng, self.people
        years = s.number("recording.background_years")
        mean = s.number("recording.background_per_year") * np.minimum(years, np.maximum(people.age, 0.5))
        mean = mean * np.exp(s.number("recording.background_attendance") * people.attendance)
        mean = mean * np.where(people.age > 70, s.number("recording.background_over_70"), 1.0) * self.of_practice
        times = np.minimum(rng.poisson(mean), 25)
        person = np.repeat(np.arange(len(people)), times).astype(np.int32)
        day = (self.as_of - 1 - rng.random(len(person)) * np.minimum(years, people.age[person]) * YEAR).astype(np.int32)
        code = np.empty(len(person), np.int32)
        decade = (people.age[person] // 5).astype(int)
        for group in np.unique(decade):
            rows = decade == group
            code[rows] = background_pool(self.codes, group * 5 + 2.5).draw(rng, int(rows.sum()))
        rows = self._rows(person, code, day, day)
        note = np.isin(code, self.codes.background.codes[self.codes.background_note])
        rows.form = np.where(note, OBSERVATION, self._forms(person, 0.5)).astype(np.int8)
        return rows

    def worklist_codes(self, onset: Int32, residence: Residence, medicines: Int32, objection: Int32) -> Coded:
        """Residence, confirmed frailty, structured medication reviews, objections, last days of life."""
        s, rng, people = self.settings, self.rng, self.people
        parts = []
        coded = np.flatnonzero(residence.coded).astype(np.int32)
        since = np.where(residence.admitted_on[coded] < OPEN, residence.admitted_on[coded], self.as_of - 500)
        day = np.minimum(since + rng.integers(1, 45, len(coded)), self.as_of - 1).astype(np.int32)
        parts.append(self._plain(coded, self.codes.residence, day))

        burden = has_at(onset, self.as_of).sum(axis=1) * s.deficits.share.mean() \
            + s.number("frailty_codes.judgement_spread") * rng.standard_normal(len(people)) + (people.home >= 0)
        starts = [s.number(f"frailty_codes.{level}_from") for level in ("mild", "moderate", "severe")] + [99.0]
        for level, name in enumerate(("mild", "moderate", "severe")):
            pool = self.codes.frailty[level]
            seen = (burden >= starts[level]) & (burden < starts[level + 1]) & (people.age >= 65) & self.of_practice
            share = expit(logit(np.array(s.number(f"frailty_codes.{name}_share"))) + self.quality)
            who = np.flatnonzero(seen & (rng.random(len(people)) < share)).astype(np.int32)
            if pool is not None:
                parts.append(self._plain(who, pool, self._days(len(who), s.number("frailty_codes.years"))))
        if self.codes.review is not None:
            chance = expit(s.number("review.base") + s.number("review.per_medicine") * medicines
                           + s.number("review.resident") * (people.home >= 0) + self.quality)
            who = np.flatnonzero((medicines >= 5) & (rng.random(len(people)) < chance)).astype(np.int32)
            parts.append(self._plain(who, self.codes.review, self._days(len(who), s.number("review.years"))))
        if self.codes.objection is not None:
            who = np.flatnonzero(objection < OPEN).astype(np.int32)
            parts.append(self._plain(who, self.codes.objection, objection[who]))
        if self.codes.last_days is not None:
            here = self.of_practice & (people.death == OPEN) & (people.registered_to == OPEN)
            alive = np.flatnonzero(here & (people.age > 70))
            wanted = max(2, round(len(people) * s.number("population.per_1000.last_days") / 1000))
            key = 0.08 * people.age[alive] + people.frailty[alive] + rng.gumbel(size=len(alive))
            who = alive[np.argsort(-key, kind="stable")[:wanted]].astype(np.int32)
            day = self._days(len(who), s.number("frailty_codes.last_days_years"))
            parts.append(self._plain(who, self.codes.last_days, day))
        entries: Coded = join(parts)
        return entries

    def _plain(self, person: Int32, pool: Pool, day: Int32) -> Coded:
        rows = self._rows(person, pool.draw(self.rng, len(person)), day, day)
        rows.form = np.where(self.stu3[person], OBSERVATION, self._forms(person, 0.4)).astype(np.int8)
        return rows

    def home_visit_codes(self, contacts: Contacts) -> Coded:
        """Home visits that were also coded as such: the published eFI counts them as housebound."""
        also = self.rng.random(len(contacts.kind)) < self.settings.number("recording.home_visit_code_share")
        visits = np.flatnonzero((contacts.kind == 2) & also)
        rows = self._plain(contacts.person[visits], self.codes.home_visit, contacts.day[visits])
        rows.form = np.full(len(visits), OBSERVATION, np.int8)
        rows.contact = visits.astype(np.int32)
        return rows

    # ---- contacts

    def contacts(self) -> Contacts:
        """Consultations of the last years."""
        s, rng, people = self.settings, self.rng, self.people
        rate = np.select([people.age < 16, people.age < 65, people.age < 80],
                         [s.number(f"contacts.{group}") for group in ("child", "adult", "age_65")],
                         s.number("contacts.age_80"))
        rate = np.where(people.home >= 0, s.number("contacts.resident"), rate)
        rate = rate * np.exp(s.number("contacts.attendance") * people.attendance) * self.of_practice
        times = np.minimum(rng.poisson(rate * s.number("contacts.years")), 60)
        person = np.repeat(np.arange(len(people)), times).astype(np.int32)
        day = self._days(len(person), s.number("contacts.years"))
        day -= np.where((day + 3) % 7 >= 5, 2, 0).astype(np.int32)      # surgeries are shut at weekends
        visit = np.where(people.home[person] >= 0, s.number("contacts.home_visit_resident"),
                         s.number("contacts.home_visit_80") * (people.age[person] >= 80))
        dice = rng.random(len(person))
        kind = np.where(dice < visit, 2, np.where(dice < visit + s.number("contacts.telephone_share"), 1, 0))
        order = np.lexsort((day, person))
        return Contacts(person[order], day[order], rng.integers(510, 1100, len(person)).astype(np.int32),
                        kind[order].astype(np.int8), np.zeros(len(person), np.int8))

    def meet(self, rows: Coded, contacts: Contacts) -> Coded:
        """Many entries were written in a consultation: they take its day and point to it."""
        n = self.settings.number
        key = contacts.person.astype(np.int64) << 32 | (contacts.day.astype(np.int64) + (1 << 20))
        wanted = rows.person.astype(np.int64) << 32 | (rows.recorded.astype(np.int64) + (1 << 20))
        at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        wait = contacts.day[at] - rows.recorded
        near = (contacts.person[at] == rows.person) & (wait >= 0) & (wait < n("recording.contact_within"))
        chosen = near & (rows.contact < 0) & (self.rng.random(len(at)) < n("recording.contact_share"))
        same = rows.effective == rows.recorded
        rows.contact = np.where(chosen, at, rows.contact).astype(np.int32)
        rows.recorded = np.where(chosen, contacts.day[at], rows.recorded)
        rows.effective = np.where(chosen & same, rows.recorded, rows.effective)
        return rows

    def undated(self, rows: Coded) -> Coded:
        """Some Conditions have no date of their own and take their Encounter's."""
        none = (rows.form == CONDITION) & (rows.contact >= 0)
        none &= (rows.state == ACTIVE) & (rows.effective == rows.recorded)
        none &= self.rng.random(len(none)) < self.settings.number("recording.no_date_share")
        rows.ended = np.where(none, -2, rows.ended).astype(np.int32)        # -2 marks: write no date
        return rows

    def summarised(self, rows: Coded) -> Coded:
        """New registrations whose whole history was typed in on one day."""
        people = self.people
        typed_in = self.rng.random(len(people)) < self.settings.number("recording.summarised_share")
        new = (people.registered_from > self.as_of - 6 * YEAR) & typed_in
        day = np.minimum(people.registered_from + 9, self.as_of - 1)
        hit = new[rows.person] & (rows.recorded < people.registered_from[rows.person]) & (rows.contact < 0)
        rows.recorded = np.where(hit, day[rows.person], rows.recorded).astype(np.int32)
        return rows

    def _rows(self, person: Int32, code: Int32, effective: Int32, recorded: Int32, deficit: Int32 | None = None,
              state: Int8 | None = None) -> Coded:
        count = len(person)
        none = np.full(count, -1, np.int32)
        return Coded(
            person=person.astype(np.int32), code=code.astype(np.int32), effective=effective.astype(np.int32),
            recorded=recorded.astype(np.int32), ended=none, form=np.full(count, CONDITION, np.int8),
            state=np.full(count, ACTIVE, np.int8) if state is None else state, contact=none.copy(),
            deficit=none.copy() if deficit is None else deficit.astype(np.int32), source=np.zeros(count, np.int8))


def inside(people: People, rows: Coded, as_of: int, quiet_after: Int32) -> Coded:
    """Without what cannot stand in the extract."""
    found: Coded = keep(rows, in_life(people, rows.person, rows.effective, rows.recorded, as_of, quiet_after))
    return found


def shown(settings: Settings, codes: Codes, rows: Coded, people: int) -> tuple[Bool, Bool]:
    """Which deficits the coded entries show [people, deficits]: by a listed code, and by any code meant for them."""
    listed = np.zeros((people, len(settings.deficits)), np.bool_)
    meant = np.zeros_like(listed)
    counts = (rows.state <= RESOLVED) & (rows.form != FAMILY)
    for index in range(len(settings.deficits)):
        members = np.fromiter(codes.listed[index], np.int32)
        hit = counts & np.isin(rows.code, members)
        listed[rows.person[hit], index] = True
        meant[rows.person[counts & (rows.deficit == index)], index] = True
    return listed, meant | listed


def quiet(settings: Settings, rng: Generator, as_of: int, people: People) -> Int32:
    """The last day on which anything is recorded of each person [people] (OPEN: no limit)."""
    limit = np.full(len(people), OPEN, np.int32)
    able = np.flatnonzero((people.status == 0) & (people.age >= 77.5) & (people.home < 0) & (people.moved_on == OPEN)
                          & (people.registered_from < as_of - 1200))
    count = min(len(able), max(2, round((people.age[people.status == 0] >= 75).sum()
                                        * settings.number("population.shares.quiet_75"))))
    limit[rng.permutation(able)[:count]] = as_of - 760
    return limit
