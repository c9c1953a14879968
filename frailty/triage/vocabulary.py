"""The facts that rules may name: one typed column each of the table `facts`, one row a person.

NULL means "not decided". A fact says 'none' or 'no' only where a fresh source could have said otherwise.
"""

from __future__ import annotations

FACTS: dict[str, tuple[str, str]] = {
    # who
    "person": ("INTEGER", "store key"),
    "patient_id": ("VARCHAR", "canonical id"),
    "nhs_number": ("VARCHAR", "NHS number"),
    "name": ("VARCHAR", "name"),
    "birth_date": ("DATE", "date of birth"),
    "sex": ("VARCHAR", "sex"),
    "practice": ("VARCHAR", "ODS code of the practice"),
    "usual_gp": ("VARCHAR", "usual GP"),
    "phone": ("VARCHAR", "phone"),
    "address": ("VARCHAR", "address"),
    "postcode": ("VARCHAR", "postcode"),
    "as_of": ("DATE", "the day that everything is seen from"),
    "age": ("INTEGER", "age [years]"),
    # may they be listed
    "death_status": ("VARCHAR", "formal | informal | none"),
    "deceased_on": ("DATE", "date of death"),
    "registration_status": ("VARCHAR", "registered | deregistered"),
    "registered_from": ("DATE", "registered since"),
    "registered_to": ("DATE", "registration ended"),
    "practice_state": ("VARCHAR", "ok | on hold | frozen | not served"),
    "objection": ("VARCHAR", "objection to profiling: yes | no"),
    "objection_on": ("DATE", "objection recorded"),
    "last_days": ("VARCHAR", "last days of life: yes | no"),
    "last_days_on": ("DATE", "newest entry that says last days of life"),
    "palliative": ("VARCHAR", "palliative care: yes | no"),
    "palliative_on": ("DATE", "newest palliative entry"),
    # hospital
    "in_hospital": ("VARCHAR", "yes | no"),
    "in_hospital_since": ("DATE", "admitted"),
    "last_admission_on": ("DATE", "newest inpatient admission"),
    "last_admission_known_on": ("DATE", "when that became known"),
    "last_emergency_admission_on": ("DATE", "newest emergency admission"),
    "last_discharge_on": ("DATE", "newest discharge"),
    "last_discharge_known_on": ("DATE", "when that became known"),
    "last_ed_on": ("DATE", "newest emergency attendance"),
    "last_ed_known_on": ("DATE", "when that became known"),
    "emergency_admissions_12m": ("INTEGER", "emergency admissions in 12 months"),
    # frailty
    "frailty_confirmed": (
        "VARCHAR",
        "newest clinician's code: severe | moderate | mild | unspecified | none",
    ),
    "frailty_confirmed_on": ("DATE", "date of that code"),
    "frailty_suggested": ("VARCHAR", "by the records (eFI band): severe | moderate | mild | fit | outside"),
    "frailty_points": ("INTEGER", "eFI deficits present"),
    "frailty_of": ("INTEGER", "eFI deficits looked for"),
    "cfs": ("INTEGER", "newest Clinical Frailty Scale, while it stands"),
    "cfs_on": ("DATE", "date of that value"),
    "frailty_level": ("VARCHAR", "severe | moderate | mild | fit: confirmed code, else CFS, else eFI band"),
    "frailty_basis": ("VARCHAR", "confirmed | suggested by CFS | suggested"),
    "last_fall_on": ("DATE", "newest fall entry"),
    "last_fall_known_on": ("DATE", "when that became known"),
    # care
    "plan_status": ("VARCHAR", "care and support plan: agreed | draft | none"),
    "plan_title": ("VARCHAR", "its title"),
    "plan_recorded_on": ("DATE", "recorded"),
    "plan_review_due": ("DATE", "review due"),
    "regular_medicines": ("INTEGER", "regular medicines, distinct substances"),
    "medicines_rung": ("INTEGER", "weakest rung of the medicines ladder used"),
    "smr_status": ("VARCHAR", "structured medication review ever: found | none"),
    "last_smr_on": ("DATE", "newest structured medication review"),
    "housebound": ("VARCHAR", "yes | no"),
    "lives_alone": ("VARCHAR", "yes | no"),
    "last_entry_on": ("DATE", "newest entry of any kind"),
    "last_contact_on": ("DATE", "newest contact"),
    # care home
    "care_home": ("VARCHAR", "confirmed | probable | no"),
    "home_id": ("VARCHAR", "which home"),
    "home_basis": ("VARCHAR", "what says so"),
    "home_since": ("DATE", "admitted to the home"),
    "room": ("VARCHAR", "room"),
    "clock_kind": ("VARCHAR", "assessment clock: new | back"),
    "clock_start": ("DATE", "day 0 of that clock"),
    "clock_due": ("DATE", "end of that clock"),
}

# phrases that texts may name besides facts and settings; made in cards.py
PHRASES = ("plan", "plan_since")


def column_list() -> str:
    """The columns as SQL definitions, in order."""
    return ", ".join(f"{name} {kind}" for name, (kind, _) in FACTS.items())
