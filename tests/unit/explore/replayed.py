"""The index held against the replay of the same chain."""

from sqlalchemy import Engine, select

from pole.explore import schema
from pole.protocol.replay.earnings.miner import miner_rows
from pole.protocol.replay.earnings.verifier import seats_of_round
from pole.protocol.replay.history import History, replayed_rounds
from pole.protocol.replay.standing import ReplayedRound


def expected(history: History) -> dict[int, ReplayedRound]:
    return {each.round_id: each for each in replayed_rounds(history)}


def check_parity(engine: Engine, history: History) -> None:
    """Hold every row of rounds against the replay of the same chain."""
    rounds, parameters = expected(history), history.around.parameters
    with engine.connect() as connection:
        rows = {row.round_id: row for row in connection.execute(select(schema.rounds))}
        solutions = list(connection.execute(select(schema.solutions)))
        seats = list(connection.execute(select(schema.seats)))
        payouts = list(connection.execute(select(schema.payouts).order_by(schema.payouts.c.place)))
        blocks = {row.height: row for row in connection.execute(select(schema.pole_blocks))}
    assert rows.keys() == rounds.keys()
    for round_id, each in rounds.items():
        row, judgement = rows[round_id], each.result.judgement
        assert row.fault is None
        assert (row.task_id, row.height or 0) == (each.task.task_id, each.height)
        assert (row.ended_at is None) == (each.clock is None)
        if each.clock is not None:
            assert (row.opened_at, row.ended_at) == (each.clock.opened_at, each.clock.ended_at)
            assert row.winner == (judgement.winner.miner if judgement.winner else None)
            assert row.void_reason == (None if judgement.winner else judgement.void_reason.name)
        paid = [(p.payee, p.reason, p.amount) for p in payouts if p.round_id == round_id]
        told = each.traced.payouts.payouts if each.traced.payouts else ()
        assert paid == [(p.payee, p.reason.name, p.amount) for p in told]
        own = {s.miner: s for s in solutions if s.round_id == round_id}
        assert own.keys() == {c.miner for c in each.traced.commitments}
        for miner, found in own.items():
            (wanted,) = miner_rows([each], miner, parameters)
            assert (found.ending, found.rank) == (wanted.ending.ending.value, wanted.ending.rank)
            assert (found.paid, found.lost, found.held) == (wanted.paid, wanted.lost, wanted.held)
        own_seats = [(s.verifier, s.ending, s.fee, s.lost, s.strike) for s in seats if s.round_id == round_id]
        assert sorted(own_seats) == sorted(
            (s.verifier, s.ending.value, s.fee, s.lost, s.strike)
            for s in seats_of_round(each, history.around.books)
        )
    assert [blocks[height].hash for height in sorted(blocks)] == [block.hash for block in history.blocks]
