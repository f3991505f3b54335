"""One round through the port, with made-up files: every call of `roles.ports.Chain` on the real contracts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from eth_account import Account
from tests.integration.conftest import ETHER, Devnet
from tests.integration.deploying import PARAMETERS

from pole.adapters.ethereum.chain_log import read_chain_log
from pole.adapters.ethereum.chain_reader import open_chain_reader
from pole.adapters.ethereum.history_source import block_body, read_history
from pole.adapters.sending.chain import EthereumChain, open_ethereum_chain
from pole.adapters.storage.journal import SqliteJournal
from pole.cli import main
from pole.errors import FundsError, InputError, RefusedError, UnreachableError
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.commitments import solution_commitment, vote_commitment
from pole.protocol.formats.block_body import read_body
from pole.protocol.replay.history import prove, verify_history
from pole.protocol.replay.proofs import read_proof, verify_proof
from pole.protocol.rounds.rent import rent
from pole.protocol.state import (
    BallotStage,
    FileRef,
    Phase,
    TaskFiles,
    TaskTerms,
    Verdict,
    Vote,
)
from pole.roles.ports import Moment

TERMS = TaskTerms(
    reward=ETHER,
    data_bond=ETHER // 10,
    fee=3 * ETHER,
    time_limit=600,
    min_training_time=0,
    min_solutions=1,
    required_train_accuracy=5000,
    required_test_accuracy=5000,
    train_count=100,
    test_count=50,
    work=1000,
)


def digest(number: int) -> bytes:
    return bytes([number]) * 32


SEAT_AGE = PARAMETERS["committee"]["seatAge"]
FILES = TaskFiles("bafyspec", digest(1), "bafytrain", digest(2), digest(3), digest(4))
VOTES = (Vote(Verdict.OK, 90, 40, digest(31)), Vote(Verdict.OK, 80, 39, digest(32)))


def commitment_of(miner: EthereumChain, round_id: int, model: int, claimed: int) -> bytes:
    return solution_commitment(
        chain_id=miner.identity.chain_id,
        chain_address=miner.identity.chain_address,
        round_id=round_id,
        miner=miner.identity.address,
        model_digest=digest(model),
        claimed_train_correct=claimed,
        salt=digest(20 + model),
    )


def vote_of(verifier: EthereumChain, ballot: int, votes: tuple[Vote, ...] = VOTES) -> bytes:
    return vote_commitment(
        chain_id=verifier.identity.chain_id,
        committee_address=verifier.identity.committee_address,
        ballot_id=ballot,
        verifier=verifier.identity.address,
        votes=votes,
        salt=digest(41),
    )


def moment_of(chain: EthereumChain, round_id: int) -> Moment:
    """Return where this round stands, which is the newest of its lane."""
    [moment] = [each for each in chain.moments() if each.round_id == round_id]
    return moment


def pole(devnet: Devnet, *words: str) -> Result:
    environment = {"POLE_RPC": devnet.settings.rpc, "POLE_DEPLOYMENT": str(devnet.deployment)}
    return CliRunner().invoke(main, words, env=environment)


def test_what_the_contracts_refuse_is_a_sentence_and_costs_nothing(
    wallet: Callable[[str], EthereumChain], devnet: Devnet
) -> None:
    alice = wallet("alice")
    before = alice.balance_of(alice.identity.address)
    for refused, sentence in (
        (lambda: alice.cancel_task(99, intent="cancel"), "Task 99 does not wait"),
        (lambda: alice.finalise(99, intent="finalise"), "There is no round 99"),
        (lambda: alice.round(99), "There is no round 99"),
        (lambda: alice.task(99), "There is no task 99"),
        (lambda: alice.reclaim(intent="reclaim"), "has no seat or no stake"),
        (
            lambda: alice.post_task(_with(required_train_accuracy=0), FILES, intent="post"),
            "requiredTrainAccuracy is 0; this deployment accepts 1 to 10000",
        ),
    ):
        with pytest.raises(RefusedError, match=sentence):
            refused()
    with pytest.raises(FundsError, match="but this takes up to"):
        alice.post_task(_with(reward=1000 * ETHER, fee=1000 * ETHER), FILES, intent="post")
    assert alice.balance_of(alice.identity.address) == before
    assert devnet.w3.eth.get_transaction_count(alice.identity.address) == 0  # type: ignore[arg-type]
    assert alice.withdraw(intent="withdraw") == 0


def test_a_journal_of_a_chain_that_was_reset_is_not_used(devnet: Devnet, tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    journal.put("chain/genesis", bytes(32))
    reader = open_chain_reader(devnet.settings.rpc, devnet.deployment)
    with pytest.raises(InputError, match="was written on another chain with the same id"):
        open_ethereum_chain(reader, Account.create(), journal, locks=tmp_path)


def _with(**terms: int) -> TaskTerms:
    return TaskTerms(**{name: terms.get(name, getattr(TERMS, name)) for name in TaskTerms.__slots__})


def test_a_round_ends_with_a_block_that_can_be_verified_and_proved(
    wallet: Callable[[str], EthereumChain], devnet: Devnet
) -> None:
    names = ("data-node", "first", "second", "verifier-1", "verifier-2")
    data_node, first, second, *verifiers = map(wallet, names)
    for verifier in verifiers:
        verifier.stake(intent="stake")
        assert verifier.stake_of(verifier.identity.address).seated
    devnet.pass_time(SEAT_AGE + 1)
    round_id = train(devnet, data_node, first, second)
    assert first.models(round_id) == {
        first.identity.address: FileRef("bafymodel11", digest(11)),
        second.identity.address: FileRef("bafymodel12", digest(12)),
    }
    vote(devnet, verifiers, round_id)
    # A round that is over within a second uses no rent.
    devnet.pass_time(1)
    receipt = second.finalise(round_id, intent="finalise")
    assert second.finalise(round_id, intent="finalise") == receipt
    assert moment_of(first, round_id).phase is Phase.FINAL

    earned = ETHER * 9 // 10 + ETHER + ETHER // 2
    assert first.withdraw(intent="withdraw") == earned
    assert first.withdraw(intent="withdraw") == earned
    assert first.withdraw(intent="withdraw again") == 0
    whole_rent = rent(TERMS.reward, data_node.parameters.task_list)
    returned = data_node.credit_of(data_node.identity.address) - TERMS.data_bond
    assert 0 < returned < whole_rent
    check_history(devnet, first, round_id)


def train(devnet: Devnet, data_node: EthereumChain, first: EthereumChain, second: EthereumChain) -> int:
    task_id = data_node.post_task(TERMS, FILES, intent="post")
    assert data_node.post_task(TERMS, FILES, intent="post") == task_id
    assert data_node.task(task_id).files == FILES
    assert {moment.waiting for moment in first.moments()} == {1}
    lane = first.moments()[0].free_lane
    assert lane is not None
    round_id = first.moments()[lane].next_round
    first.open_round(lane, intent="open")
    assert moment_of(first, round_id).phase is Phase.SEED
    opened = first.round(round_id)
    assert (opened.data_node, opened.terms) == (data_node.identity.address, TERMS)

    draw(devnet, first, round_id)
    assert first.round(round_id).seed != opened.seed
    assert first.functional_keys(round_id) is None
    data_node.post_functional_keys(round_id, FileRef("bafykeys", digest(5)), intent="keys")
    assert first.functional_keys(round_id) == FileRef("bafykeys", digest(5))

    first.commit(round_id, commitment_of(first, round_id, 11, 90), 90, intent="commit")
    second.commit(round_id, digest(99), 70, intent="commit")
    second.commit(round_id, commitment_of(second, round_id, 12, 80), 80, intent="commit better")
    assert [each.claimed_train_correct for each in first.solutions(round_id)] == [90, 80]

    data_node.close_submissions(round_id, intent="close")
    devnet.mine()
    assert first.test_set(round_id) is None
    data_node.release_test_set(round_id, FileRef("bafytest", digest(3)), intent="release")
    assert first.test_set(round_id) == FileRef("bafytest", digest(3))

    with pytest.raises(RefusedError, match="reveal the same values with the same salt"):
        second.reveal(round_id, FileRef("bafymodel11", digest(11)), 40, digest(31), intent="copy")
    first.reveal(round_id, FileRef("bafymodel11", digest(11)), 40, digest(31), intent="reveal")
    second.reveal(round_id, FileRef("bafymodel12", digest(12)), 39, digest(32), intent="reveal")
    return round_id


def draw(devnet: Devnet, keeper: EthereumChain, round_id: int) -> None:
    """Draw what the round waits for, by the block that is named for it already."""
    named = keeper.round(round_id).draw_block
    with pytest.raises(RefusedError, match=f"block {named} is named for the draw"):
        keeper.arm(round_id, intent=f"arm before {named}")
    with pytest.raises(UnreachableError, match=f"no block {named:#x}"):
        keeper.draw(round_id, intent=f"draw by {named}")
    devnet.mine(3)
    receipt = keeper.draw(round_id, intent=f"draw by {named}")
    assert keeper.draw(round_id, intent=f"draw by {named}") == receipt


def vote(devnet: Devnet, verifiers: list[EthereumChain], round_id: int) -> None:
    keeper, ballot = verifiers[0], ballot_id(round_id, 0)
    address = keeper.identity.address
    assert keeper.ballot(ballot).ballot.stage is BallotStage.NONE
    draw(devnet, keeper, round_id)
    drawn = keeper.ballot(ballot)
    assert drawn.ballot.stage is BallotStage.COMMIT
    assert set(drawn.members) == {verifier.identity.address for verifier in verifiers}
    assert keeper.vote_state(ballot, address) == (bytes(32), False)
    for verifier in verifiers:
        verifier.commit_vote(ballot, vote_of(verifier, ballot), intent="vote")
    assert keeper.vote_state(ballot, address) == (vote_of(keeper, ballot), False)
    for verifier in verifiers:
        verifier.reveal_vote(ballot, VOTES, digest(41), intent="reveal vote")
    assert keeper.vote_state(ballot, address)[1]
    assert moment_of(keeper, round_id).phase is Phase.SETTLEMENT


def check_history(devnet: Devnet, reader: EthereumChain, round_id: int) -> None:
    history = read_history(reader)
    report = verify_history(history)
    assert (report.height, report.rounds, report.void_rounds, report.votes, report.openings) == (
        1,
        1,
        0,
        2,
        4,
    )
    body = read_body(block_body(reader, 1), expected_root=history.blocks[1].header.body_root)
    assert len(body.records) == report.records
    with pytest.raises(InputError, match="no block with a body at height 2"):
        block_body(reader, 2)
    last = report.records - 1
    verify_proof(prove(history, 1, last), history.blocks[1].hash)

    (block,) = read_chain_log(reader).blocks
    assert (block.header.winner, block.test_total) == (reader.identity.address, 50)
    assert block.committees == (2,)
    assert block.winner_reward == ETHER * 9 // 10 + ETHER
    assert block.gas_used > 1_000_000

    shown = json.loads(pole(devnet, "chain", "log", "--json").stdout)["blocks"][0]
    assert shown["winner"] == reader.identity.address
    assert "90.0 %" in pole(devnet, "chain", "log").stdout
    assert json.loads(pole(devnet, "chain", "verify", "--json").stdout)["head"] == shown["hash"]
    assert "The chain is valid up to height 1" in pole(devnet, "chain", "verify").stdout
    proof = pole(devnet, "chain", "prove", "1", str(last))
    assert f"Record {last} (Payouts) is in block 1" in proof.stderr
    verify_proof(read_proof(proof.stdout.rstrip("\n").encode()), bytes.fromhex(shown["hash"][2:]))
    assert pole(devnet, "chain", "prove", "1", "99").exit_code == InputError.exit_code
    (task,) = json.loads(pole(devnet, "task", "list", "--json").stdout)
    assert task["state"] == f"round {round_id}: final"
    assert pole(devnet, "task", "list", "--waiting").stdout.startswith("There is no task")
    assert "bafytrain" in pole(devnet, "task", "show", "1").stdout
