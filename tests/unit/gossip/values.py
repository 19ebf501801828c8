"""Topics, names and subscriptions that the scripts of the router share."""

from __future__ import annotations

from p2pchat.wire.gossip_codec import Subscription

ROOM = "/dchat/room/1"
HALL = "/dchat/room/2"
NAMES = ["bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"]


def subscribes(topic=ROOM):
    return Subscription(topic, subscribes=True)


def leaves(topic=ROOM):
    return Subscription(topic, subscribes=False)
