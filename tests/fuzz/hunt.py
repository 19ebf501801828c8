"""Look for inputs that harm one decoder, led by what they make it run (atheris, libFuzzer).

    python -m tests.fuzz.hunt "contact link" 120 corpus/ [libFuzzer's options]

`corpus/` keeps what led somewhere new; the seeds of `decoders.py` go in first. Ends non-zero with
the harmful input in `corpus/`, as `crash-…`, `timeout-…` or `oom-…`. Keep what one
holds, in hexadecimal, as a file of `tests/fuzz/found/`.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from pathlib import Path

import atheris

BYTES_MAX = 4096
TIMEOUT_S = 20
MEMORY_MB_MAX = 1024

with atheris.instrument_imports(include=["p2pchat", "tomllib", "json"]):
    from tests.fuzz.decoders import DECODERS


def main() -> None:
    logging.getLogger("p2pchat").setLevel(logging.CRITICAL)
    name, seconds, corpus, *options = sys.argv[1:]
    decoder = DECODERS[name]
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(decoder.seeds):
        (folder / f"seed-{number}").write_bytes(seed)

    def one(raw: bytes) -> None:
        with suppress(*decoder.errors):
            decoder.decode(raw)

    arguments = [
        sys.argv[0],
        str(folder),
        f"-artifact_prefix={folder}/",
        f"-max_total_time={seconds}",
        f"-max_len={BYTES_MAX}",
        f"-timeout={TIMEOUT_S}",
        f"-rss_limit_mb={MEMORY_MB_MAX}",
        "-print_final_stats=1",
        *options,
    ]
    atheris.Setup(arguments, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
