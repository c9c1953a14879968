"""Compiles kernels into their cache: `python tests/warm.py scores | history`.

`make test` does so beside mypy, or else each worker would compile the same.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta

import pandas as pd

from frailty import Practice
from frailty.scoring import history, load_scorecard, scorecard_ids

if __name__ == "__main__":
    day = date(2026, 1, 1)
    nobody = Practice.from_frames(
        pd.DataFrame({"patient_id": ["1"], "birth_date": ["1940-01-01"], "sex": ["female"], "practice": ["Y90001"]}),
        pd.DataFrame(columns=["patient_id", "record_id", "system", "code", "effective_on"]))
    if sys.argv[1] == "scores":
        nobody.score("efi", day)
        nobody.score([one for one in scorecard_ids() if load_scorecard(one).terms], day)      # some need more of the kernel
    else:
        history.WORTH = 1                               # that many dates go in one pass
        nobody.history("efi", [day + timedelta(n) for n in range(70)])
