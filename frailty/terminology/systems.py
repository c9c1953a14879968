"""Code systems under one name each, and codes under one spelling each.

The same rules exist twice, as Python and as a DuckDB expression; a test holds them against each other.
Rules by kind (see rules/terminology/systems.csv):

- every kind: blanks at both ends go;
- readv2, ctv3: five characters, filled up with dots; the two characters of a Read v2 term code are cut off;
  case and dots stay, for they carry meaning;
- icd10, icd9: upper case without dots, dashes, daggers and other marks; ICD-10's trailing placeholder X goes;
- atc, bnf, opcs, ops: upper case.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path

from frailty.errors import DefinitionError
from frailty.knowledge import rules_dir
from frailty.terminology.tables import read_rows

BLANKS = " \t\n\r\v\f\u00a0\u200b\ufeff"  # removed from both ends of a code or system

_READ = frozenset({"readv2", "ctv3"})
_ICD = frozenset({"icd10", "icd9"})
_UPPER = frozenset({"atc", "bnf", "opcs", "ops"})

_NOT_ALNUM = re.compile("[^A-Za-z0-9]")
_PLACEHOLDER = re.compile("^(.{3,}?)X+$")
_TERM_CODE = re.compile(r"^(.{5})[0-9A-Za-z]{2}$", re.DOTALL)
_LOWER_TO_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@cache
def _systems() -> tuple[tuple[tuple[str, str, str], ...], dict[str, str], dict[str, str]]:
    """The rows of the table, alias -> URI, and URI -> kind."""
    return _read_systems(rules_dir() / "terminology" / "systems.csv")


def _read_systems(path: Path) -> tuple[tuple[tuple[str, str, str], ...], dict[str, str], dict[str, str]]:
    rows: list[tuple[str, str, str]] = []
    alias_uri: dict[str, str] = {}
    uri_kind: dict[str, str] = {}
    for line, row in read_rows(path, ("alias", "uri", "kind"), ("source",)):
        alias, uri, kind = row["alias"], row["uri"], row["kind"]
        where = f"{path}:{line}"
        if not alias or not uri or not kind:
            raise DefinitionError("A code system needs an alias, a URI and a kind.", where=where)
        if alias in alias_uri:
            raise DefinitionError(f"The alias {alias} stands twice.", where=where)
        if uri_kind.setdefault(uri, kind) != kind:
            raise DefinitionError(
                f"The system {uri} has two kinds.", where=where, why=f"{uri_kind[uri]} above, {kind} here"
            )
        alias_uri[alias] = uri
        rows.append((alias, uri, kind))
    for uri in uri_kind:
        if alias_uri.get(uri) != uri:
            raise DefinitionError(
                f"The system {uri} is not an alias of itself.",
                where=str(path),
                mend="add a row whose alias is the URI",
            )
    return tuple(rows), alias_uri, uri_kind


def systems_table() -> list[tuple[str, str, str]]:
    """(alias, canonical URI, kind) of every known code system, for loading into the store."""
    return list(_systems()[0])


@lru_cache(maxsize=4096)
def canonical_system(uri: str) -> str:
    """The canonical URI of a code system; one that is not in the table comes back as it is, stripped."""
    stripped = uri.strip(BLANKS)
    return _systems()[1].get(stripped, stripped)


def system_kind(uri: str) -> str:
    """The kind of a canonical URI, `other` where it is not in the table."""
    return _systems()[2].get(uri, "other")


def normalise_code(kind: str, code: str) -> str:
    """The one spelling of a code of this kind (rules: top of this file); twice is the same as once."""
    code = code.strip(BLANKS)
    if kind in _READ:
        code = _TERM_CODE.sub(r"\1", code)
        return code.ljust(5, ".") if code else code
    if kind in _ICD:
        code = _NOT_ALNUM.sub("", code).translate(_LOWER_TO_UPPER)
        return _PLACEHOLDER.sub(r"\1", code) if kind == "icd10" else code
    if kind in _UPPER:
        return code.translate(_LOWER_TO_UPPER)
    return code


def normalise_sql(system_col: str, code_col: str) -> str:
    """DuckDB expression for the normalised code; `system_col` must hold canonical URIs."""
    kinds: dict[str, list[str]] = {}
    for uri, kind in sorted(_systems()[2].items()):
        kinds.setdefault(kind, []).append(_text(uri))
    trimmed = trim_sql(code_col)
    icd9 = _upper_sql(f"regexp_replace({code_col}, '[^A-Za-z0-9]', '', 'g')")
    rules = {
        "readv2": f"CASE WHEN length({trimmed}) BETWEEN 1 AND 4 THEN rpad({trimmed}, 5, '.')"
        f" WHEN length({trimmed}) = 7 AND regexp_full_match(right({trimmed}, 2), '[0-9A-Za-z]{{2}}')"
        f" THEN left({trimmed}, 5) ELSE {trimmed} END",
        "icd10": f"regexp_replace({icd9}, '^(.{{3,}}?)X+$', '\\1')",
        "icd9": icd9,
        "atc": _upper_sql(trimmed),
    }
    rules["ctv3"] = rules["readv2"]
    rules["bnf"] = rules["opcs"] = rules["ops"] = rules["atc"]
    cases = " ".join(
        f"WHEN {system_col} IN ({', '.join(uris)}) THEN {rules[kind]}"
        for kind, uris in kinds.items()
        if kind in rules
    )
    return f"(CASE {cases} ELSE {trimmed} END)"


def trim_sql(col: str) -> str:
    """DuckDB expression: the text without the blanks at both ends that Python's side removes."""
    return f"trim({col}, {_text(BLANKS)})"


def _upper_sql(expression: str) -> str:
    """ASCII letters to upper case; other letters stay (Python and DuckDB disagree on them)."""
    return f"translate({expression}, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
