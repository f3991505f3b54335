"""The steps of a round as the interfaces describe them, played honestly by whoever is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from scripts.attack.world import World
from web3.contract.contract import ContractFunction

ETHER = 10**18
REWARD, DATA_BOND = 10 * ETHER, 2 * ETHER
LIMIT, TRAIN, TEST = 600, 100, 50
TEST_DIGEST, DIGEST, SALT = b"\x7e" * 32, b"\x04" * 32, b"\x77" * 32
SOLUTION, VOTE = keccak(text="PoLe.solution.v1"), keccak(text="PoLe.vote.v1")
PHASES = (
    *("None", "Keys", "Training", "TestRelease", "Reveal", "Draw"),
    *("VoteCommit", "VoteReveal", "Challenge", "Settlement", "Final", "Void"),
)
BOUND = ("bytes32", "uint256", "address", "uint256", "uint256", "address", "bytes32", "bytes32")

Vote = tuple[int, int, int, bytes]


@dataclass(frozen=True, slots=True)
class Model:
    """What a miner claims, and what opens its commitment."""

    train: int = 90
    test: int = 45
    digest: bytes = b"\x0d" * 32
    salt: bytes = b"\x5a" * 32


def fee_of(world: World) -> int:
    """Return the minimum fee whose block draws from the pool."""
    drawn = world.rules.blockReward * 65 // 32
    covering = -(-drawn * (10_000 + world.rules.feeMarginBps) // 10_000)
    return int(max(covering, REWARD * world.terms.feeBps // 10_000))


def post(world: World, by: str, *, replaced: int = 0, **changes: int) -> None:
    """Post a task, in the place of another where one is named."""
    terms = {
        "reward": REWARD,
        "dataBond": DATA_BOND,
        "timeLimit": LIMIT,
        "minTrainingTime": 0,
        "fee": fee_of(world),
        "minSolutions": 1,
        "requiredTrainAccuracy": 8000,
        "requiredTestAccuracy": 0,
        "trainCount": TRAIN,
        "testCount": TEST,
        "auditCount": 0,
    } | changes
    files = ("bafy-spec", DIGEST, "bafy-train", DIGEST, TEST_DIGEST, DIGEST)
    value = terms["reward"] + terms["dataBond"] + terms["fee"]
    functions, task = world.tasks.functions, (tuple(terms.values()), files)
    call = functions.postReplacing(*task, replaced) if replaced else functions.post(*task)
    world.send(by, call, value)


def open_round(world: World) -> int:
    world.send(world.stranger, world.chain.functions.openRound())
    return int(world.chain.functions.currentRound().call())


def training(world: World, by: str) -> int:
    """Post a task, open its round and post its keys; return the round."""
    post(world, by)
    return keyed(world, by)


def keyed(world: World, by: str) -> int:
    """Open a round and post its keys; return the round."""
    round_id = open_round(world)
    world.send(by, world.chain.functions.postFunctionalKeys(round_id, "bafy-keys", DIGEST))
    return round_id


def bond_of(world: World) -> int:
    return int(max(world.rules.minerBond, REWARD * world.rules.minerBondBps // 10_000))


def commitment(world: World, round_id: int, miner: str, model: Model) -> bytes:
    payload = keccak(encode(["bytes32", "uint32"], [model.digest, model.train]))
    bound = (SOLUTION, world.w3.eth.chain_id, world.chain.address, round_id, 0, miner, payload, model.salt)
    return keccak(encode(BOUND, bound))


def commit(world: World, round_id: int, miner: str, model: Model) -> None:
    hashed = commitment(world, round_id, miner, model)
    world.send(miner, world.chain.functions.commit(round_id, hashed, model.train), bond_of(world))


def close(world: World, round_id: int, by: str) -> None:
    world.send(by, world.chain.functions.closeSubmissions(round_id))


def release(world: World, round_id: int, by: str) -> None:
    world.mine()
    world.send(by, world.chain.functions.releaseTestSet(round_id, "bafy-test", TEST_DIGEST))


def opening(world: World, round_id: int, model: Model) -> ContractFunction:
    return world.chain.functions.reveal(round_id, "bafy-model", model.digest, model.test, model.salt)


def revealed(world: World, models: Mapping[str, Model]) -> int:
    """Post a task and play its round until all have revealed; return it."""
    post(world, world.data_node)
    return served(world, world.data_node, models)


def served(world: World, by: str, models: Mapping[str, Model]) -> int:
    """Play the round of a task that waits until all have revealed; return it."""
    round_id = keyed(world, by)
    for miner, model in models.items():
        commit(world, round_id, miner, model)
    close(world, round_id, by)
    release(world, round_id, by)
    for miner, model in models.items():
        world.send(miner, opening(world, round_id, model))
    return round_id


def draw(world: World, round_id: int) -> tuple[int, list[str]]:
    """Arm and draw; return the ballot and its members."""
    world.send(world.stranger, world.chain.functions.armDraw(round_id))
    world.mine(2)
    world.send(world.stranger, world.chain.functions.drawCommittee(round_id))
    ballot = 4 * round_id + world.chain.functions.round(round_id).call().attempt
    return ballot, world.committee.functions.members(ballot).call()


def ok(model: Model) -> Vote:
    return (1, model.train, model.test, b"\x01" * 32)


def votes_on(world: World, round_id: int, found: Mapping[str, Vote]) -> list[Vote]:
    """Return votes by miner in the order of choices."""
    judged = [each for each in world.chain.functions.solutions(round_id).call() if each.choice > 0]
    return [found[each.miner] for each in sorted(judged, key=lambda each: each.choice)]


def vote_commitment(world: World, ballot: int, verifier: str, votes: Sequence[Vote]) -> bytes:
    payload = keccak(encode(["(uint8,uint32,uint32,bytes32)[]"], [votes]))
    round_id, attempt = divmod(ballot, 4)
    place = (VOTE, world.w3.eth.chain_id, world.committee.address, round_id, attempt)
    return keccak(encode(BOUND, (*place, verifier, payload, SALT)))


def commit_votes(world: World, ballot: int, votes: Mapping[str, list[Vote]]) -> None:
    for verifier, own in votes.items():
        hashed = vote_commitment(world, ballot, verifier, own)
        world.send(verifier, world.committee.functions.commitVote(ballot, hashed))


def reveal_votes(world: World, ballot: int, votes: Mapping[str, list[Vote]]) -> None:
    for verifier, own in votes.items():
        world.send(verifier, world.committee.functions.revealVote(ballot, own, SALT))


def judge(world: World, round_id: int, found: Mapping[str, Vote]) -> list[str]:
    """Draw a committee whose members all find the same; return them."""
    ballot, members = draw(world, round_id)
    votes = dict.fromkeys(members, votes_on(world, round_id, found))
    commit_votes(world, ballot, votes)
    reveal_votes(world, ballot, votes)
    return members


def phase(world: World, round_id: int) -> str:
    return PHASES[world.chain.functions.phaseOf(round_id).call()[0]]


def end(world: World) -> None:
    """Bring the newest round to its end by what a stranger can do, and time."""
    round_id = world.chain.functions.currentRound().call()
    while (now := phase(world, round_id)) not in ("None", "Final", "Void"):
        if now == "Draw":
            draw(world, round_id)
        elif now == "Settlement":
            world.send(world.stranger, world.chain.functions.finalise(round_id))
        else:
            deadline = world.chain.functions.phaseOf(round_id).call()[1]
            world.wait(max(deadline - world.now(), 1))
