"""contracts/libraries/MerkleBody.sol against pole.protocol.encoding.merkle_body."""

from brownie import accounts
from brownie.network.contract import ProjectContract

from pole.protocol.encoding.merkle_body import EMPTY_BODY, append, leaf, root
from pole.protocol.state import RecordKind


def test_roots_are_those_of_python_after_every_record_and_in_the_next_body(harness: ProjectContract) -> None:
    sender = {"from": accounts[0]}
    assert bytes(harness.bodyRoot()) == root(EMPTY_BODY)
    for records in (9, 4):
        body = EMPTY_BODY
        for n in range(records):
            kind, data = RecordKind(n), bytes([records, n]) * n
            harness.append(kind, data, sender)
            body = append(body, leaf(kind, data))
            assert bytes(harness.bodyRoot()) == root(body)
        harness.startBody(sender)
        assert bytes(harness.bodyRoot()) == root(EMPTY_BODY)
