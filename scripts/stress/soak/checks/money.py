"""The reservoir's ether, and what honest workers lost."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from scripts.stress.soak.checks.faults_named import named
from scripts.stress.soak.checks.promise import Promise
from scripts.stress.soak.conductor import Incident
from scripts.stress.soak.plan import MINERS

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.history_source import in_batches
from pole.adapters.node.questions import logs
from pole.protocol.amounts import ether
from pole.protocol.idle.task import IDLE_TASK_ID
from pole.protocol.parameters import Parameters
from pole.protocol.replay.earnings.miner import miner_rows
from pole.protocol.replay.earnings.verifier import SeatEnding, seats_of_round
from pole.protocol.replay.history import History
from pole.protocol.replay.standing import ReplayedRound
from pole.protocol.replay.surroundings import RoundClock
from pole.protocol.state import PayoutReason

AWAY = frozenset({SeatEnding.ABSENT, SeatEnding.NOT_REVEALED})
EVENTS = ("Deposited", "Transferred", "Credited", "Withdrawn")

Account = tuple[str, bytes]


def check_reservoir(reader: ChainReader, ended: Iterable[int]) -> Promise:
    """Hold the reservoir's ether against the sum of all its events, account by account."""
    reservoir = reader.contracts["RewardReservoir"]
    accounts, owed = _books(reader)
    held = in_batches(reader, [reservoir.call("balanceOf", *account) for account in accounts])
    shown = in_batches(reader, [reservoir.call("creditOf", payee) for payee in owed])
    breaches = [
        f"account {account[1].hex()} of {account[0]} has {amount} wei, its events sum to {accounts[account]}"
        for account, amount in zip(accounts, held, strict=True)
        if amount != accounts[account]
    ]
    breaches += [
        f"{payee} is owed {amount} wei, the events sum to {owed[payee]}"
        for payee, amount in zip(owed, shown, strict=True)
        if amount != owed[payee]
    ]
    chain = reader.deployment.chain.address
    breaches += [
        f"round {round_id} has ended and its account holds {accounts[chain, round_id.to_bytes(32)]} wei"
        for round_id in ended
        if accounts[chain, round_id.to_bytes(32)]
    ]
    balance, total = reader.balance_of(reservoir.address), reader.view("RewardReservoir", "total")
    booked = sum(accounts.values()) + sum(owed.values())
    if not balance == total == booked:
        breaches.append(f"it has {balance} wei, its total is {total}, and its events sum to {booked}")
    remark = f"{balance} wei, in {len(accounts)} accounts and {len(owed)} credits"
    return Promise("the reservoir's ether is what its books say, to the wei", tuple(breaches), (remark,))


def _books(reader: ChainReader) -> tuple[Counter[Account], Counter[str]]:
    """Return the wei of every account and of every credit, by the reservoir's events."""
    reservoir = reader.contracts["RewardReservoir"]
    accounts: Counter[Account] = Counter()
    owed: Counter[str] = Counter()
    for name in EVENTS:
        kind = reservoir.event(name)
        for log in reader.node.ask(logs([reservoir.address], 0, topics=[kind.topic])):
            told = kind.arguments(log)
            match name:
                case "Deposited":
                    accounts[told["holder"], told["account"]] += told["amount"]
                case "Transferred":
                    accounts[told["fromHolder"], told["fromAccount"]] -= told["amount"]
                    accounts[told["toHolder"], told["toAccount"]] += told["amount"]
                case "Credited":
                    accounts[told["holder"], told["account"]] -= told["amount"]
                    owed[told["payee"]] += told["amount"]
                case _:
                    owed[told["payee"]] -= told["amount"]
    return accounts, owed


def check_bonds(
    rounds: Sequence[ReplayedRound], addresses: Mapping[str, str], parameters: Parameters
) -> Promise:
    """Find bonds of honest miners, and of the data node, that did not come back."""
    breaches = [
        f"{name} lost {ether(row.lost)} in round {row.place.round_id}: {row.ending.ending.value}"
        for name in MINERS
        for row in miner_rows(rounds, addresses[name], parameters)
        if row.lost
    ]
    breaches += [
        f"the data node lost its bond in round {played.round_id}: {played.result.judgement.void_reason.name}"
        for played in rounds
        if played.clock is not None and played.task.task_id != IDLE_TASK_ID and not _has_bond_back(played)
    ]
    return Promise("no honest miner and no data node lost a bond", tuple(breaches))


def _has_bond_back(played: ReplayedRound) -> bool:
    payouts = played.traced.payouts.payouts if played.traced.payouts else ()
    back = sum(
        payout.amount
        for payout in payouts
        if payout.payee == played.task.owner and payout.reason is PayoutReason.DATA_BOND
    )
    return back == played.task.terms.data_bond


def check_stakes(
    rounds: Sequence[ReplayedRound],
    history: History,
    names: Mapping[str, str],
    incidents: Sequence[Incident],
) -> Promise:
    """Find penalties of honest verifiers: one that was away is named with the faults that kept it away."""
    breaches, remarks = [], []
    for played in rounds:
        for seat in seats_of_round(played, history.around.books):
            if not seat.lost or played.clock is None:
                continue
            name = names[seat.verifier]
            sentence = f"{name} lost {ether(seat.lost)} in round {played.round_id}: {seat.ending.value}"
            felt = named(incidents, name, *_times(played.clock)) if seat.ending in AWAY else []
            if felt:
                remarks.append(f"{sentence}, by {'; '.join(felt)}")
            else:
                breaches.append(sentence)
    return Promise("no honest verifier lost a stake but by a fault", tuple(breaches), tuple(remarks))


def _times(clock: RoundClock) -> tuple[float, float]:
    return clock.opened_at, clock.ended_at
