"""Do the code lists find about as many people as elsewhere? A warning where a list finds far fewer, or far more."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frailty.knowledge import rules_dir
from frailty.records.build import LATEST, people
from frailty.records.facts import tag
from frailty.terminology.tables import read_rows, read_toml

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COLUMNS = ("list", "kind", "code_set", "version", "date", "practice_system", "population", "patients", "percent", "age_band",
           "relation")


def published(rules: Path | None = None) -> dict[str, tuple[float, float, str]]:
    """Code list -> the smallest and largest published percent, and how near the published code sets are to the list.

    Of several kinds the nearest counts: the same list, a similar one, a part of it, more than it.
    """
    found: dict[str, tuple[float, float, str]] = {}
    kinds = list(read_toml((rules or rules_dir()) / "prevalence" / "source.toml")["limits"]["factor"])
    for _, row in read_rows((rules or rules_dir()) / "prevalence" / "efi.csv", COLUMNS):
        percent, kind = float(row["percent"]), row["kind"]
        low, high, known = found.get(row["list"], (percent, percent, kind))
        if kinds.index(kind) < kinds.index(known):
            low, high, known = percent, percent, kind
        if kind == known:
            found[row["list"]] = min(low, percent), max(high, percent), known
    return found


def prevalence(con: DuckDBPyConnection, day: date, rules: Path | None = None) -> list[dict[str, Any]]:
    """Per source of general practice, practice and list: percent, published range, and `warning` ('' = none).

    Of the people alive and registered on the day; people counted by codes only. A part of a list sets only a lower limit, and
    more than a list only an upper one. Practices too small or too old to compare are left out.
    """
    limits = read_toml((rules or rules_dir()) / "prevalence" / "source.toml")["limits"]
    known = published(rules)
    people(con, day)
    tag(con, list(known), day, day, LATEST)
    rows = con.execute(f"""WITH here AS (
            SELECT person, practice, birth_date, unnest(sources) AS source FROM person_as_of
            WHERE practice IS NOT NULL AND deceased_on IS NULL AND (registered_to IS NULL OR registered_to > DATE '{day}')),
        listed AS (
            SELECT source, practice, count(*) AS people FROM here JOIN feed USING (source)
            WHERE kind IS DISTINCT FROM 'hospital' AND kind IS DISTINCT FROM 'home' GROUP BY ALL
            HAVING count(*) >= {limits['fewest_people']}
               AND avg((birth_date <= DATE '{day}' - INTERVAL 65 YEAR)::INTEGER) <= {limits['largest_share_65_and_over']})
        SELECT source, practice, people, list, count(DISTINCT person) FILTER (t.person IS NOT NULL) FROM listed
        CROSS JOIN (SELECT unnest($lists) AS list) LEFT JOIN (
            SELECT tagged.list, tagged.source, here.practice, tagged.person FROM tagged JOIN here USING (person, source)) t
        USING (source, practice, list) GROUP BY ALL ORDER BY ALL""", {"lists": sorted(known)}).fetchall()
    made = []
    for source, practice, many, name, n in rows:
        low, high, kind = known[name]
        made.append({"source": source, "practice": practice, "list": name, "percent": round(100 * n / many, 2),
                     "published": [low, high], "kind": kind, "warning": _warning(n, many, low, high, kind, limits)})
    return made


def _warning(n: int, many: int, low: float, high: float, kind: str, limits: dict[str, Any]) -> str:
    factor, percent = float(limits["factor"][kind]), 100 * n / many
    if kind != "broader" and low * many / 100 >= limits["fewest_expected"] and percent * factor < low:
        return "far fewer people than published: are its codes those that this source uses?"
    if kind != "partial" and percent > high * factor:
        return "far more people than published: does a code of it mean something else here?"
    return ""
