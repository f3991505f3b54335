"""Reservoir and task list against a plain Python model that predicts every balance and every refusal."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from brownie import accounts
from hypothesis import strategies as st
from tests.contracts import stage
from tests.contracts.stage import (
    CHAIN,
    ETHER,
    JUDGING_TIME,
    LANES,
    POOL,
    TASK_LIST,
    TERMS,
    Pole,
    post_call,
    refused,
)

from pole.protocol.rounds.value_heap import WaitingTask, best, least_valuable

PEOPLE = range(2, 6)
WINDOWS = TASK_LIST["roundWindows"] + TASK_LIST["maxSolutions"] * JUDGING_TIME
"""What a round may take beside its time limit."""
ACCOUNTS = [bytes([n]) * 32 for n in (1, 2)]


def minimum_reward(time_limit: int) -> int:
    """Return what a task must pay at least: by the square of the time that it may hold a lane."""
    by_time = TASK_LIST["rewardPerSecond"] * (time_limit + WINDOWS) ** 2 // TASK_LIST["roundWindows"]
    return max(TASK_LIST["minReward"], by_time)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


class Money:
    """Accounts, credits and waiting tasks; every rule does in Python what it does on the chain."""

    who = st.sampled_from(PEOPLE)
    to = st.sampled_from(PEOPLE)
    from_account = st.sampled_from(ACCOUNTS)
    to_account = st.sampled_from(ACCOUNTS)
    amount = st.integers(0, 5)
    reward = st.integers(0, 3).map(lambda ether: ether * ETHER)
    time_limit = st.sampled_from([0, 100, 200, 300, TASK_LIST["maxTimeLimit"] + 1])
    task = st.integers(1, 8)

    def __init__(self, pole: Pole) -> None:
        self.pole = pole

    def setup(self) -> None:
        self.balances: defaultdict[tuple[int, bytes], int] = defaultdict(int)
        self.credits: defaultdict[int, int] = defaultdict(int)
        self.tasks: dict[int, tuple[int, WaitingTask]] = {}
        self.waiting: set[int] = set()
        self.rounds = self.open_round = 0
        self.elsewhere = self.pole.reservoir.total()

    def rule_deposit(self, who: int, to: int, to_account: bytes, amount: int) -> None:
        self.pole.reservoir.deposit(accounts[to], to_account, {"from": accounts[who], "value": amount})
        self.balances[to, to_account] += amount

    def rule_transfer(self, who: int, from_account: bytes, to: int, to_account: bytes, amount: int) -> None:
        call = (from_account, accounts[to], to_account, amount, {"from": accounts[who]})
        if not self.can_pay(who, from_account, amount, self.pole.reservoir.transfer, call):
            return
        self.balances[who, from_account] -= amount
        self.balances[to, to_account] += amount

    def rule_credit(self, who: int, from_account: bytes, to: int, amount: int) -> None:
        call = (from_account, accounts[to], amount, {"from": accounts[who]})
        if not self.can_pay(who, from_account, amount, self.pole.reservoir.credit, call):
            return
        self.balances[who, from_account] -= amount
        self.credits[to] += amount

    def can_pay(self, who: int, account: bytes, amount: int, function: Any, call: tuple[Any, ...]) -> bool:
        """Make the call; return whether it went through, as it must exactly when the account holds enough."""
        held = self.balances[who, account]
        if held >= amount:
            function(*call)
            return True
        with refused("InsufficientBalance", accounts[who], account, held, amount):
            function.call(*call)
        return False

    def rule_withdraw(self, who: int, to: int) -> None:
        if not self.credits[who]:
            with refused("NothingToWithdraw", accounts[who]):
                self.pole.reservoir.withdraw.call(accounts[to], {"from": accounts[who]})
            return
        before = accounts[to].balance()
        withdrawn = self.pole.reservoir.withdraw(accounts[to], {"from": accounts[who]})
        spent = withdrawn.gas_used * withdrawn.gas_price if who == to else 0
        assert accounts[to].balance() == before + self.credits[who] - spent
        self.credits[who] = 0

    def rule_post(self, who: int, reward: int, time_limit: int) -> None:
        call = post_call(self.pole, by=who, reward=reward, timeLimit=time_limit, minTrainingTime=0)
        if reward < minimum_reward(time_limit):
            limits = minimum_reward(time_limit), TASK_LIST["maxReward"]
            expected: tuple[Any, ...] = ("TermOutOfRange", "reward", reward, *limits)
        elif not 1 <= time_limit <= TASK_LIST["maxTimeLimit"]:
            expected = ("TermOutOfRange", "timeLimit", time_limit, 1, TASK_LIST["maxTimeLimit"])
        elif len(self.waiting) == TASK_LIST["maxTasks"]:
            expected = ("TaskListFull", TASK_LIST["maxTasks"])
        else:
            self.pole.task_list.post(*call)
            self.add(who, reward, time_limit)
            return
        with refused(*expected):
            self.pole.task_list.post.call(*call)

    def rule_replace(self, who: int, reward: int, time_limit: int, task: int) -> None:
        """Post in the place of a task, or of the least valuable, which is likelier to be worth less."""
        waiting = [self.tasks[each][1] for each in self.waiting]
        lowest = least_valuable(waiting)
        replaced = task if task in self.waiting or lowest is None else lowest.task_id
        time_limit = min(max(time_limit, 1), TASK_LIST["maxTimeLimit"])
        reward = max(reward, minimum_reward(time_limit))
        terms, files, sent = post_call(
            self.pole, by=who, reward=reward, timeLimit=time_limit, minTrainingTime=0
        )
        new = WaitingTask(len(self.tasks) + 1, reward, time_limit + WINDOWS)
        if len(waiting) < TASK_LIST["maxTasks"]:
            expected: tuple[Any, ...] = ("TaskListNotFull", len(waiting), TASK_LIST["maxTasks"])
        elif new.value <= self.tasks[replaced][1].value:
            expected = ("NotMoreValuable", replaced)
        else:
            self.pole.task_list.postReplacing(terms, files, replaced, sent)
            self.add(who, reward, time_limit)
            self.waiting.remove(replaced)
            self.refund(replaced)
            return
        with refused(*expected):
            self.pole.task_list.postReplacing.call(terms, files, replaced, sent)

    def add(self, who: int, reward: int, time_limit: int) -> None:
        task_id = len(self.tasks) + 1
        duration = time_limit + WINDOWS
        self.tasks[task_id] = (who, WaitingTask(task_id, reward, duration))
        self.waiting.add(task_id)
        self.elsewhere += reward + TERMS["dataBond"] + TERMS["fee"]

    def rule_cancel(self, who: int, task: int) -> None:
        if task not in self.waiting:
            expected: tuple[Any, ...] = ("TaskNotListed", task)
        elif self.tasks[task][0] != who:
            expected = ("NotTaskOwner", task, accounts[who])
        else:
            self.pole.task_list.cancel(task, {"from": accounts[who]})
            self.waiting.remove(task)
            self.refund(task)
            return
        with refused(*expected):
            self.pole.task_list.cancel.call(task, {"from": accounts[who]})

    def refund(self, task: int) -> None:
        """Move reward and bond from the task to its owner's credit."""
        owner, terms = self.tasks[task]
        self.credits[owner] += terms.reward + TERMS["dataBond"]
        self.elsewhere -= terms.reward + TERMS["dataBond"]

    def rule_open_round(self) -> None:
        if self.open_round:
            with refused("RoundOpen", self.open_round):
                self.pole.chain.openRound.call(0, {"from": accounts[0]})
        elif not self.waiting:
            with refused("NoTask"):
                self.pole.chain.openRound.call(0, {"from": accounts[0]})
        else:
            self.pole.chain.openRound(0, {"from": accounts[0]})
            self.rounds += LANES
            self.open_round = self.rounds
            stage.draw(self.pole, self.open_round)
            taken = self.best()
            assert taken is not None
            self.taken = taken.task_id
            self.waiting.remove(self.taken)
            assert self.pole.chain.round(self.rounds).dict()["taskId"] == self.taken

    def rule_void_round(self) -> None:
        """Let the keys' window pass: reward to the owner, bond to the pool."""
        if not self.open_round:
            return
        stage.wait(CHAIN["keyWindow"])
        self.pole.chain.finalise(self.open_round, {"from": accounts[0]})
        owner, terms = self.tasks[self.taken]
        self.credits[owner] += terms.reward
        self.elsewhere -= terms.reward
        self.open_round = 0

    def best(self) -> WaitingTask | None:
        return best(self.tasks[task][1] for task in self.waiting)

    def invariant_the_books_balance(self) -> None:
        total = self.elsewhere + sum(self.balances.values()) + sum(self.credits.values())
        assert self.pole.reservoir.total() == total == self.pole.reservoir.balance()

    def invariant_the_most_valuable_task_is_next(self) -> None:
        expected = self.best()
        assert self.pole.task_list.best() == (expected.task_id if expected else 0)
        assert self.pole.task_list.waiting() == len(self.waiting)

    def teardown(self) -> None:
        reservoir = self.pole.reservoir
        for (who, account), held in self.balances.items():
            assert reservoir.balanceOf(accounts[who], account) == held
        for who in PEOPLE:
            assert reservoir.creditOf(accounts[who]) == self.credits[who]
        escrow = sum(self.tasks[task][1].reward + TERMS["dataBond"] for task in self.waiting)
        assert reservoir.balanceOf(self.pole.task_list, stage.TASKS) == escrow
        accounted = reservoir.balanceOf(self.pole.chain, POOL)
        accounted += reservoir.balanceOf(self.pole.committee, stage.STAKES)
        accounted += escrow
        accounted += sum(reservoir.balanceOf(self.pole.chain, word(n)) for n in range(1, self.rounds + 1))
        assert accounted == self.elsewhere


def test_money_and_tasks_follow_the_model(pole: Pole, lone: Pole, state_machine: Callable[..., None]) -> None:
    # The other deployment of the session is of no matter here: each has a reservoir of its own.
    assert lone.reservoir != pole.reservoir
    state_machine(Money, pole, settings={"max_examples": 6, "stateful_step_count": 30, "deadline": None})
