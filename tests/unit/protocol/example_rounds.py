"""Rounds in every state, for tests: a plain default and what differs from it."""

from dataclasses import replace
from typing import Any

from pole.protocol.encoding.abi import ZERO_ADDRESS
from pole.protocol.parameters import (
    ChainParameters,
    CommitteeParameters,
    Parameters,
    TaskListParameters,
)
from pole.protocol.rounds.judgement import EndedRound, choose
from pole.protocol.state import Finding, Round, Solution, Step, TaskTerms, Verdict, VoidReason

DATA_NODE = "0x22d491Bde2303f2f43325b2108D26f1eAbA1e32b"
MINERS = (
    "0x90F8bf6A479f320ead074411a4B0e7944Ea8c9C1",
    "0xFFcf8FDEE72ac11b5c542428B35EEF5769C409f0",
    "0xE11BA2b4D45Eaed5996Cd0823791E0C93114882d",
    "0xd03ea8624C8C5987235048901fB614fDcA89b117",
)

TERMS = TaskTerms(
    reward=1_000_003,
    data_bond=500_001,
    fee=10_000,
    time_limit=600,
    min_training_time=60,
    min_solutions=1,
    required_train_accuracy=9_000,
    required_test_accuracy=8_000,
    train_count=100,
    test_count=10,
    work=5,
)
CHAIN = ChainParameters(
    key_window=100,
    grace_window=90,
    test_window=110,
    reveal_window=120,
    vote_commit_window=130,
    vote_reveal_window=140,
    challenge_window=150,
    window_blocks=4,
    draw_delay=2,
    confirmations=1,
    max_solutions=4,
    committee_size=3,
    min_committee=2,
    max_committee=7,
    verification_fee_bps=1_000,
    fault_share_bps=5_000,
    missed_share_bps=2_000,
    fee_margin_bps=1_000,
    miner_bond_bps=0,
    ready_bond_bps=0,
    miner_bond=7_001,
    block_reward=1_000,
    reward_per_seat=500_000,
)
PARAMETERS = Parameters(
    task_list=TaskListParameters(
        max_tasks=100,
        min_reward=1,
        max_reward=3_000_000,
        min_data_bond=1,
        fee_bps=100,
        rent_bps=300,
        max_time_limit=3_600,
        max_solutions=4,
        judging_speed=100,
        max_judging_time=60,
        reward_per_second=1,
        round_windows=750,
    ),
    committee=CommitteeParameters(seat_stake=3_000, penalty=500, seat_age=30, lanes=1),
    chain=CHAIN,
)

POSTING = TaskListParameters(
    max_tasks=9,
    min_reward=100,
    max_reward=10**19,
    min_data_bond=50,
    fee_bps=100,
    rent_bps=100,
    max_time_limit=1000,
    max_solutions=8,
    judging_speed=10**9,
    max_judging_time=3600,
    reward_per_second=0,
    round_windows=500,
)
"""What a task list takes, in tests of posting."""


def terms(**changes: Any) -> TaskTerms:
    return replace(TERMS, **changes)


def solution(n: int, **changes: Any) -> Solution:
    """Return the solution of miner `n`, revealed, claiming 95 of 100 and 9 of 10."""
    plain = Solution(MINERS[n], bytes([n + 1]) * 32, bytes([n + 101]) * 32, 95, 9, n, 0, revealed=True)
    return replace(plain, **changes)


def unrevealed(n: int, **changes: Any) -> Solution:
    return solution(n, revealed=False, model_digest=bytes(32), claimed_test_correct=0, **changes)


def found(train: int = 95, test: int = 9) -> Finding:
    return Finding(Verdict.OK, train, test, 1)


def fault(verdict: Verdict) -> Finding:
    return Finding(verdict, 0, 0, 0)


def ended(*findings: Finding, **changes: Any) -> EndedRound:
    """Return a round that ran to its end, with one revealed solution for each finding."""
    solutions = choose([solution(n) for n in range(len(findings))])
    plain = EndedRound(
        data_node=DATA_NODE,
        terms=TERMS,
        keys_posted=True,
        closed_early=True,
        released=True,
        solutions=solutions,
        findings=findings,
        rent=30_000,
        used=10_001,
    )
    if "solutions" in changes:
        changes["solutions"] = choose(changes["solutions"])
    return replace(plain, **changes)


def round_at(**changes: Any) -> Round:
    """Return round 2 as it stands right after its opening at second 1000 in Ethereum block 50."""
    plain = Round(
        round_id=2,
        task_id=1,
        data_node=DATA_NODE,
        judging_time=6,
        terms=TERMS,
        test_digest=b"\x05" * 32,
        seed=b"\x02" * 32,
        keys_digest=bytes(32),
        entropy=bytes(32),
        opened_at=1_000,
        since=1_000,
        since_block=50,
        draw_block=52,
        height=0,
        step=Step.OPENED,
        void_reason=VoidReason.NONE,
        committed=0,
        ready=0,
        revealed=0,
        commitments=0,
        attempt=0,
        released=False,
        closed_early=False,
        committee_too_small=False,
        dropped=False,
        settled=False,
        challengers=(ZERO_ADDRESS, ZERO_ADDRESS),
    )
    return replace(plain, **changes)
