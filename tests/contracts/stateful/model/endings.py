"""How a round ends: who wins, and where each wei of it goes."""

from dataclasses import dataclass, replace

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import ballots, blocks, money, rounds, verdicts
from tests.contracts.stateful.model.system import BPS, NO_HASH, NOBODY, POOL, Call, Round, System

from pole.protocol.encoding.abi import PAYOUT
from pole.protocol.state import Ommer, PayoutReason, Phase, RecordKind, Verdict, VoidReason

OMMER_PART = 32
NOBODY_RIGHT = (VoidReason.NO_QUORUM, VoidReason.NONE_QUALIFIED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The winner and the others that reached the thresholds, best first; or why there is none."""

    void_reason: VoidReason
    ranked: tuple[str, ...] = ()


def finalise(system: System, _call: Call, round_id: int) -> Values:
    ended = rounds.in_phase(system, round_id, Phase.SETTLEMENT)
    found = _findings(system, ended)
    outcome = _outcome(system, ended, found)
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


def _findings(system: System, ended: Round) -> dict[str, verdicts.Finding]:
    """Return what the committee found, by miner."""
    if ended.entropy == NO_HASH:
        return {}
    found = ballots.found_by(system, ballots.newest_of(system, ended))
    return dict(zip(ended.judged, found, strict=True))


def _outcome(system: System, ended: Round, found: dict[str, verdicts.Finding]) -> Outcome:
    early = _early(ended)
    if early is not VoidReason.NONE:
        return Outcome(early)
    if any(each.verdict == Verdict.DATA_FAULT for each in found.values()):
        return Outcome(VoidReason.DATA_FAULT)
    tolerance = system.parameters.committee["tolerance"]
    able = [
        miner
        for miner, each in found.items()
        if verdicts.qualifies(ended, ended.solutions[miner], each, tolerance)
    ]
    if not able:
        is_complete = all(each.verdict != Verdict.NONE for each in found.values())
        return Outcome(VoidReason.NONE_QUALIFIED if is_complete else VoidReason.NO_QUORUM)
    meeting = [miner for miner in able if verdicts.meets(ended, found[miner])]
    # An idle round's time always runs out: the best alone would win with whatever it has.
    if not meeting and (ended.closed_at or ended.is_idle):
        return Outcome(VoidReason.THRESHOLD_MISSED)

    def rank(miner: str) -> tuple[int, int]:
        solution = ended.solutions[miner]
        return -verdicts.score(ended, solution, found[miner]), solution.order

    # Without anybody above the thresholds the best wins alone.
    return Outcome(VoidReason.NONE, tuple(sorted(meeting, key=rank)) or (min(able, key=rank),))


def _early(ended: Round) -> VoidReason:
    if not ended.keys_at:
        return VoidReason.KEYS_MISSING
    if not ended.solutions:
        return VoidReason.NO_COMMITMENT
    if not ended.revealed:
        return VoidReason.NOTHING_REVEALED
    return VoidReason.COMMITTEE_TOO_SMALL if ended.is_committee_too_small else VoidReason.NONE


def _fee(system: System, ended: Round, found: dict[str, verdicts.Finding], outcome: Outcome) -> int:
    """Return what the committee earns if it found anything, at most what those have who pay it."""
    if not any(each.verdict != Verdict.NONE for each in found.values()):
        return 0
    fee = ended.task.terms.reward * system.parameters.chain["verificationFeeBps"] // BPS
    if outcome.void_reason is VoidReason.DATA_FAULT:
        return min(fee, ended.task.terms.data_bond)
    if outcome.void_reason in NOBODY_RIGHT:
        return min(fee, _forfeited(system, ended, found))
    return fee


def _forfeited(system: System, ended: Round, found: dict[str, verdicts.Finding]) -> int:
    """Return the bonds that miners do not get back."""
    lost = len(ended.solutions) - len(_honest(system, ended, found))
    return lost * rounds.miner_bond(system, ended)


def _honest(system: System, ended: Round, found: dict[str, verdicts.Finding]) -> list[str]:
    """Return the miners that revealed and are not proven bad."""
    tolerance = system.parameters.committee["tolerance"]
    return [
        miner
        for miner in ended.revealed
        if miner not in found
        or not verdicts.is_proven_bad(ended, ended.solutions[miner], found[miner], tolerance)
    ]


def _divide(
    system: System, ended: Round, found: dict[str, verdicts.Finding], outcome: Outcome
) -> list[tuple[str, int, int]]:
    """Return the payouts of reward and bonds, those of nothing or to nobody left out."""
    owner, fee = ended.task.owner, _fee(system, ended, found, outcome)
    reward, bond = ended.task.terms.reward, ended.task.terms.data_bond
    if outcome.void_reason is VoidReason.DATA_FAULT:
        bond -= fee
    elif outcome.ranked:
        reward -= fee
    else:
        reward -= fee - min(fee, _forfeited(system, ended, found))
    payouts = [
        (outcome.ranked[0], PayoutReason.TASK_REWARD, reward)
        if outcome.ranked
        else (owner, PayoutReason.REWARD_REFUND, reward)
    ]
    if _forfeits_data_bond(ended, outcome):
        share = system.parameters.chain["faultShareBps"]
        part = bond * share // BPS // max(1, len(ended.revealed))
        payouts += [(miner, PayoutReason.DATA_BOND_SHARE, part) for miner in ended.revealed]
    else:
        payouts.append((owner, PayoutReason.DATA_BOND, bond))
    miner_bond = rounds.miner_bond(system, ended)
    payouts += [(miner, PayoutReason.MINER_BOND, miner_bond) for miner in _honest(system, ended, found)]
    if ended.challenger != NOBODY and not _forfeited_challenge(system, ended):
        bond_back = system.parameters.chain["challengeBond"]
        payouts.append((ended.challenger, PayoutReason.CHALLENGE_BOND, bond_back))
    return [(payee, int(reason), amount) for payee, reason, amount in payouts if amount and payee != NOBODY]


def _is_overturned(system: System, ended: Round) -> bool:
    """Tell whether the last tally has another verdict or count than the one challenged with a bond."""
    if ended.challenger == NOBODY:
        return False
    challenged, last = (
        ballots.found_by(system, system.ballots[n]) for n in (ended.challenged, ended.attempt)
    )
    return [each[:3] for each in challenged] != [each[:3] for each in last]


def _forfeited_challenge(system: System, ended: Round) -> int:
    """Return what the challenger loses: the bond, where a larger committee found the same."""
    is_judged_anew = ended.challenger != NOBODY and ended.attempt > ended.challenged
    is_in_vain = is_judged_anew and not _is_overturned(system, ended)
    return system.parameters.chain["challengeBond"] if is_in_vain else 0


def _forfeits_data_bond(ended: Round, outcome: Outcome) -> bool:
    """Tell whether the data node issued no keys, gave bad data, or kept the test set from the miners."""
    is_withheld = bool(ended.solutions) and not ended.released_at
    return is_withheld or outcome.void_reason in (VoidReason.KEYS_MISSING, VoidReason.DATA_FAULT)


def _pay(
    system: System,
    ended: Round,
    found: dict[str, verdicts.Finding],
    outcome: Outcome,
    payouts: list[tuple[str, int, int]],
) -> None:
    """Empty the round's account: the committee's fee, the payouts, and the rest to the pool."""
    fee = _fee(system, ended, found, outcome) + _forfeited_challenge(system, ended)
    if fee:
        account = ballots.id_of(ended).to_bytes(32, "big")
        money.move(system, system.chain, ended.account, system.committee, account, fee)
    if found:
        informer = ended.challenger if _is_overturned(system, ended) else NOBODY
        ballots.settle(system, fee, informer, ended.round_id * ballots.IDS_A_ROUND + ended.challenged)
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
    ommer = blocks.best_ommer(system)
    if ommer is not None:
        age = system.height + 1 - ommer.height
        payouts.append((winner, PayoutReason.OMMER_INCLUSION, reward // OMMER_PART))
        payouts.append((ommer.miner, PayoutReason.OMMER_REWARD, reward // (age * ommer.count)))
    due = [(payee, int(reason), amount) for payee, reason, amount in payouts if amount]
    if system.books.balances[system.chain, POOL] < sum(amount for _, _, amount in due):
        return [], []
    for payee, _, amount in due:
        money.pay(system, system.chain, POOL, payee, amount)
    if ommer is None:
        return due, []
    system.ommers[ommer.height] = replace(ommer, referenced=True)
    return due, [system.ommers[ommer.height]]


def _append(
    system: System,
    ended: Round,
    found: dict[str, verdicts.Finding],
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
    best = found[others[0]]
    correct, total = (
        (best.test, ended.task.terms.test_count)
        if ended.released_at
        else (best.train, verdicts.evaluated(ended))
    )
    system.ommers[ended.height] = Ommer(
        ended.height, others[0], ended.solutions[others[0]].model_digest, correct, total, len(others), False
    )
