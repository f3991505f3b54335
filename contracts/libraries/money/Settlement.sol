// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Challenge, Ending} from "../../interfaces/IJudge.sol";
import {PayoutReason, Solution, VoidReason} from "../../interfaces/IPoLeChain.sol";
import {TaskTerms} from "../../interfaces/ITaskList.sol";
import {Finding} from "../../interfaces/IVerifierCommittee.sol";
import {Judgement} from "../rounds/Judgement.sol";
import {Payouts} from "./Payouts.sol";
import {Tally} from "../ballots/Tally.sol";

/// @title Settlement: how a round's money is divided when it ends.
/// @dev A round's account holds reward, data bond, rent, miner bonds and challengers'. What is neither paid out nor for
/// the committees goes to the pool. Every division rounds down: the pool gains.
library Settlement {
    using Payouts for Payouts.List;

    /// @dev What a block can draw from the pool: block reward, ommer inclusion, ommer reward.
    uint256 private constant BLOCK_PAYOUTS = 3;

    /// @dev Reward and its rest, data bond, rent, two challenges.
    uint256 private constant OTHER_PAYOUTS = 6;

    uint256 private constant BPS = 10_000;

    /// @notice What a commitment locks.
    /// @param claim its count on the training set
    /// @param minimum the bond where the reward is small, in wei
    /// @param bps the part of the reward that it is else
    /// @param readyBps the same where the claim reaches the training threshold
    /// @return bond in wei
    function bondOf(
        TaskTerms memory terms,
        uint256 claim,
        uint256 minimum,
        uint256 bps,
        uint256 readyBps
    ) internal pure returns (uint256 bond) {
        bond = (terms.reward * (isReady(terms, claim) ? readyBps : bps)) / BPS;
        if (bond < minimum) bond = minimum;
    }

    /// @return ready true when a claim reaches the training threshold
    function isReady(TaskTerms memory terms, uint256 claim) internal pure returns (bool ready) {
        return claim * BPS >= uint256(terms.requiredTrainAccuracy) * terms.trainCount;
    }

    /// @notice What the first committee earns if any truth stands: a part of the reward, at most what those can pay who
    /// made the round void.
    /// @return fee in wei
    function verificationFee(Ending memory ending, VoidReason voidReason) internal pure returns (uint256 fee) {
        if (!_anyTruth(ending.evidence.findings)) return 0;
        TaskTerms memory terms = ending.evidence.terms;
        fee = (uint256(terms.reward) * ending.verificationFeeBps) / BPS;
        uint256 maximum = fee;
        if (voidReason == VoidReason.DataFault) maximum = terms.dataBond;
        else if (_isNobodyRight(voidReason)) maximum = _forfeitedBonds(ending);
        if (fee > maximum) fee = maximum;
    }

    /// @notice Divides what the verification fee leaves.
    /// @param payee who wins or, where the test threshold was missed, trained best; the zero address for nobody
    /// @return list reward or its rest; data bond or the miners' shares of it; rent; miner bonds; challengers'. Miners
    /// come in the order of `solutions`. There is room for what a block draws from the pool.
    function divide(
        Ending memory ending,
        VoidReason voidReason,
        address payee,
        uint256 fee
    ) internal pure returns (Payouts.List memory list) {
        list = Payouts.upTo(OTHER_PAYOUTS + 3 * ending.solutions.length + BLOCK_PAYOUTS);
        TaskTerms memory terms = ending.evidence.terms;
        (uint256 reward, uint256 dataBond) = (terms.reward, terms.dataBond);
        if (voidReason == VoidReason.DataFault) dataBond -= fee;
        else reward -= fee - _paidByBonds(ending, voidReason, fee);

        _payReward(list, ending, voidReason, payee, reward);
        if (!_isBondForfeited(ending, voidReason))
            list.add(ending.dataNode, PayoutReason.DataBond, dataBond);
            // Nobody gains by data that could not be had.
        else if (voidReason != VoidReason.DataUnavailable)
            _share(list, ending, (dataBond * ending.faultShareBps) / BPS);
        list.add(ending.dataNode, PayoutReason.RentRefund, ending.rent - ending.used);
        for (uint256 n = 0; n < ending.solutions.length; ++n) {
            if (!_keepsBond(ending, ending.solutions[n])) continue;
            list.add(ending.solutions[n].miner, PayoutReason.MinerBond, _bondOf(ending, ending.solutions[n]));
        }
        for (uint256 attempt = 0; attempt < ending.challenges.length; ++attempt) {
            if (_isBondSpent(ending, attempt)) continue;
            Challenge memory made = ending.challenges[attempt];
            list.add(made.challenger, PayoutReason.ChallengeBond, made.bond);
        }
    }

    /// @return amount that challenges pay the larger committees that they bought, in wei
    function spentOnChallenges(Ending memory ending) internal pure returns (uint256 amount) {
        for (uint256 attempt = 0; attempt < ending.challenges.length; ++attempt) {
            if (_isBondSpent(ending, attempt)) amount += ending.challenges[attempt].bond;
        }
    }

    /// @dev A bond is not spent where those pay who were wrong, or no larger committee could be drawn.
    function _isBondSpent(Ending memory ending, uint256 attempt) private pure returns (bool) {
        Challenge memory made = ending.challenges[attempt];
        if (made.challenger == address(0)) return false;
        bool isNewest =
            attempt + 1 == ending.challenges.length || ending.challenges[attempt + 1].challenger == address(0);
        if (isNewest && ending.dropped) return false;
        return !Tally.contradict(made.findings, ending.evidence.findings);
    }

    function _payReward(
        Payouts.List memory list,
        Ending memory ending,
        VoidReason voidReason,
        address payee,
        uint256 reward
    ) private pure {
        if (voidReason == VoidReason.None) {
            list.add(payee, PayoutReason.TaskReward, reward);
            return;
        }
        uint256 part = 0;
        bool isDataLost = voidReason == VoidReason.DataFault || voidReason == VoidReason.DataUnavailable;
        if (isDataLost || payee != address(0)) part = (reward * ending.missedShareBps) / BPS;
        // Of bad data nothing tells who trained and who showed junk, so nobody is paid but the pool.
        list.add(payee, PayoutReason.TrainingReward, part);
        list.add(ending.dataNode, PayoutReason.RewardRefund, reward - part);
    }

    /// @dev Equal parts of a data bond for the miners that revealed; nothing when nobody did.
    function _share(Payouts.List memory list, Ending memory ending, uint256 amount) private pure {
        uint256 revealed = 0;
        for (uint256 n = 0; n < ending.solutions.length; ++n) {
            if (ending.solutions[n].revealed) ++revealed;
        }
        for (uint256 n = 0; n < ending.solutions.length; ++n) {
            if (!ending.solutions[n].revealed) continue;
            list.add(ending.solutions[n].miner, PayoutReason.DataBondShare, amount / revealed);
        }
    }

    /// @dev Keys never issued, data that the committee found wrong or could not have, or a test set withheld from
    /// miners who had committed.
    function _isBondForfeited(Ending memory ending, VoidReason voidReason) private pure returns (bool) {
        return
            voidReason == VoidReason.KeysMissing ||
            voidReason == VoidReason.DataFault ||
            voidReason == VoidReason.DataUnavailable ||
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
            if (!_keepsBond(ending, ending.solutions[n])) total += _bondOf(ending, ending.solutions[n]);
        }
    }

    function _bondOf(Ending memory ending, Solution memory solution) private pure returns (uint256) {
        return
            bondOf(
                ending.evidence.terms,
                solution.claimedTrainCorrect,
                ending.minerBond,
                ending.minerBondBps,
                ending.readyBondBps
            );
    }

    function _keepsBond(Ending memory ending, Solution memory solution) private pure returns (bool) {
        if (!solution.revealed) return false;
        // The round may have ended before a committee judged.
        return ending.evidence.findings.length == 0 || !Judgement.isProvenBad(ending.evidence, solution);
    }

    function _anyTruth(Finding[] memory findings) private pure returns (bool) {
        for (uint256 n = 0; n < findings.length; ++n) {
            if (Tally.isTruth(findings[n].verdict)) return true;
        }
        return false;
    }
}
