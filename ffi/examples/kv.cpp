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

/* A batch that came beside a snapshot, until that is installed. */
struct spooled {
    std::uint64_t upto;
    towline::cursor cursor;
    std::vector<std::uint8_t> records;
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
            node_.say(now_, TOW_INPUT_TICK);
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
    /* --- what the upstream sends: into the store */

    void apply(towline::bytes payload, const towline::cursor &cursor, std::uint64_t upto) {
        towline::each_record(payload, [this](towline::bytes record) {
            if (store_apply(live_.data.get(), record.data, record.size) != 0) {
                throw std::runtime_error("a record that is none: the stream is damaged");
            }
        });
        live_.cursor = cursor;
        live_.offset = upto;
        unsaved_ = true;
        node_.say(now_, TOW_INPUT_APPLIED, 0, upto);
    }

    void forget_spool() {
        spool_.clear();
        spool_bytes_ = 0;
        spooled_to_ = taken_to_ = 0;
    }

    /* What is taken makes the upstream send more. Refused when the world moved on, which is as well. */
    void take() { tow_taken(node_.get(), now_, taken_to_, pieces_); }

    void spool(towline::bytes payload, const tow_step &step) {
        if (step.first != spooled_to_) {
            forget_spool();
            pieces_ = 0;
        }
        spooled_to_ = step.position.boundary;
        spool_.push_back({spooled_to_, node_.cursor_of(step.position), {payload.data, payload.data + payload.size}});
        spool_bytes_ += payload.size;
        if (spool_bytes_ <= SPOOL_BYTES_MAX) {
            taken_to_ = spooled_to_;
        }
        take();
    }

    void begin(towline::bytes cursor, const tow_step &step) {
        if (node_.stats().end != spooled_to_) {
            forget_spool();
        }
        coming_ = state{};
        coming_.offset = step.first;
        coming_.cursor.size = cursor.size;
        std::copy(cursor.data, cursor.data + cursor.size, coming_.cursor.data.begin());
        rest_.len = 0;
        pieces_ = 0;
    }

    void piece(towline::bytes bytes, const tow_step &step) {
        if (store_load(coming_.data.get(), &rest_, bytes.data, bytes.size) != 0) {
            throw std::runtime_error("a snapshot that is none");
        }
        pieces_ = step.first + 1;
        take();
    }

    void install(const tow_step &last) {
        live_ = std::exchange(coming_, state{});
        unsaved_ = true;
        tow_step step = node_.handle(now_, tow_input_of(TOW_INPUT_INSTALLED, 0, last.snapshot, 0, 0));
        for (const spooled &batch : spool_) {
            if (batch.upto > live_.offset && batch.upto <= step.position.boundary) {
                apply({batch.records.data(), batch.records.size()}, batch.cursor, batch.upto);
            }
        }
        forget_spool();
        pieces_ = 0;
    }

    void receive(towline::bytes payload, const tow_step &step) {
        switch (step.kind) {
        case TOW_PAYLOAD_BATCH:
            apply(payload, node_.cursor_of(step.position), step.position.boundary);
            break;
        case TOW_PAYLOAD_SPOOL:
            spool(payload, step);
            break;
        case TOW_PAYLOAD_BEGIN:
            begin(payload, step);
            break;
        case TOW_PAYLOAD_PIECE:
            piece(payload, step);
            break;
        case TOW_PAYLOAD_LAST_PIECE:
            piece(payload, step);
            install(step);
            break;
        default: /* a fork: we cannot rewind, so a snapshot follows */
            break;
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
            if (step.kind != TOW_PAYLOAD_NONE) {
                receive({data.data + step.range_start, static_cast<std::size_t>(step.range_len)}, step);
            }
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
            node_.say(now_, TOW_INPUT_LOST, LINK);
        }
    }

    /* --- poll all */

    void on_event(const tow_event &event) {
        switch (event.kind) {
        case TOW_EVENT_DIAL:
            fd_ = net_dial(upstream_.c_str());
            connecting_ = fd_ >= 0;
            if (!connecting_) {
                node_.say(now_, TOW_INPUT_DIAL_FAILED);
            }
            break;
        case TOW_EVENT_WANTS_WRITE:
            writing_ = true;
            break;
        case TOW_EVENT_CLOSE:
            std::fprintf(stderr, "kv: closed: %s\n", tow_status_name(static_cast<tow_status>(event.a)));
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
                node_.say(now_, TOW_INPUT_LOST, LINK);
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
            node_.say(now_, TOW_INPUT_PERSISTED, 0, live_.offset);
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
                node_.say(now_, TOW_INPUT_DIAL_FAILED);
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
    tow_time now_ = 0, save_at_ = 0;
    int fd_ = -1;
    bool connecting_ = false, reading_ = false, writing_ = false, unsaved_ = false;
    std::vector<std::uint8_t> unread_;
    std::size_t held_ = 0;
    state live_, coming_;
    growing rest_;
    std::deque<spooled> spool_;
    std::size_t spool_bytes_ = 0;
    std::uint64_t spooled_to_ = 0, taken_to_ = 0, pieces_ = 0;
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
