"""What a task's record in the body says of it: the hashes of its terms and files."""

from pole.protocol.encoding.abi import TASK_FILES, TASK_TERMS, encode, files_tuple, terms_tuple
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import TaskFiles, TaskTerms


def terms_hash(terms: TaskTerms) -> bytes:
    """Return keccak256(abi.encode(TaskTerms)); raises InputError when a term does not fit its type."""
    return keccak256(encode([TASK_TERMS], [terms_tuple(terms)]))


def files_hash(files: TaskFiles) -> bytes:
    """Return keccak256(abi.encode(TaskFiles))."""
    return keccak256(encode([TASK_FILES], [files_tuple(files)]))
