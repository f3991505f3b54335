"""All promises of a soak that has been played."""

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.stress.soak.checks.money import check_bonds, check_reservoir, check_stakes
from scripts.stress.soak.checks.processes import check_descriptors, check_ends, check_words
from scripts.stress.soak.checks.promise import Promise
from scripts.stress.soak.checks.rounds import check_chain, check_rounds
from scripts.stress.soak.checks.sending import check_sending
from scripts.stress.soak.conductor import Conductor

from pole.adapters.ethereum.chain_log import ChainLog, read_chain_log
from pole.adapters.ethereum.history_source import read_history
from pole.protocol.replay.history import replayed_rounds


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of a soak: its promises, and the chain's own log."""

    promises: tuple[Promise, ...]
    log: ChainLog


def check_all(conductor: Conductor, codes: Mapping[str, int]) -> Findings:
    """Check every promise; `codes` are the exit codes with which the workers stopped."""
    setting = conductor.setting
    reader, crew = setting.reader, setting.crew
    history, log = read_history(reader), read_chain_log(reader)
    rounds = replayed_rounds(history)
    incidents = [incident for played in conductor.rounds.values() for incident in played.incidents]
    names = {address: name for name, address in setting.addresses.items()}
    homes = {name: member.worker.home for name, member in crew.members.items()}
    homes[setting.liar.name] = setting.liar.home
    ended = [played.round_id for played in rounds if played.clock is not None]
    promises = (
        check_chain(setting.ground.place),
        check_rounds(
            conductor.rounds.values(), log.void_rounds, conductor.posting.taken, is_stuck=conductor.is_stuck
        ),
        check_reservoir(reader, ended),
        check_bonds(rounds, setting.addresses, reader.deployment.parameters),
        check_stakes(rounds, history, names, incidents),
        check_sending(setting.ground.place.rpc, homes, setting.addresses),
        check_ends(crew.ends, codes, incidents),
        check_descriptors(crew.members),
        check_words(crew.fleet.logs, conductor.posting.failed),
    )
    return Findings(promises, log)
