"""Which parameters make a deployment that works: the inequalities that the protocol needs, each in one place.

Among them is all that contracts/libraries/Deployment.sol refuses to be constructed with. A deployment that
breaks one of the others runs, but something in it costs nothing that must cost something. docs/economics.md
says what each protects against.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from pole.errors import InputError
from pole.protocol.ballots import LAST_ATTEMPT
from pole.protocol.parameters import Parameters
from pole.protocol.rounds.judgement import BASIS_POINTS

MAXIMUM_LANES: Final = 16
MAXIMUM_SOLUTIONS: Final = 16
MAXIMUM_SEATS: Final = 63
MAXIMUM_VOTES: Final = 900
SEAT_IN_VOTES: Final = 13
"""Votes that take as much of the gas that ends a round as a seat does."""
MINIMUM_DRAW_DELAY: Final = 2
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
    groups = (_sizes, _blocks, _tasks, _idle_task, _stakes, _bonds, _shares)
    return [sentence for group in groups for holds, sentence in group(parameters) if not holds]


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
    for name, window in {**_windows(parameters), "graceWindow": chain.grace_window}.items():
        yield window > 0, f"chain.{name} is 0: nobody could act in that phase; give it some minutes."
    yield chain.max_solutions > 0, "chain.maxSolutions is 0: no solution could win; take at least 1."
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
        chain.max_committee * (chain.max_solutions + SEAT_IN_VOTES) <= MAXIMUM_VOTES,
        f"chain.maxCommittee {chain.max_committee} times (maxSolutions {chain.max_solutions} + "
        f"{SEAT_IN_VOTES}) is more than {MAXIMUM_VOTES}: ending a round could take more gas than one "
        "transaction may; lower one of them.",
    )


def _blocks(parameters: Parameters) -> Iterator[Rule]:
    chain = parameters.chain
    yield (
        chain.confirmations > 0,
        "chain.confirmations is 0: what a secret was given away for could be undone; "
        "wait for at least 1 block.",
    )
    yield (
        chain.window_blocks > 2 * chain.confirmations,
        f"chain.windowBlocks is {chain.window_blocks}, but workers wait for {chain.confirmations} "
        "confirmations before they act and as long again to be sure of it; "
        f"make it at least {2 * chain.confirmations + 1}.",
    )
    yield (
        chain.draw_delay >= MINIMUM_DRAW_DELAY,
        f"chain.drawDelay is {chain.draw_delay}: who names a block could know what it will hold; "
        f"make it at least {MINIMUM_DRAW_DELAY}.",
    )


def _tasks(parameters: Parameters) -> Iterator[Rule]:
    tasks, chain = parameters.task_list, parameters.chain
    yield tasks.max_tasks > 0, "taskList.maxTasks is 0: no task could be posted."
    yield tasks.max_time_limit > 0, "taskList.maxTimeLimit is 0: no task could allow any time for training."
    yield tasks.judging_speed > 0, "taskList.judgingSpeed is 0: judging a model would never end."
    yield tasks.max_judging_time > 0, "taskList.maxJudgingTime is 0: no model could be judged."
    yield (
        tasks.min_reward <= tasks.max_reward,
        f"taskList.minReward is {tasks.min_reward} and maxReward {tasks.max_reward}: no task could be "
        "posted; lower the first or raise the second.",
    )
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
    judging = tasks.max_solutions * tasks.max_judging_time
    yield (
        tasks.max_time_limit + tasks.round_windows + judging <= MAXIMUM_SECONDS,
        f"taskList.maxTimeLimit {tasks.max_time_limit} s, roundWindows {tasks.round_windows} s and judging "
        f"{judging} s come to more than {MAXIMUM_SECONDS} s: the list could not value such a task; "
        "lower the first.",
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
    work = tasks.idle_work * (tasks.idle_train_count + tasks.idle_test_count)
    yield (
        0 < work <= tasks.max_judging_time * tasks.judging_speed,
        f"taskList.idleWork is {tasks.idle_work}: judging an idle round's model must take some time, and at "
        f"most the {tasks.max_judging_time} s that any may take.",
    )


def _stakes(parameters: Parameters) -> Iterator[Rule]:
    committee, chain, tasks = parameters.committee, parameters.chain, parameters.task_list
    yield (
        0 < committee.lanes <= MAXIMUM_LANES,
        f"committee.lanes is {committee.lanes}: give 1 to {MAXIMUM_LANES}.",
    )
    yield committee.seat_stake > 0, "committee.seatStake is 0: one person could hold every seat for nothing."
    yield (
        2 * committee.penalty * committee.lanes <= committee.seat_stake,
        f"committee.penalty is {committee.penalty} wei: in each of {committee.lanes} lanes a seat can owe "
        f"one for a vote that was shown and one for revealing nothing, and its stake is "
        f"{committee.seat_stake} wei; lower it.",
    )
    yield (
        committee.seat_age > 0,
        "committee.seatAge is 0: seats could be taken in the block that opens a round; give it some minutes.",
    )
    yield (
        0 < chain.reward_per_seat <= committee.seat_stake,
        f"chain.rewardPerSeat is {chain.reward_per_seat} wei: give more than 0, so that a committee can be "
        f"drawn, and at most the stake of a seat, {committee.seat_stake} wei, so that it bounds what is "
        "decided.",
    )
    yield (
        tasks.max_reward <= chain.reward_per_seat * chain.max_committee,
        f"taskList.maxReward is {tasks.max_reward} wei, more than the {chain.max_committee} seats of the "
        f"largest committee may decide on at {chain.reward_per_seat} wei each: lower it.",
    )
    yield (
        chain.block_reward <= tasks.max_reward,
        f"chain.blockReward is {chain.block_reward} wei, more than any task may pay, {tasks.max_reward} wei: "
        "no committee could decide on it in an idle round; lower it.",
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
        chain.max_solutions * chain.miner_bond_bps >= BASIS_POINTS,
        f"chain.minerBondBps is {chain.miner_bond_bps}: {chain.max_solutions} false claims, which fill a "
        "round, would cost less than its reward; raise it.",
    )
    yield (
        chain.ready_bond_bps >= chain.miner_bond_bps,
        f"chain.readyBondBps is {chain.ready_bond_bps} and minerBondBps {chain.miner_bond_bps}: a claim that "
        "can end the training would cost less than another; raise the first.",
    )
    yield (
        tasks.reward_per_second > 0,
        "taskList.rewardPerSecond is 0: a lane could be held for long by a task of the least reward; "
        "raise it.",
    )
    longest = tasks.max_time_limit + tasks.round_windows
    yield (
        tasks.reward_per_second * longest**2 <= tasks.max_reward * tasks.round_windows,
        f"taskList.maxTimeLimit is {tasks.max_time_limit} s: by rewardPerSecond such a task would ask for "
        "more than maxReward; lower the first, or raise the last.",
    )


def _shares(parameters: Parameters) -> Iterator[Rule]:
    tasks, chain = parameters.task_list, parameters.chain
    for name, share in (
        ("taskList.feeBps", tasks.fee_bps),
        ("taskList.rentBps", tasks.rent_bps),
        ("chain.verificationFeeBps", chain.verification_fee_bps),
        ("chain.faultShareBps", chain.fault_share_bps),
        ("chain.missedShareBps", chain.missed_share_bps),
        ("chain.feeMarginBps", chain.fee_margin_bps),
        ("chain.minerBondBps", chain.miner_bond_bps),
        ("chain.readyBondBps", chain.ready_bond_bps),
    ):
        yield (
            share <= BASIS_POINTS,
            f"{name} is {share}: basis points are at most {BASIS_POINTS}, which is all.",
        )
    yield tasks.fee_bps > 0, "taskList.feeBps is 0: posting and cancelling tasks would cost nothing but gas."
    yield tasks.rent_bps > 0, "taskList.rentBps is 0: occupying a lane would cost nothing; raise it."
    fee = minimum_verification_fee(parameters)
    votes = chain.max_committee * (LAST_ATTEMPT + 1) * chain.max_solutions
    yield (
        fee >= votes,
        f"A task of {tasks.min_reward} wei pays its committees {fee} wei, which leaves none for some of "
        f"{votes} votes: raise chain.verificationFeeBps or taskList.minReward.",
    )
    size = chain.committee_size
    yield (
        chain.verification_fee_bps * (3 * size + 1 + chain.max_committee) <= BASIS_POINTS * size,
        f"chain.verificationFeeBps is {chain.verification_fee_bps}: the three committees that a round can "
        "have would cost more than its reward; lower it, or maxCommittee.",
    )
    yield (
        chain.missed_share_bps > 0,
        "chain.missedShareBps is 0: a data node whose test set nobody can meet would get models for nothing; "
        "raise it.",
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
