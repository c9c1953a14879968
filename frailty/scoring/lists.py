"""Code lists and quantities that scorecards name, matched against a table of concepts, each once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from frailty.errors import DefinitionError, nearest
from frailty.records.arrays import Int32, answer_numbers
from frailty.scoring.definitions import Evidence, Scorecard

if TYPE_CHECKING:
    from frailty.terminology import Codelist, ConceptIndex, Ladder
    from frailty.terminology.codelists import Rows

Limited = tuple[Int32, float | None, float | None, float | None]    # concepts, within years, youngest, oldest
SUBSTANCE, BNF = "substance", "https://www.nhsbsa.nhs.uk/bnf"


class Lists:
    """The code lists of a plan."""

    def __init__(self, systems: Sequence[str], codes: Sequence[str], rules: Path | None, ladder: Ladder | None) -> None:
        from frailty.terminology import ConceptIndex
        self.rules, self.size, self.ladder = rules, len(codes), ladder
        self.index = ConceptIndex(systems, codes)
        self.lists: dict[str, Codelist] = {}
        self.found: dict[tuple[str, str, bool], list[Limited]] = {}
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
            for (years, youngest, oldest), code in codelist.limits.items():
                for limit in (years and years * 12, youngest, oldest):
                    if limit is not None and (limit % 1 or limit < 0):
                        raise DefinitionError(f"The code list '{name}' limits '{code}' to a part of a year or month.",
                                              why="years back are counted in months, ages in completed years",
                                              where=f"rules/codelists/{name}.csv")
            self.lists[name] = codelist
        return self.lists[name]

    def waits_for(self, card: Scorecard) -> str:
        """The first of the lists that the site must fill and that is empty; '' = none."""
        from frailty.terminology import load_codelist
        return next((name for name in card.codes_from_site if not load_codelist(name, self.rules).entries), "")

    def concepts(self, e: Evidence) -> list[Limited]:
        """The concepts that a code list, or one category of it, holds, by the limits of its rows."""
        key = (e.codes, e.category, e.without_caution)
        if key not in self.found:
            self.found[key] = [(self._match(e.codes, rows), *limits)
                               for limits, rows in self.load(e.codes).parts(e.category, e.without_caution)]
        return self.found[key]

    def _match(self, name: str, rows: Rows) -> Int32:
        """Concepts that rows of a list mean by their own code, by their substance or by their BNF code."""
        found = np.flatnonzero(self.index.match(rows))
        if self.names_medicines(name):
            place, index = self.medicines
            found = np.union1d(found, place[index.match(rows)])
        return found.astype(np.int32)

    def names_medicines(self, name: str) -> bool:
        """Does a code list name substances or BNF codes?"""
        return bool(name) and not {SUBSTANCE, BNF}.isdisjoint(self.load(name).systems)

    @cached_property
    def medicines(self) -> tuple[Int32, ConceptIndex]:
        """Substances and BNF codes as concepts of their own, and the concept that each belongs to."""
        from frailty.terminology import ConceptIndex, parts_of
        rows: list[tuple[int, str, str]] = []
        if self.ladder:
            for c, (substance, rung, bnf) in enumerate(zip(self.ladder.substance, self.ladder.rung, self.ladder.bnf, strict=True)):
                rows += [(c, SUBSTANCE, part) for part in parts_of(self.ladder.names[substance])] if rung in (1, 2) else []
                rows += [(c, BNF, bnf)] if bnf else []
        return np.array([c for c, _, _ in rows], np.int32), ConceptIndex([s for _, s, _ in rows], [code for _, _, code in rows])

    def limits_age(self, e: Evidence) -> bool:
        """Does a row of its code list ask how old the person was?"""
        return e.source in ("coded", "issue") and bool(e.codes) and e.codes in self.lists and any(
            youngest is not None or oldest is not None for _, youngest, oldest in self.load(e.codes).limits)

    def answers(self, e: Evidence) -> dict[str, float]:
        """category -> number of the answers that count."""
        entries = self.load(e.answers).entries
        numbers = answer_numbers([row.category for row in entries])
        if e.category and e.category not in numbers:
            raise DefinitionError(f"The list of answers '{e.answers}' has no category '{e.category}'.",
                                  where=f"rules/codelists/{e.answers}.csv", mend=nearest(e.category, numbers))
        return numbers

    def quantity(self, evidence: Evidence, card: Scorecard) -> str:
        """The name of the quantity whose codes the evidence names; "question=answers" for answers."""
        from frailty.terminology import load_quantities
        if evidence.source == "answer":
            self.load(evidence.codes)
            self.answers(evidence)
            return f"{evidence.codes}={evidence.answers}"
        quantities = load_quantities(self.rules)
        for quantity in quantities:
            if quantity.codes == evidence.codes:
                if evidence.unit and evidence.unit != quantity.unit:
                    raise DefinitionError(
                        f"The score '{card.id}' counts '{evidence.codes}' in {evidence.unit}.", where=card.file,
                        why=f"its canonical unit is {quantity.unit}",
                        mend=f'unit = "{quantity.unit}", with cut points in it')
                codelist = self.load(evidence.codes)
                if any(limit is not None for limits in codelist.limits for limit in limits):
                    raise DefinitionError(f"The code list '{evidence.codes}' of a quantity limits years or ages.",
                                          where=f"rules/codelists/{evidence.codes}.csv",
                                          mend="say it in the evidence: within, where = { age_at_event = { ... } }")
                self.cautioned |= self.index.match(codelist.cautioned)
                return quantity.name
        raise DefinitionError(f"The score '{card.id}' counts values of '{evidence.codes}', which is not a quantity.",
                              where=card.file, why="no row of rules/quantities.csv has it in its column 'codes'",
                              mend=nearest(evidence.codes, [q.codes for q in quantities]))

    def check_categories(self, card: Scorecard, name: str, ids: tuple[str, ...]) -> None:
        """A code list and its table of weights must have the same categories: nothing may drop out silently."""
        categories = list(dict.fromkeys(e.category for e in self.load(name).entries))
        for some, other, text in ((ids, categories, "has no code for"), (categories, ids, "has no points for")):
            for id in some:
                if id not in other:
                    raise DefinitionError(
                        f"The score '{card.id}' {text} '{id}'.", where=card.file,
                        why=f"the categories of the code list '{name}' and the keys of its weights differ",
                        mend=nearest(id, other))
