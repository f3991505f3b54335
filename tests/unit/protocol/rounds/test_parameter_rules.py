import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.protocol.test_parameters import DOCUMENT

from pole.errors import InputError
from pole.protocol.amounts import wei
from pole.protocol.parameters import Parameters, parameters_from_json
from pole.protocol.rounds.ommer_rewards import fee_covers
from pole.protocol.rounds.parameter_rules import (
    broken_rules,
    check_parameters,
    check_windows,
    covering_fee,
    round_windows,
)

REPOSITORY = Path(__file__).parents[4]
SOUND = parameters_from_json(
    {
        "taskList": {**DOCUMENT["taskList"], "minDataBond": "200000000000000000"},
        "committee": {**DOCUMENT["committee"], "seatStake": 10**18, "penalty": 10**17},
        "chain": {
            **DOCUMENT["chain"],
            "minerBond": "100000000000000000",
            "blockReward": 10**18,
            "rewardPerSeat": 10**18,
        },
    }
)


def changed(group: str, **values: int) -> Parameters:
    return replace(SOUND, **{group: replace(getattr(SOUND, group), **values)})


@pytest.mark.parametrize(
    ("group", "values", "sentence"),
    [
        ("chain", {"key_window": 0}, "chain.keyWindow is 0"),
        ("chain", {"test_window": 0}, "chain.testWindow is 0"),
        ("chain", {"reveal_window": 0}, "chain.revealWindow is 0"),
        ("chain", {"vote_commit_window": 0}, "chain.voteCommitWindow is 0"),
        ("chain", {"vote_reveal_window": 0}, "chain.voteRevealWindow is 0"),
        ("chain", {"challenge_window": 0}, "chain.challengeWindow is 0"),
        ("chain", {"grace_window": 0}, "chain.graceWindow is 0"),
        ("chain", {"confirmations": 0}, "could be undone"),
        ("chain", {"window_blocks": 2}, "make it at least 3"),
        ("chain", {"draw_delay": 1}, "make it at least 2"),
        ("chain", {"max_solutions": 0}, "no solution could win"),
        ("chain", {"min_committee": 0}, "a committee needs at least 1 seat"),
        ("chain", {"min_committee": 6}, "minCommittee is 6 and committeeSize 5"),
        ("chain", {"committee_size": 12}, "committeeSize is 12 and maxCommittee 11"),
        ("chain", {"max_committee": 64}, "count 63 seats at most"),
        ("chain", {"max_committee": 43}, "more gas than one transaction may"),
        ("chain", {"max_solutions": 9}, "make them equal"),
        ("task_list", {"max_tasks": 0}, "no task could be posted"),
        ("task_list", {"max_time_limit": 0}, "any time for training"),
        ("task_list", {"round_windows": 359}, "come to 360 s"),
        ("chain", {"key_window": 61}, "come to 361 s"),
        ("task_list", {"max_time_limit": 2**32 - 840}, "the list could not value such a task"),
        ("task_list", {"max_judging_time": 2**29}, "the list could not value such a task"),
        ("task_list", {"judging_speed": 0}, "judging a model would never end"),
        ("task_list", {"max_judging_time": 0}, "no model could be judged"),
        ("task_list", {"max_reward": 10**18 - 1}, "no task could be posted"),
        ("task_list", {"max_reward": 11 * 10**18 + 1}, "may decide on"),
        ("task_list", {"reward_per_second": 0}, "held for long by a task"),
        ("task_list", {"rent_bps": 0}, "occupying a lane would cost nothing"),
        ("task_list", {"rent_bps": 10_001}, "taskList.rentBps is 10001"),
        ("committee", {"seat_stake": 0, "penalty": 0}, "every seat for nothing"),
        ("committee", {"penalty": 125 * 10**15 + 1}, "in each of 4 lanes a seat can owe one for a vote"),
        ("committee", {"lanes": 0}, "give 1 to 16"),
        ("committee", {"lanes": 17}, "give 1 to 16"),
        ("committee", {"lanes": 6}, "in each of 6 lanes"),
        ("committee", {"seat_age": 0}, "in the block that opens a round"),
        ("chain", {"reward_per_seat": 0}, "so that a committee can be drawn"),
        ("chain", {"reward_per_seat": 10**18 + 1}, "at most the stake of a seat"),
        ("chain", {"block_reward": 10**19 + 1}, "in an idle round"),
        ("task_list", {"idle_work": 0}, "must take some time"),
        ("task_list", {"idle_work": 6_001}, "at most the 60 s"),
        ("committee", {"penalty": 0}, "a wrong or missing vote would cost nothing"),
        ("task_list", {"idle_time_limit": 3_601}, "so that real tasks need not wait"),
        ("task_list", {"idle_train_count": 0}, "nothing to train on"),
        ("task_list", {"idle_test_count": 0}, "nothing to rank miners by"),
        ("task_list", {"idle_train_accuracy": 0}, "taskList.idleTrainAccuracy is 0"),
        ("task_list", {"idle_train_accuracy": 10_001}, "taskList.idleTrainAccuracy is 10001"),
        ("task_list", {"idle_test_accuracy": 10_001}, "taskList.idleTestAccuracy is 10001"),
        ("task_list", {"min_reward": 0}, "tasks that pay nobody"),
        ("task_list", {"min_data_bond": 0}, "withholding keys"),
        ("task_list", {"min_data_bond": 10**17 - 1}, "after a data fault are taken from it"),
        ("chain", {"miner_bond": 0}, "false claims would cost nothing"),
        ("chain", {"miner_bond": 10**17 - 1}, "less than the work it makes"),
        ("task_list", {"fee_bps": 10_001}, "taskList.feeBps is 10001"),
        ("task_list", {"fee_bps": 0}, "nothing but gas"),
        ("chain", {"verification_fee_bps": 10_001}, "chain.verificationFeeBps is 10001"),
        ("chain", {"verification_fee_bps": 1_852}, "would cost more than its reward"),
        ("chain", {"missed_share_bps": 0}, "models for nothing"),
        ("chain", {"missed_share_bps": 10_001}, "chain.missedShareBps is 10001"),
        ("chain", {"verification_fee_bps": 0}, "leaves none for some"),
        ("task_list", {"min_reward": 2_639}, "leaves none for some of 264 votes"),
        ("chain", {"fault_share_bps": 10_001}, "chain.faultShareBps is 10001"),
        ("chain", {"fault_share_bps": 10_000}, "its whole bond back"),
        ("chain", {"fee_margin_bps": 10_001}, "chain.feeMarginBps is 10001"),
        ("chain", {"miner_bond_bps": 10_001}, "chain.minerBondBps is 10001"),
        ("chain", {"miner_bond_bps": 1_249}, "8 false claims"),
        ("chain", {"ready_bond_bps": 1_249}, "raise the first"),
        ("chain", {"ready_bond_bps": 10_001}, "chain.readyBondBps is 10001"),
        ("chain", {"block_reward": 2**96 - 1}, "no fee that a task can carry"),
    ],
)
def test_a_broken_inequality_is_refused_with_a_sentence(
    group: str, values: dict[str, int], sentence: str
) -> None:
    with pytest.raises(InputError) as refused:
        check_parameters(changed(group, **values))
    assert sentence in str(refused.value)


def test_more_solutions_than_one_transaction_can_pay_are_refused() -> None:
    many = replace(changed("chain", max_solutions=17), task_list=replace(SOUND.task_list, max_solutions=17))
    assert broken_rules(many) == [
        "chain.maxSolutions is 17: the transaction that ends a round can pay 16 miners at most."
    ]


def test_every_broken_rule_is_told_at_once() -> None:
    with pytest.raises(InputError) as refused:
        check_parameters(changed("chain", key_window=0, miner_bond=0, min_committee=0))
    assert str(refused.value).count("\n- ") == 5


def test_a_window_that_holds_few_blocks_of_the_chain_below_is_refused() -> None:
    check_windows(SOUND, 12.0)
    with pytest.raises(InputError, match=r"chain\.revealWindow is 59 s, .* at least 60 s"):
        check_windows(changed("chain", reveal_window=59), 12.0)


def test_the_limits_themselves_are_accepted() -> None:
    check_parameters(SOUND)
    check_parameters(changed("committee", penalty=125 * 10**15))
    check_parameters(changed("committee", lanes=5))
    check_parameters(changed("chain", max_committee=34, fee_margin_bps=10_000))
    check_parameters(changed("chain", ready_bond_bps=10_000, miner_bond_bps=10_000))
    check_parameters(changed("chain", block_reward=0))
    check_parameters(changed("chain", window_blocks=3))
    judging = 8 * SOUND.task_list.max_judging_time
    check_parameters(changed("task_list", max_time_limit=2**32 - 1 - round_windows(SOUND) - judging))
    check_parameters(changed("task_list", max_reward=11 * 10**18))


@pytest.mark.parametrize("reward", [0, 1, 31, 10**18, 3 * 10**17 + 7])
def test_the_covering_fee_is_the_least_that_the_fee_rule_accepts(reward: int) -> None:
    parameters = changed("chain", block_reward=reward)
    margin = parameters.chain.fee_margin_bps
    fee = covering_fee(parameters)
    assert fee_covers(fee, block_reward=reward, margin_bps=margin)
    assert fee == 0 or not fee_covers(fee - 1, block_reward=reward, margin_bps=margin)


@pytest.mark.parametrize(
    "name", ["devnet/parameters.json", "devnet/parameters-public.json", "scripts/demo/parameters.json"]
)
def test_the_parameter_files_that_come_with_pole_hold_together(name: str) -> None:
    content: dict[str, Any] = json.loads((REPOSITORY / name).read_text())
    exact = {
        group: {key: wei(value) if isinstance(value, str) else value for key, value in values.items()}
        for group, values in content.items()
    }
    check_parameters(parameters_from_json(exact))


def test_the_public_parameters_leave_every_window_a_hundred_blocks_at_least() -> None:
    content = json.loads((REPOSITORY / "devnet/parameters-public.json").read_text())
    windows = {key: value for key, value in content["chain"].items() if key.endswith("Window")}
    assert len(windows) >= 6
    assert min(windows.values()) >= 100 * 12
