"""`frailty demo`: a made-up locality, one nightly run on it, and what to open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from frailty.nightly import Options, Result, run_nightly
from frailty.records.days import today
from frailty.synthetic import make_locality


def run_demo(out: Path, people: int, progress: Callable[[str, int, int], None]) -> int:
    """Writes OUT/town (the records) and OUT/lists (the run); prints a summary. Returns the exit code."""
    kernels = _compiling()
    town = make_locality(out / "town", people=people, homes=3, seed=1, as_of=today(), progress=progress)
    options = Options(records=tuple(map(str, town.records)), out=out / "lists", purpose="direct-care", site=town.site,
                      store=out / "lists.duckdb")
    kernels.wait()
    result = run_nightly(options, progress)
    progress("", 0, 0)
    print(_story(result, out, town.bytes))
    return result.exit_code


def _compiling() -> subprocess.Popen[bytes]:
    """Compiles the kernels in a process of its own while the town is made; the night then finds them in their cache."""
    code = ("from frailty.scoring import default_scorecard_ids, load_scorecard, warm\n"
            "warm([load_scorecard(one) for one in default_scorecard_ids()])")
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _story(result: Result, out: Path, size: int) -> str:
    run, pages = result.run, {(page["audience"], page["id"]): page for page in result.run["worklists"]["pages"]}
    total = run["books"]["all"]
    read, bad = (sum(row[column] for row in total.values()) for column in ("read", "quarantined"))
    bands = run["scores"]["efi_reviewed"]["bands"]
    older = sum(bands.values())
    seconds = run["this_run"]["seconds"]
    lines = ["", f"Last night in a made-up town: {result.people:,} people, {len(pages) - 1} teams to write to.", "",
             f"  {read:,} records ({size / 1e6:,.0f} MB) read and {len(run['scores'])} scores computed in {seconds} s; "
             f"{bad:,} records could not be used, each with its line and reason."]
    if older:
        shares = ", ".join(f"{band} {100 * n / older:.0f} %" for band, n in bands.items())
        lines.append(f"  Frailty suggested at 65 and over (reviewed eFI): {shares}.")
    for (audience, _), page in sorted(pages.items()):
        if audience == "hub":
            continue
        now = sum(view["now"] for view in page["lists"].values())
        waiting = sum(view["overflow"] for view in page["lists"].values())
        lines.append(f"  {audience} {page['id']}: {now} to look at now" + (f", {waiting} more as room allows" if waiting else ""))
    lines += [f"  ! {trouble}" for trouble in result.troubles]
    lines += ["", "Open in a browser:"]
    lines += [f"  {out / 'lists' / folder / 'worklist.html'}" for folder in result.folders]
    lines += ["Open in a notebook or a spreadsheet:", f"  {out / 'lists' / 'data' / 'scores.csv'}",
              f"  {out / 'lists' / 'data' / 'contributions.parquet'}", "Ask why:",
              f"  {Path(sys.argv[0]).name if sys.argv else 'frailty'} explain PATIENT --store {out / 'lists.duckdb'} --score efi",
              "", "Everybody here is made up. Decision support: a clinician decides."]
    return "\n".join(lines)
