from collections.abc import Callable

from hypothesis.strategies import SearchStrategy

def given(**strategies: SearchStrategy[object]) -> Callable[[Callable[..., None]], Callable[..., None]]: ...
