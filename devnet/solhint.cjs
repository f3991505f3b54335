// What solhint asks of the contracts, on top of its recommended rules.
module.exports = {
  extends: 'solhint:recommended',
  rules: {
    'code-complexity': ['error', 8],
    'compiler-version': ['error', '0.8.30'],
    'func-visibility': ['error', { ignoreConstructors: true }],
    // The compiler finds the imports, with brownie's remappings.
    'import-path-check': 'off',

    // A struct is read more often than it is stored, and the indexes of an event are its interface.
    'gas-indexed-events': 'off',
    'gas-struct-packing': 'off',
    // `>=` says a limit that belongs to its range; the three gas it costs are not worth a `- 1`.
    'gas-strict-inequalities': 'off',

    // Functions stand in the order of a round; interfaces carry the documentation that contracts inherit, and `@param` is
    // written where a name does not say it.
    ordering: 'off',
    'use-natspec': 'off',

    // Immutables are named like the other variables that callers read.
    'immutable-vars-naming': ['error', { immutablesAsConstants: false }],
    // An interface and the types it speaks of belong together.
    'one-contract-per-file': 'off',

    // Blocks and draws are made of block hashes; docs/protocol.md says what a block producer can gain by it.
    'not-rely-on-block-hash': 'off',
  },
}
