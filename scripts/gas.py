"""Print what every call costs as the task list and the committee grow, and write it into docs/gas.md.

    tools/brownie run gas --network anvil
    tools/brownie run gas limits --network anvil

Takes some minutes on anvil, nearly all of them for ten thousand posts, and a quarter of an hour on ganache
(--network development). Rewards of waiting tasks are drawn with a fixed seed, so that a new task's place in
the heap is any; "dearest" is a task more valuable than all others, which rises to the top of the heap. A
call's cost is that of the last of several equal ones, in a round like one that went before. Exits with 1
when a call's cost grows faster than the logarithm of the tasks that wait.
"""

import random
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import log2
from typing import Any

from brownie import TaskCrowd, accounts, chain, web3
from brownie.network.contract import ProjectContract
from scripts.contracts.mined import wait_for_blocks
from scripts.pages.gas import SAMPLE, write
from tests.contracts import stage
from tests.contracts.stage import ETHER, Model
from web3.contract import Contract as Web3Contract
from web3.contract.contract import ContractFunction
from web3.types import TxParams, Wei

from pole.adapters.sending.gas import MAXIMUM_GAS
from pole.protocol.state import Verdict, Vote

LISTS = (10, 100, 1_000, 10_000)
SEATS = (5, 15, 31)
SOLUTIONS = (2, 4, 16)
LANES = (1, 4, 16)
# Solutions, and seats of the committees that a round has one after the other.
DEAREST = ((16, 14, 29, 31), (16, 31), (8, 20, 41, 42), (8, 42), (1, 30, 61, 63), (1, 63))
# Of so many seats few are drawn twice.
CROWD = 250
# The slot of VerifierCommittee._seatOf.
SEAT_OF = 3
BATCH = 40
MODELS = {miner: Model(test=50 - miner) for miner in (2, 3, 4, 5)}
# A slow machine may take minutes between two calls, by the clock of which the chain goes.
WINDOWS = dict.fromkeys((name for name in stage.CHAIN if name.endswith("Window")), 10_000)
# In tenths: a tenfold of tasks that adds half as much again as any step before, and 20,000 gas, is no chance.
MAXIMUM_GROWTH, CHANCE = 15, 20_000

Costs = dict[str, int]
VotesOf = Callable[[list[Vote], int, int], list[Vote]]


def main() -> None:
    wait_for_blocks(web3.provider)
    by_lanes = {lanes: measured_lanes(lanes) for lanes in LANES}
    by_seats = {seats: measured_committee(seats) for seats in SEATS}
    by_solutions = {solutions: measured_places(solutions) for solutions in SOLUTIONS}
    by_tasks = dict(measured_lists())
    tables = {
        "tasks": table("tasks waiting", by_tasks, fit),
        "seats": table("seats", by_seats),
        "solutions": table("solutions", by_solutions),
        "lanes": table("lanes", by_lanes),
    }
    for block in tables.values():
        print(f"\n{block}")
    write(tables)
    faster = [call for call in by_tasks[LISTS[0]] if not is_logarithmic([by_tasks[n][call] for n in LISTS])]
    if faster:
        raise SystemExit(f"These calls grow faster than the logarithm of the tasks: {', '.join(faster)}")
    print("\nNo call grows faster than the logarithm of the tasks that wait.")


def limits() -> None:
    """Print what every call costs in the largest round, and what ending the dearest rounds costs.

    The largest round has all places taken and the largest committee. Exits with 1 where ending a round takes
    more than a transaction may.
    """
    wait_for_blocks(web3.provider)
    solutions, seats = SOLUTIONS[-1], SEATS[-1]
    for name, cost in measured_places(solutions, seats).items():
        print(f"{name}: {cost:,} gas with {solutions} solutions and {seats} seats")
    dearest = [ending for sizes in DEAREST for ending in measured_endings(*sizes)]
    for ending in dearest:
        print(f"finalise: {ending.gas:,} gas with {ending.told}")
    if max(ending.gas for ending in dearest) > MAXIMUM_GAS:
        raise SystemExit(f"A transaction may take {MAXIMUM_GAS:,} gas: such a round could not end.")


@dataclass(frozen=True)
class Ending:
    """What ending a round cost after committees of so many seats, whose votes were of a kind."""

    seats: tuple[int, ...]
    solutions: int
    kind: str
    gas: int

    @property
    def told(self) -> str:
        """Return it in words."""
        return f"{self.solutions} solutions, {' + '.join(map(str, self.seats))} seats, {self.kind}"


def measured_endings(solutions: int, *seats: int) -> Iterator[Ending]:
    """Yield what ending a round costs, by kinds of votes, of which no two are alike in any committee.

    It is the first round of a deployment, whose storage is fresh, and its committees have hardly a member in
    common.
    """
    first = stage.STRANGER + 1
    models = {first + n: Model(test=50 - n) for n in range(solutions)}
    verifiers = range(first + solutions, first + solutions + CROWD)
    fund(range(first, verifiers.stop))
    pole = stage.set_up(
        verifiers=verifiers,
        task_list={"maxSolutions": solutions},
        chain=WINDOWS
        | {"maxSolutions": solutions, "minerBondBps": 10_000 // solutions, "readyBondBps": 10_000}
        | {"committeeSize": seats[0], "maxCommittee": seats[-1], "verificationFeeBps": 500},
    )
    round_id = stage.revealed(pole, models)
    claimed = stage.ballot_of(pole, round_id, stage.as_claimed(models))

    def ending(votes_of: VotesOf) -> int:
        for attempt in range(len(seats)):
            if attempt > 0:
                stage.challenge(pole, round_id)
            members, left = stage.draw(pole, round_id), len(seats) - 1 - attempt
            votes = {member: votes_of(claimed, number, left) for number, member in enumerate(members)}
            stage.commit_votes(pole, round_id, votes)
            stage.reveal_votes(pole, round_id, votes)
        return gas(stage.finalise, pole, round_id)

    strike(pole, verifiers)
    for kind, votes_of in KINDS.items():
        if votes_of is silent_somewhere and solutions == 1:
            # Whoever abstains on the only model is right about none.
            continue
        yield Ending(seats, solutions, kind, undone(partial(ending, votes_of)))


def of_its_own(claimed: list[Vote], number: int, _: int) -> list[Vote]:
    """Return votes that no other member casts."""
    return [stage.ok(number, 45)] * len(claimed)


def false_somewhere(claimed: list[Vote], number: int, left: int) -> list[Vote]:
    """Return votes of which, where no committee is left to come, one is false, and a quorum's are not."""
    own = of_its_own(claimed, number, left)
    wrong = number % max(len(claimed), 4)
    return [theirs if not left and n != wrong else own[n] for n, theirs in enumerate(claimed)]


def silent_somewhere(claimed: list[Vote], number: int, left: int) -> list[Vote]:
    """Return votes that are right, and abstentions of one of two kinds on two choices."""
    first, second = number % len(claimed), (number + number // len(claimed) + 1) % len(claimed)
    abstention = stage.verdict(Verdict.UNAVAILABLE if first < second else Verdict.DATA_UNAVAILABLE)
    mark = number + 2 if left else 1
    right = [stage.ok(each.train_correct, each.test_correct, mark) for each in claimed]
    return [abstention if n in (first, second) else each for n, each in enumerate(right)]


KINDS: dict[str, VotesOf] = {
    "nothing found": of_its_own,
    "everybody slashed": false_somewhere,
    "everybody paid and struck a third time": silent_somewhere,
}


def fund(people: Iterable[int]) -> None:
    """Let there be these accounts, each with what a seat or a bond takes."""
    for person in people:
        while person >= len(accounts):
            accounts.add()
        if accounts[person].balance() < 25 * ETHER:
            accounts[person % 10].transfer(accounts[person], 25 * ETHER)


def strike(pole: stage.Pole, verifiers: Iterable[int]) -> None:
    """Give each seat two strikes, as rounds before would have.

    A seat is one word, and its strikes are eight bits of that from the 200th on.
    """
    for verifier in verifiers:
        slot = web3.to_hex(web3.keccak(hexstr=f"{accounts[verifier].address[2:]:0>64}{SEAT_OF:064x}"))
        seat = int.from_bytes(web3.eth.get_storage_at(pole.committee.address, int(slot, 16)))
        struck = [pole.committee.address, slot, f"0x{seat + (2 << 200):064x}"]
        web3.provider.make_request("anvil_setStorageAt", struck)
        assert pole.committee.stakeOf(accounts[verifier])[3] == 2


def measured_lists() -> Iterator[tuple[int, Costs]]:
    """Yield the cost of every call for each length of the task list."""
    chance = random.Random(2007_15145)  # noqa: S311 - the same table every time
    pole = stage.set_up(
        verifiers=range(8, 16),
        task_list={"maxTasks": 2 * LISTS[-1], "minReward": 1, "minDataBond": 0, "rewardPerSecond": 0},
        chain=WINDOWS | {"committeeSize": 5, "maxCommittee": 5},
    )
    crowd = without_events(TaskCrowd.deploy(pole.task_list, {"from": accounts[0]}))
    tasks = without_events(pole.task_list)
    stage.won(pole, MODELS)
    for waiting in LISTS:
        grow(pole, crowd, waiting, chance)
        posts = [undone(lambda: posting(pole, tasks, some_reward(chance))) for _ in range(SAMPLE)]
        costs = {"post, median": round(statistics.median(posts)), f"post, worst of {SAMPLE}": max(posts)}
        costs["post, dearest"] = gas(stage.post, pole)
        yield waiting, costs | round_costs(pole)


def some_reward(chance: random.Random) -> int:
    # Little enough that one account can pay for all of them.
    return chance.randrange(10**12, 4 * 10**13)


def call(pole: stage.Pole, reward: int) -> tuple[Any, ...]:
    return stage.post_call(pole, by=7, reward=reward, dataBond=0, fee=reward // 100)


def posting(pole: stage.Pole, tasks: Web3Contract, reward: int) -> int:
    terms, files, sent = call(pole, reward)
    return mined(tasks.functions.post(terms, files), sent["value"])


def without_events(contract: ProjectContract) -> Web3Contract:
    """Return the contract as web3 has it, which does not decode what ten thousand posts tell."""
    plain: Web3Contract = web3.eth.contract(address=contract.address, abi=contract.abi)
    return plain


def mined(post: ContractFunction, value: int) -> int:
    """Send a post and return its gas."""
    terms: TxParams = {"from": accounts[7].address, "value": Wei(value), "gas": chain.block_gas_limit}
    sent = post.transact(terms)
    return web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)["gasUsed"]


def grow(pole: stage.Pole, crowd: Web3Contract, waiting: int, chance: random.Random) -> None:
    """Post tasks, many at once, until so many wait."""
    while missing := waiting - pole.task_list.waiting():
        calls = [call(pole, some_reward(chance)) for _ in range(min(missing, BATCH))]
        value = sum(each[2]["value"] for each in calls)
        mined(crowd.functions.post([each[0] for each in calls], calls[0][1]), value)


def measured_committee(seats: int) -> Costs:
    """Return the cost of every call for a committee of so many seats, drawn out of one more."""
    while len(accounts) < 16 + seats:
        accounts[0].transfer(accounts.add(), 100 * ETHER)
    verifiers = range(len(accounts) - seats - 1, len(accounts))
    pole = stage.set_up(
        verifiers=verifiers,
        chain=WINDOWS | {"committeeSize": seats, "maxCommittee": seats},
    )
    stage.won(pole, MODELS)
    return {"post, empty list": gas(stage.post, pole)} | round_costs(pole)


def measured_places(solutions: int, seats: int = 5) -> Costs:
    """Return the cost of every call where so many miners commit and reveal, and so many seats judge."""
    first = len(accounts)
    while len(accounts) < first + solutions + seats + 1:
        accounts[0].transfer(accounts.add(), 100 * ETHER)
    models = {first + n: Model(test=50 - n) for n in range(solutions)}
    places = {"maxSolutions": solutions}
    bonds = {"minerBondBps": max(stage.CHAIN["minerBondBps"], 10_000 // solutions)}
    pole = stage.set_up(
        verifiers=range(first + solutions, first + solutions + seats + 1),
        task_list=places,
        chain=WINDOWS | places | bonds | {"committeeSize": seats, "maxCommittee": seats},
    )
    stage.won(pole, models)
    stage.post(pole)
    return round_costs(pole, models)


def measured_lanes(lanes: int) -> Costs:
    """Return the cost of every call in a round while one is open in each other of so many lanes."""
    pole = stage.set_up(
        verifiers=range(8, 14),
        committee={"lanes": lanes},
        chain=WINDOWS | {"committeeSize": 5, "maxCommittee": 5},
    )
    stage.won(pole, MODELS)
    for lane in range(1, lanes):
        stage.post(pole)
        stage.open_round(pole, lane)
    stage.post(pole)
    return round_costs(pole)


def round_costs(pole: stage.Pole, models: dict[int, Model] = MODELS) -> Costs:
    """Play the round of a task that was posted; return the cost of every call."""
    costs = {"open": gas(stage.open_round, pole)}
    round_id = pole.chain.newestRound(0)
    costs["draw seed"] = gas(stage.draw, pole, round_id)
    costs["keys"] = gas(stage.post_keys, pole, round_id)
    for miner, model in models.items():
        costs["commit"] = gas(stage.commit, pole, round_id, miner, model)
    costs["close"] = gas(stage.close, pole, round_id)
    costs["release"] = gas(stage.release, pole, round_id)
    for miner, model in models.items():
        costs["reveal"] = gas(stage.reveal, pole, round_id, miner, model)
    costs["draw"] = gas(stage.draw, pole, round_id)
    members = pole.committee.members(stage.ballot(pole, round_id))
    votes = dict.fromkeys(members, stage.ballot_of(pole, round_id, stage.as_claimed(models)))
    costs["commit vote"] = gas(stage.commit_votes, pole, round_id, votes)
    costs["reveal vote"] = gas(stage.reveal_votes, pole, round_id, votes)
    costs["finalise"] = gas(stage.finalise, pole, round_id)
    return costs


def gas(function: Callable[..., object], *arguments: object) -> int:
    """Return the gas of the last transaction that `function` sent."""
    function(*arguments)
    return chain.get_transaction(chain[-1]["transactions"][-1].hex()).gas_used


def undone(measure: Callable[[], int]) -> int:
    """Return what `measure` returns, and leave the chain as it was."""
    chain.snapshot()
    used = measure()
    chain.revert()
    return used


def is_logarithmic(costs: list[int]) -> bool:
    """Tell whether the last tenfold of tasks costs about as much more as those before it, or less."""
    steps = [after - before for before, after in pairwise(costs)]
    return steps[-1] <= max(*steps[:-1], 0) * MAXIMUM_GROWTH // 10 + CHANCE


def fit(sizes: list[int], costs: list[int]) -> str:
    """Return the slope of the line through costs over log2 of sizes: gas for each doubling."""
    slope, _ = statistics.linear_regression([log2(size) for size in sizes], costs)
    return f"{slope:+,.0f}"


def table(
    unit: str, costs: dict[int, Costs], summary: Callable[[list[int], list[int]], str] | None = None
) -> str:
    """Return a Markdown table with a row a call and a column a size."""
    sizes = list(costs)
    heads = ["gas of a call", *(f"{size:,} {unit}" for size in sizes), *(["a doubling"] if summary else [])]
    rows = [heads, ["---"] * len(heads)]
    for name in costs[sizes[0]]:
        values = [costs[size][name] for size in sizes]
        rows.append(
            [name, *(f"{value:,}" for value in values), *([summary(sizes, values)] if summary else [])]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
