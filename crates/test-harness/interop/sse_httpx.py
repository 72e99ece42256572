"""The Python packages `httpx` and `httpx-sse`."""

import os
import time

import httpx
from httpx_sse import connect_sse

URL = os.environ["URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
# The server sends something at least every 20 s.
TIMEOUT = httpx.Timeout(10, read=50)

position = None
with httpx.Client(headers=HEADERS, timeout=TIMEOUT) as client:
    while True:
        try:
            since = {"Last-Event-ID": position} if position else {}
            with connect_sse(client, "GET", f"{URL}/events?channel=interop", headers=since) as source:
                for event in source.iter_sse():
                    position = event.id or position
                    if event.event == "$gap":
                        print("gap", flush=True)
                    # It also reports events without data, such as heartbeats.
                    elif event.event == "message" and event.data:
                        print(event.data, flush=True)
                        if event.data == "who is there?":
                            client.post(f"{URL}/publish/interop", content="hello from httpx-sse")
        except httpx.TransportError:
            pass
        time.sleep(0.2)
