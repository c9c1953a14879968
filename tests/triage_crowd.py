"""A made-up locality for triage, of any size: practices, homes, and a week in which some records change."""

from __future__ import annotations

import random
from datetime import date, timedelta

from triage_town import AS_OF, Town, home, nhs, practice, resident, site

from frailty.site import Feed, Site

PRACTICES = ("Y90001", "Y90002", "Y90003")


def crowd(people: int, homes: int, seed: int = 7) -> tuple[Town, Site]:
    """The tables of the first night, and the site. A third of the people are 65 or older; bands as in a coastal town."""
    chance, town = random.Random(seed), Town()
    lists: list[list[int]] = [[] for _ in range(homes)]
    born: dict[int, date] = {}
    for person in range(1, people + 1):
        age = chance.choice((chance.randint(0, 64), chance.randint(0, 64), chance.randint(65, 99)))
        old = max(0, age - 60) / 40
        band = chance.choices(("fit", "mild", "moderate", "severe"), (3, 2 * old, old, old * old / 2))[0] if age >= 65 else "fit"
        born[person] = date(AS_OF.year - age - 1, chance.randint(1, 12), chance.randint(1, 28))
        seen = AS_OF - timedelta(days=int(chance.expovariate(1 / 120)))
        more = {"birth_date": born[person], "practice": chance.choice(PRACTICES), "sex": chance.choice(("female", "male")),
                "imd_quintile": chance.randint(1, 5), "ethnicity": chance.choice(("A", "A", "A", "A", "H", "M", None)),
                "last_entry_on": seen, "last_contact_on": seen}
        if chance.random() < 0.004:
            more |= {"death_status": "formal", "deceased_on": AS_OF - timedelta(days=chance.randint(1, 300))}
        elif chance.random() < 0.01:
            more["registered_to"] = AS_OF - timedelta(days=chance.randint(1, 300))
        if age >= 75 and chance.random() < 1 / 12 and homes:
            lists[person % homes].append(person)
            band = chance.choice(("moderate", "severe"))
            more |= {"practice": PRACTICES[person % homes % 3]}
        town.person(person, band, 3, **more)
        if age < 65 or chance.random() < 0.02:
            town.scores[person] |= {"efi_reviewed_status": "outside_population" if age < 65 else "not_assessable",
                                    "efi_reviewed_band": None, "efi_reviewed_points": None}
        if band == "severe" and chance.random() < 0.5:
            town.code(person, "care/frailty_severe", AS_OF - timedelta(days=chance.randint(30, 900)))
            if chance.random() < 0.4:
                town.plan(person, AS_OF - timedelta(days=chance.randint(10, 700)))
        town.medicines(person, chance.randint(3, 14) if band in ("moderate", "severe") else age // 40)
        events(town, chance, person, age, 0.1)
        if chance.random() < 0.004:
            town.insert("consent_as_of", person=person, kind="objection-profiling", decision="deny", recorded=date(2025, 1, 1))
    told = tuple(home(id=f"home-{n + 1}", name=f"House {n + 1}", practice=PRACTICES[n % 3], postcode=f"ZZ1 {n % 9}AA", residents=tuple(
        resident(f"Alice Example{person}", born[person], nhs_number=nhs(person), room=str(room),
                 admitted_on=AS_OF - timedelta(days=chance.randint(1, 900))) for room, person in enumerate(mine, 1)))
        for n, mine in enumerate(lists))
    return town, site(practices=tuple(practice(one) for one in PRACTICES), homes=told,
                      feeds=(Feed("gp", "gp", PRACTICES), Feed("hospital", "hospital")))


def week(town: Town, seed: int = 8) -> None:
    """Seven days on: one person in 500 of those with a band falls ill, and one in 80 becomes frailer, with new medicines."""
    chance = random.Random(seed)
    town.next_day(7)
    bands = ("fit", "mild", "moderate", "severe", "severe")
    for person, score in town.scores.items():
        if score["efi_reviewed_band"]:
            if chance.random() < 0.012:
                score["efi_reviewed_band"] = bands[bands.index(score["efi_reviewed_band"]) + 1]
                town.medicines(person, chance.randint(3, 14))
            events(town, chance, person, 80, 0.002)


def events(town: Town, chance: random.Random, person: int, age: int, share: float) -> None:
    """Falls and stays of an older person within the last days or months."""
    if age >= 65 and chance.random() < share:
        on = town.as_of - timedelta(days=int(chance.random() * 1000 * share))
        if chance.random() < 0.5:
            town.code(person, "efi/falls", on)
        else:
            town.stay(person, on, on + timedelta(days=3) if chance.random() < 0.8 else None)
