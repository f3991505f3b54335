"""What each parameter protects against, in a sentence; the page's first table."""

from typing import Final

PURPOSES: Final = {
    "taskList.maxTasks": "a list that grows without bound: each task costs a fee and locks its escrow",
    "taskList.minReward": "tasks too small to pay anybody for their gas",
    "taskList.minDataBond": "data nodes that withhold keys or test set, or encrypt nothing: the bond is "
    "forfeited",
    "taskList.feeBps": "posting and cancelling for nothing: the fee is never refunded",
    "taskList.maxTimeLimit": "a task that occupies the chain for ever",
    "taskList.maxSolutions": "tasks that ask for more solutions than a round takes",
    "taskList.idleTimeLimit": "a chain that stands still without tasks; short: a real task waits for it",
    "taskList.idleTrainCount": "a puzzle that is learnt in no time",
    "taskList.idleTestCount": "winners by luck: the test set ranks them",
    "taskList.idleTrainAccuracy": "block rewards for no training: linear models reach 81 %",
    "taskList.idleTestAccuracy": "nothing: the threshold on the training set is enough",
    "taskList.roundWindows": "tasks of a second that pass for valuable: value counts what a round occupies",
    "committee.seatStake": "many names for one person: a share of the seats costs that share of all stakes",
    "committee.penalty": "votes that are wrong, missing or made without looking",
    "committee.unbondingTime": "leaving with the stake before the vote is judged: longer than the longest "
    "round",
    "committee.tolerance": "honest votes that differ; evaluation is exact, so 0",
    "chain.keyWindow": "keys that never come: afterwards the round is void and the bond forfeited",
    "chain.testWindow": "a test set that never comes: afterwards the round goes on without it, the bond "
    "forfeited",
    "chain.revealWindow": "models that are never shown: afterwards their bonds are forfeited",
    "chain.voteCommitWindow": "verifiers that never vote; long enough to fetch and to evaluate all judged "
    "models",
    "chain.voteRevealWindow": "votes that are never opened",
    "chain.maxSolutions": "more commitments than one transaction can settle",
    "chain.judgedSolutions": "evaluating every model: the committee looks at the best claims only",
    "chain.committeeSize": "a dishonest minority that gets a quorum by luck (section 2)",
    "chain.minCommittee": "a committee so small that a few decide",
    "chain.verificationFeeBps": "verifiers that work for nothing",
    "chain.faultShareBps": "miners that trained for nothing when the data node is at fault; below 100 %, "
    "or a data node that mines gets its bond back",
    "chain.feeMarginBps": "farming the pool with tasks to oneself (section 3): μ",
    "chain.minerBond": "false claims, junk, and commitments that are never revealed: the minimum bond",
    "chain.blockReward": "an empty chain: R_w, paid out of the pool when the task's fee covers it",
    "chain.challengeWindow": "tallies that stand before anybody could look at them",
    "chain.maxCommittee": "a committee that grows beyond what one transaction can count",
    "chain.challengeBond": "challenges for nothing: the members in the right share it, unless the outcome "
    "changes",
    "chain.minerBondBps": "the same where much is to be won: the bond is this part of the reward, so that "
    "crowding the judged places is dearer the more it spoils (section 4)",
}
