// Modules that hold modules or parameters: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict.
using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static Sequential Sequential() => new(Array.Empty<Module<Tensor, Tensor>>());
            public static Sequential Sequential(params (string name, Module<Tensor, Tensor> submodule)[] modules) => new(modules);
            public static Sequential Sequential(params Module<Tensor, Tensor>[] modules) => new(modules);
            public static Sequential Sequential(IEnumerable<(string name, Module<Tensor, Tensor> submodule)> modules) => new(modules.ToArray());
            public static Sequential Sequential(IEnumerable<Module<Tensor, Tensor>> modules) => new(modules.ToArray());
            public static ModuleList<Module> ModuleList(params Module[] modules) => new(modules);
            public static ModuleList<T> ModuleList<T>(params T[] modules) where T : Module => new(modules);
            public static ModuleDict<Module> ModuleDict(params (string, Module)[] modules) => ModuleDict<Module>(modules);
            public static ModuleDict<T> ModuleDict<T>(params (string, T)[] modules) where T : Module
            {
                var dict = new ModuleDict<T>();
                foreach (var m in modules) dict.Add(m);
                return dict;
            }
            public static ParameterList ParameterList(params Parameter[] parameters) => new(parameters);
            public static ParameterDict ParameterDict(params (string, Parameter)[] parameters)
            {
                var dict = new ParameterDict();
                foreach (var p in parameters) dict.Add(p);
                return dict;
            }
        }
    }
}

namespace TorchSharp.Modules
{
    public class Sequential : nn.Module<Tensor, Tensor>
    {
        protected internal Sequential(params (string name, nn.Module<Tensor, Tensor> submodule)[] modules) : base(nameof(Sequential))
        {
            foreach (var (label, m) in modules) register_module(label, m);
        }

        protected internal Sequential(params nn.Module<Tensor, Tensor>[] modules) : base(nameof(Sequential))
        {
            foreach (var m in modules) append(m);
        }

        public int Count => _internal_submodules.Count;

        public Sequential append(string name, nn.IModule<Tensor, Tensor> module)
        {
            register_module(name, (nn.Module)module);
            return this;
        }

        public Sequential append(nn.IModule<Tensor, Tensor> module) => append(Count.ToString(), module);

        [IndexerName("SequentialItems")]
        public nn.IModule<Tensor, Tensor> this[int index] => (nn.IModule<Tensor, Tensor>)_internal_submodules[index].Item2;

        [IndexerName("SequentialItems")]
        public Sequential this[(int? start, int? end) index]
            => new(_internal_submodules.Skip<(string, nn.Module)>(index.start ?? 0).Take((index.end ?? Count) - (index.start ?? 0)).Select(m => (m.Item1, (nn.Module<Tensor, Tensor>)m.Item2)).ToArray());

        public override Tensor forward(Tensor tensor)
        {
            if (Count == 0) return tensor.alias();
            var x = tensor;
            for (var k = 0; k < Count; k++)
            {
                var m = (nn.Module<Tensor, Tensor>)_internal_submodules[k].Item2;
                // The two in one pass over memory, as long as nobody watches what is between them.
                var together = k + 1 < Count && m is GroupNorm && _internal_submodules[k + 1].Item2 is SiLU silu && !m.HasHooks && !silu.HasHooks;
                var next = together ? ((GroupNorm)m).ForwardThenSilu(x) : m.call(x);
                if (together) k++;
                if (!ReferenceEquals(x, tensor) && !ReferenceEquals(x, next)) x.Dispose();
                x = next;
            }
            return x;
        }
    }

    public class ModuleList<T> : nn.Module, IList<T> where T : nn.Module
    {
        private readonly List<T> _list = [];

        public ModuleList(params T[] modules) : base(nameof(ModuleList<T>)) => extend(modules);

        public int Count => _list.Count;
        public bool IsReadOnly => false;

        public T this[int index]
        {
            get => _list[index];
            set { _list[index] = value; Renumber(); }
        }

        private void Renumber()
        {
            ClearModules();
            for (var k = 0; k < _list.Count; k++) register_module(k.ToString(), _list[k]);
        }

        protected override void RegisterComponents() { }

        public void Add(T item) { register_module(_list.Count.ToString(), item); _list.Add(item); }
        public void append(params T[] parameters) => extend(parameters);
        public void extend(IEnumerable<T> modules) { foreach (var m in modules) Add(m); }
        public void Insert(int index, T item) { _list.Insert(index, item); Renumber(); }
        public void RemoveAt(int index) { _list.RemoveAt(index); Renumber(); }
        public bool Remove(T item) { var gone = _list.Remove(item); if (gone) Renumber(); return gone; }
        public void Clear() { _list.Clear(); ClearModules(); }
        public bool Contains(T item) => _list.Contains(item);
        public int IndexOf(T item) => _list.IndexOf(item);
        public void CopyTo(T[] array, int arrayIndex) => _list.CopyTo(array, arrayIndex);
        public IEnumerator<T> GetEnumerator() => _list.GetEnumerator();
        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    public class ModuleDict<T> : nn.Module, IDictionary<string, T>, IList<(string, T)> where T : nn.Module
    {
        private readonly OrderedDict<string, T> _dict = new();

        public ModuleDict() : base(nameof(ModuleDict<T>)) { }

        public int Count => _dict.Count;
        public bool IsReadOnly => false;
        public ICollection<string> Keys => _dict.Keys;
        public ICollection<T> Values => _dict.Values;
        public IEnumerable<string> keys() => _dict.Keys;
        public IEnumerable<T> values() => _dict.Values;
        public IEnumerator<(string, T)> items() => _dict.items();

        public T this[string key]
        {
            get => _dict[key];
            set { _dict[key] = value; _internal_submodules.Remove(key); register_module(key, value); }
        }

        public (string, T) this[int index]
        {
            get => _dict[index];
            set { _dict[index] = value; Renew(); }
        }

        private void Renew()
        {
            ClearModules();
            foreach (var (key, m) in _dict) register_module(key, m);
        }

        protected override void RegisterComponents() { }

        public void Add(string key, T value) { register_module(key, value); _dict.Add(key, value); }
        public void Add((string, T) item) => Add(item.Item1, item.Item2);
        public void Add(KeyValuePair<string, T> item) => Add(item.Key, item.Value);
        public void Insert(int index, (string, T) item) { _dict.Insert(index, item); Renew(); }
        public void Clear() { _dict.Clear(); ClearModules(); }
        public void clear() => Clear();
        public bool ContainsKey(string key) => _dict.ContainsKey(key);
        public bool Contains((string, T) item) => _dict.Contains(item);
        public bool Contains(KeyValuePair<string, T> item) => _dict.Contains(item);
        public bool Remove(string key) { var gone = _dict.Remove(key); if (gone) Renew(); return gone; }
        public bool Remove((string, T) item) => _dict.Contains(item) && Remove(item.Item1);
        public bool Remove(KeyValuePair<string, T> item) => Remove((item.Key, item.Value));
        public void RemoveAt(int index) => Remove(_dict[index].Item1);
        public int IndexOf((string, T) item) => _dict.IndexOf(item);
        public bool TryGetValue(string key, [MaybeNullWhen(false)] out T value) => _dict.TryGetValue(key, out value);
        public void CopyTo((string, T)[] array, int arrayIndex) => _dict.CopyTo(array, arrayIndex);
        public void CopyTo(KeyValuePair<string, T>[] array, int arrayIndex) => _dict.CopyTo(array, arrayIndex);
        public IEnumerator<(string, T)> GetEnumerator() => _dict.GetEnumerator();
        IEnumerator<KeyValuePair<string, T>> IEnumerable<KeyValuePair<string, T>>.GetEnumerator() => ((IEnumerable<KeyValuePair<string, T>>)_dict).GetEnumerator();
        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    public class ParameterList : nn.Module, IList<Parameter>
    {
        private readonly List<Parameter> _list = [];

        public ParameterList(params Parameter[] parameters) : base(nameof(ParameterList)) => extend(parameters);

        public int Count => _list.Count;
        public bool IsReadOnly => false;
        public Parameter this[int index] { get => _list[index]; set { _list[index] = value; Renumber(); } }

        private void Renumber()
        {
            _internal_params.Clear();
            for (var k = 0; k < _list.Count; k++) register_parameter(k.ToString(), _list[k]);
        }

        protected override void RegisterComponents() { }

        public void Add(Parameter item) { register_parameter(_list.Count.ToString(), item); _list.Add(item); }
        public void append(params Parameter[] parameters) => extend(parameters);
        public void extend(IEnumerable<Parameter> parameters) { foreach (var p in parameters) Add(p); }
        public void Insert(int index, Parameter item) { _list.Insert(index, item); Renumber(); }
        public void RemoveAt(int index) { _list.RemoveAt(index); Renumber(); }
        public bool Remove(Parameter item) { var k = IndexOf(item); if (k >= 0) RemoveAt(k); return k >= 0; }
        public void Clear() { _list.Clear(); _internal_params.Clear(); }
        public bool Contains(Parameter item) => IndexOf(item) >= 0;
        public int IndexOf(Parameter item) => _list.FindIndex(p => ReferenceEquals(p, item));
        public void CopyTo(Parameter[] array, int arrayIndex) => _list.CopyTo(array, arrayIndex);
        public IEnumerator<Parameter> GetEnumerator() => _list.GetEnumerator();
        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    public class ParameterDict : nn.Module, IEnumerable<(string, Parameter)>
    {
        public ParameterDict() : base(nameof(ParameterDict)) { }

        public int Count => _internal_params.Count;
        public ICollection<string> Keys => _internal_params.Keys;
        public ICollection<Parameter> Values => _internal_params.Values.Select(p => p!).ToArray();
        public IEnumerable<string> keys() => Keys;
        public IEnumerable<Parameter> values() => Values;
        public Parameter this[string key] { get => _internal_params[key]!; set { _internal_params.Remove(key); register_parameter(key, value); } }
        protected override void RegisterComponents() { }
        public void Add(string key, Parameter value) => register_parameter(key, value);
        public void Add((string, Parameter) item) => Add(item.Item1, item.Item2);
        public bool ContainsKey(string key) => _internal_params.ContainsKey(key);
        public bool Remove(string key) => _internal_params.Remove(key);
        public void Clear() => _internal_params.Clear();
        public void clear() => Clear();
        public IEnumerator<(string, Parameter)> GetEnumerator() => _internal_params.Select<(string, Parameter?), (string, Parameter)>(p => (p.Item1, p.Item2!)).GetEnumerator();
        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
