"""The Python package `aiohttp`, with NDJSON."""

import asyncio
import json
import os

import aiohttp

URL = os.environ["URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
# The server sends something at least every 20 s.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_read=50)


async def main():
    position = None
    async with aiohttp.ClientSession(headers=HEADERS, timeout=TIMEOUT) as session:
        while True:
            try:
                query = {"channel": "interop", "since": position or "now"}
                async with session.get(f"{URL}/stream", params=query) as stream:
                    stream.raise_for_status()
                    async for line in stream.content:
                        message = json.loads(line)
                        position = message.get("position", position)
                        if message.get("type") == "gap":
                            print("gap", flush=True)
                        if "channel" in message and "type" not in message:
                            print(message["data"], flush=True)
                        if message.get("data") == "who is there?":
                            await session.post(f"{URL}/publish/interop", data="hello from aiohttp")
            # A line that the end of the connection has cut is no JSON.
            except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError):
                pass
            await asyncio.sleep(0.2)


asyncio.run(main())
