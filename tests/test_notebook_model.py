"""The notebook from records to a published model runs from top to bottom, small, and is committed without outputs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "records_to_model.ipynb"


def test_committed_without_outputs() -> None:
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_from_records_to_a_published_card() -> None:
    for name in ("ipykernel", "matplotlib", "nbclient"):
        pytest.importorskip(name, reason="the notebook extra is not installed")
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    client.execute(env=os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "FRAILTY_NOTEBOOK_PEOPLE": "1200"})
    shown: list[Any] = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    text = "\n".join(one.get("text", "") or one.get("data", {}).get("text/plain", "") for one in shown)
    for word in ("rows are the same with the future cut off", "knows more than was recorded on the day", "True risk, given the records",
                 "published: card.md evaluation.json scorecard.toml", "RECALIBRATE before further use",
                 "synthetic, for demonstration, not for care"):
        assert word in text, word
    assert [one for one in shown if one.output_type == "error" or one.get("name") == "stderr"] == []
    assert len([one for one in shown if "image/png" in one.get("data", {})]) == 1
