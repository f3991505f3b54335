"""The data node's duties once models are trained: close submissions, and release the test set."""

from pole.protocol.state import Round, Step
from pole.roles.ports import Moment
from pole.roles.publishing.release import publish_test_set
from pole.roles.support.events import report
from pole.roles.support.waiting import is_buried
from pole.roles.workers.data_node.data_node import LOG, DataNode, note_keys, of_own_round


@of_own_round
def close_submissions(node: DataNode, moment: Moment, open_round: Round) -> str | None:
    """Close submissions early, once enough solutions are there and the least training time has passed."""
    note_keys(node, open_round)
    terms, round_id = open_round.terms, open_round.round_id
    enough = open_round.ready >= terms.min_solutions
    if not enough or moment.timestamp < open_round.since + terms.min_training_time:
        return None
    node.chain.close_submissions(round_id, intent=node.memory.close_intent(round_id))
    sentence = f"Round {round_id}: closed submissions with {open_round.committed} commitments."
    report(LOG, "closed", sentence, round=round_id, committed=open_round.committed)
    return "closed"


@of_own_round
def release_test_set(node: DataNode, moment: Moment, open_round: Round) -> str | None:
    """Publish the encrypted test set, once the close of submissions is buried.

    Whoever keeps the round closes it where its time is over.
    """
    note_keys(node, open_round)
    # The contracts take a release in a later block than the close in any case.
    if open_round.step is not Step.CLOSED or not is_buried(moment, open_round, max(node.confirmations, 1)):
        return None
    round_id = open_round.round_id
    ref = publish_test_set(node.chain, node.store, node.home, open_round)
    node.chain.release_test_set(round_id, ref, intent=node.memory.release_intent(round_id))
    sentence = f"Round {round_id}: released the test set as {ref.cid}."
    report(LOG, "test-released", sentence, round=round_id, cid=ref.cid)
    return "released"
