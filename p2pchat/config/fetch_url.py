"""A URL to fetch a bootstrap list from, and how its server is to be trusted.

The list decides whom a new node dials first, so it comes over HTTPS from a server that the system's
certificate authorities vouch for. Operators without a domain name have an address and a self-signed
certificate instead: the URL then carries its own CA file or the certificate's fingerprint. Doing
without either must be asked for by name, and is warned about at each use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from p2pchat.errors import ConfigError

__all__ = ["FetchUrl", "is_loopback_host"]

_KEY = "bootstrap_urls"
_URL_CHARACTERS_MAX = 2_048
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FetchUrl:
    """An `https://` URL; `http://` only to this machine itself, or with `insecure`.

    At most one of `ca_file`, `fingerprint` and `insecure` is given.
    """

    url: str
    ca_file: Path | None = None
    """PEM file of the only authorities trusted for this URL."""
    fingerprint: str | None = None
    """SHA-256 of the server's certificate, 64 hexadecimal digits, colons allowed; nothing else
    about the certificate is checked then."""
    insecure: bool = False
    """Trust any server, plain HTTP included; warns at each use."""

    def __post_init__(self) -> None:
        _require_url(self.url, insecure=self.insecure)
        chosen = (self.ca_file is not None, self.fingerprint is not None, self.insecure)
        if sum(chosen) > 1:
            raise ConfigError(
                _KEY,
                f"{self.url}: give only one of ca_file, fingerprint and insecure",
                self.url,
            )
        if any(chosen[:2]) and not self.url.startswith("https://"):
            raise ConfigError(_KEY, f"{self.url}: only https has a certificate to check", self.url)
        if self.ca_file is not None and not self.ca_file.is_file():
            raise ConfigError(_KEY, f"{self.url}: there is no CA file {self.ca_file}", self.url)
        if self.fingerprint is not None:
            object.__setattr__(self, "fingerprint", _canonical(self.fingerprint, self.url))

    def __str__(self) -> str:
        """The URL for people and logs: a query may hold a secret, and is left out."""
        return urlunsplit(urlsplit(self.url)._replace(query="", fragment=""))


def is_loopback_host(host: str) -> bool:
    """Whether a URL's host is this machine by what it says, without any look-up."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_url(url: str, *, insecure: bool) -> None:
    if len(url) > _URL_CHARACTERS_MAX or not (url.isascii() and url.isprintable()) or " " in url:
        shown = ascii(url[:80])
        raise ConfigError(_KEY, f"{shown} is no URL; write https://<host>/<path>", shown)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigError(_KEY, f"{url} is no URL: {error}") from error
    if not host or parts.scheme not in {"https", "http"}:
        raise ConfigError(_KEY, f"{url} is no URL to fetch from; write https://<host>/<path>", url)
    if parts.username is not None or parts.password is not None:
        raise ConfigError(_KEY, f"{host}: leave user name and password out of the URL", "")
    if parts.scheme == "http" and not (insecure or is_loopback_host(host)):
        raise ConfigError(
            _KEY,
            f"{url} is not encrypted; use https, or set insecure if you accept any answer",
            url,
        )


def _canonical(fingerprint: str, url: str) -> str:
    digits = fingerprint.replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(digits):
        raise ConfigError(
            _KEY,
            f"{url}: a fingerprint is the certificate's SHA-256, 64 hexadecimal digits "
            "(openssl x509 -noout -fingerprint -sha256)",
            url,
        )
    return digits
