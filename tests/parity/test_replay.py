"""What the contracts did in a run of the stateful tests follows from the rules, record by record."""

from tests.contracts.stateful.interface import artifacts
from tests.contracts.stateful.run import Counts, run, seeded
from tests.parity.histories import history_of

from pole.protocol.replay.history import verify_history

STEPS = 120


def test_a_history_that_the_contracts_made_is_verified() -> None:
    course = run(artifacts(), seeded(4), STEPS, Counts())
    report = verify_history(history_of(course))
    assert report.rounds > 0
    assert report.votes > 0
    assert report.openings > 0
