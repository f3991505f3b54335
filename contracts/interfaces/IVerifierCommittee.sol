// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IRewardReservoir} from "./IRewardReservoir.sol";

/// @notice What a verifier found out about one solution.
/// None: no vote. Ok: the model was there, well formed, and was evaluated. Unavailable: no bytes with the revealed digest could be had.
/// Malformed: the bytes are no model of the task's specification and seed. DataFault: the data node's keys, data files or test set are wrong.
enum Verdict {
    None,
    Ok,
    Unavailable,
    Malformed,
    DataFault
}

/// @notice One verifier's finding on one solution. All but the verdict are zero unless the verdict is Ok.
/// @param trainCorrect correct predictions on the training set, or on its audit sample
/// @param testCorrect correct predictions on the test set; 0 when no test set was released
/// @param predictions keccak-256 of the predicted labels (docs/formats.md), which nobody knows without evaluating the model
struct Vote {
    Verdict verdict;
    uint32 trainCorrect;
    uint32 testCorrect;
    bytes32 predictions;
}

/// @notice What a committee agreed on for one solution; verdict None when there was no quorum.
/// @param fingerprint first seven bytes of `Vote.predictions`; 0 when the tolerance is not 0
struct Finding {
    Verdict verdict;
    uint32 trainCorrect;
    uint32 testCorrect;
    uint56 fingerprint;
}

/// @notice A drawn committee at work.
/// @param seats members drawn
/// @param choices solutions voted on
/// @param committed the members that committed a vote: bit n, from the lowest, for member n
/// @param revealed the members that revealed it, likewise
/// @param commitDeadline end of vote commitments; earlier once all seats have committed
/// @param revealDeadline end of vote reveals; earlier once all commitments are revealed
/// @param eligible seats that could be drawn for it
/// @param settled true once stakes and fees are settled
struct Ballot {
    uint8 seats;
    uint8 choices;
    uint64 committed;
    uint64 revealed;
    uint40 commitDeadline;
    uint40 revealDeadline;
    uint32 eligible;
    bool settled;
}

/// @notice Where a ballot stands.
enum BallotStage {
    None,
    Commit,
    Reveal,
    Closed,
    Settled
}

/// @title VerifierCommittee: seats, draws, votes and what they earn or lose.
/// @notice One wallet holds one seat, for one fixed stake; who stakes more uses more wallets. A committee is drawn among the seats that
/// were taken before the round opened, so nobody can choose a wallet to fit the draw.
/// @dev Knows ballots and choices, not tasks. A ballot's id is roundId * 4 + attempt: 0 for a round's first committee, 1 and 2 for those that challenges
/// ask for. The newest round's ballots are kept; of older ones the events tell.
interface IVerifierCommittee {
    /// @notice What a deployment fixes for ever. Amounts in wei, times in seconds.
    /// @param seatStake stake of one seat
    /// @param penalty what an absent or incoherent vote costs, at most the stake
    /// @param unbondingTime how long a stake stays after its seat is given up
    /// @param tolerance by how many correct predictions votes may differ and still agree
    struct Parameters {
        uint96 seatStake;
        uint96 penalty;
        uint32 unbondingTime;
        uint32 tolerance;
    }

    /// @notice `verifier` took a seat.
    event Staked(address indexed verifier, uint256 stake);

    /// @notice `verifier` left its seat, by its own will or because a penalty left less than a seat's stake.
    event SeatLeft(address indexed verifier, uint256 stake, uint64 reclaimableAt);

    /// @notice `verifier` got the rest of its stake credited.
    event Reclaimed(address indexed verifier, uint256 stake);

    /// @notice A committee was drawn.
    event Drawn(uint256 indexed ballotId, address[] members, uint16 choices);

    /// @notice A member committed its votes.
    event VoteCommitted(uint256 indexed ballotId, address indexed verifier, bytes32 commitment);

    /// @notice A member revealed its votes.
    event VoteRevealed(uint256 indexed ballotId, address indexed verifier, Vote[] votes);

    /// @notice Somebody showed a member's votes and salt before the reveals; the vote counts no more, and `reward` wei of the penalty are the
    /// informer's.
    event VoteLeaked(uint256 indexed ballotId, address indexed verifier, address indexed informer, uint256 reward);

    /// @notice A member lost `amount` wei of its stake to the pool, or to the pool and an informer.
    event Slashed(uint256 indexed ballotId, address indexed verifier, uint256 amount);

    /// @notice A member earned `amount` wei.
    event Rewarded(uint256 indexed ballotId, address indexed verifier, uint256 amount);

    /// @notice Who challenged the ballot's tally, and was right, earned `amount` wei of the penalties of its members.
    event ChallengeRewarded(uint256 indexed ballotId, address indexed challenger, uint256 amount);

    /// @notice The ether sent is not what completes one seat's stake.
    error WrongStake(uint256 sent, uint256 due);

    /// @notice The caller already has a seat.
    error AlreadySeated(address verifier);

    /// @notice The caller has no seat.
    error NotStaked(address verifier);

    /// @notice The stake is bound until `reclaimableAt` (0 while the seat is held, the largest value while a ballot of it is open or, for
    /// giving the seat up, while a draw is armed).
    error StakeBound(address verifier, uint64 reclaimableAt);

    /// @notice The caller is not on this committee.
    error NotMember(uint256 ballotId, address caller);

    /// @notice The ballot is not in the stage this call needs.
    error WrongStage(uint256 ballotId, BallotStage stage, BallotStage needed);

    /// @notice The member already did this.
    error AlreadyVoted(uint256 ballotId, address verifier);

    /// @notice The member has not committed a vote, or the vote was leaked already.
    error NothingToLeak(uint256 ballotId, address verifier);

    /// @notice A commitment must not be zero.
    error EmptyCommitment();

    /// @notice The revealed votes and salt are not what was committed.
    error CommitmentMismatch(uint256 ballotId, bytes32 committed, bytes32 revealed);

    /// @notice One vote per choice is needed, each with a verdict, and numbers with the verdict Ok only.
    error MalformedVotes(uint256 ballotId);

    /// @notice Only the PoLe chain may do this.
    error NotChain(address caller);

    /// @notice Takes a seat. `msg.value` is the seat's stake less what an earlier stake of the caller still holds.
    /// @dev The seat can be drawn from the next round that opens.
    function stake() external payable;

    /// @notice Gives the seat up, except while a draw is armed. A member of an open ballot still owes its vote.
    function unstake() external;

    /// @notice Credits what is left of the caller's stake once the unbonding time is over and no ballot of the caller is open.
    function reclaim() external;

    /// @notice Lets every seat taken so far be drawn. The chain calls it when a round opens.
    function matureSeats() external;

    /// @notice Lets nobody give a seat up until the next draw, or until Ethereum block `lastBlock` is past. The chain calls it when it arms a draw.
    /// @dev Who knows the hash that draws could otherwise choose, by leaving or staying, among the draws it gives.
    function freezeSeats(uint64 lastBlock) external;

    /// @notice Draws `size` distinct mature seats outside `barred` and opens their ballot. The chain only. A round's ballots come in the order of
    /// attempts, each after the tally of the one before was kept.
    /// @dev Partial Fisher-Yates shuffle over the mature seats driven by keccak256(abi.encode(entropy, step)), twin of `draw` in Python.
    /// @param size seats of a round's first ballot; later ones ask for more, see Ballots.sizeOf
    /// @param minimum fewest seats of a ballot; a later one needs more than the one before
    /// @param maximum most seats of a ballot
    /// @param barred nobody twice
    /// @return seated the members in the order drawn: nobody, and no ballot opens, when there would be too few
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
    ) external returns (address[] memory seated);

    /// @notice Commits the caller's votes: keccak256(abi.encode(VOTE_DOMAIN, chainid, this, roundId, attempt, sender, keccak256(abi.encode(votes)), salt)).
    function commitVote(uint256 ballotId, bytes32 commitment) external;

    /// @notice Shows a member's votes and salt while votes are still committed: voids that vote, and credits the caller half of a penalty.
    /// @dev Who sells or shares its vote puts its stake into the buyer's hands; so copied votes cannot be had safely. The member is slashed at once,
    /// the pool gets the other half, and the settlement slashes it again, as any member that reveals nothing. Half, rounded down, so that a
    /// member that informs on itself loses. Anyone; a call can be copied while it waits to be mined, and then the copier is paid.
    function leak(uint256 ballotId, address verifier, Vote[] calldata votes, bytes32 salt) external;

    /// @notice Reveals the caller's votes, one per choice.
    function revealVote(uint256 ballotId, Vote[] calldata votes, bytes32 salt) external;

    /// @notice Keeps what the round's newest ballot agreed on, before a larger committee judges anew. The chain only, once it is closed.
    /// @return decided true when the committee found the data to be at fault, or something about every choice: who is left out of a tally could
    /// have won
    function keepFindings(uint256 ballotId) external returns (bool decided);

    /// @notice What the committee agreed on, one finding per choice. Meaningful once the ballot is closed.
    function findings(uint256 ballotId) external view returns (Finding[] memory findings);

    /// @notice Ends all ballots of a round, by what the last one agreed on: shares `fee` wei of account `ballotId` among the members whose votes agree with
    /// every finding that has a quorum, a share for each of their votes, and slashes the others.
    /// @dev Penalties go to account `pool` of the chain, and so does what division leaves of the fee. A vote of an earlier ballot agrees in verdict
    /// and counts; where its own ballot agreed on the same, in the fingerprint too. The chain only, once.
    /// @param ballotId the round's newest ballot
    /// @param agreed the findings of this ballot as `findings` returned them
    /// @param challenged ballot whose tally `challenger` was right to doubt
    /// @param challenger credited with half of the penalties of that ballot, rounded down; 0 for nobody
    function settle(
        uint256 ballotId,
        Finding[] calldata agreed,
        uint256 fee,
        bytes32 pool,
        uint256 challenged,
        address challenger
    ) external;

    /// @return ballot as it stands
    function ballot(uint256 ballotId) external view returns (Ballot memory ballot);

    /// @return stage of the ballot now
    function stageOf(uint256 ballotId) external view returns (BallotStage stage);

    /// @return members of the ballot, in the order drawn
    function members(uint256 ballotId) external view returns (address[] memory members);

    /// @return commitment of a member, 0 before it committed
    /// @return revealed true once the member revealed
    function voteOf(uint256 ballotId, address verifier) external view returns (bytes32 commitment, bool revealed);

    /// @return stake held for `verifier`, in wei
    /// @return seated true while it has a seat
    /// @return reclaimableAt when its stake may be reclaimed; 0 while seated
    function stakeOf(address verifier) external view returns (uint256 stake, bool seated, uint64 reclaimableAt);

    /// @return count of seats
    /// @return mature how many of them can be drawn in the open round; they stand first
    function seatCount() external view returns (uint256 count, uint256 mature);

    /// @return verifier on the seat at `index`
    function seatAt(uint256 index) external view returns (address verifier);

    /// @return parameters of this deployment
    function parameters() external view returns (Parameters memory parameters);

    /// @return chain the only address that draws and settles
    function chain() external view returns (address chain);

    /// @return reservoir that holds the money
    function reservoir() external view returns (IRewardReservoir reservoir);
}
