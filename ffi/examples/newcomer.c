/*
 * newcomer.c: the smallest replica there is. It keeps nothing, not even the values: it joins a server and prints each
 * key that is set or deleted, those of the snapshot first.
 *
 *     newcomer HOST:PORT NODE [--once]
 *
 * HOST:PORT is where a primary takes replicas, NODE is a number that no other replica has. With --once it ends when it
 * has caught up.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "towline_sugar.h"

#define LINK 0 /* the only one: the upstream */
#define READ_BYTES 65536

typedef struct {
    uint8_t *ptr;
    size_t len, room;
} bytes;

static tow_node *node;
static tow_receiver *receiver; /* says what is to be done with all that comes */
static tow_time now;
static int fd = -1, connecting, reading, writing, caught_up;
static bytes unread;          /* what the upstream sent and the node did not use yet */
static bytes snapshot, spool; /* the pieces so far; the batches that wait, each behind its end and its length */
static size_t spool_at;       /* the oldest of them */

static void die(const char *what) {
    fprintf(stderr, "newcomer: %s\n", what);
    exit(1);
}

static void must(tow_status status) {
    if (status != TOW_OK) {
        tow_error error;
        tow_node_error(node, &error);
        fprintf(stderr, "newcomer: %s: %s\n", tow_status_name(status), error.text);
        exit(1);
    }
}

static uint64_t clock_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void reserve(bytes *b, size_t more) {
    if (b->room - b->len < more) {
        b->room = (b->len + more) * 2;
        b->ptr = realloc(b->ptr, b->room);
        if (b->ptr == NULL) {
            die("out of memory");
        }
    }
}

static void append(bytes *b, const uint8_t *ptr, size_t len) {
    reserve(b, len);
    memcpy(b->ptr + b->len, ptr, len);
    b->len += len;
}

/* --- records: effects back to back, each an array of bulk strings (docs/records.md) ------------------------------- */

static size_t number(char sign, const uint8_t *p, size_t len, size_t *at) {
    size_t n = 0, from = *at + 1;
    if (*at >= len || p[*at] != (uint8_t)sign) {
        die("bytes that are no effect");
    }
    for (*at = from; *at < len && *at < from + 10 && p[*at] >= '0' && p[*at] <= '9'; ++*at) {
        n = n * 10 + (size_t)(p[*at] - '0');
    }
    if (*at == from || len - *at < 2 || p[*at] != '\r' || p[*at + 1] != '\n') {
        die("bytes that are no effect");
    }
    *at += 2;
    return n;
}

static void print(const char *what, tow_slice key) {
    printf("%s ", what);
    for (size_t i = 0; i < key.len; i++) {
        printf(key.ptr[i] > ' ' && key.ptr[i] < 127 ? "%c" : "\\x%02x", key.ptr[i]);
    }
    printf("\n");
}

static int is(tow_slice verb, const char *name) {
    return verb.len == strlen(name) && memcmp(verb.ptr, name, verb.len) == 0;
}

static void apply(const uint8_t *p, size_t len) {
    for (size_t at = 0; at < len;) {
        tow_slice word[3];
        size_t words = number('*', p, len, &at);
        if (words < 1 || words > 3) {
            die("bytes that are no effect");
        }
        for (size_t i = 0; i < words; i++) {
            word[i].len = number('$', p, len, &at);
            word[i].ptr = p + at;
            if (len - at < 2 || len - at - 2 < word[i].len) {
                die("bytes that are no effect");
            }
            at += word[i].len + 2;
        }
        if (words == 3 && (is(word[0], "SET") || is(word[0], "APPEND") || is(word[0], "INCRBY"))) {
            print("set", word[1]);
        } else if (words == 2 && is(word[0], "DEL")) {
            print("del", word[1]);
        } else if (words == 1 && is(word[0], "FLUSHALL")) {
            printf("flush\n");
        }
    }
}

/* --- what the receiver says --------------------------------------------------------------------------------------- */

static void apply_batch(const uint8_t *records, size_t len, uint64_t end) {
    tow_slice record;
    size_t at = 0;
    while (tow_walk(records, len, &at, &record) == TOW_OK) {
        apply(record.ptr, record.len);
    }
    must(tow_receiver_applied(receiver, end));
}

/* Does one command, whose ranges are of `data`. */
static void execute(const tow_command *command, const uint8_t *data) {
    uint64_t kept[2] = {command->e, command->b}; /* a batch's end and its length */
    switch (command->kind) {
    case TOW_COMMAND_APPLY:
        apply_batch(data + command->a, (size_t)command->b, command->e);
        break;
    case TOW_COMMAND_KEEP:
        append(&spool, (const uint8_t *)kept, sizeof kept);
        append(&spool, data + command->a, (size_t)command->b);
        break;
    case TOW_COMMAND_APPLY_SPOOLED:
        memcpy(kept, spool.ptr + spool_at, sizeof kept);
        spool_at += sizeof kept + (size_t)kept[1];
        apply_batch(spool.ptr + spool_at - kept[1], (size_t)kept[1], kept[0]);
        break;
    case TOW_COMMAND_DROP_SPOOLED:
        while (spool_at < spool.len) {
            memcpy(kept, spool.ptr + spool_at, sizeof kept);
            if (kept[0] > command->c) {
                break;
            }
            spool_at += sizeof kept + (size_t)kept[1];
        }
        break;
    case TOW_COMMAND_FORKED: /* a snapshot will follow */
        break;
    case TOW_COMMAND_BEGIN:
        snapshot.len = 0;
        break;
    case TOW_COMMAND_LOAD:
        append(&snapshot, data + command->a, (size_t)command->b);
        must(tow_receiver_loaded(receiver, command->c + 1));
        break;
    case TOW_COMMAND_INSTALL:
        apply(snapshot.ptr, snapshot.len);
        snapshot.len = 0;
        must(tow_receiver_installed(receiver));
        break;
    default: /* below TOW_COMMAND_KEEP: for the node */
        must(tow_receiver_say(receiver, node, now, command));
        break;
    }
    if (spool_at == spool.len) {
        spool_at = spool.len = 0;
    }
}

static void receive(const uint8_t *data, const tow_step *step) {
    tow_command command;
    must(tow_receiver_receive(receiver, node, step, 1));
    while (tow_receiver_poll(receiver, &command) == TOW_OK || tow_receiver_work(receiver, &command) == TOW_OK) {
        execute(&command, data);
    }
}

/* --- the link ----------------------------------------------------------------------------------------------------- */

static void hang_up(void) {
    if (fd >= 0) {
        close(fd);
    }
    fd = -1;
    connecting = reading = writing = 0;
    unread.len = 0;
}

static void dial(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, port, &hints, &found) == 0) {
        fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connecting = fd >= 0 && (connect(fd, found->ai_addr, found->ai_addrlen) == 0 || errno == EINPROGRESS);
        freeaddrinfo(found);
    }
    if (!connecting) {
        hang_up();
        must(tow_dial_failed(node, now));
    }
}

static void dialled(void) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    connecting = 0;
    if (error == 0 && tow_opened(node, now, LINK, TOW_UPSTREAM) == TOW_OK) {
        reading = 1;
    } else {
        fprintf(stderr, "newcomer: no connection: %s\n", strerror(error));
        hang_up();
        tow_dial_failed(node, now);
    }
}

static void feed(void) {
    size_t at = 0;
    tow_step step;
    reserve(&unread, READ_BYTES);
    ssize_t got = read(fd, unread.ptr + unread.len, READ_BYTES);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            hang_up();
            tow_lost(node, now, LINK);
        }
        return;
    }
    unread.len += (size_t)got;
    do {
        if (tow_on_bytes(node, now, LINK, unread.ptr + at, unread.len - at, &step) != TOW_OK) {
            reading = 0; /* closed a moment ago: the event says so */
            break;
        }
        receive(unread.ptr + at, &step);
        at += (size_t)step.used;
        if (step.next == TOW_NEXT_CLOSED) {
            reading = 0;
        }
    } while (step.next == TOW_NEXT_AGAIN);
    unread.len -= at;
    memmove(unread.ptr, unread.ptr + at, unread.len);
}

static void write_link(void) {
    while (writing) {
        tow_slice slices[TOW_SLICES_MAX];
        size_t count;
        uint32_t more;
        ssize_t wrote = 0;
        must(tow_peek_transmit(node, LINK, slices, &count));
        if (count > 0) {
            struct iovec parts[TOW_SLICES_MAX];
            for (size_t i = 0; i < count; i++) {
                parts[i] = (struct iovec){(void *)(uintptr_t)slices[i].ptr, slices[i].len};
            }
            wrote = writev(fd, parts, (int)count);
        }
        if (wrote < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                hang_up();
                tow_lost(node, now, LINK);
            }
            return;
        }
        if (tow_consume(node, now, LINK, (size_t)wrote, &more) != TOW_OK || !more) {
            writing = 0;
        }
    }
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void poll_events(const char *host, const char *port) {
    tow_event events[16];
    size_t count;
    do {
        must(tow_poll_events(node, events, 16, &count));
        for (size_t i = 0; i < count; i++) {
            switch (events[i].kind) {
            case TOW_EVENT_DIAL:
                dial(host, port);
                break;
            case TOW_EVENT_WANTS_WRITE:
                writing = 1;
                break;
            case TOW_EVENT_CLOSE:
                fprintf(stderr, "newcomer: closed: %s\n", tow_status_name((tow_status)events[i].a));
                hang_up();
                break;
            case TOW_EVENT_CAUGHT_UP:
                caught_up = 1;
                break;
            default:
                break;
            }
        }
    } while (count > 0);
}

static void rest(void) {
    struct pollfd wait = {fd, (short)((reading ? POLLIN : 0) | (writing || connecting ? POLLOUT : 0)), 0};
    tow_time due = tow_next_deadline(node);
    uint64_t ms = due == TOW_NO_DEADLINE ? 60000 : due <= now ? 0 : (due - now) / 1000000 + 1;
    int ready = poll(&wait, 1, ms > 60000 ? 60000 : (int)ms);
    now = clock_ns(CLOCK_MONOTONIC);
    if (ready > 0 && connecting) {
        dialled();
    } else if (ready > 0 && reading && (wait.revents & ~POLLOUT)) {
        feed();
    }
}

int main(int argc, char **argv) {
    int once = argc == 4 && strcmp(argv[3], "--once") == 0;
    char *colon = argc > 1 ? strrchr(argv[1], ':') : NULL;
    tow_config config;
    tow_boot boot;
    tow_error error;
    if (colon == NULL || argc != 3 + once) {
        die("usage: newcomer HOST:PORT NODE [--once]");
    }
    *colon = 0;
    now = clock_ns(CLOCK_MONOTONIC);
    setvbuf(stdout, NULL, _IOLBF, 0);
    tow_config_init(&config, sizeof config);
    config.persists = 0;
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = TOW_REPLICA;
    boot.node = strtoull(argv[2], NULL, 10);
    boot.unix_zero_ns = clock_ns(CLOCK_REALTIME) - now;
    if (getrandom(boot.seed, sizeof boot.seed, 0) != sizeof boot.seed) {
        die("no randomness");
    }
    if (tow_node_new(&config, &boot, &node, &error) != TOW_OK) {
        die(error.text);
    }
    must(tow_receiver_new(0, &receiver));
    for (int leaving = 0;;) {
        must(tow_tick(node, now));
        poll_events(argv[1], colon + 1);
        if (leaving && fd < 0) {
            break;
        }
        if (once && caught_up && !leaving) {
            leaving = 1;
            must(tow_shutdown(node, now)); /* the goodbye leaves, then the link ends */
            poll_events(argv[1], colon + 1);
        }
        write_link();
        rest();
    }
    tow_receiver_free(receiver);
    tow_node_free(node);
    free(unread.ptr);
    free(snapshot.ptr);
    free(spool.ptr);
    return 0;
}
