"""`python -m p2pchat` is `p2pchat`."""

from __future__ import annotations

from p2pchat.cli.app import main

if __name__ == "__main__":
    main()
