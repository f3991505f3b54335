// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IJudge} from "./IJudge.sol";
import {IReleaseSignature} from "./IReleaseSignature.sol";
import {IRewardReservoir} from "./IRewardReservoir.sol";
import {ITaskList, Task} from "./ITaskList.sol";
import {IVerifierCommittee} from "./IVerifierCommittee.sol";

/// @notice Where a round stands; it follows from stored timestamps and the clock, no transaction is needed to enter a phase.
/// Keys: the data node posts functional keys. Training: miners commit. TestRelease: the data node releases the test set.
/// Reveal: miners reveal. Draw: anyone arms and draws the committee. VoteCommit, VoteReveal: the committee votes.
/// Challenge: anyone may challenge the tally, and a larger committee is drawn. Settlement: the outcome is certain and anyone may finalise. Final: a block was appended. Void: the round ended without a block.
enum Phase {
    None,
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
    NoneQualified
}

/// @notice Kinds of record in a block's body. Each record is a leaf of the body's Merkle tree; its data is `abi.encode` of:
/// TaskPosted (uint256 taskId, address owner, bytes32 keccak256(abi.encode(TaskTerms)), bytes32 keccak256(abi.encode(TaskFiles)));
/// TaskCancelled (uint256 taskId);
/// RoundOpened (uint256 roundId, uint256 taskId, bytes32 parentHash, bytes32 hash of the Ethereum block before);
/// KeysPosted (uint256 roundId, string keysCid, bytes32 keysDigest);
/// SolutionCommitted (uint256 roundId, address miner, bytes32 commitment, uint32 claimedTrainCorrect);
/// SubmissionsClosed (uint256 roundId);
/// TestSetReleased (uint256 roundId, string testCid, bytes32 testDigest);
/// SolutionRevealed (uint256 roundId, address miner, string modelCid, bytes32 modelDigest, uint32 claimedTrainCorrect, uint32 claimedTestCorrect);
/// DrawArmed (uint256 roundId, uint64 drawBlock);
/// CommitteeDrawn (uint256 roundId, bytes32 entropy, address[] members, address[] miners judged, in the ballot's order of choices);
/// VoteCommitted (uint256 ballotId, address verifier, bytes32 commitment);
/// VoteRevealed (uint256 ballotId, address verifier, bytes32 keccak256(abi.encode(Vote[])));
/// Payouts (uint256 roundId, Payout[] payouts);
/// RoundVoided (uint256 roundId, VoidReason reason);
/// TallyChallenged (uint256 roundId, uint8 attempt challenged, address challenger, uint256 bond);
/// VoteLeaked (uint256 ballotId, address verifier, address informer);
/// TestSeedDrawn (uint256 roundId, bytes32 testSeed);
/// SolutionDisplaced (uint256 roundId, address miner);
/// TaskReplaced (uint256 taskId replaced, uint256 byTaskId).
/// The n-th CommitteeDrawn of a round is that of attempt n - 1.
enum RecordKind {
    TaskPosted,
    TaskCancelled,
    RoundOpened,
    KeysPosted,
    SolutionCommitted,
    SubmissionsClosed,
    TestSetReleased,
    SolutionRevealed,
    DrawArmed,
    CommitteeDrawn,
    VoteCommitted,
    VoteRevealed,
    Payouts,
    RoundVoided,
    TallyChallenged,
    VoteLeaked,
    TestSeedDrawn,
    SolutionDisplaced,
    TaskReplaced
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
    ChallengeBond
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
/// @param seed fixes the secure mapping layer (Algorithm 3)
/// @param ready commitments that claim the training threshold
/// @param closedBlock the Ethereum block in which the data node closed submissions, 0 when it did not
/// @param drawBlock the Ethereum block whose hash draws the committee, 0 until armed
/// @param entropy what drew the first committee; audit samples are drawn from it too
/// @param attempt the newest committee, counted from 0
/// @param challenged attempt whose tally was challenged with a bond, where there is a challenger
/// @param dropped the newest challenge could draw no larger committee: the tally before it stands
/// @param challenger who challenged a tally with a bond, 0 when nobody did
struct Round {
    uint256 taskId;
    Task task;
    bytes32 parentHash;
    bytes32 seed;
    bytes32 keysDigest;
    bytes32 entropy;
    uint64 openedAt;
    uint64 keysAt;
    uint64 closedAt;
    uint64 closedBlock;
    uint64 releasedAt;
    uint64 lastRevealAt;
    uint64 drawBlock;
    uint16 committed;
    uint16 ready;
    uint16 revealed;
    bool committeeTooSmall;
    bool settled;
    VoidReason voidReason;
    uint8 attempt;
    uint8 challenged;
    bool dropped;
    address challenger;
    uint256 height;
}

/// @notice A PoLe block's header. Its hash, keccak256(abi.encode(header)), is the parent hash (PHS) of the next.
/// @param trainCorrect the committee's count for the winner
/// @param ommersHash keccak256(abi.encode(Ommer[])) of the ommers referenced, at most one
/// @param bodyRoot Merkle root over every record since the previous block
struct Header {
    uint256 height;
    bytes32 parentHash;
    uint256 roundId;
    uint256 taskId;
    address winner;
    bytes32 modelDigest;
    uint32 trainCorrect;
    uint32 testCorrect;
    bytes32 ommersHash;
    bytes32 bodyRoot;
    uint64 timestamp;
}

/// @notice The best verified solution of a height that did not win, or the referenced one in a block.
/// @param correct what it was ranked by: test count, or train count where no test set was released
/// @param total samples of that set
/// @param count verified ommers at that height
/// @param referenced true once a later block referenced it
struct Ommer {
    uint256 height;
    address miner;
    bytes32 modelDigest;
    uint32 correct;
    uint32 total;
    uint16 count;
    bool referenced;
}

/// @title PoLeChain: rounds, solutions, timestamps and the chain of PoLe blocks.
/// @notice One round is open at a time. Every step that no single party owns can be taken by anybody, so every round ends.
/// @dev Holds no ether: all money of a round is account `bytes32(roundId)` of this contract in the reservoir, and the system pool is account
/// `POOL`. A round's account is empty when the round has ended. A deadline is the first second that is too late. A window also ends early
/// once everybody who may act in it has acted. Every loop is bounded by a parameter.
interface IPoLeChain {
    /// @notice What a deployment fixes for ever. Times in seconds, amounts in wei.
    /// @param keyWindow for the functional keys, from the opening
    /// @param testWindow for the release of the test set, from the end of training
    /// @param revealWindow for the reveals, from the release or the end of its window
    /// @param voteCommitWindow for vote commitments, from a draw
    /// @param voteRevealWindow for vote reveals, from the end of the vote commitments
    /// @param maxSolutions commitments a round takes
    /// @param judgedSolutions the best claims that a committee judges (K)
    /// @param committeeSize seats drawn first (n); a challenge asks for 2n + 1, the next for all
    /// @param minCommittee fewest seats a committee can have
    /// @param verificationFeeBps the part of a task's reward that pays the committee
    /// @param faultShareBps the part of a forfeited data bond that compensates the miners that revealed; the pool gets the rest
    /// @param feeMarginBps how much a fee must exceed what the block can draw from the pool before the block draws (mu of protocol.md, section 9)
    /// @param minerBond least bond of a commitment
    /// @param blockReward R_w
    /// @param challengeWindow for a challenge, from the close of a ballot
    /// @param maxCommittee most seats drawn
    /// @param challengeBond bond of a challenge
    /// @param minerBondBps the part of a task's reward that the bond of a commitment is, where that is more than `minerBond`
    struct Parameters {
        uint32 keyWindow;
        uint32 testWindow;
        uint32 revealWindow;
        uint32 voteCommitWindow;
        uint32 voteRevealWindow;
        uint16 maxSolutions;
        uint16 judgedSolutions;
        uint16 committeeSize;
        uint16 minCommittee;
        uint16 verificationFeeBps;
        uint16 faultShareBps;
        uint16 feeMarginBps;
        uint96 minerBond;
        uint96 blockReward;
        uint32 challengeWindow;
        uint16 maxCommittee;
        uint96 challengeBond;
        uint16 minerBondBps;
    }

    /// @notice A record entered the body of the block at `height`, as leaf `index`.
    event Recorded(uint256 indexed height, uint256 indexed index, RecordKind indexed kind, bytes data);

    /// @notice A round opened and fixed its seed.
    event RoundOpened(uint256 indexed roundId, uint256 indexed taskId, bytes32 seed);

    /// @notice A block was appended; `ommers` are the ones it references.
    event BlockAppended(uint256 indexed height, bytes32 indexed hash, Header header, Ommer[] ommers);

    /// @notice The round is in another phase.
    error WrongPhase(uint256 roundId, Phase phase, Phase needed);

    /// @notice The round before this one has not been finalised.
    error RoundOpen(uint256 roundId);

    /// @notice Solutions are kept until the next round opens; an older round's are in its records.
    error RoundOver(uint256 roundId);

    /// @notice No such round.
    error UnknownRound(uint256 roundId);

    /// @notice Only the data node of the round's task may do this, or for the functional keys its delegate.
    error NotDataNode(uint256 roundId, address caller);

    /// @notice A digest or commitment is zero, or a CID is empty or longer than 128 bytes.
    error EmptyField(string field);

    /// @notice The ether sent is not the bond due: the miner bond with a first commitment, nothing with a replacement; the challenge bond against
    /// a tally that found a solution to be Ok, the data to be at fault, or anything at all about every choice, nothing against another.
    error WrongBond(uint256 sent, uint256 due);

    /// @notice Every place is taken, and the claim is not higher than the lowest: one of `leastClaim` or more takes that one's place.
    error TooManySolutions(uint256 roundId, uint256 maxSolutions, uint256 leastClaim);

    /// @notice A commitment that replaces another must claim as much: else places could be held by claims that are lowered in the last second.
    error ClaimLowered(uint256 roundId, uint32 claimed, uint32 given);

    /// @notice A count is larger than the set it counts in.
    error CountTooLarge(uint256 count, uint256 total);

    /// @notice Submissions cannot be closed yet: `ready` of `minSolutions` commitments claim the threshold, or it is before `notBefore`.
    error TooEarlyToClose(uint256 ready, uint256 minSolutions, uint64 notBefore);

    /// @notice The test set must be released in a later Ethereum block than the one that closed submissions.
    error SameBlock(uint256 blockNumber);

    /// @notice The digest is not the one the task committed to.
    error WrongTestSet(bytes32 expected, bytes32 given);

    /// @notice The data node, with its key or as a contract wallet, did not sign this release of this round on this chain at this time.
    error NotSignedByDataNode(uint256 roundId, address dataNode);

    /// @notice A release was signed at a time that is further than `tolerance` seconds from the block's.
    error TimestampOutOfTolerance(uint64 signedAt, uint256 blockTime, uint256 tolerance);

    /// @notice The caller has no commitment in this round.
    error NoCommitment(uint256 roundId, address caller);

    /// @notice The caller has revealed already.
    error AlreadyRevealed(uint256 roundId, address caller);

    /// @notice What was revealed is not what was committed.
    error CommitmentMismatch(uint256 roundId, bytes32 committed, bytes32 revealed);

    /// @notice The draw is armed and its block's hash is still to be had.
    error DrawPending(uint256 roundId, uint64 drawBlock);

    /// @notice The draw is not armed, or its block is not mined yet, or its hash is lost and the draw must be armed again.
    error DrawNotReady(uint256 roundId, uint64 drawBlock);

    /// @notice A tally of this round was challenged with a bond before.
    error AlreadyChallenged(uint256 roundId, address challenger);

    /// @notice The round is no idle round: its data node releases the test set.
    error NotIdle(uint256 roundId);

    /// @notice The pool holds less than the reward of an idle round.
    error PoolTooSmall(uint256 held, uint256 needed);

    /// @notice Only the task list or the committee may record.
    error NotRecorder(address caller);

    /// @notice The contracts do not name each other, or a parameter breaks an inequality; `what` says which.
    error BadDeployment(string what);

    /// @notice Opens a round on the most valuable task and fixes its seed; when no task waits, an idle round on the puzzle that its seed makes
    /// (protocol.md, section 10). Anyone.
    /// @dev An idle round has task 0 and no data node. The pool pays its reward R_w, training begins at once and lasts as long as its time limit,
    /// and nobody wins who misses the thresholds; what nobody wins goes back to the pool.
    /// @dev seed = keccak256(abi.encode(parentHash, bodyRoot)), the body root taken right after the record that opens the round, which includes the
    /// hash of the Ethereum block before: nobody knows the seed before.
    function openRound() external returns (uint256 roundId);

    /// @notice Posts where the round's functional keys are. The data node or the delegate that the task list names for the task, in Keys.
    function postFunctionalKeys(uint256 roundId, string calldata keysCid, bytes32 keysDigest) external;

    /// @notice Commits the caller to a model before the test set is released; a second commitment replaces the first and claims no less. Where every place is taken,
    /// the solution with the lowest claim, among equals the latest, makes room for a higher claim.
    /// @dev commitment = keccak256(abi.encode(SOLUTION_DOMAIN, chainid, this, roundId, 0, sender, keccak256(abi.encode(modelDigest, claimedTrainCorrect)), salt)).
    /// A commitment never revealed forfeits the bond, which is max(minerBond, reward * minerBondBps / 10000), rounded down. A displaced miner has its
    /// bond credited at once and no solution any more: it may commit anew, and may judge. In Training.
    function commit(uint256 roundId, bytes32 commitment, uint32 claimedTrainCorrect) external payable;

    /// @notice Closes submissions before the time limit. The data node, in Training.
    function closeSubmissions(uint256 roundId) external;

    /// @notice Releases the test set. The data node, in TestRelease.
    function releaseTestSet(uint256 roundId, string calldata testCid, bytes32 testDigest) external;

    /// @notice Releases the test set with the data node's signature over round, CID, digest and time: see IReleaseSignature. Anyone, in
    /// TestRelease.
    function releaseTestSetFor(
        uint256 roundId,
        string calldata testCid,
        bytes32 testDigest,
        uint64 signedAt,
        bytes calldata signature
    ) external;

    /// @notice Names the Ethereum block whose hash will seed an idle round's test set; again when that hash was lost. Anyone, in TestRelease.
    function armTestSeed(uint256 roundId) external;

    /// @notice Draws the seed of an idle round's test set, which counts as its release. Anyone, in TestRelease.
    /// @dev testSeed = keccak256(abi.encode(TEST_SEED_DOMAIN, roundId, blockhash(drawBlock))): nobody knows it while solutions are accepted.
    function drawTestSeed(uint256 roundId) external;

    /// @notice Reveals the caller's model. `claimedTestCorrect` is 0 where no test set was released. In Reveal.
    function reveal(
        uint256 roundId,
        string calldata modelCid,
        bytes32 modelDigest,
        uint32 claimedTestCorrect,
        bytes32 salt
    ) external;

    /// @notice Names the Ethereum block whose hash will draw the committee; again when that hash was lost. Anyone, in Draw.
    function armDraw(uint256 roundId) external;

    /// @notice Draws a committee for the best claims; for a later attempt only if it is larger than the one before, else the tally stands. Anyone, in Draw.
    /// @dev entropy = keccak256(abi.encode(DRAW_DOMAIN, roundId, blockhash(drawBlock))). Miners of the round and its data node are barred.
    function drawCommittee(uint256 roundId) external;

    /// @notice Asks for a larger committee, whose tally then decides. Anyone, in Challenge, at most twice a round and once with a bond.
    /// @dev The bond comes back, with half of what the members that were wrong lose, if in the end any finding has another verdict or count; it
    /// comes back too if no larger committee can be drawn. Else it is shared by the coherent members.
    function challenge(uint256 roundId) external payable;

    /// @notice Ends the round: appends a block or voids, and pays. Anyone, in Settlement.
    function finalise(uint256 roundId) external;

    /// @notice Enters a record into the current body. The task list and the committee only.
    function record(RecordKind kind, bytes calldata data) external;

    /// @return id of the newest round, 0 before the first
    function currentRound() external view returns (uint256 id);

    /// @return phase of the round now
    /// @return deadline when the phase ends at the latest, 0 where no clock ends it
    function phaseOf(uint256 roundId) external view returns (Phase phase, uint64 deadline);

    /// @return round as it stands
    function round(uint256 roundId) external view returns (Round memory round);

    /// @return drawBlock the Ethereum block whose hash seeds the round's test set, 0 until armed
    /// @return testSeed 0 until drawn
    function testSeedOf(uint256 roundId) external view returns (uint64 drawBlock, bytes32 testSeed);

    /// @return solutions of the newest round by place, in the order in which the places were first taken
    function solutions(uint256 roundId) external view returns (Solution[] memory solutions);

    /// @return height of the newest block; the genesis block has height 0
    function height() external view returns (uint256 height);

    /// @return hash of the header at `height`, 0 where there is none
    function blockHash(uint256 height) external view returns (bytes32 hash);

    /// @return ommer best verified solution at `height` that did not win; all zero where there is none
    function ommerAt(uint256 height) external view returns (Ommer memory ommer);

    /// @return root Merkle root of the current body
    /// @return count records in it
    function body() external view returns (bytes32 root, uint256 count);

    /// @return parameters of this deployment
    function parameters() external view returns (Parameters memory parameters);

    /// @return taskList of this deployment
    function taskList() external view returns (ITaskList taskList);

    /// @return committee of this deployment
    function committee() external view returns (IVerifierCommittee committee);

    /// @return judge that says how rounds end; made by this contract
    function judge() external view returns (IJudge judge);

    /// @return releaseSignature of this deployment, which says whether a release was signed
    function releaseSignature() external view returns (IReleaseSignature releaseSignature);

    /// @return reservoir that holds the money
    function reservoir() external view returns (IRewardReservoir reservoir);
}
