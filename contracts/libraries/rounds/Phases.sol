// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPoLeChain, Phase, Round, Step, VoidReason} from "../../interfaces/IPoLeChain.sol";
import {Ballot, BallotStage} from "../../interfaces/IVerifierCommittee.sol";
import {Ballots} from "../ballots/Ballots.sol";

/// @title Phases: where a round or a ballot stands, from what is stored and the clock.
/// @dev A window is over when its seconds and its Ethereum blocks both are: a deadline is the first second, and the
/// first block, that is too late. Where another window follows, it begins with a transaction, so that a chain that
/// stood still shortens none.
library Phases {
    /// @notice A phase, and when it ends at the latest or may be ended by anybody; 0 and 0 where no clock ends it.
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
        BallotStage stage = ballot.stage;
        if (stage == BallotStage.None) return Stand(Phase.Draw, 0, 0);
        if (stage == BallotStage.Commit) return Stand(Phase.VoteCommit, ballot.deadline, ballot.deadlineBlock);
        if (stage == BallotStage.Reveal) return Stand(Phase.VoteReveal, ballot.deadline, ballot.deadlineBlock);
        bool canGrow = !round.dropped && round.attempt < Ballots.LAST_ATTEMPT && ballot.seats < size;
        if (!canGrow) return Stand(Phase.Settlement, 0, 0);
        uint256 end = uint256(ballot.deadline) + windows.challengeWindow;
        return _before(end, uint256(ballot.deadlineBlock) + windows.windowBlocks, Phase.Challenge, Phase.Settlement);
    }

    /// @return over true once a window's time and block are both reached
    function isOver(uint256 end, uint256 endBlock) internal view returns (bool over) {
        return block.timestamp >= end && block.number >= endBlock;
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
        // After its window somebody has to say that no test set is waited for any more.
        if (round.step == Step.Closed) {
            return
                Stand(
                    Phase.TestRelease,
                    uint64(round.since) + windows.testWindow,
                    uint64(round.sinceBlock) + windows.windowBlocks
                );
        }
        Phase afterwards = round.revealed == 0 || round.committeeTooSmall ? Phase.Settlement : Phase.Draw;
        if (round.revealed == round.committed) return Stand(afterwards, 0, 0);
        return _until(round, windows.revealWindow, windows, Phase.Reveal, afterwards);
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
        return isOver(end, endBlock) ? Stand(afterwards, 0, 0) : Stand(during, uint64(end), uint64(endBlock));
    }
}
