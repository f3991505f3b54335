from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.node.questions import logs, logs_by_receipts
from pole.protocol.encoding.hashing import address

ADDRESSES = [f"0x{index:02x}{'Ab' * 19}" for index in range(3)]
TOPICS = [bytes([index]) * 32 for index in range(3)]

places = st.lists(st.lists(st.sampled_from(TOPICS), min_size=1, max_size=2, unique=True), max_size=3)
emitted = st.tuples(st.sampled_from(ADDRESSES), st.lists(st.sampled_from(TOPICS), max_size=4))


@given(
    of=st.lists(st.sampled_from(ADDRESSES), min_size=1, unique=True),
    wanted=places,
    transactions=st.lists(st.lists(emitted, max_size=3), max_size=3),
)
def test_receipts_give_the_logs_that_are_asked_for(
    of: list[str], wanted: list[list[bytes]], transactions: list[list[tuple[str, list[bytes]]]]
) -> None:
    """As the filters of eth_getLogs: one of the addresses, one of the topics in each place, and any after."""
    first, *indexed = wanted or [[]]
    asked = logs([address(each) for each in of], 5, 5, first, indexed)
    receipts = [{"blockNumber": "0x5", "logs": [log(*each) for each in sent]} for sent in transactions]
    found = logs_by_receipts(asked).read(receipts)
    assert [(log["address"], log["topics"]) for log in found] == [
        (address(by), topics)
        for sent in transactions
        for by, topics in sent
        if by in of
        and len(topics) >= len(wanted)
        and all(topic in place for topic, place in zip(topics, wanted, strict=False))
    ]


def log(by: str, topics: list[bytes]) -> dict[str, Any]:
    return {"address": by, "topics": [f"0x{topic.hex()}".upper().replace("X", "x") for topic in topics]}
