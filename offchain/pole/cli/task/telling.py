"""A task's news and outcome as sentences for people and as objects for scripts."""

import re
from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from pole.cli.common.output import percent
from pole.protocol.amounts import ether
from pole.protocol.encoding import records
from pole.quoting import short_address

if TYPE_CHECKING:
    from pole.adapters.ethereum.task_story import News, Outcome, Standing
    from pole.protocol.state import TaskTerms, Vote

AMOUNTS: Final = frozenset({"bond", "amount"})


def name_of(data: records.RecordData) -> str:
    """Return the name of a record's kind as logs have it: `solution-committed`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(data).__name__).lower()


def document_of(news: "News") -> dict[str, Any]:
    """Return news as an object for scripts: its event, where it came, and the record's fields."""
    votes = {"votes": [_plain(vote) for vote in news.votes]} if news.votes else {}
    where = {"event": name_of(news.data), "block": news.block, "transaction": news.transaction}
    return {**where, **_plain(news.data), **votes}


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if is_dataclass(value):
        return {_camel(each.name): _plain(getattr(value, each.name), each.name) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if name in AMOUNTS else value


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def sentence_of(news: "News", terms: "TaskTerms", judged: tuple[str, ...]) -> str:
    """Return news as a sentence; `judged` are the miners whose models the committee votes on, in order."""
    match news.data:
        case records.TaskPosted(task_id=task, owner=owner):
            return f"Task {task} was posted by {short_address(owner)}, for {ether(terms.reward)}."
        case records.TaskCancelled():
            return "The task was cancelled."
        case records.TaskReplaced(by_task_id=other):
            return f"The task was pushed out of the full list by task {other}."
        case records.TallyChallenged(challenger=who, bond=bond):
            return f"{short_address(who)} challenged the tally, with a bond of {ether(bond)}."
        case records.Payouts(payouts=payouts):
            whole = sum(each.amount for each in payouts)
            return f"{ether(whole)} were credited in {len(payouts)} payment{'s' * (len(payouts) != 1)}."
        case records.RoundVoided(reason=reason):
            return f"The round ended without a block: {reason.name}."
    return _sentence_of_a_round(news, terms, judged)


def _sentence_of_a_round(news: "News", terms: "TaskTerms", judged: tuple[str, ...]) -> str:
    match news.data:
        case records.RoundOpened(round_id=round_id):
            return f"Round {round_id} was opened on it."
        case records.SeedDrawn():
            return "The seed was drawn: the secure mapping layer is fixed."
        case records.KeysPosted():
            return "The functional keys were issued: miners decrypt and train."
        case records.SolutionCommitted(miner=miner, claimed_train_correct=claimed):
            share = percent(claimed, terms.train_count)
            return f"{short_address(miner)} committed, and claims {share} of the training samples."
        case records.SolutionDisplaced(miner=miner):
            return f"{short_address(miner)} lost its place to a higher claim."
        case records.SubmissionsClosed():
            return "Submissions were closed."
        case records.TestSetReleased():
            return "The test set was released."
        case records.SolutionRevealed(miner=miner, claimed_test_correct=claimed):
            share = percent(claimed, terms.test_count)
            return f"{short_address(miner)} revealed its model, and claims {share} of the test samples."
    return _sentence_of_a_vote(news, judged)


def _sentence_of_a_vote(news: "News", judged: tuple[str, ...]) -> str:
    match news.data:
        case records.DrawArmed(draw_block=block):
            return f"Ethereum block {block} draws what comes next."
        case records.CommitteeDrawn(members=members):
            return f"A committee of {len(members)} was drawn ({_names(members)}); it judges {_names(judged)}."
        case records.VoteCommitted(verifier=verifier):
            return f"{short_address(verifier)} committed its vote."
        case records.VoteRevealed(verifier=verifier):
            found = [
                f"{short_address(miner)} {_vote(vote)}"
                for miner, vote in zip(judged, news.votes, strict=False)
            ]
            return f"{short_address(verifier)} voted: {', '.join(found)}."
        case records.VoteLeaked(verifier=verifier):
            return f"The vote of {short_address(verifier)} was leaked, and counts no more."
    return f"{name_of(news.data).replace('-', ' ').capitalize()}."


def _names(addresses: tuple[str, ...]) -> str:
    return ", ".join(map(short_address, addresses))


def _vote(vote: "Vote") -> str:
    if vote.verdict.name != "OK":
        return vote.verdict.name.lower().replace("_", " ")
    return f"{vote.train_correct} training and {vote.test_correct} test samples right"


def outcome_document(outcome: "Outcome") -> dict[str, Any]:
    """Return how a task ended as an object for scripts."""
    header = outcome.header
    if header is None:
        return {"roundId": outcome.round_id or None, "winner": None, "reason": outcome.reason}
    return {
        "roundId": outcome.round_id,
        "winner": header.winner,
        "height": header.height,
        "modelDigest": f"0x{header.model_digest.hex()}",
        "trainCorrect": header.train_correct,
        "trainTotal": outcome.train_total,
        "testCorrect": header.test_correct,
        "testTotal": outcome.test_total,
    }


def score_of(outcome: "Outcome") -> tuple[str, str]:
    """Return the winner's shares of training and test samples; "-" of a task that nobody won."""
    if outcome.header is None:
        return "-", "-"
    return (
        percent(outcome.header.train_correct, outcome.train_total),
        percent(outcome.header.test_correct, outcome.test_total),
    )


def outcome_sentence(task_id: int, outcome: "Outcome") -> str:
    """Return how a task ended as a sentence, with what to do next."""
    header = outcome.header
    if header is None:
        if outcome.reason in ("cancelled", "replaced"):
            return f"Task {task_id} was {outcome.reason}: reward and bond are its owner's credit."
        return (
            f"Round {outcome.round_id} ended without a block ({outcome.reason}): nobody won task {task_id}."
        )
    train, test = score_of(outcome)
    return (
        f"{header.winner} won task {task_id} in round {outcome.round_id}, with {train} of the training and "
        f"{test} of the test samples by the committee's count. The model: pole model get {task_id}"
    )


def standing_line(task_id: int, standing: "Standing") -> str:
    """Return where a task stands: its round's phase, the time left, and how many take part."""
    from pole.protocol.state import Phase

    if standing.phase is Phase.NONE:
        return (
            f"Task {task_id} waits for a round."
            if not standing.round_id
            else f"Round {standing.round_id} is over."
        )
    left = "" if standing.left is None else f", {duration(standing.left)} left"
    counts = ((records.SolutionCommitted, "committed"), (records.VoteCommitted, "voted"))
    told = [
        f"{len(who)} {what}"
        for kind, what in counts
        if (who := {_who(each.data) for each in standing.news if isinstance(each.data, kind)})
    ]
    phase = standing.phase.name.lower().replace("_", " ")
    return f"Round {standing.round_id}: {phase}{left}{''.join(f', {each}' for each in told)}."


def _who(data: records.RecordData) -> str:
    return str(getattr(data, "miner", getattr(data, "verifier", "")))


def duration(seconds: int) -> str:
    """Return a length of time as it is typed, with spaces: `1h 5m`."""
    parts = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))
    told = []
    for size, unit in parts:
        whole, seconds = divmod(seconds, size)
        if whole:
            told.append(f"{whole}{unit}")
    return " ".join(told) or "0s"
