"""The command `frailty`. It parses, calls, prints; it decides nothing."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from frailty import __version__
from frailty.cli.model import add_model
from frailty.cli.parts import Parser, a_count, a_date, a_time, command, rules_option
from frailty.cli.people import add_people
from frailty.cli.scores import add_scores
from frailty.cli.site import add_site
from frailty.cli.triage import add_triage
from frailty.errors import FrailtyError

if TYPE_CHECKING:
    from frailty.nightly import Result

Progress = Callable[[str, int, int], None]

_EXAMPLES = """examples:
  frailty demo
  frailty nightly exports/harbour-gp exports/hospital --site site.toml --out lists --purpose direct-care
  frailty explain 9d3c61 --store lists.duckdb --score efi
  frailty scores show hfrs
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code (0 done, 1 failed and nothing changed, 3 done with a source in trouble)."""
    gc.set_threshold(200_000, 50)                        # a command ends soon, and looking for what it left behind takes long
    sys.setswitchinterval(0.0005)                       # [s] a thread that comes back from DuckDB goes on at once
    try:
        parser = _parser()
        chosen = parser.parse_args(arguments)
        if not hasattr(chosen, "run"):
            parser.print_help()
            return 0
        return int(chosen.run(chosen))
    except FrailtyError as error:
        print(f"frailty: {error.text()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("frailty: stopped; nothing was changed.", file=sys.stderr)
        return 130
    except BrokenPipeError:                             # the reader of a pipe has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"frailty: {error.strerror or error}\n  where: {error.filename or 'unknown'}\n"
              "  mend: check that the folder exists, has room and may be written", file=sys.stderr)
        return 1
    except Exception as error:
        if os.environ.get("FRAILTY_TRACEBACK"):
            raise
        print(_failure(error), file=sys.stderr)
        return 1


def _failure(error: Exception) -> str:
    """A defect of the program, told without the words of the error: they could hold what a record says."""
    house = Path(__file__).parent.parent
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if house in Path(frame.filename).parents]
    where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "unknown"
    return (f"frailty: The program failed; nothing was changed.\n  where: {where}\n  why: {type(error).__name__}\n"
            "  mend: report this; with FRAILTY_TRACEBACK=1 the whole error is shown, which may name patients")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="frailty", description="Frailty scores over whole practice lists, and the worklists that come of them.",
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"frailty {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    demo = command(commands, "demo", _demo, "a made-up locality and one nightly run on it", "frailty demo --out demo")
    demo.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="where to put it (default: demo)")
    demo.add_argument("--people", type=a_count, default=10_000, metavar="N", help="registered people (default: 10,000)")

    synth = command(commands, "synth", _synth, "writes a made-up locality",
                     "frailty synth town --people 10000 --homes 3 --seed 1")
    synth.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder")
    synth.add_argument("--people", type=a_count, default=10_000, metavar="N", help="registered people (default: 10,000)")
    synth.add_argument("--homes", type=int, default=3, metavar="N", help="care homes (default: 3)")
    synth.add_argument("--seed", type=int, default=1, help="the same seed gives the same files (default: 1)")
    synth.add_argument("--as", dest="layout", choices=("fhir", "tables"), default="fhir", help="FHIR NDJSON or plain tables")
    synth.add_argument("--as-of", type=a_date, metavar="DATE", help="the day on which the records end (default: today)")

    nightly = command(
        commands, "nightly", _nightly, "loads records, scores everybody, writes worklists",
        "frailty nightly exports/* --site site.toml --out lists --purpose direct-care",
        "Each RECORDS argument is one source: a folder or file of FHIR JSON or NDJSON (R4, R4B, STU3; .gz too) or of the plain "
        "tables. Its name is NAME in NAME=PATH, else the last part of the path; keep it the same every night.\n\n"
        "Exit code 0: done. 1: failed, nothing changed. 3: done, but a source was missing, stale, frozen or held, "
        "or a row of a filled worklist could not be used.")
    nightly.add_argument("records", nargs="+", metavar="RECORDS", help="folders or files, or NAME=PATH")
    nightly.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results; replaced as a whole")
    nightly.add_argument("--purpose", required=True, metavar="PURPOSE",
                         help="direct-care (worklists with names) or research (no names, no lists, objectors left out)")
    nightly.add_argument("--site", type=Path, metavar="FILE", help="site.toml: practices, homes, feeds, slots, settings")
    nightly.add_argument("--store", type=Path, metavar="FILE", help="the store (default: DIR.duckdb beside DIR)")
    nightly.add_argument("--as-of", default="", metavar="DATE",
                         help="score as of this day, inclusive; 'latest' = each source's newest date (default: today)")
    nightly.add_argument("--delta", action="store_true",
                         help="RECORDS hold only what changed; without it, what is absent is ended")
    nightly.add_argument("--extracted-at", type=a_time, metavar="TIME", help="when the records were extracted (ISO 8601)")
    nightly.add_argument("--scores", default="", metavar="IDS",
                         help="comma-separated (default: all that are not by name only; see: frailty scores)")
    rules_option(nightly)
    nightly.add_argument("--fhir", action="store_true",
                         help="also write the lists as FHIR R4 (NDJSON in a folder fhir/ beside each page)")
    nightly.add_argument("--validate", action="store_true",
                         help="also check every resource against FHIR with fhir.resources (slow: about 6 MB/s)")
    nightly.add_argument("--accept-change", action="append", default=[], metavar="SOURCE",
                         help="take this source's records although its number of people changed much")

    nightly.add_argument("--outcomes", type=Path, action="append", default=[], metavar="PATH",
                         help="filled worklist.xlsx files, or folders of them: what was decided is not listed again")

    add_people(commands)
    add_scores(commands)
    add_site(commands)
    add_triage(commands)
    add_model(commands)
    return parser


def _progress() -> Progress:
    """Stages as they begin, to standard error; on a terminal in one line that is written over."""
    terminal = sys.stderr.isatty()
    last = ""

    def show(stage: str, done: int, total: int) -> None:
        nonlocal last
        text = f"{stage} {done * 100 // total} %" if total > 1 and done else stage
        if terminal:
            print(f"\r\033[K{text} …", end="", file=sys.stderr, flush=True)
        elif stage and stage != last:
            print(f"{datetime.now():%H:%M:%S} {stage}", file=sys.stderr, flush=True)
        last = stage
        if not stage and terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    return show


def _demo(chosen: argparse.Namespace) -> int:
    from frailty.demo import run_demo
    return run_demo(chosen.out, chosen.people, _progress())


def _synth(chosen: argparse.Namespace) -> int:
    from frailty.records.days import today
    from frailty.synthetic import make_locality
    progress = _progress()
    made = make_locality(chosen.out, people=chosen.people, homes=chosen.homes, seed=chosen.seed, layout=chosen.layout,
                         as_of=chosen.as_of or today(), progress=progress)
    progress("", 0, 0)
    print(f"{made.people:,} made-up people registered on {made.as_of}; {made.lines:,} records of {len(made.records)} sources, "
          f"{made.bytes / 1e6:.0f} MB: {made.out}\nWhat is true of them: {made.truth}\nNext: "
          + (f"frailty nightly {made.out}/records/* --site {made.site} --out lists --purpose direct-care"))
    return 0


def _nightly(chosen: argparse.Namespace) -> int:
    from frailty.nightly import Options, run_nightly
    progress = _progress()
    options = Options(
        records=tuple(chosen.records), out=chosen.out, purpose=chosen.purpose, site=chosen.site, store=chosen.store,
        as_of=chosen.as_of, delta=chosen.delta, extracted_at=chosen.extracted_at,
        scores=tuple(one.strip() for one in chosen.scores.split(",") if one.strip()), validate=chosen.validate, fhir=chosen.fhir,
        rules=chosen.rules,
        accept_change=tuple(chosen.accept_change), outcomes=tuple(chosen.outcomes))
    result = run_nightly(options, progress)
    progress("", 0, 0)
    print(summary(result, chosen.out))
    return result.exit_code


def summary(result: Result, out: Path) -> str:
    """What a run did, for the person who started it."""
    run = result.run
    objected = f"; {run['objected']:,} not scored: objection" if run["objected"] else ""
    lines = [f"{result.people:,} people scored as of {run['as_of']}, in {run['this_run']['seconds']} s{objected}."]
    for score in ("efi_reviewed", "hfrs"):
        if score in run["scores"] and run["scores"][score]["bands"]:
            bands = ", ".join(f"{band} {n:,}" for band, n in run["scores"][score]["bands"].items())
            lines.append(f"  {score}: {bands}")
    total = run["books"]["all"]
    read, bad = (sum(row[c] for row in total.values()) for c in ("read", "quarantined"))
    lines.append(f"{read:,} resources read; every one is accounted for; {bad:,} could not be used"
                 + (" (why: data/quarantine.csv)." if bad else "."))
    lines += [f"! {trouble}" for trouble in result.troubles]
    lines += ["Open:", *(f"  {out / folder / 'worklist.html'}" for folder in result.folders),
              f"  {out / 'data' / 'scores.csv'}", f"  {out / 'run.json'}"]
    return "\n".join(lines)
