"""How a round ends: who wins, and where each wei of it goes."""

from dataclasses import dataclass

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import ballots, blocks, draws, money, phases, rounds, tasks, verdicts
from tests.contracts.stateful.model.system import (
    BPS,
    NOBODY,
    POOL,
    STAKES,
    Call,
    Challenge,
    Round,
    System,
)

from pole.protocol.encoding.abi import PAYOUT
from pole.protocol.state import Ommer, PayoutReason, Phase, RecordKind, Step, Verdict, VoidReason

OMMER_PART = 32
NOBODY_RIGHT = (VoidReason.NO_QUORUM, VoidReason.NONE_QUALIFIED)
# What is proven of the data comes before what could not be had of them.
DATA_LOST = {
    Verdict.DATA_FAULT: VoidReason.DATA_FAULT,
    Verdict.DATA_UNAVAILABLE: VoidReason.DATA_UNAVAILABLE,
}

Found = dict[str, verdicts.Finding]
"""What stands in the end of the model that each miner showed; empty where no committee sat."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The winner and who else showed a model above the thresholds, best first; or why there is none.

    Of those that showed the same model the best is named alone.

    `trained` is who did best of those that reached the training threshold in a round that missed another.
    """

    void_reason: VoidReason
    ranked: tuple[str, ...] = ()
    trained: str = NOBODY


def finalise(system: System, _call: Call, round_id: int) -> Values:
    ended = phases.in_phase(system, round_id, Phase.SETTLEMENT)
    found = _found(ended)
    outcome = _outcome(ended, found)
    payouts = _divide(system, ended, found, outcome)
    ended.is_settled, ended.void_reason = True, outcome.void_reason
    _pay(system, ended, found, outcome, payouts)
    referenced: list[Ommer] = []
    if outcome.ranked:
        drawn, referenced = _from_pool(system, ended, outcome.ranked[0])
        payouts += drawn
    blocks.record(system, RecordKind.PAYOUTS, ["uint256", f"{PAYOUT}[]"], [round_id, payouts])
    if outcome.ranked:
        _append(system, ended, found, outcome, referenced)
    else:
        blocks.record(
            system, RecordKind.ROUND_VOIDED, ["uint256", "uint8"], [round_id, int(outcome.void_reason)]
        )
    return ()


def _found(ended: Round) -> Found:
    if not ended.ballots:
        return {}
    by_model = dict(zip(ended.models, ballots.standing(ended.ballots), strict=True))
    return {miner: by_model[ended.solutions[miner].model_digest] for miner in ended.revealed}


def _outcome(ended: Round, found: Found) -> Outcome:
    early = _early(ended)
    if early is not VoidReason.NONE:
        return Outcome(early)
    for verdict, reason in DATA_LOST.items():
        if any(each.verdict == verdict for each in found.values()):
            return Outcome(reason)
    able = [miner for miner, each in found.items() if verdicts.qualifies(ended, ended.solutions[miner], each)]
    if not able:
        is_complete = all(each.verdict != Verdict.NONE for each in found.values())
        return Outcome(VoidReason.NONE_QUALIFIED if is_complete else VoidReason.NO_QUORUM)

    def rank(miner: str) -> tuple[int, int]:
        solution = ended.solutions[miner]
        return -verdicts.score(ended, solution, found[miner]), solution.order

    meeting = sorted((miner for miner in able if verdicts.meets(ended, found[miner])), key=rank)
    # An idle round's time always runs out: the best alone would win with whatever it has.
    if not meeting and (ended.is_closed_early or ended.is_idle):
        trained = [miner for miner in able if verdicts.meets_training(ended, found[miner])]
        return Outcome(VoidReason.THRESHOLD_MISSED, trained=min(trained, key=rank, default=NOBODY))
    # Without anybody above the thresholds the best wins alone.
    return Outcome(VoidReason.NONE, _once_a_model(ended, meeting) or (min(able, key=rank),))


def _once_a_model(ended: Round, ranked: list[str]) -> tuple[str, ...]:
    """Return the first of those who showed each model."""
    first: dict[bytes, str] = {}
    for miner in ranked:
        first.setdefault(ended.solutions[miner].model_digest, miner)
    return tuple(first.values())


def _early(ended: Round) -> VoidReason:
    if ended.step < Step.KEYED:
        return VoidReason.KEYS_MISSING
    if not ended.solutions:
        return VoidReason.NO_COMMITMENT
    if not ended.revealed:
        return VoidReason.NOTHING_REVEALED
    return VoidReason.COMMITTEE_TOO_SMALL if ended.is_committee_too_small else VoidReason.NONE


def _fee(system: System, ended: Round, found: Found, outcome: Outcome) -> int:
    """Return what the committees earn if they found any truth, at most what those have who pay it."""
    if not any(each.is_truth for each in found.values()):
        return 0
    fee = draws.verification_fee(system, ended)
    if outcome.void_reason is VoidReason.DATA_FAULT:
        return min(fee, ended.task.terms.data_bond)
    if outcome.void_reason in NOBODY_RIGHT:
        return min(fee, _forfeited(system, ended, found))
    return fee


def _forfeited(system: System, ended: Round, found: Found) -> int:
    """Return the bonds that miners do not get back."""
    lost = ended.solutions.keys() - {*_honest(ended, found)}
    return sum(rounds.bond(system, ended, ended.solutions[miner].claimed_train) for miner in lost)


def _honest(ended: Round, found: Found) -> list[str]:
    """Return the miners that revealed and are not proven bad."""
    return [
        miner
        for miner in ended.revealed
        if miner not in found or not verdicts.is_proven_bad(ended, ended.solutions[miner], found[miner])
    ]


def _divide(system: System, ended: Round, found: Found, outcome: Outcome) -> list[tuple[str, int, int]]:
    """Return the payouts of reward, bonds and rent, those of nothing or to nobody left out."""
    owner, fee = ended.task.owner, _fee(system, ended, found, outcome)
    reward, bond = ended.task.terms.reward, ended.task.terms.data_bond
    if outcome.void_reason is VoidReason.DATA_FAULT:
        bond -= fee
    elif outcome.ranked or outcome.void_reason is VoidReason.DATA_UNAVAILABLE:
        reward -= fee
    else:
        reward -= fee - min(fee, _forfeited(system, ended, found))
    payouts = _of_reward(system, ended, reward, outcome)
    if not _forfeits_data_bond(ended, outcome):
        payouts.append((owner, PayoutReason.DATA_BOND, bond))
    elif outcome.void_reason is not VoidReason.DATA_UNAVAILABLE:
        # Nobody gains by data that could not be had.
        shared = bond * system.parameters.chain["faultShareBps"] // BPS
        payouts += _shares(ended, PayoutReason.DATA_BOND_SHARE, shared)
    payouts.append((owner, PayoutReason.RENT_REFUND, _unused_rent(system, ended)))
    for miner in _honest(ended, found):
        back = rounds.bond(system, ended, ended.solutions[miner].claimed_train)
        payouts.append((miner, PayoutReason.MINER_BOND, back))
    payouts += [
        (made.challenger, PayoutReason.CHALLENGE_BOND, made.bond)
        for made in ended.challenges
        if not any(made is spent for spent in _spent(ended))
    ]
    return [(payee, int(reason), amount) for payee, reason, amount in payouts if amount and payee != NOBODY]


def _of_reward(
    system: System, ended: Round, reward: int, outcome: Outcome
) -> list[tuple[str, PayoutReason, int]]:
    """Return who has what of what the fee leaves: a part for whom the test set or bad data cost it."""
    if outcome.ranked:
        return [(outcome.ranked[0], PayoutReason.TASK_REWARD, reward)]
    is_data_lost = outcome.void_reason in DATA_LOST.values()
    has_part = is_data_lost or outcome.trained != NOBODY
    part = reward * system.parameters.chain["missedShareBps"] // BPS if has_part else 0
    # The part is nobody's where the data were bad, and so the pool's.
    return [
        (outcome.trained, PayoutReason.TRAINING_REWARD, part),
        (ended.task.owner, PayoutReason.REWARD_REFUND, reward - part),
    ]


def _shares(ended: Round, reason: PayoutReason, amount: int) -> list[tuple[str, PayoutReason, int]]:
    """Return equal parts for the miners that revealed."""
    return [(miner, reason, amount // len(ended.revealed)) for miner in ended.revealed]


def _unused_rent(system: System, ended: Round) -> int:
    rent, duration = tasks.rent(system, ended.task), tasks.duration(system, ended.task.terms)
    taken = min(system.clock.time - ended.opened_at, duration)
    return rent - rent * taken // duration


def _spent(ended: Round) -> list[Challenge]:
    """Return the challenges whose bonds pay the committees they bought, for these found nothing else."""
    last = ballots.standing(ended.ballots)
    return [
        made
        for attempt, made in enumerate(ended.challenges[: len(ended.ballots) - 1])
        if not any(map(verdicts.differ, ballots.standing(ended.ballots[: attempt + 1]), last))
    ]


def _forfeits_data_bond(ended: Round, outcome: Outcome) -> bool:
    """Tell whether the data node issued no keys, gave bad data, or kept the test set from the miners."""
    is_withheld = bool(ended.solutions) and not ended.is_released
    return is_withheld or outcome.void_reason in (VoidReason.KEYS_MISSING, *DATA_LOST.values())


def _pay(
    system: System,
    ended: Round,
    found: Found,
    outcome: Outcome,
    payouts: list[tuple[str, int, int]],
) -> None:
    """Empty the round's account: the committees' fee, the payouts, and the rest to the pool."""
    fee = _fee(system, ended, found, outcome) + sum(made.bond for made in _spent(ended))
    if fee:
        money.move(system, system.chain, ended.account, system.committee, STAKES, fee)
    if found:
        ballots.settle(system, ended, fee)
    for payee, _, amount in payouts:
        money.pay(system, system.chain, ended.account, payee, amount)
    left = system.books.balances[system.chain, ended.account]
    if left:
        money.move(system, system.chain, ended.account, system.chain, POOL, left)
    system.books.gifts[system.chain, ended.account] = 0


def _is_covered(system: System, ended: Round) -> bool:
    """Tell whether the task's fee pays for a block reward, an ommer and its inclusion, and a margin."""
    chosen = system.parameters.chain
    # fee >= (1 + margin) * reward * (1 + 1 + 1/32), without fractions.
    due = (BPS + chosen["feeMarginBps"]) * chosen["blockReward"] * (2 * OMMER_PART + 1)
    return bool(ended.task.terms.fee * BPS * OMMER_PART >= due)


def _from_pool(system: System, ended: Round, winner: str) -> tuple[list[tuple[str, int, int]], list[Ommer]]:
    """Pay the block reward, and for one ommer, if the task's fee stands for it."""
    if not _is_covered(system, ended):
        return [], []
    reward = system.parameters.chain["blockReward"]
    payouts = [(winner, PayoutReason.BLOCK_REWARD, reward)]
    ommer = blocks.ommer_for(system)
    if ommer is not None:
        payouts.append((winner, PayoutReason.OMMER_INCLUSION, reward // OMMER_PART))
        part = reward // (blocks.age(system, ommer) * ommer.count)
        payouts.append((ommer.miner, PayoutReason.OMMER_REWARD, part))
    due = [(payee, int(reason), amount) for payee, reason, amount in payouts if amount]
    for payee, _, amount in due:
        money.pay(system, system.chain, POOL, payee, amount)
    return due, [] if ommer is None else [blocks.refer(system, ommer)]


def _append(
    system: System,
    ended: Round,
    found: Found,
    outcome: Outcome,
    referenced: list[Ommer],
) -> None:
    winner, *others = outcome.ranked
    counts = (found[winner].train, found[winner].test)
    digest = ended.solutions[winner].model_digest
    ended.height = blocks.add_block(
        system, ended.round_id, ended.task.task_id, winner, digest, counts, referenced
    )
    if not others or not _is_covered(system, ended):
        return
    best, terms = found[others[0]], ended.task.terms
    correct, total = (best.test, terms.test_count) if ended.is_released else (best.train, terms.train_count)
    digest = ended.solutions[others[0]].model_digest
    system.ommer = Ommer(ended.height, others[0], digest, correct, total, len(others), False)
