"""The miner's duty in Reveal: show the model, with what it gets right on the test set."""

from pole.errors import AbandonedError, UnreachableError
from pole.protocol.state import FileRef
from pole.roles.judging.assessment import evaluate_model
from pole.roles.memory import Claim
from pole.roles.ports import Moment
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.events import report
from pole.roles.support.waiting import is_buried, is_late, seconds_to_wait
from pole.roles.workers.miner.miner import LOG, Miner
from pole.roles.workers.miner.training import watch_place


def reveal_model(miner: Miner, moment: Moment) -> str | None:
    """Publish the model that was committed to, and reveal it, once the test set's release is buried."""
    round_id, memory = moment.round_id, miner.memory
    if memory.has_revealed(round_id):
        return None
    committed = miner.committed(round_id)
    if committed is None:
        return watch_place(miner, round_id) if memory.has_committed(round_id) else None
    claim, solution = committed
    if not solution.revealed:
        try:
            test_correct = _test_correct(miner, moment, claim)
        except AbandonedError:
            return None
        # Only the model is a secret, so its count on the test set is made while the release is buried.
        if not is_buried(moment, miner.chain.round(round_id), miner.settings.confirmations):
            return None
        _reveal(miner, round_id, claim, test_correct)
    memory.note_revealed(round_id)
    return "revealed"


def _reveal(miner: Miner, round_id: int, claim: Claim, test_correct: int) -> None:
    cid = miner.store.add(miner.model_path(round_id, claim.model_digest))
    model, salt = FileRef(cid, claim.model_digest), miner.memory.salt(round_id)
    intent = miner.memory.reveal_intent(round_id)
    miner.chain.reveal(round_id, model, test_correct, salt, intent=intent)
    sentence = f"Round {round_id}: revealed its model {cid} with {test_correct} correct on the test set."
    report(LOG, "revealed", sentence, round=round_id, testCorrect=test_correct, cid=cid)


def _test_correct(miner: Miner, moment: Moment, claim: Claim) -> int:
    """Return the count to claim on the test set: 0 where none can be had or used in time.

    A reveal without a test count cannot win against others, but it saves the bond.
    """
    kept = miner.memory.test_correct(moment.round_id)
    if kept is not None:
        return kept
    correct = _count_on_test_set(miner, moment, claim)
    miner.memory.keep_test_correct(moment.round_id, correct)
    return correct


def _count_on_test_set(miner: Miner, moment: Moment, claim: Claim) -> int:
    open_round, left = miner.chain.round(moment.round_id), moment.deadline - moment.timestamp
    margin = miner.settings.time_margin
    end = miner.clock() + max(left - margin, margin / 2)
    watch = miner.watch(moment)
    waiting = seconds_to_wait(moment, margin)

    def stop() -> bool:
        return is_late(watch, moment, end)

    try:
        with miner.store.until(waiting):
            samples = miner.data.test_set(open_round, stop=stop)
        if samples is None:
            return 0
        specification = miner.data.specification(open_round)
        model = miner.model_path(moment.round_id, claim.model_digest).read_bytes()
        return evaluate_model(model, specification, open_round.seed, samples, miner.place, stop).correct
    except DataFault as fault:
        LOG.warning(
            "Round %d: the test set is faulty (%s); revealing without a count.", moment.round_id, fault
        )
        return 0
    except UnreachableError:
        if waiting > 0:
            raise
        return 0
    except AbandonedError:
        if watch.over():
            raise
        LOG.warning("Round %d: no time for the test set; revealing without a count.", moment.round_id)
        return 0
