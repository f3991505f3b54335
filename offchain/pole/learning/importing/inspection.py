"""What a module's layers compute beside what stands in its forward: hooks, other types, other forwards."""

import inspect
from collections.abc import Iterable, Iterator

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils import parametrize

from pole.learning.importing.lines import after_comma, line_of_code, line_of_forward, line_of_making

KINDS_OF_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
IN_TWO_MODES = (nn.Dropout, nn.BatchNorm1d, nn.BatchNorm2d)
TYPES = (torch.float32, torch.float64)


def type_of(module: nn.Module) -> torch.dtype:
    """Return the type of a module's first parameter or buffer that is no whole number, else float32."""
    tensors = (*module.parameters(), *module.buffers())
    return next((each.dtype for each in tensors if _is_number(each)), torch.float32)


def failure_to_take_features(module: nn.Module) -> str:
    """Return why a module cannot be run on features at all, "" where it can."""
    try:
        inspect.signature(module.forward).bind(None)
    except TypeError as error:
        return (
            f"at its forward{after_comma(line_of_forward(module))}: it must take the features alone, or have "
            f"defaults for the rest ({error})"
        )
    except ValueError:
        pass
    for part in module.modules():
        if isinstance(part, torch.jit.ScriptModule) or type(part).__name__ == "OptimizedModule":
            return (
                f"at its {type(part).__name__}{after_comma(line_of_making(part))}: what is scripted or "
                "compiled cannot be followed: give the module itself"
            )
    kind = type_of(module)
    for name, each in (*module.named_parameters(), *module.named_buffers()):
        if _is_number(each) and (each.dtype != kind or kind not in TYPES or each.device.type != "cpu"):
            return (
                f"at its {name!r}{after_comma(line_of_making(module))}: it is of {each.dtype} on "
                f"{each.device.type}: all weights must be of torch.float32, on the processor"
            )
    return ""


def alterations(module: nn.Module) -> Iterator[str]:
    """Yield, for every part of a module that has hooks or the like, what they are."""
    if nn.modules.module._has_any_global_hook():  # type: ignore[no-untyped-call]
        yield f"as there are hooks on all modules: {_NO_HOOK}"
    for path, part in module.named_modules():
        place = f"at its {type(part).__name__} {path!r}" if path else f"at its {type(part).__name__}"
        made = after_comma(line_of_making(part))
        if parametrize.is_parametrized(part):
            yield f"{place}{made}: weight_norm, spectral_norm and their like have no layer: leave them out"
        hooked = (part, *part.parameters(recurse=False))
        for hook in (each for held in hooked for kind in KINDS_OF_HOOKS for each in _hooks(held, kind)):
            yield f"{place}{after_comma(_line_of_hook(hook)) or made}: a hook is no layer: {_NO_HOOK}"
        if "forward" in vars(part):
            line = after_comma(line_of_code(part.forward)) or made
            yield f"{place}{line}: its forward was replaced: make a class of your own with that forward"


def in_another_mode(module: nn.Module) -> Iterator[str]:
    """Yield the parts of a module that train while it evaluates, or evaluate while it trains."""
    for path, part in module.named_modules():
        if part.training != module.training and isinstance(part, IN_TWO_MODES):
            place = f"{type(part).__name__} {path!r}{after_comma(line_of_making(part))}"
            own, whole = ("trains", "evaluates") if part.training else ("evaluates", "trains")
            yield f"at its {place}: it {own} while the module {whole}, as no layer does"


_NO_HOOK = "write what it does into forward, and leave weight_norm and pruning out"


def _hooks(held: nn.Module | torch.Tensor, kind: str) -> Iterable[object]:
    """Return the hooks of a kind; those by which a lazy module finds its sizes are none."""
    return () if isinstance(held, LazyModuleMixin) else (getattr(held, kind, None) or {}).values()


def _line_of_hook(hook: object) -> str:
    return line_of_code(hook) if callable(hook) else ""


def _is_number(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()
