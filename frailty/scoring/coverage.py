"""For whom a score can be computed, and what is missing where it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ALL = ""    # in the column practice: everybody


def coverage(scores: pd.DataFrame, practice: pd.Series[str], ids: Sequence[str]) -> pd.DataFrame:
    """One row per score and practice ('' = all of them, and then those of people without a practice '(none)').

    people; outside: for whom the score is not meant; computed; share: of the people whom it is for, NaN where there are
    none; missing_most: the reason that keeps most of them from it, missing: so many people; other_reasons: the rest.
    scores: as `Practice.score` gives them; practice: of the same people.
    """
    import pandas as pd
    groups = [(ALL, scores.index)] + [(str(name), rows.index) for name, rows in scores.groupby(practice.to_numpy(), sort=True)]
    made = []
    for id in ids:
        for name, rows in groups:
            status, reason = scores.loc[rows, f"{id}_status"], scores.loc[rows, f"{id}_reason"]
            computed, outside = int((status == "ok").sum()), int((status == "outside_population").sum())
            without = reason[~status.isin(["ok", "outside_population"])].value_counts()
            without = without.sort_index().sort_values(ascending=False, kind="stable")
            meant = len(rows) - outside
            made.append({
                "score": id, "practice": name, "people": len(rows), "outside": outside, "computed": computed,
                "share": computed / meant if meant else float("nan"),
                "missing_most": str(without.index[0]) if len(without) else "",
                "missing": int(without.iloc[0]) if len(without) else 0,
                "other_reasons": "; ".join(f"{why} ({n:,})" for why, n in without.iloc[1:].items())})
    return pd.DataFrame(made)
