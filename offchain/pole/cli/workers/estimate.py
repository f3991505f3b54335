"""`pole verifier estimate`."""

from fractions import Fraction
from typing import TYPE_CHECKING

import click

from pole.cli.common.context import Settings, command, common_options, json_option, open_reader
from pole.cli.common.output import print_json, print_table
from pole.protocol.amounts import ether
from pole.quoting import utc

if TYPE_CHECKING:
    from pole.protocol.replay.earnings.estimate import SeatEstimate
    from pole.protocol.replay.standing import ReplayedRound


@command(epilog="Example: pole verifier estimate --rounds 50")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many of the newest rounds that have ended to look at.",
)
@json_option
@common_options
def estimate(settings: Settings, /, *, rounds: int, as_json: bool) -> None:
    """Show what a verifier's seat earned here in the last rounds, on average over all that could be drawn.

    Computed from the chain's records, which are checked as `pole chain verify` does. Beside the average, with
    absence and penalties, stand a seat that always casts what is found, and one that never votes. One seat
    more makes each share a little smaller. The gas of transactions is not in it.
    """
    from pole.adapters.ethereum.history_source import read_history
    from pole.adapters.history.rounds import seats_of
    from pole.protocol.replay.earnings.estimate import estimate_seat
    from pole.protocol.replay.history import replayed_rounds

    reader = open_reader(settings)
    history = read_history(reader)
    ended = [played for played in replayed_rounds(history) if played.clock is not None][-rounds:]
    limits = history.around.parameters.committee
    found = estimate_seat(ended, seats_of(reader, ended), history.around.books, limits)
    times = _times(ended)
    if as_json:
        print_json({**_document(found, times), "seatStake": str(limits.seat_stake)})
        return
    _print(found, times, limits.seat_stake)


def _times(ended: "list[ReplayedRound]") -> tuple[int, int]:
    """Return when the first of some rounds opened and the last ended, zeros of none."""
    clocks = [played.clock for played in ended if played.clock is not None]
    opened, over = [each.opened_at for each in clocks], [each.ended_at for each in clocks]
    return min(opened, default=0), max(over, default=0)


def _print(found: "SeatEstimate", times: tuple[int, int], stake: int) -> None:
    if not found.rounds:
        click.echo("No round has ended here yet, so nothing can be said of a seat.")
        return
    rows = [
        ("on average, as members voted", *_amounts(found.net, found)),
        ("always casting what is found", *_amounts(found.right, found)),
        ("never voting", *_amounts(-found.absent, found)),
    ]
    print_table(("a seat", "in all", "a round"), rows, empty="")
    endings = ", ".join(f"{count} {ending.value}" for ending, count in found.endings.most_common())
    click.echo(
        f"Rounds: {found.rounds}, from {utc(times[0])} to {utc(times[1])}, {found.judged} of them judged. "
        f"A seat was drawn {float(found.drawn):.2f} times on average, and holds a stake of {ether(stake)}. "
        f"It was paid {ether(int(found.fees))} and lost {ether(int(found.penalties))}. "
        f"What became of all that were drawn: {endings or 'nothing'}. Gas is not in it."
    )


def _amounts(wei: Fraction, found: "SeatEstimate") -> tuple[str, str]:
    return ether(int(wei)), ether(int(wei / found.rounds))


def _document(found: "SeatEstimate", times: tuple[int, int]) -> dict[str, object]:
    return {
        "rounds": found.rounds,
        "judged": found.judged,
        "from": times[0],
        "to": times[1],
        "drawn": round(float(found.drawn), 6),
        "fees": str(int(found.fees)),
        "penalties": str(int(found.penalties)),
        "net": str(int(found.net)),
        "alwaysRight": str(int(found.right)),
        "neverVoting": str(-int(found.absent)),
        "endings": {ending.value: count for ending, count in found.endings.items()},
    }
