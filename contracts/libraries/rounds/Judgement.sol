// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Solution, VoidReason} from "../../interfaces/IPoLeChain.sol";
import {TaskTerms} from "../../interfaces/ITaskList.sol";
import {Finding, Verdict} from "../../interfaces/IVerifierCommittee.sol";

/// @title Judgement: who wins a round, given what the committee found.
library Judgement {
    uint256 private constant BPS = 10_000;

    /// @notice What a round is judged by.
    /// @param released the test set was released
    /// @param closedEarly the data node ended training, not the time limit
    /// @param judged solutions whose model was revealed, by place
    /// @param findings what was found of each choice, of which equal models share one; empty when no committee was
    /// drawn
    struct Evidence {
        TaskTerms terms;
        bool released;
        bool closedEarly;
        Solution[] judged;
        Finding[] findings;
    }

    /// @notice A winner, or a reason why there is none. Solutions are told by their index in `judged`.
    /// @param winner solution that wins, where the reason is None
    /// @param ommers other models that meet the thresholds; equal ones count once
    /// @param bestOmmer the best of them
    /// @param hasTrained in a round void because thresholds were missed, whether some solution met the training
    /// threshold
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
        if (meeting == 0) return outcome;
        _leaveOut(evidence, out, outcome.winner);
        for (uint256 next = _best(evidence, out); next < out.length; next = _best(evidence, out)) {
            if (outcome.ommers == 0) outcome.bestOmmer = next;
            ++outcome.ommers;
            _leaveOut(evidence, out, next);
        }
    }

    /// @return able true when a solution may win or be an ommer: the committee evaluated it and no claim of it is false
    function qualifies(Evidence memory evidence, Solution memory solution) internal pure returns (bool able) {
        return findingOf(evidence, solution).verdict == Verdict.Ok && !isProvenBad(evidence, solution);
    }

    /// @return enough true when a finding meets the task's thresholds
    function meets(Evidence memory evidence, Solution memory solution) internal pure returns (bool enough) {
        if (!_meetsTraining(evidence, solution)) return false;
        TaskTerms memory terms = evidence.terms;
        uint256 test = findingOf(evidence, solution).testCorrect * BPS;
        return !evidence.released || test >= uint256(terms.requiredTestAccuracy) * terms.testCount;
    }

    /// @return correct what solutions are ranked by: the lesser of claim and finding, on the test set where there is
    /// one
    function score(Evidence memory evidence, Solution memory solution) internal pure returns (uint32 correct) {
        Finding memory found = findingOf(evidence, solution);
        if (evidence.released) return _lesser(solution.claimedTestCorrect, found.testCorrect);
        return _lesser(solution.claimedTrainCorrect, found.trainCorrect);
    }

    /// @return bad true when the committee found that there is no such model or that it is worse than claimed
    function isProvenBad(Evidence memory evidence, Solution memory solution) internal pure returns (bool bad) {
        Finding memory found = findingOf(evidence, solution);
        if (found.verdict != Verdict.Ok) {
            return found.verdict == Verdict.Malformed || found.verdict == Verdict.Unavailable;
        }
        if (solution.claimedTrainCorrect > found.trainCorrect) return true;
        return evidence.released && solution.claimedTestCorrect > found.testCorrect;
    }

    /// @return found of the model that a solution showed
    function findingOf(
        Evidence memory evidence,
        Solution memory solution
    ) internal pure returns (Finding memory found) {
        return evidence.findings[solution.choice - 1];
    }

    function _meetsTraining(Evidence memory evidence, Solution memory solution) private pure returns (bool) {
        TaskTerms memory terms = evidence.terms;
        uint256 train = findingOf(evidence, solution).trainCorrect * BPS;
        return train >= uint256(terms.requiredTrainAccuracy) * terms.trainCount;
    }

    /// @dev Who trained as well as was asked is not to blame for a test threshold.
    function _findTrained(Evidence memory evidence, Outcome memory outcome) private pure {
        bool[] memory out = new bool[](evidence.judged.length);
        for (uint256 n = 0; n < out.length; ++n) {
            Solution memory solution = evidence.judged[n];
            out[n] = !qualifies(evidence, solution) || !_meetsTraining(evidence, solution);
            if (!out[n]) outcome.hasTrained = true;
        }
        if (outcome.hasTrained) outcome.trained = _best(evidence, out);
    }

    /// @dev What is proven of the data comes before what could not be had of them.
    /// @return voidReason None where somebody wins
    /// @return meeting how many of those that qualify meet the thresholds
    function _contest(Evidence memory evidence) private pure returns (VoidReason voidReason, uint256 meeting) {
        if (_isFound(evidence, Verdict.DataFault)) return (VoidReason.DataFault, 0);
        if (_isFound(evidence, Verdict.DataUnavailable)) return (VoidReason.DataUnavailable, 0);
        uint256 qualified = 0;
        for (uint256 n = 0; n < evidence.judged.length; ++n) {
            Solution memory solution = evidence.judged[n];
            if (!qualifies(evidence, solution)) continue;
            ++qualified;
            if (meets(evidence, solution)) ++meeting;
        }
        if (qualified == 0) {
            return (_isFound(evidence, Verdict.None) ? VoidReason.NoQuorum : VoidReason.NoneQualified, 0);
        }
        bool isMissed = meeting == 0 && evidence.closedEarly;
        return (isMissed ? VoidReason.ThresholdMissed : VoidReason.None, meeting);
    }

    function _isFound(Evidence memory evidence, Verdict verdict) private pure returns (bool) {
        for (uint256 choice = 0; choice < evidence.findings.length; ++choice) {
            if (evidence.findings[choice].verdict == verdict) return true;
        }
        return false;
    }

    function _outOfContest(Evidence memory evidence, bool someMeet) private pure returns (bool[] memory out) {
        out = new bool[](evidence.judged.length);
        for (uint256 n = 0; n < out.length; ++n) {
            Solution memory solution = evidence.judged[n];
            out[n] = !qualifies(evidence, solution) || (someMeet && !meets(evidence, solution));
        }
    }

    /// @dev A model counts once, whoever showed it.
    function _leaveOut(Evidence memory evidence, bool[] memory out, uint256 index) private pure {
        for (uint256 n = 0; n < out.length; ++n) {
            if (evidence.judged[n].choice == evidence.judged[index].choice) out[n] = true;
        }
    }

    /// @return best the highest score that is not out, among equals the lower order; as many as there are where all are
    /// out
    function _best(Evidence memory evidence, bool[] memory out) private pure returns (uint256 best) {
        best = out.length;
        uint32 highest = 0;
        for (uint256 n = 0; n < out.length; ++n) {
            if (out[n]) continue;
            uint32 reached = score(evidence, evidence.judged[n]);
            bool isFirst = best == out.length;
            bool isBetter = !isFirst && reached > highest;
            bool isEarlier = !isFirst && reached == highest && evidence.judged[n].order < evidence.judged[best].order;
            if (isFirst || isBetter || isEarlier) (best, highest) = (n, reached);
        }
    }

    function _lesser(uint32 a, uint32 b) private pure returns (uint32) {
        return a < b ? a : b;
    }
}
