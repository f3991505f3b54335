// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILedger} from "./ILedger.sol";
import {IRewardReservoir} from "./IRewardReservoir.sol";

/// @notice What a verifier found out about one solution. None: no vote. Ok: the model was there, well formed, and was
/// evaluated. Unavailable: no bytes with the revealed digest could be had. Malformed: the bytes are no model of the
/// task's specification and seed. DataFault: the data node's keys, data files or test set are wrong, or its
/// specification takes more work than it said. DataUnavailable: they could not be had.
enum Verdict {
    None,
    Ok,
    Unavailable,
    Malformed,
    DataFault,
    DataUnavailable
}

/// @notice One verifier's finding on one solution. All but the verdict are zero unless the verdict is Ok.
/// @param trainCorrect correct predictions on the training set
/// @param testCorrect correct predictions on the test set; 0 when no test set was released
/// @param predictions keccak-256 of the predicted labels (docs/formats.md), which nobody knows without evaluating the
/// model
struct Vote {
    Verdict verdict;
    uint32 trainCorrect;
    uint32 testCorrect;
    bytes32 predictions;
}

/// @notice What a committee agreed on for one solution; verdict None when there was no quorum.
/// @param fingerprint first seven bytes of `Vote.predictions`
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
/// @param deadline in stages Commit and Reveal, the time from which anybody may end the stage; later, when it closed
/// @param deadlineBlock the Ethereum block that must be reached as well; later, that in which it closed
struct Ballot {
    uint8 seats;
    uint8 choices;
    uint64 committed;
    uint64 revealed;
    BallotStage stage;
    uint64 deadline;
    uint64 deadlineBlock;
}

/// @notice Where a ballot stands. Commit ends with the last member's commitment, Reveal with the last committed vote
/// that is revealed, and each once its window is over and somebody says so.
enum BallotStage {
    None,
    Commit,
    Reveal,
    Closed,
    Settled
}

/// @notice What a committee is drawn from and for.
/// @param asOf time as of which the seats are drawn
/// @param size seats asked for
/// @param places fewest seats of that time that will do, barred ones included
/// @param minimum fewest members that will do
/// @param choices solutions to vote on
/// @param barred who must not sit on it
/// @param commitWindow seconds for vote commitments, as the next for vote reveals
/// @param windowBlocks Ethereum blocks that each of these windows lasts at least
struct Summons {
    uint40 asOf;
    uint16 size;
    uint16 places;
    uint16 minimum;
    uint16 choices;
    address[] barred;
    uint32 commitWindow;
    uint32 revealWindow;
    uint16 windowBlocks;
}

/// @title VerifierCommittee: seats, draws, votes and what they earn or lose.
/// @notice One wallet holds one seat, for one fixed stake; who stakes more uses more wallets. A round's committees are
/// drawn among the seats as they stood `seatAge` before the round opened: whoever stakes or leaves later changes no
/// draw of it.
/// @dev Knows ballots and choices, not tasks. A ballot's id is roundId * 4 + attempt: 0 for a round's first committee,
/// 1 and 2 for those that challenges buy. The ballots of a lane's newest round are kept; of older ones the events tell.
/// A verdict Unavailable or DataUnavailable is an abstention, any other a truth: evaluation is exact, so honest truths
/// are equal to the bit.
interface IVerifierCommittee {
    /// @notice What a deployment fixes for ever. Amounts in wei, times in seconds.
    /// @param seatStake stake of one seat
    /// @param penalty what an absent or false vote costs
    /// @param seatAge how old a seat must be when a round opens to be drawn in it, and how long it still can be drawn
    /// after it was left
    /// @param lanes rounds that can be open side by side
    struct Parameters {
        uint96 seatStake;
        uint96 penalty;
        uint32 seatAge;
        uint16 lanes;
    }

    /// @notice `verifier` took a seat.
    event Staked(address indexed verifier, uint256 stake);

    /// @notice `verifier` left its seat, by its own will, for a penalty, or because it abstained too often.
    event SeatLeft(address indexed verifier, uint256 stake);

    /// @notice `verifier` got the rest of its stake credited.
    event Reclaimed(address indexed verifier, uint256 stake);

    /// @notice A committee was drawn.
    event Drawn(uint256 indexed ballotId, address[] members, uint16 choices);

    /// @notice A member committed its votes.
    event VoteCommitted(uint256 indexed ballotId, address indexed verifier, bytes32 commitment);

    /// @notice A member revealed its votes.
    event VoteRevealed(uint256 indexed ballotId, address indexed verifier, Vote[] votes);

    /// @notice Somebody showed a member's votes and salt before the reveals; the vote counts no more, and `reward` wei
    /// of the penalty are the informer's.
    event VoteLeaked(uint256 indexed ballotId, address indexed verifier, address indexed informer, uint256 reward);

    /// @notice A member lost `amount` wei of its stake.
    event Slashed(uint256 indexed ballotId, address indexed verifier, uint256 amount);

    /// @notice A member abstained where a truth was found in the end: the `strikes`-th time in a row.
    event Struck(uint256 indexed ballotId, address indexed verifier, uint8 strikes);

    /// @notice A member earned `amount` wei.
    event Rewarded(uint256 indexed ballotId, address indexed verifier, uint256 amount);

    /// @notice The ether sent is not what completes one seat's stake.
    error WrongStake(uint256 sent, uint256 due);

    /// @notice The caller already has a seat.
    error AlreadySeated(address verifier);

    /// @notice The caller has no seat, or no stake.
    error NotStaked(address verifier);

    /// @notice The stake is bound: the seat is held, or a round is open that can still draw it. `freeAfter` is the time
    /// after which every open round must have been opened, and which must be past; 0 while the seat is held.
    error StakeBound(address verifier, uint64 freeAfter);

    /// @notice `verifier` is not that member of this committee.
    error NotMember(uint256 ballotId, uint256 member, address verifier);

    /// @notice The ballot is not in the stage this call needs.
    error WrongStage(uint256 ballotId, BallotStage stage, BallotStage needed);

    /// @notice Members still have the time until `deadline` and Ethereum block `deadlineBlock` for their votes.
    error VotesAwaited(uint256 ballotId, uint64 deadline, uint64 deadlineBlock);

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
    /// @dev The seat can be drawn in rounds that open once it is `seatAge` old.
    function stake() external payable;

    /// @notice Gives the seat up. It can still be drawn in rounds that are open, and in those that open within
    /// `seatAge`.
    function unstake() external;

    /// @notice Credits what is left of the caller's stake once no round can draw its seat any more.
    function reclaim() external;

    /// @notice Draws distinct seats outside of the barred and opens their ballot. The chain only. A round's ballots
    /// come in the order of attempts.
    /// @dev Partial Fisher-Yates shuffle over the places of that time driven by keccak256(abi.encode(entropy, step)),
    /// twin of `draw` in Python.
    /// @return seated the members in the order drawn: nobody, and no ballot opens, when there would be too few, or no
    /// more than in the ballot before
    function draw(
        uint256 ballotId,
        bytes32 entropy,
        Summons calldata summons
    ) external returns (address[] memory seated);

    /// @notice Commits the caller's votes: keccak256(abi.encode(VOTE_DOMAIN, chainid, this, roundId, attempt, sender,
    /// keccak256(abi.encode(votes)), salt)).
    /// @param member the caller's index among the members
    function commitVote(uint256 ballotId, uint256 member, bytes32 commitment) external;

    /// @notice Shows a member's votes and salt while votes are still committed: voids that vote, and credits the caller
    /// half of a penalty.
    /// @dev Who sells or shares its vote puts its stake into the buyer's hands; so copied votes cannot be had safely.
    /// The member is slashed at once, the pool gets the other half, and the settlement slashes it again, as any member
    /// that reveals nothing. Half, rounded down, so that a member that informs on itself loses. Anyone; a call can be
    /// copied while it waits to be mined, and then the copier is paid.
    /// @param member index of the member whose votes they are
    function leak(uint256 ballotId, uint256 member, Vote[] calldata votes, bytes32 salt) external;

    /// @notice Reveals the caller's votes, one per choice.
    /// @param member the caller's index among the members
    function revealVote(uint256 ballotId, uint256 member, Vote[] calldata votes, bytes32 salt) external;

    /// @notice Ends the commitments, or the reveals, once their window is over. Anyone.
    /// @dev A window begins with the transaction that ends the one before, so each lasts its seconds and its blocks
    /// even where the chain below stands still. Votes are taken as long as nobody says that their window is over.
    function endVotes(uint256 ballotId) external;

    /// @notice What stands after this ballot, one finding per choice: what its quorum cast to the bit. What stood as a
    /// truth after the ballot before stands where this quorum judged nothing, unless more than half of all seats cast
    /// another truth. Meaningful once the ballot is closed.
    function findings(uint256 ballotId) external view returns (Finding[] memory findings);

    /// @notice `findings` of each of the round's ballots up to this one, by attempt; nothing where this one is unknown.
    function allFindings(uint256 ballotId) external view returns (Finding[][] memory findings);

    /// @notice Ends all ballots of a round by what was found in the end. The chain only, once.
    /// @dev For every member of every attempt:
    /// - who revealed nothing loses the penalty and the seat;
    /// - who cast a truth where the own committee, or a later one, found another that was found in the end loses them
    /// too. Members of earlier attempts are compared in verdict and counts, for a fingerprint binds to its attempt;
    /// - in the last attempt, who cast a truth against one that more than half of all seats cast, where there was no
    /// quorum, loses the seat;
    /// - who abstained where a truth was found gets a strike, and loses the seat with the third in a row;
    /// - every other vote for what was found earns one part of `fee`, and of all penalties where there was a challenge.
    /// A part is that sum divided by all seats of all attempts times the choices, rounded down. Penalties without a
    /// challenge, and what is left of the fee, go to the pool.
    /// @param ballotId the round's newest ballot
    /// @param agreed the findings of this ballot as `findings` returned them
    /// @param fee wei that the chain moved to account STAKES of this contract
    function settle(uint256 ballotId, Finding[] calldata agreed, uint256 fee) external;

    /// @return ballot as it stands
    function ballot(uint256 ballotId) external view returns (Ballot memory ballot);

    /// @return members of the ballot, in the order drawn
    function members(uint256 ballotId) external view returns (address[] memory members);

    /// @return commitment of a member, 0 before it committed
    /// @return revealed true once the member revealed
    function voteOf(uint256 ballotId, uint256 member) external view returns (bytes32 commitment, bool revealed);

    /// @return stake held for `verifier`, in wei
    /// @return seated true while it has a seat
    /// @return leftAt when it left the seat; 0 while seated
    /// @return strikes abstentions in a row where a truth was found
    function stakeOf(address verifier) external view returns (uint256 stake, bool seated, uint64 leftAt, uint8 strikes);

    /// @return count of seats as they stood at the end of the second `time`, which must be past
    function seatsAt(uint64 time) external view returns (uint256 count);

    /// @return verifier that held place `index` of `seatsAt(time)` then
    function seatAt(uint64 time, uint256 index) external view returns (address verifier);

    /// @return parameters of this deployment
    function parameters() external view returns (Parameters memory parameters);

    /// @return chain the only address that draws and settles
    function chain() external view returns (address chain);

    /// @return ledger that keeps what members did
    function ledger() external view returns (ILedger ledger);

    /// @return reservoir that holds the money
    function reservoir() external view returns (IRewardReservoir reservoir);
}
