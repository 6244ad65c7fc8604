// What crosses between C# and libtorch: tagged values, operator handles, and the guard that turns exceptions into a status.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/core/Generator.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#define ST_EXPORT extern "C" __attribute__((visibility("default")))

namespace systemtorch {

enum class Tag : int32_t { Default, None, Tensor, TensorList, Int, Double, Bool, IntList, DoubleList, BoolList, Complex, String, Device, Generator };
enum class Kind : uint8_t { Other, Float, IntList, FloatList, ScalarList, TensorList, OptionalTensorList };

struct Value {
    Tag tag;
    int32_t length;
    union { int64_t i; double d; void* p; c10::TensorImpl* tensor; } as;
    double imaginary;
};

struct Op {
    c10::OperatorHandle handle;
    std::vector<Kind> kinds;
    std::vector<int32_t> repeat;
    std::vector<uint8_t> has_default;
    std::vector<c10::IValue> defaults;
    explicit Op(c10::OperatorHandle h) : handle(h) {}
};

using OptionalTensor = decltype(std::declval<c10::IValue>().toOptional<at::Tensor>());

extern thread_local std::string last_error;

inline at::Tensor borrow(c10::TensorImpl* t) {
    if (!t) return at::Tensor();
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(t));
}

inline c10::TensorImpl* own(at::Tensor&& t) { return t.defined() ? t.unsafeReleaseTensorImpl() : nullptr; }

// Runs f; a C++ exception becomes -1 and ATen's message without its backtrace.
template <typename F> int32_t guarded(F&& f) noexcept {
    try { return f(); }
    catch (const c10::Error& e) { try { last_error = e.what_without_backtrace(); } catch (...) {} }
    catch (const std::exception& e) { try { last_error = e.what(); } catch (...) {} }
    catch (...) { try { last_error = "an unknown C++ exception"; } catch (...) {} }
    return -1;
}

}  // namespace systemtorch
