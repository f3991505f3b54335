// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Challenge, Ending, IJudge, Ruling} from "./interfaces/IJudge.sol";
import {Ommer} from "./interfaces/ILedger.sol";
import {IPoLeChain, PayoutReason, Round, Solution, Step, VoidReason} from "./interfaces/IPoLeChain.sol";
import {Finding, IVerifierCommittee} from "./interfaces/IVerifierCommittee.sol";
import {Accounts} from "./libraries/encoding/Accounts.sol";
import {Ballots} from "./libraries/ballots/Ballots.sol";
import {Judgement} from "./libraries/rounds/Judgement.sol";
import {OmmerRewards} from "./libraries/money/OmmerRewards.sol";
import {Payouts} from "./libraries/money/Payouts.sol";
import {Settlement} from "./libraries/money/Settlement.sol";
import {Solutions} from "./libraries/rounds/Solutions.sol";

/// @title Judge: the rules by which a round ends; IJudge says what it does.
/// @dev A contract of its own so that PoLeChain stays under the size limit of EIP-170. PoLeChain makes it and asks
/// nobody else.
contract Judge is IJudge {
    using Payouts for Payouts.List;

    /// @inheritdoc IJudge
    function ruleOn(uint256 roundId) external view override returns (Ruling memory ruling) {
        IPoLeChain chain = IPoLeChain(msg.sender);
        Round memory ended = chain.round(roundId);
        IPoLeChain.Parameters memory chosen = chain.parameters();
        Payouts.List memory list;
        (ruling, list) = _rule(_endingOf(chain, roundId, ended, chosen));
        if (ruling.voidReason == VoidReason.None) {
            (ruling.header.roundId, ruling.header.taskId) = (roundId, ended.taskId);
            if (OmmerRewards.isCovered(chosen.blockReward, ended.task.terms.fee, chosen.feeMarginBps)) {
                ruling.referenced = _drawFromPool(chain, chosen.blockReward, ruling.header.winner, list);
            } else {
                // The block that pays for an ommer must not be somebody else's: its own task's fee stood for one.
                delete ruling.left;
            }
        }
        ruling.payouts = list.all();
    }

    /// @inheritdoc IJudge
    function rule(Ending calldata ending) external pure override returns (Ruling memory ruling) {
        Payouts.List memory list;
        (ruling, list) = _rule(ending);
        ruling.payouts = list.all();
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
        ending.solutions = chain.solutions(roundId);
        ending.evidence.terms = ended.task.terms;
        ending.evidence.released = ended.released;
        // Nobody may win an idle round by being the only one: its time always runs out.
        ending.evidence.closedEarly = ended.closedEarly || ended.taskId == 0;
        ending.verificationFeeBps = chosen.verificationFeeBps;
        ending.faultShareBps = chosen.faultShareBps;
        ending.missedShareBps = chosen.missedShareBps;
        ending.minerBondBps = chosen.minerBondBps;
        ending.readyBondBps = chosen.readyBondBps;
        ending.minerBond = chosen.minerBond;
        ending.dropped = ended.dropped;
        ending.ballotId = Ballots.idOf(roundId, ended.attempt);
        if (ended.taskId != 0) _addRent(chain, ended, ending);
        if (ended.entropy == 0) return ending;
        Finding[][] memory found = committee.allFindings(ending.ballotId);
        ending.evidence.findings = found[ended.attempt];
        for (uint256 attempt = 0; attempt < ending.challenges.length; ++attempt) {
            if (ended.challengers[attempt] == address(0)) continue;
            uint256 bond = chain.challengeBond(roundId, attempt);
            ending.challenges[attempt] = Challenge(ended.challengers[attempt], bond, found[attempt]);
        }
    }

    /// @dev What the owner pays for the seconds that the round took, and what it paid for all of its duration.
    function _addRent(IPoLeChain chain, Round memory ended, Ending memory ending) private view {
        (uint256 rent, uint256 duration) = chain.taskList().rentOf(ended.task.terms);
        uint256 taken = block.timestamp - ended.openedAt;
        (ending.rent, ending.used) = (rent, taken < duration ? (rent * taken) / duration : rent);
    }

    /// @dev Adds what the block draws from the pool, all or none. A fee that covers it went into the pool with the
    /// task, so the pool holds enough by construction; the check keeps a flaw elsewhere from stopping the round.
    /// @return ommer that the block references
    function _drawFromPool(
        IPoLeChain chain,
        uint256 blockReward,
        address winner,
        Payouts.List memory list
    ) private view returns (Ommer memory ommer) {
        uint256 own = list.count;
        uint256 next = chain.ledger().height() + 1;
        uint256 lanes = chain.lanes();
        ommer = chain.ledger().ommer();
        uint256 age = OmmerRewards.ageOf(ommer.height, next, lanes);
        if (age > OmmerRewards.MAX_AGE) delete ommer;
        list.add(winner, PayoutReason.BlockReward, blockReward);
        if (ommer.count > 0) {
            list.add(winner, PayoutReason.OmmerInclusion, OmmerRewards.inclusion(blockReward));
            list.add(ommer.miner, PayoutReason.OmmerReward, OmmerRewards.reward(blockReward, age, ommer.count));
        }
        uint256 held = chain.reservoir().balanceOf(address(chain), Accounts.POOL);
        if (held >= list.totalFrom(own)) return ommer;
        list.count = own;
        delete ommer;
    }

    /// @return ruling but for its payouts
    /// @return list of the payouts of the round's account
    function _rule(Ending memory ended) private pure returns (Ruling memory ruling, Payouts.List memory list) {
        Judgement.Evidence memory evidence = ended.evidence;
        evidence.judged = Solutions.judgedOf(ended.solutions);
        ruling.voidReason = ended.early;
        address payee = address(0);
        if (ended.early == VoidReason.None) payee = _judge(ruling, evidence);
        (ruling.findings, ruling.ballotId) = (evidence.findings, ended.ballotId);
        ruling.fee = Settlement.verificationFee(ended, ruling.voidReason);
        list = Settlement.divide(ended, ruling.voidReason, payee, ruling.fee);
        ruling.own = list.count;
        ruling.fee += Settlement.spentOnChallenges(ended);
    }

    /// @return payee winner, or who trained best where the test threshold was missed; 0 for nobody
    function _judge(Ruling memory ruling, Judgement.Evidence memory evidence) private pure returns (address payee) {
        Judgement.Outcome memory outcome = Judgement.judge(evidence);
        ruling.voidReason = outcome.voidReason;
        if (outcome.hasTrained) return evidence.judged[outcome.trained].miner;
        if (outcome.voidReason != VoidReason.None) return address(0);
        Solution memory winner = evidence.judged[outcome.winner];
        Finding memory found = Judgement.findingOf(evidence, winner);
        (ruling.header.winner, ruling.header.modelDigest) = (winner.miner, winner.modelDigest);
        (ruling.header.trainCorrect, ruling.header.testCorrect) = (found.trainCorrect, found.testCorrect);
        if (outcome.ommers > 0) ruling.left = _ommerOf(evidence, outcome);
        return ruling.header.winner;
    }

    function _ommerOf(
        Judgement.Evidence memory evidence,
        Judgement.Outcome memory outcome
    ) private pure returns (Ommer memory ommer) {
        ommer.miner = evidence.judged[outcome.bestOmmer].miner;
        ommer.modelDigest = evidence.judged[outcome.bestOmmer].modelDigest;
        Finding memory found = Judgement.findingOf(evidence, evidence.judged[outcome.bestOmmer]);
        (ommer.correct, ommer.total) =
            evidence.released
                ? (found.testCorrect, evidence.terms.testCount)
                : (found.trainCorrect, evidence.terms.trainCount);
        ommer.count = uint16(outcome.ommers);
    }

    /// @dev In Settlement only: before, a round has no outcome.
    function _earlyVoidReason(Round memory ended) private pure returns (VoidReason) {
        if (ended.step < Step.Keyed) return VoidReason.KeysMissing;
        if (ended.committed == 0) return VoidReason.NoCommitment;
        if (ended.revealed == 0) return VoidReason.NothingRevealed;
        return ended.committeeTooSmall ? VoidReason.CommitteeTooSmall : VoidReason.None;
    }
}
