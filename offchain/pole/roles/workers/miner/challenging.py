"""The miner's duty in Challenge: doubt a tally that wrongs its model, where a larger committee pays.

A truth that contradicts its own exact evaluation is always doubted: if it is right the bond comes back. Where
the committee found no truth about its model the bond is lost either way, so it doubts only what leaves more.
"""

from dataclasses import dataclass

from pole.errors import AbandonedError, FundsError, RefusedError
from pole.protocol.amounts import WEI_PER_ETHER
from pole.protocol.ballots import challenge_bond, committee_fee
from pole.protocol.rounds.judgement import EndedRound, judge
from pole.protocol.rounds.tally import NO_FINDING, differs, is_truth, said
from pole.protocol.state import Finding, Round, Solution, Verdict, Vote
from pole.roles.judging.assessment import assess, gather, vote_on
from pole.roles.ports import Moment
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.events import report
from pole.roles.workers.miner.miner import LOG, Miner


@dataclass(frozen=True, slots=True)
class _Tally:
    """A tally of a round's solutions that may be doubted, by the miner of `own`; the bond is in wei."""

    standing: Round
    solutions: tuple[Solution, ...]
    findings: tuple[Finding, ...]
    own: Solution
    bond: int

    @property
    def found(self) -> Finding:
        """Return what was found of the own model."""
        return self.findings[self.own.choice - 1]


def challenge_tally(miner: Miner, moment: Moment) -> str | None:
    """Challenge, with a bond, a tally that wrongs this miner's model by its own evaluation."""
    memory, round_id = miner.memory, moment.round_id
    if not miner.settings.challenges:
        return miner.settlement.step(moment)
    if memory.has_considered_tally(moment.ballot_id):
        return None
    committed = miner.committed(round_id)
    if committed is None or not committed[1].choice:
        return None
    claim, solution = committed
    model = miner.model_path(round_id, claim.model_digest).read_bytes()
    try:
        with miner.store.until(moment.deadline - moment.timestamp):
            done = _challenge_if_wronged(miner, moment, _tally(miner, moment, solution), model)
    except AbandonedError:
        return None
    memory.note_considered_tally(moment.ballot_id)
    return done


def _tally(miner: Miner, moment: Moment, own: Solution) -> _Tally:
    standing = miner.chain.round(moment.round_id)
    solutions = miner.chain.solutions(moment.round_id)
    bond = challenge_bond(moment.attempt, standing.terms.reward, miner.chain.parameters.chain)
    return _Tally(standing, solutions, miner.chain.findings(moment.ballot_id), own, bond)


def _challenge_if_wronged(miner: Miner, moment: Moment, tally: _Tally, model: bytes) -> str | None:
    """Challenge where the own evaluation says that it pays.

    A wallet that cannot pay the bond, and a refusal, are told and forgotten. Raises what `gather` raises, but
    faulty data.
    """
    own = _own_vote(miner, moment, tally.standing, model)
    if own is None or not _pays(miner, tally, own):
        return None
    intent = miner.memory.challenge_intent(moment.ballot_id)
    try:
        miner.chain.challenge(moment.round_id, bond=tally.bond, intent=intent)
    except (RefusedError, FundsError) as error:
        LOG.warning("Round %d: cannot challenge the tally: %s", moment.round_id, error)
        return None
    sentence = (
        f"Round {moment.round_id}: challenged the tally with {tally.bond / WEI_PER_ETHER:g} ETH; it says "
        f"{_shown(tally.found)} of its model, which is {_shown(own)}."
    )
    report(LOG, "challenged", sentence, round=moment.round_id, attempt=moment.attempt, wei=str(tally.bond))
    return "challenged"


def _pays(miner: Miner, tally: _Tally, own: Vote) -> bool:
    if is_truth(tally.found):
        return differs(said(own), tally.found)
    reward = tally.standing.terms.reward
    left = reward - committee_fee(reward, miner.chain.parameters.chain) - tally.bond
    return left > 0 and _would_win(tally, own)


def _would_win(tally: _Tally, own: Vote) -> bool:
    """Return whether the own model wins if a larger committee finds what this miner found of it."""
    findings = [NO_FINDING if each.verdict is Verdict.DATA_UNAVAILABLE else each for each in tally.findings]
    findings[tally.own.choice - 1] = said(own)
    standing = tally.standing
    ended = EndedRound(
        data_node=standing.data_node,
        terms=standing.terms,
        keys_posted=True,
        closed_early=standing.closed_early or standing.is_idle,
        released=standing.released,
        solutions=tally.solutions,
        findings=tuple(findings),
    )
    return judge(ended).winner == tally.own


def _own_vote(miner: Miner, moment: Moment, open_round: Round, model: bytes) -> Vote | None:
    """Return what this miner would vote on its own model, None where the round's data is faulty."""
    stop = miner.watch(moment).over
    try:
        evidence = gather(miner.data, open_round, stop=stop)
        return vote_on(assess(model, evidence, miner.place, stop=stop), moment.attempt)
    except DataFault as fault:
        LOG.info("Round %d: cannot judge the tally, its data is faulty: %s", moment.round_id, fault)
        return None


def _shown(said: Vote | Finding) -> str:
    return f"{said.verdict.name} {said.train_correct}/{said.test_correct}"
