// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILedger, RecordKind} from "./interfaces/ILedger.sol";
import {IPoLeChain} from "./interfaces/IPoLeChain.sol";
import {IRewardReservoir} from "./interfaces/IRewardReservoir.sol";
import {
    Ballot,
    BallotStage,
    Finding,
    IVerifierCommittee,
    Summons,
    Verdict,
    Vote
} from "./interfaces/IVerifierCommittee.sol";
import {Accounts} from "./libraries/encoding/Accounts.sol";
import {Ballots} from "./libraries/ballots/Ballots.sol";
import {CommitteeDraw} from "./libraries/ballots/CommitteeDraw.sol";
import {Commitments} from "./libraries/encoding/Commitments.sol";
import {Deployment} from "./libraries/Deployment.sol";
import {MemberSet} from "./libraries/ballots/MemberSet.sol";
import {Phases} from "./libraries/rounds/Phases.sol";
import {Seats} from "./libraries/ballots/Seats.sol";
import {Tally} from "./libraries/ballots/Tally.sol";

/// @title VerifierCommittee: seats, draws and votes; IVerifierCommittee says what it does.
contract VerifierCommittee is IVerifierCommittee {
    using CommitteeDraw for CommitteeDraw.Shuffle;
    using MemberSet for uint64;
    using Seats for Seats.History;

    /// @dev Strikes in a row that cost the seat.
    uint8 private constant STRIKES = 3;

    /// @dev One storage slot for each verifier.
    /// @param leftAt when it left its last seat
    /// @param place 1 + its place among the seats, 0 while it has none
    /// @param number 1 + index in `_verifiers`, for ever
    struct Seat {
        uint96 stake;
        uint40 leftAt;
        uint32 place;
        uint32 number;
        uint8 strikes;
    }

    /// @dev The newest ballot of a lane, and whether its round's ballots are settled.
    struct Standing {
        uint64 ballotId;
        bool settled;
    }

    /// @dev A ballot but for whether it is settled, in one storage slot.
    /// @param deadline of the window that is open, or when the last one ended
    /// @param revealWindow 0 once the commitments are over
    /// @param windowBlocks 0 once the reveals are over
    struct Count {
        uint8 seats;
        uint8 choices;
        uint64 committed;
        uint64 revealed;
        uint32 deadline;
        uint32 deadlineBlock;
        uint32 revealWindow;
        uint16 windowBlocks;
    }

    /// @dev Who cast the same votes, in one storage slot.
    /// @param hash of the votes
    /// @param ballotId that they were cast in: an older one's is no cast of the newest
    /// @param members bit n, from the lowest, for member n
    struct CastHead {
        bytes16 hash;
        uint64 ballotId;
        uint64 members;
    }

    /// @dev What the members of a ballot cast, and what that is judged by.
    /// @param answered by choice, whether this committee or a later one found what was agreed
    /// @param leading the last committee's majorities, empty for an earlier one
    struct Trial {
        Tally.Cast[] casts;
        bool[] answered;
        uint128[] leading;
    }

    /// @inheritdoc IVerifierCommittee
    address public immutable override chain;

    /// @inheritdoc IVerifierCommittee
    ILedger public immutable override ledger;

    /// @inheritdoc IVerifierCommittee
    IRewardReservoir public immutable override reservoir;

    uint96 private immutable _seatStake;
    uint96 private immutable _penalty;
    uint32 private immutable _seatAge;
    uint16 private immutable _lanes;

    /// @dev Everybody who ever held a seat.
    address[] private _verifiers;
    Seats.History private _seats;
    mapping(address verifier => Seat) private _seatOf;
    mapping(uint256 lane => Standing) private _standings;

    // What follows is by lane and attempt: a key is what `_key` makes of a ballot. A round's ballots write over those
    // of the round before in its lane, which costs less than a quarter of new storage.
    mapping(uint256 key => Count) private _counts;
    /// @dev Verifiers' numbers, in the order drawn.
    mapping(uint256 key => uint32[]) private _members;
    mapping(uint256 key => mapping(uint256 member => bytes32)) private _commitments;
    mapping(uint256 key => mapping(uint256 cast => CastHead)) private _casts;
    /// @dev Packed votes (Tally), two to a word: a cast's choices 2w and 2w + 1 are in its word w, low half first.
    mapping(uint256 key => mapping(uint256 cast => mapping(uint256 word => uint256))) private _votes;

    modifier onlyChain() {
        if (msg.sender != chain) revert NotChain(msg.sender);
        _;
    }

    /// @param chain_ the address that PoLeChain is going to have
    constructor(IRewardReservoir reservoir_, ILedger ledger_, address chain_, Parameters memory parameters_) {
        Deployment.checkCommittee(parameters_);
        reservoir = reservoir_;
        ledger = ledger_;
        chain = chain_;
        _seatStake = parameters_.seatStake;
        _penalty = parameters_.penalty;
        _seatAge = parameters_.seatAge;
        _lanes = parameters_.lanes;
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
        seat.place = uint32(_seats.add(seat.number) + 1);
        seat.stake = _seatStake;
        seat.leftAt = 0;
        emit Staked(msg.sender, _seatStake);
        if (due > 0) reservoir.deposit{value: due}(address(this), Accounts.STAKES);
    }

    /// @inheritdoc IVerifierCommittee
    function unstake() external override {
        if (_seatOf[msg.sender].place == 0) revert NotStaked(msg.sender);
        _leave(msg.sender);
    }

    /// @inheritdoc IVerifierCommittee
    function reclaim() external override {
        Seat storage seat = _seatOf[msg.sender];
        uint256 amount = seat.stake;
        if (amount == 0) revert NotStaked(msg.sender);
        if (seat.place != 0) revert StakeBound(msg.sender, 0);
        // A round that opened at t draws among the seats of t - seatAge.
        uint64 freeAfter = uint64(seat.leftAt) + _seatAge;
        if (block.timestamp <= freeAfter || IPoLeChain(chain).oldestOpening() <= freeAfter) {
            revert StakeBound(msg.sender, freeAfter);
        }
        seat.stake = 0;
        emit Reclaimed(msg.sender, amount);
        reservoir.credit(Accounts.STAKES, msg.sender, amount);
    }

    /// @inheritdoc IVerifierCommittee
    function draw(
        uint256 ballotId,
        bytes32 entropy,
        Summons calldata summons
    ) external override onlyChain returns (address[] memory seated) {
        _requireStage(ballotId, BallotStage.None);
        (uint32[] memory numbers, address[] memory drawn) = _drawSeats(entropy, summons);
        uint256 attempt = Ballots.attemptOf(ballotId);
        uint256 key = _key(ballotId);
        uint256 minimum = attempt == 0 ? summons.minimum : uint256(_counts[key - 1].seats) + 1;
        if (drawn.length < minimum) return seated;

        _standings[_laneOf(ballotId)] = Standing(uint64(ballotId), false);
        _counts[key] = Count({
            seats: uint8(drawn.length),
            choices: uint8(summons.choices),
            committed: 0,
            revealed: 0,
            deadline: uint32(block.timestamp) + summons.commitWindow,
            deadlineBlock: uint32(block.number) + summons.windowBlocks,
            revealWindow: summons.revealWindow,
            windowBlocks: summons.windowBlocks
        });
        _members[key] = numbers;
        emit Drawn(ballotId, drawn, summons.choices);
        return drawn;
    }

    /// @inheritdoc IVerifierCommittee
    function commitVote(uint256 ballotId, uint256 member, bytes32 commitment) external override {
        Count storage count = _requireStage(ballotId, BallotStage.Commit);
        uint256 key = _key(ballotId);
        _requireMember(ballotId, member);
        if (commitment == 0) revert EmptyCommitment();
        if (count.committed.has(member)) revert AlreadyVoted(ballotId, msg.sender);

        _commitments[key][member] = commitment;
        uint64 committed = count.committed.with(member);
        count.committed = committed;
        if (committed == MemberSet.all(count.seats)) _endCommitments(count);
        emit VoteCommitted(ballotId, msg.sender, commitment);
        ledger.record(RecordKind.VoteCommitted, abi.encode(ballotId, msg.sender, commitment));
    }

    /// @inheritdoc IVerifierCommittee
    function leak(uint256 ballotId, uint256 member, Vote[] calldata votes, bytes32 salt) external override {
        _requireStage(ballotId, BallotStage.Commit);
        uint256 key = _key(ballotId);
        address verifier = _memberAt(ballotId, member);
        bytes32 committed = _commitmentAt(key, member);
        if (committed == 0) revert NothingToLeak(ballotId, verifier);
        bytes32 shown = Commitments.vote(ballotId, verifier, votes, salt);
        if (shown != committed) revert CommitmentMismatch(ballotId, committed, shown);

        // Nothing opens zero, and the member's bit keeps it from committing again.
        _commitments[key][member] = 0;
        uint256 penalty = _slash(ballotId, verifier);
        uint256 reward = penalty / 2;
        emit VoteLeaked(ballotId, verifier, msg.sender, reward);
        ledger.record(RecordKind.VoteLeaked, abi.encode(ballotId, verifier, msg.sender));
        if (reward > 0) reservoir.credit(Accounts.STAKES, msg.sender, reward);
        if (penalty > reward) reservoir.transfer(Accounts.STAKES, chain, Accounts.POOL, penalty - reward);
    }

    /// @inheritdoc IVerifierCommittee
    function revealVote(uint256 ballotId, uint256 member, Vote[] calldata votes, bytes32 salt) external override {
        Count storage count = _requireStage(ballotId, BallotStage.Reveal);
        _requireMember(ballotId, member);
        if (count.revealed.has(member)) revert AlreadyVoted(ballotId, msg.sender);
        bytes32 committed = _commitmentAt(_key(ballotId), member);
        bytes32 revealed = Commitments.vote(ballotId, msg.sender, votes, salt);
        if (revealed != committed) revert CommitmentMismatch(ballotId, committed, revealed);
        if (!_isWellFormed(votes, count.choices)) revert MalformedVotes(ballotId);

        bytes32 hash = keccak256(abi.encode(votes));
        _cast(ballotId, member, votes, bytes16(hash));
        uint64 all = count.revealed.with(member);
        count.revealed = all;
        if (all == count.committed) _endReveals(count);
        emit VoteRevealed(ballotId, msg.sender, votes);
        ledger.record(RecordKind.VoteRevealed, abi.encode(ballotId, msg.sender, hash));
    }

    /// @inheritdoc IVerifierCommittee
    function endVotes(uint256 ballotId) external override {
        Ballot memory asked = ballot(ballotId);
        bool isCommit = asked.stage == BallotStage.Commit;
        if (!isCommit && asked.stage != BallotStage.Reveal) {
            revert WrongStage(ballotId, asked.stage, BallotStage.Reveal);
        }
        if (!Phases.isOver(asked.deadline, asked.deadlineBlock)) {
            revert VotesAwaited(ballotId, asked.deadline, asked.deadlineBlock);
        }
        Count storage count = _counts[_key(ballotId)];
        if (isCommit) _endCommitments(count);
        else _endReveals(count);
    }

    /// @inheritdoc IVerifierCommittee
    function settle(uint256 ballotId, Finding[] calldata agreed, uint256 fee) external override onlyChain {
        _requireStage(ballotId, BallotStage.Closed);
        _standings[_laneOf(ballotId)].settled = true;
        uint256 newest = Ballots.attemptOf(ballotId);
        uint256 first = ballotId - newest;
        uint128[] memory truths = Tally.packAll(agreed);
        Trial[] memory trials = _trialsOf(ballotId, truths);
        uint256[][] memory right = new uint256[][](newest + 1);
        uint256 penalties = 0;
        uint256 parts = 0;
        for (uint256 attempt = 0; attempt <= newest; ++attempt) {
            uint256 lost = 0;
            (right[attempt], lost) = _judgeMembers(first + attempt, trials[attempt], truths);
            penalties += lost;
            parts += right[attempt].length * agreed.length;
        }
        uint256 part = (newest > 0 ? fee + penalties : fee) / parts;
        uint256 rest = fee + penalties;
        for (uint256 attempt = 0; attempt <= newest && part > 0; ++attempt) {
            rest -= _pay(first + attempt, right[attempt], part);
        }
        if (rest > 0) reservoir.transfer(Accounts.STAKES, chain, Accounts.POOL, rest);
    }

    /// @inheritdoc IVerifierCommittee
    function findings(uint256 ballotId) external view override returns (Finding[] memory found) {
        Finding[][] memory all = allFindings(ballotId);
        if (all.length > 0) return all[all.length - 1];
    }

    /// @inheritdoc IVerifierCommittee
    function voteOf(
        uint256 ballotId,
        uint256 member
    ) external view override returns (bytes32 commitment, bool revealed) {
        if (!_isKnown(ballotId)) return (0, false);
        uint256 key = _key(ballotId);
        return (_commitmentAt(key, member), _counts[key].revealed.has(member));
    }

    /// @inheritdoc IVerifierCommittee
    function stakeOf(
        address verifier
    ) external view override returns (uint256 held, bool seated, uint64 leftAt, uint8 strikes) {
        Seat memory seat = _seatOf[verifier];
        return (seat.stake, seat.place != 0, seat.leftAt, seat.strikes);
    }

    /// @inheritdoc IVerifierCommittee
    function seatsAt(uint64 time) external view override returns (uint256 count) {
        return _seats.countAt(time);
    }

    /// @inheritdoc IVerifierCommittee
    function seatAt(uint64 time, uint256 index) external view override returns (address verifier) {
        return _verifiers[_seats.holderAt(time, index) - 1];
    }

    /// @inheritdoc IVerifierCommittee
    function parameters() external view override returns (Parameters memory) {
        return Parameters(_seatStake, _penalty, _seatAge, _lanes);
    }

    /// @inheritdoc IVerifierCommittee
    function allFindings(uint256 ballotId) public view override returns (Finding[][] memory all) {
        if (!_isKnown(ballotId)) return all;
        uint256 newest = Ballots.attemptOf(ballotId);
        all = new Finding[][](newest + 1);
        Finding[] memory found;
        for (uint256 attempt = 0; attempt <= newest; ++attempt) {
            uint256 id = ballotId - newest + attempt;
            Count memory count = _counts[_key(id)];
            found = Tally.findings(found, _castsOf(id, count.choices), count.seats, count.choices);
            all[attempt] = found;
        }
    }

    /// @inheritdoc IVerifierCommittee
    function ballot(uint256 ballotId) public view override returns (Ballot memory asked) {
        if (!_isKnown(ballotId)) return asked;
        Count memory count = _counts[_key(ballotId)];
        return
            Ballot({
                seats: count.seats,
                choices: count.choices,
                committed: count.committed,
                revealed: count.revealed,
                stage: _stageOf(count, _standings[_laneOf(ballotId)].settled),
                deadline: count.deadline,
                deadlineBlock: count.deadlineBlock
            });
    }

    /// @inheritdoc IVerifierCommittee
    function members(uint256 ballotId) public view override returns (address[] memory verifiers) {
        if (!_isKnown(ballotId)) return verifiers;
        uint32[] memory numbers = _members[_key(ballotId)];
        verifiers = new address[](numbers.length);
        for (uint256 member = 0; member < numbers.length; ++member) {
            verifiers[member] = _verifiers[numbers[member] - 1];
        }
    }

    function _drawSeats(
        bytes32 entropy,
        Summons calldata summons
    ) private view returns (uint32[] memory numbers, address[] memory drawn) {
        uint256 places = _seats.countAt(summons.asOf);
        if (places < summons.places) return (numbers, drawn);
        // Each step takes a seat or uses up a barred one, so more steps than these take nothing new.
        uint256 steps = uint256(summons.size) + summons.barred.length;
        if (steps > places) steps = places;
        CommitteeDraw.Shuffle memory shuffle = CommitteeDraw.begin(steps);
        (numbers, drawn) = (new uint32[](summons.size), new address[](summons.size));
        uint256 count = 0;
        for (uint256 step = 0; step < steps && count < drawn.length; ++step) {
            uint32 number = _seats.holderAt(summons.asOf, shuffle.next(entropy, step, places));
            address verifier = _verifiers[number - 1];
            if (_includes(summons.barred, verifier)) continue;
            (numbers[count], drawn[count]) = (number, verifier);
            ++count;
        }
        return (_firstOf(numbers, count), _firstOf(drawn, count));
    }

    /// @dev Adds the member to those who cast the same votes, or begins a cast of its own.
    function _cast(uint256 ballotId, uint256 member, Vote[] calldata votes, bytes16 hash) private {
        uint256 key = _key(ballotId);
        uint256 index = 0;
        CastHead storage head = _casts[key][index];
        while (head.ballotId == ballotId && head.hash != hash) head = _casts[key][++index];
        if (head.ballotId == ballotId) {
            head.members = head.members.with(member);
            return;
        }
        _casts[key][index] = CastHead(hash, uint64(ballotId), MemberSet.with(0, member));
        mapping(uint256 word => uint256) storage words = _votes[key][index];
        for (uint256 choice = 0; choice < votes.length; choice += 2) {
            uint256 word = Tally.pack(votes[choice]);
            if (choice + 1 < votes.length) word |= uint256(Tally.pack(votes[choice + 1])) << 128;
            words[choice / 2] = word;
        }
    }

    /// @dev Begins the reveals now, if there is any vote to wait for.
    function _endCommitments(Count storage count) private {
        count.deadline = uint32(block.timestamp) + count.revealWindow;
        count.deadlineBlock = uint32(block.number) + count.windowBlocks;
        count.revealWindow = 0;
        if (count.committed == 0) _endReveals(count);
    }

    function _endReveals(Count storage count) private {
        (count.deadline, count.deadlineBlock) = (uint32(block.timestamp), uint32(block.number));
        count.windowBlocks = 0;
    }

    /// @dev Frees the verifier's seat.
    function _leave(address verifier) private {
        Seat storage seat = _seatOf[verifier];
        uint32 place = seat.place;
        (seat.place, seat.leftAt, seat.strikes) = (0, uint40(block.timestamp), 0);
        emit SeatLeft(verifier, seat.stake);
        uint32 moved = _seats.remove(place - 1);
        if (moved != 0) _seatOf[_verifiers[moved - 1]].place = place;
    }

    /// @dev Takes from the members of a ballot what they lose.
    /// @param agreed by choice, what was found in the end, packed
    /// @return right how many votes of each member earn
    /// @return penalties all that they lost
    function _judgeMembers(
        uint256 ballotId,
        Trial memory trial,
        uint128[] memory agreed
    ) private returns (uint256[] memory right, uint256 penalties) {
        address[] memory verifiers = members(ballotId);
        right = new uint256[](verifiers.length);
        uint64 silent = MemberSet.all(verifiers.length);
        for (uint256 n = 0; n < trial.casts.length; ++n) {
            Tally.Worth memory worth = Tally.worthOf(trial.casts[n].votes, agreed, trial.answered, trial.leading);
            uint64 alike = trial.casts[n].members;
            silent &= ~alike;
            if (!worth.isFalse && !worth.isAlone) _setAll(right, alike, worth.right);
            penalties += _answerAll(ballotId, verifiers, alike, worth, worth.right == agreed.length);
        }
        penalties += _slashAll(ballotId, verifiers, silent);
    }

    /// @dev Slashes these members of a ballot; `verifiers` are all of them.
    function _slashAll(
        uint256 ballotId,
        address[] memory verifiers,
        uint64 slashed
    ) private returns (uint256 penalties) {
        for (uint64 rest = slashed; rest != 0; rest = rest.withoutFirst()) {
            penalties += _slash(ballotId, verifiers[rest.first()]);
        }
    }

    function _setAll(uint256[] memory numbers, uint64 chosen, uint256 number) private pure {
        for (uint64 rest = chosen; rest != 0; rest = rest.withoutFirst()) {
            numbers[rest.first()] = number;
        }
    }

    /// @dev Lets members that revealed the same votes answer for them; `verifiers` are all of the ballot.
    function _answerAll(
        uint256 ballotId,
        address[] memory verifiers,
        uint64 alike,
        Tally.Worth memory worth,
        bool isComplete
    ) private returns (uint256 lost) {
        for (uint64 rest = alike; rest != 0; rest = rest.withoutFirst()) {
            lost += _answer(ballotId, verifiers[rest.first()], worth, isComplete);
        }
    }

    /// @dev Lets a member that revealed answer for its votes.
    /// @param isComplete every vote was right
    /// @return lost of its stake
    function _answer(
        uint256 ballotId,
        address verifier,
        Tally.Worth memory worth,
        bool isComplete
    ) private returns (uint256 lost) {
        Seat storage seat = _seatOf[verifier];
        if (worth.isFalse) return _slash(ballotId, verifier);
        bool isSeated = seat.place != 0;
        if (worth.isAlone && isSeated) {
            _leave(verifier);
        } else if (worth.hasAbstained && isSeated) {
            uint8 strikes = seat.strikes + 1;
            seat.strikes = strikes;
            emit Struck(ballotId, verifier, strikes);
            if (strikes == STRIKES) _leave(verifier);
        } else if (isComplete && seat.strikes != 0) {
            seat.strikes = 0;
        }
    }

    /// @dev Takes the penalty, or what is left of the stake, off the books, and the seat; the caller moves the money.
    function _slash(uint256 ballotId, address verifier) private returns (uint96 amount) {
        Seat storage seat = _seatOf[verifier];
        amount = seat.stake < _penalty ? seat.stake : _penalty;
        seat.stake -= amount;
        if (amount > 0) emit Slashed(ballotId, verifier, amount);
        if (seat.place != 0) _leave(verifier);
    }

    /// @dev Credits a part for every vote that was right.
    /// @return paid altogether
    function _pay(uint256 ballotId, uint256[] memory right, uint256 part) private returns (uint256 paid) {
        address[] memory verifiers = members(ballotId);
        for (uint256 member = 0; member < verifiers.length; ++member) {
            uint256 amount = right[member] * part;
            if (amount == 0) continue;
            paid += amount;
            emit Rewarded(ballotId, verifiers[member], amount);
            reservoir.credit(Accounts.STAKES, verifiers[member], amount);
        }
    }

    function _requireStage(uint256 ballotId, BallotStage needed) private view returns (Count storage count) {
        BallotStage stage = ballot(ballotId).stage;
        if (stage != needed) revert WrongStage(ballotId, stage, needed);
        return _counts[_key(ballotId)];
    }

    function _requireMember(uint256 ballotId, uint256 member) private view {
        if (_memberAt(ballotId, member) != msg.sender) revert NotMember(ballotId, member, msg.sender);
    }

    /// @dev For known ballots.
    function _memberAt(uint256 ballotId, uint256 member) private view returns (address verifier) {
        uint32[] storage numbers = _members[_key(ballotId)];
        if (member >= numbers.length) revert NotMember(ballotId, member, msg.sender);
        return _verifiers[numbers[member] - 1];
    }

    /// @dev Whether it is a ballot of the newest round of its lane that was judged.
    function _isKnown(uint256 ballotId) private view returns (bool) {
        uint256 newest = _standings[_laneOf(ballotId)].ballotId;
        return ballotId != 0 && Ballots.roundOf(ballotId) == Ballots.roundOf(newest) && ballotId <= newest;
    }

    /// @dev Zero, which nothing opens, where this ballot has no commitment: what is stored is an older one's.
    function _commitmentAt(uint256 key, uint256 member) private view returns (bytes32) {
        return _counts[key].committed.has(member) ? _commitments[key][member] : bytes32(0);
    }

    /// @param agreed by choice, what was found in the end, packed
    /// @return trials by attempt, up to the ballot's
    function _trialsOf(uint256 ballotId, uint128[] memory agreed) private view returns (Trial[] memory trials) {
        uint256 newest = Ballots.attemptOf(ballotId);
        trials = new Trial[](newest + 1);
        bool[] memory later = new bool[](agreed.length);
        for (uint256 back = 0; back <= newest; ++back) {
            uint256 seats = _counts[_key(ballotId - back)].seats;
            Trial memory trial = trials[newest - back];
            trial.casts = _castsOf(ballotId - back, agreed.length);
            later = Tally.answered(later, trial.casts, seats, agreed);
            trial.answered = later;
            if (back == 0) trial.leading = Tally.majorities(trial.casts, seats, agreed.length);
        }
    }

    /// @dev What the members of a ballot cast, for the first `choices` choices.
    function _castsOf(uint256 ballotId, uint256 choices) private view returns (Tally.Cast[] memory casts) {
        uint256 key = _key(ballotId);
        mapping(uint256 cast => CastHead) storage heads = _casts[key];
        uint256 count = 0;
        while (heads[count].ballotId == ballotId) ++count;
        casts = new Tally.Cast[](count);
        for (uint256 n = 0; n < count; ++n) {
            uint64 members_ = heads[n].members;
            casts[n] = Tally.Cast(members_, members_.size(), _read(_votes[key][n], choices));
        }
    }

    /// @dev Each word of a cast once: settling reads every cast of every attempt.
    function _read(
        mapping(uint256 word => uint256) storage words,
        uint256 choices
    ) private view returns (uint128[] memory votes) {
        votes = new uint128[](choices);
        for (uint256 choice = 0; choice < choices; choice += 2) {
            uint256 word = words[choice / 2];
            votes[choice] = uint128(word);
            if (choice + 1 < choices) votes[choice + 1] = uint128(word >> 128);
        }
    }

    /// @dev A round's number tells its lane.
    function _laneOf(uint256 ballotId) private view returns (uint256 lane) {
        return Ballots.roundOf(ballotId) % _lanes;
    }

    /// @dev Where a ballot is kept; that of the next attempt is next to it.
    function _key(uint256 ballotId) private view returns (uint256 key) {
        return Ballots.idOf(_laneOf(ballotId), Ballots.attemptOf(ballotId));
    }

    function _stageOf(Count memory count, bool isSettled) private pure returns (BallotStage stage) {
        if (isSettled) return BallotStage.Settled;
        if (count.revealWindow != 0) return BallotStage.Commit;
        return count.windowBlocks != 0 ? BallotStage.Reveal : BallotStage.Closed;
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

    function _includes(address[] calldata list, address one) private pure returns (bool) {
        for (uint256 n = 0; n < list.length; ++n) {
            if (list[n] == one) return true;
        }
        return false;
    }

    function _firstOf(uint32[] memory all, uint256 count) private pure returns (uint32[] memory some) {
        some = new uint32[](count);
        for (uint256 n = 0; n < count; ++n) {
            some[n] = all[n];
        }
    }

    function _firstOf(address[] memory all, uint256 count) private pure returns (address[] memory some) {
        some = new address[](count);
        for (uint256 n = 0; n < count; ++n) {
            some[n] = all[n];
        }
    }
}
