/*
 * towline.hpp: towline.h for C++17, header only.
 *
 * A node and a receiver that move and free themselves, records from the same header, bytes as pointer and length.
 * Functions that can fail come twice: try_X returns a status (and always compiles), X throws towline::error (where
 * exceptions are on). The one-liners, such as applied, only throw: without exceptions use try_handle and try_complete,
 * or towline_sugar.h on get(). Nothing here allocates.
 */

#ifndef TOWLINE_HPP
#define TOWLINE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "towline.h"
#include "towline_sugar.h"

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
#define TOWLINE_EXCEPTIONS 1
#include <exception>
#endif

namespace towline {

/* A failure: a status, a number, a text. */
class error
#ifdef TOWLINE_EXCEPTIONS
    : public std::exception
#endif
{
public:
    explicit error(const tow_error &told) noexcept : told_(told) {}
    /* Makes an error with the status's own text. */
    explicit error(tow_status status) noexcept : told_() {
        told_.code = status;
        std::strncpy(told_.text, tow_status_name(status), sizeof told_.text - 1);
    }
    tow_status code() const noexcept { return told_.code; }
    std::uint64_t detail() const noexcept { return told_.detail; }
#ifdef TOWLINE_EXCEPTIONS
    const char *what() const noexcept override { return told_.text; }
#else
    const char *what() const noexcept { return told_.text; }
#endif

private:
    tow_error told_;
};

/* Borrowed bytes. */
struct bytes {
    const std::uint8_t *data = nullptr;
    std::size_t size = 0;

    bytes() = default;
    bytes(const std::uint8_t *first, std::size_t count) noexcept : data(first), size(count) {}
    bytes(std::string_view text) noexcept
        : data(reinterpret_cast<const std::uint8_t *>(text.data())), size(text.size()) {}
    bytes(const tow_slice &slice) noexcept : data(slice.ptr), size(slice.len) {}
    std::string_view text() const noexcept { return {reinterpret_cast<const char *>(data), size}; }
};

/* Returns the default options. */
inline tow_config default_config() noexcept {
    tow_config config;
    tow_config_init(&config, sizeof config);
    return config;
}

/* Returns a boot to be filled in: this node, in this role, nothing stored. */
inline tow_boot boot_of(std::uint32_t role, std::uint64_t node) noexcept {
    tow_boot boot{};
    boot.struct_size = static_cast<std::uint32_t>(sizeof boot);
    boot.role = role;
    boot.node = node;
    return boot;
}

/* A cursor: the bytes to store with the data. */
struct cursor {
    std::array<std::uint8_t, TOW_CURSOR_BYTES_MAX> data{};
    std::size_t size = 0;
    bytes view() const noexcept { return {data.data(), size}; }
};

/* Calls f with every record of a payload. */
template <typename F> void each_record(bytes payload, F &&f) {
    std::size_t at = 0;
    tow_slice record;
    while (tow_walk(payload.data, payload.size, &at, &record) == TOW_OK) {
        f(bytes(record));
    }
}

/* A replication node. Moves, does not copy. */
class node {
public:
    /* Makes an empty handle. */
    node() noexcept = default;

    /* Makes a node; on failure it is empty, and `why` has the reason. */
    static node try_make(const tow_config &config, const tow_boot &boot, tow_error &why) noexcept {
        tow_node *made = nullptr;
        tow_node_new(&config, &boot, &made, &why);
        return node(made);
    }

    explicit operator bool() const noexcept { return node_ != nullptr; }
    tow_node *get() const noexcept { return node_.get(); }

    tow_status try_handle(tow_time now, const tow_input &input, bytes data, tow_step &step) noexcept {
        return tow_handle(get(), now, &input, data.data, data.size, &step);
    }
    tow_status try_write_all(tow_time now, const tow_slice *records, std::size_t count,
                             std::uint64_t &offset) noexcept {
        return tow_write_all(get(), now, records, count, &offset);
    }
    tow_status try_consume(tow_time now, std::uint32_t link, std::size_t written, bool &more) noexcept {
        std::uint32_t again = 0;
        tow_status status = tow_consume(get(), now, link, written, &again);
        more = again != 0;
        return status;
    }
    tow_status try_cursor(const tow_position &position, cursor &out) const noexcept {
        return tow_cursor(get(), &position, out.data.data(), out.data.size(), &out.size);
    }
    tow_status try_acked(std::uint32_t level, std::uint32_t n, std::uint64_t &offset) const noexcept {
        return tow_acked(get(), level, n, &offset);
    }

    tow_status try_place_of(std::uint64_t offset, tow_place &place) const noexcept {
        return tow_place_of(get(), offset, &place);
    }
    tow_status try_holds(const tow_place &place, bool &held) const noexcept {
        std::uint32_t told = 0;
        tow_status status = tow_holds(get(), &place, &told);
        held = told != 0;
        return status;
    }

    /* The slices of the ring that the last peek lent. */
    struct transmit {
        std::array<tow_slice, TOW_SLICES_MAX> slices;
        std::size_t count = 0;
        const tow_slice *begin() const noexcept { return slices.data(); }
        const tow_slice *end() const noexcept { return slices.data() + count; }
    };
    transmit peek(std::uint32_t link) const noexcept {
        transmit shown;
        if (tow_peek_transmit(get(), link, shown.slices.data(), &shown.count) != TOW_OK) {
            shown.count = 0;
        }
        return shown;
    }

    /* Calls f with every event; f may call this node. */
    template <typename F> tow_status events(F &&f) {
        std::array<tow_event, 32> told;
        for (;;) {
            std::size_t count = 0;
            tow_status status = tow_poll_events(get(), told.data(), told.size(), &count);
            if (status != TOW_OK) {
                return status;
            }
            for (std::size_t at = 0; at < count; ++at) {
                f(static_cast<const tow_event &>(told[at]));
            }
            if (count == 0) {
                return TOW_OK;
            }
        }
    }

    tow_time next_deadline() const noexcept { return tow_next_deadline(get()); }
    /* Returns the node's statistics. Ages are those of the last call that brought the time. */
    tow_stats stats() const noexcept {
        tow_stats told{};
        tow_stats_get(get(), &told, sizeof told);
        return told;
    }
    /* Returns the same, with ages that count to now. */
    tow_stats stats(tow_time now) const noexcept {
        tow_stats told{};
        tow_stats_at(get(), now, &told, sizeof told);
        return told;
    }
    /* Fills rows with the replicas and their lag at now; count is how many there are, also when cap is less. */
    tow_status try_replicas(tow_time now, tow_replica *rows, std::size_t cap, std::size_t &count) const noexcept {
        return tow_replicas(get(), now, rows, sizeof *rows, cap, &count);
    }
    /* Returns the last refusal of a call that is not const. */
    error last_error() const noexcept {
        tow_error told{};
        const tow_status status = tow_node_error(get(), &told);
        return status == TOW_OK ? error(told) : error(status);
    }

#ifdef TOWLINE_EXCEPTIONS
    node(const tow_config &config, const tow_boot &boot) {
        tow_error why;
        *this = try_make(config, boot, why);
        if (!*this) {
            throw error(why);
        }
    }
    tow_step handle(tow_time now, const tow_input &input, bytes data = {}) {
        tow_step step;
        check(try_handle(now, input, data, step));
        return step;
    }
    tow_step on_bytes(tow_time now, std::uint32_t link, bytes data) {
        return handle(now, tow_input_of(TOW_INPUT_BYTES, link, 0, 0, 0), data);
    }
    std::uint64_t write(tow_time now, bytes record) {
        return handle(now, tow_input_of(TOW_INPUT_WRITE, 0, 0, 0, 0), record).offset;
    }
    std::uint64_t write_all(tow_time now, const tow_slice *records, std::size_t count) {
        std::uint64_t offset = 0;
        check(try_write_all(now, records, count, offset));
        return offset;
    }
    void say(tow_time now, tow_kind kind, std::uint32_t link = 0, std::uint64_t a = 0, std::uint64_t b = 0) {
        handle(now, tow_input_of(kind, link, a, b, 0));
    }
    void tick(tow_time now) { say(now, TOW_INPUT_TICK); }
    void opened(tow_time now, std::uint32_t link, std::uint64_t side) { say(now, TOW_INPUT_OPENED, link, side); }
    void lost(tow_time now, std::uint32_t link) { say(now, TOW_INPUT_LOST, link); }
    void dial_failed(tow_time now) { say(now, TOW_INPUT_DIAL_FAILED); }
    void taken(tow_time now, std::uint64_t upto, std::uint64_t pieces) {
        say(now, TOW_INPUT_TAKEN, 0, upto, pieces);
    }
    void applied(tow_time now, std::uint64_t upto) { say(now, TOW_INPUT_APPLIED, 0, upto); }
    void persisted(tow_time now, std::uint64_t upto) { say(now, TOW_INPUT_PERSISTED, 0, upto); }
    void follow(tow_time now, bool adopt) { say(now, TOW_INPUT_FOLLOW, 0, adopt ? 1 : 0); }
    void shutdown(tow_time now) { say(now, TOW_INPUT_SHUTDOWN); }
    /* The verbs from here on return the log's position after them. */
    tow_position flush(tow_time now) { return handle(now, tow_input_of(TOW_INPUT_FLUSH, 0, 0, 0, 0)).position; }
    tow_position promote(tow_time now) { return handle(now, tow_input_of(TOW_INPUT_PROMOTE, 0, 0, 0, 0)).position; }
    tow_position rewound(tow_time now) { return handle(now, tow_input_of(TOW_INPUT_REWOUND, 0, 0, 0, 0)).position; }
    tow_position installed(tow_time now, std::uint64_t snapshot) {
        return handle(now, tow_input_of(TOW_INPUT_INSTALLED, 0, snapshot, 0, 0)).position;
    }
    void snapshot_ready(tow_time now, std::uint64_t snapshot, std::uint64_t size, bytes cursor) {
        handle(now, tow_input_of(TOW_INPUT_SNAPSHOT_READY, 0, snapshot, size, 0), cursor);
    }
    void snapshot_piece(tow_time now, std::uint64_t snapshot, std::uint64_t piece, bool last, bytes data) {
        handle(now, tow_input_of(TOW_INPUT_SNAPSHOT_PIECE, 0, snapshot, piece, last ? 1 : 0), data);
    }
    void snapshot_failed(tow_time now, std::uint64_t snapshot, bool retry) {
        say(now, TOW_INPUT_SNAPSHOT_FAILED, 0, snapshot, retry ? 1 : 0);
    }
    bool consume(tow_time now, std::uint32_t link, std::size_t written) {
        bool more = false;
        check(try_consume(now, link, written, more));
        return more;
    }
    cursor cursor_of(const tow_position &position) const {
        cursor out;
        check_const(try_cursor(position, out));
        return out;
    }
    std::size_t replicas(tow_time now, tow_replica *rows, std::size_t cap) const {
        std::size_t count = 0;
        check_const(try_replicas(now, rows, cap, count));
        return count;
    }
    /* Returns the place of the record before offset: remember it for a write whose answer is pending. */
    tow_place place_of(std::uint64_t offset) const {
        tow_place place{};
        check_const(try_place_of(offset, place));
        return place;
    }
    /* Returns whether this node's history still holds that record. */
    bool holds(const tow_place &place) const {
        bool held = false;
        check_const(try_holds(place, held));
        return held;
    }
    /*
     * Returns the offset that n connected replicas have reached at this level (TOW_APPLIED, ...): a write waits for it,
     * as long as holds() is true for the write.
     */
    std::uint64_t acked(std::uint32_t level, std::uint32_t n) const {
        std::uint64_t offset = 0;
        check_const(try_acked(level, n, offset));
        return offset;
    }
#endif

private:
    struct free {
        void operator()(tow_node *held) const noexcept { tow_node_free(held); }
    };
    explicit node(tow_node *held) noexcept : node_(held) {}
#ifdef TOWLINE_EXCEPTIONS
    void check(tow_status status) const {
        if (status != TOW_OK) {
            throw last_error();
        }
    }
    /* A const call leaves no text in the node: one that is there belongs to another call. */
    static void check_const(tow_status status) {
        if (status != TOW_OK) {
            throw error(status);
        }
    }
#endif
    std::unique_ptr<tow_node, free> node_;
};

/* The receiving side of a replica. Moves, does not copy. */
class receiver {
public:
    /* No receiver. */
    receiver() noexcept = default;

    /* Makes a receiver; on failure it holds none. */
    static receiver try_make(bool loads_tail = false) noexcept {
        tow_receiver *made = nullptr;
        return tow_receiver_new(loads_tail ? 1 : 0, &made) == TOW_OK ? receiver(made) : receiver();
    }

    explicit operator bool() const noexcept { return receiver_ != nullptr; }
    tow_receiver *get() const noexcept { return receiver_.get(); }

    tow_status try_receive(const node &of, const tow_step &step, bool ready = true) noexcept {
        return tow_receiver_receive(get(), of.get(), &step, ready ? 1 : 0);
    }
    /* Fills in a command to do, before the next step or when there is time. Returns false if there is none. */
    bool poll(tow_command &command) noexcept { return tow_receiver_poll(get(), &command) == TOW_OK; }
    bool work(tow_command &command) noexcept { return tow_receiver_work(get(), &command) == TOW_OK; }
    /* Says a command that is an input to the node, and its answer to the receiver. */
    tow_status try_say(node &to, tow_time now, const tow_command &command) noexcept {
        return tow_receiver_say(get(), to.get(), now, &command);
    }
    tow_status try_complete(const tow_completion &completion) noexcept {
        return tow_receiver_complete(get(), &completion);
    }
    /* A completion, or how much is taken: TOW_DONE_... */
    tow_status try_done(tow_kind kind, std::uint64_t a = 0, std::uint64_t b = 0) noexcept {
        return tow_receiver_done(get(), kind, a, b);
    }

#ifdef TOWLINE_EXCEPTIONS
    explicit receiver(bool loads_tail) : receiver(try_make(loads_tail)) {
        if (!*this) {
            throw error(TOW_E_NOMEM);
        }
    }
    void receive(const node &of, const tow_step &step, bool ready = true) { check(try_receive(of, step, ready)); }
    void say(node &to, tow_time now, const tow_command &command) { check(try_say(to, now, command)); }
    void done(tow_kind kind, std::uint64_t a = 0, std::uint64_t b = 0) { check(try_done(kind, a, b)); }
    void applied(std::uint64_t upto) { done(TOW_DONE_APPLIED, upto); }
    void persisted(std::uint64_t upto) { done(TOW_DONE_PERSISTED, upto); }
    void tailed(std::uint64_t upto, bool done_on_it) { done(TOW_DONE_TAILED, upto, done_on_it ? 1 : 0); }
    void loaded(std::uint64_t pieces) { done(TOW_DONE_LOADED, pieces); }
    void installed() { done(TOW_DONE_INSTALLED); }
    void rewound() { done(TOW_DONE_REWOUND); }
    void failed() { done(TOW_DONE_FAILED); }
    void taking(std::uint64_t how) { done(TOW_DONE_TAKING, how); }
#endif

private:
    struct free {
        void operator()(tow_receiver *held) const noexcept { tow_receiver_free(held); }
    };
    explicit receiver(tow_receiver *held) noexcept : receiver_(held) {}
#ifdef TOWLINE_EXCEPTIONS
    static void check(tow_status status) {
        if (status != TOW_OK) {
            throw error(status);
        }
    }
#endif
    std::unique_ptr<tow_receiver, free> receiver_;
};

} // namespace towline

#endif /* TOWLINE_HPP */
