"""What click finds wrong with a command line, as one sentence that says what to do."""

import click


def sentence_of(error: click.ClickException) -> str:
    """Return what is wrong with a command line, and what to do about it, on one line."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    where = context.command_path if context is not None else "pole"
    match error:
        case click.NoSuchCommand():
            near = [f"`{where} {each}`" for each in error.possibilities or ()]
            return f"There is no command `{where} {error.command_name}`: {_advice(near, where)}"
        case click.NoSuchOption():
            return f"`{where}` has no option {error.option_name}: {_advice(error.possibilities or [], where)}"
        case click.MissingParameter():
            return f"`{where}` needs {_name(error)}: `{where} --help` says what it is."
        case click.BadParameter() if error.param is not None or error.param_hint is not None:
            return f"{_name(error)}: {_clause(error.message)}."
    return f"{_clause(error.format_message())}: `{where} --help` shows how to call it."


def _advice(near: list[str], where: str) -> str:
    return f"did you mean {' or '.join(near)}?" if near else f"`{where} --help` lists what there is."


def _name(error: click.BadParameter) -> str:
    hint = error.param_hint or (error.param.get_error_hint(error.ctx) if error.param is not None else None)
    parts = [hint] if isinstance(hint, str) else list(hint or ())
    return " / ".join(part.strip("'") for part in parts)


def _clause(text: str) -> str:
    """Return a sentence of click's on one line, without its full stop."""
    return " ".join(text.split()).rstrip(".")
