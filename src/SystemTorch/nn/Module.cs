// torch.nn.Module: parameters, buffers and submodules under their names; dtype and device; state.
using System.Reflection;
using TorchSharp.Modules;
using TorchSharp.Utils;

namespace TorchSharp
{
public static partial class torch
{
    public static partial class nn
    {
        public enum Reduction { None, Mean, Sum }
        public enum Activations { ReLU, GELU }

        public class Module : IDisposable
        {
            protected internal OrderedDict<string, (Tensor tensor, bool persistent)> _internal_buffers = new();
            protected internal OrderedDict<string, Module> _internal_submodules = new();
            protected internal OrderedDict<string, Parameter?> _internal_params = new();
            protected internal DeviceType _deviceType = DeviceType.CPU;
            protected internal int _deviceIndex = -1;
            public readonly string name;
            private bool _registered, _disposed;

            protected Module(string name)
            {
                this.name = name;
                if (_defaultDevice is { } d) { _deviceType = d.type; _deviceIndex = d.index; }
            }

            public bool training { get; private set; } = true;
            public virtual string GetName() => name;

            // ---- registration ----

            /// <summary>Registers the fields that hold modules, parameters and tensors (as buffers), by the fields' names.</summary>
            protected virtual void RegisterComponents()
            {
                if (_registered) return;
                _registered = true;
                foreach (var field in Fields(GetType()))
                {
                    var label = field.ComponentName();
                    switch (field.GetValue(this))
                    {
                        case Module m: if (!_internal_submodules.ContainsKey(label)) register_module(label, m); break;
                        case Parameter p: if (!_internal_params.ContainsKey(label)) register_parameter(label, p); break;
                        case Tensor t: if (!_internal_buffers.ContainsKey(label)) register_buffer(label, t); break;
                    }
                }
            }

            /// <summary>Instance fields in the order of declaration, a base class's first.</summary>
            private static IEnumerable<FieldInfo> Fields(Type type)
            {
                var chain = new Stack<Type>();
                for (var t = type; t is not null && t != typeof(Module); t = t.BaseType)
                    if (t.Assembly != typeof(Module).Assembly) chain.Push(t);
                foreach (var t in chain)
                    foreach (var f in t.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                        yield return f;
            }

            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
            {
                ArgumentNullException.ThrowIfNull(tensor);
                if (_internal_buffers.ContainsKey(name)) throw new ArgumentException($"Tensor {name} is already registered.", nameof(name));
                tensor.DetachFromDisposeScope();
                _internal_buffers.Add(name, (tensor, persistent));
            }

            public virtual void register_parameter(string name, Parameter param)
            {
                if (_internal_params.ContainsKey(name)) throw new ArgumentException($"Parameter {name} is already registered.", nameof(name));
                param?.DetachFromDisposeScope();
                _internal_params.Add(name, param);
            }

            public virtual void register_module(string name, Module submodule)
            {
                if (name.Contains('.')) throw new ArgumentException($"module name can't contain \".\", got: {name}");
                if (string.IsNullOrEmpty(name)) throw new ArgumentException("module name can't be empty string \"\"");
                if (submodule is null) { _internal_submodules.Remove(name); return; }
                if (_internal_submodules.ContainsKey(name)) throw new ArgumentException($"Sub-module {name} is already registered.", nameof(name));
                submodule.RegisterComponents();
                _internal_submodules.Add(name, submodule);
            }

            public void add_module(string name, Module module) => register_module(name, module);

            protected void ConditionallyRegisterParameter(string name, Tensor? value)
            {
                _internal_params.Remove(name);
                if (value is not null) register_parameter(name, value as Parameter ?? new Parameter(value));
            }

            protected void ConditionallyRegisterParameter(string name, Parameter? value) => ConditionallyRegisterParameter(name, (Tensor?)value);

            protected void ConditionallyRegisterBuffer(string name, Tensor? value, bool persistent = true)
            {
                _internal_buffers.Remove(name);
                if (value is not null) register_buffer(name, value, persistent);
            }

            protected void ClearModules() => _internal_submodules.clear();

            // ---- walking ----

            public virtual IEnumerable<(string name, Module module)> named_children() => _internal_submodules.Select<(string, Module), (string, Module)>(m => m);
            public virtual IEnumerable<Module> children() => _internal_submodules.Values;

            public virtual IEnumerable<(string name, Module module)> named_modules()
            {
                foreach (var (label, child) in named_children())
                {
                    yield return (label, child);
                    foreach (var (inner, module) in child.named_modules()) yield return ($"{label}.{inner}", module);
                }
            }

            public virtual IEnumerable<Module> modules() => named_modules().Select(m => m.module);

            private static HashSet<IntPtr> Seen() => [];

            public virtual IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
            {
                var seen = Seen();
                foreach (var (label, p) in _internal_params)
                    if (p is not null && seen.Add(p.Live)) yield return (label, p);
                if (!recurse) yield break;
                foreach (var (label, child) in named_children())
                    foreach (var (inner, p) in child.named_parameters(true))
                        if (seen.Add(p.Live)) yield return ($"{label}.{inner}", p);
            }

            public virtual IEnumerable<Parameter> parameters(bool recurse = true) => named_parameters(recurse).Select(p => p.parameter);

            public virtual IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
            {
                var seen = Seen();
                foreach (var (label, b) in _internal_buffers)
                    if ((include_nonpersistent || b.persistent) && seen.Add(b.tensor.Live)) yield return (label, b.tensor);
                if (!recurse) yield break;
                foreach (var (label, child) in named_children())
                    foreach (var (inner, b) in child.named_buffers(true, include_nonpersistent))
                        if (seen.Add(b.Live)) yield return ($"{label}.{inner}", b);
            }

            public virtual IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) => named_buffers(recurse, include_nonpersistent).Select(b => b.buffer);

            public virtual bool has_parameter(string target) => _internal_params.ContainsKey(target) || named_parameters().Any(p => p.name == target);
            public virtual Parameter? get_parameter(string target) => _internal_params.TryGetValue(target, out var own) ? own : named_parameters().FirstOrDefault(p => p.name == target).parameter;
            public virtual bool has_buffer(string target) => _internal_buffers.ContainsKey(target) || named_buffers().Any(b => b.name == target);
            public virtual Tensor? get_buffer(string target) => _internal_buffers.TryGetValue(target, out var own) ? own.tensor : named_buffers().FirstOrDefault(b => b.name == target).buffer;

            public virtual Module apply(Action<Module> fn)
            {
                foreach (var child in children()) child.apply(fn);
                fn(this);
                return this;
            }

            // ---- modes ----

            public virtual void train(bool train = true)
            {
                training = train;
                foreach (var child in children()) child.train(train);
            }

            public virtual void eval() => train(false);

            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var p in parameters())
                {
                    if (set_to_none) { p.grad = null; continue; }
                    using var g = p.grad;
                    if (g is null) continue;
                    using var cut = g.detach();
                    cut.zero_();
                }
            }

            // ---- dtype and device ----

            protected internal virtual Module _to(Device device, ScalarType dtype, bool non_blocking) => Move(dtype, InitializeDevice(device), non_blocking);
            protected internal virtual Module _to(DeviceType deviceType, int deviceIndex, bool non_blocking) => Move(null, InitializeDevice(new Device(deviceType, deviceIndex)), non_blocking);
            protected internal virtual Module _to(ScalarType dtype, bool non_blocking) => Move(dtype, null, non_blocking);

            private Module Move(ScalarType? dtype, Device? device, bool non_blocking)
            {
                _toEpilog(dtype, device, non_blocking);
                foreach (var child in children()) child.Move(dtype, device, non_blocking);
                if (device is not null) { _deviceType = device.type; _deviceIndex = device.index; }
                return this;
            }

            /// <summary>Changes the values of parameters and buffers in place (the objects stay the same); whole numbers keep their dtype.</summary>
            protected virtual void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
            {
                using var quiet = no_grad();
                foreach (var (_, p) in _internal_params)
                {
                    if (p is null) continue;
                    Replace(p, dtype, device, non_blocking);
                    using var g = p.grad;
                    if (g is null) continue;
                    using var moved = Moved(g, dtype, device, non_blocking);
                    p.grad = moved;
                }
                foreach (var (_, b) in _internal_buffers) Replace(b.tensor, dtype, device, non_blocking);
            }

            private static Tensor Moved(Tensor t, ScalarType? dtype, Device? device, bool non_blocking)
            {
                var type = dtype is { } d && (t.is_floating_point() || t.is_complex()) ? d : t.dtype;
                var moved = t.to(type, device ?? t.device, non_blocking: non_blocking);
                return ReferenceEquals(moved, t) ? t.alias() : moved;
            }

            private static void Replace(Tensor t, ScalarType? dtype, Device? device, bool non_blocking)
            {
                using var moved = Moved(t, dtype, device, non_blocking);
                if (moved.dtype == t.dtype && moved.device_type == t.device_type && moved.device_index == t.device_index) return;
                t.SetData(moved);
            }

            // ---- state ----

            public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
            {
                destination ??= [];
                string Label(string label) => string.IsNullOrEmpty(prefix) ? label : $"{prefix}.{label}";
                foreach (var (label, p) in _internal_params) if (p is not null) destination.TryAdd(Label(label), p);
                foreach (var (label, b) in _internal_buffers) if (b.persistent) destination.TryAdd(Label(label), b.tensor);
                foreach (var (label, child) in named_children()) child.state_dict(destination, Label(label));
                return destination;
            }

            /// <summary>Copies the values of a state into this module's parameters and buffers.</summary>
            /// <returns>The names that the state lacks, and those that the module lacks.</returns>
            public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
            {
                var mine = state_dict();
                skip ??= [];
                var missing = mine.Keys.Where(k => !source.ContainsKey(k) && !skip.Contains(k)).ToList();
                var unexpected = source.Keys.Where(k => !mine.ContainsKey(k) && !skip.Contains(k)).ToList();
                if (strict && (missing.Count > 0 || unexpected.Count > 0))
                    throw new InvalidOperationException($"The loaded state_dict is not identical to the target dictionary: missing [{string.Join(", ", missing.Take(8))}], unexpected [{string.Join(", ", unexpected.Take(8))}].");
                using var quiet = no_grad();
                foreach (var (key, value) in source)
                {
                    if (!mine.TryGetValue(key, out var target) || skip.Contains(key)) continue;
                    if (!target.shape.AsSpan().SequenceEqual(value.shape))
                        throw new ArgumentException($"state '{key}' has shape [{string.Join(", ", value.shape)}], the module wants [{string.Join(", ", target.shape)}]");
                    target.copy_(value);
                }
                return (missing, unexpected);
            }

            // ---- end ----

            ~Module() => Dispose(false);

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            protected virtual void Dispose(bool disposing)
            {
                if (!disposing || _disposed) return;
                _disposed = true;
                foreach (var child in children()) child.Dispose();
                foreach (var (_, p) in _internal_params) p?.Dispose();
                foreach (var (_, b) in _internal_buffers) b.tensor.Dispose();
            }

            /// <summary>The device and dtype that new parameters take when a constructor is not told.</summary>
            protected static (Device device, ScalarType dtype) GetDefaultDeviceAndType(Device? device = null, ScalarType? dtype = null)
                => (device ?? get_default_device(), dtype ?? get_default_dtype());
        }

        /// <summary>A module whose calls can be watched and changed by hooks.</summary>
        public class HookableModule<TPreHook, TPostHook> : Module where TPreHook : Delegate where TPostHook : Delegate
        {
            protected internal Dictionary<string, TPreHook> pre_hooks = [];
            protected internal Dictionary<string, TPostHook> post_hooks = [];

            protected HookableModule(string name) : base(name) { }

            internal bool HasHooks => pre_hooks.Count > 0 || post_hooks.Count > 0;

            public HookRemover register_forward_hook(TPostHook hook)
            {
                var key = Guid.NewGuid().ToString();
                post_hooks.Add(key, hook);
                return new HookRemover(this, key);
            }

            public HookRemover register_forward_pre_hook(TPreHook hook)
            {
                var key = Guid.NewGuid().ToString();
                pre_hooks.Add(key, hook);
                return new HookRemover(this, key);
            }

            public class HookRemover(HookableModule<TPreHook, TPostHook> module, string key)
            {
                public void remove()
                {
                    module.pre_hooks.Remove(key);
                    module.post_hooks.Remove(key);
                }
            }
        }

        public interface IModule<T, TResult>
        {
            TResult call(T input1);
        }

        public abstract class Module<T, TResult> : HookableModule<Func<Module<T, TResult>, T, T>, Func<Module<T, TResult>, T, TResult, TResult>>, IModule<T, TResult>
        {
            protected Module(string name) : base(name) { }

            public abstract TResult forward(T input);

            public TResult call(T input)
            {
                foreach (var hook in pre_hooks.Values) if (hook(this, input) is { } changed) input = changed;
                var result = forward(input);
                foreach (var hook in post_hooks.Values) if (hook(this, input, result) is { } changed) result = changed;
                return result;
            }
        }

        public interface IModule<T1, T2, TResult>
        {
            TResult call(T1 input1, T2 input2);
        }

        public abstract class Module<T1, T2, TResult> : HookableModule<Func<Module<T1, T2, TResult>, T1, T2, (T1, T2)?>, Func<Module<T1, T2, TResult>, T1, T2, TResult, TResult>>, IModule<T1, T2, TResult>
        {
            protected Module(string name) : base(name) { }

            public abstract TResult forward(T1 input1, T2 input2);

            public TResult call(T1 input1, T2 input2)
            {
                foreach (var hook in pre_hooks.Values) if (hook(this, input1, input2) is { } changed) (input1, input2) = changed;
                var result = forward(input1, input2);
                foreach (var hook in post_hooks.Values) if (hook(this, input1, input2, result) is { } changed) result = changed;
                return result;
            }
        }

        public interface IModule<T1, T2, T3, TResult>
        {
            TResult call(T1 input1, T2 input2, T3 input3);
        }

        public abstract class Module<T1, T2, T3, TResult> : HookableModule<Func<Module<T1, T2, T3, TResult>, T1, T2, T3, (T1, T2, T3)?>, Func<Module<T1, T2, T3, TResult>, T1, T2, T3, TResult, TResult>>, IModule<T1, T2, T3, TResult>
        {
            protected Module(string name) : base(name) { }

            public abstract TResult forward(T1 input1, T2 input2, T3 input3);

            public TResult call(T1 input1, T2 input2, T3 input3)
            {
                foreach (var hook in pre_hooks.Values) if (hook(this, input1, input2, input3) is { } changed) (input1, input2, input3) = changed;
                var result = forward(input1, input2, input3);
                foreach (var hook in post_hooks.Values) if (hook(this, input1, input2, input3, result) is { } changed) result = changed;
                return result;
            }
        }

        public interface IModule<T1, T2, T3, T4, TResult>
        {
            TResult call(T1 input1, T2 input2, T3 input3, T4 input4);
        }

        public abstract class Module<T1, T2, T3, T4, TResult> : HookableModule<Func<Module<T1, T2, T3, T4, TResult>, T1, T2, T3, T4, (T1, T2, T3, T4)?>, Func<Module<T1, T2, T3, T4, TResult>, T1, T2, T3, T4, TResult, TResult>>, IModule<T1, T2, T3, T4, TResult>
        {
            protected Module(string name) : base(name) { }

            public abstract TResult forward(T1 input1, T2 input2, T3 input3, T4 input4);

            public TResult call(T1 input1, T2 input2, T3 input3, T4 input4)
            {
                foreach (var hook in pre_hooks.Values) if (hook(this, input1, input2, input3, input4) is { } changed) (input1, input2, input3, input4) = changed;
                var result = forward(input1, input2, input3, input4);
                foreach (var hook in post_hooks.Values) if (hook(this, input1, input2, input3, input4, result) is { } changed) result = changed;
                return result;
            }
        }

        public interface IModule<T1, T2, T3, T4, T5, TResult>
        {
            TResult call(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5);
        }

        public abstract class Module<T1, T2, T3, T4, T5, TResult> : HookableModule<Func<Module<T1, T2, T3, T4, T5, TResult>, T1, T2, T3, T4, T5, (T1, T2, T3, T4, T5)?>, Func<Module<T1, T2, T3, T4, T5, TResult>, T1, T2, T3, T4, T5, TResult, TResult>>, IModule<T1, T2, T3, T4, T5, TResult>
        {
            protected Module(string name) : base(name) { }

            public abstract TResult forward(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5);

            public TResult call(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5)
            {
                foreach (var hook in pre_hooks.Values) if (hook(this, input1, input2, input3, input4, input5) is { } changed) (input1, input2, input3, input4, input5) = changed;
                var result = forward(input1, input2, input3, input4, input5);
                foreach (var hook in post_hooks.Values) if (hook(this, input1, input2, input3, input4, input5, result) is { } changed) result = changed;
                return result;
            }
        }

        public interface IModule<T1, T2, T3, T4, T5, T6, TResult>
        {
            TResult call(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6);
        }

        public abstract class Module<T1, T2, T3, T4, T5, T6, TResult> : HookableModule<Func<Module<T1, T2, T3, T4, T5, T6, TResult>, T1, T2, T3, T4, T5, T6, (T1, T2, T3, T4, T5, T6)?>, Func<Module<T1, T2, T3, T4, T5, T6, TResult>, T1, T2, T3, T4, T5, T6, TResult, TResult>>, IModule<T1, T2, T3, T4, T5, T6, TResult>
        {
            protected Module(string name) : base(name) { }

            public abstract TResult forward(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6);

            public TResult call(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6)
            {
                foreach (var hook in pre_hooks.Values) if (hook(this, input1, input2, input3, input4, input5, input6) is { } changed) (input1, input2, input3, input4, input5, input6) = changed;
                var result = forward(input1, input2, input3, input4, input5, input6);
                foreach (var hook in post_hooks.Values) if (hook(this, input1, input2, input3, input4, input5, input6, result) is { } changed) result = changed;
                return result;
            }
        }

    }

    public partial class Tensor
    {
        /// <summary>Makes this tensor hold other data (another dtype or device) while it stays the same object for graphs and optimizers.</summary>
        internal void SetData(Tensor data)
        {
            Native.Check(Native.st_set_data(Live, data.Live));
            GC.KeepAlive(this);
            GC.KeepAlive(data);
        }
    }
}

    public static class FieldInfoExtensionMethods
    {
        public static string ComponentName(this FieldInfo field) => field.GetCustomAttribute<ComponentNameAttribute>()?.Name ?? field.Name;
    }
}
