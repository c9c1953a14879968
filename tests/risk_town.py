"""A made-up dataset whose true risk is known: additive but for two planted pairs."""

from __future__ import annotations

import numpy as np

from frailty.risk.dataset import Column, Dataset
from frailty.risk.fitting import probability

CONDITIONS = ("falls", "anaemia", "dizziness", "diabetes", "ckd", "dyspnoea", "heart-failure", "stroke-tia")
COLUMNS = (
    Column("age", "Age", "number", 1, {"any": [{"from": "person"}]}),
    *(Column(name, name.capitalize(), "flag", 1, {"any": [{"codes": f"efi/{name}"}]}) for name in CONDITIONS),
    Column(
        "emergencies",
        "Emergency admissions",
        "count",
        1,
        {"any": [{"from": "stay", "stay": {"admission": ["emergency"]}, "within": "12 months"}]},
    ),
    Column(
        "haemoglobin",
        "Haemoglobin",
        "number",
        0,
        {"any": [{"from": "value", "codes": "quantities/haemoglobin", "take": "latest"}]},
    ),
)
PRACTICES = ("Harbour", "Mill Lane", "Station Road")


def risk_data(
    people: int,
    seed: int,
    start: int,
    dates: int = 2,
    censored: float = 0.0,
    fewer: float = 0.0,
    steeper: float = 1.0,
) -> Dataset:
    """Rows at some quarterly dates. fewer: conditions are rarer, on the log-odds; steeper: of the true slope."""
    rng = np.random.default_rng(seed)
    age = rng.integers(40, 97, people)
    frail = rng.normal(size=people) + (age - 70) / 15
    x = np.column_stack(
        [
            age,
            rng.random((people, 8)) < probability(0.7 * frail[:, None] - 2.5 - fewer),
            rng.poisson(np.exp(-1.6 + 0.5 * frail)),
            np.where(rng.random(people) < 0.4, np.nan, np.round(rng.normal(130, 14, people) - 3 * frail, 1)),
        ]
    ).astype(np.float32)
    x = np.tile(x, (dates, 1))
    total = 0.035 * (x[:, 0] - 40) + x[:, 1:9] @ np.linspace(0.1, 0.6, 8) + 0.4 * np.minimum(x[:, 9], 4)
    total += 2.2 * ((x[:, 0] >= 75) & (x[:, 8] > 0)) + 0.6 * (x[:, 10] < 115) - 4
    p = probability(steeper * (total + 2) - 2).astype(np.float64)
    n = len(p)
    admitted, died, left = rng.random(n) < p, rng.random(n) < 0.04, rng.random(n) < censored
    when = rng.integers(1, 366, (2, n))
    ended = np.where(admitted, 1, np.where(died, 2, 0))
    days = np.where(ended > 0, when[0], 365)
    gone = left & (when[1] < days)
    ended, days = np.where(gone, 0, ended), np.where(gone, when[1], days)
    person = np.tile(np.arange(people), dates) + seed * 1_000_000
    efi = x[:, 1:9].sum(axis=1) / 8.0
    return Dataset(
        x=x,
        columns=COLUMNS,
        y=np.where(ended == 1, 1, np.where(gone, -1, 0)).astype(np.int8),
        days=days.astype(np.int32),
        ended=ended.astype(np.int8),
        person=person.astype(np.int64),
        as_of=np.repeat(start + 91 * np.arange(dates), people).astype(np.int32),
        horizon=365,
        groups={
            "age": np.where(x[:, 0] < 65, "40 to 64", np.where(x[:, 0] < 80, "65 to 79", "80 and over")),
            "practice": np.array(PRACTICES)[person % 3],
            "care home": np.where(person % 1000 == 7, "yes", ""),
            "ethnicity": np.array(["White", "Asian", "Black", "Mixed", ""])[person % 5],
        },
        given={
            "efi_reviewed": np.where(x[:, 0] < 65, np.nan, efi).astype(np.float64),
            "hazard_given_records": p,
        },
    )
