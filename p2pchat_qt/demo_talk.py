"""What the people of the demo say. They and their words are made up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

__all__ = ["PEOPLE", "ROOMS", "Line", "chatter"]

PEOPLE = {
    "Bob": "accepted",
    "小明": "accepted",
    "María": "accepted",
    "Дмитрий": "accepted",
    "陈静": "accepted",
    "Yuki": "accepted",
    "Élodie": "accepted",
    "Omar": "asked",
    "Carol Jensen": "request",
    "王磊": "request",
}
"""By name, how far the acquaintance has come."""

ROOMS = {
    "P2P dev": (
        ("Bob", "小明", "Дмитрий", "Yuki", "Élodie"),
        "Everything about the network layer.",
        "Release on Friday: please try the new relay before.",
    ),
    "周末爬山": (("小明", "陈静", "María"), "每个周末去一座山。", ""),
}
"""By name: who is in it beside us, what it is about, what was announced."""


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody says so many minutes after what was said before."""

    who: str
    words: str
    minutes: int = 1
    replies: int = 0
    """To the so many-th before; 0 to none."""
    reactions: Sequence[tuple[str, str]] = ()


_SMALL_TALK = (
    "Morning!",
    "早上好 ☀️",
    "Did you see the new trace? Latency is down to 2 ms on one machine.",
    "好的，我下午看一下。",
    "The hole punching works behind both routers now.",
    "哈哈哈哈 😂",
    "Let me check and come back to you.",
    "收到",
    "https://docs.python.org/3/library/asyncio.html is a good start.",
    "我把日志发给你了，看第 120 行附近。",
    "👍",
    "One more thing: the relay keeps a mailbox for who is away, so nothing is lost when you close "
    "the lid. It comes when you are back, from the relay or from anybody who has it.",
    "没问题，明天见！",
    "Where shall we meet?",
    "Спасибо, всё работает.",
    "¿Comemos juntos mañana?",
    "for peer in peers:\n    await peer.send(message)\n    print(peer, 'done')",
    "测试都过了 ✅",
    "I think so too.",
    "Can somebody review this today?",
    "今天的会改到三点，记得带上数据。",
    "🎉🎉🎉",
    "It is a matter of taste, but I would keep it small.",
    "行，那就这么定了。",
)

_LAST: dict[str, tuple[int, Sequence[Line]]] = {
    "P2P dev": (
        4,
        (
            Line("Bob", "Good morning everybody. The new relay is up.", 40),
            Line(
                "Bob",
                "It takes 10,000 reservations now.",
                1,
                0,
                (("小明", "🎉"), ("me", "🎉")),
            ),
            Line("me", "Great. What does it need in memory?", 3),
            Line("Bob", "About 400 MB with all of them in use.", 2, 1),
            Line("小明", "我这边用两台 NAT 后面的机器试过了，直连成功，延迟 18 毫秒。", 6),
            Line(
                "小明",
                "断网再恢复以后大约三秒就重新连上。",
                1,
                0,
                (("Bob", "👍"), ("Yuki", "👍"), ("me", "👍")),
            ),
            Line(
                "Yuki",
                "Same here, from the train. It moved from Wi-Fi to mobile and went on.",
                5,
            ),
            Line("me", "太好了！I will write that down: https://example.org/dchat/notes", 2),
            Line(
                "Élodie",
                "One question: what happens when the relay dies while two of us are behind NATs?",
                7,
            ),
            Line(
                "Дмитрий",
                "The clients move to the next best relay by themselves. I pulled the plug five "
                "times, and nothing was lost.",
                3,
                1,
                (("Élodie", "🚀"),),
            ),
            Line("me", "Exactly. And what was on its way waits in the outbox.", 1),
            Line("Élodie", "Perfect, then I have nothing left to complain about 😄", 2),
            Line("Yuki", "Shall we release on Friday?", 4),
        ),
    ),
    "Bob": (
        26,
        (
            Line("Bob", "Lunch at one?", 25),
            Line("me", "Yes! The noodle place? 🍜", 2),
            Line("Bob", "See you there.", 1, 0, (("me", "👍"),)),
            Line("me", "I am two minutes late.", 9),
        ),
    ),
    "小明": (
        55,
        (
            Line("小明", "周六去爬山吗？天气很好。", 30),
            Line("me", "去！几点出发？", 3),
            Line("小明", "早上七点，地铁站门口见。", 2),
            Line("me", "好，我带水和水果 🍎", 1, 1),
        ),
    ),
    "María": (
        75,
        (Line("me", "Did the parcel come?", 20), Line("María", "¡Sí, muchas gracias! 😍", 5)),
    ),
    "Дмитрий": (
        130,
        (
            Line("Дмитрий", "Привет! Как дела?", 15),
            Line("me", "Всё хорошо. I send you the notes tonight.", 4),
        ),
    ),
    "周末爬山": (
        180,
        (
            Line("陈静", "这次去香山吧，红叶正好。", 20),
            Line("María", "I am in! Shall I bring the thermos? ☕", 4),
            Line("小明", "好主意，我带午饭。", 3, 0, (("陈静", "❤️"), ("me", "❤️"))),
        ),
    ),
    "lounge": (
        300,
        (Line("Yuki", "Hello, anybody here?", 10), Line("Élodie", "Always.", 2)),
    ),
}
"""How it ends, so many minutes ago."""

_SPEAKERS: dict[str, Sequence[str]] = {
    "P2P dev": ("me", "Bob", "小明", "Дмитрий", "Yuki", "Élodie"),
    "周末爬山": ("me", "小明", "陈静", "María"),
    "lounge": ("Yuki", "Élodie", "me"),
}
_SHARES = {
    "P2P dev": 0.62, "Bob": 0.12, "小明": 0.08, "周末爬山": 0.06, "lounge": 0.05,
    "陈静": 0.03, "María": 0.02, "Yuki": 0.01, "Élodie": 0.01,
}  # fmt: skip
_DAY = 24 * 60


def chatter(rng: Random, count: int) -> Iterator[tuple[str, Sequence[Line], int]]:
    """What is said where, and how many minutes ago it ended: so many lines or a few more."""
    for name, share in _SHARES.items():
        speakers = _SPEAKERS.get(name, ("me", name))
        lines = list[Line]()
        for _ in range(int(count * share)):
            replies = rng.choice((0,) * 9 + (1, 2, 5))
            minutes = rng.choice((0, 1, 1, 2, 3, 8, 40, 200))
            reactions = [(rng.choice(speakers), "👍")] if rng.random() < 0.06 else []
            lines.append(
                Line(rng.choice(speakers), rng.choice(_SMALL_TALK), minutes, replies, reactions)
            )
        yield name, lines, _DAY + rng.randrange(3 * _DAY)
    for name, (minutes, last) in _LAST.items():
        yield name, last, minutes
