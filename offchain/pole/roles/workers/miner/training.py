"""The miner's duty in Training: show that somebody works, train, commit, and watch the place that it has.

Salt, model and claim are on disk before a commitment is sent; a restarted miner resumes where it was and
never trains again for a round it has a solution for.
"""

from functools import partial

from pole.errors import AbandonedError, InputError, JournalError, NoPlaceError, UnreachableError
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.networks.untrained import untrained_model
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.rounds.judgement import BASIS_POINTS
from pole.protocol.state import Round
from pole.roles.memory import Claim
from pole.roles.ports import Moment
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.events import report
from pole.roles.support.files import write_durably
from pole.roles.support.waiting import RoundWatch
from pole.roles.training.history.trainings import Ending, Outcome, Start
from pole.roles.training.learner import Assignment, LearnerError, Trained
from pole.roles.workers.miner.choosing import is_called_away, is_chosen, needed, note_speed
from pole.roles.workers.miner.miner import LOG, Miner
from pole.roles.workers.miner.prospects import report_prospect


def train_and_commit(miner: Miner, moment: Moment) -> str | None:
    """Train on the round's features, commit to the best model, then see that the place is kept."""
    round_id = moment.round_id
    if round_id in miner.given_up:
        return miner.settlement.step(moment)
    if miner.memory.has_committed(round_id):
        return watch_place(miner, round_id)
    if not is_chosen(miner, moment):
        return miner.settlement.step(moment)
    claim = miner.memory.claim(round_id)
    if claim is None:
        trained = _train(miner, moment, miner.chain.round(round_id))
        if trained is None:
            return None
        claim = _keep(miner, round_id, trained)
    return _commit(miner, round_id, claim)


def watch_place(miner: Miner, round_id: int) -> str | None:
    """Say once that a higher claim took this miner's place, as the records have it.

    A solution that is gone without a record is hidden for a while: the node lags behind, or a reorganisation
    waits for its transaction to be mined again.
    """
    claim = miner.memory.claim(round_id)
    if claim is None or miner.memory.has_reported_displaced(round_id) or miner.committed(round_id):
        return None
    if miner.chain.identity.address not in miner.chain.displaced_miners(round_id):
        _report_hidden(miner, round_id)
        return None
    miner.memory.note_reported_displaced(round_id)
    sentence = f"Round {round_id}: a higher claim took its place; its bond is credited, nothing to reveal."
    report(LOG, "displaced", sentence, round=round_id, trainCorrect=claim.train_correct)
    return "displaced"


def _report_hidden(miner: Miner, round_id: int) -> None:
    if round_id not in miner.hidden:
        miner.hidden.add(round_id)
        LOG.warning(
            "Round %d: the node does not show its commitment, and nobody took its place: it lags behind, or "
            "a reorganisation undid the commitment. Looking again.",
            round_id,
        )


def correct_needed(required_accuracy: int, count: int) -> int:
    """Return the fewest correct predictions of `count` that reach an accuracy in basis points."""
    return -(-required_accuracy * count // BASIS_POINTS)


def _train(miner: Miner, moment: Moment, open_round: Round) -> Trained | None:
    watch = _watch(miner, moment, open_round)
    miner.postponed.pop(moment.round_id, None)
    report_prospect(miner, open_round, needed(miner, open_round))
    try:
        assignment = _assignment(miner, moment, open_round, watch)
        trained = _learn(miner, _start(miner, moment, open_round, assignment), assignment, watch)
    except UnreachableError:
        miner.postponed[moment.round_id] = miner.clock()
        raise
    except DataFault as fault:
        miner.give_up(moment.round_id, f"its data is faulty: {str(fault).rstrip('.')}")
        return None
    except JournalError:
        raise
    except (InputError, MalformedModelError, NoPlaceError, LearnerError) as error:
        # A stranger's task may be one that nothing can be learned from, such as that of a single sample.
        miner.give_up(moment.round_id, str(error).rstrip("."))
        return None
    except AbandonedError:
        return None
    return trained


def _watch(miner: Miner, moment: Moment, open_round: Round) -> RoundWatch:
    watch = miner.watch(moment)
    watch.called_by = partial(is_called_away, miner, open_round)
    return watch


def _show_life(miner: Miner, open_round: Round, specification: ModelSpecification) -> None:
    """Commit to a model that knows nothing, where the round would end for want of a commitment.

    Its claim is true: no correct prediction. The commitment to what is trained replaces it.
    """
    round_id, memory = open_round.round_id, miner.memory
    grace = miner.chain.parameters.chain.grace_window
    if open_round.committed or memory.first_claim(round_id) or grace >= open_round.terms.time_limit:
        return
    model = untrained_model(specification, open_round.seed)
    claim = Claim(keccak256(model), 0)
    write_durably(miner.model_path(round_id, claim.model_digest), model)
    memory.keep_first_claim(round_id, claim)
    miner.settlement.follow(round_id)
    intent = memory.first_commit_intent(round_id)
    miner.chain.commit(round_id, miner.commitment(round_id, claim), 0, intent=intent)
    sentence = f"Round {round_id}: committed to an untrained model, so that the round goes on meanwhile."
    report(LOG, "first-committed", sentence, round=round_id)


def _assignment(miner: Miner, moment: Moment, open_round: Round, watch: RoundWatch) -> Assignment:
    # The phase's own deadline is that of the first commitment, where there is none yet.
    terms, read_at = open_round.terms, miner.clock()
    left = open_round.since + terms.time_limit - moment.timestamp
    # Another lane may wait meanwhile, and ends for want of a commitment.
    with miner.store.until(min(left, miner.chain.parameters.chain.grace_window / 2)):
        specification = miner.data.specification(open_round)
    _show_life(miner, open_round, specification)
    with miner.store.until(left):
        began = miner.clock()
        samples = miner.data.training_set(open_round, stop=watch.over)
        note_speed(miner, open_round, miner.clock() - began)
    return Assignment(
        specification=specification,
        seed=open_round.seed,
        samples=samples,
        needed=correct_needed(terms.required_train_accuracy, terms.train_count),
        deadline=read_at + left - miner.settings.time_margin,
        note=miner.history.note,
    )


def _start(miner: Miner, moment: Moment, open_round: Round, assignment: Assignment) -> Start:
    return Start(
        round_id=moment.round_id,
        task_id=open_round.task_id,
        lane=moment.lane,
        samples=len(assignment.samples.labels),
        needed=assignment.needed,
        learner=miner.history.learner,
    )


def _learn(miner: Miner, start: Start, assignment: Assignment, watch: RoundWatch) -> Trained | None:
    round_id, begun = start.round_id, miner.clock()
    report(LOG, "training", f"Round {round_id}: training on {start.samples} samples.", round=round_id)
    miner.history.begin(start)
    trained, outcome = None, Outcome.FAILED
    try:
        trained = miner.learner.train(assignment, stop=watch.over)
        outcome = _outcome(trained, assignment, watch)
    except AbandonedError:
        outcome = Outcome.STOPPED
    finally:
        correct = None if trained is None else trained.train_correct
        miner.history.end(Ending(outcome, correct, miner.clock() - begun))
    if trained is None or outcome is Outcome.STOPPED:
        sentence = f"Round {round_id}: training was stopped before it was done."
        report(LOG, "too-late", sentence, round=round_id)
        return None
    return trained


def _outcome(trained: Trained, assignment: Assignment, watch: RoundWatch) -> Outcome:
    if watch.over():
        return Outcome.STOPPED
    return Outcome.GOAL if trained.train_correct >= assignment.needed else Outcome.BELOW


def _keep(miner: Miner, round_id: int, trained: Trained) -> Claim:
    claim = Claim(keccak256(trained.model), trained.train_correct)
    write_durably(miner.model_path(round_id, claim.model_digest), trained.model)
    miner.memory.keep_claim(round_id, claim)
    return claim


def _commit(miner: Miner, round_id: int, claim: Claim) -> str:
    commitment, intent = miner.commitment(round_id, claim), miner.memory.commit_intent(round_id)
    miner.settlement.follow(round_id)
    try:
        miner.chain.commit(round_id, commitment, claim.train_correct, intent=intent)
    except NoPlaceError as error:
        return miner.give_up(round_id, f"the commitment is refused: {str(error).rstrip('.')}")
    miner.memory.note_committed(round_id)
    sentence = (
        f"Round {round_id}: committed to a model with {claim.train_correct} correct on the training set."
    )
    report(LOG, "committed", sentence, round=round_id, trainCorrect=claim.train_correct)
    return "committed"
