// A dictionary that keeps the order of insertion: TorchSharp.Utils.OrderedDict.
using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace TorchSharp.Utils;

public class OrderedDict<TKey, TValue> : IDictionary<TKey, TValue>, IList<(TKey, TValue)> where TKey : notnull
{
    private readonly List<TKey> _order = [];
    private readonly Dictionary<TKey, TValue> _map = [];

    public TValue this[TKey key]
    {
        get => _map[key];
        set { if (!_map.ContainsKey(key)) _order.Add(key); _map[key] = value; }
    }

    public (TKey, TValue) this[int index]
    {
        get => (_order[index], _map[_order[index]]);
        set { _map.Remove(_order[index]); _order[index] = value.Item1; _map[value.Item1] = value.Item2; }
    }

    public int Count => _order.Count;
    public bool IsReadOnly => false;
    public ICollection<TKey> Keys => _order.ToArray();
    public ICollection<TValue> Values => _order.Select(k => _map[k]).ToArray();
    public IEnumerable<TKey> keys() => Keys;
    public IEnumerable<TValue> values() => Values;
    public IEnumerator<(TKey, TValue)> items() => GetEnumerator();
    public IEnumerator<(TKey, TValue)> GetEnumerator() => _order.Select(k => (k, _map[k])).ToList().GetEnumerator();
    IEnumerator<KeyValuePair<TKey, TValue>> IEnumerable<KeyValuePair<TKey, TValue>>.GetEnumerator() => _order.Select(k => KeyValuePair.Create(k, _map[k])).ToList().GetEnumerator();
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Add(TKey key, TValue value) { _map.Add(key, value); _order.Add(key); }
    public void Add((TKey, TValue) item) => Add(item.Item1, item.Item2);
    public void Add(KeyValuePair<TKey, TValue> item) => Add(item.Key, item.Value);
    public void Insert(int index, (TKey, TValue) item) { _map.Add(item.Item1, item.Item2); _order.Insert(index, item.Item1); }
    public void Clear() { _map.Clear(); _order.Clear(); }
    public void clear() => Clear();
    public bool ContainsKey(TKey key) => _map.ContainsKey(key);
    public bool Contains((TKey, TValue) item) => _map.TryGetValue(item.Item1, out var v) && Equals(v, item.Item2);
    public bool Contains(KeyValuePair<TKey, TValue> item) => Contains((item.Key, item.Value));
    public bool Remove(TKey key) => _map.Remove(key) && _order.Remove(key);
    public bool Remove((TKey, TValue) item) => Contains(item) && Remove(item.Item1);
    public bool Remove(KeyValuePair<TKey, TValue> item) => Remove((item.Key, item.Value));
    public void RemoveAt(int index) => Remove(_order[index]);
    public int IndexOf((TKey, TValue) item) => Contains(item) ? _order.IndexOf(item.Item1) : -1;
    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value) => _map.TryGetValue(key, out value);
    public void CopyTo((TKey, TValue)[] array, int arrayIndex) => _order.Select(k => (k, _map[k])).ToArray().CopyTo(array, arrayIndex);
    public void CopyTo(KeyValuePair<TKey, TValue>[] array, int arrayIndex) => _order.Select(k => KeyValuePair.Create(k, _map[k])).ToArray().CopyTo(array, arrayIndex);
}

[AttributeUsage(AttributeTargets.Field)]
public sealed class ComponentNameAttribute : Attribute
{
    public string? Name { get; set; }
}
