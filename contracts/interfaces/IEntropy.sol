// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Entropy: the randomness of an Ethereum block, proven by the block's header.
/// @notice The mix of a block is field `mixHash` of its header, since the Merge the RANDAO mix. A block's builder can
/// try as many block hashes as it likes; a mix it can only withhold, with its block. Holds nothing; anybody may ask it.
interface IEntropy {
    /// @dev The block is to come, or so long ago that its hash cannot be had any more.
    error HashLost(uint256 number);
    /// @dev The bytes are not the header of that block, or no header with a mix of 32 bytes as its 14th field.
    error WrongHeader(uint256 number);

    /// @notice The hash of block `number`: by the history contract of EIP-2935 where it answers, for 8,191 blocks back,
    /// else by BLOCKHASH, for 256 blocks back.
    /// @return hash 0 where it cannot be had: for blocks to come, the current one, and those longer ago
    function hashOf(uint256 number) external view returns (bytes32 hash);

    /// @notice Reverts HashLost where the hash of block `number` cannot be had, and WrongHeader for other bytes than
    /// that block's header.
    /// @param header RLP encoding of the block's header, whose keccak-256 is the block's hash
    /// @return mix field 13 of the header, counted from 0
    function mixOf(uint256 number, bytes calldata header) external view returns (bytes32 mix);
}
