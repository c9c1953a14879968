"""What a scorecard is: the validated form of a file under rules/scores/ (DESIGN section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import Any

STATUS = ("ok", "outside_population", "not_assessable", "not_available")


@dataclass(frozen=True)
class Window:
    """A look-back: `as_of` less so many calendar months or days, then half-open (start < t <= as_of)."""

    text: str
    months: int = 0
    days: int = 0

    @property
    def about_days(self) -> int:
        """Roughly how long it is; only to find the longest of several."""
        return self.days or self.months * 30


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`; None is open-ended. `low_open`: the edge itself is not in. `sex`: only for them."""

    low: Decimal | None = None
    low_open: bool = False
    high: Decimal | None = None
    high_open: bool = False
    sex: str = ""


COUNTS = ("any", "records", "days", "distinct:substance", "distinct:bnf_paragraph")    # what counts; all else is a number


@dataclass(frozen=True)
class Evidence:
    """One aggregate over a person's records."""

    source: str                              # coded | value | answer | issue | stay | person
    codes: str = ""                          # family/list
    answers: str = ""                        # the list of answers that count
    category: str = ""                       # only the rows of the list with this category
    without_caution: bool = False            # leave out the rows of the list that carry a caution
    within: Window | None = None             # None = ever
    before: Window | None = None             # only what is so old or older
    intervals: tuple[Interval, ...] = ()     # a value counts if it lies in one of them; none = any number
    unit: str = ""
    round_to: Decimal | None = None
    take: str = "any"
    of_last: int = 0                         # best_of_last:n
    smallest: bool = False                   # the best is the smallest
    feed: str = ""
    settings: tuple[str, ...] = ()           # the stay must be of one of these; none = any
    admissions: tuple[str, ...] = ()
    index: bool | None = None                # of the index stay
    sex: str = ""                            # only for them
    age_from: int | None = None              # completed years on the day of the event
    age_below: int | None = None
    at_least: int = 1

    @property
    def by_stay(self) -> bool:
        """Does a record count only if it belongs to a stay of some kind?"""
        return self.source in ("coded", "stay") and bool(self.settings or self.admissions or self.index is not None)

    @property
    def counts(self) -> bool:
        """Is the measure a number of records, days or substances, and not a value?"""
        return self.take in COUNTS

    @property
    def may_be_unknown(self) -> bool:
        """Can it be that nothing is known, as against absent?"""
        return self.source in ("value", "answer", "person")

    @property
    def whole(self) -> bool:
        """Is the measure a whole number by its nature?"""
        return self.counts or self.take in ("age", "length_of_stay")


@dataclass(frozen=True)
class Step:
    """Points where the measure of the evidence (age, count or value) lies in the interval."""

    interval: Interval
    points: Decimal


@dataclass(frozen=True)
class Per:
    """Points for each unit of the measure: each x form(min(measure, cap))."""

    each: Decimal
    form: str = "identity"
    cap: Decimal | None = None


@dataclass(frozen=True)
class Term:
    """Points from evidence: one of `points`, `steps`, `per` and `choices`.

    missing: "absent", "not_assessable" or points. choices: points by the provider of the index stay; the last is for
    all others.
    """

    id: str
    title: str
    any: tuple[Evidence, ...] = ()
    all: tuple[Evidence, ...] = ()
    none: tuple[Evidence, ...] = ()
    points: Decimal = Decimal(0)
    steps: tuple[Step, ...] = ()
    per: Per | None = None
    choices: tuple[tuple[str, Decimal], ...] = ()
    unless: tuple[str, ...] = ()
    missing: str | Decimal = "absent"

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return self.any + self.all + self.none

    @property
    def measured(self) -> Evidence:
        """The evidence whose measure makes the points."""
        return (self.any + self.all)[0]


@dataclass(frozen=True)
class Group:
    """Terms of which one counts, or all as a sub-score (choose = sum, with steps)."""

    id: str
    title: str
    choose: str
    terms: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    missing: str | Decimal = "absent"


@dataclass(frozen=True)
class Band:
    """A name for an interval of the score's value; or, with `any_term`, for one term of so many points."""

    label: str
    interval: Interval
    any_term: Decimal | None = None


@dataclass(frozen=True)
class Link:
    """From the sum of points to the value. kind: identity | divide_by | assessed | logistic | survival."""

    kind: str = "identity"
    divide_by: Fraction | None = None
    minimum_share: Fraction = Fraction(0)
    intercept: Decimal = Decimal(0)
    baseline: Decimal = Decimal(0)
    mean: Decimal = Decimal(0)
    horizon: str = ""

    @property
    def fraction(self) -> bool:
        """Is the value a part of something?"""
        return self.kind in ("divide_by", "assessed")


@dataclass(frozen=True)
class Example:
    """A worked case: `given` describes one person, `expect` what the score must say."""

    given: dict[str, Any]
    expect: dict[str, Any]
    title: str = ""
    where: str = ""


@dataclass(frozen=True)
class Scorecard:
    """A score, ready to be compiled. `sha256` covers its file, the file it is based on and its tables of weights."""

    id: str
    title: str
    version: str
    licence: str
    source: dict[str, Any]
    terms: tuple[Term, ...]
    groups: tuple[Group, ...] = ()
    bands: tuple[Band, ...] = ()
    link: Link = Link()
    floor: Decimal | None = None
    age_at_least: int | None = None
    age_below: int | None = None
    needs: tuple[str, ...] = ()
    index: bool = False                      # scored at the last discharge
    index_within: Window | None = None
    set_within: Window | None = None         # of the one timed set
    available: bool = True
    lacks: tuple[str, ...] = ()              # what is missing, where it is not available
    codes_from_site: tuple[str, ...] = ()
    unmapped: Decimal | None = None          # so many points could a medicine of unknown substance add
    examples: tuple[Example, ...] = ()
    verified: str = ""
    notes: tuple[str, ...] = ()
    based_on: str = ""
    default: bool = True                     # false: scored only where it is asked for by name
    restricted: str = ""                     # why it may not be used without more ado; scored only by name
    short: str = ""                          # its name on a card, such as eFI
    confirmed_by: str = ""                   # "care/frailty_{band}": the list whose codes say that a clinician confirmed a band
    sha256: str = ""
    file: str = ""
    lookups: dict[str, tuple[str, ...]] = field(default_factory=dict)  # code list -> the categories with points

    @property
    def evidence(self) -> Iterator[Evidence]:
        return (e for term in self.terms for e in term.evidence)

    @property
    def codelists(self) -> tuple[str, ...]:
        """Names of the code lists it uses, in order of first use."""
        return tuple(dict.fromkeys(name for e in self.evidence for name in (e.codes, e.answers) if name))

    @property
    def deficits(self) -> tuple[tuple[str, ...], ...]:
        """What a denominator of assessed terms counts: each group of terms as one, and each term outside of groups."""
        grouped = {id for group in self.groups for id in group.terms}
        return (*((term.id,) for term in self.terms if term.id not in grouped), *(group.terms for group in self.groups))

    @property
    def parts(self) -> tuple[Term | Group, ...]:
        """Terms and groups."""
        return (*self.terms, *self.groups)

    @property
    def divide_by(self) -> Fraction | None:
        return self.link.divide_by

    @property
    def name(self) -> str:
        """Its name on a card."""
        return self.short or self.title

    @property
    def by_name_only(self) -> bool:
        """Is it left out unless somebody asks for it?"""
        return bool(self.restricted) or not self.default

    @cached_property
    def scale(self) -> int:
        """k: the decimals of its points; kernels count in multiples of 10^-k."""
        every = [self.link.intercept, self.floor or Decimal(0), self.unmapped or Decimal(0)]
        every += [step.points for one in self.parts for step in one.steps]
        every += [one.missing for one in self.parts if isinstance(one.missing, Decimal)]
        for term in self.terms:
            every += [term.points, *(points for _, points in term.choices)]
            every += [unit_points(term)] if term.per else []
        return max([0, *(-int(p.normalize().as_tuple().exponent) for p in every)])

    @property
    def of(self) -> float:
        """The denominator of the value (1 for a plain sum)."""
        return float(self.link.divide_by or 1)


LOG_DECIMALS = Decimal("0.000001")           # a logarithm's points are rounded to this


def unit_points(term: Term) -> Decimal:
    """Points of one step of the measure (its square, for a square); for a logarithm the step of its rounding."""
    per, step = term.per, term.measured.round_to or Decimal(1)
    assert per is not None
    if per.form == "log":
        return LOG_DECIMALS
    return per.each * (step * step if per.form == "square" else step)


def scaled(points: Decimal, scale: int) -> int:
    """Points as a whole number of 10^-scale; exact."""
    return int(points.scaleb(scale))


def first_multiple(interval: Interval, scale: int, of: Fraction | None) -> int:
    """The smallest count of 10^-scale whose value (count / 10^scale / of) is past the lower edge. Exact."""
    assert interval.low is not None
    edge = Fraction(interval.low) * 10**scale * (of or 1)
    whole: int = -(-edge.numerator // edge.denominator)
    return whole + 1 if interval.low_open and whole == edge else whole


def first_on_curve(interval: Interval, scale: int, link: Link) -> int:
    """The same for a logistic or survival link, whose edges are turned into sums of points with 40 digits."""
    assert interval.low is not None
    with localcontext() as exact:
        exact.prec = 40
        edge = Decimal(interval.low)
        if edge <= 0:
            return -2**62
        if edge >= 1:
            return 2**62
        if link.kind == "logistic":
            points = (edge / (1 - edge)).ln()
        else:
            points = ((1 - edge).ln() / link.baseline.ln()).ln() + link.mean
        many = points.scaleb(scale)
        whole = int(many.to_integral_value(ROUND_CEILING))
        return whole + 1 if interval.low_open and whole == many else whole


def rounded(interval: Interval, step: Decimal | None) -> Interval:
    """The raw numbers that lie in the interval once they are rounded to `step`, halves up."""
    if step is None:
        return interval
    low, high = interval.low, interval.high
    if low is not None:
        whole = (low / step).to_integral_value(ROUND_CEILING)
        low = (whole + (1 if interval.low_open and whole * step == low else 0)) * step - step / 2
    if high is not None:
        whole = (high / step).to_integral_value(ROUND_FLOOR)
        high = (whole - (1 if interval.high_open and whole * step == high else 0)) * step + step / 2
    return Interval(low, False, high, True, interval.sex)
