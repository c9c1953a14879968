"""What a scorecard is: the validated form of a file under rules/scores/ (DESIGN section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
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


@dataclass(frozen=True)
class Evidence:
    """One aggregate over a person's records."""

    source: str                              # coded | value | issue | person
    codes: str = ""                          # family/list
    category: str = ""                       # only the rows of the list with this category
    without_caution: bool = False            # leave out the rows of the list that carry a caution
    within: Window | None = None             # None = ever
    intervals: tuple[Interval, ...] = ()     # a value counts if it lies in one of them; none = any number
    unit: str = ""
    take: str = "any"
    feed: str = ""
    settings: tuple[str, ...] = ()           # the stay must be of one of these; none = any
    admissions: tuple[str, ...] = ()
    at_least: int = 1

    @property
    def by_stay(self) -> bool:
        """Does a record count only if it belongs to a stay of some kind?"""
        return bool(self.settings or self.admissions)


@dataclass(frozen=True)
class Step:
    """Points where the measure of the evidence (age, count or value) lies in the interval."""

    interval: Interval
    points: Decimal


@dataclass(frozen=True)
class Term:
    """Points from evidence. `steps` is empty where the points are the same whenever the term is present."""

    id: str
    title: str
    any: tuple[Evidence, ...] = ()
    all: tuple[Evidence, ...] = ()
    none: tuple[Evidence, ...] = ()
    points: Decimal = Decimal(0)
    steps: tuple[Step, ...] = ()
    unless: tuple[str, ...] = ()

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return self.any + self.all + self.none


@dataclass(frozen=True)
class Band:
    """A name for an interval of the score's value."""

    label: str
    interval: Interval


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
    bands: tuple[Band, ...] = ()
    divide_by: Fraction | None = None
    age_at_least: int | None = None
    needs: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    verified: str = ""
    notes: tuple[str, ...] = ()
    based_on: str = ""
    default: bool = True                     # false: scored only where it is asked for by name
    restricted: str = ""                     # why it may not be used without more ado; scored only by name
    sha256: str = ""
    file: str = ""
    lookups: dict[str, tuple[str, ...]] = field(default_factory=dict)  # code list -> the categories with points

    @property
    def evidence(self) -> Iterator[Evidence]:
        return (e for term in self.terms for e in term.evidence)

    @property
    def codelists(self) -> tuple[str, ...]:
        """Names of the code lists it uses, in order of first use."""
        return tuple(dict.fromkeys(e.codes for e in self.evidence if e.codes))

    @property
    def by_name_only(self) -> bool:
        """Is it left out unless somebody asks for it?"""
        return bool(self.restricted) or not self.default

    @property
    def scale(self) -> int:
        """k: the decimals of its points; kernels count in multiples of 10^-k."""
        every = [t.points for t in self.terms] + [s.points for t in self.terms for s in t.steps]
        return max([0, *(-int(p.normalize().as_tuple().exponent) for p in every)])

    @property
    def of(self) -> float:
        """The denominator of the value (1 for a plain sum)."""
        return float(self.divide_by or 1)


def scaled(points: Decimal, scale: int) -> int:
    """Points as a whole number of 10^-scale; exact."""
    return int(points.scaleb(scale))


def first_multiple(interval: Interval, scale: int, of: Fraction | None) -> int:
    """The smallest count of 10^-scale whose value (count / 10^scale / of) is past the lower edge. Exact."""
    assert interval.low is not None
    edge = Fraction(interval.low) * 10**scale * (of or 1)
    whole: int = -(-edge.numerator // edge.denominator)
    return whole + 1 if interval.low_open and whole == edge else whole
