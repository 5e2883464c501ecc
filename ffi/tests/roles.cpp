/*
 * Changes of roles, through the C++ layer and the one-liners below it: a replica is sent a snapshot at the second try,
 * is promoted, and its primary becomes its replica.
 */

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "check.h"
#include "towline.hpp"

namespace {

tow_time now = 0;

struct side {
    towline::node node;
    std::vector<std::uint8_t> unread{};
    std::uint64_t wanted = 0, role = 0;
    bool dials = false;
};

side make(std::uint32_t role, std::uint64_t id) {
    tow_config config = towline::default_config();
    config.backlog_bytes = 65536;
    config.links_max = 1;
    tow_boot boot = towline::boot_of(role, id);
    boot.seed[0] = static_cast<std::uint8_t>(id);
    return {towline::node(config, boot)};
}

/* Takes the bytes that came, and a snapshot of nothing too; unread bytes stay. */
void read(side &to) {
    tow_step step{};
    do {
        step = to.node.on_bytes(now, 0, {to.unread.data(), to.unread.size()});
        to.unread.erase(to.unread.begin(), to.unread.begin() + static_cast<std::ptrdiff_t>(step.used));
        if (step.kind == TOW_PAYLOAD_LAST_PIECE) {
            CHECK(to.node.installed(now, step.snapshot).boundary == 3);
        }
    } while (step.next == TOW_NEXT_AGAIN);
}

void write(side &from, side &to) {
    bool more = true;
    while (more) {
        std::size_t wrote = 0;
        for (const tow_slice &slice : from.node.peek(0)) {
            to.unread.insert(to.unread.end(), slice.ptr, slice.ptr + slice.len);
            wrote += slice.len;
        }
        more = from.node.consume(now, 0, wrote);
    }
    read(to);
}

/* Polls one side and does what its events ask. */
void turn(side &one, side &other) {
    const tow_status polled = one.node.events([&](const tow_event &event) {
        if (event.kind == TOW_EVENT_WANTS_WRITE) {
            write(one, other);
        } else if (event.kind == TOW_EVENT_CLOSE) {
            one.unread.clear();
        } else if (event.kind == TOW_EVENT_DIAL) {
            one.dials = true;
        } else if (event.kind == TOW_EVENT_ROLE) {
            one.role = tow_as_role(&event).role;
        } else if (event.kind == TOW_EVENT_SNAPSHOT_WANTED) {
            one.wanted = tow_as_snapshot_wanted(&event).snapshot;
        } else if (event.kind == TOW_EVENT_SNAPSHOT_READ) {
            const tow_event_snapshot_read asked = tow_as_snapshot_read(&event);
            one.node.snapshot_piece(now, asked.snapshot, asked.piece, true, {});
        }
    });
    CHECK(polled == TOW_OK);
}

/* Lets time pass, as far as both allow it, until one of them wants a snapshot for the other. */
void until_wanted(side &one, side &other) {
    one.wanted = 0;
    for (int i = 0; i < 100 && one.wanted == 0; i++) {
        if (std::exchange(other.dials, false)) {
            other.node.opened(now, 0, TOW_UPSTREAM);
            one.node.opened(now, 0, TOW_DOWNSTREAM);
        }
        turn(one, other);
        turn(other, one);
        const tow_time due = std::min(one.node.next_deadline(), other.node.next_deadline());
        now = due == TOW_NO_DEADLINE ? now : std::max(now, due);
        one.node.tick(now);
        other.node.tick(now);
    }
    CHECK(one.wanted != 0);
}

/* Returns the status that a call throws, whose error must have a text. */
template <typename F> tow_status refused(F &&f) {
    try {
        f();
    } catch (const towline::error &error) {
        CHECK(error.what()[0] != '\0');
        return error.code();
    }
    return TOW_OK;
}

} // namespace

int main() {
    side old = make(TOW_PRIMARY, 1), young = make(TOW_REPLICA, 2);
    tow_step step;
    std::uint64_t epoch = 0;
    const tow_slice records[] = {{reinterpret_cast<const std::uint8_t *>("one"), 3}, {nullptr, 0}};
    CHECK(old.node.write(now, {"record"}) == 1 && old.node.write_all(now, records, 2) == 3);
    CHECK(tow_promote(young.node.get(), now, &step) == TOW_E_MISUSE); /* it has nothing to lead from */
    CHECK(old.node.acked(TOW_APPLIED, 0) == 3);
    const tow_place last = old.node.place_of(3);
    CHECK(old.node.holds(last) && !young.node.holds(last));
    CHECK(refused([&] { old.node.place_of(4); }) == TOW_END);
    CHECK(refused([&] { old.node.acked(99, 1); }) == old.node.try_acked(99, 1, epoch));
    CHECK(refused([&] { towline::node().tick(now); }) == TOW_E_NULL);

    until_wanted(old, young);
    CHECK(young.role == TOW_REPLICA);
    old.node.snapshot_failed(now, old.wanted, true); /* ends the link; it dials again */
    CHECK(tow_snapshot_failed(old.node.get(), now, 99, 1) == TOW_E_MISUSE);
    until_wanted(old, young);
    const towline::cursor cursor = old.node.cursor_of(old.node.flush(now));
    old.node.snapshot_ready(now, old.wanted, 0, cursor.view());
    for (int i = 0; i < 8; i++) {
        turn(old, young);
        turn(young, old);
    }
    CHECK((young.node.stats().flags & TOW_STATS_BASE) != 0);

    /* An age counts to the time of asking, and the replicas come with their lag. */
    const std::uint64_t age = young.node.stats(now).origin_age_ns, later = now + 7000000000;
    CHECK(young.node.stats(later).origin_age_ns == age + 7000000000);
    std::array<tow_replica, 2> rows;
    CHECK(old.node.replicas(later, rows.data(), rows.size()) == 1);
    CHECK(rows[0].node == 2 && rows[0].state == TOW_REPLICA_SNAPSHOT && rows[0].link == 0);
    CHECK(rows[0].received.offset == 3 && rows[0].received.lag_records == 0 && rows[0].received.lag_ns == 0);
    CHECK(old.node.replicas(later, nullptr, 0) == 1);
    CHECK(refused([&] { old.node.replicas(later, nullptr, 1); }) == TOW_E_NULL);

    epoch = old.node.stats().epoch;
    CHECK(young.node.promote(now).boundary == 3 && young.node.stats().epoch >> 32 > epoch >> 32);
    young.node.lost(now, 0);
    old.node.lost(now, 0);
    old.node.follow(now, false);
    turn(young, old);
    turn(old, young);
    CHECK(young.role == TOW_PRIMARY && old.role == TOW_REPLICA && old.dials);
    CHECK(tow_follow(old.node.get(), now, 1) == TOW_OK);
    std::puts("roles: well");
    return 0;
}
