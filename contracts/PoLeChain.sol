// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Entropy} from "./Entropy.sol";
import {Judge} from "./Judge.sol";
import {ReleaseSignature} from "./ReleaseSignature.sol";
import {IEntropy} from "./interfaces/IEntropy.sol";
import {IJudge, Ruling} from "./interfaces/IJudge.sol";
import {ILedger, RecordKind} from "./interfaces/ILedger.sol";
import {IPoLeChain, Payout, Phase, Round, Solution, Step, VoidReason} from "./interfaces/IPoLeChain.sol";
import {IReleaseSignature} from "./interfaces/IReleaseSignature.sol";
import {IRewardReservoir} from "./interfaces/IRewardReservoir.sol";
import {ITaskList} from "./interfaces/ITaskList.sol";
import {IVerifierCommittee, Summons} from "./interfaces/IVerifierCommittee.sol";
import {Accounts} from "./libraries/encoding/Accounts.sol";
import {Ballots} from "./libraries/ballots/Ballots.sol";
import {Cid} from "./libraries/encoding/Cid.sol";
import {Commitments} from "./libraries/encoding/Commitments.sol";
import {Deployment} from "./libraries/Deployment.sol";
import {Domains} from "./libraries/encoding/Domains.sol";
import {OmmerRewards} from "./libraries/money/OmmerRewards.sol";
import {Phases} from "./libraries/rounds/Phases.sol";
import {Settlement} from "./libraries/money/Settlement.sol";
import {Solutions} from "./libraries/rounds/Solutions.sol";

/// @title PoLeChain: rounds in lanes, and their money; IPoLeChain says what it does.
contract PoLeChain is IPoLeChain {
    using Solutions for Solutions.Register;

    uint256 private constant BPS = 10_000;

    /// @inheritdoc IPoLeChain
    IRewardReservoir public immutable override reservoir;

    /// @inheritdoc IPoLeChain
    ILedger public immutable override ledger;

    /// @inheritdoc IPoLeChain
    ITaskList public immutable override taskList;

    /// @inheritdoc IPoLeChain
    IVerifierCommittee public immutable override committee;

    /// @inheritdoc IPoLeChain
    IJudge public immutable override judge;

    /// @inheritdoc IPoLeChain
    IReleaseSignature public immutable override releaseSignature;

    /// @inheritdoc IPoLeChain
    IEntropy public immutable override entropy;

    /// @inheritdoc IPoLeChain
    uint256 public immutable override lanes;

    /// @inheritdoc IPoLeChain
    mapping(uint256 lane => uint256 roundId) public override newestRound;

    Parameters private _parameters;
    uint256 private _newestIdle;
    mapping(uint256 roundId => Round) private _rounds;
    mapping(uint256 lane => Solutions.Register) private _registers;

    modifier onlyIn(uint256 roundId, Phase needed) {
        _requirePhase(roundId, needed);
        _;
    }

    constructor(
        IRewardReservoir reservoir_,
        ILedger ledger_,
        ITaskList taskList_,
        IVerifierCommittee committee_,
        Parameters memory parameters_
    ) {
        Deployment.checkAll(address(this), reservoir_, ledger_, taskList_, committee_, parameters_);
        reservoir = reservoir_;
        ledger = ledger_;
        taskList = taskList_;
        committee = committee_;
        lanes = committee_.parameters().lanes;
        judge = new Judge();
        releaseSignature = new ReleaseSignature();
        entropy = new Entropy();
        _parameters = parameters_;
    }

    /// @inheritdoc IPoLeChain
    function openRound(uint256 lane) external override returns (uint256 roundId) {
        if (lane >= lanes) revert UnknownLane(lane, lanes);
        roundId = newestRound[lane];
        if (roundId != 0 && !_rounds[roundId].settled) revert RoundOpen(roundId);
        roundId = (roundId == 0 ? lane : roundId) + lanes;
        newestRound[lane] = roundId;

        Round storage opened = _rounds[roundId];
        uint256 taskId = 0;
        (taskId, opened.task) = taskList.takeBest(roundId);
        opened.taskId = taskId;
        opened.openedAt = uint40(block.timestamp);
        uint40 named = _name(opened);
        if (taskId == 0) _fundIdle(roundId, opened);
        _advance(opened, Step.Opened);
        bytes32 parentHash = ledger.blockHash(ledger.height());
        _record(RecordKind.RoundOpened, abi.encode(roundId, taskId, parentHash, named));
        (bytes32 bodyRoot, ) = ledger.body();
        opened.seed = keccak256(abi.encode(parentHash, bodyRoot));
    }

    /// @inheritdoc IPoLeChain
    function arm(uint256 roundId) external override {
        Round storage open = _rounds[roundId];
        _requireDraw(roundId, open);
        uint40 named = open.drawBlock;
        if (named != 0 && (block.number <= named || entropy.hashOf(named) != 0)) revert DrawPending(roundId, named);
        _arm(roundId, open);
    }

    /// @inheritdoc IPoLeChain
    function draw(uint256 roundId, bytes calldata header) external override {
        Round storage open = _rounds[roundId];
        Phase phase = _requireDraw(roundId, open);
        uint40 named = open.drawBlock;
        if (named == 0 || block.number <= named) revert DrawNotReady(roundId, named);
        bytes32 mix = entropy.mixOf(named, header);
        open.drawBlock = 0;
        if (phase == Phase.Seed) _drawSeed(roundId, open, mix);
        else if (phase == Phase.TestRelease) _drawTestSeed(roundId, open, mix);
        else _drawCommittee(roundId, open, mix);
    }

    /// @inheritdoc IPoLeChain
    function postFunctionalKeys(
        uint256 roundId,
        string calldata keysCid,
        bytes32 keysDigest
    ) external override onlyIn(roundId, Phase.Keys) {
        Round storage open = _rounds[roundId];
        if (msg.sender != taskList.delegateOf(open.taskId)) _requireDataNode(open, roundId);
        _requireField(Cid.fits(keysCid), "keysCid");
        _requireField(keysDigest != 0, "keysDigest");
        open.keysDigest = keysDigest;
        _advance(open, Step.Keyed);
        _record(RecordKind.KeysPosted, abi.encode(roundId, keysCid, keysDigest));
    }

    /// @inheritdoc IPoLeChain
    function commit(
        uint256 roundId,
        bytes32 commitment,
        uint32 claimedTrainCorrect
    ) external payable override onlyIn(roundId, Phase.Training) {
        Round storage open = _rounds[roundId];
        Solutions.Register storage register = _registers[roundId % lanes];
        _requireField(commitment != 0, "commitment");
        uint32 trainCount = open.task.terms.trainCount;
        if (claimedTrainCorrect > trainCount) revert CountTooLarge(claimedTrainCorrect, trainCount);

        uint256 place = register.placeOf(roundId, msg.sender);
        uint256 due = _bondOf(open, claimedTrainCorrect);
        if (place != 0)
            due -= _withdrawClaim(roundId, open, register.stored[place].claimedTrainCorrect, claimedTrainCorrect);
        if (msg.value != due) revert WrongBond(msg.value, due);
        if (place == 0) place = _admit(roundId, open, register, claimedTrainCorrect);
        if (Settlement.isReady(open.task.terms, claimedTrainCorrect)) ++open.ready;
        uint24 order = open.commitments;
        open.commitments = order + 1;
        register.put(roundId, place, order, commitment, claimedTrainCorrect);

        _record(RecordKind.SolutionCommitted, abi.encode(roundId, msg.sender, commitment, claimedTrainCorrect));
        _deposit(roundId, due);
    }

    /// @inheritdoc IPoLeChain
    function closeSubmissions(uint256 roundId) external override {
        Round storage open = _rounds[roundId];
        (Phase phase, , ) = phaseOf(roundId);
        if (phase == Phase.Training) {
            _requireDataNode(open, roundId);
            uint64 notBefore = uint64(open.since) + open.task.terms.minTrainingTime;
            uint16 minSolutions = open.task.terms.minSolutions;
            if (open.ready < minSolutions || block.timestamp < notBefore) {
                revert TooEarlyToClose(open.ready, minSolutions, notBefore);
            }
            open.closedEarly = true;
        } else if (phase != Phase.TestRelease || open.step != Step.Keyed) {
            revert WrongPhase(roundId, phase, Phase.Training);
        }
        _close(roundId, open);
        if (open.taskId == 0) _arm(roundId, open);
    }

    /// @inheritdoc IPoLeChain
    function endTestRelease(uint256 roundId) external override onlyIn(roundId, Phase.TestRelease) {
        (, uint64 deadline, uint64 deadlineBlock) = phaseOf(roundId);
        if (deadline == 0 || !Phases.isOver(deadline, deadlineBlock)) {
            revert TestSetAwaited(roundId, deadline, deadlineBlock);
        }
        _advance(_rounds[roundId], Step.Released);
    }

    /// @inheritdoc IPoLeChain
    function releaseTestSet(
        uint256 roundId,
        string calldata testCid,
        bytes32 testDigest
    ) external override onlyIn(roundId, Phase.TestRelease) {
        _requireDataNode(_rounds[roundId], roundId);
        _release(roundId, testCid, testDigest);
    }

    /// @inheritdoc IPoLeChain
    function releaseTestSetFor(
        uint256 roundId,
        string calldata testCid,
        bytes32 testDigest,
        uint64 signedAt,
        bytes calldata signature
    ) external override onlyIn(roundId, Phase.TestRelease) {
        releaseSignature.check(_rounds[roundId].task.owner, roundId, testCid, testDigest, signedAt, signature);
        _release(roundId, testCid, testDigest);
    }

    /// @inheritdoc IPoLeChain
    function reveal(
        uint256 roundId,
        string calldata modelCid,
        bytes32 modelDigest,
        uint32 claimedTestCorrect,
        bytes32 salt
    ) external override onlyIn(roundId, Phase.Reveal) {
        Round storage open = _rounds[roundId];
        _requireField(Cid.fits(modelCid), "modelCid");
        _requireField(modelDigest != 0, "modelDigest");
        uint256 testCount = open.released ? open.task.terms.testCount : 0;
        if (claimedTestCorrect > testCount) revert CountTooLarge(claimedTestCorrect, testCount);
        Solutions.Register storage register = _registers[roundId % lanes];
        uint256 place = register.placeOf(roundId, msg.sender);
        if (place == 0) revert NoCommitment(roundId, msg.sender);

        Solutions.Stored storage own = register.stored[place];
        uint32 claimedTrainCorrect = own.claimedTrainCorrect;
        if (own.revealed) revert AlreadyRevealed(roundId, msg.sender);
        bytes32 revealed = Commitments.solution(roundId, msg.sender, modelDigest, claimedTrainCorrect, salt);
        if (revealed != own.commitment) revert CommitmentMismatch(roundId, own.commitment, revealed);

        own.revealed = true;
        own.modelDigest = modelDigest;
        own.claimedTestCorrect = claimedTestCorrect;
        uint16 count = ++open.revealed;
        _record(
            RecordKind.SolutionRevealed,
            abi.encode(roundId, msg.sender, modelCid, modelDigest, claimedTrainCorrect, claimedTestCorrect)
        );
        // What was named for a test seed that nobody drew must not draw the committee: its mix can be known.
        if (count < open.committed) open.drawBlock = 0;
        else _arm(roundId, open);
    }

    /// @inheritdoc IPoLeChain
    function challenge(uint256 roundId) external payable override onlyIn(roundId, Phase.Challenge) {
        Round storage open = _rounds[roundId];
        uint8 attempt = open.attempt;
        uint256 due = challengeBond(roundId, attempt);
        if (msg.value != due) revert WrongBond(msg.value, due);
        open.challengers[attempt] = msg.sender;
        open.attempt = attempt + 1;
        _record(RecordKind.TallyChallenged, abi.encode(roundId, attempt, msg.sender, due));
        _arm(roundId, open);
        _deposit(roundId, due);
    }

    /// @inheritdoc IPoLeChain
    function finalise(uint256 roundId) external override onlyIn(roundId, Phase.Settlement) {
        Round storage ended = _rounds[roundId];
        Ruling memory ruling = judge.ruleOn(roundId);
        ended.settled = true;
        ended.voidReason = ruling.voidReason;
        _pay(bytes32(roundId), ruling);
        _record(RecordKind.Payouts, abi.encode(roundId, ruling.payouts));
        if (ruling.voidReason != VoidReason.None) {
            _record(RecordKind.RoundVoided, abi.encode(roundId, ruling.voidReason));
            return;
        }
        ended.height = uint40(ledger.append(ruling.header, ruling.referenced, ruling.left));
    }

    /// @inheritdoc IPoLeChain
    function oldestOpening() external view override returns (uint64 time) {
        time = type(uint64).max;
        for (uint256 lane = 0; lane < lanes; ++lane) {
            Round storage newest = _rounds[newestRound[lane]];
            bool isOpen = newest.step != Step.None && !newest.settled;
            if (isOpen && newest.openedAt < time) time = newest.openedAt;
        }
    }

    /// @inheritdoc IPoLeChain
    function round(uint256 roundId) external view override returns (Round memory) {
        return _opened(roundId);
    }

    /// @inheritdoc IPoLeChain
    function solutions(uint256 roundId) external view override returns (Solution[] memory) {
        Round storage opened = _opened(roundId);
        if (roundId != newestRound[roundId % lanes]) revert RoundOver(roundId);
        return _registers[roundId % lanes].load(opened.committed);
    }

    /// @inheritdoc IPoLeChain
    function parameters() external view override returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc IPoLeChain
    function challengeBond(uint256 roundId, uint256 attempt) public view override returns (uint256 bond) {
        uint256 reward = _rounds[roundId].task.terms.reward;
        uint256 fee = (reward * _parameters.verificationFeeBps) / BPS;
        return Ballots.bondOf(attempt, fee, _firstSize(reward), _parameters.maxCommittee);
    }

    /// @inheritdoc IPoLeChain
    function phaseOf(
        uint256 roundId
    ) public view override returns (Phase phase, uint64 deadline, uint64 deadlineBlock) {
        Round storage asked = _rounds[roundId];
        Phases.Stand memory stand = Phases.beforeBallot(asked, _parameters);
        if (stand.phase == Phase.Draw && asked.entropy != 0) {
            uint256 seats = committee.seatsAt(_seatsAsOf(asked));
            if (seats > _parameters.maxCommittee) seats = _parameters.maxCommittee;
            uint256 ballotId = Ballots.idOf(roundId, asked.attempt);
            stand = Phases.duringBallot(asked, _parameters, committee.ballot(ballotId), seats);
        }
        return (stand.phase, stand.deadline, stand.deadlineBlock);
    }

    function _drawSeed(uint256 roundId, Round storage open, bytes32 mix) private {
        bytes32 seed = keccak256(abi.encode(open.seed, keccak256(abi.encode(Domains.SEED, roundId, mix))));
        open.seed = seed;
        // An idle round has no keys to wait for.
        _advance(open, open.taskId == 0 ? Step.Keyed : Step.Seeded);
        emit SeedDrawn(roundId, seed);
        _record(RecordKind.SeedDrawn, abi.encode(roundId, mix, seed));
    }

    function _drawTestSeed(uint256 roundId, Round storage open, bytes32 mix) private {
        open.released = true;
        _advance(open, Step.Released);
        bytes32 seed = keccak256(abi.encode(Domains.TEST_SEED, roundId, mix));
        _record(RecordKind.TestSeedDrawn, abi.encode(roundId, mix, seed));
    }

    function _drawCommittee(uint256 roundId, Round storage open, bytes32 mix) private {
        uint8 attempt = open.attempt;
        bytes32 drawn = keccak256(abi.encode(Domains.DRAW, roundId, attempt, mix));
        Summons memory summons = _summonsOf(roundId, open, attempt);
        address[] memory members = committee.draw(Ballots.idOf(roundId, attempt), drawn, summons);
        if (members.length == 0) {
            if (attempt == 0) open.committeeTooSmall = true;
            else (open.attempt, open.dropped) = (attempt - 1, true);
            return;
        }
        if (attempt == 0) open.entropy = drawn;
        _record(RecordKind.CommitteeDrawn, abi.encode(roundId, mix, drawn, members));
    }

    /// @dev Moves a round on to a step that begins now.
    function _advance(Round storage open, Step step) private {
        (open.step, open.since, open.sinceBlock) = (step, uint40(block.timestamp), uint40(block.number));
    }

    /// @dev Names the Ethereum block that draws next.
    function _name(Round storage open) private returns (uint40 named) {
        named = uint40(block.number) + _parameters.drawDelay;
        open.drawBlock = named;
    }

    function _arm(uint256 roundId, Round storage open) private {
        uint40 named = _name(open);
        _record(RecordKind.DrawArmed, abi.encode(roundId, named));
    }

    function _close(uint256 roundId, Round storage open) private {
        _advance(open, Step.Closed);
        _record(RecordKind.SubmissionsClosed, abi.encode(roundId));
    }

    function _release(uint256 roundId, string calldata testCid, bytes32 testDigest) private {
        Round storage open = _rounds[roundId];
        // Once the time limit is over nobody commits any more, whether anybody has closed or not.
        if (open.step == Step.Keyed) _close(roundId, open);
        else if (block.number == open.sinceBlock) revert NotClosedBefore(roundId, block.number);
        _requireField(Cid.fits(testCid), "testCid");
        if (testDigest != open.task.testDigest) revert WrongTestSet(open.task.testDigest, testDigest);
        open.released = true;
        _advance(open, Step.Released);
        _record(RecordKind.TestSetReleased, abi.encode(roundId, testCid, testDigest));
    }

    /// @dev Pays an idle round's reward out of what the pool does not need for the blocks of open rounds.
    function _fundIdle(uint256 roundId, Round storage idle) private {
        uint256 before = _newestIdle;
        if (before != 0 && !_rounds[before].settled) revert IdleRoundOpen(before);
        _newestIdle = roundId;
        uint96 reward = _parameters.blockReward;
        uint256 held = _balanceOf(Accounts.POOL);
        uint256 needed = reward + lanes * OmmerRewards.largestDraw(reward);
        if (held < needed) revert PoolTooSmall(held, needed);
        idle.task.terms.reward = reward;
        _transfer(Accounts.POOL, address(this), bytes32(roundId), reward);
    }

    /// @dev Makes room for a miner's first commitment.
    /// @return place that is free now
    function _admit(
        uint256 roundId,
        Round storage open,
        Solutions.Register storage register,
        uint32 claimedTrainCorrect
    ) private returns (uint256 place) {
        uint16 maximum = _parameters.maxSolutions;
        if (open.committed < maximum) return ++open.committed;
        place = register.lowest(maximum);
        Solutions.Stored storage lowest = register.stored[place];
        uint32 lowestClaim = lowest.claimedTrainCorrect;
        if (claimedTrainCorrect <= lowestClaim) revert TooManySolutions(roundId, maximum, uint256(lowestClaim) + 1);
        if (Settlement.isReady(open.task.terms, lowestClaim)) --open.ready;
        address displaced = lowest.miner;
        register.leave(roundId, displaced);
        _record(RecordKind.SolutionDisplaced, abi.encode(roundId, displaced));
        uint256 bond = _bondOf(open, lowestClaim);
        if (bond > 0) reservoir.credit(bytes32(roundId), displaced, bond);
    }

    /// @dev Makes room for a claim that replaces another of the same miner.
    /// @return bond that the replaced claim holds
    function _withdrawClaim(
        uint256 roundId,
        Round storage open,
        uint32 claimed,
        uint32 next
    ) private returns (uint256 bond) {
        if (next < claimed) revert ClaimLowered(roundId, claimed, next);
        if (Settlement.isReady(open.task.terms, claimed)) --open.ready;
        return _bondOf(open, claimed);
    }

    function _deposit(uint256 roundId, uint256 amount) private {
        if (amount > 0) reservoir.deposit{value: amount}(address(this), bytes32(roundId));
    }

    /// @dev Moves everything out of the round's account: the committees' fee, the payouts, and the rest to the pool.
    /// Then pays out of the pool what the block draws.
    function _pay(bytes32 account, Ruling memory ruling) private {
        _transfer(account, address(committee), Accounts.STAKES, ruling.fee);
        if (ruling.findings.length > 0) committee.settle(ruling.ballotId, ruling.findings, ruling.fee);
        for (uint256 n = 0; n < ruling.payouts.length; ++n) {
            if (n == ruling.own) _empty(account);
            Payout memory due = ruling.payouts[n];
            reservoir.credit(n < ruling.own ? account : Accounts.POOL, due.payee, due.amount);
        }
        if (ruling.own == ruling.payouts.length) _empty(account);
    }

    function _empty(bytes32 account) private {
        _transfer(account, address(this), Accounts.POOL, _balanceOf(account));
    }

    function _transfer(bytes32 from, address toHolder, bytes32 toAccount, uint256 amount) private {
        if (amount > 0) reservoir.transfer(from, toHolder, toAccount, amount);
    }

    function _record(RecordKind kind, bytes memory data) private {
        ledger.record(kind, data);
    }

    function _requirePhase(uint256 roundId, Phase needed) private view {
        (Phase phase, , ) = phaseOf(roundId);
        if (phase == Phase.None) revert UnknownRound(roundId);
        if (phase != needed) revert WrongPhase(roundId, phase, needed);
    }

    function _requireDraw(uint256 roundId, Round storage open) private view returns (Phase phase) {
        (phase, , ) = phaseOf(roundId);
        bool isTestSeed = phase == Phase.TestRelease && open.taskId == 0 && open.step == Step.Closed;
        if (phase != Phase.Seed && phase != Phase.Draw && !isTestSeed) revert NothingToDraw(roundId, phase);
    }

    function _requireDataNode(Round storage open, uint256 roundId) private view {
        if (msg.sender != open.task.owner) revert NotDataNode(roundId, msg.sender);
    }

    /// @dev What the committee of an attempt is drawn from and for. What may be decided on is bounded by all stakes of
    /// the time, barred ones too: else who is barred could void the round by its own seat once models are shown.
    function _summonsOf(
        uint256 roundId,
        Round storage open,
        uint256 attempt
    ) private view returns (Summons memory summons) {
        Parameters storage chosen = _parameters;
        Solution[] memory all = _registers[roundId % lanes].load(open.committed);
        uint256 reward = open.task.terms.reward;
        summons.asOf = _seatsAsOf(open);
        summons.size = uint16(Ballots.sizeOf(attempt, _firstSize(reward), chosen.maxCommittee));
        summons.places = uint16(Ballots.seatsFor(reward, chosen.rewardPerSeat, chosen.minCommittee));
        summons.minimum = uint16(Ballots.fewestFor(summons.places, chosen.minCommittee));
        summons.choices = uint16(Solutions.choicesOf(all));
        summons.barred = Solutions.barredFrom(all, open.task.owner);
        summons.commitWindow = chosen.voteCommitWindow + summons.choices * open.task.judgingTime;
        summons.revealWindow = chosen.voteRevealWindow;
        summons.windowBlocks = chosen.windowBlocks;
    }

    function _firstSize(uint256 reward) private view returns (uint256) {
        return Ballots.seatsFor(reward, _parameters.rewardPerSeat, _parameters.committeeSize);
    }

    /// @dev Seats of that time can be drawn: nobody takes or leaves one for this round.
    function _seatsAsOf(Round storage asked) private view returns (uint40 time) {
        return asked.openedAt - committee.parameters().seatAge;
    }

    function _bondOf(Round storage open, uint32 claim) private view returns (uint256) {
        Parameters storage chosen = _parameters;
        return Settlement.bondOf(open.task.terms, claim, chosen.minerBond, chosen.minerBondBps, chosen.readyBondBps);
    }

    function _balanceOf(bytes32 account) private view returns (uint256) {
        return reservoir.balanceOf(address(this), account);
    }

    function _opened(uint256 roundId) private view returns (Round storage opened) {
        opened = _rounds[roundId];
        if (opened.step == Step.None) revert UnknownRound(roundId);
    }

    function _requireField(bool isFilled, string memory field) private pure {
        if (!isFilled) revert EmptyField(field);
    }
}
