"""The errors a user of PoLe can meet, each a sentence that says what is wrong and what to do."""


class PoleError(Exception):
    """Base class of every error that is shown to a user.

    The command line prints its message and exits with `exit_code`.
    """

    exit_code = 1


class InputError(PoleError):
    """A file, argument, specification or parameter is unusable; nothing was sent or spent."""

    exit_code = 2


class JournalError(InputError):
    """A wallet's journal cannot be read or written: its disk is full, its file locked or broken."""

    exit_code = 7


class UnreachableError(PoleError):
    """The chain, the IPFS daemon or a port that is needed does not answer."""

    exit_code = 3


class ShardError(PoleError):
    """Workers of a cluster failed at a piece of work so often that no other is given it."""


class SignerError(UnreachableError):
    """The signer that has a wallet's key does not sign: it is away, takes too long, or refuses."""


class IntegrityError(PoleError):
    """Bytes, keys or records are there but are not what their digest, key or proof says they are."""

    exit_code = 4


class FundsError(PoleError):
    """A wallet cannot pay for what it was asked to do."""

    exit_code = 5


class DiskError(PoleError):
    """A file on this machine's own disk cannot be written or read: nobody else's fault."""

    exit_code = 7


class RefusedError(PoleError):
    """A contract refuses the call: the state of the chain does not allow it now."""

    exit_code = 6


class LastingRefusalError(RefusedError):
    """No later block lets the contract take this call: trying again changes nothing."""


class TooLateError(LastingRefusalError):
    """The chain has gone on, or the call is done already."""


class NoPlaceError(TooLateError):
    """All places of a round are taken by claims as high or higher: nothing will change that."""


class AbandonedError(PoleError):
    """The work was stopped because nobody needs it any more."""


class InterruptError(PoleError):
    """Somebody ended a command by Ctrl-C; the message says what it had sent by then."""

    exit_code = 130
