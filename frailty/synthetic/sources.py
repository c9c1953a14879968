"""Folders of records: the files of a source, and the bulk manifest beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from frailty.synthetic.fhir_parts import Files

_LOG = '{"exportId":"1","timestamp":"%sT02:00:00+00:00","eventId":"export_complete","eventDetail":{"files":%d}}\n'


def odd_files(names: list[str]) -> dict[str, list[str]]:
    """Files whose form is odd, though nothing in them is wrong: form -> places."""
    odd = {"crlf": [f"{names[0]}/AllergyIntolerance.ndjson"], "empty": [f"{names[0]}/Immunization.ndjson"]}
    if len(names) > 1:
        odd |= {"byte_order_mark": [f"{names[1]}/CarePlan.ndjson"], "not_fhir": [f"{names[1]}/log.ndjson"]}
    return odd


def write_source(folder: Path, files: Files, day: str, odd: dict[str, list[str]], deleted: str = "") -> int:
    """Writes the files of one source and their manifest; the number of bytes.

    deleted: a Bundle of deletions, as Bulk Data sends it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total, output, removed = 0, [], []
    for name, lines in sorted(files.items()):
        place = f"{folder.name}/{name}"
        end = "\r\n" if place in odd.get("crlf", ()) else "\n"
        mark = b"\xef\xbb\xbf" if place in odd.get("byte_order_mark", ()) else b""
        total += (folder / name).write_bytes(mark + (end.join(lines) + end).encode("utf-8"))
        output.append({"type": name.split(".")[0], "url": name, "count": len(lines)})
    for form, data in (("empty", b""), ("not_fhir", (_LOG % (day, len(output))).encode())):
        for source, name in (place.split("/") for place in odd.get(form, ())):
            if source == folder.name:
                (folder / name).write_bytes(data)
    if deleted:
        total += (folder / "deleted.ndjson").write_bytes(f"{deleted}\n".encode())
        removed.append({"type": "Bundle", "url": "deleted.ndjson", "count": 1})
    manifest: dict[str, Any] = {
        "transactionTime": f"{day}T02:00:00+00:00", "request": "Group/locality/$export", "requiresAccessToken": False,
        "output": output, "deleted": removed, "error": []}
    (folder / "manifest.json").write_bytes((json.dumps(manifest, indent=1) + "\n").encode())
    return total


def write_tables(folder: Path, tables: dict[str, list[str]]) -> int:
    """Writes the plain tables of one source; the number of bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    return sum((folder / f"{name}.csv").write_bytes(("\n".join(lines) + "\n").encode("utf-8"))
               for name, lines in tables.items())
