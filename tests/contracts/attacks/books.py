"""Who is better or worse off by how many wei, since the books were opened: what an attack earns and loses."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from brownie import accounts, history
from tests.contracts import stage
from tests.contracts.stage import DATA_NODE, VERIFIERS, Pole

POOL, NOBODY = "pool", "nobody"
"""The system pool, and ether in the contracts that no account holds."""
Group = int | str | Collection[int | str]
"""Accounts by number or address, one or several."""


@dataclass(frozen=True)
class Books:
    """What everybody had, by address, and how many transactions there had been."""

    pole: Pole
    before: dict[str, int]
    seen: int

    def gains(self, **groups: Group) -> dict[str, int]:
        """Return what each group gained or lost, in wei without gas, when no round is open.

        Members are numbers or addresses. The data node and the verifiers are groups as well, but for those
        whom another group names; all further accounts are `others`. Every wei is somebody's. Groups
        that gained nothing are left out.
        """
        usual: dict[str, Group] = {"data_node": DATA_NODE, "verifiers": VERIFIERS}
        owners = {address: name for name, group in (usual | groups).items() for address in _addresses(group)}
        changed = Counter(_wealth(self.pole, owners))
        changed.subtract(self.before)
        for transaction in history[self.seen :]:
            if transaction.status != 1:
                continue
            changed[str(transaction.sender)] -= transaction.value
            if "Withdrawn" in transaction.events:
                withdrawn = transaction.events["Withdrawn"]
                changed[str(withdrawn["payee"])] += withdrawn["amount"]
        gains: Counter[str] = Counter()
        for owner, change in changed.items():
            gains[owners.get(owner, owner if owner in (POOL, NOBODY) else "others")] += change
        assert sum(gains.values()) == 0, gains
        return {name: gain for name, gain in gains.items() if gain != 0}


def opened(pole: Pole) -> Books:
    return Books(pole, _wealth(pole, ()), len(history))


def _addresses(group: Group) -> list[str]:
    members = group if isinstance(group, list | tuple | range | set) else [group]
    return [str(accounts[each]) if isinstance(each, int) else str(each) for each in members]


def _wealth(pole: Pole, contracts: Iterable[str]) -> dict[str, int]:
    """Return what the reservoir holds for each address, credits and stakes, and for the pool."""
    wealth = {
        address: pole.reservoir.creditOf(address) + pole.committee.stakeOf(address)[0]
        for address in {*map(str, accounts), *contracts}
    }
    held = sum(
        each.balance() for each in (pole.reservoir, pole.ledger, pole.task_list, pole.committee, pole.chain)
    )
    return wealth | {POOL: stage.pool(pole), NOBODY: held - sum(wealth.values()) - stage.pool(pole)}
