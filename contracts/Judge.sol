// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ending, IJudge, Ruling} from "./interfaces/IJudge.sol";
import {IPoLeChain, Ommer, PayoutReason, Round, Solution, VoidReason} from "./interfaces/IPoLeChain.sol";
import {Finding, IVerifierCommittee} from "./interfaces/IVerifierCommittee.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Ballots} from "./libraries/Ballots.sol";
import {Judgement} from "./libraries/Judgement.sol";
import {OmmerRewards} from "./libraries/OmmerRewards.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {Ranking} from "./libraries/Ranking.sol";
import {Settlement} from "./libraries/Settlement.sol";

/// @title Judge: the rules by which a round ends; IJudge says what it does.
/// @dev A contract of its own so that PoLeChain stays under the size limit of EIP-170. PoLeChain makes it and asks nobody else.
contract Judge is IJudge {
    using Payouts for Payouts.List;

    /// @inheritdoc IJudge
    function choose(
        Solution[] calldata solutions,
        address dataNode,
        uint256 revealed,
        uint256 most,
        uint256 threshold,
        bool released
    ) external pure override returns (bytes32 judged, address[] memory miners, address[] memory barred) {
        Solution[] memory all = solutions;
        uint256[] memory best = Ranking.rank(all, revealed, most, threshold, released);
        return (Ranking.pack(best), Ranking.minersAt(all, best), Ranking.barredFrom(all, dataNode));
    }

    /// @inheritdoc IJudge
    function ruleOn(uint256 roundId) external view override returns (Ruling memory ruling) {
        IPoLeChain chain = IPoLeChain(msg.sender);
        Round memory ended = chain.round(roundId);
        IPoLeChain.Parameters memory chosen = chain.parameters();
        ruling = _rule(_endingOf(chain, roundId, ended, chosen));
        if (ruling.voidReason != VoidReason.None) return ruling;
        if (OmmerRewards.isCovered(chosen.blockReward, ended.task.terms.fee, chosen.feeMarginBps)) {
            _drawFromPool(chain, chosen.blockReward, ruling);
        } else {
            // The block that pays for an ommer must not be somebody else's: its own task's fee stood for one.
            delete ruling.ommer;
        }
    }

    /// @inheritdoc IJudge
    function rule(Ending calldata ending) external pure override returns (Ruling memory ruling) {
        return _rule(ending);
    }

    function _endingOf(
        IPoLeChain chain,
        uint256 roundId,
        Round memory ended,
        IPoLeChain.Parameters memory chosen
    ) private view returns (Ending memory ending) {
        IVerifierCommittee committee = chain.committee();
        ending.early = _earlyVoidReason(ended);
        ending.dataNode = ended.task.owner;
        ending.revealed = ended.revealed;
        ending.solutions = chain.solutions(roundId);
        ending.evidence.terms = ended.task.terms;
        ending.evidence.released = ended.releasedAt != 0;
        // Nobody may win an idle round by being the only one: its time always runs out.
        ending.evidence.closedEarly = ended.closedAt != 0 || ended.taskId == 0;
        ending.evidence.tolerance = committee.parameters().tolerance;
        ending.verificationFeeBps = chosen.verificationFeeBps;
        ending.faultShareBps = chosen.faultShareBps;
        ending.minerBond = Settlement.minerBond(ended.task.terms.reward, chosen.minerBond, chosen.minerBondBps);
        ending.challengeBond = chosen.challengeBond;
        ending.challenger = ended.challenger;
        ending.ballotId = Ballots.idOf(roundId, ended.attempt);
        ending.challengedId = Ballots.idOf(roundId, ended.challenged);
        if (ended.entropy != 0) ending.evidence.findings = committee.findings(ending.ballotId);
        if (ended.challenger != address(0)) ending.challenged = committee.findings(ending.challengedId);
    }

    /// @dev Adds what the block draws from the pool, all or none. A fee that covers it went into the pool with the task, so the pool holds enough by
    /// construction; the check keeps a flaw elsewhere from stopping the round.
    function _drawFromPool(IPoLeChain chain, uint256 blockReward, Ruling memory ruling) private view {
        uint256 next = chain.height() + 1;
        Ommer memory ommer = _bestOmmer(chain, next);
        address winner = ruling.winner.miner;
        ruling.payouts.add(winner, PayoutReason.BlockReward, blockReward);
        if (ommer.count > 0) {
            uint256 reward = OmmerRewards.reward(blockReward, next - ommer.height, ommer.count);
            ruling.payouts.add(winner, PayoutReason.OmmerInclusion, OmmerRewards.inclusion(blockReward));
            ruling.payouts.add(ommer.miner, PayoutReason.OmmerReward, reward);
        }
        bool isHeld =
            chain.reservoir().balanceOf(address(chain), Accounts.POOL) >= ruling.payouts.totalFrom(ruling.own);
        if (isHeld) ruling.referenced = ommer;
        else ruling.payouts.count = ruling.own;
    }

    /// @return best unreferenced ommer that the block at height `next` may reference; ties go to the lower height; its count is 0 when there is none
    function _bestOmmer(IPoLeChain chain, uint256 next) private view returns (Ommer memory best) {
        uint256 oldest = next > OmmerRewards.MAX_AGE ? next - OmmerRewards.MAX_AGE : 1;
        for (uint256 height = oldest; height < next; ++height) {
            Ommer memory ommer = chain.ommerAt(height);
            if (ommer.count == 0 || ommer.referenced) continue;
            if (best.count == 0 || OmmerRewards.isBetter(ommer, best)) best = ommer;
        }
    }

    function _rule(Ending memory ended) private pure returns (Ruling memory ruling) {
        Judgement.Evidence memory evidence = ended.evidence;
        evidence.judged = Ranking.judgedOf(ended.solutions, evidence.findings.length);
        ruling.voidReason = ended.early;
        if (ended.early == VoidReason.None) _judge(ruling, evidence);
        (ruling.findings, ruling.ballotId, ruling.challengedId) = (
            evidence.findings,
            ended.ballotId,
            ended.challengedId
        );
        if (Settlement.isOverturned(ended)) ruling.informer = ended.challenger;
        ruling.fee = Settlement.verificationFee(ended, ruling.voidReason);
        ruling.payouts = Settlement.divide(ended, ruling.voidReason, ruling.winner.miner, ruling.fee);
        ruling.own = ruling.payouts.count;
        ruling.fee += Settlement.forfeitedChallenge(ended);
    }

    function _judge(Ruling memory ruling, Judgement.Evidence memory evidence) private pure {
        Judgement.Outcome memory outcome = Judgement.judge(evidence);
        ruling.voidReason = outcome.voidReason;
        if (outcome.voidReason != VoidReason.None) return;
        ruling.winner = evidence.judged[outcome.winner];
        ruling.trainCorrect = evidence.findings[outcome.winner].trainCorrect;
        ruling.testCorrect = evidence.findings[outcome.winner].testCorrect;
        if (outcome.ommers > 0) ruling.ommer = _ommerOf(evidence, outcome);
    }

    function _ommerOf(
        Judgement.Evidence memory evidence,
        Judgement.Outcome memory outcome
    ) private pure returns (Ommer memory ommer) {
        ommer.miner = evidence.judged[outcome.bestOmmer].miner;
        ommer.modelDigest = evidence.judged[outcome.bestOmmer].modelDigest;
        Finding memory found = evidence.findings[outcome.bestOmmer];
        (ommer.correct, ommer.total) =
            evidence.released
                ? (found.testCorrect, evidence.terms.testCount)
                : (found.trainCorrect, Judgement.trainBase(evidence.terms));
        ommer.count = uint16(outcome.ommers);
    }

    /// @dev In Settlement only: before, a round has no outcome.
    function _earlyVoidReason(Round memory ended) private pure returns (VoidReason) {
        if (ended.keysAt == 0) return VoidReason.KeysMissing;
        if (ended.committed == 0) return VoidReason.NoCommitment;
        if (ended.revealed == 0) return VoidReason.NothingRevealed;
        return ended.committeeTooSmall ? VoidReason.CommitteeTooSmall : VoidReason.None;
    }
}
