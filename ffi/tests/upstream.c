/*
 * A primary that loses its snapshot in the middle, for replicas to be tried against.
 *
 *     upstream
 *
 * Prints "listening on PORT" and takes one replica, which must be new. It sends a batch beside a snapshot, a piece of
 * that, and starts again once the replica took both. The second snapshot has another name, and its stream begins where
 * the first's ended; a batch of that comes before BEGIN. Ends with 0 when the replica has applied all, and with 1 after
 * half a minute. The keys of the snapshots are a to e, those of the stream v to z.
 */

#include <poll.h>
#include <unistd.h>

#include "../examples/net.h"
#include "check.h"
#include "towline_sugar.h"

#define LINK 0
#define PIECES 5
#define PATIENCE_NS ((tow_time)30 * 1000 * 1000 * 1000)

typedef struct {
    tow_node *node;
    tow_time now;
    uint8_t cursor[TOW_CURSOR_BYTES_MAX];
    size_t cursor_len;
    int listening, fd, starts;
    uint8_t unread[65536];
    size_t held;
    uint64_t wanted;     /* a snapshot that is asked for and not ready yet */
    uint64_t pieces_max; /* so many pieces are read */
} upstream;

static size_t effect(char key, char out[64]) {
    return (size_t)snprintf(out, 64, "*3\r\n$3\r\nSET\r\n$1\r\n%c\r\n$1\r\n1\r\n", key);
}

static void flush(upstream *u) {
    tow_step step;
    CHECK(tow_flush(u->node, u->now, &step) == TOW_OK);
    CHECK(tow_cursor(u->node, &step.position, u->cursor, sizeof u->cursor, &u->cursor_len) == TOW_OK);
}

static void write_key(upstream *u, char key) {
    char record[64];
    size_t len = effect(key, record);
    tow_step step;
    CHECK(tow_write(u->node, u->now, (const uint8_t *)record, len, &step) == TOW_OK);
    flush(u);
}

static void start(upstream *u, uint64_t pieces_max) {
    tow_config config;
    tow_boot boot;
    tow_error error;
    tow_node_free(u->node);
    CHECK(tow_config_init(&config, sizeof config) == TOW_OK);
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = TOW_PRIMARY;
    boot.node = 1;
    boot.seed[0] = (uint8_t)++u->starts;
    boot.cursor = u->cursor;
    boot.cursor_len = u->cursor_len;
    CHECK(tow_node_new(&config, &boot, &u->node, &error) == TOW_OK);
    u->pieces_max = pieces_max;
    flush(u);
}

static void ready(upstream *u) {
    CHECK(u->wanted != 0);
    flush(u);
    CHECK(tow_snapshot_ready(u->node, u->now, u->wanted, UINT64_MAX, u->cursor, u->cursor_len) == TOW_OK);
    u->wanted = 0;
}

static void hang_up(upstream *u) {
    if (u->fd >= 0) {
        close(u->fd);
    }
    u->fd = -1;
    u->held = 0;
}

static void on_event(upstream *u, const tow_event *event) {
    char piece[64];
    size_t len;
    if (event->kind == TOW_EVENT_SNAPSHOT_WANTED) {
        u->wanted = event->a;
    } else if (event->kind == TOW_EVENT_SNAPSHOT_READ && event->b < u->pieces_max) {
        len = effect((char)('a' + event->b), piece);
        CHECK(tow_snapshot_piece(u->node, u->now, event->a, event->b, event->b + 1 == PIECES, (const uint8_t *)piece,
                                 len) == TOW_OK);
    } else if (event->kind == TOW_EVENT_CLOSE) {
        fprintf(stderr, "upstream: closed: %s\n", tow_status_name(tow_as_close(event).fault));
        hang_up(u);
    }
}

static void feed(upstream *u) {
    size_t at = 0;
    tow_step step;
    ssize_t got = read(u->fd, u->unread + u->held, sizeof u->unread - u->held);
    if (got <= 0) {
        hang_up(u);
        tow_lost(u->node, u->now, LINK);
        return;
    }
    u->held += (size_t)got;
    do {
        CHECK(tow_on_bytes(u->node, u->now, LINK, u->unread + at, u->held - at, &step) == TOW_OK);
        at += (size_t)step.used;
    } while (step.next == TOW_NEXT_AGAIN);
    u->held -= at;
    memmove(u->unread, u->unread + at, u->held);
}

static void send_all(upstream *u) {
    tow_slice slices[TOW_SLICES_MAX];
    size_t count = 0;
    uint32_t more = 1;
    while (u->fd >= 0 && more) {
        ptrdiff_t wrote = 0;
        CHECK(tow_peek_transmit(u->node, LINK, slices, &count) == TOW_OK);
        if (count > 0) {
            wrote = net_write(u->fd, slices, count);
        }
        if (wrote < 0 || (count > 0 && wrote == 0)) {
            return; /* gone, or full for now: the next turn sees */
        }
        CHECK(tow_consume(u->node, u->now, LINK, (size_t)wrote, &more) == TOW_OK);
    }
}

/* A turn: what came, what is to be said, a rest of 10 ms at most. */
static void turn(upstream *u, tow_time until) {
    struct pollfd fds[2] = {{u->listening, POLLIN, 0}, {u->fd, POLLIN, 0}};
    tow_event events[8];
    size_t count;
    poll(fds, 2, 10);
    u->now = net_now();
    if (u->now > until) {
        fprintf(stderr, "upstream: the replica did not come so far\n");
        exit(1);
    }
    if (u->fd < 0 && (u->fd = net_accept(u->listening)) >= 0) {
        CHECK(tow_opened(u->node, u->now, LINK, TOW_DOWNSTREAM) == TOW_OK);
    } else if (u->fd >= 0 && fds[1].revents != 0) {
        feed(u);
    }
    CHECK(tow_tick(u->node, u->now) == TOW_OK);
    do {
        CHECK(tow_poll_events(u->node, events, 8, &count) == TOW_OK);
        for (size_t i = 0; i < count; i++) {
            on_event(u, &events[i]);
        }
    } while (count > 0);
    send_all(u);
}

/* Returns 1 if the replica gets a snapshot, and took all that was sent. */
static int has_taken(const upstream *u) {
    tow_replica row;
    size_t count;
    CHECK(tow_replicas(u->node, u->now, &row, sizeof row, 1, &count) == TOW_OK);
    return count == 1 && row.state == TOW_REPLICA_SNAPSHOT && (row.flags & TOW_REPLICA_UNSENT) != 0 &&
           row.unsent_bytes == 0 && row.untaken_bytes == 0;
}

/* Turns until the replica has taken all that there is. */
static void settle(upstream *u, tow_time until) {
    for (int quiet = 0; quiet < 20; quiet = has_taken(u) ? quiet + 1 : 0) {
        turn(u, until);
    }
}

int main(void) {
    static upstream u;
    uint16_t port = 0;
    uint64_t applied = 0, end;
    u.fd = -1;
    u.now = net_now();
    tow_time until = u.now + PATIENCE_NS;
    u.listening = net_listen(&port);
    CHECK(u.listening >= 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("listening on %u\n", (unsigned)port);

    /* The first snapshot: a batch beside it, and a piece of it. */
    start(&u, 1);
    write_key(&u, 'a');
    while (u.wanted == 0) {
        turn(&u, until);
    }
    write_key(&u, 'v');
    settle(&u, until);
    ready(&u);
    settle(&u, until);

    /* Started again, it knows nothing of that; a batch beside the second snapshot comes before its BEGIN. */
    hang_up(&u);
    start(&u, PIECES);
    while (u.wanted == 0) {
        turn(&u, until);
    }
    write_key(&u, 'w');
    settle(&u, until);
    write_key(&u, 'x');
    ready(&u);
    write_key(&u, 'y');
    while (applied == 0) {
        turn(&u, until);
        CHECK(tow_acked(u.node, TOW_APPLIED, 1, &applied) == TOW_OK);
    }
    write_key(&u, 'z');
    CHECK(tow_acked(u.node, TOW_APPLIED, 0, &end) == TOW_OK);
    while (applied < end) {
        turn(&u, until);
        CHECK(tow_acked(u.node, TOW_APPLIED, 1, &applied) == TOW_OK);
    }
    printf("all %llu records are applied\n", (unsigned long long)end);
    hang_up(&u);
    tow_node_free(u.node);
    return 0;
}
