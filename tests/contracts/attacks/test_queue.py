"""The queue of tasks: coming before others without paying for it, keeping others out, pushing others out."""

from brownie import ContractWallet, accounts
from tests.contracts import stage
from tests.contracts.attacks import books
from tests.contracts.attacks.parties import DATA_BOND, FEE, LOT, PRIZE, sent
from tests.contracts.stage import (
    CHAIN,
    DATA_NODE,
    JUDGING_TIME,
    STRANGER,
    TASK_LIST,
    TERMS,
    Model,
    Pole,
    fill,
    post_call,
    post_replacing,
    refused,
)

MINER = 2
MODELS = {MINER: Model()}
BRIEF = {"timeLimit": 1, "minTrainingTime": 0, "dataBond": TASK_LIST["minDataBond"]}
MINIMUM_FEE = TASK_LIST["minReward"] * TASK_LIST["feeBps"] // 10_000
MINIMUM = BRIEF | {"reward": TASK_LIST["minReward"], "fee": MINIMUM_FEE}
MAXIMUM = TASK_LIST["maxTasks"]
OFTEN = 8
WINDOWS = TASK_LIST["roundWindows"] + TASK_LIST["maxSolutions"] * JUDGING_TIME
"""What a round may take beside its time limit."""


def withdrawn(pole: Pole, account: int) -> None:
    pole.reservoir.withdraw(accounts[account], sent(account))


def served(pole: Pole, task_id: int) -> None:
    """Open a round, which must be the task's, and play it to an honest end."""
    round_id = stage.open_round(pole)
    assert stage.field(pole.chain.round(round_id), "taskId") == task_id
    stage.draw(pole, round_id)
    stage.post_keys(pole, round_id)
    stage.commit(pole, round_id, MINER, MODELS[MINER])
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    stage.reveal(pole, round_id, MINER, MODELS[MINER])
    stage.vote(pole, round_id, stage.as_claimed(MODELS))
    stage.finalise(pole, round_id)


def test_tasks_of_a_second_no_longer_come_before_everybody(pole: Pole) -> None:
    ledger = books.opened(pole)
    jumpers = [stage.post(pole, by=STRANGER, **MINIMUM) for _ in range(3)]
    served(pole, stage.post(pole))
    for task_id in jumpers:
        pole.task_list.cancel(task_id, sent(STRANGER))
    fees = len(jumpers) * MINIMUM_FEE
    gains = ledger.gains(attacker=STRANGER, miner=MINER)
    assert gains == LOT | {"miner": PRIZE, "attacker": -fees, "pool": LOT["pool"] + fees}


def test_who_comes_first_offers_more_for_each_second_of_its_round(pole: Pole) -> None:
    ledger = books.opened(pole)
    task_id = stage.post(pole)
    seconds, of_the_others = 1 + WINDOWS, TERMS["timeLimit"] + WINDOWS
    even = TERMS["reward"] * seconds // of_the_others
    fee = (even + 1) * TASK_LIST["feeBps"] // 10_000
    stage.post(pole, by=STRANGER, **BRIEF, reward=even, fee=fee)
    assert pole.task_list.best() == task_id
    jumper = stage.post(pole, by=STRANGER, **BRIEF, reward=even + 1, fee=fee)
    assert pole.task_list.best() == jumper
    pole.task_list.cancel(2, sent(STRANGER))
    round_id = stage.open_round(pole)
    stage.draw(pole, round_id)
    stage.wait(CHAIN["keyWindow"])
    stage.finalise(pole, round_id)
    served(pole, task_id)
    lost = 2 * fee + BRIEF["dataBond"]
    gains = ledger.gains(attacker=STRANGER, miner=MINER)
    assert gains == LOT | {"miner": PRIZE, "attacker": -lost, "pool": LOT["pool"] + lost}


def test_a_full_list_admits_a_better_task(pole: Pole) -> None:
    ledger = books.opened(pole)
    held = fill(pole, **MINIMUM)
    with refused("TaskListFull", MAXIMUM):
        stage.post(pole)
    served(pole, post_replacing(pole, held[2]))
    for task_id in set(held) - {held[2]}:
        pole.task_list.cancel(task_id, sent(STRANGER))
    withdrawn(pole, STRANGER)
    fees = MAXIMUM * MINIMUM_FEE
    gains = ledger.gains(attacker=STRANGER, miner=MINER)
    assert gains == LOT | {"miner": PRIZE, "attacker": -fees, "pool": LOT["pool"] + fees}


def test_who_is_pushed_out_gets_every_wei_of_its_escrow(pole: Pole) -> None:
    ledger = books.opened(pole)
    task_id = stage.post(pole)
    others = fill(pole)
    newest = post_replacing(pole, task_id, by=STRANGER, reward=TERMS["reward"] + 1)
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + DATA_BOND
    withdrawn(pole, DATA_NODE)
    for each in (*others, newest):
        pole.task_list.cancel(each, sent(STRANGER))
    fees = MAXIMUM * FEE
    assert ledger.gains(attacker=STRANGER) == {"data_node": -FEE, "attacker": -fees, "pool": FEE + fees}


def test_an_owner_that_takes_no_ether_keeps_nobody_out(pole: Pole) -> None:
    wallet = ContractWallet.deploy(accounts[STRANGER], sent(STRANGER))
    for _ in range(MAXIMUM):
        terms, files, paid = post_call(pole, by=STRANGER, **MINIMUM)
        wallet.post(pole.task_list, terms, files, paid)
    ledger = books.opened(pole)
    served(pole, post_replacing(pole, 1))
    assert pole.reservoir.creditOf(wallet) == MINIMUM["reward"] + MINIMUM["dataBond"]
    gains = ledger.gains(miner=MINER, wallet=[wallet.address])
    # Its escrow was nobody's while the task waited.
    assert gains.pop("wallet") == -gains.pop("nobody")
    assert gains == LOT | {"miner": PRIZE}


def test_pushing_out_again_and_again_costs_a_fee_each_time_and_a_higher_offer(pole: Pole) -> None:
    fill(pole)
    ledger = books.opened(pole)
    newest = 1
    for more in range(1, OFTEN + 1):
        with refused("NotMoreValuable", newest):
            post_replacing(pole, newest, by=STRANGER, reward=TERMS["reward"] + more - 1)
        newest = post_replacing(pole, newest, by=STRANGER, reward=TERMS["reward"] + more)
    assert pole.task_list.waiting() == MAXIMUM
    pole.task_list.cancel(newest, sent(STRANGER))
    gains = ledger.gains(attacker=STRANGER)
    # The first task's escrow was nobody's while it waited.
    back = TERMS["reward"] + DATA_BOND
    assert gains == {"attacker": back - OFTEN * FEE, "pool": OFTEN * FEE, "nobody": -back}


def test_who_pushes_out_a_long_task_by_a_brief_one_pays_a_fee_as_its_victim_has(pole: Pole) -> None:
    ledger = books.opened(pole)
    task_id = stage.post(pole, timeLimit=1000)
    others = fill(pole)
    reward = TERMS["reward"] * (1 + WINDOWS) // (1000 + WINDOWS) + 1
    fee = reward * TASK_LIST["feeBps"] // 10_000
    brief = post_replacing(pole, task_id, by=STRANGER, **BRIEF, reward=reward, fee=fee)
    for each in (*others, brief):
        pole.task_list.cancel(each, sent(STRANGER))
    paid = (MAXIMUM - 1) * FEE + fee
    assert ledger.gains(attacker=STRANGER) == {"data_node": -FEE, "attacker": -paid, "pool": FEE + paid}
