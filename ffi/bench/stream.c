/*
 * Measures the cost of the C ABI in a host's loop: a primary and a replica in one program, a live stream of records
 * between them, each turn a poll, a read and a writev over loopback TCP.
 *
 *     stream TURNS [RECORDS_A_TURN]
 *
 * Prints nanoseconds a record, and nanoseconds for the cheapest calls. ../benches/stream.rs is the same in Rust, down
 * to the system calls: Rust's libraries use ppoll and recv for a poll and a read.
 */

#define _GNU_SOURCE /* ppoll */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../tests/check.h"
#include "towline_sugar.h"

#define RECORD_BYTES 100
#define RECORDS_MAX 256
#define ROOM ((size_t)1 << 20)

typedef struct {
    tow_node *node;
    int fd;
    uint8_t *unread;
    size_t len;
    uint64_t sum, records;
} side;

static tow_time now;

static uint64_t clock_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static void connect_pair(int fds[2]) {
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fds[0], (struct sockaddr *)&at, len) == 0);
    fds[1] = accept(listener, NULL, NULL);
    CHECK(fds[1] >= 0);
    close(listener);
    for (int i = 0; i < 2; i++) {
        CHECK(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
        CHECK(fcntl(fds[i], F_SETFL, O_NONBLOCK) == 0);
    }
}

static tow_node *make(uint32_t role, uint64_t id, const uint8_t *cursor, size_t cursor_len) {
    tow_config config;
    tow_boot boot;
    tow_node *node = NULL;
    CHECK(tow_config_init(&config, sizeof config) == TOW_OK);
    config.backlog_bytes = 8 << 20;
    config.links_max = 1;
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = role;
    boot.node = id;
    boot.seed[0] = (uint8_t)id;
    boot.cursor = cursor;
    boot.cursor_len = cursor_len;
    CHECK(tow_node_new(&config, &boot, &node, NULL) == TOW_OK);
    return node;
}

static void write_link(side *from) {
    uint32_t more = 1;
    while (more != 0) {
        tow_slice slices[TOW_SLICES_MAX];
        struct iovec parts[TOW_SLICES_MAX];
        size_t count;
        ssize_t wrote = 0;
        CHECK(tow_peek_transmit(from->node, 0, slices, &count) == TOW_OK);
        for (size_t i = 0; i < count; i++) {
            parts[i].iov_base = (void *)(uintptr_t)slices[i].ptr;
            parts[i].iov_len = slices[i].len;
        }
        if (count > 0) {
            wrote = writev(from->fd, parts, (int)count);
            CHECK(wrote > 0);
        }
        CHECK(tow_consume(from->node, now, 0, (size_t)wrote, &more) == TOW_OK);
    }
}

/* Applies a batch: every byte of every record. The sum is a local: a compiler takes any byte for a part of *to. */
static void apply(side *to, const uint8_t *payload, size_t len) {
    uint64_t sum = to->sum;
    tow_slice record;
    size_t at = 0;
    for (; tow_walk(payload, len, &at, &record) == TOW_OK; to->records++) {
        for (size_t i = 0; i + 8 <= record.len; i += 8) {
            uint64_t word;
            memcpy(&word, record.ptr + i, 8);
            sum += word;
        }
    }
    to->sum = sum;
}

static void read_link(side *to) {
    const struct timespec at_once = {0, 0};
    struct pollfd ready = {to->fd, POLLIN, 0};
    while (ppoll(&ready, 1, &at_once, NULL) == 1) {
        ssize_t got = recv(to->fd, to->unread + to->len, ROOM - to->len, 0);
        size_t at = 0;
        tow_step step;
        CHECK(got > 0);
        to->len += (size_t)got;
        do {
            const uint8_t *data = to->unread + at;
            CHECK(tow_on_bytes(to->node, now, 0, data, to->len - at, &step) == TOW_OK);
            if (step.kind == TOW_PAYLOAD_BATCH) {
                apply(to, data + step.range_start, (size_t)step.range_len);
                CHECK(tow_applied(to->node, now, step.position.boundary) == TOW_OK);
            }
            at += (size_t)step.used;
        } while (step.next == TOW_NEXT_AGAIN);
        to->len -= at;
        memmove(to->unread, to->unread + at, to->len);
    }
}

static void turn(side *one, side *other) {
    tow_event events[32];
    size_t count;
    CHECK(tow_poll_events(one->node, events, 32, &count) == TOW_OK);
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind == TOW_EVENT_DIAL) {
            CHECK(tow_opened(one->node, now, 0, TOW_UPSTREAM) == TOW_OK);
            CHECK(tow_opened(other->node, now, 0, TOW_DOWNSTREAM) == TOW_OK);
        } else if (events[i].kind == TOW_EVENT_WANTS_WRITE) {
            write_link(one);
        }
    }
    read_link(other);
}

static void stream(side *primary, side *replica, int turns, int records) {
    static uint8_t record[RECORDS_MAX][RECORD_BYTES];
    tow_slice slices[RECORDS_MAX];
    uint64_t offset;
    for (int i = 0; i < turns; i++) {
        now += 50000;
        for (int j = 0; j < records; j++) {
            record[j][j % RECORD_BYTES]++;
            slices[j] = (tow_slice){record[j], RECORD_BYTES};
        }
        CHECK(tow_write_all(primary->node, now, slices, (size_t)records, &offset) == TOW_OK);
        turn(primary, replica);
        turn(replica, primary);
    }
}

/* Takes the best of many short rounds: other programs on the machine make a round longer, never shorter. */
static void cheapest(tow_node *node) {
    const uint64_t calls = 20000;
    uint64_t sum = 0, tick = UINT64_MAX, deadline = UINT64_MAX;
    for (int round = 0; round < 200; round++) {
        uint64_t from = clock_ns();
        for (uint64_t i = 0; i < calls; i++) {
            CHECK(tow_tick(node, now) == TOW_OK);
        }
        uint64_t middle = clock_ns();
        for (uint64_t i = 0; i < calls; i++) {
            sum += tow_next_deadline(node);
        }
        uint64_t to = clock_ns();
        tick = middle - from < tick ? middle - from : tick;
        deadline = to - middle < deadline ? to - middle : deadline;
    }
    CHECK(sum != 0);
    printf("counted: c_tick_ns = %.2f\n", (double)tick / (double)calls);
    printf("counted: c_next_deadline_ns = %.2f\n", (double)deadline / (double)calls);
}

int main(int argc, char **argv) {
    int turns = argc > 1 ? atoi(argv[1]) : 500, records = argc > 2 ? atoi(argv[2]) : 16;
    uint8_t cursor[TOW_CURSOR_BYTES_MAX];
    size_t len;
    tow_step step;
    int fds[2];
    connect_pair(fds);
    side primary = {make(TOW_PRIMARY, 1, NULL, 0), fds[0], malloc(ROOM), 0, 0, 0};
    CHECK(tow_flush(primary.node, now, &step) == TOW_OK);
    CHECK(tow_cursor(primary.node, &step.position, cursor, sizeof cursor, &len) == TOW_OK);
    side replica = {make(TOW_REPLICA, 2, cursor, len), fds[1], malloc(ROOM), 0, 0, 0};
    for (int i = 0; i < 8; i++) {
        turn(&replica, &primary);
        turn(&primary, &replica);
    }
    stream(&primary, &replica, turns / 10 + 1, records);
    double best = 0;
    for (int round = 0; round < 100; round++) {
        uint64_t from = clock_ns();
        stream(&primary, &replica, turns, records);
        double ns = (double)(clock_ns() - from) / (double)turns / (double)records;
        best = best == 0 || ns < best ? ns : best;
    }
    CHECK(replica.records == (uint64_t)(turns / 10 + 1 + 100 * turns) * (uint64_t)records && replica.sum != 0);
    CHECK(tow_node_check(primary.node, NULL) == TOW_OK && tow_node_check(replica.node, NULL) == TOW_OK);
    printf("counted: c_stream_ns = %.2f\n", best);
    if (turns >= 500) {
        cheapest(primary.node);
    }
    tow_node_free(primary.node);
    tow_node_free(replica.node);
    free(primary.unread);
    free(replica.unread);
    close(fds[0]);
    close(fds[1]);
    return 0;
}
