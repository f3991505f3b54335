from typing import Any

from numpy.typing import NDArray

Buffer = bytes | bytearray | NDArray[Any]

def paths() -> list[tuple[str, int]]: ...
def convolve(
    path: str,
    images: tuple[int, int, int, int],
    filters: tuple[int, int, int, int],
    pooling: tuple[int, int, int],
    x: Buffer,
    weights: Buffer,
    bias: Buffer,
    out: Buffer,
    unfit: Buffer,
    /,
) -> None: ...
