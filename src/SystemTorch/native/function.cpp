// Custom autograd functions whose forward and backward are C# callbacks.
#include "values.h"

#include <torch/csrc/autograd/custom_function.h>

using namespace systemtorch;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

// The managed side: runs forward (backward = 0) or backward (1) for the function that state names. Inputs are owned by the callee;
// results are put in the sink with st_sink. A non-zero return is the number of a managed exception.
typedef int64_t (*Run)(int64_t state, int32_t backward, AutogradContext* context, c10::TensorImpl** inputs, int32_t count, variable_list* sink);
typedef void (*Drop)(int64_t state);
Run run_managed = nullptr;
Drop drop_managed = nullptr;

// Lives as long as the graph node; its end frees the managed function.
struct ManagedState : torch::CustomClassHolder {
    int64_t state;
    explicit ManagedState(int64_t s) : state(s) {}
    ~ManagedState() override { drop_managed(state); }
};

variable_list call_managed(int64_t state, int32_t backward, AutogradContext* context, at::TensorList inputs) {
    std::vector<c10::TensorImpl*> handles;
    handles.reserve(inputs.size());
    for (const auto& t : inputs) handles.push_back(own(at::Tensor(t)));
    variable_list sink;
    int64_t failed = run_managed(state, backward, context, handles.data(), static_cast<int32_t>(handles.size()), &sink);
    if (failed != 0) throw std::runtime_error("managed exception #" + std::to_string(failed) + "#");
    return sink;
}

struct ManagedFunction : torch::autograd::Function<ManagedFunction> {
    static variable_list forward(AutogradContext* context, at::TensorList inputs, c10::intrusive_ptr<ManagedState> holder) {
        context->saved_data["managed"] = c10::IValue::make_capsule(holder);
        return call_managed(holder->state, 0, context, inputs);
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        auto holder = c10::static_intrusive_pointer_cast<ManagedState>(context->saved_data["managed"].toCapsule());
        auto result = call_managed(holder->state, 1, context, gradients);
        result.push_back(at::Tensor());
        return result;
    }
};

}  // namespace

ST_EXPORT void st_sink(variable_list* sink, c10::TensorImpl* t) { sink->push_back(borrow(t)); }

ST_EXPORT int32_t st_function_setup(Run run, Drop drop) {
    run_managed = run;
    drop_managed = drop;
    return 0;
}

// Runs a custom function; out takes the owned results, at most capacity.
ST_EXPORT int32_t st_function_apply(int64_t state, c10::TensorImpl* const* inputs, int32_t count, c10::TensorImpl** out, int32_t capacity) {
    auto holder = c10::make_intrusive<ManagedState>(state);
    return guarded([&]() -> int32_t {
        variable_list list;
        for (int32_t k = 0; k < count; k++) list.push_back(borrow(inputs[k]));
        at::TensorList inputs_ref(list);  // a list by this type is what apply() looks into for variables
        auto results = ManagedFunction::apply(inputs_ref, holder);
        TORCH_CHECK(results.size() <= static_cast<size_t>(capacity), "a custom function returned ", results.size(), " tensors, more than ", capacity);
        for (size_t k = 0; k < results.size(); k++) out[k] = own(std::move(results[k]));
        return static_cast<int32_t>(results.size());
    });
}

// What: 0 save for backward, 1 mark as changed in place, 2 mark as not differentiable.
ST_EXPORT int32_t st_context_mark(AutogradContext* context, int32_t what, c10::TensorImpl* const* tensors, int32_t count) {
    return guarded([&] {
        variable_list list;
        for (int32_t k = 0; k < count; k++) list.push_back(borrow(tensors[k]));
        if (what == 0) context->save_for_backward(list);
        else if (what == 1) context->mark_dirty(list);
        else context->mark_non_differentiable(list);
        return 0;
    });
}

ST_EXPORT int32_t st_context_saved(AutogradContext* context, c10::TensorImpl** out, int32_t capacity) {
    return guarded([&]() -> int32_t {
        auto list = context->get_saved_variables();
        if (static_cast<size_t>(capacity) < list.size()) return static_cast<int32_t>(list.size());
        for (size_t k = 0; k < list.size(); k++) out[k] = own(std::move(list[k]));
        return static_cast<int32_t>(list.size());
    });
}

ST_EXPORT int32_t st_context_materialize(AutogradContext* context, int32_t on) {
    return guarded([&] { context->set_materialize_grads(on != 0); return 0; });
}
