"""Posting a task: what is refused, what is kept, what moves."""

from typing import Any

import pytest
from brownie import accounts
from tests.contracts import stage
from tests.contracts.stage import DATA_NODE, ETHER, FILES, TASK_LIST, TERMS, Pole, post_call, refused

from pole.protocol.encoding.commitments import files_hash, terms_hash
from pole.protocol.rounds.rent import minimum_reward
from pole.protocol.state import TaskFiles, TaskTerms

MAXIMUM = 2**96 - 1
MANY = 2**32 - 1
NO_DIGEST = "0x" + "00" * 32


@pytest.mark.parametrize(
    ("term", "given", "minimum", "maximum"),
    [
        ("reward", ETHER - 1, ETHER, 20 * ETHER),
        ("reward", 20 * ETHER + 1, ETHER, 20 * ETHER),
        ("dataBond", ETHER // 10 - 1, ETHER // 10, MAXIMUM),
        ("fee", ETHER // 10 - 1, ETHER // 10, MAXIMUM),
        ("timeLimit", 0, 1, 1000),
        ("timeLimit", 1001, 1, 1000),
        ("minTrainingTime", 501, 0, 500),
        ("minSolutions", 0, 1, 4),
        ("minSolutions", 5, 1, 4),
        ("requiredTrainAccuracy", 0, 1, 10_000),
        ("requiredTrainAccuracy", 10_001, 1, 10_000),
        ("requiredTestAccuracy", 10_001, 0, 10_000),
        ("trainCount", 0, 1, MANY),
        ("testCount", 0, 1, MANY),
        ("work", 0, 1, 2**40 - 1),
    ],
)
def test_a_term_out_of_range_is_refused_by_name(
    pole: Pole, term: str, given: int, minimum: int, maximum: int
) -> None:
    with refused("TermOutOfRange", term, given, minimum, maximum):
        pole.task_list.post.call(*post_call(pole, **{term: given}))


@pytest.mark.parametrize("field", ["specDigest", "trainDigest", "testDigest", "mpkDigest"])
def test_a_missing_digest_is_refused_by_name(pole: Pole, field: str) -> None:
    missing: dict[str, Any] = {field: NO_DIGEST}
    with refused("FileMissing", field):
        pole.task_list.post.call(*post_call(pole, **missing))


@pytest.mark.parametrize("field", ["specCid", "trainCid"])
@pytest.mark.parametrize("cid", ["", "b" * 129])
def test_a_cid_must_have_1_to_128_bytes(pole: Pole, field: str, cid: str) -> None:
    wrong: dict[str, Any] = {field: cid}
    with refused("FileMissing", field):
        pole.task_list.post.call(*post_call(pole, **wrong))


@pytest.mark.parametrize("off", [-1, 1])
def test_the_payment_must_be_exact(pole: Pole, off: int) -> None:
    terms, files, sent = post_call(pole)
    due = sent["value"]
    with refused("WrongPayment", due + off, due):
        pole.task_list.post.call(terms, files, sent | {"value": due + off})


def test_a_full_list_takes_no_task(pole: Pole) -> None:
    for _ in range(TASK_LIST["maxTasks"]):
        stage.post(pole)
    with refused("TaskListFull", TASK_LIST["maxTasks"]):
        pole.task_list.post.call(*post_call(pole))
    pole.task_list.cancel(3, {"from": accounts[DATA_NODE]})
    assert stage.post(pole) == TASK_LIST["maxTasks"] + 1


def test_a_posted_task_is_kept_as_posted(pole: Pole) -> None:
    task_id = stage.post(pole, work=30, requiredTestAccuracy=7)
    owner, judging_time, terms, test_digest = pole.task_list.task(task_id)
    assert (owner, judging_time) == (accounts[DATA_NODE], 5)
    assert terms == tuple((TERMS | {"work": 30, "requiredTestAccuracy": 7}).values())
    assert test_digest == FILES["testDigest"]
    assert pole.task_list.isListed(task_id)
    assert (pole.task_list.waiting(), pole.task_list.posted(), pole.task_list.best()) == (1, 1, 1)


def test_reward_and_bond_are_held_for_the_task_and_the_fee_goes_to_the_pool(pole: Pole) -> None:
    before = stage.pool(pole)
    stage.post(pole)
    held = pole.reservoir.balanceOf(pole.task_list, stage.TASKS)
    assert held == TERMS["reward"] + TERMS["dataBond"]
    assert stage.pool(pole) == before + TERMS["fee"]


def test_the_record_names_the_task_by_the_hashes_that_python_computes(pole: Pole) -> None:
    posted = pole.task_list.post(*post_call(pole))
    recorded = posted.events["Recorded"]
    terms = TaskTerms(*TERMS.values())
    named: list[Any] = [bytes.fromhex(v[2:]) if v.startswith("0x") else v for v in FILES.values()]
    files = TaskFiles(*named)
    expected = (
        (1).to_bytes(32, "big")
        + bytes(12)
        + bytes.fromhex(accounts[DATA_NODE].address[2:])
        + terms_hash(terms)
        + files_hash(files)
    )
    assert (recorded["height"], recorded["index"], recorded["kind"]) == (1, 0, 0)
    assert bytes(recorded["data"]) == expected


def test_a_task_never_posted_is_all_zero(pole: Pole) -> None:
    assert pole.task_list.task(9)[0] == stage.ZERO
    assert not pole.task_list.isListed(9)


@pytest.mark.parametrize(
    ("work", "samples", "seconds"), [(1, 100, 1), (10, 99, 1), (10, 100, 1), (10, 101, 2), (999, 100, 100)]
)
def test_judging_a_model_takes_its_work_for_every_sample_by_the_speed_rounded_up(
    pole: Pole, work: int, samples: int, seconds: int
) -> None:
    task_id = stage.post(pole, work=work, trainCount=samples - 1, testCount=1)
    assert stage.field(pole.task_list.task(task_id), "judgingTime") == seconds


def test_more_work_than_a_committee_has_time_for_is_refused(pole: Pole) -> None:
    with refused("TooMuchWork", 101, 100):
        pole.task_list.post.call(*post_call(pole, work=1001, trainCount=99, testCount=1))
    with refused("TooMuchWork"):
        changes = {"work": 2**40 - 1, "trainCount": MANY, "testCount": MANY}
        pole.task_list.post.call(*post_call(pole, **changes))


@pytest.fixture(scope="module")
def dear_deployed(deployed: Pole) -> Pole:
    """Return contracts that ask for 0.004 ether a second, and more for longer, and for seven at least."""
    return stage.deploy_all(task_list={"rewardPerSecond": ETHER // 250, "minReward": 7 * ETHER})


@pytest.fixture
def dear(dear_deployed: Pole, isolation: None) -> Pole:
    return dear_deployed


@pytest.mark.parametrize(
    ("terms", "duration"),
    [
        ({}, 500 + 600 + 4 * 2),
        ({"timeLimit": 1000}, 1000 + 600 + 4 * 2),
        ({"work": 1000, "trainCount": 50, "testCount": 40}, 500 + 600 + 4 * 90),
        ({"timeLimit": 50}, 50 + 600 + 4 * 2),
    ],
)
def test_the_least_reward_grows_with_the_square_of_the_time_that_the_task_may_hold_a_lane(
    dear: Pole, terms: dict[str, int], duration: int
) -> None:
    minimum = max(duration**2 * (ETHER // 250) // 600, 7 * ETHER)
    asked = TaskTerms(*(TERMS | terms).values())
    assert minimum_reward(asked, dear.rules.task_list) == minimum
    with refused("TermOutOfRange", "reward", minimum - 1, minimum, 20 * ETHER):
        dear.task_list.post.call(*post_call(dear, **terms, reward=minimum - 1))
    dear.task_list.post.call(*post_call(dear, **terms, reward=minimum))


def test_the_rent_is_a_part_of_the_reward_for_the_longest_that_a_round_takes(pole: Pole) -> None:
    rented = stage.deploy_all(task_list={"rentBps": 500})
    terms = tuple(TERMS.values())
    duration = TERMS["timeLimit"] + 600 + 4 * stage.JUDGING_TIME
    assert rented.task_list.rentOf(terms) == (TERMS["reward"] // 20, duration)
    assert pole.task_list.rentOf(terms) == (0, duration)
