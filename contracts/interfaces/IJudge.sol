// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Judgement} from "../libraries/Judgement.sol";
import {Payouts} from "../libraries/Payouts.sol";
import {Ommer, Solution, VoidReason} from "./IPoLeChain.sol";
import {Finding} from "./IVerifierCommittee.sol";

/// @notice A round in Settlement: all that its outcome and the division of its money follow from.
/// @param early why the round ended before a committee judged it, None when one did
/// @param revealed solutions revealed
/// @param solutions all of them, by place
/// @param evidence what the committee found; who was judged is filled in from `solutions`
/// @param verificationFeeBps see IPoLeChain.Parameters, as the next two
/// @param minerBond what every solution's miner deposited, in wei
/// @param challengeBond what the challenger deposited, in wei
/// @param challenger who challenged a tally with a bond, 0 when nobody did
/// @param ballotId of the last committee
/// @param challengedId ballot whose tally was challenged; the last one when no larger committee could be drawn
/// @param challenged what that tally had found
struct Ending {
    VoidReason early;
    address dataNode;
    uint256 revealed;
    Solution[] solutions;
    Judgement.Evidence evidence;
    uint16 verificationFeeBps;
    uint16 faultShareBps;
    uint256 minerBond;
    uint96 challengeBond;
    address challenger;
    uint256 ballotId;
    uint256 challengedId;
    Finding[] challenged;
}

/// @notice How a round ends.
/// @param voidReason None when there is a winner
/// @param winner solution that wins; zero in a void round
/// @param trainCorrect the committee's counts for the winner
/// @param ommer the best ommer but for its height; its count is 0 when there is none, or the task's fee does not cover the block
/// @param findings what the last committee found, empty when there was none
/// @param ballotId see Ending, as the next
/// @param informer who challenged that tally with a bond and was right, 0 when nobody did
/// @param fee what the committees get, in wei
/// @param payouts what the round's account pays otherwise, then what the block draws from the pool
/// @param own how many of the payouts the round's account pays
/// @param referenced the ommer that the block references, as it stood before; its count is 0 when there is none
struct Ruling {
    VoidReason voidReason;
    Solution winner;
    uint32 trainCorrect;
    uint32 testCorrect;
    Ommer ommer;
    Finding[] findings;
    uint256 ballotId;
    uint256 challengedId;
    address informer;
    uint256 fee;
    Payouts.List payouts;
    uint256 own;
    Ommer referenced;
}

/// @title Judge: which solutions a committee judges, and how a round ends.
/// @notice Holds nothing, knows nobody and may be asked by anybody: the same ending has the same ruling for ever.
interface IJudge {
    /// @notice The best claims: see Ranking.
    /// @param most solutions judged at most
    /// @param threshold required training accuracy in basis points, times the training samples
    /// @return judged places of the judged solutions, one byte each from the top, best first
    /// @return miners of these, in the same order
    /// @return barred everybody who must not sit on the committee
    function choose(
        Solution[] calldata solutions,
        address dataNode,
        uint256 revealed,
        uint256 most,
        uint256 threshold,
        bool released
    ) external pure returns (bytes32 judged, address[] memory miners, address[] memory barred);

    /// @notice How a round in Settlement of the chain that asks ends, with what its block draws from the pool.
    function ruleOn(uint256 roundId) external view returns (Ruling memory ruling);

    /// @return ruling outcome and division of the round's money
    function rule(Ending calldata ending) external pure returns (Ruling memory ruling);
}
