// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Judge} from "./Judge.sol";
import {ReleaseSignature} from "./ReleaseSignature.sol";
import {IJudge, Ruling} from "./interfaces/IJudge.sol";
import {Header, IPoLeChain, Ommer, Phase, RecordKind, Round, Solution, VoidReason} from "./interfaces/IPoLeChain.sol";
import {IReleaseSignature} from "./interfaces/IReleaseSignature.sol";
import {IRewardReservoir} from "./interfaces/IRewardReservoir.sol";
import {ITaskList, TaskTerms} from "./interfaces/ITaskList.sol";
import {IVerifierCommittee} from "./interfaces/IVerifierCommittee.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Ballots} from "./libraries/Ballots.sol";
import {Blocks} from "./libraries/Blocks.sol";
import {Cid} from "./libraries/Cid.sol";
import {Commitments} from "./libraries/Commitments.sol";
import {Deployment} from "./libraries/Deployment.sol";
import {Domains} from "./libraries/Domains.sol";
import {DrawBlocks} from "./libraries/DrawBlocks.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {Phases} from "./libraries/Phases.sol";
import {Settlement} from "./libraries/Settlement.sol";
import {Solutions} from "./libraries/Solutions.sol";

/// @title PoLeChain: rounds, solutions and blocks; IPoLeChain says what it does.
contract PoLeChain is IPoLeChain {
    using Blocks for Blocks.Ledger;
    using Payouts for Payouts.List;
    using Solutions for Solutions.Register;

    uint256 private constant BPS = 10_000;

    /// @dev What seeds an idle round's test set.
    struct TestSeed {
        uint64 drawBlock;
        bytes32 seed;
    }

    /// @inheritdoc IPoLeChain
    IRewardReservoir public immutable override reservoir;

    /// @inheritdoc IPoLeChain
    ITaskList public immutable override taskList;

    /// @inheritdoc IPoLeChain
    IVerifierCommittee public immutable override committee;

    /// @inheritdoc IPoLeChain
    IJudge public immutable override judge;

    /// @inheritdoc IPoLeChain
    IReleaseSignature public immutable override releaseSignature;

    Parameters private _parameters;
    Blocks.Ledger private _ledger;
    Solutions.Register private _register;
    mapping(uint256 roundId => Round) private _rounds;
    mapping(uint256 roundId => TestSeed) private _testSeeds;

    modifier onlyIn(uint256 roundId, Phase needed) {
        _requirePhase(roundId, needed);
        _;
    }

    modifier onlyDataNode(uint256 roundId) {
        _requireDataNode(roundId);
        _;
    }

    constructor(
        IRewardReservoir reservoir_,
        ITaskList taskList_,
        IVerifierCommittee committee_,
        Parameters memory parameters_
    ) {
        Deployment.check(address(this), reservoir_, taskList_, committee_, parameters_);
        reservoir = reservoir_;
        taskList = taskList_;
        committee = committee_;
        judge = new Judge();
        releaseSignature = new ReleaseSignature();
        _parameters = parameters_;
        _ledger.begin();
    }

    /// @inheritdoc IPoLeChain
    function openRound() external override returns (uint256 roundId) {
        roundId = _ledger.tip.roundId;
        if (roundId != 0 && !_rounds[roundId].settled) revert RoundOpen(roundId);
        ++roundId;
        _ledger.tip.roundId = uint64(roundId);
        _ledger.tip.commitments = 0;

        Round storage opened = _rounds[roundId];
        (uint256 taskId, bytes32 parentHash) = (0, _ledger.hashes[_ledger.tip.height]);
        (taskId, opened.task) = taskList.takeBest(roundId);
        committee.matureSeats();
        opened.taskId = taskId;
        opened.parentHash = parentHash;
        opened.openedAt = uint64(block.timestamp);
        if (taskId == 0) _fundIdle(roundId, opened);
        _ledger.record(RecordKind.RoundOpened, abi.encode(roundId, taskId, parentHash, blockhash(block.number - 1)));
        bytes32 seed = keccak256(abi.encode(parentHash, _ledger.bodyRoot()));
        opened.seed = seed;
        emit RoundOpened(roundId, taskId, seed);
    }

    /// @inheritdoc IPoLeChain
    function postFunctionalKeys(
        uint256 roundId,
        string calldata keysCid,
        bytes32 keysDigest
    ) external override onlyIn(roundId, Phase.Keys) {
        _requireKeyIssuer(roundId);
        _requireField(Cid.fits(keysCid), "keysCid");
        _requireField(keysDigest != 0, "keysDigest");
        _rounds[roundId].keysDigest = keysDigest;
        _rounds[roundId].keysAt = uint64(block.timestamp);
        _ledger.record(RecordKind.KeysPosted, abi.encode(roundId, keysCid, keysDigest));
    }

    /// @inheritdoc IPoLeChain
    function commit(
        uint256 roundId,
        bytes32 commitment,
        uint32 claimedTrainCorrect
    ) external payable override onlyIn(roundId, Phase.Training) {
        Round storage open = _rounds[roundId];
        _requireField(commitment != 0, "commitment");
        uint32 trainCount = open.task.terms.trainCount;
        if (claimedTrainCorrect > trainCount) revert CountTooLarge(claimedTrainCorrect, trainCount);

        uint256 place = _register.placeOf(roundId, msg.sender);
        uint256 due = place == 0 ? _minerBond(open) : 0;
        address displaced;
        _requireBond(due);
        if (place == 0) (place, displaced) = _admit(roundId, open, claimedTrainCorrect);
        else _withdrawClaim(roundId, open, place, claimedTrainCorrect);
        if (_claimsThreshold(open, claimedTrainCorrect)) ++open.ready;
        uint24 order = _ledger.tip.commitments;
        _ledger.tip.commitments = order + 1;
        _register.put(roundId, place, order, commitment, claimedTrainCorrect);

        _ledger.record(RecordKind.SolutionCommitted, abi.encode(roundId, msg.sender, commitment, claimedTrainCorrect));
        _depositBond(roundId, due);
        if (displaced != address(0) && due > 0) reservoir.credit(bytes32(roundId), displaced, due);
    }

    /// @inheritdoc IPoLeChain
    function closeSubmissions(uint256 roundId) external override onlyIn(roundId, Phase.Training) onlyDataNode(roundId) {
        Round storage open = _rounds[roundId];
        uint64 notBefore = open.keysAt + open.task.terms.minTrainingTime;
        uint256 minSolutions = open.task.terms.minSolutions;
        if (open.ready < minSolutions || block.timestamp < notBefore) {
            revert TooEarlyToClose(open.ready, minSolutions, notBefore);
        }
        open.closedAt = uint64(block.timestamp);
        open.closedBlock = uint64(block.number);
        _ledger.record(RecordKind.SubmissionsClosed, abi.encode(roundId));
    }

    /// @inheritdoc IPoLeChain
    function releaseTestSet(
        uint256 roundId,
        string calldata testCid,
        bytes32 testDigest
    ) external override onlyIn(roundId, Phase.TestRelease) onlyDataNode(roundId) {
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
    function armTestSeed(uint256 roundId) external override onlyIn(roundId, Phase.TestRelease) {
        if (_rounds[roundId].taskId != 0) revert NotIdle(roundId);
        _testSeeds[roundId].drawBlock = DrawBlocks.name(roundId, _testSeeds[roundId].drawBlock);
    }

    /// @inheritdoc IPoLeChain
    function drawTestSeed(uint256 roundId) external override onlyIn(roundId, Phase.TestRelease) {
        // Only idle rounds are ever armed.
        bytes32 hash = DrawBlocks.hashOf(roundId, _testSeeds[roundId].drawBlock);
        bytes32 seed = keccak256(abi.encode(Domains.TEST_SEED, roundId, hash));
        _testSeeds[roundId].seed = seed;
        _rounds[roundId].releasedAt = uint64(block.timestamp);
        _ledger.record(RecordKind.TestSeedDrawn, abi.encode(roundId, seed));
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
        uint256 testCount = open.releasedAt == 0 ? 0 : open.task.terms.testCount;
        if (claimedTestCorrect > testCount) revert CountTooLarge(claimedTestCorrect, testCount);
        uint256 place = _register.placeOf(roundId, msg.sender);
        if (place == 0) revert NoCommitment(roundId, msg.sender);

        Solutions.Stored storage own = _register.stored[place];
        uint32 claimedTrainCorrect = own.claimedTrainCorrect;
        if (own.revealed) revert AlreadyRevealed(roundId, msg.sender);
        bytes32 revealed = Commitments.solution(roundId, msg.sender, modelDigest, claimedTrainCorrect, salt);
        if (revealed != own.commitment) revert CommitmentMismatch(roundId, own.commitment, revealed);

        own.revealed = true;
        own.modelDigest = modelDigest;
        own.claimedTestCorrect = claimedTestCorrect;
        ++open.revealed;
        open.lastRevealAt = uint64(block.timestamp);
        _ledger.record(
            RecordKind.SolutionRevealed,
            abi.encode(roundId, msg.sender, modelCid, modelDigest, claimedTrainCorrect, claimedTestCorrect)
        );
    }

    /// @inheritdoc IPoLeChain
    function armDraw(uint256 roundId) external override onlyIn(roundId, Phase.Draw) {
        uint64 armed = DrawBlocks.name(roundId, _rounds[roundId].drawBlock);
        _rounds[roundId].drawBlock = armed;
        committee.freezeSeats(armed + DrawBlocks.HASHES);
        _ledger.record(RecordKind.DrawArmed, abi.encode(roundId, armed));
    }

    /// @inheritdoc IPoLeChain
    function drawCommittee(uint256 roundId) external override onlyIn(roundId, Phase.Draw) {
        Round storage open = _rounds[roundId];
        bytes32 drawHash = DrawBlocks.hashOf(roundId, open.drawBlock);
        bytes32 entropy = keccak256(abi.encode(Domains.DRAW, roundId, drawHash));
        uint8 attempt = open.attempt;

        (bytes32 judged, address[] memory miners, address[] memory barred) = judge.choose(
            _register.load(open.committed, 0),
            open.task.owner,
            open.revealed,
            _parameters.judgedSolutions,
            _thresholdOf(open),
            open.releasedAt != 0
        );
        address[] memory members = committee.draw(
            Ballots.idOf(roundId, attempt),
            entropy,
            _parameters.committeeSize,
            _parameters.minCommittee,
            _parameters.maxCommittee,
            barred,
            uint16(miners.length),
            _parameters.voteCommitWindow,
            _parameters.voteRevealWindow
        );
        if (members.length == 0) {
            if (attempt == 0) open.committeeTooSmall = true;
            else (open.attempt, open.dropped) = (attempt - 1, true);
            return;
        }
        if (attempt == 0) (open.entropy, _register.judged) = (entropy, judged);
        _ledger.record(RecordKind.CommitteeDrawn, abi.encode(roundId, entropy, members, miners));
    }

    /// @inheritdoc IPoLeChain
    function challenge(uint256 roundId) external payable override onlyIn(roundId, Phase.Challenge) {
        Round storage open = _rounds[roundId];
        uint8 attempt = open.attempt;
        uint256 due = committee.keepFindings(Ballots.idOf(roundId, attempt)) ? _parameters.challengeBond : 0;
        if (due > 0 && open.challenger != address(0)) revert AlreadyChallenged(roundId, open.challenger);
        _requireBond(due);
        (open.attempt, open.drawBlock) = (attempt + 1, 0);
        if (due > 0) (open.challenger, open.challenged) = (msg.sender, attempt);
        _ledger.record(RecordKind.TallyChallenged, abi.encode(roundId, attempt, msg.sender, due));
        _depositBond(roundId, due);
    }

    /// @inheritdoc IPoLeChain
    function finalise(uint256 roundId) external override onlyIn(roundId, Phase.Settlement) {
        Round storage ended = _rounds[roundId];
        Ruling memory ruling = judge.ruleOn(roundId);
        ended.settled = true;
        ended.voidReason = ruling.voidReason;
        _pay(bytes32(roundId), ruling);
        _ledger.record(RecordKind.Payouts, abi.encode(roundId, ruling.payouts.all()));
        if (ruling.voidReason == VoidReason.None) _append(roundId, ruling);
        else _ledger.record(RecordKind.RoundVoided, abi.encode(roundId, ruling.voidReason));
    }

    /// @inheritdoc IPoLeChain
    function record(RecordKind kind, bytes calldata data) external override {
        if (msg.sender != address(taskList) && msg.sender != address(committee)) revert NotRecorder(msg.sender);
        _ledger.record(kind, data);
    }

    /// @inheritdoc IPoLeChain
    function currentRound() external view override returns (uint256 id) {
        return _ledger.tip.roundId;
    }

    /// @inheritdoc IPoLeChain
    function round(uint256 roundId) external view override returns (Round memory) {
        return _opened(roundId);
    }

    /// @inheritdoc IPoLeChain
    function testSeedOf(uint256 roundId) external view override returns (uint64 drawBlock, bytes32 testSeed) {
        return (_testSeeds[roundId].drawBlock, _testSeeds[roundId].seed);
    }

    /// @inheritdoc IPoLeChain
    function solutions(uint256 roundId) external view override returns (Solution[] memory) {
        Round storage opened = _opened(roundId);
        if (roundId != _ledger.tip.roundId) revert RoundOver(roundId);
        return _solutionsOf(opened);
    }

    /// @inheritdoc IPoLeChain
    function height() external view override returns (uint256) {
        return _ledger.tip.height;
    }

    /// @inheritdoc IPoLeChain
    function blockHash(uint256 height_) external view override returns (bytes32 hash) {
        return _ledger.hashes[height_];
    }

    /// @inheritdoc IPoLeChain
    function ommerAt(uint256 height_) external view override returns (Ommer memory ommer) {
        return _ledger.ommers[height_];
    }

    /// @inheritdoc IPoLeChain
    function body() external view override returns (bytes32 root, uint256 count) {
        return (_ledger.bodyRoot(), _ledger.tip.records);
    }

    /// @inheritdoc IPoLeChain
    function parameters() external view override returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc IPoLeChain
    function phaseOf(uint256 roundId) public view override returns (Phase phase, uint64 deadline) {
        (phase, deadline) = Phases.beforeBallot(_rounds[roundId], _parameters);
        if (phase == Phase.Draw && _rounds[roundId].entropy != 0) {
            return Phases.duringBallot(_rounds[roundId], _parameters, committee.ballot(_ballotOf(roundId)));
        }
    }

    function _release(uint256 roundId, string calldata testCid, bytes32 testDigest) private {
        Round storage open = _rounds[roundId];
        if (block.number == open.closedBlock) revert SameBlock(block.number);
        _requireField(Cid.fits(testCid), "testCid");
        if (testDigest != open.task.testDigest) revert WrongTestSet(open.task.testDigest, testDigest);
        open.releasedAt = uint64(block.timestamp);
        _ledger.record(RecordKind.TestSetReleased, abi.encode(roundId, testCid, testDigest));
    }

    /// @dev Pays an idle round's reward out of the pool and begins its training: there are no keys to wait for.
    function _fundIdle(uint256 roundId, Round storage idle) private {
        uint96 reward = _parameters.blockReward;
        uint256 held = _balanceOf(Accounts.POOL);
        if (held < reward) revert PoolTooSmall(held, reward);
        idle.task.terms.reward = reward;
        idle.keysAt = uint64(block.timestamp);
        _transfer(Accounts.POOL, address(this), bytes32(roundId), reward);
    }

    /// @dev Makes room for a miner's first commitment.
    /// @return place that is free now
    /// @return displaced whose place it was, 0 where it was nobody's
    function _admit(
        uint256 roundId,
        Round storage open,
        uint32 claimedTrainCorrect
    ) private returns (uint256 place, address displaced) {
        uint16 maximum = _parameters.maxSolutions;
        if (open.committed < maximum) return (++open.committed, address(0));
        place = _register.lowest(maximum);
        Solutions.Stored storage lowest = _register.stored[place];
        uint32 lowestClaim = lowest.claimedTrainCorrect;
        if (claimedTrainCorrect <= lowestClaim) revert TooManySolutions(roundId, maximum, uint256(lowestClaim) + 1);
        if (_claimsThreshold(open, lowestClaim)) --open.ready;
        displaced = lowest.miner;
        _register.leave(roundId, displaced);
        _ledger.record(RecordKind.SolutionDisplaced, abi.encode(roundId, displaced));
    }

    /// @dev Makes room for a claim that replaces the one at `place`.
    function _withdrawClaim(uint256 roundId, Round storage open, uint256 place, uint32 next) private {
        uint32 claimed = _register.stored[place].claimedTrainCorrect;
        if (next < claimed) revert ClaimLowered(roundId, claimed, next);
        if (_claimsThreshold(open, claimed)) --open.ready;
    }

    function _depositBond(uint256 roundId, uint256 amount) private {
        if (amount > 0) reservoir.deposit{value: amount}(address(this), bytes32(roundId));
    }

    /// @dev Moves everything out of the round's account: the committees' fee, the payouts, and what is forfeited to the pool. Then pays out of the
    /// pool what the block draws.
    function _pay(bytes32 account, Ruling memory ruling) private {
        _transfer(account, address(committee), bytes32(ruling.ballotId), ruling.fee);
        if (ruling.findings.length > 0) {
            committee.settle(
                ruling.ballotId,
                ruling.findings,
                ruling.fee,
                Accounts.POOL,
                ruling.challengedId,
                ruling.informer
            );
        }
        _credit(account, ruling.payouts, 0, ruling.own);
        _transfer(account, address(this), Accounts.POOL, _balanceOf(account));
        _credit(Accounts.POOL, ruling.payouts, ruling.own, ruling.payouts.count);
    }

    function _transfer(bytes32 from, address toHolder, bytes32 toAccount, uint256 amount) private {
        if (amount > 0) reservoir.transfer(from, toHolder, toAccount, amount);
    }

    function _credit(bytes32 account, Payouts.List memory list, uint256 from, uint256 to) private {
        for (uint256 n = from; n < to; ++n) {
            reservoir.credit(account, list.payouts[n].payee, list.payouts[n].amount);
        }
    }

    /// @dev Appends the winner's block and keeps the best ommer of its height.
    function _append(uint256 roundId, Ruling memory ruling) private {
        Ommer[] memory referenced;
        if (ruling.referenced.count > 0) referenced = _ledger.referTo(ruling.referenced);
        Header memory header;
        header.roundId = roundId;
        header.taskId = _rounds[roundId].taskId;
        header.winner = ruling.winner.miner;
        header.modelDigest = ruling.winner.modelDigest;
        header.trainCorrect = ruling.trainCorrect;
        header.testCorrect = ruling.testCorrect;
        uint64 appended = _ledger.append(header, referenced);
        _rounds[roundId].height = appended;
        if (ruling.ommer.count == 0) return;
        ruling.ommer.height = appended;
        _ledger.ommers[appended] = ruling.ommer;
    }

    function _requirePhase(uint256 roundId, Phase needed) private view {
        (Phase phase, ) = phaseOf(roundId);
        if (phase == Phase.None) revert UnknownRound(roundId);
        if (phase != needed) revert WrongPhase(roundId, phase, needed);
    }

    function _minerBond(Round storage open) private view returns (uint256) {
        return Settlement.minerBond(open.task.terms.reward, _parameters.minerBond, _parameters.minerBondBps);
    }

    function _requireBond(uint256 due) private view {
        if (msg.value != due) revert WrongBond(msg.value, due);
    }

    function _requireKeyIssuer(uint256 roundId) private view {
        Round storage open = _rounds[roundId];
        if (msg.sender != open.task.owner && msg.sender != taskList.delegateOf(open.taskId)) {
            revert NotDataNode(roundId, msg.sender);
        }
    }

    function _requireDataNode(uint256 roundId) private view {
        if (msg.sender != _rounds[roundId].task.owner) revert NotDataNode(roundId, msg.sender);
    }

    function _balanceOf(bytes32 account) private view returns (uint256) {
        return reservoir.balanceOf(address(this), account);
    }

    function _opened(uint256 roundId) private view returns (Round storage opened) {
        opened = _rounds[roundId];
        if (opened.openedAt == 0) revert UnknownRound(roundId);
    }

    /// @dev For the newest round.
    function _solutionsOf(Round storage newest) private view returns (Solution[] memory) {
        return _register.load(newest.committed, newest.entropy == 0 ? bytes32(0) : _register.judged);
    }

    function _claimsThreshold(Round storage open, uint32 claimedTrainCorrect) private view returns (bool) {
        return claimedTrainCorrect * BPS >= _thresholdOf(open);
    }

    /// @return threshold required training accuracy in basis points, times the training samples
    function _thresholdOf(Round storage open) private view returns (uint256 threshold) {
        TaskTerms storage terms = open.task.terms;
        return uint256(terms.requiredTrainAccuracy) * terms.trainCount;
    }

    /// @dev Of the newest attempt.
    function _ballotOf(uint256 roundId) private view returns (uint256 ballotId) {
        return Ballots.idOf(roundId, _rounds[roundId].attempt);
    }

    function _requireField(bool isFilled, string memory field) private pure {
        if (!isFilled) revert EmptyField(field);
    }
}
