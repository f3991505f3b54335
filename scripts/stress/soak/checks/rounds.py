"""Whether the chain verifies, and how every round ended."""

import os
from collections.abc import Iterable, Mapping

from scripts.demo.cast import Place
from scripts.demo.network import StepError, pole
from scripts.stress.soak.checks.promise import Promise
from scripts.stress.soak.conductor import PlayedRound

from pole.protocol.state import VoidReason


def check_chain(place: Place) -> Promise:
    """Verify the chain by the command that anybody has."""
    environment = dict(os.environ) | {"POLE_RPC": place.rpc, "POLE_DEPLOYMENT": str(place.deployment)}
    words = "`pole chain verify` holds"
    try:
        return Promise(words, remarks=(pole(["chain", "verify"], environment).strip(),))
    except StepError as error:
        return Promise(words, (str(error),))


def check_rounds(
    rounds: Iterable[PlayedRound], void: Mapping[int, VoidReason], planned: int, *, is_stuck: bool
) -> Promise:
    """Find rounds that did not end, and name why others have no block."""
    seen = list(rounds)
    breaches = [f"round {each.round_id} stands in {each.phase.name}" for each in seen if each.ended is None]
    missing = planned - sum(each.plan is not None for each in seen)
    if missing:
        breaches.append(f"{missing} rounds of the plan were not played")
    if is_stuck:
        breaches.append("the rounds stand still")
    remarks = [f"round {number} is void: {reason.name}" for number, reason in void.items()]
    return Promise("every round is final, or void for a reason", tuple(breaches), tuple(remarks))
