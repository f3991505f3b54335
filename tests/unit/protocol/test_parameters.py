from typing import Any

import pytest

from pole.errors import InputError
from pole.protocol.parameters import CommitteeParameters, parameters_from_json

DOCUMENT: dict[str, dict[str, Any]] = {
    "taskList": {
        "maxTasks": 100,
        "minReward": "1000000000000000000",
        "maxReward": "10000000000000000000",
        "minDataBond": 1,
        "feeBps": 100,
        "rentBps": 300,
        "maxTimeLimit": 3600,
        "maxSolutions": 8,
        "judgingSpeed": 1000000,
        "maxJudgingTime": 60,
        "rewardPerSecond": 1,
        "idleTimeLimit": 60,
        "idleTrainCount": 8000,
        "idleTestCount": 2000,
        "idleTrainAccuracy": 9000,
        "idleTestAccuracy": 0,
        "idleWork": 96,
        "roundWindows": 360,
    },
    "committee": {"seatStake": "10", "penalty": 2, "seatAge": 60, "lanes": 4},
    "chain": {
        "keyWindow": 60,
        "graceWindow": 60,
        "testWindow": 60,
        "revealWindow": 60,
        "voteCommitWindow": 60,
        "voteRevealWindow": 60,
        "challengeWindow": 60,
        "windowBlocks": 4,
        "drawDelay": 2,
        "confirmations": 1,
        "maxSolutions": 8,
        "committeeSize": 5,
        "minCommittee": 3,
        "maxCommittee": 11,
        "verificationFeeBps": 1000,
        "faultShareBps": 5000,
        "missedShareBps": 2000,
        "feeMarginBps": 1000,
        "minerBondBps": 1250,
        "readyBondBps": 1500,
        "minerBond": 1,
        "blockReward": 2,
        "rewardPerSeat": 1,
    },
}


def changed(group: str, **entries: Any) -> dict[str, Any]:
    return {**DOCUMENT, group: {**DOCUMENT[group], **entries}}


def test_a_missing_group_is_named() -> None:
    with pytest.raises(InputError, match="no parameters for committee"):
        parameters_from_json({"taskList": DOCUMENT["taskList"], "chain": DOCUMENT["chain"]})


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(InputError, match=r"chain differ .* in: 'colour'"):
        parameters_from_json(changed("chain", colour=1))


@pytest.mark.parametrize("value", [-1, 1.5, "1.5", "-1", "", "٣", True, None])
def test_what_is_no_whole_number_is_named(value: object) -> None:
    with pytest.raises(InputError, match=r"committee\.penalty"):
        parameters_from_json(changed("committee", penalty=value))


def test_amounts_may_be_numbers_or_decimal_strings() -> None:
    parameters = parameters_from_json(DOCUMENT)
    assert parameters.task_list.min_reward == 10**18
    assert parameters.committee == CommitteeParameters(10, 2, 60, 4)
    assert parameters.chain.block_reward == 2
