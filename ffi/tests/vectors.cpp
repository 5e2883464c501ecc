/* Plays conformance vectors through the C++ layer: each file named on the command line must hold, line by line. */

#include <algorithm>
#include <deque>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "towline.hpp"
#include "vector_line.h"

namespace {

struct option_place {
    const char *name;
    std::uint64_t tow_config::*long_field;
    std::uint32_t tow_config::*word_field;
};

const option_place OPTIONS[] = {
    {"backlog_bytes", &tow_config::backlog_bytes, nullptr},
    {"batch_bytes", nullptr, &tow_config::batch_bytes},
    {"record_bytes_max", nullptr, &tow_config::record_bytes_max},
    {"window_bytes", &tow_config::window_bytes, nullptr},
    {"piece_bytes_max", nullptr, &tow_config::piece_bytes_max},
    {"piece_window_bytes", &tow_config::piece_window_bytes, nullptr},
    {"links_max", nullptr, &tow_config::links_max},
    {"slots_max", nullptr, &tow_config::slots_max},
    {"ships_max", nullptr, &tow_config::ships_max},
    {"beat", &tow_config::beat_ns, nullptr},
    {"idle", &tow_config::idle_ns, nullptr},
    {"handshake", &tow_config::handshake_ns, nullptr},
    {"linger", &tow_config::linger_ns, nullptr},
    {"reconnect_window", &tow_config::reconnect_window_ns, nullptr},
    {"redial_min", &tow_config::redial_min_ns, nullptr},
    {"redial_max", &tow_config::redial_max_ns, nullptr},
    {"can_rewind", nullptr, &tow_config::can_rewind},
    {"persists", nullptr, &tow_config::persists},
};

class player {
public:
    void play(const char **words) {
        const std::string_view line = words[0];
        if (part(line, words)) {
            return;
        }
        answered();
        if (line == "scene") {
            *this = player();
        } else if (line == "option") {
            option(words[1], number(words[2]));
        } else if (line == "boot") {
            boot(words);
        } else if (line == "at") {
            now_ = number(words[1]);
        } else if (line == "input") {
            input(words);
        } else if (line == "event" || line == "quiet") {
            event(line == "quiet", words);
        } else if (line == "write") {
            write(words);
        } else if (line == "consume") {
            misuse_.reset();
            guarded([&] { node_.consume(now_, number32(words[1]), number(words[2])); });
            HOLDS(std::exchange(misuse_, std::nullopt) == number(words[3]));
        } else if (line == "deadline") {
            const bool never = std::string_view(words[1]) == "never";
            HOLDS(node_.next_deadline() == (never ? TOW_NO_DEADLINE : number(words[1])));
        } else {
            HOLDS(line == "cursor");
            const towline::cursor cursor = node_.cursor_of({number(words[1]), number(words[2]), number(words[3])});
            HOLDS(cursor.view().text() == data(words[4]).text());
        }
    }

    /* Checks that every part of the last answer was named. */
    void answered() const { HOLDS(!step_ && !offset_ && !position_ && !payload_ && !misuse_); }

private:
    towline::bytes data(const char *word) {
        data_.resize(DATA_MAX);
        return {data_.data(), data_of(word, data_.data())};
    }

    void option(std::string_view name, std::uint64_t value) {
        const auto *place =
            std::find_if(std::begin(OPTIONS), std::end(OPTIONS), [&](const auto &known) { return known.name == name; });
        HOLDS(place != std::end(OPTIONS));
        if (place->long_field) {
            config_.*place->long_field = value;
        } else {
            config_.*place->word_field = static_cast<std::uint32_t>(value);
        }
    }

    void boot(const char **words) {
        tow_boot boot = towline::boot_of(number32(words[2]), number(words[1]));
        boot.unix_zero_ns = number(words[3]);
        const towline::bytes seed = data(words[4]);
        HOLDS(seed.size == sizeof boot.seed);
        std::copy_n(seed.data, seed.size, boot.seed);
        const towline::bytes cursor = data(words[5]);
        boot.cursor = cursor.data;
        boot.cursor_len = cursor.size;
        node_ = towline::node(config_, boot);
    }

    /* Misuse is thrown, with its number. */
    template <typename F> void guarded(F &&call) {
        try {
            call();
        } catch (const towline::error &error) {
            HOLDS(error.code() == TOW_E_MISUSE);
            misuse_ = error.detail();
        }
        HOLDS(tow_node_check(node_.get(), nullptr) == TOW_OK);
    }

    void input(const char **words) {
        const tow_input input = tow_input_of(index_of(words[1], INPUTS), number32(words[2]), number(words[3]),
                                             number(words[4]), number(words[5]));
        const towline::bytes bytes = data(words[6]);
        guarded([&] {
            const tow_step step = node_.handle(now_, input, bytes);
            step_ = step;
            if (step.flags & TOW_STEP_OFFSET) {
                offset_ = step.offset;
            }
            if (step.flags & TOW_STEP_POSITION) {
                position_ = step.position;
            }
            if (step.kind != TOW_PAYLOAD_NONE) {
                payload_ = step;
            }
        });
    }

    /* Plays a line that names a part of the last answer; returns whether it is one. */
    bool part(std::string_view line, const char **words) {
        if (line == "step") {
            HOLDS(step_ && step_->used == number(words[1]) && step_->need == number(words[2]));
            HOLDS(step_->next == index_of(words[3], NEXTS));
            step_.reset();
        } else if (line == "offset") {
            HOLDS(std::exchange(offset_, std::nullopt) == number(words[1]));
        } else if (line == "position") {
            HOLDS(position_ && position_->epoch == number(words[1]) && position_->boundary == number(words[2]));
            HOLDS(position_->digest == number(words[3]));
            position_.reset();
        } else if (line == "payload") {
            HOLDS(payload_ && payload_->kind == index_of(words[1], PAYLOADS));
            HOLDS(payload_->first == number(words[2]) && payload_->count == number(words[3]));
            HOLDS(payload_->snapshot == number(words[4]) && payload_->range_start == number(words[5]));
            HOLDS(payload_->range_len == number(words[6]));
            payload_.reset();
        } else if (line == "misuse") {
            HOLDS(std::exchange(misuse_, std::nullopt) == number(words[1]));
        } else {
            return false;
        }
        return true;
    }

    /* Takes all events at once; the lines name them one by one. */
    void event(bool quiet, const char **words) {
        if (told_.empty()) {
            HOLDS(node_.events([&](const tow_event &event) { told_.push_back(event); }) == TOW_OK);
        }
        HOLDS(told_.empty() == quiet);
        if (!quiet) {
            const tow_event &told = told_.front();
            HOLDS(told.kind == 0x100 + index_of(words[1], EVENTS) && told.link == number(words[2]));
            HOLDS(told.a == number(words[3]) && told.b == number(words[4]) && told.c == number(words[5]));
            HOLDS(told.d == number(words[6]) && !(told.e | told.f | told.g));
            told_.pop_front();
        }
    }

    void write(const char **words) {
        const std::uint32_t link = number32(words[1]);
        std::string shown;
        for (const tow_slice &slice : node_.peek(link)) {
            shown += towline::bytes(slice).text();
        }
        const towline::bytes taken = data(words[3]);
        HOLDS(shown.size() == number(words[2]) && shown.substr(0, taken.size) == taken.text());
        const bool more = node_.consume(now_, link, taken.size);
        HOLDS(more == (std::string_view(words[4]) == "more"));
        HOLDS(tow_node_check(node_.get(), nullptr) == TOW_OK);
    }

    towline::node node_;
    tow_config config_ = towline::default_config();
    tow_time now_ = 0;
    std::optional<tow_step> step_;
    std::optional<std::uint64_t> offset_;
    std::optional<tow_position> position_;
    std::optional<tow_step> payload_;
    std::optional<std::uint64_t> misuse_;
    std::deque<tow_event> told_;
    std::vector<std::uint8_t> data_;
};

} // namespace

int main(int count, char **files) {
    player player;
    unsigned long lines = 0;
    for (int at = 1; at < count; ++at) {
        std::ifstream file(files[at]);
        vector_file = files[at];
        vector_line = 0;
        HOLDS(file.is_open());
        for (std::string line; std::getline(file, line);) {
            const char *words[WORDS_MAX];
            ++vector_line;
            if (*words_of(line.data(), words) && *words[0] != '#') {
                player.play(words);
                ++lines;
            }
        }
        player.answered();
    }
    std::printf("%d files, %lu lines\n", count - 1, lines);
    return count > 1 && lines > 0 ? 0 : 1;
}
