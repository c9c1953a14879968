"""Frailty risk stratification and care-hub triage over whole GP practice lists.

    practice = frailty.read_fhir("export/")
    scores = practice.score(["efi"], as_of="2026-11-22")

Importing this package loads nothing heavy; its names load what they need when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from frailty.errors import FrailtyError
    from frailty.practice import Practice, open, read_fhir

__all__ = ["FrailtyError", "Practice", "__version__", "open", "read_fhir"]


def __getattr__(name: str) -> object:
    if name in ("Practice", "open", "read_fhir"):
        from frailty import practice
        return getattr(practice, name)
    if name == "FrailtyError":
        from frailty.errors import FrailtyError
        return FrailtyError
    raise AttributeError(f"module 'frailty' has no attribute {name!r}")
