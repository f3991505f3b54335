// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILedger} from "../interfaces/ILedger.sol";
import {IPoLeChain} from "../interfaces/IPoLeChain.sol";
import {IRewardReservoir} from "../interfaces/IRewardReservoir.sol";
import {ITaskList} from "../interfaces/ITaskList.sol";
import {IVerifierCommittee} from "../interfaces/IVerifierCommittee.sol";

/// @title Deployment: what must hold of PoLe's contracts and parameters before they can work together.
library Deployment {
    uint256 private constant BPS = 10_000;
    uint256 private constant MAXIMUM_LANES = 16;
    uint256 private constant MAXIMUM_SOLUTIONS = 16;
    uint256 private constant MAXIMUM_SEATS = 63;

    /// @dev Votes of a committee are all counted when the round is finalised, in one transaction.
    uint256 private constant MAXIMUM_VOTES = 512;

    /// @dev The last inequality found broken, as a word: as strings, all of them would not fit into the code that creates a
    /// contract, which EIP-3860 limits.
    struct Fault {
        bytes32 what;
    }

    /// @notice Reverts BadDeployment unless the contracts name each other and the parameters hold together.
    function check(
        address chain,
        IRewardReservoir reservoir,
        ILedger ledger,
        ITaskList taskList,
        IVerifierCommittee committee,
        IPoLeChain.Parameters memory chosen
    ) internal view {
        Fault memory fault;
        _require(fault, ledger.chain() == chain, "ledger.chain");
        _require(fault, ledger.taskList() == address(taskList), "ledger.taskList");
        _require(fault, ledger.committee() == address(committee), "ledger.committee");
        _require(fault, taskList.chain() == chain, "taskList.chain");
        _require(fault, taskList.ledger() == ledger, "taskList.ledger");
        _require(fault, taskList.reservoir() == reservoir, "taskList.reservoir");
        _require(fault, committee.chain() == chain, "committee.chain");
        _require(fault, committee.ledger() == ledger, "committee.ledger");
        _require(fault, committee.reservoir() == reservoir, "committee.reservoir");
        _checkWindows(fault, chosen);
        _checkSizes(fault, chosen);
        _checkMoney(fault, chosen);
        _checkTaskList(fault, taskList.parameters(), chosen);
        _checkIdleTask(fault, taskList.parameters());
        _checkCommittee(fault, committee.parameters(), chosen);
        if (fault.what != 0) revert IPoLeChain.BadDeployment(_text(fault.what));
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

    function _checkWindows(Fault memory fault, IPoLeChain.Parameters memory chosen) private pure {
        bool areOpen = chosen.keyWindow > 0 && chosen.graceWindow > 0 && chosen.testWindow > 0;
        areOpen = areOpen && chosen.revealWindow > 0 && chosen.challengeWindow > 0;
        areOpen = areOpen && chosen.voteCommitWindow > 0 && chosen.voteRevealWindow > 0;
        _require(fault, areOpen, "every window > 0");
        _require(fault, chosen.confirmations > 0, "confirmations > 0");
        _require(fault, chosen.windowBlocks > 2 * uint256(chosen.confirmations), "windowBlocks > 2 * confirmations");
        _require(fault, chosen.drawDelay > 1, "drawDelay > 1");
    }

    function _checkSizes(Fault memory fault, IPoLeChain.Parameters memory chosen) private pure {
        _require(fault, chosen.maxSolutions > 0, "maxSolutions > 0");
        _require(fault, chosen.maxSolutions <= MAXIMUM_SOLUTIONS, "maxSolutions <= 16");
        _require(fault, chosen.minCommittee > 0, "minCommittee > 0");
        _require(fault, chosen.minCommittee <= chosen.committeeSize, "minCommittee <= committeeSize");
        _require(fault, chosen.committeeSize <= chosen.maxCommittee, "committeeSize <= maxCommittee");
        _require(fault, chosen.maxCommittee <= MAXIMUM_SEATS, "maxCommittee <= 63");
        uint256 votes = uint256(chosen.maxCommittee) * chosen.maxSolutions;
        _require(fault, votes <= MAXIMUM_VOTES, "votes of a committee <= 512");
    }

    function _checkMoney(Fault memory fault, IPoLeChain.Parameters memory chosen) private pure {
        bool areParts = chosen.faultShareBps <= BPS && chosen.missedShareBps <= BPS;
        areParts = areParts && chosen.feeMarginBps <= BPS && chosen.readyBondBps <= BPS;
        _require(fault, areParts, "every part <= 10000");
        _require(fault, chosen.minerBondBps <= chosen.readyBondBps, "minerBondBps <= readyBondBps");
        uint256 allBonds = uint256(chosen.maxSolutions) * chosen.minerBondBps;
        _require(fault, allBonds >= BPS, "bonds of all places >= reward");
        _require(fault, chosen.rewardPerSeat > 0, "rewardPerSeat > 0");
        // Whoever challenges twice pays each seat what the fee pays one of the first committee.
        uint256 seats = 3 * uint256(chosen.committeeSize) + 1 + chosen.maxCommittee;
        bool isPayable = chosen.verificationFeeBps * seats <= BPS * chosen.committeeSize;
        _require(fault, isPayable, "fees of all committees <= reward");
    }

    function _checkTaskList(
        Fault memory fault,
        ITaskList.Parameters memory tasks,
        IPoLeChain.Parameters memory chosen
    ) private pure {
        _require(fault, tasks.maxTasks > 0, "taskList.maxTasks > 0");
        _require(fault, tasks.maxTimeLimit > 0, "taskList.maxTimeLimit > 0");
        _require(fault, tasks.feeBps <= BPS && tasks.rentBps <= BPS, "every part <= 10000");
        _require(fault, tasks.judgingSpeed > 0, "taskList.judgingSpeed > 0");
        _require(fault, tasks.maxSolutions == chosen.maxSolutions, "taskList.maxSolutions");
        _require(fault, tasks.roundWindows == _roundWindows(chosen), "taskList.roundWindows");
        uint256 judging = uint256(tasks.maxJudgingTime) * tasks.maxSolutions;
        uint256 duration = uint256(tasks.maxTimeLimit) + tasks.roundWindows + judging;
        _require(fault, duration <= type(uint32).max, "longest duration < 2 ** 32");
        uint256 decidable = uint256(chosen.rewardPerSeat) * chosen.maxCommittee;
        _require(fault, tasks.maxReward <= decidable, "taskList.maxReward <= decidable");
        _require(fault, tasks.minReward <= tasks.maxReward, "minReward <= maxReward");
    }

    /// @dev What TaskList demands of a posted task's terms.
    function _checkIdleTask(Fault memory fault, ITaskList.Parameters memory tasks) private pure {
        if (tasks.idleTimeLimit == 0) return;
        _require(fault, tasks.idleTimeLimit <= tasks.maxTimeLimit, "idleTimeLimit <= maxTimeLimit");
        _require(fault, tasks.idleTrainCount > 0, "idleTrainCount > 0");
        _require(fault, tasks.idleTestCount > 0, "idleTestCount > 0");
        _require(fault, tasks.idleTrainAccuracy > 0, "idleTrainAccuracy > 0");
        bool areParts = tasks.idleTrainAccuracy <= BPS && tasks.idleTestAccuracy <= BPS;
        _require(fault, areParts, "every part <= 10000");
        uint256 multiplications = uint256(tasks.idleWork) * (uint256(tasks.idleTrainCount) + tasks.idleTestCount);
        uint256 allowed = uint256(tasks.maxJudgingTime) * tasks.judgingSpeed;
        _require(fault, multiplications <= allowed, "idleWork <= maxJudgingTime");
    }

    function _checkCommittee(
        Fault memory fault,
        IVerifierCommittee.Parameters memory seats,
        IPoLeChain.Parameters memory chosen
    ) private pure {
        _require(fault, seats.lanes > 0, "committee.lanes > 0");
        _require(fault, seats.lanes <= MAXIMUM_LANES, "committee.lanes <= 16");
        _require(fault, seats.seatAge > 0, "committee.seatAge > 0");
        _require(fault, seats.seatStake > 0, "committee.seatStake > 0");
        // A seat can lose a penalty in every lane, and one more for a vote that it sold.
        uint256 losses = uint256(seats.penalty) * (uint256(seats.lanes) + 1);
        _require(fault, losses <= seats.seatStake, "penalty * (lanes+1) <= seatStake");
        _require(fault, chosen.rewardPerSeat <= seats.seatStake, "rewardPerSeat <= seatStake");
    }

    function _require(Fault memory fault, bool holds, bytes32 what) private pure {
        if (!holds) fault.what = what;
    }

    function _text(bytes32 word) private pure returns (string memory) {
        uint256 length = 0;
        while (length < 32 && word[length] != 0) ++length;
        bytes memory text = new bytes(length);
        for (uint256 n = 0; n < length; ++n) {
            text[n] = word[n];
        }
        return string(text);
    }
}
