"""Which parameters make a deployment that works: the inequalities that the protocol needs, each in one place.

Those of `_sizes`, `_tasks`, `_idle_task` and `_stakes`, and the bounds of basis points, are those of
contracts/libraries/Deployment.sol, which refuses to be constructed otherwise. A deployment that breaks one of
the others runs, but something in it costs nothing that must cost something. docs/economics.md says what each
protects against.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from pole.errors import InputError
from pole.protocol.ballots import LAST_ATTEMPT
from pole.protocol.parameters import Parameters
from pole.protocol.rounds.judgement import BASIS_POINTS

MAXIMUM_SOLUTIONS: Final = 32
MAXIMUM_SEATS: Final = 63
MAXIMUM_VOTES: Final = 256
MAXIMUM_WEI: Final = 2**96 - 1
MAXIMUM_SECONDS: Final = 2**32 - 1
MINIMUM_BLOCKS_IN_A_WINDOW: Final = 5
"""Blocks of the chain below that a window must hold: to see the phase, to send, and to send again."""

Rule = tuple[bool, str]


def check_parameters(parameters: Parameters) -> None:
    """Raise InputError unless the parameters hold together, with a sentence for each broken rule."""
    _refuse(broken_rules(parameters))


def check_windows(parameters: Parameters, block_time: float) -> None:
    """Raise InputError unless every window holds some blocks of a chain with `block_time` seconds a block."""
    minimum = block_time * MINIMUM_BLOCKS_IN_A_WINDOW
    _refuse(
        f"chain.{name} is {window} s, but this chain needs {block_time:g} s for a block: "
        f"give it at least {minimum:g} s, so that who must act in it can."
        for name, window in _windows(parameters).items()
        if window < minimum
    )


def broken_rules(parameters: Parameters) -> list[str]:
    """Return a sentence for each inequality that does not hold: what is wrong, why it matters, what to do."""
    groups = (_sizes, _tasks, _idle_task, _stakes, _bonds, _shares)
    return [sentence for group in groups for holds, sentence in group(parameters) if not holds]


def longest_round(parameters: Parameters) -> int:
    """Return the duration of the longest round in seconds, as Deployment.longestRound."""
    windows, ballots = _windows(parameters), LAST_ATTEMPT + 1
    times = {"voteCommitWindow": ballots, "voteRevealWindow": ballots, "challengeWindow": LAST_ATTEMPT}
    return parameters.task_list.max_time_limit + sum(
        window * times.get(name, 1) for name, window in windows.items()
    )


def round_windows(parameters: Parameters) -> int:
    """Return the windows of a round with one ballot, together, in seconds."""
    return sum(_windows(parameters).values())


def covering_fee(parameters: Parameters) -> int:
    """Return the minimum fee in wei of a task whose block is paid R_w: (1 + mu) * R_w * 65 / 32, up."""
    chain = parameters.chain
    return -(-(BASIS_POINTS + chain.fee_margin_bps) * chain.block_reward * 65 // (BASIS_POINTS * 32))


def minimum_verification_fee(parameters: Parameters) -> int:
    """Return what the committee of the least task that can be posted earns, in wei."""
    return parameters.task_list.min_reward * parameters.chain.verification_fee_bps // BASIS_POINTS


def _windows(parameters: Parameters) -> dict[str, int]:
    chain = parameters.chain
    return {
        "keyWindow": chain.key_window,
        "testWindow": chain.test_window,
        "revealWindow": chain.reveal_window,
        "voteCommitWindow": chain.vote_commit_window,
        "voteRevealWindow": chain.vote_reveal_window,
        "challengeWindow": chain.challenge_window,
    }


def _sizes(parameters: Parameters) -> Iterator[Rule]:
    chain = parameters.chain
    for name, window in _windows(parameters).items():
        yield window > 0, f"chain.{name} is 0: nobody could act in that phase; give it some minutes."
    yield chain.judged_solutions > 0, "chain.judgedSolutions is 0: no solution could win; judge at least 1."
    yield (
        chain.judged_solutions <= chain.max_solutions,
        f"chain.judgedSolutions is {chain.judged_solutions}, but a round takes {chain.max_solutions} "
        "solutions: lower it, or raise maxSolutions.",
    )
    yield (
        chain.max_solutions <= MAXIMUM_SOLUTIONS,
        f"chain.maxSolutions is {chain.max_solutions}: the transaction that ends a round can pay "
        f"{MAXIMUM_SOLUTIONS} miners at most.",
    )
    yield chain.min_committee > 0, "chain.minCommittee is 0: a committee needs at least 1 seat."
    yield (
        chain.min_committee <= chain.committee_size,
        f"chain.minCommittee is {chain.min_committee} and committeeSize {chain.committee_size}: no committee "
        "could ever be drawn; lower the first or raise the second.",
    )
    yield (
        chain.committee_size <= chain.max_committee,
        f"chain.committeeSize is {chain.committee_size} and maxCommittee {chain.max_committee}: the first "
        "committee would be larger than any may be; lower the first or raise the second.",
    )
    yield (
        chain.max_committee <= MAXIMUM_SEATS,
        f"chain.maxCommittee is {chain.max_committee}: one transaction can count {MAXIMUM_SEATS} seats "
        "at most.",
    )
    yield (
        chain.max_committee * chain.judged_solutions <= MAXIMUM_VOTES,
        f"chain.maxCommittee {chain.max_committee} times judgedSolutions {chain.judged_solutions} is more "
        f"than {MAXIMUM_VOTES} votes, which is all that one transaction can count: lower one of them.",
    )
    yield (
        chain.challenge_bond > 0,
        "chain.challengeBond is 0: doubting every tally would cost nothing; raise it.",
    )


def _tasks(parameters: Parameters) -> Iterator[Rule]:
    tasks, chain = parameters.task_list, parameters.chain
    yield tasks.max_tasks > 0, "taskList.maxTasks is 0: no task could be posted."
    yield tasks.max_time_limit > 0, "taskList.maxTimeLimit is 0: no task could allow any time for training."
    yield (
        tasks.max_solutions == chain.max_solutions,
        f"taskList.maxSolutions is {tasks.max_solutions}, chain.maxSolutions {chain.max_solutions}: a task "
        "could ask for more solutions than a round takes; make them equal.",
    )
    windows = round_windows(parameters)
    yield (
        tasks.round_windows == windows,
        f"taskList.roundWindows is {tasks.round_windows} s, but the windows of a round come to {windows} s: "
        "tasks are valued by the time they occupy; make it that.",
    )
    yield (
        tasks.max_time_limit + tasks.round_windows <= MAXIMUM_SECONDS,
        f"taskList.maxTimeLimit {tasks.max_time_limit} s and roundWindows {tasks.round_windows} s come to "
        f"more than {MAXIMUM_SECONDS} s: the list could not value such a task; lower the first.",
    )


def _idle_task(parameters: Parameters) -> Iterator[Rule]:
    tasks = parameters.task_list
    if tasks.idle_time_limit == 0:
        return
    yield (
        tasks.idle_time_limit <= tasks.max_time_limit,
        f"taskList.idleTimeLimit is {tasks.idle_time_limit} s, more than any task may have, "
        f"{tasks.max_time_limit} s: lower it, so that real tasks need not wait.",
    )
    yield tasks.idle_train_count > 0, "taskList.idleTrainCount is 0: there would be nothing to train on."
    yield tasks.idle_test_count > 0, "taskList.idleTestCount is 0: there would be nothing to rank miners by."
    yield (
        0 < tasks.idle_train_accuracy <= BASIS_POINTS,
        f"taskList.idleTrainAccuracy is {tasks.idle_train_accuracy}: give 1 to {BASIS_POINTS} basis points.",
    )
    yield (
        tasks.idle_test_accuracy <= BASIS_POINTS,
        f"taskList.idleTestAccuracy is {tasks.idle_test_accuracy}: basis points are at most {BASIS_POINTS}.",
    )


def _stakes(parameters: Parameters) -> Iterator[Rule]:
    committee, duration = parameters.committee, longest_round(parameters)
    yield committee.seat_stake > 0, "committee.seatStake is 0: one person could hold every seat for nothing."
    yield (
        committee.penalty <= committee.seat_stake,
        f"committee.penalty is {committee.penalty} wei, more than the stake of a seat, "
        f"{committee.seat_stake} wei: it could not be taken in full; lower it.",
    )
    yield (
        committee.unbonding_time > duration,
        f"committee.unbondingTime is {committee.unbonding_time} s, and the longest round takes {duration} s: "
        "a verifier could have its stake back before its vote is judged; "
        f"make it at least {duration + 1} s.",
    )


def _bonds(parameters: Parameters) -> Iterator[Rule]:
    tasks, committee, chain = parameters.task_list, parameters.committee, parameters.chain
    fee = minimum_verification_fee(parameters)
    yield committee.penalty > 0, "committee.penalty is 0: a wrong or missing vote would cost nothing."
    yield (
        tasks.min_reward > 0,
        "taskList.minReward is 0: the list could be filled with tasks that pay nobody.",
    )
    yield tasks.min_data_bond > 0, "taskList.minDataBond is 0: withholding keys would cost nothing; raise it."
    yield chain.miner_bond > 0, "chain.minerBond is 0: false claims would cost nothing; raise it."
    yield (
        tasks.min_data_bond >= fee,
        f"taskList.minDataBond is {tasks.min_data_bond} wei, less than the {fee} wei that the committee of "
        "the least task earns, which after a data fault are taken from it: raise it.",
    )
    yield (
        chain.miner_bond >= fee,
        f"chain.minerBond is {chain.miner_bond} wei, less than the {fee} wei that the committee of the least "
        "task earns: a false solution would cost less than the work it makes; raise it.",
    )
    yield (
        chain.judged_solutions * chain.miner_bond_bps >= chain.verification_fee_bps,
        f"chain.minerBondBps is {chain.miner_bond_bps}: {chain.judged_solutions} false claims would cost "
        f"less than their committee earns, {chain.verification_fee_bps} basis points of a reward; raise it.",
    )
    yield (
        chain.challenge_bond >= fee,
        f"chain.challengeBond is {chain.challenge_bond} wei, less than the {fee} wei that the committee of "
        "the least task earns: an unfounded challenge would cost less than the work it makes; raise it.",
    )


def _shares(parameters: Parameters) -> Iterator[Rule]:
    tasks, chain = parameters.task_list, parameters.chain
    for name, share in (
        ("taskList.feeBps", tasks.fee_bps),
        ("chain.verificationFeeBps", chain.verification_fee_bps),
        ("chain.faultShareBps", chain.fault_share_bps),
        ("chain.feeMarginBps", chain.fee_margin_bps),
        ("chain.minerBondBps", chain.miner_bond_bps),
    ):
        yield (
            share <= BASIS_POINTS,
            f"{name} is {share}: basis points are at most {BASIS_POINTS}, which is all.",
        )
    yield tasks.fee_bps > 0, "taskList.feeBps is 0: posting and cancelling tasks would cost nothing but gas."
    fee = minimum_verification_fee(parameters)
    yield (
        fee >= chain.max_committee * (LAST_ATTEMPT + 1),
        f"A task of {tasks.min_reward} wei pays its committees {fee} wei, which leaves none for some seats: "
        "raise chain.verificationFeeBps or taskList.minReward.",
    )
    yield (
        chain.verification_fee_bps < BASIS_POINTS,
        "chain.verificationFeeBps is 10000: that leaves the winner nothing; lower it.",
    )
    yield (
        chain.fault_share_bps < BASIS_POINTS,
        "chain.faultShareBps is 10000: a data node that also mines would get its whole bond back; lower it.",
    )
    yield (
        covering_fee(parameters) <= MAXIMUM_WEI,
        f"chain.blockReward is {chain.block_reward} wei: no fee that a task can carry covers what its block "
        "would draw; lower it.",
    )


def _refuse(sentences: Iterable[str]) -> None:
    found = list(sentences)
    if found:
        raise InputError("These parameters cannot be deployed.\n" + "\n".join(f"- {each}" for each in found))
