"""The rows of a round: how the protocol's own rules judge what its events say."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pole.adapters.history.pages import ChainEvent
from pole.errors import IntegrityError
from pole.explore.index.rounds import Where, opening_of, played_round
from pole.protocol.encoding.records import RoundOpened
from pole.protocol.parameters import Parameters
from pole.protocol.replay.earnings.endings import solution_ending
from pole.protocol.replay.earnings.miner import miner_row
from pole.protocol.replay.earnings.verifier import seats_of_round
from pole.protocol.replay.earnings.wording import miner_reason
from pole.protocol.replay.round_trace import BallotTrace
from pole.protocol.replay.standing import ReplayedRound
from pole.protocol.replay.surroundings import Books
from pole.protocol.state import PostedTask, Vote

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by the name of their table."""

OPEN: Final = "open"
BLOCK: Final = "block"
VOID: Final = "void"


def round_rows(
    events: Sequence[ChainEvent], times: Mapping[int, int], task: PostedTask, where: Where
) -> Rows:
    """Return the rows of a round whose opening is among the events; a breach of a rule stands in its row."""
    opened = opening_of(events)
    if opened is None:
        return {}
    try:
        played, books = played_round(events, times, task, where)
    except IntegrityError as error:
        return {"rounds": [_broken(*opened, times, task, where, str(error))]}
    traced = played.traced
    return {
        "rounds": [_round(played, opened[1], times, where)],
        "solutions": _solutions(played, where.parameters),
        "ballots": [_ballot(each, attempt, played.round_id) for attempt, each in enumerate(traced.ballots)],
        "seats": _seats(played, books),
        "payouts": [
            {
                "round_id": played.round_id,
                "place": place,
                "payee": payout.payee,
                "reason": payout.reason.name,
                "amount": payout.amount,
            }
            for place, payout in enumerate(traced.payouts.payouts if traced.payouts else ())
        ],
    }


def _round(played: ReplayedRound, opened: int, times: Mapping[int, int], where: Where) -> dict[str, Any]:
    traced, clock, judgement = played.traced, played.clock, played.result.judgement
    ended = clock is not None
    void = ended and judgement.winner is None
    return {
        **_opening(traced.opened, opened, times, played.task, where),
        "ended_at": clock.ended_at if clock else None,
        "closed_early": clock.closed_early if clock else None,
        "state": OPEN if not ended else VOID if void else BLOCK,
        "void_reason": judgement.void_reason.name if void else None,
        "height": played.height or None,
        "winner": judgement.winner.miner if ended and judgement.winner else None,
        "seed": traced.seed.seed if traced.seed else None,
        "keys_cid": traced.keys.keys_cid if traced.keys else None,
        "test_cid": traced.test.test_cid if traced.test else None,
        "released": traced.released,
        "commitments": len(traced.commitments),
        "places": len(played.result.ended.solutions),
        "revealed": len(traced.reveals),
        "committees": len(traced.ballots),
        "challenges": len(traced.challenges),
        "fault": None,
    }


def _opening(
    opened: RoundOpened, block: int, times: Mapping[int, int], task: PostedTask, where: Where
) -> dict[str, Any]:
    return {
        "round_id": opened.round_id,
        "lane": opened.round_id % where.parameters.committee.lanes,
        "task_id": opened.task_id,
        "opened_at": times[block],
        "opened_block": block,
        "reward": task.terms.reward,
    }


def _broken(
    opened: RoundOpened, block: int, times: Mapping[int, int], task: PostedTask, where: Where, fault: str
) -> dict[str, Any]:
    """Return the row of a round of which only the opening can be trusted."""
    unknown = dict.fromkeys(
        (*("ended_at", "closed_early", "void_reason", "height", "winner", "seed", "keys_cid", "test_cid"),)
    )
    counts = dict.fromkeys(("commitments", "places", "revealed", "committees", "challenges"), 0)
    opening = _opening(opened, block, times, task, where)
    return {**opening, **unknown, **counts, "state": OPEN, "released": False, "fault": fault}


def _solutions(played: ReplayedRound, parameters: Parameters) -> list[dict[str, Any]]:
    places = {each.miner: place for place, each in enumerate(played.result.ended.solutions)}
    cids = {each.miner: each.model_cid for each in played.traced.reveals}
    found = []
    for miner in dict.fromkeys(each.miner for each in played.traced.commitments):
        row = miner_row(played, miner, parameters)
        if row is None:
            continue
        own, ending = row.solution, row.ending
        if own is not None and own.revealed and played.result.ended.findings is not None:
            # What the committee counted is shown before the round has ended, too.
            counted = solution_ending(played.result.ended, played.result.judgement, own).found
        else:
            counted = None
        revealed = own is not None and own.revealed
        found.append(
            {
                "round_id": played.round_id,
                "miner": miner,
                "place": places.get(miner),
                "commitment_order": own.order if own else None,
                "claimed_train": row.claimed,
                "claimed_test": own.claimed_test_correct if own and revealed else None,
                "model_cid": cids.get(miner),
                "model_digest": own.model_digest if own and revealed else None,
                "choice": own.choice if own else 0,
                "ending": ending.ending.value,
                "reason": miner_reason(row),
                "rank": ending.rank,
                "verdict": counted.verdict.name if counted else None,
                "found_train": counted.train_correct if counted else None,
                "found_test": counted.test_correct if counted else None,
                "paid": row.paid,
                "lost": row.lost,
                "held": row.held,
            }
        )
    return found


def _ballot(ballot: BallotTrace, attempt: int, round_id: int) -> dict[str, Any]:
    return {
        "ballot_id": ballot.ballot_id,
        "round_id": round_id,
        "attempt": attempt,
        "members": len(ballot.drawn.members),
        "committed": len(ballot.commitments),
        "leaked": len(ballot.leaks),
        "revealed": len(ballot.reveals),
    }


def _seats(played: ReplayedRound, books: Books) -> list[dict[str, Any]]:
    found = []
    ballots, committees = played.traced.ballots, played.result.committees
    number: dict[int, int] = {}
    for seat in seats_of_round(played, books):
        ballot = ballots[seat.attempt]
        place = number[seat.attempt] = number.get(seat.attempt, -1) + 1
        votes = committees[seat.attempt].votes.get(seat.verifier, ())
        found.append(
            {
                "ballot_id": ballot.ballot_id,
                "verifier": seat.verifier,
                "round_id": played.round_id,
                "seat": place,
                "stage": _stage(ballot, seat.verifier),
                "ending": seat.ending.value,
                "votes": json.dumps([_vote(each) for each in votes]),
                "fee": seat.fee,
                "lost": seat.lost,
                "strike": seat.strike,
            }
        )
    return found


def _stage(ballot: BallotTrace, verifier: str) -> str:
    for stage, acts in (
        ("leaked", ballot.leaks),
        ("revealed", ballot.reveals),
        ("committed", ballot.commitments),
    ):
        if any(each.verifier == verifier for each in acts):
            return stage
    return "drawn"


def _vote(vote: Vote) -> dict[str, Any]:
    return {
        "verdict": vote.verdict.name,
        "train": vote.train_correct,
        "test": vote.test_correct,
        "predictions": "0x" + vote.predictions.hex(),
    }
