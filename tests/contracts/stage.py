"""A stage for contract tests: who acts, and one line for each thing they can do in a round.

Accounts: 0 deploys and does what anybody may do, 1 is the data node, 2 to 6 are miners, 8 to 15 verifiers,
16 is a stranger.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from brownie import accounts, chain, web3
from brownie.exceptions import VirtualMachineError
from brownie.network.contract import ProjectContract
from brownie.network.transaction import TransactionReceipt
from scripts import deploy
from scripts.deployed import write_json

from pole.adapters.ethereum.chain_reader import open_chain_reader
from pole.adapters.ethereum.deployment import DEPLOYED
from pole.adapters.ethereum.history_source import read_history
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.commitments import solution_commitment, vote_commitment
from pole.protocol.replay.history import HistoryReport, verify_history
from pole.protocol.state import BallotStage, Finding, Phase, Verdict, VoidReason, Vote

ETHER = 10**18
POOL = bytes(web3.keccak(text="PoLe.pool.v1"))
STAKES = bytes(web3.keccak(text="PoLe.stakes.v1"))
TASKS = bytes(web3.keccak(text="PoLe.tasks.v1"))
ZERO = "0x" + "00" * 20
NOTHING = "0x" + "00" * 32

ANYBODY, DATA_NODE, STRANGER = 0, 1, 16
MINERS = range(2, 7)
VERIFIERS = range(8, 16)

TASK_LIST = {
    "maxTasks": 5,
    "minReward": ETHER,
    "minDataBond": ETHER // 10,
    "feeBps": 100,
    "maxTimeLimit": 1000,
    "maxSolutions": 4,
    "idleTimeLimit": 0,
    "idleTrainCount": 100,
    "idleTestCount": 50,
    "idleTrainAccuracy": 8000,
    "idleTestAccuracy": 0,
    "roundWindows": 600,
}
COMMITTEE = {"seatStake": ETHER, "penalty": ETHER * 4 // 10, "unbondingTime": 2101, "tolerance": 0}
CHAIN = {
    "keyWindow": 100,
    "testWindow": 100,
    "revealWindow": 100,
    "voteCommitWindow": 100,
    "voteRevealWindow": 100,
    "maxSolutions": 4,
    "judgedSolutions": 3,
    "committeeSize": 4,
    "minCommittee": 3,
    "verificationFeeBps": 1000,
    "faultShareBps": 5000,
    "feeMarginBps": 1000,
    "minerBond": ETHER // 10,
    "blockReward": ETHER * 32 // 100,
    "challengeWindow": 100,
    # No larger than the first committee: tallies of most tests cannot be challenged.
    "maxCommittee": 4,
    "challengeBond": ETHER // 5,
    "minerBondBps": 0,
}
TERMS = {
    "reward": 10 * ETHER,
    "dataBond": 2 * ETHER,
    "timeLimit": 500,
    "minTrainingTime": 50,
    "fee": ETHER,
    "minSolutions": 1,
    "requiredTrainAccuracy": 8000,
    "requiredTestAccuracy": 0,
    "trainCount": 100,
    "testCount": 50,
    "auditCount": 0,
}
TEST_DIGEST = "0x" + "7e" * 32
FILES = {
    "specCid": "bafy-spec",
    "specDigest": "0x" + "01" * 32,
    "trainCid": "bafy-train",
    "trainDigest": "0x" + "02" * 32,
    "testDigest": TEST_DIGEST,
    "mpkDigest": "0x" + "03" * 32,
}
VERIFICATION_FEE = TERMS["reward"] * CHAIN["verificationFeeBps"] // 10_000


@dataclass(frozen=True)
class Pole:
    """The five contracts of one deployment."""

    reservoir: ProjectContract
    ledger: ProjectContract
    task_list: ProjectContract
    committee: ProjectContract
    chain: ProjectContract


@dataclass(frozen=True)
class Model:
    """What a miner commits to and later reveals."""

    train: int = 90
    test: int = 45
    digest: bytes = b"\x0d" * 32
    salt: bytes = b"\x5a" * 32


HistoryCheck = Callable[..., HistoryReport]
"""The check that `history_holds` returns: of the deployment named, or else of the usual one."""


def set_up(*, verifiers: Iterable[int] = VERIFIERS, **changes: dict[str, int] | None) -> Pole:
    """Deploy with the parameters above, changed by group; seat the verifiers and endow the pool."""
    pole = deploy_all(**changes)
    for verifier in verifiers:
        pole.committee.stake({"from": accounts[verifier], "value": COMMITTEE["seatStake"]})
    pole.reservoir.deposit(pole.chain, POOL, {"from": accounts[ANYBODY], "value": 10 * CHAIN["blockReward"]})
    return pole


def deploy_all(**changes: dict[str, int] | None) -> Pole:
    contracts = deploy.deploy(accounts[ANYBODY], parameters(**changes))
    return Pole(*(contracts[name] for name in DEPLOYED))


def parameters(
    *,
    task_list: dict[str, int] | None = None,
    committee: dict[str, int] | None = None,
    chain: dict[str, int] | None = None,
) -> dict[str, tuple[int, ...]]:
    """Return the constructor structs by group of the deployment file; `roundWindows` follow the windows."""
    chosen = CHAIN | (chain or {})
    windows = {"roundWindows": sum(value for name, value in chosen.items() if name.endswith("Window"))}
    return {
        "taskList": tuple((TASK_LIST | windows | (task_list or {})).values()),
        "committee": tuple((COMMITTEE | (committee or {})).values()),
        "chain": tuple(chosen.values()),
    }


@contextmanager
def refused(error: str, *arguments: object) -> Iterator[None]:
    """Expect a call to revert with a custom error and these arguments, or any when none are given."""
    with pytest.raises(VirtualMachineError) as raised:
        yield
    message = raised.value.revert_msg or ""
    expected = f"{error}: {', '.join(str(argument) for argument in arguments)}"
    assert (message.lower() == expected.lower()) if arguments else message.startswith(f"{error}:"), message


def verify(pole: Pole, path: Path) -> HistoryReport:
    """Replay everything the contracts recorded by the rules in Python; raise at the first difference."""
    deployed = (pole.reservoir, pole.ledger, pole.task_list, pole.committee, pole.chain)
    contracts = dict(zip(DEPLOYED, deployed, strict=True))
    structs = {
        "taskList": tuple(pole.task_list.parameters()),
        "committee": tuple(pole.committee.parameters()),
        "chain": tuple(pole.chain.parameters()),
    }
    write_json(path, deploy.describe(contracts, structs))
    return verify_history(read_history(open_chain_reader(web3.provider.endpoint_uri, path)))


def wait(seconds: int) -> None:
    chain.sleep(seconds)
    chain.mine()


def wait_until(timestamp: int) -> None:
    """Mine a block at `timestamp`."""
    wait(timestamp - chain.time())


def phase(pole: Pole, round_id: int) -> Phase:
    return Phase(pole.chain.phaseOf(round_id)[0])


def pool(pole: Pole) -> int:
    return pole.reservoir.balanceOf(pole.chain, POOL)


def credit(pole: Pole, account: int) -> int:
    return pole.reservoir.creditOf(accounts[account])


def field(struct: Any, name: str) -> Any:
    return struct.dict()[name]


# What happens in a round, in order.


def post_call(*, by: int = DATA_NODE, **changes: Any) -> tuple[Any, ...]:
    """Return the arguments of TaskList.post for the task above, changed by name."""
    terms = TERMS | {key: value for key, value in changes.items() if key in TERMS}
    files = FILES | {key: value for key, value in changes.items() if key in FILES}
    value = terms["reward"] + terms["dataBond"] + terms["fee"]
    return tuple(terms.values()), tuple(files.values()), {"from": accounts[by], "value": value}


def post(pole: Pole, **changes: Any) -> int:
    pole.task_list.post(*post_call(**changes))
    return pole.task_list.posted()


def post_replacing(pole: Pole, replaced: int, **changes: Any) -> int:
    """Post a task in the place of another; return its id."""
    terms, files, sent = post_call(**changes)
    pole.task_list.postReplacing(terms, files, replaced, sent)
    return pole.task_list.posted()


def fill(pole: Pole, *, by: int = STRANGER, **changes: Any) -> list[int]:
    """Post equal tasks until the list is full; return their ids."""
    return [post(pole, by=by, **changes) for _ in range(TASK_LIST["maxTasks"] - pole.task_list.waiting())]


def open_round(pole: Pole) -> int:
    pole.chain.openRound({"from": accounts[ANYBODY]})
    return pole.chain.currentRound()


def post_keys(pole: Pole, round_id: int) -> None:
    pole.chain.postFunctionalKeys(round_id, "bafy-keys", "0x" + "04" * 32, {"from": accounts[DATA_NODE]})


def training(pole: Pole, **terms: Any) -> int:
    """Post a task, open its round and post the keys."""
    post(pole, **terms)
    round_id = open_round(pole)
    post_keys(pole, round_id)
    return round_id


def commitment_of(pole: Pole, round_id: int, miner: int, model: Model) -> bytes:
    return solution_commitment(
        chain_id=web3.eth.chain_id,
        chain_address=pole.chain.address,
        round_id=round_id,
        miner=accounts[miner].address,
        model_digest=model.digest,
        claimed_train_correct=model.train,
        salt=model.salt,
    )


def commit(pole: Pole, round_id: int, miner: int, model: Model, *, bond: int = CHAIN["minerBond"]) -> None:
    sent = {"from": accounts[miner], "value": bond}
    pole.chain.commit(round_id, commitment_of(pole, round_id, miner, model), model.train, sent)


def close(pole: Pole, round_id: int) -> None:
    wait(TERMS["minTrainingTime"])
    pole.chain.closeSubmissions(round_id, {"from": accounts[DATA_NODE]})


def release(pole: Pole, round_id: int) -> None:
    pole.chain.releaseTestSet(round_id, "bafy-test", TEST_DIGEST, {"from": accounts[DATA_NODE]})


def reveal(pole: Pole, round_id: int, miner: int, model: Model) -> None:
    sent = {"from": accounts[miner]}
    pole.chain.reveal(round_id, "bafy-model", model.digest, model.test, model.salt, sent)


def revealed(
    pole: Pole, models: dict[int, Model], *, released: bool = True, closed: bool = True, **terms: Any
) -> int:
    """Play a round until every miner of `models` has revealed."""
    round_id = training(pole, **terms)
    for miner, model in models.items():
        commit(pole, round_id, miner, model)
    if closed:
        close(pole, round_id)
    else:
        wait(terms.get("timeLimit", TERMS["timeLimit"]))
    if released:
        release(pole, round_id)
    else:
        wait(CHAIN["testWindow"])
    for miner, model in models.items():
        reveal(pole, round_id, miner, model)
    return round_id


def draw(pole: Pole, round_id: int) -> list[str]:
    """Arm and draw; return the members of the round's newest ballot."""
    pole.chain.armDraw(round_id, {"from": accounts[ANYBODY]})
    chain.mine(2)
    pole.chain.drawCommittee(round_id, {"from": accounts[ANYBODY]})
    return list(pole.committee.members(ballot(pole, round_id)))


def ballot(pole: Pole, round_id: int) -> int:
    """Return the id of the round's newest ballot."""
    return ballot_id(round_id, field(pole.chain.round(round_id), "attempt"))


def challenge(
    pole: Pole, round_id: int, *, bond: int = CHAIN["challengeBond"], by: int = STRANGER
) -> TransactionReceipt:
    return pole.chain.challenge(round_id, {"from": accounts[by], "value": bond})


def judged(pole: Pole, round_id: int) -> list[str]:
    """Return the miners judged, in the order of choices."""
    chosen = [solution.dict() for solution in pole.chain.solutions(round_id)]
    return [each["miner"] for each in sorted(chosen, key=lambda each: each["choice"]) if each["choice"]]


def ok(train: int, test: int, mark: int = 1) -> Vote:
    return Vote(Verdict.OK, train, test, bytes([mark]) * 32)


def verdict(kind: Verdict) -> Vote:
    return Vote(kind, 0, 0, bytes(32))


def as_claimed(models: dict[int, Model]) -> dict[int, Vote]:
    return {miner: ok(model.train, model.test) for miner, model in models.items()}


def ballot_of(pole: Pole, round_id: int, votes: dict[int, Vote]) -> list[Vote]:
    """Return votes by miner in the order of choices."""
    by_address: dict[str, Vote] = {accounts[miner].address: vote for miner, vote in votes.items()}
    return [by_address[miner] for miner in judged(pole, round_id)]


def commit_votes(pole: Pole, round_id: int, votes: dict[str, list[Vote]]) -> None:
    """Let each verifier of `votes` commit what stands beside its address."""
    for verifier, own in votes.items():
        commitment = vote_commitment(
            chain_id=web3.eth.chain_id,
            committee_address=pole.committee.address,
            ballot_id=ballot(pole, round_id),
            verifier=verifier,
            votes=own,
            salt=b"\x77" * 32,
        )
        pole.committee.commitVote(ballot(pole, round_id), commitment, {"from": verifier})


def as_tuples(votes: list[Vote]) -> list[tuple[int, int, int, bytes]]:
    return [(int(vote.verdict), vote.train_correct, vote.test_correct, vote.predictions) for vote in votes]


def finding_tuple(found: Finding) -> tuple[int, int, int, int]:
    return (int(found.verdict), found.train_correct, found.test_correct, found.fingerprint)


def reveal_votes(pole: Pole, round_id: int, votes: dict[str, list[Vote]]) -> None:
    for verifier, own in votes.items():
        pole.committee.revealVote(ballot(pole, round_id), as_tuples(own), b"\x77" * 32, {"from": verifier})


def vote(pole: Pole, round_id: int, found: dict[int, Vote], **odd: dict[int, Vote]) -> list[str]:
    """Draw a committee and let it vote what was found; `m0=...` is what the first member finds instead."""
    members = draw(pole, round_id)
    votes = {member: ballot_of(pole, round_id, found) for member in members}
    for name, own in odd.items():
        votes[members[int(name[1:])]] = ballot_of(pole, round_id, own)
    commit_votes(pole, round_id, votes)
    reveal_votes(pole, round_id, votes)
    return members


def finalise(pole: Pole, round_id: int) -> TransactionReceipt:
    """End the round and check that its account is empty."""
    ended = pole.chain.finalise(round_id, {"from": accounts[ANYBODY]})
    assert pole.reservoir.balanceOf(pole.chain, round_id.to_bytes(32, "big")) == 0
    assert pole.reservoir.balance() >= pole.reservoir.total()
    return ended


def void_reason(pole: Pole, round_id: int) -> VoidReason:
    return VoidReason(field(pole.chain.round(round_id), "voidReason"))


def stage_of(pole: Pole, ballot_id: int) -> BallotStage:
    return BallotStage(pole.committee.stageOf(ballot_id))


def won(pole: Pole, models: dict[int, Model], **terms: Any) -> int:
    """Play a whole round in which the committee finds every claim true."""
    round_id = revealed(pole, models, **terms)
    vote(pole, round_id, as_claimed(models))
    finalise(pole, round_id)
    return round_id
