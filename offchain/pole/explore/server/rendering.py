"""Templates: every value is escaped, and shown as people read it."""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pole.explore.database import storable
from pole.explore.views.rounds.drawing import drawn_timeline, lasting
from pole.explore.views.tasks.drawing import drawn_layers, sizes
from pole.protocol.amounts import ETHER, written
from pole.protocol.ballots import round_and_attempt
from pole.protocol.state import Verdict
from pole.quoting import date_of, one_line, utc

ROOMS: Final = ("frame", "network", "work", "chain", "people")
"""The folders of templates, whose names are unique among them all."""

SHORT_CID: Final = 16
MAX_TEXT: Final = 300
"""Characters of a stranger's text on a page."""

KEPT: Final = 4_096
"""Amounts and words whose markup is kept: a page repeats most of its own, and pages each other's."""

DAY: Final = 86_400

MAX_ENTRIES: Final = 50
"""Entries of a list in an event or record, on a page."""

_NUMBERS: Final = {
    "amount": {"amount", "bond", "data bond", "fee", "refund", "reward", "stake"},
    "round": {"round id"},
    "task": {"task id", "by task id"},
    "ballot": {"ballot id"},
    "verdict": {"verdict"},
    "seconds": {"time limit", "min training time"},
    "ten-thousandths": {"required train accuracy", "required test accuracy"},
}
_TEXTS: Final = {
    "person": {"challenger", "informer", "members", "miner", "owner", "payee", "verifier", "winner"},
    "account": {"account", "from account", "to account"},
    "name": {"reason", "verdict"},
}
_LARGEST_ROUND: Final = 2**63 - 1

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader("pole.explore.server", f"templates/{room}") for room in ROOMS]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(MAX_ENTRIES=MAX_ENTRIES)
    made.filters.update(
        amount=amount,
        hexadecimal=hexadecimal,
        moment=moment,
        exactly=utc,
        date=date,
        short=short,
        text=text,
        words=words,
        meaning=meaning,
        round_of=round_of,
        round_and_attempt=round_and_attempt,
        verdict=verdict,
        percent=percent,
        real=real,
        duration=duration,
        speed=speed,
        sizes=sizes,
        drawn_layers=drawn_layers,
        drawn_timeline=drawn_timeline,
        lasting=lasting,
    )
    return made


def prepare() -> None:
    """Compile all templates, so that the first who ask for a page do not wait for that."""
    for template in environment().list_templates():
        environment().get_template(template)


def render(template: str, **values: Any) -> str:
    """Return a page."""
    return environment().get_template(f"{template}.html").render(**values)


@lru_cache(KEPT)
def amount(wei: int | None, unit: str = ETHER) -> Markup:
    """Return an amount in ether or another unit, with its wei on hover; a dash for None."""
    if wei is None:
        return Markup("–")
    return Markup('<data class="number" value="%s" title="%s wei">%s</data>') % (wei, wei, written(wei, unit))


def moment(time: int | None, now: int) -> Markup:
    """Return a time as people say it, seen from `now`, with the exact one on hover; a dash for None."""
    if time is None:
        return Markup("–")
    exact = (date_of(time).isoformat(), time, utc(time), _relative(time - now))
    return Markup('<time datetime="%s" data-time="%s" title="%s">%s</time>') % exact


def _relative(seconds: int) -> str:
    if seconds == 0:
        return "now"
    unit, size = next((each for each in _UNITS if abs(seconds) >= each[1]), _UNITS[-1])
    count = abs(seconds) // size
    return f"{count} {unit} ago" if seconds < 0 else f"in {count} {unit}"


def date(day: int) -> Markup:
    """Return the date of a day since the epoch, which a chart reads."""
    shown = date_of(day * DAY).date().isoformat()
    return Markup('<time datetime="%s">%s</time>') % (shown, shown)


def hexadecimal(value: bytes) -> str:
    """Return bytes as 0x and digits."""
    return "0x" + value.hex()


@lru_cache(KEPT)
def short(value: str) -> Markup:
    """Return a long word shortened in its middle, whole on hover."""
    whole = one_line(storable(value), MAX_TEXT)
    if len(whole) <= SHORT_CID:
        return escape(whole)
    return Markup('<span title="%s">%s…%s</span>') % (whole, whole[:8], whole[-6:])


def text(value: object) -> str:
    """Return a stranger's text on one line and bounded; the template escapes it."""
    return one_line(storable(str(value)), MAX_TEXT)


def words(name: str) -> str:
    """Return the name of a constant or class as words: TASK_REWARD and TaskReward are `task reward`."""
    apart = "".join(f" {each}" if each.isupper() and not name.isupper() else each for each in name)
    return apart.replace("_", " ").replace("-", " ").strip().lower()


def meaning(value: object, name: str) -> str:
    """Return what an argument of an event or a field of a record is, by its name: how a page shows it.

    `structure` and `list` have more of them, `account` is one of the reservoir, `name` that of a constant,
    and `text` is all else.
    """
    if isinstance(value, Mapping):
        return "structure"
    if isinstance(value, list):
        return "list"
    said, is_number = words(name), str(value).isdecimal()
    known = _NUMBERS if is_number else _TEXTS
    return next((each for each, names in known.items() if said in names), "text")


def verdict(number: int) -> str:
    """Return a verdict of a vote as words, its number where there is none such."""
    return next((words(each.name) for each in Verdict if each == number), str(number))


def round_of(account: str) -> int | None:
    """Return the round whose money an account of the reservoir holds, None of any other account."""
    number = int(account, 16)
    return number if 0 < number <= _LARGEST_ROUND else None


def percent(part: int, whole: int) -> str:
    """Return a part in percent with two decimals, a dash of nothing."""
    return f"{100 * part / whole:.2f} %" if whole else "–"


def real(value: float | None, digits: int = 4) -> str:
    """Return a number with so many significant digits, a dash for None."""
    return "–" if value is None else f"{value:.{digits}g}"


def speed(value: float | None) -> str:
    """Return a number of samples a second, a dash for None."""
    return real(value, 3) if value is None or not 1_000 <= value < 1e12 else f"{value:.0f}"


def duration(seconds: float) -> str:
    """Return seconds as people say them, to three digits below a minute."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
