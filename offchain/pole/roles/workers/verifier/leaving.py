"""How a verifier that drains gives its seat up, so that no later round draws it."""

from pole.quoting import utc
from pole.roles.support.events import report
from pole.roles.workers.verifier.verifier import LOG, Verifier


def give_up_seat(verifier: Verifier) -> str | None:
    """Leave the seat, where there is one; raises what sending raises, and may be called again then.

    What it prepares ahead of votes is interrupted for this once, and not again where it cannot be paid for.
    """
    verifier.has_tried_to_leave = True
    chain, address = verifier.chain, verifier.chain.identity.address
    if not chain.stake_of(address).seated:
        return None
    chain.unstake(intent=verifier.next_intent("unstake"))
    held = chain.stake_of(address)
    if held.seated:
        # That was sent before the seat was taken again, and nobody had looked whether it was mined.
        chain.unstake(intent=verifier.next_intent("unstake"))
        held = chain.stake_of(address)
    drawn_until = held.left_at + chain.parameters.committee.seat_age
    sentence = (
        f"The seat is given up. Rounds that open until {utc(drawn_until)} may still draw it, and absence "
        "would cost a penalty. Afterwards `pole verifier reclaim` gets the stake back, or "
        "`pole verifier stake` the seat."
    )
    report(LOG, "seat-left", sentence, drawnUntil=drawn_until)
    return "seat left"
