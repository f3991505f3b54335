"""The tables of the index, the same in SQLite and PostgreSQL.

`blocks`, `transactions`, `events` and `acts` are what was read, and rows of theirs are never changed, save
that a receipt may come late. Rows of the other tables follow from them: those of a round or task from its
events alone, sums from entries that can be taken out again.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from pole.explore.database import Signed, Wei, Words

VERSION: Final = 5
"""Of the schema: an index of another version is made anew."""


METADATA: Final = MetaData()

about = Table(
    "about",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Whose index it is: schema version, chain id, contract."""

blocks = Table(
    "blocks",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("time", BigInteger, nullable=False),
)
"""Ethereum blocks that have events, and some of the newest, by which a reorganisation is seen."""

transactions = Table(
    "transactions",
    METADATA,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("transaction", LargeBinary(32), primary_key=True),
    Column("sender", String(42)),
    Column("gas", BigInteger),
    Column("price", Wei),
    Column("paid", Wei),
)
"""Ethereum transactions that have events, and what they cost: gas, the price of a unit of it, the product.

All but the first two are null where the node gave no receipt.
"""

events = Table(
    "events",
    METADATA,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", Integer, primary_key=True, autoincrement=False),
    Column("transaction", LargeBinary(32), nullable=False),
    Column("contract", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("round_id", BigInteger),
    Column("task_id", BigInteger),
    Column("height", BigInteger),
    Column("kind", Integer),
    Index("events_of_kind", "kind", "block", "log_index"),
    Index("events_of_round", "round_id", "block", "log_index"),
    Index("events_of_task", "task_id", "block", "log_index"),
    Index("events_of_height", "height", "block", "log_index"),
    Index("events_of_transaction", "transaction"),
)
"""Every event of every contract, decoded; of a record `height` is that of its body, `kind` its RecordKind.

A movement of money has the round that it is for: whose account it changes, or whose event it follows.
"""

acts = Table(
    "acts",
    METADATA,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", Integer, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("who", String(42), nullable=False),
    Column("round_id", BigInteger),
    Column("task_id", BigInteger),
    Column("detail", Words, nullable=False),
    Index("acts_of_account", "who", "block", "log_index"),
    Index("acts_of_round", "round_id", "block", "log_index"),
)
"""Who did what when: a line of a timeline each. `who` is empty where the event names nobody."""

tasks = Table(
    "tasks",
    METADATA,
    Column("task_id", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", String(42), nullable=False),
    Column("posted_at", BigInteger, nullable=False),
    Column("posted_block", BigInteger, nullable=False),
    Column("transaction", LargeBinary(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("round_id", BigInteger),
    Column("replaced_by", BigInteger),
    Column("reward", Wei, nullable=False),
    Column("value_order", String(56), nullable=False),
    Column("terms", Text, nullable=False),
    Column("files", Text, nullable=False),
    Column("spec_cid", Words, nullable=False),
    Column("train_cid", Words, nullable=False),
    Column("delegate", String(42)),
    Index("tasks_by_spec", "spec_cid"),
    Index("tasks_by_data", "train_cid"),
    Index("tasks_by_state", "state", "value_order"),
    Index("tasks_of_owner", "owner", "task_id"),
)
"""Tasks: waiting, taken, cancelled or replaced. `value_order` sorts by reward for each second of a round."""

rounds = Table(
    "rounds",
    METADATA,
    Column("round_id", BigInteger, primary_key=True, autoincrement=False),
    Column("lane", Integer, nullable=False),
    Column("task_id", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("opened_block", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("closed_early", Boolean),
    Column("state", String(8), nullable=False),
    Column("void_reason", String(24)),
    Column("height", BigInteger),
    Column("winner", String(42)),
    Column("seed", LargeBinary(32)),
    Column("keys_cid", Words),
    Column("test_cid", Words),
    Column("released", Boolean, nullable=False),
    Column("reward", Wei, nullable=False),
    Column("commitments", Integer, nullable=False),
    Column("places", Integer, nullable=False),
    Column("revealed", Integer, nullable=False),
    Column("committees", Integer, nullable=False),
    Column("challenges", Integer, nullable=False),
    Column("fault", Words),
    Index("rounds_by_state", "state", "round_id"),
    Index("rounds_by_lane", "lane", "round_id"),
    Index("rounds_by_end", "ended_at"),
    Index("rounds_by_keys", "keys_cid"),
    Index("rounds_by_test_set", "test_cid"),
)
"""Rounds: open, ended with a block, or void. `fault` says where their records break a rule."""

solutions = Table(
    "solutions",
    METADATA,
    Column("round_id", BigInteger, primary_key=True, autoincrement=False),
    Column("miner", String(42), primary_key=True),
    Column("place", Integer),
    Column("commitment_order", Integer),
    Column("claimed_train", BigInteger, nullable=False),
    Column("claimed_test", BigInteger),
    Column("model_cid", Words),
    Column("model_digest", LargeBinary(32)),
    Column("choice", Integer, nullable=False),
    Column("ending", String(32), nullable=False),
    Column("reason", Words, nullable=False),
    Column("rank", Integer),
    Column("verdict", String(24)),
    Column("found_train", BigInteger),
    Column("found_test", BigInteger),
    Column("paid", Wei, nullable=False),
    Column("lost", Wei, nullable=False),
    Column("held", Wei, nullable=False),
    Index("solutions_of_miner", "miner", "round_id"),
    Index("solutions_by_cid", "model_cid"),
    Index("solutions_by_digest", "model_digest"),
)
"""A miner's part in a round; `place` is null where it was displaced. `choice` numbers the models judged."""

ballots = Table(
    "ballots",
    METADATA,
    Column("ballot_id", BigInteger, primary_key=True, autoincrement=False),
    Column("round_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("members", Integer, nullable=False),
    Column("committed", Integer, nullable=False),
    Column("leaked", Integer, nullable=False),
    Column("revealed", Integer, nullable=False),
    Index("ballots_of_round", "round_id", "attempt"),
)

seats = Table(
    "seats",
    METADATA,
    Column("ballot_id", BigInteger, primary_key=True, autoincrement=False),
    Column("verifier", String(42), primary_key=True),
    Column("round_id", BigInteger, nullable=False),
    Column("seat", Integer, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("ending", String(32), nullable=False),
    Column("votes", Text, nullable=False),
    Column("fee", Wei, nullable=False),
    Column("lost", Wei, nullable=False),
    Column("strike", Integer, nullable=False),
    Index("seats_of_round", "round_id"),
    Index("seats_of_verifier", "verifier", "round_id"),
)
"""A verifier's seat on a committee, and its votes, one a choice, as JSON."""

payouts = Table(
    "payouts",
    METADATA,
    Column("round_id", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("payee", String(42), nullable=False),
    Column("reason", String(24), nullable=False),
    Column("amount", Wei, nullable=False),
    Index("payouts_of_payee", "payee", "round_id"),
)

pole_blocks = Table(
    "pole_blocks",
    METADATA,
    Column("height", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("parent_hash", LargeBinary(32), nullable=False),
    Column("round_id", BigInteger, nullable=False),
    Column("task_id", BigInteger, nullable=False),
    Column("winner", String(42), nullable=False),
    Column("model_digest", LargeBinary(32), nullable=False),
    Column("train_correct", BigInteger, nullable=False),
    Column("test_correct", BigInteger, nullable=False),
    Column("ommers_hash", LargeBinary(32), nullable=False),
    Column("body_root", LargeBinary(32), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("pole_blocks_by_hash", "hash"),
    Index("pole_blocks_of_winner", "winner"),
)

ommers = Table(
    "ommers",
    METADATA,
    Column("in_height", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("height", BigInteger, nullable=False),
    Column("miner", String(42), nullable=False),
    Column("model_digest", LargeBinary(32), nullable=False),
    Column("correct", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("block", BigInteger, nullable=False),
)
"""The ommers that a block references."""

balances = Table(
    "balances",
    METADATA,
    Column("holder", String(42), primary_key=True),
    Column("account", String(66), primary_key=True),
    Column("amount", Signed, nullable=False),
    Index("balances_by_account", "account"),
)
"""The reservoir's accounts by holder; a person's credit is the account `credit`."""

account_days = Table(
    "account_days",
    METADATA,
    Column("address", String(42), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(24), primary_key=True),
    Column("amount", Signed, nullable=False),
    Column("times", Integer, nullable=False),
)
"""What an account was credited, paid in or lost on a day since the epoch, UTC, by kind."""

account_totals = Table(
    "account_totals",
    METADATA,
    Column("address", String(42), primary_key=True),
    Column("kind", String(24), primary_key=True),
    Column("amount", Signed, nullable=False),
    Column("times", Integer, nullable=False),
)
"""What an account was credited, paid in or lost in all, by kind: the sums of its days."""

network_days = Table(
    "network_days",
    METADATA,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(24), primary_key=True),
    Column("amount", Signed, nullable=False),
    Column("times", Integer, nullable=False),
)
"""What the whole network was credited, paid in or lost on a day, by kind.

POOL and STAKES are changes, and the amount of GAS is gas.
"""

miner_days = Table(
    "miner_days",
    METADATA,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("miner", String(42), primary_key=True),
    Column("rounds", Integer, nullable=False),
    Column("won", Integer, nullable=False),
    Column("confirmed", Integer, nullable=False),
    Column("refuted", Integer, nullable=False),
    Column("unrevealed", Integer, nullable=False),
    Column("paid", Wei, nullable=False),
    Column("lost", Wei, nullable=False),
    Index("miner_days_of_miner", "miner"),
)
"""A miner's rounds that ended on a day. `confirmed` claims a committee found true, `refuted` ones false."""

verifier_days = Table(
    "verifier_days",
    METADATA,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("verifier", String(42), primary_key=True),
    Column("seats", Integer, nullable=False),
    Column("agreed", Integer, nullable=False),
    Column("differed", Integer, nullable=False),
    Column("absent", Integer, nullable=False),
    Column("leaked", Integer, nullable=False),
    Column("paid", Wei, nullable=False),
    Column("lost", Wei, nullable=False),
    Index("verifier_days_of_verifier", "verifier"),
)
"""A verifier's seats in rounds that ended on a day. `agreed` voted for all that was found."""

lanes = Table(
    "lanes",
    METADATA,
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("round_id", BigInteger, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("deadline_block", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
)
"""The newest round of each lane as the contracts said at the last look: phases change without an event."""
