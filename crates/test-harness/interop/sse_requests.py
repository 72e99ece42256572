"""The Python packages `requests` and `sseclient-py`."""

import os
import time

import requests
from sseclient import SSEClient

URL = os.environ["URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}"}

position = None
while True:
    try:
        since = {"Last-Event-ID": position} if position else {}
        # It ignores an `id` without data. With `heartbeat=event` it has one from the beginning.
        url = f"{URL}/events?channel=interop&heartbeat=event"
        # The server sends something at least every 20 s.
        stream = requests.get(url, headers=HEADERS | since, stream=True, timeout=(10, 50))
        for event in SSEClient(stream).events():
            position = event.id or position
            if event.event == "$gap":
                print("gap", flush=True)
            elif event.event == "message":
                print(event.data, flush=True)
                if event.data == "who is there?":
                    requests.post(f"{URL}/publish/interop", headers=HEADERS, data="hello from sseclient-py")
    except requests.RequestException:
        pass
    time.sleep(0.2)
