"""The verifier's duties when it is drawn: evaluate every judged model, commit the votes, reveal them.

It does so for every committee of a round that it is drawn into. The votes and their salt are on disk before
the commitment is sent. What a look did not show is never kept on disk: a node may lag behind, and a
reorganisation draws anew.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from pole.errors import AbandonedError, UnreachableError
from pole.learning.machine.threads import Stop
from pole.protocol.rounds.judgement import choices_of
from pole.protocol.state import Phase, Round, Verdict, Vote
from pole.roles.judging.assessment import Evidence, gather, vote_on, without_numbers
from pole.roles.ports import Moment
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.events import report
from pole.roles.support.waiting import is_late, seconds_to_wait
from pole.roles.workers.verifier.evaluating import Places, assessment_of, places_of
from pole.roles.workers.verifier.verifier import LOG, Verifier, ballot_name


def vote(verifier: Verifier, moment: Moment) -> str | None:
    """Evaluate every judged model and commit to the votes, where this wallet was drawn."""
    if not verifier.owes(moment):
        return None
    ballot_id, open_round = moment.ballot_id, verifier.chain.round(moment.round_id)
    verifier.settlement.follow(moment.round_id)
    try:
        votes = _votes(verifier, moment, open_round)
    except AbandonedError as error:
        LOG.warning("%s: not voted. %s", ballot_name(moment), error)
        return None
    commitment = verifier.commitment(ballot_id, votes)
    intent = verifier.memory.commit_intent(ballot_id, commitment)
    verifier.chain.commit_vote(ballot_id, commitment, intent=intent)
    verifier.memory.note_voted(ballot_id, open_round.entropy)
    verdicts = ", ".join(vote.verdict.name for vote in votes)
    sentence = f"{ballot_name(moment)}: voted {verdicts}."
    report(LOG, "voted", sentence, round=moment.round_id, attempt=moment.attempt, verdicts=verdicts)
    return "voted"


def _votes(verifier: Verifier, moment: Moment, open_round: Round) -> tuple[Vote, ...]:
    """Return the votes in the order of choices.

    Raises UnreachableError while a file, or what the chain shows of the models, may still arrive; by the last
    chance only where not even the choices can be read.
    """
    kept = verifier.memory.votes(moment.ballot_id, open_round.entropy)
    if kept is not None:
        return kept
    time = _time_of(verifier, moment)
    try:
        models = _models(verifier, moment.round_id)
    except UnreachableError as error:
        if time.waiting > 0:
            raise
        votes = _without_chain(choices_of(verifier.chain.solutions(moment.round_id)), open_round, error)
    else:
        votes = _judged(verifier, models, open_round, time)
    verifier.memory.keep_votes(moment.ballot_id, open_round.entropy, votes)
    return votes


def _judged(
    verifier: Verifier, models: tuple[Places, ...], open_round: Round, time: "_Time"
) -> tuple[Vote, ...]:
    try:
        with verifier.store.until(time.waiting):
            return _judge(verifier, models, open_round, time)
    except DataFault as fault:
        LOG.warning("Round %d: its data is faulty: %s", open_round.round_id, fault)
        return (without_numbers(Verdict.DATA_FAULT),) * len(models)


@dataclass(frozen=True, slots=True)
class _Time:
    """What a vote has left: seconds in which files are waited for, none where it is the last chance.

    `over` tells that the vote has ended, or the process is to; `late` that it is time to vote.
    """

    attempt: int
    waiting: float
    over: Stop
    late: Stop


def _time_of(verifier: Verifier, moment: Moment) -> _Time:
    left = float(moment.deadline - moment.timestamp)
    watch = verifier.watch(moment, frozenset({Phase.VOTE_COMMIT}))
    watch.meanwhile = partial(verifier.urgent.interrupt, moment)
    end = verifier.clock() + max(left - verifier.time_margin, left / 2)
    waiting = seconds_to_wait(moment, verifier.time_margin)
    return _Time(moment.attempt, waiting, watch.over, lambda: is_late(watch, moment, end))


def _judge(
    verifier: Verifier, models: tuple[Places, ...], open_round: Round, time: _Time
) -> tuple[Vote, ...]:
    """Return the votes; one model that is missing keeps no other from being fetched and evaluated.

    All are fetched, and so served on, before any is evaluated. What cannot be had by the last chance, or not
    evaluated in time, is abstained from.
    """
    try:
        missing = _missing(verifier, models, open_round, time.over)
        evidence = gather(verifier.data, open_round, stop=time.late)
    except UnreachableError as error:
        if time.waiting > 0:
            raise
        # An idle round's data comes from no data node: only the chain can be out of reach.
        if open_round.is_idle:
            return _without_chain(len(models), open_round, error)
        return _without_data(models, open_round, error)
    except AbandonedError as error:
        if time.over():
            raise
        return _without_data(models, open_round, error)
    votes = tuple(
        without_numbers(Verdict.UNAVAILABLE)
        if model[0].digest in missing
        else _vote(verifier, model, open_round, evidence, time)
        for model in models
    )
    if missing and time.waiting > 0:
        raise next(iter(missing.values()))
    return votes


def _missing(
    verifier: Verifier, models: tuple[Places, ...], open_round: Round, over: Stop
) -> dict[bytes, UnreachableError]:
    """Fetch all models that are not evaluated yet; return why for each digest that is not to be had.

    Raises AbandonedError when the vote is `over`.
    """
    specification = verifier.data.specification(open_round)
    known = verifier.assessments.get(open_round.round_id, {})
    missing = {}
    for model in models:
        if over():
            raise AbandonedError("The vote ended while its models were fetched.")
        if model[0].digest not in known:
            try:
                verifier.data.model(open_round.round_id, model, max_bytes=specification.max_bytes)
            except UnreachableError as error:
                missing[model[0].digest] = error
    return missing


def _without_chain(choices: int, open_round: Round, error: UnreachableError) -> tuple[Vote, ...]:
    """Return abstentions: a strike is less than what a member loses that says nothing."""
    LOG.warning("Round %d: what to judge could not be read in time: %s", open_round.round_id, error)
    return (without_numbers(Verdict.UNAVAILABLE),) * choices


def _without_data(
    models: tuple[Places, ...], open_round: Round, error: UnreachableError | AbandonedError
) -> tuple[Vote, ...]:
    LOG.warning("Round %d: its data could not be had in time: %s", open_round.round_id, error)
    return (without_numbers(Verdict.DATA_UNAVAILABLE),) * len(models)


def _vote(verifier: Verifier, model: Places, open_round: Round, evidence: Evidence, time: _Time) -> Vote:
    try:
        return vote_on(assessment_of(verifier, model, open_round, evidence, time.late), time.attempt)
    except AbandonedError:
        if time.over():
            raise
        LOG.warning("Round %d: a model could not be evaluated in time.", open_round.round_id)
        return without_numbers(Verdict.UNAVAILABLE)


def _models(verifier: Verifier, round_id: int) -> tuple[Places, ...]:
    """Return where the models are, in the order of choices."""
    judged = sorted((s for s in verifier.chain.solutions(round_id) if s.choice), key=lambda s: s.choice)
    models = verifier.chain.models(round_id)
    unseen = [solution.miner for solution in judged if solution.miner not in models]
    if unseen:
        raise UnreachableError(f"The Ethereum node does not show the model of {unseen[0]} yet.")
    return tuple(places_of(models[solution.miner] for solution in judged).values())


NOT_VOTED: Final = bytes(32)


def reveal_votes(verifier: Verifier, moment: Moment) -> str | None:
    """Reveal the votes and salt that open this verifier's commitment, once the commitments' end is buried."""
    if not verifier.owes(moment):
        return None
    ballot_id, memory = moment.ballot_id, verifier.memory
    entropy = verifier.chain.round(moment.round_id).entropy
    votes = memory.votes(ballot_id, entropy)
    if votes is None:
        return None
    commitment, revealed = verifier.chain.vote_state(ballot_id, verifier.chain.identity.address)
    if commitment == NOT_VOTED:
        return None
    if not revealed:
        intent = memory.reveal_intent(ballot_id, commitment)
        verifier.chain.reveal_vote(ballot_id, votes, memory.salt(ballot_id), intent=intent)
        sentence = f"{ballot_name(moment)}: revealed its votes."
        report(LOG, "vote-revealed", sentence, round=moment.round_id, attempt=moment.attempt)
    memory.note_revealed(ballot_id, entropy)
    return "vote-revealed"
