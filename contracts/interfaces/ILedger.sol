// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice Kinds of record in a block's body. Each record is a leaf of the body's Merkle tree; its data is `abi.encode`
/// of:
/// TaskPosted (uint256 taskId, address owner, bytes32 keccak256(abi.encode(TaskTerms)), bytes32
/// keccak256(abi.encode(TaskFiles)));
/// TaskCancelled (uint256 taskId);
/// RoundOpened (uint256 roundId, uint256 taskId, bytes32 parentHash, uint64 drawBlock);
/// KeysPosted (uint256 roundId, string keysCid, bytes32 keysDigest);
/// SolutionCommitted (uint256 roundId, address miner, bytes32 commitment, uint32 claimedTrainCorrect);
/// SubmissionsClosed (uint256 roundId);
/// TestSetReleased (uint256 roundId, string testCid, bytes32 testDigest);
/// SolutionRevealed (uint256 roundId, address miner, string modelCid, bytes32 modelDigest, uint32 claimedTrainCorrect,
/// uint32 claimedTestCorrect);
/// DrawArmed (uint256 roundId, uint64 drawBlock), of every naming but the opening's;
/// CommitteeDrawn (uint256 roundId, bytes32 mix, bytes32 entropy, address[] members);
/// VoteCommitted (uint256 ballotId, address verifier, bytes32 commitment);
/// VoteRevealed (uint256 ballotId, address verifier, bytes32 keccak256(abi.encode(Vote[])));
/// Payouts (uint256 roundId, Payout[] payouts);
/// RoundVoided (uint256 roundId, VoidReason reason);
/// TallyChallenged (uint256 roundId, uint8 attempt challenged, address challenger, uint256 bond);
/// VoteLeaked (uint256 ballotId, address verifier, address informer);
/// TestSeedDrawn (uint256 roundId, bytes32 mix, bytes32 testSeed);
/// SolutionDisplaced (uint256 roundId, address miner);
/// TaskReplaced (uint256 taskId replaced, uint256 byTaskId);
/// SeedDrawn (uint256 roundId, bytes32 mix, bytes32 seed).
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
    TaskReplaced,
    SeedDrawn
}

/// @notice A PoLe block's header. Its hash, keccak256(abi.encode(header)), is the parent hash of the next block.
/// @param parentHash of the block before it; what the round's seed is made of stands in the record that opened the
/// round
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

/// @title Ledger: the chain of PoLe blocks, the Merkle tree of the current body, and ommers.
/// @notice What rounds of all lanes, the task list and the committee record enters one body, in the order in which it
/// happened; the next block, of whatever lane, closes it.
interface ILedger {
    /// @notice A record entered the body of the block at `height`, as leaf `index`.
    event Recorded(uint256 indexed height, uint256 indexed index, RecordKind indexed kind, bytes data);

    /// @notice A block was appended; `ommers` are the ones it references.
    event BlockAppended(uint256 indexed height, bytes32 indexed hash, Header header, Ommer[] ommers);

    /// @notice Only chain, task list and committee may record.
    error NotRecorder(address caller);

    /// @notice Only the chain may append.
    error NotChain(address caller);

    /// @notice Enters a record into the current body. The chain, the task list and the committee only.
    function record(RecordKind kind, bytes calldata data) external;

    /// @notice Appends a block over the current body. The chain only.
    /// @param header all but height, parent hash, ommers hash, body root and timestamp, which the ledger fills in
    /// @param referenced ommer that the block references, as `ommer` returned it; its count is 0 where there is none
    /// @param left the best ommer that the block leaves but for its height; its count is 0 where it leaves none
    /// @return height of the block
    function append(
        Header calldata header,
        Ommer calldata referenced,
        Ommer calldata left
    ) external returns (uint256 height);

    /// @return height of the newest block; the genesis block has height 0
    function height() external view returns (uint256 height);

    /// @return hash of the header at `height`, 0 where there is none
    function blockHash(uint256 height) external view returns (bytes32 hash);

    /// @return ommer the last that a block left, until another referenced it; its count is 0 where there is none
    function ommer() external view returns (Ommer memory ommer);

    /// @return root Merkle root of the current body
    /// @return count records in it
    function body() external view returns (bytes32 root, uint256 count);

    /// @return chain whose rounds the blocks are of
    function chain() external view returns (address chain);

    /// @return taskList that records tasks
    function taskList() external view returns (address taskList);

    /// @return committee that records votes
    function committee() external view returns (address committee);
}
