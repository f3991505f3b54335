"""A miner's doubt: a tally that contradicts what the miner's own exact evaluation says of its model."""

import logging
from dataclasses import dataclass
from typing import Final

from pole.errors import FundsError, RefusedError
from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.learning.threads import Stop
from pole.protocol.encoding.abi import ZERO_ADDRESS
from pole.protocol.rounds.tally import agrees_in_counts
from pole.protocol.state import Finding, Verdict, Vote
from pole.roles.judging.assessment import assess, gather, vote_on
from pole.roles.ports import Chain, Moment
from pole.roles.receiving.round_data import RoundData
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.events import tell

LOG: Final = logging.getLogger("pole.miner")
WEI: Final = 10**18


@dataclass(frozen=True, slots=True)
class JudgedModel:
    """A miner's own model in the ballot: its choice, counted from 0, and its bytes."""

    choice: int
    model: bytes


def challenge_if_wronged(
    chain: Chain,
    data: RoundData,
    moment: Moment,
    judged: JudgedModel,
    *,
    stop: Stop,
    place: Place = PROCESSOR,
) -> str | None:
    """Challenge a tally that says another verdict or count of a model than evaluating it gives.

    A tally that is free to challenge is left to keepers, and one that follows a challenge with a bond stands.
    A model that the committee could not fetch is told, and left to whoever runs the miner: that this machine
    has the file does not say that others can have it, and a larger committee that cannot costs the bond. A
    wallet that cannot pay the bond, and a refusal, are told and forgotten. Raises what `gather` raises, but
    faulty data.
    """
    bond = chain.challenge_bond(moment.ballot_id)
    open_round = chain.round(moment.round_id)
    if not bond or open_round.challenger != ZERO_ADDRESS:
        return None
    found = chain.findings(moment.ballot_id)[judged.choice]
    if found.verdict is Verdict.UNAVAILABLE:
        _tell_unavailable(moment.round_id, bond)
        return None
    try:
        evidence = gather(data, open_round, stop=stop)
        own = vote_on(assess(judged.model, evidence, place, stop=stop), moment.attempt)
    except DataFault as fault:
        LOG.info("Round %d: cannot judge the tally, its data is faulty: %s", moment.round_id, fault)
        return None
    if agrees_in_counts(own, found, chain.tolerance):
        return None
    try:
        chain.challenge(moment.round_id, bond=bond, intent=f"challenge/{moment.ballot_id}")
    except (RefusedError, FundsError) as error:
        LOG.warning("Round %d: cannot challenge the tally: %s", moment.round_id, error)
        return None
    sentence = (
        f"Round {moment.round_id}: challenged the tally with {bond / WEI:g} ETH; it says {_shown(found)} of "
        f"its model, which is {_shown(own)}."
    )
    tell(LOG, "challenged", sentence, round=moment.round_id, attempt=moment.attempt, wei=str(bond))
    return "challenged"


def _tell_unavailable(round_id: int, bond: int) -> None:
    LOG.warning(
        "Round %d: the committee could not fetch this miner's model in time. See that others reach its "
        "IPFS node; once they do, `pole chain challenge %d` calls for a larger committee, for a bond of "
        "%g ETH.",
        round_id,
        round_id,
        bond / WEI,
    )


def _shown(said: Vote | Finding) -> str:
    return f"{said.verdict.name} {said.train_correct}/{said.test_correct}"
