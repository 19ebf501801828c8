"""Why a datagram of LAN discovery is not taken: what is counted, and what a doctor looks for."""

from __future__ import annotations

from enum import StrEnum

from p2pchat.model.blocking import Refusal

__all__ = ["LanRefusal"]


class LanRefusal(StrEnum):
    """The first reason that applied; the text is shown with the count."""

    TOO_MANY_DATAGRAMS = "too many datagrams"
    TOO_LARGE = "FrameTooLarge"
    MALFORMED = "MalformedMessage"
    UNKNOWN_VERSION = "UnknownVersion"
    OUR_OWN = "our own"
    PEER = Refusal.PEER.value
    SUBNET = Refusal.SUBNET.value
    OUTSIDE = Refusal.OUTSIDE.value
    WRONG_SECRET = "wrong secret"  # noqa: S105 -- a reason
    SEEN_BEFORE = "seen before"
    CLOCK_DIFFERS = "clock differs"
    COMES_AND_GOES = "comes and goes too often"
    ELSEWHERE = "is elsewhere"
    TOO_MANY_PEERS = "too many peers"
    TOO_MANY_TO_DIAL = "too many to dial"
    TOO_SHORT = "too short a question"
    TOO_MANY_QUESTIONS = "too many questions"
    IN_VAIN = "advertised in vain"
