"""A table as people have it: numbers, names, dates, truths, gaps, outliers, an identifier; made by seed."""

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

TOWNS = ("Bern", "Genève", "Lugano", "Zürich")
PLANS = ("basic", "family", "pro")
HEADER = ("customer", "age", "income", "town", "plan", "since", "newsletter", "calls", "renewed")


def rows(count: int, seed: int) -> list[dict[str, str]]:
    """Return so many customers; three in five renew, those with long contracts, few calls and good plans."""
    random = np.random.default_rng(seed)
    return [_row(number, random) for number in range(count)]


def write_csv(path: Path, table: list[dict[str, str]]) -> Path:
    """Write rows as a CSV file; return its path."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return path


def _row(number: int, random: np.random.Generator) -> dict[str, str]:
    age, income = random.integers(18, 90), random.lognormal(10.8, 0.5)
    town, plan = random.integers(len(TOWNS)), random.integers(len(PLANS))
    days, calls = random.integers(0, 3000), random.poisson(2)
    newsletter = random.random() < 0.4
    merit = days / 1000 + 0.8 * plan - 0.7 * calls + 0.6 * newsletter + (town == 3) + random.normal(0, 0.5)
    return {
        "customer": f"C{number:06}",
        "age": "" if random.random() < 0.1 else str(age),
        # One typing error in a thousand.
        "income": f"{income * (1e6 if number % 1000 == 7 else 1):.2f}",
        "town": TOWNS[town],
        "plan": "" if random.random() < 0.02 else PLANS[plan],
        "since": str(date(2018, 1, 1) + timedelta(days=3000 - int(days))),
        "newsletter": "yes" if newsletter else "no",
        "calls": str(calls),
        "renewed": "yes" if merit > 0.9 else "no",
    }
