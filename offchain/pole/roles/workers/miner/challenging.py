"""The miner's duty in Challenge: doubt a tally that contradicts its own exact evaluation of its model."""

from dataclasses import dataclass

from pole.errors import AbandonedError, FundsError, RefusedError
from pole.protocol.amounts import WEI_PER_ETHER
from pole.protocol.encoding.abi import ZERO_ADDRESS
from pole.protocol.rounds.tally import agrees_in_counts
from pole.protocol.state import Finding, Round, Verdict, Vote
from pole.roles.judging.assessment import assess, gather, vote_on
from pole.roles.ports import Moment
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.events import report
from pole.roles.workers.miner.miner import LOG, Miner


@dataclass(frozen=True, slots=True)
class JudgedModel:
    """A miner's own model in the ballot: its choice, counted from 0, and its bytes."""

    choice: int
    model: bytes


def challenge_tally(miner: Miner, moment: Moment) -> str | None:
    """Challenge, with a bond, a tally that contradicts this miner's own evaluation of its model."""
    memory = miner.memory
    if not miner.settings.challenges:
        return miner.settlement.step(moment)
    claim = memory.claim(moment.round_id)
    if claim is None or memory.has_considered_tally(moment.ballot_id):
        return None
    solution = miner.own_solution(moment.round_id, claim)
    if solution is None or not solution.choice:
        return None
    model = miner.model_path(moment.round_id, claim.model_digest).read_bytes()
    try:
        with miner.store.until(moment.deadline - moment.timestamp):
            done = _challenge_if_wronged(miner, moment, JudgedModel(solution.choice - 1, model))
    except AbandonedError:
        return None
    memory.note_considered_tally(moment.ballot_id)
    return done


def _challenge_if_wronged(miner: Miner, moment: Moment, judged: JudgedModel) -> str | None:
    """Challenge a tally that says another verdict or count of a model than evaluating it gives.

    A tally that is free to challenge is left to keepers, and one that follows a challenge with a bond stands.
    A model that the committee could not fetch is told, and left to whoever runs the miner: that this machine
    has the file does not say that others can have it, and a larger committee that cannot costs the bond. A
    wallet that cannot pay the bond, and a refusal, are told and forgotten. Raises what `gather` raises, but
    faulty data.
    """
    chain = miner.chain
    bond, open_round = chain.challenge_bond(moment.ballot_id), chain.round(moment.round_id)
    if not bond or open_round.challenger != ZERO_ADDRESS:
        return None
    found = chain.findings(moment.ballot_id)[judged.choice]
    if found.verdict is Verdict.UNAVAILABLE:
        _report_unavailable(moment.round_id, bond)
        return None
    own = _own_vote(miner, moment, open_round, judged)
    if own is None or agrees_in_counts(own, found, chain.tolerance):
        return None
    try:
        chain.challenge(moment.round_id, bond=bond, intent=miner.memory.challenge_intent(moment.ballot_id))
    except (RefusedError, FundsError) as error:
        LOG.warning("Round %d: cannot challenge the tally: %s", moment.round_id, error)
        return None
    sentence = (
        f"Round {moment.round_id}: challenged the tally with {bond / WEI_PER_ETHER:g} ETH; it says "
        f"{_shown(found)} of its model, which is {_shown(own)}."
    )
    report(LOG, "challenged", sentence, round=moment.round_id, attempt=moment.attempt, wei=str(bond))
    return "challenged"


def _own_vote(miner: Miner, moment: Moment, open_round: Round, judged: JudgedModel) -> Vote | None:
    """Return what this miner would vote on its own model, None where the round's data is faulty."""
    stop = miner.watch(moment).over
    try:
        evidence = gather(miner.data, open_round, stop=stop)
        return vote_on(assess(judged.model, evidence, miner.place, stop=stop), moment.attempt)
    except DataFault as fault:
        LOG.info("Round %d: cannot judge the tally, its data is faulty: %s", moment.round_id, fault)
        return None


def _report_unavailable(round_id: int, bond: int) -> None:
    LOG.warning(
        "Round %d: the committee could not fetch this miner's model in time. See that others reach its "
        "IPFS node; once they do, `pole chain challenge %d` calls for a larger committee, for a bond of "
        "%g ETH.",
        round_id,
        round_id,
        bond / WEI_PER_ETHER,
    )


def _shown(said: Vote | Finding) -> str:
    return f"{said.verdict.name} {said.train_correct}/{said.test_correct}"
