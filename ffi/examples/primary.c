/*
 * primary.c: a store that is followed, in one poll(2) loop.
 *
 *     primary PORT DIR NODE < commands
 *
 * Replicas (follow.c, or `towline follow`) connect to PORT; 0 lets the system choose. A line on stdin is a record of
 * one effect: `set KEY VALUE`, `append KEY VALUE`, `incrby KEY N`, `pexpireat KEY MS`, `persist KEY`, `del KEY`,
 * `flushall`. Prints a line with offset, keys and digest whenever it has saved.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "store.h"
#include "towline_sugar.h"

#define LINKS_MAX 16
/* And the spare ones, on which a full node says that it is full. */
#define LINK_IDS (LINKS_MAX + 2)
/* Two may be open at a time. */
#define VIEWS 2
#define PIECE_BYTES ((size_t)256 << 10)
#define READ_BYTES ((size_t)64 << 10)
#define SAVE_EVERY_NS 200000000u

typedef struct {
    int fd, reading, writing;
    buffer unread;
} link_row;

/* A snapshot that is being sent: a copy, so that it does not move while it is read. */
typedef struct {
    uint64_t id; /* 0: none */
    buffer bytes;
} view;

typedef struct {
    const char *dir;
    tow_node *node;
    tow_time now;
    int listener, input_over;
    link_row links[LINK_IDS];
    view views[VIEWS];
    buffer input;

    store *data;
    uint8_t cursor[TOW_CURSOR_BYTES_MAX];
    size_t cursor_len;
    uint64_t committed;
    int unsaved, written;
    tow_time save_at;
} primary;

static void die(const char *what) {
    fprintf(stderr, "primary: %s\n", what);
    exit(1);
}

static void must(tow_status status, const char *what) {
    if (status != TOW_OK) {
        fprintf(stderr, "primary: %s: %s\n", what, tow_status_name(status));
        exit(1);
    }
}

/* --- writes ------------------------------------------------------------------------------------------------------- */

/* A line becomes a record; the store decides whether it is one, then the log gets it. */
static void write_line(primary *p, char *line) {
    const uint8_t *word[3];
    size_t len[3], words = 0;
    buffer record = {NULL, 0, 0};
    tow_step step;
    while (words < 3 && *line != 0) {
        size_t end = words < 2 ? strcspn(line, " ") : strlen(line);
        word[words] = (uint8_t *)line;
        len[words] = end;
        words++;
        line += end + (line[end] != 0);
    }
    if (words == 0) {
        return;
    }
    for (size_t i = 0; i < len[0]; i++) {
        ((char *)(uintptr_t)word[0])[i] = (char)toupper(word[0][i]);
    }
    effect_write(&record, words, word, len);
    if (store_apply(p->data, record.bytes, record.len) != 0) {
        fputs("primary: that is no command\n", stderr);
    } else {
        must(tow_write(p->node, p->now, record.bytes, record.len, &step), "write");
        p->written = 1;
    }
    free(record.bytes);
}

static void read_commands(primary *p) {
    buffer_reserve(&p->input, READ_BYTES);
    ssize_t got = read(STDIN_FILENO, p->input.bytes + p->input.len, READ_BYTES);
    if (got <= 0) {
        p->input_over = got == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    p->input.len += (size_t)got;
    size_t at = 0;
    for (;;) {
        uint8_t *end = memchr(p->input.bytes + at, '\n', p->input.len - at);
        if (end == NULL) {
            break;
        }
        *end = 0;
        write_line(p, (char *)p->input.bytes + at);
        at = (size_t)(end - p->input.bytes) + 1;
    }
    buffer_drop(&p->input, at);
}

/* What was written this turn becomes a batch; data and cursor meet at its boundary. */
static void commit(primary *p) {
    tow_step step;
    must(tow_flush(p->node, p->now, &step), "flush");
    must(tow_cursor(p->node, &step.position, p->cursor, sizeof p->cursor, &p->cursor_len), "cursor");
    p->committed = step.position.boundary;
    p->written = 0;
    p->unsaved = 1;
}

static void save(primary *p) {
    if (p->unsaved) {
        if (store_save(p->data, p->dir, p->cursor, p->cursor_len) != 0) {
            die("cannot save");
        }
        p->unsaved = 0;
        must(tow_persisted(p->node, p->now, p->committed), "persisted");
        store_digest digest = store_content(p->data);
        printf("%llu records, %llu keys, digest %016llx%016llx\n", (unsigned long long)p->committed,
               (unsigned long long)store_keys(p->data), (unsigned long long)digest.high,
               (unsigned long long)digest.low);
    }
    p->save_at = p->now + SAVE_EVERY_NS;
}

/* --- views -------------------------------------------------------------------------------------------------------- */

static view *find_view(primary *p, uint64_t id) {
    for (size_t i = 0; i < VIEWS; i++) {
        if (p->views[i].id == id) {
            return &p->views[i];
        }
    }
    return NULL;
}

static void open_view(primary *p, uint64_t id) {
    view *free_one = find_view(p, 0);
    if (free_one == NULL) {
        tow_say(p->node, p->now, TOW_INPUT_SNAPSHOT_FAILED, 0, id, 1, 0);
        return;
    }
    commit(p);
    free_one->id = id;
    store_snapshot(p->data, &free_one->bytes);
    tow_snapshot_ready(p->node, p->now, id, free_one->bytes.len, p->cursor, p->cursor_len);
}

static void read_view(primary *p, uint64_t id, uint64_t piece) {
    view *open = find_view(p, id);
    if (open != NULL && piece <= open->bytes.len / PIECE_BYTES) {
        size_t at = (size_t)piece * PIECE_BYTES, left = open->bytes.len - at;
        size_t len = left < PIECE_BYTES ? left : PIECE_BYTES;
        const uint8_t *bytes = len > 0 ? open->bytes.bytes + at : NULL;
        tow_snapshot_piece(p->node, p->now, id, piece, len < PIECE_BYTES, bytes, len);
    }
}

static void close_view(primary *p, uint64_t id) {
    view *open = find_view(p, id);
    if (open != NULL) {
        free(open->bytes.bytes);
        memset(open, 0, sizeof *open);
    }
}

/* --- links -------------------------------------------------------------------------------------------------------- */

static void hang_up(link_row *row) {
    if (row->fd >= 0) {
        close(row->fd);
    }
    row->fd = -1;
    row->reading = row->writing = 0;
    row->unread.len = 0;
}

static void accept_replica(primary *p) {
    int fd = net_accept(p->listener);
    for (uint32_t link = 0; fd >= 0 && link < LINK_IDS; link++) {
        link_row *row = &p->links[link];
        if (row->fd < 0 && tow_opened(p->node, p->now, link, TOW_DOWNSTREAM) == TOW_OK) {
            row->fd = fd;
            row->reading = 1;
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void feed(primary *p, uint32_t link) {
    link_row *row = &p->links[link];
    size_t at = 0;
    tow_step step;
    buffer_reserve(&row->unread, READ_BYTES);
    ssize_t got = read(row->fd, row->unread.bytes + row->unread.len, READ_BYTES);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        hang_up(row);
        tow_lost(p->node, p->now, link);
        return;
    }
    row->unread.len += got > 0 ? (size_t)got : 0;
    do {
        const uint8_t *data = row->unread.bytes + at;
        if (tow_on_bytes(p->node, p->now, link, data, row->unread.len - at, &step) != TOW_OK) {
            row->reading = 0;
            break;
        }
        at += (size_t)step.used;
        row->reading = step.next != TOW_NEXT_CLOSED;
    } while (step.next == TOW_NEXT_AGAIN);
    buffer_drop(&row->unread, at);
}

static void write_link(primary *p, uint32_t link) {
    link_row *row = &p->links[link];
    while (row->writing) {
        tow_slice slices[TOW_SLICES_MAX];
        size_t count;
        uint32_t more = 0;
        ptrdiff_t wrote = 0;
        must(tow_peek_transmit(p->node, link, slices, &count), "peek");
        if (count > 0) {
            wrote = net_write(row->fd, slices, count);
            if (wrote == 0) {
                return;
            }
        }
        if (wrote < 0) {
            hang_up(row);
            tow_lost(p->node, p->now, link);
        } else if (tow_consume(p->node, p->now, link, (size_t)wrote, &more) != TOW_OK || more == 0) {
            row->writing = 0;
        }
    }
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void on_event(primary *p, const tow_event *event) {
    switch (event->kind) {
    case TOW_EVENT_WANTS_WRITE:
        p->links[event->link].writing = p->links[event->link].fd >= 0;
        break;
    case TOW_EVENT_CLOSE:
        hang_up(&p->links[event->link]);
        break;
    case TOW_EVENT_SNAPSHOT_WANTED:
        open_view(p, event->a);
        break;
    case TOW_EVENT_SNAPSHOT_READ:
        read_view(p, event->a, event->b);
        break;
    case TOW_EVENT_SNAPSHOT_DONE:
        close_view(p, event->a);
        break;
    default:
        break;
    }
}

static void poll_events(primary *p) {
    tow_event events[32];
    size_t count;
    do {
        must(tow_poll_events(p->node, events, 32, &count), "poll");
        for (size_t i = 0; i < count; i++) {
            on_event(p, &events[i]);
        }
    } while (count > 0);
}

/* Sleeps until something is there, and takes it in. */
static void turn(primary *p) {
    struct pollfd fds[LINK_IDS + 2];
    tow_time due = tow_next_deadline(p->node);
    if (p->unsaved && p->save_at < due) {
        due = p->save_at;
    }
    for (uint32_t link = 0; link < LINK_IDS; link++) {
        const link_row *row = &p->links[link];
        fds[link].fd = row->fd;
        fds[link].events = (short)((row->reading ? POLLIN : 0) | (row->writing ? POLLOUT : 0));
        fds[link].revents = 0;
    }
    fds[LINK_IDS] = (struct pollfd){p->listener, POLLIN, 0};
    fds[LINK_IDS + 1] = (struct pollfd){p->input_over ? -1 : STDIN_FILENO, POLLIN, 0};
    if (poll(fds, LINK_IDS + 2, net_timeout(p->now, due)) < 0) {
        return;
    }
    p->now = net_now();
    for (uint32_t link = 0; link < LINK_IDS; link++) {
        if (fds[link].revents != 0 && p->links[link].reading) {
            feed(p, link);
        }
    }
    if (fds[LINK_IDS].revents != 0) {
        accept_replica(p);
    }
    if (fds[LINK_IDS + 1].revents != 0) {
        read_commands(p);
    }
}

static void loop(primary *p) {
    while (!net_stopped()) {
        turn(p);
        must(tow_tick(p->node, p->now), "tick");
        if (p->written) {
            commit(p);
        }
        poll_events(p);
        for (uint32_t link = 0; link < LINK_IDS; link++) {
            write_link(p, link);
        }
        if (p->now >= p->save_at) {
            save(p);
        }
    }
    save(p);
}

static void start(primary *p, uint64_t node) {
    tow_config config;
    tow_boot boot;
    tow_error error;
    p->data = store_new();
    if (store_open(p->data, p->dir, p->cursor, &p->cursor_len) != 0) {
        die("the store cannot be read");
    }
    must(tow_config_init(&config, sizeof config), "config");
    config.links_max = LINKS_MAX;
    config.piece_bytes_max = PIECE_BYTES;
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = TOW_PRIMARY;
    boot.node = node;
    boot.unix_zero_ns = net_unix_zero();
    boot.cursor = p->cursor;
    boot.cursor_len = p->cursor_len;
    net_dice(boot.seed, sizeof boot.seed);
    if (tow_node_new(&config, &boot, &p->node, &error) != TOW_OK) {
        die(error.text);
    }
    /* The epoch that was just opened belongs to the store before anything is written in it. */
    commit(p);
    save(p);
}

int main(int argc, char **argv) {
    primary p;
    memset(&p, 0, sizeof p);
    if (argc != 4) {
        die("usage: primary PORT DIR NODE < commands");
    }
    uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    p.dir = argv[2];
    for (size_t i = 0; i < LINK_IDS; i++) {
        p.links[i].fd = -1;
    }
    net_signals();
    setvbuf(stdout, NULL, _IOLBF, 0);
    p.now = net_now();
    p.listener = net_listen(&port);
    printf("listening on 127.0.0.1:%u\n", (unsigned)port);
    start(&p, strtoull(argv[3], NULL, 10));
    loop(&p);
    for (size_t i = 0; i < LINK_IDS; i++) {
        hang_up(&p.links[i]);
        free(p.links[i].unread.bytes);
    }
    for (size_t i = 0; i < VIEWS; i++) {
        free(p.views[i].bytes.bytes);
    }
    tow_node_free(p.node);
    store_free(p.data);
    free(p.input.bytes);
    return 0;
}
