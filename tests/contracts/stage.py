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
from scripts.contracts.deployed import write_json

from pole.adapters.ethereum.chain_reader import open_chain_reader
from pole.adapters.ethereum.deployment import DEPLOYED
from pole.adapters.ethereum.history_source import read_history
from pole.protocol import ballots
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.commitments import solution_commitment, vote_commitment
from pole.protocol.encoding.ethereum_headers import encode_header
from pole.protocol.parameters import Parameters, parameters_from_json
from pole.protocol.replay.history import HistoryReport, verify_history
from pole.protocol.rounds.payouts import miner_bond
from pole.protocol.rounds.rent import payment
from pole.protocol.state import (
    Ballot,
    BallotStage,
    Finding,
    Phase,
    Round,
    Step,
    TaskTerms,
    Verdict,
    VoidReason,
    Vote,
)

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
    "maxReward": 20 * ETHER,
    "minDataBond": ETHER // 10,
    "feeBps": 100,
    # Rent follows the clock to the second: tests of it deploy with one.
    "rentBps": 0,
    "maxTimeLimit": 1000,
    "maxSolutions": 4,
    "judgingSpeed": 1000,
    "maxJudgingTime": 100,
    "rewardPerSecond": ETHER // 10_000,
    "idleTimeLimit": 0,
    "idleTrainCount": 100,
    "idleTestCount": 50,
    "idleTrainAccuracy": 8000,
    "idleTestAccuracy": 0,
    "idleWork": 10,
    "roundWindows": 600,
}
COMMITTEE = {"seatStake": 20 * ETHER, "penalty": ETHER * 4 // 10, "seatAge": 50, "lanes": 2}
CHAIN = {
    "keyWindow": 100,
    "graceWindow": 60,
    "testWindow": 100,
    "revealWindow": 100,
    "voteCommitWindow": 100,
    "voteRevealWindow": 100,
    "challengeWindow": 100,
    "windowBlocks": 4,
    "drawDelay": 2,
    "confirmations": 1,
    "maxSolutions": 4,
    "committeeSize": 4,
    "minCommittee": 3,
    # No larger than the first committee: tallies of most tests cannot be challenged.
    "maxCommittee": 4,
    "verificationFeeBps": 1000,
    "faultShareBps": 5000,
    "missedShareBps": 5000,
    "feeMarginBps": 1000,
    "minerBondBps": 2500,
    "readyBondBps": 5000,
    "minerBond": ETHER // 10,
    "blockReward": ETHER * 32 // 100,
    "rewardPerSeat": 20 * ETHER,
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
    "work": 10,
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
SEAT = COMMITTEE["seatStake"]
PENALTY = COMMITTEE["penalty"]
LANES = COMMITTEE["lanes"]
BOND = TERMS["reward"] * CHAIN["minerBondBps"] // 10_000
"""What a claim below the training threshold locks."""
READY_BOND = TERMS["reward"] * CHAIN["readyBondBps"] // 10_000
"""What a claim at the training threshold or above it locks."""
JUDGING_TIME = 2
"""Seconds that judging a model may take: 10 multiplications for each of 150 samples, 1,000 a second."""


@dataclass(frozen=True)
class Pole:
    """The parameters of one deployment, and its five contracts."""

    rules: Parameters
    reservoir: ProjectContract
    ledger: ProjectContract
    task_list: ProjectContract
    committee: ProjectContract
    chain: ProjectContract


@dataclass(frozen=True)
class Model:
    """What a miner commits to and later reveals; without a digest, a model like no other miner's."""

    train: int = 90
    test: int = 45
    digest: bytes | None = None
    salt: bytes = b"\x5a" * 32


HistoryCheck = Callable[..., HistoryReport]
"""The check that `history_holds` returns: of the deployment named, or else of the usual one."""


def set_up(*, verifiers: Iterable[int] = VERIFIERS, **changes: dict[str, int] | None) -> Pole:
    """Deploy with the parameters above, changed by group; seat the verifiers and endow the pool."""
    return people(deploy_all(**changes), verifiers)


def people(pole: Pole, verifiers: Iterable[int]) -> Pole:
    """Seat the verifiers, until they can be drawn, and endow the pool."""
    for verifier in verifiers:
        take_seat(pole, verifier)
    pole.reservoir.deposit(pole.chain, POOL, {"from": accounts[ANYBODY], "value": 10 * CHAIN["blockReward"]})
    wait(pole.rules.committee.seat_age)
    return pole


def take_seat(pole: Pole, verifier: int) -> None:
    pole.committee.stake({"from": accounts[verifier], "value": pole.rules.committee.seat_stake})


def deploy_all(**changes: dict[str, int] | None) -> Pole:
    return deploy_with(parameters(**changes))


def deploy_with(chosen: dict[str, dict[str, int]]) -> Pole:
    """Deploy with parameters by group and name, as a parameter file has them."""
    contracts = deploy.deploy(accounts[ANYBODY], structs(chosen))
    return Pole(parameters_from_json(chosen), *(contracts[name] for name in DEPLOYED))


def parameters(
    *,
    task_list: dict[str, int] | None = None,
    committee: dict[str, int] | None = None,
    chain: dict[str, int] | None = None,
) -> dict[str, dict[str, int]]:
    """Return the parameters by group and name; `roundWindows` follow the windows."""
    chosen = CHAIN | (chain or {})
    windows = {name: value for name, value in chosen.items() if name.endswith("Window")}
    round_windows = {"roundWindows": sum(windows.values()) - windows["graceWindow"]}
    return {
        "taskList": TASK_LIST | round_windows | (task_list or {}),
        "committee": COMMITTEE | (committee or {}),
        "chain": chosen,
    }


def structs(chosen: dict[str, dict[str, int]]) -> dict[str, tuple[int, ...]]:
    """Return parameters as the constructors take them."""
    return {group: tuple(values.values()) for group, values in chosen.items()}


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
    chosen = (pole.task_list.parameters(), pole.committee.parameters(), pole.chain.parameters())
    groups = dict(zip(deploy.GROUPS, map(tuple, chosen), strict=True))
    write_json(path, deploy.describe(contracts, groups))
    return verify_history(read_history(open_chain_reader(web3.provider.endpoint_uri, path)))


def wait(seconds: int) -> None:
    """Let so many seconds pass, and the Ethereum blocks that every window lasts at least."""
    chain.sleep(seconds)
    chain.mine(CHAIN["windowBlocks"])


def wait_until(timestamp: int) -> None:
    """Let the Ethereum blocks of a window pass, the last of them at `timestamp`."""
    chain.mine(CHAIN["windowBlocks"] - 1)
    chain.mine(timestamp=timestamp)


def wait_out(deadline: int, block: int) -> None:
    """Let a window pass: its last second, and its last Ethereum block."""
    chain.sleep(max(0, deadline - chain[-1].timestamp))
    chain.mine(max(1, block - chain.height))


def deadline_of(pole: Pole, round_id: int) -> int:
    """Return the first second that is too late for the round's phase."""
    deadline: int = pole.chain.phaseOf(round_id)[1]
    return deadline


def phase(pole: Pole, round_id: int) -> Phase:
    return Phase(pole.chain.phaseOf(round_id)[0])


def pool(pole: Pole) -> int:
    return pole.reservoir.balanceOf(pole.chain, POOL)


def credit(pole: Pole, account: int) -> int:
    return pole.reservoir.creditOf(accounts[account])


def field(struct: Any, name: str) -> Any:
    return struct.dict()[name]


# What happens in a round, in order.


def post_call(pole: Pole, *, by: int = DATA_NODE, **changes: Any) -> tuple[Any, ...]:
    """Return the arguments of TaskList.post for the task above, changed by name, with what it costs."""
    terms = TERMS | {key: value for key, value in changes.items() if key in TERMS}
    files = FILES | {key: value for key, value in changes.items() if key in FILES}
    value = payment(TaskTerms(*terms.values()), pole.rules.task_list)
    return tuple(terms.values()), tuple(files.values()), {"from": accounts[by], "value": value}


def post(pole: Pole, **changes: Any) -> int:
    pole.task_list.post(*post_call(pole, **changes))
    return pole.task_list.posted()


def post_replacing(pole: Pole, replaced: int, **changes: Any) -> int:
    """Post a task in the place of another; return its id."""
    terms, files, sent = post_call(pole, **changes)
    pole.task_list.postReplacing(terms, files, replaced, sent)
    return pole.task_list.posted()


def fill(pole: Pole, *, by: int = STRANGER, **changes: Any) -> list[int]:
    """Post equal tasks until the list is full; return their ids."""
    return [post(pole, by=by, **changes) for _ in range(TASK_LIST["maxTasks"] - pole.task_list.waiting())]


def open_round(pole: Pole, lane: int = 0) -> int:
    """Open the next round of a lane; return its number."""
    pole.chain.openRound(lane, {"from": accounts[ANYBODY]})
    round_id: int = pole.chain.newestRound(lane)
    return round_id


def open_round_at(pole: Pole, second: int, lane: int = 0) -> int:
    """Open the next round of a lane in a block of just that second, after the newest; return its number."""
    web3.provider.make_request("evm_setNextBlockTimestamp", [second])
    round_id = open_round(pole, lane)
    assert field(pole.chain.round(round_id), "openedAt") == second
    return round_id


def arm(pole: Pole, round_id: int) -> TransactionReceipt:
    return pole.chain.arm(round_id, {"from": accounts[ANYBODY]})


def header_of(number: int) -> bytes:
    """Return the header of an Ethereum block, as proofs of its mix take it."""
    return encode_header(web3.eth.get_block(number))


def mine_named(pole: Pole, round_id: int) -> bytes:
    """Mine the block that draws next; return its header."""
    named = field(pole.chain.round(round_id), "drawBlock")
    if named > chain.height:
        chain.mine(named - chain.height)
    return header_of(named)


def draw(pole: Pole, round_id: int) -> list[str]:
    """Draw what the round waits for; return the members of its newest ballot, nobody before the first."""
    if field(pole.chain.round(round_id), "drawBlock") == 0:
        arm(pole, round_id)
    pole.chain.draw(round_id, mine_named(pole, round_id), {"from": accounts[ANYBODY]})
    return list(pole.committee.members(ballot(pole, round_id)))


def opened(pole: Pole, lane: int = 0, **terms: Any) -> int:
    """Post a task, open its round and draw the seed."""
    post(pole, **terms)
    round_id = open_round(pole, lane)
    draw(pole, round_id)
    return round_id


def post_keys(pole: Pole, round_id: int) -> None:
    pole.chain.postFunctionalKeys(round_id, "bafy-keys", "0x" + "04" * 32, {"from": accounts[DATA_NODE]})


def training(pole: Pole, lane: int = 0, **terms: Any) -> int:
    """Post a task, open its round, draw the seed and post the keys."""
    round_id = opened(pole, lane, **terms)
    post_keys(pole, round_id)
    return round_id


def digest_of(miner: int, model: Model) -> bytes:
    return model.digest or bytes([miner]) * 32


def commitment_of(pole: Pole, round_id: int, miner: int, model: Model) -> bytes:
    return solution_commitment(
        chain_id=web3.eth.chain_id,
        chain_address=pole.chain.address,
        round_id=round_id,
        miner=accounts[miner].address,
        model_digest=digest_of(miner, model),
        claimed_train_correct=model.train,
        salt=model.salt,
    )


def bond_of(pole: Pole, round_id: int, claim: int) -> int:
    """Return what a claim on the training set locks in this round."""
    terms = TaskTerms(*field(pole.chain.round(round_id), "task")["terms"].values())
    return miner_bond(claim, terms, pole.rules.chain)


def commit(pole: Pole, round_id: int, miner: int, model: Model, *, bond: int | None = None) -> None:
    """Commit to a model, with the bond of its claim or, in the place of another, what is given."""
    due = bond_of(pole, round_id, model.train) if bond is None else bond
    sent = {"from": accounts[miner], "value": due}
    pole.chain.commit(round_id, commitment_of(pole, round_id, miner, model), model.train, sent)


def close(pole: Pole, round_id: int) -> None:
    wait(TERMS["minTrainingTime"])
    pole.chain.closeSubmissions(round_id, {"from": accounts[DATA_NODE]})


def release(pole: Pole, round_id: int) -> None:
    pole.chain.releaseTestSet(round_id, "bafy-test", TEST_DIGEST, {"from": accounts[DATA_NODE]})


def end_test_release(pole: Pole, round_id: int) -> TransactionReceipt:
    """Let the window of the test set pass, and say so as anybody may."""
    wait_out(*pole.chain.phaseOf(round_id)[1:])
    return pole.chain.endTestRelease(round_id, {"from": accounts[ANYBODY]})


def reveal(pole: Pole, round_id: int, miner: int, model: Model) -> None:
    sent = {"from": accounts[miner]}
    pole.chain.reveal(round_id, "bafy-model", digest_of(miner, model), model.test, model.salt, sent)


def revealed(
    pole: Pole,
    models: dict[int, Model],
    *,
    lane: int = 0,
    released: bool = True,
    closed: bool = True,
    **terms: Any,
) -> int:
    """Play a round until every miner of `models` has revealed."""
    round_id = training(pole, lane, **terms)
    for miner, model in models.items():
        commit(pole, round_id, miner, model)
    if closed:
        close(pole, round_id)
    else:
        wait(terms.get("timeLimit", TERMS["timeLimit"]))
        pole.chain.closeSubmissions(round_id, {"from": accounts[ANYBODY]})
    if released:
        release(pole, round_id)
    else:
        end_test_release(pole, round_id)
    for miner, model in models.items():
        reveal(pole, round_id, miner, model)
    return round_id


def ballot(pole: Pole, round_id: int) -> int:
    """Return the id of the round's newest ballot."""
    return ballot_id(round_id, field(pole.chain.round(round_id), "attempt"))


def challenge_bond(pole: Pole, round_id: int) -> int:
    """Return what a challenge of the round's newest tally costs."""
    standing = pole.chain.round(round_id)
    reward = field(standing, "task")["terms"]["reward"]
    return ballots.challenge_bond(field(standing, "attempt"), reward, pole.rules.chain)


def challenge(pole: Pole, round_id: int, *, by: int = STRANGER) -> TransactionReceipt:
    return pole.chain.challenge(round_id, {"from": accounts[by], "value": challenge_bond(pole, round_id)})


def judged(pole: Pole, round_id: int) -> list[str]:
    """Return for each choice the miner that has the first place of those that showed its model."""
    chosen: dict[int, str] = {}
    for solution in pole.chain.solutions(round_id):
        shown = solution.dict()
        if shown["choice"]:
            chosen.setdefault(shown["choice"], shown["miner"])
    return list(chosen.values())


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
        member = member_of(pole, round_id, verifier)
        pole.committee.commitVote(ballot(pole, round_id), member, commitment, {"from": verifier})


def member_of(pole: Pole, round_id: int, verifier: str) -> int:
    """Return a verifier's index among the members of the round's newest ballot."""
    index: int = pole.committee.members(ballot(pole, round_id)).index(verifier)
    return index


def as_tuples(votes: list[Vote]) -> list[tuple[int, int, int, bytes]]:
    return [(int(vote.verdict), vote.train_correct, vote.test_correct, vote.predictions) for vote in votes]


def finding_tuple(found: Finding) -> tuple[int, int, int, int]:
    return (int(found.verdict), found.train_correct, found.test_correct, found.fingerprint)


def reveal_votes(pole: Pole, round_id: int, votes: dict[str, list[Vote]]) -> None:
    for verifier, own in votes.items():
        shown = as_tuples(own), b"\x77" * 32, {"from": verifier}
        pole.committee.revealVote(ballot(pole, round_id), member_of(pole, round_id, verifier), *shown)


def end_votes(pole: Pole, round_id: int) -> TransactionReceipt:
    """Let the window of votes pass that is open, of commitments or of reveals, and say so as anybody may."""
    voted = pole.committee.ballot(ballot(pole, round_id)).dict()
    wait_out(voted["deadline"], voted["deadlineBlock"])
    return pole.committee.endVotes(ballot(pole, round_id), {"from": accounts[ANYBODY]})


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
    return BallotStage(field(pole.committee.ballot(ballot_id), "stage"))


def won(pole: Pole, models: dict[int, Model], **terms: Any) -> int:
    """Play a whole round in which the committee finds every claim true."""
    round_id = revealed(pole, models, **terms)
    vote(pole, round_id, as_claimed(models))
    finalise(pole, round_id)
    return round_id


def as_round(round_id: int, standing: Any) -> Round:
    """Return a round as the rules in Python have it."""
    values = standing.dict()
    task_id, task = values.pop("taskId"), values.pop("task")
    terms = TaskTerms(*task["terms"].values())
    known = (round_id, task_id, task["owner"], task["judgingTime"], terms, bytes(task["testDigest"]))
    enums = {"step": Step(values["step"]), "voidReason": VoidReason(values["voidReason"])}
    return Round(*known, *(values | enums).values())


def as_ballot(standing: Any) -> Ballot:
    return Ballot(*standing)


def ommers(pole: Pole) -> dict[int, Any]:
    """Return the ommer that a block could reference by its height, or nothing."""
    kept = pole.ledger.ommer().dict()
    return {kept["height"]: kept} if kept["count"] else {}
