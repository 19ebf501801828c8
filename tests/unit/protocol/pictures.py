"""The smallest picture that an avatar may be."""

from __future__ import annotations

import struct

VP8 = b"\x10\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 16, 16) + bytes(6)
"""A frame header of 16 × 16 pixels; nobody here decodes what follows."""
BODY = b"WEBPVP8 " + struct.pack("<I", len(VP8)) + VP8
AVATAR = b"RIFF" + struct.pack("<I", len(BODY)) + BODY
