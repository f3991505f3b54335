"""The index of what the contracts did in a run of the stateful tests says what replay and contracts say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.interface import artifacts
from tests.contracts.stateful.model.system import Clock
from tests.contracts.stateful.pair import Pair
from tests.contracts.stateful.people import PEOPLE
from tests.contracts.stateful.run import Counts, Course, run, seeded
from tests.parity.histories import history_of
from tests.unit.explore.chains import receipts_of
from tests.unit.explore.databases import opened
from tests.unit.explore.replayed import check_parity

from pole.adapters.history.pages import BlockMark, ChainEvent, EventPage
from pole.explore import schema
from pole.explore.index.following import EventDatabase
from pole.explore.index.money import CREDIT, POOL, STAKES
from pole.explore.index.rounds import Where
from pole.explore.views.accounts import account_page
from pole.explore.views.looking import Look
from pole.explore.views.rounds.money import GIFT, INFORMING, VERIFICATION
from pole.explore.views.rounds.pages import round_page
from pole.protocol.encoding.hashing import address, keccak256
from pole.protocol.replay.history import History
from pole.roles.ports import Moment

STEPS = 120
WITHIN = 64
"""Blocks of ours for one of the run, in which seconds may pass without a block."""


@dataclass
class Watched:
    """What a run of the contracts emitted, as a source of pages."""

    first_block: int
    events: list[ChainEvent] = field(default_factory=list)
    times: dict[int, int] = field(default_factory=dict)
    calls: int = 0

    def hear(self, clock: Clock, events: Sequence[Values]) -> None:
        """Take note of what a call emitted."""
        self.calls += 1
        number = max(clock.number * WITHIN, max(self.times, default=0))
        if self.times.setdefault(number, clock.time) != clock.time:
            number += 1
            self.times[number] = clock.time
        before = sum(event.block == number for event in self.events)
        for place, (contract, name, arguments) in enumerate(events, start=before):
            told = _named(_inputs(contract, name), arguments)
            call = keccak256(b"%d" % self.calls)
            self.events.append(ChainEvent(number, place, call, contract, name, told))

    def head(self) -> BlockMark:
        number = max(self.times)
        return BlockMark(number, keccak256(b"%d" % number), self.times[number])

    def mark(self, number: int) -> BlockMark:
        return BlockMark(number, keccak256(b"%d" % number), self.times.get(number, 0))

    def page(self, first: int, last: int) -> EventPage:
        events = tuple(event for event in self.events if first <= event.block <= last)
        numbers = sorted({event.block for event in events} | {last})
        return EventPage(events, tuple(map(self.mark, numbers)), receipts_of(events))

    def moments(self) -> Sequence[Moment]:
        return ()


def _inputs(contract: str, name: str) -> Sequence[Mapping[str, Any]]:
    described = [each for each in artifacts()[contract].abi if each["type"] == "event"]
    (inputs,) = [each["inputs"] for each in described if each["name"] == name]
    found: Sequence[Mapping[str, Any]] = inputs
    return found


def _named(parameters: Sequence[Mapping[str, Any]], values: Sequence[Any]) -> dict[str, Any]:
    return {each["name"]: _value(each, value) for each, value in zip(parameters, values, strict=True)}


def _value(parameter: Mapping[str, Any], value: Any) -> Any:
    kind = parameter["type"]
    if kind.endswith("[]"):
        return [_value({**parameter, "type": kind[:-2]}, each) for each in value]
    if kind == "tuple":
        return _named(parameter["components"], value)
    return address(value) if kind == "address" else value


def watched(course: Course, history: History) -> tuple[Watched, Pair]:
    """Return what is emitted when a course is taken, the genesis block first, and the contracts after it."""
    pair = Pair(artifacts(), course.parameters, PEOPLE, Clock(course.start.number, course.start.time))
    seen, genesis = Watched((course.start.number - 1) * WITHIN), history.blocks[0]
    header = tuple(getattr(genesis.header, name) for name in genesis.header.__slots__)
    begun = ("Ledger", "BlockAppended", (0, genesis.hash, header, ()))
    seen.hear(Clock(course.start.number - 1, course.start.time), [begun])
    for action in course.actions:
        pair.act(action)
        seen.hear(pair.model.clock, pair.events)
    return seen, pair


def check_money(look: Look, balances: Mapping[str, int]) -> None:
    """Hold what each round was paid and has paid against its account: nothing is left of one that ended."""
    ended = 0
    for round_id in look.connection.scalars(select(schema.rounds.c.round_id)):
        page = round_page(look, round_id)
        assert page.money.held == balances.get(f"0x{round_id:064x}", 0)
        assert not [line for line in page.money.lines if line.what == GIFT]
        if page.line.ended_at is not None:
            ended += 1
            assert page.money.paid_in == page.money.paid_out
            own = [
                line for line in page.money.lines if line.who and line.what not in (VERIFICATION, INFORMING)
            ]
            assert sum(line.paid_out for line in own) >= sum(payout.amount for payout in page.payouts)
    assert ended


def check_stakes(look: Look, pair: Pair) -> None:
    """Hold what each verifier is said to have at stake against the committee's books."""
    staked = select(schema.account_totals.c.address).where(schema.account_totals.c.kind == "STAKED")
    verifiers = list(look.connection.scalars(staked))
    assert verifiers
    for verifier in verifiers:
        assert (
            account_page(look, verifier).stake == pair.view("VerifierCommittee.stakeOf", verifier.lower())[0]
        )


@pytest.mark.parametrize("seed", [4, 7, 11])
def test_the_index_says_what_the_replay_and_the_reservoir_say(seed: int, tmp_path: Path) -> None:
    course = run(artifacts(), seeded(seed), STEPS, Counts())
    history = history_of(course)
    seen, pair = watched(course, history)
    around = history.around
    chain = replace(around.parameters.chain, window_blocks=around.parameters.chain.window_blocks * WITHIN)
    parameters = replace(around.parameters, chain=chain)
    task_list = address(pair.addresses["TaskList"])
    where = Where(around.chain_id, around.chain_address, around.committee_address, task_list, parameters)
    with opened(tmp_path) as engine:
        EventDatabase(engine, where).catch_up(seen)
        check_parity(engine, history)
        with engine.connect() as connection:
            rows = list(connection.execute(select(schema.balances)))
            look = Look(connection, where)
            check_money(look, {row.account: row.amount for row in rows})
            check_stakes(look, pair)
    credits_ = {row.holder: row.amount for row in rows if row.account == CREDIT}
    for person in PEOPLE:
        assert credits_.get(address(person), 0) == pair.view("RewardReservoir.creditOf", person)[0]
    assert {POOL, STAKES} & {row.account for row in rows}
    for row in rows:
        if row.account != CREDIT:
            account = bytes.fromhex(row.account[2:])
            (told,) = pair.view("RewardReservoir.balanceOf", row.holder.lower(), account)
            assert row.amount == told
    assert sum(row.amount for row in rows) == pair.view("RewardReservoir.total")[0]
