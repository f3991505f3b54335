"""A tally that is overturned, and a vote that leaks, on the real contracts: and the whole is verified."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from tests.integration import test_commands as commands
from tests.integration.conftest import ETHER, Devnet, running_devnet
from tests.integration.test_round import SEAT_AGE, TERMS, VOTES, digest, draw, moment_of, pole, train, vote_of

from pole.adapters.ethereum.chain_log import read_chain_log
from pole.adapters.ethereum.history_source import read_history
from pole.adapters.history.rounds import read_round, seats_of
from pole.adapters.sending.chain import EthereumChain
from pole.errors import IntegrityError, RefusedError
from pole.protocol.amounts import ether
from pole.protocol.ballots import ballot_id, challenge_bond, committee_fee
from pole.protocol.encoding.abi import ZERO_ADDRESS
from pole.protocol.formats.leaked_vote import LeakedVote, write_leaked_vote
from pole.protocol.replay.history import HistoryReport, replayed_rounds, verify_history
from pole.protocol.state import Phase, Verdict, Vote

SEATS = 7
PENALTY = ETHER // 10
LIES = (Vote(Verdict.OK, 60, 30, digest(66)), VOTES[1])
# A later ballot has other digests of the same predictions.
AGAIN = tuple(Vote(vote.verdict, vote.train_correct, vote.test_correct, digest(50)) for vote in VOTES)


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[Devnet]:
    with running_devnet(tmp_path) as running:
        yield running


@pytest.fixture
def seats(wallet: Callable[[str], EthereumChain], devnet: Devnet) -> dict[str, EthereumChain]:
    verifiers = [wallet(f"verifier-{number}") for number in range(SEATS)]
    for verifier in verifiers:
        verifier.stake(intent="stake")
    devnet.pass_time(SEAT_AGE + 1)
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


def judge_again(
    devnet: Devnet, seats: dict[str, EthereumChain], keeper: EthereumChain, round_id: int
) -> None:
    """Let all seats vote what is true, and the round end."""
    moment = moment_of(keeper, round_id)
    assert (moment.phase, moment.attempt) == (Phase.DRAW, 1)
    draw(devnet, keeper, round_id)
    members = seated(seats, moment.ballot_id)
    assert {member.identity.address for member in members} == seats.keys()
    commit(members, moment.ballot_id, AGAIN)
    reveal(members, moment.ballot_id, AGAIN)
    assert moment_of(keeper, round_id).phase is Phase.SETTLEMENT
    keeper.finalise(round_id, intent="finalise")


def bond_of(chain: EthereumChain) -> int:
    return challenge_bond(0, TERMS.reward, chain.parameters.chain)


def fee_of(chain: EthereumChain) -> int:
    return committee_fee(TERMS.reward, chain.parameters.chain)


def check_history(devnet: Devnet, reader: EthereumChain) -> HistoryReport:
    report = verify_history(read_history(reader))
    assert (report.height, report.rounds, report.challenges) == (1, 1, 1)
    (block,) = read_chain_log(reader).blocks
    assert block.committees == (3, SEATS)
    (shown,) = json.loads(pole(devnet, "chain", "log", "--json").stdout)["blocks"]
    assert shown["committees"] == [3, SEATS]
    assert f"3, {SEATS}" in pole(devnet, "chain", "log").stdout
    assert "1 challenges" in pole(devnet, "chain", "verify").stdout
    return report


def check_books(
    devnet: Devnet, reader: EthereumChain, seats: dict[str, EthereumChain], round_id: int
) -> None:
    """Check that the books of all seats sum to what the contracts credited and took."""
    ended, history = read_round(reader, round_id), read_history(reader)
    assert (ended.played, ended.books) == (replayed_rounds(history)[0], history.around.books)
    assert seats_of(reader, [ended.played]) == {round_id: SEATS}
    for address, verifier in seats.items():
        told = json.loads(pole(devnet, "verifier", "history", "--wallet", address, "--json").stdout)
        assert int(told["total"]["paid"]) == reader.credit_of(address)
        assert int(told["total"]["lost"]) == ETHER - verifier.stake_of(address).amount
    estimated = json.loads(pole(devnet, "verifier", "estimate", "--json").stdout)
    assert int(estimated["fees"]) == sum(map(reader.credit_of, seats)) // SEATS
    assert (estimated["rounds"], sum(estimated["endings"].values())) == (1, 3 + SEATS)


def miners_books(devnet: Devnet, address: str) -> dict[str, Any]:
    told = json.loads(pole(devnet, "miner", "history", "--wallet", address, "--json").stdout)
    (day,) = told["days"]
    (row,) = day["rows"]
    assert told["total"] == {"rounds": 1} | {name: row[name] for name in ("paid", "lost", "held")}
    return dict(row)


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
    assert moment_of(first, round_id).phase is Phase.CHALLENGE
    assert [finding.test_correct for finding in first.findings(ballot)] == [30, 39]

    bond = bond_of(first)
    with pytest.raises(RefusedError, match=f"0 ETH were sent, but the bond due is {ether(bond)}"):
        first.challenge(round_id, bond=0, intent="too little")
    done = run("chain", "challenge", str(round_id))
    assert f"The tally of round {round_id} is challenged with a bond of {ether(bond)}" in done.stdout
    late = run("chain", "challenge", str(round_id))
    assert (late.exit_code, "is in phase DRAW; this needs phase CHALLENGE" in late.stderr) == (6, True)

    judge_again(devnet, seats, first, round_id)
    assert first.round(round_id).challengers == (challenger, ZERO_ADDRESS)
    assert first.credit_of(challenger) == bond
    part = (fee_of(first) + 3 * PENALTY) // ((3 + SEATS) * len(VOTES))
    for address, verifier in seats.items():
        stake, lied = verifier.stake_of(address), verifier in liars
        assert (stake.amount, stake.seated) == (ETHER - PENALTY * lied, not lied)
        assert first.credit_of(address) == len(VOTES) * part
    report = check_history(devnet, first)
    check_books(devnet, first, seats, round_id)
    won, buyer = (miners_books(devnet, address) for address in (first.identity.address, challenger))
    bonds = int(won["bond"]["returned"])
    assert (won["ending"], first.credit_of(first.identity.address)) == ("won", int(won["paid"]) + bonds)
    assert (buyer["challengeBonds"], buyer["lost"]) == ({"made": str(bond), "returned": str(bond)}, "0")
    assert first.recent_miners() == (frozenset({first.identity.address, second.identity.address}),)
    assert (report.votes, report.openings) == (10, 12)
    assert read_chain_log(first).blocks[0].header.winner == first.identity.address


def test_a_leaked_vote_leaves_no_quorum_and_who_buys_a_larger_committee_pays_for_it(
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
    assert f"The vote of {victim} in round {round_id} is void" in done.stdout
    assert first.credit_of(informer) == PENALTY // 2
    assert first.vote_state(ballot, victim) == (bytes(32), False)
    commit(members[2:], ballot, VOTES)
    with pytest.raises(RefusedError, match="reveal the same values"):
        members[0].reveal_vote(ballot, VOTES, digest(41), intent="too late")
    reveal(members[1:], ballot, VOTES)
    assert moment_of(first, round_id).phase is Phase.VOTE_REVEAL
    devnet.pass_time(3700)
    first.end_votes(ballot, intent="nobody waits for a vote that is void")
    assert moment_of(first, round_id).phase is Phase.CHALLENGE

    bond = bond_of(first)
    assert f"with a bond of {ether(bond)}" in run("chain", "challenge", str(round_id)).stdout
    # The penalty took the victim's seat, but the round's committees are drawn among those of its opening.
    assert not first.stake_of(victim).seated
    judge_again(devnet, seats, first, round_id)
    assert first.round(round_id).challengers == (informer, ZERO_ADDRESS)
    assert first.credit_of(informer) == PENALTY // 2
    # The victim loses one penalty to the informer, and one to the pot for the votes that it could not show.
    assert first.stake_of(victim).amount == ETHER - 2 * PENALTY
    part = (fee_of(first) + bond + PENALTY) // ((3 + SEATS) * len(VOTES))
    for address, verifier in seats.items():
        assert first.credit_of(address) == (2 if verifier in members[1:] else 1) * len(VOTES) * part
    report = check_history(devnet, first)
    check_books(devnet, first, seats, round_id)
    assert miners_books(devnet, informer)["lost"] == str(bond)
    informed = json.loads(pole(devnet, "verifier", "history", "--wallet", informer, "--json").stdout)
    assert informed["total"]["paid"] == str(PENALTY // 2)
    assert (report.votes, report.openings) == (9, 12)
