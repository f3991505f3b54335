// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ending} from "../interfaces/IJudge.sol";
import {PayoutReason, Solution, VoidReason} from "../interfaces/IPoLeChain.sol";
import {TaskTerms} from "../interfaces/ITaskList.sol";
import {Finding, Verdict} from "../interfaces/IVerifierCommittee.sol";
import {Judgement} from "./Judgement.sol";
import {Payouts} from "./Payouts.sol";
import {Tally} from "./Tally.sol";

/// @title Settlement: how a round's money is divided when it ends.
/// @dev A round's account holds reward, data bond, miner bonds and a challenger's. What is neither paid out nor for the committees is forfeited to the
/// pool. Every division rounds down: the pool gains.
library Settlement {
    using Payouts for Payouts.List;

    /// @dev What a block can draw from the pool: block reward, ommer inclusion, ommer reward.
    uint256 private constant BLOCK_PAYOUTS = 3;

    uint256 private constant BPS = 10_000;

    /// @param minimum the bond where the reward is small, in wei
    /// @param bps the part of the reward that it is else
    /// @return bond of a solution of a task with this reward, in wei
    function minerBond(uint256 reward, uint96 minimum, uint16 bps) internal pure returns (uint256 bond) {
        bond = (reward * bps) / BPS;
        if (bond < minimum) bond = minimum;
    }

    /// @notice What the committee earns if it found anything: a part of the reward, at most what those can pay who made the round void.
    /// @return fee in wei
    function verificationFee(Ending memory ending, VoidReason voidReason) internal pure returns (uint256 fee) {
        Judgement.Evidence memory evidence = ending.evidence;
        if (!_anyFinding(evidence.findings)) return 0;
        fee = (uint256(evidence.terms.reward) * ending.verificationFeeBps) / BPS;
        uint256 maximum = fee;
        if (voidReason == VoidReason.DataFault) maximum = evidence.terms.dataBond;
        else if (_isNobodyRight(voidReason)) maximum = _forfeitedBonds(ending);
        if (fee > maximum) fee = maximum;
    }

    /// @notice Divides what the verification fee leaves.
    /// @param winner the zero address in a void round
    /// @return list reward or its refund; data bond or the miners' shares of it; miner bonds; a challenger's. Miners come in the order of `solutions`.
    /// There is room for what a block draws from the pool.
    function divide(
        Ending memory ending,
        VoidReason voidReason,
        address winner,
        uint256 fee
    ) internal pure returns (Payouts.List memory list) {
        list = Payouts.upTo(3 + 2 * ending.solutions.length + BLOCK_PAYOUTS);
        TaskTerms memory terms = ending.evidence.terms;
        (uint256 reward, uint256 dataBond) = (terms.reward, terms.dataBond);
        if (voidReason == VoidReason.DataFault) dataBond -= fee;
        else reward -= fee - _paidByBonds(ending, voidReason, fee);

        if (voidReason == VoidReason.None) list.add(winner, PayoutReason.TaskReward, reward);
        else list.add(ending.dataNode, PayoutReason.RewardRefund, reward);
        if (!_isBondForfeited(ending, voidReason)) list.add(ending.dataNode, PayoutReason.DataBond, dataBond);
        else _shareBond(list, ending, dataBond);
        for (uint256 n = 0; n < ending.solutions.length; ++n) {
            if (!_keepsBond(ending, ending.solutions[n])) continue;
            list.add(ending.solutions[n].miner, PayoutReason.MinerBond, ending.minerBond);
        }
        if (ending.challenger == address(0) || forfeitedChallenge(ending) > 0) return list;
        list.add(ending.challenger, PayoutReason.ChallengeBond, ending.challengeBond);
    }

    /// @return overturned true when the last tally found something else than the one that was challenged with a bond
    function isOverturned(Ending memory ending) internal pure returns (bool overturned) {
        if (ending.challenger == address(0)) return false;
        return Tally.differ(ending.challenged, ending.evidence.findings);
    }

    /// @return amount that a challenge which changed nothing costs, in wei
    function forfeitedChallenge(Ending memory ending) internal pure returns (uint256 amount) {
        if (ending.challenger == address(0) || ending.challengedId == ending.ballotId || isOverturned(ending)) return 0;
        return ending.challengeBond;
    }

    /// @dev Equal parts for the miners that revealed; nothing when nobody did.
    function _shareBond(Payouts.List memory list, Ending memory ending, uint256 dataBond) private pure {
        if (ending.revealed == 0) return;
        uint256 part = (dataBond * ending.faultShareBps) / BPS / ending.revealed;
        for (uint256 n = 0; n < ending.solutions.length; ++n) {
            if (!ending.solutions[n].revealed) continue;
            list.add(ending.solutions[n].miner, PayoutReason.DataBondShare, part);
        }
    }

    /// @dev Keys never issued, data that the committee found wrong, or a test set withheld from miners who had committed.
    function _isBondForfeited(Ending memory ending, VoidReason voidReason) private pure returns (bool) {
        return
            voidReason == VoidReason.KeysMissing ||
            voidReason == VoidReason.DataFault ||
            (ending.solutions.length > 0 && !ending.evidence.released);
    }

    /// @dev Whether a committee sat and found no solution that could win.
    function _isNobodyRight(VoidReason voidReason) private pure returns (bool) {
        return voidReason == VoidReason.NoQuorum || voidReason == VoidReason.NoneQualified;
    }

    /// @dev Of the fee, where nobody wins: what forfeited miner bonds hold.
    function _paidByBonds(
        Ending memory ending,
        VoidReason voidReason,
        uint256 fee
    ) private pure returns (uint256 part) {
        if (voidReason != VoidReason.ThresholdMissed && !_isNobodyRight(voidReason)) return 0;
        part = _forfeitedBonds(ending);
        if (part > fee) part = fee;
    }

    function _forfeitedBonds(Ending memory ending) private pure returns (uint256 total) {
        for (uint256 n = 0; n < ending.solutions.length; ++n) {
            if (!_keepsBond(ending, ending.solutions[n])) total += ending.minerBond;
        }
    }

    function _keepsBond(Ending memory ending, Solution memory solution) private pure returns (bool) {
        if (!solution.revealed) return false;
        return solution.choice == 0 || !Judgement.isProvenBad(ending.evidence, solution.choice - 1);
    }

    function _anyFinding(Finding[] memory findings) private pure returns (bool) {
        for (uint256 n = 0; n < findings.length; ++n) {
            if (findings[n].verdict != Verdict.None) return true;
        }
        return false;
    }
}
