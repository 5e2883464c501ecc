/*
 * A primary and a replica in one program, a stream of records between them: what the C ABI costs.
 *
 *     stream TURNS [RECORDS_A_TURN]
 *
 * Prints nanoseconds a record, and nanoseconds for the cheapest calls. ../benches/stream.rs is the same in Rust.
 */

#include <stdint.h>
#include <time.h>

#include "../tests/check.h"
#include "towline_sugar.h"

#define RECORD_BYTES 100
#define ROOM ((size_t)4 << 20)

typedef struct {
    tow_node *node;
    uint8_t *wire; /* what it wrote, not read by the other yet */
    size_t len;
    uint64_t sum, records;
} side;

static tow_time now;

static uint64_t clock_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
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
        size_t count, wrote = 0;
        CHECK(tow_peek_transmit(from->node, 0, slices, &count) == TOW_OK);
        for (size_t i = 0; i < count; i++) {
            CHECK(slices[i].len <= ROOM - from->len);
            memcpy(from->wire + from->len, slices[i].ptr, slices[i].len);
            from->len += slices[i].len;
            wrote += slices[i].len;
        }
        CHECK(tow_consume(from->node, now, 0, wrote, &more) == TOW_OK);
    }
}

/* Applies a batch: every byte of every record. */
static void apply(side *to, const uint8_t *payload, size_t len) {
    tow_slice record;
    size_t at = 0;
    while (tow_next_record(payload, len, &at, &record) == TOW_OK) {
        for (size_t i = 0; i + 8 <= record.len; i += 8) {
            uint64_t word;
            memcpy(&word, record.ptr + i, 8);
            to->sum += word;
        }
        to->records++;
    }
}

static void read_link(side *to, side *from) {
    size_t at = 0;
    tow_step step;
    while (at < from->len) {
        const uint8_t *data = from->wire + at;
        CHECK(tow_on_bytes(to->node, now, 0, data, from->len - at, &step) == TOW_OK);
        if (step.kind == TOW_PAYLOAD_BATCH) {
            apply(to, data + step.range_start, (size_t)step.range_len);
            CHECK(tow_applied(to->node, now, step.position.boundary) == TOW_OK);
        }
        at += (size_t)step.used;
    }
    from->len = 0;
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
    read_link(other, one);
}

static void stream(side *primary, side *replica, int turns, int records) {
    uint8_t record[RECORD_BYTES];
    tow_step step;
    memset(record, 7, sizeof record);
    for (int i = 0; i < turns; i++) {
        now += 50000;
        for (int j = 0; j < records; j++) {
            record[j % RECORD_BYTES]++;
            CHECK(tow_write(primary->node, now, record, sizeof record, &step) == TOW_OK);
        }
        turn(primary, replica);
        turn(replica, primary);
    }
}

static void cheapest(tow_node *node) {
    const uint64_t calls = 2000000;
    uint64_t sum = 0, from = clock_ns();
    for (uint64_t i = 0; i < calls; i++) {
        CHECK(tow_tick(node, now) == TOW_OK);
    }
    uint64_t middle = clock_ns();
    for (uint64_t i = 0; i < calls; i++) {
        sum += tow_next_deadline(node);
    }
    uint64_t to = clock_ns();
    CHECK(sum != 0);
    printf("counted: c_tick_ns = %.2f\n", (double)(middle - from) / (double)calls);
    printf("counted: c_next_deadline_ns = %.2f\n", (double)(to - middle) / (double)calls);
}

int main(int argc, char **argv) {
    int turns = argc > 1 ? atoi(argv[1]) : 2000, records = argc > 2 ? atoi(argv[2]) : 16;
    uint8_t cursor[TOW_CURSOR_BYTES_MAX];
    size_t len;
    tow_step step;
    side primary = {make(TOW_PRIMARY, 1, NULL, 0), malloc(ROOM), 0, 0, 0};
    CHECK(tow_flush(primary.node, now, &step) == TOW_OK);
    CHECK(tow_cursor(primary.node, &step.position, cursor, sizeof cursor, &len) == TOW_OK);
    side replica = {make(TOW_REPLICA, 2, cursor, len), malloc(ROOM), 0, 0, 0};
    for (int i = 0; i < 8; i++) {
        turn(&replica, &primary);
        turn(&primary, &replica);
    }
    stream(&primary, &replica, turns / 10 + 1, records);
    double best = 0;
    for (int round = 0; round < 5; round++) {
        uint64_t from = clock_ns();
        stream(&primary, &replica, turns, records);
        double ns = (double)(clock_ns() - from) / (double)turns / (double)records;
        best = best == 0 || ns < best ? ns : best;
    }
    CHECK(replica.records == (uint64_t)(turns / 10 + 1 + 5 * turns) * (uint64_t)records && replica.sum != 0);
    CHECK(tow_node_check(primary.node, NULL) == TOW_OK && tow_node_check(replica.node, NULL) == TOW_OK);
    printf("counted: c_stream_ns = %.2f\n", best);
    if (turns >= 1000) {
        cheapest(primary.node);
    }
    tow_node_free(primary.node);
    tow_node_free(replica.node);
    free(primary.wire);
    free(replica.wire);
    return 0;
}
