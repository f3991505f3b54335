"""How rounds of the world in plain Python ended, with a block as the contracts would have made it."""

from tests.unit.roles.fakes import CHAIN_ADDRESS, CHAIN_ID, World

from pole.protocol.encoding.hashing import address
from pole.protocol.encoding.headers import header_hash
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    RecordData,
    SolutionRevealed,
    SubmissionsClosed,
    TestSetReleased,
    encode_record,
)
from pole.protocol.formats.block_body import body_root
from pole.protocol.state import ENDED, Header, Record
from pole.roles.models.result import RoundResult, WonBlock


def result_of(world: World, round_id: int) -> RoundResult | None:
    """Return how a round ended; the winner is the best of those who claim the most on the test set."""
    if world.phase(round_id)[0] not in ENDED:
        return None
    ended = world.rounds[round_id]
    block = _block(world, round_id) if ended.height else None
    task = world.tasks[ended.task_id]
    return RoundResult(CHAIN_ID, address(CHAIN_ADDRESS), round_id, task, ended.seed, block, ended.void_reason)


def _block(world: World, round_id: int) -> WonBlock:
    ended = world.rounds[round_id]
    solutions = {each.miner: each for each in world.solutions[round_id]}
    told: list[RecordData] = [SubmissionsClosed(round_id)]
    if round_id in world.tests:
        told.append(TestSetReleased(round_id, world.tests[round_id].cid, world.tests[round_id].digest))
    for miner, model in world.models[round_id].items():
        claims = solutions[miner].claimed_train_correct, solutions[miner].claimed_test_correct
        told.append(SolutionRevealed(round_id, address(miner), model.cid, model.digest, *claims))
    told.append(CommitteeDrawn(round_id, bytes(32), ended.entropy, tuple(map(address, world.seats))))
    records = tuple(Record(ended.height, index, *encode_record(data)) for index, data in enumerate(told))
    best = max(world.models[round_id], key=lambda miner: solutions[miner].claimed_test_correct)
    header = Header(
        ended.height,
        bytes(32),
        round_id,
        ended.task_id,
        address(best),
        world.models[round_id][best].digest,
        solutions[best].claimed_train_correct,
        solutions[best].claimed_test_correct,
        bytes(32),
        body_root(records),
        world.now,
    )
    return WonBlock(header, header_hash(header), records)
