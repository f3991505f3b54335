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
OF_IDLE_ROUNDS = {PayoutReason.TASK_REWARD, PayoutReason.MINER_BOND, PayoutReason.CHALLENGE_BOND}
# Who judged in vain is paid by the guilty: the data node has its reward back.
NOBODY_RIGHT = (VoidReason.NO_QUORUM, VoidReason.NONE_QUALIFIED)
ENDED = (Phase.FINAL, Phase.VOID)


class Books:
    """Looks at the money after every action; gifts to PoLe's accounts and forced ether are the run's own."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._reservoir, self._tasks, self._committee, self._chain = (
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
        owner, reward = ended[1][0], ended[1][1][0]
        if ended[0] == NO_TASK:
            assert {reason for _, reason, _ in payouts} <= OF_IDLE_ROUNDS
        elif ended[18] in NOBODY_RIGHT and reward:
            assert (owner, PayoutReason.REWARD_REFUND, reward) in payouts
        for payee, reason, _ in payouts:
            self._once("payout", round_id, payee, reason)
            if reason not in (PayoutReason.MINER_BOND, PayoutReason.DATA_BOND_SHARE):
                self._once("payout", round_id, reason)

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
                waiting[task_id] = self._pair.view("TaskList.task", task_id)[0][1]
        escrow = sum(terms[0] + terms[1] for terms in waiting.values())
        assert self._own(self._tasks, TASKS) == escrow
        windows = sum(self._pair.model.parameters.chain[name] for name in WINDOWS)
        value = {task_id: Fraction(terms[0], terms[2] + windows) for task_id, terms in waiting.items()}
        maximum = max(value.values(), default=None)
        first = min((task_id for task_id in value if value[task_id] == maximum), default=0)
        assert self._pair.view("TaskList.best")[0] == first

    def _check_stakes(self) -> None:
        stakes = sum(self._pair.view("VerifierCommittee.stakeOf", person)[0] for person in self._pair.people)
        assert self._own(self._committee, STAKES) == stakes

    def _check_rounds(self) -> None:
        """The open round's account holds its reward and bonds; an ended one's nothing."""
        newest = self._pair.view("PoLeChain.currentRound")[0]
        for round_id in {newest, newest - 1} - {0, -1}:
            account = round_id.to_bytes(32, "big")
            phase = self._pair.view("PoLeChain.phaseOf", round_id)[0]
            opened = self._pair.view("PoLeChain.round", round_id)[0]
            terms, committed = opened[1][1], opened[13]
            chosen, is_challenged = self._pair.model.parameters.chain, opened[22] != NOBODY
            bond = max(chosen["minerBond"], terms[0] * chosen["minerBondBps"] // 10_000)
            bonds = bond * committed + chosen["challengeBond"] * is_challenged
            due = 0 if phase in ENDED else terms[0] + terms[1] + bonds
            assert self._own(self._chain, account) == due, f"round {round_id}"
            for attempt in range(ATTEMPTS):
                ballot = (4 * round_id + attempt).to_bytes(32, "big")
                assert self._own(self._committee, ballot) == 0, f"round {round_id}"
            assert self._flows[account] == self._held(self._chain, account)

    def _total(self) -> int:
        return self._pair.view("RewardReservoir.total")[0]

    def _held(self, holder: str, account: bytes) -> int:
        return self._pair.view("RewardReservoir.balanceOf", holder, account)[0]

    def _own(self, holder: str, account: bytes) -> int:
        """Return what an account holds but for gifts."""
        return self._held(holder, account) - self._pair.model.books.gifts[holder, account]
