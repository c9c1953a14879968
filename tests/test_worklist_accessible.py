"""Pages as a browser sees them: WCAG 2.2 AA by axe in headless Chromium. Skipped where there is no Chromium."""

import html
import json
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from test_worklist_pages import made, page  # noqa: F401

from frailty.reports.round_sheet import home_copy, render_sheet, round_sheet
from frailty.triage import Worklists

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (found := shutil.which(name))), "")
AXE = find_spec("axe_core_python")
RUN = """<pre id="axe-says"></pre><script>
axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(function (found) {
  document.getElementById("axe-says").textContent = JSON.stringify({
    passes: found.passes.length,
    violations: found.violations.map(function (one) {
      return {id: one.id, help: one.help, where: one.nodes.map(function (node) { return node.html.slice(0, 160); }).slice(0, 5)};
    })});
});
</script></body>"""

pytestmark = pytest.mark.skipif(not BROWSER or AXE is None, reason="no Chromium, or no axe-core")


def judged(text: str, folder: Path) -> dict[str, Any]:
    """What axe finds on a page."""
    assert AXE is not None and AXE.origin is not None
    axe = (Path(AXE.origin).parent / "axe.min.js").read_text("utf-8")
    path = folder / "page.html"
    path.write_text(text.replace("</body>", f"<script>{axe}</script>{RUN}"), encoding="utf-8")
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
         "--disable-component-update", f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="axe-says">(.+?)</pre>', done.stdout, re.S)
    assert found, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(html.unescape(found[1]))
    return told


@pytest.mark.parametrize(("audience", "ident"), [("practice", "Y90001"), ("home", "home-1"), ("hub", "hub"), ("team", "community"),
                                                 ("team", "navigator")])
def test_a_page_is_accessible(made: Worklists, audience: str, ident: str, tmp_path: Path) -> None:  # noqa: F811
    told = judged(page(made, audience, ident), tmp_path)
    assert told["passes"] > 10                                           # axe did look
    assert told["violations"] == []


@pytest.mark.parametrize("team", [True, False])
def test_a_round_sheet_is_accessible(made: Worklists, team: bool, tmp_path: Path) -> None:  # noqa: F811
    home = made.page("home", "home-1")
    sheet = round_sheet(home) if team else home_copy(home)
    told = judged(render_sheet(made, home, sheet).replace("style-src", "script-src 'unsafe-inline'; style-src"), tmp_path)
    assert told["passes"] > 10
    assert told["violations"] == []
