"""What a network of many people costs, and what breaks first: python -m scripts.network."""

import json
import sys
from pathlib import Path
from typing import Final

import click
from scripts.network.tables import SEED, cells, chart, lost, scenes, tables
from scripts.pages.tables import written

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "network.md"
PICTURE: Final = PAGE.with_name("network.svg")


@click.command(
    epilog="Example: python -m scripts.network --json | jq '.[] | {lanes, tasksADay, breaksFirst}'"
)
@click.option(
    "--seed", type=int, default=SEED, show_default=True, help="Of tasks' times and rewards, and absences."
)
@click.option("--json", "as_json", is_flag=True, help="Print every combination, and write nothing.")
@click.option("--measure", is_flag=True, help="Measure bytes, seconds and requests on this machine first.")
def main(*, seed: int, as_json: bool, measure: bool) -> None:
    """Simulate networks of 10 to 10,000 tasks a day, and write docs/network.md and its picture.

    100 to 10,000 miners and 50 to 5,000 verifiers work in 1, 4 and 16 lanes. Gas is read from docs/gas.md,
    parameters from devnet/, bytes and seconds from scripts/network/units.json. The exit code is 1 where tasks
    got lost on the way.
    """
    if measure:
        from scripts.network.measuring import measured
        from scripts.network.units import write_units

        write_units(measured())
    found = scenes(seed)
    if as_json:
        click.echo(json.dumps(list(cells(found)), indent=1))
    else:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), tables(found)), encoding="utf-8")
        PICTURE.write_text(chart(found), encoding="utf-8")
        click.echo(f"Wrote {PAGE} and {PICTURE}.")
    sys.exit(int(lost(found) > 0))


if __name__ == "__main__":
    main()
