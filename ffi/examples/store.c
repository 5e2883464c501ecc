/*
 * The store of store.h: an open-addressed table of entries.
 *
 * An entry is kept in the bytes that its hash is made of (docs/records.md, "Digest"): the key's length in 4 bytes, the
 * key, the expiry in 8, the value. So the digest costs one call a change.
 */

#include "store.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "effect.h"

typedef struct {
    size_t key_len, value_len;
    uint64_t hash;
    uint8_t layout[]; /* 4 + key_len + 8 + value_len */
} entry;

struct store {
    entry **slots; /* a power of two, at most half of them taken */
    size_t slot_count, keys;
    store_digest digest;
};

static void *must(void *allocated) {
    if (allocated == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return allocated;
}

/* --- bytes ------------------------------------------------------------------------------------------------------ */

void buffer_reserve(buffer *buffer, size_t more) {
    if (buffer->room - buffer->len < more) {
        size_t room = 2 * buffer->room > buffer->len + more ? 2 * buffer->room : buffer->len + more;
        buffer->bytes = must(realloc(buffer->bytes, room));
        buffer->room = room;
    }
}

void buffer_add(buffer *buffer, const void *bytes, size_t len) {
    if (len > 0) {
        buffer_reserve(buffer, len);
        memcpy(buffer->bytes + buffer->len, bytes, len);
        buffer->len += len;
    }
}

void buffer_drop(buffer *buffer, size_t len) {
    if (len > 0) {
        buffer->len -= len;
        memmove(buffer->bytes, buffer->bytes + len, buffer->len);
    }
}

/* --- the table -------------------------------------------------------------------------------------------------- */

static const uint8_t *key_of(const entry *entry) { return entry->layout + 4; }
static uint8_t *expiry_at(entry *entry) { return entry->layout + 4 + entry->key_len; }
static uint8_t *value_at(entry *entry) { return entry->layout + 4 + entry->key_len + 8; }

static void put_le(uint8_t *at, uint64_t number, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(number >> (8 * i));
    }
}

static uint64_t get_le(const uint8_t *at, size_t bytes) {
    uint64_t number = 0;
    for (size_t i = bytes; i > 0; i--) {
        number = number << 8 | at[i - 1];
    }
    return number;
}

static void count(store *store, const entry *entry, int sign) {
    XXH128_hash_t hash = XXH3_128bits(entry->layout, 4 + entry->key_len + 8 + entry->value_len);
    if (sign > 0) {
        store->digest.low += hash.low64;
        store->digest.high += hash.high64 + (store->digest.low < hash.low64);
    } else {
        store->digest.high -= hash.high64 + (store->digest.low < hash.low64);
        store->digest.low -= hash.low64;
    }
}

static entry *entry_new(const uint8_t *key, size_t key_len, size_t value_len) {
    entry *made = must(malloc(sizeof *made + 4 + key_len + 8 + value_len));
    made->key_len = key_len;
    made->value_len = value_len;
    made->hash = XXH3_64bits(key, key_len);
    put_le(made->layout, key_len, 4);
    memcpy(made->layout + 4, key, key_len);
    put_le(expiry_at(made), 0, 8);
    return made;
}

/* Returns the slot that holds this key, or the free one where it belongs. */
static size_t find(const store *store, const uint8_t *key, size_t key_len) {
    uint64_t hash = XXH3_64bits(key, key_len);
    size_t slot = (size_t)hash & (store->slot_count - 1);
    while (store->slots[slot] != NULL) {
        const entry *there = store->slots[slot];
        if (there->hash == hash && there->key_len == key_len && memcmp(key_of(there), key, key_len) == 0) {
            break;
        }
        slot = (slot + 1) & (store->slot_count - 1);
    }
    return slot;
}

static void grow(store *store) {
    entry **old = store->slots;
    size_t old_count = store->slot_count;
    store->slot_count = 2 * old_count;
    store->slots = must(calloc(store->slot_count, sizeof *store->slots));
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != NULL) {
            store->slots[find(store, key_of(old[i]), old[i]->key_len)] = old[i];
        }
    }
    free(old);
}

/* Puts an entry in place of the one with its key, if there is one. */
static void put(store *store, entry *made) {
    size_t slot = find(store, key_of(made), made->key_len);
    entry *old = store->slots[slot];
    store->slots[slot] = made;
    count(store, made, 1);
    if (old != NULL) {
        count(store, old, -1);
        free(old);
    } else if (2 * ++store->keys > store->slot_count) {
        grow(store);
    }
}

/* Removes an entry, and moves those behind it that were displaced by it. */
static void take_out(store *store, size_t slot) {
    size_t mask = store->slot_count - 1;
    count(store, store->slots[slot], -1);
    free(store->slots[slot]);
    store->slots[slot] = NULL;
    store->keys--;
    for (size_t next = (slot + 1) & mask; store->slots[next] != NULL; next = (next + 1) & mask) {
        entry *moved = store->slots[next];
        store->slots[next] = NULL;
        store->slots[find(store, key_of(moved), moved->key_len)] = moved;
    }
}

static void clear(store *store) {
    for (size_t i = 0; i < store->slot_count; i++) {
        free(store->slots[i]);
    }
    free(store->slots);
    store->slot_count = 16;
    store->slots = must(calloc(store->slot_count, sizeof *store->slots));
    store->keys = 0;
    store->digest.high = store->digest.low = 0;
}

store *store_new(void) {
    store *made = must(calloc(1, sizeof *made));
    clear(made);
    return made;
}

void store_free(store *store) {
    if (store != NULL) {
        clear(store);
        free(store->slots);
        free(store);
    }
}

uint64_t store_keys(const store *store) { return store->keys; }
store_digest store_content(const store *store) { return store->digest; }

/* --- effects ---------------------------------------------------------------------------------------------------- */

static void set_expiry(store *store, const effect *effect, uint64_t expiry_ms) {
    entry *there = store->slots[find(store, effect->key, effect->key_len)];
    if (there != NULL) {
        count(store, there, -1);
        put_le(expiry_at(there), expiry_ms, 8);
        count(store, there, 1);
    }
}

/* Sets the value to `front` and `back`, one behind the other; the expiry is kept if `keep`. */
static void set(store *store, const effect *effect, entry *old, size_t front, const void *back, size_t back_len) {
    entry *made = entry_new(effect->key, effect->key_len, front + back_len);
    if (old != NULL) {
        memcpy(expiry_at(made), expiry_at(old), 8);
        memcpy(value_at(made), value_at(old), front);
    }
    if (back_len > 0) {
        memcpy(value_at(made) + front, back, back_len);
    }
    put(store, made);
}

/* Writes the result of INCRBY as text; returns -1 if the value is no number, or the sum does not fit. */
static int sum_of(entry *old, int64_t by, char text[24]) {
    int64_t number = 0;
    if (old != NULL && !decimal(value_at(old), old->value_len, &number)) {
        return -1;
    }
    if (by > 0 ? number > INT64_MAX - by : number < INT64_MIN - by) {
        return -1;
    }
    return snprintf(text, 24, "%lld", (long long)(number + by));
}

static int apply(store *store, const effect *effect) {
    size_t slot = find(store, effect->key, effect->key_len);
    entry *old = store->slots[slot];
    switch (effect->verb) {
    case VERB_SET:
        set(store, effect, NULL, 0, effect->value, effect->value_len);
        return 0;
    case VERB_DEL:
        if (old != NULL) {
            take_out(store, slot);
        }
        return 0;
    case VERB_PEXPIREAT:
        set_expiry(store, effect, (uint64_t)effect->number);
        return 0;
    case VERB_PERSIST:
        set_expiry(store, effect, 0);
        return 0;
    case VERB_APPEND:
        set(store, effect, old, old != NULL ? old->value_len : 0, effect->value, effect->value_len);
        return 0;
    case VERB_INCRBY: {
        char text[24];
        int len = sum_of(old, effect->number, text);
        if (len < 0) {
            return -1;
        }
        set(store, effect, old, 0, text, (size_t)len);
        return 0;
    }
    case VERB_FLUSHALL:
        clear(store);
        return 0;
    }
    return -1;
}

int store_apply(store *store, const uint8_t *record, size_t len) {
    effect effect;
    /* Check all of it first, then apply all of it. */
    for (size_t at = 0, used; at < len || len == 0; at += used) {
        if (effect_read(record + at, len - at, &effect, &used) != EFFECT_READ) {
            return -1;
        }
    }
    for (size_t at = 0, used; at < len; at += used) {
        effect_read(record + at, len - at, &effect, &used);
        if (apply(store, &effect) != 0) {
            return -1;
        }
    }
    return 0;
}

int store_load(store *store, buffer *rest, const uint8_t *piece, size_t len) {
    size_t at = 0;
    buffer_add(rest, piece, len);
    while (at < rest->len) {
        effect effect;
        size_t used;
        int result = effect_read(rest->bytes + at, rest->len - at, &effect, &used);
        if (result == EFFECT_SHORT) {
            break;
        }
        if (result != EFFECT_READ || apply(store, &effect) != 0) {
            return -1;
        }
        at += used;
    }
    buffer_drop(rest, at);
    return 0;
}

void store_snapshot(const store *store, buffer *out) {
    for (size_t i = 0; i < store->slot_count; i++) {
        entry *entry = store->slots[i];
        if (entry == NULL) {
            continue;
        }
        const uint8_t *set[] = {(const uint8_t *)"SET", key_of(entry), value_at(entry)};
        const size_t set_len[] = {3, entry->key_len, entry->value_len};
        effect_write(out, 3, set, set_len);
        uint64_t expiry_ms = get_le(expiry_at(entry), 8);
        if (expiry_ms != 0) {
            char text[24];
            int len = snprintf(text, sizeof text, "%llu", (unsigned long long)expiry_ms);
            const uint8_t *at[] = {(const uint8_t *)"PEXPIREAT", key_of(entry), (const uint8_t *)text};
            const size_t at_len[] = {9, entry->key_len, (size_t)len};
            effect_write(out, 3, at, at_len);
        }
    }
}
