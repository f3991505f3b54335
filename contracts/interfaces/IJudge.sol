// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Judgement} from "../libraries/rounds/Judgement.sol";
import {Header, Ommer} from "./ILedger.sol";
import {Payout, Solution, VoidReason} from "./IPoLeChain.sol";
import {Finding} from "./IVerifierCommittee.sol";

/// @notice A challenge of a tally.
/// @param challenger 0 where nobody challenged it
/// @param bond what it deposited, in wei
/// @param findings what stood after the challenged tally
struct Challenge {
    address challenger;
    uint256 bond;
    Finding[] findings;
}

/// @notice A round in Settlement: all that its outcome and the division of its money follow from.
/// @param early why the round ended before a committee judged it, None when one did
/// @param solutions all of them, by place
/// @param evidence what stands after the last ballot; who was judged is filled in from `solutions`
/// @param verificationFeeBps see IPoLeChain.Parameters, as the next five
/// @param rent what the owner paid for the whole duration, and `used` of it, in wei
/// @param challenges of attempts 0 and 1
/// @param dropped the newest challenge could draw no larger committee
/// @param ballotId of the last committee
struct Ending {
    VoidReason early;
    address dataNode;
    Solution[] solutions;
    Judgement.Evidence evidence;
    uint16 verificationFeeBps;
    uint16 faultShareBps;
    uint16 missedShareBps;
    uint16 minerBondBps;
    uint16 readyBondBps;
    uint96 minerBond;
    uint256 rent;
    uint256 used;
    Challenge[2] challenges;
    bool dropped;
    uint256 ballotId;
}

/// @notice How a round ends.
/// @param voidReason None when there is a winner
/// @param header of the block as far as the ledger does not fill it in; zero in a void round
/// @param left the best ommer but for its height; its count is 0 when there is none, or the task's fee does not cover
/// the block
/// @param referenced the ommer that the block references, as it stood before; its count is 0 when there is none
/// @param findings what stands after the last ballot, empty when there was none
/// @param ballotId see Ending
/// @param fee what the committees get, in wei
/// @param payouts what the round's account pays otherwise, then what the block draws from the pool
/// @param own how many of the payouts the round's account pays
struct Ruling {
    VoidReason voidReason;
    Header header;
    Ommer left;
    Ommer referenced;
    Finding[] findings;
    uint256 ballotId;
    uint256 fee;
    Payout[] payouts;
    uint256 own;
}

/// @title Judge: how a round ends.
/// @notice Holds nothing, knows nobody and may be asked by anybody: the same ending has the same ruling for ever.
interface IJudge {
    /// @notice How a round in Settlement of the chain that asks ends, with what its block draws from the pool.
    function ruleOn(uint256 roundId) external view returns (Ruling memory ruling);

    /// @return ruling outcome and division of the round's money
    function rule(Ending calldata ending) external pure returns (Ruling memory ruling);
}
