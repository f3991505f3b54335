from collections.abc import Callable

mine: Callable[..., None]
