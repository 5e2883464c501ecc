/* Sockets and clocks for the examples; Towline is not used here. */

#ifndef NET_H
#define NET_H

#include <stddef.h>
#include <stdint.h>

#include "towline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Returns nanoseconds on the monotonic clock; the other returns Unix time at its zero. */
uint64_t net_now(void);
uint64_t net_unix_zero(void);
/* Fills in fresh random bytes. */
void net_dice(uint8_t *bytes, size_t len);

/* Begins to connect to HOST:PORT (numbers); returns -1 if that cannot even begin. Writable when it is done. */
int net_dial(const char *address);
/* Returns whether a connect that became writable succeeded. */
int net_connected(int fd);
/* Listens on loopback; with port 0 the system chooses, and *port is set. */
int net_listen(uint16_t *port);
/* Returns a connection that waits, or -1. */
int net_accept(int fd);

/* Writes slices: returns how many bytes were written, 0 if the socket takes none now, -1 if it is gone. */
ptrdiff_t net_write(int fd, const tow_slice *slices, size_t count);

/* Returns a deadline as a timeout for poll(2), never too early. */
int net_timeout(uint64_t now, uint64_t deadline);

/* Returns whether SIGINT or SIGTERM came; poll(2) returns at once then. */
int net_stopped(void);
void net_signals(void);

#ifdef __cplusplus
}
#endif

#endif
