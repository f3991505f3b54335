// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IEntropy} from "./IEntropy.sol";
import {IJudge} from "./IJudge.sol";
import {ILedger} from "./ILedger.sol";
import {IReleaseSignature} from "./IReleaseSignature.sol";
import {IRewardReservoir} from "./IRewardReservoir.sol";
import {ITaskList, Task} from "./ITaskList.sol";
import {IVerifierCommittee} from "./IVerifierCommittee.sol";

/// @notice Where a round stands. It follows from what is stored and the clock. A window that another window follows
/// ends by a transaction, which anybody may send once its time is over: so the next begins with it. Seed: anyone draws
/// the seed. Keys: the data node posts functional keys. Training: miners commit. TestRelease: the data node releases
/// the test set. Reveal: miners reveal. Draw: anyone draws the committee. VoteCommit, VoteReveal: it votes. Challenge:
/// anyone may buy a larger committee. Settlement: the outcome is certain and anyone may finalise. Final: a block was
/// appended. Void: the round ended without a block.
enum Phase {
    None,
    Seed,
    Keys,
    Training,
    TestRelease,
    Reveal,
    Draw,
    VoteCommit,
    VoteReveal,
    Challenge,
    Settlement,
    Final,
    Void
}

/// @notice What the last transaction that moved a round on before its first draw of a committee was. Released: of the
/// test set, or of the miners from waiting for it.
enum Step {
    None,
    Opened,
    Seeded,
    Keyed,
    Closed,
    Released
}

/// @notice Why a round ended without a block.
enum VoidReason {
    None,
    KeysMissing,
    NoCommitment,
    NothingRevealed,
    CommitteeTooSmall,
    NoQuorum,
    DataFault,
    ThresholdMissed,
    NoneQualified,
    DataUnavailable
}

/// @notice What a payout is for.
enum PayoutReason {
    TaskReward,
    BlockReward,
    OmmerInclusion,
    OmmerReward,
    MinerBond,
    DataBond,
    DataBondShare,
    RewardRefund,
    ChallengeBond,
    RentRefund,
    TrainingReward
}

/// @notice One credit made when a round ended. Verifiers' fees and penalties are in the committee's events.
struct Payout {
    address payee;
    PayoutReason reason;
    uint256 amount;
}

/// @notice A miner's solution in a round.
/// @param commitment binds model digest and claimed train count to chain, contract, round and miner
/// @param modelDigest 0 until revealed
/// @param order position among the round's commitments; a replaced commitment goes to the end; ties go to the lowest
/// @param choice 1 + its index in the ballot, 0 when it is not judged
struct Solution {
    address miner;
    bytes32 commitment;
    bytes32 modelDigest;
    uint32 claimedTrainCorrect;
    uint32 claimedTestCorrect;
    uint32 order;
    uint16 choice;
    bool revealed;
}

/// @notice A round, with the task as it stood when the round opened.
/// @param seed fixes the secure mapping layer (Algorithm 3); in Seed it is what the seed will be made of beside entropy
/// @param entropy what drew the first committee
/// @param since when the step began, by the clock of the Ethereum block `sinceBlock`
/// @param drawBlock the Ethereum block whose mix draws next, 0 while none is named
/// @param height of the round's block, 0 where it has none
/// @param committed places taken; of these `ready` claim the training threshold and `revealed` showed their model
/// @param commitments made so far, replacements included
/// @param released the test set is out; an idle round's seed is drawn
/// @param closedEarly the data node ended training, not the time limit
/// @param attempt the newest committee, counted from 0
/// @param dropped the newest challenge could draw no larger committee: the tally before it stands
/// @param challengers who challenged the tallies of attempts 0 and 1, 0 where nobody did
struct Round {
    uint256 taskId;
    Task task;
    bytes32 seed;
    bytes32 keysDigest;
    bytes32 entropy;
    uint40 openedAt;
    uint40 since;
    uint40 sinceBlock;
    uint40 drawBlock;
    uint40 height;
    Step step;
    VoidReason voidReason;
    uint16 committed;
    uint16 ready;
    uint16 revealed;
    uint24 commitments;
    uint8 attempt;
    bool released;
    bool closedEarly;
    bool committeeTooSmall;
    bool dropped;
    bool settled;
    address[2] challengers;
}

/// @title PoLeChain: rounds in lanes, and their money.
/// @notice Up to `lanes` rounds are open side by side, each on the most valuable task that waited when it opened. A
/// round's number tells its lane: number modulo lanes. Every step that no single party owns can be taken by anybody, so
/// every round ends.
/// @dev Holds no ether: all money of a round is account `bytes32(roundId)` of this contract in the reservoir, and the
/// system pool is account `POOL`. A round's account is empty when the round has ended. A deadline is the first second,
/// and the first Ethereum block, that is too late: a window is over when both are reached. It also ends once everybody
/// who may act in it has acted. Every loop is bounded by a parameter.
interface IPoLeChain {
    /// @notice What a deployment fixes for ever. Times in seconds, amounts in wei, parts in basis points.
    /// @param keyWindow for the functional keys, from the seed
    /// @param graceWindow how long training goes on while no commitment stands
    /// @param testWindow for the release of the test set, from the end of training
    /// @param revealWindow for the reveals, from the release or the end of its window
    /// @param voteCommitWindow for vote commitments, from a draw, beside the judging time of every choice
    /// @param voteRevealWindow for vote reveals, from the end of the vote commitments
    /// @param challengeWindow for a challenge, from the close of a ballot
    /// @param windowBlocks Ethereum blocks that every window lasts at least, so that a chain that stood still costs
    /// nobody
    /// @param drawDelay Ethereum blocks from naming a block to that block: nobody can know then what it will hold
    /// @param confirmations Ethereum blocks that workers wait before they give a secret away: keys, test set, model,
    /// votes
    /// @param maxSolutions commitments a round takes
    /// @param committeeSize seats drawn first (n), more where the reward asks for more; a challenge asks for 2n + 1,
    /// the next for `maxCommittee`
    /// @param minCommittee fewest seats a committee can have
    /// @param maxCommittee most seats drawn
    /// @param verificationFeeBps the part of a task's reward that pays the first committee
    /// @param faultShareBps the part of a forfeited data bond that compensates the miners that revealed
    /// @param missedShareBps the part of the reward that the best model in training gets where the test threshold is
    /// missed, and the pool where data are bad
    /// @param feeMarginBps how much a fee must exceed what the block can draw from the pool before the block draws
    /// @param minerBondBps the part of a task's reward that a commitment's bond is
    /// @param readyBondBps the same where its claim reaches the training threshold, and so can end the training
    /// @param minerBond least bond of a commitment
    /// @param blockReward R_w
    /// @param rewardPerSeat reward that one seat of a committee may decide on
    struct Parameters {
        uint32 keyWindow;
        uint32 graceWindow;
        uint32 testWindow;
        uint32 revealWindow;
        uint32 voteCommitWindow;
        uint32 voteRevealWindow;
        uint32 challengeWindow;
        uint16 windowBlocks;
        uint16 drawDelay;
        uint16 confirmations;
        uint16 maxSolutions;
        uint16 committeeSize;
        uint16 minCommittee;
        uint16 maxCommittee;
        uint16 verificationFeeBps;
        uint16 faultShareBps;
        uint16 missedShareBps;
        uint16 feeMarginBps;
        uint16 minerBondBps;
        uint16 readyBondBps;
        uint96 minerBond;
        uint96 blockReward;
        uint96 rewardPerSeat;
    }

    /// @notice A round's seed is drawn: the secure mapping layer is fixed.
    event SeedDrawn(uint256 indexed roundId, bytes32 seed);

    /// @notice The round is in another phase.
    error WrongPhase(uint256 roundId, Phase phase, Phase needed);

    /// @notice There are fewer lanes.
    error UnknownLane(uint256 lane, uint256 lanes);

    /// @notice The last round of the lane has not been finalised.
    error RoundOpen(uint256 roundId);

    /// @notice Solutions are kept until the next round of the lane opens; an older round's are in its records.
    error RoundOver(uint256 roundId);

    /// @notice No such round.
    error UnknownRound(uint256 roundId);

    /// @notice Only the data node of the round's task may do this, or for the functional keys its delegate.
    error NotDataNode(uint256 roundId, address caller);

    /// @notice A digest or commitment is zero, or a CID is empty or longer than 128 bytes.
    error EmptyField(string field);

    /// @notice The ether sent is not the bond due: for a commitment what its claim asks for, less what a replaced one
    /// holds; for a challenge the larger committee's pay.
    error WrongBond(uint256 sent, uint256 due);

    /// @notice Every place is taken, and the claim is not higher than the lowest: `leastClaim` takes that one's place.
    error TooManySolutions(uint256 roundId, uint256 maxSolutions, uint256 leastClaim);

    /// @notice A commitment that replaces another must claim as much: else places could be held by claims that are
    /// lowered in the last second.
    error ClaimLowered(uint256 roundId, uint32 claimed, uint32 given);

    /// @notice A count is larger than the set it counts in.
    error CountTooLarge(uint256 count, uint256 total);

    /// @notice Submissions cannot be closed yet: `ready` of `minSolutions` commitments claim the threshold, or it is
    /// before `notBefore`.
    error TooEarlyToClose(uint256 ready, uint256 minSolutions, uint64 notBefore);

    /// @notice The data node still has the time until `deadline` and Ethereum block `deadlineBlock`, 0 and 0 before
    /// submissions are closed.
    error TestSetAwaited(uint256 roundId, uint64 deadline, uint64 deadlineBlock);

    /// @notice Submissions are to be closed first, in an earlier Ethereum block than the release.
    error NotClosedBefore(uint256 roundId, uint256 blockNumber);

    /// @notice The digest is not the one the task committed to.
    error WrongTestSet(bytes32 expected, bytes32 given);

    /// @notice The data node, with its key or as a contract wallet, did not sign this release of this round on this
    /// chain at this time.
    error NotSignedByDataNode(uint256 roundId, address dataNode);

    /// @notice A release was signed at a time that is further than `tolerance` seconds from the block's.
    error TimestampOutOfTolerance(uint64 signedAt, uint256 blockTime, uint256 tolerance);

    /// @notice The caller has no commitment in this round.
    error NoCommitment(uint256 roundId, address caller);

    /// @notice The caller has revealed already.
    error AlreadyRevealed(uint256 roundId, address caller);

    /// @notice What was revealed is not what was committed.
    error CommitmentMismatch(uint256 roundId, bytes32 committed, bytes32 revealed);

    /// @notice The phase waits for no draw.
    error NothingToDraw(uint256 roundId, Phase phase);

    /// @notice The named block is to come, or its hash is still to be had: nobody names another.
    error DrawPending(uint256 roundId, uint64 drawBlock);

    /// @notice No block is named, or it is not mined yet.
    error DrawNotReady(uint256 roundId, uint64 drawBlock);

    /// @notice An idle round is open: one is open at a time.
    error IdleRoundOpen(uint256 roundId);

    /// @notice The pool holds less than an idle round's reward and what the blocks of all lanes can draw.
    error PoolTooSmall(uint256 held, uint256 needed);

    /// @notice The contracts do not name each other, or a parameter breaks an inequality; `what` says which.
    error BadDeployment(string what);

    /// @notice Opens a round on the most valuable task, and names the Ethereum block that will draw its seed; when no
    /// task waits, an idle round on the puzzle that its seed makes (protocol.md, section 10). Anyone.
    /// @dev An idle round has task 0 and no data node. The pool pays its reward R_w, training begins with the seed and
    /// lasts as long as its time limit, and nobody wins who misses the thresholds; what nobody wins goes back to the
    /// pool.
    function openRound(uint256 lane) external returns (uint256 roundId);

    /// @notice Names the Ethereum block that will draw what the phase waits for, where none is named or the hash of the
    /// one that was is lost. Anyone, in Seed, Draw, and TestRelease of an idle round that is closed.
    function arm(uint256 roundId) external;

    /// @notice Draws what the phase waits for by the mix of the named block: the seed, an idle round's test set, or the
    /// committee, for a later attempt only if it is larger than the one before, else the tally stands. Anyone.
    /// @dev With mix = IEntropy.mixOf(drawBlock, header): seed = keccak256(abi.encode(keccak256(abi.encode(parentHash,
    /// bodyRoot)), keccak256(abi.encode(SEED_DOMAIN, roundId, mix)))), where parentHash is the newest block's when the
    /// round opened and bodyRoot the one right after the record that opened it; testSeed =
    /// keccak256(abi.encode(TEST_SEED_DOMAIN, roundId, mix)); a committee's entropy = keccak256(abi.encode(DRAW_DOMAIN,
    /// roundId, attempt, mix)). Miners of the round and its data node are barred from the committee.
    /// @param header of the named block, RLP-encoded
    function draw(uint256 roundId, bytes calldata header) external;

    /// @notice Posts where the round's functional keys are. The data node or the delegate that the task list names for
    /// the task, in Keys.
    function postFunctionalKeys(uint256 roundId, string calldata keysCid, bytes32 keysDigest) external;

    /// @notice Commits the caller to a model before the test set is released; a second commitment replaces the first
    /// and claims no less. Where every place is taken, the solution with the lowest claim, among equals the latest,
    /// makes room for a higher claim. In Training.
    /// @dev commitment = keccak256(abi.encode(SOLUTION_DOMAIN, chainid, this, roundId, 0, sender,
    /// keccak256(abi.encode(modelDigest, claimedTrainCorrect)), salt)). The bond is max(minerBond, reward * bps /
    /// 10000), rounded down, with readyBondBps for a claim at the training threshold and minerBondBps below; a
    /// replacement pays the difference. A commitment never revealed forfeits it. A displaced miner has it credited at
    /// once and no solution any more: it may commit anew, and may judge.
    function commit(uint256 roundId, bytes32 commitment, uint32 claimedTrainCorrect) external payable;

    /// @notice Closes submissions: the data node before the time limit, in Training; anyone after it.
    function closeSubmissions(uint256 roundId) external;

    /// @notice Begins the reveals without a test set: its window is over and the data node released none. Anyone, in
    /// TestRelease.
    function endTestRelease(uint256 roundId) external;

    /// @notice Releases the test set. The data node, in TestRelease.
    function releaseTestSet(uint256 roundId, string calldata testCid, bytes32 testDigest) external;

    /// @notice Releases the test set with the data node's signature over round, CID, digest and time: see
    /// IReleaseSignature. Anyone, in TestRelease.
    function releaseTestSetFor(
        uint256 roundId,
        string calldata testCid,
        bytes32 testDigest,
        uint64 signedAt,
        bytes calldata signature
    ) external;

    /// @notice Reveals the caller's model. `claimedTestCorrect` is 0 where no test set was released. In Reveal.
    /// @dev The last reveal names the block that draws the committee.
    function reveal(
        uint256 roundId,
        string calldata modelCid,
        bytes32 modelDigest,
        uint32 claimedTestCorrect,
        bytes32 salt
    ) external;

    /// @notice Buys a larger committee, to judge anew. Anyone, in Challenge, at most twice a round.
    /// @dev The bond is the larger committee's pay: `challengeBond`. It comes back where what stands in the end
    /// contradicts the challenged tally about a model, both being truths, for then those who were wrong pay; and where
    /// no larger committee could be drawn.
    function challenge(uint256 roundId) external payable;

    /// @notice Ends the round: appends a block or voids, and pays. Anyone, in Settlement.
    function finalise(uint256 roundId) external;

    /// @return id of the newest round of a lane, 0 before its first
    function newestRound(uint256 lane) external view returns (uint256 id);

    /// @return time when the oldest round that is open was opened; the largest value where none is
    function oldestOpening() external view returns (uint64 time);

    /// @return phase of the round now
    /// @return deadline when the phase ends at the latest or, in TestRelease, VoteCommit and VoteReveal, may be ended
    /// by anybody; 0 where no clock ends it
    /// @return deadlineBlock the Ethereum block that must be reached as well
    function phaseOf(uint256 roundId) external view returns (Phase phase, uint64 deadline, uint64 deadlineBlock);

    /// @return round as it stands
    function round(uint256 roundId) external view returns (Round memory round);

    /// @return solutions of the newest round of a lane by place, in the order in which the places were first taken
    function solutions(uint256 roundId) external view returns (Solution[] memory solutions);

    /// @return bond that a challenge of an attempt's tally costs, in wei
    function challengeBond(uint256 roundId, uint256 attempt) external view returns (uint256 bond);

    /// @return parameters of this deployment
    function parameters() external view returns (Parameters memory parameters);

    /// @return lanes how many rounds can be open side by side
    function lanes() external view returns (uint256 lanes);

    /// @return ledger that holds the chain of blocks
    function ledger() external view returns (ILedger ledger);

    /// @return taskList of this deployment
    function taskList() external view returns (ITaskList taskList);

    /// @return committee of this deployment
    function committee() external view returns (IVerifierCommittee committee);

    /// @return judge that says how rounds end; made by this contract
    function judge() external view returns (IJudge judge);

    /// @return releaseSignature that says whether a release was signed; made by this contract
    function releaseSignature() external view returns (IReleaseSignature releaseSignature);

    /// @return entropy that proves mixes of Ethereum blocks; made by this contract
    function entropy() external view returns (IEntropy entropy);

    /// @return reservoir that holds the money
    function reservoir() external view returns (IRewardReservoir reservoir);
}
