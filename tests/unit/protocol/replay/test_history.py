from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.protocol.example_rounds import DATA_NODE, MINERS, PARAMETERS, TERMS
from tests.unit.protocol.ledger import HONEST, SALT, SEATS, VERIFIERS, Ledger

from pole.errors import InputError, IntegrityError
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.commitments import vote_payload
from pole.protocol.encoding.headers import header_hash
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    DrawArmed,
    KeysPosted,
    Payouts,
    RecordData,
    RoundOpened,
    RoundVoided,
    SolutionCommitted,
    SolutionRevealed,
    SubmissionsClosed,
    TaskCancelled,
    TaskPosted,
    VoteCommitted,
    VoteRevealed,
    decode_record,
    encode_record,
)
from pole.protocol.encoding.records import TestSetReleased as ReleasedTestSet
from pole.protocol.formats.block_body import body_root
from pole.protocol.replay.history import History, prove, verify_history, verify_proof
from pole.protocol.state import Payout, PayoutReason, RecordKind, Verdict, VoidReason, Vote


def three_blocks() -> Ledger:
    ledger = Ledger()
    for _ in range(3):
        ledger.post()
    for _ in range(3):
        ledger.run()
    return ledger


@pytest.fixture(scope="module")
def history() -> History:
    return three_blocks().history()


def index_of(history: History, kind: RecordKind, nth: int = 0) -> int:
    return [i for i, record in enumerate(history.records) if record.kind is kind][nth]


def rewritten(history: History, at: int, change: Callable[[Any], RecordData]) -> History:
    """Return the history with one record changed and every block made anew: a consistent lie."""
    records = list(history.records)
    kind, data = encode_record(change(decode_record(records[at])))
    records[at] = replace(records[at], kind=kind, data=data)
    return resealed(replace(history, records=tuple(records)))


def resealed(history: History) -> History:
    blocks = [history.blocks[0]]
    for block in history.blocks[1:]:
        body = tuple(record for record in history.records if record.height == block.header.height)
        header = replace(block.header, parent_hash=blocks[-1].hash, body_root=body_root(body))
        blocks.append(replace(block, header=header, hash=header_hash(header)))
    return replace(history, blocks=tuple(blocks))


def test_a_history_without_genesis_is_refused(history: History) -> None:
    with pytest.raises(IntegrityError, match="no genesis block"):
        verify_history(replace(history, blocks=()))


def test_a_genesis_that_is_not_empty_is_refused(history: History) -> None:
    genesis = history.blocks[0]
    header = replace(genesis.header, round_id=1)
    blocks = (replace(genesis, header=header, hash=header_hash(header)), *history.blocks[1:])
    with pytest.raises(IntegrityError, match="Height 0"):
        verify_history(replace(history, blocks=blocks))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parent_hash": b"\x09" * 32}, "Height 2: .*follow"),
        ({"height": 3}, "Height 2: .*follow"),
        ({"timestamp": 5}, "Height 2: .*older"),
        ({"body_root": b"\x09" * 32}, "Height 2: .*body root"),
        ({"ommers_hash": b"\x09" * 32}, "Height 2: .*ommers hash"),
        ({"winner": MINERS[2]}, "Height 2: .*how round 2 ended"),
        ({"model_digest": b"\x09" * 32}, "Height 2: .*how round 2 ended"),
        ({"train_correct": 96}, "Height 2: .*how round 2 ended"),
        ({"test_correct": 10}, "Height 2: .*how round 2 ended"),
        ({"round_id": 1}, "Height 2: the block ends no round, or another"),
        ({"timestamp": 2_000}, "Height 2: .*another time than the end of round 2"),
        ({"task_id": 1}, "Height 2: .*how round 2 ended"),
    ],
)
def test_a_header_that_lies_is_refused(history: History, change: dict[str, Any], message: str) -> None:
    header = replace(history.blocks[2].header, **change)
    blocks = list(history.blocks)
    blocks[2] = replace(blocks[2], header=header, hash=header_hash(header))
    with pytest.raises(IntegrityError, match=message):
        verify_history(replace(history, blocks=tuple(blocks)))


def test_a_hash_that_is_not_the_header_s_is_refused(history: History) -> None:
    blocks = (history.blocks[0], replace(history.blocks[1], hash=bytes(32)), *history.blocks[2:])
    with pytest.raises(IntegrityError, match="Height 1: the header does not have the block's hash"):
        verify_history(replace(history, blocks=blocks))


def test_a_missing_record_is_named(history: History) -> None:
    records = history.records[:4] + history.records[5:]
    with pytest.raises(IntegrityError, match="Height 1: record 5 is out of order"):
        verify_history(replace(history, records=records))


def test_a_changed_record_breaks_the_body_root(history: History) -> None:
    at = index_of(history, RecordKind.KEYS_POSTED)
    kind, data = encode_record(KeysPosted(1, "bafyother", b"\x21" * 32))
    changed = replace(history.records[at], kind=kind, data=data)
    records = (*history.records[:at], changed, *history.records[at + 1 :])
    with pytest.raises(IntegrityError, match=r"Height 1: .*body root"):
        verify_history(replace(history, records=records))


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (RecordKind.TASK_POSTED, lambda r: replace(r, task_id=9), "task 9 is unknown"),
        (RecordKind.TASK_POSTED, lambda r: replace(r, terms_hash=bytes(32)), "other terms"),
        (RecordKind.TASK_POSTED, lambda r: replace(r, owner=MINERS[0]), "other terms, files or owner"),
        (RecordKind.TASK_POSTED, lambda _: TaskCancelled(3), "task 3 was cancelled, but does not wait"),
        (RecordKind.ROUND_OPENED, lambda r: replace(r, round_id=2), "round 2 opened out of order"),
        (RecordKind.ROUND_OPENED, lambda r: replace(r, task_id=2), "took task 2, which is not the most"),
        (RecordKind.ROUND_OPENED, lambda r: replace(r, parent_hash=bytes(32)), "names another parent"),
        (RecordKind.ROUND_OPENED, lambda r: replace(r, draw_block=7), "another mix than .* block 7"),
        (RecordKind.ROUND_OPENED, lambda r: replace(r, draw_block=0), "before a block was named"),
        (RecordKind.SEED_DRAWN, lambda r: replace(r, seed=bytes(32)), "a SeedDrawn record gives does not"),
        (RecordKind.SEED_DRAWN, lambda r: replace(r, mix=bytes(32)), "another mix than .* block 102"),
        (RecordKind.SEED_DRAWN, lambda _: DrawArmed(1, 9), "went on before its seed was drawn"),
        (RecordKind.DRAW_ARMED, lambda r: replace(r, draw_block=9), "another mix than .* block 9"),
        (RecordKind.KEYS_POSTED, lambda r: replace(r, round_id=2), "round 2 is not open"),
        (
            RecordKind.SUBMISSIONS_CLOSED,
            lambda _: KeysPosted(1, "a", bytes(32)),
            "a KeysPosted record comes after",
        ),
        (RecordKind.TEST_SET_RELEASED, lambda r: replace(r, test_digest=bytes(32)), "the test set released"),
        (RecordKind.SOLUTION_REVEALED, lambda r: replace(r, miner=MINERS[3]), "without a commitment"),
        (RecordKind.SOLUTION_REVEALED, lambda r: replace(r, miner=MINERS[1]), "revealed twice"),
        (RecordKind.SOLUTION_REVEALED, lambda r: replace(r, claimed_train_correct=96), "another train count"),
        (RecordKind.SOLUTION_REVEALED, lambda r: replace(r, claimed_test_correct=11), "more correct"),
        (RecordKind.SOLUTION_REVEALED, lambda r: replace(r, model_digest=b"\x09" * 32), "does not open"),
        (RecordKind.COMMITTEE_DRAWN, lambda r: replace(r, entropy=bytes(32)), "does not follow from its mix"),
        (RecordKind.COMMITTEE_DRAWN, lambda r: replace(r, members=r.members[:1]), "committee of 1 members"),
        (
            RecordKind.COMMITTEE_DRAWN,
            lambda r: replace(r, members=(*r.members[:2], r.members[0])),
            "sits twice",
        ),
        (RecordKind.COMMITTEE_DRAWN, lambda r: replace(r, members=(DATA_NODE, *r.members[1:])), "data node"),
        (RecordKind.COMMITTEE_DRAWN, lambda r: replace(r, members=(MINERS[0], *r.members[1:])), "miner"),
        (RecordKind.COMMITTEE_DRAWN, lambda r: replace(r, members=SEATS[1:4]), "had no right"),
        (RecordKind.VOTE_COMMITTED, lambda r: replace(r, verifier=VERIFIERS[1]), "committed a vote twice"),
        (RecordKind.VOTE_COMMITTED, lambda r: replace(r, commitment=bytes(32)), "do not open"),
        (RecordKind.VOTE_REVEALED, lambda r: replace(r, verifier=VERIFIERS[1]), "revealed a vote twice"),
        (RecordKind.VOTE_REVEALED, lambda r: replace(r, votes_hash=bytes(32)), "missing or not those"),
        (RecordKind.PAYOUTS, lambda r: replace(r, payouts=r.payouts[1:]), "paid out otherwise"),
        (
            RecordKind.PAYOUTS,
            lambda r: RoundVoided(r.round_id, VoidReason.NO_QUORUM),
            "nothing is known|void",
        ),
    ],
)
def test_a_record_against_the_rules_is_named(
    history: History, kind: RecordKind, change: Callable[[Any], RecordData], message: str
) -> None:
    changed = rewritten(history, index_of(history, kind), change)
    with pytest.raises(IntegrityError, match=f"Height 1.*{message}"):
        verify_history(changed)


def test_votes_that_are_missing_are_named(history: History) -> None:
    around = replace(history.around, votes={})
    with pytest.raises(IntegrityError, match=f"in round 1 the votes of {VERIFIERS[0]} are missing"):
        verify_history(replace(history, around=around))


def test_votes_on_other_choices_than_the_ballot_s_are_named(history: History) -> None:
    at = index_of(history, RecordKind.VOTE_REVEALED)
    changed = rewritten(history, at, lambda r: replace(r, votes_hash=vote_payload((HONEST,))))
    votes = {**history.around.votes, (ballot_id(1, 0), VERIFIERS[0]): (HONEST,)}
    around = replace(changed.around, votes=votes, vote_salts={})
    with pytest.raises(IntegrityError, match=f"the votes of {VERIFIERS[0]} are missing or not those"):
        verify_history(replace(changed, around=around))


def test_votes_that_do_not_open_their_commitment_are_named(history: History) -> None:
    salts = {**history.around.vote_salts, (ballot_id(2, 0), VERIFIERS[1]): bytes(32)}
    with pytest.raises(IntegrityError, match=f"round 2 the votes of {VERIFIERS[1]} do not open"):
        verify_history(replace(history, around=replace(history.around, vote_salts=salts)))


def test_a_block_that_hides_a_void_round_is_refused() -> None:
    ledger = three_blocks()
    disagreeing = Vote(Verdict.MALFORMED, 0, 0, bytes(32))
    for verifier in VERIFIERS:
        ledger.votes[ballot_id(3, 0), verifier] = (disagreeing, disagreeing)
    with pytest.raises(IntegrityError, match="Height 3"):
        verify_history(ledger.history())


def test_a_block_that_references_the_wrong_ommer_is_refused(history: History) -> None:
    assert history.blocks[2].ommers
    changed = resealed(replace(history, blocks=(*history.blocks[:2], replace(history.blocks[2], ommers=()))))
    with pytest.raises(IntegrityError, match=r"Height 2: .*ommer"):
        verify_history(changed)


def test_a_block_may_draw_nothing_but_then_references_no_ommer() -> None:
    ledger = Ledger()
    ledger.post()
    ledger.post()
    ledger.run()
    ledger.run(pool_holds=False)
    assert ledger.blocks[2].ommers == ()
    assert verify_history(ledger.history()).height == 2


def test_without_a_block_reward_ommers_are_referenced_for_nothing() -> None:
    chain = replace(PARAMETERS.chain, block_reward=0)
    ledger = Ledger(parameters=replace(PARAMETERS, chain=chain))
    for _ in range(2):
        ledger.post()
    for _ in range(2):
        ledger.run()
    assert len(ledger.blocks[2].ommers) == 1
    assert verify_history(ledger.history()).height == 2


def test_a_block_draws_nothing_when_its_task_s_fee_is_too_low() -> None:
    ledger = Ledger()
    ledger.post(replace(TERMS, fee=1))
    ledger.run()
    with pytest.raises(IntegrityError, match="fee does not cover"):
        verify_history(ledger.history())


def test_payouts_to_somebody_else_are_refused(history: History) -> None:
    thief = Payout(MINERS[3], PayoutReason.TASK_REWARD, 900_003)
    at = index_of(history, RecordKind.PAYOUTS, 2)
    changed = rewritten(history, at, lambda r: Payouts(3, (thief, *r.payouts[1:])))
    with pytest.raises(IntegrityError, match="Height 3: round 3 paid out otherwise"):
        verify_history(changed)


def test_a_round_that_goes_by_the_rules_is_verified(history: History) -> None:
    report = verify_history(history)
    assert (report.height, report.rounds, report.void_rounds) == (3, 3, 0)
    assert report.head == history.blocks[-1].hash
    assert (report.votes, report.openings) == (9, 15)


def test_a_referenced_ommer_is_at_the_height_before(history: History) -> None:
    assert [ommer.height for ommer in history.blocks[2].ommers] == [1]
    assert [ommer.height for ommer in history.blocks[3].ommers] == [2]


def void_ledgers() -> dict[VoidReason, Ledger]:
    ledgers: dict[VoidReason, Ledger] = {
        reason: Ledger() for reason in VoidReason if reason is not VoidReason.NONE
    }
    for ledger in ledgers.values():
        ledger.post()
    round_id = ledgers[VoidReason.KEYS_MISSING].open()
    ledgers[VoidReason.KEYS_MISSING].seed(round_id)
    for reason in (VoidReason.NO_COMMITMENT, VoidReason.NOTHING_REVEALED):
        ledgers[reason].run_to_training()
    ledgers[VoidReason.NOTHING_REVEALED].commit(round_id, 0)
    ledgers[VoidReason.COMMITTEE_TOO_SMALL].run_to_reveal()
    for reason in list(VoidReason)[1:5]:
        ledgers[reason].finalise(round_id)
    ledgers[VoidReason.NO_QUORUM].run(vote=None)
    ledgers[VoidReason.NONE_QUALIFIED].run(vote=Vote(Verdict.MALFORMED, 0, 0, bytes(32)))
    ledgers[VoidReason.DATA_UNAVAILABLE].run(vote=Vote(Verdict.DATA_UNAVAILABLE, 0, 0, bytes(32)))
    ledgers[VoidReason.DATA_FAULT].run(vote=Vote(Verdict.DATA_FAULT, 0, 0, bytes(32)))
    ledgers[VoidReason.THRESHOLD_MISSED].run(vote=Vote(Verdict.OK, 89, 9, b"\x77" * 32), train=89)
    return ledgers


@pytest.mark.parametrize(
    ("reason", "ledger"), void_ledgers().items(), ids=lambda given: getattr(given, "name", "")
)
def test_a_void_round_is_verified_and_the_chain_goes_on(reason: VoidReason, ledger: Ledger) -> None:
    voided = decode_record(ledger.records[-1])
    assert voided == RoundVoided(1, reason)
    ledger.post()
    ledger.run()
    report = verify_history(ledger.history())
    assert (report.height, report.rounds, report.void_rounds) == (1, 2, 1)


@pytest.mark.parametrize("steps", range(1, 18))
def test_an_open_round_is_verified_as_far_as_it_got(steps: int) -> None:
    ledger = Ledger()
    ledger.post()
    ledger.run()
    records = tuple(ledger.records[: steps + 1])
    history = replace(ledger.history(), records=records, blocks=(ledger.blocks[0],))
    assert verify_history(history).height == 0


def test_a_replaced_commitment_comes_later_in_ties() -> None:
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_training()
    for n in (0, 1, 0):
        ledger.commit(round_id, n)
    ledger.reveal_all(round_id, 0, 1)
    ledger.vote(ballot_id(round_id, 0), (HONEST,) * ledger.draw(round_id))
    ledger.finalise(round_id)
    assert ledger.blocks[1].header.winner == MINERS[1]
    assert verify_history(ledger.history()).height == 1


def test_a_cancelled_task_is_not_taken() -> None:
    ledger = Ledger()
    ledger.post(replace(TERMS, reward=1_400_000))
    ledger.post()
    ledger.add(TaskCancelled(1))
    del ledger.waiting[1]
    ledger.run()
    assert verify_history(ledger.history()).height == 1


def full_list() -> Ledger:
    """Return a list of two tasks, of rewards 10^6 and 10^9, that holds no more."""
    ledger = Ledger(parameters=replace(PARAMETERS, task_list=replace(PARAMETERS.task_list, max_tasks=2)))
    for reward in (10**6, 1_400_000):
        ledger.post(replace(TERMS, reward=reward))
    return ledger


def test_a_replaced_task_is_not_taken() -> None:
    ledger = full_list()
    ledger.replace(2, by=ledger.post(replace(TERMS, reward=1_400_000 + 1)))
    ledger.run()
    assert ledger.blocks[1].header.task_id == 3
    assert verify_history(ledger.history()).height == 1


@pytest.mark.parametrize(
    ("reward", "replaced", "message"),
    [
        (10**6, 1, "task 1 was replaced by task 3, which is worth no more"),
        (1_400_000, 2, "task 2 was replaced by task 3, which is worth no more"),
        (1_400_000, 4, "task 4 was replaced by 3, but one does not wait"),
        (1_400_000, None, "task 3 waits in a list that holds 2 already"),
    ],
)
def test_a_replacement_against_the_rules_is_named(reward: int, replaced: int | None, message: str) -> None:
    ledger = full_list()
    newest = ledger.post(replace(TERMS, reward=reward))
    if replaced is not None:
        ledger.replace(replaced, by=newest)
    ledger.open()
    with pytest.raises(IntegrityError, match=f"Height 1, record 3: {message}"):
        verify_history(ledger.history())


def test_nothing_is_replaced_in_a_list_that_has_room() -> None:
    ledger = Ledger()
    ledger.post()
    ledger.replace(1, by=ledger.post(replace(TERMS, reward=1_400_000)))
    with pytest.raises(IntegrityError, match="Height 1, record 2: task 1 was replaced, but the list was not"):
        verify_history(ledger.history())


def test_a_task_that_waited_before_replaces_nothing() -> None:
    ledger = full_list()
    ledger.replace(1, by=2)
    with pytest.raises(IntegrityError, match="task 1 was replaced, but the list was not full"):
        verify_history(ledger.history())


def test_every_record_can_be_proved(history: History) -> None:
    for record in history.records:
        proof = prove(history, record.height, record.index)
        verify_proof(proof, history.blocks[record.height].hash)
        assert proof.record == record


@pytest.mark.parametrize(("height", "index"), [(0, 0), (4, 0), (-1, 0), (1, 99), (1, -1)])
def test_what_is_in_no_block_cannot_be_proved(history: History, height: int, index: int) -> None:
    with pytest.raises(InputError):
        prove(history, height, index)


def test_every_kind_of_record_occurs_in_these_tests(history: History) -> None:
    kinds = {type(decode_record(record)) for record in history.records}
    assert kinds >= {
        TaskPosted,
        RoundOpened,
        KeysPosted,
        SolutionCommitted,
        SubmissionsClosed,
        ReleasedTestSet,
        SolutionRevealed,
        CommitteeDrawn,
        VoteCommitted,
        VoteRevealed,
        Payouts,
    }
    assert len(SALT) == 32
