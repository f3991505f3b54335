// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILedger} from "./ILedger.sol";
import {IRewardReservoir} from "./IRewardReservoir.sol";

/// @notice What a task pays, demands and allows. Amounts in wei, times in seconds, accuracies in basis points of the
/// set they speak of.
/// @dev Two storage slots, in this order of fields.
/// @param reward what the winner and its verifiers share
/// @param dataBond what the data node forfeits when it issues no keys, issues wrong ones or withholds the test set
/// @param timeLimit how long miners may train, counted from the functional keys
/// @param minTrainingTime how long the data node must leave submissions open, counted from the functional keys
/// @param fee what goes to the system pool when the task is posted, in no case refunded
/// @param minSolutions how many commitments claiming the training threshold the data node must wait for before it
/// closes submissions early
/// @param requiredTrainAccuracy the training threshold, at least 1
/// @param requiredTestAccuracy the test threshold, 0 for none
/// @param trainCount samples in the training set
/// @param testCount samples in the test set
/// @param work multiplications a sample that judging one model takes (docs/model-specification.md)
struct TaskTerms {
    uint96 reward;
    uint96 dataBond;
    uint32 timeLimit;
    uint32 minTrainingTime;
    uint96 fee;
    uint16 minSolutions;
    uint16 requiredTrainAccuracy;
    uint16 requiredTestAccuracy;
    uint32 trainCount;
    uint32 testCount;
    uint40 work;
}

/// @notice Where a task's files are on IPFS and the keccak-256 of each (docs/formats.md). The test set's place is told
/// at its release.
/// @param specCid model specification
/// @param trainCid manifest of the encrypted training set
/// @param testDigest digest of the manifest of the encrypted test set, fixed before anybody trains
/// @param mpkDigest digest of the master public key file, which the training manifest names
struct TaskFiles {
    string specCid;
    bytes32 specDigest;
    string trainCid;
    bytes32 trainDigest;
    bytes32 testDigest;
    bytes32 mpkDigest;
}

/// @notice A task as the contracts keep it. Files other than the test set's digest are in the event `TaskPosted` alone.
/// @param judgingTime seconds that judging one model may take: work times samples, by the deployment's judging speed
struct Task {
    address owner;
    uint32 judgingTime;
    TaskTerms terms;
    bytes32 testDigest;
}

/// @title TaskList: the tasks that wait for a round, most valuable first.
/// @notice A task's value is its reward per second that its round may take: its time limit, the judging of every place,
/// and all windows. Among equals the older comes first.
/// @dev Value is compared by cross multiplication, exactly. Posting, replacing, cancelling and taking cost O(log
/// tasks). What waiting tasks hold together is account `TASKS` of this contract in the reservoir.
interface ITaskList {
    /// @notice What a deployment fixes for ever. Amounts in wei, times in seconds.
    /// @param maxTasks tasks that may wait at once
    /// @param minReward least reward
    /// @param maxReward largest reward
    /// @param minDataBond least data bond
    /// @param feeBps least fee, in basis points of the reward
    /// @param rentBps rent of a whole duration, in basis points of the reward
    /// @param maxTimeLimit longest time limit
    /// @param maxSolutions largest `minSolutions` a task may ask for: as many commitments as a round takes
    /// @param judgingSpeed multiplications a second that every verifier manages
    /// @param maxJudgingTime longest that judging one model may take
    /// @param rewardPerSecond least reward for each second that a round of its windows alone may hold a lane; for each
    /// second of one that may take n times as long, n times as much
    /// @param idleTimeLimit time limit of the idle task, which a round takes when no task waits; 0 for no idle rounds
    /// @param idleTrainCount samples in the idle task's training set, as the next of its test set
    /// @param idleTrainAccuracy training threshold of the idle task in basis points, as the next its test threshold
    /// @param idleWork multiplications a sample of judging an idle round's model
    /// @param roundWindows the windows of a round with one ballot, together
    struct Parameters {
        uint32 maxTasks;
        uint96 minReward;
        uint96 maxReward;
        uint96 minDataBond;
        uint16 feeBps;
        uint16 rentBps;
        uint32 maxTimeLimit;
        uint16 maxSolutions;
        uint40 judgingSpeed;
        uint32 maxJudgingTime;
        uint96 rewardPerSecond;
        uint32 idleTimeLimit;
        uint32 idleTrainCount;
        uint32 idleTestCount;
        uint16 idleTrainAccuracy;
        uint16 idleTestAccuracy;
        uint40 idleWork;
        uint32 roundWindows;
    }

    /// @notice A data node posted and funded a task.
    event TaskPosted(uint256 indexed taskId, address indexed owner, TaskTerms terms, TaskFiles files);

    /// @notice The owner took a waiting task back; reward, bond and rent are credited, the fee stays in the pool.
    event TaskCancelled(uint256 indexed taskId, address indexed owner, uint256 refund);

    /// @notice A more valuable task took the place of a waiting one in a full list; reward, bond and rent are credited
    /// to the owner, the fee stays in the pool.
    event TaskReplaced(uint256 indexed taskId, address indexed owner, uint256 refund, uint256 indexed byTaskId);

    /// @notice A round took the task.
    event TaskTaken(uint256 indexed taskId, uint256 indexed roundId);

    /// @notice The owner shared the task's master secret among key holders; `delegate` may post the functional keys in
    /// its stead.
    event KeysDelegated(uint256 indexed taskId, address indexed delegate, string sharingCid, bytes32 sharingDigest);

    /// @notice `holder` says where its partial keys for the task's round are. Anybody can say so: readers look at the
    /// sharing's holders alone.
    event PartialKeysAnnounced(uint256 indexed taskId, address indexed holder, string keysCid, bytes32 keysDigest);

    /// @notice A term lies outside what this deployment accepts. `term` is its name in `TaskTerms` or `TaskFiles`.
    error TermOutOfRange(string term, uint256 given, uint256 least, uint256 most);

    /// @notice A digest is zero or a CID is empty or longer than 128 bytes. `field` is its name in `TaskFiles`, or the
    /// argument's.
    error FileMissing(string field);

    /// @notice Judging a model of the task takes more seconds than the deployment allows.
    error TooMuchWork(uint256 judgingTime, uint256 maxJudgingTime);

    /// @notice The ether sent is not reward + data bond + fee + rent.
    error WrongPayment(uint256 sent, uint256 due);

    /// @notice The list is full.
    error TaskListFull(uint256 maxTasks);

    /// @notice The list has room: nothing need be replaced.
    error TaskListNotFull(uint256 waiting, uint256 maxTasks);

    /// @notice The new task is worth no more than the one it should replace.
    error NotMoreValuable(uint256 replacedId);

    /// @notice No task waits.
    error NoTask();

    /// @notice The task does not wait in the list: it never existed, was cancelled or replaced, or a round took it.
    error TaskNotListed(uint256 taskId);

    /// @notice Only the task's owner may do this.
    error NotTaskOwner(uint256 taskId, address caller);

    /// @notice Only the PoLe chain may do this.
    error NotChain(address caller);

    /// @notice Posts a task and pays for it; `msg.value` must be reward + data bond + fee + rent.
    /// @dev The rent, reward * rentBps / 10000, is for the seconds that the round will take of its duration, which is
    /// its time limit, `roundWindows`, and `maxSolutions` times its judging time; what is not used comes back.
    /// @return taskId counts from 1
    function post(TaskTerms calldata terms, TaskFiles calldata files) external payable returns (uint256 taskId);

    /// @notice Posts a task in the place of a waiting one that is worth less, where the list is full; `msg.value` as
    /// for `post`.
    /// @dev The replaced task's reward, bond and rent are credited to its owner; its fee is not. Any task worth less
    /// may be named, not the least valuable alone.
    /// @return taskId counts from 1
    function postReplacing(
        TaskTerms calldata terms,
        TaskFiles calldata files,
        uint256 replacedId
    ) external payable returns (uint256 taskId);

    /// @notice Takes a waiting task back. Reward, bond and rent are credited to the owner; the fee is not.
    function cancel(uint256 taskId) external;

    /// @notice Names the sharing of the task's master secret, and who may post the functional keys beside the owner;
    /// replaces what was named before. The owner only.
    /// @dev WARNING: the owner's bond stands for the keys that the delegate posts. A delegate may be a contract that
    /// asks several holders.
    /// @param delegate 0 for nobody
    function delegateKeys(uint256 taskId, address delegate, string calldata sharingCid, bytes32 sharingDigest) external;

    /// @notice Announces the caller's partial keys for the task's round. Anyone; nothing is stored.
    function announcePartialKeys(uint256 taskId, string calldata keysCid, bytes32 keysDigest) external;

    /// @notice Removes the most valuable task and moves its reward, bond and rent to account `roundId` of the chain.
    /// The chain only.
    /// @dev When no task waits it is the idle task, with id 0, no owner, no files and no reward, which the chain pays;
    /// NoTask where there is none.
    function takeBest(uint256 roundId) external returns (uint256 taskId, Task memory task);

    /// @return taskId of the most valuable waiting task, 0 when none waits
    function best() external view returns (uint256 taskId);

    /// @return task as it was posted, also after it was taken; all zero when it never existed
    function task(uint256 taskId) external view returns (Task memory task);

    /// @return delegate who may post the task's functional keys beside its owner, 0 for nobody
    function delegateOf(uint256 taskId) external view returns (address delegate);

    /// @return rent of a whole duration, in wei
    /// @return duration that a round of these terms may take, in seconds
    function rentOf(TaskTerms calldata terms) external view returns (uint256 rent, uint256 duration);

    /// @return listed true while the task waits
    function isListed(uint256 taskId) external view returns (bool listed);

    /// @return count of waiting tasks
    function waiting() external view returns (uint256 count);

    /// @return count of tasks ever posted; the newest task's id
    function posted() external view returns (uint256 count);

    /// @return parameters of this deployment
    function parameters() external view returns (Parameters memory parameters);

    /// @return chain the only address that may take tasks
    function chain() external view returns (address chain);

    /// @return ledger that keeps what happened to tasks
    function ledger() external view returns (ILedger ledger);

    /// @return reservoir that holds the money
    function reservoir() external view returns (IRewardReservoir reservoir);
}
