"""Options that every command takes, declared once as the fields of a value.

`takes_options` turns a function of such a value into one that typer understands, with an option for
each field. The options may stand before or after the command; the one nearer to the end counts.
This module is on the path of `--help`: it imports no part of the network or the store.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, fields, replace
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar, get_args, get_type_hints

import typer
from typer.models import OptionInfo

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

from p2pchat.cli.language import Language

__all__ = ["HOME_VARIABLE", "LAN_SECRET_VARIABLE", "NetworkOptions", "Options", "takes_options"]

LogLevel = Literal["debug", "info", "warning", "error"]

HOME_VARIABLE = "P2PCHAT_HOME"
LAN_SECRET_VARIABLE = "P2PCHAT_LAN_SECRET"  # noqa: S105 -- where it is, not what it is

_KEYWORD = inspect.Parameter.KEYWORD_ONLY

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What clients and relays have in common."""

    bootstrap_peer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDR", help="Peer to dial first, a multiaddr with /p2p/<peer id>. Repeatable."
        ),
    ] = None
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDR", help="Listen here, such as /ip4/0.0.0.0/tcp/4001. Repeatable."
        ),
    ] = None
    announce: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDR", help="Address that others shall dial. Repeatable."),
    ] = None
    no_fetch: Annotated[
        bool,
        typer.Option("--no-fetch", help="Use neither fetched peers nor those of the package."),
    ] = False
    identity: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Take the device key from this file: 32 bytes, or 64 hex digits."
        ),
    ] = None
    log_level: Annotated[
        LogLevel | None,
        typer.Option(metavar="LEVEL", help="How much to log: debug, info, warning, error."),
    ] = None


def _directory(text: str) -> Path:
    if not text.strip():
        raise typer.BadParameter("it names no directory; an unset variable, perhaps")
    return Path(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(NetworkOptions):
    """What all commands of `p2pchat` have in common."""

    home: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=_directory,
            help="Where keys, contacts and messages are. Default: P2PCHAT_HOME, else the"
            " platform's directory for user data.",
        ),
    ] = None
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Nickname of an identity made at first use. Default: the login name.",
        ),
    ] = None
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The home's passphrase stands in this file. Default: it is asked for.",
        ),
    ] = None
    lan: Annotated[
        bool,
        typer.Option("--lan", help="Find others on this network; no internet is needed."),
    ] = False
    lan_secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Only who knows the secret in this file is found, and finds you. Default:"
            " P2PCHAT_LAN_SECRET, else everybody.",
        ),
    ] = None
    language: Annotated[
        Language | None,
        typer.Option(metavar="LANG", help="Language of messages, en or zh. Default: the locale's."),
    ] = None


def takes_options(
    kind: type[T], *, hidden: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a function, whose first parameter is a `kind`, an option for each field of it, and the
    context of the command as `context` if it has such a parameter.

    `hidden` leaves the options out of this command's help, because they stand in that of the
    program.
    """
    hints = get_type_hints(kind, include_extras=True)
    shared = {field.name: (hints[field.name], field.default) for field in fields(kind)}

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        taken = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        own = [each for each in taken if each.annotation is not typer.Context]
        wants_context = len(own) < len(taken)

        def command(context: typer.Context, **given: object) -> None:
            options = {name: given.pop(name) for name in shared}
            if wants_context:
                given["context"] = context
            function(_merged(kind, context, options), **given)

        added = [
            inspect.Parameter(
                name,
                _KEYWORD,
                default=default,
                annotation=_hidden(hint) if hidden else hint,
            )
            for name, (hint, default) in shared.items()
        ]
        shown = [
            inspect.Parameter("context", _KEYWORD, annotation=typer.Context),
            *(each.replace(kind=_KEYWORD) for each in own),
            *added,
        ]
        update_wrapper(command, function, assigned=("__name__", "__doc__"))
        command.__annotations__ = {each.name: each.annotation for each in shown}
        vars(command)["__signature__"] = inspect.Signature(shown)
        return command

    return decorate


def _merged(kind: type[T], context: typer.Context, given: Mapping[str, object]) -> T:
    """The program's options, and over them those given to the command; kept for the next."""
    before = context.obj if isinstance(context.obj, kind) else kind()
    absent: tuple[object, ...] = (None, False, [])
    options = replace(before, **{n: value for n, value in given.items() if value not in absent})
    context.obj = options
    return options


def _hidden(hint: object) -> object:
    kind, option = get_args(hint)
    assert isinstance(option, OptionInfo), "every field has its option"
    option = copy(option)
    option.hidden = True
    return Annotated[kind, option]
