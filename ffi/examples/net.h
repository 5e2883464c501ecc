/* Sockets and clocks for the examples: nothing of Towline's. */

#ifndef NET_H
#define NET_H

#include <stddef.h>
#include <stdint.h>

#include "towline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds on the monotonic clock, and on the wall's when that said 0. */
uint64_t net_now(void);
uint64_t net_unix_zero(void);
/* Fresh dice. */
void net_dice(uint8_t *bytes, size_t len);

/* Begins to connect to HOST:PORT (numbers); -1 if that cannot even begin. Writable when it is done. */
int net_dial(const char *address);
/* Whether a connect that became writable succeeded. */
int net_connected(int fd);
/* Listens on loopback; with port 0 the system chooses, and *port says which. */
int net_listen(uint16_t *port);
/* A connection that waits, or -1. */
int net_accept(int fd);

/* Writes slices: how many bytes went, 0 if the socket takes none now, -1 if it is gone. */
ptrdiff_t net_write(int fd, const tow_slice *slices, size_t count);

/* A deadline as a timeout for poll(2), never too early. */
int net_timeout(uint64_t now, uint64_t deadline);

/* Set by SIGINT and SIGTERM; poll(2) returns at once then. */
int net_stopped(void);
void net_signals(void);

#ifdef __cplusplus
}
#endif

#endif
