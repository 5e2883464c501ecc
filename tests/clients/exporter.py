"""The Prometheus exporter for redis, and redis-cli's own reports: python3 exporter.py PORT REPLICA_PORT, of an empty
primary and its replica. Needs no library."""

import http.client
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time

primary, replica = sys.argv[1:3]
PATIENCE_S = 30
PLAIN, ENDING, BIG_BYTES = 30, 12, 100_000
KEYS = PLAIN + ENDING + 1
RECORDS = KEYS


def check(what, found, expected):
    assert found == expected, f"{what}: {found!r}, not {expected!r}"
    print(f"{what}: {found}")


def cli(port, *words, lines=None):
    """What redis-cli prints, for these words or for these lines."""
    argv = ["redis-cli", "-p", port, *words]
    done = subprocess.run(argv, input=lines, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    return done.stdout


def scrape(port, target):
    """The exporter's page of a server, as a table from name and labels to value."""
    exporter = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    exporter.request("GET", f"/scrape?target=redis://127.0.0.1:{target}")
    page = exporter.getresponse().read().decode()
    lines = [line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def labelled(page, name):
    """The values of a metric by their labels, of which the page holds one or more."""
    found = {labels: value for labels, value in page.items() if labels.startswith(name + "{")}
    assert found, f"no {name} in {sorted(page)}"
    return found


class Exporter:
    """The exporter on a port that was free a moment ago; another one if it is not any more."""

    def __init__(self):
        for _ in range(5):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            argv = ["prometheus-redis-exporter", "-debug", "-redis-only-metrics", "-export-client-list"]
            argv += ["-include-config-metrics", "-include-system-metrics", "-count-keys", "db0=ending:*"]
            argv += ["-redis.addr", "", "-web.listen-address", f"127.0.0.1:{self.port}"]
            self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
            if self.serves():
                return
            self.end()
        raise AssertionError("the exporter does not start")

    def serves(self):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self.process.poll() is None
            except OSError:
                time.sleep(0.05)
        return False

    def end(self):
        """Ends it, and answers what it logged."""
        self.process.terminate()
        return self.process.communicate(timeout=PATIENCE_S)[1].splitlines()


def stat_row(port):
    """The first row of `redis-cli --stat`, which goes on for ever and writes its lines at once to a terminal only."""
    ours, its = pty.openpty()
    stat = subprocess.Popen(["redis-cli", "-p", port, "--stat", "-i", "1"], stdin=its, stdout=its, stderr=its)
    said, until = b"", time.monotonic() + PATIENCE_S
    try:
        while said.count(b"\n") < 3 and time.monotonic() < until:
            if select.select([ours], [], [], 1)[0]:
                said += os.read(ours, 4096)
    finally:
        stat.kill()
        stat.wait()
    rows = [line for line in said.decode().splitlines() if re.match(r"\d", line)]
    assert rows, f"no row in {said!r}"
    return rows[0]


lines = [f"SET plain:{number} {'v' * number}x" for number in range(PLAIN)]
lines += [f"SET ending:{number} value EX 1000" for number in range(ENDING)]
lines += [f"SET big {'b' * BIG_BYTES}", f"WAIT 1 {PATIENCE_S * 1000}", "INCR big"]
said = cli(primary, lines="\n".join(lines) + "\n").split("\n")
check("written, and on the replica", (said.count("OK"), said[KEYS]), (KEYS, "1"))

exporter = Exporter()
try:
    page, behind = scrape(exporter.port, primary), scrape(exporter.port, replica)
finally:
    log = exporter.end()
for name, expected in {
    "redis_up": 1,
    'redis_exporter_last_scrape_error{err=""}': 0,
    'redis_db_keys{db="db0"}': KEYS,
    'redis_db_keys_expiring{db="db0"}': ENDING,
    'redis_keys_count{db="db0",key="ending:*"}': ENDING,
    "redis_connected_slaves": 1,
    "redis_master_repl_offset": RECORDS,
    'redis_commands_total{cmd="set"}': KEYS,
    'redis_commands_failed_calls_total{cmd="incr"}': 1,
    "redis_blocked_clients": 0,
    "redis_loading_dump_file": 0,
}.items():
    check(f"primary: {name}", page.get(name), expected)
ttl_s = page['redis_db_avg_ttl_seconds{db="db0"}']
assert 0 < ttl_s <= 1000, ttl_s
check("a client, at least", page["redis_connected_clients"] >= 1, True)
check("commands counted", page["redis_commands_processed_total"] >= KEYS + 2, True)
memory, resident = page["redis_memory_used_bytes"], page["redis_memory_used_rss_bytes"]
check("memory holds the keys", BIG_BYTES < memory < resident, True)
check("the replica's offset", list(labelled(page, "redis_connected_slave_offset_bytes").values()), [RECORDS])
check("the replica's lag", list(labelled(page, "redis_connected_slave_lag_seconds").values()), [0])
details = " ".join(labelled(page, "redis_connected_clients_details"))
check("the exporter's own name", 'name="redis_exporter"' in details, True)
check("replica: up, and its keys", (behind["redis_up"], behind['redis_db_keys{db="db0"}']), (1, KEYS))
check("replica: link", list(labelled(behind, "redis_master_link_up").values()), [1])
check("replica: offset", list(labelled(behind, "redis_slave_repl_offset").values()), [RECORDS])

# What it could not read it says in lines for debugging; those of INFO only repeat what they were told.
own = [line for line in log if not re.search(r'msg="(info: |Redis INFO)', line)]
bad = [line for line in own if re.search(r"level=(warning|error|fatal)|couldn't|failed| err: ", line, re.I)]
check("lines of the exporter", len(own) > 0, True)
check("complaints of the exporter", bad, [])

values = sum(len(line.split(" ")[2]) for line in lines if line.startswith("SET"))
names = sum(len(line.split(" ")[1]) for line in lines if line.startswith("SET"))
text = cli(primary, "--bigkeys")
for part in (
    f"Sampled {KEYS} keys in the keyspace!",
    f"Total key length in bytes is {names} (avg len {names / KEYS:.2f})",
    f"Biggest string found '\"big\"' has {BIG_BYTES} bytes",
    f"{KEYS} strings with {values} bytes (100.00% of keys, avg size {values / KEYS:.2f})",
    "0 lists with 0 items (00.00% of keys, avg size 0.00)",
):
    check(f"--bigkeys: {part}", part in text, True)

usage = "\n".join(f"MEMORY USAGE {line.split(' ')[1]}" for line in lines if line.startswith("SET")) + "\n"
sizes = [int(size) for size in cli(primary, lines=usage).split()]
check("each key takes its value's bytes and some", all(0 < size for size in sizes), True)
check("the big one too", BIG_BYTES < sizes[-1] < BIG_BYTES + 1000, True)
text = cli(primary, "--memkeys")
for part in (
    f"Sampled {KEYS} keys in the keyspace!",
    f"Biggest string found '\"big\"' has {sizes[-1]} bytes",
    f"{KEYS} strings with {sum(sizes)} bytes (100.00% of keys, avg size {sum(sizes) / KEYS:.2f})",
):
    check(f"--memkeys: {part}", part in text, True)

human = re.search(r"used_memory_human:(\S+)", cli(primary, "INFO", "memory")).group(1)
row = stat_row(primary)
keys, memory, clients, blocked, requests = re.match(r"(\d+) +(\S+) +(\d+) +(\d+) +(\d+) \(\+\d+\)", row).groups()
check(f"--stat: {row.strip()}", (int(keys), memory, int(clients), int(blocked)), (KEYS, human, 1, 0))
check("--stat: requests", 2 * KEYS < int(requests) < 20 * KEYS, True)
