"""Stakes and seats: taking one, leaving it, losing a part of it."""

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import money
from tests.contracts.stateful.model.system import FOR_EVER, POOL, STAKES, Call, Refused, System, need

NAME = "VerifierCommittee"


def stake(system: System, call: Call) -> Values:
    need(call.sender not in system.order, "AlreadySeated", call.sender)
    seat, whole = system.seats[call.sender], system.parameters.committee["seatStake"]
    due = whole - seat.stake
    need(call.value == due, "WrongStake", call.value, due)
    system.order.append(call.sender)
    seat.stake, seat.reclaimable_at = whole, 0
    system.report(NAME, "Staked", call.sender, whole)
    money.put(system, system.committee, system.committee, STAKES, due)
    return ()


def unstake(system: System, call: Call) -> Values:
    need(call.sender in system.order, "NotStaked", call.sender)
    need(system.clock.number > system.frozen_until, "StakeBound", call.sender, FOR_EVER)
    leave(system, call.sender)
    return ()


def reclaim(system: System, call: Call) -> Values:
    seat = system.seats[call.sender]
    need(seat.stake, "NotStaked", call.sender)
    need(call.sender not in system.order, "StakeBound", call.sender, 0)
    need(not owes_vote(system, call.sender), "StakeBound", call.sender, FOR_EVER)
    need(system.clock.time >= seat.reclaimable_at, "StakeBound", call.sender, seat.reclaimable_at)
    amount, seat.stake = seat.stake, 0
    system.report(NAME, "Reclaimed", call.sender, amount)
    money.pay(system, system.committee, STAKES, call.sender, amount)
    return ()


def for_the_chain_alone(_system: System, call: Call, *_arguments: object) -> Values:
    raise Refused("NotChain", call.sender)


def owes_vote(system: System, verifier: str) -> bool:
    ballots = system.ballots
    is_open = bool(ballots) and not ballots[-1].is_settled
    return is_open and any(verifier in ballot.members for ballot in ballots)


def leave(system: System, verifier: str) -> None:
    """Free the seat: the last mature one takes its place, and the last of all takes that one's."""
    seat, index = system.seats[verifier], system.order.index(verifier)
    seat.reclaimable_at = system.clock.time + system.parameters.committee["unbondingTime"]
    system.report(NAME, "SeatLeft", verifier, seat.stake, seat.reclaimable_at)
    if index < system.mature:
        system.mature -= 1
        system.order[index] = system.order[system.mature]
        index = system.mature
    system.order[index] = system.order[-1]
    system.order.pop()


def slash(system: System, ballot_id: int, verifier: str) -> int:
    """Take a penalty off the stake and return it; the caller moves the money."""
    seat = system.seats[verifier]
    amount = min(seat.stake, system.parameters.committee["penalty"])
    if amount:
        seat.stake -= amount
        system.report(NAME, "Slashed", ballot_id, verifier, amount)
        if verifier in system.order:
            leave(system, verifier)
    return amount


def forfeit(system: System, amount: int) -> None:
    if amount:
        money.move(system, system.committee, STAKES, system.chain, POOL, amount)
