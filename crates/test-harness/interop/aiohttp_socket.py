"""The Python package `aiohttp`, with `tidewire.v1`."""

import asyncio
import os

import aiohttp

URL = os.environ["URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}"}


async def main():
    position = None
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        while True:
            try:
                async with session.ws_connect(f"{URL}/ws", protocols=["tidewire.v1"]) as socket:
                    since = position or "now"
                    await socket.send_json({"type": "subscribe", "id": 1, "channel": "interop", "since": since})
                    async for text in socket:
                        frame = text.json()
                        if frame["type"] in ("subscribed", "message", "position"):
                            position = frame["position"]
                        if frame["type"] == "gap":
                            print("gap", flush=True)
                        if frame["type"] == "message":
                            print(frame["data"], flush=True)
                        if frame.get("data") == "who is there?":
                            hello = {"type": "publish", "id": 2, "channel": "interop", "data": "hello from aiohttp"}
                            await socket.send_json(hello)
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)


asyncio.run(main())
