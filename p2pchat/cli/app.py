"""`p2pchat`: the commands, their parameters and their help.

Nothing heavy is imported before a command runs, so that `p2pchat --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from p2pchat.cli.contacts_app import contacts_app
from p2pchat.cli.language import Language, language_of, translate_help
from p2pchat.cli.options import Options
from p2pchat.cli.passphrase_app import passphrase_app
from p2pchat.cli.reading_app import reading_app
from p2pchat.cli.rooms_app import rooms_app
from p2pchat.cli.running import (
    PROGRAM,
    WAIT_S,
    Json,
    Timeout,
    in_command,
    in_program,
)
from p2pchat.cli.running import run_command as _run
from p2pchat.cli.trust_app import devices_app, profile_app

__all__ = ["app", "main"]

app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

KeepIds = Annotated[
    bool, typer.Option("--keep-ids", help="Leave peer ids as they are; else they are shortened.")
]
Conversation = Annotated[
    str,
    typer.Argument(
        metavar="CONVERSATION", help="Name or id of a contact or room, or a contact's account."
    ),
]
Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET", help="Contact, account, peer id, or network such as 10.0.0.0/8."
    ),
]
ExportPassphraseFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The passphrase of the export stands in this file. Default: it is asked for.",
    ),
]


def main() -> None:
    """The program."""
    command = get_command(app)
    _translate(command, language_of(sys.argv[1:], os.environ))
    command(prog_name=PROGRAM)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version(PROGRAM))
        raise typer.Exit


@app.callback()
@in_program
def program(
    options: Options,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print it and end."),
    ] = False,
) -> None:
    """Decentralized chat: no server, no account, encrypted from end to end.

    The options below may stand before or after the command. Each command has a --help of its own.

    \b
    First steps:
      p2pchat init --name Alice          make an identity
      p2pchat id                         show the link to give to others
      p2pchat contacts add dchat://u/…   ask somebody
      p2pchat send Bob "Hello!"          write to a contact or room
      p2pchat rooms create Crew          make a room, by invitation
      p2pchat chat                       chat in this terminal
      p2pchat rpc                        run a client for other programs
    """


@app.command()
@in_command
def init(options: Options, json: Json = False) -> None:
    """Make an identity and show it.

    \b
    Examples:
      p2pchat init --name Alice
      p2pchat --home alice init --name Alice --json
    """
    from p2pchat.cli import commands

    _run(options, lambda settings: commands.init(settings, json), is_quiet=True)


@app.command("id")
@in_command
def show_account(options: Options, json: Json = False) -> None:
    """Show who you are, and your contact link."""
    from p2pchat.cli import commands

    _run(options, lambda settings: commands.show_account(settings, json))


@app.command()
@in_command
def status(options: Options, timeout: Timeout = WAIT_S, json: Json = False) -> None:
    """Show how the network is: peers, relays, and how each contact is reached.

    Joins the network for it, so no other program may have the home open.
    """
    from p2pchat.cli import commands

    _run(options, lambda settings: commands.status(settings, timeout, json))


@app.command()
@in_command
def doctor(options: Options, keep_ids: KeepIds = False, json: Json = False) -> None:
    """Find out what is wrong, and say what to do.

    Takes ten seconds at most, and works when nothing else does. What it prints is fit to be shown
    to others: it holds no text, no contact, no name and no key.

    \b
    Examples:
      p2pchat doctor
      p2pchat doctor --json > report.json
    """
    from p2pchat.cli import doctor as checking
    from p2pchat.cli.failing import run
    from p2pchat.cli.signals import interruptible

    start = interruptible(lambda: checking.doctor(options, keep_ids, json))
    raise typer.Exit(run(PROGRAM, start))


@app.command()
@in_command
def send(
    options: Options,
    to: Conversation,
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT", help="What to write, 32 KiB at most; - reads it in."),
    ],
    timeout: Timeout = WAIT_S,
    json: Json = False,
) -> None:
    """Write to a contact or room.

    Waits until it is delivered, and says how far it came. A message that nobody took stays in the
    outbox; it is never lost.

    \b
    Examples:
      p2pchat send Bob "Hello!"
      p2pchat send lounge "Good morning" --timeout 5
      git log -1 | p2pchat send lounge -
    """
    from p2pchat.cli import commands

    said = commands.standard_input() if text == "-" else text
    _run(options, lambda settings: commands.send(settings, to, said, timeout, json))


Said = Annotated[
    str,
    typer.Argument(metavar="MESSAGE", help="Its id; `p2pchat history --json` shows it."),
]


@app.command()
@in_command
def edit(
    options: Options,
    message: Said,
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT", help="What it says from now on; - reads it in."),
    ],
    timeout: Timeout = WAIT_S,
    json: Json = False,
) -> None:
    """Give a message of yours another text."""
    from p2pchat.cli import commands, mending

    said = commands.standard_input() if text == "-" else text
    _run(options, lambda settings: mending.edit(settings, message, said, timeout, json))


@app.command()
@in_command
def delete(options: Options, message: Said, timeout: Timeout = WAIT_S, json: Json = False) -> None:
    """Take a message of yours back.

    Its words go from this disk, and from every disk that hears of it. Who has read it has read it.
    """
    from p2pchat.cli import mending

    _run(options, lambda settings: mending.delete(settings, message, timeout, json))


@app.command()
@in_command
def react(
    options: Options,
    message: Said,
    emoji: Annotated[str, typer.Argument(metavar="EMOJI", help="A sign such as 👍.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take it away again.")] = False,
    timeout: Timeout = WAIT_S,
) -> None:
    """Put an emoji to a message."""
    from p2pchat.cli import mending

    _run(options, lambda settings: mending.react(settings, message, emoji, timeout, remove=remove))


@app.command()
@in_command
def pin(
    options: Options,
    message: Said,
    remove: Annotated[bool, typer.Option("--remove", help="Take it away again.")] = False,
    timeout: Timeout = WAIT_S,
) -> None:
    """Keep a message of a room in sight of all. Its owners and admins do this."""
    from p2pchat.cli import mending

    _run(options, lambda settings: mending.pin(settings, message, timeout, remove=remove))


@app.command()
@in_command
def history(
    options: Options,
    conversation: Conversation,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="How many messages.")] = 50,
    before: Annotated[str, typer.Option(metavar="ID", help="Only those before this one.")] = "",
    json: Json = False,
) -> None:
    """Show the newest messages of a contact or room.

    \b
    Examples:
      p2pchat history Bob
      p2pchat history lounge --limit 500 --json
    """
    from p2pchat.cli import commands

    _run(options, lambda settings: commands.history(settings, conversation, limit, before, json))


@app.command()
@in_command
def search(
    options: Options,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What to look for; spaces separate words.")
    ],
    within: Annotated[
        str, typer.Option("--in", metavar="CONVERSATION", help="Only in this contact or room.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=5000, help="How many messages.")] = 50,
    json: Json = False,
) -> None:
    """Find messages by their words, the newest first.

    All words must occur, in whatever order and case; three letters and more are taken for the
    beginning of a word, and Chinese is found from one character on.

    \b
    Examples:
      p2pchat search "train station"
      p2pchat search 你好 --in lounge --limit 10
    """
    from p2pchat.cli import searching

    _run(options, lambda settings: searching.search(settings, text, within, limit, json))


@app.command()
@in_command
def block(options: Options, target: Target, json: Json = False) -> None:
    """Refuse somebody, or a network: no connection, no message, in either direction.

    \b
    Examples:
      p2pchat block Bob               a contact, with all their devices
      p2pchat block z6Mk…             any account
      p2pchat block 12D3KooW…         one device
      p2pchat block 203.0.113.0/24    a network; a bare address means its /24, IPv6 /64
    """
    from p2pchat.cli import commands

    _run(options, lambda settings: commands.block(settings, target, json))


@app.command()
@in_command
def unblock(options: Options, target: Target) -> None:
    """Welcome somebody again who was blocked."""
    from p2pchat.cli import commands

    _run(options, lambda settings: commands.unblock(settings, target))


@app.command()
@in_command
def blocks(options: Options, json: Json = False) -> None:
    """List who is blocked."""
    from p2pchat.cli import commands

    _run(options, lambda settings: commands.blocks(settings, json))


@app.command()
@in_command
def transcript(
    options: Options,
    conversation: Conversation,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The file to write. Default: standard output."),
    ] = None,
    format: Annotated[
        Literal["text", "html", "json"] | None,
        typer.Option(help="How to write it. Default: as the file's name ends, else text."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write all of a conversation out to be read: text, a page for a browser, or JSON.

    Nobody locks it: whoever has the file can read it.

    \b
    Examples:
      p2pchat transcript Bob bob.html
      p2pchat transcript lounge --format json
    """
    from p2pchat.cli import keeping

    _run(
        options,
        lambda settings: keeping.transcript(settings, conversation, file, format, overwrite=force),
    )


@app.command()
@in_command
def completeness(
    options: Options,
    conversation: Conversation,
    timeout: Annotated[
        float, typer.Option(min=0, max=600, metavar="S", help="Seconds to compare at most.")
    ] = WAIT_S,
    json: Json = False,
) -> None:
    """Show up to where a contact or room is whole here, and which entries are missing.

    Two members who see the same digest have come to the same heads.

    \b
    Examples:
      p2pchat completeness lounge
      p2pchat completeness Bob --json
    """
    from p2pchat.cli import completing

    _run(
        options,
        lambda settings: completing.completeness(settings, conversation, timeout, json),
    )


@app.command()
@in_command
def explain(
    options: Options,
    message: Annotated[str, typer.Argument(metavar="ID", help="`history --json` shows ids.")],
    timeout: Annotated[
        float, typer.Option(min=0, max=600, metavar="S", help="Seconds to look at most.")
    ] = WAIT_S,
    json: Json = False,
) -> None:
    """Say why a message is not delivered yet, or that it is, and what speaks for it.

    Joins the network for it. Works when the client cannot start, and says why it does not.

    \b
    Examples:
      p2pchat explain 5b0f…
      p2pchat explain 5b0f… --language zh
    """
    from p2pchat.cli import explaining
    from p2pchat.cli.failing import complain_in, run
    from p2pchat.cli.signals import interruptible

    language = options.language or language_of((), os.environ)
    start = interruptible(lambda: explaining.explain(options, message, timeout, json))
    raise typer.Exit(run(PROGRAM, start, complain_in(language)))


@app.command()
@in_command
def prove(
    options: Options,
    conversation: Conversation,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    message: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only this message; `history --json` shows ids."),
    ] = None,
    without_text: Annotated[
        bool, typer.Option("--without-text", help="Leave the texts out; their hashes stay.")
    ] = False,
) -> None:
    """Write a file that proves which of your messages others have signed to hold.

    Whoever has the file can check it with `p2pchat verify`, and shows it to whom they like.

    \b
    Examples:
      p2pchat prove Bob delivered.proof
      p2pchat prove lounge one.proof --message 5b0f… --without-text
    """
    from p2pchat.cli import proving

    wanted = proving.Wanted(file, message, not without_text)
    _run(options, lambda settings: proving.prove(settings, conversation, wanted))


@app.command()
@in_command
def verify(
    options: Options,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `prove` wrote.")],
    json: Json = False,
) -> None:
    """Check a proof of delivery by its signatures alone: no home and no network is needed.

    \b
    Examples:
      p2pchat verify delivered.proof
    """
    from p2pchat.cli import proving

    _run(options, lambda settings: proving.verify(settings, file, json), is_quiet=True)


@app.command("export")
@in_command
def export_home(
    options: Options,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    export_passphrase_file: ExportPassphraseFile = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write account, contacts, rooms, blocks and history to a file that a passphrase locks.

    A home made from it is a new device of yours. Whoever has the file and its passphrase can be
    you.

    \b
    Examples:
      p2pchat export backup.dchat
      p2pchat --home elsewhere import backup.dchat
    """
    from p2pchat.cli import keeping

    _run(
        options,
        lambda settings: keeping.export(settings, file, export_passphrase_file, overwrite=force),
    )


@app.command("import")
@in_command
def import_export(
    options: Options,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote.")],
    export_passphrase_file: ExportPassphraseFile = None,
) -> None:
    """Make a home from an export, as a new device of the same account.

    The home must be new, or nothing may have happened in it. All of it is taken, or nothing.
    """
    from p2pchat.cli import keeping

    _run(
        options,
        lambda settings: keeping.import_export(settings, file, export_passphrase_file),
        is_quiet=True,
    )


@app.command("chat")
@in_command
def chat_here(options: Options) -> None:
    """Chat in this terminal: conversations, history, what comes while you type.

    It needs nothing else: an identity is made at first use. /help lists what can be typed there;
    Ctrl-D ends it.

    \b
    Examples:
      p2pchat chat
      p2pchat --lan chat
    """
    from p2pchat.cli.chat import program

    _run(options, program.chat, is_quiet=True)


@app.command()
@in_command
def rpc(options: Options) -> None:
    """Run a client that other programs drive.

    It speaks JSON-RPC 2.0 on standard input and output, one JSON object a line. Events come as
    notifications. The method `shutdown`, or the end of the input, ends it.

    \b
    Example:
      echo '{"jsonrpc":"2.0","id":1,"method":"account"}' | p2pchat rpc
    """
    from p2pchat.cli import commands

    _run(options, commands.rpc, is_quiet=True)


app.add_typer(contacts_app)
app.add_typer(devices_app)
app.add_typer(profile_app)
app.add_typer(passphrase_app)
app.add_typer(reading_app)
app.add_typer(rooms_app)


def _translate(command: object, language: Language) -> None:
    """Put the help of a command, its parameters, and all below it into a language."""
    assert isinstance(command, TyperCommand | TyperGroup), "typer makes no other"
    command.help = translate_help(command.help or "", language)
    for parameter in command.params:
        if isinstance(parameter, TyperOption | TyperArgument):
            parameter.help = translate_help(parameter.help or "", language)
    if isinstance(command, TyperGroup):
        for each in command.commands.values():
            _translate(each, language)


if __name__ == "__main__":
    main()
