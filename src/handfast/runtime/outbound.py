"""HTTP requests to addresses that callers choose, made so that no caller reaches what is not public.

Only http and https, no redirects, one deadline for everything, answers of bounded size. The name is looked
up once and the connection goes to the very address that was checked, so that a name cannot change in
between. Private, loopback, link-local and other addresses that are not global (RFC 6890) are refused, but
for networks that the settings name.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import quote, urlsplit

from handfast.runtime.settings import Settings

MOST_ANSWER_BYTES: Final = 1024 * 1024
_MOST_HEAD_BYTES: Final = 64 * 1024
_MOST_INTERIM: Final = 5
_BAD_URL: Final = re.compile(r"[\x00-\x20\x7f\\]")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,8}")
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
_OWN: Final = frozenset(("host", "content-length", "transfer-encoding", "connection"))


class Undelivered(Exception):
    """The request got no answer: its address is refused, unknown or silent; the message says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    secure: bool
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


class Outbound:
    """Sends requests; one for the whole application."""

    def __init__(self, settings: Settings) -> None:
        """Take time limit and allowed networks from `settings`."""
        self._seconds = settings.sender_timeout_seconds
        self._networks = tuple(ip_network(one) for one in settings.sender_networks)
        self._tls = ssl.create_default_context()

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        """Return the answer, whatever its status; raises `Undelivered`, and `ValueError` for bad headers."""
        target = _target(url)
        head = _head(method, target, headers, content)
        try:
            async with asyncio.timeout(self._seconds):
                reader, writer = await self._connect(target)
                try:
                    writer.write(head + (content or b""))
                    await writer.drain()
                    return await _answer(reader, method)
                finally:
                    writer.close()
        except TimeoutError:
            raise Undelivered(f"no answer within {self._seconds:g} seconds") from None
        except asyncio.IncompleteReadError:
            raise Undelivered("the connection ended within the answer") from None
        except asyncio.LimitOverrunError:
            raise Undelivered("the answer's head is too long") from None
        except OSError as error:
            raise Undelivered(f"cannot be reached ({type(error).__name__})") from None

    async def _connect(self, target: _Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Undelivered("its name is not known") from None
        addresses = list(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found))
        if not addresses or not all(self.is_allowed(address) for address in addresses):
            raise Undelivered("its address is not public; HANDFAST_SENDER_NETWORKS names networks to allow")
        tls = self._tls if target.secure else None
        name = target.host if target.secure else None
        for last, address in enumerate(addresses, 1 - len(addresses)):
            try:
                return await asyncio.open_connection(
                    address, target.port, ssl=tls, server_hostname=name, limit=_MOST_HEAD_BYTES
                )
            except OSError:
                if last == 0:
                    raise
        raise Undelivered("it has no address")

    def is_allowed(self, address: str) -> bool:
        """Whether requests may go to an IP address."""
        ip = ip_address(address)
        if any(ip.version == network.version and ip in network for network in self._networks):
            return True
        inner = _inside(ip)
        if inner is not None:
            return self.is_allowed(str(inner))
        return ip.is_global and not ip.is_multicast


def _inside(ip: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to: mapped, translated (NAT64), or through 6to4."""
    if isinstance(ip, IPv4Address):
        return None
    if ip in _TRANSLATED:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _target(url: str) -> _Target:
    if _BAD_URL.search(url):
        raise Undelivered("its URL has characters that no URL has")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
        if not _is_ip(host):
            host = host.encode("idna").decode()
    except (ValueError, UnicodeError):
        raise Undelivered("its URL cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise Undelivered("its URL is neither http nor https")
    if not host or parts.username is not None or parts.password is not None:
        raise Undelivered("its URL has no host, or credentials in it")
    secure = parts.scheme == "https"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~-._")
    return _Target(host, port or (443 if secure else 80), secure, f"{path}?{query}" if query else path)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _head(method: str, target: _Target, headers: Mapping[str, str], content: bytes | None) -> bytes:
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.authority}", "Connection: close"]
    if content is not None or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(content or b'')}")
    for name, value in headers.items():
        if name.lower() in _OWN or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"`{name[:40]}` is no header that can be sent, or its value is none")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


# --- answers --------------------------------------------------------------------------------------


async def _answer(reader: asyncio.StreamReader, method: str) -> Answer:
    for _ in range(_MOST_INTERIM):
        status, headers = _read_head(await reader.readuntil(b"\r\n\r\n"))
        if status >= 200:
            break
    else:
        raise Undelivered("it never gave its final answer")
    if method == "HEAD" or status in (204, 304):
        return Answer(status, headers, b"")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, headers, await _chunks(reader))
    length = headers.get("content-length")
    if length is None:
        content = await _rest(reader)
    elif not length.isascii() or not length.isdigit() or len(length) > 8 or int(length) > MOST_ANSWER_BYTES:
        raise Undelivered("the answer is too long")
    else:
        content = await reader.readexactly(int(length))
    return Answer(status, headers, content)


def _read_head(head: bytes) -> tuple[int, dict[str, str]]:
    match = _STATUS.match(head)
    if match is None:
        raise Undelivered("the answer is not HTTP/1.1")
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon and _TOKEN.fullmatch(name):
            headers.setdefault(name.lower(), value.strip())
    return int(match[1]), headers


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    content = bytearray()
    while True:
        size = (await reader.readuntil(b"\r\n")).strip().partition(b";")[0].strip()
        if not _SIZE.fullmatch(size):
            raise Undelivered("the answer's chunks cannot be read")
        length = int(size, 16)
        if len(content) + length > MOST_ANSWER_BYTES:
            raise Undelivered("the answer is too long")
        if not length:
            return bytes(content)
        content += await reader.readexactly(length)
        await reader.readexactly(2)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    content = bytearray()
    while chunk := await reader.read(_MOST_HEAD_BYTES):
        content += chunk
        if len(content) > MOST_ANSWER_BYTES:
            raise Undelivered("the answer is too long")
    return bytes(content)
