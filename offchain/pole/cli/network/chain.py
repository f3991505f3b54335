"""`pole chain log|verify|prove|check|challenge`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import (
    Settings,
    command,
    common_options,
    json_option,
    open_reader,
    open_session,
    read_password,
    wallet_option,
)
from pole.cli.common.output import percent, print_done, print_json, print_table
from pole.errors import InputError
from pole.quoting import quoted, short_address

if TYPE_CHECKING:
    from pole.adapters.ethereum.chain_log import ChainLog, LoggedBlock
    from pole.api.session import Session


@command(epilog="Example: pole chain log")
@json_option
@common_options
def log(settings: Settings, /, *, as_json: bool) -> None:
    """Show the PoLe blocks.

    Winner, accuracies by the committee's count, seats of that committee and of those before it whose tally
    was challenged, ommers, the winner's reward, and the gas of all its records.
    """
    from pole.adapters.ethereum.chain_log import read_chain_log

    read = read_chain_log(open_reader(settings))
    if as_json:
        print_json(_as_json(read))
        return
    columns = (
        "height",
        "round",
        "task",
        "winner",
        "train",
        "test",
        "seats",
        "ommers",
        "reward",
        "gas",
        "hash",
    )
    print_table(
        columns, [_row(block) for block in read.blocks], empty="There is no block above the genesis block."
    )
    for round_id, reason in read.void_rounds.items():
        click.echo(f"Round {round_id} ended without a block: {reason.name}.")


def _row(block: "LoggedBlock") -> tuple[object, ...]:
    from pole.protocol.amounts import ether

    header = block.header
    return (
        header.height,
        header.round_id,
        header.task_id,
        short_address(header.winner),
        percent(header.train_correct, block.train_total),
        percent(header.test_correct, block.test_total),
        ", ".join(map(str, block.committees)),
        ", ".join(f"{short_address(ommer.miner)} at {ommer.height}" for ommer in block.ommers) or "-",
        ether(block.winner_reward),
        f"{block.gas_used:,}",
        f"0x{block.hash.hex()[:8]}",
    )


def _as_json(read: "ChainLog") -> dict[str, Any]:
    return {
        "blocks": [_block_as_json(block) for block in read.blocks],
        "voidRounds": {str(round_id): reason.name for round_id, reason in read.void_rounds.items()},
    }


def _block_as_json(block: "LoggedBlock") -> dict[str, Any]:
    header = block.header
    return {
        "height": header.height,
        "hash": f"0x{block.hash.hex()}",
        "parentHash": f"0x{header.parent_hash.hex()}",
        "round": header.round_id,
        "task": header.task_id,
        "winner": header.winner,
        "modelDigest": f"0x{header.model_digest.hex()}",
        "trainCorrect": header.train_correct,
        "trainTotal": block.train_total,
        "testCorrect": header.test_correct,
        "testTotal": block.test_total,
        "committees": list(block.committees),
        "bodyRoot": f"0x{header.body_root.hex()}",
        "timestamp": header.timestamp,
        "winnerReward": str(block.winner_reward),
        "gasUsed": block.gas_used,
        "ommers": [{"height": ommer.height, "miner": ommer.miner} for ommer in block.ommers],
        "payouts": [
            {"payee": payout.payee, "reason": payout.reason.name, "amount": str(payout.amount)}
            for payout in block.payouts
        ],
    }


@command(epilog="Example: pole chain verify")
@json_option
@common_options
def verify(settings: Settings, /, *, as_json: bool) -> None:
    """Check the whole chain from events and calldata alone.

    Headers, body roots, seeds, commitments, votes, winners, ommers and payouts are computed anew.
    The exit code is 4 when something does not follow from the rules; the error names it.
    """
    from pole.adapters.ethereum.history_source import read_history
    from pole.protocol.replay.history import verify_history

    report = verify_history(read_history(open_reader(settings)))
    if as_json:
        print_json(
            {
                "height": report.height,
                "head": f"0x{report.head.hex()}",
                "records": report.records,
                "rounds": report.rounds,
                "voidRounds": report.void_rounds,
                "votes": report.votes,
                "challenges": report.challenges,
                "openings": report.openings,
            }
        )
        return
    click.echo(
        f"The chain is valid up to height {report.height}, block 0x{report.head.hex()}: {report.records} "
        f"records, {report.rounds} rounds ({report.void_rounds} void), {report.votes} votes counted again, "
        f"{report.challenges} challenges, {report.openings} commitments opened."
    )


@command(epilog="Example: pole chain prove 1 0 --out proof.json")
@click.argument("height", type=click.IntRange(1))
@click.argument("index", type=click.IntRange(0))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the proof to this file instead of printing it.",
)
@common_options
def prove(settings: Settings, height: int, index: int, out: Path | None) -> None:
    """Prove that record INDEX is in the block at HEIGHT.

    The proof is JSON (docs/formats.md): header, record and Merkle path. It is checked against the contract's
    block hash, and whoever knows that hash can check it alone.
    """
    from pole.adapters.ethereum.history_source import read_history
    from pole.protocol.encoding.records import kind_name
    from pole.protocol.replay.history import prove as prove_record
    from pole.protocol.replay.proofs import verify_proof, write_proof

    reader = open_reader(settings)
    proof = prove_record(read_history(reader), height, index)
    block_hash = bytes(reader.view("Ledger", "blockHash", height))
    verify_proof(proof, block_hash)
    written = write_proof(proof)
    if out is None:
        click.echo(written.decode())
    else:
        try:
            out.write_bytes(written)
        except OSError as error:
            raise InputError(f"The proof cannot be written to {out}: {error.strerror}.") from error
    kind = kind_name(proof.record.kind)
    click.echo(
        f"Record {index} ({kind}) is in block {height}, 0x{block_hash.hex()}: the proof holds.", err=True
    )


@command(epilog="Example: pole chain check proof.json")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--block-hash",
    metavar="HASH",
    help="Hash of the PoLe block, known from elsewhere: then no node is asked.  [default: the contract's]",
)
@json_option
@common_options
def check(settings: Settings, /, *, file: Path, block_hash: str | None, as_json: bool) -> None:
    """Check the proof in FILE, which `pole chain prove` or the explorer wrote.

    The header must hash to the block's hash, and the record's path lead to the header's body root. The exit
    code is 4 when it does not.
    """
    from pole.protocol.encoding.records import kind_name
    from pole.protocol.replay.proofs import read_proof, verify_proof

    proof = read_proof(_proof_file(file))
    height, index = proof.header.height, proof.inclusion.index
    if block_hash is None:
        known = bytes(open_reader(settings).view("Ledger", "blockHash", height))
    else:
        known = _hash(block_hash)
    verify_proof(proof, known)
    kind = kind_name(proof.record.kind)
    told = {"height": height, "index": index, "kind": kind, "blockHash": f"0x{known.hex()}"}
    sentence = f"Record {index} ({kind}) is in block {height}, 0x{known.hex()}: the proof holds."
    print_done(sentence, told, as_json=as_json)


def _proof_file(file: Path) -> bytes:
    from pole.protocol.replay.proofs import MAX_BYTES
    from pole.roles.support.files import read_bounded

    try:
        return read_bounded(file, MAX_BYTES).rstrip(b"\n")
    except OSError as error:
        raise InputError(f"The proof cannot be read from {file}: {error.strerror}.") from error


def _hash(text: str) -> bytes:
    if not re.fullmatch("0x[0-9a-fA-F]{64}", text, re.ASCII):
        raise InputError(f"{quoted(text)} is no hash: it is 0x and 64 hexadecimal digits.")
    return bytes.fromhex(text[2:])


@command(epilog="Example: pole chain challenge 3 --wallet alice")
@click.argument("round_id", metavar="ROUND", type=click.IntRange(1))
@wallet_option
@json_option
@common_options
def challenge(settings: Settings, /, *, round_id: int, wallet: str, as_json: bool) -> None:
    """Challenge the tally of a ROUND: a larger committee judges anew.

    It costs a bond, which is the larger committee's pay. It comes back where another truth about a model
    stands in the end, and where no larger committee could be drawn.
    """
    from pole.protocol.amounts import ether
    from pole.protocol.ballots import challenge_bond

    with open_session(settings, wallet, read_password(settings)) as session:
        standing = session.chain.round(round_id)
        attempt, intent = _challenge_to_send(session, round_id, standing.attempt)
        bond = challenge_bond(attempt, standing.terms.reward, session.chain.parameters.chain)
        session.chain.challenge(round_id, bond=bond, intent=intent)
        told = (
            f"is challenged with a bond of {ether(bond)}: a larger committee is drawn next."
            if attempt == standing.attempt
            else f"was challenged before, with a bond of {ether(bond)}, though nobody was told; to challenge "
            "the larger committee too, ask again."
        )
        print_done(
            f"The tally of round {round_id} {told}",
            {"round": round_id, "attempt": attempt, "bond": str(bond)},
            as_json=as_json,
        )


def _challenge_to_send(session: "Session", round_id: int, attempt: int) -> tuple[int, str]:
    """Return the attempt whose tally is challenged, and the intent.

    That is an earlier one where a challenge was interrupted before it was seen mined.
    """
    from pole.protocol.ballots import ballot_id

    def intent(challenged: int) -> str:
        return session.journal.next_intent(f"challenge/{ballot_id(round_id, challenged)}")

    interrupted = (each for each in range(attempt) if session.chain.was_sent(intent(each)))
    challenged = next(interrupted, attempt)
    return challenged, intent(challenged)
