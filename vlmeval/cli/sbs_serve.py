"""`vlmeval sbs serve`: the judging application of a study, in a browser."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from vlmeval.errors import ConfigError

if TYPE_CHECKING:
    from vlmeval.sbs.desk import Door, Rules
    from vlmeval.sbs.store import StudyStore
    from vlmeval.sbs.tokens import Tokens

CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")
RECRUITING = "join?key={key}&PROLIFIC_PID={{{{%PROLIFIC_PID%}}}}"


@click.command("serve")
@click.argument("study")
@click.option("-o", "--output", "results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option("--db", metavar="URL", help="Where the votes are, for a study on a server: postgresql://...")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to bind; any but loopback needs --tokens."
)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--tokens", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Who may judge: CSV of role, name, token. Made where there is none.")  # fmt: skip
@click.option("--annotators", type=click.IntRange(0, 10_000), default=10, show_default=True,
              help="Tokens of annotators in a file that is made now.")  # fmt: skip
@click.option(
    "--origin", metavar="URL", help="What people type, where a proxy stands before (https://judge.example.org)."
)
@click.option("--each", type=click.IntRange(1), metavar="N", help="An annotator is done after N votes.")
@click.option("--completion", metavar="CODE", help="Code shown to who is done; else one of their own.")
@click.option("--rate", type=click.FloatRange(0.1), default=5.0, show_default=True,
              help="Requests a second of one annotator; an address may send ten times as many.")  # fmt: skip
def command(
    study: str,
    results: Path,
    db: str | None,
    host: str,
    port: int,
    tokens: Path | None,
    annotators: int,
    origin: str | None,
    each: int | None,
    completion: str | None,
    rate: float,
) -> int:
    """Serve STUDY, a name below results/sbs or a folder, to annotators and to the organiser."""
    from vlmeval.sbs.study import guidelines, open_study, read_study, study_folder

    loopback = is_loopback(host)
    if not loopback and tokens is None:
        raise ConfigError(
            f"--host {host}: anybody who reaches it could vote; give --tokens FILE, made where it is not there"
        )
    if completion is not None and not CODE.fullmatch(completion):
        raise ConfigError(f'--completion "{completion}": 1 to 40 letters, digits, - or _')
    try:
        import uvicorn  # noqa: F401 - told before anything is written

        from vlmeval.sbs.desk import Door
    except ImportError as error:
        raise ConfigError(f"{error.name} is missing; pip install 'vlmeval[sbs]'") from error
    folder = study_folder(study, results)
    read_study(folder)
    door = Door(loopback=loopback, origin=checked_origin(origin), annotator_rate=rate, address_rate=10 * rate)
    admitted = tokens_of(tokens, annotators=annotators)
    with open_study(folder, db=db) as store:
        if admitted is not None:
            enrol(store, admitted, tokens)
        rules, secret = rules_of(admitted, each=each, completion=completion, guidelines=guidelines(folder))
        announce(store, folder.name, door.origin or f"http://{bracketed(host)}:{port}", tokens, secret, rules)
        serve(store, folder, rules, door, host=host, port=port)
    return 0


def serve(store: StudyStore, folder: Path, rules: Rules, door: Door, *, host: str, port: int) -> None:
    """Serve until interrupted. No access log: the addresses of recruits hold their id."""
    import uvicorn

    from vlmeval.sbs.app import build
    from vlmeval.sbs.desk import Desk
    from vlmeval.sbs.sessions import Sessions
    from vlmeval.sbs.study import IMAGES

    desk = Desk(folder.name, store, folder / IMAGES, Sessions(folder), rules, door)
    uvicorn.run(
        build(desk), host=host, port=port, access_log=False, log_level="warning", server_header=False,
        proxy_headers=door.origin is not None, forwarded_allow_ips="127.0.0.1", timeout_keep_alive=30,
        limit_concurrency=2_000,
    )  # fmt: skip


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """Return the host as an address has it."""
    return f"[{host}]" if ":" in host else host


def checked_origin(origin: str | None) -> str | None:
    """Return `--origin` as browsers send it. Raises ConfigError for what is none."""
    if origin is None:
        return None
    parts = urlsplit(origin.rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query or "@" in parts.netloc:
        raise ConfigError(f'--origin "{origin}": expected https://HOST or https://HOST:PORT, without a path')
    return f"{parts.scheme}://{parts.netloc.lower()}"


def tokens_of(path: Path | None, *, annotators: int) -> Tokens | None:
    """Return the tokens of a file, made where it is not there; None without a file."""
    from vlmeval.sbs.tokens import make_tokens, read_tokens

    if path is None:
        return None
    if path.exists():
        return read_tokens(path)
    made = make_tokens(path, annotators=annotators)
    click.echo(f"tokens     {path}: made now, {annotators} annotators; keep it to yourself")
    return made


def enrol(store: StudyStore, tokens: Tokens, path: Path | None) -> None:
    """Add the annotators whom the study does not know yet. Raises ConfigError for a name that has another token."""
    import time

    from vlmeval.sbs.records import ConflictError
    from vlmeval.sbs.sessions import token_digest

    new = [
        (name, digest) for name, token in tokens.annotators if store.annotator(digest := token_digest(token)) is None
    ]
    shut_out = {one.annotator.name for one in store.annotators() if not one.annotator.active} if new else set()
    for name, digest in new:
        if name in shut_out:
            click.echo(f"annotator  {name} is shut out; the organiser's page lets them in again")
            continue
        try:
            store.add_annotator(name, digest, time.time())
        except ConflictError as error:
            raise ConfigError(
                f"--tokens {path}: annotator {name}: {error}; the study keeps the first token of a name, so use it, "
                "or another name"
            ) from error


def rules_of(
    tokens: Tokens | None, *, each: int | None, completion: str | None, guidelines: str
) -> tuple[Rules, str | None]:  # fmt: skip
    """Return the rules of the session, and the organiser's token where it was made for this run only."""
    from vlmeval.sbs.desk import Rules
    from vlmeval.sbs.sessions import token_digest
    from vlmeval.sbs.tokens import new_token

    secret = new_token() if tokens is None else None
    rules = Rules(
        admin=token_digest(secret or (tokens.admin if tokens else "")),
        recruit=token_digest(tokens.recruit) if tokens is not None and tokens.recruit else None,
        names=tokens is None, each=each, completion=completion, guidelines=guidelines,
    )  # fmt: skip
    return rules, secret


def announce(
    store: StudyStore, study: str, address: str, path: Path | None, secret: str | None, rules: Rules
) -> None:  # fmt: skip
    """Say where to go."""
    counts = store.counts()
    click.echo(f"study      {study}: {counts['items']:,} items, {counts['voted']:,} of {counts['need']:,} votes")
    if secret is not None:
        click.echo(f"annotators {address}/  (a name is enough: only this machine reaches it)")
        click.echo(f"organiser  {address}/admin#{secret}")
        return
    click.echo(f"annotators {address}/#TOKEN  (tokens in {path})")
    click.echo(f"organiser  {address}/admin#TOKEN")
    if rules.recruit is not None:
        click.echo(f"recruits   {address}/{RECRUITING.format(key='TOKEN')}")
