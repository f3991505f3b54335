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
        uint256 quorum = quorumOf(votes.length);
        for (uint8 verdict = uint8(Verdict.Unavailable); verdict <= uint8(Verdict.DataFault); ++verdict) {
            if (_with(votes, Verdict(verdict)).length >= quorum) return Finding(Verdict(verdict), 0, 0, 0);
        }
        uint128[] memory oks = _with(votes, Verdict.Ok);
        if (oks.length < quorum) return found;
        Finding memory middle = Finding(
            Verdict.Ok,
            _lowerMedian(oks, 88),
            _lowerMedian(oks, 56),
            tolerance == 0 ? _majorityCandidate(oks) : 0
        );
        uint256 support = 0;
        for (uint256 n = 0; n < oks.length; ++n) {
            if (agrees(oks[n], middle, tolerance)) ++support;
        }
        if (support >= quorum) found = middle;
    }

    /// @return coherent true when `vote` says what `found` says: always where nothing was found
    function agrees(uint128 vote, Finding memory found, uint32 tolerance) internal pure returns (bool coherent) {
        if (found.verdict == Verdict.None) return true;
        if (_verdict(vote) != found.verdict) return false;
        if (found.verdict != Verdict.Ok) return true;
        return
            _distance(_count(vote, 88), found.trainCorrect) <= tolerance &&
            _distance(_count(vote, 56), found.testCorrect) <= tolerance &&
            (tolerance > 0 || uint56(vote) == found.fingerprint);
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

    /// @dev Insertion sort: at most 63 votes.
    function _lowerMedian(uint128[] memory votes, uint256 shift) private pure returns (uint32) {
        uint32[] memory sorted = new uint32[](votes.length);
        for (uint256 n = 0; n < votes.length; ++n) {
            uint32 value = _count(votes[n], shift);
            uint256 place = n;
            for (; place > 0 && sorted[place - 1] > value; --place) {
                sorted[place] = sorted[place - 1];
            }
            sorted[place] = value;
        }
        return sorted[(sorted.length - 1) / 2];
    }

    /// @dev Boyer and Moore 1981: the only fingerprint that more than half of the votes can share.
    function _majorityCandidate(uint128[] memory votes) private pure returns (uint56 candidate) {
        uint256 lead = 0;
        for (uint256 n = 0; n < votes.length; ++n) {
            uint56 fingerprint = uint56(votes[n]);
            if (lead == 0) candidate = fingerprint;
            if (fingerprint == candidate) ++lead;
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
