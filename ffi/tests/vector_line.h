/*
 * The lines of conformance vectors, for a player in C and one in C++. The page: tests/vectors/README.md.
 *
 * A player that finds another value than its line ends the program with the line's place.
 */

#ifndef VECTOR_LINE_H
#define VECTOR_LINE_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8
#define DATA_MAX 65536

static const char *const INPUTS[] = {"", "Tick", "Opened", "Lost", "DialFailed", "Bytes", "Write", "Flush", "Taken",
                                     "Applied", "Persisted", "SnapshotReady", "SnapshotPiece", "SnapshotFailed",
                                     "Installed", "Rewound", "Promote", "Follow", "Shutdown", NULL};
/* The names of events, from 0x100. */
static const char *const EVENTS[] = {"", "Dial", "Joined", "Close", "WantsWrite", "SnapshotWanted", "SnapshotRead",
                                     "SnapshotDone", "CaughtUp", "Acked", "SlotExpired", "Role", "Outranked", NULL};
static const char *const PAYLOADS[] = {"", "Batch", "Spool", "Fork", "Begin", "Piece", "LastPiece", NULL};
static const char *const NEXTS[] = {"need", "again", "closed", NULL};

static const char *vector_file;
static unsigned vector_line;

#define HOLDS(holds)                                                                                                   \
    do {                                                                                                               \
        if (!(holds)) {                                                                                                \
            fprintf(stderr, "%s:%u: does not hold: %s\n", vector_file, vector_line, #holds);                           \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Splits a line at its spaces; words beyond the last are empty. Returns the first. */
static inline const char *words_of(char *line, const char *words[WORDS_MAX]) {
    line[strcspn(line, "\n")] = 0;
    for (unsigned at = 0; at < WORDS_MAX; ++at) {
        words[at] = line;
        line += strcspn(line, " ");
        if (*line) {
            *line++ = 0;
        }
    }
    return words[0];
}

static inline uint64_t number(const char *word) {
    char *end = NULL;
    uint64_t value = strtoull(word, &end, strncmp(word, "0x", 2) == 0 ? 16 : 10);
    HOLDS(*word && !*end);
    return value;
}

static inline uint32_t number32(const char *word) {
    HOLDS(number(word) <= UINT32_MAX);
    return (uint32_t)number(word);
}

static inline uint32_t index_of(const char *word, const char *const *names) {
    uint32_t index = 0;
    while (names[index] && strcmp(names[index], word) != 0) {
        ++index;
    }
    HOLDS(names[index] != NULL);
    return index;
}

static inline uint8_t digit(char hex) {
    HOLDS((hex >= '0' && hex <= '9') || (hex >= 'a' && hex <= 'f'));
    return (uint8_t)(hex <= '9' ? hex - '0' : hex - 'a' + 10);
}

/* Reads `-`, or hexadecimal, or that `*` so many times. Returns how many bytes there are. */
static inline size_t data_of(const char *word, uint8_t data[DATA_MAX]) {
    size_t once = 0, length, times = 1;
    const char *star = strchr(word, '*');
    if (star) {
        times = (size_t)number(star + 1);
    }
    for (; *word && *word != '*' && *word != '-'; word += 2) {
        HOLDS(once < DATA_MAX);
        data[once++] = (uint8_t)(digit(word[0]) << 4 | digit(word[1]));
    }
    HOLDS(once == 0 || times <= DATA_MAX / once);
    for (length = once; length < once * times; ++length) {
        data[length] = data[length - once];
    }
    return length;
}

#endif
