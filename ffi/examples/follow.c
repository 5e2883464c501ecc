/*
 * follow.c: a store that follows a primary, in one poll(2) loop.
 *
 *     follow HOST:PORT DIR NODE
 *
 * HOST:PORT is where a primary (primary.c, or `towline serve`) takes replicas, DIR is where this store lives, NODE is
 * a number that no other replica has. Prints a line with offset, keys and digest whenever it has saved.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "net.h"
#include "towline_sugar.h"

/* The only link: up. */
#define LINK 0
/* Beyond this the tail beside a snapshot is no longer taken: the upstream then waits. */
#define SPOOL_BYTES_MAX ((size_t)256 << 20)

typedef struct {
    host h; /* first: what is handed a host finds the follower */
    const char *upstream;
    connection up;

    /* A snapshot that comes in, beside the data. */
    store *coming;
    buffer coming_rest;
    uint64_t coming_at, pieces;
    /* The tail that rides along with it: the records from one offset to another, and how many of them are taken. */
    buffer spool;
    uint64_t spool_first, spool_end, taken_to;
} follower;

/* loop begins */

/* --- what the upstream sends: into the store ---------------------------------------------------------------------- */

/* Applies those records of a payload that lie from one offset on and before another. */
static void apply(host *h, const uint8_t *payload, size_t len, uint64_t first, uint64_t from, uint64_t upto) {
    tow_slice record;
    size_t at = 0;
    for (uint64_t offset = first; tow_walk(payload, len, &at, &record) == TOW_OK; offset++) {
        if (offset >= from && offset < upto && store_apply(h->data, record.ptr, record.len) != 0) {
            die("a record that is none: the stream is damaged");
        }
    }
}

/* Data and cursor change together. */
static void batch(host *h, const uint8_t *payload, const tow_step *step) {
    apply(h, payload, (size_t)step->range_len, step->first, step->first, step->position.boundary);
    host_stands(h, &step->position);
    must(tow_applied(h->node, h->now, h->offset), "applied");
}

static void forget_spool(follower *f) {
    f->spool.len = 0;
    f->spool_first = f->spool_end = f->taken_to = 0;
}

/* Keeps a batch for later. It is taken, as long as there is room: taking is what makes the upstream send more. */
static void spool(follower *f, const uint8_t *payload, const tow_step *step) {
    if (step->first != f->spool_end) {
        forget_spool(f); /* the tail of another snapshot, of which no piece is here yet */
        f->pieces = 0;
        f->spool_first = step->first;
    }
    buffer_add(&f->spool, payload, (size_t)step->range_len);
    f->spool_end = step->position.boundary;
    if (f->spool.len <= SPOOL_BYTES_MAX) {
        f->taken_to = f->spool_end;
    }
    tow_taken(f->h.node, f->h.now, f->taken_to, f->pieces);
}

static void begin(follower *f, const tow_step *step) {
    tow_stats stats;
    must(tow_stats_get(f->h.node, &stats, sizeof stats), "stats");
    if (stats.end != f->spool_end) {
        forget_spool(f);
    }
    store_free(f->coming);
    f->coming = store_new();
    f->coming_rest.len = 0;
    f->coming_at = step->first;
    f->pieces = 0;
}

static void piece(follower *f, const uint8_t *bytes, const tow_step *step) {
    if (store_load(f->coming, &f->coming_rest, bytes, (size_t)step->range_len) != 0) {
        die("a snapshot that is none");
    }
    f->pieces = step->first + 1;
    tow_taken(f->h.node, f->h.now, f->taken_to, f->pieces);
}

/* The snapshot is whole: it becomes the data, and the tail that lies past it is applied. */
static void install(follower *f, const tow_step *last) {
    tow_step step;
    store_free(f->h.data);
    f->h.data = f->coming;
    f->coming = NULL;
    must(tow_installed(f->h.node, f->h.now, last->snapshot, &step), "installed");
    /* The log stands at the snapshot, or behind the tail that fits it. */
    apply(&f->h, f->spool.bytes, f->spool.len, f->spool_first, f->coming_at, step.position.boundary);
    host_stands(&f->h, &step.position);
    must(tow_applied(f->h.node, f->h.now, f->h.offset), "applied");
    forget_spool(f);
    f->pieces = 0;
}

static void receive(host *h, const uint8_t *payload, const tow_step *step) {
    follower *f = (follower *)h;
    switch (step->kind) {
    case TOW_PAYLOAD_BATCH:
        batch(h, payload, step);
        break;
    case TOW_PAYLOAD_SPOOL:
        spool(f, payload, step);
        break;
    case TOW_PAYLOAD_FORK: /* we cannot rewind, and said so: a snapshot follows */
        fprintf(stderr, "our records from %llu on left the history\n", (unsigned long long)step->first);
        break;
    case TOW_PAYLOAD_BEGIN:
        begin(f, step);
        break;
    case TOW_PAYLOAD_PIECE:
        piece(f, payload, step);
        break;
    case TOW_PAYLOAD_LAST_PIECE:
        piece(f, payload, step);
        install(f, step);
        break;
    default:
        break;
    }
}

/* --- what the node says ------------------------------------------------------------------------------------------- */

static void dialled(follower *f) {
    f->up.connecting = 0;
    if (net_connected(f->up.fd) && tow_opened(f->h.node, f->h.now, LINK, TOW_UPSTREAM) == TOW_OK) {
        f->up.reading = 1;
    } else {
        hang_up(&f->up);
        tow_dial_failed(f->h.node, f->h.now);
    }
}

static void on_event(host *h, const tow_event *event) {
    follower *f = (follower *)h;
    switch (event->kind) {
    case TOW_EVENT_DIAL:
        f->up.fd = net_dial(f->upstream);
        f->up.connecting = f->up.fd >= 0;
        if (!f->up.connecting) {
            tow_dial_failed(h->node, h->now);
        }
        break;
    case TOW_EVENT_WANTS_WRITE:
        f->up.writing = 1;
        break;
    case TOW_EVENT_CLOSE:
        fprintf(stderr, "closed: %s\n", tow_status_name(tow_as_close(event).fault));
        hang_up(&f->up);
        break;
    default: /* what we do not know, or do not need */
        break;
    }
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void rest(follower *f) {
    struct pollfd fds = {f->up.fd, 0, 0}; /* poll(2) ignores a descriptor below 0 */
    if (f->up.reading) {
        fds.events |= POLLIN;
    }
    if (f->up.writing || f->up.connecting) {
        fds.events |= POLLOUT;
    }
    int ready = poll(&fds, 1, net_timeout(f->h.now, host_due(&f->h)));
    f->h.now = net_now();
    if (ready > 0 && f->up.connecting) {
        dialled(f);
    }
}

static void loop(follower *f) {
    while (!net_stopped()) {
        if (f->up.reading) {
            feed(&f->h, &f->up, receive);
        }
        must(tow_tick(f->h.node, f->h.now), "tick");
        poll_events(&f->h, on_event);
        write_link(&f->h, &f->up);
        if (f->h.now >= f->h.save_at) {
            host_save(&f->h);
        }
        rest(f);
    }
    host_save(&f->h);
}

/* loop ends */

int main(int argc, char **argv) {
    follower f;
    tow_config config;
    memset(&f, 0, sizeof f);
    if (argc != 4) {
        die("usage: follow HOST:PORT DIR NODE");
    }
    net_signals();
    setvbuf(stdout, NULL, _IOLBF, 0);
    must(tow_config_init(&config, sizeof config), "config");
    config.links_max = 1;
    f.upstream = argv[1];
    f.up.link = LINK;
    f.up.fd = -1;
    f.h.now = net_now();
    host_start(&f.h, argv[2], &config, TOW_REPLICA, strtoull(argv[3], NULL, 10));
    loop(&f);
    hang_up(&f.up);
    host_end(&f.h);
    store_free(f.coming);
    free(f.up.unread.bytes);
    free(f.coming_rest.bytes);
    free(f.spool.bytes);
    return 0;
}
