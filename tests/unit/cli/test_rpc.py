"""A session over streams in memory, with a client that is offline: no process, no waiting."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from p2pchat.cli import rpc
from p2pchat.client.client import Client
from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig, Limits
from p2pchat.model.ids import DeviceId


@dataclass
class Talk:
    """The other end of a session."""

    client: Client
    stream: trio.abc.HalfCloseableStream
    ended: trio.Event = field(default_factory=trio.Event)
    _rest: bytes = b""

    async def say(self, *requests):
        lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in requests]
        await self.stream.send_all(b"".join(line + b"\n" for line in lines))

    async def line(self):
        while b"\n" not in self._rest:
            chunk = await self.stream.receive_some()
            if not chunk:
                return None
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    async def answers(self, count):
        """The next answers, whatever events are told between them."""
        found = []
        while len(found) < count:
            line = await self.line()
            assert line is not None, f"it ended after {found}"
            if "method" not in line:
                found.append(line)
        return found

    async def ask(self, method, **params):
        await self.say(request(method, 0, **params))
        [answer] = await self.answers(1)
        return answer.get("result", answer.get("error"))


def request(method, id, **params):
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def notice(method, **params):
    return {"jsonrpc": "2.0", "method": method, "params": params}


@asynccontextmanager
async def open_talk(config=None):
    here, there = memory_stream_pair()
    async with (
        open_client(None, name="Alice", config=config or ClientConfig(), offline=True) as client,
        trio.open_nursery() as nursery,
    ):
        talk = Talk(client, here)

        async def serve():
            await rpc.serve(client, there, there)
            await there.aclose()
            talk.ended.set()

        nursery.start_soon(serve)
        yield talk
        nursery.cancel_scope.cancel()


def run(scenario, config=None):
    async def main():
        with trio.fail_after(60):
            async with open_talk(config) as talk:
                await scenario(talk)

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_requests_are_answered_with_their_ids():
    async def scenario(talk):
        await talk.say(request("account", "a"), request("status", 2))
        answers = {answer["id"]: answer["result"] for answer in await talk.answers(2)}
        assert answers["a"]["account"] == str(talk.client.account)
        assert answers["a"]["contact_link"] == talk.client.contact_link
        assert answers[2]["health"] == "offline"

    run(scenario)


def test_a_method_without_a_result_answers_null():
    async def scenario(talk):
        room = await talk.ask("join_open", name="lounge")
        await talk.say(request("leave", 5, room=room["id"]))
        assert await talk.answers(1) == [{"jsonrpc": "2.0", "id": 5, "result": None}]

    run(scenario)


def test_texts_sent_in_a_row_are_stored_in_a_row():
    async def scenario(talk):
        room = (await talk.ask("join_open", name="lounge"))["id"]
        texts = [f"text {number}" for number in range(600)]
        await talk.say(
            *(request("send", n, conversation=room, text=t) for n, t in enumerate(texts))
        )
        answers = await talk.answers(len(texts))
        assert {answer["result"]["state"] for answer in answers} == {"queued"}
        stored = await talk.ask("history", conversation=room, limit=5000)
        assert [message["text"] for message in stored] == texts
        found = await talk.ask("search", text="text 599", conversation=room)
        assert found == [stored[599]]

    run(scenario)


def test_errors_carry_the_name_of_their_exception():
    async def scenario(talk):
        room = (await talk.ask("join_open", name="lounge"))["id"]
        me, nobody = talk.client, DeviceId(bytes(32)).peer_id
        for name, method, params in (
            ("LinkError", "add_contact", {"link": me.contact_link}),
            ("LinkError", "add_contact", {"link": "dchat://u/nonsense"}),
            ("ConfigError", "connect", {"address": "nonsense"}),
            ("PeerUnreachable", "connect", {"address": f"/ip4/127.0.0.1/tcp/1/p2p/{nobody}"}),
            ("MessageTooLarge", "send", {"conversation": room, "text": "x" * 32_769}),
            ("UnknownConversation", "send", {"conversation": "00" * 32, "text": "x"}),
            ("UnknownConversation", "members", {"room": "00" * 32}),
            ("UnknownMessage", "edit", {"message_id": "00" * 32, "text": "x"}),
            ("UnknownMessage", "delete", {"message_id": "00" * 32}),
            ("UnknownMessage", "wait_delivered", {"message_id": "00" * 32}),
            ("UnknownMessage", "history", {"conversation": room, "before": "00" * 32}),
            ("InvalidText", "search", {"text": "?"}),
            ("UnknownConversation", "search", {"text": "x", "conversation": "00" * 32}),
            ("UnknownContact", "accept", {"account": str(me.account)}),
            ("LocalProtocolError", "join_open", {"name": "  "}),
            ("InvalidParams", "send", {"conversation": room}),
            ("MethodNotFound", "nonsense", {}),
        ):
            error = await talk.ask(method, **params)
            assert error["data"]["type"] == name, (method, params)
            assert error["message"]

    run(scenario)


def test_lines_that_are_no_requests_are_answered_without_an_id():
    async def scenario(talk):
        await talk.say(b"nonsense", b"[]", b"7", b'{"jsonrpc":"2.0"}')
        answers = await talk.answers(4)
        assert [answer["id"] for answer in answers] == [None] * 4
        codes = [answer["error"]["code"] for answer in answers]
        assert codes == [-32700, -32600, -32600, -32600]

    run(scenario)


def test_empty_lines_are_passed_over():
    async def scenario(talk):
        await talk.say(b"", b"  \r", request("profile", 1))
        assert [answer["id"] for answer in await talk.answers(1)] == [1]

    run(scenario)


def test_a_line_over_the_limit_is_refused_and_the_next_one_is_read():
    async def scenario(talk):
        await talk.say(b"x" * (rpc.LINE_BYTES_MAX + 1), request("profile", 1))
        refused, answered = await talk.answers(2)
        assert refused["error"]["code"] == -32600
        assert answered["id"] == 1

    run(scenario)


def test_notifications_are_carried_out_and_never_answered():
    async def scenario(talk):
        await talk.say(notice("join_open", name="lounge"), notice("nonsense"), notice("send"))
        await wait_all_tasks_blocked()
        await talk.say(request("rooms", 1))
        [answer] = await talk.answers(1)
        assert [room["name"] for room in answer["result"]] == ["lounge"]

    run(scenario)


def test_a_batch_is_answered_in_one_line_without_its_notifications():
    async def scenario(talk):
        batch = [request("profile", 1), notice("profile"), 7, request("nonsense", 2)]
        await talk.say(batch)
        line = await talk.line()
        while isinstance(line, dict):
            line = await talk.line()
        assert {answer["id"] for answer in line} == {1, 2, None}

    run(scenario)


def test_a_batch_of_notifications_is_not_answered():
    async def scenario(talk):
        await talk.say([notice("profile"), notice("profile")], request("profile", 1))
        assert [answer["id"] for answer in await talk.answers(1)] == [1]

    run(scenario)


def test_a_batch_that_is_too_long_is_refused_whole():
    async def scenario(talk):
        await talk.say([notice("profile")] * (rpc.BATCH_REQUESTS_MAX + 1))
        [answer] = await talk.answers(1)
        assert answer["error"]["code"] == -32600

    run(scenario)


def test_events_are_told_as_notifications():
    async def scenario(talk):
        await talk.say(request("join_open", 1, name="lounge"))
        told = []
        while {"RoomJoined", "MembersChanged"} - {event["type"] for event in told}:
            line = await talk.line()
            if line.get("method") == "event":
                told.append(line["params"])
        joined = next(event for event in told if event["type"] == "RoomJoined")
        assert joined["room"]["name"] == "lounge"

    run(scenario)


def test_shutdown_is_answered_and_so_is_whoever_waits():
    async def scenario(talk):
        room = (await talk.ask("join_open", name="lounge"))["id"]
        message = await talk.ask("send", conversation=room, text="to nobody")
        await talk.say(request("wait_delivered", 8, message_id=message["id"]))
        await wait_all_tasks_blocked()
        await talk.say(request("shutdown", 9))
        answers = {answer["id"]: answer for answer in await talk.answers(2)}
        assert answers[9]["result"] is None
        assert answers[8]["error"]["data"]["type"] == "NodeClosed"
        assert trio.current_time() - began_s < rpc.END_GRACE_S

    began_s = 0.0

    async def timed(talk):
        nonlocal began_s
        began_s = trio.current_time()
        await scenario(talk)
        await talk.ended.wait()

    run(timed)


def test_what_was_asked_before_the_input_ends_is_answered():
    async def scenario(talk):
        room = (await talk.ask("join_open", name="lounge"))["id"]
        message = await talk.ask("send", conversation=room, text="to nobody")
        await talk.say(
            request("wait_delivered", 1, message_id=message["id"]),
            *(request("send", n, conversation=room, text="x") for n in range(2, 300)),
        )
        await talk.stream.send_eof()
        answers = {answer["id"]: answer for answer in await talk.answers(299)}
        assert all("result" in answers[n] for n in range(2, 300))
        assert answers[1]["error"]["data"]["type"] == "NodeClosed"
        await talk.ended.wait()

    run(scenario)


def test_however_many_wait_the_session_reads_on_and_refuses_more():
    async def scenario(talk):
        room = (await talk.ask("join_open", name="lounge"))["id"]
        message = (await talk.ask("send", conversation=room, text="to nobody"))["id"]
        waits = [request("wait_delivered", n, message_id=message) for n in range(rpc.WAITING_MAX)]
        await talk.say(*waits)
        await wait_all_tasks_blocked()
        error = await talk.ask("wait_delivered", message_id=message)
        assert error["data"]["type"] == "TooManyRequests"
        assert (await talk.ask("profile"))["name"] == "Alice"

    run(scenario)


class Stuck(trio.abc.SendStream):
    """A reader that looks away until `released`."""

    def __init__(self):
        self.released = trio.Event()
        self.writes = []
        self._written = trio.Event()

    async def send_all(self, data):
        await self.released.wait()
        self.writes.append(bytes(data))
        self._written.set()
        self._written = trio.Event()

    async def wait_for(self, is_wanted, count):
        """Wait until so many lines of a kind are written; answers them."""
        while len(found := [line for line in self.lines() if is_wanted(line)]) < count:
            await self._written.wait()
        return found

    async def wait_send_all_might_not_block(self):
        await self.released.wait()

    async def aclose(self):
        await trio.lowlevel.checkpoint()

    def lines(self):
        return [json.loads(line) for line in b"".join(self.writes).splitlines()]


def run_stuck(scenario, config=None):
    """Serve a reader that looks away; `scenario` gets the client, the input and the output."""

    async def main():
        with trio.fail_after(60):
            here, there = memory_stream_pair()
            output = Stuck()
            async with (
                open_client(None, config=config or ClientConfig(), offline=True) as client,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(rpc.serve, client, there, output)
                await scenario(client, here, output)

    trio.run(main, clock=MockClock(autojump_threshold=0))


def encoded(*requests):
    return b"".join(json.dumps(each).encode() + b"\n" for each in requests)


def test_answers_wait_for_who_looks_away_within_bounds_and_none_is_lost():
    count = 10_000

    async def scenario(client, stream, output):
        await stream.send_all(encoded(*(request("account", n) for n in range(count))))
        await wait_all_tasks_blocked()
        output.released.set()
        await stream.send_eof()
        await output.wait_for(lambda line: "id" in line, count)
        answer_bytes = max(len(line) for line in b"".join(output.writes).splitlines())
        in_places = rpc.WORKING_MAX * (answer_bytes + 1)
        assert max(map(len, output.writes)) <= rpc.OUTPUT_BYTES_MAX + in_places

    run_stuck(scenario)


def test_events_for_who_looks_away_are_dropped_and_counted():
    async def scenario(client, stream, output):
        room = await client.join_open("lounge")
        for _ in range(40):
            await room.send("x" * 32_000)
        history = request("history", 1, conversation=str(room.id), limit=5000)
        await stream.send_all(encoded(history, history))
        await wait_all_tasks_blocked()
        for number in range(100):
            await client.join_open(f"room {number}")
        output.released.set()
        await stream.send_eof()
        [notice] = await output.wait_for(dropped, 1)
        told = [line["params"] for line in output.lines() if "method" in line]
        joined = [event for event in told if event["type"] == "RoomJoined"]
        assert 0 < len(joined) < 101
        assert notice["params"]["count"] > 0
        assert len([line for line in output.lines() if line.get("id") == 1]) == 2

    def dropped(line):
        return line.get("params", {}).get("type") == "EventsDropped"

    run_stuck(scenario, ClientConfig(limits=Limits(subscriber_events_max=20)))


def test_the_session_ends_when_nobody_can_read_it_any_more():
    class Gone(Stuck):
        async def send_all(self, data):
            raise trio.BrokenResourceError

    async def main():
        with trio.fail_after(60):
            _, there = memory_stream_pair()
            async with open_client(None, offline=True) as client:
                await rpc.serve(client, there, Gone())

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_an_import_is_refused_by_a_client_that_cannot_be_replaced_and_others_are_answered():
    async def main():
        async with open_talk() as talk:
            params = {"path": "nowhere", "passphrase": "secret"}
            await talk.say(
                request("import", 1, **params),
                request("account", 2),
                [request("import", 3, **params), request("import", 4, **params)],
                request("rooms", 5),
            )
            answers = {}
            for answer in await talk.answers(4):
                for each in answer if isinstance(answer, list) else [answer]:
                    answers[each["id"]] = each
            assert sorted(answers) == [1, 2, 3, 4, 5]
            for id in (1, 3, 4):
                assert answers[id]["error"]["data"]["type"] == "HomeNotEmpty"
            assert answers[2]["result"]["name"] == "Alice"
            assert answers[5]["result"] == []

    trio.run(main)


def test_an_import_into_a_home_with_a_room_is_refused_at_once():
    async def main():
        async with open_talk() as talk:
            await talk.ask("join_open", name="lounge")
            error = await talk.ask("import", path="nowhere", passphrase="secret")
            assert error["data"]["type"] == "HomeNotEmpty"

    trio.run(main)


def test_an_import_that_the_configuration_forbids_is_answered_and_the_home_goes_on(tmp_path):
    """The key file was set while the client ran; the next start would refuse any other key."""
    identity = tmp_path / "key"
    configured = [ClientConfig(), ClientConfig(identity_file=identity), ClientConfig()]

    def load():
        return configured.pop(0), ()

    def open_here(passphrase):
        config = load()[0]
        return open_client(tmp_path / "home", config=config, passphrase=passphrase, offline=True)

    async def main():
        here, there = memory_stream_pair()
        with trio.fail_after(60):
            async with rpc.open_channel(there, there) as channel, trio.open_nursery() as nursery:
                nursery.start_soon(rpc._serve_clients, open_here, tmp_path / "home", load, channel)
                talk = Talk(None, here)
                before = await talk.ask("account")
                error = await talk.ask("import", path="nowhere", passphrase="secret")
                assert error["data"]["type"] == "ConfigError"
                assert "identity_file" in error["message"]
                assert await talk.ask("account") == before
                await talk.ask("shutdown")

    trio.run(main)
    assert not configured
