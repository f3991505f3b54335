"""The tables of docs/economics.md, by name."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from scripts.economics import queue
from scripts.economics.committee import challenged, growing, one_draw
from scripts.economics.gas import CALLS, GAS_PRICES, GWEI, per_seat
from scripts.economics.purposes import PURPOSES
from scripts.economics.rounds import HONEST, ended_round, outcome, solution, without_keys

from pole.protocol.amounts import ether, wei
from pole.protocol.parameters import Parameters, parameters_from_json
from pole.protocol.rounds.judgement import BASIS_POINTS
from pole.protocol.rounds.ommer_rewards import inclusion_reward, ommer_reward
from pole.protocol.rounds.parameter_rules import MAXIMUM_SEATS, covering_fee
from pole.protocol.rounds.payouts import miner_bond
from pole.protocol.rounds.tally import quorum
from pole.protocol.state import TaskTerms, Verdict

DEVNET: Final = Path(__file__).resolve().parents[2] / "devnet"
ETHER: Final = 10**18
SEATS: Final = 100
SHARES: Final = ((1, 5), (1, 3), (1, 2))
SIZES: Final = (5, 15, 31)


def read_parameters(name: str) -> Parameters:
    """Return the parameters of a file in devnet/."""
    content = json.loads((DEVNET / name).read_text())
    exact = {
        group: {key: wei(value) if isinstance(value, str) else value for key, value in values.items()}
        for group, values in content.items()
    }
    return parameters_from_json(exact)


def tables() -> dict[str, str]:
    """Return every table of the page, in Markdown."""
    chosen = read_parameters("parameters.json")
    return {
        "parameters": parameters_table(chosen, read_parameters("parameters-public.json")),
        "committee": committee_table(),
        "captures": captures_table(),
        "self-dealing": self_dealing_table(chosen),
        "griefing": griefing_table(chosen),
        "crowding": crowding_table(chosen),
        "queue": queue_table(chosen),
        "stalling": stalling_table(chosen),
        "verifiers": verifiers_table(chosen),
        "laziness": laziness_table(chosen),
    }


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def parameters_table(devnet: Parameters, public: Parameters) -> str:
    """Return what each parameter protects against. Raises KeyError for one without a purpose."""
    rows = []
    for group, name in (("taskList", "task_list"), ("committee", "committee"), ("chain", "chain")):
        for each in fields(getattr(devnet, name)):
            key = f"{group}.{_solidity(each.name)}"
            values = [_value(key, getattr(getattr(p, name), each.name)) for p in (devnet, public)]
            rows.append([f"`{key}`", *values, PURPOSES[key]])
    return table(["parameter", "devnet", "public", "protects against"], rows)


def committee_table() -> str:
    """Return what a dishonest part of the seats can do to a committee of each size."""
    rows = []
    for n in SIZES:
        for share in SHARES:
            bad = SEATS * share[0] // share[1]
            alone = one_draw(seats=SEATS, dishonest=bad, n=n)
            grown = growing(seats=SEATS, dishonest=bad, n=n, cap=MAXIMUM_SEATS)
            doubted = challenged(seats=SEATS, dishonest=bad, n=n, cap=MAXIMUM_SEATS)
            chances = (alone.capture, alone.stall, grown.capture, grown.stall, doubted)
            rows.append([str(n), str(quorum(n)), f"{share[0]}/{share[1]}", *map(_percent, chances)])
    head = ["n", "quorum", "dishonest", "captured", "stalled", "captured, growing", "stalled, growing"]
    head.append("captured, challenged")
    return table(head, rows)


def captures_table() -> str:
    """Return the number of rounds in which each dishonest share expects to capture one committee."""
    rows = []
    for n in SIZES:
        cells = []
        for share in SHARES:
            chance = one_draw(seats=SEATS, dishonest=SEATS * share[0] // share[1], n=n).capture
            cells.append("never" if chance == 0 else f"{_rounded(1 / chance)}")
        rows.append([str(n), *cells])
    return table(["n", *(f"{a}/{b} dishonest" for a, b in SHARES)], rows)


def self_dealing_table(parameters: Parameters) -> str:
    """Return what a data node earns that mines its own task, at the minimum fee for which a block is paid."""
    reward = parameters.chain.block_reward
    drawn = reward + inclusion_reward(reward) + ommer_reward(reward, height=2, ommer_height=1, count=1)
    rows = []
    for margin in (0, 500, parameters.chain.fee_margin_bps, 2000):
        fee = covering_fee(replace(parameters, chain=replace(parameters.chain, fee_margin_bps=margin)))
        rows.append([f"μ = {margin / 100:g} %", ether(fee), ether(drawn), ether(drawn - fee)])
    minimum = parameters.task_list.min_reward * parameters.task_list.fee_bps // BASIS_POINTS
    rows.append(["no fee rule", ether(minimum), ether(drawn), ether(drawn - minimum)])
    return table(["rule", "least fee", "drawn from the pool, at most", "profit per block"], rows)


def reference_task(parameters: Parameters) -> TaskTerms:
    """Return the task that attacks are reckoned on: 3 ETH, as in `make demo`."""
    return TaskTerms(
        reward=3 * ETHER,
        data_bond=ETHER // 10,
        fee=max(covering_fee(parameters), 3 * ETHER * parameters.task_list.fee_bps // BASIS_POINTS),
        time_limit=3600,
        min_training_time=0,
        min_solutions=1,
        required_train_accuracy=8000,
        required_test_accuracy=8000,
        train_count=100,
        test_count=100,
        work=0,
    )


def griefing_table(parameters: Parameters) -> str:
    """Return who loses what in rounds that one role spoils, settled by the protocol's own rules."""
    terms, places = reference_task(parameters), parameters.chain.judged_solutions
    honest = [solution(HONEST[0], 0, claims=98), solution(HONEST[1], 1, claims=97)]
    truth: dict[str, int | Verdict] = {HONEST[0]: 98, HONEST[1]: 97}
    crowd = [solution(f"attacker {n}", 2 + n, claims=100) for n in range(places)]
    names = [each.miner for each in crowd]
    everywhere = parameters.chain.max_solutions
    low = [solution(f"attacker {n}", n, claims=10) for n in range(everywhere - len(honest))]
    high = [solution(f"attacker {n}", n, claims=100) for n in range(everywhere)]
    silent = solution("attacker 0", 2, claims=100, revealed=False)
    bare = ended_round(parameters, terms, honest, truth)
    cases = {
        "nobody: an honest round": bare,
        "data node: no keys": without_keys(bare),
        "data node: no test set": replace(bare, released=False),
        "data node: wrong data": ended_round(
            parameters, terms, honest, dict.fromkeys(truth, Verdict.DATA_FAULT)
        ),
        "miner: commits, never reveals": replace(bare, solutions=(*honest, silent)),
        f"miner: {places} false claims on junk": ended_round(
            parameters, terms, [*honest, *crowd], truth | dict.fromkeys(names, Verdict.MALFORMED)
        ),
        f"miner: {places} false claims on a fair model": ended_round(
            parameters, terms, [*honest, *crowd], truth | dict.fromkeys(names, 90)
        ),
        f"miner: all {everywhere} places, true claims on junk, of which honest claims take two": ended_round(
            parameters, terms, [*low, *honest], truth | dict.fromkeys([each.miner for each in low], 10)
        ),
        f"miner: all {everywhere} places, false claims that nobody can exceed": ended_round(
            parameters, terms, high, dict.fromkeys([each.miner for each in high], 10)
        ),
    }
    rows = []
    for name, ended in cases.items():
        ending = outcome(ended, parameters)
        reason = ending.judgement.void_reason.name
        verdict = "block" if reason == "NONE" else f"void {reason.replace('_', ' ').lower()}"
        miners = sum(ending.gains.get(each, 0) for each in HONEST)
        data_node = ending.gains["data node"]
        amounts = (data_node, miners, ending.attacker, ending.verifiers, ending.pool)
        rows.append([name, verdict, *(ether(amount) for amount in amounts)])
    head = ["who spoils it", "ends", "data node", "honest miners", "attacker", "verifiers", "pool"]
    return table(head, rows)


def queue_table(parameters: Parameters) -> str:
    """Return what it costs to keep the reference task waiting, or out of the list, gas at 1 gwei."""
    terms = reference_task(parameters)
    minimum, before = queue.minimum_task(terms, parameters), queue.brief(terms, parameters)
    enough = _about(queue.entering_reward(terms, parameters))
    rows = [
        (
            "tasks of 1 s that come before it, keys posted in the last second, in turn for a day",
            queue.overtaking(terms, parameters),
            "it waits, as do all that offer less",
        ),
        (
            "the list filled with the least tasks of 1 s",
            queue.filling(minimum, parameters),
            f"none: tasks like it take their places from a reward of {enough} on",
        ),
        (
            "the list filled with tasks of 1 s that come before it",
            queue.filling(before, parameters),
            "it finds no place",
        ),
        (
            "a task of 1 s that takes its place in a full list",
            queue.pushing_out(terms, parameters),
            f"its data node has reward and bond back, not its fee of {ether(terms.fee)}",
        ),
    ]
    head = ["attack", "spent", "locked meanwhile", "effect"]
    return table(head, [[name, _about(p.spent), _about(p.locked), effect] for name, p, effect in rows])


def crowding_table(parameters: Parameters) -> str:
    """Return what it costs to spoil a round by false claims on every judged place, for some rewards."""
    terms, places = reference_task(parameters), parameters.chain.judged_solutions
    crowd = [solution(f"attacker {n}", n, claims=100) for n in range(places)]
    truth: dict[str, int | Verdict] = {each.miner: 90 for each in crowd}
    rows = []
    for reward in (parameters.task_list.min_reward, ETHER, 3 * ETHER, 10 * ETHER, 100 * ETHER):
        paying = replace(terms, reward=reward, fee=0)
        ending = outcome(ended_round(parameters, paying, crowd, truth), parameters)
        bond = miner_bond(reward, parameters.chain)
        amounts = (reward, bond, -ending.attacker, ending.verifiers, ending.pool, ending.gains["data node"])
        rows.append([ether(amount) for amount in amounts])
    head = ["reward", "miner bond", f"{places} false claims cost", "the committee gets", "the pool gets"]
    return table([*head, "the data node gains"], rows)


def stalling_table(parameters: Parameters) -> str:
    """Return what it costs to keep everybody else from being served in a round, gas at 1 gwei."""
    chain = parameters.chain
    fill = chain.max_solutions * (CALLS["commit"] + CALLS["reveal"]) * GWEI
    veto = chain.committee_size - quorum(chain.committee_size) + 1
    bond = miner_bond(reference_task(parameters).reward, chain)
    rows = [
        [
            f"all {chain.max_solutions} places of a round taken, low but true claims",
            _about(fill),
            ether(chain.max_solutions * bond),
            "nobody is kept out: a higher claim takes the lowest place",
        ],
        [
            f"all {chain.max_solutions} places of a round taken, false claims that nobody can exceed",
            _about(fill + chain.judged_solutions * bond),
            ether(chain.max_solutions * bond),
            "the round is void",
        ],
        [
            f"{veto} of {chain.committee_size} seats absent",
            ether(parameters.committee.penalty * veto),
            ether(parameters.committee.seat_stake * veto),
            "the round is void",
        ],
        [
            f"{veto} of {chain.committee_size} seats vote nonsense",
            _about(per_seat() * GWEI * veto),
            ether(parameters.committee.seat_stake * veto),
            "the round is void; without a finding nobody is slashed",
        ],
    ]
    return table(["attack", "spent", "locked meanwhile", "effect"], rows)


def verifiers_table(parameters: Parameters) -> str:
    """Return the minimum reward from which a seat's fee covers its gas."""
    chain = parameters.chain
    rows = []
    for price in GAS_PRICES:
        gas = per_seat() * price * GWEI
        cells = []
        for seats in SIZES:
            minimum = Fraction(gas * seats * BASIS_POINTS, chain.verification_fee_bps)
            cells.append(_about(minimum))
        rows.append([f"{price} gwei", _about(gas), *cells])
    return table(["gas price", "gas of a vote", *(f"n = {n}" for n in SIZES)], rows)


def laziness_table(parameters: Parameters) -> str:
    """Return how rarely a miner may lie before looking pays again, for some costs of looking."""
    terms, chain = reference_task(parameters), parameters.chain
    share = terms.reward * chain.verification_fee_bps // BASIS_POINTS // chain.committee_size
    at_stake = share + parameters.committee.penalty
    rows = []
    for cost in (ETHER // 10**5, ETHER // 10**4, ETHER // 10**3, ETHER // 100):
        rows.append([ether(cost), ether(at_stake), f"1 in {at_stake // cost:,}"])
    return table(
        ["cost of an evaluation", "at stake", "looking pays if false results are likelier than"], rows
    )


def _solidity(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _value(key: str, value: int) -> str:
    if key.endswith("Bps"):
        return f"{value / 100:g} %"
    if key.endswith(("Window", "Windows", "Time", "Limit")):
        return f"{value:,} s"
    if key.endswith(("Reward", "Bond", "Stake", "penalty")):
        return ether(value)
    return f"{value:,}"


def _about(amount: int | Fraction) -> str:
    value = float(Fraction(amount, ETHER))
    return f"{value:.3g} ETH" if value < 1000 else f"{value:,.0f} ETH"


def _percent(chance: Fraction) -> str:
    if chance == 0:
        return "0"
    return f"{float(100 * chance):.3g} %" if chance >= Fraction(1, 10**6) else f"{float(chance):.1e}"


def _rounded(number: Fraction) -> str:
    return f"{round(float(number)):,}" if number < 10**7 else f"{float(number):.1e}"
