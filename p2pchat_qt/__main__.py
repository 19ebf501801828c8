"""`python -m p2pchat_qt`: arguments, one instance for each home, the loop."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
PAGES = (
    *("chat", "contacts", "network", "settings", "settings-network", "settings-lan"),
    *("room", "contact", "welcome"),
)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{3,4})x(\d{3,4})", text)
    if found is None:
        raise argparse.ArgumentTypeError("give it as 1000x720")
    return int(found[1]), int(found[2])


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m p2pchat_qt", description="The desktop client of DChat."
    )
    parser.add_argument("--home", type=Path, metavar="DIR", help="where the client lives")
    parser.add_argument("--demo", action="store_true", help="look round in a made-up home, offline")
    parser.add_argument("--language", choices=("zh", "en"))
    parser.add_argument("--theme", choices=("light", "dark"))
    parser.add_argument("--page", choices=PAGES, default="")
    parser.add_argument("--size", type=_size, metavar="WxH")
    parser.add_argument("--screenshot", type=Path, metavar="FILE.png", help="paint, write, end")
    parser.add_argument("link", nargs="?", default="", metavar="LINK", help="a dchat:// link")
    return parser.parse_args(given)


def _has_display() -> bool:
    return (
        not sys.platform.startswith("linux")
        or bool(os.environ.get("QT_QPA_PLATFORM"))
        or any(os.environ.get(name) for name in _DISPLAYS)
    )


def main() -> int:
    """Run the client; the exit status."""
    options = _arguments(sys.argv[1:])
    if options.screenshot is not None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if not _has_display():
        sys.stderr.write(
            "There is no display here for the window; the terminal has one: p2pchat chat\n"
        )
        return 1
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        os.environ.setdefault("QT_QUICK_BACKEND", "software")
    try:
        from p2pchat_qt.running import Options, run
    except ImportError as error:
        sys.stderr.write(
            f"The desktop client's libraries cannot be loaded ({error}); run make setup\n"
        )
        return 1
    return run(
        Options(
            home=options.home,
            is_demo=options.demo,
            language=options.language,
            theme=options.theme,
            page=options.page,
            size=options.size,
            screenshot=options.screenshot,
            link=options.link,
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())
