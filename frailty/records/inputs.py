"""The site's own tables: products, and numbers per person that no record holds, such as the IMD score of an address."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from frailty.errors import SiteError
from frailty.site import Site
from frailty.terminology import site_products
from frailty.terminology.tables import read_rows

Inputs = dict[str, dict[str, float]]        # name -> patient_id -> number


def read_inputs(path: Path, known: Collection[str]) -> Inputs:
    """The numbers of a CSV with the column patient_id and one column an input; an empty cell is not known.

    known: the inputs that scores read. Raises SiteError with file, line and column; no cell is shown, for it may name a person.
    """
    found: Inputs = {}
    lines: dict[str, int] = {}
    if path.is_file() and "patient_id" not in path.read_text("utf-8-sig", "replace").partition("\n")[0]:
        raise SiteError("The first line is no header with patient_id.", where=f"{path}:1",
                        mend="begin the file with patient_id,NAME; the names are: " + ", ".join(sorted(known)))
    for line, row in read_rows(path, ("patient_id",), tuple(sorted(known)), SiteError):
        person = row.pop("patient_id")
        where = f"{path}:{line}, column"
        if not person:
            raise SiteError("A row names no person.", where=f"{where} patient_id", mend="write the patient_id as scores.csv has it")
        if person in lines:
            raise SiteError(f"The person of line {lines[person]} stands here again.", where=f"{where} patient_id",
                            mend="keep one of the rows")
        lines[person] = line
        for name, cell in row.items():
            number = _number(cell)
            if cell and not math.isfinite(number):
                raise SiteError("A cell is not a number.", where=f"{where} {name}",
                                mend="write it with a point, such as 21.5; 1 for yes and 0 for no; empty = not known")
            found.setdefault(name, {})[person] = number
    return found


def read_tables(site: Site, known: Collection[str]) -> tuple[dict[str, Any], set[str]]:
    """Name, hash and rows of each table, and whom the inputs name. Raises SiteError with file, line and column."""
    named = {one for given in read_inputs(site.inputs, known).values() for one in given} if site.inputs else set()
    rows = {"medicines": len(site_products(site.medicines)) if site.medicines else 0, "inputs": len(named)}
    return {name: {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "rows": rows[name]}
            for name, path in (("medicines", site.medicines), ("inputs", site.inputs)) if path}, named


def not_in_records(tables: dict[str, Any], lost: Collection[str]) -> list[str]:
    """Counts in `tables` those of the inputs who are not in the records; a trouble where that is everybody."""
    if "inputs" not in tables:
        return []
    told = tables["inputs"]
    told["not_in_records"] = len(lost)
    whole = lost and len(lost) == told["rows"]
    return [f"{told['file']}: nobody in it is in the records; write the ids of scores.csv"] if whole else []


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
