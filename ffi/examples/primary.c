/*
 * primary.c: a store that is followed, in one poll(2) loop.
 *
 *     primary PORT DIR NODE [REPLICAS] < commands
 *
 * Replicas (follow.c, or `towline follow`) connect to PORT; 0 lets the system choose. A line on stdin is a record of
 * one effect: `set KEY VALUE`, `append KEY VALUE`, `incrby KEY N`, `pexpireat KEY MS`, `persist KEY`, `del KEY`,
 * `flushall`. Prints a line with offset, keys and digest whenever it has saved; given REPLICAS, also a line for each
 * record once so many replicas have applied it.
 *
 * On SIGINT or SIGTERM it takes no more commands, and ends when every connected replica has received all records, or
 * after 10 s. It names the replicas that miss some, and then exits with 4.
 */

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "net.h"
#include "towline_sugar.h"
#include "waits.h"

#define LINKS_MAX 16
/* The link ids: those of links, and two spare ones, on which a full node says that it is full. */
#define LINK_IDS (LINKS_MAX + 2)
/* The most open views. */
#define VIEWS 2
/* The most records written in one call. */
#define RECORDS 64
#define PIECE_BYTES ((size_t)256 << 10)
#define READ_BYTES ((size_t)64 << 10)
#define STOP_WAIT_NS 10000000000u

/* A snapshot that is being sent: a copy, so that it does not move while it is read. */
typedef struct {
    uint64_t id; /* 0: none */
    buffer bytes;
} view;

/* Records that wait for the end of the turn's reading: one behind the other, each with its length. */
typedef struct {
    buffer bytes;
    size_t len[RECORDS], count;
} batch;

typedef struct {
    host h; /* first: what is handed a host finds the primary */
    int listener, input_over, written;
    tow_time stop_at; /* 0: nobody asked to stop */
    uint64_t awaited[LINKS_MAX]; /* the replicas that were connected then */
    size_t awaited_count;
    connection links[LINK_IDS];
    view views[VIEWS];
    buffer input;
    batch batch;
    waits waits;
} primary;

static void answer(const tow_place *write, int acknowledged) {
    printf("%s %llu\n", acknowledged ? "acknowledged" : "lost", (unsigned long long)write->offset);
}

/* --- writes ------------------------------------------------------------------------------------------------------- */

/* Appends the records that the store took to the log, in one call. */
static void write_batch(primary *p) {
    tow_slice records[RECORDS];
    uint64_t offset;
    size_t at = 0;
    for (size_t i = 0; i < p->batch.count; i++) {
        records[i] = (tow_slice){p->batch.bytes.bytes + at, p->batch.len[i]};
        at += p->batch.len[i];
    }
    must(tow_write_all(p->h.node, p->h.now, records, p->batch.count, &offset), "write");
    for (size_t i = p->batch.count; i > 0; i--) {
        waits_add(&p->waits, p->h.node, offset - i + 1);
    }
    p->written |= p->batch.count > 0;
    p->batch.count = p->batch.bytes.len = 0;
}

/* Makes a record of a line, if the store takes it. */
static void take_line(primary *p, char *line) {
    const uint8_t *word[3];
    size_t len[3], words = 0, at = p->batch.bytes.len;
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
    effect_write(&p->batch.bytes, words, word, len);
    if (store_apply(p->h.data, p->batch.bytes.bytes + at, p->batch.bytes.len - at) != 0) {
        fputs("that is no command\n", stderr);
        p->batch.bytes.len = at;
        return;
    }
    p->batch.len[p->batch.count++] = p->batch.bytes.len - at;
    if (p->batch.count == RECORDS) {
        write_batch(p);
    }
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
        take_line(p, (char *)p->input.bytes + at);
        at = (size_t)(end - p->input.bytes) + 1;
    }
    buffer_drop(&p->input, at);
    write_batch(p);
}

static void save(primary *p) {
    if (host_save(&p->h)) {
        must(tow_persisted(p->h.node, p->h.now, p->h.offset), "persisted");
    }
}

/* Seals the turn's records in a batch; data and cursor meet at its boundary. */
static void commit(primary *p) {
    tow_step step;
    must(tow_flush(p->h.node, p->h.now, &step), "flush");
    host_stands(&p->h, &step.position);
    p->written = 0;
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
        tow_snapshot_failed(p->h.node, p->h.now, id, 1);
        return;
    }
    commit(p);
    free_one->id = id;
    store_snapshot(p->h.data, &free_one->bytes);
    tow_snapshot_ready(p->h.node, p->h.now, id, free_one->bytes.len, p->h.cursor, p->h.cursor_len);
}

static void read_view(primary *p, tow_event_snapshot_read asked) {
    view *open = find_view(p, asked.snapshot);
    if (open != NULL && asked.piece <= open->bytes.len / PIECE_BYTES) {
        size_t at = (size_t)asked.piece * PIECE_BYTES, left = open->bytes.len - at;
        size_t len = left < PIECE_BYTES ? left : PIECE_BYTES;
        const uint8_t *bytes = len > 0 ? open->bytes.bytes + at : NULL;
        tow_snapshot_piece(p->h.node, p->h.now, asked.snapshot, asked.piece, len < PIECE_BYTES, bytes, len);
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

static void accept_replica(primary *p) {
    int fd = net_accept(p->listener);
    for (uint32_t link = 0; fd >= 0 && link < LINK_IDS; link++) {
        connection *c = &p->links[link];
        if (c->fd < 0 && tow_opened(p->h.node, p->h.now, link, TOW_DOWNSTREAM) == TOW_OK) {
            c->fd = fd;
            c->reading = 1;
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* Replicas send no payloads: their frames are for the node alone. */
static void receive(host *h, const uint8_t *payload, const tow_step *step) {
    (void)h;
    (void)payload;
    (void)step;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

/* Begins to stop: no commands are taken any more, and the connected replicas are waited for. */
static void begin_stop(primary *p) {
    tow_replica rows[LINKS_MAX];
    size_t count;
    p->stop_at = p->h.now + STOP_WAIT_NS;
    p->input_over = 1;
    close(p->listener);
    p->listener = -1;
    must(tow_replicas(p->h.node, p->h.now, rows, sizeof *rows, LINKS_MAX, &count), "replicas");
    for (size_t i = 0; i < count && i < LINKS_MAX; i++) {
        if (rows[i].flags & TOW_REPLICA_CONNECTED) {
            p->awaited[p->awaited_count++] = rows[i].node;
        }
    }
}

static int is_awaited(const primary *p, uint64_t node) {
    for (size_t i = 0; i < p->awaited_count; i++) {
        if (p->awaited[i] == node) {
            return 1;
        }
    }
    return 0;
}

/* Counts the replicas that miss records and can still get them; at the end, names those that miss any. */
static size_t behind(const primary *p, int at_the_end) {
    tow_replica rows[LINKS_MAX];
    size_t count, missing = 0;
    must(tow_replicas(p->h.node, p->h.now, rows, sizeof *rows, LINKS_MAX, &count), "replicas");
    for (size_t i = 0; i < count && i < LINKS_MAX; i++) {
        int known = (rows[i].received.flags & TOW_REACHED_OFFSET) != 0;
        int has_all = known && rows[i].received.lag_records == 0;
        int can = at_the_end || (rows[i].flags & TOW_REPLICA_CONNECTED) != 0;
        if (has_all || !can || !is_awaited(p, rows[i].node)) {
            continue;
        }
        missing++;
        if (at_the_end) {
            fprintf(stderr, "node %016llx misses ", (unsigned long long)rows[i].node);
            if (known) {
                fprintf(stderr, "%llu records\n", (unsigned long long)rows[i].received.lag_records);
            } else {
                fprintf(stderr, "records: its snapshot is not complete\n");
            }
        }
    }
    return missing;
}

/* Returns whether it is time to end: asked to stop, and waiting for nobody. */
static int is_over(primary *p) {
    if (!net_stopped()) {
        return 0;
    }
    if (p->stop_at == 0) {
        begin_stop(p);
    }
    return p->h.now >= p->stop_at || behind(p, 0) == 0;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void on_event(host *h, const tow_event *event) {
    primary *p = (primary *)h;
    switch (event->kind) {
    case TOW_EVENT_WANTS_WRITE:
        p->links[event->link].writing = p->links[event->link].fd >= 0;
        break;
    case TOW_EVENT_CLOSE:
        hang_up(&p->links[event->link]);
        break;
    case TOW_EVENT_SNAPSHOT_WANTED:
        open_view(p, tow_as_snapshot_wanted(event).snapshot);
        break;
    case TOW_EVENT_SNAPSHOT_READ:
        read_view(p, tow_as_snapshot_read(event));
        break;
    case TOW_EVENT_SNAPSHOT_DONE:
        close_view(p, tow_as_snapshot_done(event).snapshot);
        break;
    default:
        break;
    }
}

/* Sleeps until something is there, and handles it. */
static void turn(primary *p) {
    struct pollfd fds[LINK_IDS + 2];
    for (uint32_t link = 0; link < LINK_IDS; link++) {
        const connection *c = &p->links[link];
        short events = (short)((c->reading ? POLLIN : 0) | (c->writing ? POLLOUT : 0));
        fds[link] = (struct pollfd){c->fd, events, 0};
    }
    fds[LINK_IDS] = (struct pollfd){p->listener, POLLIN, 0};
    fds[LINK_IDS + 1] = (struct pollfd){p->input_over ? -1 : STDIN_FILENO, POLLIN, 0};
    tow_time due = host_due(&p->h);
    due = p->stop_at != 0 && p->stop_at < due ? p->stop_at : due;
    if (poll(fds, LINK_IDS + 2, net_timeout(p->h.now, due)) < 0) {
        return; /* a signal */
    }
    p->h.now = net_now();
    for (uint32_t link = 0; link < LINK_IDS; link++) {
        if (fds[link].revents != 0 && p->links[link].reading) {
            feed(&p->h, &p->links[link], receive);
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
    while (!is_over(p)) {
        turn(p);
        must(tow_tick(p->h.node, p->h.now), "tick");
        if (p->written) {
            commit(p);
        }
        poll_events(&p->h, on_event);
        waits_look(&p->waits, p->h.node, answer);
        for (uint32_t link = 0; link < LINK_IDS; link++) {
            write_link(&p->h, &p->links[link]);
        }
        if (p->h.now >= p->h.save_at) {
            save(p);
        }
    }
    save(p);
}

static void start(primary *p, const char *dir, uint64_t node) {
    tow_config config;
    must(tow_config_init(&config, sizeof config), "config");
    config.links_max = config.slots_max = LINKS_MAX;
    config.piece_bytes_max = PIECE_BYTES;
    host_start(&p->h, dir, &config, TOW_PRIMARY, node);
    /* The epoch that was just opened belongs to the store before anything is written in it. */
    commit(p);
    save(p);
}

int main(int argc, char **argv) {
    primary p;
    memset(&p, 0, sizeof p);
    if (argc != 4 && argc != 5) {
        die("usage: primary PORT DIR NODE [REPLICAS] < commands");
    }
    p.waits.replicas = argc == 5 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
    uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    for (uint32_t link = 0; link < LINK_IDS; link++) {
        p.links[link].link = link;
        p.links[link].fd = -1;
    }
    net_signals();
    setvbuf(stdout, NULL, _IOLBF, 0);
    p.h.now = net_now();
    p.listener = net_listen(&port);
    printf("listening on 127.0.0.1:%u\n", (unsigned)port);
    start(&p, argv[2], strtoull(argv[3], NULL, 10));
    loop(&p);
    int left_over = behind(&p, 1) > 0;
    for (size_t i = 0; i < LINK_IDS; i++) {
        hang_up(&p.links[i]);
        free(p.links[i].unread.bytes);
    }
    for (size_t i = 0; i < VIEWS; i++) {
        free(p.views[i].bytes.bytes);
    }
    waits_end(&p.waits);
    host_end(&p.h);
    free(p.input.bytes);
    free(p.batch.bytes.bytes);
    return left_over ? 4 : 0;
}
