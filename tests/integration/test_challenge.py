"""A tally that is overturned, and a vote that leaks, on the real contracts: and the whole is verified."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from tests.integration import test_commands as commands
from tests.integration.conftest import ETHER, Devnet, running_devnet
from tests.integration.test_round import VOTES, digest, draw, pole, train, vote_of

from pole.adapters.ethereum.chain_log import read_chain_log
from pole.adapters.ethereum.history_source import read_history
from pole.adapters.sending.chain import EthereumChain
from pole.errors import IntegrityError, RefusedError
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.abi import ZERO_ADDRESS
from pole.protocol.formats.leaked_vote import LeakedVote, write_leaked_vote
from pole.protocol.replay.history import HistoryReport, verify_history
from pole.protocol.state import Phase, Verdict, Vote

SEATS = 7
BOND = PENALTY = ETHER // 10
LIES = (Vote(Verdict.OK, 60, 30, digest(66)), VOTES[1])
# A later ballot has other digests of the same predictions.
AGAIN = tuple(Vote(vote.verdict, vote.train_correct, vote.test_correct, digest(50)) for vote in VOTES)


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[Devnet]:
    with running_devnet(tmp_path) as running:
        yield running


@pytest.fixture
def seats(wallet: Callable[[str], EthereumChain]) -> dict[str, EthereumChain]:
    verifiers = [wallet(f"verifier-{number}") for number in range(SEATS)]
    for verifier in verifiers:
        verifier.stake(intent="stake")
    return {verifier.identity.address: verifier for verifier in verifiers}


def seated(seats: dict[str, EthereumChain], ballot: int) -> list[EthereumChain]:
    members = next(iter(seats.values())).ballot(ballot).members
    return [seats[member] for member in members]


def commit(members: list[EthereumChain], ballot: int, votes: tuple[Vote, ...]) -> None:
    for member in members:
        member.commit_vote(ballot, vote_of(member, ballot, votes), intent=f"vote {ballot}")


def reveal(members: list[EthereumChain], ballot: int, votes: tuple[Vote, ...]) -> None:
    for member in members:
        member.reveal_vote(ballot, votes, digest(41), intent=f"reveal {ballot}")


def judge_again(devnet: Devnet, seats: dict[str, EthereumChain], keeper: EthereumChain, *, left: int) -> None:
    """Let all seats that are left vote what is true, and the round end."""
    moment = keeper.moment()
    assert (moment.phase, moment.attempt) == (Phase.DRAW, 1)
    draw(devnet, keeper, moment.round_id)
    members = seated(seats, moment.ballot_id)
    assert len(members) == left
    commit(members, moment.ballot_id, AGAIN)
    reveal(members, moment.ballot_id, AGAIN)
    assert keeper.moment().phase is Phase.SETTLEMENT
    keeper.finalise(moment.round_id, intent="finalise")


def check_history(devnet: Devnet, reader: EthereumChain, *, left: int) -> HistoryReport:
    report = verify_history(read_history(reader))
    assert (report.height, report.rounds, report.challenges) == (1, 1, 1)
    (block,) = read_chain_log(reader).blocks
    assert block.committees == (3, left)
    (shown,) = json.loads(pole(devnet, "chain", "log", "--json").stdout)["blocks"]
    assert shown["committees"] == [3, left]
    assert f"3, {left}" in pole(devnet, "chain", "log").stdout
    assert "1 challenges" in pole(devnet, "chain", "verify").stdout
    return report


@pytest.fixture
def anybody(devnet: Devnet, tmp_path: Path) -> tuple[str, Callable[..., Result]]:
    """Return the address of a wallet that plays no role, and how to run commands with it."""
    (tmp_path / "password").write_text("password\n")

    def run(*words: str) -> Result:
        return commands.pole(devnet, tmp_path, *words, "--wallet", "anybody")

    made = commands.pole(devnet, tmp_path, "wallet", "new", "anybody", "--light")
    assert made.exit_code == 0
    commands.pole(devnet, tmp_path, "wallet", "fund", "anybody", "--amount", "3")
    (listed,) = json.loads(commands.pole(devnet, tmp_path, "wallet", "list", "--json").stdout)
    return listed["address"], run


def test_a_dishonest_quorum_of_three_is_overturned_by_seven(
    wallet: Callable[[str], EthereumChain],
    seats: dict[str, EthereumChain],
    devnet: Devnet,
    anybody: tuple[str, Callable[..., Result]],
) -> None:
    data_node, first, second = map(wallet, ("data-node", "first", "second"))
    challenger, run = anybody
    round_id = train(devnet, data_node, first, second)
    draw(devnet, first, round_id)
    ballot = ballot_id(round_id, 0)
    liars = seated(seats, ballot)
    commit(liars, ballot, LIES)
    reveal(liars, ballot, LIES)
    assert first.moment().phase is Phase.CHALLENGE
    assert [finding.test_correct for finding in first.findings(ballot)] == [30, 39]

    with pytest.raises(RefusedError, match=r"0 ETH were sent, but the bond due is 0\.1 ETH"):
        first.challenge(round_id, bond=0, intent="too little")
    assert first.challenge_bond(ballot) == BOND
    done = run("chain", "challenge", str(round_id))
    assert "The tally of round 1 is challenged with a bond of 0.1 ETH" in done.stdout
    late = run("chain", "challenge", str(round_id))
    assert (late.exit_code, "is in phase DRAW; this needs phase CHALLENGE" in late.stderr) == (6, True)

    judge_again(devnet, seats, first, left=SEATS)
    assert first.round(round_id).challenger == challenger
    assert first.credit_of(challenger) == BOND + 3 * PENALTY // 2
    for address, verifier in seats.items():
        lost = PENALTY if verifier in liars else 0
        assert verifier.stake_of(address).amount == ETHER - lost
    report = check_history(devnet, first, left=SEATS)
    assert (report.votes, report.openings) == (10, 12)
    assert read_chain_log(first).blocks[0].header.winner == first.identity.address


def test_a_leaked_vote_leaves_no_quorum_and_a_larger_committee_is_called_for_free(
    wallet: Callable[[str], EthereumChain],
    seats: dict[str, EthereumChain],
    devnet: Devnet,
    anybody: tuple[str, Callable[..., Result]],
    tmp_path: Path,
) -> None:
    data_node, first, second = map(wallet, ("data-node", "first", "second"))
    informer, run = anybody
    round_id = train(devnet, data_node, first, second)
    draw(devnet, first, round_id)
    ballot = ballot_id(round_id, 0)
    members = seated(seats, ballot)
    victim = members[0].identity.address
    commit(members[:2], ballot, VOTES)
    leaked, wrong = tmp_path / "leaked.json", tmp_path / "wrong.json"
    leaked.write_bytes(write_leaked_vote(LeakedVote(victim, VOTES, digest(41))))
    wrong.write_bytes(write_leaked_vote(LeakedVote(victim, LIES, digest(41))))
    refused = run("verifier", "leak", str(round_id), "--file", str(wrong))
    assert (refused.exit_code, "do not open" in refused.stderr) == (IntegrityError.exit_code, True)
    done = run("verifier", "leak", str(round_id), "--file", str(leaked))
    assert f"The vote of {victim} in round 1 is void" in done.stdout
    assert first.credit_of(informer) == PENALTY // 2
    assert first.vote_state(ballot, victim) == (bytes(32), False)
    commit(members[2:], ballot, VOTES)
    with pytest.raises(RefusedError, match="reveal the same values"):
        members[0].reveal_vote(ballot, VOTES, digest(41), intent="too late")
    reveal(members[1:], ballot, VOTES)
    assert first.moment().phase is Phase.VOTE_REVEAL
    devnet.pass_time(3700)
    assert first.moment().phase is Phase.CHALLENGE

    assert first.challenge_bond(ballot) == 0
    assert "for free, since it leaves a solution open" in run("chain", "challenge", str(round_id)).stdout
    # The penalty took the victim's seat.
    judge_again(devnet, seats, first, left=SEATS - 1)
    assert first.round(round_id).challenger == ZERO_ADDRESS
    report = check_history(devnet, first, left=SEATS - 1)
    assert (report.votes, report.openings) == (8, 11)
