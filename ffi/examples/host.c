/* Node, state and links: see host.h. */

#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "towline_sugar.h"

#define READ_BYTES ((size_t)256 << 10)
#define SAVE_EVERY_NS 200000000u

void die(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

void must(tow_status status, const char *what) {
    if (status != TOW_OK) {
        fprintf(stderr, "%s: %s\n", what, tow_status_name(status));
        exit(1);
    }
}

void host_start(host *h, const char *dir, const tow_config *config, uint32_t role, uint64_t node) {
    tow_boot boot;
    tow_error error;
    h->dir = dir;
    h->data = store_new();
    if (store_open(h->data, h->dir, h->cursor, &h->cursor_len) != 0) {
        die("the store cannot be read");
    }
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = role;
    boot.node = node;
    boot.unix_zero_ns = net_unix_zero();
    boot.cursor = h->cursor;
    boot.cursor_len = h->cursor_len;
    net_dice(boot.seed, sizeof boot.seed);
    if (tow_node_new(config, &boot, &h->node, &error) != TOW_OK) {
        die(error.text);
    }
}

void host_end(host *h) {
    tow_node_free(h->node);
    store_free(h->data);
}

/* loop begins */

/* --- the state ---------------------------------------------------------------------------------------------------- */

void host_stands(host *h, const tow_position *position) {
    must(tow_cursor(h->node, position, h->cursor, sizeof h->cursor, &h->cursor_len), "cursor");
    h->offset = position->boundary;
    h->unsaved = 1;
}

void host_stands_at(host *h, const uint8_t *cursor, size_t len, uint64_t offset) {
    memcpy(h->cursor, cursor, len);
    h->cursor_len = len;
    h->offset = offset;
    h->unsaved = 1;
}

/* Saves data and cursor, in one step. */
int host_save(host *h) {
    int news = h->unsaved;
    if (news) {
        if (store_save(h->data, h->dir, h->cursor, h->cursor_len) != 0) {
            die("cannot save");
        }
        h->unsaved = 0;
        store_digest digest = store_content(h->data);
        printf("%llu records, %llu keys, digest %016llx%016llx\n", (unsigned long long)h->offset,
               (unsigned long long)store_keys(h->data), (unsigned long long)digest.high,
               (unsigned long long)digest.low);
    }
    h->save_at = h->now + SAVE_EVERY_NS;
    return news;
}

tow_time host_due(const host *h) {
    tow_time due = tow_next_deadline(h->node);
    return h->unsaved && h->save_at < due ? h->save_at : due;
}

/* --- feed all ----------------------------------------------------------------------------------------------------- */

void hang_up(connection *c) {
    if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = -1;
    c->connecting = c->reading = c->writing = 0;
    c->unread.len = 0;
}

/* Hands the node the unread bytes, a frame at a time. Bytes that it does not use yet stay. */
static void hand_over(host *h, connection *c, void (*receive)(host *, const uint8_t *, const tow_step *)) {
    size_t at = 0;
    tow_step step;
    do {
        const uint8_t *data = c->unread.bytes + at;
        if (tow_on_bytes(h->node, h->now, c->link, data, c->unread.len - at, &step) != TOW_OK) {
            c->reading = 0; /* closed a moment ago: the event says so */
            break;
        }
        receive(h, data, &step);
        at += (size_t)step.used;
        if (step.next == TOW_NEXT_CLOSED) {
            c->reading = 0;
        }
    } while (step.next == TOW_NEXT_AGAIN);
    buffer_drop(&c->unread, at);
}

/* Reads a turn's share. The buffer grows as bytes come, whatever a frame's head may announce. */
void feed(host *h, connection *c, void (*receive)(host *, const uint8_t *, const tow_step *)) {
    buffer_reserve(&c->unread, READ_BYTES);
    ssize_t got = read(c->fd, c->unread.bytes + c->unread.len, READ_BYTES);
    if (got > 0) {
        c->unread.len += (size_t)got;
        hand_over(h, c, receive);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up(c);
        tow_lost(h->node, h->now, c->link);
    }
}

/* --- poll all ----------------------------------------------------------------------------------------------------- */

void poll_events(host *h, void (*on_event)(host *, const tow_event *)) {
    tow_event events[32];
    size_t count;
    do {
        must(tow_poll_events(h->node, events, 32, &count), "poll");
        for (size_t i = 0; i < count; i++) {
            on_event(h, &events[i]);
        }
    } while (count > 0);
}

/* --- write all ---------------------------------------------------------------------------------------------------- */

/* Peek, write, consume, with nothing between, until nothing is left or the socket takes no more. */
void write_link(host *h, connection *c) {
    while (c->writing) {
        tow_slice slices[TOW_SLICES_MAX];
        size_t count;
        uint32_t more = 0;
        ptrdiff_t wrote = 0;
        must(tow_peek_transmit(h->node, c->link, slices, &count), "peek");
        if (count > 0) {
            wrote = net_write(c->fd, slices, count);
            if (wrote == 0) {
                return; /* poll(2) says when */
            }
        }
        if (wrote < 0) {
            hang_up(c);
            tow_lost(h->node, h->now, c->link);
        } else if (tow_consume(h->node, h->now, c->link, (size_t)wrote, &more) != TOW_OK || more == 0) {
            c->writing = 0;
        }
    }
}

/* loop ends */
