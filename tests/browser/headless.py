# SPDX-License-Identifier: BSD-2-Clause
"""A headless Chromium for the report page; SIGPROBE_BROWSER=required turns skips into failures."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# For report_samples, which pytest alone finds only when it collects that folder too.
sys.path.append(str(Path(__file__).parents[1] / "reports"))


def _lacking(what: str) -> None:
    words = f"{what} is missing: tox run -e browser installs it"
    if os.environ.get("SIGPROBE_BROWSER") == "required":
        pytest.fail(words)
    pytest.skip(words)


@pytest.fixture(scope="session", name="browser")
def start_browser() -> Iterator[Any]:
    """Return a Chromium that playwright drives."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _lacking("playwright")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        _lacking("chromium")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=program, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(name="opened")
def open_pages(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a page's text; whatever goes wrong in it fails the test."""
    trouble: list[str] = []
    contexts = []

    def open_page(text: str, fragment: str = "", **settings: Any) -> Any:
        path = tmp_path / "report.html"
        path.write_text(text, "utf-8")
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda message: trouble.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: _note(request.url, path.as_uri(), trouble))
        page.goto(path.as_uri() + fragment)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []


def _note(url: str, own: str, trouble: list[str]) -> None:
    if url.partition("#")[0] != own:
        trouble.append(f"request: {url}")
