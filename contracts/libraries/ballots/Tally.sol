// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Finding, Verdict, Vote} from "../../interfaces/IVerifierCommittee.sol";
import {Ballots} from "./Ballots.sol";

/// @title Tally: what a committee's votes agree on, and what each of them is worth.
/// @dev Votes are packed: verdict 8 bits, train count 32, test count 32, fingerprint 56, from the top. Members that
/// voted alike share a cast, so an honest committee has one.
library Tally {
    /// @notice Equal votes of several members.
    /// @param members that cast them: bit n, from the lowest, for member n
    /// @param count how many these are
    /// @param votes packed, by choice
    struct Cast {
        uint64 members;
        uint256 count;
        uint128[] votes;
    }

    /// @notice What a cast is worth, by what was found in the end.
    /// @param right votes for a truth that was found
    /// @param isFalse some vote is for another truth than one that its committee, or a later one, found
    /// @param isAlone some vote is for another truth than more than half of all seats cast, where there was no quorum
    /// @param hasAbstained some vote is none where a truth was found
    struct Worth {
        uint256 right;
        bool isFalse;
        bool isAlone;
        bool hasAbstained;
    }

    /// @return packed vote, with the first seven bytes of the predictions' digest as fingerprint
    function pack(Vote memory vote) internal pure returns (uint128 packed) {
        uint56 fingerprint = uint56(bytes7(vote.predictions));
        return _pack(Finding(vote.verdict, vote.trainCorrect, vote.testCorrect, fingerprint));
    }

    /// @return packed by choice
    function packAll(Finding[] memory found) internal pure returns (uint128[] memory packed) {
        packed = new uint128[](found.length);
        for (uint256 choice = 0; choice < found.length; ++choice) {
            packed[choice] = _pack(found[choice]);
        }
    }

    /// @return found what was packed
    function unpack(uint128 packed) internal pure returns (Finding memory found) {
        return Finding(_verdictOf(packed), uint32(packed >> 88), uint32(packed >> 56), uint56(packed));
    }

    /// @return truth true for a verdict about the model or the data, false for an abstention and for none
    function isTruth(Verdict verdict) internal pure returns (bool truth) {
        return verdict == Verdict.Ok || verdict == Verdict.Malformed || verdict == Verdict.DataFault;
    }

    /// @notice The vote on a choice that more than half of all that were revealed share, if there is one.
    /// @dev Boyer and Moore 1981, with weights: the only vote that can have more than half is the candidate.
    /// @return leading packed vote; of any value where there is none
    /// @return support how many members cast it
    function lead(Cast[] memory casts, uint256 choice) internal pure returns (uint128 leading, uint256 support) {
        uint256 margin = 0;
        for (uint256 n = 0; n < casts.length; ++n) {
            Cast memory cast = casts[n];
            (uint256 count, uint128 vote) = (cast.count, cast.votes[choice]);
            if (vote == leading) margin += count;
            else if (count <= margin) margin -= count;
            else (leading, margin) = (vote, count - margin);
        }
        for (uint256 n = 0; n < casts.length; ++n) {
            Cast memory cast = casts[n];
            if (cast.votes[choice] == leading) support += cast.count;
        }
    }

    /// @param before what stood of each choice before these casts; empty where there was no committee before
    /// @return found what stands of each choice after them: what a quorum cast to the bit, None where there is no
    /// quorum. What stood as a truth stands where this quorum judged nothing, unless more than half of all seats cast
    /// another truth; then nothing is found. So no abstention undoes a truth.
    function findings(
        Finding[] memory before,
        Cast[] memory casts,
        uint256 seats,
        uint256 choices
    ) internal pure returns (Finding[] memory found) {
        found = new Finding[](choices);
        for (uint256 choice = 0; choice < choices; ++choice) {
            (uint128 leading, uint256 support) = lead(casts, choice);
            Finding memory leader = unpack(leading);
            bool isFound = support >= Ballots.quorumOf(seats);
            if (isFound) found[choice] = leader;
            if (before.length == 0 || !isTruth(before[choice].verdict)) continue;
            bool isJudged = isTruth(leader.verdict) && 2 * support > seats;
            if (!isJudged || (!isFound && _agrees(leader, before[choice]))) found[choice] = before[choice];
        }
    }

    /// @return votes for each choice, the truth that more than half of all seats cast, 0 where there is none
    function majorities(
        Cast[] memory casts,
        uint256 seats,
        uint256 choices
    ) internal pure returns (uint128[] memory votes) {
        votes = new uint128[](choices);
        for (uint256 choice = 0; choice < choices; ++choice) {
            (uint128 leading, uint256 support) = lead(casts, choice);
            if (2 * support > seats && isTruth(_verdictOf(leading))) votes[choice] = leading;
        }
    }

    /// @param later by choice, whether a later committee found what was found in the end
    /// @param casts of a committee
    /// @param agreed what was found in the end, packed
    /// @return found by choice, whether that is a truth which this committee's own quorum found, or a later one
    function answered(
        bool[] memory later,
        Cast[] memory casts,
        uint256 seats,
        uint128[] memory agreed
    ) internal pure returns (bool[] memory found) {
        found = new bool[](agreed.length);
        for (uint256 choice = 0; choice < agreed.length; ++choice) {
            (uint128 leading, uint256 support) = lead(casts, choice);
            bool isOwn = support >= Ballots.quorumOf(seats) && _agree(leading, agreed[choice]);
            found[choice] = later[choice] || (isOwn && isTruth(_verdictOf(agreed[choice])));
        }
    }

    /// @param votes of a cast
    /// @param agreed what was found in the end, packed
    /// @param answers `answered` of the cast's committee
    /// @param leading `majorities` of the last committee for a cast of it; empty for one of an earlier committee
    /// @return worth of the cast. A fingerprint binds to its attempt, so it is compared where the last committee found
    /// what was found in the end, and for its own casts alone. Where neither the cast's committee nor a later one found
    /// that, it is not false: it could see what an earlier committee was not shown.
    function worthOf(
        uint128[] memory votes,
        uint128[] memory agreed,
        bool[] memory answers,
        uint128[] memory leading
    ) internal pure returns (Worth memory worth) {
        for (uint256 choice = 0; choice < agreed.length; ++choice) {
            uint128 vote = votes[choice];
            bool isFound = isTruth(_verdictOf(agreed[choice]));
            uint128 majority = leading.length > 0 ? leading[choice] : 0;
            bool isOwn = answers[choice] && leading.length > 0;
            if (!isTruth(_verdictOf(vote))) {
                if (isFound) worth.hasAbstained = true;
            } else if (isFound && (isOwn ? vote == agreed[choice] : _agree(vote, agreed[choice]))) {
                ++worth.right;
            } else if (answers[choice]) {
                worth.isFalse = true;
            } else if (majority != 0 && vote != majority) {
                worth.isAlone = true;
            }
        }
    }

    /// @return contradicted true when different truths stood about any choice
    function contradict(Finding[] memory some, Finding[] memory others) internal pure returns (bool contradicted) {
        for (uint256 choice = 0; choice < some.length; ++choice) {
            if (!isTruth(some[choice].verdict) || !isTruth(others[choice].verdict)) continue;
            if (!_agrees(some[choice], others[choice])) return true;
        }
        return false;
    }

    function _agrees(Finding memory one, Finding memory other) private pure returns (bool) {
        return
            one.verdict == other.verdict &&
            one.trainCorrect == other.trainCorrect &&
            one.testCorrect == other.testCorrect;
    }

    /// @dev Fingerprints bind to the attempt, so they are not compared.
    function _agree(uint128 one, uint128 other) private pure returns (bool) {
        return one >> 56 == other >> 56;
    }

    function _pack(Finding memory found) private pure returns (uint128) {
        return
            (uint128(uint8(found.verdict)) << 120) |
            (uint128(found.trainCorrect) << 88) |
            (uint128(found.testCorrect) << 56) |
            found.fingerprint;
    }

    function _verdictOf(uint128 packed) private pure returns (Verdict) {
        return Verdict(uint8(packed >> 120));
    }
}
