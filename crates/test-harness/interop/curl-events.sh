#!/bin/sh
# curl, with SSE. The file `position` has the place to continue from.
authorization="Authorization: Bearer $TOKEN"
publish() { curl -s -H "$authorization" -d 'hello from curl' "$URL/publish/interop" >/dev/null; }

while :; do
  since=now
  [ -s position ] && since=$(cat position)
  curl -sN -H "$authorization" "$URL/events?channel=interop&since=$since" | {
    id= data= event=
    while IFS= read -r line; do
      case $line in
        'id: '*) id=${line#id: } ;;
        'event: '*) event=${line#event: } ;;
        'data: '*) data=${line#data: } ;;
        '') # An event is whole, and counts only now.
          [ "$event" = '$gap' ] && echo gap
          [ -z "$event" ] && [ -n "$data" ] && echo "$data"
          [ -n "$id" ] && echo "$id" >position
          [ "$data" = 'who is there?' ] && publish
          id= data= event=
          ;;
      esac
    done
  }
  sleep 0.2
done
