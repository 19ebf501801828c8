"""`p2pchat rpc`: a client for programs in any language, one JSON object a line.

Requests are answered concurrently, as each is done. Two kinds are told apart: those that end with
the disk or sooner hold a place among a few, and while all places are taken no further line is read;
those that wait for the network may be many, and are refused beyond a bound, so that however many
wait, `shutdown` is read. One task writes, joining what waits into one write; when nobody reads,
answers wait in their places, and events pile up in the client's bounded subscription, which drops
and counts them. The node never waits for the reader of its events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import trio

from p2pchat.cli import shapes
from p2pchat.cli.jsonrpc import (
    Call,
    InvalidRequest,
    ParseError,
    RequestError,
    TooManyRequests,
    error_answer,
    notification,
    read_call,
    read_line,
    result_answer,
)
from p2pchat.cli.methods import METHODS, Method, Methods, find_method, require_unused
from p2pchat.cli.signals import at_hangup, hangups, until_signal
from p2pchat.cli.stdio import LineReader, open_stdio
from p2pchat.client.client import Client
from p2pchat.client.exporting import import_home, require_new_key
from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig, Loaded
from p2pchat.errors import HomeNotEmpty, NodeClosed, P2PChatError
from p2pchat.events import Event, ExportProgress
from p2pchat.node.hub import Subscription

__all__ = ["run_rpc", "serve"]

LINE_BYTES_MAX = 1 << 20
BATCH_REQUESTS_MAX = 1_000
WORKING_MAX = 256
WAITING_MAX = 4_096
OUTPUT_BYTES_MAX = 1 << 20
EVENTS_MAX = 16_384
"""A burst that is committed together is told together; its events must fit."""
END_GRACE_S = 2.0
"""After the end of the input, for what was asked before it."""
FLUSH_S = 1.0

Answer = dict[str, object]
Deliver = Callable[[Answer | None], None]
"""Takes the answer of one request; None of a notification."""


async def run_rpc(
    home: Path, load: Callable[[], Loaded[ClientConfig]], passphrase: str | None
) -> int:
    """Serve standard input and output; the exit status. SIGINT and SIGTERM end it in order, SIGHUP
    reads the configuration again."""

    def with_room() -> Loaded[ClientConfig]:
        config, warnings = load()
        limits = replace(config.limits, subscriber_events_max=EVENTS_MAX)
        return replace(config, limits=limits), warnings

    with hangups() as signals:

        @asynccontextmanager
        async def open_here(passphrase: str | None) -> AsyncGenerator[Client]:
            async with (
                open_client(home, config=with_room, passphrase=passphrase) as client,
                at_hangup(signals, client.reload_config),
            ):
                yield client

        async with (
            open_stdio() as (reader, writer),
            until_signal() as ending,
            open_channel(reader, writer) as channel,
        ):
            channel.passphrase = passphrase
            await _serve_clients(open_here, home, load, channel)
    return 130 if ending.was_interrupted else 0


async def _serve_clients(
    open_here: Callable[[str | None], AbstractAsyncContextManager[Client]],
    home: Path,
    load: Callable[[], Loaded[ClientConfig]],
    channel: Channel,
) -> None:
    """Serve one client, and after each import the next."""
    moving: Moving | None = None
    while True:
        async with open_here(channel.passphrase) as client:
            if moving is not None:
                moving.answer(client)
            moving = await serve_client(client, channel)
        if moving is None:
            return
        await moving.carry_out(home, load, channel)


async def serve(
    client: Client, reader: trio.abc.ReceiveStream, writer: trio.abc.SendStream
) -> None:
    """Answer the requests of `reader` until `shutdown`, its end, or the end of who listens, for a
    client whose home stays what it is."""
    async with open_channel(reader, writer) as channel:
        while (moving := await serve_client(client, channel)) is not None:
            moving.fail(HomeNotEmpty("this client cannot be replaced by an import"))
            moving.answer(client)


@dataclass(slots=True)
class Channel:
    """Where requests come from and answers go, whichever client gives them."""

    lines: LineReader
    output: Output
    passphrase: str | None = field(default=None, repr=False)
    """What locks the home; it may be changed on the way."""

    def relocked(self, passphrase: str | None) -> None:
        self.passphrase = passphrase


@asynccontextmanager
async def open_channel(
    reader: trio.abc.ReceiveStream, writer: trio.abc.SendStream
) -> AsyncGenerator[Channel]:
    """A channel for the time of the block, which ends when nobody listens any more; what is
    answered is written before it ends."""
    output = Output(writer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(output.run, nursery.cancel_scope)
        yield Channel(LineReader(reader, LINE_BYTES_MAX), output)
        with trio.move_on_after(FLUSH_S):
            await output.flush()
        nursery.cancel_scope.cancel()


async def serve_client(client: Client, channel: Channel) -> Moving | None:
    """Answer requests until `shutdown` or the end of the input, or until one asks for an import,
    which is the caller's to carry out when the client is closed."""
    output = channel.output
    async with client.subscribe() as events, trio.open_nursery() as nursery:
        nursery.start_soon(_tell, events, output)
        session = Session(client, channel)
        await session.run(channel.lines)
        nursery.cancel_scope.cancel()
    return session.moving


async def _tell(events: Subscription, output: Output) -> None:
    async for event in events:
        output.put(_told(event))
        await output.room()


def _told(event: Event) -> bytes:
    return notification("event", shapes.event(event))


class Output:
    """The one writer of a stream: whatever waits goes out in one write."""

    def __init__(self, stream: trio.abc.SendStream) -> None:
        self._stream = stream
        self._lines: list[bytes] = []
        self._size_bytes = 0
        self._news = trio.Event()
        self._written = trio.Event()

    def put(self, line: bytes) -> None:
        """Queue a line. Whoever does so waits for `room` before the next."""
        self._lines.append(line)
        self._size_bytes += len(line)
        self._news.set()

    async def room(self) -> None:
        """Wait while more is queued than may be."""
        while self._size_bytes > OUTPUT_BYTES_MAX:
            await self._written.wait()

    async def flush(self) -> None:
        """Wait until everything is written."""
        while self._size_bytes:
            await self._written.wait()

    async def run(self, scope: trio.CancelScope) -> None:
        """Write until cancelled; when nobody reads any more, cancel `scope`."""
        try:
            while True:
                await self._news.wait()
                self._news = trio.Event()
                data = b"".join(self._lines)
                self._lines.clear()
                await self._stream.send_all(data)
                self._size_bytes -= len(data)
                self._written.set()
                self._written = trio.Event()
        except trio.BrokenResourceError:
            scope.cancel()


class Moving:
    """An import that was asked for: the home is made anew between two clients, and the second one
    gives the answer."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._error: P2PChatError | None = None

    async def carry_out(
        self, home: Path, load: Callable[[], Loaded[ClientConfig]], channel: Channel
    ) -> None:
        """Import into the home, whose client is closed, if what `load` reads will open it then."""
        path, passphrase = self._request.arguments["path"], self._request.arguments["passphrase"]

        def tell(done: int, total: int) -> None:
            event = ExportProgress(done, total, is_import=True)
            trio.from_thread.run_sync(channel.output.put, _told(event))

        try:
            require_new_key(load()[0])
            await import_home(
                home,
                cast("str", path),
                cast("str", passphrase),
                home_passphrase=channel.passphrase,
                progress=tell,
            )
        except P2PChatError as error:
            self.fail(error)

    def fail(self, error: P2PChatError) -> None:
        """The home is as it was."""
        self._error = error

    def answer(self, client: Client) -> None:
        """Say how it went, and who lives in the home now."""
        call = self._request.call
        answer = (
            result_answer(call.id, shapes.account(client))
            if self._error is None
            else error_answer(call.id, self._error)
        )
        self._request.deliver(None if call.is_notification else answer)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is understood, and who takes its answer."""

    call: Call
    method: Method
    arguments: dict[str, object]
    deliver: Deliver


class Session:
    """The requests of one reader."""

    def __init__(self, client: Client, channel: Channel) -> None:
        self._methods = Methods(client, self._end_now, channel.relocked)
        self._output = channel.output
        self._places = trio.Semaphore(WORKING_MAX)
        self._unbegun: deque[Request] = deque()
        self._reading = trio.CancelScope()
        self._grace_s = END_GRACE_S
        self._client = client
        self.moving: Moving | None = None
        """Set when an import was asked for: the last thing that this session hears."""

    async def run(self, lines: LineReader) -> None:
        """Answer until the input ends or `shutdown`; what was asked before is answered, with an
        error if it would take longer than the grace."""
        async with trio.open_nursery() as self._working, trio.open_nursery() as self._waiting:
            with self._reading:
                await self._take_all(lines)
            now_s = trio.current_time()
            self._waiting.cancel_scope.deadline = now_s + self._grace_s
            self._working.cancel_scope.deadline = now_s + END_GRACE_S

    def _end_now(self) -> None:
        self._grace_s = 0.0
        self._reading.cancel()

    # From lines to requests

    async def _take_all(self, lines: LineReader) -> None:
        while batch := await lines.receive():
            for number, line in enumerate(batch, 1):
                await self._take(line)
                if self.moving is not None:
                    lines.put_back(batch[number:])
                    self._grace_s = 0.0
                    return

    async def _take(self, line: bytes) -> None:
        if not line or line.isspace():
            return
        try:
            if len(line) > LINE_BYTES_MAX:
                raise InvalidRequest(f"a line has at most {LINE_BYTES_MAX:,} bytes")
            value = read_line(line)
            if isinstance(value, list):
                await self._take_batch(cast("list[object]", value))
                return
        except (ParseError, InvalidRequest) as error:
            self._deliver(error_answer(None, error))
            await self._output.room()
            return
        await self._start(value, self._deliver)

    async def _take_batch(self, values: list[object]) -> None:
        if not 0 < len(values) <= BATCH_REQUESTS_MAX:
            raise InvalidRequest(f"a batch has 1 to {BATCH_REQUESTS_MAX:,} requests")
        batch = Batch(len(values), self._output)
        for value in values:
            await self._start(value, batch.deliver)

    async def _start(self, value: object, deliver: Deliver) -> None:
        """Begin a request, or answer at once what is wrong with it."""
        call: Call | None = None
        try:
            call = read_call(value)
            method = find_method(call.method)
            arguments = method.arguments(call.params)
            if method is METHODS["import"]:
                require_unused(self._client, is_moving=self.moving is not None)
            if method.waits and len(self._waiting.child_tasks) >= WAITING_MAX:
                raise TooManyRequests(f"{WAITING_MAX:,} requests wait already")
        except (RequestError, P2PChatError) as error:
            is_silent = call is not None and call.is_notification
            deliver(None if is_silent else error_answer(call.id if call else None, error))
            await self._output.room()
            return
        request = Request(call, method, arguments, deliver)
        if method is METHODS["import"]:
            self.moving = Moving(request)
            return
        if method.waits:
            self._waiting.start_soon(self._answer, request)
            return
        await self._take_place()
        self._unbegun.append(request)
        self._working.start_soon(self._work)

    async def _take_place(self) -> None:
        try:
            self._places.acquire_nowait()
        except trio.WouldBlock:
            await self._places.acquire()

    # From requests to answers

    async def _work(self) -> None:
        """Begin the request whose turn it is: tasks start in any order, requests in theirs, so
        that texts sent in a row are stored in a row. Its place is kept until there is room for
        the answer."""
        try:
            await self._answer(self._unbegun.popleft())
        finally:
            self._places.release()

    async def _answer(self, request: Request) -> None:
        call = request.call
        answer = error_answer(call.id, NodeClosed("the client is closed before this is done"))
        try:
            result = await request.method.function(self._methods, **request.arguments)
            answer = result_answer(call.id, result)
        except P2PChatError as error:
            answer = error_answer(call.id, error)
        finally:
            request.deliver(None if call.is_notification else answer)
        await self._output.room()

    def _deliver(self, answer: Answer | None) -> None:
        if answer is not None:
            self._output.put(shapes.to_json(answer) + b"\n")


class Batch:
    """The answers of one batch, written as one line when all are there."""

    def __init__(self, requests: int, output: Output) -> None:
        self._missing = requests
        self._output = output
        self._answers: list[Answer] = []

    def deliver(self, answer: Answer | None) -> None:
        """Take one answer; a batch of nothing but notifications is not answered."""
        self._missing -= 1
        if answer is not None:
            self._answers.append(answer)
        if not self._missing and self._answers:
            self._output.put(shapes.to_json(self._answers) + b"\n")
