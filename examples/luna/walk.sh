#!/bin/sh
# The way of a client of the LUNA API, with curl: see walk.ts, which does the same.
#
#     sh walk.sh <folder of people> [http://127.0.0.1:5140]
#
# Needs curl, and bun to read JSON and to listen to events.
set -eu

folder=${1:?usage: sh walk.sh <folder of people> [address of the server]}
base=${2:-http://127.0.0.1:5140}
bun=${BUN:-bun}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
listener=
trap 'test -z "$listener" || kill "$listener" 2>/dev/null; rm -rf "$work"' EXIT

# field <path>: one value of the JSON on the input, such as `field faces.0.id`; nothing where it is not there.
field() {
  "$bun" -e '
    const value = process.argv[1].split(".").reduce((at, step) => at?.[step], await Bun.stdin.json());
    console.log(value ?? "");
  ' "$1"
}

# call <method> <path> [curl options]: the answer's JSON. What the server refuses ends the walk, unless `may_fail` is set.
call() {
  method=$1 path=$2
  shift 2
  curl --silent --show-error --request "$method" --header "X-Auth-Token: ${token:-}" \
    --output "$work/answer" --write-out '%{http_code}' "$@" "$base$path" >"$work/status"
  case $(cat "$work/status") in
    2*) cat "$work/answer" ;;
    *)
      if test -z "${may_fail:-}"; then
        echo "$method $path: $(cat "$work/status") $(cat "$work/answer")" >&2
        return 1
      fi
      cat "$work/answer"
      ;;
  esac
}

# refused <file>: ends the walk with what the server said.
refused() {
  cat "$1" >&2
  exit 1
}

json() {
  printf '%s' "$3" >"$work/body"
  call "$1" "$2" --header 'Content-Type: application/json' --data-binary "@$work/body"
}

# send <path> <picture>
send() {
  case $2 in
    *.png) type=image/png ;;
    *) type=image/jpeg ;;
  esac
  call POST "$1" --header "Content-Type: $type" --data-binary "@$2"
}

# An account comes with its first token. The login is used no more.
email="walk-$(date +%s)-$$@example.org"
token=
json POST /4/accounts "{\"organization_name\":\"walk\",\"email\":\"$email\",\"password\":\"a walk in the park\"}" >"$work/account"
token=$(field token <"$work/account")
echo "account $email"

# Whoever subscribes sees what happens from then on.
: >"$work/events"
"$bun" "$here/listen.ts" "$base" "$token" >>"$work/events" &
listener=$!
tries=0
until grep -q listening "$work/events"; do
  tries=$((tries + 1))
  test "$tries" -lt 100 || { echo "the server did not take the subscription" >&2; exit 1; }
  sleep 0.1
done

json POST '/4/storage/lists?type=persons' '{"list_data":"walkers"}' >"$work/list"
list=$(field list_id <"$work/list")

# Photographs of a folder, one a line.
photographs() {
  find "$1" -maxdepth 1 -type f \( -name '*.jpg' -o -name '*.jpeg' -o -name '*.png' \) | LC_ALL=C sort
}

# Of two and more photographs the last is kept back, to be searched for.
: >"$work/kept"
for person in "$folder"/*/; do
  name=$(basename "$person")
  photographs "$person" >"$work/pictures"
  count=$(wc -l <"$work/pictures")
  test "$count" -gt 0 || continue
  json POST /4/storage/persons "{\"user_data\":\"$name\"}" >"$work/person"
  id=$(field person_id <"$work/person")
  if test "$count" -gt 1; then
    printf '%s\t%s\t%s\n' "$id" "$name" "$(tail -n 1 "$work/pictures")" >>"$work/kept"
    count=$((count - 1))
  fi
  head -n "$count" "$work/pictures" >"$work/enrol"
  while IFS= read -r picture; do
    may_fail=yes
    send /4/storage/descriptors "$picture" >"$work/faces"
    may_fail=
    # 4003: no face was found.
    case $(field error_code <"$work/faces") in
      '') ;;
      4003)
        echo "$(basename "$picture") of $name shows no face"
        continue
        ;;
      *) refused "$work/faces" ;;
    esac
    # Faces come by falling score: the first is who the photograph is of.
    face=$(field faces.0.id <"$work/faces")
    call PATCH "/4/storage/persons/$id/linked_descriptors?do=attach&descriptor_id=$face"
  done <"$work/enrol"
  call PATCH "/4/storage/persons/$id/linked_lists?do=attach&list_id=$list"
  echo "enrolled $name with $count"
done

known=0
asked=0
# The first photograph with one face.
first=
while IFS="$(printf '\t')" read -r id name picture; do
  asked=$((asked + 1))
  may_fail=yes
  send "/4/matching/search?list_id=$list&limit=1" "$picture" >"$work/found"
  may_fail=
  # 11012: several faces, of which a search cannot choose one. 4003: none.
  why=
  case $(field error_code <"$work/found") in
    '') ;;
    11012) why='several faces' ;;
    4003) why='no face' ;;
    *) refused "$work/found" ;;
  esac
  if test -n "$why"; then
    echo "search $(basename "$picture") of $name: $why"
    continue
  fi
  test -n "$first" || first=$picture
  best=$(field candidates.0.user_data <"$work/found")
  test "$best" != "$name" || known=$((known + 1))
  echo "search $(basename "$picture") of $name: $best $(field candidates.0.similarity <"$work/found")"
  # The face that was searched for is stored now, and can be matched without its picture.
  face=$(field face.id <"$work/found")
  call POST "/4/matching/identify?descriptor_id=$face&list_id=$list&limit=2" >"$work/found"
  echo "  identify: $(field candidates.0.user_data <"$work/found") $(field candidates.0.similarity <"$work/found")"
  call POST "/4/matching/verify?descriptor_id=$face&person_id=$id" >"$work/found"
  echo "  verify as $name: $(field candidates.0.similarity <"$work/found")"
done <"$work/kept"
echo "known $known of $asked"

# Handlers do in one request what took several above, by rules that are kept with the account.
if test -n "$first"; then
  json PATCH /4/handlers/extractor "{\"list_id\":\"$list\",\"estimate_quality\":1}" >/dev/null
  json PATCH /4/handlers/identify "{\"list_id\":\"$list\",\"identify_threshold\":0.5,\"limit\":1}" >/dev/null
  send /4/handlers/identify "$first" >"$work/found"
  send '/4/handlers/extractor?user_data=enrolled%20by%20handler' "$first" >"$work/enrolled"
  send "/4/handlers/verify?person_id=$(field person_id <"$work/enrolled")" "$first" >"$work/verified"
  echo "handlers: identified $(field candidates.0.user_data <"$work/found"), verified $(field status <"$work/verified")"
fi

# Events come within a second of their answers.
sleep 1
for source in descriptors search identify verify; do
  echo "events of $source: $(grep -c "\"source\":\"$source\"" "$work/events" || true)"
done
