/*
 * follow.c: a store that follows a primary, in one poll(2) loop.
 *
 *     follow HOST:PORT DIR NODE
 *
 * HOST:PORT is where a primary (primary.c, or `towline serve`) takes replicas, DIR is where this store lives, NODE is
 * a number that no other replica has. Prints a line with offset, keys and digest whenever it has saved.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "store.h"
#include "towline_sugar.h"

/* The only link: up. */
#define LINK 0
#define READ_BYTES ((size_t)256 << 10)
#define SAVE_EVERY_NS 200000000u
/* Beyond this the tail beside a snapshot is no longer taken: the upstream then waits. */
#define SPOOL_BYTES_MAX ((size_t)256 << 20)

/* A batch that came beside a snapshot, until that is installed. */
typedef struct spooled {
    struct spooled *next;
    uint64_t upto;
    size_t cursor_len, len;
    uint8_t cursor[TOW_CURSOR_BYTES_MAX];
    uint8_t records[];
} spooled;

typedef struct {
    const char *upstream, *dir;
    tow_node *node;
    tow_time now;

    /* The connection: none (-1), being made, or standing; and what came over it and was not used yet. */
    int fd, connecting, reading, writing;
    buffer unread;

    /* The data, and the cursor that belongs to exactly this data. */
    store *data;
    uint8_t cursor[TOW_CURSOR_BYTES_MAX];
    size_t cursor_len;
    uint64_t applied;
    int unsaved;
    tow_time save_at;

    /* A snapshot that comes in, beside the data, and the tail that rides along with it. */
    store *coming;
    buffer coming_rest;
    uint8_t coming_cursor[TOW_CURSOR_BYTES_MAX];
    size_t coming_cursor_len;
    uint64_t coming_at, pieces;
    spooled *first, **last;
    size_t spool_bytes;
    uint64_t spooled_to, taken_to;
} follower;

static void die(const char *what) {
    fprintf(stderr, "follow: %s\n", what);
    exit(1);
}

static void must(tow_status status, const char *what) {
    if (status != TOW_OK) {
        fprintf(stderr, "follow: %s: %s\n", what, tow_status_name(status));
        exit(1);
    }
}

/* loop begins */

/* --- what the upstream sends: into the store ---------------------------------------------------------------------- */

/* Applies a batch; data and cursor change together. */
static void apply(follower *f, const uint8_t *payload, size_t len, const uint8_t *cursor, size_t cursor_len,
                  uint64_t upto) {
    tow_slice record;
    size_t at = 0;
    while (tow_next_record(payload, len, &at, &record) == TOW_OK) {
        if (store_apply(f->data, record.ptr, record.len) != 0) {
            die("a record that is none: the stream is damaged");
        }
    }
    memcpy(f->cursor, cursor, cursor_len);
    f->cursor_len = cursor_len;
    f->applied = upto;
    f->unsaved = 1;
    must(tow_applied(f->node, f->now, upto), "applied");
}

static void forget_spool(follower *f) {
    while (f->first != NULL) {
        spooled *next = f->first->next;
        free(f->first);
        f->first = next;
    }
    f->last = &f->first;
    f->spool_bytes = 0;
    f->spooled_to = f->taken_to = 0;
}

/* Keeps a batch for later. It is taken, as long as there is room: taking is what makes the upstream send more. */
static void spool(follower *f, const uint8_t *payload, size_t len, const tow_step *step) {
    spooled *batch = malloc(sizeof *batch + len);
    if (batch == NULL) {
        die("out of memory");
    }
    if (step->first != f->spooled_to) {
        forget_spool(f); /* the tail of another snapshot, of which no piece is here yet */
        f->pieces = 0;
    }
    batch->next = NULL;
    batch->upto = step->position.boundary;
    batch->len = len;
    memcpy(batch->records, payload, len);
    must(tow_cursor(f->node, &step->position, batch->cursor, sizeof batch->cursor, &batch->cursor_len), "cursor");
    *f->last = batch;
    f->last = &batch->next;
    f->spool_bytes += len;
    f->spooled_to = batch->upto;
    if (f->spool_bytes <= SPOOL_BYTES_MAX) {
        f->taken_to = f->spooled_to;
    }
    tow_taken(f->node, f->now, f->taken_to, f->pieces);
}

static void begin(follower *f, const uint8_t *cursor, size_t len, const tow_step *step) {
    tow_stats stats;
    must(tow_stats_get(f->node, &stats, sizeof stats), "stats");
    if (stats.end != f->spooled_to) {
        forget_spool(f);
    }
    store_free(f->coming);
    f->coming = store_new();
    f->coming_rest.len = 0;
    memcpy(f->coming_cursor, cursor, len);
    f->coming_cursor_len = len;
    f->coming_at = step->first;
    f->pieces = 0;
}

static void piece(follower *f, const uint8_t *bytes, size_t len, const tow_step *step) {
    if (store_load(f->coming, &f->coming_rest, bytes, len) != 0) {
        die("a snapshot that is none");
    }
    f->pieces = step->first + 1;
    tow_taken(f->node, f->now, f->taken_to, f->pieces);
}

/* The snapshot is whole: it becomes the data, and the tail that lies past it is applied. */
static void install(follower *f, const tow_step *last) {
    tow_step step;
    store_free(f->data);
    f->data = f->coming;
    f->coming = NULL;
    memcpy(f->cursor, f->coming_cursor, f->coming_cursor_len);
    f->cursor_len = f->coming_cursor_len;
    f->applied = f->coming_at;
    f->unsaved = 1;
    must(tow_installed(f->node, f->now, last->snapshot, &step), "installed");
    /* The log stands at the snapshot, or behind the tail that fits it. */
    for (spooled *batch = f->first; batch != NULL; batch = batch->next) {
        if (batch->upto > f->applied && batch->upto <= step.position.boundary) {
            apply(f, batch->records, batch->len, batch->cursor, batch->cursor_len, batch->upto);
        }
    }
    forget_spool(f);
    f->pieces = 0;
}

static void receive(follower *f, const uint8_t *payload, const tow_step *step) {
    uint8_t cursor[TOW_CURSOR_BYTES_MAX];
    size_t cursor_len, len = (size_t)step->range_len;
    switch (step->kind) {
    case TOW_PAYLOAD_BATCH:
        must(tow_cursor(f->node, &step->position, cursor, sizeof cursor, &cursor_len), "cursor");
        apply(f, payload, len, cursor, cursor_len, step->position.boundary);
        break;
    case TOW_PAYLOAD_SPOOL:
        spool(f, payload, len, step);
        break;
    case TOW_PAYLOAD_FORK: /* we cannot rewind, and said so: a snapshot follows */
        fprintf(stderr, "follow: our records from %llu on left the history\n", (unsigned long long)step->first);
        break;
    case TOW_PAYLOAD_BEGIN:
        begin(f, payload, len, step);
        break;
    case TOW_PAYLOAD_PIECE:
        piece(f, payload, len, step);
        break;
    case TOW_PAYLOAD_LAST_PIECE:
        piece(f, payload, len, step);
        install(f, step);
        break;
    default:
        break;
    }
}

/* --- feed all ----------------------------------------------------------------------------------------------------- */

static void hang_up(follower *f) {
    if (f->fd >= 0) {
        close(f->fd);
    }
    f->fd = -1;
    f->connecting = f->reading = f->writing = 0;
    f->unread.len = 0;
}

/* Hands the node what is unread, a frame at a time. What it does not use yet stays. */
static void hand_over(follower *f) {
    size_t at = 0;
    tow_step step;
    do {
        const uint8_t *data = f->unread.bytes + at;
        if (tow_on_bytes(f->node, f->now, LINK, data, f->unread.len - at, &step) != TOW_OK) {
            f->reading = 0; /* closed a moment ago: the event says so */
            break;
        }
        if (step.kind != TOW_PAYLOAD_NONE) {
            receive(f, data + step.range_start, &step);
        }
        at += (size_t)step.used;
        if (step.next == TOW_NEXT_CLOSED) {
            f->reading = 0;
        }
    } while (step.next == TOW_NEXT_AGAIN);
    buffer_drop(&f->unread, at);
}

/* Reads a turn's share. The buffer grows as bytes come, whatever a frame's head may announce. */
static void feed(follower *f) {
    ssize_t got;
    if (!f->reading) {
        return;
    }
    buffer_reserve(&f->unread, READ_BYTES);
    got = read(f->fd, f->unread.bytes + f->unread.len, READ_BYTES);
    if (got > 0) {
        f->unread.len += (size_t)got;
        hand_over(f);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up(f);
        tow_lost(f->node, f->now, LINK);
    }
}

static void dialled(follower *f) {
    f->connecting = 0;
    if (net_connected(f->fd) && tow_opened(f->node, f->now, LINK, TOW_UPSTREAM) == TOW_OK) {
        f->reading = 1;
    } else {
        hang_up(f);
        tow_dial_failed(f->node, f->now);
    }
}

/* --- poll all ----------------------------------------------------------------------------------------------------- */

static void on_event(follower *f, const tow_event *event) {
    switch (event->kind) {
    case TOW_EVENT_DIAL:
        f->fd = net_dial(f->upstream);
        f->connecting = f->fd >= 0;
        if (!f->connecting) {
            tow_dial_failed(f->node, f->now);
        }
        break;
    case TOW_EVENT_WANTS_WRITE:
        f->writing = 1;
        break;
    case TOW_EVENT_CLOSE:
        fprintf(stderr, "follow: closed: %s\n", tow_status_name((tow_status)event->a));
        hang_up(f);
        break;
    default: /* what we do not know, or do not need */
        break;
    }
}

static void poll_events(follower *f) {
    tow_event events[32];
    size_t count;
    do {
        must(tow_poll_events(f->node, events, 32, &count), "poll");
        for (size_t i = 0; i < count; i++) {
            on_event(f, &events[i]);
        }
    } while (count > 0);
}

/* --- write all ---------------------------------------------------------------------------------------------------- */

/* Peek, write, consume, with nothing between, until dry or until the socket takes no more. */
static void write_link(follower *f) {
    while (f->writing) {
        tow_slice slices[TOW_SLICES_MAX];
        size_t count;
        uint32_t more = 0;
        ptrdiff_t wrote = 0;
        must(tow_peek_transmit(f->node, LINK, slices, &count), "peek");
        if (count > 0) {
            wrote = net_write(f->fd, slices, count);
            if (wrote == 0) {
                return; /* poll(2) says when */
            }
        }
        if (wrote < 0) {
            hang_up(f);
            tow_lost(f->node, f->now, LINK);
        } else if (tow_consume(f->node, f->now, LINK, (size_t)wrote, &more) != TOW_OK || more == 0) {
            f->writing = 0;
        }
    }
}

/* --- the disk ----------------------------------------------------------------------------------------------------- */

/* Data and cursor, in one step; what survives a power cut is said. */
static void save(follower *f) {
    if (f->unsaved && f->cursor_len > 0) {
        if (store_save(f->data, f->dir, f->cursor, f->cursor_len) != 0) {
            die("cannot save");
        }
        f->unsaved = 0;
        must(tow_persisted(f->node, f->now, f->applied), "persisted");
        store_digest digest = store_content(f->data);
        printf("%llu records, %llu keys, digest %016llx%016llx\n", (unsigned long long)f->applied,
               (unsigned long long)store_keys(f->data), (unsigned long long)digest.high,
               (unsigned long long)digest.low);
    }
    f->save_at = f->now + SAVE_EVERY_NS;
}

/* --- sleep -------------------------------------------------------------------------------------------------------- */

static void rest(follower *f) {
    struct pollfd fds = {f->fd, 0, 0}; /* poll(2) ignores a descriptor below 0 */
    tow_time due = tow_next_deadline(f->node);
    if (f->unsaved && f->save_at < due) {
        due = f->save_at;
    }
    if (f->reading) {
        fds.events |= POLLIN;
    }
    if (f->writing || f->connecting) {
        fds.events |= POLLOUT;
    }
    int ready = poll(&fds, 1, net_timeout(f->now, due));
    f->now = net_now();
    if (ready > 0 && f->connecting) {
        dialled(f);
    }
}

static void loop(follower *f) {
    while (!net_stopped()) {
        feed(f);
        must(tow_tick(f->node, f->now), "tick");
        poll_events(f);
        write_link(f);
        if (f->now >= f->save_at) {
            save(f);
        }
        rest(f);
    }
    save(f);
}

/* loop ends */

static void start(follower *f, uint64_t node) {
    tow_config config;
    tow_boot boot;
    tow_error error;
    f->data = store_new();
    f->last = &f->first;
    f->fd = -1;
    if (store_open(f->data, f->dir, f->cursor, &f->cursor_len) != 0) {
        die("the store cannot be read");
    }
    must(tow_config_init(&config, sizeof config), "config");
    config.links_max = 1;
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = TOW_REPLICA;
    boot.node = node;
    boot.unix_zero_ns = net_unix_zero();
    boot.cursor = f->cursor;
    boot.cursor_len = f->cursor_len;
    net_dice(boot.seed, sizeof boot.seed);
    if (tow_node_new(&config, &boot, &f->node, &error) != TOW_OK) {
        die(error.text);
    }
}

int main(int argc, char **argv) {
    follower f;
    memset(&f, 0, sizeof f);
    if (argc != 4) {
        die("usage: follow HOST:PORT DIR NODE");
    }
    f.upstream = argv[1];
    f.dir = argv[2];
    net_signals();
    setvbuf(stdout, NULL, _IOLBF, 0);
    f.now = net_now();
    start(&f, strtoull(argv[3], NULL, 10));
    loop(&f);
    hang_up(&f);
    tow_node_free(f.node);
    forget_spool(&f);
    store_free(f.data);
    store_free(f.coming);
    free(f.unread.bytes);
    free(f.coming_rest.bytes);
    return 0;
}
