// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPoLeChain, Phase, Round, VoidReason} from "../interfaces/IPoLeChain.sol";
import {Ballot, BallotStage} from "../interfaces/IVerifierCommittee.sol";
import {Ballots} from "./Ballots.sol";

/// @title Phases: where a round or a ballot stands, from stored timestamps and the clock.
/// @dev A deadline is the first second that is too late.
library Phases {
    /// @notice Where a round stands before its committee is drawn or after it was settled. A drawn, unsettled round is told by its ballot.
    /// @return phase Draw also for a round whose committee has been drawn
    /// @return deadline when the phase ends at the latest, 0 where no clock ends it
    function beforeBallot(
        Round storage round,
        IPoLeChain.Parameters storage windows
    ) internal view returns (Phase phase, uint64 deadline) {
        if (round.openedAt == 0) return (Phase.None, 0);
        if (round.settled) return (round.voidReason == VoidReason.None ? Phase.Final : Phase.Void, 0);
        if (round.keysAt == 0) return _until(round.openedAt + windows.keyWindow, Phase.Keys, Phase.Settlement);

        uint64 trainingEnd = round.closedAt == 0 ? round.keysAt + round.task.terms.timeLimit : round.closedAt;
        if (round.closedAt == 0 && block.timestamp < trainingEnd) return (Phase.Training, trainingEnd);
        if (round.committed == 0) return (Phase.Settlement, 0);
        return _afterTraining(round, windows, trainingEnd);
    }

    /// @param ballot that of the round's newest attempt
    /// @return phase of an unsettled round of which a committee has been drawn
    /// @return deadline when the phase ends at the latest, 0 where no clock ends it
    function duringBallot(
        Round storage round,
        IPoLeChain.Parameters storage windows,
        Ballot memory ballot
    ) internal view returns (Phase phase, uint64 deadline) {
        BallotStage stage = stageOf(ballot);
        if (stage == BallotStage.None) return (Phase.Draw, 0);
        if (stage == BallotStage.Commit) return (Phase.VoteCommit, ballot.commitDeadline);
        if (stage == BallotStage.Reveal) return (Phase.VoteReveal, ballot.revealDeadline);
        if (!_canGrow(round, windows, ballot)) return (Phase.Settlement, 0);
        return _until(_closesAt(ballot) + windows.challengeWindow, Phase.Challenge, Phase.Settlement);
    }

    /// @return stage of a ballot. Commitments end at their deadline, which the last of them moves to its own time; so do reveals, which are not waited
    /// for when nobody committed.
    function stageOf(Ballot memory ballot) internal view returns (BallotStage stage) {
        if (ballot.seats == 0) return BallotStage.None;
        if (ballot.settled) return BallotStage.Settled;
        if (block.timestamp < ballot.commitDeadline) return BallotStage.Commit;
        return block.timestamp < _closesAt(ballot) ? BallotStage.Reveal : BallotStage.Closed;
    }

    function _afterTraining(
        Round storage round,
        IPoLeChain.Parameters storage windows,
        uint64 trainingEnd
    ) private view returns (Phase, uint64) {
        uint64 revealStart = round.releasedAt == 0 ? trainingEnd + windows.testWindow : round.releasedAt;
        if (block.timestamp < revealStart) return (Phase.TestRelease, revealStart);
        Phase afterwards = round.revealed == 0 || round.committeeTooSmall ? Phase.Settlement : Phase.Draw;
        if (round.revealed == round.committed) return (afterwards, 0);
        return _until(revealStart + windows.revealWindow, Phase.Reveal, afterwards);
    }

    /// @dev Whether a larger committee could be drawn to judge anew.
    function _canGrow(
        Round storage round,
        IPoLeChain.Parameters storage sizes,
        Ballot memory ballot
    ) private view returns (bool) {
        if (round.dropped || round.attempt == Ballots.LAST_ATTEMPT) return false;
        return ballot.seats < sizes.maxCommittee && ballot.seats < ballot.eligible;
    }

    function _closesAt(Ballot memory ballot) private pure returns (uint64) {
        return ballot.committed == 0 ? ballot.commitDeadline : ballot.revealDeadline;
    }

    function _until(uint64 end, Phase during, Phase afterwards) private view returns (Phase, uint64) {
        return block.timestamp < end ? (during, end) : (afterwards, 0);
    }
}
