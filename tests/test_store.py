"""The store: a delta equals a full load, what comes late mends what came early, and any past load can be replayed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from nightly_town import (
    Night,
    Resource,
    answers,
    coding,
    condition,
    encounter,
    load,
    medicines,
    order,
    patient,
    version,
)

GP, HOSPITAL = "harbour-gp", "hospital"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
FIRST, SECOND, THIRD = "2026-11-20T01:00:00Z", "2026-11-21T01:00:00Z", "2026-11-22T01:00:00Z"


@dataclass
class Story:
    """Three nights of one or two people. What is `late` comes in a delta only: in a full export it is long replaced."""

    id: str
    nights: list[Night] = field(default_factory=lambda: [{GP: [], HOSPITAL: []} for _ in range(3)])
    late: list[Night] = field(default_factory=lambda: [{GP: [], HOSPITAL: []} for _ in range(3)])
    gone: list[list[tuple[str, str, str]]] = field(default_factory=lambda: [[], [], []])

    def send(
        self, night: int, resource: Resource, source: str = GP, updated: str | None = "", number: int = 1
    ) -> None:
        """Arrives on that night (0, 1, 2), and stands in every full export from then on."""
        updated = (FIRST, SECOND, THIRD)[night] if updated == "" else updated
        self.nights[night][source].append(version(resource, updated, number))

    def send_late(self, night: int, resource: Resource, updated: str, number: int = 1) -> None:
        self.late[night][GP].append(version(resource, updated, number))

    def drop(self, night: int, kind: str, ident: str, source: str = GP) -> None:
        self.gone[night].append((source, kind, ident))

    def person(self, ident: str, number: int, source: str = GP, night: int = 0, **more: Any) -> None:
        self.send(
            night, patient(ident, number, "Y90001" if source == GP else None, "1940-02-03", **more), source
        )


STORIES: list[Callable[[Story], None]] = []


def story(tell: Callable[[Story], None]) -> Callable[[Story], None]:
    STORIES.append(tell)
    return tell


def wrong(resource: Resource) -> Resource:
    return {**resource, "verificationStatus": {"coding": [{"code": "entered-in-error"}]}}


@story
def added(s: Story) -> None:
    s.person(s.id, 1)
    s.send(1, condition(f"{s.id}-1", s.id, coding("efi/falls")))


@story
def changed(s: Story) -> None:
    s.person(s.id, 2)
    s.send(0, condition(f"{s.id}-1", s.id, coding("efi/falls")))
    s.send(1, condition(f"{s.id}-1", s.id, coding("efi/diabetes")), number=2)
    s.send(2, condition(f"{s.id}-1", s.id, coding("efi/diabetes"), "2021-01-01"), number=3)


@story
def older_version_late(s: Story) -> None:
    s.person(s.id, 3)
    s.send(0, condition(f"{s.id}-1", s.id, coding("efi/falls")), updated="2026-11-19T00:00:00Z", number=2)
    s.send_late(1, condition(f"{s.id}-1", s.id, coding("efi/diabetes")), "2026-11-18T00:00:00Z")


@story
def lower_version_of_the_same_second(s: Story) -> None:
    s.person(s.id, 4)
    s.send(0, condition(f"{s.id}-1", s.id, coding("efi/falls")), updated="2026-11-19T00:00:00Z", number=10)
    s.send_late(1, condition(f"{s.id}-1", s.id, coding("efi/diabetes")), "2026-11-19T00:00:00Z", 9)


@story
def time_zones(s: Story) -> None:
    s.person(s.id, 5)
    s.send(0, condition(f"{s.id}-1", s.id, coding("efi/falls")), updated="2026-11-19T23:30:00Z")
    s.send_late(1, condition(f"{s.id}-1", s.id, coding("efi/diabetes")), "2026-11-20T00:15:00+01:00", 2)


@story
def entered_in_error(s: Story) -> None:
    s.person(s.id, 6)
    one = condition(f"{s.id}-1", s.id, coding("efi/falls"))
    s.send(0, one)
    s.send(0, condition(f"{s.id}-2", s.id, coding("efi/diabetes")))
    s.send(1, wrong(one), number=2)


@story
def entered_in_error_then_sent_again(s: Story) -> None:
    s.person(s.id, 7)
    one = condition(f"{s.id}-1", s.id, coding("efi/falls"))
    s.send(0, one)
    s.send(1, wrong(one), number=2)
    s.send_late(2, one, FIRST)


@story
def mistaken_mistake(s: Story) -> None:
    """The record was entered in error once, then put right: the right version is the newer one."""
    s.person(s.id, 8)
    one = condition(f"{s.id}-1", s.id, coding("efi/falls"))
    s.send(0, one, updated="2026-11-19T00:00:00Z", number=3)
    s.send_late(1, wrong(one), "2026-11-18T00:00:00Z", 2)


@story
def deleted(s: Story) -> None:
    s.person(s.id, 9)
    s.send(0, condition(f"{s.id}-1", s.id, coding("efi/falls")))
    s.drop(1, "Condition", f"{s.id}-1")


@story
def deleted_then_older(s: Story) -> None:
    s.person(s.id, 10)
    one = condition(f"{s.id}-1", s.id, coding("efi/falls"))
    s.send(0, one, number=2)
    s.drop(1, "Condition", f"{s.id}-1")
    s.send_late(2, {**one, "onsetDateTime": "2019-01-01"}, "2026-11-10T00:00:00Z")


@story
def deleted_then_made_again(s: Story) -> None:
    s.person(s.id, 11)
    s.send(0, condition(f"{s.id}-1", s.id, coding("efi/falls")))
    s.drop(1, "Condition", f"{s.id}-1")
    s.send(2, condition(f"{s.id}-1", s.id, coding("efi/falls")), number=5)


@story
def only_its_version_is_new(s: Story) -> None:
    s.person(s.id, 12)
    s.send(0, condition(f"{s.id}-1", s.id, coding("efi/falls")))
    s.send(1, condition(f"{s.id}-1", s.id, coding("efi/falls")), number=3)
    s.send_late(2, condition(f"{s.id}-1", s.id, coding("efi/diabetes")), "2026-11-20T12:00:00Z", 2)


@story
def filed_under_another(s: Story) -> None:
    s.person(s.id, 13)
    s.person(f"{s.id}-other", 14)
    s.send(0, condition(f"{s.id}-1", f"{s.id}-other", coding("efi/falls")))
    s.send(1, condition(f"{s.id}-1", s.id, coding("efi/falls")), number=2)


@story
def patient_late(s: Story) -> None:
    s.send(0, condition(f"{s.id}-1", s.id, coding("efi/falls")))
    s.send(0, encounter(f"{s.id}-e", f"{s.id}-h", "2026-03-01", "2026-03-09"), HOSPITAL)
    s.send(
        0,
        condition(
            f"{s.id}-f",
            f"{s.id}-h",
            {"system": ICD10, "code": "F05"},
            "2026-03-02",
            encounter={"reference": f"Encounter/{s.id}-e"},
        ),
        HOSPITAL,
    )
    s.person(s.id, 15, night=1)
    s.person(f"{s.id}-h", 15, HOSPITAL, night=2)


@story
def encounter_late_for_a_date(s: Story) -> None:
    s.person(s.id, 16)
    s.send(
        0,
        condition(
            f"{s.id}-1", s.id, coding("efi/falls"), None, encounter={"reference": f"Encounter/{s.id}-e"}
        ),
    )
    s.send(1, encounter(f"{s.id}-e", s.id, "2024-05-05", "2024-05-06", "AMB", None))


@story
def encounter_late_for_a_stay(s: Story) -> None:
    s.person(s.id, 17)
    s.person(f"{s.id}-h", 17, HOSPITAL)
    s.send(
        0,
        condition(
            f"{s.id}-f",
            f"{s.id}-h",
            {"system": ICD10, "code": "F05"},
            "2026-03-02",
            encounter={"reference": f"Encounter/{s.id}-e"},
        ),
        HOSPITAL,
    )
    s.send(1, encounter(f"{s.id}-e", f"{s.id}-h", "2026-03-01", "2026-03-09"), HOSPITAL)


@story
def encounter_that_names_the_diagnosis_late(s: Story) -> None:
    s.person(s.id, 18)
    s.send(0, condition(f"{s.id}-1", s.id, coding("efi/falls"), None))
    s.send(
        1,
        encounter(
            f"{s.id}-e",
            s.id,
            "2024-05-05",
            "2024-05-06",
            "AMB",
            None,
            diagnosis=[{"condition": {"reference": f"Condition/{s.id}-1"}}],
        ),
    )


@story
def encounter_changed(s: Story) -> None:
    s.person(s.id, 19)
    s.send(
        0,
        condition(
            f"{s.id}-1", s.id, coding("efi/falls"), None, encounter={"reference": f"Encounter/{s.id}-e"}
        ),
    )
    s.send(0, encounter(f"{s.id}-e", s.id, "2024-05-05", None))
    s.send(1, encounter(f"{s.id}-e", s.id, "2024-04-04", None), number=2)
    s.send(2, encounter(f"{s.id}-e", s.id, "2024-04-04", "2024-04-30", method="11"), number=3)


@story
def encounter_deleted(s: Story) -> None:
    s.person(s.id, 20)
    s.send(
        0,
        condition(
            f"{s.id}-1", s.id, coding("efi/falls"), None, encounter={"reference": f"Encounter/{s.id}-e"}
        ),
    )
    s.send(
        0,
        condition(f"{s.id}-2", s.id, coding("efi/diabetes"), encounter={"reference": f"Encounter/{s.id}-e"}),
    )
    s.send(0, encounter(f"{s.id}-e", s.id, "2024-05-05", "2024-05-06"))
    s.drop(1, "Encounter", f"{s.id}-e")


def by_reference(ident: str, subject: str, target: str) -> Resource:
    made = {
        **order(ident, subject, "", "2026-10-10"),
        "medicationReference": {"reference": f"Medication/{target}"},
    }
    del made["medicationCodeableConcept"]
    return made


def medicine(ident: str, name: str) -> Resource:
    return {
        "resourceType": "Medication",
        "id": ident,
        "code": {"coding": [{"system": "https://dmd.nhs.uk", "code": f"m-{name}", "display": name}]},
    }


@story
def medication_late(s: Story) -> None:
    s.person(s.id, 21)
    for place, name in enumerate(medicines()[:4]):
        s.send(0, order(f"{s.id}-{place}", s.id, name, "2026-10-10"))
    s.send(0, by_reference(f"{s.id}-ref", s.id, f"{s.id}-med"))
    s.send(1, medicine(f"{s.id}-med", medicines()[5]))


@story
def medication_changed_then_deleted(s: Story) -> None:
    s.person(s.id, 22)
    for place, name in enumerate(medicines()[:4]):
        s.send(0, order(f"{s.id}-{place}", s.id, name, "2026-10-10"))
    s.send(0, by_reference(f"{s.id}-ref", s.id, f"{s.id}-med"))
    s.send(0, medicine(f"{s.id}-med", medicines()[0]))
    s.send(1, medicine(f"{s.id}-med", medicines()[6]), number=2)
    s.drop(2, "Medication", f"{s.id}-med")


@story
def name_of_a_medicine_late(s: Story) -> None:
    s.person(s.id, 23)
    names = medicines()
    for place in range(5):
        one = order(f"{s.id}-{place}", s.id, names[place], "2026-10-10")
        one["medicationCodeableConcept"] = {
            "coding": [{"system": "https://dmd.nhs.uk", "code": f"{s.id}-{place % 2}"}]
        }
        s.send(0, one)
    named = order(f"{s.id}-5", s.id, names[0], "2026-10-11")
    named["medicationCodeableConcept"] = {
        "coding": [{"system": "https://dmd.nhs.uk", "code": f"{s.id}-1", "display": names[1]}]
    }
    s.send(1, named)


@story
def second_coding_later(s: Story) -> None:
    """Which of two codings of a record is named does not hang on which of them was met first."""
    s.person(s.id, 24)
    low, high = sorted((coding("efi/falls", 0), coding("efi/falls", 5)), key=lambda one: str(one["code"]))
    s.send(0, condition(f"{s.id}-1", s.id, high))
    both = condition(f"{s.id}-1", s.id, high)
    both["code"]["coding"].append({**low, "code": low["code"]})
    s.send(1, both, number=2)


@story
def linked_later(s: Story) -> None:
    s.person(s.id, 25)
    s.send(0, patient(f"{s.id}-h", 25, None, "1941-01-01"), HOSPITAL)
    s.send(0, encounter(f"{s.id}-e", f"{s.id}-h", "2026-03-01", "2026-03-09"), HOSPITAL)
    s.send(
        0,
        condition(
            f"{s.id}-f",
            f"{s.id}-h",
            {"system": ICD10, "code": "F05"},
            None,
            encounter={"reference": f"Encounter/{s.id}-e"},
        ),
        HOSPITAL,
    )
    s.send(1, patient(f"{s.id}-h", 25, None, "1940-02-03"), HOSPITAL, number=2)


@story
def unlinked_later(s: Story) -> None:
    s.person(s.id, 26)
    s.person(f"{s.id}-h", 26, HOSPITAL)
    s.send(0, encounter(f"{s.id}-e", f"{s.id}-h", "2026-03-01", "2026-03-09"), HOSPITAL)
    s.send(
        0,
        condition(
            f"{s.id}-f",
            f"{s.id}-h",
            {"system": ICD10, "code": "F05"},
            None,
            encounter={"reference": f"Encounter/{s.id}-e"},
        ),
        HOSPITAL,
    )
    s.send(1, patient(f"{s.id}-h", 26, None, "1941-01-01"), HOSPITAL, number=2)


@story
def patient_deleted(s: Story) -> None:
    s.person(s.id, 27)
    s.person(f"{s.id}-h", 27, HOSPITAL)
    s.send(0, condition(f"{s.id}-1", s.id, coding("efi/falls")))
    s.send(0, encounter(f"{s.id}-e", f"{s.id}-h", "2026-03-01", "2026-03-09"), HOSPITAL)
    s.send(
        0,
        condition(
            f"{s.id}-f",
            f"{s.id}-h",
            {"system": ICD10, "code": "F05"},
            None,
            encounter={"reference": f"Encounter/{s.id}-e"},
        ),
        HOSPITAL,
    )
    s.drop(1, "Patient", f"{s.id}-h", HOSPITAL)


@story
def left_altogether(s: Story) -> None:
    """Somebody who is gone from every source is replayed all the same."""
    s.person(s.id, 28)
    s.person(f"{s.id}-g", 29)
    s.send(0, condition(f"{s.id}-1", f"{s.id}-g", coding("efi/falls")))
    s.drop(1, "Condition", f"{s.id}-1")
    s.drop(1, "Patient", f"{s.id}-g")


IDS = [tell.__name__ for tell in STORIES]
IDENTITY = ("linked_later", "unlinked_later")  # who is who is always told as of today


@dataclass
class Told:
    """What each way of loading the three nights says of everybody."""

    deltas: dict[str, list[str]]
    fulls: dict[str, list[str]]
    last_alone: dict[str, list[str]]
    first_alone: dict[str, list[str]]
    replayed_first: dict[str, list[str]]
    second_alone: dict[str, list[str]]
    replayed_second: dict[str, list[str]]
    balanced: bool


def exports(stories: list[Story]) -> tuple[list[Night], list[Night]]:
    """Three full exports, and three deltas (the first is the first export)."""
    fulls, deltas = [], []
    now: dict[str, dict[tuple[str, str], Resource]] = {GP: {}, HOSPITAL: {}}
    for night in range(3):
        delta: Night = {GP: [], HOSPITAL: []}
        for one in stories:
            for source in now:
                for resource in one.nights[night][source]:
                    now[source][resource["resourceType"], resource["id"]] = resource
                delta[source] += one.nights[night][source] + one.late[night][source]
            for source, kind, ident in one.gone[night]:
                del now[source][kind, ident]
                delta[source].append(
                    {
                        "resourceType": "Bundle",
                        "type": "transaction",
                        "entry": [{"request": {"method": "DELETE", "url": f"{kind}/{ident}"}}],
                    }
                )
        fulls.append({source: list(rows.values()) for source, rows in now.items()})
        deltas.append(delta)
    return fulls, deltas


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    from frailty.records.store import connect

    folder = tmp_path_factory.mktemp("stories")
    stories = [Story(tell.__name__) for tell in STORIES]
    for one, tell in zip(stories, STORIES, strict=True):
        tell(one)
    fulls, deltas = exports(stories)
    books = []

    def store(*nights: tuple[Night, str]) -> Any:
        con = connect()
        for night, mode in nights:
            books.extend(load(con, folder, night, mode))
        return con

    by_delta = store((fulls[0], "full"), (deltas[1], "delta"), (deltas[2], "delta"))
    return Told(
        answers(by_delta),
        answers(store(*((night, "full") for night in fulls))),
        answers(store((fulls[2], "full"))),
        answers(store((fulls[0], "full"))),
        answers(by_delta, at_load=1),
        answers(store((fulls[1], "full"))),
        answers(by_delta, at_load=2),
        all(
            one.balanced() and min((n for row in one.types.values() for n in row.values()), default=0) >= 0
            for one in books
        ),
    )


def of(story: str, said: dict[str, list[str]]) -> dict[str, list[str]]:
    return {person: lines for person, lines in said.items() if person.split("-")[0].split(":")[-1] == story}


@pytest.mark.parametrize("story", IDS)
def test_three_full_loads_equal_the_last_alone(story: str, told: Told) -> None:
    assert of(story, told.fulls) == of(story, told.last_alone)


@pytest.mark.parametrize("story", IDS)
def test_deltas_equal_the_last_full_load_alone(story: str, told: Told) -> None:
    assert of(story, told.deltas) == of(story, told.last_alone)


@pytest.mark.parametrize("story", [one for one in IDS if one not in IDENTITY])
def test_a_load_is_replayed_as_it_was_held(story: str, told: Told) -> None:
    assert of(story, told.replayed_first) == of(story, told.first_alone)
    assert of(story, told.replayed_second) == of(story, told.second_alone)


def test_stories_tell_something(told: Told) -> None:
    """Each story's people score differently somewhere, or the comparison would prove nothing."""
    assert told.deltas.keys() >= set(IDS)
    assert of("encounter_late_for_a_stay", told.first_alone) != of(
        "encounter_late_for_a_stay", told.last_alone
    )
    assert of("medication_late", told.first_alone) != of("medication_late", told.last_alone)
    assert "left_altogether-g" in told.first_alone and "left_altogether-g" not in told.deltas
    assert any("efi,falls" in line for line in told.deltas["encounter_changed"])
    assert not any("efi,falls" in line for line in told.deltas["entered_in_error_then_sent_again"])


def test_books_balance_and_nothing_is_counted_below_zero(told: Told) -> None:
    assert told.balanced
