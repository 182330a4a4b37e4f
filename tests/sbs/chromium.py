"""A real Chromium that keeps everything it asked for, and everything it complained about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.sbs.served import Served
from vlmeval.sbs.sessions import token_digest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 15_000
WATCH = """
window.trouble = [];
addEventListener('securitypolicyviolation', event => window.trouble.push(event.violatedDirective));
addEventListener('unhandledrejection', event => window.trouble.push(String(event.reason)));
addEventListener('keydown', event => { window.pressed = event.timeStamp; }, true);
addEventListener('DOMContentLoaded', () => {
  const heading = document.getElementById('heading');
  if (heading) new MutationObserver(() => {
    window.painted = Infinity;   // not yet
    requestAnimationFrame(() => {
      const channel = new MessageChannel();   // the first task after the frame was painted
      channel.port1.onmessage = () => { window.painted = performance.now(); };
      channel.port2.postMessage(0);
    });
  }).observe(heading, { childList: true });
});
"""


@contextmanager
def chromium() -> Iterator[Any]:
    """Start the browser, or skip the test with the reason."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Seat:
    """An annotator before a screen: a browser context of their own, and what it asked for."""

    served: Served
    context: Any
    trouble: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, browser: Any, served: Served, **options: Any) -> Seat:
        """Return a seat with a fresh context."""
        seat = cls(served, browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        seat.context.add_init_script(WATCH)
        seat.context.on("request", seat._request)
        return seat

    def open(self, token: str) -> Any:
        """Return a page that was opened by the personal link, past the guidelines."""
        page = self.tab()
        page.goto(f"{self.served.address}/#{token}")
        page.wait_for_url("**/judge")
        page.wait_for_selector("#guidelines[open]")
        page.keyboard.press("Escape")
        return ready(page)

    def tab(self) -> Any:
        """Return one more page of the same browser."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("console", self._console)
        return page

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.trouble.append(message.text)

    def _request(self, request: Any) -> None:
        self.addresses.append(request.url)
        if request.method == "POST":
            self.asked.append((request.url, request.post_data or ""))


def until(page: Any, condition: str, arg: Any = None) -> None:
    """Wait until a JavaScript expression of `arg` holds. (Playwright's own needs eval, which the policy forbids.)"""
    page.evaluate(
        f"""arg => new Promise((done, fail) => {{
            const late = performance.now() + {PATIENCE_MS};
            const look = () => ({condition}) ? done()
                : performance.now() > late ? fail(new Error("never: " + {condition!r}))
                : setTimeout(look, 10);
            look();
        }})""",
        arg,
    )


def ready(page: Any) -> Any:
    """Wait until a pair is shown and may be judged, and return the page."""
    page.wait_for_selector("#answers:not([hidden])")
    until(page, "performance.now() - (window.painted ?? 0) > 350")
    return page


def pair_of(page: Any) -> tuple[str, str, str]:
    """Return what is shown: question, left, right."""
    return page.inner_text("#prompt .words"), page.inner_text("#left .shown"), page.inner_text("#right .shown")


def judged(page: Any) -> int:
    """Return the votes that the page counts."""
    return int(page.inner_text("#count").split()[0])


def press(page: Any, key: str) -> None:
    """Press a judging key and wait for the next pair."""
    before = page.inner_text("#heading")
    page.keyboard.press(key)
    until(page, "document.getElementById('heading').textContent !== arg", before)
    ready(page)


def token(served: Served, name: str) -> str:
    """Add an annotator and return their token."""
    made = f"token-of-{name}".ljust(24, "x")
    served.store.add_annotator(name, token_digest(made), served.clock())
    return made


def stored(page: Any) -> None:
    """Wait until nothing waits to be sent."""
    until(page, "document.getElementById('unsent').hidden")


def votes(served: Served) -> int:
    return served.store.counts()["voted"]
