// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPoLeChain, RecordKind} from "./interfaces/IPoLeChain.sol";
import {IRewardReservoir} from "./interfaces/IRewardReservoir.sol";
import {Ballot, BallotStage, Finding, IVerifierCommittee, Verdict, Vote} from "./interfaces/IVerifierCommittee.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {CommitteeDraw} from "./libraries/CommitteeDraw.sol";
import {Commitments} from "./libraries/Commitments.sol";
import {Phases} from "./libraries/Phases.sol";
import {Tally} from "./libraries/Tally.sol";

/// @title VerifierCommittee: seats, draws and votes; IVerifierCommittee says what it does.
contract VerifierCommittee is IVerifierCommittee {
    /// @dev One storage slot for each verifier.
    /// @param place 1 + index of its seat, 0 while it has none
    /// @param ballotId last ballot that drew it. The chain settles one ballot before it draws the next, so at most this one is open.
    /// @param member its index among that ballot's members
    struct Seat {
        uint96 stake;
        uint64 reclaimableAt;
        uint32 place;
        uint56 ballotId;
        uint8 member;
    }

    /// @inheritdoc IVerifierCommittee
    address public immutable override chain;

    /// @inheritdoc IVerifierCommittee
    IRewardReservoir public immutable override reservoir;

    uint96 private immutable _seatStake;
    uint96 private immutable _penalty;
    uint32 private immutable _unbondingTime;
    uint32 private immutable _tolerance;

    /// @dev Mature seats stand first.
    address[] private _seats;
    uint64 private _mature;
    uint64 private _frozenUntil;
    mapping(address verifier => Seat) private _seatOf;

    mapping(uint256 ballotId => Ballot) private _ballots;
    mapping(uint256 ballotId => address[]) private _members;
    mapping(uint256 ballotId => mapping(uint256 member => bytes32)) private _commitments;
    /// @dev Packed votes (Tally), two to a word: a member's choices 2w and 2w + 1 are in its word w, low half first.
    mapping(uint256 ballotId => mapping(uint256 member => mapping(uint256 word => uint256))) private _votes;

    modifier onlyChain() {
        if (msg.sender != chain) revert NotChain(msg.sender);
        _;
    }

    /// @param chain_ the address that PoLeChain is going to have
    constructor(IRewardReservoir reservoir_, address chain_, Parameters memory parameters_) {
        reservoir = reservoir_;
        chain = chain_;
        _seatStake = parameters_.seatStake;
        _penalty = parameters_.penalty;
        _unbondingTime = parameters_.unbondingTime;
        _tolerance = parameters_.tolerance;
    }

    /// @inheritdoc IVerifierCommittee
    function stake() external payable override {
        Seat storage seat = _seatOf[msg.sender];
        if (seat.place != 0) revert AlreadySeated(msg.sender);
        uint256 due = _seatStake - seat.stake;
        if (msg.value != due) revert WrongStake(msg.value, due);

        _seats.push(msg.sender);
        seat.place = uint32(_seats.length);
        seat.stake = _seatStake;
        seat.reclaimableAt = 0;
        emit Staked(msg.sender, _seatStake);
        reservoir.deposit{value: due}(address(this), Accounts.STAKES);
    }

    /// @inheritdoc IVerifierCommittee
    function unstake() external override {
        if (_seatOf[msg.sender].place == 0) revert NotStaked(msg.sender);
        if (block.number <= _frozenUntil) revert StakeBound(msg.sender, type(uint64).max);
        _leave(msg.sender);
    }

    /// @inheritdoc IVerifierCommittee
    function reclaim() external override {
        Seat storage seat = _seatOf[msg.sender];
        uint256 amount = seat.stake;
        if (amount == 0) revert NotStaked(msg.sender);
        if (seat.place != 0) revert StakeBound(msg.sender, 0);
        if (_owesVote(seat)) revert StakeBound(msg.sender, type(uint64).max);
        if (block.timestamp < seat.reclaimableAt) revert StakeBound(msg.sender, seat.reclaimableAt);

        seat.stake = 0;
        emit Reclaimed(msg.sender, amount);
        reservoir.credit(Accounts.STAKES, msg.sender, amount);
    }

    /// @inheritdoc IVerifierCommittee
    function matureSeats() external override onlyChain {
        _mature = uint64(_seats.length);
    }

    /// @inheritdoc IVerifierCommittee
    function freezeSeats(uint64 lastBlock) external override onlyChain {
        _frozenUntil = lastBlock;
    }

    /// @inheritdoc IVerifierCommittee
    function draw(
        uint256 ballotId,
        bytes32 entropy,
        uint16 size,
        uint16 minimum,
        address[] calldata barred,
        uint16 choices,
        uint32 commitWindow,
        uint32 revealWindow
    ) external override onlyChain returns (uint256 seated) {
        _requireStage(ballotId, BallotStage.None);
        _frozenUntil = 0;
        uint256[] memory drawn = CommitteeDraw.draw(entropy, _mature, size, _maturePlaces(barred));
        if (drawn.length < minimum) return 0;

        uint64 commitDeadline = uint64(block.timestamp) + commitWindow;
        _ballots[ballotId] = Ballot({
            seats: uint16(drawn.length),
            committed: 0,
            revealed: 0,
            choices: choices,
            commitDeadline: commitDeadline,
            revealDeadline: commitDeadline + revealWindow,
            revealWindow: revealWindow,
            settled: false
        });
        emit Drawn(ballotId, _seatMembers(ballotId, drawn), choices);
        return drawn.length;
    }

    /// @inheritdoc IVerifierCommittee
    function commitVote(uint256 ballotId, bytes32 commitment) external override {
        _requireStage(ballotId, BallotStage.Commit);
        uint256 member = _memberOf(ballotId);
        if (commitment == 0) revert EmptyCommitment();
        if (_commitments[ballotId][member] != 0) revert AlreadyVoted(ballotId, msg.sender);

        _commitments[ballotId][member] = commitment;
        Ballot storage open = _ballots[ballotId];
        if (++open.committed == open.seats) {
            open.commitDeadline = uint64(block.timestamp);
            open.revealDeadline = uint64(block.timestamp) + open.revealWindow;
        }
        emit VoteCommitted(ballotId, msg.sender, commitment);
        _record(RecordKind.VoteCommitted, abi.encode(ballotId, msg.sender, commitment));
    }

    /// @inheritdoc IVerifierCommittee
    function revealVote(uint256 ballotId, Vote[] calldata votes, bytes32 salt) external override {
        _requireStage(ballotId, BallotStage.Reveal);
        uint256 member = _memberOf(ballotId);
        if (_votes[ballotId][member][0] != 0) revert AlreadyVoted(ballotId, msg.sender);
        bytes32 committed = _commitments[ballotId][member];
        bytes32 revealed = Commitments.vote(ballotId, msg.sender, votes, salt);
        if (revealed != committed) revert CommitmentMismatch(ballotId, committed, revealed);
        if (!_isWellFormed(votes, _ballots[ballotId].choices)) revert MalformedVotes(ballotId);

        for (uint256 choice = 0; choice < votes.length; choice += 2) {
            uint256 word = Tally.pack(votes[choice]);
            if (choice + 1 < votes.length) word |= uint256(Tally.pack(votes[choice + 1])) << 128;
            _votes[ballotId][member][choice / 2] = word;
        }
        ++_ballots[ballotId].revealed;
        emit VoteRevealed(ballotId, msg.sender, votes);
        _record(RecordKind.VoteRevealed, abi.encode(ballotId, msg.sender, keccak256(abi.encode(votes))));
    }

    /// @inheritdoc IVerifierCommittee
    function settle(
        uint256 ballotId,
        Finding[] calldata agreed,
        uint256 fee,
        bytes32 pool
    ) external override onlyChain {
        _requireStage(ballotId, BallotStage.Closed);
        _ballots[ballotId].settled = true;

        address[] memory verifiers = _members[ballotId];
        bool[] memory coherent = new bool[](verifiers.length);
        uint256 sharing = 0;
        uint256 penalties = 0;
        for (uint256 member = 0; member < verifiers.length; ++member) {
            coherent[member] = _isCoherent(ballotId, member, agreed);
            if (coherent[member]) ++sharing;
            else penalties += _slash(ballotId, verifiers[member]);
        }
        if (penalties > 0) reservoir.transfer(Accounts.STAKES, chain, pool, penalties);
        if (fee > 0) _payFee(ballotId, verifiers, coherent, sharing, fee, pool);
    }

    /// @inheritdoc IVerifierCommittee
    function findings(uint256 ballotId) external view override returns (Finding[] memory found) {
        uint256 choices = _ballots[ballotId].choices;
        uint256 seats = _ballots[ballotId].seats;
        found = new Finding[](choices);
        uint128[] memory votes = new uint128[](seats);
        for (uint256 choice = 0; choice < choices; ++choice) {
            for (uint256 member = 0; member < seats; ++member) {
                votes[member] = _voteAt(ballotId, member, choice);
            }
            found[choice] = Tally.finding(votes, _tolerance);
        }
    }

    /// @inheritdoc IVerifierCommittee
    function ballot(uint256 ballotId) external view override returns (Ballot memory) {
        return _ballots[ballotId];
    }

    /// @inheritdoc IVerifierCommittee
    function stageOf(uint256 ballotId) external view override returns (BallotStage stage) {
        return Phases.stageOf(_ballots[ballotId]);
    }

    /// @inheritdoc IVerifierCommittee
    function members(uint256 ballotId) external view override returns (address[] memory) {
        return _members[ballotId];
    }

    /// @inheritdoc IVerifierCommittee
    function voteOf(
        uint256 ballotId,
        address verifier
    ) external view override returns (bytes32 commitment, bool revealed) {
        address[] memory verifiers = _members[ballotId];
        for (uint256 member = 0; member < verifiers.length; ++member) {
            if (verifiers[member] == verifier) {
                return (_commitments[ballotId][member], _votes[ballotId][member][0] != 0);
            }
        }
    }

    /// @inheritdoc IVerifierCommittee
    function stakeOf(
        address verifier
    ) external view override returns (uint256 held, bool seated, uint64 reclaimableAt) {
        Seat memory seat = _seatOf[verifier];
        return (seat.stake, seat.place != 0, seat.reclaimableAt);
    }

    /// @inheritdoc IVerifierCommittee
    function seatCount() external view override returns (uint256 count, uint256 mature) {
        return (_seats.length, _mature);
    }

    /// @inheritdoc IVerifierCommittee
    function seatAt(uint256 index) external view override returns (address verifier) {
        return _seats[index];
    }

    /// @inheritdoc IVerifierCommittee
    function parameters() external view override returns (Parameters memory) {
        return Parameters(_seatStake, _penalty, _unbondingTime, _tolerance);
    }

    function _record(RecordKind kind, bytes memory data) private {
        IPoLeChain(chain).record(kind, data);
    }

    /// @dev Frees the verifier's seat and keeps the mature seats in front.
    function _leave(address verifier) private {
        Seat storage seat = _seatOf[verifier];
        uint256 index = seat.place - 1;
        seat.place = 0;
        seat.reclaimableAt = uint64(block.timestamp) + _unbondingTime;
        emit SeatLeft(verifier, seat.stake, seat.reclaimableAt);

        if (index < _mature) {
            uint256 lastMature = --_mature;
            _moveSeat(lastMature, index);
            index = lastMature;
        }
        _moveSeat(_seats.length - 1, index);
        _seats.pop();
    }

    function _moveSeat(uint256 from, uint256 to) private {
        if (from == to) return;
        address verifier = _seats[from];
        _seats[to] = verifier;
        _seatOf[verifier].place = uint32(to + 1);
    }

    function _seatMembers(uint256 ballotId, uint256[] memory drawn) private returns (address[] memory verifiers) {
        verifiers = new address[](drawn.length);
        for (uint256 member = 0; member < drawn.length; ++member) {
            address verifier = _seats[drawn[member]];
            verifiers[member] = verifier;
            _seatOf[verifier].ballotId = uint56(ballotId);
            _seatOf[verifier].member = uint8(member);
        }
        _members[ballotId] = verifiers;
    }

    /// @dev Takes the penalty, or what is left of the stake, off the books; the caller moves the money.
    function _slash(uint256 ballotId, address verifier) private returns (uint96 amount) {
        Seat storage seat = _seatOf[verifier];
        amount = seat.stake < _penalty ? seat.stake : _penalty;
        if (amount == 0) return 0;
        seat.stake -= amount;
        emit Slashed(ballotId, verifier, amount);
        if (seat.place != 0) _leave(verifier);
    }

    /// @dev Equal parts, rounded down: the pool gains what division leaves, and everything when nobody is coherent.
    function _payFee(
        uint256 ballotId,
        address[] memory verifiers,
        bool[] memory coherent,
        uint256 sharing,
        uint256 fee,
        bytes32 pool
    ) private {
        uint256 part = sharing == 0 ? 0 : fee / sharing;
        for (uint256 member = 0; member < verifiers.length && part > 0; ++member) {
            if (!coherent[member]) continue;
            emit Rewarded(ballotId, verifiers[member], part);
            reservoir.credit(bytes32(ballotId), verifiers[member], part);
        }
        uint256 rest = fee - part * sharing;
        if (rest > 0) reservoir.transfer(bytes32(ballotId), chain, pool, rest);
    }

    function _requireStage(uint256 ballotId, BallotStage needed) private view {
        BallotStage stage = Phases.stageOf(_ballots[ballotId]);
        if (stage != needed) revert WrongStage(ballotId, stage, needed);
    }

    /// @dev For ballots past the stage None only: no ballot has id 0, which is what a verifier that was never drawn holds.
    function _memberOf(uint256 ballotId) private view returns (uint256 member) {
        Seat memory seat = _seatOf[msg.sender];
        if (seat.ballotId != ballotId) revert NotMember(ballotId, msg.sender);
        return seat.member;
    }

    function _owesVote(Seat memory seat) private view returns (bool) {
        return seat.ballotId != 0 && !_ballots[seat.ballotId].settled;
    }

    function _maturePlaces(address[] calldata barred) private view returns (uint256[] memory places) {
        uint256 count = 0;
        uint256[] memory found = new uint256[](barred.length);
        for (uint256 n = 0; n < barred.length; ++n) {
            uint256 place = _seatOf[barred[n]].place;
            if (place == 0 || place > _mature) continue;
            found[count] = place - 1;
            ++count;
        }
        places = new uint256[](count);
        for (uint256 n = 0; n < count; ++n) {
            places[n] = found[n];
        }
    }

    function _voteAt(uint256 ballotId, uint256 member, uint256 choice) private view returns (uint128) {
        return uint128(_votes[ballotId][member][choice / 2] >> (128 * (choice % 2)));
    }

    /// @dev Revealed, and in agreement with every finding.
    function _isCoherent(uint256 ballotId, uint256 member, Finding[] calldata agreed) private view returns (bool) {
        if (_votes[ballotId][member][0] == 0) return false;
        for (uint256 choice = 0; choice < agreed.length; ++choice) {
            if (!Tally.agrees(_voteAt(ballotId, member, choice), agreed[choice], _tolerance)) return false;
        }
        return true;
    }

    function _isWellFormed(Vote[] calldata votes, uint256 choices) private pure returns (bool) {
        if (votes.length != choices) return false;
        for (uint256 choice = 0; choice < choices; ++choice) {
            Vote calldata vote = votes[choice];
            if (vote.verdict == Verdict.None) return false;
            bool isEmpty = vote.trainCorrect == 0 && vote.testCorrect == 0 && vote.predictions == 0;
            if (vote.verdict != Verdict.Ok && !isEmpty) return false;
        }
        return true;
    }
}
