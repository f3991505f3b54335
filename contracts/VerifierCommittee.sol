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
    /// @param number 1 + index in `_verifiers`, for ever
    /// @param ballotId last ballot that drew it. The chain settles one ballot before it draws the next, so at most this one is open.
    /// @param member its index among that ballot's members
    struct Seat {
        uint96 stake;
        uint40 reclaimableAt;
        uint32 place;
        uint32 number;
        uint48 ballotId;
        uint8 member;
    }

    /// @dev What nearly every call reads, in one storage slot.
    /// @param mature seats that can be drawn; they stand first
    /// @param frozenUntil last Ethereum block in which no seat can be given up
    /// @param ballotId newest ballot
    /// @param settled whether that one is
    struct Standing {
        uint32 mature;
        uint64 frozenUntil;
        uint48 ballotId;
        bool settled;
    }

    /// @dev The newest ballot's part of Ballot, in one storage slot.
    struct Count {
        uint8 seats;
        uint8 choices;
        uint64 committed;
        uint64 revealed;
        uint40 commitDeadline;
        uint40 revealDeadline;
        uint32 revealWindow;
    }

    /// @inheritdoc IVerifierCommittee
    address public immutable override chain;

    /// @inheritdoc IVerifierCommittee
    IRewardReservoir public immutable override reservoir;

    uint96 private immutable _seatStake;
    uint96 private immutable _penalty;
    uint32 private immutable _unbondingTime;
    uint32 private immutable _tolerance;

    Standing private _standing;
    /// @dev Everybody who ever held a seat.
    address[] private _verifiers;
    /// @dev Verifiers' numbers, the mature seats first.
    uint32[] private _seats;
    mapping(address verifier => Seat) private _seatOf;

    // Every ballot writes over the storage of the one before, which costs less than a quarter of new storage. The ballot's bits of who
    // committed and who revealed tell its votes from those of older ones.
    Count private _count;
    /// @dev Verifiers' numbers, in the order drawn.
    uint32[] private _members;
    mapping(uint256 member => bytes32) private _commitments;
    /// @dev Packed votes (Tally), two to a word: a member's choices 2w and 2w + 1 are in its word w, low half first.
    mapping(uint256 member => mapping(uint256 word => uint256)) private _votes;

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

        if (seat.number == 0) {
            _verifiers.push(msg.sender);
            seat.number = uint32(_verifiers.length);
        }
        _seats.push(seat.number);
        seat.place = uint32(_seats.length);
        seat.stake = _seatStake;
        seat.reclaimableAt = 0;
        emit Staked(msg.sender, _seatStake);
        reservoir.deposit{value: due}(address(this), Accounts.STAKES);
    }

    /// @inheritdoc IVerifierCommittee
    function unstake() external override {
        if (_seatOf[msg.sender].place == 0) revert NotStaked(msg.sender);
        if (block.number <= _standing.frozenUntil) revert StakeBound(msg.sender, type(uint64).max);
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
        _standing.mature = uint32(_seats.length);
    }

    /// @inheritdoc IVerifierCommittee
    function freezeSeats(uint64 lastBlock) external override onlyChain {
        _standing.frozenUntil = lastBlock;
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
        _standing.frozenUntil = 0;
        uint256[] memory drawn = CommitteeDraw.draw(entropy, _standing.mature, size, _maturePlaces(barred));
        if (drawn.length < minimum) return 0;

        (_standing.ballotId, _standing.settled) = (uint48(ballotId), false);
        uint40 commitDeadline = uint40(block.timestamp) + commitWindow;
        _count = Count({
            seats: uint8(drawn.length),
            choices: uint8(choices),
            committed: 0,
            revealed: 0,
            commitDeadline: commitDeadline,
            revealDeadline: commitDeadline + revealWindow,
            revealWindow: revealWindow
        });
        emit Drawn(ballotId, _seatMembers(ballotId, drawn), choices);
        return drawn.length;
    }

    /// @inheritdoc IVerifierCommittee
    function commitVote(uint256 ballotId, bytes32 commitment) external override {
        _requireStage(ballotId, BallotStage.Commit);
        uint256 member = _memberOf(ballotId, msg.sender);
        if (commitment == 0) revert EmptyCommitment();
        if (_has(_count.committed, member)) revert AlreadyVoted(ballotId, msg.sender);

        _commitments[member] = commitment;
        uint64 committed = _with(_count.committed, member);
        _count.committed = committed;
        if (committed == type(uint64).max >> (64 - _count.seats)) {
            _count.commitDeadline = uint40(block.timestamp);
            _count.revealDeadline = uint40(block.timestamp) + _count.revealWindow;
        }
        emit VoteCommitted(ballotId, msg.sender, commitment);
        _record(RecordKind.VoteCommitted, abi.encode(ballotId, msg.sender, commitment));
    }

    /// @inheritdoc IVerifierCommittee
    function leak(uint256 ballotId, address verifier, Vote[] calldata votes, bytes32 salt) external override {
        _requireStage(ballotId, BallotStage.Commit);
        uint256 member = _memberOf(ballotId, verifier);
        if (!_has(_count.committed, member) || _commitments[member] == 0) revert NothingToLeak(ballotId, verifier);
        bytes32 committed = _commitments[member];
        bytes32 shown = Commitments.vote(ballotId, verifier, votes, salt);
        if (shown != committed) revert CommitmentMismatch(ballotId, committed, shown);

        // Nothing opens zero, and the member's bit keeps it from committing again.
        _commitments[member] = 0;
        uint256 penalty = _slash(ballotId, verifier);
        uint256 reward = penalty / 2;
        emit VoteLeaked(ballotId, verifier, msg.sender, reward);
        if (reward > 0) reservoir.credit(Accounts.STAKES, msg.sender, reward);
        if (penalty > reward) reservoir.transfer(Accounts.STAKES, chain, Accounts.POOL, penalty - reward);
    }

    /// @inheritdoc IVerifierCommittee
    function revealVote(uint256 ballotId, Vote[] calldata votes, bytes32 salt) external override {
        _requireStage(ballotId, BallotStage.Reveal);
        uint256 member = _memberOf(ballotId, msg.sender);
        if (_has(_count.revealed, member)) revert AlreadyVoted(ballotId, msg.sender);
        // Zero, which nothing opens, where this ballot has no commitment: what is stored is an older ballot's.
        bytes32 committed = _has(_count.committed, member) ? _commitments[member] : bytes32(0);
        bytes32 revealed = Commitments.vote(ballotId, msg.sender, votes, salt);
        if (revealed != committed) revert CommitmentMismatch(ballotId, committed, revealed);
        if (!_isWellFormed(votes, _count.choices)) revert MalformedVotes(ballotId);

        for (uint256 choice = 0; choice < votes.length; choice += 2) {
            uint256 word = Tally.pack(votes[choice]);
            if (choice + 1 < votes.length) word |= uint256(Tally.pack(votes[choice + 1])) << 128;
            _votes[member][choice / 2] = word;
        }
        _count.revealed = _with(_count.revealed, member);
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
        _standing.settled = true;

        address[] memory verifiers = members(ballotId);
        bool[] memory coherent = new bool[](verifiers.length);
        uint256 sharing = 0;
        uint256 penalties = 0;
        for (uint256 member = 0; member < verifiers.length; ++member) {
            coherent[member] = _isCoherent(member, agreed);
            if (coherent[member]) ++sharing;
            else penalties += _slash(ballotId, verifiers[member]);
        }
        if (penalties > 0) reservoir.transfer(Accounts.STAKES, chain, pool, penalties);
        if (fee > 0) _payFee(ballotId, verifiers, coherent, sharing, fee, pool);
    }

    /// @inheritdoc IVerifierCommittee
    function findings(uint256 ballotId) external view override returns (Finding[] memory found) {
        if (ballotId != _standing.ballotId) return found;
        uint256 choices = _count.choices;
        uint128[] memory votes = new uint128[](_count.seats);
        found = new Finding[](choices);
        for (uint256 choice = 0; choice < choices; ++choice) {
            for (uint256 member = 0; member < votes.length; ++member) {
                votes[member] = _voteAt(member, choice);
            }
            found[choice] = Tally.finding(votes, _tolerance);
        }
    }

    /// @inheritdoc IVerifierCommittee
    function stageOf(uint256 ballotId) external view override returns (BallotStage stage) {
        return Phases.stageOf(ballot(ballotId));
    }

    /// @inheritdoc IVerifierCommittee
    function voteOf(
        uint256 ballotId,
        address verifier
    ) external view override returns (bytes32 commitment, bool revealed) {
        Seat memory seat = _seatOf[verifier];
        if (ballotId == 0 || seat.ballotId != ballotId || ballotId != _standing.ballotId) return (0, false);
        commitment = _has(_count.committed, seat.member) ? _commitments[seat.member] : bytes32(0);
        revealed = _has(_count.revealed, seat.member);
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
        return (_seats.length, _standing.mature);
    }

    /// @inheritdoc IVerifierCommittee
    function seatAt(uint256 index) external view override returns (address verifier) {
        return _verifiers[_seats[index] - 1];
    }

    /// @inheritdoc IVerifierCommittee
    function parameters() external view override returns (Parameters memory) {
        return Parameters(_seatStake, _penalty, _unbondingTime, _tolerance);
    }

    /// @inheritdoc IVerifierCommittee
    function ballot(uint256 ballotId) public view override returns (Ballot memory newest) {
        if (ballotId == 0 || ballotId != _standing.ballotId) return newest;
        Count memory count = _count;
        return
            Ballot({
                seats: count.seats,
                choices: count.choices,
                committed: count.committed,
                revealed: count.revealed,
                commitDeadline: count.commitDeadline,
                revealDeadline: count.revealDeadline,
                revealWindow: count.revealWindow,
                settled: _standing.settled
            });
    }

    /// @inheritdoc IVerifierCommittee
    function members(uint256 ballotId) public view override returns (address[] memory verifiers) {
        if (ballotId != _standing.ballotId) return verifiers;
        uint32[] memory numbers = _members;
        verifiers = new address[](numbers.length);
        for (uint256 member = 0; member < numbers.length; ++member) {
            verifiers[member] = _verifiers[numbers[member] - 1];
        }
    }

    function _record(RecordKind kind, bytes memory data) private {
        IPoLeChain(chain).record(kind, data);
    }

    /// @dev Frees the verifier's seat and keeps the mature seats in front.
    function _leave(address verifier) private {
        Seat storage seat = _seatOf[verifier];
        uint256 index = seat.place - 1;
        seat.place = 0;
        seat.reclaimableAt = uint40(block.timestamp) + _unbondingTime;
        emit SeatLeft(verifier, seat.stake, seat.reclaimableAt);

        if (index < _standing.mature) {
            uint256 lastMature = --_standing.mature;
            _moveSeat(lastMature, index);
            index = lastMature;
        }
        _moveSeat(_seats.length - 1, index);
        _seats.pop();
    }

    function _moveSeat(uint256 from, uint256 to) private {
        if (from == to) return;
        uint32 number = _seats[from];
        _seats[to] = number;
        _seatOf[_verifiers[number - 1]].place = uint32(to + 1);
    }

    function _seatMembers(uint256 ballotId, uint256[] memory drawn) private returns (address[] memory verifiers) {
        verifiers = new address[](drawn.length);
        uint32[] memory numbers = new uint32[](drawn.length);
        for (uint256 member = 0; member < drawn.length; ++member) {
            numbers[member] = _seats[drawn[member]];
            address verifier = _verifiers[numbers[member] - 1];
            verifiers[member] = verifier;
            Seat storage seat = _seatOf[verifier];
            (seat.ballotId, seat.member) = (uint48(ballotId), uint8(member));
        }
        _members = numbers;
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
        BallotStage stage = Phases.stageOf(ballot(ballotId));
        if (stage != needed) revert WrongStage(ballotId, stage, needed);
    }

    /// @dev For ballots past the stage None only: no ballot has id 0, which is what a verifier that was never drawn holds.
    function _memberOf(uint256 ballotId, address verifier) private view returns (uint256 member) {
        Seat memory seat = _seatOf[verifier];
        if (seat.ballotId != ballotId) revert NotMember(ballotId, verifier);
        return seat.member;
    }

    function _owesVote(Seat memory seat) private view returns (bool) {
        return seat.ballotId != 0 && seat.ballotId == _standing.ballotId && !_standing.settled;
    }

    function _maturePlaces(address[] calldata barred) private view returns (uint256[] memory places) {
        uint256 count = 0;
        uint256[] memory found = new uint256[](barred.length);
        for (uint256 n = 0; n < barred.length; ++n) {
            uint256 place = _seatOf[barred[n]].place;
            if (place == 0 || place > _standing.mature) continue;
            found[count] = place - 1;
            ++count;
        }
        places = new uint256[](count);
        for (uint256 n = 0; n < count; ++n) {
            places[n] = found[n];
        }
    }

    /// @dev Zero unless the member revealed.
    function _voteAt(uint256 member, uint256 choice) private view returns (uint128) {
        if (!_has(_count.revealed, member)) return 0;
        return uint128(_votes[member][choice / 2] >> (128 * (choice % 2)));
    }

    /// @dev Revealed, and in agreement with every finding.
    function _isCoherent(uint256 member, Finding[] calldata agreed) private view returns (bool) {
        if (!_has(_count.revealed, member)) return false;
        for (uint256 choice = 0; choice < agreed.length; ++choice) {
            if (!Tally.agrees(_voteAt(member, choice), agreed[choice], _tolerance)) return false;
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

    function _has(uint64 members_, uint256 member) private pure returns (bool) {
        return (members_ >> member) & 1 == 1;
    }

    function _with(uint64 members_, uint256 member) private pure returns (uint64) {
        return members_ | uint64(1 << member);
    }
}
