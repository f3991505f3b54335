"""Attacks on a victim's ciphertexts by way of its key holders: two of three, its secret dropped.

A stranger outbids the victim with a task on the victim's data that asks for as many query vectors as there
are values. Look-alike deployments and a node that lies try the same. Real processes: chains, IPFS daemon,
and every command of the data node and of the holders.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from scripts.demo.cast import Place
from scripts.demo.network import REPOSITORY, StepError
from scripts.demo.network import pole as run_pole
from scripts.demo.play import in_phase
from tests.e2e.holders import DATA_NODE, ONE_LANE, Scene, holders_on_a_network
from tests.e2e.lying_node import LyingNode
from tests.integration import deploying
from web3 import Web3

from pole.adapters.ethereum.chain_reader import ChainReader, open_chain_reader
from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import DevnetSettings, free_port, programs_folder, start_chain, stop_devnet
from pole.adapters.sending.chain import EthereumChain
from pole.adapters.storage.ipfs import IpfsStore
from pole.adapters.wallet.secret_store import SecretStore
from pole.api.key_secrets import open_share
from pole.errors import InputError, IntegrityError, RefusedError
from pole.ipfe.scheme import verify_keys
from pole.ipfe.threshold import combine_keys, derive_partial_keys
from pole.protocol.encoding.ethereum_headers import encode_header
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.mapping.layer import query_plan
from pole.protocol.models.specification import ModelSpecification, mlp
from pole.protocol.rounds.rent import payment
from pole.protocol.state import FileRef, Phase, PostedTask, TaskFiles
from pole.roles.keys.sharing import TaskSharing, read_own_share, read_task_sharing
from pole.roles.ports import Delegation
from pole.roles.receiving.task_data import TaskReader

HOLDERS = ("holder-1", "holder-2", "holder-3")
INSIDER, DELEGATE, DECEIVED = HOLDERS
VALUES = 64
VICTIM_TASK, STRANGERS_TASK = 1, 2
LANE = 0
STRANGERS_ROUND, VICTIMS_ROUND = 1, 2
REFUSAL = "Shares serve the task that they were made for, and no other"
SECOND_SEED = "Keys of another seed were already given"
FALSE_SEED = b"\x5e" * 32


def specification(queries: int) -> ModelSpecification:
    mapping = LinearMapping(bits=3, queries=queries)
    return mlp(input_shape=(8, 8), input_bits=8, mapping=mapping, hidden=(), classes=10)


@dataclass(frozen=True)
class Attack:
    """The victim's network with a stranger on it, look-alikes beside it, and a node that can lie."""

    scene: Scene
    stranger: EthereumChain
    beside: ChainReader
    elsewhere: ChainReader
    node: LyingNode

    @property
    def victims_task(self) -> PostedTask:
        return self.scene.reader.task(VICTIM_TASK)

    @property
    def sharing(self) -> FileRef:
        delegation = self.scene.reader.delegation(VICTIM_TASK)
        assert delegation is not None
        return delegation.sharing

    def found(self) -> TaskSharing:
        store = IpfsStore(self.scene.stage.place.ipfs)
        found = read_task_sharing(self.stranger, store, self.scene.folder / "files", VICTIM_TASK)
        assert found is not None
        return found

    def start(self, name: str, place: Place | None = None, *, under: str | None = None) -> None:
        """Start a holder's process, by default on the victim's network."""
        worker, place = self.scene.worker(name), place or self.scene.stage.place
        environment = worker.environment(place) | {"POLE_DEPLOYMENT": str(place.deployment)}
        command = worker.run_command("--poll", "0.5")
        self.scene.stage.fleet.start(under or name, command, environment, REPOSITORY)

    def start_behind_liar(self, *, lies: dict[bytes, bytes]) -> None:
        """Let the deceived holder run, on a node that tells these digests instead of those."""
        place = self.scene.stage.place
        self.node.lies = lies
        self.start(DECEIVED, Place(self.node.url, place.ipfs, place.deployment))

    def said(self, who: str) -> str:
        path = self.scene.stage.fleet.logs / f"{who}.log"
        return path.read_text() if path.exists() else ""

    def wait_for_word(self, who: str, words: str) -> None:
        self.scene.wait_for(f"{words!r} of {who}", lambda: words in self.said(who))

    def kill(self, who: str) -> None:
        self.scene.stage.fleet.kill(who)


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    """The victim's task is shared and its secret dropped; the stranger's round is open, everywhere."""
    folder = tmp_path_factory.mktemp("strangers")
    with ExitStack() as at_end:
        scene = at_end.enter_context(holders_on_a_network(folder, HOLDERS))
        at_end.callback(stop_devnet, folder / "elsewhere")
        node = at_end.enter_context(LyingNode(scene.stage.place.rpc))
        _post_victims_task(scene)
        stranger = scene.chain_of("stranger")
        beside = _deploy(scene.stage.place.rpc, folder / "beside.json")
        elsewhere = _chain_elsewhere(folder / "elsewhere")
        attack = Attack(scene, stranger, beside, elsewhere, node)
        _offer_more(attack)
        _imitate_on_the_same_chain(attack)
        _imitate_on_another_chain(attack)
        yield attack


def _post_victims_task(scene: Scene) -> None:
    spec = scene.folder / "victim.json"
    spec.write_bytes(specification(16).canonical_bytes())
    terms = ("--reward", "0.1", "--data-bond", "0.1", "--time-limit", "600", "--train-accuracy", "80")
    scene.pole(DATA_NODE, "task", "post", "--yes", "--spec", str(spec), "--data", "digits", *terms)
    cards = scene.cards(HOLDERS)
    files = scene.share(VICTIM_TASK, cards, threshold=2, delegate=DELEGATE)
    scene.drop_secret(VICTIM_TASK, scene.accept(HOLDERS, files))


def _offer_more(attack: Attack) -> None:
    """Post the stranger's task on the victim's data, worth more, and open its round."""
    victim = attack.victims_task
    terms = replace(victim.terms, reward=10 * victim.terms.reward, fee=10 * victim.terms.fee)
    task_id = attack.stranger.post_task(terms, _strangers_files(attack), intent="post")
    assert task_id == STRANGERS_TASK
    delegation = Delegation(attack.stranger.identity.address, attack.sharing)
    attack.stranger.delegate_keys(task_id, delegation, intent="delegate")
    attack.stranger.open_round(LANE, intent="open")
    _draw(attack.stranger)
    assert attack.scene.reader.round(STRANGERS_ROUND).task_id == STRANGERS_TASK


def _strangers_files(attack: Attack) -> TaskFiles:
    """Return the victim's files with a specification whose keys open every value."""
    path = attack.scene.folder / "stranger.json"
    wide = specification(VALUES)
    path.write_bytes(wide.canonical_bytes())
    cid = IpfsStore(attack.scene.stage.place.ipfs).add(path)
    return replace(attack.victims_task.files, spec_cid=cid, spec_digest=wide.digest())


def _deploy(rpc: str, path: Path) -> ChainReader:
    deploying.deploy(connect(rpc), path, ONE_LANE)
    return open_chain_reader(rpc, path)


def _imitate_on_the_same_chain(attack: Attack) -> None:
    """Post, as the stranger, the victim's very task in another deployment."""
    chain = attack.scene.chain_of("stranger-beside", attack.beside)
    victim = attack.victims_task
    assert chain.post_task(victim.terms, victim.files, intent="post") == VICTIM_TASK
    chain.delegate_keys(VICTIM_TASK, Delegation(chain.identity.address, attack.sharing), intent="delegate")
    chain.open_round(LANE, intent="open")
    _draw(chain)


def _draw(chain: EthereumChain) -> None:
    """Draw the seed of the stranger's round."""
    _mine_past_draw(chain.w3)
    chain.draw(STRANGERS_ROUND, intent="draw")


def _mine_past_draw(w3: Web3) -> None:
    for _ in range(ONE_LANE["chain"]["drawDelay"] + 1):
        w3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]


def _chain_elsewhere(folder: Path) -> ChainReader:
    """Start another chain with the same id: the first deployment there has the victim's very addresses."""
    settings = DevnetSettings(folder, programs_folder(), rpc_port=free_port())
    start_chain(settings)
    w3 = _deploy(settings.rpc, folder / "same-addresses.json").w3
    # One nonce further than on the victim's chain, so that the next addresses are nobody's there.
    deployer = w3.eth.accounts[0]
    w3.eth.wait_for_transaction_receipt(w3.eth.send_transaction({"from": deployer, "to": deployer}))
    return _deploy(settings.rpc, folder / "deployment.json")


def _imitate_on_another_chain(attack: Attack) -> None:
    """Post the stranger's specification as the victim itself, which whoever has a chain of his own can."""
    w3, victim = attack.elsewhere.w3, attack.victims_task
    w3.provider.make_request("evm_setAccountBalance", [victim.owner, hex(10**20)])  # type: ignore[arg-type]
    w3.provider.make_request("evm_addAccount", [victim.owner, ""])  # type: ignore[arg-type]
    w3.provider.make_request("personal_unlockAccount", [victim.owner, "", 0])  # type: ignore[arg-type]
    tasks = _functions(attack.elsewhere, "TaskList")
    terms, files = victim.terms, _strangers_files(attack)
    due = payment(terms, attack.elsewhere.parameters.task_list)
    _send(w3, tasks.post(_values(terms), _values(files)), victim.owner, due)
    _send(w3, tasks.delegateKeys(1, victim.owner, attack.sharing.cid, attack.sharing.digest), victim.owner)
    chain = _functions(attack.elsewhere, "PoLeChain")
    _send(w3, chain.openRound(LANE), victim.owner)
    _mine_past_draw(w3)
    named = attack.elsewhere.round(VICTIM_TASK).draw_block
    _send(w3, chain.draw(VICTIM_TASK, encode_header(w3.eth.get_block(named))), victim.owner)
    assert attack.elsewhere.task(VICTIM_TASK).owner == victim.owner


def _values(value: object) -> tuple[object, ...]:
    return tuple(getattr(value, name) for name in value.__dataclass_fields__)  # type: ignore[attr-defined]


def _functions(reader: ChainReader, contract: str) -> Any:
    """Return what web3 can send of a contract."""
    described = reader.contracts[contract]
    return reader.w3.eth.contract(
        address=to_checksum_address(described.address), abi=list(described.abi)
    ).functions


def _send(w3: Web3, call: object, sender: str, value: int = 0) -> None:
    sent = call.transact({"from": sender, "value": value, "gas": 5_000_000})  # type: ignore[attr-defined]
    assert w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.1)["status"] == 1


@pytest.fixture(scope="module")
def refused(attack: Attack) -> Attack:
    """Every holder has looked at the stranger's round, one of them also at the look-alikes'.

    The node of another lies from the first: it says that the victim's task has the stranger's specification.
    """
    folder, place = attack.scene.folder, attack.scene.stage.place
    attack.start(INSIDER)
    attack.start(DELEGATE)
    attack.start_behind_liar(lies={attack.victims_task.files.spec_digest: specification(VALUES).digest()})
    attack.start(INSIDER, Place(place.rpc, place.ipfs, folder / "beside.json"), under="beside")
    elsewhere = attack.elsewhere.deployment.path
    rpc = str(attack.elsewhere.w3.provider.post.url)  # type: ignore[attr-defined]
    attack.start(INSIDER, Place(rpc, place.ipfs, elsewhere), under="elsewhere")
    for who in (*HOLDERS, "beside", "elsewhere"):
        attack.wait_for_word(who, REFUSAL)
    for who in (DELEGATE, "beside", "elsewhere"):
        attack.kill(who)
    return attack


def announced(attack: Attack, task_id: int) -> dict[str, FileRef]:
    """Return where the holders say that their partial keys for a task are."""
    return attack.scene.reader.partial_keys(task_id, attack.scene.addresses.values())


def test_no_holder_serves_a_stranger_that_outbids_the_victim(refused: Attack) -> None:
    assert announced(refused, STRANGERS_TASK) == {}
    for name in HOLDERS:
        assert "they differ in task id, owner, specification digest" in refused.said(name)


def test_no_holder_serves_a_look_alike_on_the_same_chain(refused: Attack) -> None:
    assert refused.beside.partial_keys(VICTIM_TASK, refused.scene.addresses.values()) == {}
    assert "they differ in task list, owner" in refused.said("beside")


def test_no_holder_serves_a_look_alike_on_another_chain(refused: Attack) -> None:
    assert refused.elsewhere.partial_keys(VICTIM_TASK, refused.scene.addresses.values()) == {}
    assert "they differ in task list, specification digest" in refused.said("elsewhere")


def test_a_holder_does_not_even_start_on_another_chain_with_the_same_addresses(refused: Attack) -> None:
    rpc = str(refused.elsewhere.w3.provider.post.url)  # type: ignore[attr-defined]
    same = refused.elsewhere.deployment.path.with_name("same-addresses.json")
    worker = refused.scene.worker(INSIDER)
    place = Place(rpc, refused.scene.stage.place.ipfs, same)
    environment = worker.environment(place) | {"POLE_DEPLOYMENT": str(same)}
    with pytest.raises(StepError, match="was written on another chain with the same id"):
        run_pole(["key-holder", "run", "--wallet", INSIDER], environment)


def test_no_seed_was_spent_on_strangers(refused: Attack) -> None:
    for name in HOLDERS:
        assert list((refused.scene.worker(name).home / "served-seeds").glob("*")) == []


def test_an_insider_makes_no_keys_of_the_strangers_task(refused: Attack) -> None:
    """One share of two opens nothing: what it gives fits no key, and there is nothing to combine it with."""
    worker, found = refused.scene.worker(INSIDER), refused.found()
    secrets = SecretStore(worker.home / "secrets", worker.password_file.read_text().strip())
    content = open_share(secrets, refused.scene.addresses[INSIDER], found.digest)
    assert content is not None
    plan = query_plan(specification(VALUES), refused.scene.reader.round(STRANGERS_ROUND).seed)
    partial = derive_partial_keys(read_own_share(found, 1, content), plan)
    with pytest.raises(InputError, match="2 are needed"):
        combine_keys({1: partial}, 2)
    with pytest.raises(IntegrityError):
        verify_keys(found.commitments.master_public_key, plan, partial, os.urandom)


@pytest.fixture(scope="module")
def opened(refused: Attack) -> Attack:
    """The stranger's round is void for want of keys, and the victim's is open."""
    scene = refused.scene
    w3 = scene.reader.w3
    w3.provider.make_request("evm_increaseTime", [deploying.GENEROUS + 60])  # type: ignore[arg-type]
    with suppress(RefusedError):
        refused.stranger.finalise(STRANGERS_ROUND, intent="finalise")
    with suppress(RefusedError):
        refused.stranger.open_round(LANE, intent="open again")
    scene.wait_for("the victim's round", lambda: in_phase(scene.reader, VICTIMS_ROUND, Phase.KEYS))
    assert scene.reader.round(VICTIMS_ROUND).task_id == VICTIM_TASK
    scene.wait_for("the insider", lambda: scene.addresses[INSIDER] in announced(refused, VICTIM_TASK))
    return refused


@pytest.fixture(scope="module")
def deceived(opened: Attack) -> Attack:
    """One holder's node has lied about the specification, then about the seed, and tells the truth now."""
    opened.wait_for_word(DECEIVED, "they differ in specification digest")
    assert announced(opened, VICTIM_TASK).keys() == {opened.scene.addresses[INSIDER]}
    opened.kill(DECEIVED)
    opened.start_behind_liar(lies={opened.scene.reader.round(VICTIMS_ROUND).seed: FALSE_SEED})
    address = opened.scene.addresses[DECEIVED]
    opened.scene.wait_for("the lie", lambda: address in announced(opened, VICTIM_TASK))
    opened.kill(DECEIVED)
    opened.start_behind_liar(lies={})
    opened.wait_for_word(DECEIVED, SECOND_SEED)
    return opened


def test_a_node_that_lies_gains_one_set_of_partial_keys_of_the_victims_specification(
    deceived: Attack, tmp_path: Path
) -> None:
    said = announced(deceived, VICTIM_TASK)[deceived.scene.addresses[DECEIVED]]
    path = tmp_path / "partial"
    IpfsStore(deceived.scene.stage.place.ipfs).fetch(said.cid, path, max_bytes=2**20)
    header = path.read_bytes()
    assert f'"seed":"{FALSE_SEED.hex()}"'.encode() in header
    assert b'"shape":[1,16,32]' in header
    assert len(list((deceived.scene.worker(DECEIVED).home / "served-seeds").iterdir())) == 1


@pytest.fixture(scope="module")
def keyed(deceived: Attack) -> Attack:
    """The delegate, and the data node, have come back."""
    deceived.start(DELEGATE)
    deceived.scene.wait_for("keys", lambda: in_phase(deceived.scene.reader, VICTIMS_ROUND, Phase.TRAINING))
    return deceived


def test_the_victims_own_round_has_its_keys(keyed: Attack, tmp_path: Path) -> None:
    store, opened = IpfsStore(keyed.scene.stage.place.ipfs), keyed.scene.reader.round(VICTIMS_ROUND)
    task = TaskReader(keyed.stranger, store, tmp_path, os.urandom).task(opened)
    assert task.keys.eta.shape == (1, 16, 32)


def test_the_victims_round_goes_on_to_its_test_set(keyed: Attack) -> None:
    scene = keyed.scene
    keyed.stranger.commit(VICTIMS_ROUND, b"\x01" * 32, 1438, intent="commit")
    scene.stage.start(scene.worker(DATA_NODE))
    heard = scene.stage.story.heard
    scene.wait_for("the test set", lambda: heard(DATA_NODE, "test-released", round=VICTIMS_ROUND))
