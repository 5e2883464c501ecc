"""redis-py against a Towline server: python redis_py.py PORT, on an empty server."""

import sys
import threading

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ExecAbortError, ResponseError, WatchError
from redis.retry import Retry

port = int(sys.argv[1])


def check(what, found, expected):
    assert found == expected, f"{what}: {found!r}, not {expected!r}"
    print(f"redis-py {redis.__version__}: {what}")


for protocol in (2, 3):
    r = redis.Redis(port=port, protocol=protocol, decode_responses=True, retry=Retry(NoBackoff(), 3))
    r.flushall()
    check(f"RESP{protocol}: ping", r.ping(), True)
    check("set and get", (r.set("a", "1", ex=100), r.get("a")), (True, "1"))
    check("ttl", 0 < r.ttl("a") <= 100, True)

    # The default pipeline is a transaction.
    found = r.pipeline().set("b", 1).incr("b").get("b").execute()
    check("pipeline() with transaction", found, [True, 2, "2"])
    found = r.pipeline(transaction=False).set("c", 1).incr("c").execute()
    check("pipeline() without transaction", found, [True, 2])

    # One command that fails does not undo the others, and is reported as its own.
    found = r.pipeline().set("d", "text").incr("d").set("e", 1).execute(raise_on_error=False)
    failed = isinstance(found[1], ResponseError)
    check("an error within a transaction", (found[0], failed, found[2], r.get("e")), (True, True, True, "1"))

    # What cannot be queued leaves everything undone.
    try:
        r.pipeline().set("f", 1).execute_command("NO-SUCH-COMMAND").execute()
        aborted = False
    except (ExecAbortError, ResponseError):
        aborted = True
    check("an aborted transaction changes nothing", (aborted, r.get("f")), (True, None))

    # WATCH: a key that another client changed ends the transaction.
    with r.pipeline() as pipe:
        pipe.watch("a")
        redis.Redis(port=port).set("a", "changed")
        pipe.multi()
        pipe.set("a", "lost")
        try:
            pipe.execute()
            failed = False
        except WatchError:
            failed = True
    check("watch sees another client's write", (failed, r.get("a")), (True, "changed"))

    # transaction() tries again until nobody interferes: no increment is lost.
    r.set("count", 0)

    def add(pipe):
        before = int(pipe.get("count"))
        pipe.multi()
        pipe.set("count", before + 1)

    def adds():
        own = redis.Redis(port=port, protocol=protocol, decode_responses=True)
        for _ in range(20):
            own.transaction(add, "count")

    threads = [threading.Thread(target=adds) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    check("transaction() by three clients", r.get("count"), "60")

    # A connection that the server ends is made anew, and the command is sent again.
    r.execute_command("QUIT")
    check("retry after the connection ended", r.get("count"), "60")

    check("scan_iter", sorted(r.scan_iter("c*")), ["c", "count"])
    check("mset and mget", (r.mset({"x": 1, "y": 2}), r.mget("x", "y", "z")), (True, ["1", "2", None]))
    check("delete and exists", (r.delete("x", "y", "z"), r.exists("x")), (2, 0))
    check("info", r.info("server")["redis_version"].split(".")[0].isdigit(), True)
    r.close()
