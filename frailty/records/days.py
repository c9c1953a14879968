"""Days: as people say them, as the arrays count them, and today's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from frailty.errors import FrailtyError

if TYPE_CHECKING:
    import pandas as pd

    AsOf = str | date | Sequence[Any] | pd.Series[Any] | Mapping[str, Any] | None


def today() -> date:
    """Today in Europe/London."""
    return datetime.now(ZoneInfo("Europe/London")).date()


def day_numbers(as_of: AsOf, ids: list[str]) -> NDArray[np.int32]:
    """Days since 1970-01-01, one per person."""
    by_patient = _by_patient(as_of)
    if by_patient is not None:
        as_of = by_patient
        unknown = sorted(set(as_of) - set(ids))
        if unknown:
            raise FrailtyError(f"as_of names {len(unknown)} people who are not here.",
                               mend="use ids of the column patient_id")
        return np.array([day_number(as_of.get(one)) for one in ids], np.int32)
    if as_of is None or isinstance(as_of, (str, date)):
        return np.full(len(ids), day_number(as_of), np.int32)
    values = list(as_of)
    if len(values) != len(ids):
        raise FrailtyError(f"as_of has {len(values)} dates for {len(ids)} people.",
                           mend="give one date for all, or one per person in the order of `persons`")
    return np.array([day_number(one) for one in values], np.int32)


def _by_patient(as_of: Any) -> Mapping[str, Any] | None:
    """A mapping, or a Series whose index is patient_id; None where as_of is neither."""
    if isinstance(as_of, Mapping):
        return as_of
    index = getattr(as_of, "index", None)
    if index is None or callable(index) or list(index) == list(range(len(index))):
        return None
    return dict(zip(index, as_of, strict=True))


def date_of(value: Any) -> date:
    """The day that is meant: a date, YYYY-MM-DD, or None for today."""
    return date(1970, 1, 1) + timedelta(days=day_number(value))


def day_number(value: Any) -> int:
    """The same as days since 1970-01-01. Raises FrailtyError where it is not a date."""
    try:
        if value is None:
            value = today()
        elif not isinstance(value, str):
            value = date(value.year, value.month, value.day)
        else:
            value = date.fromisoformat(value)
    except (ValueError, AttributeError):
        raise FrailtyError(f"{value!r} is not a date.", mend="write it as YYYY-MM-DD") from None
    return int((value - date(1970, 1, 1)).days)
