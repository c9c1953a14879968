"""The pages and tables that people open."""

import csv
import io
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from triage_town import Town, home, nhs, practice, resident, rules_for, site

from frailty.reports.worklists import render_csv, render_page, safe_cell, spaced, write_worklists
from frailty.site import SIGNATURES, Request
from frailty.triage import Worklists

BORN = date(1935, 5, 6)
NASTY = '=HYPERLINK("http://x")<script>alert(1)</script>'


@pytest.fixture(scope="module")
def made() -> Worklists:
    """Two nights; the second has something new, changed, gone, waiting and unknown."""
    town = Town()
    for person in range(1, 16):
        town.person(person, "severe", 14)
        town.code(person, "care/frailty_severe", date(2025, 1, 1))
    for person in range(20, 23):
        town.person(person, "severe", 14, name=("Zoë O'Neill", NASTY, "Ann Lee")[person - 20])
        town.terms.append(
            {
                "patient_id": f"p{person}",
                "score": "efi_reviewed",
                "term": "falls",
                "first_on": date(2026, 3, 1),
            }
        )
    town.person(30, name="Mary Resident", birth_date=BORN, practice="Y90002")
    town.person(31)
    town.scores[31].update(efi_reviewed_status="not_assessable", efi_reviewed_band=None)
    town.medicines(40, 2)
    town.plan(town.person(40), date(2026, 1, 1))
    town.insert(
        "consent_as_of", person=40, kind="objection-profiling", decision="deny", recorded=date(2025, 1, 1)
    )
    row = resident("Mary Resident", BORN, nhs_number=nhs(30), room="3-4", admitted_on=date(2026, 11, 9))
    here = site(
        practices=(practice(name='Harbour & Downs "Surgery"'), practice("Y90002")),
        homes=(home(residents=(row,)),),
        requests=(Request(nhs(15), "Nurse C", date(2026, 11, 20), "+44 worried"),),
    )
    town.run(here)
    town.next_day()
    town.code(22, "care/frailty_severe", date(2026, 11, 23))
    town.plan(22, date(2026, 11, 23))
    return town.run(here, 2)


def page(made: Worklists, audience: str = "practice", page_id: str = "Y90001") -> str:
    return render_page(made, made.page(audience, page_id))


def rows(made: Worklists, audience: str = "practice", page_id: str = "Y90001") -> list[dict[str, str]]:
    text = render_csv(made, made.page(audience, page_id))
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


class Outline(HTMLParser):
    """Tags, headings and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.headings: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("h1", "h2", "h3"):
            self.headings.append("")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if any(tag in ("h1", "h2", "h3") for tag in self.open):
            self.headings[-1] += data


def test_top_of_the_page(made: Worklists) -> None:
    text = page(made)
    said = [
        "Decision support. A clinician decides.",
        "SHADOW",
        "Sources and their last complete run",
        "23 Nov 2026",
    ]
    said += ["could not be evaluated", "object to profiling", "came off", "Monday 23 November 2026"]
    assert all(one in text for one in said)
    assert 'data-valid-until="2026-11-24"' in text
    assert re.search(r'id="stale"[^>]*hidden', text)


def test_no_shadow_once_all_three_have_signed(made: Worklists) -> None:
    signed = replace(made, shadow="")
    assert "SHADOW" not in page(signed)
    assert "SHADOW" not in render_csv(signed, signed.page("practice", "Y90001"))
    assert set(SIGNATURES) == {"safety_officer", "ig_lead", "clinical_lead"}
    assert made.rules_hash == rules_for(site()).hash


def test_the_page_needs_nothing_else(made: Worklists) -> None:
    for one in made.pages:
        text = render_page(made, one)
        outline = Outline(text)
        assert not [tag for tag, _ in outline.tags if tag in ("link", "img", "iframe", "object")]
        assert not [
            value for _, attrs in outline.tags for name, value in attrs.items() if name in ("src", "onclick")
        ]
        assert all(attrs["href"].startswith("#") for tag, attrs in outline.tags if tag == "a")
        assert not re.search(r"https?://", text.replace("http://x", ""))


def test_names_are_escaped_everywhere(made: Worklists) -> None:
    text = page(made)
    assert "<script>alert" not in text
    assert "Zoë O&#39;Neill" in text
    assert text.count("<script>") == 1


def test_no_score_is_a_headline(made: Worklists) -> None:
    for one in made.pages:
        for heading in Outline(render_page(made, one)).headings:
            assert not re.search(r"of 36|0\.\d|\befi\b|deficit|points|probability|score of", heading, re.I), (
                heading
            )
    text = page(made)
    assert "falls (1 Mar 2026)" in text  # what it rests on stands below, with dates
    assert "severe frailty suggested by the records, not confirmed" in text.lower()


def test_a_home_page_names_no_points(made: Worklists) -> None:
    text = page(made, "home", "home-1")
    assert "deficits" not in text
    assert "OVERDUE by" in text
    assert "Alice Example" not in text


def test_pages_are_usable_by_keyboard_and_reader(made: Worklists) -> None:
    for one in made.pages:
        outline = Outline(render_page(made, one))
        tags = [tag for tag, _ in outline.tags]
        assert tags.count("h1") == tags.count("main") == 1
        assert ("html", {"lang": "en-GB"}) in outline.tags
        ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
        assert len(ids) == len(set(ids))
        assert all(attrs["href"][1:] in ids for tag, attrs in outline.tags if tag == "a")
        assert all("scope" in attrs for tag, attrs in outline.tags if tag == "th")
        assert any(tag == "label" and attrs.get("for") == "find" for tag, attrs in outline.tags)


def test_colours_contrast() -> None:
    css = (Path(__file__).parents[1] / "frailty/reports/templates/worklist.css").read_text()
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", css))

    def light(colour: str) -> float:
        parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for text in ("ink", "soft", "blue", "red"):
        for ground in ("#ffffff", colours["pale"], colours["amber"]):
            low, high = sorted((light(colours[text]), light(ground)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_csv_opens_in_excel_without_surprises(made: Worklists) -> None:
    text = render_csv(made, made.page("practice", "Y90001"))
    assert text.startswith("\ufefflist,")
    assert "\r\n" in text
    assert "\n" not in text.replace("\r\n", "")
    for row in rows(made):
        for cell in row.values():
            assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r")
        assert re.fullmatch(r"999 \d{3} \d{4}", row["nhs_number"])
    names = {row["name"] for row in rows(made)}
    assert "'" + NASTY in names
    assert any(row["why_now"].startswith("Asked because: +44") for row in rows(made))
    assert next(row["room"] for row in rows(made, "home", "home-1") if row["room"]) == "Room 3-4"


def test_csv_holds_everybody_on_the_page(made: Worklists) -> None:
    sections = [row["section"] for row in rows(made)]
    assert sections.count("waiting: no room") == 7
    assert len({row["name"] for row in rows(made) if row["section"] == "not evaluated"}) == 1
    assert sections.count("came off") == 1
    assert {row["as_of"] for row in rows(made)} == {"2026-11-23"}
    gone = next(row for row in rows(made) if row["section"] == "came off")
    assert gone["why_now"] == "severe frailty confirmed on 23 Nov 2026"


@pytest.mark.parametrize(
    ("value", "cell"),
    [("=1+1", "'=1+1"), ("+44 1632", "'+44 1632"), ("-2", "'-2"), ("@x", "'@x"), ("\tx", "'\tx"), ("\rx", "'\rx"),
     ("  =1", "'  =1"), ("plain", "plain"), (None, ""), ("01632960001", "'01632960001"), ("12345678901234567890",
     "'12345678901234567890"), ("1e5", "'1e5"), (date(2026, 11, 22), "2026-11-22"), (81, "81")],
)  # fmt: skip
def test_cells(value: Any, cell: str) -> None:
    assert safe_cell(value) == cell


def test_nhs_numbers_are_spaced() -> None:
    assert spaced("9990000018") == "999 000 0018"
    assert spaced("") == ""


def test_one_folder_for_each_audience(made: Worklists, tmp_path: Path) -> None:
    written = write_worklists(made, tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in written} == {
        f"{folder}/worklist.{kind}"
        for folder in ("practice/Y90001", "practice/Y90002", "home/home-1", "hub", "team/community", "team/navigator", "team/mental_health",
                       "team/liver")
        for kind in ("html", "csv", "xlsx")
    }
    inside = {path.parent.name: path.read_text(encoding="utf-8") for path in written if path.suffix == ".csv"}
    assert "Mary Resident" in inside["home-1"]
    assert "Mary Resident" not in inside["Y90001"]
    assert "Alice Example" not in inside["Y90002"] + inside["home-1"]


def test_a_strange_practice_code_stays_inside_its_folder(made: Worklists, tmp_path: Path) -> None:
    odd = replace(made.pages[0], id="../../etc/Y1")
    written = write_worklists(replace(made, pages=(odd,)), tmp_path)
    assert all(path.resolve().is_relative_to(tmp_path.resolve()) for path in written)


def test_an_empty_run_still_says_where_it_stands() -> None:
    text = page(Town().run(site()))
    assert "Nobody is on a list of this page today." in text
    assert "This is the first run" in text
