// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILedger, RecordKind} from "./interfaces/ILedger.sol";
import {IRewardReservoir} from "./interfaces/IRewardReservoir.sol";
import {ITaskList, Task, TaskFiles, TaskTerms} from "./interfaces/ITaskList.sol";
import {Accounts} from "./libraries/encoding/Accounts.sol";
import {Cid} from "./libraries/encoding/Cid.sol";
import {Deployment} from "./libraries/Deployment.sol";
import {ValueHeap} from "./libraries/ValueHeap.sol";

/// @title TaskList: waiting tasks; ITaskList says what it does.
contract TaskList is ITaskList {
    using ValueHeap for ValueHeap.Heap;
    using ValueHeap for ValueHeap.Entry;

    /// @dev A task but for its owner, whom the heap keeps beside its place, and for what follows from its terms.
    struct Posted {
        TaskTerms terms;
        bytes32 testDigest;
    }

    uint256 private constant BPS = 10_000;

    /// @inheritdoc ITaskList
    address public immutable override chain;

    /// @inheritdoc ITaskList
    ILedger public immutable override ledger;

    /// @inheritdoc ITaskList
    IRewardReservoir public immutable override reservoir;

    /// @inheritdoc ITaskList
    uint256 public override posted;

    Parameters private _parameters;
    ValueHeap.Heap private _heap;
    mapping(uint256 taskId => Posted) private _posted;

    /// @inheritdoc ITaskList
    mapping(uint256 taskId => address delegate) public override delegateOf;

    /// @param chain_ the address that PoLeChain is going to have
    constructor(IRewardReservoir reservoir_, ILedger ledger_, address chain_, Parameters memory parameters_) {
        Deployment.checkTaskList(parameters_);
        reservoir = reservoir_;
        ledger = ledger_;
        chain = chain_;
        _parameters = parameters_;
    }

    /// @inheritdoc ITaskList
    function post(
        TaskTerms calldata terms,
        TaskFiles calldata files
    ) external payable override returns (uint256 taskId) {
        Parameters memory limits = _parameters;
        _checkPosting(terms, files, limits);
        if (_heap.entries.length >= limits.maxTasks) revert TaskListFull(limits.maxTasks);

        ValueHeap.Entry memory entry = _newEntry(terms, limits);
        taskId = entry.taskId;
        _keep(taskId, terms, files);
        _heap.push(entry);

        emit TaskPosted(taskId, msg.sender, terms, files);
        _takePayment(terms.fee);
        _recordPosted(taskId, terms, files);
    }

    /// @inheritdoc ITaskList
    function postReplacing(
        TaskTerms calldata terms,
        TaskFiles calldata files,
        uint256 replacedId
    ) external payable override returns (uint256 taskId) {
        Parameters memory limits = _parameters;
        _checkPosting(terms, files, limits);
        uint256 count = _heap.entries.length;
        if (count < limits.maxTasks) revert TaskListNotFull(count, limits.maxTasks);
        if (!_heap.contains(replacedId)) revert TaskNotListed(replacedId);
        ValueHeap.Entry memory entry = _newEntry(terms, limits);
        // Among equals the older comes first, so the new task must be worth more.
        if (!entry.precedes(_heap.entryOf(replacedId))) revert NotMoreValuable(replacedId);

        taskId = entry.taskId;
        _keep(taskId, terms, files);
        _heap.replace(replacedId, entry);

        emit TaskPosted(taskId, msg.sender, terms, files);
        address owner = _heap.listings[replacedId].owner;
        uint256 refund = _escrow(_posted[replacedId].terms, limits);
        emit TaskReplaced(replacedId, owner, refund, taskId);
        _takePayment(terms.fee);
        reservoir.credit(Accounts.TASKS, owner, refund);
        _recordPosted(taskId, terms, files);
        ledger.record(RecordKind.TaskReplaced, abi.encode(replacedId, taskId));
    }

    /// @inheritdoc ITaskList
    function cancel(uint256 taskId) external override {
        if (!_heap.contains(taskId)) revert TaskNotListed(taskId);
        if (msg.sender != _heap.listings[taskId].owner) revert NotTaskOwner(taskId, msg.sender);
        _heap.remove(taskId);

        uint256 refund = _escrow(_posted[taskId].terms, _parameters);
        emit TaskCancelled(taskId, msg.sender, refund);
        reservoir.credit(Accounts.TASKS, msg.sender, refund);
        ledger.record(RecordKind.TaskCancelled, abi.encode(taskId));
    }

    /// @inheritdoc ITaskList
    function delegateKeys(
        uint256 taskId,
        address delegate,
        string calldata sharingCid,
        bytes32 sharingDigest
    ) external override {
        if (msg.sender != _heap.listings[taskId].owner) revert NotTaskOwner(taskId, msg.sender);
        if (!Cid.fits(sharingCid)) revert FileMissing("sharingCid");
        if (sharingDigest == 0) revert FileMissing("sharingDigest");
        delegateOf[taskId] = delegate;
        emit KeysDelegated(taskId, delegate, sharingCid, sharingDigest);
    }

    /// @inheritdoc ITaskList
    function announcePartialKeys(uint256 taskId, string calldata keysCid, bytes32 keysDigest) external override {
        if (!Cid.fits(keysCid)) revert FileMissing("keysCid");
        if (keysDigest == 0) revert FileMissing("keysDigest");
        emit PartialKeysAnnounced(taskId, msg.sender, keysCid, keysDigest);
    }

    /// @inheritdoc ITaskList
    function takeBest(uint256 roundId) external override returns (uint256 taskId, Task memory taken) {
        if (msg.sender != chain) revert NotChain(msg.sender);
        taskId = _heap.best();
        if (taskId == 0) return (0, _idleTask());
        _heap.remove(taskId);

        taken = task(taskId);
        emit TaskTaken(taskId, roundId);
        reservoir.transfer(Accounts.TASKS, chain, bytes32(roundId), _escrow(taken.terms, _parameters));
    }

    /// @inheritdoc ITaskList
    function best() external view override returns (uint256 taskId) {
        return _heap.best();
    }

    /// @inheritdoc ITaskList
    function rentOf(TaskTerms calldata terms) external view override returns (uint256 rent, uint256 duration) {
        Parameters memory limits = _parameters;
        return (_rent(terms, limits), _duration(terms, limits));
    }

    /// @inheritdoc ITaskList
    function isListed(uint256 taskId) external view override returns (bool listed) {
        return _heap.contains(taskId);
    }

    /// @inheritdoc ITaskList
    function waiting() external view override returns (uint256 count) {
        return _heap.entries.length;
    }

    /// @inheritdoc ITaskList
    function parameters() external view override returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc ITaskList
    function task(uint256 taskId) public view override returns (Task memory) {
        TaskTerms memory terms = _posted[taskId].terms;
        uint32 judgingTime = uint32(_judgingTime(terms, _parameters));
        return Task(_heap.listings[taskId].owner, judgingTime, terms, _posted[taskId].testDigest);
    }

    function _idleTask() private view returns (Task memory idle) {
        Parameters memory limits = _parameters;
        if (limits.idleTimeLimit == 0) revert NoTask();
        idle.terms.timeLimit = limits.idleTimeLimit;
        idle.terms.minSolutions = 1;
        idle.terms.requiredTrainAccuracy = limits.idleTrainAccuracy;
        idle.terms.requiredTestAccuracy = limits.idleTestAccuracy;
        idle.terms.trainCount = limits.idleTrainCount;
        idle.terms.testCount = limits.idleTestCount;
        idle.terms.work = limits.idleWork;
        idle.judgingTime = uint32(_judgingTime(idle.terms, limits));
    }

    function _keep(uint256 taskId, TaskTerms calldata terms, TaskFiles calldata files) private {
        posted = taskId;
        _posted[taskId] = Posted(terms, files.testDigest);
        _heap.listings[taskId].owner = msg.sender;
    }

    function _takePayment(uint96 fee) private {
        reservoir.deposit{value: msg.value}(address(this), Accounts.TASKS);
        reservoir.transfer(Accounts.TASKS, chain, Accounts.POOL, fee);
    }

    function _recordPosted(uint256 taskId, TaskTerms calldata terms, TaskFiles calldata files) private {
        bytes memory data = abi.encode(taskId, msg.sender, keccak256(abi.encode(terms)), keccak256(abi.encode(files)));
        ledger.record(RecordKind.TaskPosted, data);
    }

    /// @return entry of a task about to be posted; Deployment.check bounds its duration
    function _newEntry(
        TaskTerms calldata terms,
        Parameters memory limits
    ) private view returns (ValueHeap.Entry memory entry) {
        return ValueHeap.Entry(terms.reward, uint32(_duration(terms, limits)), uint64(posted + 1));
    }

    function _checkPosting(TaskTerms calldata terms, TaskFiles calldata files, Parameters memory limits) private view {
        _checkTerms(terms, limits);
        _checkFiles(files);
        uint256 due = _escrow(terms, limits) + terms.fee;
        if (msg.value != due) revert WrongPayment(msg.value, due);
    }

    function _checkTerms(TaskTerms calldata terms, Parameters memory limits) private pure {
        // The least fee rounds down: the data node gains less than a wei.
        uint256 minimumFee = (uint256(terms.reward) * limits.feeBps) / BPS;
        uint256 judgingTime = _judgingTime(terms, limits);
        if (judgingTime > limits.maxJudgingTime) revert TooMuchWork(judgingTime, limits.maxJudgingTime);
        _checkRange("reward", terms.reward, _minimumReward(terms, limits), limits.maxReward);
        _checkRange("dataBond", terms.dataBond, limits.minDataBond, type(uint96).max);
        _checkRange("fee", terms.fee, minimumFee, type(uint96).max);
        _checkRange("timeLimit", terms.timeLimit, 1, limits.maxTimeLimit);
        _checkRange("minTrainingTime", terms.minTrainingTime, 0, terms.timeLimit);
        _checkRange("minSolutions", terms.minSolutions, 1, limits.maxSolutions);
        _checkRange("requiredTrainAccuracy", terms.requiredTrainAccuracy, 1, BPS);
        _checkRange("requiredTestAccuracy", terms.requiredTestAccuracy, 0, BPS);
        _checkRange("trainCount", terms.trainCount, 1, type(uint32).max);
        _checkRange("testCount", terms.testCount, 1, type(uint32).max);
        _checkRange("work", terms.work, 1, type(uint40).max);
    }

    /// @param term its name as a word: strings in memory would cost every task what only a refusal needs
    function _checkRange(bytes32 term, uint256 given, uint256 minimum, uint256 maximum) private pure {
        if (given < minimum || given > maximum) revert TermOutOfRange(_text(term), given, minimum, maximum);
    }

    function _text(bytes32 word) private pure returns (string memory) {
        uint256 length = 0;
        while (length < 32 && word[length] != 0) ++length;
        bytes memory text = new bytes(length);
        for (uint256 n = 0; n < length; ++n) {
            text[n] = word[n];
        }
        return string(text);
    }

    function _checkFiles(TaskFiles calldata files) private pure {
        if (!Cid.fits(files.specCid)) revert FileMissing("specCid");
        if (!Cid.fits(files.trainCid)) revert FileMissing("trainCid");
        if (files.specDigest == 0) revert FileMissing("specDigest");
        if (files.trainDigest == 0) revert FileMissing("trainDigest");
        if (files.testDigest == 0) revert FileMissing("testDigest");
        if (files.mpkDigest == 0) revert FileMissing("mpkDigest");
    }

    function _escrow(TaskTerms memory terms, Parameters memory limits) private pure returns (uint256) {
        return uint256(terms.reward) + terms.dataBond + _rent(terms, limits);
    }

    function _rent(TaskTerms memory terms, Parameters memory limits) private pure returns (uint256) {
        return (uint256(terms.reward) * limits.rentBps) / BPS;
    }

    function _minimumReward(TaskTerms memory terms, Parameters memory limits) private pure returns (uint256 minimum) {
        uint256 duration = _duration(terms, limits);
        // Who comes meanwhile waits for half of it: more of them, and each longer.
        minimum = (limits.rewardPerSecond * duration * duration) / limits.roundWindows;
        if (minimum < limits.minReward) minimum = limits.minReward;
    }

    /// @dev Judging may take every place its time.
    function _duration(TaskTerms memory terms, Parameters memory limits) private pure returns (uint256) {
        return terms.timeLimit + limits.roundWindows + limits.maxSolutions * _judgingTime(terms, limits);
    }

    /// @return seconds that judging one model may take, rounded up
    function _judgingTime(TaskTerms memory terms, Parameters memory limits) private pure returns (uint256) {
        uint256 samples = uint256(terms.trainCount) + terms.testCount;
        return (terms.work * samples + limits.judgingSpeed - 1) / limits.judgingSpeed;
    }
}
