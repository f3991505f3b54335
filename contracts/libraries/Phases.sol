// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPoLeChain, Phase, Round, Step, VoidReason} from "../interfaces/IPoLeChain.sol";
import {Ballot, BallotStage} from "../interfaces/IVerifierCommittee.sol";
import {Ballots} from "./Ballots.sol";

/// @title Phases: where a round or a ballot stands, from what is stored and the clock.
/// @dev A window is over when its seconds and its Ethereum blocks both are: a deadline is the first second, and the
/// first block, that is too late.
library Phases {
    /// @notice A phase, and when it ends at the latest; 0 and 0 where no clock ends it.
    struct Stand {
        Phase phase;
        uint64 deadline;
        uint64 deadlineBlock;
    }

    /// @notice Where a round stands before its committee is drawn or after it was settled. A drawn, unsettled round is
    /// told by its ballot.
    /// @return stand Draw also for a round whose committee has been drawn
    function beforeBallot(
        Round storage round,
        IPoLeChain.Parameters storage windows
    ) internal view returns (Stand memory stand) {
        Step step = round.step;
        if (step == Step.None) return Stand(Phase.None, 0, 0);
        if (round.settled) return Stand(round.voidReason == VoidReason.None ? Phase.Final : Phase.Void, 0, 0);
        if (step == Step.Opened) return Stand(Phase.Seed, 0, 0);
        if (step == Step.Seeded) return _until(round, windows.keyWindow, windows, Phase.Keys, Phase.Settlement);
        if (step == Step.Keyed) return _training(round, windows);
        return _afterTraining(round, windows);
    }

    /// @param ballot that of the round's newest attempt
    /// @param size seats that its committee could have had at most
    /// @return stand of an unsettled round of which a committee has been drawn
    function duringBallot(
        Round storage round,
        IPoLeChain.Parameters storage windows,
        Ballot memory ballot,
        uint256 size
    ) internal view returns (Stand memory stand) {
        BallotStage stage = stageOf(ballot);
        if (stage == BallotStage.None) return Stand(Phase.Draw, 0, 0);
        if (stage == BallotStage.Commit) return Stand(Phase.VoteCommit, ballot.commitDeadline, ballot.commitBlock);
        if (stage == BallotStage.Reveal) return Stand(Phase.VoteReveal, ballot.revealDeadline, ballot.revealBlock);
        bool canGrow = !round.dropped && round.attempt < Ballots.LAST_ATTEMPT && ballot.seats < size;
        if (!canGrow) return Stand(Phase.Settlement, 0, 0);
        (uint64 end, uint64 endBlock) = _closing(ballot);
        return
            _before(end + windows.challengeWindow, endBlock + windows.windowBlocks, Phase.Challenge, Phase.Settlement);
    }

    /// @return stage of a ballot, whose seats are 0 before it is drawn
    function stageOf(Ballot memory ballot) internal view returns (BallotStage stage) {
        if (ballot.seats == 0) return BallotStage.None;
        if (ballot.settled) return BallotStage.Settled;
        if (!_isOver(ballot.commitDeadline, ballot.commitBlock)) return BallotStage.Commit;
        (uint64 end, uint64 endBlock) = _closing(ballot);
        return _isOver(end, endBlock) ? BallotStage.Closed : BallotStage.Reveal;
    }

    /// @dev Where nobody commits, training is over after the grace. After its time limit somebody has to close.
    function _training(
        Round storage round,
        IPoLeChain.Parameters storage windows
    ) private view returns (Stand memory stand) {
        uint32 limit = round.task.terms.timeLimit;
        if (round.committed > 0) return _until(round, limit, windows, Phase.Training, Phase.TestRelease);
        uint32 grace = windows.graceWindow < limit ? windows.graceWindow : limit;
        return _until(round, grace, windows, Phase.Training, Phase.Settlement);
    }

    function _afterTraining(
        Round storage round,
        IPoLeChain.Parameters storage windows
    ) private view returns (Stand memory stand) {
        (uint256 end, uint256 endBlock) = (round.since, round.sinceBlock);
        if (round.step == Step.Closed) {
            (end, endBlock) = (end + windows.testWindow, endBlock + windows.windowBlocks);
            if (!_isOver(end, endBlock)) return _before(end, endBlock, Phase.TestRelease, Phase.Reveal);
        }
        Phase afterwards = round.revealed == 0 || round.committeeTooSmall ? Phase.Settlement : Phase.Draw;
        if (round.revealed == round.committed) return Stand(afterwards, 0, 0);
        return _before(end + windows.revealWindow, endBlock + windows.windowBlocks, Phase.Reveal, afterwards);
    }

    /// @dev Where nobody committed a vote there is none to wait for.
    function _closing(Ballot memory ballot) private pure returns (uint64 end, uint64 endBlock) {
        if (ballot.committed == 0) return (ballot.commitDeadline, ballot.commitBlock);
        return (ballot.revealDeadline, ballot.revealBlock);
    }

    /// @dev A window from the round's last step on.
    function _until(
        Round storage round,
        uint32 window,
        IPoLeChain.Parameters storage windows,
        Phase during,
        Phase afterwards
    ) private view returns (Stand memory stand) {
        return
            _before(
                uint256(round.since) + window,
                uint256(round.sinceBlock) + windows.windowBlocks,
                during,
                afterwards
            );
    }

    function _before(
        uint256 end,
        uint256 endBlock,
        Phase during,
        Phase afterwards
    ) private view returns (Stand memory stand) {
        return _isOver(end, endBlock) ? Stand(afterwards, 0, 0) : Stand(during, uint64(end), uint64(endBlock));
    }

    function _isOver(uint256 end, uint256 endBlock) private view returns (bool) {
        return block.timestamp >= end && block.number >= endBlock;
    }
}
