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
/* Beyond this the stream beside a snapshot is no longer taken: the upstream then waits. */
#define SPOOL_MAX ((size_t)256 << 20)

/* A batch that waits in the spool, in front of its records. */
typedef struct {
    tow_position position;
    size_t len;
} kept;

typedef struct {
    host h; /* first: what is handed a host finds the follower */
    const char *upstream;
    connection up;
    tow_receiver *receiver;
    buffer spool;
    size_t spool_at; /* the oldest batch */
    /* A snapshot that comes in, beside the data. */
    store *coming;
    buffer coming_rest, coming_cursor;
} follower;

/* loop begins */

/* --- the stream of the upstream, into the store ------------------------------------------------------------------- */

/* Data and cursor change together. */
static void apply(follower *f, const uint8_t *records, size_t len, tow_position position) {
    tow_slice record;
    size_t at = 0;
    while (tow_walk(records, len, &at, &record) == TOW_OK) {
        if (store_apply(f->h.data, record.ptr, record.len) != 0) {
            die("a record that is none: the stream is damaged");
        }
    }
    host_stands(&f->h, &position);
    must(tow_receiver_applied(f->receiver, position.boundary), "applied");
}

static kept oldest(const follower *f) {
    kept batch;
    memcpy(&batch, f->spool.bytes + f->spool_at, sizeof batch);
    return batch;
}

/* Does one command of the receiver, whose ranges are of `data`. */
static void execute(follower *f, const tow_command *command, const uint8_t *data) {
    kept batch = {tow_command_position(command), (size_t)command->b};
    switch (command->kind) {
    case TOW_COMMAND_APPLY:
        apply(f, data + command->a, batch.len, batch.position);
        break;
    case TOW_COMMAND_KEEP:
        buffer_add(&f->spool, &batch, sizeof batch);
        buffer_add(&f->spool, data + command->a, batch.len);
        break;
    case TOW_COMMAND_APPLY_SPOOLED:
        batch = oldest(f);
        f->spool_at += sizeof batch + batch.len;
        apply(f, f->spool.bytes + f->spool_at - batch.len, batch.len, batch.position);
        break;
    case TOW_COMMAND_DROP_SPOOLED:
        while (f->spool_at < f->spool.len && (batch = oldest(f)).position.boundary <= command->c) {
            f->spool_at += sizeof batch + batch.len;
        }
        break;
    case TOW_COMMAND_FORKED: /* we cannot rewind, and said so: a snapshot follows */
        fprintf(stderr, "our records from %llu on left the history\n", (unsigned long long)command->c);
        break;
    case TOW_COMMAND_BEGIN:
        store_free(f->coming);
        f->coming = store_new();
        f->coming_rest.len = f->coming_cursor.len = 0;
        buffer_add(&f->coming_cursor, data + command->a, batch.len);
        break;
    case TOW_COMMAND_LOAD:
        if (store_load(f->coming, &f->coming_rest, data + command->a, batch.len) != 0) {
            die("a snapshot that is none");
        }
        must(tow_receiver_loaded(f->receiver, command->c + 1), "loaded");
        break;
    case TOW_COMMAND_INSTALL:
        store_free(f->h.data);
        f->h.data = f->coming;
        f->coming = NULL;
        host_stands_at(&f->h, f->coming_cursor.bytes, f->coming_cursor.len, command->c);
        must(tow_receiver_installed(f->receiver), "installed");
        break;
    default: /* below TOW_COMMAND_KEEP: for the node */
        must(tow_receiver_say(f->receiver, f->h.node, f->h.now, command), "say");
        break;
    }
}

/* Does all there is to do. As long as the spool has room its batches are taken: that makes the upstream send more. */
static void obey(follower *f, const uint8_t *data) {
    tow_command command;
    while (tow_receiver_poll(f->receiver, &command) == TOW_OK || tow_receiver_work(f->receiver, &command) == TOW_OK) {
        execute(f, &command, data);
        if (f->spool_at == f->spool.len) {
            f->spool.len = f->spool_at = 0;
        }
        must(tow_receiver_taking(f->receiver, f->spool.len > SPOOL_MAX ? TOW_TAKING_PIECES : TOW_TAKING_ALL), "taking");
    }
}

static void receive(host *h, const uint8_t *data, const tow_step *step) {
    follower *f = (follower *)h;
    must(tow_receiver_receive(f->receiver, h->node, step, 1), "receive");
    obey(f, data);
}

static void save(follower *f) {
    if (host_save(&f->h)) {
        must(tow_receiver_persisted(f->receiver, f->h.offset), "persisted");
        obey(f, NULL);
    }
}

/* --- events of the node ------------------------------------------------------------------------------------------- */

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
            save(f);
        }
        rest(f);
    }
    save(f);
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
    must(tow_receiver_new(0, &f.receiver), "receiver");
    loop(&f);
    hang_up(&f.up);
    tow_receiver_free(f.receiver);
    host_end(&f.h);
    store_free(f.coming);
    free(f.up.unread.bytes);
    free(f.coming_rest.bytes);
    free(f.coming_cursor.bytes);
    free(f.spool.bytes);
    return 0;
}
