// Calls ATen operators by name: Aten.Call("add.Tensor", a, b, alpha). The dispatcher's schema gives types and defaults.
using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>One argument of an operator: a managed reference (kept alive during the call) or a plain value.</summary>
internal readonly struct Arg
{
    internal readonly object? Ref;
    internal readonly long Bits;
    internal readonly double Imaginary;
    internal readonly Tag Tag;

    private Arg(Tag tag, object? reference = null, long bits = 0, double imaginary = 0) { Tag = tag; Ref = reference; Bits = bits; Imaginary = imaginary; }

    /// <summary>No value where the schema has an optional one.</summary>
    internal static Arg None => new(Tag.None);

    /// <summary>The schema's default.</summary>
    internal static Arg Default => default;

    public static implicit operator Arg(Tensor? t) => t is null ? None : new(Tag.Tensor, t);
    public static implicit operator Arg(Modules.Parameter? t) => t is null ? None : new(Tag.Tensor, t);
    public static implicit operator Arg(Tensor?[]? list) => list is null ? None : new(Tag.TensorList, list);
    public static implicit operator Arg(Scalar? s) => s is null ? None : new(s.Kind, null, s.Bits, s.Imaginary);
    public static implicit operator Arg(long v) => new(Tag.Int, null, v);
    public static implicit operator Arg(int v) => new(Tag.Int, null, v);
    public static implicit operator Arg(double v) => new(Tag.Double, null, BitConverter.DoubleToInt64Bits(v));
    public static implicit operator Arg(bool v) => new(Tag.Bool, null, v ? 1 : 0);
    public static implicit operator Arg(long? v) => v is { } x ? x : None;
    public static implicit operator Arg(int? v) => v is { } x ? x : None;
    public static implicit operator Arg(double? v) => v is { } x ? x : None;
    public static implicit operator Arg(bool? v) => v is { } x ? x : None;
    public static implicit operator Arg(long[]? v) => v is null ? None : new(Tag.IntList, v);
    public static implicit operator Arg(ReadOnlySpan<long> v) => new(Tag.IntList, v.ToArray());
    public static implicit operator Arg((long, long) v) => new(Tag.IntList, new[] { v.Item1, v.Item2 });
    public static implicit operator Arg((long, long, long) v) => new(Tag.IntList, new[] { v.Item1, v.Item2, v.Item3 });
    public static implicit operator Arg((long, long)? v) => v is { } x ? x : None;
    public static implicit operator Arg((long, long, long)? v) => v is { } x ? x : None;
    public static implicit operator Arg(double[]? v) => v is null ? None : new(Tag.DoubleList, v);
    public static implicit operator Arg(bool[]? v) => v is null ? None : new(Tag.BoolList, v);
    public static implicit operator Arg(string? v) => v is null ? None : new(Tag.String, v);
    public static implicit operator Arg(ScalarType v) => new(Tag.Int, null, (long)v);
    public static implicit operator Arg(ScalarType? v) => v is { } x ? x : None;
    public static implicit operator Arg(Device? v) => v is null ? None : new(Tag.Device, null, ((long)v.type << 32) | (uint)v.index);
    public static implicit operator Arg(Generator? v) => v is null ? None : new(Tag.Generator, v);
}

/// <summary>An operator of the dispatcher, found once.</summary>
internal sealed class Operator
{
    private static readonly ConcurrentDictionary<string, Operator> Known = new();

    internal readonly IntPtr Handle;

    private Operator(string name)
    {
        var dot = name.IndexOf('.');
        var status = Native.st_find(dot < 0 ? name : name[..dot], dot < 0 ? "" : name[(dot + 1)..], out Handle);
        if (status < 0) throw new NotSupportedException($"This libtorch has no operator aten::{name}: {Native.Error().Message.Split('\n')[0]}");
    }

    internal static Operator Named(string name) => Known.TryGetValue(name, out var op) ? op : Known.GetOrAdd(name, static n => new Operator(n));

    internal static bool Exists(string name)
    {
        try { Named(name); return true; }
        catch (NotSupportedException) { return false; }
    }

    internal unsafe string Schema { get { Native.Check(Native.st_schema(Handle, out var text)); return Native.TakeText(text); } }
}

internal static unsafe class Aten
{
    private const int MaximumResults = 8;

    /// <summary>Calls an operator that returns one tensor.</summary>
    internal static Tensor Call(string name, params ReadOnlySpan<Arg> args) => Call(Operator.Named(name), args);

    [SkipLocalsInit]
    internal static Tensor Call(Operator op, params ReadOnlySpan<Arg> args)
    {
        var results = stackalloc Value[MaximumResults];
        Invoke(op, args, results);
        return Tensor.Own((IntPtr)results[0].Bits)!;
    }

    /// <summary>Calls an in-place operator and returns the tensor it changed.</summary>
    [SkipLocalsInit]
    internal static Tensor Self(string name, Tensor self, params ReadOnlySpan<Arg> rest)
    {
        var results = stackalloc Value[MaximumResults];
        var n = Invoke(Operator.Named(name), rest, results, self);
        for (var k = 0; k < n; k++) Drop(results[k]);
        return self;
    }

    internal static (Tensor, Tensor) Call2(string name, params ReadOnlySpan<Arg> args)
    {
        var r = CallAll(name, args);
        return (r[0]!, r[1]!);
    }

    internal static (Tensor, Tensor, Tensor) Call3(string name, params ReadOnlySpan<Arg> args)
    {
        var r = CallAll(name, args);
        return (r[0]!, r[1]!, r[2]!);
    }

    /// <summary>Calls an operator that returns several tensors, some perhaps undefined (null).</summary>
    internal static Tensor?[] CallAll(string name, params ReadOnlySpan<Arg> args)
    {
        var results = stackalloc Value[MaximumResults];
        var n = Invoke(Operator.Named(name), args, results);
        var tensors = new Tensor?[n];
        for (var k = 0; k < n; k++) tensors[k] = Tensor.Own((IntPtr)results[k].Bits);
        return tensors;
    }

    /// <summary>Calls an operator that returns a list of tensors.</summary>
    internal static Tensor[] CallList(string name, params ReadOnlySpan<Arg> args)
    {
        var results = stackalloc Value[MaximumResults];
        Invoke(Operator.Named(name), args, results);
        var list = (IntPtr*)results[0].Bits;
        var tensors = new Tensor[results[0].Length];
        for (var k = 0; k < tensors.Length; k++) tensors[k] = Tensor.Own(list[k])!;
        Native.st_free(list);
        return tensors;
    }

    /// <summary>Calls an operator that returns a number or a truth value.</summary>
    internal static Scalar CallScalar(string name, params ReadOnlySpan<Arg> args)
    {
        var results = stackalloc Value[MaximumResults];
        Invoke(Operator.Named(name), args, results);
        return new Scalar(results[0].Tag, results[0].Bits, results[0].Imaginary);
    }

    internal static bool CallBool(string name, params ReadOnlySpan<Arg> args) => CallScalar(name, args).Bits != 0;

    private static void Drop(in Value v)
    {
        if (v.Tag == Tag.Tensor) Native.st_release((IntPtr)v.Bits);
        else if (v.Tag == Tag.TensorList)
        {
            for (var k = 0; k < v.Length; k++) Native.st_release(((IntPtr*)v.Bits)[k]);
            Native.st_free((void*)v.Bits);
        }
    }

    [SkipLocalsInit]
    private static int Invoke(Operator op, ReadOnlySpan<Arg> args, Value* results, Tensor? self = null)
    {
        const int scratchSize = 512;
        var scratch = stackalloc byte[scratchSize];
        var values = stackalloc Value[args.Length + 1];
        var used = 0;
        var first = 0;
        List<IntPtr>? rented = null;
        try
        {
            if (self is not null) { values[0].Tag = Tag.Tensor; values[0].Bits = self.Live; first = 1; }
            for (var k = 0; k < args.Length; k++)
            {
                ref readonly var a = ref args[k];
                var v = values + first + k;
                v->Tag = a.Tag;
                v->Length = 0;
                v->Bits = a.Bits;
                v->Imaginary = a.Imaginary;
                if (a.Ref is null) continue;
                if (a.Tag == Tag.Tensor) v->Bits = Unsafe.As<Tensor>(a.Ref).Live;
                else if (a.Tag == Tag.Generator) v->Bits = Unsafe.As<Generator>(a.Ref).Handle;
                else Spread(a, v, scratch, ref used, scratchSize, ref rented);
            }
            var n = Native.st_call(op.Handle, values, first + args.Length, results, MaximumResults);
            GC.KeepAlive(self);
            if (n < 0) throw Native.Error();
            MemoryPressure.Look();
            return n;
        }
        finally
        {
            if (rented is not null) foreach (var p in rented) NativeMemory.Free((void*)p);
        }
    }

    /// <summary>Lays a list or a text out in native memory for the time of the call.</summary>
    private static void Spread(in Arg a, Value* v, byte* scratch, ref int used, int size, ref List<IntPtr>? rented)
    {
        switch (a.Ref)
        {
            case long[] list:
                v->Length = list.Length;
                list.CopyTo(new Span<long>(Take(list.Length * 8, v, scratch, ref used, size, ref rented), list.Length));
                break;
            case double[] list:
                v->Length = list.Length;
                list.CopyTo(new Span<double>(Take(list.Length * 8, v, scratch, ref used, size, ref rented), list.Length));
                break;
            case bool[] list:
                v->Length = list.Length;
                list.CopyTo(new Span<bool>(Take(list.Length, v, scratch, ref used, size, ref rented), list.Length));
                break;
            case Tensor?[] list:
                v->Length = list.Length;
                var p = (long*)Take(list.Length * 8, v, scratch, ref used, size, ref rented);
                for (var k = 0; k < list.Length; k++) p[k] = list[k]?.Live ?? 0;
                break;
            case string text:
                v->Length = Encoding.UTF8.GetByteCount(text);
                Encoding.UTF8.GetBytes(text, new Span<byte>(Take(v->Length, v, scratch, ref used, size, ref rented), v->Length));
                break;
            default: throw new NotSupportedException($"an argument of type {a.Ref!.GetType()}");
        }
    }

    private static void* Take(int bytes, Value* v, byte* scratch, ref int used, int size, ref List<IntPtr>? rented)
    {
        void* p;
        var start = (used + 7) & ~7;
        if (start + bytes <= size) { p = scratch + start; used = start + bytes; }
        else { p = NativeMemory.Alloc((nuint)bytes); (rented ??= []).Add((IntPtr)p); }
        v->Bits = (long)p;
        return p;
    }
}
