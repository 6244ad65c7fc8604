// Where the time of a piece of work goes, operator by operator, from libtorch's own record of what it runs.
#include "values.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <sstream>
#include <unordered_map>

namespace {

using Clock = std::chrono::steady_clock;

struct Entry {
    int64_t calls = 0, own = 0;  // nanoseconds without those of operators inside
};

// An operator that is running on this thread, and what was spent in operators that it called.
struct Running {
    Clock::time_point begun;
    int64_t inside = 0;
};

std::mutex mutex;
std::unordered_map<std::string, Entry>& entries = *new std::unordered_map<std::string, Entry>();
int64_t outermost = 0;
at::CallbackHandle handle = 0;
thread_local std::vector<Running> running;

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction&) {
    running.push_back({Clock::now()});
    return nullptr;
}

void end(const at::RecordFunction& function, at::ObserverContext*) {
    if (running.empty()) return;
    const Running last = running.back();
    running.pop_back();
    const int64_t spent = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - last.begun).count();
    const std::string name = function.name();
    // Autograd's engine records its own steps too: what they spend beside the operators that they call is not an operator's time.
    const bool is_operator = name.find(' ') == std::string::npos && name.find("Backward") == std::string::npos && name.find("::") != std::string::npos;
    const int64_t counted = is_operator ? spent : last.inside;
    std::lock_guard<std::mutex> lock(mutex);
    if (running.empty()) outermost += counted;
    else running.back().inside += counted;
    if (!is_operator) return;
    Entry& entry = entries[name];
    entry.calls++;
    entry.own += spent - last.inside;
}

}  // namespace

// Starts to record the operators of all threads.
ST_EXPORT int32_t st_profile_start() {
    return systemtorch::guarded([&] {
        TORCH_CHECK(handle == 0, "a profile is being recorded already");
        entries.clear();
        outermost = 0;
        handle = at::addGlobalCallback(at::RecordFunctionCallback(begin, end).scopes({at::RecordScope::FUNCTION}));
        return 0;
    });
}

// Ends it. text: a line "name calls nanoseconds" for each operator; inside: the nanoseconds within operators.
ST_EXPORT int32_t st_profile_stop(int64_t* inside, char** text) {
    return systemtorch::guarded([&] {
        at::removeCallback(handle);
        handle = 0;
        std::lock_guard<std::mutex> lock(mutex);
        std::ostringstream lines;
        for (const auto& [name, entry] : entries) lines << name << ' ' << entry.calls << ' ' << entry.own << '\n';
        *inside = outermost;
        *text = strdup(lines.str().c_str());
        return 0;
    });
}
