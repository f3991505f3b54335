// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILedger} from "../interfaces/ILedger.sol";
import {IPoLeChain} from "../interfaces/IPoLeChain.sol";
import {IRewardReservoir} from "../interfaces/IRewardReservoir.sol";
import {ITaskList} from "../interfaces/ITaskList.sol";
import {IVerifierCommittee} from "../interfaces/IVerifierCommittee.sol";

/// @title Deployment: what must hold of PoLe's contracts and parameters before they can work together.
library Deployment {
    // Said once, when somebody deploys what cannot work: its gas matters to nobody.
    // solhint-disable gas-small-strings
    uint256 private constant BPS = 10_000;
    uint256 private constant MAXIMUM_LANES = 16;
    uint256 private constant MAXIMUM_SOLUTIONS = 16;
    uint256 private constant MAXIMUM_SEATS = 63;

    /// @dev A round ends in one transaction, which counts all votes and settles all seats: a seat takes as much of its
    /// gas as 13 votes do (docs/gas.md).
    uint256 private constant SEAT_IN_VOTES = 13;
    uint256 private constant MAXIMUM_VOTES = 900;

    /// @notice Reverts BadDeployment unless the contracts name each other and the parameters hold together.
    function checkAll(
        address chain,
        IRewardReservoir reservoir,
        ILedger ledger,
        ITaskList taskList,
        IVerifierCommittee committee,
        IPoLeChain.Parameters memory chosen
    ) internal view {
        _require(ledger.chain() == chain, "ledger.chain");
        _require(ledger.taskList() == address(taskList), "ledger.taskList");
        _require(ledger.committee() == address(committee), "ledger.committee");
        _require(taskList.chain() == chain, "taskList.chain");
        _require(taskList.ledger() == ledger, "taskList.ledger");
        _require(taskList.reservoir() == reservoir, "taskList.reservoir");
        _require(committee.chain() == chain, "committee.chain");
        _require(committee.ledger() == ledger, "committee.ledger");
        _require(committee.reservoir() == reservoir, "committee.reservoir");
        _checkWindows(chosen);
        _checkSizes(chosen);
        _checkMoney(chosen);
        _checkTogether(taskList.parameters(), chosen);
        _require(chosen.rewardPerSeat <= committee.parameters().seatStake, "rewardPerSeat <= committee.seatStake");
    }

    /// @notice Reverts BadDeployment unless a task list's own parameters hold together.
    function checkTaskList(ITaskList.Parameters memory tasks) internal pure {
        _require(tasks.maxTasks > 0, "taskList.maxTasks > 0");
        _require(tasks.maxTimeLimit > 0, "taskList.maxTimeLimit > 0");
        _require(tasks.minReward <= tasks.maxReward, "taskList.minReward <= maxReward");
        _require(tasks.feeBps <= BPS, "taskList.feeBps <= 10000");
        _require(tasks.rentBps <= BPS, "taskList.rentBps <= 10000");
        _require(tasks.judgingSpeed > 0, "taskList.judgingSpeed > 0");
        uint256 judging = uint256(tasks.maxJudgingTime) * tasks.maxSolutions;
        uint256 duration = uint256(tasks.maxTimeLimit) + tasks.roundWindows + judging;
        _require(duration <= type(uint32).max, "taskList: longest duration < 2 ** 32");
        if (tasks.idleTimeLimit > 0) _checkIdleTask(tasks);
    }

    /// @notice Reverts BadDeployment unless a committee's own parameters hold together.
    function checkCommittee(IVerifierCommittee.Parameters memory seats) internal pure {
        _require(seats.lanes > 0, "committee.lanes > 0");
        _require(seats.lanes <= MAXIMUM_LANES, "committee.lanes <= 16");
        _require(seats.seatAge > 0, "committee.seatAge > 0");
        _require(seats.seatStake > 0, "committee.seatStake > 0");
        // In every lane a seat can lose a penalty for a vote that was shown, and one for revealing nothing.
        uint256 losses = 2 * uint256(seats.penalty) * seats.lanes;
        _require(losses <= seats.seatStake, "committee.penalty * 2 * lanes <= seatStake");
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

    function _checkWindows(IPoLeChain.Parameters memory chosen) private pure {
        _require(chosen.keyWindow > 0, "keyWindow > 0");
        _require(chosen.graceWindow > 0, "graceWindow > 0");
        _require(chosen.testWindow > 0, "testWindow > 0");
        _require(chosen.revealWindow > 0, "revealWindow > 0");
        _require(chosen.voteCommitWindow > 0, "voteCommitWindow > 0");
        _require(chosen.voteRevealWindow > 0, "voteRevealWindow > 0");
        _require(chosen.challengeWindow > 0, "challengeWindow > 0");
        _require(chosen.confirmations > 0, "confirmations > 0");
        _require(chosen.windowBlocks > 2 * uint256(chosen.confirmations), "windowBlocks > 2 * confirmations");
        _require(chosen.drawDelay > 1, "drawDelay > 1");
    }

    function _checkSizes(IPoLeChain.Parameters memory chosen) private pure {
        _require(chosen.maxSolutions > 0, "maxSolutions > 0");
        _require(chosen.maxSolutions <= MAXIMUM_SOLUTIONS, "maxSolutions <= 16");
        _require(chosen.minCommittee > 0, "minCommittee > 0");
        _require(chosen.minCommittee <= chosen.committeeSize, "minCommittee <= committeeSize");
        _require(chosen.committeeSize <= chosen.maxCommittee, "committeeSize <= maxCommittee");
        _require(chosen.maxCommittee <= MAXIMUM_SEATS, "maxCommittee <= 63");
        uint256 votes = uint256(chosen.maxCommittee) * (chosen.maxSolutions + SEAT_IN_VOTES);
        _require(votes <= MAXIMUM_VOTES, "maxCommittee * (maxSolutions + 13) <= 900");
    }

    function _checkMoney(IPoLeChain.Parameters memory chosen) private pure {
        _require(chosen.faultShareBps <= BPS, "faultShareBps <= 10000");
        _require(chosen.missedShareBps <= BPS, "missedShareBps <= 10000");
        _require(chosen.feeMarginBps <= BPS, "feeMarginBps <= 10000");
        _require(chosen.readyBondBps <= BPS, "readyBondBps <= 10000");
        _require(chosen.minerBondBps <= chosen.readyBondBps, "minerBondBps <= readyBondBps");
        uint256 allBonds = uint256(chosen.maxSolutions) * chosen.minerBondBps;
        _require(allBonds >= BPS, "maxSolutions * minerBondBps >= 10000");
        _require(chosen.rewardPerSeat > 0, "rewardPerSeat > 0");
        // Whoever challenges twice pays each seat what the fee pays one of the first committee.
        uint256 seats = 3 * uint256(chosen.committeeSize) + 1 + chosen.maxCommittee;
        bool isPayable = chosen.verificationFeeBps * seats <= BPS * chosen.committeeSize;
        _require(isPayable, "fees of all committees <= reward");
    }

    function _checkTogether(ITaskList.Parameters memory tasks, IPoLeChain.Parameters memory chosen) private pure {
        _require(tasks.maxSolutions == chosen.maxSolutions, "taskList.maxSolutions");
        _require(tasks.roundWindows == _roundWindows(chosen), "taskList.roundWindows");
        uint256 decidable = uint256(chosen.rewardPerSeat) * chosen.maxCommittee;
        _require(tasks.maxReward <= decidable, "taskList.maxReward <= rewardPerSeat * maxCommittee");
    }

    /// @dev What TaskList demands of a posted task's terms.
    function _checkIdleTask(ITaskList.Parameters memory tasks) private pure {
        _require(tasks.idleTimeLimit <= tasks.maxTimeLimit, "taskList.idleTimeLimit <= maxTimeLimit");
        _require(tasks.idleTrainCount > 0, "taskList.idleTrainCount > 0");
        _require(tasks.idleTestCount > 0, "taskList.idleTestCount > 0");
        _require(tasks.idleTrainAccuracy > 0, "taskList.idleTrainAccuracy > 0");
        _require(tasks.idleTrainAccuracy <= BPS, "taskList.idleTrainAccuracy <= 10000");
        _require(tasks.idleTestAccuracy <= BPS, "taskList.idleTestAccuracy <= 10000");
        uint256 multiplications = uint256(tasks.idleWork) * (uint256(tasks.idleTrainCount) + tasks.idleTestCount);
        uint256 allowed = uint256(tasks.maxJudgingTime) * tasks.judgingSpeed;
        _require(multiplications <= allowed, "taskList: judging an idle model <= maxJudgingTime");
    }

    function _require(bool holds, string memory what) private pure {
        if (!holds) revert IPoLeChain.BadDeployment(what);
    }
}
