# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the highwater.memory authors
"""A real browser without a window, spoken to over two pipes: what a page says of itself, and how it looks.

Chromium's own protocol (--remote-debugging-pipe): JSON, each message ended by a NUL, in on 3 and out on 4. No port is
opened and no driver needed. Every wait has a bound.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PATIENCE = 60.0  # seconds for an answer


class BrowserError(Exception):
    """The browser is not there, does not answer, or says no."""


def find() -> str:
    """The program; HIGHWATER_BROWSER names another."""
    for name in (os.environ.get("HIGHWATER_BROWSER", ""), *BROWSERS):
        if name and shutil.which(name):
            return name
    raise BrowserError(f"no browser here: install one of {', '.join(BROWSERS)}, or name one in HIGHWATER_BROWSER")


class Page:
    """One tab. `errors`: what scripts threw or wrote to the console as an error; `requests`: all that it asked for."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self.browser, self.target, self.session = browser, target, session
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    @property
    def errors(self) -> list[str]:
        found = []
        for event in self.browser.events:
            said = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(said["exceptionDetails"].get("exception", {}).get("description", str(said)))
            elif event["method"] == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
                found.append(str(said["args"]))
            elif event["method"] == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
                found.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
        return found

    @property
    def requests(self) -> list[str]:
        sent = (event for event in self.browser.events if event["method"] == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in sent]

    def close(self) -> None:
        self.browser.call("Target.closeTarget", {"targetId": self.target})

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, params, self.session)

    def look(self, width: int, height: int, dark: bool = False, scale: float = 1) -> None:
        """The size of the window in CSS pixels, and what the system prefers."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        preferred = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        preferred += [{"name": "prefers-reduced-motion", "value": "reduce"}]
        self.call("Emulation.setEmulatedMedia", features=preferred)

    def open(self, path: Path) -> None:
        """Loads a file, and waits until it is there."""
        seen = len(self.browser.events)
        answer = self.call("Page.navigate", url=path.resolve().as_uri())
        if "errorText" in answer:
            raise BrowserError(f"{path}: {answer['errorText']}")
        self.browser.wait(lambda: any(e["method"] == "Page.loadEventFired" for e in self.browser.events[seen:]), "load")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; an error of it is ours."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{script}: {answer['exceptionDetails'].get('exception', {}).get('description')}")
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """A key, such as Tab or Enter, as the keyboard sends it."""
        codes = {"Tab": 9, "Enter": 13}
        params = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **params, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **params)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """The mouse on the middle of an element, which has to be what lies there."""
        where = self.run(
            f"""(() => {{ const it = document.querySelector({json.dumps(selector)});
            it.scrollIntoView({{block: "center"}}); const box = it.getBoundingClientRect();
            const at = [box.x + box.width / 2, box.y + box.height / 2];
            return it.contains(document.elementFromPoint(...at)) ? at : null; }})()"""
        )
        assert where, f"{selector} is covered by something else"
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], button="left", clickCount=1)

    def picture(self, path: Path, whole: bool = False) -> None:
        """What is seen, or the whole page, as PNG."""
        options: dict[str, Any] = {"captureBeyondViewport": whole}
        if whole:
            box = self.call("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": box["width"], "height": min(box["height"], 4000), "scale": 1}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png", **options)["data"]))


class Browser:
    """A running browser, with a profile of its own that goes with it."""

    def __init__(self, process: subprocess.Popen[bytes], write: int, read: int) -> None:
        self.process, self._write, self._read = process, write, read
        self._rest = b""
        self._number = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []

    def page(self) -> Page:
        """A new tab; what was seen in others before is forgotten."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self.events.clear()
        return Page(self, target, session)

    def call(self, method: str, params: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        """One command and its answer."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        data = json.dumps(message).encode() + b"\0"
        try:
            while data:
                data = data[os.write(self._write, data) :]
        except BrokenPipeError:
            raise BrowserError(f"the browser has ended: {method}") from None
        self.wait(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    def wait(self, condition: Any, what: str) -> None:
        """Reads what the browser says until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise BrowserError(f"the browser did not answer within {PATIENCE:.0f} s: {what}")
            data = os.read(self._read, 1 << 20)
            if not data:
                raise BrowserError(f"the browser has ended: {what}")
            *messages, self._rest = (self._rest + data).split(b"\0")
            for message in map(json.loads, messages):
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self.events.append(message)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser for a while; nothing of it stays."""
    program = find()
    # It ends on Ctrl-C by our hand, so that its last words are heard.
    with tempfile.TemporaryDirectory(prefix="hw-browser-", ignore_cleanup_errors=True) as profile:
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        options = ["--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run"]
        options += ["--hide-scrollbars", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none"]
        options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # it will not start as root with it
        # The shell puts the pipes where the browser looks for them; not every sh knows numbers of two digits.
        command = ["bash", "-c", f'exec 3<&{to_read} 4>&{from_write}; exec "$0" "$@"', program, *options, "about:blank"]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(to_read, from_write),
            start_new_session=True,
        )
        os.close(to_read)
        os.close(from_write)
        try:
            yield Browser(process, to_write, from_read)
        finally:
            os.close(to_write)
            os.close(from_read)
            try:
                process.wait(10)  # it ends when the pipe is closed
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
