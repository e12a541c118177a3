"""Every fault does what its name says, when its seed says."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from mexc_tui.venues.simulator.server import FaultError, FaultPlan, parse_profile
from mexc_tui.venues.simulator.server.corruptor import FrameCorruptor
from mexc_tui.venues.simulator.server.faults import DEFAULTS, PROFILES, make_fault
from mexc_tui.wire.mexc.pb import push_pb2 as pb

DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"
ORDERS = "spot@private.orders.v3.api.pb"
FRAMES = [bytes([number]) * 20 for number in range(1, 60)]


def mangled(channel: str, seed: str = "1", **faults: dict[str, object]) -> list[bytes]:
    plan = FaultPlan(7)
    for name, params in faults.items():
        plan.set(make_fault(name, params))
    corruptor = FrameCorruptor(plan, seed)
    return [
        sent for at, frame in enumerate(FRAMES) for sent in (*corruptor.due(at), *corruptor.apply(channel, frame, at))
    ]


def test_what_each_stream_fault_does() -> None:
    half: dict[str, object] = {"p": 0.5}
    dropped = mangled(DEPTH, drop=half)
    assert 10 < len(dropped) < 50
    assert [f for f in FRAMES if f in dropped] == dropped
    assert mangled(ORDERS, drop=half) == FRAMES
    assert len(mangled(DEPTH, gap=half)) < len(FRAMES)
    assert mangled("spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT", gap=half) == FRAMES
    doubled = mangled(DEPTH, duplicate=half)
    assert len(doubled) > len(FRAMES)
    assert sorted(set(doubled)) == FRAMES
    reordered = mangled(DEPTH, reorder=half)
    assert reordered != FRAMES
    assert len(set(reordered)) >= len(FRAMES) - 1
    garbage = [f for f in mangled(DEPTH, garbage=half) if f not in FRAMES]
    assert garbage
    for frame in garbage:
        with pytest.raises(Exception, match=r"(?i)pars"):
            pb.PushDataV3ApiWrapper.FromString(frame)
    cut = mangled(DEPTH, truncated=half)
    assert len(cut) == len(FRAMES)
    assert any(len(f) < 20 for f in cut)
    assert len(mangled(ORDERS, missing_push=half)) < len(FRAMES)
    late = mangled(ORDERS, late_push={"p": 0.5, "ms": 5})
    assert late != sorted(late)
    assert set(late) <= set(FRAMES)


def test_the_same_seed_strikes_the_same() -> None:
    everything: dict[str, dict[str, object]] = {
        name: {"p": 0.2} for name in ("drop", "duplicate", "reorder", "garbage")
    }
    assert mangled(DEPTH, **everything) == mangled(DEPTH, **everything)
    assert mangled(DEPTH, seed="1", **everything) != mangled(DEPTH, seed="2", **everything)


def test_count_and_match_bound_a_fault() -> None:
    assert len(mangled(DEPTH, drop={"p": 1, "count": 3})) == len(FRAMES) - 3
    assert mangled(DEPTH, drop={"p": 1, "match": "ETHUSDT"}) == FRAMES


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_are_made_of_known_faults(name: str) -> None:
    assert {fault.name for fault in parse_profile(name)} <= DEFAULTS.keys()


@pytest.mark.parametrize(
    "text", ["nope", "drop:p=2", "drop:p=x", "drop:q=1", "drop:p", "latency:ms=1;nope:p=1", "ack_lost:mode=maybe"]
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(FaultError):
        parse_profile(text)


def test_a_list_of_faults_with_parameters() -> None:
    drop, ack = parse_profile("drop:p=0.1,match=depth; ack_lost:p=1,count=2,mode=504")
    assert (drop.name, drop.p, drop.match) == ("drop", 0.1, "depth")
    assert (ack.count, ack.mode) == (2, "504")


async def status_of(rig: Any, path: str = "/api/v3/ping") -> tuple[int, str, str]:
    async with rig.session.get(rig.server.rest_url + path) as answer:
        return answer.status, answer.content_type, answer.headers.get("Retry-After", "")


async def test_rest_faults(rig: Any) -> None:
    await rig.admin("faults", name="rate_limit_429", p=1, count=1, ms=3000)
    assert await status_of(rig) == (429, "application/json", "3")
    await rig.admin("faults", name="edge_403_html", p=1, count=1)
    assert await status_of(rig) == (403, "text/html", "")
    await rig.admin("faults", name="server_5xx", p=1, count=1, status=502)
    assert (await status_of(rig))[0] == 502
    await rig.admin("maintenance", on=True)
    assert (await status_of(rig))[0] == 503
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await rig.stream()
    await rig.admin("maintenance", on=False)
    await rig.admin("faults", name="latency", ms=1)
    await rig.admin("faults", name="jitter", ms=1)
    assert (await status_of(rig))[0] == 200


async def test_clock_skew_moves_the_window(rig: Any) -> None:
    await rig.admin("faults", name="clock_skew", ms=30_000)
    assert (await rig.ok("/api/v3/time"))["serverTime"] == rig.clock[0] + 30_000
    assert (await rig.call("GET", "account"))[1]["code"] == 700003


@pytest.mark.parametrize("mode", ["cut", "504"])
async def test_a_lost_acknowledgement_leaves_the_order_live(rig: Any, mode: str) -> None:
    await rig.admin("faults", name="ack_lost", p=1, count=1, mode=mode)
    bid = rig.best("MXUSDT")[0]
    text = f"symbol=MXUSDT&side=BUY&type=LIMIT&quantity=10&price={bid / 2:.4f}".replace(f"{bid / 2:.4f}", f"{bid}")
    text += "&newClientOrderId=lost-1"
    if mode == "cut":
        with pytest.raises(aiohttp.ClientError):
            await rig.call("POST", "order", text)
    else:
        assert (await rig.call("POST", "order", text))[0] == 504
    found = await rig.done("GET", "order", "symbol=MXUSDT&origClientOrderId=lost-1")
    assert found["status"] in ("NEW", "PARTIALLY_FILLED", "FILLED")
    assert (await rig.call("POST", "order", text.replace("lost-1", "next")))[0] == 200


async def test_half_open_streams_neither_push_nor_answer(rig: Any) -> None:
    stream = await rig.stream()
    await stream.ask("SUBSCRIPTION", DEPTH)
    await rig.admin("faults", name="half_open", p=1)
    await rig.step(100, 20)
    await stream.socket.send_str('{"method":"PING"}')
    with pytest.raises(TimeoutError):
        await stream.socket.receive(timeout=0.1)
    assert rig.server.hub.connections == 1


async def test_disconnect_and_listen_key_death_end_streams(rig: Any) -> None:
    public, private = await rig.stream(), await rig.private_stream()
    await public.ask("SUBSCRIPTION", DEPTH)
    await rig.admin("faults", name="disconnect", p=1, match="depth")
    await rig.step(100, 20)
    assert (await public.raw()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    await rig.admin("faults", name="listen_key_death", p=1, count=1)
    await rig.done("POST", "order", "symbol=MXUSDT&side=BUY&type=MARKET&quantity=5")
    assert (await private.raw()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert (await rig.done("GET", "userDataStream"))["listenKey"] == []


async def test_faults_can_be_listed_and_lifted(rig: Any) -> None:
    await rig.admin("faults", profile="chaos")
    seen = await rig.ok("/admin/faults")
    assert len(seen["active"]) > 10
    assert set(seen["known"]) == set(DEFAULTS)
    async with rig.session.delete(rig.server.rest_url + "/admin/faults?name=drop") as answer:
        assert "drop" not in {fault["name"] for fault in (await answer.json())["active"]}
    async with rig.session.delete(rig.server.rest_url + "/admin/faults") as answer:
        assert (await answer.json())["active"] == []
