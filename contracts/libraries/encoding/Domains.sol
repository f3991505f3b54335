// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Domains: what keeps a hash made for one purpose from being used for another.
library Domains {
    bytes32 internal constant SOLUTION = keccak256("PoLe.solution.v1");
    bytes32 internal constant VOTE = keccak256("PoLe.vote.v1");
    bytes32 internal constant SEED = keccak256("PoLe.seed.v1");
    bytes32 internal constant DRAW = keccak256("PoLe.draw.v1");
    bytes32 internal constant TEST_SEED = keccak256("PoLe.test-seed.v1");
    bytes32 internal constant RECORD = keccak256("PoLe.record.v1");
}
