"""The command `frailty`. It parses, calls, prints; it decides nothing."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from frailty import __version__
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
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(__file__).parent in Path(frame.filename).parents]
    where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "unknown"
    return (f"frailty: The program failed; nothing was changed.\n  where: {where}\n  why: {type(error).__name__}\n"
            "  mend: report this; with FRAILTY_TRACEBACK=1 the whole error is shown, which may name patients")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line as everything else is said, and ends with exit code 1."""

    def error(self, message: str) -> NoReturn:
        raise FrailtyError(message[:1].upper() + message[1:] + ".", mend=f"{self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="frailty", description="Frailty scores over whole practice lists, and the worklists that come of them.",
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"frailty {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    demo = _command(commands, "demo", _demo, "a made-up locality and one nightly run on it", "frailty demo --out demo")
    demo.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="where to put it (default: demo)")
    demo.add_argument("--people", type=int, default=10_000, metavar="N", help="registered people (default: 10,000)")

    synth = _command(commands, "synth", _synth, "writes a made-up locality",
                     "frailty synth town --people 10000 --homes 3 --seed 1")
    synth.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder")
    synth.add_argument("--people", type=int, default=10_000, metavar="N", help="registered people (default: 10,000)")
    synth.add_argument("--homes", type=int, default=3, metavar="N", help="care homes (default: 3)")
    synth.add_argument("--seed", type=int, default=1, help="the same seed gives the same files (default: 1)")
    synth.add_argument("--as", dest="layout", choices=("fhir", "tables"), default="fhir", help="FHIR NDJSON or plain tables")
    synth.add_argument("--as-of", type=_date, metavar="DATE", help="the day on which the records end (default: today)")

    nightly = _command(
        commands, "nightly", _nightly, "loads records, scores everybody, writes worklists",
        "frailty nightly exports/* --site site.toml --out lists --purpose direct-care",
        "Each RECORDS argument is one source: a folder or file of FHIR JSON or NDJSON (R4, R4B, STU3; .gz too) or of the plain "
        "tables. Its name is NAME in NAME=PATH, else the last part of the path; keep it the same every night.\n\n"
        "Exit code 0: done. 1: failed, nothing changed. 3: done, but a source was missing, stale, frozen or held.")
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
    nightly.add_argument("--extracted-at", type=_time, metavar="TIME", help="when the records were extracted (ISO 8601)")
    nightly.add_argument("--scores", default="", metavar="IDS", help="comma-separated (default: all; see: frailty scores)")
    nightly.add_argument("--validate", action="store_true",
                         help="also check every resource against FHIR with fhir.resources (slow: about 6 MB/s)")
    nightly.add_argument("--accept-change", action="append", default=[], metavar="SOURCE",
                         help="take this source's records although its number of people changed much")

    explain = _command(commands, "explain", _explain, "one person's score, term by term, down to the record",
                       "frailty explain 9d3c61 --store lists.duckdb --score efi --as-of 2026-11-22")
    explain.add_argument("patient", metavar="PATIENT", help="patient_id, as in scores.csv")
    explain.add_argument("--store", type=Path, required=True, metavar="FILE")
    explain.add_argument("--score", default="efi", metavar="ID")
    explain.add_argument("--as-of", type=_date, metavar="DATE", help="default: today")

    scores = _command(commands, "scores", _scores, "which scores exist, and what each is", "frailty scores show efi")
    scores.add_argument("action", nargs="?", choices=("list", "show"), default="list")
    scores.add_argument("id", nargs="?", metavar="ID")
    return parser


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], int], help_text: str, example: str,
             more: str = "") -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=help_text[0].upper() + help_text[1:] + "." + ("\n\n" + more if more else ""),
        epilog=f"example:\n  {example}", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.set_defaults(run=run)
    return parser


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write YYYY-MM-DD") from None


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write 2026-11-22T02:00") from None


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
    from frailty.practice import today
    from frailty.synthetic import make_locality
    progress = _progress()
    summary = make_locality(chosen.out, people=chosen.people, homes=chosen.homes, seed=chosen.seed, layout=chosen.layout,
                            as_of=chosen.as_of or today(), progress=progress)
    progress("", 0, 0)
    print(summary)
    return 0


def _nightly(chosen: argparse.Namespace) -> int:
    from frailty.nightly import Options, run_nightly
    progress = _progress()
    options = Options(
        records=tuple(chosen.records), out=chosen.out, purpose=chosen.purpose, site=chosen.site, store=chosen.store,
        as_of=chosen.as_of, delta=chosen.delta, extracted_at=chosen.extracted_at,
        scores=tuple(one.strip() for one in chosen.scores.split(",") if one.strip()), validate=chosen.validate,
        accept_change=tuple(chosen.accept_change))
    result = run_nightly(options, progress)
    progress("", 0, 0)
    print(summary(result, chosen.out))
    return result.exit_code


def summary(result: Result, out: Path) -> str:
    """What a run did, for the person who started it."""
    run = result.run
    lines = [f"{result.people:,} people scored as of {run['as_of']}, in {run['this_run']['seconds']} s."]
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


def _explain(chosen: argparse.Namespace) -> int:
    import frailty
    from frailty.scoring.load import load_scorecard
    card = load_scorecard(chosen.score)
    practice = frailty.open(chosen.store)
    scores = practice.score([chosen.score], chosen.as_of)
    row = scores[scores["patient_id"] == chosen.patient]
    terms = practice.explain(chosen.patient, chosen.score, chosen.as_of)
    one = row.iloc[0]
    of = f" of {one[f'{card.id}_of']}" if f"{card.id}_of" in row else ""
    band = one[f"{card.id}_band"]
    status = one[f"{card.id}_status"]
    print(f"{card.title}: {one[f'{card.id}_points']:g}{of} points"
          + (f", {band}" if status == "ok" else f" ({status.replace('_', ' ')}: {one[f'{card.id}_reason']})"))
    for term in terms.to_dict("records"):
        days = [str(term[name])[:10] for name in ("first_on", "last_on") if str(term[name]) not in ("NaT", "None")]
        records = f"{term['n']} record" + ("s" if term["n"] != 1 else "")
        print(f"  {term['points']:g}  {term['term']:<24} {' to '.join(dict.fromkeys(days)):<25} {records:<12} "
              f"{_text(term['display'])} [{_text(term['system'])} {_text(term['code'])}] {_text(term['resource'])}".rstrip())
    if not len(terms):
        print("  no term gave points")
    return 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _scores(chosen: argparse.Namespace) -> int:
    from frailty.scoring.load import load_scorecard, scorecard_ids
    if chosen.action == "show" or chosen.id:
        if not chosen.id:
            raise FrailtyError("Which score?", mend="frailty scores show ID; ids: " + ", ".join(scorecard_ids()))
        from frailty.scoring.describe import describe
        print(describe(load_scorecard(chosen.id)))
        return 0
    for one in scorecard_ids():
        card = load_scorecard(one)
        print(f"{card.id:<20} {card.title}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
