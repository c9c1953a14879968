"""Care homes: who lives there, and what codes, addresses and the homes' own lists say, which is not the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from frailty.synthetic.people import OPEN, REGISTERED, Bool, Int32, Int64, People
from frailty.synthetic.settings import PracticePlan, Settings

WEEKDAYS = ("Tuesday", "Thursday", "Wednesday", "Monday", "Friday")


@dataclass(frozen=True)
class HomePlan:
    """One home."""

    id: str
    name: str
    practice: int
    residents: int              # as many as it has now
    beds: int
    lead: str
    round_day: str
    phone: str
    address: str
    postcode: str


@dataclass
class Residence:
    """What is true of living in a home, and what each source says, as columns [people]."""

    admitted_on: Int32          # OPEN: no resident
    coded: Bool                 # a residence code stands in the GP record
    at_address: Bool            # the GP record holds the home's address
    address_home: Int32         # whose address (-1: none)
    listed: Bool                # stands on the list of the home they live in
    requested: Bool             # the home asks for them
    returned: Bool              # came back from hospital within the week
    former: Bool                # lived there once; the code stands
    address_only: Bool          # at the address, no resident
    second_list: Int32          # also on the list of this home (-1: none)
    dead_on_list: Int32         # dead, and on the list of this home (-1: none)


def home_plans(settings: Settings, people: int, homes: int, plans: list[PracticePlan]) -> list[HomePlan]:
    """The homes; each is looked after by one practice."""
    names = settings.words["home"]
    each = max(5, round(people * settings.number("homes.residents_per_1000") / 1000 / max(1, homes)))
    streets = settings.words["street"]
    found = []
    for index in range(homes):
        name = names[index % len(names)] + ("" if index < len(names) else f" {index // len(names) + 1}")
        found.append(HomePlan(
            id=f"home-{index + 1}", name=name, practice=index % len(plans), residents=each, beds=round(each * 1.08) + 1,
            lead=f"Sr {chr(65 + index % 26)} Example", round_day=WEEKDAYS[index % 5], phone=f"01632 96090{index % 10}",
            address=f"{name}, {index + 1} {streets[(index * 3) % len(streets)]} Parade",
            postcode=f"ZZ{index % 9 + 1} 9{'ABDEFGHJ'[index % 8]}Z"))
    return found


def settle(settings: Settings, rng: Generator, as_of: int, people: People, homes: list[HomePlan]) -> Residence:
    """Chooses the residents (before their deficits are drawn: they are frailer) and what each source says of them."""
    count = len(people)
    residence = _nobody(count)
    if not homes:
        return residence
    for index, home in enumerate(homes):
        _fill_home(settings, rng, as_of, people, index, home, residence)
    residents = np.flatnonzero(people.home >= 0)
    people.frailty[residents] += settings.number("latent.frailty_home")
    people.alone[residents] = False
    standing = as_of - residence.admitted_on[residents] > settings.number("homes.standing_days")
    for name, flag in (("code", residence.coded), ("address", residence.at_address)):
        share = np.where(standing, settings.number(f"homes.{name}_share"), settings.number(f"homes.{name}_share_new"))
        flag[residents] = rng.random(len(residents)) < share
    residence.address_home[residents] = np.where(residence.at_address[residents], people.home[residents], -1)
    residence.listed[residents] = rng.random(len(residents)) < settings.number("homes.listed_share")
    fresh = as_of - residence.admitted_on[residents] < 10
    residence.listed[residents[fresh]] = True
    _disagreements(settings, rng, people, homes, residents, residence)
    return residence


def _nobody(count: int) -> Residence:
    """No residents yet."""
    def no() -> Bool:
        return np.zeros(count, np.bool_)

    def none() -> Int32:
        return np.full(count, -1, np.int32)

    return Residence(admitted_on=np.full(count, OPEN, np.int32), coded=no(), at_address=no(), address_home=none(),
                     listed=no(), requested=no(), returned=no(), former=no(), address_only=no(), second_list=none(),
                     dead_on_list=none())


def _fill_home(settings: Settings, rng: Generator, as_of: int, people: People, index: int, home: HomePlan,
               residence: Residence) -> None:
    wanted = home.residents
    free = (people.status == REGISTERED) & (people.home < 0) & (people.moved_on == OPEN)
    young = round(wanted * settings.number("homes.under_65_share"))
    aligned = settings.number("homes.aligned_share")
    chosen, frailty = [], settings.number("homes.choice_frailty")
    for number, group, drive in ((young, free & (people.age >= 30) & (people.age < 65), frailty * people.frailty),
                                 (wanted - young, free & (people.age >= 65),
                                  settings.number("homes.choice_age") * (people.age - 75) + frailty * people.frailty)):
        pool = np.flatnonzero(group)
        near = np.where(people.practice[pool] == home.practice, np.log(aligned), np.log((1 - aligned) / 2))
        key = drive[pool] + near + rng.gumbel(size=len(pool))
        chosen.append(pool[np.argsort(-key, kind="stable")[:number]])
    who = np.concatenate(chosen)
    people.home[who] = index
    stay = rng.exponential(settings.number("homes.years_resident") * 365, len(who)).astype(np.int64) + 43
    fresh = rng.permutation(len(who))[:int(settings.number("homes.new_per_home"))]
    stay[fresh] = rng.integers(2, 9, len(fresh))
    residence.admitted_on[who] = as_of - stay
    asked = rng.permutation(len(who))[:int(settings.number("homes.requested_per_home"))]
    residence.requested[who[asked]] = True


def _disagreements(settings: Settings, rng: Generator, people: People, homes: list[HomePlan], residents: Int64,
                   residence: Residence) -> None:
    residence.listed[residence.requested] = True
    outside = np.flatnonzero((people.status == REGISTERED) & (people.home < 0) & (people.age >= 60))
    outside = rng.permutation(outside)
    former = max(1, round(len(residents) * settings.number("homes.former_coded_per_100") / 100))
    lodgers = max(1, round(len(residents) * settings.number("homes.address_only_per_100") / 100))
    former_people, lodger_people = outside[:former], outside[former:former + lodgers]
    residence.former[former_people] = True
    residence.coded[former_people] = True
    residence.address_only[lodger_people] = True
    residence.address_home[lodger_people] = rng.integers(0, len(homes), len(lodger_people))
    listed = residents[residence.listed[residents] & ~residence.requested[residents]]
    if len(homes) > 1 and len(listed):
        twice = rng.permutation(listed)[:int(settings.number("homes.on_two_lists"))]
        residence.second_list[twice] = (people.home[twice] + 1) % len(homes)
    dead = np.flatnonzero((people.status != REGISTERED) & (people.death < OPEN) & (people.age >= 70))
    dead = dead[np.argsort(-people.death[dead], kind="stable")][:int(settings.number("homes.dead_on_list"))]
    residence.dead_on_list[dead] = rng.integers(0, len(homes), len(dead))
    settled = np.flatnonzero((people.home >= 0) & ~residence.requested)
    back = rng.permutation(settled)[:int(settings.number("homes.back_from_hospital"))]
    residence.returned[back] = True
    residence.listed[back] = True
