"""The facts that rules may name: typed columns of the table `facts`, one row a person.

NULL means "not decided". A fact says 'none' or 'no' only where a fresh source could have said otherwise. Facts that are
no more than "which codes, since when" stand in rules/triage/facts.toml; the others are built in facts_sql.py.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from frailty.errors import DefinitionError
from frailty.knowledge import parsed, rules_dir

HOLDS = re.compile(r"ever|newest|\d+ (days|months)")
KINDS = ("gp", "hospital")


class Fact(NamedTuple):
    """One column. `on`: the column with its date. `source`: what can decide it. `lists`: the code lists it is read from."""

    type: str
    says: str
    source: str = "gp"
    on: str = ""
    lists: tuple[str, ...] = ()


@dataclass(frozen=True)
class CodedFact:
    """A fact read from code lists alone.

    `makes`: state (yes | no, with <id>_on and <id>_known_on), count (days with an entry) or value (the newest number, with
    <id>_on). `holds`: ever, newest (the newest of present and ends decides), or so many days or months.
    """

    id: str
    says: str
    lists: tuple[str, ...]
    makes: str
    holds: str
    source: str = "gp"
    cautioned: bool = False
    between: tuple[float, float] | None = None

    @property
    def since(self) -> str:
        """SQL: the day after which entries count; empty where all do."""
        if self.holds in ("ever", "newest"):
            return ""
        number, unit = self.holds.split()
        return f"{{as_of}} - {'to_months' if unit == 'months' else 'to_days'}({number})"

    def columns(self) -> dict[str, Fact]:
        """Its columns."""
        on = Fact("DATE", f"newest entry: {self.says}", self.source, "", self.lists)
        known = Fact("DATE", f"when that became known: {self.says}", self.source, "", self.lists)
        if self.makes == "state":
            said = Fact("VARCHAR", f"{self.says}: yes | no", self.source, f"{self.id}_on", self.lists)
            return {self.id: said, f"{self.id}_on": on, f"{self.id}_known_on": known}
        if self.makes == "count":
            return {self.id: Fact("INTEGER", self.says, self.source, "", self.lists)}
        return {self.id: Fact("DOUBLE", self.says, self.source, f"{self.id}_on", self.lists), f"{self.id}_on": on}


_FRAILTY = ("care/frailty_severe", "care/frailty_moderate", "care/frailty_mild", "care/frailty_diagnosis")
_RISKY = ("medicines/frids",)
BUILT: dict[str, Fact] = {
    # who
    "person": Fact("INTEGER", "store key"),
    "patient_id": Fact("VARCHAR", "canonical id"),
    "nhs_number": Fact("VARCHAR", "NHS number"),
    "name": Fact("VARCHAR", "name"),
    "birth_date": Fact("DATE", "date of birth"),
    "sex": Fact("VARCHAR", "sex"),
    "practice": Fact("VARCHAR", "ODS code of the practice"),
    "usual_gp": Fact("VARCHAR", "usual GP"),
    "phone": Fact("VARCHAR", "phone"),
    "address": Fact("VARCHAR", "address"),
    "postcode": Fact("VARCHAR", "postcode"),
    "as_of": Fact("DATE", "the day that everything is seen from", "site"),
    "age": Fact("INTEGER", "age [years]"),
    "imd_quintile": Fact("INTEGER", "index of multiple deprivation, quintile (1 = most deprived)"),
    # may they be listed
    "death_status": Fact("VARCHAR", "formal | informal | none", on="deceased_on"),
    "deceased_on": Fact("DATE", "date of death"),
    "registration_status": Fact("VARCHAR", "registered | deregistered", on="registered_to"),
    "registered_from": Fact("DATE", "registered since"),
    "registered_to": Fact("DATE", "registration ended"),
    "practice_state": Fact("VARCHAR", "ok | on hold | frozen | not served", "site"),
    "objection": Fact("VARCHAR", "objection to profiling: yes | no", "gp", "objection_on", ("care/objection_profiling",)),
    "objection_on": Fact("DATE", "objection recorded"),
    "last_days": Fact("VARCHAR", "last days of life: yes | no", "gp", "last_days_on", ("care/last_days",)),
    "last_days_on": Fact("DATE", "newest entry that says last days of life", lists=("care/last_days",)),
    # hospital
    "in_hospital": Fact("VARCHAR", "yes | no", "hospital", "in_hospital_since"),
    "in_hospital_since": Fact("DATE", "admitted", "hospital"),
    "in_hospital_provider": Fact("VARCHAR", "where, as the records name it", "hospital"),
    "last_admission_on": Fact("DATE", "newest inpatient admission", "hospital"),
    "last_admission_known_on": Fact("DATE", "when that became known", "hospital"),
    "last_emergency_admission_on": Fact("DATE", "newest emergency admission", "hospital"),
    "last_discharge_on": Fact("DATE", "newest discharge", "hospital"),
    "last_discharge_known_on": Fact("DATE", "when that became known", "hospital"),
    "last_ed_on": Fact("DATE", "newest emergency attendance", "hospital"),
    "last_ed_known_on": Fact("DATE", "when that became known", "hospital"),
    "emergency_admissions_12m": Fact("INTEGER", "emergency admissions in 12 months", "hospital"),
    "emergency_admissions_6m": Fact("INTEGER", "emergency admissions in 6 months", "hospital"),
    "emergency_attendances_12m": Fact("INTEGER", "emergency attendances in 12 months", "hospital"),
    "bed_days_12m": Fact("INTEGER", "nights in hospital in 12 months", "hospital"),
    # frailty
    "frailty_confirmed": Fact(
        "VARCHAR", "newest clinician's code: severe | moderate | mild | unspecified | none", "gp", "frailty_confirmed_on",
        _FRAILTY),
    "frailty_confirmed_on": Fact("DATE", "date of that code", lists=_FRAILTY),
    "frailty_suggested": Fact("VARCHAR", "by the records (eFI band): severe | moderate | mild | fit | outside", "score"),
    "frailty_points": Fact("INTEGER", "eFI deficits present, at any age", "score"),
    "frailty_of": Fact("INTEGER", "eFI deficits looked for", "score"),
    "cfs": Fact("INTEGER", "newest Clinical Frailty Scale, while it stands", "gp", "cfs_on", ("care/cfs",)),
    "cfs_on": Fact("DATE", "date of that value", lists=("care/cfs",)),
    "frailty_level": Fact("VARCHAR", "severe | moderate | mild | fit: confirmed code, else CFS, else eFI band", "score"),
    "frailty_basis": Fact("VARCHAR", "confirmed | suggested by CFS | suggested", "score"),
    "efi_slope_6m": Fact("DOUBLE", "slope of the eFI over six months [a month]", "score"),
    "rapid_rise": Fact("VARCHAR", "the eFI rises rapidly, and not by coding alone: yes | no | outside", "score"),
    "moderate_rise": Fact("VARCHAR", "the eFI rises moderately: yes | no | outside", "score"),
    "artefact_rise": Fact("VARCHAR", "most of the rise came from coding, not from illness: yes | no | outside", "score"),
    "last_fall_on": Fact("DATE", "newest fall entry", lists=("efi/falls",)),
    "last_fall_known_on": Fact("DATE", "when that became known", lists=("efi/falls",)),
    # care
    "plan_status": Fact("VARCHAR", "care and support plan: agreed | draft | none", "CarePlan", "plan_recorded_on"),
    "plan_title": Fact("VARCHAR", "its title", "CarePlan"),
    "plan_recorded_on": Fact("DATE", "recorded", "CarePlan"),
    "plan_review_due": Fact("DATE", "review due", "CarePlan"),
    "acp_status": Fact("VARCHAR", "advance care plan or ReSPECT: found | none", "CarePlan", "acp_on", ("needs/advance_care_plan",)),
    "acp_on": Fact("DATE", "newest of these", "CarePlan", "", ("needs/advance_care_plan",)),
    "regular_medicines": Fact("INTEGER", "regular medicines, distinct substances", "medicines"),
    "medicines_rung": Fact("INTEGER", "weakest rung of the medicines ladder used", "medicines"),
    "new_medicines_30d": Fact("INTEGER", "substances first issued in the last 30 days, of twelve months", "medicines"),
    "new_medicine_on": Fact("DATE", "newest substance first issued, of twelve months", "medicines"),
    "fall_risk_medicines": Fact("INTEGER", "regular medicines that raise the risk of falls (STOPPFall)", "medicines", lists=_RISKY),
    "dependence_medicines": Fact("INTEGER", "regular opioids, benzodiazepines, z-drugs", "medicines", lists=_RISKY),
    "new_antipsychotic_on": Fact("DATE", "antipsychotic first issued, of twelve months", "medicines", lists=_RISKY),
    "smr_status": Fact("VARCHAR", "structured medication review ever: found | none", "gp", "last_smr_on", ("care/smr",)),
    "last_smr_on": Fact("DATE", "newest structured medication review", lists=("care/smr",)),
    "last_entry_on": Fact("DATE", "newest entry of any kind"),
    "last_contact_on": Fact("DATE", "newest contact"),
    "contacts_6m": Fact("INTEGER", "days with a contact outside hospital in 6 months"),
    # already known to
    "on_caseload": Fact("VARCHAR", "open to a team: yes | no", "EpisodeOfCare"),
    "open_teams": Fact("VARCHAR", "which teams", "EpisodeOfCare"),
    "open_task": Fact("VARCHAR", "an open task or referral stands in the records: yes | no", "Task"),
    "next_appointment_on": Fact("DATE", "next appointment booked", "Appointment"),
    # care home
    "care_home": Fact("VARCHAR", "confirmed | probable | no", "home", "home_since", ("care/residence",)),
    "home_id": Fact("VARCHAR", "which home", "home"),
    "home_basis": Fact("VARCHAR", "what says so", "home"),
    "home_since": Fact("DATE", "admitted to the home", "home"),
    "home_left_on": Fact("DATE", "newest entry that says the person left a home", "gp", "", ("needs/care_home_left",)),
    "room": Fact("VARCHAR", "room", "home"),
    "clock_kind": Fact("VARCHAR", "assessment clock: new | back", "home"),
    "clock_start": Fact("DATE", "day 0 of that clock", "home"),
    "clock_due": Fact("DATE", "end of that clock", "home"),
}

# phrases that texts may name besides facts and settings; made in cards.py
PHRASES = ("plan", "plan_since", "late_discharge")


@lru_cache(maxsize=8)
@lru_cache(maxsize=8)
def coded_facts(rules: Path | None = None) -> tuple[CodedFact, ...]:
    """The facts that files of rules/triage define ([[fact]]), in their order."""
    made: dict[str, CodedFact] = {}
    for file in sorted(((rules or rules_dir()) / "triage").glob("*.toml")):
        try:
            entries = parsed(file).get("fact", [])
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise DefinitionError("A file of triage rules cannot be read.", where=str(file), why=str(error)) from error
        for entry in entries:
            where = f"{file}, fact {entry.get('id', '(without id)')}"
            fact = _coded(dict(entry), where)
            if fact.id in made:
                raise DefinitionError(f"The fact “{fact.id}” is defined twice.", where=where)
            made[fact.id] = fact
    return tuple(made.values())


def _coded(entry: dict[str, Any], where: str) -> CodedFact:
    unknown = sorted(set(entry) - set(CodedFact.__dataclass_fields__))
    if unknown:
        raise DefinitionError(f"“{unknown[0]}” is not known here.", where=where,
                              mend="known: " + ", ".join(CodedFact.__dataclass_fields__))
    try:
        entry["lists"] = tuple(entry["lists"])
        entry["between"] = tuple(entry["between"]) if "between" in entry else None
        made = CodedFact(**entry)
    except (TypeError, KeyError) as error:
        raise DefinitionError("The fact is not complete.", where=where, why=str(error),
                              mend="give id, says, lists, makes and holds") from error
    for good, mend in (
        (re.fullmatch(r"[a-z][a-z0-9_]*", made.id), "an id is lower-case letters, digits and _"),
        (made.id not in BUILT, "this name is taken by a fact that the program builds"),
        (made.makes in ("state", "count", "value"), "makes = state | count | value"),
        (HOLDS.fullmatch(made.holds), "holds = ever | newest | so many days or months"),
        (made.source in KINDS, "source = gp | hospital"),
        (made.lists, "name at least one code list"),
        (made.makes != "value" or made.between, "a value says between which numbers it lies: between = [low, high]"),
    ):
        if not good:
            raise DefinitionError(f"The fact “{made.id}” cannot be used.", where=where, mend=mend)
    return made


@lru_cache(maxsize=8)
def vocabulary(rules: Path | None = None) -> dict[str, Fact]:
    """Every fact by name, in the order of the table's columns."""
    made = dict(BUILT)
    for fact in coded_facts(rules):
        made.update(fact.columns())
    return made


def column_list(rules: Path | None = None) -> str:
    """The columns as SQL definitions, in order."""
    return ", ".join(f"{name} {fact.type}" for name, fact in vocabulary(rules).items())


def fact_lists(rules: Path | None = None) -> tuple[str, ...]:
    """The code lists that facts are read from, each once."""
    return tuple(dict.fromkeys(name for fact in vocabulary(rules).values() for name in fact.lists))
