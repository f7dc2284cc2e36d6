"""A person with a browser: logs in, opens a device, presses a button, calls an action, reads its answer."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from tests.ha.conftest import COTTAGE, House
from tests.ha.home_assistant import PASSWORD, USER, Session

OURS = "gsm_meter_modem"
WAIT_MS = 60_000
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def browser(url: str, folder: Path) -> AsyncIterator[Page]:
    """A headless Chromium that has logged in."""
    program = shutil.which("chromium")
    assert program, "chromium is not installed: apt-get install chromium"
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            folder,
            executable_path=program,
            args=_FLAGS,
            viewport={"width": 1280, "height": 1400},
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(WAIT_MS)
        page = await context.new_page()
        await page.goto(url)
        await page.locator("input[name=username]").fill(USER)
        await page.locator("input[name=password]").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("home-assistant-main", state="attached")
        try:
            yield page
        finally:
            await context.close()


async def _device(user: Session, name: str) -> str:
    devices = await user.ask("config/device_registry/list")
    return str(next(device["id"] for device in devices if device["name"] == name))


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_MS / 1000):
        while not reached():
            await asyncio.sleep(0.1)


async def test_a_person_with_a_browser(house: House, tmp_path: Path) -> None:
    async with house.home_assistant.session() as user:
        await user.add_mqtt(house.broker.port)
        await user.confirm(OURS)
        await user.wait("sensor.cottage_signal_strength", lambda state: state["state"] == "-71")
        cottage = await _device(user, "Cottage")
        async with browser(house.home_assistant.url, tmp_path) as page:
            await _presses_the_button(page, house, cottage)
            await _calls_an_action(page, house, cottage)
        await user.wait("text.cottage_apn", lambda state: state["state"] == "m2m.example")


async def _presses_the_button(page: Page, house: House, device: str) -> None:
    await page.goto(f"{house.home_assistant.url}/config/devices/device/{device}")
    await expect(page.get_by_text("-71 dBm").first).to_be_visible(timeout=WAIT_MS)
    before = house.simulator.sms_to(COTTAGE)
    await page.get_by_role("button", name="Press").first.click()
    await _until(lambda: house.simulator.sms_to(COTTAGE) > before)


async def _calls_an_action(page: Page, house: House, device: str) -> None:
    await page.goto(f"{house.home_assistant.url}/developer-tools/action")
    await page.get_by_text("YAML mode").click()
    await page.locator(".cm-content").first.click()
    await page.keyboard.press("Control+A")
    data = f"{{device_id: {device}, apn: m2m.example}}"
    await page.keyboard.insert_text(f"{{action: {OURS}.set_apn, data: {data}}}")
    await page.get_by_role("button", name="Perform action").click()
    await expect(page.get_by_text("state: verified")).to_be_visible(timeout=WAIT_MS)
