"""The thread behind a portal: one client on trio; calls come in, answers and events go out.

A call is a `concurrent.futures.Future`: cancelling it cancels what the client does for it. Calls
begin in the order in which they were made, so texts sent in a row are stored in a row.

The thread is a daemon: a program that ends without closing its portal is like one that is killed,
and loses nothing. What is heavy to load (network, database) is imported in the thread.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import outcome
import trio

from p2pchat.config import ClientConfig, Loaded
from p2pchat.errors import HomeUnwritable, NodeClosed, P2PChatError
from p2pchat.events import ExportProgress
from p2pchat.portal.feeds import Feed, plain

if TYPE_CHECKING:
    from p2pchat.cli.methods import Methods
    from p2pchat.client.client import Client

__all__ = ["ClientThread", "Lives", "Opening"]

T = TypeVar("T")

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 5.0
"""For a client to say goodbye."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a client is opened with; see `open_client`."""

    home: str | os.PathLike[str] | None
    name: str | None = None
    config: ClientConfig | Callable[[], Loaded[ClientConfig]] | None = None
    passphrase: str | None = field(default=None, repr=False)
    offline: bool = False


@dataclass(slots=True, eq=False)
class _Request:
    method: str
    params: Mapping[str, object]
    answer: Future[object] = field(default_factory=lambda: Future[object]())
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)


class ClientThread:
    """One life of a client. All but `_main` and what it calls is for other threads."""

    def __init__(self, opening: Opening, feeds: Sequence[Feed]) -> None:
        self.opening = opening
        """As it is by now: the passphrase may be changed on the way."""
        self.started: Future[None] = Future()
        """Done when the client is open; else what kept it from it."""
        self.ended: Future[BaseException | None] = Future()
        """Done when nothing of it is left, with the fault that ended it."""
        self._feeds = list(feeds)
        self._unbegun: deque[_Request] = deque()
        self._open: dict[_Request, None] = {}
        """Requests without an answer."""
        self._thread = threading.Thread(target=self._run, name="p2pchat", daemon=True)
        self._entry = _Entry()
        self._scope = trio.CancelScope()
        self._session: _Session | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def submit(self, method: str, params: Mapping[str, object]) -> Future[object]:
        """Have a method called. Its future never fails to be done: when the client ends first it
        raises `NodeClosed`."""
        request = _Request(method, params)
        request.answer.add_done_callback(lambda _: self._answered(request))
        if not self._entry.soon(lambda: self._begin(request)):
            _fail(request.answer, self._closed())
        return request.answer

    def add(self, feed: Feed) -> None:
        """Have a feed filled from now on."""
        if not self._entry.soon(lambda: self._feed(feed)):
            feed.close()

    def stop(self) -> None:
        """Close the client, or open it no further."""
        self._entry.stop(self._end)

    def join(self) -> None:
        """Wait until the thread is gone; a moment, once it has ended."""
        self._thread.join()

    def _answered(self, request: _Request) -> None:
        if request.answer.cancelled():
            self._entry.soon(request.scope.cancel)

    # The client's thread

    def _run(self) -> None:
        end = outcome.capture(trio.run, self._main)
        error = _single(end.error) if isinstance(end, outcome.Error) else None
        was_open = self.started.done()
        _resolve(self.ended, error)
        if error is not None and was_open:
            logger.error("the client ended: %s", error, exc_info=error)
        for request in list(self._open):
            _fail(request.answer, self._closed())
        for feed in self._feeds:
            feed.close(error if was_open else None)
        if not was_open:
            _fail(self.started, error or NodeClosed("it was closed while it was opened"))

    def _closed(self) -> NodeClosed:
        """What is raised to who asks now."""
        error = NodeClosed("the client is closed; start the portal again")
        if self.ended.done():
            error.__cause__ = self.ended.result()
        return error

    async def _main(self) -> None:
        if not self._entry.open():
            return
        from p2pchat.client.opening import open_client

        moving: _Request | None = None
        with self._scope:
            while True:
                opening = self.opening
                async with open_client(
                    opening.home,
                    name=opening.name,
                    config=opening.config,
                    passphrase=opening.passphrase,
                    offline=opening.offline,
                ) as client:
                    moving = await self._serve(client, moving)
                if moving is None or self._entry.is_stopping:
                    return
                self._scope.deadline = float("inf")
                await self._import(moving)

    async def _serve(self, client: Client, moved: _Request | None) -> _Request | None:
        """Carry out what is asked until the end, or until an import is."""
        from p2pchat.cli.methods import Methods

        async with trio.open_nursery() as nursery:
            methods = Methods(client, self._end, self._relocked)
            session = _Session(client, methods, nursery, trio.Event())
            fed = set[Feed]()
            while unfed := [feed for feed in self._feeds if feed not in fed]:
                await nursery.start(unfed[0].pump, client)
                fed.add(unfed[0])
            if moved is not None:
                self._open.pop(moved, None)
                _resolve(moved.answer, plain(await methods.account()))
            self._session = session
            _resolve(self.started, None)
            for _ in tuple(self._unbegun):
                nursery.start_soon(self._work, session)
            if self._entry.is_stopping:
                session.ending.set()
            await session.ending.wait()
            self._session = None
            self._scope.deadline = trio.current_time() + CLOSE_TIMEOUT_S
            nursery.cancel_scope.cancel()
        return session.moving

    def _begin(self, request: _Request) -> None:
        if request.answer.done():
            return
        self._open[request] = None
        self._unbegun.append(request)
        if self._session is not None:
            self._session.nursery.start_soon(self._work, self._session)

    async def _work(self, session: _Session) -> None:
        """Carry out the request whose turn it is: tasks begin in any order, requests in theirs."""
        request = self._unbegun.popleft()
        try:
            if request.method == "import":
                self._require_import(session, request)
                session.moving = request
                session.ending.set()
                return
            with request.scope:
                result = await _called(session.methods, request)
                _resolve(request.answer, plain(result))
        except Exception as error:  # it is raised to who asked, and the client goes on
            _fail(request.answer, error)
        finally:
            if request is not session.moving:
                self._open.pop(request, None)
                _fail(request.answer, self._closed())

    def _feed(self, feed: Feed) -> None:
        self._feeds = [*(one for one in self._feeds if not one.is_closed), feed]
        if self._session is not None:
            self._session.nursery.start_soon(feed.pump, self._session.client)

    def _end(self) -> None:
        self._entry.is_stopping = True
        if self._session is not None:
            self._session.ending.set()
        else:
            self._scope.cancel()

    def _relocked(self, passphrase: str | None) -> None:
        self.opening = replace(self.opening, passphrase=passphrase)

    # An import takes place between two clients

    def _require_import(self, session: _Session, request: _Request) -> None:
        from p2pchat.cli.methods import find_method, require_unused

        find_method("import").arguments(request.params)
        if self.opening.home is None:
            raise HomeUnwritable("a client in memory has no home to be made anew")
        require_unused(session.client, is_moving=session.moving is not None)

    async def _import(self, request: _Request) -> None:
        from p2pchat.cli.methods import find_method
        from p2pchat.client.exporting import import_home

        def tell(done: int, total: int) -> None:
            for feed in self._feeds:
                feed.put(ExportProgress(done, total, is_import=True))

        try:
            arguments = find_method("import").arguments(request.params)
            assert self.opening.home is not None, "it was asked for"
            with request.scope:
                await import_home(
                    Path(self.opening.home),
                    str(arguments["path"]),
                    str(arguments["passphrase"]),
                    home_passphrase=self.opening.passphrase,
                    progress=tell,
                )
        except P2PChatError as error:
            _fail(request.answer, error)


class Lives:
    """The base of portals: the lives of one client, one after the other."""

    def __init__(
        self,
        home: str | os.PathLike[str] | None,
        *,
        name: str | None = None,
        config: ClientConfig | Callable[[], Loaded[ClientConfig]] | None = None,
        passphrase: str | None = None,
        offline: bool = False,
    ) -> None:
        """The parameters are those of `open_client`; nothing happens before `start`."""
        self._opening = Opening(home, name, config, passphrase, offline)
        self._thread: ClientThread | None = None
        self._feeds: list[Feed] = []

    @property
    def is_running(self) -> bool:
        """Whether a client is open, or on its way to be."""
        return self._thread is not None and not self._thread.ended.done()

    def _begin(self) -> ClientThread:
        if self.is_running:
            raise RuntimeError("the portal is started already")
        if self._thread is not None:
            self._opening = self._thread.opening
        feeds, self._feeds = self._feeds, []
        self._thread = ClientThread(self._opening, feeds)
        self._thread.start()
        return self._thread

    def _submit(self, method: str, params: Mapping[str, object]) -> Future[object]:
        if self._thread is None:
            raise NodeClosed("the portal is not started")
        return self._thread.submit(method, params)

    def _hear(self, feed: Feed) -> None:
        if self._thread is not None and self.is_running:
            self._thread.add(feed)
        else:
            self._feeds.append(feed)


class _Entry:
    """The way into the client's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: trio.lowlevel.TrioToken | None = None
        self._early: list[Callable[[], object]] = []
        self.is_stopping = False
        """No client is to be opened any more."""

    def open(self) -> bool:
        """From within; False when it was told to stop before."""
        with self._lock:
            self._token = trio.lowlevel.current_trio_token()
            for function in self._early:
                self._token.run_sync_soon(function)
            return not self.is_stopping

    def stop(self, end: Callable[[], object]) -> None:
        """Have `end` run within, or nothing begin."""
        with self._lock:
            self.is_stopping = True
        self.soon(end)

    def soon(self, function: Callable[[], object]) -> bool:
        """Have it run within; False when all is over."""
        with self._lock:
            if self._token is None:
                self._early.append(function)
                return True
        try:
            self._token.run_sync_soon(function)
        except trio.RunFinishedError:
            return False
        return True


@dataclass(slots=True)
class _Session:
    """What is there while a client is open."""

    client: Client
    methods: Methods
    nursery: trio.Nursery
    ending: trio.Event
    moving: _Request | None = None


async def _called(methods: Methods, request: _Request) -> object:
    from p2pchat.cli.methods import find_method

    method = find_method(request.method)
    return await method.function(methods, **method.arguments(request.params))


def _single(error: BaseException) -> BaseException:
    """What stands alone in groups."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
    return _single(inner[0]) if len(inner) == 1 else cast("BaseException", error)


def _resolve(future: Future[T], value: T) -> None:
    """Unless it is done, or was cancelled by who waits for it, in another thread."""
    with suppress(InvalidStateError):
        future.set_result(value)


def _fail(future: Future[object] | Future[None], error: BaseException) -> None:
    with suppress(InvalidStateError):
        future.set_exception(error)
