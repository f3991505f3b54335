"""The networks that PoLe can be deployed to, and what is refused before anything is sent."""

import json

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from scripts.contracts.presets import PRESETS as FILE
from scripts.contracts.presets import Preset, Randomness, check_delays, preset_of, read_presets
from scripts.contracts.sources import ROOT

from pole.errors import InputError

PRESETS = read_presets()
RANDAO = [preset for preset in PRESETS.values() if preset.randomness is Randomness.RANDAO]
SEQUENCERS = [preset for preset in PRESETS.values() if preset.randomness is Randomness.SEQUENCER]
SLOTS_OF_TWO_EPOCHS = {"gnosis": 32}
ETHEREUM = 64


def name(preset: Preset) -> str:
    return preset.name


@pytest.mark.parametrize("preset", SEQUENCERS, ids=name)
def test_a_network_whose_sequencer_makes_the_randomness_is_refused(preset: Preset) -> None:
    with pytest.raises(InputError, match=f"{preset.name} .*POLE_ACCEPT_RANDOMNESS=sequencer"):
        preset_of(preset.chain_id, "")
    with pytest.raises(InputError):
        preset_of(preset.chain_id, "unknown")
    assert preset_of(preset.chain_id, "sequencer") == preset


@given(st.integers(min_value=0, max_value=2**64).filter(lambda chain_id: chain_id not in PRESETS))
def test_a_chain_without_a_preset_is_refused_unless_it_is_told_by_name(chain_id: int) -> None:
    for accepted in ("", "sequencer", "yes"):
        with pytest.raises(InputError, match="add one, or accept it with POLE_ACCEPT_RANDOMNESS=unknown"):
            preset_of(chain_id, accepted)
    assert preset_of(chain_id, "unknown").randomness is Randomness.UNKNOWN


@pytest.mark.parametrize("accepted", ["", "sequencer"])
def test_proof_of_stake_and_development_chains_need_no_consent(accepted: str) -> None:
    for chain_id in (1, 1337, 31337):
        assert preset_of(chain_id, accepted).chain_id == chain_id


@pytest.mark.parametrize("preset", RANDAO, ids=name)
def test_a_block_whose_proposers_are_known_when_it_is_named_draws_nothing(preset: Preset) -> None:
    known = SLOTS_OF_TWO_EPOCHS.get(preset.name, ETHEREUM)
    check_delays(preset, draw_delay=known + 1, confirmations=preset.confirmations)
    for delay in (0, 2, known):
        with pytest.raises(InputError, match=f"drawDelay is {delay}, .* make it at least {known + 1}"):
            check_delays(preset, draw_delay=delay, confirmations=preset.confirmations)


@pytest.mark.parametrize("preset", RANDAO, ids=name)
def test_secrets_wait_for_the_confirmations_of_the_network(preset: Preset) -> None:
    fewer = preset.confirmations - 1
    with pytest.raises(InputError, match=f"confirmations is {fewer}, .* at least {preset.confirmations}"):
        check_delays(preset, draw_delay=preset.draw_delay, confirmations=fewer)


def test_every_broken_rule_has_its_sentence() -> None:
    with pytest.raises(InputError) as refused:
        check_delays(PRESETS[1], draw_delay=2, confirmations=1)
    assert str(refused.value).count("\n- ") == 2


def test_a_development_chain_may_be_as_fast_as_the_contracts_allow() -> None:
    check_delays(PRESETS[1337], draw_delay=2, confirmations=1)


def test_parameters_are_chosen_for_nobody_where_ether_has_a_price() -> None:
    assert PRESETS[1].parameters is None
    files = [preset.parameters for preset in PRESETS.values() if preset.parameters]
    assert files
    assert all(file.is_file() for file in files)


def test_every_public_network_is_one_of_brownies_through_the_same_node() -> None:
    networks = yaml.safe_load((ROOT / "devnet" / "network-config.yaml").read_text())["live"][0]["networks"]
    known = {each["id"]: each["chainid"] for each in networks if each["host"] == "$POLE_RPC"}
    assert known == {preset.name: preset.chain_id for preset in PRESETS.values() if preset.explorer}


def test_no_chain_has_two_presets() -> None:
    assert len(json.loads(FILE.read_text())) == len(PRESETS)
