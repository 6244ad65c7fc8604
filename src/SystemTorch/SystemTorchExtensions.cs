// What SystemTorch offers beyond TorchSharp; the one file of public members that TorchSharp does not have.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>Facts about the native engine: its version and build, its threads, the memory of its tensors.</summary>
public static unsafe class SystemTorchInfo
{
    private static string About(int what)
    {
        Native.Check(Native.st_about(what, out var text));
        return Native.TakeText(text);
    }

    /// <summary>libtorch's version, for example "1.13.0" or "2.10.0".</summary>
    public static string Version => About(0);

    /// <summary>How libtorch computes in parallel: threads, OpenMP, MKL, oneDNN (at::get_parallel_info).</summary>
    public static string ParallelInfo => About(1);

    /// <summary>How libtorch was built: compiler, BLAS, LAPACK, CPU capability, CUDA (at::show_config).</summary>
    public static string BuildConfiguration => About(2);

    /// <summary>The file of the native library that is loaded.</summary>
    public static string NativeLibrary => Loaded("libsystemtorch.so") ?? "not loaded";

    /// <summary>The file of libtorch that is loaded.</summary>
    public static string LibTorch => Loaded("libtorch_cpu.so") ?? "not loaded";

    /// <summary>The BLAS library that is loaded, for example "libopenblasp-openmp-r0.3.21.so"; null when libtorch has its own inside.</summary>
    public static string? Blas => Loaded("libopenblas") ?? Loaded("libblis") ?? Loaded("libmkl_rt") ?? Loaded("libblas.so");

    /// <summary>The OpenMP runtimes that are loaded; more than one means two pools of threads in one process.</summary>
    public static IReadOnlyList<string> OpenMP => new[] { "libgomp", "libomp", "libiomp" }.Select(Loaded).Where(p => p is not null).Select(p => p!).ToList();

    private static string? Loaded(string name)
    {
        _ = Native.st_threads();
        return File.ReadLines("/proc/self/maps").Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(f => f.Length >= 6 && Path.GetFileName(f[5]).StartsWith(name, StringComparison.Ordinal)).Select(f => f[5]).FirstOrDefault();
    }

    /// <summary>Whether this libtorch has CUDA and sees a GPU.</summary>
    public static bool HasCuda => Native.st_cuda_count() > 0;

    /// <summary>Tensors alive in this process.</summary>
    public static long LiveTensors => Tensor.TotalCount;

    /// <summary>Bytes of CPU storage alive in this process, those of libtorch's graphs included.</summary>
    public static long LiveBytes => Native.st_memory(0);

    /// <summary>The most bytes of CPU storage that were alive at once since the start or the last reset.</summary>
    public static long PeakBytes => Native.st_memory(1);

    /// <summary>Lets PeakBytes count from what is alive now.</summary>
    public static void ResetPeakBytes() => Native.st_memory(2);

    /// <summary>Runs work and tells where its time went, operator by operator, as libtorch itself records what it runs.</summary>
    /// <exception cref="ExternalException">Another profile is being recorded.</exception>
    public static OperatorProfile Profile(Action work)
    {
        Native.Check(Native.st_profile_start());
        var begun = Stopwatch.GetTimestamp();
        TimeSpan whole;
        string text;
        long inside;
        try { work(); }
        finally
        {
            whole = Stopwatch.GetElapsedTime(begun);
            Native.Check(Native.st_profile_stop(out inside, out var lines));
            text = Native.TakeText(lines);
        }
        var operators = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' '))
            .Select(f => new OperatorTime(f[0], long.Parse(f[1], CultureInfo.InvariantCulture), new(long.Parse(f[2], CultureInfo.InvariantCulture) / 100)))
            .OrderByDescending(o => o.Own).ToList();
        return new(whole, new(inside / 100), operators);
    }

    /// <summary>The first element of a tensor on the CPU; valid while the tensor lives.</summary>
    public static IntPtr DataPointer(this Tensor tensor) => tensor.DataPointer;

    /// <summary>The schema of an operator, for example of "add.Tensor", as libtorch prints it.</summary>
    /// <exception cref="NotSupportedException">This libtorch has no such operator.</exception>
    public static string OperatorSchema(string name) => Operator.Named(name).Schema;

    /// <summary>Whether this libtorch has an operator.</summary>
    public static bool HasOperator(string name) => Operator.Exists(name);
}

/// <summary>An operator in a profile.</summary>
/// <param name="Name">As libtorch calls it: "aten::bmm", or "systemtorch::gelu" for the shim's own.</param>
/// <param name="Calls">How often it ran.</param>
/// <param name="Own">Time in it, without that of operators that it called.</param>
public sealed record OperatorTime(string Name, long Calls, TimeSpan Own);

/// <summary>Where the time of a piece of work went.</summary>
/// <param name="Whole">From begin to end on the clock.</param>
/// <param name="Inside">The part within operators; the rest is the caller's and autograd's.</param>
/// <param name="Operators">The operators, the longest first.</param>
public sealed record OperatorProfile(TimeSpan Whole, TimeSpan Inside, IReadOnlyList<OperatorTime> Operators);
