"""What comes next if everybody acts as the rounds' moods say: the way into the deep states."""

import dataclasses
from collections.abc import Callable
from random import Random

from tests.contracts.stateful.evm import HISTORY_SERVE_WINDOW, header
from tests.contracts.stateful.model import ballots, draws, phases, rounds, tasks
from tests.contracts.stateful.model.system import (
    NOBODY,
    POOL,
    Call,
    Moment,
    Round,
    System,
    Task,
    Wait,
)
from tests.contracts.stateful.pair import Action
from tests.contracts.stateful.people import MINERS, OWNERS, PEOPLE, SIGNERS, STRANGER, VERIFIERS, Knowledge

from pole.protocol.encoding.abi import files_tuple, terms_tuple
from pole.protocol.state import FileRef, Phase, Step, TaskFiles, TaskTerms

BLOCK_SECONDS = 2
ETHER = 10**18
MANY = 6
TEST_DIGEST = b"\x7e" * 32


def next_move(system: System, known: Knowledge) -> Action:
    """Return one step towards the end of a round, or one between rounds; wait where nobody has a step."""
    if not system.rounds and known.random.random() < 0.95:
        return _before_all(system, known.random)
    waits: list[Wait] = []
    for lane in known.random.sample(range(system.lanes), system.lanes):
        opened = system.newest.get(lane)
        if opened is None or opened.is_settled or known.random.random() < 0.05:
            return _between(system, known, lane)
        move = _of_round(system, known, opened)
        if not isinstance(move, Wait) or known.random.random() < 0.005:
            return move
        waits.append(move)
    return min(waits, key=lambda wait: wait.seconds)


def _of_round(system: System, known: Knowledge, opened: Round) -> Action:
    phase, end = phases.phase(system, opened)
    is_over = phase in ENDED_BY_SOMEBODY and phases.has_come(system, end)
    is_hurried = known.will(0.25, "hurries", opened.round_id, opened.attempt, phase)
    if is_over and is_hurried and end != phases.UNTIL_SOMEBODY_ACTS and known.random.random() < 0.3:
        return end_window(opened, phase, known.random.choice(PEOPLE))
    move = MOVES[phase](system, known, opened)
    if move is None and is_over:
        return end_window(opened, phase, known.random.choice(PEOPLE))
    return move or wait_until(system, end, known.random)


def end_window(opened: Round, phase: Phase, sender: str) -> Call:
    """Say that nobody is waited for any more, in a phase that somebody has to end."""
    if phase is Phase.TEST_RELEASE:
        return Call(sender, "PoLeChain.endTestRelease", (opened.round_id,))
    return Call(sender, "VerifierCommittee.endVotes", (ballots.id_of(opened),))


def _is_early(system: System, known: Knowledge, opened: Round, *about: object) -> bool:
    """Tell whether somebody who acts after the deadline has to wait for it yet."""
    is_late = known.will(known.mood(opened.round_id).late, "late", *about)
    return is_late and not phases.has_come(system, phases.phase(system, opened)[1])


def _before_all(system: System, random: Random) -> Action:
    """Take seats, and let them get as old as they must be."""
    unseated = [verifier for verifier in VERIFIERS if verifier not in system.order]
    if len(unseated) > 1:
        return stake(system, random.choice(unseated))
    age = system.parameters.committee["seatAge"]
    if max(system.standing) > system.clock.time - age:
        return Wait(1, age)
    return post(system, random) if not system.waiting else Call(STRANGER, "PoLeChain.openRound", (0,))


def wait_until(system: System, end: Moment, random: Random) -> Wait:
    """Wait until both are reached, seldom for one of them alone."""
    seconds, blocks = max(0, end.time - system.clock.time), max(0, end.number - system.clock.number)
    if seconds and blocks and random.random() < 0.2:
        return random.choice([Wait(blocks, 0), Wait(blocks - 1, seconds)])
    return Wait(max(blocks, random.choice([1, seconds // BLOCK_SECONDS])), max(1, seconds))


def some_terms(system: System, random: Random) -> TaskTerms:
    """Return terms that the list accepts. Sets are small, so that thresholds and ties are met."""
    limits, chain = system.parameters.task_list, system.parameters.chain
    covering = chain["blockReward"] * 65 * (10_000 + chain["feeMarginBps"]) // 320_000 + 1
    time_limit = random.choice([1, 50, 200, *2 * [limits["maxTimeLimit"]]])
    train_count, test_count = random.choice([1, 10, 20, 400]), random.choice([1, 3, 10])
    judging_time = random.choice([1, 1, limits["maxJudgingTime"]])
    work = max(1, judging_time * limits["judgingSpeed"] // (train_count + test_count))
    terms = TaskTerms(
        reward=0,
        data_bond=0,
        time_limit=time_limit,
        min_training_time=random.choice([0, 0, time_limit // 2]),
        fee=0,
        min_solutions=random.randint(1, min(2, limits["maxSolutions"])),
        required_train_accuracy=random.choice([1, 8000, 9000, 10_000]),
        required_test_accuracy=random.choice([0, 0, 5000, 9500]),
        train_count=train_count,
        test_count=test_count,
        work=min(work, 2**40 - 1),
    )
    reward = min(tasks.minimum_reward(system, terms) * random.randint(1, 3), limits["maxReward"])
    return dataclasses.replace(
        terms,
        reward=reward,
        data_bond=limits["minDataBond"] + random.choice([0, 1, reward]),
        fee=max(reward * limits["feeBps"] // 10_000, random.choice([0, covering, covering])),
    )


def payment(system: System, terms: TaskTerms) -> int:
    """Return what posting a task of these terms costs."""
    rent = terms.reward * system.parameters.task_list["rentBps"] // 10_000
    return terms.reward + terms.data_bond + terms.fee + rent


def some_files() -> TaskFiles:
    return TaskFiles("bafy-spec", b"\x01" * 32, "bafy-train", b"\x02" * 32, TEST_DIGEST, b"\x03" * 32)


def post(system: System, random: Random) -> Call:
    terms = some_terms(system, random)
    arguments = (terms_tuple(terms), files_tuple(some_files()))
    return Call(random.choice(OWNERS), "TaskList.post", arguments, payment(system, terms))


def replace(system: System, random: Random) -> Call:
    """Post in the place of a task that is worth less, if there is one."""
    offered = post(system, random)
    terms = TaskTerms(*offered.arguments[0])
    new = Task(0, offered.sender, terms, TEST_DIGEST, tasks.judging_time(system, terms))
    worse = [task for task in system.waiting if tasks.value(system, task) < tasks.value(system, new)]
    replaced = random.choice(worse or system.waiting)
    arguments = (*offered.arguments, replaced.task_id)
    return Call(offered.sender, "TaskList.postReplacing", arguments, offered.value)


def stake(system: System, verifier: str) -> Call:
    due = system.parameters.committee["seatStake"] - system.seats[verifier].stake
    return Call(verifier, "VerifierCommittee.stake", (), due)


def _between(system: System, known: Knowledge, lane: int) -> Action:
    """Fill the seats and the list, fetch money, and open the lane's next round."""
    random = known.random
    unseated = [verifier for verifier in VERIFIERS if verifier not in system.order]
    if unseated and random.random() < 0.7:
        return stake(system, random.choice(unseated))
    limits, is_busy = system.parameters.task_list, known.will(0.5, "busy")
    has_idle_rounds = limits["idleTimeLimit"] or random.random() < 0.05
    is_idle_open = any(opened.is_idle for opened in system.open_rounds) and random.random() < 0.8
    wants_idle = has_idle_rounds and not is_idle_open and known.will(0.6, "idle", len(system.rounds))
    if not system.waiting and wants_idle:
        return _open_idle(system, random, lane)
    has_room = len(system.waiting) < limits["maxTasks"]
    if not system.waiting or (is_busy and random.random() < 0.4):
        return post(system, random) if has_room or random.random() < 0.1 else replace(system, random)
    if random.random() < (0.06 if len(system.waiting) < MANY else 0.15):
        task = random.choice(system.waiting)
        return Call(task.owner, "TaskList.cancel", (task.task_id,))
    if random.random() < 0.1:
        return Call(STRANGER, "RewardReservoir.deposit", (system.chain, POOL), random.choice([1, ETHER]))
    rich = [person for person in PEOPLE if system.books.credits[person]]
    if rich and random.random() < 0.2:
        return Call(random.choice(rich), "RewardReservoir.withdraw", (random.choice(PEOPLE),))
    return Call(random.choice(PEOPLE), "PoLeChain.openRound", (lane,))


def _open_idle(system: System, random: Random, lane: int) -> Call:
    """Open a round on nobody's task, or give the pool what that takes."""
    reward = system.parameters.chain["blockReward"]
    needed = reward + system.lanes * (65 * reward // 32 + 1)
    if system.books.balances[system.chain, POOL] < needed and random.random() < 0.7:
        return Call(STRANGER, "RewardReservoir.deposit", (system.chain, POOL), needed)
    return Call(random.choice(PEOPLE), "PoLeChain.openRound", (lane,))


def _keys(system: System, known: Knowledge, opened: Round) -> Action | None:
    mood = known.mood(opened.round_id)
    if not mood.issues_keys:
        return None
    sender, task = opened.task.owner, opened.task
    if mood.delegates and task.delegate == NOBODY:
        arguments = (task.task_id, known.random.choice(PEOPLE), "bafy-sharing", b"\x06" * 32)
        return Call(sender, "TaskList.delegateKeys", arguments)
    sender = task.delegate if mood.delegates and task.delegate in PEOPLE else sender
    return Call(sender, "PoLeChain.postFunctionalKeys", (opened.round_id, "bafy-keys", b"\x04" * 32))


def _training(system: System, known: Knowledge, opened: Round) -> Action | None:
    mood, random, terms = known.mood(opened.round_id), known.random, opened.task.terms
    missing = [miner for miner in MINERS[: mood.miners] if miner not in opened.solutions]
    room = system.parameters.chain["maxSolutions"] - len(opened.solutions)
    if missing and room:
        return commit(system, known, opened, random.choice(missing))
    if missing and _is_replacement(known, opened):
        return commit(system, known, opened, random.choice(missing), above=_lowest_claim(opened))
    if opened.solutions and random.random() < 0.15:
        return commit(system, known, opened, random.choice(list(opened.solutions)))
    if opened.is_idle or not mood.closes or rounds.ready(opened) < terms.min_solutions:
        return None
    earliest = opened.begun.time + terms.min_training_time
    if system.clock.time < earliest:
        return wait_until(system, Moment(earliest, system.clock.number), random)
    return Call(opened.task.owner, "PoLeChain.closeSubmissions", (opened.round_id,))


def _is_replacement(known: Knowledge, opened: Round) -> bool:
    """Tell whether somebody wants a place in a full round, most often where a higher claim can be."""
    about = ("outbid", opened.round_id, opened.commitments)
    can_be = _lowest_claim(opened) < opened.task.terms.train_count
    return known.will(0.7, *about) if can_be else known.may_try(0.3, *about)


def _lowest_claim(opened: Round) -> int:
    return min(solution.claimed_train for solution in opened.solutions.values())


def commit(system: System, known: Knowledge, opened: Round, miner: str, *, above: int = -1) -> Call:
    if miner in opened.solutions:
        above = opened.solutions[miner].claimed_train - 1
    model = known.new_model(opened, above)
    hidden = rounds.commitment_of(system, opened.round_id, miner, model.digest, model.train, model.salt)
    known.models[miner, hidden] = model
    return Call(
        miner,
        "PoLeChain.commit",
        (opened.round_id, hidden, model.train),
        due(system, opened, miner, model.train),
    )


def due(system: System, opened: Round, miner: str, claimed: int) -> int:
    """Return what a commitment costs the miner beside what an earlier one of it holds."""
    own = opened.solutions.get(miner)
    held = rounds.bond(system, opened, own.claimed_train) if own else 0
    return max(0, rounds.bond(system, opened, claimed) - held)


def _test_release(system: System, known: Knowledge, opened: Round) -> Action | None:
    is_closed, person = opened.step is Step.CLOSED, known.random.choice(PEOPLE)
    is_withheld = not known.mood(opened.round_id).releases
    if not is_closed and (opened.is_idle or is_withheld or known.random.random() < 0.5):
        return Call(person, "PoLeChain.closeSubmissions", (opened.round_id,))
    if is_withheld or (is_closed and _is_early(system, known, opened, opened.round_id)):
        return None
    if opened.is_idle:
        return _draw(system, known, opened)
    if is_closed and system.clock.number == opened.begun.number and known.random.random() < 0.8:
        return Wait(1, 1)
    arguments = (opened.round_id, "bafy-test", opened.task.test_digest)
    if known.random.random() < 0.3:
        return relay(system, opened, person, signer=opened.task.owner)
    return Call(opened.task.owner, "PoLeChain.releaseTestSet", arguments)


def relay(system: System, opened: Round, sender: str, *, signer: str) -> Call:
    test, now = FileRef("bafy-test", opened.task.test_digest), system.clock.time
    signed = SIGNERS[signer].unsafe_sign_hash(rounds.hash_to_sign(system, opened.round_id, test, now))
    arguments = (opened.round_id, test.cid, test.digest, now, bytes(signed.signature))
    return Call(sender, "PoLeChain.releaseTestSetFor", arguments)


def _reveal(_system: System, known: Knowledge, opened: Round) -> Action | None:
    share = known.mood(opened.round_id).reveals
    hidden = [
        miner
        for miner, solution in opened.solutions.items()
        if not solution.is_revealed
        and (miner, solution.commitment) in known.models
        and known.will(share, "reveal", opened.round_id, miner)
    ]
    if not hidden:
        return None
    miner = known.random.choice(hidden)
    model = known.models[miner, opened.solutions[miner].commitment]
    if opened.solutions[miner].claimed_train != model.train and not known.may_try(
        0.5, opened.round_id, miner
    ):
        return None
    claim = model.test if opened.is_released else 0
    arguments = (opened.round_id, "bafy-model", model.digest, claim, model.salt)
    return Call(miner, "PoLeChain.reveal", arguments)


def _draw(system: System, known: Knowledge, opened: Round) -> Action:
    """Name a block, wait for it, and draw by its mix, unless that is lost."""
    clock, named, person = system.clock, opened.draw_block, known.random.choice(PEOPLE)
    is_lost = draws.is_lost(system, named)
    if not named or (is_lost and not known.may_try(0.3, "lost", opened.round_id, named)):
        return Call(person, "PoLeChain.arm", (opened.round_id,))
    if clock.number > named:
        return Call(person, "PoLeChain.draw", (opened.round_id, header(named)))
    if known.will(0.02, "loses", opened.round_id, named):
        return Wait(HISTORY_SERVE_WINDOW + named + 1 - clock.number, 5)
    return Wait(named + 1 - clock.number, 1)


def _vote_commit(system: System, known: Knowledge, opened: Round) -> Action | None:
    mood, ballot = known.mood(opened.round_id), ballots.newest_of(opened)
    for member, commitment in ballot.commitments.items():
        own = known.ballots.get((member, commitment))
        if own and known.will(mood.leaks, "leak", ballot.ballot_id, member):
            arguments = (ballot.ballot_id, ballot.members.index(member), own.votes, own.salt)
            return Call(known.random.choice(PEOPLE), "VerifierCommittee.leak", arguments)
    missing = [
        member
        for member in ballot.members
        if member not in ballot.commitments
        and known.will(mood.commits_votes, "vote", ballot.ballot_id, member)
        and not known.will(0.03, "absent", member)
        and not _is_early(system, known, opened, ballot.ballot_id, member)
    ]
    return commit_vote(system, known, opened, known.random.choice(missing)) if missing else None


def commit_vote(system: System, known: Knowledge, opened: Round, verifier: str) -> Call:
    own, ballot = known.new_ballot(opened, verifier), ballots.newest_of(opened)
    hidden = ballots.commitment_of(system, ballot.ballot_id, verifier, own.votes, own.salt)
    known.ballots[verifier, hidden] = own
    arguments = (ballot.ballot_id, ballot.members.index(verifier), hidden)
    return Call(verifier, "VerifierCommittee.commitVote", arguments)


def _vote_reveal(system: System, known: Knowledge, opened: Round) -> Action | None:
    share, ballot = known.mood(opened.round_id).reveals_votes, ballots.newest_of(opened)
    for member, commitment in ballot.commitments.items():
        own = known.ballots.get((member, commitment))
        if own is None or member in ballot.votes or not known.will(share, "tell", ballot.ballot_id, member):
            continue
        if _is_early(system, known, opened, ballot.ballot_id, member, ballot.stage):
            continue
        if ballots.is_well_formed(own.votes, ballot.choices) or known.may_try(0.8, ballot.ballot_id, member):
            arguments = (ballot.ballot_id, ballot.members.index(member), own.votes, own.salt)
            return Call(member, "VerifierCommittee.revealVote", arguments)
    return None


def _challenge(system: System, known: Knowledge, opened: Round) -> Action | None:
    about = ("challenge", opened.round_id, opened.attempt)
    if not known.will(known.mood(opened.round_id).challenges, *about):
        return None
    return challenge(system, known, opened)


def challenge(system: System, known: Knowledge, opened: Round) -> Call:
    bond = draws.challenge_bond(system, opened, opened.attempt)
    return Call(known.random.choice(PEOPLE), "PoLeChain.challenge", (opened.round_id,), bond)


def _settlement(_system: System, known: Knowledge, opened: Round) -> Action:
    return Call(known.random.choice(PEOPLE), "PoLeChain.finalise", (opened.round_id,))


ENDED_BY_SOMEBODY = (Phase.TEST_RELEASE, Phase.VOTE_COMMIT, Phase.VOTE_REVEAL)
MOVES: dict[Phase, Callable[[System, Knowledge, Round], Action | None]] = {
    Phase.SEED: _draw,
    Phase.KEYS: _keys,
    Phase.TRAINING: _training,
    Phase.TEST_RELEASE: _test_release,
    Phase.REVEAL: _reveal,
    Phase.DRAW: _draw,
    Phase.VOTE_COMMIT: _vote_commit,
    Phase.VOTE_REVEAL: _vote_reveal,
    Phase.CHALLENGE: _challenge,
    Phase.SETTLEMENT: _settlement,
}
