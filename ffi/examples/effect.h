/*
 * Effects, to bytes and back: docs/records.md, "Effects". Each has exactly one encoding; all else is refused.
 */

#ifndef EFFECT_H
#define EFFECT_H

#include <stddef.h>
#include <stdint.h>

/* Longer keys and values are refused when their length is read. */
#define EFFECT_BYTES_MAX ((uint64_t)1 << 28)

enum verb { VERB_SET, VERB_DEL, VERB_PEXPIREAT, VERB_PERSIST, VERB_APPEND, VERB_INCRBY, VERB_FLUSHALL };

typedef struct {
    enum verb verb;
    const uint8_t *key, *value;
    size_t key_len, value_len;
    int64_t number;
} effect;

enum { EFFECT_READ, EFFECT_SHORT, EFFECT_REFUSED };

/* Reads one effect: read, cut short, or refused. Its key and value are ranges of `bytes`. */
int effect_read(const uint8_t *bytes, size_t len, effect *effect, size_t *used);

/* Reads a number in shortest decimal that 64 bits hold; returns 0 if it is none. */
int decimal(const uint8_t *text, size_t len, int64_t *number);

#endif
