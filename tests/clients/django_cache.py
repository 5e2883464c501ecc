"""Django's cache over a Towline server: python django_cache.py PORT, on an empty server."""

import sys
import time

import django
from django.conf import settings

BACKEND = "django.core.cache.backends.redis.RedisCache"
LOCATION = f"redis://127.0.0.1:{sys.argv[1]}"
settings.configure(CACHES={"default": {"BACKEND": BACKEND, "LOCATION": LOCATION, "KEY_PREFIX": "p"}})
django.setup()

from django.core.cache import cache  # noqa: E402  (settings come first)


def check(what, found, expected):
    assert found == expected, f"{what}: {found!r}, not {expected!r}"
    print(f"Django {django.__version__}: {what}")


check("set and get any value", (cache.set("a", {"b": [1, 2]}), cache.get("a")), (None, {"b": [1, 2]}))
check("a default for what is missing", cache.get("none", "default"), "default")
check("add only where nothing is", (cache.add("a", 1), cache.add("new", 1)), (False, True))
check("incr and decr", (cache.set("n", 1), cache.incr("n", 41), cache.decr("n")), (None, 42, 41))
check("set_many with a timeout", cache.set_many({"x": 1, "y": 2}, timeout=100), [])
check("get_many", cache.get_many(["x", "y", "z"]), {"x": 1, "y": 2})
check("touch", (cache.touch("x", 1000), cache.touch("none")), (True, False))
check("has_key and delete", (cache.has_key("x"), cache.delete("x"), cache.has_key("x")), (True, True, False))
check("delete_many", (cache.delete_many(["y", "n"]), cache.get("y")), (None, None))
check("get_or_set", (cache.get_or_set("made", lambda: 5), cache.get("made")), (5, 5))
check("versions", (cache.set("v", 1, version=1), cache.incr_version("v"), cache.get("v", version=2)), (None, 2, 1))
check("a timeout of 0 keeps nothing", (cache.set("brief", 1, timeout=0), cache.get("brief")), (None, None))
cache.set("short", 1, timeout=1)
until = time.monotonic() + 20
while cache.get("short") is not None and time.monotonic() < until:
    time.sleep(0.05)
check("what expires is gone", cache.get("short"), None)
check("clear", (cache.clear(), cache.get("a")), (True, None))
