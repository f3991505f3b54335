import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from tests.unit.adapters.fake_node import FakeNode, NodeError
from tests.unit.adapters.interfaces import error_abi
from tests.unit.protocol.example_rounds import PARAMETERS
from web3 import Web3

from pole.adapters.ethereum.chain_reader import RECENT_ROUNDS, ChainReader
from pole.adapters.ethereum.deployment import CONTRACTS, MADE, DeployedContract, Deployment
from pole.adapters.ethereum.looking import STALE
from pole.errors import RefusedError
from pole.protocol.encoding import records
from pole.protocol.parameters import CommitteeParameters
from pole.protocol.state import FileRef, Phase
from pole.roles.ports import Moment

ALICE = Web3.to_checksum_address("0x" + "aa" * 20)
SECONDS = itertools.count().__next__
BOB = Web3.to_checksum_address("0x" + "bb" * 20)


def number(name: str, *, indexed: bool = False) -> dict[str, Any]:
    return {"name": name, "type": "uint256", "indexed": indexed}


def function(name: str, inputs: list[dict[str, Any]], outputs: list[str]) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": inputs,
        "outputs": [{"name": "", "type": kind} for kind in outputs],
    }


RECORDED = {
    "type": "event",
    "name": "Recorded",
    "anonymous": False,
    "inputs": [
        number("height", indexed=True),
        number("index", indexed=True),
        {"name": "kind", "type": "uint8", "indexed": True},
        {"name": "data", "type": "bytes", "indexed": False},
    ],
}
TERMS = ["uint96"] * 2 + ["uint32"] * 2 + ["uint96"] + ["uint16"] * 3 + ["uint32"] * 2 + ["uint40"]
ROUND_TYPES: list[Any] = [
    "uint256",
    ["address", "uint32", TERMS, "bytes32"],
    *["bytes32"] * 3,
    *["uint40"] * 5,
    *["uint8"] * 2,
    *["uint16"] * 3,
    "uint24",
    "uint8",
    *["bool"] * 5,
    "address[2]",
]
NOBODY = "0x" + "00" * 20


def component(kind: Any) -> dict[str, Any]:
    if isinstance(kind, str):
        return {"name": "", "type": kind}
    return {"name": "", "type": "tuple", "components": [component(each) for each in kind]}


def signature_of(kind: Any) -> str:
    return kind if isinstance(kind, str) else f"({','.join(map(signature_of, kind))})"


def round_in(attempt: int) -> tuple[Any, ...]:
    task = (ALICE, 5, (0,) * len(TERMS), bytes(32))
    return (7, task, *(bytes(32),) * 3, *(0,) * 11, attempt, *(False,) * 5, (NOBODY, NOBODY))


FUNCTIONS = [
    function("round", [number("roundId")], []) | {"outputs": [component(ROUND_TYPES)]},
    function("newestRound", [number("lane")], ["uint256"]),
    function("waiting", [], ["uint256"]),
    function("phaseOf", [number("roundId")], ["uint8", "uint64", "uint64"]),
    function("creditOf", [{"name": "payee", "type": "address"}], ["uint256"]),
]


def event(name: str) -> dict[str, Any]:
    return {"type": "event", "name": name, "anonymous": False, "inputs": [number("id")]}


ABIS: dict[str, list[dict[str, Any]]] = {
    "Ledger": [RECORDED, event("BlockAppended")],
    "PoLeChain": [*FUNCTIONS, error_abi("UnknownRound")],
    "TaskList": [
        *FUNCTIONS,
        event("TaskPosted"),
        event("TaskCancelled"),
        event("TaskReplaced"),
        event("TaskTaken"),
        event("KeysDelegated"),
        event("PartialKeysAnnounced"),
    ],
    "VerifierCommittee": [event("VoteRevealed"), event("Rewarded"), event("Slashed"), event("Struck")],
    "RewardReservoir": [*FUNCTIONS, event("Withdrawn")],
    **{name: [] for name in MADE},
}


class Contracts(FakeNode):
    """A node whose contracts answer what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, bytes] = {}
        self.newest = [0]

    def answer(self, signature: str, types: list[str], *values: object) -> None:
        self.answers[keccak(text=signature)[:4].hex()] = encode(types, values)

    def _eth_call(self, transaction: dict[str, Any], *_: Any) -> str:
        if transaction["data"][2:10] == keccak(text="newestRound(uint256)")[:4].hex():
            return "0x" + encode(["uint256"], [self.newest[int(transaction["data"][10:], 16)]]).hex()
        answer = self.answers.get(transaction["data"][2:10])
        if answer is None:
            revert = keccak(text="UnknownRound(uint256)")[:4] + encode(["uint256"], [9])
            raise NodeError(3, "execution reverted", "0x" + revert.hex())
        return "0x" + answer.hex()

    def record(self, data: records.RecordData) -> None:
        kind, content = records.encode_record(data)
        indexed = (1, len(self.logs), int(kind))
        self._log("Recorded(uint256,uint256,uint8,bytes)", indexed, encode(["bytes"], [content]))

    def _log(self, signature: str, indexed: tuple[int, ...], data: bytes) -> None:
        index = len(self.logs)
        self.logs.append(
            {
                "address": address("Ledger"),
                "topics": [
                    "0x" + keccak(text=signature).hex(),
                    *("0x" + encode(["uint256"], [value]).hex() for value in indexed),
                ],
                "data": "0x" + data.hex(),
                "blockNumber": hex(self.block),
                "blockHash": self.block_hash(self.block),
                "transactionHash": "0x" + "07" * 32,
                "transactionIndex": "0x0",
                "logIndex": hex(index),
                "removed": False,
            }
        )


def address(contract: str) -> str:
    return Web3.to_checksum_address(f"0x{1 + CONTRACTS.index(contract):040x}")


def reader(node: FakeNode, lanes: int = 1, clock: Callable[[], float] = SECONDS) -> ChainReader:
    contracts = {name: DeployedContract(address(name), 1, "0x", tuple(ABIS[name])) for name in CONTRACTS}
    committee = CommitteeParameters(seat_stake=1, penalty=1, seat_age=5, lanes=lanes)
    parameters = replace(PARAMETERS, committee=committee)
    return ChainReader(node.node, Deployment(Path("x"), 1337, contracts, parameters), clock=clock)


def moment_of(chain: ChainReader) -> Moment:
    return chain.moments()[0]


def expected(phase: Phase, deadline: int, block: int) -> Moment:
    """Return the moment of round 3 in the only lane."""
    return Moment(
        lane=0,
        lanes=1,
        round_id=3,
        phase=phase,
        deadline=deadline,
        deadline_block=BY_BLOCK if deadline else 0,
        attempt=1,
        waiting=2,
        free_lane=None,
        timestamp=1000 + block,
        block=block,
    )


BY_BLOCK = 4


@pytest.fixture
def node() -> Contracts:
    node = Contracts()
    node.answer("waiting()", ["uint256"], 2)
    return node


def in_phase(node: Contracts, phase: Phase, deadline: int) -> None:
    given = (phase, deadline, BY_BLOCK if deadline else 0)
    node.answer("phaseOf(uint256)", ["uint8", "uint64", "uint64"], *given)


def test_what_a_view_refuses_is_a_sentence(node: Contracts) -> None:
    with pytest.raises(RefusedError, match="There is no round 9"):
        reader(node).view("PoLeChain", "phaseOf", 9)


def test_a_task_that_was_never_posted_is_refused(node: Contracts) -> None:
    with pytest.raises(RefusedError, match="There is no task 7"):
        reader(node).task(7)


def test_before_the_first_round_there_is_no_phase(node: Contracts) -> None:
    moment = moment_of(reader(node))
    assert (moment.round_id, moment.phase, moment.waiting, moment.free_lane) == (0, Phase.NONE, 2, 0)
    assert moment.next_round == 1


def test_all_lanes_are_read_in_one_go_at_one_block(node: Contracts) -> None:
    node.newest = [4, 0]
    in_phase(node, Phase.TRAINING, 5000)
    node.answer("round(uint256)", [signature_of(ROUND_TYPES)], round_in(attempt=1))
    first, second = reader(node, lanes=2).moments()
    assert (first.round_id, first.phase, first.deadline, first.deadline_block) == (4, Phase.TRAINING, 5000, 4)
    assert (second.round_id, second.phase, second.next_round) == (0, Phase.NONE, 3)
    assert first.free_lane == second.free_lane == 1
    assert first.block == second.block


def in_round_3(
    node: Contracts,
    phase: Phase,
    deadline: int = 5000,
    clock: Callable[[], float] = SECONDS,
) -> ChainReader:
    """Return a reader that has seen round 3 in this phase."""
    node.newest = [3]
    in_phase(node, phase, deadline)
    node.answer("round(uint256)", [signature_of(ROUND_TYPES)], round_in(attempt=1))
    chain = reader(node, clock=clock)
    assert moment_of(chain) == expected(phase, deadline, node.block)
    node.requests.clear()
    return chain


def asked(node: Contracts) -> bool:
    return "eth_call" in node.requests


def test_nothing_is_asked_of_the_contracts_twice_for_one_block(node: Contracts) -> None:
    chain = in_round_3(node, Phase.TRAINING)
    assert moment_of(chain) == expected(Phase.TRAINING, 5000, 1)
    assert not asked(node)


def test_nothing_is_asked_of_the_contracts_while_nothing_happens(node: Contracts) -> None:
    chain = in_round_3(node, Phase.TRAINING)
    for block in (2, 3, 40):
        node.block = block
        assert moment_of(chain) == expected(Phase.TRAINING, 5000, block)
    assert not asked(node)


@pytest.mark.parametrize("phase", [Phase.TRAINING, Phase.DRAW])
def test_a_look_at_a_block_in_which_nothing_happened_is_one_request(node: Contracts, phase: Phase) -> None:
    chain = in_round_3(node, phase)
    node.block, node.journeys = 2, 0
    chain.moments()
    assert node.journeys == 1


def test_what_was_seen_just_now_answers_until_something_is_sent(node: Contracts) -> None:
    now = [0.0]
    chain = in_round_3(node, Phase.TRAINING, clock=lambda: now[0])
    chain.remember(0.5)
    node.block, node.journeys = 2, 0
    assert chain.round(3).attempt == 1
    assert node.journeys == 0
    chain.forget()
    chain.round(3)
    assert node.journeys == 1
    now[0] += 0.5
    chain.round(3)
    assert node.journeys == 2


def test_without_being_asked_for_nothing_is_remembered(node: Contracts) -> None:
    chain = in_round_3(node, Phase.TRAINING, clock=lambda: 0.0)
    node.journeys = 0
    chain.round(3)
    assert node.journeys == 1


def test_records_are_read_up_to_the_block_that_was_seen_just_now(node: Contracts) -> None:
    chain = in_round_3(node, Phase.TRAINING, clock=lambda: 0.0)
    chain.remember(0.5)
    assert chain.test_set(3) is None
    node.journeys = 0
    assert chain.test_set(3) is None
    assert node.journeys == 0


def test_too_many_events_for_a_look_have_the_contracts_asked_anew(
    node: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = in_round_3(node, Phase.TRAINING)

    def refuse(_: dict[str, Any]) -> list[dict[str, Any]]:
        raise NodeError(-32005, "query returned more than 10000 results")

    monkeypatch.setattr(node, "_eth_getLogs", refuse)
    in_phase(node, Phase.TEST_RELEASE, 6000)
    node.block = 2
    assert moment_of(chain) == expected(Phase.TEST_RELEASE, 6000, 2)


def test_a_chain_that_was_rewound_is_looked_at_again(node: Contracts) -> None:
    node.block = 9
    chain = in_round_3(node, Phase.TRAINING)
    node.block, node.highest = 4, 4
    assert moment_of(chain).block == 4


def test_an_event_is_followed_by_a_look_at_the_contracts(node: Contracts) -> None:
    chain = in_round_3(node, Phase.TRAINING)
    node.block = 5
    node.record(records.SubmissionsClosed(3))
    in_phase(node, Phase.TEST_RELEASE, 6000)
    node.block = 7
    assert moment_of(chain) == expected(Phase.TEST_RELEASE, 6000, 7)


def test_an_event_that_a_lagging_node_left_out_is_seen_a_few_blocks_later(node: Contracts) -> None:
    chain = in_round_3(node, Phase.TRAINING)
    node.block = 2
    chain.moments()
    assert not asked(node)
    node.record(records.SubmissionsClosed(3))
    in_phase(node, Phase.TEST_RELEASE, 6000)
    node.block = 5
    assert moment_of(chain).phase is Phase.TEST_RELEASE
    node.requests.clear()
    node.block = 6
    chain.moments()
    assert not asked(node)


def test_a_deadline_is_followed_by_a_look_at_the_contracts(node: Contracts) -> None:
    chain = in_round_3(node, Phase.REVEAL, 1003)
    # The time is over, the blocks are not.
    node.block = 3
    chain.moments()
    assert not asked(node)
    node.block = 4
    in_phase(node, Phase.DRAW, 0)
    assert moment_of(chain).phase is Phase.DRAW


def test_a_draw_of_too_few_seats_is_seen_although_it_leaves_no_event(node: Contracts) -> None:
    chain = in_round_3(node, Phase.DRAW, 0)
    node.block = 2
    assert moment_of(chain) == expected(Phase.DRAW, 0, 2)
    assert node.requests.count("eth_call") == 1
    node.block = 3
    in_phase(node, Phase.SETTLEMENT, 0)
    assert moment_of(chain).phase is Phase.SETTLEMENT


@pytest.mark.parametrize("height", [1, 2, 5])
def test_a_reorganised_chain_is_looked_at_again(node: Contracts, height: int) -> None:
    chain = in_round_3(node, Phase.TRAINING)
    node.fork, node.block = b"other", height
    in_phase(node, Phase.KEYS, 3000)
    assert moment_of(chain) == expected(Phase.KEYS, 3000, height)


def test_a_chain_that_begins_anew_has_none_of_its_rounds(node: Contracts) -> None:
    chain = in_round_3(node, Phase.TRAINING)
    node.fork, node.newest = b"other", [0]
    del node.answers[keccak(text="round(uint256)")[:4].hex()]
    del node.answers[keccak(text="phaseOf(uint256)")[:4].hex()]
    assert moment_of(chain).phase is Phase.NONE


def test_an_event_costs_one_request_more_and_a_new_round_two(node: Contracts) -> None:
    chain = in_round_3(node, Phase.TRAINING)
    for newest, journeys in ((3, 2), (4, 3)):
        node.block += 1
        node.record(records.SubmissionsClosed(3))
        node.newest, node.journeys = [newest], 0
        chain.moments()
        assert node.journeys == journeys


def test_after_a_long_time_the_contracts_are_asked_and_no_blocks_searched(node: Contracts) -> None:
    now = [0.0]
    chain = in_round_3(node, Phase.TRAINING, clock=lambda: now[0])
    node.block, now[0] = 5000, STALE + 1
    chain.moments()
    assert asked(node)
    assert "eth_getLogs" not in node.requests


def test_files_are_found_in_the_records_of_their_round(node: Contracts) -> None:
    chain = reader(node)
    assert (chain.functional_keys(2), chain.test_set(2), chain.models(2)) == (None, None, {})
    for round_id in (1, 2):
        node.record(records.KeysPosted(round_id, f"keys{round_id}", bytes(32)))
        node.record(records.TestSetReleased(round_id, f"test{round_id}", bytes(32)))
        node.record(records.SolutionRevealed(round_id, ALICE, f"model{round_id}", bytes(32), 1, 1))
    node.block += 1
    for log in node.logs:
        log["blockNumber"] = hex(node.block)
    assert chain.functional_keys(2) == FileRef("keys2", bytes(32))
    assert chain.test_set(1) == FileRef("test1", bytes(32))
    assert chain.models(2) == {ALICE: FileRef("model2", bytes(32))}


def test_who_was_displaced_is_read_from_the_records_of_its_round(node: Contracts) -> None:
    chain = reader(node)
    assert chain.displaced_miners(2) == frozenset()
    node.record(records.SolutionDisplaced(1, BOB))
    node.record(records.SolutionDisplaced(2, ALICE))
    node.block += 1
    for log in node.logs:
        log["blockNumber"] = hex(node.block)
    assert chain.displaced_miners(2) == {ALICE}


def test_recent_miners_are_those_of_the_last_rounds_in_which_anybody_committed(node: Contracts) -> None:
    chain = reader(node)
    assert chain.recent_miners() == ()
    for round_id in range(1, RECENT_ROUNDS + 3):
        for miner in (ALICE, ALICE, BOB)[: 2 + round_id % 2]:
            node.record(records.SolutionCommitted(round_id, miner, bytes(32), 1))
    node.block += 1
    for log in node.logs:
        log["blockNumber"] = hex(node.block)
    found = chain.recent_miners()
    assert found == (frozenset({ALICE}), frozenset({ALICE, BOB})) * (RECENT_ROUNDS // 2)


def test_a_credit_is_read(node: Contracts) -> None:
    node.answer("creditOf(address)", ["uint256"], 5)
    assert reader(node).credit_of(ALICE) == 5
