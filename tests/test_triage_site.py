"""site.toml and the homes' own lists."""

from datetime import date
from pathlib import Path

import pytest

from frailty.errors import SiteError
from frailty.sheets import read_day
from frailty.site import PracticeInfo, load_site

GOOD = """
[site]
name = "Harbour and Downs"
[[practice]]
ods = "Y90001"
name = "Harbour Surgery"
mdt_day = "wednesday"
mdt_slots = 8
[[home]]
id = "home-1"
name = "Seaview House"
practice = "Y90001"
round_day = "Tuesday"
residents = "homes/home-1.csv"
[[feed]]
name = "harbour-gp"
kind = "gp"
practices = ["Y90001"]
expected_days = 1
since = "2015-01-01"
[[request]]
nhs_number = "999 000 0018"
asked_by = "Nurse C"
asked_on = "2026-11-20"
reason = "worried"
[settings]
mdt_slots = 10
[sign-off]
safety_officer = "Dr S"
"""
LIST = (
    "\ufeffRoom,Name,Birth date,NHS number,Admitted on,Requested\r\n"
    '12,"EXAMPLE, Alice",05/06/1934,999 000 0018,2026-11-09,yes\r\n'
    "\r\n"
    "3,Bob,not known,,,\r\n"
)


def write(tmp_path: Path, text: str = GOOD, homes: str = LIST) -> Path:
    (tmp_path / "homes").mkdir(exist_ok=True)
    (tmp_path / "homes" / "home-1.csv").write_bytes(homes.encode("utf-8"))
    file = tmp_path / "site.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_whole_site(tmp_path: Path) -> None:
    site = load_site(write(tmp_path))
    assert site.practices[0].mdt_day == "Wednesday"
    assert site.requests[0].nhs_number == "9990000018"
    assert site.requests[0].audience == "practice"
    assert site.feeds[0].since == date(2015, 1, 1)
    assert site.settings == {"mdt_slots": 10}
    first, second = site.homes[0].residents
    assert (first.room, first.birth_date, first.requested) == ("12", date(1934, 6, 5), True)
    assert (second.name, second.birth_date, second.nhs_number) == ("Bob", None, "")
    assert site.homes[0].keeps_list


def test_without_a_site_practices_come_from_the_records() -> None:
    site = load_site(None).with_practices(["Y2", "Y1"])
    assert [one.ods for one in site.practices] == ["Y1", "Y2"]
    assert site.with_practices([PracticeInfo("Y3", "Three")]).practices == site.practices


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "gp"', 'kind = "pg"', "did you mean “gp”"),
        ("mdt_slots = 8", "mdt_slot = 8", "did you mean “mdt_slots”"),
        ("mdt_slots = 8", 'mdt_slots = "8"', "must be a whole number"),
        ("wednesday", "wensday", "did you mean “Wednesday”"),
        ('ods = "Y90001"\n', "", "`ods` is missing"),
        ('practice = "Y90001"', 'practice = "Y9001"', "did you mean “Y90001”"),
        ("999 000 0018", "999 000 001", "ten digits"),
        ('asked_on = "2026-11-20"', 'asked_on = "20th Nov"', "2026-11-22"),
        ('id = "home-1"', 'id = "../home"', "names a folder"),
        ("[[feed]]", "[[fed]]", "did you mean “feed”"),
        ("homes/home-1.csv", "homes/none.csv", "cannot be read"),
        ("[site]", "[site", "not valid TOML"),
        ("[settings]", '[[practice]]\nods = "Y90001"\n[settings]', "Two [[practice]]"),
    ],
)
def test_errors_say_where_and_how_to_mend(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(SiteError) as error:
        load_site(write(tmp_path, GOOD.replace(old, new)))
    assert says in error.value.text()
    assert "where:" in error.value.text()


def test_a_home_list_without_a_needed_column(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="birth_date"):
        load_site(write(tmp_path, homes="room,name,dob\n1,A B,1930-01-01\n"))


def test_a_site_that_is_not_there() -> None:
    with pytest.raises(SiteError, match="not found"):
        load_site("nowhere/site.toml")


def test_days_as_people_write_them() -> None:
    assert read_day("2026-11-22") == read_day("22/11/2026") == read_day("22.11.2026") == date(2026, 11, 22)
    assert read_day("31/02/2026") is None
    assert read_day("soon") is None
