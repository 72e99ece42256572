#!/bin/sh
# curl and jq, with long-polls. The file `position` has the place to continue from.
authorization="Authorization: Bearer $TOKEN"
publish() { curl -s -H "$authorization" -d 'hello from curl' "$URL/publish/interop" >/dev/null; }

# A poll with `wait=0` asks for nothing but the position.
until curl -sf -H "$authorization" "$URL/poll?channel=interop&wait=0" >answer; do sleep 0.2; done
jq -r .position answer >position

while :; do
  if curl -sf -H "$authorization" "$URL/poll?channel=interop&since=$(cat position)" >answer; then
    jq -r '(.gaps[]? | "gap"), .messages[].data' answer | tee messages
    jq -r .position answer >position
    grep -qx 'who is there?' messages && publish
  else
    sleep 0.2
  fi
done
