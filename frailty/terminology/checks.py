"""Check digits: SNOMED CT identifiers (Verhoeff) and NHS numbers (modulus 11)."""

from __future__ import annotations

import re

# Verhoeff's dihedral group D5: product and permutation tables, computed rather than typed.
_TIMES = tuple(
    tuple(
        (a + b) % 5
        if a < 5 and b < 5
        else 5 + (a + b) % 5
        if a < 5
        else 5 + (a - b) % 5
        if b < 5
        else (a - b) % 5
        for b in range(10)
    )
    for a in range(10)
)
_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_GAPS = " \t\n\r\u00a0-"  # what people write between the digits of an NHS number
_TEN_DIGITS = re.compile("[0-9]{10}")


def _permutations() -> tuple[tuple[int, ...], ...]:
    rows = [tuple(range(10))]
    for _ in range(7):
        rows.append(tuple(_TURN[digit] for digit in rows[-1]))
    return tuple(rows)


_PERMUTE = _permutations()


def snomed_check_digit(code: str) -> bool:
    """Whether `code` is shaped like a SNOMED CT identifier (6 to 18 digits) and its check digit is right."""
    if not (6 <= len(code) <= 18 and code.isascii() and code.isdigit()) or code[0] == "0":
        return False
    check = 0
    for position, digit in enumerate(reversed(code)):
        check = _TIMES[check][_PERMUTE[position % 8][int(digit)]]
    return check == 0


def nhs_number_valid(number: str) -> bool:
    """Whether ten digits carry a right check digit and are no placeholder (one digit only, 0123456789)."""
    if not _TEN_DIGITS.fullmatch(number) or len(set(number)) == 1 or number == "0123456789":
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False))
    return (11 - total % 11) % 11 == int(number[9])  # a remainder of 10 never equals a digit


def normalise_nhs_number(text: str) -> str | None:
    """The ten digits of a valid NHS number written with or without spaces and dashes, else None."""
    number = text.translate(str.maketrans("", "", _GAPS))
    return number if nhs_number_valid(number) else None


def nhs_number_sql(col: str) -> str:
    """DuckDB expression with the answer of `normalise_nhs_number`: ten digits or NULL."""
    number = f"translate({col}, '{_GAPS}', '')"
    total = " + ".join(
        f"{weight} * (ascii(substr({number}, {place}, 1)) - 48)"
        for place, weight in zip(range(1, 10), range(10, 1, -1), strict=True)
    )
    return (
        f"(CASE WHEN regexp_full_match({number}, '[0-9]{{10}}') AND {number} <> repeat(left({number}, 1), 10)"
        f" AND {number} <> '0123456789'"
        f" AND (11 - ({total}) % 11) % 11 = ascii(right({number}, 1)) - 48 THEN {number} END)"
    )
