/* Effects: see effect.h. */

#include "effect.h"

#include <stdio.h>
#include <string.h>

#include "store.h"

static const uint8_t *const EMPTY = (const uint8_t *)"";

static const struct {
    const char *name;
    size_t words;
    enum verb verb;
} VERBS[] = {
    {"SET", 3, VERB_SET},           {"DEL", 2, VERB_DEL},       {"PEXPIREAT", 3, VERB_PEXPIREAT},
    {"PERSIST", 2, VERB_PERSIST},   {"APPEND", 3, VERB_APPEND}, {"INCRBY", 3, VERB_INCRBY},
    {"FLUSHALL", 1, VERB_FLUSHALL},
};

int decimal(const uint8_t *text, size_t len, int64_t *number) {
    int negative = len > 0 && text[0] == '-';
    size_t at = negative ? 1 : 0;
    uint64_t bound = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t sum = 0;
    /* A number has at least one digit, no leading 0, and no minus before zero. */
    if (at == len || (text[at] == '0' && len > 1)) {
        return 0;
    }
    for (; at < len; at++) {
        if (text[at] < '0' || text[at] > '9') {
            return 0;
        }
        uint64_t digit = (uint64_t)(text[at] - '0');
        if (sum > (bound - digit) / 10) {
            return 0;
        }
        sum = 10 * sum + digit;
    }
    *number = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return 1;
}

/* Reads a mark, a length in shortest decimal, and a line end. */
static int length(const uint8_t *bytes, size_t len, size_t *at, char mark, uint64_t most, uint64_t *found) {
    int64_t number;
    size_t from = *at + 1, to = from;
    if (*at >= len) {
        return EFFECT_SHORT;
    }
    if (bytes[*at] != (uint8_t)mark) {
        return EFFECT_REFUSED;
    }
    while (to < len && bytes[to] != '\r') {
        /* A length has fewer digits than this, or exceeds the bound before the line ends. */
        if (bytes[to] < '0' || bytes[to] > '9' || to - from >= 10) {
            return EFFECT_REFUSED;
        }
        to++;
    }
    if (to > from && (!decimal(bytes + from, to - from, &number) || (uint64_t)number > most)) {
        return EFFECT_REFUSED;
    }
    if (to + 1 >= len) {
        return to < len && to == from ? EFFECT_REFUSED : EFFECT_SHORT;
    }
    if (to == from || bytes[to + 1] != '\n') {
        return EFFECT_REFUSED;
    }
    *at = to + 2;
    *found = (uint64_t)number;
    return EFFECT_READ;
}

static int fill(effect *effect, size_t words, const uint8_t *const word[], const size_t len[]) {
    for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++) {
        if (len[0] != strlen(VERBS[i].name) || memcmp(word[0], VERBS[i].name, len[0]) != 0) {
            continue;
        }
        if (words != VERBS[i].words) {
            return EFFECT_REFUSED;
        }
        effect->verb = VERBS[i].verb;
        effect->key = words > 1 ? word[1] : EMPTY;
        effect->key_len = words > 1 ? len[1] : 0;
        effect->value = words > 2 ? word[2] : EMPTY;
        effect->value_len = words > 2 ? len[2] : 0;
        effect->number = 0;
        if (effect->verb == VERB_PEXPIREAT || effect->verb == VERB_INCRBY) {
            if (!decimal(effect->value, effect->value_len, &effect->number)) {
                return EFFECT_REFUSED;
            }
        }
        return effect->verb == VERB_PEXPIREAT && effect->number < 1 ? EFFECT_REFUSED : EFFECT_READ;
    }
    return EFFECT_REFUSED;
}

int effect_read(const uint8_t *bytes, size_t len, effect *effect, size_t *used) {
    const uint8_t *word[3] = {EMPTY, EMPTY, EMPTY};
    size_t word_len[3] = {0, 0, 0};
    uint64_t words = 0;
    size_t at = 0;
    int result = length(bytes, len, &at, '*', 3, &words);
    if (result != EFFECT_READ || words == 0) {
        return result == EFFECT_READ ? EFFECT_REFUSED : result;
    }
    for (size_t i = 0; i < words; i++) {
        uint64_t bulk = 0;
        result = length(bytes, len, &at, '$', EFFECT_BYTES_MAX, &bulk);
        if (result != EFFECT_READ) {
            return result;
        }
        word[i] = bytes + at;
        word_len[i] = (size_t)bulk;
        if (len - at < bulk + 2) {
            return EFFECT_SHORT;
        }
        at += (size_t)bulk + 2;
        if (bytes[at - 2] != '\r' || bytes[at - 1] != '\n') {
            return EFFECT_REFUSED;
        }
    }
    *used = at;
    return fill(effect, (size_t)words, word, word_len);
}

void effect_write(buffer *out, size_t words, const uint8_t *const word[], const size_t len[]) {
    char head[32];
    buffer_add(out, head, (size_t)snprintf(head, sizeof head, "*%zu\r\n", words));
    for (size_t i = 0; i < words; i++) {
        buffer_add(out, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", len[i]));
        buffer_add(out, word[i], len[i]);
        buffer_add(out, "\r\n", 2);
    }
}
