"""The steps of a round as the interfaces describe them, played honestly by whoever is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from scripts.stress.attack.world import World
from web3.contract.contract import ContractFunction

ETHER = 10**18
BPS = 10_000
REWARD, DATA_BOND = 3 * ETHER, ETHER // 10
LIMIT, TRAIN, TEST, WORK = 600, 100, 50, 1000
TRAIN_THRESHOLD = 8000
TEST_DIGEST, DIGEST, SALT = b"\x7e" * 32, b"\x04" * 32, b"\x77" * 32
SOLUTION, VOTE = keccak(text="PoLe.solution.v1"), keccak(text="PoLe.vote.v1")
PHASES = (
    *("None", "Seed", "Keys", "Training", "TestRelease", "Reveal", "Draw"),
    *("VoteCommit", "VoteReveal", "Challenge", "Settlement", "Final", "Void"),
)
BOUND = ("bytes32", "uint256", "address", "uint256", "uint256", "address", "bytes32", "bytes32")

COMMIT = 1
"""The stage of a ballot in which votes are committed."""

Vote = tuple[int, int, int, bytes]

MALFORMED: Vote = (3, 0, 0, bytes(32))
UNAVAILABLE: Vote = (2, 0, 0, bytes(32))
DATA_FAULT: Vote = (4, 0, 0, bytes(32))
DATA_UNAVAILABLE: Vote = (5, 0, 0, bytes(32))


@dataclass(frozen=True, slots=True)
class Model:
    """What a miner claims, and what opens its commitment; a model of its own where no digest is named."""

    train: int = 90
    test: int = 45
    digest: bytes = b""
    salt: bytes = b"\x5a" * 32

    def digest_by(self, miner: str) -> bytes:
        """Return the digest of the model as this miner commits to it."""
        return self.digest or keccak(text=miner)


def fee_of(world: World) -> int:
    """Return the minimum fee whose block draws from the pool."""
    drawn = world.rules.blockReward * 65 // 32
    covering = -(-drawn * (BPS + world.rules.feeMarginBps) // BPS)
    return int(max(covering, REWARD * world.terms.feeBps // BPS))


def duration_of(world: World, limit: int = LIMIT) -> int:
    """Return how long a task of so many seconds of training holds a lane at most."""
    judging = -(-WORK * (TRAIN + TEST) // world.terms.judgingSpeed)
    return int(limit + world.terms.roundWindows + world.terms.maxSolutions * judging)


def minimum_reward(world: World, limit: int) -> int:
    """Return the least reward of such a task."""
    by_time = world.terms.rewardPerSecond * duration_of(world, limit) ** 2 // world.terms.roundWindows
    return int(max(world.terms.minReward, by_time))


def minimum_fee(world: World, limit: int) -> int:
    """Return what posting the least of such tasks costs."""
    return int(minimum_reward(world, limit) * world.terms.feeBps // BPS)


def longest(world: World) -> int:
    """Return the longest time limit whose least reward the seats of this world may decide on."""
    decided = world.rules.rewardPerSeat * len(world.verifiers)
    seconds = isqrt(decided * world.terms.roundWindows // world.terms.rewardPerSecond)
    return int(min(world.terms.maxTimeLimit, seconds - duration_of(world, limit=0)))


def post_cheapest(world: World, by: str, limit: int) -> None:
    """Post the least task of so many seconds of training."""
    reward, fee = minimum_reward(world, limit), minimum_fee(world, limit)
    post(world, by, timeLimit=limit, reward=reward, fee=fee, dataBond=world.terms.minDataBond)


def rent_of(world: World, reward: int = REWARD) -> int:
    """Return the rent of a whole duration."""
    return int(reward * world.terms.rentBps // BPS)


def verification_fee(world: World, reward: int = REWARD) -> int:
    """Return what the first committee is paid."""
    return int(reward * world.rules.verificationFeeBps // BPS)


def post(world: World, by: str, *, replaced: int = 0, **changes: int) -> int:
    """Post a task, in the place of another where one is named; return its id."""
    call, value = posting(world, replaced=replaced, **changes)
    world.send(by, call, value)
    return int(world.tasks.functions.posted().call())


def posting(world: World, *, replaced: int = 0, **changes: int) -> tuple[ContractFunction, int]:
    """Return the call that posts a task, and what it costs."""
    terms = {
        "reward": REWARD,
        "dataBond": DATA_BOND,
        "timeLimit": LIMIT,
        "minTrainingTime": 0,
        "fee": fee_of(world),
        "minSolutions": 1,
        "requiredTrainAccuracy": TRAIN_THRESHOLD,
        "requiredTestAccuracy": 0,
        "trainCount": TRAIN,
        "testCount": TEST,
        "work": WORK,
    } | changes
    files = ("bafy-spec", DIGEST, "bafy-train", DIGEST, TEST_DIGEST, DIGEST)
    value = terms["reward"] + terms["dataBond"] + terms["fee"] + rent_of(world, terms["reward"])
    functions, task = world.tasks.functions, (tuple(terms.values()), files)
    return (functions.postReplacing(*task, replaced) if replaced else functions.post(*task)), value


def open_round(world: World, lane: int = 0) -> int:
    """Open the next round of a lane; return it."""
    world.send(world.stranger, world.chain.functions.openRound(lane))
    return int(world.chain.functions.newestRound(lane).call())


def draw_block(world: World, round_id: int) -> int:
    """Return the Ethereum block that is named to draw, 0 for none."""
    return int(world.chain.functions.round(round_id).call().drawBlock)


def draw_next(world: World, round_id: int) -> None:
    """Draw what the round waits for, naming a block first where none is named."""
    if draw_block(world, round_id) == 0:
        world.send(world.stranger, world.chain.functions.arm(round_id))
    named = draw_block(world, round_id)
    world.mine(max(named + 1 - world.height(), 0))
    world.send(world.stranger, world.chain.functions.draw(round_id, world.header(named)))


def seeded(world: World, lane: int = 0) -> int:
    """Open a round and draw its seed; return it."""
    round_id = open_round(world, lane)
    draw_next(world, round_id)
    return round_id


def training(world: World, by: str, lane: int = 0, **terms: int) -> int:
    """Post a task, open its round and post its keys; return the round."""
    post(world, by, **terms)
    return keyed(world, by, lane)


def keyed(world: World, by: str, lane: int = 0) -> int:
    """Open a round and post its keys; return the round."""
    round_id = seeded(world, lane)
    world.send(by, world.chain.functions.postFunctionalKeys(round_id, "bafy-keys", DIGEST))
    return round_id


def bond_of(world: World, claim: int = TRAIN, reward: int = REWARD) -> int:
    """Return what a commitment that claims so many training samples locks."""
    ready = claim * BPS >= TRAIN_THRESHOLD * TRAIN
    part = world.rules.readyBondBps if ready else world.rules.minerBondBps
    return int(max(world.rules.minerBond, reward * part // BPS))


def commitment(world: World, round_id: int, miner: str, model: Model) -> bytes:
    """Return the hash that binds a model to round and miner."""
    payload = keccak(encode(["bytes32", "uint32"], [model.digest_by(miner), model.train]))
    bound = (SOLUTION, world.w3.eth.chain_id, world.chain.address, round_id, 0, miner, payload, model.salt)
    return keccak(encode(BOUND, bound))


def commit(world: World, round_id: int, miner: str, model: Model) -> None:
    """Commit to a model."""
    hashed = commitment(world, round_id, miner, model)
    call = world.chain.functions.commit(round_id, hashed, model.train)
    world.send(miner, call, bond_of(world, model.train))


def close(world: World, round_id: int, by: str) -> None:
    """Close submissions."""
    world.send(by, world.chain.functions.closeSubmissions(round_id))


def release(world: World, round_id: int, by: str) -> None:
    """Release the test set."""
    world.mine()
    world.send(by, world.chain.functions.releaseTestSet(round_id, "bafy-test", TEST_DIGEST))


def opening(world: World, round_id: int, miner: str, model: Model) -> ContractFunction:
    """Return the call that reveals a model."""
    shown = (round_id, "bafy-model", model.digest_by(miner), model.test, model.salt)
    return world.chain.functions.reveal(*shown)


def reveal(world: World, round_id: int, models: Mapping[str, Model]) -> None:
    """Reveal models."""
    for miner, model in models.items():
        world.send(miner, opening(world, round_id, miner, model))


def revealed(world: World, models: Mapping[str, Model], lane: int = 0, **terms: int) -> int:
    """Post a task and play its round until all have revealed; return it."""
    post(world, world.data_node, **terms)
    return served(world, world.data_node, models, lane)


def served(world: World, by: str, models: Mapping[str, Model], lane: int = 0) -> int:
    """Play the round of a task that waits until all have revealed; return it."""
    round_id = keyed(world, by, lane)
    for miner, model in models.items():
        commit(world, round_id, miner, model)
    close(world, round_id, by)
    release(world, round_id, by)
    reveal(world, round_id, models)
    return round_id


def draw(world: World, round_id: int) -> tuple[int, list[str]]:
    """Draw the committee; return the ballot and its members."""
    draw_next(world, round_id)
    ballot = newest_ballot(world, round_id)
    return ballot, world.committee.functions.members(ballot).call()


def newest_ballot(world: World, round_id: int) -> int:
    """Return the id of the ballot of a round's newest attempt."""
    return int(4 * round_id + world.chain.functions.round(round_id).call().attempt)


def challenge(world: World, round_id: int, by: str) -> int:
    """Buy a larger committee; return what it cost."""
    attempt = world.chain.functions.round(round_id).call().attempt
    bond = int(world.chain.functions.challengeBond(round_id, attempt).call())
    world.send(by, world.chain.functions.challenge(round_id), bond)
    return bond


def ok(model: Model) -> Vote:
    """Return the vote that a model is as good as `model` claims."""
    return (1, model.train, model.test, b"\x01" * 32)


def judged(world: World, round_id: int) -> list[Any]:
    """Return by choice the solution that was the first to show what a committee votes on."""
    chosen: dict[int, Any] = {}
    for solution in world.chain.functions.solutions(round_id).call():
        if solution.choice > 0:
            chosen.setdefault(solution.choice, solution)
    return list(chosen.values())


def votes_on(world: World, round_id: int, found: Mapping[str, Vote]) -> list[Vote]:
    """Return votes by miner in the order of choices."""
    return [found[each.miner] for each in judged(world, round_id)]


def vote_commitment(world: World, ballot: int, verifier: str, votes: Sequence[Vote]) -> bytes:
    """Return the hash that binds votes to ballot and verifier."""
    payload = keccak(encode(["(uint8,uint32,uint32,bytes32)[]"], [votes]))
    round_id, attempt = divmod(ballot, 4)
    place = (VOTE, world.w3.eth.chain_id, world.committee.address, round_id, attempt)
    return keccak(encode(BOUND, (*place, verifier, payload, SALT)))


def member_of(world: World, ballot: int, verifier: str) -> int:
    """Return a verifier's index among the members."""
    return int(world.committee.functions.members(ballot).call().index(verifier))


def commit_votes(world: World, ballot: int, votes: Mapping[str, list[Vote]]) -> None:
    """Commit the votes of members."""
    places = {member: place for place, member in enumerate(world.committee.functions.members(ballot).call())}
    for verifier, own in votes.items():
        hashed = vote_commitment(world, ballot, verifier, own)
        world.send(verifier, world.committee.functions.commitVote(ballot, places[verifier], hashed))


def reveal_votes(world: World, ballot: int, votes: Mapping[str, list[Vote]]) -> None:
    """Reveal the votes of members, once everybody has committed or the time for it is over."""
    if world.committee.functions.ballot(ballot).call().stage == COMMIT:
        end_votes(world, ballot)
    places = {member: place for place, member in enumerate(world.committee.functions.members(ballot).call())}
    for verifier, own in votes.items():
        world.send(verifier, world.committee.functions.revealVote(ballot, places[verifier], own, SALT))


def end_votes(world: World, ballot: int) -> None:
    """Let the window of votes pass that is open, and say so as a stranger."""
    world.wait(max(world.committee.functions.ballot(ballot).call().deadline - world.now(), 1))
    world.send(world.stranger, world.committee.functions.endVotes(ballot))


def vote(world: World, ballot: int, votes: Mapping[str, list[Vote]]) -> None:
    """Commit and reveal the votes of members."""
    commit_votes(world, ballot, votes)
    reveal_votes(world, ballot, votes)


def judge(world: World, round_id: int, found: Mapping[str, Vote]) -> list[str]:
    """Draw a committee whose members all find the same; return them."""
    ballot, members = draw(world, round_id)
    vote(world, ballot, dict.fromkeys(members, votes_on(world, round_id, found)))
    return list(members)


def phase(world: World, round_id: int) -> str:
    """Return the name of the round's phase."""
    return PHASES[world.chain.functions.phaseOf(round_id).call()[0]]


def pass_to(world: World, round_id: int, wanted: str) -> None:
    """Let time pass and strangers act until the round is in a phase."""
    while (now := phase(world, round_id)) != wanted:
        if now in ("None", "Final", "Void"):
            raise SystemExit(f"Round {round_id} ended in {now} before it came to {wanted}.")
        step(world, round_id, now)


def step(world: World, round_id: int, now: str) -> None:
    """Take what step a stranger can take in a phase, or let its window pass."""
    if now in ("Seed", "Draw"):
        draw_next(world, round_id)
    elif now == "Settlement":
        finalise(world, round_id)
    elif now in ("VoteCommit", "VoteReveal"):
        end_votes(world, newest_ballot(world, round_id))
    elif (deadline := world.chain.functions.phaseOf(round_id).call()[1]) == 0:
        close(world, round_id, world.stranger)
    else:
        world.wait(max(deadline - world.now(), 1))
        if now == "TestRelease":
            world.send(world.stranger, world.chain.functions.endTestRelease(round_id))


def finalise(world: World, round_id: int) -> None:
    """End a round, and note what its owner pays for the seconds that it took."""
    ended = world.chain.functions.round(round_id).call()
    world.send(world.stranger, world.chain.functions.finalise(round_id))
    if ended.taskId == 0:
        return
    rent, duration = world.tasks.functions.rentOf(tuple(ended.task.terms)).call()
    world.rents[ended.task.owner] += rent * min(world.now() - ended.openedAt, duration) // duration


def end(world: World, lane: int = 0) -> None:
    """Bring the newest round of a lane to its end by what a stranger can do, and time."""
    round_id = world.chain.functions.newestRound(lane).call()
    while (now := phase(world, round_id)) not in ("None", "Final", "Void"):
        step(world, round_id, now)
