"""A link as a QR symbol."""

from __future__ import annotations

import segno

__all__ = ["qr_uri"]

QUIET_MODULES = 4


def qr_uri(content: str) -> str:
    """A picture of it as a `data:` address, a pixel for each module, dark on light whatever the
    theme: readers want that."""
    if not content:
        return ""
    return segno.make(content, error="m", micro=False).png_data_uri(
        scale=1, border=QUIET_MODULES, dark="#111111", light="#ffffff"
    )
