"""What is true of people and stands in no record: when each deficit began, and the hazards that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from frailty.synthetic.people import OPEN, YEAR, Bool, Float64, Int8, Int32, Int64, People
from frailty.synthetic.settings import Settings

SPAN = 1 << 30      # days; later than any person's life
# Deficits with an effect of their own: names of settings under [hazard] and [death].
_SICK = ("chd", "heart_failure", "stroke_tia", "diabetes", "respiratory_disease", "cognitive_problems", "ckd", "falls")
_DEADLY = ("heart_failure", "cognitive_problems")


def logit(p: Float64) -> Float64:
    """Log odds."""
    return np.log(p / (1 - p))


def expit(x: Float64) -> Float64:
    """Probability from log odds."""
    return 1 / (1 + np.exp(-x))


def intercepts(settings: Settings) -> Float64:
    """Log odds at 75 of each deficit [deficits], so that as many people over 65 have it as the settings say.

    The mean is taken over the settings' ages and a grid of the latent factors, never over the sample: a small locality
    is a draw from the same town as a large one.
    """
    deficits = settings.deficits
    start, end = settings.numbers("population.age_from"), settings.numbers("population.age_to")
    share, male = settings.numbers("population.age_share"), settings.numbers("population.male_share")
    old = start >= 65
    middle = np.minimum((start[old] + end[old]) / 2, 92.5)
    grid, weight = np.polynomial.hermite_e.hermegauss(7)
    age, z, c, sex = np.meshgrid(np.arange(old.sum()), np.arange(7), np.arange(7), np.arange(2), indexing="ij")
    weights = share[old][age] * weight[z] * weight[c] * np.where(sex == 1, male[old][age], 1 - male[old][age])
    weights = (weights / weights.sum()).ravel()
    target = np.minimum(deficits.prevalence / deficits.share, 0.97)
    slopes = (deficits.slope[:, None] * ((middle[age.ravel()] - 75) / 10)
              + deficits.frailty[:, None] * grid[z.ravel()] + deficits.metabolic[:, None] * grid[c.ravel()]
              + deficits.male[:, None] * sex.ravel())
    low, high = np.full(len(deficits), -12.0), np.full(len(deficits), 12.0)
    for _ in range(40):
        guess = (low + high) / 2
        above = (expit(guess[:, None] + slopes) * weights).sum(axis=1) > target
        high, low = np.where(above, guess, high), np.where(above, low, guess)
    middle_of_both: Float64 = (low + high) / 2
    return middle_of_both


def log_odds(settings: Settings, people: People, frailty: Float64, metabolic: Float64, start: Float64) -> Float64:
    """Log odds at 75 of each deficit for each person [people, deficits], given the latent factors."""
    deficits = settings.deficits
    return (start + frailty[:, None] * deficits.frailty + metabolic[:, None] * deficits.metabolic
            + people.male[:, None] * deficits.male + (3.0 - people.quintile)[:, None] * deficits.deprivation / 2)


def onsets(settings: Settings, rng: Generator, people: People) -> Int32:
    """First day of each deficit [people, deficits]; it may lie in the future."""
    deficits = settings.deficits
    own = log_odds(settings, people, people.frailty, people.metabolic, intercepts(settings))
    uniform = rng.random((len(people), len(deficits)))
    age = 75 + 10 * (logit(uniform) - own) / deficits.slope
    early = age < 3
    age[early] = 3 + rng.random(int(early.sum())) * 45
    day = people.birth[:, None] + age * YEAR
    return np.minimum(day, SPAN).astype(np.int32)


@dataclass(frozen=True)
class Exposure:
    """What the hazards look at, as columns [people]."""

    age: Float64
    male: Bool
    quintile: Int8
    practice: Float64       # effect of the practice on the log rate
    frailty: Float64
    alone: Bool
    resident: Bool
    many: Bool              # many medicines


def admission_rate(settings: Settings, of: Exposure, has: Bool) -> Float64:
    """Emergency admissions per year [people], without recency. `has`: [people, deficits]."""
    table, index = settings.table("hazard"), settings.deficits.index
    rate = (table["base"] + table["decade_over_65"] * np.maximum(of.age - 65, 0) / 10
            + table["under_65"] * (of.age < 65) + table["child_under_5"] * (of.age < 5) + table["male"] * of.male
            + table["frailty"] * of.frailty + table["deprivation"] * (3.0 - of.quintile) + of.practice)
    for name in _SICK:
        rate += table[name] * has[:, index(name)]
    rate += table["threshold"] * (has.sum(axis=1) >= table["threshold_deficits"])
    rate += table["cognition_and_falls"] * (has[:, index("cognitive-problems")] & has[:, index("falls")])
    rate += table["heart_and_lung"] * (has[:, index("heart-failure")] & has[:, index("respiratory-disease")])
    rate += table["alone_and_immobile"] * (of.alone & has[:, index("mobility-problems")])
    rate += table["many_medicines_effect"] * of.many + table["resident"] * of.resident
    per_year: Float64 = np.exp(rate)
    return per_year


def death_rate(settings: Settings, of: Exposure, has: Bool) -> Float64:
    """Deaths per year [people], without recency."""
    table, index = settings.table("death"), settings.deficits.index
    rate = (table["base"] + table["decade_over_75"] * (np.maximum(of.age, 30) - 75) / 10
            + table["under_45"] * (of.age < 45) + table["male"] * of.male + table["frailty"] * of.frailty
            + table["resident"] * of.resident)
    for name in _DEADLY:
        rate += table[name] * has[:, index(name)]
    per_year: Float64 = np.exp(rate)
    return per_year


def recency(settings: Settings, days_since: Float64) -> Float64:
    """How much of the effect of a discharge is left after so many days (1 at once, halving)."""
    return np.where(days_since < 0, 0.0, 0.5 ** (days_since / settings.number("hazard.recency_half_life")))


def twelve_months(
    settings: Settings, admission: Float64, death: Float64, days_since: Float64
) -> tuple[Float64, Float64]:
    """Chance of at least one emergency admission, and of dying, within the months of the settings [people].

    The two compete; the effect of a recent discharge decays month by month. `days_since`: last discharge, -1 = none.
    """
    months = int(settings.number("outcomes.months"))
    step = 30.4375 / YEAR
    alive = np.ones_like(admission)
    untouched = np.ones_like(admission)
    admitted, died = np.zeros_like(admission), np.zeros_like(admission)
    for month in range(months):
        left = np.where(days_since < 0, 0.0, recency(settings, days_since + 30.4375 * (month + 0.5)))
        a = admission * np.exp(settings.number("hazard.recency") * left)
        d = death * np.exp(settings.number("death.recency") * left)
        admitted += alive * untouched * a / (a + d) * (1 - np.exp(-(a + d) * step))
        died += alive * (1 - np.exp(-d * step))
        untouched *= np.exp(-a * step)
        alive *= np.exp(-d * step)
    return admitted, died


@dataclass(frozen=True)
class Outcomes:
    """What happens after the date of the extract: one row an event, in order of person and day."""

    person: Int64
    day: Int32
    died: Bool


def outcomes(settings: Settings, rng: Generator, as_of: int, admission: Float64, death: Float64,
             last_discharge: Int32, alive: Bool) -> Outcomes:
    """Emergency admissions and deaths drawn from the full hazard, month by month."""
    people, days, died = [], [], []
    step = 30.4375 / YEAR
    last = np.where(last_discharge == OPEN, -SPAN, last_discharge).astype(np.int64)
    living = alive.copy()
    for month in range(int(settings.number("outcomes.months"))):
        start = as_of + 1 + int(month * 30.4375)
        left = recency(settings, (start - last).astype(np.float64))
        a = admission * np.exp(settings.number("hazard.recency") * left)
        d = death * np.exp(settings.number("death.recency") * left)
        admitted = living & (rng.random(len(a)) < 1 - np.exp(-a * step))
        ends = living & (rng.random(len(d)) < 1 - np.exp(-d * step))
        day = start + rng.integers(0, 30, len(a))
        last_day = start + rng.integers(0, 30, len(a))
        admitted &= ~(ends & (day > last_day))
        for flag, when, death_event in ((admitted, day, False), (ends, last_day, True)):
            who = np.flatnonzero(flag)
            people.append(who)
            days.append(when[who])
            died.append(np.full(len(who), death_event))
        last = np.where(admitted, day + 4, last)
        living &= ~ends
    person, day_, gone = np.concatenate(people), np.concatenate(days).astype(np.int32), np.concatenate(died)
    order = np.lexsort((gone, day_, person))
    return Outcomes(person[order], day_[order], gone[order])


def hazard_given_records(settings: Settings, rng: Generator, people: People, recorded: Bool, never_seen: Float64,
                         of: Exposure, days_since: Float64) -> Float64:
    """Chance of an emergency admission given what the records show [people]: the mean of the full hazard over what
    they do not show.

    The latent factors are weighed on a grid by how well they explain the recorded and the unrecorded deficits; draws
    from that grid fill in the unrecorded ones. `never_seen`: chance that a deficit a person has stays unrecorded
    [people, deficits]. Attendance counts as known, since contacts show it.
    """
    deficits = settings.deficits
    start = intercepts(settings)
    prior = settings.number("latent.frailty_deprivation") * (3.0 - people.quintile) \
        + settings.number("latent.frailty_home") * of.resident
    grid, weight = np.polynomial.hermite_e.hermegauss(7)
    nodes = [(z, c) for z in range(7) for c in range(7)]
    score = np.empty((len(people), len(nodes)))
    at_age = deficits.slope * ((people.age - 75) / 10)[:, None]
    for column, (z, c) in enumerate(nodes):
        p = expit(log_odds(settings, people, prior + grid[z], np.full(len(people), grid[c]), start) + at_age)
        likely = np.where(recorded, p, 1 - p + p * never_seen)
        score[:, column] = np.log(weight[z] * weight[c]) + np.log(likely).sum(axis=1)
    score = np.exp(score - score.max(axis=1, keepdims=True))
    cumulative = np.cumsum(score / score.sum(axis=1, keepdims=True), axis=1)
    zs, cs = np.array([grid[z] for z, _ in nodes]), np.array([grid[c] for _, c in nodes])
    draws = int(settings.number("outcomes.draws"))
    total = np.zeros(len(people))
    for _ in range(draws):
        pick = np.minimum((rng.random(len(people))[:, None] > cumulative).sum(axis=1), len(nodes) - 1)
        frailty = prior + zs[pick]
        p = expit(log_odds(settings, people, frailty, cs[pick], start) + at_age)
        hidden = p * never_seen / (1 - p + p * never_seen)
        has = recorded | (rng.random(p.shape) < hidden)
        given = Exposure(of.age, of.male, of.quintile, of.practice, frailty, of.alone, of.resident, of.many)
        total += twelve_months(
            settings, admission_rate(settings, given, has), death_rate(settings, given, has), days_since
        )[0]
    return total / draws


def has_at(onset: Int32, day: int | NDArray[np.integer]) -> Bool:
    """Which deficits have begun [people, deficits]."""
    return onset <= (day if isinstance(day, int) else day[:, None])
