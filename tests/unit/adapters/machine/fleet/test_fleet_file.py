"""fleet.toml: what is wrong with it is said before anything starts."""

import json
from pathlib import Path

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.machine.fleet.fleet_file import KEPT_OUT, Shared, load_fleet, read_fleet
from pole.errors import InputError

HERE = Path("/fleets/fleet.toml")
SHARED = Shared(Path("/home/of/all"), "http://node", "/ip4/1.2.3.4/tcp/5001", Path("/chain.json"), None)


def refused(text: str) -> str:
    with pytest.raises(InputError) as caught:
        read_fleet(text.encode(), HERE, SHARED)
    return str(caught.value)


def worker(*lines: str, name: str = "a", role: str = "miner") -> str:
    keys = (f'name = "{name}"', f'role = "{role}"', 'password-file = "secret"', *lines)
    return "\n".join(("[[worker]]", *keys, ""))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[worker", "is no TOML"),
        ("\xff", "is no TOML"),
        ("a = " + "[" * 5000, "is no TOML"),
        ("", "needs 1 to 256 tables"),
        ("worker = 3", "needs 1 to 256 tables"),
        ("worker = [3]", "Worker 1 is no table"),
        ("[[worker]]\nname = 'a'", "Worker 1 lacks 'role'"),
        ("rcp = 'x'\n" + worker(), "keys that are unknown, 'rcp': use home, rpc"),
        (worker("option = []"), "Worker 1 has keys that are unknown, 'option'"),
        ("rpc = 3\n" + worker(), "has 3 for rpc: it has to be text"),
        ("rpc = ''\n" + worker(), "has '' for rpc"),
        (worker('home = "a\\u0000b"'), "for home: it has to be text"),
        (worker("options = '--poll 3'"), "options that are no list"),
        (worker("options = [3]"), "has 3 for each of its options"),
        (worker("metrics = '9101'"), "Worker a has '9101' for metrics: it has to be a port, 1 to 65535"),
        (worker("metrics = true"), "for metrics: it has to be a port"),
        (worker("metrics = 0"), "for metrics: it has to be a port"),
        (worker("metrics = 65536"), "for metrics: it has to be a port"),
        (
            worker("metrics = 9101") + worker("metrics = 9101", name="b"),
            "2 workers have the port 9101 for metrics: give each one of its own",
        ),
        (worker(name="../a"), "is named '../a': use a to z"),
        (worker(role="keeper"), "the role 'keeper': use one of miner, verifier, data-node, key-holder"),
        (worker() + worker(), "2 workers are named a"),
        (worker("wallet = 'w'") + worker("wallet = 'w'", name="b"), "2 workers are the miner of the wallet"),
        (
            worker("wallet = 'w'") + worker("wallet = 'w'", "home = '/home/x/../of/all'", name="b"),
            "2 workers",
        ),
        ("[[worker]]\nname = 'a'\nrole = 'miner'", "Worker a has no password-file"),
        (worker() * 257, "needs 1 to 256"),
    ],
)
def test_a_bad_file_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    assert sentence in refused(text)


@pytest.mark.parametrize("option", KEPT_OUT)
@pytest.mark.parametrize("form", ["{}", "{}=x"])
def test_what_the_file_has_keys_for_is_no_option(option: str, form: str) -> None:
    assert "the file's own keys say that" in refused(worker(f"options = ['{form.format(option)}']"))


def test_a_wallet_may_have_two_roles_and_a_role_two_homes() -> None:
    text = (
        worker("wallet = 'w'")
        + worker("wallet = 'w'", name="b", role="verifier")
        + worker("wallet = 'w'", "home = 'other'", name="c")
    )
    assert [each.name for each in read_fleet(text.encode(), HERE, SHARED).workers] == ["a", "b", "c"]


def test_what_the_file_leaves_out_is_as_for_every_command_and_paths_count_from_its_folder() -> None:
    fleet = read_fleet(worker("options = ['--poll', '3']").encode(), HERE, SHARED)
    [only] = fleet.workers
    assert fleet.settings(only) == {
        "POLE_HOME": "/home/of/all",
        "POLE_RPC": "http://node",
        "POLE_IPFS": "/ip4/1.2.3.4/tcp/5001",
        "POLE_DEPLOYMENT": "/chain.json",
        "POLE_PASSWORD_FILE": "/fleets/secret",
    }
    assert only.arguments == ("miner", "run", "--wallet", "a", "--poll", "3")
    assert fleet.name == "fleet"


def test_a_worker_serves_its_metrics_on_the_port_that_the_file_gives_it() -> None:
    text = worker("metrics = 9101", "options = ['--eager']") + worker("metrics = 9102", name="b")
    assert [each.arguments[4:] for each in read_fleet(text.encode(), HERE, SHARED).workers] == [
        ("--metrics", "9101", "--eager"),
        ("--metrics", "9102"),
    ]


def test_a_worker_that_is_not_there_is_refused_with_those_that_are() -> None:
    fleet = read_fleet((worker() + worker(name="b")).encode(), HERE, SHARED)
    assert [each.name for each in fleet.named(("b", "a", "b"))] == ["b", "a"]
    assert [each.name for each in fleet.named(())] == ["a", "b"]
    with pytest.raises(InputError, match="has no worker 'c': it has 'a', 'b'"):
        fleet.named(("c",))


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=6))
def test_a_file_is_read_just_where_no_name_comes_twice(names: list[str]) -> None:
    text = "".join(worker(name=name) for name in names)
    if len(set(names)) == len(names):
        assert [each.name for each in read_fleet(text.encode(), HERE, SHARED).workers] == names
    else:
        assert "are named" in refused(text)


def test_each_missing_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text("home = '.'\ndeployment = 'chain.json'\n" + worker())

    def problem() -> str:
        with pytest.raises(InputError) as caught:
            load_fleet(file, SHARED)
        return str(caught.value)

    assert "There is no deployment file" in problem()
    (tmp_path / "chain.json").write_text("{}")
    assert "a" in problem()
    (tmp_path / "wallets").mkdir()
    (tmp_path / "wallets" / "a.json").write_text(json.dumps({"address": Account.create().address}))
    assert f"The password file {tmp_path / 'secret'} of worker a cannot be read" in problem()
    (tmp_path / "secret").write_text("word\n")
    assert load_fleet(file, SHARED).workers[0].home == tmp_path
    file.unlink()
    assert "cannot be read" in problem()
