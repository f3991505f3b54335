"""The tables of docs/economics.md, by name."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from scripts.economics import queue
from scripts.economics.committee import doubted, last_word, one_draw, withheld
from scripts.economics.gas import CALLS, GAS_PRICES, GWEI, per_seat
from scripts.economics.purposes import PURPOSES
from scripts.economics.rounds import HONEST, ended_round, outcome, solution, without_keys

from pole.protocol.amounts import ether, wei
from pole.protocol.ballots import challenge_bond, committee_fee, quorum, seats_asked
from pole.protocol.parameters import Parameters, parameters_from_json
from pole.protocol.rounds.judgement import BASIS_POINTS
from pole.protocol.rounds.ommer_rewards import inclusion_reward
from pole.protocol.rounds.parameter_rules import MAXIMUM_SEATS, covering_fee
from pole.protocol.rounds.payouts import bond_of
from pole.protocol.rounds.rent import duration, minimum_reward
from pole.protocol.rounds.rent import rent as rent_of
from pole.protocol.state import TaskTerms, Verdict

DEVNET: Final = Path(__file__).resolve().parents[2] / "devnet"
ETHER: Final = 10**18
SEATS: Final = 100
SHARES: Final = ((1, 5), (1, 3), (1, 2))
SIZES: Final = (5, 15, 31)
PROPOSERS: Final = (Fraction(1, 100), Fraction(1, 10), Fraction(1, 3))
"""Shares of the Ethereum blocks that one party proposes."""


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
        "withheld": withheld_table(),
        "challenges": challenges_table(chosen),
        "self-dealing": self_dealing_table(chosen),
        "griefing": griefing_table(chosen),
        "crowding": crowding_table(chosen),
        "models": models_table(chosen),
        "queue": queue_table(chosen),
        "halting": halting_table(chosen),
        "stalling": stalling_table(chosen),
        "verifiers": verifiers_table(chosen),
        "judging": judging_table(chosen, read_parameters("parameters-public.json")),
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
            asked = {"seats": SEATS, "dishonest": SEATS * share[0] // share[1], "n": n}
            alone = one_draw(**asked)
            challenged = doubted(**asked, cap=MAXIMUM_SEATS)
            last = last_word(**asked, cap=MAXIMUM_SEATS)
            chances = (alone.capture, alone.stall, challenged.capture, challenged.stall)
            cells = map(_percent, (*chances, last.capture, last.stall))
            rows.append([str(n), str(quorum(n)), f"{share[0]}/{share[1]}", *cells])
    head = ["n", "quorum", "dishonest", "captured", "stalled", "captured, doubted", "stalled, doubted"]
    return table([*head, "captured, fought out", "stalled, fought out"], rows)


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


def withheld_table() -> str:
    """Return how often a committee is captured by whoever proposes a share of the Ethereum blocks, too."""
    rows = []
    for n in SIZES:
        for share in SHARES[:2]:
            chance = one_draw(seats=SEATS, dishonest=SEATS * share[0] // share[1], n=n).capture
            cells = (withheld(chance, slots) for slots in PROPOSERS)
            rows.append([str(n), f"{share[0]}/{share[1]}", _percent(chance), *map(_percent, cells)])
    heads = (f"{_percent(slots)} of the slots" for slots in PROPOSERS)
    return table(["n", "dishonest", "captured", *heads], rows)


def challenges_table(parameters: Parameters) -> str:
    """Return what larger committees cost whoever calls them."""
    rows = []
    chain = parameters.chain
    for reward in (ETHER // 10, ETHER, 3 * ETHER, 10 * ETHER):
        sizes = [str(seats_asked(attempt, reward, chain)) for attempt in range(3)]
        bonds = [challenge_bond(attempt, reward, chain) for attempt in range(2)]
        parts = [f"{ether(bond)} ({bond * 100 / reward:.3g} %)" for bond in bonds]
        rows.append([ether(reward), ether(committee_fee(reward, chain)), *sizes, *parts])
    head = ["reward", "verification fee", "first seats", "next", "last", "the first challenge", "the second"]
    return table(head, rows)


def self_dealing_table(parameters: Parameters) -> str:
    """Return what a data node earns that mines its own task, at the minimum fee for which a block is paid."""
    reward = parameters.chain.block_reward
    drawn = 2 * reward + inclusion_reward(reward)
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
    terms, places = reference_task(parameters), parameters.chain.max_solutions
    honest = [solution(HONEST[0], 0, claims=98), solution(HONEST[1], 1, claims=97)]
    truth: dict[str, int | Verdict] = {HONEST[0]: 98, HONEST[1]: 97}
    low = [solution(f"attacker {n}", n, claims=10) for n in range(places - len(honest))]
    high = [solution(f"attacker {n}", n, claims=100) for n in range(places)]
    one = [solution(f"attacker {n}", n, claims=100, model="one") for n in range(places)]
    door = solution("attacker 0", 2, claims=100)
    silent = solution("attacker 0", 2, claims=100, revealed=False)
    false: dict[str, int | Verdict] = {each.miner: 10 for each in high}
    bare = ended_round(terms, honest, truth)
    missed = replace(terms, required_test_accuracy=9900)
    cases = {
        "nobody: an honest round": bare,
        "data node: no keys": without_keys(bare),
        "data node: no test set": replace(bare, released=False),
        "data node: wrong data": ended_round(terms, honest, dict.fromkeys(truth, Verdict.DATA_FAULT)),
        "data node: data that cannot be had": ended_round(
            terms, honest, dict.fromkeys(truth, Verdict.DATA_UNAVAILABLE)
        ),
        "data node: a test threshold that nobody meets": ended_round(missed, honest, truth),
        "miner: commits, never reveals": replace(bare, solutions=(*honest, silent)),
        "miner: a false claim that ends training": ended_round(
            terms, [solution(HONEST[0], 0, claims=70), door], {HONEST[0]: 70, "attacker 0": 10}
        ),
        f"miner: all {places} places, true claims on junk, of which honest claims take two": ended_round(
            terms, [*low, *honest], truth | {each.miner: 10 for each in low}
        ),
        f"miner: all {places} places, false claims that nobody can exceed": ended_round(terms, high, false),
        f"miner: the same with one model in all {places}": ended_round(terms, one, false),
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


def models_table(parameters: Parameters) -> str:
    """Return what a data node pays for models that it does not reward, of the reward of 3 ETH."""
    terms, chain = reference_task(parameters), parameters.chain
    rent = rent_of(terms.reward, parameters.task_list)
    committee = committee_fee(terms.reward, chain)
    part = (terms.reward - committee) * chain.missed_share_bps // BASIS_POINTS
    lost = terms.reward * chain.missed_share_bps // BASIS_POINTS + terms.data_bond
    veto = chain.committee_size - quorum(chain.committee_size) + 1
    ways = {
        "it rewards the best": terms.reward,
        "a test threshold that nobody meets": committee + part,
        "data that are wrong": lost,
        "data that it serves no more, once it has challenged the first tally": lost
        + challenge_bond(0, terms.reward, chain),
        "it wins itself, for it knows its test set": committee,
        f"{veto} of {chain.committee_size} seats abstain for it on all models, and nobody challenges": 0,
    }
    rows = [
        [name, ether(paid), ether(paid + terms.fee + rent), f"{paid * 100 / terms.reward:.3g} %"]
        for name, paid in ways.items()
    ]
    return table(["how", "it pays", "with fee and rent, at most", "of the reward, without these"], rows)


def queue_table(parameters: Parameters) -> str:
    """Return what it costs to keep the reference task waiting, or out of the list, gas at 1 gwei."""
    terms = reference_task(parameters)
    minimum, before = queue.minimum_task(terms, parameters), queue.brief(terms, parameters)
    enough = _about(queue.entering_reward(terms, parameters))
    rows = [
        (
            "brief tasks that come before it, with garbage keys, in turn for a day, in one lane",
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


def halting_table(parameters: Parameters) -> str:
    """Return what it costs to hold all lanes, by the hour and as a part of what would be paid meanwhile."""
    terms, lanes = reference_task(parameters), parameters.committee.lanes
    hourly = terms.reward * 3600 // duration(terms, parameters.task_list)
    brief = queue.overtaking(terms, parameters)
    held, seconds = queue.holding(terms, parameters)
    ways = {
        "brief tasks with garbage keys, again and again, before tasks of 3 ETH": brief.spent // 24,
        f"a task of {ether(parameters.task_list.max_reward)} before them, and a commitment": held.spent
        * 3600
        // seconds,
    }
    for hours in (1, 6, parameters.task_list.max_time_limit // 3600):
        price, lasts = queue.squatting(parameters, terms, hours * 3600)
        name = f"the least task of {hours} h, taken while nothing waits, and a commitment"
        ways[name] = price.spent * 3600 // lasts
    rows = [[name, _about(cost * lanes), f"{cost * 100 / hourly:.3g} %"] for name, cost in ways.items()]
    return table(["all lanes held by", "an hour", "of what tasks of 3 ETH would pay"], rows)


def crowding_table(parameters: Parameters) -> str:
    """Return what it costs to spoil a round by false claims on every place, for some rewards."""
    terms, places = reference_task(parameters), parameters.chain.max_solutions
    crowds = {
        "at the threshold": [solution(f"attacker {n}", n, claims=100) for n in range(places)],
        "below it": [solution(f"attacker {n}", n, claims=79) for n in range(places)],
    }
    rows = []
    for reward in (parameters.task_list.min_reward, ETHER, 3 * ETHER, 10 * ETHER, 20 * ETHER):
        paying = replace(terms, reward=reward, fee=0)
        cells = []
        for crowd in crowds.values():
            truth: dict[str, int | Verdict] = {each.miner: 10 for each in crowd}
            ending = outcome(ended_round(paying, crowd, truth), parameters)
            cells += [ether(bond_of(crowd[0], paying, parameters.chain)), ether(-ending.attacker)]
        rows.append([ether(reward), *cells])
    head = [f"{what} {name}" for name in crowds for what in ("bond", f"{places} false claims")]
    return table(["reward", *head], rows)


def stalling_table(parameters: Parameters) -> str:
    """Return what it costs to keep everybody else from being served in a round, gas at 1 gwei."""
    chain, terms = parameters.chain, reference_task(parameters)
    places = chain.max_solutions
    fill = places * (CALLS["commit"] + CALLS["reveal"]) * GWEI
    veto = chain.committee_size - quorum(chain.committee_size) + 1
    low, high = (bond_of(solution("attacker", 0, claims=n), terms, chain) for n in (1, 100))
    staked = ether(parameters.committee.seat_stake * veto)
    votes = _about(per_seat() * GWEI * veto)
    overruled = ether(challenge_bond(0, terms.reward, chain))
    rows = [
        [
            f"all {places} places of a round taken, low but true claims",
            _about(fill),
            ether(places * low),
            "nobody is kept out: a higher claim takes the lowest place",
        ],
        [
            f"all {places} places of a round taken, false claims that nobody can exceed",
            _about(fill + places * high),
            ether(places * high),
            "the round is void",
        ],
        [
            f"{veto} of {chain.committee_size} seats absent",
            ether(parameters.committee.penalty * veto),
            staked,
            f"the round is void, or its miner challenges for {overruled}",
        ],
        [
            f"{veto} of {chain.committee_size} seats abstain on the better model",
            votes,
            staked,
            f"another wins, or its miner challenges for {overruled}",
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


def judging_table(devnet: Parameters, public: Parameters) -> str:
    """Return the least reward by the time that judging a model takes, and what a seat earns of it.

    Of a task of the reference task's time limit.
    """
    rows = []
    for seconds in (10, 60, 600, 3600):
        cells = []
        for each in (devnet, public):
            tasks, chain = each.task_list, each.chain
            work = seconds * tasks.judging_speed
            terms = replace(reference_task(each), work=work, train_count=1, test_count=0)
            minimum = minimum_reward(terms, tasks)
            seat = committee_fee(minimum, chain) // seats_asked(0, minimum, chain)
            cells += [_about(minimum), _about(seat)]
        window = devnet.chain.vote_commit_window + devnet.chain.max_solutions * seconds
        rows.append([f"{seconds:,} s", *cells, f"{window:,} s"])
    head = [
        "judging a model takes",
        "least reward, devnet",
        "a seat earns",
        "public networks",
        "a seat earns",
    ]
    return table([*head, "window for the votes on 16 models, devnet"], rows)


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
    if key.endswith(("Window", "Windows", "Time", "Limit", "Age")):
        return f"{value:,} s"
    if key.endswith(("Reward", "Bond", "Stake", "penalty", "Second", "PerSeat")):
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
