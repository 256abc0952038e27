# Sourced by the tests that talk to a server.

# start_server LOG ARGUMENTS...: starts $nnunet serve on free ports of 127.0.0.1, what it says into LOG, and waits for its address.
# Leaves its process in `server`, the addresses in `url` (HTTP) and `grpc` (host:port, or nothing).
start_server() {
  local log=$1
  shift
  "$nnunet" serve --gpus 0 --port 0 "$@" > "$log" 2>&1 &
  server=$!
  for _ in $(seq 600); do
    url=$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$log" || true)
    [ -z "$url" ] || break
    kill -0 "$server" 2>/dev/null || { cat "$log"; exit 1; }
    sleep 0.1
  done
  [ -n "$url" ] || { cat "$log"; echo "the server did not start within a minute"; exit 1; }
  grpc=$(sed -n 's#.*gRPC at \(127\.0\.0\.1:[0-9]*\).*#\1#p' "$log")
}
