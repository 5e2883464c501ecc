/*
 * A key-value store in memory, as docs/records.md defines one: effects, snapshots, the content digest; and one file on
 * disk that holds data and cursor together.
 *
 * Functions that may fail return 0 on success and -1 on failure. Running out of memory ends the program.
 */

#ifndef STORE_H
#define STORE_H

#include <stddef.h>
#include <stdint.h>

#include "towline.h"

#ifdef __cplusplus
extern "C" {
#endif

#define STORE_CURSOR_MAX TOW_CURSOR_BYTES_MAX

typedef struct store store;

typedef struct {
    uint64_t high, low;
} store_digest;

/* Bytes that grow. */
typedef struct {
    uint8_t *bytes;
    size_t len, room;
} buffer;

/* Makes room for so many more, or ends the program. */
void buffer_reserve(buffer *buffer, size_t more);
void buffer_add(buffer *buffer, const void *bytes, size_t len);
/* Drops bytes at the front. */
void buffer_drop(buffer *buffer, size_t len);

store *store_new(void);
void store_free(store *store);

/* Applies a record: all of its effects, or none. */
int store_apply(store *store, const uint8_t *record, size_t len);
/* Applies a part of a snapshot, cut anywhere; what is unfinished at its end waits in `rest` for the next part. */
int store_load(store *store, buffer *rest, const uint8_t *piece, size_t len);
/* Writes the whole store as a snapshot. */
void store_snapshot(const store *store, buffer *out);

uint64_t store_keys(const store *store);
/* Returns the digest over all entries, which is kept up to date. */
store_digest store_content(const store *store);

/* Writes an effect: so many words, each with its length. */
void effect_write(buffer *out, size_t words, const uint8_t *const word[], const size_t len[]);

/* Replaces the file in `dir` by this store and this cursor, in one step, and survives a power cut. */
int store_save(const store *store, const char *dir, const uint8_t *cursor, size_t cursor_len);
/* Reads the file back. Without a file, the store stays empty and the cursor's length is 0. */
int store_open(store *store, const char *dir, uint8_t cursor[STORE_CURSOR_MAX], size_t *cursor_len);

#ifdef __cplusplus
}
#endif

#endif
