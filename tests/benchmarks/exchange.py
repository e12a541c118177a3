"""The local exchange under load: fifty streams of ten channels, five hundred orders a second, a market at full rate.

The load comes from this process, the exchange runs in another. Orders leave on a schedule, whatever the answers do,
and their time counts from the schedule, so that a late start is not forgiven.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import Any

import aiohttp
from yarl import URL

from tests.benchmarks.client import Local
from tests.benchmarks.local import SYMBOLS

CLIENTS = 50
CHANNELS = 10
ACCOUNTS = 10
ORDERS_A_SECOND = 500
SECONDS = 10.0
WARM_S = 2.0
QUEUE = 4_096
"""Unsent pushes after which the exchange drops a reader, as shipped."""
KINDS = ("aggre.depth", "aggre.bookTicker", "aggre.deals")


def channels(client: int) -> list[str]:
    """Return ten channels of one client: every kind that pushes each 100 ms, spread over all pairs."""
    names = []
    for number in range(CHANNELS - 1):
        kind, symbol = KINDS[number % len(KINDS)], SYMBOLS[(client + number) % len(SYMBOLS)]
        names.append(f"spot@public.{kind}.v3.api.pb@100ms@{symbol}")
    return [*names, f"spot@public.limit.depth.v3.api.pb@{SYMBOLS[client % len(SYMBOLS)]}@20"]


class Reader:
    """One client's stream, which only counts what comes."""

    def __init__(self) -> None:
        self.frames = 0
        self.ended = False

    async def run(self, session: aiohttp.ClientSession, url: str, names: list[str]) -> None:
        """Read until cancelled or cut."""
        async with session.ws_connect(url, max_msg_size=0) as socket:
            await socket.send_json({"method": "SUBSCRIPTION", "params": names})
            async for message in socket:
                self.frames += message.type is aiohttp.WSMsgType.BINARY
        self.ended = True


class Orders:
    """Sends orders on a schedule: half rest below the market, half end at once; what rests is swept every second."""

    def __init__(self, local: Local, session: aiohttp.ClientSession) -> None:
        self._base = local.where["rest"]
        self._keys = local.keys
        self._http = session
        self.times: list[float] = []
        self.failed = 0
        self.counting = False

    async def run(self) -> None:
        """Send until cancelled."""
        began = time.perf_counter()
        number = 0
        async with asyncio.TaskGroup() as group:
            while True:
                due = began + number / ORDERS_A_SECOND
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(self._place(number, due))
                if number % (ORDERS_A_SECOND // ACCOUNTS) == 0:
                    group.create_task(self._sweep(number // (ORDERS_A_SECOND // ACCOUNTS) % ACCOUNTS))
                number += 1

    async def _place(self, number: int, due: float) -> None:
        kind = "LIMIT" if number % 2 else "IMMEDIATE_OR_CANCEL"
        symbol = SYMBOLS[number % len(SYMBOLS)]
        query = f"symbol={symbol}&side=BUY&type={kind}&quantity=7&price=9950.01&newClientOrderId=load-{number}"
        counted = self.counting
        status = await self._send("POST", "order", query, number // 2 % ACCOUNTS)
        if counted:
            self.times.append((time.perf_counter() - due) * 1e3)
            self.failed += status != 200

    async def _sweep(self, account: int) -> None:
        for at in (0, 5):
            await self._send("DELETE", "openOrders", "symbol=" + ",".join(SYMBOLS[at : at + 5]), account)

    async def _send(self, method: str, path: str, query: str, account: int) -> int:
        access, secret = self._keys[account]
        text = f"{query.replace(',', '%2C')}&timestamp={time.time_ns() // 1_000_000}"
        proof = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        url = URL(f"{self._base}/api/v3/{path}?{text}&signature={proof}", encoded=True)
        headers = {"X-MEXC-APIKEY": access, "Content-Type": "application/json"}
        async with self._http.request(method, url, headers=headers) as answer:
            await answer.read()
            return answer.status


async def load() -> dict[str, Any]:
    """Return what was delivered, how long orders took (ms), and the exchange's share of a core."""
    local = Local(accounts=ACCOUNTS, queue=QUEUE)
    readers = [Reader() for _ in range(CLIENTS)]
    connector = aiohttp.TCPConnector(limit=0)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            orders = Orders(local, session)
            tasks = [
                asyncio.create_task(reader.run(session, local.where["ws"], channels(number)))
                for number, reader in enumerate(readers)
            ]
            tasks.append(asyncio.create_task(orders.run()))
            await asyncio.sleep(WARM_S)
            before, frames = await local.ask("cpu"), sum(reader.frames for reader in readers)
            orders.counting, at = True, time.perf_counter()
            await asyncio.sleep(SECONDS)
            orders.counting, taken = False, time.perf_counter() - at
            frames = sum(reader.frames for reader in readers) - frames
            after = await local.ask("cpu")
            broken = [task for task in tasks if task.done()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        times = sorted(orders.times)
        return {
            "frames_s": frames / taken,
            "pushes_s": (after["pushes"] - before["pushes"]) / taken,
            "orders_s": len(times) / taken,
            "refused": orders.failed,
            "dropped": CLIENTS - after["streams"] + len(broken),
            "order_p50_ms": times[len(times) // 2],
            "order_p99_ms": times[round(0.99 * (len(times) - 1))],
            "cpu": (after["cpu"] - before["cpu"]) / taken,
        }
    finally:
        local.close()


if __name__ == "__main__":
    print(asyncio.run(load()))
