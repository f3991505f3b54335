"""Where a worker stands: its lanes, what it owes and has at stake there, and its wallet.

The worker notes it whenever it looks at the chain, and reads its wallet once a minute. Who reads the metrics
gets what was noted last, so that reading them asks no node.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pole.protocol.amounts import WEI_PER_ETHER
from pole.roles.ports import HeldStake, Identity, Moment
from pole.roles.support.draining import Participant

WALLET_EVERY: Final = 60.0
"""Seconds between two questions for what the wallet holds."""


class Wallets(Protocol):
    """What the chain says of a wallet."""

    @property
    def identity(self) -> Identity:
        """Return whose it is."""

    def balance_of(self, address: str) -> int:
        """Return the ether of an address itself, in wei."""

    def credit_of(self, address: str) -> int:
        """Return what an address may withdraw, in wei."""

    def stake_of(self, address: str) -> HeldStake:
        """Return what an address has staked as a verifier."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane at a moment: whether the wallet owes a transaction there, and how many things hang on it."""

    moment: Moment
    owes: bool
    at_stake: int


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a wallet holds and may withdraw, in wei, and its stake."""

    balance: int
    credit: int
    stake: int
    seated: bool


@dataclass(slots=True, eq=False)
class Standing(Collector):
    """Where a worker stands, in memory; its own thread notes it, and another one reads it."""

    lanes: dict[int, Lane] = field(default_factory=dict)
    wallet: Wallet | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what Prometheus reads. What has no end or no duty has no series."""
        yield from _of_lanes([self.lanes[lane] for lane in sorted(self.lanes)])
        if self.wallet is not None:
            yield from _of_wallet(self.wallet)


@dataclass(slots=True)
class Watching:
    """A role that does nothing but note where its worker stands; `clock` tells seconds of any epoch."""

    standing: Standing
    worker: Participant
    chain: Wallets
    clock: Callable[[], float]
    _read_at: float = field(default=-WALLET_EVERY, init=False)

    def look(self, moments: Sequence[Moment]) -> None:
        """Note the moments of all lanes; raises what `step` raises."""
        for moment in moments:
            self.step(moment)

    def step(self, moment: Moment) -> None:
        """Note the moment; raises what its questions to the node raise, and notes nothing then: see Role."""
        known = self.standing.lanes.get(moment.lane)
        if known is None or known.moment != moment:
            at_stake = len(list(self.worker.at_stake([moment])))
            lane = Lane(moment, self.worker.owes(moment), at_stake)
            # Replaced as a whole: whoever reads it meanwhile goes through the one before.
            self.standing.lanes = {**self.standing.lanes, moment.lane: lane}
        if self.clock() - self._read_at >= WALLET_EVERY:
            self.standing.wallet = _read_wallet(self.chain)
            self._read_at = self.clock()


def _read_wallet(chain: Wallets) -> Wallet:
    address = chain.identity.address
    stake = chain.stake_of(address)
    return Wallet(chain.balance_of(address), chain.credit_of(address), stake.amount, stake.seated)


def _of_lanes(lanes: list[Lane]) -> Iterator[GaugeMetricFamily]:
    rounds = _family("lane_round", "Number of the lane's newest round; 0 before the first.", "lane")
    phases = _family("lane_phase", "1 for the phase that the lane's round is in.", "lane", "phase")
    ends = _family(
        "lane_deadline_timestamp_seconds", "When the phase ends, or anybody may end it.", "lane", "phase"
    )
    duties = _family(
        "duty_deadline_timestamp_seconds",
        "Until when the wallet has to send what the phase asks of it.",
        "lane",
        "duty",
    )
    stakes = _family("lane_at_stake", "Bonds, ballots and keys that hang on this worker.", "lane")
    for each in lanes:
        moment, lane, phase = each.moment, str(each.moment.lane), each.moment.phase.name
        rounds.add_metric([lane], moment.round_id)
        phases.add_metric([lane, phase], 1)
        stakes.add_metric([lane], each.at_stake)
        if moment.deadline:
            ends.add_metric([lane, phase], moment.deadline)
        if moment.deadline and each.owes:
            duties.add_metric([lane, phase], moment.deadline)
    yield from (rounds, phases, ends, duties, stakes)
    if lanes:
        newest = max((each.moment for each in lanes), key=lambda moment: moment.block)
        yield _of_one("waiting_tasks", "Tasks that wait for a round.", newest.waiting)
        yield _of_one("ethereum_block", "Number of the newest block seen.", newest.block)
        yield _of_one("ethereum_block_timestamp_seconds", "When that block was made.", newest.timestamp)


def _of_wallet(wallet: Wallet) -> Iterator[GaugeMetricFamily]:
    yield _of_one("wallet_balance_ether", "Ether that pays for gas.", wallet.balance / WEI_PER_ETHER)
    yield _of_one("wallet_credit_ether", "Ether to withdraw.", wallet.credit / WEI_PER_ETHER)
    yield _of_one("wallet_stake_ether", "Ether staked for a verifier's seat.", wallet.stake / WEI_PER_ETHER)
    yield _of_one("seat_held", "1 while the wallet has a verifier's seat.", int(wallet.seated))


def _family(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"pole_{name}", meaning, labels=labels)


def _of_one(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"pole_{name}", meaning, value=value)
