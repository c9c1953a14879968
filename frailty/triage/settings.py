"""The numbers of rules/triage/settings.toml, overridden by the site."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frailty.errors import DefinitionError, SiteError, nearest
from frailty.knowledge import parsed, rules_dir
from frailty.site import Site


@dataclass(frozen=True)
class Settings:
    """Values by name, with what kind of number each is and which of them the site changed."""

    values: dict[str, Any]
    kinds: dict[str, str]
    changed: tuple[str, ...] = ()

    def number(self, name: str) -> int:
        """A whole number."""
        return int(self.values[name])

    def text(self, name: str) -> str:
        """A text."""
        return str(self.values[name])

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        return [str(one) for one in self.values[name]]

    def turned_on(self, rule: str) -> bool:
        """Whether the site turned on this clinical rule that is only a proposal."""
        chosen = self.values["proposals"]
        return rule in chosen if isinstance(chosen, list) else bool(chosen)


def load_settings(site: Site | None = None, rules: Path | None = None) -> Settings:
    """Defaults from rules/triage/settings.toml, then the site's own values; unknown names are refused."""
    file = (rules or rules_dir()) / "triage" / "settings.toml"
    try:
        data = parsed(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DefinitionError(
            "The triage settings cannot be read.", where=str(file), why=str(error)
        ) from error
    values: dict[str, Any] = {}
    for name, entry in data.items():
        if "value" not in entry or not entry.get("why") or entry.get("kind") not in ("framework", "proposal"):
            raise DefinitionError(
                f"The setting “{name}” is not complete.",
                where=str(file),
                mend="give value, why, and kind = framework or proposal",
            )
        if entry["kind"] == "framework" and not entry.get("cite"):
            raise DefinitionError(f"The setting “{name}” says framework and cites none.", where=str(file))
        values[name] = entry["value"]
    defaults = dict(values)
    for name, value in (site.settings if site else {}).items():
        values[name] = _checked(name, value, defaults, site.path if site else "")
    changed = tuple(sorted(name for name in values if values[name] != defaults[name]))
    return Settings(values, {name: entry["kind"] for name, entry in data.items()}, changed)


def _checked(name: str, value: Any, defaults: dict[str, Any], where: str) -> Any:
    if name not in defaults:
        raise SiteError(
            f"[settings]: `{name}` is not a setting.",
            where=where,
            mend=nearest(name, sorted(defaults), 3, 0.5, "", "see rules/triage/settings.toml"),
        )
    like = defaults[name]
    fits = isinstance(value, (bool, list)) if name == "proposals" else type(value) is type(like)
    if not fits or (isinstance(value, int) and not isinstance(value, bool) and value < 0):
        raise SiteError(
            f"[settings]: `{name}` is {value!r}, which does not fit.",
            where=where,
            mend=f"the default is {like!r}",
        )
    return value
