/*
 * Writes that are acknowledged when n replicas have them: primary.c uses this when it is given a number.
 *
 * A write is remembered as a place, the epoch it was written in and the offset after it. The offset alone is not
 * enough: a node that followed another history meanwhile passes the same number with other records.
 */

#ifndef WAITS_H
#define WAITS_H

#include <stddef.h>
#include <stdint.h>

#include "towline.h"

/* Writes that wait, the oldest first. */
typedef struct {
    uint32_t replicas; /* so many must have applied a write; 0: none is waited for */
    tow_place *places;
    size_t count, room;
} waits;

/* Adds the record before this offset, which was written just now. */
void waits_add(waits *w, const tow_node *node, uint64_t offset);
/* Answers the waits that are over: with 1 if n replicas have the write, with 0 if it left this node's history. */
void waits_look(waits *w, const tow_node *node, void (*answer)(const tow_place *write, int acknowledged));
void waits_end(waits *w);

#endif
