"""The verifier's long work: features computed ahead of the vote, and what models do on them.

A model is evaluated once a round, whatever ballot asks for it: predictions are the same in all of them.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

from pole.errors import AbandonedError, UnreachableError
from pole.learning.machine.threads import Stop
from pole.protocol.state import FileRef, Phase, Round
from pole.roles.judging.assessment import Assessment, Evidence, assess, gather
from pole.roles.ports import Moment
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.waiting import LONGEST_PAUSE
from pole.roles.workers.verifier.verifier import LOG, Verifier

Places: TypeAlias = tuple[FileRef, ...]
"""Where each miner that revealed a model says that it is: at least one, all of one digest."""

# What is computed too early serves the vote, what is computed later nothing.
_PREPARING: Final = frozenset(
    {Phase.TRAINING, Phase.TEST_RELEASE, Phase.REVEAL, Phase.DRAW, Phase.VOTE_COMMIT}
)


def prepare_data(verifier: Verifier, moment: Moment) -> str | None:
    """Compute features ahead of the vote; what fails here is tried again when the vote needs it."""
    prepared = (moment.round_id, moment.phase)
    if prepared in verifier.prepared:
        return None
    verifier.prepared.add(prepared)
    open_round, stop = verifier.chain.round(moment.round_id), _watch(verifier, moment)
    try:
        with verifier.store.until(moment.deadline - moment.timestamp):
            if moment.phase is Phase.TRAINING:
                verifier.data.training_set(open_round, stop=stop)
            else:
                verifier.data.test_set(open_round, stop=stop)
    except AbandonedError:
        # It goes on from the shards that are decrypted, once the lane that called is served.
        verifier.prepared.discard(prepared)
        return None
    except (DataFault, UnreachableError) as error:
        LOG.info("Round %d: cannot prepare its data: %s", moment.round_id, error)
        return None
    return "prepared"


def _watch(verifier: Verifier, moment: Moment) -> Stop:
    """Return what ends work that is done ahead: its round, what is due in another lane, a seat to give up."""
    watch = verifier.watch(moment, _PREPARING)
    watch.called_by = verifier.urgent.calls
    return lambda: watch.over() or verifier.is_to_leave()


def prepare_models(verifier: Verifier, moment: Moment) -> str | None:
    """Prepare the test set, and evaluate what is revealed by then where the verifier is eager."""
    done = prepare_data(verifier, moment) if moment.phase is Phase.REVEAL else None
    if done or not verifier.eager:
        return done
    known = verifier.assessments.get(moment.round_id, {})
    revealed = places_of(verifier.chain.models(moment.round_id).values())
    waiting = [places for digest, places in revealed.items() if digest not in known]
    if not waiting:
        return None
    stop = _watch(verifier, moment)
    found = 0
    try:
        with verifier.store.until(_left(moment)):
            open_round = verifier.chain.round(moment.round_id)
            evidence = gather(verifier.data, open_round, stop=stop)
            for places in waiting:
                found += _is_assessed(verifier, places, open_round, evidence, stop)
    except (DataFault, UnreachableError, AbandonedError) as error:
        LOG.info("Round %d: cannot evaluate its models yet: %s", moment.round_id, error)
    return "evaluated" if found else None


def _left(moment: Moment) -> float:
    """Return the seconds that files may take: no clock ends a draw, but it can end any time."""
    return moment.deadline - moment.timestamp if moment.deadline else LONGEST_PAUSE


def _is_assessed(
    verifier: Verifier, places: Places, open_round: Round, evidence: Evidence, stop: Stop
) -> bool:
    try:
        assessment_of(verifier, places, open_round, evidence, stop)
    except UnreachableError as error:
        LOG.debug("Round %d: a model is not to be had yet: %s", open_round.round_id, error)
        return False
    return True


def places_of(revealed: Iterable[FileRef]) -> dict[bytes, Places]:
    """Return by digest where each of the revealed models is: equal ones were revealed at several places."""
    places: dict[bytes, Places] = {}
    for model in revealed:
        places[model.digest] = (*places.get(model.digest, ()), model)
    return places


def assessment_of(
    verifier: Verifier, places: Places, open_round: Round, evidence: Evidence, stop: Stop
) -> Assessment:
    """Return what a revealed model does on the round's evidence, computed once.

    Raises UnreachableError when its file is not to be had, and AbandonedError when `stop` says so.
    """
    known, digest = verifier.assessments.setdefault(open_round.round_id, {}), places[0].digest
    if digest not in known:
        content = verifier.data.model(open_round.round_id, places, max_bytes=evidence.specification.max_bytes)
        others = verifier.data.means.others
        known[digest] = assess(content, evidence, verifier.place, stop=stop, others=others)
    return known[digest]
