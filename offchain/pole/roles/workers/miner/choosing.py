"""Which rounds a miner takes part in: those that pay it most for the time that it will need itself."""

from typing import Final

from pole.protocol.ballots import minimum_members, minimum_seats
from pole.protocol.state import ENDED, Phase, Round
from pole.roles.ports import Moment
from pole.roles.support.events import report
from pole.roles.workers.miner.leaving import ALONE, calls, may_leave
from pole.roles.workers.miner.miner import LOG, Miner
from pole.roles.workers.miner.prospects import reason_to_wait

PASSES: Final = 2
"""Training takes as long as preparing the data at least."""
WORTH_MEASURING: Final = 5.0
"""Seconds: what is done sooner says more about the network than about this machine."""


def is_chosen(miner: Miner, moment: Moment) -> bool:
    """Return whether the miner is to work in a round in Training: it has begun, or this is the best one now.

    It trains for no more rounds than it works in at once, each until it has committed: afterwards its reveal
    calls it, maybe a challenge, and nothing else. A round whose files it could not get comes after all the
    others, and keeps it from none. Of rounds that it leaves alone it says why.
    """
    if _is_at_work(miner, moment.round_id):
        return True
    moments = miner.chain.moments()
    begun = sum(
        each.phase not in ENDED
        and _is_at_work(miner, each.round_id)
        and not miner.memory.has_committed(each.round_id)
        for each in moments
    )
    if begun >= miner.settings.lanes:
        return False
    training = [each for each in moments if each.phase is Phase.TRAINING]
    offers = [(each, standing) for each in training if (standing := _offer(miner, each)) is not None]
    best = max(offers, key=lambda offer: _rank(miner, *offer), default=None)
    return best is not None and best[0].round_id == moment.round_id


def is_called_away(miner: Miner, standing: Round, moment: Moment) -> bool:
    """Return whether another lane's round that nobody works in ends the training for this one.

    What was trained goes on from its checkpoint, should the miner come back.
    """
    if moment.round_id in miner.postponed or not may_leave(miner, standing) or not calls(miner, moment):
        return False
    other = _offer(miner, moment)
    if other is None or not _is_alone(miner, moment, other):
        return False
    return _worth(miner, moment, other) > _pay(miner, standing)


def _is_at_work(miner: Miner, round_id: int) -> bool:
    return miner.takes_part(round_id) and round_id not in miner.postponed


def _rank(miner: Miner, moment: Moment, standing: Round) -> tuple[float, float]:
    postponed_at = miner.postponed.get(standing.round_id, float("-inf"))
    return -postponed_at, _worth(miner, moment, standing)


def _worth(miner: Miner, moment: Moment, standing: Round) -> float:
    return (ALONE if _is_alone(miner, moment, standing) else 1) * _pay(miner, standing)


def _is_alone(miner: Miner, moment: Moment, standing: Round) -> bool:
    """Return whether a round is at this miner's turn, and nobody shows a sign of life in it."""
    # Where the grace is no shorter than the training nobody has to.
    shows_life = miner.chain.parameters.chain.grace_window < standing.terms.time_limit
    return shows_life and not standing.committed and calls(miner, moment)


def _pay(miner: Miner, standing: Round) -> float:
    return standing.terms.reward / needed(miner, standing)


def needed(miner: Miner, standing: Round) -> float:
    """Return the seconds that the miner expects to need: the whole time limit where it knows no better."""
    expected = _expected(miner, standing)
    return min(expected or standing.terms.time_limit, standing.terms.time_limit)


def note_speed(miner: Miner, standing: Round, seconds: float) -> None:
    """Measure this machine by how long preparing a training set took; its best time counts."""
    if seconds >= WORTH_MEASURING:
        speed = standing.terms.work * standing.terms.train_count / seconds
        miner.memory.keep_speed(max(speed, miner.memory.speed() or 0.0))


def _offer(miner: Miner, moment: Moment) -> Round | None:
    """Return a round that the miner may work in, None where it leaves it alone."""
    if miner.draining() or moment.round_id in miner.given_up or _is_at_work(miner, moment.round_id):
        return None
    standing = miner.chain.round(moment.round_id)
    reason = _reason_against(miner, moment, standing)
    if reason:
        miner.give_up(moment.round_id, reason)
        return None
    return None if _is_put_off(miner, standing) else standing


def _is_put_off(miner: Miner, standing: Round) -> bool:
    """Return whether a round is not worth joining now, and say so once."""
    reason = reason_to_wait(miner, standing)
    if reason and standing.round_id not in miner.put_off:
        miner.put_off.add(standing.round_id)
        sentence = f"Round {standing.round_id}: not mining for now, {reason}."
        report(LOG, "put-off", sentence, round=standing.round_id)
    return bool(reason)


def _reason_against(miner: Miner, moment: Moment, standing: Round) -> str:
    terms, parameters = standing.terms, miner.chain.parameters
    if terms.reward < miner.settings.minimum_reward:
        return f"the reward of {terms.reward} wei is too low"
    seats = miner.chain.seats_at(standing.opened_at - parameters.committee.seat_age)
    minimum = minimum_seats(terms.reward, parameters.chain)
    if seats < minimum:
        return f"its reward asks for {minimum} seats to judge it, and {seats} could be drawn"
    able = seats - sum(_has_stake(miner, each) for each in {standing.data_node, miner.chain.identity.address})
    fewest = minimum_members(terms.reward, parameters.chain)
    if able < fewest:
        return f"its committee takes {fewest} seats, and {able} are not its data node's or this miner's"
    expected = _expected(miner, standing)
    left = standing.since + terms.time_limit - moment.timestamp - miner.settings.time_margin
    if expected is not None and expected > left:
        return f"it takes this machine some {expected:.0f} s, and {max(left, 0):.0f} s are left"
    return ""


def _has_stake(miner: Miner, address: str) -> bool:
    """Return whether a wallet holds a stake, and so may have a seat that is barred where it takes part."""
    return miner.chain.stake_of(address).amount > 0


def _expected(miner: Miner, standing: Round) -> float | None:
    speed = miner.memory.speed()
    if speed is None or standing.is_idle:
        return None
    return PASSES * standing.terms.work * standing.terms.train_count / speed
