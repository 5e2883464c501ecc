/*
 * towline_sugar.h: the common calls in one line each.
 *
 * Static inline over towline.h, nothing else: include it or leave it. Each returns the status of the function behind
 * it.
 */

#ifndef TOWLINE_SUGAR_H
#define TOWLINE_SUGAR_H

#include "towline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes an input of a kind; all other fields are zero. */
static inline tow_input tow_input_of(tow_kind kind, uint32_t link, uint64_t a, uint64_t b, uint64_t c) {
    tow_input input;
    input.kind = kind;
    input.link = link;
    input.a = a;
    input.b = b;
    input.c = c;
    input.d = 0;
    input.e = 0;
    input.f = 0;
    input.g = 0;
    return input;
}

/* Handles an input without data, whose step is not needed. */
static inline tow_status tow_say(tow_node *node, tow_time now, tow_kind kind, uint32_t link, uint64_t a, uint64_t b,
                                 uint64_t c) {
    tow_input input = tow_input_of(kind, link, a, b, c);
    tow_step step;
    return tow_handle(node, now, &input, NULL, 0, &step);
}

/* Reports that time passed. */
static inline tow_status tow_tick(tow_node *node, tow_time now) {
    return tow_say(node, now, TOW_INPUT_TICK, 0, 0, 0, 0);
}

/* Reports a new connection; side is TOW_UPSTREAM or TOW_DOWNSTREAM. */
static inline tow_status tow_opened(tow_node *node, tow_time now, uint32_t link, uint64_t side) {
    return tow_say(node, now, TOW_INPUT_OPENED, link, side, 0, 0);
}

/* Reports that a connection is gone. */
static inline tow_status tow_lost(tow_node *node, tow_time now, uint32_t link) {
    return tow_say(node, now, TOW_INPUT_LOST, link, 0, 0, 0);
}

/* Reports that the connection asked for could not be made. */
static inline tow_status tow_dial_failed(tow_node *node, tow_time now) {
    return tow_say(node, now, TOW_INPUT_DIAL_FAILED, 0, 0, 0, 0);
}

/* Handles received bytes: all that are unread on this link. */
static inline tow_status tow_on_bytes(tow_node *node, tow_time now, uint32_t link, const uint8_t *data, size_t len,
                                      tow_step *step) {
    tow_input input = tow_input_of(TOW_INPUT_BYTES, link, 0, 0, 0);
    return tow_handle(node, now, &input, data, len, step);
}

/* Appends a record; step->offset is the offset after it. */
static inline tow_status tow_write(tow_node *node, tow_time now, const uint8_t *record, size_t len, tow_step *step) {
    tow_input input = tow_input_of(TOW_INPUT_WRITE, 0, 0, 0, 0);
    return tow_handle(node, now, &input, record, len, step);
}

/* Seals the written records; step->position is to be stored with the data. */
static inline tow_status tow_flush(tow_node *node, tow_time now, tow_step *step) {
    tow_input input = tow_input_of(TOW_INPUT_FLUSH, 0, 0, 0, 0);
    return tow_handle(node, now, &input, NULL, 0, step);
}

/* Reports that records before upto, and so many pieces of the snapshot under way, are taken over. */
static inline tow_status tow_taken(tow_node *node, tow_time now, uint64_t upto, uint64_t pieces) {
    return tow_say(node, now, TOW_INPUT_TAKEN, 0, upto, pieces, 0);
}

/* Reports that records before upto are applied. */
static inline tow_status tow_applied(tow_node *node, tow_time now, uint64_t upto) {
    return tow_say(node, now, TOW_INPUT_APPLIED, 0, upto, 0, 0);
}

/* Reports that records before upto survive a power cut. */
static inline tow_status tow_persisted(tow_node *node, tow_time now, uint64_t upto) {
    return tow_say(node, now, TOW_INPUT_PERSISTED, 0, upto, 0, 0);
}

/* Reports that a received snapshot replaced the old state; step->position is the log's position now. */
static inline tow_status tow_installed(tow_node *node, tow_time now, uint64_t snapshot, tow_step *step) {
    tow_input input = tow_input_of(TOW_INPUT_INSTALLED, 0, snapshot, 0, 0);
    return tow_handle(node, now, &input, NULL, 0, step);
}

/* Reports that the store went back to the offset of the last fork; step->position is the log's position now. */
static inline tow_status tow_rewound(tow_node *node, tow_time now, tow_step *step) {
    tow_input input = tow_input_of(TOW_INPUT_REWOUND, 0, 0, 0, 0);
    return tow_handle(node, now, &input, NULL, 0, step);
}

/* Makes the node primary; step->position is where its epoch begins, to be stored before anything is written in it. */
static inline tow_status tow_promote(tow_node *node, tow_time now, tow_step *step) {
    tow_input input = tow_input_of(TOW_INPUT_PROMOTE, 0, 0, 0, 0);
    return tow_handle(node, now, &input, NULL, 0, step);
}

/* Makes the node follow (another) upstream; adopt is 1 to accept another history, whose snapshot will replace ours. */
static inline tow_status tow_follow(tow_node *node, tow_time now, int adopt) {
    return tow_say(node, now, TOW_INPUT_FOLLOW, 0, adopt ? 1 : 0, 0, 0);
}

/* Says goodbye on every link: TOW_EVENT_CLOSE ends each. */
static inline tow_status tow_shutdown(tow_node *node, tow_time now) {
    return tow_say(node, now, TOW_INPUT_SHUTDOWN, 0, 0, 0, 0);
}

/* Reports that a view is open, exactly at this cursor; bytes is its size, or UINT64_MAX. */
static inline tow_status tow_snapshot_ready(tow_node *node, tow_time now, uint64_t snapshot, uint64_t bytes,
                                            const uint8_t *cursor, size_t len) {
    tow_input input = tow_input_of(TOW_INPUT_SNAPSHOT_READY, 0, snapshot, bytes, 0);
    tow_step step;
    return tow_handle(node, now, &input, cursor, len, &step);
}

/* Hands over a piece of a view. */
static inline tow_status tow_snapshot_piece(tow_node *node, tow_time now, uint64_t snapshot, uint64_t piece, int last,
                                            const uint8_t *data, size_t len) {
    tow_input input = tow_input_of(TOW_INPUT_SNAPSHOT_PIECE, 0, snapshot, piece, last ? 1 : 0);
    tow_step step;
    return tow_handle(node, now, &input, data, len, &step);
}

/* Reports that a view could not be opened, or broke; retry is 1 if asking again makes sense. */
static inline tow_status tow_snapshot_failed(tow_node *node, tow_time now, uint64_t snapshot, int retry) {
    return tow_say(node, now, TOW_INPUT_SNAPSHOT_FAILED, 0, snapshot, retry ? 1 : 0, 0);
}

/* --- a receiver --------------------------------------------------------------------------------------------------- */

/* The position of a command that has one. */
static inline tow_position tow_command_position(const tow_command *command) {
    tow_position position;
    position.epoch = command->d;
    position.boundary = command->e;
    position.digest = command->f;
    return position;
}

/* A completion, or how much is taken. */
static inline tow_status tow_receiver_done(tow_receiver *receiver, tow_kind kind, uint64_t a, uint64_t b) {
    tow_completion completion = tow_input_of(kind, 0, a, b, 0);
    return tow_receiver_complete(receiver, &completion);
}

/* Says a command that is an input to the node, and its answer to the receiver. A refusal is an answer too. */
static inline tow_status tow_receiver_say(tow_receiver *receiver, tow_node *node, tow_time now,
                                          const tow_command *command) {
    tow_completion answer = tow_input_of(TOW_DONE_ANSWERED, 0, 0, 0, 0);
    tow_step step;
    tow_status said = tow_handle(node, now, command, NULL, 0, &step);
    if (said == TOW_OK && (step.flags & TOW_STEP_POSITION) != 0) {
        answer.a = 1;
        answer.d = step.position.epoch;
        answer.e = step.position.boundary;
        answer.f = step.position.digest;
    } else if (said != TOW_OK && said != TOW_E_MISUSE) {
        return said;
    }
    return tow_receiver_complete(receiver, &answer);
}

/* The batch that was to be applied is, and ends at upto. */
static inline tow_status tow_receiver_applied(tow_receiver *receiver, uint64_t upto) {
    return tow_receiver_done(receiver, TOW_DONE_APPLIED, upto, 0);
}

/* Records before upto survive a power cut. */
static inline tow_status tow_receiver_persisted(tow_receiver *receiver, uint64_t upto) {
    return tow_receiver_done(receiver, TOW_DONE_PERSISTED, upto, 0);
}

/* The batch that ends at upto is done on the loading snapshot, or waits. */
static inline tow_status tow_receiver_tailed(tow_receiver *receiver, uint64_t upto, int done) {
    return tow_receiver_done(receiver, TOW_DONE_TAILED, upto, done ? 1 : 0);
}

/* The first so many pieces of the snapshot are loaded. */
static inline tow_status tow_receiver_loaded(tow_receiver *receiver, uint64_t pieces) {
    return tow_receiver_done(receiver, TOW_DONE_LOADED, pieces, 0);
}

/* The snapshot stands in the place of the state before. */
static inline tow_status tow_receiver_installed(tow_receiver *receiver) {
    return tow_receiver_done(receiver, TOW_DONE_INSTALLED, 0, 0);
}

/* The store stands where it was to go back to. */
static inline tow_status tow_receiver_rewound(tow_receiver *receiver) {
    return tow_receiver_done(receiver, TOW_DONE_REWOUND, 0, 0);
}

/* The store cannot go on. */
static inline tow_status tow_receiver_failed(tow_receiver *receiver) {
    return tow_receiver_done(receiver, TOW_DONE_FAILED, 0, 0);
}

/* How much the node is told from now on: TOW_TAKING_ALL, ... */
static inline tow_status tow_receiver_taking(tow_receiver *receiver, uint64_t taking) {
    return tow_receiver_done(receiver, TOW_DONE_TAKING, taking, 0);
}

#ifdef __cplusplus
}
#endif

#endif /* TOWLINE_SUGAR_H */
