"""Code systems, code lists, quantities and medicines: knowledge about codes, none about patients."""

from frailty.terminology.checks import (
    nhs_number_sql,
    nhs_number_valid,
    normalise_nhs_number,
    snomed_check_digit,
)
from frailty.terminology.codelists import (
    CodeEntry,
    Codelist,
    ConceptIndex,
    list_codelists,
    load_codelist,
    match_concepts,
)
from frailty.terminology.maps import load_map
from frailty.terminology.medicines import PARAGRAPH, Ladder, parts_of, site_products, substance_of_name, substances
from frailty.terminology.quantities import Quantity, load_quantities, unit_key, unit_sql
from frailty.terminology.systems import (
    canonical_system,
    normalise_code,
    normalise_sql,
    system_kind,
    systems_table,
    trim_sql,
)

__all__ = [
    "PARAGRAPH",
    "CodeEntry",
    "Codelist",
    "ConceptIndex",
    "Ladder",
    "Quantity",
    "canonical_system",
    "list_codelists",
    "load_codelist",
    "load_map",
    "load_quantities",
    "match_concepts",
    "nhs_number_sql",
    "nhs_number_valid",
    "normalise_code",
    "normalise_nhs_number",
    "normalise_sql",
    "parts_of",
    "site_products",
    "snomed_check_digit",
    "substance_of_name",
    "substances",
    "system_kind",
    "systems_table",
    "trim_sql",
    "unit_key",
    "unit_sql",
]
