// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPoLeChain, Phase, Round, VoidReason} from "../interfaces/IPoLeChain.sol";
import {Ballot, BallotStage} from "../interfaces/IVerifierCommittee.sol";

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

    /// @return phase of a drawn, unsettled round
    /// @return deadline when the phase ends at the latest, 0 where no clock ends it
    function duringBallot(Ballot memory ballot) internal view returns (Phase phase, uint64 deadline) {
        BallotStage stage = stageOf(ballot);
        if (stage == BallotStage.Commit) return (Phase.VoteCommit, ballot.commitDeadline);
        if (stage == BallotStage.Reveal) return (Phase.VoteReveal, ballot.revealDeadline);
        return (Phase.Settlement, 0);
    }

    /// @return stage of a ballot. Commitments end at their deadline, which the last of them moves to its own time; reveals end at theirs or
    /// when every commitment is revealed.
    function stageOf(Ballot memory ballot) internal view returns (BallotStage stage) {
        if (ballot.seats == 0) return BallotStage.None;
        if (ballot.settled) return BallotStage.Settled;
        if (block.timestamp < ballot.commitDeadline) return BallotStage.Commit;
        bool pending = ballot.revealed != ballot.committed && block.timestamp < ballot.revealDeadline;
        return pending ? BallotStage.Reveal : BallotStage.Closed;
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

    function _until(uint64 end, Phase during, Phase afterwards) private view returns (Phase, uint64) {
        return block.timestamp < end ? (during, end) : (afterwards, 0);
    }
}
