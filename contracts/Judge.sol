// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ending, IJudge, Ruling} from "./interfaces/IJudge.sol";
import {Ommer, Solution, VoidReason} from "./interfaces/IPoLeChain.sol";
import {Finding} from "./interfaces/IVerifierCommittee.sol";
import {Judgement} from "./libraries/Judgement.sol";
import {Ranking} from "./libraries/Ranking.sol";
import {Settlement} from "./libraries/Settlement.sol";

/// @title Judge: the rules by which a round ends; IJudge says what it does.
/// @dev A contract of its own so that PoLeChain stays under the size limit of EIP-170. PoLeChain makes it and asks nobody else.
contract Judge is IJudge {
    /// @inheritdoc IJudge
    function choose(
        Solution[] calldata solutions,
        address dataNode,
        uint256 revealed,
        uint256 most,
        bool released
    ) external pure override returns (bytes32 judged, address[] memory miners, address[] memory barred) {
        Solution[] memory all = solutions;
        uint256[] memory best = Ranking.rank(all, revealed, most, released);
        return (Ranking.pack(best), Ranking.minersAt(all, best), Ranking.barredFrom(all, dataNode));
    }

    /// @inheritdoc IJudge
    function rule(Ending calldata ending) external pure override returns (Ruling memory ruling) {
        Ending memory ended = ending;
        Judgement.Evidence memory evidence = ended.evidence;
        evidence.judged = Ranking.judgedOf(ended.solutions, evidence.findings.length);
        ruling.voidReason = ended.early;
        if (ended.early == VoidReason.None) _judge(ruling, evidence);
        ruling.fee = Settlement.verificationFee(evidence, ruling.voidReason, ended.verificationFeeBps);
        ruling.payouts = Settlement.divide(ended, ruling.voidReason, ruling.winner.miner, ruling.fee);
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
}
