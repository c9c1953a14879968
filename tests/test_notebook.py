"""The notebook runs from top to bottom, and is committed without outputs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "first_hour.ipynb"


def test_committed_without_outputs() -> None:
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        assert not cell.get("outputs"), "clear the outputs before you commit the notebook"
        assert cell.get("execution_count") is None


@pytest.fixture(scope="module")
def executed() -> Any:
    for name in ("ipykernel", "matplotlib", "nbclient"):
        pytest.importorskip(name, reason="the notebook extra is not installed")
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=180, kernel_name="python3",
                                     resources={"metadata": {"path": str(ROOT)}})
    client.execute(env=os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"})
    return notebook


def outputs(notebook: Any) -> list[Any]:
    """All that the cells show."""
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def test_runs_and_shows_what_it_promises(executed: Any) -> None:
    text = "\n".join(one.get("text", "") or one.get("data", {}).get("text/plain", "") for one in outputs(executed))
    for word in ("sources", "quarantined", "outside_population", "not_assessable", "severe", "of 36 deficits",
                 "mean_efi", "people, dates:", "rising need:"):
        assert word in text
    assert len([one for one in outputs(executed) if "image/png" in one.get("data", {})]) == 2


def test_says_nothing_that_a_reader_should_not_see(executed: Any) -> None:
    assert [one for one in outputs(executed) if one.output_type == "error" or one.get("name") == "stderr"] == []
