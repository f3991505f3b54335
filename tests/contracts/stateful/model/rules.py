"""Which rule of the model predicts which function of the contracts."""

from collections.abc import Callable

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import ballots, blocks, draws, endings, money, rounds, seats, tasks
from tests.contracts.stateful.model.system import Call, Refused, System

RULES: dict[str, Callable[..., Values]] = {
    "RewardReservoir.deposit": money.deposit,
    "RewardReservoir.transfer": money.transfer,
    "RewardReservoir.credit": money.credit,
    "RewardReservoir.withdraw": money.withdraw,
    "Ledger.record": blocks.record_for,
    "Ledger.append": blocks.append_for,
    "TaskList.post": tasks.post,
    "TaskList.postReplacing": tasks.post_replacing,
    "TaskList.cancel": tasks.cancel,
    "TaskList.delegateKeys": tasks.delegate_keys,
    "TaskList.announcePartialKeys": tasks.announce_partial_keys,
    "TaskList.takeBest": tasks.take_best,
    "VerifierCommittee.stake": seats.stake,
    "VerifierCommittee.unstake": seats.unstake,
    "VerifierCommittee.reclaim": seats.reclaim,
    "VerifierCommittee.draw": seats.for_the_chain_alone,
    "VerifierCommittee.settle": seats.for_the_chain_alone,
    "VerifierCommittee.commitVote": ballots.commit_vote,
    "VerifierCommittee.leak": ballots.leak,
    "VerifierCommittee.revealVote": ballots.reveal_vote,
    "VerifierCommittee.endVotes": ballots.end_votes,
    "PoLeChain.openRound": rounds.open_round,
    "PoLeChain.postFunctionalKeys": rounds.post_keys,
    "PoLeChain.commit": rounds.commit,
    "PoLeChain.closeSubmissions": rounds.close_submissions,
    "PoLeChain.endTestRelease": rounds.end_test_release,
    "PoLeChain.releaseTestSet": rounds.release_test_set,
    "PoLeChain.releaseTestSetFor": rounds.release_test_set_for,
    "PoLeChain.reveal": rounds.reveal,
    "PoLeChain.arm": draws.arm,
    "PoLeChain.draw": draws.draw,
    "PoLeChain.challenge": draws.challenge,
    "PoLeChain.finalise": endings.finalise,
}
PAYABLE = {
    "RewardReservoir.deposit",
    "TaskList.post",
    "TaskList.postReplacing",
    "VerifierCommittee.stake",
    "PoLeChain.commit",
    "PoLeChain.challenge",
}


def predict(system: System, call: Call) -> Values:
    """Apply a call and return what it returns. Raises Refused, and changes nothing, where it reverts."""
    system.events.clear()
    if call.value and call.function not in PAYABLE:
        raise Refused
    try:
        return RULES[call.function](system, call, *call.arguments)
    except Refused:
        assert not system.events, f"the model changed before it refused {call}"
        raise
