"""Replaying blocks: each must end a round over its body, and pay from the pool what the rules give."""

from dataclasses import replace

from pole.errors import IntegrityError
from pole.protocol.encoding.headers import header_hash, ommers_hash
from pole.protocol.encoding.merkle_body import root
from pole.protocol.encoding.records import Payouts
from pole.protocol.replay.audits.rounds import RoundResult
from pole.protocol.replay.standing import Replay, audit_open_round, close_round
from pole.protocol.rounds.judgement import finding_of
from pole.protocol.rounds.ommer_rewards import (
    NOTHING,
    PoolDraw,
    fee_covers,
    pool_draw,
    referable,
)
from pole.protocol.rounds.payouts import pool_payouts
from pole.protocol.state import Block, Ommer, PayoutReason, PostedTask


def replay_block(replay: Replay, block: Block) -> None:
    """End a round with a block over the current body; raises IntegrityError unless it follows."""
    height = replay.height + 1
    try:
        _check_links(replay, block)
        _check_outcome(replay, block)
    except IntegrityError as error:
        raise IntegrityError(f"Height {height}: {error}.") from error
    replay.height = height
    replay.head = block.hash
    replay.timestamp = block.header.timestamp


def _check_links(replay: Replay, block: Block) -> None:
    header = block.header
    if header_hash(header) != block.hash:
        raise IntegrityError("the header does not have the block's hash")
    if header.height != replay.height + 1 or header.parent_hash != replay.head:
        raise IntegrityError("the header does not follow the block before")
    if header.timestamp < replay.timestamp:
        raise IntegrityError("the block is older than the block before")
    if header.body_root != root(replay.body):
        raise IntegrityError("the header's body root is not that of the records")
    if header.ommers_hash != ommers_hash(block.ommers):
        raise IntegrityError("the header's ommers hash is not that of the ommers")


def _check_outcome(replay: Replay, block: Block) -> None:
    header, round_id = block.header, block.header.round_id
    if replay.settling is None or round_id != replay.settling:
        raise IntegrityError("the block ends no round, or another than the one whose payouts come last")
    ended = audit_open_round(replay, round_id)
    traced, task, result = ended.traced, ended.task, ended.result
    if traced.payouts is None or result.judgement.winner is None:
        raise IntegrityError(f"round {round_id} must be void ({result.judgement.void_reason.name})")
    winner = result.judgement.winner
    finding = finding_of(result.ended, winner)
    if (header.task_id, header.winner, header.model_digest) != (
        task.task_id,
        winner.miner,
        winner.model_digest,
    ) or (header.train_correct, header.test_correct) != (finding.train_correct, finding.test_correct):
        raise IntegrityError(f"the header does not say how round {round_id} ended")
    if replay.around.clocks[round_id].ended_at != header.timestamp:
        raise IntegrityError(f"the header has another time than the end of round {round_id}")
    draw = _check_pool_draw(replay, block, task, traced.payouts)
    if traced.payouts.payouts != (*result.settlement.payouts, *pool_payouts(draw, winner.miner)):
        raise IntegrityError(f"round {round_id} paid out otherwise than its end demands")
    if draw.ommer is not None:
        replay.ommer = None
    if _is_covered(replay, task):
        _note_ommer(replay, result, header.height)
    close_round(replay, replace(ended, height=header.height))


def _check_pool_draw(replay: Replay, block: Block, task: PostedTask, paid: Payouts) -> PoolDraw:
    """Return what the block draws: all that it may, or nothing, as it must when the pool holds too little."""
    parameters = replay.around.parameters.chain
    height = block.header.height
    rewarded = any(payout.reason is PayoutReason.BLOCK_REWARD for payout in paid.payouts)
    if not rewarded and not block.ommers:
        return NOTHING
    if not _is_covered(replay, task):
        raise IntegrityError("the block draws from the pool, but its task's fee does not cover that")
    lanes = replay.around.parameters.committee.lanes
    ommer = referable(replay.ommer, height=height, lanes=lanes)
    if block.ommers != (() if ommer is None else (replace(ommer, referenced=True),)):
        raise IntegrityError("the block references another ommer than the last one left")
    return pool_draw(ommer, height=height, lanes=lanes, block_reward=parameters.block_reward)


def _is_covered(replay: Replay, task: PostedTask) -> bool:
    """Return whether the task's fee pays for what a block draws, and so whether its block leaves an ommer."""
    parameters = replay.around.parameters.chain
    return fee_covers(
        task.terms.fee, block_reward=parameters.block_reward, margin_bps=parameters.fee_margin_bps
    )


def _note_ommer(replay: Replay, result: RoundResult, height: int) -> None:
    if not result.judgement.ommers:
        return
    solution = result.judgement.ommers[0]
    finding = finding_of(result.ended, solution)
    terms, released = result.ended.terms, result.ended.released
    replay.ommer = Ommer(
        height=height,
        miner=solution.miner,
        model_digest=solution.model_digest,
        correct=finding.test_correct if released else finding.train_correct,
        total=terms.test_count if released else terms.train_count,
        count=len(result.judgement.ommers),
        referenced=False,
    )
