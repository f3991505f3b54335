// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Header, Ommer} from "../interfaces/ILedger.sol";
import {IPoLeChain, Phase, Round, Solution} from "../interfaces/IPoLeChain.sol";
import {TaskTerms} from "../interfaces/ITaskList.sol";
import {Ballot, Finding, Vote} from "../interfaces/IVerifierCommittee.sol";
import {Ballots} from "../libraries/ballots/Ballots.sol";
import {Commitments} from "../libraries/encoding/Commitments.sol";
import {CommitteeDraw} from "../libraries/ballots/CommitteeDraw.sol";
import {Judgement} from "../libraries/rounds/Judgement.sol";
import {MemberSet} from "../libraries/ballots/MemberSet.sol";
import {MerkleBody} from "../libraries/encoding/MerkleBody.sol";
import {OmmerRewards} from "../libraries/money/OmmerRewards.sol";
import {Phases} from "../libraries/rounds/Phases.sol";
import {Settlement} from "../libraries/money/Settlement.sol";
import {Solutions} from "../libraries/rounds/Solutions.sol";
import {Tally} from "../libraries/ballots/Tally.sol";
import {ValueHeap} from "../libraries/ValueHeap.sol";

/// @title LibraryHarness: the internal libraries as calls, for the tests that hold them against their Python twins.
/// @dev Part of no deployment.
contract LibraryHarness {
    using ValueHeap for ValueHeap.Heap;

    MerkleBody.Frontier private _frontier;
    ValueHeap.Heap private _heap;
    Round private _round;
    IPoLeChain.Parameters private _parameters;

    /// @notice Asked by eth_call: pushes the entries, lets newcomers replace some, removes some tasks, then takes the
    /// best until none is left.
    function heapOrder(
        ValueHeap.Entry[] calldata entries,
        uint256[] calldata replaced,
        ValueHeap.Entry[] calldata newcomers,
        uint256[] calldata removed
    ) external returns (uint256[] memory order) {
        for (uint256 n = 0; n < entries.length; ++n) {
            _heap.push(entries[n]);
        }
        for (uint256 n = 0; n < replaced.length; ++n) {
            _heap.replace(replaced[n], newcomers[n]);
        }
        for (uint256 n = 0; n < removed.length; ++n) {
            _heap.remove(removed[n]);
        }
        order = new uint256[](entries.length - removed.length);
        for (uint256 n = 0; n < order.length; ++n) {
            order[n] = _heap.best();
            _heap.remove(order[n]);
        }
    }

    /// @notice Asked by eth_call: the root after each leaf, in a frontier that still holds the `stale` leaves of
    /// another body.
    function bodyRoots(bytes32[] calldata stale, bytes32[] calldata leaves) external returns (bytes32[] memory roots) {
        for (uint256 n = 0; n < stale.length; ++n) {
            MerkleBody.append(_frontier, n, stale[n]);
        }
        roots = new bytes32[](leaves.length + 1);
        roots[0] = MerkleBody.root(_frontier, 0);
        for (uint256 n = 0; n < leaves.length; ++n) {
            MerkleBody.append(_frontier, n, leaves[n]);
            roots[n + 1] = MerkleBody.root(_frontier, n + 1);
        }
    }

    /// @notice Asked by eth_call: where a round and its ballot stand, and the time and number of the block that was
    /// asked.
    function phaseOf(
        Round calldata round,
        IPoLeChain.Parameters calldata parameters,
        Ballot calldata ballot,
        uint256 size
    ) external returns (Phases.Stand memory stand, uint256 time, uint256 number) {
        _round = round;
        _parameters = parameters;
        stand = Phases.beforeBallot(_round, _parameters);
        if (stand.phase == Phase.Draw) stand = Phases.duringBallot(_round, _parameters, ballot, size);
        return (stand, block.timestamp, block.number);
    }

    function solutionCommitment(
        uint256 roundId,
        address miner,
        bytes32 modelDigest,
        uint32 claimedTrainCorrect,
        bytes32 salt
    ) external view returns (bytes32) {
        return Commitments.solution(roundId, miner, modelDigest, claimedTrainCorrect, salt);
    }

    function voteCommitment(
        uint256 ballotId,
        address verifier,
        Vote[] calldata votes,
        bytes32 salt
    ) external view returns (bytes32) {
        return Commitments.vote(ballotId, verifier, votes, salt);
    }

    function leafOf(uint8 kind, bytes calldata data) external pure returns (bytes32) {
        return MerkleBody.leafOf(kind, data);
    }

    function headerHash(Header calldata header) external pure returns (bytes32) {
        return keccak256(abi.encode(header));
    }

    function ommersHash(Ommer[] calldata ommers) external pure returns (bytes32) {
        return keccak256(abi.encode(ommers));
    }

    /// @return drawn the places that so many steps take
    function draw(bytes32 entropy, uint256 places, uint256 steps) external pure returns (uint256[] memory drawn) {
        CommitteeDraw.Shuffle memory shuffle = CommitteeDraw.begin(steps);
        drawn = new uint256[](steps);
        for (uint256 step = 0; step < steps; ++step) {
            drawn[step] = CommitteeDraw.next(shuffle, entropy, step, places);
        }
    }

    /// @param before what stood of each choice before
    /// @param votes by cast and choice
    /// @param counts members of each cast
    function tally(
        Finding[] calldata before,
        Vote[][] calldata votes,
        uint256[] calldata counts,
        uint256 seats,
        uint256 choices
    ) external pure returns (Finding[] memory found, uint128[] memory majorities) {
        Tally.Cast[] memory casts = _casts(votes, counts);
        found = Tally.findings(before, casts, seats, choices);
        return (found, Tally.majorities(casts, seats, choices));
    }

    function worthOf(
        Vote[] calldata votes,
        Finding[] calldata agreed,
        bool[] calldata answers,
        uint128[] calldata leading
    ) external pure returns (Tally.Worth memory) {
        return Tally.worthOf(_packed(votes), Tally.packAll(agreed), answers, leading);
    }

    function answered(
        bool[] calldata later,
        Vote[][] calldata votes,
        uint256[] calldata counts,
        uint256 seats,
        Finding[] calldata agreed
    ) external pure returns (bool[] memory) {
        return Tally.answered(later, _casts(votes, counts), seats, Tally.packAll(agreed));
    }

    /// @return size of a set of a ballot's members
    /// @return members in order
    /// @return others of a ballot of `seats`, as a set
    function memberSet(
        uint64 set,
        uint256 seats
    ) external pure returns (uint256 size, uint256[] memory members, uint64 others) {
        size = MemberSet.size(set);
        members = new uint256[](size);
        uint64 rest = set;
        for (uint256 n = 0; n < size; ++n) {
            members[n] = MemberSet.first(rest);
            rest = MemberSet.withoutFirst(rest);
        }
        others = MemberSet.all(seats) & ~set;
    }

    function contradict(Finding[] calldata some, Finding[] calldata others) external pure returns (bool) {
        return Tally.contradict(some, others);
    }

    function pack(Vote calldata vote) external pure returns (uint128 packed, Finding memory unpacked) {
        packed = Tally.pack(vote);
        return (packed, Tally.unpack(packed));
    }

    function sizeOf(uint256 attempt, uint256 first, uint256 maximum) external pure returns (uint256) {
        return Ballots.sizeOf(attempt, first, maximum);
    }

    function seatsFor(uint256 reward, uint256 rewardPerSeat, uint256 fewest) external pure returns (uint256) {
        return Ballots.seatsFor(reward, rewardPerSeat, fewest);
    }

    function fewestFor(uint256 seats, uint256 fewest) external pure returns (uint256) {
        return Ballots.fewestFor(seats, fewest);
    }

    function challengeBond(
        uint256 attempt,
        uint256 fee,
        uint256 first,
        uint256 maximum
    ) external pure returns (uint256) {
        return Ballots.bondOf(attempt, fee, first, maximum);
    }

    function choose(Solution[] calldata solutions) external pure returns (Solution[] memory chosen) {
        chosen = solutions;
        Solutions.choose(chosen);
    }

    function choicesOf(Solution[] calldata solutions) external pure returns (uint256) {
        return Solutions.choicesOf(solutions);
    }

    function judge(Judgement.Evidence calldata evidence) external pure returns (Judgement.Outcome memory) {
        return Judgement.judge(evidence);
    }

    function isProvenBad(Judgement.Evidence calldata evidence, uint256 judged) external pure returns (bool) {
        return Judgement.isProvenBad(evidence, evidence.judged[judged]);
    }

    function bondOf(
        TaskTerms calldata terms,
        uint256 claim,
        uint256 minimum,
        uint256 bps,
        uint256 readyBps
    ) external pure returns (uint256) {
        return Settlement.bondOf(terms, claim, minimum, bps, readyBps);
    }

    function ommerReward(uint256 blockReward, uint256 age, uint256 count) external pure returns (uint256) {
        return OmmerRewards.reward(blockReward, age, count);
    }

    function ommerAge(uint256 height, uint256 next, uint256 lanes) external pure returns (uint256) {
        return OmmerRewards.ageOf(height, next, lanes);
    }

    function ommerInclusion(uint256 blockReward) external pure returns (uint256) {
        return OmmerRewards.inclusion(blockReward);
    }

    function isCovered(uint256 blockReward, uint256 fee, uint256 marginBps) external pure returns (bool) {
        return OmmerRewards.isCovered(blockReward, fee, marginBps);
    }

    function _casts(
        Vote[][] calldata votes,
        uint256[] calldata counts
    ) private pure returns (Tally.Cast[] memory casts) {
        casts = new Tally.Cast[](votes.length);
        for (uint256 n = 0; n < votes.length; ++n) {
            casts[n] = Tally.Cast(0, counts[n], _packed(votes[n]));
        }
    }

    function _packed(Vote[] calldata votes) private pure returns (uint128[] memory packed) {
        packed = new uint128[](votes.length);
        for (uint256 choice = 0; choice < votes.length; ++choice) {
            packed[choice] = Tally.pack(votes[choice]);
        }
    }
}
