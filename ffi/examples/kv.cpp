/*
 * kv.cpp: follow.c again, with towline.hpp.
 *
 *     kv HOST:PORT DIR NODE
 *
 * The loop, the store and the file are the same; nodes, cursors and buffers free themselves, and what fails throws.
 */

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "net.h"
#include "store.h"
#include "towline.hpp"

namespace {

constexpr std::uint32_t LINK = 0;
constexpr std::size_t READ_BYTES = std::size_t{256} << 10;
constexpr tow_time SAVE_EVERY_NS = 200000000;
constexpr std::size_t SPOOL_BYTES_MAX = std::size_t{256} << 20;

struct free_store {
    void operator()(store *held) const noexcept { store_free(held); }
};
using owned_store = std::unique_ptr<store, free_store>;

/* Data, and the cursor that belongs to exactly this data. */
struct state {
    owned_store data{store_new()};
    towline::cursor cursor;
    std::uint64_t offset = 0;
};

class follower {
public:
    follower(std::string upstream, std::string dir, std::uint64_t node)
        : upstream_(std::move(upstream)), dir_(std::move(dir)) {
        if (store_open(live_.data.get(), dir_.c_str(), live_.cursor.data.data(), &live_.cursor.size) != 0) {
            throw std::runtime_error("the store cannot be read");
        }
        tow_config config = towline::default_config();
        config.links_max = 1;
        tow_boot boot = towline::boot_of(TOW_REPLICA, node);
        boot.unix_zero_ns = net_unix_zero();
        boot.cursor = live_.cursor.data.data();
        boot.cursor_len = live_.cursor.size;
        net_dice(boot.seed, sizeof boot.seed);
        node_ = towline::node(config, boot);
    }
    ~follower() { hang_up(); }
    follower(const follower &) = delete;
    follower &operator=(const follower &) = delete;

    void run() {
        now_ = net_now();
        while (!net_stopped()) {
            feed();
            node_.tick(now_);
            node_.events([this](const tow_event &event) { on_event(event); });
            write();
            if (now_ >= save_at_) {
                save();
            }
            rest();
        }
        save();
    }

private:
    /* --- the stream of the upstream, into the store */

    struct kept {
        tow_position position;
        std::vector<std::uint8_t> records;
    };

    /* Data and cursor change together. */
    void apply(towline::bytes records, const tow_position &position) {
        towline::each_record(records, [&](towline::bytes record) {
            if (store_apply(live_.data.get(), record.data, record.size) != 0) {
                throw std::runtime_error("a record that is none: the stream is damaged");
            }
        });
        live_.cursor = node_.cursor_of(position);
        live_.offset = position.boundary;
        unsaved_ = true;
        receiver_.applied(position.boundary);
    }

    void keep(towline::bytes records, const tow_position &position) {
        spool_bytes_ += records.size;
        spool_.push_back({position, {records.data, records.data + records.size}});
    }

    std::vector<std::uint8_t> pop() {
        auto records = std::move(spool_.front().records);
        spool_bytes_ -= records.size();
        spool_.pop_front();
        return records;
    }

    void begin(towline::bytes cursor, std::uint64_t offset) {
        coming_ = state{};
        std::copy(cursor.data, cursor.data + cursor.size, coming_.cursor.data.begin());
        coming_.cursor.size = cursor.size;
        coming_.offset = offset;
        rest_.len = 0;
    }

    void execute(const tow_command &command, const std::uint8_t *data) {
        auto range = [&] { return towline::bytes{data + command.a, static_cast<std::size_t>(command.b)}; };
        switch (command.kind) {
        case TOW_COMMAND_APPLY:
            apply(range(), tow_command_position(&command));
            break;
        case TOW_COMMAND_KEEP:
            keep(range(), tow_command_position(&command));
            break;
        case TOW_COMMAND_APPLY_SPOOLED: {
            const tow_position position = spool_.front().position;
            const auto records = pop();
            apply({records.data(), records.size()}, position);
            break;
        }
        case TOW_COMMAND_DROP_SPOOLED:
            while (!spool_.empty() && spool_.front().position.boundary <= command.c) {
                pop();
            }
            break;
        case TOW_COMMAND_FORKED: /* we cannot rewind, so a snapshot follows */
            break;
        case TOW_COMMAND_BEGIN:
            begin(range(), command.c);
            break;
        case TOW_COMMAND_LOAD:
            if (store_load(coming_.data.get(), &rest_, range().data, range().size) != 0) {
                throw std::runtime_error("a snapshot that is none");
            }
            receiver_.loaded(command.c + 1);
            break;
        case TOW_COMMAND_INSTALL:
            live_ = std::exchange(coming_, state{});
            unsaved_ = true;
            receiver_.installed();
            break;
        default: /* below TOW_COMMAND_KEEP: for the node */
            receiver_.say(node_, now_, command);
            break;
        }
    }

    /* As long as the spool has room its batches are taken: that makes the upstream send more. */
    void obey(const std::uint8_t *data) {
        tow_command command;
        while (receiver_.poll(command) || receiver_.work(command)) {
            execute(command, data);
            receiver_.taking(spool_bytes_ > SPOOL_BYTES_MAX ? TOW_TAKING_PIECES : TOW_TAKING_ALL);
        }
    }

    /* --- feed all */

    void hang_up() {
        if (fd_ >= 0) {
            close(fd_);
        }
        fd_ = -1;
        connecting_ = reading_ = writing_ = false;
        held_ = 0;
    }

    void hand_over() {
        std::size_t at = 0;
        tow_step step{};
        do {
            towline::bytes data{unread_.data() + at, held_ - at};
            if (node_.try_handle(now_, tow_input_of(TOW_INPUT_BYTES, LINK, 0, 0, 0), data, step) != TOW_OK) {
                reading_ = false;
                break;
            }
            receiver_.receive(node_, step);
            obey(data.data);
            at += static_cast<std::size_t>(step.used);
            if (step.next == TOW_NEXT_CLOSED) {
                reading_ = false;
            }
        } while (step.next == TOW_NEXT_AGAIN);
        std::copy(unread_.begin() + static_cast<std::ptrdiff_t>(at),
                  unread_.begin() + static_cast<std::ptrdiff_t>(held_), unread_.begin());
        held_ -= at;
    }

    void feed() {
        if (!reading_) {
            return;
        }
        unread_.resize(std::max(unread_.size(), held_ + READ_BYTES));
        ssize_t got = read(fd_, unread_.data() + held_, READ_BYTES);
        if (got > 0) {
            held_ += static_cast<std::size_t>(got);
            hand_over();
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            hang_up();
            node_.lost(now_, LINK);
        }
    }

    /* --- poll all */

    void on_event(const tow_event &event) {
        switch (event.kind) {
        case TOW_EVENT_DIAL:
            fd_ = net_dial(upstream_.c_str());
            connecting_ = fd_ >= 0;
            if (!connecting_) {
                node_.dial_failed(now_);
            }
            break;
        case TOW_EVENT_WANTS_WRITE:
            writing_ = true;
            break;
        case TOW_EVENT_CLOSE:
            std::fprintf(stderr, "kv: closed: %s\n", tow_status_name(tow_as_close(&event).fault));
            hang_up();
            break;
        default:
            break;
        }
    }

    /* --- write all */

    void write() {
        while (writing_) {
            auto shown = node_.peek(LINK);
            std::ptrdiff_t wrote = 0;
            if (shown.count > 0) {
                wrote = net_write(fd_, shown.begin(), shown.count);
                if (wrote == 0) {
                    return;
                }
            }
            if (wrote < 0) {
                hang_up();
                node_.lost(now_, LINK);
            } else {
                bool more = false;
                writing_ = node_.try_consume(now_, LINK, static_cast<std::size_t>(wrote), more) == TOW_OK && more;
            }
        }
    }

    /* --- the disk */

    void save() {
        if (unsaved_ && live_.cursor.size > 0) {
            if (store_save(live_.data.get(), dir_.c_str(), live_.cursor.data.data(), live_.cursor.size) != 0) {
                throw std::runtime_error("cannot save");
            }
            unsaved_ = false;
            receiver_.persisted(live_.offset);
            obey(nullptr);
            store_digest digest = store_content(live_.data.get());
            auto wide = [](std::uint64_t number) { return static_cast<unsigned long long>(number); };
            std::printf("%llu records, %llu keys, digest %016llx%016llx\n", wide(live_.offset),
                        wide(store_keys(live_.data.get())), wide(digest.high), wide(digest.low));
        }
        save_at_ = now_ + SAVE_EVERY_NS;
    }

    /* --- sleep */

    void rest() {
        pollfd fds{fd_, 0, 0};
        tow_time due = node_.next_deadline();
        if (unsaved_ && save_at_ < due) {
            due = save_at_;
        }
        if (reading_) {
            fds.events |= POLLIN;
        }
        if (writing_ || connecting_) {
            fds.events |= POLLOUT;
        }
        int ready = poll(&fds, 1, net_timeout(now_, due));
        now_ = net_now();
        if (ready > 0 && connecting_) {
            connecting_ = false;
            reading_ = net_connected(fd_) && tow_opened(node_.get(), now_, LINK, TOW_UPSTREAM) == TOW_OK;
            if (!reading_) {
                hang_up();
                node_.dial_failed(now_);
            }
        }
    }

    struct growing : buffer {
        growing() : buffer{nullptr, 0, 0} {}
        ~growing() { std::free(bytes); }
        growing(const growing &) = delete;
        growing &operator=(const growing &) = delete;
    };

    std::string upstream_, dir_;
    towline::node node_;
    towline::receiver receiver_{false};
    tow_time now_ = 0, save_at_ = 0;
    int fd_ = -1;
    bool connecting_ = false, reading_ = false, writing_ = false, unsaved_ = false;
    std::vector<std::uint8_t> unread_;
    std::size_t held_ = 0;
    state live_, coming_;
    growing rest_;
    std::deque<kept> spool_;
    std::size_t spool_bytes_ = 0;
};

} // namespace

int main(int argc, char **argv) {
    if (argc != 4) {
        std::fputs("usage: kv HOST:PORT DIR NODE\n", stderr);
        return 1;
    }
    net_signals();
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    try {
        follower(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10)).run();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "kv: %s\n", error.what());
        return 1;
    }
    return 0;
}
