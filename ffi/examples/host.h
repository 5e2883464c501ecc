/*
 * The parts of a host of either side: a node and the state it belongs to, saved together; connections, and the work for
 * the link of each. follow.c and primary.c are the loops around it.
 */

#ifndef HOST_H
#define HOST_H

#include "store.h"
#include "towline.h"

/* A node, and the data with the cursor that belongs to exactly this data. */
typedef struct {
    tow_node *node;
    tow_time now;
    const char *dir;
    store *data;
    uint8_t cursor[TOW_CURSOR_BYTES_MAX];
    size_t cursor_len;
    uint64_t offset;
    int unsaved;
    tow_time save_at;
} host;

/* A connection: none (fd is -1), being made, or open; and the bytes that came over it and were not used yet. */
typedef struct {
    uint32_t link;
    int fd, connecting, reading, writing;
    buffer unread;
} connection;

/* Ends the program with a message. */
void die(const char *what);
/* Ends the program if a call failed that only a bug of ours can make fail. */
void must(tow_status status, const char *what);

/* Reads the state in `dir`, and makes a node in this role at the state's cursor. */
void host_start(host *h, const char *dir, const tow_config *config, uint32_t role, uint64_t node);
/* Notes that the data is at this position now. */
void host_stands(host *h, const tow_position *position);
/* The same, with a cursor that came with the data. */
void host_stands_at(host *h, const uint8_t *cursor, size_t len, uint64_t offset);
/* Writes data and cursor to the disk if they changed, and prints so. Returns 1 then: it survives a power cut. */
int host_save(host *h);
/* Returns when to be back: at the node's deadline, and to save. */
tow_time host_due(const host *h);
void host_end(host *h);

/* Hands every event to `on_event`. */
void poll_events(host *h, void (*on_event)(host *, const tow_event *));
/* Reads a turn's share and hands it to the node; each step goes to `receive`, with the data that it is about. */
void feed(host *h, connection *c, void (*receive)(host *, const uint8_t *, const tow_step *));
/* Writes the bytes on offer on this link, until there are no more or the socket is full. */
void write_link(host *h, connection *c);
void hang_up(connection *c);

#endif
