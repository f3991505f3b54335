"""Who acts in a run, and what they know that the contracts don't: openings, and how a round will go."""

from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random

from eth_account import Account
from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model import ballots
from tests.contracts.stateful.model.system import Round

from pole.protocol.state import Verdict

ACCOUNTS = [Account.from_key(bytes([n]) * 32) for n in range(0xA0, 0xB0)]
SIGNERS = {account.address.lower(): account for account in ACCOUNTS}
PEOPLE = tuple(SIGNERS)
OWNERS = PEOPLE[:3]
MINERS = PEOPLE[2:8]
VERIFIERS = PEOPLE[6:15]
STRANGER = PEOPLE[15]
BOASTS = [1, 1, 2, 5]
OFTEN = [*[1] * 9, 0.8, 0.8, 0.2]


@dataclass(frozen=True, slots=True)
class Model:
    """What a miner commits to, and what it will claim of the test set."""

    digest: bytes
    train: int
    test: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class Ballot:
    votes: Values
    salt: bytes


class Judging(Enum):
    """Who of a committee says what its mood says: most of it, a bare majority, or nobody."""

    MOSTLY = auto()
    BARELY = auto()
    NOT = auto()


@dataclass(frozen=True, slots=True)
class Mood:
    """How a round goes if nobody interferes. Shares are probabilities."""

    issues_keys: bool
    delegates: bool
    miners: int
    closes: bool
    releases: bool
    reveals: float
    copies: float
    commits_votes: float
    reveals_votes: float
    agreeing: float
    abstains: float
    late: float
    leaks: float
    boast: float
    scatters: bool
    challenges: float
    changes_mind: float
    judging: tuple[Judging, Judging, Judging]
    verdict: Verdict


def some_mood(random: Random) -> Mood:
    """Return mostly good moods: the rarer endings need most of the round to go well."""
    return Mood(
        issues_keys=random.random() < 0.95,
        delegates=random.random() < 0.2,
        miners=random.choice([0, 1, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6]),
        closes=random.random() < 0.6,
        releases=random.random() < 0.8,
        reveals=random.choice(OFTEN),
        copies=random.choice([0, 0, 0, 0.5, 1]),
        commits_votes=random.choice(OFTEN),
        reveals_votes=random.choice(OFTEN),
        agreeing=random.choice([1, 1, 1, 1, 1, 1, 0.9, 0.8, 0.6]),
        abstains=random.choice([0, 0, 0, 0, 0.1, 0.3]),
        late=random.choice([0, 0, 0, 0, 0.1, 0.5]),
        leaks=random.choice([0, 0, 0, 0, 0, 0, 0, 0.1, 0.4]),
        boast=random.choice([0, 0, 0, 0, 0.5, 1]),
        scatters=random.random() < 0.08,
        challenges=random.choice([0, 0, 0.5, 1, 1]),
        changes_mind=random.choice([0, 0.5]),
        judging=(
            random.choice([Judging.MOSTLY] * 9 + [Judging.BARELY]),
            random.choice([*Judging]),
            random.choice([*Judging]),
        ),
        verdict=random.choice(
            [Verdict.OK] * 12
            + 2 * [Verdict.UNAVAILABLE]
            + [Verdict.MALFORMED, Verdict.DATA_FAULT, Verdict.DATA_UNAVAILABLE]
        ),
    )


@dataclass(slots=True)
class Knowledge:
    """All of it. `models` and `ballots` are what opens a commitment, by the person and the commitment."""

    random: Random
    models: dict[tuple[str, bytes], Model] = field(default_factory=dict)
    ballots: dict[tuple[str, bytes], Ballot] = field(default_factory=dict)
    tried: set[Values] = field(default_factory=set)
    _moods: dict[int, Mood] = field(default_factory=dict)
    _digests: dict[int, list[bytes]] = field(default_factory=dict)
    _truths: dict[tuple[int, bytes, int], Values] = field(default_factory=dict)
    _wills: dict[Values, bool] = field(default_factory=dict)

    def mood(self, round_id: int) -> Mood:
        return self._moods.setdefault(round_id, some_mood(self.random))

    def will(self, share: float, *about: object) -> bool:
        """Decide once, with probability `share`, what somebody does about something."""
        return self._wills.setdefault(about, self.random.random() < share)

    def new_model(self, opened: Round, above: int = -1) -> Model:
        """Train, as a rule for more than `above` correct predictions."""
        terms = opened.task.terms
        train, test = self._count(terms.train_count), self._count(terms.test_count)
        if train <= above < terms.train_count and self.random.random() < 0.9:
            train = self.random.randint(above + 1, terms.train_count)
        digests = self._digests.setdefault(opened.round_id, [])
        is_copy = digests and self.random.random() < self.mood(opened.round_id).copies
        digests.append(self.random.choice(digests) if is_copy else self.random.randbytes(32))
        return Model(digests[-1], train, test, self.random.randbytes(32))

    def new_ballot(self, opened: Round, verifier: str) -> Ballot:
        """Evaluate the judged models: all find the same but for those who don't agree."""
        place = ballots.newest_of(opened).members.index(verifier)
        votes = tuple(self._vote(opened, digest, verifier, place) for digest in opened.models)
        return Ballot(votes, self.random.randbytes(32))

    def may_try(self, share: float, *about: object) -> bool:
        """Tell, once, whether somebody tries what cannot work."""
        is_new = about not in self.tried
        self.tried.add(about)
        return is_new and self.random.random() < share

    def some_vote(self) -> Values:
        """Return a vote on whatever, seldom one that cannot be."""
        if self.random.random() < 0.5:
            return (int(self.random.choice(list(Verdict)[1:])), 0, 0, bytes(32))
        return (
            self.random.choice([0, 1, 1, 2, 4, 5, 6]),
            self.random.randrange(20),
            self.random.randrange(20),
            b"\x05" * 32,
        )

    def _vote(self, opened: Round, digest: bytes, verifier: str, place: int) -> Values:
        """Return what the member at a place of the newest committee says of a model."""
        mood, is_lazy = self.mood(opened.round_id), self.will(0.1, "lazy", verifier)
        # Where votes scatter, each member has another model wrong.
        if mood.scatters and opened.models.index(digest) == place % len(opened.models):
            return self.some_vote()
        truth, judging = self._truth(opened, digest), mood.judging[opened.attempt]
        if judging is Judging.NOT:
            return self._abstention()
        if judging is Judging.BARELY and place > len(ballots.newest_of(opened).members) // 2:
            return self.random.choice([self._abstention(), self._other_vote(truth)])
        if self.will(0.8 if is_lazy else mood.abstains, "abstains", opened.round_id, verifier):
            return self._abstention()
        if not self.will(mood.agreeing, opened.round_id, opened.attempt, digest, verifier):
            return self._other_vote(truth)
        return truth

    def _abstention(self) -> Values:
        return (int(self.random.choice([Verdict.UNAVAILABLE, Verdict.DATA_UNAVAILABLE])), 0, 0, bytes(32))

    def _other_vote(self, truth: Values) -> Values:
        """Return what disagrees with the truth, at times in one thing alone."""
        if truth[0] != Verdict.OK or self.random.random() < 0.5:
            return self.some_vote()
        verdict, train, test, mark = truth
        return self.random.choice([(verdict, train, test, b"\x0b" * 32), (verdict, train, test + 3, mark)])

    def _truth(self, opened: Round, digest: bytes) -> Values:
        """Return what most of the newest committee say of a model."""
        about = (opened.round_id, digest, opened.attempt)
        if about not in self._truths:
            self._truths[about] = self._new_truth(opened, digest)
        return self._truths[about]

    def _new_truth(self, opened: Round, digest: bytes) -> Values:
        mood = self.mood(opened.round_id)
        before = self._truths.get((opened.round_id, digest, opened.attempt - 1))
        if before and self.random.random() >= mood.changes_mind:
            mark = self.random.randbytes(32) if before[0] == Verdict.OK else bytes(32)
            return (*before[:3], mark)
        if mood.verdict != Verdict.OK and self.random.random() < 0.7:
            return (int(mood.verdict), 0, 0, bytes(32))
        if before and before[0] == Verdict.OK and self.random.random() < 0.3:
            return (*before[:2], before[2] + 1, self.random.randbytes(32))
        # Of several who showed the model one knew what it does.
        shown = [each for each in opened.solutions.values() if each.model_digest == digest]
        solution, is_boasting = self.random.choice(shown), self.random.random() < mood.boast
        train, test = (
            max(0, count - self.random.choice(BOASTS)) if is_boasting else count
            for count in (solution.claimed_train, solution.claimed_test)
        )
        return (int(Verdict.OK), train, test, self.random.randbytes(32))

    def _count(self, of: int) -> int:
        return of - self.random.choice([0, 0, 1, 1, 2, 5, of]) % (of + 1)
