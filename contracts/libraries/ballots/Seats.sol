// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title Seats: who held which place when.
/// @dev Places are numbered from 0 without gaps: who leaves gives its place to the last. Every place, and their number,
/// is kept with its history, so that seats can be drawn as they stood at a time that is past. Changes within one second
/// count as one.
library Seats {
    using Checkpoints for Checkpoints.Trace160;
    using Checkpoints for Checkpoints.Trace208;

    /// @param count of seats
    /// @param holders at each place, the number of the verifier that holds it
    struct History {
        Checkpoints.Trace208 count;
        mapping(uint256 place => Checkpoints.Trace160) holders;
    }

    /// @notice Seats a verifier at the end.
    /// @return place it got
    function add(History storage seats, uint32 number) internal returns (uint256 place) {
        place = seats.count.latest();
        seats.holders[place].push(uint96(block.timestamp), number);
        seats.count.push(uint48(block.timestamp), uint208(place + 1));
    }

    /// @notice Empties a place; the last seat moves there, unless it is the last.
    /// @return moved number of the verifier that moved, 0 for nobody
    function remove(History storage seats, uint256 place) internal returns (uint32 moved) {
        uint256 last = seats.count.latest() - 1;
        if (place != last) {
            moved = uint32(seats.holders[last].latest());
            seats.holders[place].push(uint96(block.timestamp), moved);
        }
        seats.count.push(uint48(block.timestamp), uint208(last));
    }

    /// @return count of seats at the end of the second `time`
    function countAt(History storage seats, uint256 time) internal view returns (uint256 count) {
        return seats.count.upperLookupRecent(uint48(time));
    }

    /// @return number of the verifier that held the place then
    function holderAt(History storage seats, uint256 time, uint256 place) internal view returns (uint32 number) {
        return uint32(seats.holders[place].upperLookupRecent(uint96(time)));
    }
}
