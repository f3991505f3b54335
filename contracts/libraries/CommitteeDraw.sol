// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title CommitteeDraw: distinct seats drawn by a partial Fisher-Yates shuffle.
/// @dev Step i swaps position i of the identity permutation with position j = i + keccak256(abi.encode(entropy, i)) mod (seats - i), and takes what
/// then stands at i unless it is barred. Only positions that were touched are kept. The modulus favours low seats by less than
/// seats / 2^256.
library CommitteeDraw {
    /// @dev The permutation where it is no longer the identity: `values[n]` stands at `positions[n]`.
    struct Swaps {
        uint256[] positions;
        uint256[] values;
        uint256 count;
    }

    /// @notice Draws up to `size` of `seats` seats.
    /// @param barred indices of seats that must not be drawn; may repeat
    /// @return drawn seat indices in the order drawn; fewer than `size` when there are not more to draw
    function draw(
        bytes32 entropy,
        uint256 seats,
        uint256 size,
        uint256[] memory barred
    ) internal pure returns (uint256[] memory drawn) {
        // Each step takes a seat or uses up a barred one, so more steps than these take nothing new.
        uint256 steps = size + barred.length < seats ? size + barred.length : seats;
        Swaps memory swaps = Swaps(new uint256[](steps), new uint256[](steps), 0);
        uint256[] memory taken = new uint256[](size);
        uint256 count = 0;
        for (uint256 step = 0; step < steps && count < size; ++step) {
            uint256 seat = _swap(swaps, step, step + (uint256(keccak256(abi.encode(entropy, step))) % (seats - step)));
            if (_includes(barred, seat)) continue;
            taken[count] = seat;
            ++count;
        }
        return _first(taken, count);
    }

    /// @dev Moves what stands at `step` to `other` and returns what stood there. Position `step` itself is never read again.
    function _swap(Swaps memory swaps, uint256 step, uint256 other) private pure returns (uint256 seat) {
        uint256 atStep = step;
        uint256 entry = swaps.count;
        seat = other;
        for (uint256 n = 0; n < swaps.count; ++n) {
            if (swaps.positions[n] == step) atStep = swaps.values[n];
            if (swaps.positions[n] == other) (entry, seat) = (n, swaps.values[n]);
        }
        swaps.positions[entry] = other;
        swaps.values[entry] = atStep;
        if (entry == swaps.count) ++swaps.count;
    }

    function _includes(uint256[] memory barred, uint256 seat) private pure returns (bool) {
        for (uint256 n = 0; n < barred.length; ++n) {
            if (barred[n] == seat) return true;
        }
        return false;
    }

    function _first(uint256[] memory all, uint256 count) private pure returns (uint256[] memory some) {
        some = new uint256[](count);
        for (uint256 n = 0; n < count; ++n) {
            some[n] = all[n];
        }
    }
}
