"""The verifier's duties: prepare data, evaluate every judged model, commit the votes, reveal them.

It does so for every committee of a round that it is drawn into, and evaluates once for each draw of the
audit sample. The votes and their salt are on disk before the commitment is sent. What a look did not show is
never kept on disk: a node may lag behind, and a reorganisation draws anew.
"""

from typing import Final

from pole.errors import AbandonedError, UnreachableError
from pole.learning.threads import Stop
from pole.protocol.state import FileRef, Phase, Round, Verdict, Vote
from pole.roles.judging.assessment import Assessment, Evidence, assess, gather, vote_on, without_numbers
from pole.roles.ports import Moment
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.events import report
from pole.roles.support.files import Wanted, fetch
from pole.roles.support.waiting import LONGEST_PAUSE
from pole.roles.workers.verifier.verifier import LOG, Verifier, ballot_name

# Features computed too early serve the vote, later ones nothing.
_PREPARING: Final = frozenset(
    {Phase.TRAINING, Phase.TEST_RELEASE, Phase.REVEAL, Phase.DRAW, Phase.VOTE_COMMIT}
)


def prepare_data(verifier: Verifier, moment: Moment) -> str | None:
    """Compute features ahead of the vote; what fails here is tried again when the vote needs it."""
    if verifier.prepared == (moment.round_id, moment.phase):
        return None
    verifier.prepared = (moment.round_id, moment.phase)
    open_round, stop = verifier.chain.round(moment.round_id), verifier.watch(moment, _PREPARING)
    try:
        with verifier.store.until(moment.deadline - moment.timestamp):
            if moment.phase is Phase.REVEAL:
                verifier.data.test_set(open_round, stop=stop)
            else:
                verifier.data.training_set(open_round, stop=stop)
    except (DataFault, UnreachableError, AbandonedError) as error:
        LOG.info("Round %d: cannot prepare its data: %s", moment.round_id, error)
        return None
    return "prepared"


def vote(verifier: Verifier, moment: Moment) -> str | None:
    """Evaluate every judged model and commit to the votes, where this wallet was drawn."""
    ballot_id, open_round = moment.ballot_id, verifier.chain.round(moment.round_id)
    entropy, look = open_round.entropy, (ballot_id, open_round.entropy, moment.block)
    if verifier.not_drawn == look or verifier.memory.has_voted(ballot_id, entropy):
        return None
    if verifier.chain.identity.address not in verifier.chain.ballot(ballot_id).members:
        verifier.not_drawn = look
        return None
    try:
        votes = _votes(verifier, moment, open_round)
    except AbandonedError as error:
        LOG.warning("%s: not voted. %s", ballot_name(moment), error)
        return None
    verifier.settlement.follow(moment.round_id)
    commitment = verifier.commitment(ballot_id, votes)
    intent = verifier.memory.commit_intent(ballot_id, commitment)
    verifier.chain.commit_vote(ballot_id, commitment, intent=intent)
    verifier.memory.note_voted(ballot_id, entropy)
    verdicts = ", ".join(vote.verdict.name for vote in votes)
    sentence = f"{ballot_name(moment)}: voted {verdicts}."
    report(LOG, "voted", sentence, round=moment.round_id, attempt=moment.attempt, verdicts=verdicts)
    return "voted"


def _votes(verifier: Verifier, moment: Moment, open_round: Round) -> tuple[Vote, ...]:
    """Return the votes in the order of choices; raises UnreachableError while a file may still arrive."""
    kept = verifier.memory.votes(moment.ballot_id, open_round.entropy)
    if kept is not None:
        return kept
    left = moment.deadline - moment.timestamp - verifier.time_margin - LONGEST_PAUSE
    models = _models(verifier, moment.round_id)
    try:
        with verifier.store.until(left):
            votes = _judge(verifier, models, moment, open_round, last_chance=left <= 0)
    except DataFault as fault:
        LOG.warning("Round %d: its data is faulty: %s", moment.round_id, fault)
        votes = (without_numbers(Verdict.DATA_FAULT),) * len(models)
    verifier.memory.keep_votes(moment.ballot_id, open_round.entropy, votes)
    return votes


def _judge(
    verifier: Verifier, models: tuple[FileRef, ...], moment: Moment, open_round: Round, *, last_chance: bool
) -> tuple[Vote, ...]:
    """Return the votes; one model that is missing keeps no other from being fetched and evaluated."""
    stop = verifier.watch(moment, frozenset({Phase.VOTE_COMMIT}))
    evidence = _evidence(verifier, open_round, stop, last_chance=last_chance)
    votes: list[Vote] = []
    missing: UnreachableError | None = None
    for model in models:
        if stop():
            raise AbandonedError("The vote ended while its models were evaluated.")
        try:
            votes.append(vote_on(_assess(verifier, model, open_round, evidence, stop), moment.attempt))
        except UnreachableError as error:
            missing = error
            votes.append(without_numbers(Verdict.UNAVAILABLE))
    if missing is not None and not last_chance:
        raise missing
    return tuple(votes)


def _evidence(verifier: Verifier, open_round: Round, stop: Stop, *, last_chance: bool) -> Evidence:
    try:
        return gather(verifier.data, open_round, stop=stop)
    except UnreachableError as error:
        # An idle round's data comes from no data node: only the chain can be out of reach.
        if last_chance and not open_round.is_idle:
            raise DataFault(f"It cannot be had: {error}") from error
        raise


def _assess(
    verifier: Verifier, model: FileRef, open_round: Round, evidence: Evidence, stop: Stop
) -> Assessment:
    # What a model predicts is the same in every ballot of its round, but for an audit sample drawn anew.
    known = (open_round.entropy, model.digest)
    if known not in verifier.assessments:
        wanted = Wanted(model.cid, model.digest, evidence.specification.max_bytes)
        content = fetch(verifier.store, wanted, verifier.data.models(open_round.round_id))
        verifier.assessments[known] = assess(content, evidence, verifier.place, stop=stop)
    return verifier.assessments[known]


def _models(verifier: Verifier, round_id: int) -> tuple[FileRef, ...]:
    judged = sorted((s for s in verifier.chain.solutions(round_id) if s.choice), key=lambda s: s.choice)
    models = verifier.chain.models(round_id)
    unseen = [solution.miner for solution in judged if solution.miner not in models]
    if unseen:
        raise UnreachableError(f"The Ethereum node does not show the model of {unseen[0]} yet.")
    return tuple(models[solution.miner] for solution in judged)


NOT_VOTED: Final = bytes(32)


def reveal_votes(verifier: Verifier, moment: Moment) -> str | None:
    """Reveal the votes and salt that open this verifier's commitment."""
    ballot_id, memory = moment.ballot_id, verifier.memory
    entropy = verifier.chain.round(moment.round_id).entropy
    votes = memory.votes(ballot_id, entropy)
    if votes is None or memory.has_revealed(ballot_id, entropy):
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
