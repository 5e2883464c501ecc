/* Plays conformance vectors through the C functions: each file named on the command line must hold, line by line. */

#include "towline.h"
#include "vector_line.h"

/* Parts of an answer. */
enum { STEP = 1, OFFSET = 2, POSITION = 4, PAYLOAD = 8, MISUSE = 16 };

struct player {
    tow_node *node;
    tow_config config;
    tow_time now;
    tow_step step;
    uint64_t misuse;
    /* Parts of the last answer that no line has named. */
    unsigned left;
    uint8_t data[DATA_MAX];
};

static void fresh(struct player *player) {
    tow_node_free(player->node);
    player->node = NULL;
    player->now = 0;
    HOLDS(tow_config_init(&player->config, sizeof player->config) == TOW_OK);
}

static void option(tow_config *config, const char *name, uint64_t value) {
#define LONG(option, field)                                                                                            \
    if (strcmp(name, option) == 0) {                                                                                   \
        config->field = value;                                                                                         \
        return;                                                                                                        \
    }
#define WORD(option, field)                                                                                            \
    if (strcmp(name, option) == 0) {                                                                                   \
        config->field = (uint32_t)value;                                                                               \
        return;                                                                                                        \
    }
    LONG("backlog_bytes", backlog_bytes)
    WORD("batch_bytes", batch_bytes)
    WORD("record_bytes_max", record_bytes_max)
    LONG("window_bytes", window_bytes)
    WORD("piece_bytes_max", piece_bytes_max)
    LONG("piece_window_bytes", piece_window_bytes)
    WORD("links_max", links_max)
    WORD("slots_max", slots_max)
    WORD("ships_max", ships_max)
    LONG("beat", beat_ns)
    LONG("idle", idle_ns)
    LONG("handshake", handshake_ns)
    LONG("linger", linger_ns)
    LONG("reconnect_window", reconnect_window_ns)
    LONG("redial_min", redial_min_ns)
    LONG("redial_max", redial_max_ns)
    WORD("can_rewind", can_rewind)
    WORD("persists", persists)
    HOLDS(!"an option");
}

static void boot(struct player *player, const char **words) {
    tow_boot boot = {.struct_size = sizeof boot, .role = number32(words[2]), .node = number(words[1])};
    boot.unix_zero_ns = number(words[3]);
    HOLDS(data_of(words[4], player->data) == sizeof boot.seed);
    memcpy(boot.seed, player->data, sizeof boot.seed);
    boot.cursor_len = data_of(words[5], player->data);
    boot.cursor = player->data;
    tow_node_free(player->node);
    HOLDS(tow_node_new(&player->config, &boot, &player->node, NULL) == TOW_OK);
}

static void input(struct player *player, const char **words) {
    tow_input said = {.kind = index_of(words[1], INPUTS), .link = number32(words[2])};
    said.a = number(words[3]);
    said.b = number(words[4]);
    said.c = number(words[5]);
    size_t length = data_of(words[6], player->data);
    tow_status status = tow_handle(player->node, player->now, &said, player->data, length, &player->step);
    if (status == TOW_OK) {
        player->left = STEP | (player->step.flags & TOW_STEP_OFFSET ? OFFSET : 0);
        player->left |= player->step.flags & TOW_STEP_POSITION ? POSITION : 0;
        player->left |= player->step.kind != TOW_PAYLOAD_NONE ? PAYLOAD : 0;
    } else {
        tow_error error;
        HOLDS(status == TOW_E_MISUSE && tow_node_error(player->node, &error) == TOW_OK);
        player->misuse = error.detail;
        player->left = MISUSE;
    }
    HOLDS(tow_node_check(player->node, NULL) == TOW_OK);
}

static void named(struct player *player, unsigned part) {
    HOLDS(player->left & part);
    player->left &= ~part;
}

/* Plays a line that names a part of the last answer; returns whether it is one. */
static int part(struct player *player, const char **words) {
    const tow_step *step = &player->step;
    if (strcmp(words[0], "step") == 0) {
        named(player, STEP);
        HOLDS(step->used == number(words[1]) && step->need == number(words[2]));
        HOLDS(step->next == index_of(words[3], NEXTS));
    } else if (strcmp(words[0], "offset") == 0) {
        named(player, OFFSET);
        HOLDS(step->offset == number(words[1]));
    } else if (strcmp(words[0], "position") == 0) {
        named(player, POSITION);
        HOLDS(step->position.epoch == number(words[1]) && step->position.boundary == number(words[2]));
        HOLDS(step->position.digest == number(words[3]));
    } else if (strcmp(words[0], "payload") == 0) {
        named(player, PAYLOAD);
        HOLDS(step->kind == index_of(words[1], PAYLOADS) && step->first == number(words[2]));
        HOLDS(step->count == number(words[3]) && step->snapshot == number(words[4]));
        HOLDS(step->range_start == number(words[5]) && step->range_len == number(words[6]));
    } else if (strcmp(words[0], "misuse") == 0) {
        named(player, MISUSE);
        HOLDS(player->misuse == number(words[1]));
    } else {
        return 0;
    }
    return 1;
}

static void event(struct player *player, const char **words) {
    tow_event told;
    size_t count;
    HOLDS(tow_poll_events(player->node, &told, 1, &count) == TOW_OK);
    if (strcmp(words[0], "quiet") == 0) {
        HOLDS(count == 0);
        return;
    }
    HOLDS(count == 1 && told.kind == 0x100 + index_of(words[1], EVENTS));
    HOLDS(told.link == number(words[2]) && told.a == number(words[3]) && told.b == number(words[4]));
    HOLDS(told.c == number(words[5]) && told.d == number(words[6]) && !(told.e | told.f | told.g));
}

static void write_link(struct player *player, const char **words) {
    tow_slice slices[TOW_SLICES_MAX];
    uint32_t link = number32(words[1]), more = 2;
    size_t count, shown = 0, length = data_of(words[3], player->data);
    HOLDS(tow_peek_transmit(player->node, link, slices, &count) == TOW_OK);
    for (size_t at = 0; at < count; ++at) {
        size_t left = shown < length ? length - shown : 0;
        HOLDS(memcmp(slices[at].ptr, player->data + shown, left < slices[at].len ? left : slices[at].len) == 0);
        shown += slices[at].len;
    }
    HOLDS(shown == number(words[2]) && shown >= length);
    HOLDS(tow_consume(player->node, player->now, link, length, &more) == TOW_OK);
    HOLDS(more == (strcmp(words[4], "more") == 0));
    HOLDS(tow_node_check(player->node, NULL) == TOW_OK);
}

static void question(struct player *player, const char **words) {
    if (strcmp(words[0], "consume") == 0) {
        tow_error error;
        uint32_t more, link = number32(words[1]);
        HOLDS(tow_consume(player->node, player->now, link, number(words[2]), &more) == TOW_E_MISUSE);
        HOLDS(tow_node_error(player->node, &error) == TOW_OK && error.detail == number(words[3]));
    } else if (strcmp(words[0], "deadline") == 0) {
        uint64_t due = strcmp(words[1], "never") == 0 ? TOW_NO_DEADLINE : number(words[1]);
        HOLDS(tow_next_deadline(player->node) == due);
    } else {
        tow_position position = {number(words[1]), number(words[2]), number(words[3])};
        uint8_t cursor[TOW_CURSOR_BYTES_MAX];
        size_t length, expected = data_of(words[4], player->data);
        HOLDS(strcmp(words[0], "cursor") == 0);
        HOLDS(tow_cursor(player->node, &position, cursor, sizeof cursor, &length) == TOW_OK);
        HOLDS(length == expected && memcmp(cursor, player->data, length) == 0);
    }
}

static void play(struct player *player, const char **words) {
    if (part(player, words)) {
        return;
    }
    HOLDS(player->left == 0);
    if (strcmp(words[0], "scene") == 0) {
        fresh(player);
    } else if (strcmp(words[0], "option") == 0) {
        option(&player->config, words[1], number(words[2]));
    } else if (strcmp(words[0], "boot") == 0) {
        boot(player, words);
    } else if (strcmp(words[0], "at") == 0) {
        player->now = number(words[1]);
    } else if (strcmp(words[0], "input") == 0) {
        input(player, words);
    } else if (strcmp(words[0], "event") == 0 || strcmp(words[0], "quiet") == 0) {
        event(player, words);
    } else if (strcmp(words[0], "write") == 0) {
        write_link(player, words);
    } else {
        question(player, words);
    }
}

int main(int count, char **files) {
    static struct player player;
    const char *words[WORDS_MAX];
    char *line = NULL;
    size_t room = 0;
    unsigned long lines = 0;
    for (int at = 1; at < count; ++at) {
        FILE *file = fopen(files[at], "r");
        vector_file = files[at];
        vector_line = 0;
        HOLDS(file != NULL);
        while (getline(&line, &room, file) > 0) {
            ++vector_line;
            if (*words_of(line, words) && *words[0] != '#') {
                play(&player, words);
                ++lines;
            }
        }
        HOLDS(player.left == 0);
        fclose(file);
    }
    tow_node_free(player.node);
    free(line);
    printf("%d files, %lu lines\n", count - 1, lines);
    return count > 1 && lines > 0 ? 0 : 1;
}
