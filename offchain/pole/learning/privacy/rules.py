"""The four rules of the key budget: what is too much of a data set for its keys to give away.

They stand in the order in which they are asked, from what is computed exactly to what is guessed well.
Whoever accepts that one is broken accepts those after it too.
"""

from enum import StrEnum
from typing import Final

from pole.learning.privacy.measure import AttackMeasure, DataMeasure, KeysMeasure

SPARE_BITS: Final = 3
"""Bits that answers must leave open: with less, fewer than eight samples fit them on average."""
MAX_GAIN: Final = 0.5
MAX_WHOLE: Final = 0.01


class Rule(StrEnum):
    """What must not happen without the owner's consent."""

    RANK = "rank"
    NUMERICAL_RANK = "numerical-rank"
    ENTROPY = "entropy"
    ATTACK = "attack"


def broken_rule(data: DataMeasure, keys: KeysMeasure, attack: AttackMeasure | None) -> Rule | None:
    """Return the first rule that keys break, None where they break none; `attack` is what attacks recovered.

    Rank: the functions are as many as the dimensions that the samples fill, or one fewer. Numerical rank: as
    many as those that vary by more than rounding, or one fewer. Entropy: the answers carry all bits of a
    sample but for three. Attack: half of the values that guessing gets wrong come back exactly, or one sample
    in a hundred comes back whole.
    """
    if _exhausts(keys.functions, data.affine_rank):
        return Rule.RANK
    if _exhausts(keys.functions, data.numerical_rank):
        return Rule.NUMERICAL_RANK
    if keys.bits and keys.bits > data.bits - SPARE_BITS:
        return Rule.ENTROPY
    if attack is not None and _succeeds(attack):
        return Rule.ATTACK
    return None


def covers(consent: Rule | None, broken: Rule | None) -> bool:
    """Return whether an owner who accepted that `consent` is broken accepts that `broken` is."""
    rules = list(Rule)
    return broken is None or (consent is not None and rules.index(consent) <= rules.index(broken))


def why(rule: Rule, data: DataMeasure, keys: KeysMeasure) -> str:
    """Return what a broken rule means, a part of a sentence that begins in lower case."""
    given = f"{keys.functions} independent functions of a sample would be given away"
    match rule:
        case Rule.RANK:
            return (
                f"{given}, the data fill {data.affine_rank} dimensions, and from "
                f"{max(1, data.affine_rank - 1)} on anybody who knows such data computes every value"
            )
        case Rule.NUMERICAL_RANK:
            return (
                f"{given}, the data vary in {data.numerical_rank} directions by more than rounding, and from "
                f"{max(1, data.numerical_rank - 1)} on nearly every value can be computed"
            )
        case Rule.ENTROPY:
            return (
                f"the answers carry up to {keys.bits} bits of a sample that has at most {data.bits}, so a "
                "search can find the one sample that fits them"
            )
        case Rule.ATTACK:
            return (
                "an attack that was tried on these data gets half of the values exactly that guessing gets "
                "wrong, or one sample in a hundred whole"
            )


def _exhausts(functions: int, rank: int) -> bool:
    return 0 < functions >= rank - 1


def _succeeds(attack: AttackMeasure) -> bool:
    return attack.gain >= MAX_GAIN or attack.attack.whole - attack.guess.whole >= MAX_WHOLE
