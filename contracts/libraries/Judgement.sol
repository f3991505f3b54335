// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Solution, VoidReason} from "../interfaces/IPoLeChain.sol";
import {TaskTerms} from "../interfaces/ITaskList.sol";
import {Finding, Verdict} from "../interfaces/IVerifierCommittee.sol";

/// @title Judgement: who wins a round, given what the committee found.
library Judgement {
    uint256 private constant BPS = 10_000;

    /// @notice What a round is judged by.
    /// @param released the test set was released
    /// @param closedEarly the data node ended training, not the time limit
    /// @param judged solutions in the ballot's order of choices
    /// @param findings one for each of them; both are empty when no committee was drawn
    struct Evidence {
        TaskTerms terms;
        bool released;
        bool closedEarly;
        Solution[] judged;
        Finding[] findings;
    }

    /// @notice A winner, or a reason why there is none.
    /// @param winner choice that wins, where the reason is None
    /// @param ommers other choices that meet the thresholds
    /// @param bestOmmer the best of them
    /// @param hasTrained in a round void because thresholds were missed, whether some choice met the training threshold
    /// @param trained the best of these
    struct Outcome {
        VoidReason voidReason;
        uint256 winner;
        uint256 ommers;
        uint256 bestOmmer;
        bool hasTrained;
        uint256 trained;
    }

    /// @notice Judges the solutions that a committee voted on.
    function judge(Evidence memory evidence) internal pure returns (Outcome memory outcome) {
        uint256 meeting = 0;
        (outcome.voidReason, meeting) = _contest(evidence);
        if (outcome.voidReason == VoidReason.ThresholdMissed) _findTrained(evidence, outcome);
        if (outcome.voidReason != VoidReason.None) return outcome;

        bool[] memory out = _outOfContest(evidence, meeting > 0);
        outcome.winner = _best(evidence, out);
        if (meeting < 2) return outcome;
        outcome.ommers = meeting - 1;
        out[outcome.winner] = true;
        outcome.bestOmmer = _best(evidence, out);
    }

    /// @return able true when a solution may win or be an ommer: the committee evaluated it and no claim of it is false
    function qualifies(Evidence memory evidence, uint256 choice) internal pure returns (bool able) {
        return evidence.findings[choice].verdict == Verdict.Ok && !isProvenBad(evidence, choice);
    }

    /// @return enough true when a finding meets the task's thresholds
    function meets(Evidence memory evidence, uint256 choice) internal pure returns (bool enough) {
        if (!_meetsTraining(evidence, choice)) return false;
        TaskTerms memory terms = evidence.terms;
        uint256 test = evidence.findings[choice].testCorrect * BPS;
        return !evidence.released || test >= uint256(terms.requiredTestAccuracy) * terms.testCount;
    }

    /// @return correct what solutions are ranked by: the lesser of claim and finding, on the test set where there is
    /// one
    function score(Evidence memory evidence, uint256 choice) internal pure returns (uint32 correct) {
        Solution memory solution = evidence.judged[choice];
        Finding memory found = evidence.findings[choice];
        if (evidence.released) return _lesser(solution.claimedTestCorrect, found.testCorrect);
        return _lesser(solution.claimedTrainCorrect, found.trainCorrect);
    }

    /// @return bad true when the committee found that there is no such model or that it is worse than claimed
    function isProvenBad(Evidence memory evidence, uint256 choice) internal pure returns (bool bad) {
        Solution memory solution = evidence.judged[choice];
        Finding memory found = evidence.findings[choice];
        if (found.verdict != Verdict.Ok) {
            return found.verdict == Verdict.Malformed || found.verdict == Verdict.Unavailable;
        }
        if (solution.claimedTrainCorrect > found.trainCorrect) return true;
        return evidence.released && solution.claimedTestCorrect > found.testCorrect;
    }

    function _meetsTraining(Evidence memory evidence, uint256 choice) private pure returns (bool) {
        TaskTerms memory terms = evidence.terms;
        uint256 train = evidence.findings[choice].trainCorrect * BPS;
        return train >= uint256(terms.requiredTrainAccuracy) * terms.trainCount;
    }

    /// @dev Who trained as well as was asked is not to blame for a test threshold.
    function _findTrained(Evidence memory evidence, Outcome memory outcome) private pure {
        bool[] memory out = new bool[](evidence.findings.length);
        for (uint256 choice = 0; choice < out.length; ++choice) {
            out[choice] = !qualifies(evidence, choice) || !_meetsTraining(evidence, choice);
            if (!out[choice]) outcome.hasTrained = true;
        }
        if (outcome.hasTrained) outcome.trained = _best(evidence, out);
    }

    /// @return voidReason None where somebody wins
    /// @return meeting how many of those that qualify meet the thresholds
    function _contest(Evidence memory evidence) private pure returns (VoidReason voidReason, uint256 meeting) {
        uint256 qualified = 0;
        voidReason = VoidReason.NoneQualified;
        for (uint256 choice = 0; choice < evidence.findings.length; ++choice) {
            Verdict verdict = evidence.findings[choice].verdict;
            if (verdict == Verdict.DataFault) return (VoidReason.DataFault, 0);
            if (verdict == Verdict.DataUnavailable) return (VoidReason.DataUnavailable, 0);
            if (verdict == Verdict.None) voidReason = VoidReason.NoQuorum;
            if (!qualifies(evidence, choice)) continue;
            ++qualified;
            if (meets(evidence, choice)) ++meeting;
        }
        if (qualified == 0) return (voidReason, 0);
        bool isMissed = meeting == 0 && evidence.closedEarly;
        return (isMissed ? VoidReason.ThresholdMissed : VoidReason.None, meeting);
    }

    function _outOfContest(Evidence memory evidence, bool someMeet) private pure returns (bool[] memory out) {
        out = new bool[](evidence.findings.length);
        for (uint256 choice = 0; choice < out.length; ++choice) {
            out[choice] = !qualifies(evidence, choice) || (someMeet && !meets(evidence, choice));
        }
    }

    /// @dev The highest score that is not out; among equals the lower order. At least one choice must not be out.
    function _best(Evidence memory evidence, bool[] memory out) private pure returns (uint256 best) {
        uint32 highest = 0;
        bool found = false;
        for (uint256 choice = 0; choice < out.length; ++choice) {
            if (out[choice]) continue;
            uint32 reached = score(evidence, choice);
            bool isEarlier = evidence.judged[choice].order < evidence.judged[best].order;
            if (!found || reached > highest || (reached == highest && isEarlier)) {
                (found, best, highest) = (true, choice, reached);
            }
        }
    }

    function _lesser(uint32 a, uint32 b) private pure returns (uint32) {
        return a < b ? a : b;
    }
}
