"""The round trip from outside: a night, its worklist filled in, the next night with --outcomes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from nightly_town import AS_OF, NEXT, Place, content, tree
from openpyxl import load_workbook

from frailty.cli import main

SEEN = "Seen or discussed: no change needed"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def cells(path: Path) -> tuple[Any, Any, int, dict[str, int]]:
    """Workbook, sheet, the row of the headings, heading -> column."""
    book = load_workbook(path)
    worksheet = book["Worklist"]
    head = next(cell.row for column in worksheet.iter_cols() for cell in column if cell.value == "Outcome")
    return book, worksheet, head, {str(cell.value): cell.column for cell in worksheet[head] if cell.value}


def filled(place: Place, folder: Path, practice: str = "Y90001") -> tuple[Path, str]:
    """The practice's worklist with an outcome in the first row of the MDT pack; and whom that is about."""
    folder.mkdir(exist_ok=True)
    book, worksheet, head, at = cells(place.out / "practice" / practice / "worklist.xlsx")
    row = next(row for row in range(head + 1, worksheet.max_row + 1)
               if worksheet.cell(row, at["List"]).value == "Five-minute note reviews")
    for title, value in (("Outcome", SEEN), ("Date", AS_OF), ("By", "Dr A")):
        worksheet.cell(row, at[title]).value = value
    path = folder / f"{practice}.xlsx"
    book.save(path)
    return path, str(worksheet.cell(row, at["NHS number"]).value)


def test_the_next_night_leaves_them_out_and_says_why(place: Place, tmp_path: Path) -> None:
    path, number = filled(place, tmp_path / "filled")
    result = place.night(outcomes=(path.parent,), scores=("efi",))
    assert result.exit_code == 0
    listed = [row for row in rows(place.out / "practice/Y90001/worklist.csv") if row["nhs_number"] == number]
    assert {row["section"] for row in listed if row["list"] == "Five-minute note reviews"} == {"came off", "decided"}
    assert all(SEEN in row["why_now"] for row in listed if row["section"] == "decided")
    page = (place.out / "practice/Y90001/worklist.html").read_text(encoding="utf-8")
    assert "Decided: not listed again yet" in page and "Dr A" in page
    told = json.loads((place.out / "run.json").read_text(encoding="utf-8"))["outcomes"]
    assert (told["rows_filled"], told["decisions_kept"], told["to_mend"]) == (1, 1, [])
    assert list(told["files"]) == ["Y90001.xlsx"] and len(told["files"]["Y90001.xlsx"]["sha256"]) == 64
    (row,) = [one for one in rows(place.out / "data/feedback.csv") if one["rule"] == "MDT-01" and one["answered"] != "0"]
    assert (row["answered"], row["labels"]) == ("1", "0") and "too few" in row["note"]
    assert number.replace(" ", "") not in (place.out / "data/feedback.csv").read_text(encoding="utf-8")
    kept = content(place.store)["decision"]
    assert len(kept) == 1
    before = tree(place.out)
    assert place.night(outcomes=(path.parent,), scores=("efi",)).exit_code == 0          # the same night once more, file and all
    assert tree(place.out) == before and len(content(place.store)["decision"]) == 1
    place.night(scores=("efi",))                                                       # and without the file: the store remembers
    after = {name: data for name, data in tree(place.out).items() if name != "run.json"}
    assert after == {name: data for name, data in before.items() if name != "run.json"}


def test_a_bad_row_is_named_and_the_run_ends_with_three(place: Place, tmp_path: Path) -> None:
    path, _ = filled(place, tmp_path)
    book, worksheet, head, at = cells(path)
    other = next(row for row in range(head + 1, worksheet.max_row + 1) if not worksheet.cell(row, at["Outcome"]).value)
    worksheet.cell(other, at["Outcome"]).value = "Sene"
    book.save(path)
    result = place.night(outcomes=(path,), scores=("efi",))
    assert result.exit_code == 3
    assert any(f"Y90001.xlsx, sheet Worklist, row {other}, column Outcome" in one for one in result.troubles)
    (bad, *_) = rows(place.out / "hub/to_mend.csv")
    assert (bad["row"], bad["column"]) == (str(other), "Outcome") and "choose" in bad["mend"]
    assert len(content(place.store)["decision"]) == 1                # the good row was kept
    assert "row" in (place.out / "status.txt").read_text(encoding="utf-8")


def test_a_path_that_is_not_there_changes_nothing(place: Place, tmp_path: Path, capsys: Any) -> None:
    before = tree(place.out)
    told = ["nightly", *place.records, "--site", str(place.site), "--out", str(place.out), "--as-of", NEXT.isoformat()]
    assert main([*told, "--purpose", "direct-care", "--outcomes", str(tmp_path / "none.xlsx")]) == 1
    assert "check --outcomes" in capsys.readouterr().err
    assert main([*told, "--purpose", "research", "--outcomes", str(tmp_path)]) == 1
    assert tree(place.out) == before


def test_without_outcomes_nothing_is_said_of_them(first_night: Place) -> None:
    assert not (first_night.out / "data/feedback.csv").exists()
    assert content(first_night.store)["decision"] == []
