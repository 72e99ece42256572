"""The Python package `websockets`, with `tidewire.v1`."""

import asyncio
import json
import os

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

URL = os.environ["URL"].replace("http", "ws", 1)
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}"}


async def main():
    position = None
    # Each turn of this loop is a new connection.
    async for socket in connect(f"{URL}/ws", subprotocols=["tidewire.v1"], additional_headers=HEADERS):
        try:
            since = position or "now"
            await socket.send(json.dumps({"type": "subscribe", "id": 1, "channel": "interop", "since": since}))
            async for text in socket:
                frame = json.loads(text)
                if frame["type"] in ("subscribed", "message", "position"):
                    position = frame["position"]
                if frame["type"] == "gap":
                    print("gap", flush=True)
                if frame["type"] == "message":
                    print(frame["data"], flush=True)
                if frame.get("data") == "who is there?":
                    hello = {"type": "publish", "id": 2, "channel": "interop", "data": "hello from websockets"}
                    await socket.send(json.dumps(hello))
        except ConnectionClosed:
            pass


asyncio.run(main())
