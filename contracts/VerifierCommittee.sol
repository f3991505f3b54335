// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPoLeChain, RecordKind} from "./interfaces/IPoLeChain.sol";
import {IRewardReservoir} from "./interfaces/IRewardReservoir.sol";
import {Ballot, BallotStage, Finding, IVerifierCommittee, Verdict, Vote} from "./interfaces/IVerifierCommittee.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Ballots} from "./libraries/Ballots.sol";
import {CommitteeDraw} from "./libraries/CommitteeDraw.sol";
import {Commitments} from "./libraries/Commitments.sol";
import {Phases} from "./libraries/Phases.sol";
import {Tally} from "./libraries/Tally.sol";

/// @title VerifierCommittee: seats, draws and votes; IVerifierCommittee says what it does.
contract VerifierCommittee is IVerifierCommittee {
    /// @dev One storage slot for each verifier.
    /// @param place 1 + index of its seat, 0 while it has none
    /// @param number 1 + index in `_verifiers`, for ever
    /// @param roundId last round that drew it. The chain settles one round before it draws for the next, so at most this one is open.
    /// @param members for each attempt of that round a byte, from the lowest: 1 + its index among that ballot's members, 0 where it is none
    struct Seat {
        uint96 stake;
        uint40 reclaimableAt;
        uint32 place;
        uint32 number;
        uint32 roundId;
        uint24 members;
    }

    /// @dev What nearly every call reads, in one storage slot.
    /// @param mature seats that can be drawn; they stand first
    /// @param frozenUntil last Ethereum block in which no seat can be given up
    /// @param ballotId newest ballot
    /// @param settled whether its round's ballots are
    struct Standing {
        uint32 mature;
        uint64 frozenUntil;
        uint48 ballotId;
        bool settled;
    }

    /// @dev A ballot but for whether it is settled, in one storage slot.
    struct Count {
        uint8 seats;
        uint8 choices;
        uint64 committed;
        uint64 revealed;
        uint40 commitDeadline;
        uint40 revealDeadline;
        uint32 eligible;
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

    // Every round's ballots write over the storage of the round before, which costs less than a quarter of new storage. A ballot's bits of
    // who committed and who revealed tell its votes from those of older ones.
    mapping(uint256 attempt => Count) private _counts;
    /// @dev Verifiers' numbers, in the order drawn.
    mapping(uint256 attempt => uint32[]) private _members;
    mapping(uint256 attempt => mapping(uint256 member => bytes32)) private _commitments;
    /// @dev Packed votes (Tally), two to a word: a member's choices 2w and 2w + 1 are in its word w, low half first.
    mapping(uint256 attempt => mapping(uint256 member => mapping(uint256 word => uint256))) private _votes;
    /// @dev Packed findings of the ballots before the newest, two to a word likewise.
    mapping(uint256 attempt => mapping(uint256 word => uint256)) private _findings;

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
        uint16 maximum,
        address[] calldata barred,
        uint16 choices,
        uint32 commitWindow,
        uint32 revealWindow
    ) external override onlyChain returns (address[] memory seated) {
        _requireStage(ballotId, BallotStage.None);
        _standing.frozenUntil = 0;
        uint256 attempt = Ballots.attemptOf(ballotId);
        uint256[] memory places = _maturePlaces(barred);
        uint256 seats = Ballots.sizeOf(attempt, size, maximum);
        uint256[] memory drawn = CommitteeDraw.draw(entropy, _standing.mature, seats, places);
        if (drawn.length < (attempt == 0 ? minimum : _counts[attempt - 1].seats + 1)) return seated;

        (_standing.ballotId, _standing.settled) = (uint48(ballotId), false);
        uint40 commitDeadline = uint40(block.timestamp) + commitWindow;
        _counts[attempt] = Count({
            seats: uint8(drawn.length),
            choices: uint8(choices),
            committed: 0,
            revealed: 0,
            commitDeadline: commitDeadline,
            revealDeadline: commitDeadline + revealWindow,
            eligible: _standing.mature - uint32(places.length)
        });
        return _seatMembers(ballotId, drawn);
    }

    /// @inheritdoc IVerifierCommittee
    function commitVote(uint256 ballotId, bytes32 commitment) external override {
        _requireStage(ballotId, BallotStage.Commit);
        uint256 member = _memberOf(ballotId, msg.sender);
        uint256 attempt = Ballots.attemptOf(ballotId);
        Count storage count = _counts[attempt];
        if (commitment == 0) revert EmptyCommitment();
        if (_has(count.committed, member)) revert AlreadyVoted(ballotId, msg.sender);

        _commitments[attempt][member] = commitment;
        uint64 committed = _with(count.committed, member);
        count.committed = committed;
        if (committed == type(uint64).max >> (64 - count.seats)) {
            uint40 revealWindow = count.revealDeadline - count.commitDeadline;
            count.commitDeadline = uint40(block.timestamp);
            count.revealDeadline = uint40(block.timestamp) + revealWindow;
        }
        emit VoteCommitted(ballotId, msg.sender, commitment);
        _record(RecordKind.VoteCommitted, abi.encode(ballotId, msg.sender, commitment));
    }

    /// @inheritdoc IVerifierCommittee
    function leak(uint256 ballotId, address verifier, Vote[] calldata votes, bytes32 salt) external override {
        _requireStage(ballotId, BallotStage.Commit);
        uint256 member = _memberOf(ballotId, verifier);
        uint256 attempt = Ballots.attemptOf(ballotId);
        bytes32 committed = _commitmentAt(attempt, member);
        if (committed == 0) revert NothingToLeak(ballotId, verifier);
        bytes32 shown = Commitments.vote(ballotId, verifier, votes, salt);
        if (shown != committed) revert CommitmentMismatch(ballotId, committed, shown);

        // Nothing opens zero, and the member's bit keeps it from committing again.
        _commitments[attempt][member] = 0;
        uint256 penalty = _slash(ballotId, verifier);
        uint256 reward = penalty / 2;
        emit VoteLeaked(ballotId, verifier, msg.sender, reward);
        _record(RecordKind.VoteLeaked, abi.encode(ballotId, verifier, msg.sender));
        if (reward > 0) reservoir.credit(Accounts.STAKES, msg.sender, reward);
        if (penalty > reward) reservoir.transfer(Accounts.STAKES, chain, Accounts.POOL, penalty - reward);
    }

    /// @inheritdoc IVerifierCommittee
    function revealVote(uint256 ballotId, Vote[] calldata votes, bytes32 salt) external override {
        _requireStage(ballotId, BallotStage.Reveal);
        uint256 member = _memberOf(ballotId, msg.sender);
        uint256 attempt = Ballots.attemptOf(ballotId);
        Count storage count = _counts[attempt];
        if (_has(count.revealed, member)) revert AlreadyVoted(ballotId, msg.sender);
        bytes32 committed = _commitmentAt(attempt, member);
        bytes32 revealed = Commitments.vote(ballotId, msg.sender, votes, salt);
        if (revealed != committed) revert CommitmentMismatch(ballotId, committed, revealed);
        if (!_isWellFormed(votes, count.choices)) revert MalformedVotes(ballotId);

        mapping(uint256 word => uint256) storage words = _votes[attempt][member];
        for (uint256 choice = 0; choice < votes.length; choice += 2) {
            uint256 word = Tally.pack(votes[choice]);
            if (choice + 1 < votes.length) word |= uint256(Tally.pack(votes[choice + 1])) << 128;
            words[choice / 2] = word;
        }
        uint64 all = _with(count.revealed, member);
        count.revealed = all;
        if (all == count.committed) count.revealDeadline = uint40(block.timestamp);
        emit VoteRevealed(ballotId, msg.sender, votes);
        _record(RecordKind.VoteRevealed, abi.encode(ballotId, msg.sender, keccak256(abi.encode(votes))));
    }

    /// @inheritdoc IVerifierCommittee
    function keepFindings(uint256 ballotId) external override onlyChain returns (bool decided) {
        _requireStage(ballotId, BallotStage.Closed);
        uint256 attempt = Ballots.attemptOf(ballotId);
        Finding[] memory found = _tally(attempt);
        uint256 word = 0;
        bool all = true;
        bool isDataWrong = false;
        for (uint256 choice = 0; choice < found.length; ++choice) {
            word |= uint256(Tally.pack(found[choice])) << (128 * (choice % 2));
            if (choice % 2 == 1 || choice + 1 == found.length) {
                _findings[attempt][choice / 2] = word;
                word = 0;
            }
            if (found[choice].verdict == Verdict.None) all = false;
            if (found[choice].verdict == Verdict.DataFault) isDataWrong = true;
        }
        return all || isDataWrong;
    }

    /// @inheritdoc IVerifierCommittee
    function settle(
        uint256 ballotId,
        Finding[] calldata agreed,
        uint256 fee,
        bytes32 pool,
        uint256 challenged,
        address challenger
    ) external override onlyChain {
        _requireStage(ballotId, BallotStage.Closed);
        _standing.settled = true;

        (uint64[] memory coherent, uint256 sharing) = _coherentByAttempt(ballotId, agreed);
        uint256 penalties = 0;
        for (uint256 attempt = 0; attempt < coherent.length; ++attempt) {
            uint256 own = Ballots.idOf(Ballots.roundOf(ballotId), attempt);
            penalties += _slashAllBut(own, coherent[attempt], own == challenged ? challenger : address(0));
        }
        if (penalties > 0) reservoir.transfer(Accounts.STAKES, chain, pool, penalties);
        if (fee > 0) _payFee(ballotId, coherent, sharing, fee, pool);
    }

    /// @inheritdoc IVerifierCommittee
    function findings(uint256 ballotId) external view override returns (Finding[] memory found) {
        if (!_isKnown(ballotId)) return found;
        uint256 attempt = Ballots.attemptOf(ballotId);
        return ballotId == _standing.ballotId ? _tally(attempt) : _kept(attempt);
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
        if (!_isKnown(ballotId) || !_isMember(ballotId, verifier)) return (0, false);
        uint256 attempt = Ballots.attemptOf(ballotId);
        uint256 member = _memberOf(ballotId, verifier);
        return (_commitmentAt(attempt, member), _has(_counts[attempt].revealed, member));
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
    function ballot(uint256 ballotId) public view override returns (Ballot memory asked) {
        if (!_isKnown(ballotId)) return asked;
        Count memory count = _counts[Ballots.attemptOf(ballotId)];
        return
            Ballot({
                seats: count.seats,
                choices: count.choices,
                committed: count.committed,
                revealed: count.revealed,
                commitDeadline: count.commitDeadline,
                revealDeadline: count.revealDeadline,
                eligible: count.eligible,
                settled: _standing.settled
            });
    }

    /// @inheritdoc IVerifierCommittee
    function members(uint256 ballotId) public view override returns (address[] memory verifiers) {
        if (!_isKnown(ballotId)) return verifiers;
        uint32[] memory numbers = _members[Ballots.attemptOf(ballotId)];
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
        (uint32 roundId, uint256 attempt) = (uint32(Ballots.roundOf(ballotId)), Ballots.attemptOf(ballotId));
        verifiers = new address[](drawn.length);
        uint32[] memory numbers = new uint32[](drawn.length);
        for (uint256 member = 0; member < drawn.length; ++member) {
            numbers[member] = _seats[drawn[member]];
            address verifier = _verifiers[numbers[member] - 1];
            verifiers[member] = verifier;
            Seat storage seat = _seatOf[verifier];
            uint256 earlier = seat.roundId == roundId ? seat.members : 0;
            (seat.roundId, seat.members) = (roundId, uint24(earlier | ((member + 1) << (8 * attempt))));
        }
        _members[attempt] = numbers;
        emit Drawn(ballotId, verifiers, _counts[attempt].choices);
    }

    /// @dev Slashes the members outside the set `coherent`, and credits half of what they lose to `challenger` unless it is 0.
    /// @return rest of the penalties
    function _slashAllBut(uint256 ballotId, uint64 coherent, address challenger) private returns (uint256 rest) {
        address[] memory verifiers = members(ballotId);
        for (uint256 member = 0; member < verifiers.length; ++member) {
            if (!_has(coherent, member)) rest += _slash(ballotId, verifiers[member]);
        }
        uint256 reward = challenger == address(0) ? 0 : rest / 2;
        if (reward == 0) return rest;
        emit ChallengeRewarded(ballotId, challenger, reward);
        reservoir.credit(Accounts.STAKES, challenger, reward);
        return rest - reward;
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
    /// @param coherent by attempt, the members of that ballot that share
    function _payFee(uint256 ballotId, uint64[] memory coherent, uint256 sharing, uint256 fee, bytes32 pool) private {
        uint256 part = sharing == 0 ? 0 : fee / sharing;
        for (uint256 attempt = 0; attempt < coherent.length && part > 0; ++attempt) {
            _payParts(ballotId, attempt, coherent[attempt], part);
        }
        uint256 rest = fee - part * sharing;
        if (rest > 0) reservoir.transfer(bytes32(ballotId), chain, pool, rest);
    }

    /// @dev Pays out of account `ballotId` those members of one attempt of its round that are in the set `coherent`.
    function _payParts(uint256 ballotId, uint256 attempt, uint64 coherent, uint256 part) private {
        uint256 own = Ballots.idOf(Ballots.roundOf(ballotId), attempt);
        address[] memory verifiers = members(own);
        for (uint256 member = 0; member < verifiers.length; ++member) {
            if (!_has(coherent, member)) continue;
            emit Rewarded(own, verifiers[member], part);
            reservoir.credit(bytes32(ballotId), verifiers[member], part);
        }
    }

    function _requireStage(uint256 ballotId, BallotStage needed) private view {
        BallotStage stage = Phases.stageOf(ballot(ballotId));
        if (stage != needed) revert WrongStage(ballotId, stage, needed);
    }

    /// @dev Whether it is a ballot of the newest round.
    function _isKnown(uint256 ballotId) private view returns (bool) {
        uint256 newest = _standing.ballotId;
        return ballotId != 0 && Ballots.roundOf(ballotId) == Ballots.roundOf(newest) && ballotId <= newest;
    }

    /// @dev For known ballots, as the two below.
    function _isMember(uint256 ballotId, address verifier) private view returns (bool) {
        return _seatOf[verifier].roundId == Ballots.roundOf(ballotId) && _placeIn(ballotId, verifier) != 0;
    }

    function _memberOf(uint256 ballotId, address verifier) private view returns (uint256 member) {
        if (!_isMember(ballotId, verifier)) revert NotMember(ballotId, verifier);
        return _placeIn(ballotId, verifier) - 1;
    }

    /// @dev 1 + the verifier's index among the members if it is one in this round.
    function _placeIn(uint256 ballotId, address verifier) private view returns (uint256) {
        return uint8(_seatOf[verifier].members >> (8 * Ballots.attemptOf(ballotId)));
    }

    function _owesVote(Seat memory seat) private view returns (bool) {
        return seat.roundId != 0 && seat.roundId == Ballots.roundOf(_standing.ballotId) && !_standing.settled;
    }

    /// @return places indices of the mature seats of the barred, none of them twice
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

    /// @dev Zero, which nothing opens, where this ballot has no commitment: what is stored is an older one's.
    function _commitmentAt(uint256 attempt, uint256 member) private view returns (bytes32) {
        return _has(_counts[attempt].committed, member) ? _commitments[attempt][member] : bytes32(0);
    }

    function _tally(uint256 attempt) private view returns (Finding[] memory found) {
        Count memory count = _counts[attempt];
        uint128[] memory votes = new uint128[](count.seats);
        found = new Finding[](count.choices);
        for (uint256 choice = 0; choice < found.length; ++choice) {
            for (uint256 member = 0; member < votes.length; ++member) {
                if (_has(count.revealed, member)) votes[member] = _voteAt(attempt, member, choice);
            }
            found[choice] = Tally.finding(votes, _tolerance);
        }
    }

    /// @dev What an attempt before the newest found.
    function _kept(uint256 attempt) private view returns (Finding[] memory found) {
        found = new Finding[](_counts[attempt].choices);
        for (uint256 choice = 0; choice < found.length; ++choice) {
            found[choice] = Tally.unpack(uint128(_findings[attempt][choice / 2] >> (128 * (choice % 2))));
        }
    }

    /// @dev For members that revealed.
    function _voteAt(uint256 attempt, uint256 member, uint256 choice) private view returns (uint128) {
        return uint128(_votes[attempt][member][choice / 2] >> (128 * (choice % 2)));
    }

    /// @return coherent for every attempt up to the ballot's, the members that revealed and agree with every finding
    /// @return sharing how many they are together
    function _coherentByAttempt(
        uint256 ballotId,
        Finding[] memory last
    ) private view returns (uint64[] memory coherent, uint256 sharing) {
        uint256 newest = Ballots.attemptOf(ballotId);
        coherent = new uint64[](newest + 1);
        for (uint256 attempt = 0; attempt <= newest; ++attempt) {
            Finding[] memory own = attempt == newest ? last : _kept(attempt);
            Count memory cast = _counts[attempt];
            for (uint256 member = 0; member < cast.seats; ++member) {
                if (!_has(cast.revealed, member) || !_agrees(attempt, member, own, last)) continue;
                coherent[attempt] = _with(coherent[attempt], member);
                ++sharing;
            }
        }
    }

    /// @param own what the member's attempt found
    /// @param last what the last attempt found
    function _agrees(
        uint256 attempt,
        uint256 member,
        Finding[] memory own,
        Finding[] memory last
    ) private view returns (bool) {
        for (uint256 choice = 0; choice < last.length; ++choice) {
            uint128 vote = _voteAt(attempt, member, choice);
            if (!Tally.agrees(vote, own[choice], last[choice], _tolerance)) return false;
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
