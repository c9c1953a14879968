"""What another definition would do: who changes band, before anybody adopts it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from frailty.errors import DefinitionError
from frailty.scoring.definitions import Scorecard
from frailty.scoring.load import load_scorecard, scorecard_ids
from frailty.scoring.overlay import laid_over, own_scores

if TYPE_CHECKING:
    import pandas as pd

GROUPS = ("practice", "age_group")


class Side(NamedTuple):
    """One of the two definitions: the score, and the rules under which it is read."""

    card: Scorecard
    rules: Path | None


def sides(old: str, new: str, score: str = "", rules: Path | None = None) -> tuple[Side, Side]:
    """The two definitions that are meant.

    old, new: the id of a score, or a folder of rules or a definition pack, which counts instead of what is shipped.
    score: its id, where a folder defines none or several; default: the id on the other side. rules: where ids are read.
    """
    ids = scorecard_ids(rules)
    folders = {one: one not in ids for one in (old, new)}
    for one, folder in folders.items():
        if folder and not Path(one).is_dir():
            raise DefinitionError(f"'{one}' is neither a score nor a folder of rules.",
                                  mend="the scores: frailty scores; the folder of a pack: frailty scores export ID DIR")
    made = []
    for one, other in ((old, new), (new, old)):
        if not folders[one]:
            made.append(Side(load_scorecard(one, rules), rules))
            continue
        own = own_scores(Path(one))
        id = score or (own[0] if len(own) == 1 else "" if folders[other] else other)
        if not id:
            raise DefinitionError(f"It is not clear which score of '{one}' is meant.", why=f"it defines {', '.join(own) or 'none'}",
                                  mend="name it: --score ID")
        made.append(Side(load_scorecard(id, laid := laid_over(Path(one), trial=True)), laid))
    return made[0], made[1]


def compare(old: pd.DataFrame, new: pd.DataFrame, about: pd.DataFrame, cards: Sequence[Scorecard]) -> pd.DataFrame:
    """One row per person whom either is for: practice, age_group, then old_ and new_ value, band, status; and moved.

    moved: 'same', 'higher' or 'lower' band (in the order of the new definition's bands; without bands, value), 'other' where the
    old band does not exist any more, 'only old' or 'only new' where the other cannot be computed or is not for the person.
    about: patient_id, practice, age_group of the same people in the same order.
    """
    made = about.reset_index(drop=True)
    for name, frame, card in zip(("old", "new"), (old, new), cards, strict=True):
        for word, column in (("value", card.id), ("band", f"{card.id}_band"), ("status", f"{card.id}_status")):
            made[f"{name}_{word}"] = frame[column].to_numpy()
    made = made[(made["old_status"] != "outside_population") | (made["new_status"] != "outside_population")]
    order = {band.label: place for place, band in enumerate(cards[1].bands)}

    def moved(row: dict[Hashable, Any]) -> str:
        fine = row["old_status"] == "ok", row["new_status"] == "ok"
        if fine != (True, True):
            return {(True, False): "only old", (False, True): "only new"}.get(fine, "same")
        if order and row["old_band"] not in order:
            return "other"
        before, after = (order[row[f"{side}_band"]] if order else row[f"{side}_value"] for side in ("old", "new"))
        return "higher" if after > before else "lower" if after < before else "same"

    made["moved"] = [moved(row) for row in made.to_dict("records")]
    return made.reset_index(drop=True)


MOVES = ("higher", "lower", "other", "only old", "only new")


def tally(compared: pd.DataFrame) -> pd.DataFrame:
    """Counts by practice and age group: people, changed, and each kind of move. No one is named; nothing is suppressed."""
    import pandas as pd
    made = []
    for (practice, age_group), rows in compared.groupby(list(GROUPS)):
        kinds = rows["moved"].value_counts()
        made.append({"practice": practice, "age_group": age_group, "people": len(rows),
                     "changed": int((rows["moved"] != "same").sum()), **{kind: int(kinds.get(kind, 0)) for kind in MOVES}})
    made.sort(key=lambda one: (str(one["practice"]), len(str(one["age_group"])), str(one["age_group"])))
    return pd.DataFrame(made, columns=[*GROUPS, "people", "changed", *MOVES])


def transitions(compared: pd.DataFrame) -> list[tuple[str, str, int]]:
    """(old band, new band, people) of those who change, most frequent first. Without a value: the status."""
    def said(row: dict[Hashable, Any], side: str) -> str:
        fine = row[f"{side}_status"] == "ok" and isinstance(row[f"{side}_band"], str)
        return str(row[f"{side}_band"] if fine else row[f"{side}_status"]).replace("_", " ")

    changed = compared[compared["moved"] != "same"].to_dict("records")
    pairs = [(said(row, "old"), said(row, "new")) for row in changed]
    counted = {pair: pairs.count(pair) for pair in dict.fromkeys(pairs)}
    return [(old, new, n) for (old, new), n in sorted(counted.items(), key=lambda one: (-one[1], one[0]))]
