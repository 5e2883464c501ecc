/* Sockets and clocks: see net.h. */

#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static uint64_t read_clock(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

uint64_t net_now(void) { return read_clock(CLOCK_MONOTONIC); }
uint64_t net_unix_zero(void) { return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC); }

void net_dice(uint8_t *bytes, size_t len) {
    if (getrandom(bytes, len, 0) != (ssize_t)len) {
        perror("getrandom");
        exit(1);
    }
}

static int prepared(int fd) {
    int on = 1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

int net_dial(const char *address) {
    char host[64];
    struct sockaddr_in to;
    const char *colon = strrchr(address, ':');
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    if (colon == NULL || (size_t)(colon - address) >= sizeof host) {
        return -1;
    }
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = 0;
    to.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1) {
        return -1;
    }
    int fd = prepared(socket(AF_INET, SOCK_STREAM, 0));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

int net_connected(int fd) {
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

int net_listen(uint16_t *port) {
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int on = 1, fd = prepared(socket(AF_INET, SOCK_STREAM, 0));
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_port = htons(*port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        perror("listen");
        exit(1);
    }
    *port = ntohs(at.sin_port);
    return fd;
}

int net_accept(int fd) {
    int accepted = accept(fd, NULL, NULL);
    return accepted < 0 ? -1 : prepared(accepted);
}

ptrdiff_t net_write(int fd, const tow_slice *slices, size_t count) {
    struct iovec parts[TOW_SLICES_MAX];
    for (size_t i = 0; i < count; i++) {
        parts[i].iov_base = (void *)(uintptr_t)slices[i].ptr;
        parts[i].iov_len = slices[i].len;
    }
    ssize_t wrote = writev(fd, parts, (int)count);
    if (wrote < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    }
    return wrote;
}

int net_timeout(uint64_t now, uint64_t deadline) {
    if (deadline <= now) {
        return 0;
    }
    uint64_t ms = (deadline - now - 1) / 1000000 + 1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

int net_stopped(void) { return stopped; }

void net_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = stop; /* without SA_RESTART: poll returns */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN; /* a broken connection is an answer of writev */
    sigaction(SIGPIPE, &action, NULL);
}
