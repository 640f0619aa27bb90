"""Filling in a template, every printed value escaped by the environment itself, so that no author can forget it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType

from swiftdeploy.model.errors import BadFile, Finding

# what an expression in a template may raise by itself
_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def filled(
    name: str, templates: Mapping[str, str], finalize: Callable[[object], str], values: Mapping[str, object]
) -> str:
    """The template `name` filled in, every printed value escaped by `finalize`.

    Raises BadFile with file and line: broken syntax, an unknown name, a value that `finalize` refuses (TypeError,
    ValueError), a template that is not there.
    """
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def source(wanted: str) -> tuple[str, str, None] | None:
        text = templates.get(wanted)
        return None if text is None else (text, _place(wanted), None)

    def printed(value: object) -> str:
        if isinstance(value, jinja2.Undefined):
            str(value)  # StrictUndefined raises here, and says which name
        return finalize(value)

    # sandboxed: `validate` must be safe to run on a project that was just cloned from somewhere
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FunctionLoader(source),
        undefined=jinja2.StrictUndefined,
        finalize=printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    try:
        return environment.get_template(name).render(values)
    except jinja2.TemplateSyntaxError as error:
        raise _bad(error.filename or _place(name), error.lineno, error.message or "syntax error") from error
    except (jinja2.TemplateError, *_FAULTS) as error:
        place, line = _where(error.__traceback__, set(map(_place, templates))) or (_place(name), 0)
        raise _bad(place, line, _said(error)) from error


def _place(template: str) -> str:
    return f"templates/{template}"


def _where(trace: TracebackType | None, places: set[str]) -> tuple[str, int] | None:
    """File and line of the innermost template frame of a traceback."""
    found = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in places:
            found = (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    return found


def _said(error: Exception) -> str:
    import jinja2

    return f"there is no template {error}" if isinstance(error, jinja2.TemplateNotFound) else str(error)


def _bad(file: str, line: int, what: str) -> BadFile:
    return BadFile(
        (Finding(file, line, 1 if line else 0, "", what),),
        "correct the template, or remove it from templates/ to use the packaged one",
    )
