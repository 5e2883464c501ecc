/*
 * Threads: the header's promises, and its refusals.
 *
 *     threads [lawful]
 *
 * Lawful: nodes that know nothing of each other go on together; one node is handed on under a lock; const calls on one
 * node run together. This is also run under helgrind. Then the mistake: changes beside other calls on the same node
 * are refused, each of them, and never harm it. Helgrind would name these: it does not know that a node's own flag
 * keeps them apart.
 */

#include <pthread.h>

#include "make.h"
#include "towline_sugar.h"

#define THREADS 4
#define ROUNDS 2000

/* A node, the lock it is handed on with, and the threads' results. */
typedef struct {
    tow_node *node;
    pthread_mutex_t lock;
    uint64_t written, refused;
} shared;

static tow_status write_one(tow_node *node) {
    tow_step step;
    return tow_write(node, 0, (const uint8_t *)"record", 6, &step);
}

static uint64_t end_of(const tow_node *node) {
    tow_stats stats;
    CHECK(tow_node_check(node, NULL) == TOW_OK);
    CHECK(tow_stats_get(node, &stats, sizeof stats) == TOW_OK);
    return stats.end;
}

/* Uses a node of its own. */
static void *apart(void *unused) {
    tow_node *node = make();
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(write_one(node) == TOW_OK);
    }
    CHECK(end_of(node) == ROUNDS);
    tow_node_free(node);
    return NULL;
}

/* Uses one node, by turns. */
static void *handed_on(void *argument) {
    shared *s = argument;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&s->lock);
        CHECK(write_one(s->node) == TOW_OK);
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

/* Uses one node that nobody changes. */
static void *asked(void *argument) {
    const shared *s = argument;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t offset;
        CHECK(tow_acked(s->node, TOW_APPLIED, 0, &offset) == TOW_OK && offset == THREADS * ROUNDS);
        CHECK(tow_next_deadline(s->node) == 0); /* its role was not polled yet */
    }
    return NULL;
}

/* Makes the mistake: both kinds of calls on a node that others use too. */
static void *meddle(void *argument) {
    shared *s = argument;
    uint64_t written = 0, refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t offset;
        tow_status status = write_one(s->node);
        CHECK(status == TOW_OK || status == TOW_E_REENTERED);
        written += status == TOW_OK;
        refused += status != TOW_OK;
        status = tow_acked(s->node, TOW_APPLIED, 0, &offset);
        CHECK(status == TOW_OK || status == TOW_E_REENTERED);
    }
    pthread_mutex_lock(&s->lock);
    s->written += written;
    s->refused += refused;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void together(void *(*work)(void *), shared *s) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, s) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

int main(int argc, char **argv) {
    int lawful = argc == 2 && strcmp(argv[1], "lawful") == 0;
    shared s = {make(), PTHREAD_MUTEX_INITIALIZER, THREADS * ROUNDS, 0};
    together(apart, &s);
    together(handed_on, &s);
    together(asked, &s);
    if (!lawful) {
        together(meddle, &s);
        CHECK(s.written + s.refused == 2 * THREADS * ROUNDS);
    }
    CHECK(end_of(s.node) == s.written);
    tow_node_free(s.node);
    printf("threads: well%s\n", lawful ? ", lawful" : "");
    return 0;
}
