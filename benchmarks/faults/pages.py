"""Reads pages during a fault, as a visitor's browser does."""

from __future__ import annotations

import asyncio
import random
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.typing import Origin, Subprotocol

PLACES = ("", "train", "compare", "inspect", "runs", "play")
AT_A_TIME = 3  # pages in one fault
ANSWER_WITHIN = 60  # seconds
FAILED = ("Something failed on this page", "Algo ha fallado en esta página")  # not the store: a fault of nnlab
SPOKEN = ("markdown", "alert", "heading", "text")


@dataclass
class Readings:
    """What visitors saw."""

    read: Counter[str] = field(default_factory=Counter)  # pages by fault
    alerts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def read_pages(
    server: str, fault: str, run: str | None, comparison: str | None, chance: random.Random, seen: Readings
) -> None:
    """Open some pages in one of the languages; add to `seen`."""
    language = chance.choice(["es", "en"])

    async def all_pages() -> None:
        await asyncio.to_thread(_wait_for, server)  # an earlier fault may have ended the dashboard
        for place in chance.sample(PLACES, AT_A_TIME):
            what = {"train": ("run", run), "inspect": ("run", run), "compare": ("comparison", comparison)}.get(place)
            query = f"{what[0]}={what[1]}&lang={language}" if what and what[1] else f"lang={language}"
            name = f"{place or 'home'} during {fault} ({language})"
            try:
                await asyncio.wait_for(_read(server, place, query, name, seen), ANSWER_WITHIN)
            except (OSError, TimeoutError, websockets.WebSocketException) as error:
                seen.wrong.append(f"{name}: no answer, {type(error).__name__}")

    asyncio.run(all_pages())


def _wait_for(server: str) -> None:
    end = time.monotonic() + ANSWER_WITHIN
    while time.monotonic() < end:
        with suppress(OSError), urllib.request.urlopen(f"{server}/_stcore/health", timeout=2):
            return
        time.sleep(0.2)


async def _read(server: str, place: str, query: str, name: str, seen: Readings) -> None:
    url = server.replace("http", "ws") + "/_stcore/stream"
    async with websockets.connect(
        url, subprotocols=[Subprotocol("streamlit")], origin=Origin(server), max_size=None
    ) as socket:
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = place
        await socket.send(message.SerializeToString())
        spoken = []
        seen.read[name.split(" during ")[1].split(" (")[0]] += 1
        while True:
            answer = ForwardMsg.FromString(await socket.recv())
            kind = answer.WhichOneof("type")
            if kind == "script_finished":
                if answer.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                break
            if kind != "delta" or answer.delta.WhichOneof("type") != "new_element":
                continue
            element = answer.delta.new_element
            what = element.WhichOneof("type")
            if what == "exception":
                seen.wrong.append(f"{name}: {element.exception.type} {element.exception.message[:120]}")
            if what in SPOKEN and answer.metadata.delta_path[0] == 0:
                spoken.append(getattr(element, what).body)
            elif what == "bidi_component":  # the network of Play, with its words
                spoken.append("the drawing of a network")
            if what == "alert" and element.alert.body.startswith(FAILED):
                seen.wrong.append(f"{name}: {element.alert.body}")
            elif what == "alert":
                seen.alerts[element.alert.body[:160]] += 1
        if not any(len(one) > 15 for one in spoken):
            seen.wrong.append(f"{name}: no sentence")
