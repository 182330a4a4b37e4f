"""The way to a server: address, verified TLS, and the proxy that the environment names."""

from __future__ import annotations

import base64
import http.client
import re
import select
import ssl
import urllib.request
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from vlmeval.errors import ConfigError


def readable(descriptor: int) -> bool:
    """Tell whether an idle connection has something to read: the server's goodbye, or bytes that nobody asked for."""
    if hasattr(select, "poll"):  # select() takes no descriptor above 1023
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])


class Route(Struct, frozen=True):
    """How connections to one address are made. `authority` names the server in the Host header.

    `tunnel` is the host behind a proxy, for TLS through it.
    """

    host: str
    port: int
    target: str
    context: ssl.SSLContext | None
    authority: str
    headers: dict[str, str] = {}
    tunnel: tuple[str, int] | None = None
    tunnel_headers: dict[str, str] = {}

    def connection(self, timeout: float) -> http.client.HTTPConnection:
        """Return a new connection, not yet made."""
        if self.context is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)
        if self.tunnel:
            connection.set_tunnel(*self.tunnel, headers=self.tunnel_headers)
        return connection


def find_route(url: str) -> Route:
    """Return the way to `url`, through the proxy that the environment names. Raises ConfigError for a wrong address."""
    try:
        if re.search(r"[^!-~]", url):
            raise ValueError("it has blanks or letters that no address may have")
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
    except ValueError as error:
        raise ConfigError(f"{url}: not an address: {error}") from error
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    named = f"[{host}]" if ":" in host else host
    authority = named if port == (443 if secure else 80) else f"{named}:{port}"
    # One context for all: loading the certificates costs more than a request. It verifies name and chain.
    context = ssl.create_default_context() if secure else None
    local = host in ("localhost", "::1") or host.startswith("127.")
    proxy_url = None if local or urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(parts.scheme)
    if proxy_url is None:
        return Route(host, port, target, context, authority)
    proxy = urlsplit(proxy_url)
    if proxy.scheme != "http" or not proxy.hostname:
        raise ConfigError(f"{parts.scheme}_proxy: expected http://HOST:PORT; other proxies are not supported")
    headers = {}
    if proxy.username is not None:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(login).decode()
    if secure:
        return Route(proxy.hostname, proxy.port or 80, target, context, authority, {}, (host, port), headers)
    return Route(proxy.hostname, proxy.port or 80, url, None, authority, headers)
