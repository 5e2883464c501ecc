/*
 * Threads: nodes that know nothing of each other go on together; const calls on one node run together; a change beside
 * another call on the same node is refused or waits its turn, and never harms it.
 */

#include <pthread.h>

#include "check.h"
#include "towline_sugar.h"

#define ROUNDS 2000

static tow_node *make(void) {
    tow_config config;
    tow_boot boot;
    tow_node *node = NULL;
    CHECK(tow_config_init(&config, sizeof config) == TOW_OK);
    config.backlog_bytes = 65536;
    config.links_max = 1;
    memset(&boot, 0, sizeof boot);
    boot.struct_size = sizeof boot;
    boot.role = TOW_PRIMARY;
    boot.node = 1;
    CHECK(tow_node_new(&config, &boot, &node, NULL) == TOW_OK);
    return node;
}

/* Both kinds of calls on a node that others use too; answers how many writes went through. */
static void *meddle(void *shared) {
    tow_node *node = shared;
    size_t written = 0;
    for (int i = 0; i < ROUNDS; i++) {
        tow_step step;
        tow_stats stats;
        tow_status status = tow_write(node, 0, (const uint8_t *)"record", 6, &step);
        CHECK(status == TOW_OK || status == TOW_E_REENTERED);
        written += status == TOW_OK;
        status = tow_stats_get(node, &stats, sizeof stats);
        CHECK(status == TOW_OK || status == TOW_E_REENTERED);
    }
    return (void *)written;
}

int main(void) {
    pthread_t threads[4];
    tow_node *node = make();
    size_t written = 0;
    tow_stats stats;
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, meddle, node) == 0);
    }
    for (int i = 0; i < 4; i++) {
        void *told;
        CHECK(pthread_join(threads[i], &told) == 0);
        written += (size_t)told;
    }
    CHECK(tow_node_check(node, NULL) == TOW_OK);
    CHECK(tow_stats_get(node, &stats, sizeof stats) == TOW_OK && stats.end == written && written > 0);
    tow_node_free(node);
    puts("threads: well");
    return 0;
}
