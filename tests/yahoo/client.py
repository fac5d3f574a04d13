"""The other side: what sends the real yfinance to the stand-in, and makes it forget earlier meetings."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yfinance
from yfinance import base, cache, data

from tests.yahoo.authority import Authority


def environment(proxy: str, certificate: Path) -> dict[str, str]:
    """The variables that send an HTTPS client through `proxy` and make it trust `certificate`."""
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), proxy)
    bundles = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), str(certificate))
    return proxies | bundles | {"NO_PROXY": "", "no_proxy": ""}


def forget() -> None:
    """Make yfinance one that has never talked to anybody, as in a new process; its connections are closed.

    What it keeps in files stays.
    """
    for client in data.SingletonMeta._instances.values():
        client._session.close()
    data.SingletonMeta._instances = {}
    base._tz_info_fetch_ctr = 0
    yfinance.config.debug.hide_exceptions = True
    for manager, kept in ((cache._TzCacheManager, "_tz_cache"), (cache._CookieCacheManager, "_Cookie_cache")):
        setattr(manager, kept, None)


@contextmanager
def sent_to(proxy: str, authority: Authority) -> Iterator[None]:
    """Within the block this process, and those it starts, talk to the stand-in at `proxy` only."""
    variables = environment(proxy, authority.certificate)
    before = {name: os.environ.get(name) for name in variables}
    forget()
    os.environ.update(variables)
    try:
        yield
    finally:
        forget()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
