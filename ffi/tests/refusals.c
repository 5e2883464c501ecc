/*
 * Every function with the arguments it must refuse: NULL, a wrong size, reentry, a poisoned node, an unknown kind. A
 * refused call changes nothing. Also built against a library with tow_planted_panic (-DTOW_PLANTED).
 */

#include "check.h"
#include "towline_sugar.h"

#ifdef TOW_PLANTED
tow_status tow_planted_panic(tow_node *node);
#endif

/* Calls every function that takes a node, with all other arguments good. */
static void all_calls(tow_node *node, tow_status expected) {
    tow_input tick = tow_input_of(TOW_INPUT_TICK, 0, 0, 0, 0);
    tow_step step;
    tow_event events[4];
    tow_slice slices[TOW_SLICES_MAX];
    tow_position position = {(uint64_t)1 << 32, 0, 0};
    tow_place place = {0, 0};
    tow_stats stats;
    tow_error error;
    uint8_t cursor[TOW_CURSOR_BYTES_MAX];
    size_t count;
    uint64_t offset;
    uint32_t more;
    CHECK(tow_handle(node, 0, &tick, NULL, 0, &step) == expected);
    CHECK(tow_poll_events(node, events, 4, &count) == expected);
    CHECK(tow_peek_transmit(node, 0, slices, &count) == expected);
    CHECK(tow_cursor(node, &position, cursor, sizeof cursor, &count) == expected);
    CHECK(tow_stats_get(node, &stats, sizeof stats) == expected);
    CHECK(tow_stats_at(node, 0, &stats, sizeof stats) == expected);
    CHECK(tow_replicas(node, 0, NULL, sizeof(tow_replica), 0, &count) == expected);
    CHECK(tow_acked(node, TOW_APPLIED, 0, &offset) == expected);
    CHECK(tow_place_of(node, 0, &place) == expected);
    CHECK(tow_holds(node, &place, &more) == expected);
    CHECK(tow_node_check(node, &error) == expected);
    CHECK(tow_write_all(node, 0, NULL, 0, &offset) == expected);
    if (expected != TOW_OK) {
        CHECK(tow_consume(node, 0, 0, 0, &more) == expected);
        CHECK(tow_next_deadline(node) == TOW_NO_DEADLINE);
    }
}

static tow_config small(void) {
    tow_config config;
    CHECK(tow_config_init(&config, sizeof config) == TOW_OK);
    config.backlog_bytes = 65536;
    config.links_max = 2;
    config.slots_max = 2;
    return config;
}

static tow_boot boot_of(uint32_t role) {
    tow_boot boot;
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = role;
    boot.node = 1;
    return boot;
}

static tow_node *make(uint32_t role) {
    tow_config config = small();
    tow_boot boot = boot_of(role);
    tow_node *node = NULL;
    CHECK(tow_node_new(&config, &boot, &node, NULL) == TOW_OK && node != NULL);
    return node;
}

static void of_itself(void) {
    CHECK(tow_abi_version() == TOW_ABI_VERSION);
    CHECK(strcmp(tow_version(), TOW_VERSION) == 0);
    CHECK(strcmp(tow_status_name(TOW_OK), "ok") == 0);
    CHECK(strcmp(tow_status_name(23), "nothing heard for too long") == 0);
    CHECK(strcmp(tow_status_name(INT32_MIN), "unknown") == 0);
}

static void of_configurations(void) {
    struct {
        tow_config config;
        uint64_t later;
    } longer;
    tow_config config = small();
    uint64_t memory = 0;
    tow_error error;
    CHECK(tow_config_init(NULL, sizeof config) == TOW_E_NULL);
    CHECK(tow_config_init(&config, 8) == TOW_E_SIZE);
    CHECK(tow_config_init(&config, SIZE_MAX) == TOW_E_SIZE);
    CHECK(tow_config_check(NULL, NULL, NULL) == TOW_E_NULL);
    CHECK(tow_config_check(&config, &memory, &error) == TOW_OK && memory > 65536);
    config.struct_size = 8;
    CHECK(tow_config_check(&config, NULL, NULL) == TOW_E_SIZE);
    CHECK(tow_config_init(&longer.config, sizeof longer) == TOW_OK && longer.later == 0);
    CHECK(tow_config_check(&longer.config, NULL, NULL) == TOW_OK);
    longer.later = 1;
    CHECK(tow_config_check(&longer.config, NULL, NULL) == TOW_E_SIZE);
    config = small();
    config.beat_ns = 1;
    CHECK(tow_config_check(&config, NULL, &error) == TOW_E_CONFIG);
    CHECK(error.code == TOW_E_CONFIG && strncmp(error.text, "beat is 1, ", 11) == 0);
}

static void of_birth_and_death(void) {
    tow_config config = small();
    tow_boot boot = boot_of(TOW_REPLICA);
    tow_node *node = NULL;
    tow_error error;
    CHECK(tow_node_new(NULL, &boot, &node, NULL) == TOW_E_NULL);
    CHECK(tow_node_new(&config, NULL, &node, NULL) == TOW_E_NULL);
    CHECK(tow_node_new(&config, &boot, NULL, NULL) == TOW_E_NULL);
    boot.struct_size = 4;
    CHECK(tow_node_new(&config, &boot, &node, &error) == TOW_E_SIZE && error.code == TOW_E_SIZE);
    boot = boot_of(3);
    CHECK(tow_node_new(&config, &boot, &node, NULL) == TOW_E_RECORD);
    boot = boot_of(TOW_REPLICA);
    boot.cursor_len = 1;
    CHECK(tow_node_new(&config, &boot, &node, NULL) == TOW_E_NULL);
    boot.cursor = (const uint8_t *)"x";
    CHECK(tow_node_new(&config, &boot, &node, &error) == TOW_E_CURSOR && error.detail == 1);
    CHECK(node == NULL);
    tow_node_free(NULL);
}

static void of_inputs(void) {
    tow_node *node = make(TOW_PRIMARY);
    const tow_slice records[3] = {{(const uint8_t *)"two", 3}, {NULL, 0}, {NULL, 1}};
    uint64_t offset;
    tow_input input = tow_input_of(TOW_INPUT_WRITE, 0, 0, 0, 0);
    tow_step step;
    tow_error error;
    CHECK(tow_handle(node, 0, NULL, NULL, 0, &step) == TOW_E_NULL);
    CHECK(tow_handle(node, 0, &input, NULL, 0, NULL) == TOW_E_NULL);
    CHECK(tow_handle(node, 0, &input, NULL, 1, &step) == TOW_E_NULL);
    CHECK(tow_handle(node, 0, &input, (const uint8_t *)"", SIZE_MAX, &step) == TOW_E_SIZE);
    input.g = 1;
    CHECK(tow_handle(node, 0, &input, NULL, 0, &step) == TOW_E_RECORD);
    input = tow_input_of(999, 0, 0, 0, 0);
    CHECK(tow_handle(node, 0, &input, NULL, 0, &step) == TOW_E_RECORD);
    input = tow_input_of(TOW_INPUT_FOLLOW, 0, 2, 0, 0);
    CHECK(tow_handle(node, 0, &input, NULL, 0, &step) == TOW_E_RECORD);
    CHECK(tow_lost(node, 0, 1) == TOW_E_MISUSE);
    CHECK(tow_node_error(node, NULL) == TOW_E_NULL);
    CHECK(tow_node_error(NULL, &error) == TOW_E_NULL);
    CHECK(tow_node_error(node, &error) == TOW_OK && error.code == TOW_E_MISUSE && error.detail == 1);
    CHECK(tow_write(node, 0, NULL, 0, &step) == TOW_OK && step.offset == 1);
    CHECK(step.flags == TOW_STEP_OFFSET && step.kind == TOW_PAYLOAD_NONE);
    CHECK(tow_write_all(node, 0, records, 2, &offset) == TOW_OK && offset == 3);
    CHECK(tow_write_all(node, 0, records, 3, &offset) == TOW_E_NULL && offset == 3);
    CHECK(tow_write_all(node, 0, NULL, 1, &offset) == TOW_E_NULL);
    CHECK(tow_write_all(node, 0, records, 1, NULL) == TOW_E_NULL);
    tow_node_free(node);
}

static void of_answers(void) {
    tow_node *node = make(TOW_PRIMARY);
    tow_step step;
    tow_stats stats;
    tow_place place = {1, 1};
    tow_slice slices[TOW_SLICES_MAX];
    uint8_t cursor[TOW_CURSOR_BYTES_MAX];
    size_t count = 9;
    uint64_t offset;
    uint32_t more;
    CHECK(tow_poll_events(node, NULL, 1, &count) == TOW_E_NULL && count == 0);
    CHECK(tow_poll_events(node, NULL, 0, &count) == TOW_OK);
    CHECK(tow_poll_events(node, NULL, 0, NULL) == TOW_E_NULL);
    CHECK(tow_peek_transmit(node, 0, NULL, &count) == TOW_E_NULL);
    CHECK(tow_peek_transmit(node, 0, slices, NULL) == TOW_E_NULL);
    CHECK(tow_peek_transmit(node, UINT32_MAX, slices, &count) == TOW_OK && count == 0);
    CHECK(tow_consume(node, 0, 0, 0, NULL) == TOW_E_NULL);
    CHECK(tow_consume(node, 0, 0, 0, &more) == TOW_E_MISUSE);
    CHECK(tow_acked(node, 0, 1, &offset) == TOW_E_RECORD);
    CHECK(tow_acked(node, TOW_APPLIED, 1, NULL) == TOW_E_NULL);
    CHECK(tow_stats_get(node, NULL, sizeof stats) == TOW_E_NULL);
    CHECK(tow_stats_get(node, &stats, 8) == TOW_E_SIZE);
    CHECK(tow_stats_get(node, &stats, sizeof stats) == TOW_OK && stats.role == TOW_PRIMARY);
    CHECK(tow_stats_at(node, 5, NULL, sizeof stats) == TOW_E_NULL);
    CHECK(tow_stats_at(node, 5, &stats, 8) == TOW_E_SIZE);
    CHECK(tow_stats_at(node, 5, &stats, sizeof stats) == TOW_OK && stats.role == TOW_PRIMARY);
    CHECK(tow_replicas(node, 5, NULL, sizeof(tow_replica), 0, NULL) == TOW_E_NULL);
    CHECK(tow_replicas(node, 5, NULL, sizeof(tow_replica) + 1, 0, &count) == TOW_E_SIZE);
    CHECK(tow_replicas(node, 5, NULL, sizeof(tow_replica), 9, &count) == TOW_OK && count == 0);
    CHECK(tow_place_of(node, 0, NULL) == TOW_E_NULL && tow_place_of(node, 1, &place) == TOW_END);
    CHECK(tow_holds(node, NULL, &more) == TOW_E_NULL && tow_holds(node, &place, NULL) == TOW_E_NULL);
    CHECK(tow_holds(node, &place, &more) == TOW_OK && more == 0);
    CHECK(tow_flush(node, 0, &step) == TOW_OK && step.flags == TOW_STEP_POSITION);
    CHECK(tow_cursor(node, NULL, cursor, sizeof cursor, &count) == TOW_E_NULL);
    CHECK(tow_cursor(node, &step.position, cursor, sizeof cursor, NULL) == TOW_E_NULL);
    CHECK(tow_cursor(node, &step.position, NULL, sizeof cursor, &count) == TOW_E_NULL);
    CHECK(tow_cursor(node, &step.position, cursor, 1, &count) == TOW_E_SIZE && count > 1);
    CHECK(tow_cursor(node, &step.position, cursor, count, &count) == TOW_OK);
    tow_node_free(node);
}

static void of_payloads(tow_status (*next)(const uint8_t *, size_t, size_t *, tow_slice *)) {
    const uint8_t payload[] = {1, 0, 0, 0xf0, 'a', 0, 0, 0, 0, 9, 0, 0, 0, 'b', 0, 0, 0x10};
    tow_slice record = {NULL, 0};
    size_t at = 0, past = 6;
    CHECK(next(payload, 13, &at, &record) == TOW_OK && record.ptr == payload + 4 && record.len == 1 && at == 5);
    CHECK(next(payload, 13, &at, &record) == TOW_OK && record.ptr == payload + 9 && record.len == 0 && at == 9);
    CHECK(next(payload, 13, &at, &record) == TOW_END && at == 9);
    CHECK(next(payload, sizeof payload, &at, &record) == TOW_END && at == 9);
    CHECK(next(payload, 12, &at, &record) == TOW_END && next(payload, 9, &at, &record) == TOW_END);
    CHECK(next(NULL, 1, &at, &record) == TOW_E_NULL);
    CHECK(next(NULL, 0, &at, &record) == TOW_E_SIZE);
    CHECK(next(payload, 5, &past, &record) == TOW_E_SIZE && past == 6 && record.len == 0);
    CHECK(next(payload, sizeof payload, NULL, &record) == TOW_E_NULL);
    CHECK(next(payload, sizeof payload, &at, NULL) == TOW_E_NULL);
    at = 0;
    CHECK(next(NULL, 0, &at, &record) == TOW_END);
}

/* Checks each kind's fields under their names. */
static void of_events(void) {
    const tow_event event = {0, 1, 2, 3, 4, 5, 0, 0, 0};
    CHECK(tow_as_dial(&event).attempt == 2);
    CHECK(tow_as_joined(&event).link == 1 && tow_as_joined(&event).node == 2 && tow_as_joined(&event).from == 3);
    CHECK(tow_as_close(&event).link == 1 && tow_as_close(&event).fault == 2 && tow_as_close(&event).by_peer == 3);
    CHECK(tow_as_close(&event).retry_after_ns == 4 && tow_as_wants_write(&event).link == 1);
    CHECK(tow_as_snapshot_wanted(&event).snapshot == 2 && tow_as_snapshot_wanted(&event).from == 3);
    CHECK(tow_as_snapshot_read(&event).snapshot == 2 && tow_as_snapshot_read(&event).piece == 3);
    CHECK(tow_as_snapshot_done(&event).snapshot == 2);
    CHECK(tow_as_acked(&event).node == 2 && tow_as_acked(&event).received == 3);
    CHECK(tow_as_acked(&event).applied == 4 && tow_as_acked(&event).persisted == 5);
    CHECK(tow_as_slot_expired(&event).node == 2 && tow_as_slot_expired(&event).lag_records == 3);
    CHECK(tow_as_role(&event).role == 2 && tow_as_role(&event).epoch == 3 && tow_as_role(&event).end == 4);
    CHECK(tow_as_outranked(&event).number == 2);
}

int main(void) {
    tow_node *node = make(TOW_PRIMARY);
    of_itself();
    of_configurations();
    of_birth_and_death();
    of_inputs();
    of_answers();
    of_payloads(tow_next_record);
    of_payloads(tow_walk);
    of_events();
    all_calls(NULL, TOW_E_NULL);
    all_calls(node, TOW_OK);
#ifdef TOW_PLANTED
    {
        tow_node *other = make(TOW_PRIMARY);
        tow_error error;
        CHECK(tow_planted_panic(node) == TOW_E_PANIC);
        all_calls(node, TOW_E_POISONED);
        CHECK(tow_node_error(node, &error) == TOW_OK && error.code == TOW_E_PANIC);
        CHECK(strcmp(error.text, "the planted panic") == 0);
        all_calls(other, TOW_OK);
        tow_node_free(other);
    }
#endif
    tow_node_free(node);
    puts("refusals: well");
    return 0;
}
