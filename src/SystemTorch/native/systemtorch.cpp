// The native half of SystemTorch: finds any ATen operator by name and calls it boxed through the c10 dispatcher.
// Every function returns a status (negative: failed, the message is in st_error) and lets no C++ exception out.
// A tensor handle is an owned TensorImpl*; null is the undefined tensor.
#include "values.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <ATen/Version.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/version.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

using torch::autograd::variable_list;

namespace systemtorch {

thread_local std::string last_error;

std::unique_ptr<Op> find_operator(const char* name, const char* overload) {
    std::string full = std::string("aten::") + name;
    auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(full.c_str(), overload);
    auto op = std::make_unique<Op>(handle);
    for (const auto& a : handle.schema().arguments()) {
        Kind kind = Kind::Other;
        c10::TypePtr type = a.type();
        if (type->kind() == c10::TypeKind::OptionalType) type = type->castRaw<c10::OptionalType>()->getElementType();
        if (type->kind() == c10::TypeKind::FloatType) kind = Kind::Float;
        else if (type->kind() == c10::TypeKind::ListType) {
            auto element = type->castRaw<c10::ListType>()->getElementType()->kind();
            kind = element == c10::TypeKind::OptionalType ? Kind::OptionalTensorList
                 : element == c10::TypeKind::NumberType ? Kind::ScalarList
                 : element == c10::TypeKind::FloatType ? Kind::FloatList
                 : element == c10::TypeKind::TensorType ? Kind::TensorList : Kind::IntList;
        }
        op->kinds.push_back(kind);
        op->repeat.push_back(a.N() ? *a.N() : 0);
        op->has_default.push_back(a.default_value() ? 1 : 0);
        op->defaults.push_back(a.default_value() ? *a.default_value() : c10::IValue());
    }
    return op;
}

c10::IValue to_ivalue(const Value& v, Kind kind, int32_t repeat) {
    switch (v.tag) {
        case Tag::None: return c10::IValue();
        case Tag::Tensor: return c10::IValue(borrow(v.as.tensor));
        case Tag::Int:
            if (kind == Kind::Float) return c10::IValue(static_cast<double>(v.as.i));
            if (kind == Kind::IntList) return c10::IValue(std::vector<int64_t>(repeat > 0 ? repeat : 1, v.as.i));
            return c10::IValue(v.as.i);
        case Tag::Double:
            if (kind == Kind::FloatList) return c10::IValue(std::vector<double>(repeat > 0 ? repeat : 1, v.as.d));
            return c10::IValue(v.as.d);
        case Tag::Bool: return c10::IValue(v.as.i != 0);
        case Tag::Complex: return c10::IValue(c10::complex<double>(v.as.d, v.imaginary));
        case Tag::String: return c10::IValue(std::string(static_cast<const char*>(v.as.p), v.length));
        case Tag::Device:
            return c10::IValue(c10::Device(static_cast<c10::DeviceType>(v.as.i >> 32), static_cast<c10::DeviceIndex>(static_cast<int32_t>(v.as.i))));
        case Tag::Generator: return c10::IValue(at::Generator(c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(static_cast<c10::GeneratorImpl*>(v.as.p))));
        case Tag::IntList: {
            auto p = static_cast<const int64_t*>(v.as.p);
            return c10::IValue(at::ArrayRef<int64_t>(p, v.length));
        }
        case Tag::DoubleList: {
            auto p = static_cast<const double*>(v.as.p);
            if (kind == Kind::ScalarList) {
                c10::List<at::Scalar> list;
                for (int32_t k = 0; k < v.length; k++) list.push_back(at::Scalar(p[k]));
                return c10::IValue(std::move(list));
            }
            return c10::IValue(at::ArrayRef<double>(p, v.length));
        }
        case Tag::BoolList: {
            c10::List<bool> list;
            for (int32_t k = 0; k < v.length; k++) list.push_back(static_cast<const uint8_t*>(v.as.p)[k] != 0);
            return c10::IValue(std::move(list));
        }
        case Tag::TensorList: {
            auto p = static_cast<c10::TensorImpl* const*>(v.as.p);
            if (kind == Kind::OptionalTensorList) {
                c10::List<OptionalTensor> list;
                for (int32_t k = 0; k < v.length; k++) list.push_back(p[k] ? OptionalTensor(borrow(p[k])) : OptionalTensor());
                return c10::IValue(std::move(list));
            }
            c10::List<at::Tensor> list;
            list.reserve(v.length);
            for (int32_t k = 0; k < v.length; k++) list.push_back(borrow(p[k]));
            return c10::IValue(std::move(list));
        }
        default: TORCH_CHECK(false, "no value of kind ", static_cast<int32_t>(v.tag));
    }
}

Value from_ivalue(c10::IValue&& v) {
    Value out{Tag::None, 0, {0}, 0};
    if (v.isTensor()) { out.tag = Tag::Tensor; out.as.tensor = own(std::move(v).toTensor()); }
    else if (v.isInt()) { out.tag = Tag::Int; out.as.i = v.toInt(); }
    else if (v.isDouble()) { out.tag = Tag::Double; out.as.d = v.toDouble(); }
    else if (v.isBool()) { out.tag = Tag::Bool; out.as.i = v.toBool(); }
    else if (v.isComplexDouble()) { out.tag = Tag::Complex; out.as.d = v.toComplexDouble().real(); out.imaginary = v.toComplexDouble().imag(); }
    else if (v.isTensorList()) {
        auto list = v.toTensorVector();
        auto p = static_cast<c10::TensorImpl**>(malloc(sizeof(void*) * (list.size() + 1)));
        for (size_t k = 0; k < list.size(); k++) p[k] = own(std::move(list[k]));
        out.tag = Tag::TensorList; out.length = static_cast<int32_t>(list.size()); out.as.p = p;
    }
    else if (v.isIntList()) {
        auto list = v.toIntVector();
        auto p = static_cast<int64_t*>(malloc(sizeof(int64_t) * (list.size() + 1)));
        std::copy(list.begin(), list.end(), p);
        out.tag = Tag::IntList; out.length = static_cast<int32_t>(list.size()); out.as.p = p;
    }
    else TORCH_CHECK(v.isNone(), "an operator returned ", v.tagKind(), ", which has no counterpart in C#");
    return out;
}

variable_list to_list(c10::TensorImpl* const* p, int32_t n) {
    variable_list list;
    list.reserve(n);
    for (int32_t k = 0; k < n; k++) list.push_back(borrow(p[k]));
    return list;
}

}  // namespace systemtorch

using namespace systemtorch;

ST_EXPORT const char* st_error() { return last_error.c_str(); }

ST_EXPORT void st_free(void* p) { free(p); }

ST_EXPORT int32_t st_find(const char* name, const char* overload, Op** out) {
    return guarded([&] { *out = find_operator(name, overload).release(); return 0; });
}

ST_EXPORT int32_t st_schema(const Op* op, char** text) {
    return guarded([&] { std::ostringstream s; s << op->handle.schema(); *text = strdup(s.str().c_str()); return 0; });
}

// Calls an operator. Arguments that are left out at the end, or tagged Default, take the schema's default.
// Returns the number of results written to out.
ST_EXPORT int32_t st_call(const Op* op, const Value* args, int32_t count, Value* out, int32_t capacity) {
    return guarded([&]() -> int32_t {
        static thread_local std::vector<c10::IValue> spare;
        auto stack = std::move(spare);
        stack.clear();
        const size_t wanted = op->kinds.size();
        TORCH_CHECK(static_cast<size_t>(count) <= wanted, op->handle.schema().name(), " takes ", wanted, " arguments, ", count, " were given");
        for (size_t k = 0; k < wanted; k++) {
            if (k < static_cast<size_t>(count) && args[k].tag != Tag::Default) stack.push_back(to_ivalue(args[k], op->kinds[k], op->repeat[k]));
            else {
                TORCH_CHECK(op->has_default[k], op->handle.schema().name(), " needs an argument '", op->handle.schema().arguments()[k].name(), "'");
                stack.push_back(op->defaults[k]);
            }
        }
        op->handle.callBoxed(&stack);
        TORCH_CHECK(stack.size() <= static_cast<size_t>(capacity), "too many results: ", stack.size());
        int32_t n = static_cast<int32_t>(stack.size());
        for (int32_t k = 0; k < n; k++) out[k] = from_ivalue(std::move(stack[k]));
        stack.clear();
        spare = std::move(stack);
        return n;
    });
}

// ---- handles and facts of a tensor -------------------------------------------------------------------------------

ST_EXPORT void st_release(c10::TensorImpl* t) {
    if (t) guarded([&] { c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(t); return 0; });
}

ST_EXPORT c10::TensorImpl* st_alias(c10::TensorImpl* t) { return own(borrow(t)); }

ST_EXPORT int32_t st_dim(c10::TensorImpl* t) { return static_cast<int32_t>(t->dim()); }
ST_EXPORT int32_t st_dtype(c10::TensorImpl* t) { return static_cast<int32_t>(c10::typeMetaToScalarType(t->dtype())); }
ST_EXPORT int64_t st_numel(c10::TensorImpl* t) { return t->numel(); }
ST_EXPORT int32_t st_device(c10::TensorImpl* t, int32_t* index) {
    c10::Device d = t->device();
    *index = d.index();
    return static_cast<int32_t>(d.type());
}

ST_EXPORT int32_t st_sizes(c10::TensorImpl* t, int64_t* sizes) {
    return guarded([&] { auto s = borrow(t).sizes(); std::copy(s.begin(), s.end(), sizes); return 0; });
}

ST_EXPORT int32_t st_strides(c10::TensorImpl* t, int64_t* strides) {
    return guarded([&] { auto s = borrow(t).strides(); std::copy(s.begin(), s.end(), strides); return 0; });
}

ST_EXPORT int32_t st_storage(c10::TensorImpl* t, void** start, int64_t* bytes, int64_t* offset) {
    return guarded([&] {
        at::Tensor x = borrow(t);
        *start = const_cast<void*>(static_cast<const void*>(x.storage().data()));
        *bytes = static_cast<int64_t>(x.storage().nbytes());
        *offset = x.storage_offset();
        return 0;
    });
}

ST_EXPORT int32_t st_data(c10::TensorImpl* t, void** data) {
    return guarded([&] { *data = borrow(t).data_ptr(); return 0; });
}

// What: 0 is_contiguous, 1 requires_grad, 2 is_leaf, 3 is_inference, 4 is_pinned, 5 channels-last contiguous, 6 has grad_fn, 7 is_sparse.
ST_EXPORT int32_t st_is(c10::TensorImpl* t, int32_t what) {
    return guarded([&]() -> int32_t {
        at::Tensor x = borrow(t);
        switch (what) {
            case 0: return x.is_contiguous();
            case 1: return x.requires_grad();
            case 2: return x.is_leaf();
            case 3: return x.is_inference();
            case 4: return x.is_pinned();
            case 5: return x.is_contiguous(at::MemoryFormat::ChannelsLast);
            case 6: return x.grad_fn() != nullptr;
            default: return x.is_sparse();
        }
    });
}

// Wraps memory that the caller owns; release(state) is called when the last view of it is gone.
ST_EXPORT int32_t st_from_blob(void* data, const int64_t* sizes, int32_t dim, int32_t dtype, void (*release)(void*), void* state, c10::TensorImpl** out) {
    return guarded([&] {
        auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype));
        *out = own(at::from_blob(data, at::IntArrayRef(sizes, dim), [release, state](void*) { if (release) release(state); }, options));
        return 0;
    });
}

// The tensor takes the data, dtype and device of another and stays the same object.
ST_EXPORT int32_t st_set_data(c10::TensorImpl* t, c10::TensorImpl* data) {
    return guarded([&] { borrow(t).set_data(borrow(data)); return 0; });
}

// ---- autograd ----------------------------------------------------------------------------------------------------

ST_EXPORT int32_t st_set_requires_grad(c10::TensorImpl* t, int32_t on) {
    return guarded([&] { borrow(t).set_requires_grad(on != 0); return 0; });
}

ST_EXPORT int32_t st_grad_of(c10::TensorImpl* t, c10::TensorImpl** out) {
    return guarded([&] { *out = own(at::Tensor(borrow(t).grad())); return 0; });
}

ST_EXPORT int32_t st_set_grad(c10::TensorImpl* t, c10::TensorImpl* grad) {
    return guarded([&] { borrow(t).mutable_grad() = borrow(grad); return 0; });
}

ST_EXPORT int32_t st_retain_grad(c10::TensorImpl* t) {
    return guarded([&] { borrow(t).retain_grad(); return 0; });
}

ST_EXPORT int32_t st_backward(c10::TensorImpl* const* tensors, int32_t n, c10::TensorImpl* const* grads, int32_t grads_n, int32_t retain, int32_t create,
                              c10::TensorImpl* const* inputs, int32_t inputs_n) {
    return guarded([&] {
        torch::autograd::backward(to_list(tensors, n), to_list(grads, grads_n), retain != 0, create != 0, to_list(inputs, inputs_n));
        return 0;
    });
}

ST_EXPORT int32_t st_grad(c10::TensorImpl* const* outputs, int32_t n, c10::TensorImpl* const* inputs, int32_t inputs_n, c10::TensorImpl* const* grads,
                          int32_t grads_n, int32_t retain, int32_t create, int32_t allow_unused, c10::TensorImpl** out) {
    return guarded([&] {
        auto result = torch::autograd::grad(to_list(outputs, n), to_list(inputs, inputs_n), to_list(grads, grads_n), retain != 0, create != 0, allow_unused != 0);
        for (size_t k = 0; k < result.size(); k++) out[k] = own(std::move(result[k]));
        return 0;
    });
}

ST_EXPORT int32_t st_grad_enabled() { return c10::GradMode::is_enabled(); }
ST_EXPORT void st_set_grad_enabled(int32_t on) { c10::GradMode::set_enabled(on != 0); }
ST_EXPORT int32_t st_inference_enabled() { return c10::InferenceMode::is_enabled(); }
ST_EXPORT void* st_inference_enter(int32_t on) { return new c10::InferenceMode(on != 0); }
ST_EXPORT void st_inference_leave(void* guard) { delete static_cast<c10::InferenceMode*>(guard); }

// ---- generators --------------------------------------------------------------------------------------------------

ST_EXPORT void st_manual_seed(int64_t seed) { guarded([&] { at::manual_seed(static_cast<uint64_t>(seed)); return 0; }); }

ST_EXPORT int32_t st_generator(int32_t device_type, int32_t device_index, int32_t fresh, c10::GeneratorImpl** out) {
    return guarded([&] {
        c10::Device device(static_cast<c10::DeviceType>(device_type), static_cast<c10::DeviceIndex>(device_index));
        at::Generator g = at::globalContext().defaultGenerator(device);
        if (fresh) { g = g.clone(); g.set_current_seed(c10::detail::getNonDeterministicRandom()); }
        c10::raw::intrusive_ptr::incref(g.unsafeGetGeneratorImpl());
        *out = g.unsafeGetGeneratorImpl();
        return 0;
    });
}

static at::Generator generator(c10::GeneratorImpl* g) { return at::Generator(c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(g)); }

ST_EXPORT void st_generator_release(c10::GeneratorImpl* g) { c10::intrusive_ptr<c10::GeneratorImpl>::reclaim(g); }

ST_EXPORT int32_t st_generator_seed(c10::GeneratorImpl* g, int32_t set, int64_t* seed) {
    return guarded([&] {
        at::Generator x = generator(g);
        std::lock_guard<std::mutex> lock(x.mutex());
        if (set) x.set_current_seed(static_cast<uint64_t>(*seed)); else *seed = static_cast<int64_t>(x.current_seed());
        return 0;
    });
}

ST_EXPORT int32_t st_generator_state(c10::GeneratorImpl* g, c10::TensorImpl* set, c10::TensorImpl** get) {
    return guarded([&] {
        at::Generator x = generator(g);
        std::lock_guard<std::mutex> lock(x.mutex());
        if (set) x.set_state(borrow(set)); else *get = own(x.get_state());
        return 0;
    });
}

// ---- the library -------------------------------------------------------------------------------------------------

#ifdef __GLIBC__
// By default glibc maps every large block anew and unmaps it when it is freed; the page faults of a tensor of some MB can
// cost as much as the convolution that fills it. Blocks up to 256 MB stay in the heap, which gives back what it has beyond that.
__attribute__((constructor)) static void keep_pages() {
    if (getenv("MALLOC_MMAP_THRESHOLD_") || getenv("GLIBC_TUNABLES")) return;
    mallopt(M_MMAP_THRESHOLD, 256 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
}
#endif

ST_EXPORT int32_t st_threads() { return at::get_num_threads(); }
ST_EXPORT int32_t st_interop_threads() { return at::get_num_interop_threads(); }
ST_EXPORT int32_t st_set_threads(int32_t n) { return guarded([&] { at::set_num_threads(n); return 0; }); }
ST_EXPORT int32_t st_set_interop_threads(int32_t n) { return guarded([&] { at::set_num_interop_threads(n); return 0; }); }
ST_EXPORT int32_t st_cuda_count() {
    int32_t n = guarded([&]() -> int32_t {
        return c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA) ? static_cast<int32_t>(c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount()) : 0;
    });
    return n < 0 ? 0 : n;
}
ST_EXPORT int32_t st_cuda_synchronize(int32_t index) {
    return guarded([&] { at::detail::getCUDAHooks().deviceSynchronize(static_cast<c10::DeviceIndex>(index < 0 ? 0 : index)); return 0; });
}
ST_EXPORT int32_t st_get_default_dtype() { return static_cast<int32_t>(c10::typeMetaToScalarType(c10::get_default_dtype())); }
ST_EXPORT int32_t st_set_default_dtype(int32_t dtype) {
    return guarded([&] { c10::set_default_dtype(c10::scalarTypeToTypeMeta(static_cast<at::ScalarType>(dtype))); return 0; });
}

// What: 0 libtorch's version, 1 parallel info, 2 build configuration.
ST_EXPORT int32_t st_about(int32_t what, char** text) {
    return guarded([&] {
        std::string s = what == 0 ? std::string(TORCH_VERSION) : what == 1 ? at::get_parallel_info() : at::show_config();
        *text = strdup(s.c_str());
        return 0;
    });
}
