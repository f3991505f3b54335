"""What the records of rounds are held against, beside the records themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.parameters import Parameters
from pole.protocol.state import Vote

Member = tuple[int, str]
"""A round's id, of votes a ballot's, and the address of one who acted in it."""


@dataclass(frozen=True, slots=True)
class RoundClock:
    """What only the chain's clock tells of a round that ended: when it opened and ended, in seconds.

    `closed_early` tells whether the data node closed submissions before the time limit.
    """

    opened_at: int
    ended_at: int
    closed_early: bool


@dataclass(frozen=True, slots=True)
class Books:
    """What the committee's events say that members earned and lost, by ballot and verifier, in wei.

    A leaked vote costs a penalty at once, in `leaks`, and one at the settlement, in `penalties`; a penalty of
    nothing, where no stake was left, is in neither. `strikes` are the strikes in a row that a member had
    after it was struck.
    """

    rewards: Mapping[Member, int]
    penalties: Mapping[Member, tuple[int, ...]]
    strikes: Mapping[Member, int]
    leaks: Mapping[Member, int]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The contracts, their parameters, and what their events and the calls to them show.

    `votes` are those revealed, by ballot and verifier; salts and leaks, which only the calls to the contracts
    show, are there for as many openings of commitments as the caller has looked up. `clocks` are of all
    rounds that ended. `mix` returns the RANDAO mix in the header of the Ethereum block with a number, or None
    where the caller has no header of it.
    """

    chain_id: int
    chain_address: str
    committee_address: str
    parameters: Parameters
    votes: Mapping[Member, tuple[Vote, ...]]
    solution_salts: Mapping[Member, bytes]
    vote_salts: Mapping[Member, bytes]
    leaks: Mapping[Member, LeakedVote]
    clocks: Mapping[int, RoundClock]
    books: Books
    mix: Callable[[int], bytes | None]
