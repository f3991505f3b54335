"""The task list: what may be posted, who takes it back, which task is next."""

from fractions import Fraction
from math import ceil, floor

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import blocks, money
from tests.contracts.stateful.model.system import (
    BPS,
    NO_HASH,
    NOBODY,
    POOL,
    TASKS,
    Call,
    Refused,
    System,
    Task,
    is_cid,
    need,
)

from pole.protocol.encoding.abi import TASK_FILES, TASK_TERMS, encode
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import RecordKind, TaskFiles, TaskTerms

NAME = "TaskList"
UINT32, UINT40, UINT96 = 2**32 - 1, 2**40 - 1, 2**96 - 1


def post(system: System, call: Call, terms: Values, files: Values) -> Values:
    task = _new_task(system, call, terms, files)
    maximum = system.parameters.task_list["maxTasks"]
    need(len(system.waiting) < maximum, "TaskListFull", maximum)

    _enter(system, task, terms, files)
    _take_payment(system, task)
    _record(system, task, terms, files)
    return (task.task_id,)


def post_replacing(system: System, call: Call, terms: Values, files: Values, replaced_id: int) -> Values:
    task = _new_task(system, call, terms, files)
    maximum, replaced = system.parameters.task_list["maxTasks"], system.tasks.get(replaced_id)
    need(len(system.waiting) == maximum, "TaskListNotFull", len(system.waiting), maximum)
    if replaced is None or not replaced.is_waiting:
        raise Refused("TaskNotListed", replaced_id)
    need(value(system, task) > value(system, replaced), "NotMoreValuable", replaced_id)

    _enter(system, task, terms, files)
    replaced.is_waiting = False
    system.report(NAME, "TaskReplaced", replaced_id, replaced.owner, escrow(system, replaced), task.task_id)
    _take_payment(system, task)
    money.pay(system, system.task_list, TASKS, replaced.owner, escrow(system, replaced))
    _record(system, task, terms, files)
    blocks.record(system, RecordKind.TASK_REPLACED, ["uint256", "uint256"], [replaced_id, task.task_id])
    return (task.task_id,)


def _new_task(system: System, call: Call, terms: Values, files: Values) -> Task:
    """Return what is to be posted, if it may be and is paid for."""
    posted, named = TaskTerms(*terms), TaskFiles(*files)
    _check_terms(system, posted)
    _check_files(named)
    task = Task(len(system.tasks) + 1, call.sender, posted, named.test_digest, judging_time(system, posted))
    need(call.value == price(system, task), "WrongPayment", call.value, price(system, task))
    return task


def _enter(system: System, task: Task, terms: Values, files: Values) -> None:
    system.tasks[task.task_id] = task
    system.report(NAME, "TaskPosted", task.task_id, task.owner, terms, files)


def _take_payment(system: System, task: Task) -> None:
    money.put(system, system.task_list, system.task_list, TASKS, price(system, task))
    money.move(system, system.task_list, TASKS, system.chain, POOL, task.terms.fee)


def _record(system: System, task: Task, terms: Values, files: Values) -> None:
    digests = [keccak256(encode([TASK_TERMS], [terms])), keccak256(encode([TASK_FILES], [files]))]
    blocks.record(
        system,
        RecordKind.TASK_POSTED,
        ["uint256", "address", "bytes32", "bytes32"],
        [task.task_id, task.owner, *digests],
    )


def cancel(system: System, call: Call, task_id: int) -> Values:
    task = system.tasks.get(task_id)
    if task is None or not task.is_waiting:
        raise Refused("TaskNotListed", task_id)
    need(call.sender == task.owner, "NotTaskOwner", task_id, call.sender)
    task.is_waiting = False
    system.report(NAME, "TaskCancelled", task_id, call.sender, escrow(system, task))
    money.pay(system, system.task_list, TASKS, call.sender, escrow(system, task))
    blocks.record(system, RecordKind.TASK_CANCELLED, ["uint256"], [task_id])
    return ()


def delegate_keys(system: System, call: Call, task_id: int, delegate: str, cid: str, digest: bytes) -> Values:
    task = system.tasks.get(task_id)
    if task is None or task.owner != call.sender:
        raise Refused("NotTaskOwner", task_id, call.sender)
    need(is_cid(cid), "FileMissing", "sharingCid")
    need(digest != NO_HASH, "FileMissing", "sharingDigest")
    task.delegate = delegate
    system.report(NAME, "KeysDelegated", task_id, delegate, cid, digest)
    return ()


def announce_partial_keys(system: System, call: Call, task_id: int, cid: str, digest: bytes) -> Values:
    need(is_cid(cid), "FileMissing", "keysCid")
    need(digest != NO_HASH, "FileMissing", "keysDigest")
    system.report(NAME, "PartialKeysAnnounced", task_id, call.sender, cid, digest)
    return ()


def take_best(_system: System, call: Call, _round_id: int) -> Values:
    raise Refused("NotChain", call.sender)


def best(system: System) -> Task | None:
    """Return the waiting task that is worth most, of equals the oldest."""
    return max(system.waiting, key=lambda task: (value(system, task), -task.task_id), default=None)


def value(system: System, task: Task) -> Fraction:
    """Return what a task pays for each second that its round can take."""
    return Fraction(task.terms.reward, duration(system, task.terms))


def duration(system: System, terms: TaskTerms) -> int:
    """Return how many seconds a round of the task may take: training, windows, judging of every place."""
    limits = system.parameters.task_list
    judging = limits["maxSolutions"] * judging_time(system, terms)
    return terms.time_limit + limits["roundWindows"] + judging


def minimum_reward(system: System, terms: TaskTerms) -> int:
    """Return what a task must pay at least: by the square of the time that it may hold a lane."""
    limits = system.parameters.task_list
    by_time = Fraction(limits["rewardPerSecond"] * duration(system, terms) ** 2, limits["roundWindows"])
    return max(limits["minReward"], floor(by_time))


def judging_time(system: System, terms: TaskTerms) -> int:
    """Return the seconds that judging one model may take."""
    samples = terms.train_count + terms.test_count
    return ceil(Fraction(terms.work * samples, system.parameters.task_list["judgingSpeed"]))


def rent(system: System, task: Task) -> int:
    """Return what a whole duration costs; nobody pays for nobody's task."""
    return 0 if task.owner == NOBODY else task.terms.reward * system.parameters.task_list["rentBps"] // BPS


def idle(system: System) -> Task:
    """Return nobody's task, for when no other waits: the pool pays its reward, if it can."""
    limits, reward, lanes = system.parameters.task_list, system.parameters.chain["blockReward"], system.lanes
    need(limits["idleTimeLimit"], "NoTask")
    for opened in system.open_rounds:
        need(not opened.is_idle, "IdleRoundOpen", opened.round_id)
    held = system.books.balances[system.chain, POOL]
    # What every lane's block may draw stays: two rewards and a thirty-second part, rounded up.
    needed = reward + lanes * ceil(Fraction(65 * reward, 32))
    need(held >= needed, "PoolTooSmall", held, needed)
    terms = TaskTerms(
        reward=reward,
        data_bond=0,
        time_limit=limits["idleTimeLimit"],
        min_training_time=0,
        fee=0,
        min_solutions=1,
        required_train_accuracy=limits["idleTrainAccuracy"],
        required_test_accuracy=limits["idleTestAccuracy"],
        train_count=limits["idleTrainCount"],
        test_count=limits["idleTestCount"],
        work=limits["idleWork"],
    )
    return Task(0, NOBODY, terms, NO_HASH, judging_time(system, terms), is_waiting=False)


def take(system: System, task: Task, account: bytes) -> None:
    """Move the task's money to the round's account."""
    if task.owner == NOBODY:
        if task.terms.reward:
            money.move(system, system.chain, POOL, system.chain, account, task.terms.reward)
        return
    round_id = int.from_bytes(account, "big")
    task.is_waiting = False
    system.report(NAME, "TaskTaken", task.task_id, round_id)
    money.move(system, system.task_list, TASKS, system.chain, account, escrow(system, task))


def escrow(system: System, task: Task) -> int:
    return task.terms.reward + task.terms.data_bond + rent(system, task)


def price(system: System, task: Task) -> int:
    """Return what posting costs."""
    return escrow(system, task) + task.terms.fee


def _check_terms(system: System, terms: TaskTerms) -> None:
    limits, judging = system.parameters.task_list, judging_time(system, terms)
    need(judging <= limits["maxJudgingTime"], "TooMuchWork", judging, limits["maxJudgingTime"])
    ranges = [
        ("reward", terms.reward, minimum_reward(system, terms), limits["maxReward"]),
        ("dataBond", terms.data_bond, limits["minDataBond"], UINT96),
        ("fee", terms.fee, terms.reward * limits["feeBps"] // BPS, UINT96),
        ("timeLimit", terms.time_limit, 1, limits["maxTimeLimit"]),
        ("minTrainingTime", terms.min_training_time, 0, terms.time_limit),
        ("minSolutions", terms.min_solutions, 1, limits["maxSolutions"]),
        ("requiredTrainAccuracy", terms.required_train_accuracy, 1, BPS),
        ("requiredTestAccuracy", terms.required_test_accuracy, 0, BPS),
        ("trainCount", terms.train_count, 1, UINT32),
        ("testCount", terms.test_count, 1, UINT32),
        ("work", terms.work, 1, UINT40),
    ]
    for name, given, minimum, maximum in ranges:
        need(minimum <= given <= maximum, "TermOutOfRange", name, given, minimum, maximum)


def _check_files(files: TaskFiles) -> None:
    need(is_cid(files.spec_cid), "FileMissing", "specCid")
    need(is_cid(files.train_cid), "FileMissing", "trainCid")
    need(files.spec_digest != NO_HASH, "FileMissing", "specDigest")
    need(files.train_digest != NO_HASH, "FileMissing", "trainDigest")
    need(files.test_digest != NO_HASH, "FileMissing", "testDigest")
    need(files.mpk_digest != NO_HASH, "FileMissing", "mpkDigest")
