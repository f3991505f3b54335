"""What the records of rounds are held against, beside the records themselves."""

from collections.abc import Mapping
from dataclasses import dataclass

from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.parameters import Parameters
from pole.protocol.state import Vote

Member = tuple[int, str]
"""A round's id, of votes a ballot's, and the address of one who acted in it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The contracts, their parameters, and what their events and the calls to them show.

    `votes` are those revealed, by ballot and verifier; salts and leaks, which only the calls to the contracts
    show, are there for as many openings of commitments as the caller has looked up.
    """

    chain_id: int
    chain_address: str
    committee_address: str
    parameters: Parameters
    votes: Mapping[Member, tuple[Vote, ...]]
    solution_salts: Mapping[Member, bytes]
    vote_salts: Mapping[Member, bytes]
    leaks: Mapping[Member, LeakedVote]
