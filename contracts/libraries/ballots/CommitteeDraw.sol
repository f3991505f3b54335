// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title CommitteeDraw: distinct places drawn by a partial Fisher-Yates shuffle.
/// @dev Step i swaps position i of the identity permutation with position j = i + keccak256(abi.encode(entropy, i)) mod
/// (places - i), and takes what then stands at i. Only positions that were touched are kept. The modulus favours low
/// places by less than places / 2^256.
library CommitteeDraw {
    /// @notice The permutation where it is no longer the identity: `values[n]` stands at `positions[n]`.
    struct Shuffle {
        uint256[] positions;
        uint256[] values;
        uint256 count;
    }

    /// @param steps how many will be taken at most
    /// @return shuffle before its first step
    function begin(uint256 steps) internal pure returns (Shuffle memory shuffle) {
        return Shuffle(new uint256[](steps), new uint256[](steps), 0);
    }

    /// @notice Takes the next step, counted from 0, among `places`.
    /// @return place drawn, never twice
    function next(
        Shuffle memory shuffle,
        bytes32 entropy,
        uint256 step,
        uint256 places
    ) internal pure returns (uint256 place) {
        uint256 other = step + (uint256(keccak256(abi.encode(entropy, step))) % (places - step));
        uint256 atStep = step;
        uint256 entry = shuffle.count;
        place = other;
        for (uint256 n = 0; n < shuffle.count; ++n) {
            if (shuffle.positions[n] == step) atStep = shuffle.values[n];
            if (shuffle.positions[n] == other) (entry, place) = (n, shuffle.values[n]);
        }
        // Position `step` itself is never read again.
        shuffle.positions[entry] = other;
        shuffle.values[entry] = atStep;
        if (entry == shuffle.count) ++shuffle.count;
    }
}
