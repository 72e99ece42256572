#!/bin/sh
# curl and jq, with NDJSON. The file `position` has the place to continue from.
authorization="Authorization: Bearer $TOKEN"
publish() { curl -s -H "$authorization" -d 'hello from curl' "$URL/publish/interop" >/dev/null; }

while :; do
  since=now
  [ -s position ] && since=$(cat position)
  curl -sN -H "$authorization" "$URL/stream?channel=interop&since=$since" |
    while IFS= read -r line; do
      echo "$line" | jq -r 'if .type == "gap" then "gap" elif .type then empty else .data // empty end'
      position=$(echo "$line" | jq -r '.position // empty')
      [ -n "$position" ] || continue
      echo "$position" >position
      [ "$(echo "$line" | jq -r .data)" != 'who is there?' ] || publish
    done
  sleep 0.2
done
