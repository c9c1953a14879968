"""What would change a person's band: how far its edges are, and what happens by itself if nothing more is recorded."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from frailty.scoring.definitions import STATUS, Scorecard, first_multiple, first_on_curve

if TYPE_CHECKING:
    import pandas as pd

    from frailty.scoring.engine import Scores

HORIZON = 731       # days that are looked ahead: two years


def edges(card: Scorecard, points: float, of: float = 0) -> list[tuple[str, float, str]]:
    """(band, points, 'up' or 'down'): the neighbouring bands, and by how many points at least they are away. Exact.

    of: the denominator, where it differs from person to person. Nothing where single terms decide of a band.
    """
    if any(band.any_term is not None for band in card.bands) or (card.link.kind == "assessed" and not of):
        return []
    by = Fraction(of).limit_denominator(10**6) if card.link.kind == "assessed" else card.link.divide_by
    lows = [None, *(first_on_curve(band.interval, card.scale, card.link) if card.link.kind in ("logistic", "survival")
                    else first_multiple(band.interval, card.scale, by) for band in card.bands[1:])]
    now, unit = round(Fraction(points).limit_denominator(10**9) * 10**card.scale), 10**card.scale
    place = max((n for n, low in enumerate(lows) if low is None or now >= low), default=0)
    found = []
    if place + 1 < len(card.bands) and (low := lows[place + 1]) is not None:
        found.append((card.bands[place + 1].label, (low - now) / unit, "up"))
    if place and (low := lows[place]) is not None:
        found.append((card.bands[place - 1].label, (now - low + 1) / unit, "down"))
    return found


def outlook(scores: Scores, card: Scorecard, first: date) -> pd.DataFrame:
    """One row per term that comes, goes or changes its points by itself: on, term, points (the change), band, status.

    scores: of one person, as of `first` and each day after it, with what is recorded now.
    """
    import pandas as pd
    one, found = scores[card.id], scores.contributions
    points: dict[int, dict[str, float]] = {}
    for person, term, many in zip(found.person.tolist(), found.term.tolist(), found.points.tolist(), strict=True):
        points.setdefault(person, {})[scores.plan.term_names[term]] = many / 10**one.scale
    made = []
    for day in range(1, len(one.points)):
        before, after = points.get(day - 1, {}), points.get(day, {})
        whole = {"on": first + timedelta(days=day), "band": (*one.bands, "")[one.band[day]], "status": STATUS[one.status[day]]}
        terms = [term for term in dict.fromkeys([*before, *after]) if before.get(term, 0) != after.get(term, 0)]
        made += [{**whole, "term": term, "points": after.get(term, 0) - before.get(term, 0)} for term in terms]
        if not terms and one.status[day] != one.status[day - 1]:
            made.append({**whole, "term": "", "points": 0.0})
    return pd.DataFrame(made, columns=["on", "term", "points", "band", "status"])
