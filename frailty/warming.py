"""What a night needs later is made ready while its records load: DuckDB leaves Python free meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from frailty.scoring import default_scorecard_ids, load_scorecards
from frailty.site import Site

LIST_SCORES = ("efi", "efi_reviewed")                   # what worklists read; always computed


def wanted_scores(scores: Sequence[str], rules: Path | None) -> list[str]:
    """The ids of what a night scores: what the lists read, and what was asked for, or else the usual ones."""
    return list(dict.fromkeys((*LIST_SCORES, *(scores or default_scorecard_ids(rules)))))


def warm_up(scores: Sequence[str], site: Site, rules: Path | None) -> threading.Thread:
    """A thread that fetches the kernels (compiled, or from their cache), libraries, rules, code lists, templates."""
    def work() -> None:
        from frailty.reports.worklists import page_environment
        from frailty.scoring import warm
        from frailty.terminology import list_codelists, load_codelist
        from frailty.triage import load_rules
        for library in ("pandas", "openpyxl", "jinja2"):
            import_module(library)
        with contextlib.suppress(Exception):            # what is wrong with a definition is told when it is used
            warm(load_scorecards(wanted_scores(scores, rules), rules), rules)
            load_rules(site, rules)
            for name in list_codelists(rules):
                load_codelist(name, rules)
            for name in page_environment().list_templates():
                page_environment().get_template(name)

    thread = threading.Thread(target=work, name="warm", daemon=True)
    thread.start()
    return thread
