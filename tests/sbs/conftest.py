"""What tests of the store share: a PostgreSQL server, where one is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.sbs.postgres_server import binaries, owner, running


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a server of the tests' own. Skips, with the reason, where there is none."""
    pytest.importorskip("psycopg", reason="the extra postgres (psycopg) is not installed")
    if binaries() is None:
        pytest.skip("PostgreSQL's server (initdb) is not installed")
    if owner() is None and os.getuid() == 0:
        pytest.skip("PostgreSQL refuses root, and there is no user postgres or nobody")
    with running() as url:
        yield url
