"""Every wei has one owner, and every account holds what its purpose says: views and events tell."""

from collections import Counter
from fractions import Fraction

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.interface import CONTRACTS
from tests.contracts.stateful.model.system import NOBODY, POOL, STAKES, TASKS
from tests.contracts.stateful.pair import Pair
from tests.contracts.stateful.parameters import WINDOWS

from pole.protocol.state import PayoutReason, Phase, VoidReason

ATTEMPTS = 3
NO_TASK = 0
# Nobody's round refunds nothing, and its block draws nothing from the pool.
OF_IDLE_ROUNDS = {
    PayoutReason.TASK_REWARD,
    PayoutReason.TRAINING_REWARD,
    PayoutReason.MINER_BOND,
    PayoutReason.CHALLENGE_BOND,
}
OF_SEVERAL = (
    PayoutReason.MINER_BOND,
    PayoutReason.DATA_BOND_SHARE,
    PayoutReason.CHALLENGE_BOND,
    PayoutReason.TRAINING_REWARD,
)
# Who judged in vain is paid by the guilty: the data node has its reward back.
NOBODY_RIGHT = (VoidReason.NO_QUORUM, VoidReason.NONE_QUALIFIED)
ENDED = (Phase.FINAL, Phase.VOID)


class Books:
    """Looks at the money after every action; gifts to PoLe's accounts and forced ether are the run's own."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._reservoir, _, self._tasks, self._committee, self._chain = (
            pair.addresses[name] for name in CONTRACTS
        )
        self._accounts: set[tuple[str, bytes]] = set()
        self._flows: Counter[bytes] = Counter()
        self._settled: Counter[Values] = Counter()

    def look(self) -> None:
        for contract, name, arguments in self._pair.events:
            if contract == "RewardReservoir":
                self._follow(name, arguments)
            elif contract == "VerifierCommittee" and name in ("Slashed", "Rewarded"):
                self._settle_once(name, *arguments[:2])
        self._check_solvency()
        self._check_tasks()
        self._check_stakes()
        self._check_rounds()

    def look_back(self) -> None:
        """Once everybody has left: the reservoir holds the pool, and gifts to accounts that nobody opens."""
        gifts = self._pair.model.books.gifts
        lost = sum(
            amount for (holder, account), amount in gifts.items() if (holder, account) != (self._chain, POOL)
        )
        assert self._total() == self._held(self._chain, POOL) + lost
        assert self._pair.evm.balance(self._reservoir) == self._total() + self._pair.model.books.forced

    def settle_payouts(self, round_id: int, payouts: Values) -> None:
        """Take note of a round's payouts: each reason pays one payee once in a round."""
        ended = self._pair.view("PoLeChain.round", round_id)[0]
        owner, reward = ended[1][0], ended[1][2][0]
        if ended[0] == NO_TASK:
            assert {reason for _, reason, _ in payouts} <= OF_IDLE_ROUNDS
        elif ended[11] in NOBODY_RIGHT and reward:
            assert (owner, PayoutReason.REWARD_REFUND, reward) in payouts
        for payee, reason, amount in payouts:
            # Who challenged twice has two bonds back.
            if reason != PayoutReason.CHALLENGE_BOND:
                self._once("payout", round_id, payee, reason)
            if reason not in OF_SEVERAL:
                self._once("payout", round_id, reason)
            if reason == PayoutReason.RENT_REFUND:
                assert amount <= self._rent(reward)

    def _follow(self, name: str, arguments: Values) -> None:
        """Keep who holds an account, and what goes through a round's."""
        if name == "Deposited":
            holder, account, _, amount = arguments
            self._receive(holder, account, amount)
        elif name == "Transferred":
            source_holder, source, holder, account, amount = arguments
            self._receive(holder, account, amount)
            self._receive(source_holder, source, -amount)
        elif name == "Credited":
            _, holder, account, amount = arguments
            self._receive(holder, account, -amount)

    def _receive(self, holder: str, account: bytes, amount: int) -> None:
        self._accounts.add((holder, account))
        if holder == self._chain:
            self._flows[account] += amount

    def _settle_once(self, name: str, ballot_id: int, member: str) -> None:
        """A member is paid once or slashed, and slashed twice only when its vote was leaked before."""
        self._settled[name, ballot_id, member] += 1
        leaked = any(event[1] == "VoteLeaked" for event in self._pair.events)
        self._settled["leaked", ballot_id, member] += leaked
        slashed, rewarded = (self._settled[each, ballot_id, member] for each in ("Slashed", "Rewarded"))
        assert slashed + rewarded <= 1 + self._settled["leaked", ballot_id, member], (ballot_id, member)
        assert not (slashed and rewarded), (ballot_id, member)

    def _once(self, *what: object) -> None:
        self._settled[what] += 1
        assert self._settled[what] == 1, f"twice: {what}"

    def _check_solvency(self) -> None:
        owed = sum(self._pair.view("RewardReservoir.creditOf", person)[0] for person in self._pair.people)
        accounts = sum(self._held(*account) for account in self._accounts)
        assert self._total() == owed + accounts
        assert self._pair.evm.balance(self._reservoir) == self._total() + self._pair.model.books.forced

    def _check_tasks(self) -> None:
        """The escrow is the waiting tasks' rewards and bonds, and the next task is the most valuable."""
        waiting = {}
        for task_id in range(1, self._pair.view("TaskList.posted")[0] + 1):
            if self._pair.view("TaskList.isListed", task_id)[0]:
                waiting[task_id] = self._pair.view("TaskList.task", task_id)[0]
        escrow = sum(sum(task[2][:2]) + self._rent(task[2][0]) for task in waiting.values())
        assert self._own(self._tasks, TASKS) == escrow
        value = {task_id: self.value(task) for task_id, task in waiting.items()}
        maximum = max(value.values(), default=None)
        first = min((task_id for task_id in value if value[task_id] == maximum), default=0)
        assert self._pair.view("TaskList.best")[0] == first

    def _check_stakes(self) -> None:
        stakes = sum(self._pair.view("VerifierCommittee.stakeOf", person)[0] for person in self._pair.people)
        assert self._own(self._committee, STAKES) == stakes

    def _check_rounds(self) -> None:
        """An open round's account holds its reward, rent and bonds; an ended one's nothing."""
        for lane in range(self._pair.model.lanes):
            newest = self._pair.view("PoLeChain.newestRound", lane)[0]
            if newest:
                self._check_round(newest)

    def _check_round(self, round_id: int) -> None:
        account = round_id.to_bytes(32, "big")
        is_over = self._pair.view("PoLeChain.phaseOf", round_id)[0] in ENDED
        assert self._own(self._chain, account) == (0 if is_over else self._due(round_id)), f"round {round_id}"
        for attempt in range(ATTEMPTS):
            ballot = (4 * round_id + attempt).to_bytes(32, "big")
            assert self._own(self._committee, ballot) == 0, f"round {round_id}"
        assert self._flows[account] == self._held(self._chain, account)

    def _due(self, round_id: int) -> int:
        opened = self._pair.view("PoLeChain.round", round_id)[0]
        chosen, terms = self._pair.model.parameters.chain, opened[1][2]
        bonds = 0
        for solution in self._pair.view("PoLeChain.solutions", round_id)[0]:
            is_ready = solution[3] * 10_000 >= terms[6] * terms[8]
            part = chosen["readyBondBps" if is_ready else "minerBondBps"]
            bonds += max(chosen["minerBond"], terms[0] * part // 10_000)
        for attempt, challenger in enumerate(opened[22]):
            if challenger != NOBODY:
                bonds += self._pair.view("PoLeChain.challengeBond", round_id, attempt)[0]
        return terms[0] + terms[1] + bonds + (self._rent(terms[0]) if opened[0] != NO_TASK else 0)

    def _rent(self, reward: int) -> int:
        return reward * self._pair.model.parameters.task_list["rentBps"] // 10_000

    def value(self, task: Values) -> Fraction:
        """Return what a task's struct says that it pays for each second of its round."""
        chosen = self._pair.model.parameters
        windows = sum(chosen.chain[name] for name in WINDOWS)
        return Fraction(task[2][0], task[2][2] + windows + chosen.chain["maxSolutions"] * task[1])

    def _total(self) -> int:
        return self._pair.view("RewardReservoir.total")[0]

    def _held(self, holder: str, account: bytes) -> int:
        return self._pair.view("RewardReservoir.balanceOf", holder, account)[0]

    def _own(self, holder: str, account: bytes) -> int:
        """Return what an account holds but for gifts."""
        return self._held(holder, account) - self._pair.model.books.gifts[holder, account]
