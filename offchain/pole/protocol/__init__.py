"""What two honest nodes must compute alike: twins of the Solidity libraries, query vectors, file formats."""
