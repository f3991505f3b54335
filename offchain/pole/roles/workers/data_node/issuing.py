"""The data node's duty in Keys: issue the functional keys of the round's query vectors, for one seed."""

from pole.ipfe.scheme import derive_keys
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.keys import write_functional_keys
from pole.protocol.mapping.layer import query_plan
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import FileRef, Round
from pole.roles.keys.ledger import GivenKeys
from pole.roles.memory import keys_intent
from pole.roles.ports import Moment
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.support.events import report
from pole.roles.support.files import write_durably
from pole.roles.support.waiting import is_buried
from pole.roles.workers.data_node.data_node import LOG, DataNode, of_own_round


@of_own_round
def issue_keys(node: DataNode, moment: Moment, open_round: Round) -> str | None:
    """Issue the round's functional keys once its seed is buried, unless holders of the secret do."""
    if not is_buried(moment, open_round, node.confirmations):
        return None
    mpk_digest = node.mpk_digest(open_round)
    if node.memory.has_dropped_secret(mpk_digest):
        return None
    specification = TaskFolder.of(node.home, mpk_digest).read_specification()
    _enter_in_ledger(node, mpk_digest, specification, open_round)
    keys = derive_keys(node.open_secret(mpk_digest), query_plan(specification, open_round.seed))
    content = write_functional_keys(keys.eta, round_id=open_round.round_id, seed=open_round.seed)
    path = node.home / "keys" / f"{open_round.round_id}.safetensors"
    write_durably(path, content)
    ref = FileRef(node.store.add(path), keccak256(content))
    node.chain.post_functional_keys(open_round.round_id, ref, intent=keys_intent(open_round.round_id))
    sentence = f"Round {open_round.round_id}: issued {len(keys.eta)} x {keys.eta.shape[1]} functional keys."
    report(LOG, "keys-issued", sentence, round=open_round.round_id, cid=ref.cid)
    return "keys issued"


def _enter_in_ledger(
    node: DataNode, mpk_digest: bytes, specification: ModelSpecification, open_round: Round
) -> None:
    """Note that keys for the round's seed are given away.

    Raises SecondSeedError when keys for another seed already were: two sets of keys together may disclose
    the data where one does not. Raises BudgetSpentError when all tasks of the data together do.
    """
    node.seeds.enter(mpk_digest, open_round.seed, before=node.memory.given_seed(mpk_digest))
    keys = GivenKeys(open_round.seed, open_round.round_id)
    node.budget.give(mpk_digest, specification, keys, consent=node.may_disclose)
