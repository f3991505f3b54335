// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPoLeChain} from "../interfaces/IPoLeChain.sol";
import {IRewardReservoir} from "../interfaces/IRewardReservoir.sol";
import {ITaskList} from "../interfaces/ITaskList.sol";
import {IVerifierCommittee} from "../interfaces/IVerifierCommittee.sol";
import {Ballots} from "./Ballots.sol";

/// @title Deployment: what must hold of PoLe's contracts and parameters before they can work together.
library Deployment {
    uint256 private constant BPS = 10_000;
    uint256 private constant MAXIMUM_SOLUTIONS = 32;
    uint256 private constant MAXIMUM_SEATS = 63;

    /// @dev Votes of the last ballot are all counted when the round is finalised, in one transaction.
    uint256 private constant MAXIMUM_VOTES = 256;

    /// @notice Reverts BadDeployment unless the contracts name each other and the parameters hold together.
    function check(
        address chain,
        IRewardReservoir reservoir,
        ITaskList taskList,
        IVerifierCommittee committee,
        IPoLeChain.Parameters memory chosen
    ) internal view {
        _require(taskList.chain() == chain, "taskList.chain");
        _require(committee.chain() == chain, "committee.chain");
        _require(taskList.reservoir() == reservoir, "taskList.reservoir");
        _require(committee.reservoir() == reservoir, "committee.reservoir");
        _checkSizes(chosen);
        _checkTaskList(taskList.parameters(), chosen);
        _checkIdleTask(taskList.parameters());
        _checkCommittee(committee.parameters(), longestRound(taskList.parameters(), chosen));
    }

    /// @return duration of a round's windows together, those of all ballots and challenges that it can have included, in seconds
    function longestRound(
        ITaskList.Parameters memory tasks,
        IPoLeChain.Parameters memory chosen
    ) internal pure returns (uint256 duration) {
        uint256 voting = uint256(chosen.voteCommitWindow) + chosen.voteRevealWindow;
        return
            uint256(tasks.maxTimeLimit) +
            chosen.keyWindow +
            chosen.testWindow +
            chosen.revealWindow +
            voting * (Ballots.LAST_ATTEMPT + 1) +
            uint256(chosen.challengeWindow) * Ballots.LAST_ATTEMPT;
    }

    /// @dev The windows of a round with one ballot.
    function _roundWindows(IPoLeChain.Parameters memory chosen) private pure returns (uint256) {
        return
            uint256(chosen.keyWindow) +
            chosen.testWindow +
            chosen.revealWindow +
            chosen.voteCommitWindow +
            chosen.voteRevealWindow +
            chosen.challengeWindow;
    }

    function _checkSizes(IPoLeChain.Parameters memory chosen) private pure {
        _require(chosen.keyWindow > 0, "keyWindow > 0");
        _require(chosen.testWindow > 0, "testWindow > 0");
        _require(chosen.revealWindow > 0, "revealWindow > 0");
        _require(chosen.voteCommitWindow > 0, "voteCommitWindow > 0");
        _require(chosen.voteRevealWindow > 0, "voteRevealWindow > 0");
        _require(chosen.challengeWindow > 0, "challengeWindow > 0");
        _require(chosen.judgedSolutions > 0, "judgedSolutions > 0");
        _require(chosen.judgedSolutions <= chosen.maxSolutions, "judgedSolutions <= maxSolutions");
        _require(chosen.maxSolutions <= MAXIMUM_SOLUTIONS, "maxSolutions <= 32");
        _require(chosen.minCommittee > 0, "minCommittee > 0");
        _require(chosen.minCommittee <= chosen.committeeSize, "minCommittee <= committeeSize");
        _require(chosen.committeeSize <= chosen.maxCommittee, "committeeSize <= maxCommittee");
        _require(chosen.maxCommittee <= MAXIMUM_SEATS, "maxCommittee <= 63");
        uint256 votes = uint256(chosen.maxCommittee) * chosen.judgedSolutions;
        _require(votes <= MAXIMUM_VOTES, "committee * judged <= 256");
        _require(chosen.verificationFeeBps <= BPS, "verificationFeeBps <= 10000");
        _require(chosen.faultShareBps <= BPS, "faultShareBps <= 10000");
        _require(chosen.feeMarginBps <= BPS, "feeMarginBps <= 10000");
        _require(chosen.challengeBond > 0, "challengeBond > 0");
        _require(chosen.minerBondBps <= BPS, "minerBondBps <= 10000");
    }

    function _checkTaskList(ITaskList.Parameters memory tasks, IPoLeChain.Parameters memory chosen) private pure {
        _require(tasks.maxTasks > 0, "taskList.maxTasks > 0");
        _require(tasks.maxTimeLimit > 0, "taskList.maxTimeLimit > 0");
        _require(tasks.feeBps <= BPS, "taskList.feeBps <= 10000");
        _require(tasks.maxSolutions == chosen.maxSolutions, "taskList.maxSolutions");
        _require(tasks.roundWindows == _roundWindows(chosen), "taskList.roundWindows");
        uint256 duration = uint256(tasks.maxTimeLimit) + tasks.roundWindows;
        _require(duration <= type(uint32).max, "longest duration < 2 ** 32");
    }

    /// @dev What TaskList demands of a posted task's terms.
    function _checkIdleTask(ITaskList.Parameters memory tasks) private pure {
        if (tasks.idleTimeLimit == 0) return;
        _require(tasks.idleTimeLimit <= tasks.maxTimeLimit, "idleTimeLimit <= maxTimeLimit");
        _require(tasks.idleTrainCount > 0, "idleTrainCount > 0");
        _require(tasks.idleTestCount > 0, "idleTestCount > 0");
        _require(tasks.idleTrainAccuracy > 0, "idleTrainAccuracy > 0");
        _require(tasks.idleTrainAccuracy <= BPS, "idleTrainAccuracy <= 10000");
        _require(tasks.idleTestAccuracy <= BPS, "idleTestAccuracy <= 10000");
    }

    function _checkCommittee(IVerifierCommittee.Parameters memory seats, uint256 duration) private pure {
        _require(seats.seatStake > 0, "committee.seatStake > 0");
        _require(seats.penalty <= seats.seatStake, "committee.penalty <= seatStake");
        _require(seats.unbondingTime > duration, "unbondingTime > longest round");
    }

    function _require(bool holds, string memory what) private pure {
        if (!holds) revert IPoLeChain.BadDeployment(what);
    }
}
