#!/bin/sh
# curl and jq, with NDJSON. The file `position` has the place to continue from.
authorization="Authorization: Bearer $TOKEN"
publish() { curl -s -H "$authorization" -d 'hello from curl' "$URL/publish/interop" >/dev/null; }

# Each line as a position, its kind and the payload.
lines='"\(.position // "-") \(.type // if .channel then "message" else "position" end) \(.data // "")"'

while :; do
  since=now
  [ -s position ] && since=$(cat position)
  curl -sN -H "$authorization" "$URL/stream?channel=interop&since=$since" |
    jq --unbuffered -r "$lines" |
    while read -r position kind data; do
      case $kind in
        gap) echo gap ;;
        message) echo "$data" ;;
      esac
      [ "$position" = - ] || echo "$position" >position
      [ "$data" != 'who is there?' ] || publish
    done
  sleep 0.2
done
