"""Stakes and seats: taking one, leaving it, losing a part of it."""

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import money
from tests.contracts.stateful.model.system import NEVER, POOL, STAKES, Call, Refused, System, need

NAME = "VerifierCommittee"
STRIKES = 3


def stake(system: System, call: Call) -> Values:
    need(call.sender not in system.order, "AlreadySeated", call.sender)
    seat, whole = system.seats[call.sender], system.parameters.committee["seatStake"]
    due = whole - seat.stake
    need(call.value == due, "WrongStake", call.value, due)
    system.order.append(call.sender)
    _remember(system)
    seat.stake, seat.left_at = whole, 0
    system.report(NAME, "Staked", call.sender, whole)
    if due:
        money.put(system, system.committee, system.committee, STAKES, due)
    return ()


def unstake(system: System, call: Call) -> Values:
    need(call.sender in system.order, "NotStaked", call.sender)
    leave(system, call.sender)
    return ()


def reclaim(system: System, call: Call) -> Values:
    seat = system.seats[call.sender]
    need(seat.stake, "NotStaked", call.sender)
    need(call.sender not in system.order, "StakeBound", call.sender, 0)
    # Until then the seat can be drawn, in rounds that open by then.
    free_after = seat.left_at + system.parameters.committee["seatAge"]
    is_free = system.clock.time > free_after and oldest_opening(system) > free_after
    need(is_free, "StakeBound", call.sender, free_after)
    amount, seat.stake = seat.stake, 0
    system.report(NAME, "Reclaimed", call.sender, amount)
    money.pay(system, system.committee, STAKES, call.sender, amount)
    return ()


def for_the_chain_alone(_system: System, call: Call, *_arguments: object) -> Values:
    raise Refused("NotChain", call.sender)


def oldest_opening(system: System) -> int:
    return min((opened.opened_at for opened in system.open_rounds), default=NEVER)


def as_of(system: System, time: int) -> tuple[str, ...]:
    """Return the verifiers by place as they stood at the end of a second."""
    return max(((at, order) for at, order in system.standing.items() if at <= time), default=(0, ()))[1]


def leave(system: System, verifier: str) -> None:
    """Free the seat: the last takes its place."""
    seat, place = system.seats[verifier], system.order.index(verifier)
    seat.left_at, seat.strikes = system.clock.time, 0
    system.report(NAME, "SeatLeft", verifier, seat.stake)
    system.order[place] = system.order[-1]
    system.order.pop()
    _remember(system)


def strike(system: System, ballot_id: int, verifier: str) -> None:
    """Count an abstention against whoever still has a seat; the third in a row costs it."""
    seat = system.seats[verifier]
    seat.strikes += 1
    system.report(NAME, "Struck", ballot_id, verifier, seat.strikes)
    if seat.strikes == STRIKES:
        leave(system, verifier)


def slash(system: System, ballot_id: int, verifier: str) -> int:
    """Take a penalty off the stake, and the seat; return it for the caller to move the money."""
    seat = system.seats[verifier]
    amount = min(seat.stake, system.parameters.committee["penalty"])
    seat.stake -= amount
    if amount:
        system.report(NAME, "Slashed", ballot_id, verifier, amount)
    if verifier in system.order:
        leave(system, verifier)
    return amount


def forfeit(system: System, amount: int) -> None:
    if amount:
        money.move(system, system.committee, STAKES, system.chain, POOL, amount)


def _remember(system: System) -> None:
    system.standing[system.clock.time] = tuple(system.order)
