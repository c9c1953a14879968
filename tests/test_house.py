"""The house and its rules: who imports whom, what lies where, what nobody writes."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import os
import re
import statistics
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "frailty"
FOUNDATION = ("errors", "knowledge", "sheets", "site")
ROOMS = ("terminology", "records", "scoring", "risk", "triage", "hub", "reports")
FACES = ("practice", "nightly", "warming", "cli", "demo")  # may import every room; only `__init__` and they import them
HEAVY = ("pandas", "duckdb", "numba", "numpy", "sklearn", "fhir", "jinja2", "rich", "openpyxl")
MODULES = sorted(PACKAGE.rglob("*.py"))
TEXT = (
    ".py",
    ".sql",
    ".toml",
    ".md",
    ".csv",
    ".html",
    ".css",
    ".ndjson",
    ".json",
    ".txt",
    ".cff",
    ".ipynb",
    "",
)


def part(module: Path) -> str:
    """The room, or the single file, that a module belongs to."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(module: Path) -> set[str]:
    """Parts of the house that a module imports, wherever in it; '' is the package itself."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}: write imports in full"
            whole = node.module or ""
            names = [f"frailty.{alias.name}" for alias in node.names] if whole == "frailty" else [whole]
        found |= {[*name.split("."), ""][1] for name in names if name.split(".")[0] == "frailty"}
    return found


def allowed(room: str) -> set[str]:
    if room in FOUNDATION:
        return set(FOUNDATION)
    if room == "synthetic":
        return {*FOUNDATION, "terminology", "synthetic"}
    if room in ROOMS:
        return {*FOUNDATION, *ROOMS[: ROOMS.index(room) + 1]}
    if room in FACES:
        return {*FOUNDATION, *ROOMS, *FACES, "synthetic", "", "__version__"}
    if room == "__init__":
        return {*FOUNDATION, "practice"}
    assert room == "__main__", f"frailty/{room} is not a room of the house"
    return {"cli"}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_to_its_left(module: Path) -> None:
    assert imported(module) <= allowed(part(module)), f"{module.relative_to(ROOT)} imports too much"


def test_no_room_is_empty() -> None:
    for room in (*ROOMS, "synthetic"):
        if (PACKAGE / room).is_dir():
            assert any(path.stem != "__init__" for path in (PACKAGE / room).glob("*.py")), f"{room} is empty"


def child(code: str) -> tuple[float, str]:
    """Seconds and output of a fresh interpreter."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return time.perf_counter() - started, done.stdout


def test_importing_loads_nothing_heavy() -> None:
    _, said = child(
        "import frailty, frailty.cli, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    assert not set(HEAVY) & set(said.split())


def test_importing_is_quick() -> None:
    pairs = [(child("pass")[0], child("import frailty")[0]) for _ in range(5)]
    took = statistics.median(with_us for _, with_us in pairs) - statistics.median(bare for bare, _ in pairs)
    assert took < 0.3, f"import frailty takes {took:.2f} s"


def test_public_names_are_described() -> None:
    import frailty

    for name in frailty.__all__:
        one = getattr(frailty, name)
        if callable(one):
            assert inspect.getdoc(one), f"frailty.{name} has no docstring"
    for name, member in inspect.getmembers(frailty.Practice):
        if not name.startswith("_") and (callable(member) or isinstance(member, property)):
            assert inspect.getdoc(member), f"Practice.{name} has no docstring"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_files_stay_short(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 500


def tracked() -> list[Path]:
    """Files of the repository, or of the source archive where there is no repository."""
    try:
        told = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        told = [
            str(path.relative_to(ROOT))
            for folder in ("frailty", "rules", "models", "tests", "benchmarks")
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        ]
    return [ROOT / name for name in told if Path(name).suffix in TEXT and (ROOT / name).is_file()]


# Written so that this file does not hold what it looks for.
MACHINE = re.compile(
    r"(?<![\w.~:>*)}-])/(?:" + "|".join(("work", "tmp", "home", "root", "Users", "mnt", "opt")) + r")/\w"
)
REGISTRY = re.compile(
    "|".join(
        (
            "index" + "-url",
            "arti" + "factory",
            "pythonhosted" + r"\.org",
            r"pypi\.org" + "/simple",
            "NEXUS" + "_URL",
        )
    )
)


def test_no_machine_and_no_registry_is_named() -> None:
    found = []
    for path in tracked():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if MACHINE.search(line) or REGISTRY.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_no_code_stands_in_a_program() -> None:
    """Codes are data: a SNOMED identifier (check digit right, concept partition) belongs under rules/."""
    from frailty.terminology import snomed_check_digit

    found = []
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, (str, int))
                and not isinstance(node.value, bool)
            ):
                for number in re.findall(r"(?<![\d.])\d{6,18}(?![\d.])", str(node.value)):
                    if number[-3:-1] in ("00", "10") and snomed_check_digit(number):
                        found.append(f"{module.relative_to(ROOT)}:{node.lineno}: {number}")
    assert found == []


def test_the_wheel_holds_the_knowledge(tmp_path: Path) -> None:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: nothing to build a wheel with")
    missing = [name for name in ("README.md", "LICENSE") if not (ROOT / name).is_file()]
    if missing:
        pytest.skip(f"no wheel without {' and '.join(missing)}")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            str(ROOT),
            "--no-deps",
            "--no-build-isolation",
            "--quiet",
            "--disable-pip-version-check",
            "--wheel-dir",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"frailty/_knowledge/{path.relative_to(ROOT)}"
        for folder in ("rules", "models")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    wanted |= {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix in (".py", ".sql", ".html", ".css", ".typed")
    }
    assert wanted <= names, sorted(wanted - names)[:10]
    assert not [name for name in names if "cache" in name or name.startswith("tests")]
