// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Finding, Verdict, Vote} from "../interfaces/IVerifierCommittee.sol";

/// @title Tally: what a committee's votes on one solution agree on.
/// @dev Votes are packed: verdict 8 bits, train count 32, test count 32, fingerprint 56, from the top; 0 is a vote that was never revealed.
library Tally {
    /// @return votes that must agree among `seats` members: floor(2 seats / 3) + 1
    function quorumOf(uint256 seats) internal pure returns (uint256 votes) {
        return (2 * seats) / 3 + 1;
    }

    /// @return packed vote, with the first seven bytes of the predictions' digest as fingerprint
    function pack(Vote memory vote) internal pure returns (uint128 packed) {
        return
            (uint128(uint8(vote.verdict)) << 120) |
            (uint128(vote.trainCorrect) << 88) |
            (uint128(vote.testCorrect) << 56) |
            uint56(bytes7(vote.predictions));
    }

    /// @return found a verdict other than Ok with a quorum; else Ok with the medians when a quorum agrees with them; else None
    function finding(uint128[] memory votes, uint32 tolerance) internal pure returns (Finding memory found) {
        return tolerance == 0 ? _exactFinding(votes) : _roughFinding(votes, tolerance);
    }

    /// @return packed finding, as a vote
    function pack(Finding memory found) internal pure returns (uint128 packed) {
        return
            (uint128(uint8(found.verdict)) << 120) |
            (uint128(found.trainCorrect) << 88) |
            (uint128(found.testCorrect) << 56) |
            found.fingerprint;
    }

    /// @return found what was packed
    function unpack(uint128 packed) internal pure returns (Finding memory found) {
        return Finding(_verdict(packed), _count(packed, 88), _count(packed, 56), uint56(packed));
    }

    /// @return coherent true when `vote`, of a ballot that found `own`, says what the last ballot found: always where nothing was found. A
    /// fingerprint binds to its ballot, so it is compared with that ballot's where that one found the same.
    function agrees(
        uint128 vote,
        Finding memory own,
        Finding memory last,
        uint32 tolerance
    ) internal pure returns (bool coherent) {
        if (last.verdict == Verdict.None) return true;
        if (!_agreesInCounts(vote, last, tolerance)) return false;
        return tolerance > 0 || last.verdict != Verdict.Ok || differs(own, last) || uint56(vote) == own.fingerprint;
    }

    /// @return different true when two committees found different things: another verdict or count for any choice
    function differ(Finding[] memory some, Finding[] memory others) internal pure returns (bool different) {
        for (uint256 choice = 0; choice < some.length; ++choice) {
            if (differs(some[choice], others[choice])) return true;
        }
        return false;
    }

    /// @return different true when two findings have another verdict or count, whatever their fingerprints
    function differs(Finding memory one, Finding memory other) internal pure returns (bool different) {
        return
            one.verdict != other.verdict ||
            one.trainCorrect != other.trainCorrect ||
            one.testCorrect != other.testCorrect;
    }

    /// @dev With tolerance 0 a finding is what a quorum, which is more than half, voted for to the last bit.
    function _exactFinding(uint128[] memory votes) private pure returns (Finding memory found) {
        uint128 candidate = _majorityCandidate(votes);
        uint256 support = 0;
        for (uint256 n = 0; n < votes.length; ++n) {
            if (votes[n] == candidate) ++support;
        }
        if (support >= quorumOf(votes.length)) found = unpack(candidate);
    }

    function _roughFinding(uint128[] memory votes, uint32 tolerance) private pure returns (Finding memory found) {
        uint256 quorum = quorumOf(votes.length);
        for (uint8 verdict = uint8(Verdict.Unavailable); verdict <= uint8(Verdict.DataFault); ++verdict) {
            if (_with(votes, Verdict(verdict)).length >= quorum) return Finding(Verdict(verdict), 0, 0, 0);
        }
        uint128[] memory oks = _with(votes, Verdict.Ok);
        if (oks.length < quorum) return found;
        Finding memory middle = Finding(Verdict.Ok, _lowerMedian(oks, 88), _lowerMedian(oks, 56), 0);
        uint256 support = 0;
        for (uint256 n = 0; n < oks.length; ++n) {
            if (_agreesInCounts(oks[n], middle, tolerance)) ++support;
        }
        if (support >= quorum) found = middle;
    }

    function _agreesInCounts(uint128 vote, Finding memory found, uint32 tolerance) private pure returns (bool) {
        if (_verdict(vote) != found.verdict) return false;
        if (found.verdict != Verdict.Ok) return true;
        return
            _distance(_count(vote, 88), found.trainCorrect) <= tolerance &&
            _distance(_count(vote, 56), found.testCorrect) <= tolerance;
    }

    function _with(uint128[] memory votes, Verdict verdict) private pure returns (uint128[] memory some) {
        uint256 count = 0;
        for (uint256 n = 0; n < votes.length; ++n) {
            if (_verdict(votes[n]) == verdict) ++count;
        }
        some = new uint128[](count);
        for (uint256 n = votes.length; n > 0; --n) {
            if (_verdict(votes[n - 1]) == verdict) some[--count] = votes[n - 1];
        }
    }

    /// @dev The least number that half of the counts do not exceed, found by halving the numbers there are: the cost does not depend on the votes.
    function _lowerMedian(uint128[] memory votes, uint256 shift) private pure returns (uint32 median) {
        uint32 maximum = type(uint32).max;
        while (median < maximum) {
            uint32 middle = median + (maximum - median) / 2;
            if (2 * _upTo(votes, shift, middle) >= votes.length) maximum = middle;
            else median = middle + 1;
        }
    }

    function _upTo(uint128[] memory votes, uint256 shift, uint32 limit) private pure returns (uint256 count) {
        for (uint256 n = 0; n < votes.length; ++n) {
            if (_count(votes[n], shift) <= limit) ++count;
        }
    }

    /// @dev Boyer and Moore 1981: the only value that more than half of the votes can have.
    function _majorityCandidate(uint128[] memory votes) private pure returns (uint128 candidate) {
        uint256 lead = 0;
        for (uint256 n = 0; n < votes.length; ++n) {
            if (lead == 0) candidate = votes[n];
            if (votes[n] == candidate) ++lead;
            else --lead;
        }
    }

    function _verdict(uint128 vote) private pure returns (Verdict) {
        return Verdict(uint8(vote >> 120));
    }

    function _count(uint128 vote, uint256 shift) private pure returns (uint32) {
        return uint32(vote >> shift);
    }

    function _distance(uint32 a, uint32 b) private pure returns (uint32) {
        return a > b ? a - b : b - a;
    }
}
