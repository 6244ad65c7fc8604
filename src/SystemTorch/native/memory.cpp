// The allocator of CPU storage: counts live bytes, and keeps freed large blocks for the next tensor of their size,
// so that neither page faults nor holes in the heap cost what the tensors do not need.
#include "values.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <atomic>
#include <errno.h>
#include <malloc.h>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unordered_map>

namespace {

constexpr size_t large = size_t(1) << 20;      // from here on a block is mapped, below it is malloc's
constexpr size_t huge_page = size_t(2) << 20;
constexpr size_t keep_least = size_t(32) << 20;  // kept in any case, however little was in use

std::atomic<int64_t> live_bytes{0}, peak_bytes{0};

void count(int64_t bytes) {
    int64_t now = live_bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    int64_t peak = peak_bytes.load(std::memory_order_relaxed);
    while (now > peak && !peak_bytes.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {}
}

// Mapped blocks: those in use by address, those kept by size. Sizes come in steps of an eighth, so that a kept block fits well.
class Blocks {
public:
    void* take(size_t n) {
        const size_t size = rounded(n);
        {
            std::lock_guard<std::mutex> lock(mutex_);
            auto found = kept_.lower_bound(size);
            if (found != kept_.end() && found->first <= size + size / 8) {
                void* p = found->second;
                used_[p] = found->first;
                kept_bytes_ -= found->first;
                use(found->first);
                kept_.erase(found);
                return p;
            }
        }
        void* p = map(size);
        if (p == MAP_FAILED) {
            trim(0);
            p = map(size);
        }
        TORCH_CHECK(p != MAP_FAILED, "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", n, " bytes. Error code ", errno, " (", strerror(errno), ")");
        if (size >= 2 * huge_page) madvise(p, size, MADV_HUGEPAGE);
        std::lock_guard<std::mutex> lock(mutex_);
        used_[p] = size;
        use(size);
        return p;
    }

    // The size of a block in use, or 0 for memory that is not from here; then it is kept or given back.
    size_t give(void* p) {
        size_t size, limit;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            auto found = used_.find(p);
            if (found == used_.end()) return 0;
            size = found->second;
            used_.erase(found);
            used_bytes_ -= size;
            kept_.emplace(size, p);
            kept_bytes_ += size;
            // Kept and used together stay below what was in use at once of late, which fades slowly: by less than a hundredth in a training step.
            recent_ -= recent_ / 65536;
            limit = std::max(keep_least, recent_ > used_bytes_ ? recent_ - used_bytes_ : 0);
        }
        trim(limit);
        return size;
    }

    size_t size_of(void* p) {
        std::lock_guard<std::mutex> lock(mutex_);
        auto found = used_.find(p);
        return found == used_.end() ? 0 : found->second;
    }

    // Gives kept blocks back to the system, the largest first, until at most limit bytes are kept.
    void trim(size_t limit) {
        for (;;) {
            std::pair<size_t, void*> gone;
            {
                std::lock_guard<std::mutex> lock(mutex_);
                if (kept_bytes_ <= limit || kept_.empty()) return;
                auto last = std::prev(kept_.end());
                gone = *last;
                kept_bytes_ -= last->first;
                kept_.erase(last);
            }
            munmap(gone.second, gone.first);
        }
    }

private:
    void use(size_t size) {
        used_bytes_ += size;
        recent_ = std::max(recent_, used_bytes_);
    }

    static size_t rounded(size_t n) {
        size_t step = large / 8;
        while (step * 16 <= n) step *= 2;
        return (n + step - 1) / step * step;
    }

    static void* map(size_t size) { return mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

    std::mutex mutex_;
    std::unordered_map<void*, size_t> used_;
    std::multimap<size_t, void*> kept_;
    size_t kept_bytes_ = 0, used_bytes_ = 0, recent_ = 0;
};

// Never destroyed: tensors may be freed while the process ends.
Blocks& blocks = *new Blocks();

void release(void* p) {
    if (!p) return;
    if ((reinterpret_cast<uintptr_t>(p) & 4095) == 0) {
        if (size_t size = blocks.give(p)) {
            count(-static_cast<int64_t>(size));
            return;
        }
    }
    count(-static_cast<int64_t>(malloc_usable_size(p)));
    c10::free_cpu(p);
}

struct EngineAllocator final : c10::Allocator {
    c10::DataPtr make(size_t n) const {
        const c10::Device cpu(c10::DeviceType::CPU);
        if (n == 0) return {nullptr, nullptr, &release, cpu};
        TORCH_CHECK(n < size_t(1) << 62, "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", n, " bytes");
        void* p;
        if (n >= large) {
            p = blocks.take(n);
            count(static_cast<int64_t>(blocks.size_of(p)));
        } else {
            p = c10::alloc_cpu(n);
            count(static_cast<int64_t>(malloc_usable_size(p)));
        }
        return {p, p, &release, cpu};
    }
    // allocate is const before libtorch 2.3 and copy_data is new in 2.2: whichever the base declares is overridden.
    c10::DataPtr allocate(size_t n) { return make(n); }
    c10::DataPtr allocate(size_t n) const { return make(n); }
    void copy_data(void* to, const void* from, std::size_t n) const { memcpy(to, from, n); }
    c10::DeleterFnPtr raw_deleter() const override { return &release; }
};

EngineAllocator& allocator = *new EngineAllocator();

// From the moment this library is loaded; memory that was there before stays uncounted.
const bool installed = (c10::SetCPUAllocator(&allocator, 1), true);

}  // namespace

// What: 0 live, 1 peak, 2 sets the peak to what is live, 3 gives kept blocks back to the system.
ST_EXPORT int64_t st_memory(int32_t what) {
    if (what == 2) peak_bytes.store(live_bytes.load());
    if (what == 3) blocks.trim(0);
    return what == 0 ? live_bytes.load(std::memory_order_relaxed) : peak_bytes.load(std::memory_order_relaxed);
}

// Where the count of live bytes is, to be read without a call.
ST_EXPORT const void* st_live_bytes() { return &live_bytes; }
