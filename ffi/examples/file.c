/*
 * One file that holds cursor and data: they are replaced together or not at all.
 *
 * "tow-kv 1", the cursor's length (4 bytes, little endian), the cursor, the digest (16), then a snapshot to the end.
 * Written beside it, flushed, renamed over it, the folder flushed: the file always holds one whole state.
 */

#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "tow-kv 1"
enum { MAGIC_LEN = 8, DIGEST_LEN = 16 };

static void digest_bytes(store_digest digest, uint8_t bytes[DIGEST_LEN]) {
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(digest.high >> (56 - 8 * i));
        bytes[8 + i] = (uint8_t)(digest.low >> (56 - 8 * i));
    }
}

static int write_all(int fd, const uint8_t *bytes, size_t len) {
    while (len > 0) {
        ssize_t wrote = write(fd, bytes, len);
        if (wrote < 0 && errno != EINTR) {
            return -1;
        }
        if (wrote > 0) {
            bytes += wrote;
            len -= (size_t)wrote;
        }
    }
    return 0;
}

/* Flushes and closes; returns -1 if either failed, or `failed` is set. */
static int settle(int fd, int failed) {
    if (fd < 0) {
        return -1;
    }
    int flushed = fsync(fd);
    return close(fd) == 0 && flushed == 0 && !failed ? 0 : -1;
}

int store_save(const store *store, const char *dir, const uint8_t *cursor, size_t cursor_len) {
    char path[4096], fresh[4096];
    uint8_t digest[DIGEST_LEN], len[4];
    buffer out = {NULL, 0, 0};
    snprintf(path, sizeof path, "%s/store", dir);
    snprintf(fresh, sizeof fresh, "%s/store.new", dir);
    for (int i = 0; i < 4; i++) {
        len[i] = (uint8_t)(cursor_len >> (8 * i));
    }
    digest_bytes(store_content(store), digest);
    buffer_add(&out, MAGIC, MAGIC_LEN);
    buffer_add(&out, len, sizeof len);
    buffer_add(&out, cursor, cursor_len);
    buffer_add(&out, digest, sizeof digest);
    store_snapshot(store, &out);

    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int failed = fd < 0 || write_all(fd, out.bytes, out.len) != 0;
    free(out.bytes);
    if (settle(fd, failed) != 0 || rename(fresh, path) != 0) {
        return -1;
    }
    return settle(open(dir, O_RDONLY | O_DIRECTORY), 0);
}

/* Reads the whole file; an empty buffer if there is none. */
static int read_file(const char *path, buffer *out) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return errno == ENOENT ? 0 : -1;
    }
    for (;;) {
        buffer_reserve(out, 1 << 16);
        ssize_t got = read(fd, out->bytes + out->len, out->room - out->len);
        if (got == 0) {
            return close(fd);
        }
        if (got < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        if (got > 0) {
            out->len += (size_t)got;
        }
    }
}

static int parse(store *store, const buffer *file, uint8_t cursor[STORE_CURSOR_MAX], size_t *cursor_len) {
    const uint8_t *at = file->bytes, *end = file->bytes + file->len;
    uint8_t digest[DIGEST_LEN];
    size_t len;
    buffer rest = {NULL, 0, 0};
    if (file->len < MAGIC_LEN + 4 || memcmp(at, MAGIC, MAGIC_LEN) != 0) {
        return -1;
    }
    at += MAGIC_LEN;
    len = (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
    at += 4;
    if (len > STORE_CURSOR_MAX || (size_t)(end - at) < len + DIGEST_LEN) {
        return -1;
    }
    memcpy(cursor, at, len);
    *cursor_len = len;
    at += len + DIGEST_LEN;
    int loaded = store_load(store, &rest, at, (size_t)(end - at));
    size_t unread = rest.len;
    free(rest.bytes);
    digest_bytes(store_content(store), digest);
    return loaded == 0 && unread == 0 && memcmp(digest, at - DIGEST_LEN, DIGEST_LEN) == 0 ? 0 : -1;
}

int store_open(store *store, const char *dir, uint8_t cursor[STORE_CURSOR_MAX], size_t *cursor_len) {
    char path[4096];
    buffer file = {NULL, 0, 0};
    *cursor_len = 0;
    if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/store", dir);
    int result = read_file(path, &file);
    if (result == 0 && file.len > 0) {
        result = parse(store, &file, cursor, cursor_len);
    }
    free(file.bytes);
    return result;
}
