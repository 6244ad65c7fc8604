// Work shared out piece by piece: a thread that another program holds up leaves the rest to the others.
#pragma once
#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>

namespace systemtorch {

class Turns {
public:
    explicit Turns(int64_t count) : count_(count) {}
    // The next piece, until all are taken.
    bool take(int64_t& piece) { return (piece = next_.fetch_add(1, std::memory_order_relaxed)) < count_; }

private:
    std::atomic<int64_t> next_{0};
    const int64_t count_;
};

// Runs work(turns) on as many threads as there are pieces, libtorch's number at most.
template <typename Work> void in_turns(int64_t count, const Work& work) {
    Turns turns(count);
    at::parallel_for(0, std::min<int64_t>(count, at::get_num_threads()), 1, [&](int64_t begin, int64_t end) {
        for (; begin < end; begin++) work(turns);
    });
}

}  // namespace systemtorch
