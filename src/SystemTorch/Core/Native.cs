// The door to libsystemtorch.so (native/): the functions, where the library is looked for, and errors as exceptions.
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp;

internal enum Tag { Default, None, Tensor, TensorList, Int, Double, Bool, IntList, DoubleList, BoolList, Complex, String, Device, Generator }

/// <summary>A tagged value as the native side reads and writes it (native/values.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Value
{
    public Tag Tag;
    public int Length;
    public long Bits;
    public double Imaginary;
}

internal static unsafe partial class Native
{
    private const string Library = "systemtorch";

    [ModuleInitializer]
    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(Native).Assembly, Resolve);

    /// <summary>Looks for the native library: SYSTEMTORCH_NATIVE, beside the assembly, then artifacts/native of the repository above it.</summary>
    private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library) return IntPtr.Zero;
        WaitBriefly();
        var reasons = new List<string>();
        foreach (var candidate in Candidates(assembly).Select(Path.GetFullPath).Distinct())
        {
            if (!File.Exists(candidate)) continue;
            try { return NativeLibrary.Load(candidate); }
            catch (DllNotFoundException e) { reasons.Add(e.Message.Split('\n').FirstOrDefault(l => l.StartsWith(candidate, StringComparison.Ordinal)) ?? $"{candidate}: {e.Message.Split('\n')[0]}"); }
        }
        throw new DllNotFoundException("The tensor engine's native library libsystemtorch.so " +
            (reasons.Count > 0 ? "could not be loaded: " + string.Join("; ", reasons) : "was not found") +
            ". Run environment/setup.sh, which installs libtorch and builds it, or name its file with SYSTEMTORCH_NATIVE.");
    }

    /// <summary>
    /// Has OpenMP's threads sleep after some microseconds of waiting for each other, unless the user has chosen otherwise: where other programs
    /// use the cores too, threads that spin keep each other from the work that they wait for. OpenMP reads this once, when it is loaded.
    /// </summary>
    private static void WaitBriefly()
    {
        foreach (var variable in new[] { "OMP_WAIT_POLICY", "GOMP_SPINCOUNT" })
            if (Environment.GetEnvironmentVariable(variable) is not null) return;
        setenv("GOMP_SPINCOUNT", "1000", 0);  // .NET's own SetEnvironmentVariable does not reach C libraries.
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)] private static partial int setenv(string name, string value, int overwrite);

    private static IEnumerable<string> Candidates(Assembly assembly)
    {
        const string file = "libsystemtorch.so";
        var named = Environment.GetEnvironmentVariable("SYSTEMTORCH_NATIVE");
        if (!string.IsNullOrEmpty(named)) { yield return named; yield return Path.Combine(named, file); }
        var starts = new[] { Path.GetDirectoryName(assembly.Location), AppContext.BaseDirectory, Environment.CurrentDirectory };
        foreach (var start in starts)
        {
            if (string.IsNullOrEmpty(start)) continue;
            yield return Path.Combine(start, file);
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                if (folder.Name == "artifacts") yield return Path.Combine(folder.FullName, "native", file);
                yield return Path.Combine(folder.FullName, "artifacts", "native", file);
            }
        }
    }

    [LibraryImport(Library)] internal static partial byte* st_error();
    [LibraryImport(Library)] internal static partial void st_free(void* p);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int st_find(string name, string overload, out IntPtr op);
    [LibraryImport(Library)] internal static partial int st_schema(IntPtr op, out byte* text);
    [LibraryImport(Library)] internal static partial int st_call(IntPtr op, Value* args, int count, Value* results, int capacity);
    [LibraryImport(Library)] internal static partial void st_release(IntPtr tensor);
    [LibraryImport(Library)] internal static partial IntPtr st_alias(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int st_dim(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int st_dtype(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial long st_numel(IntPtr tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int st_device(IntPtr tensor, int* index);
    [LibraryImport(Library)] internal static partial int st_sizes(IntPtr tensor, long* sizes);
    [LibraryImport(Library)] internal static partial int st_strides(IntPtr tensor, long* strides);
    [LibraryImport(Library)] internal static partial int st_storage(IntPtr tensor, out IntPtr start, out long bytes, out long offset);
    [LibraryImport(Library)] internal static partial int st_data(IntPtr tensor, out IntPtr data);
    [LibraryImport(Library)] internal static partial int st_is(IntPtr tensor, int what);
    [LibraryImport(Library)] internal static partial int st_from_blob(void* data, long* sizes, int dim, int dtype, delegate* unmanaged<IntPtr, void> release, IntPtr state, out IntPtr tensor);
    [LibraryImport(Library)] internal static partial int st_set_data(IntPtr tensor, IntPtr data);
    [LibraryImport(Library)] internal static partial int st_set_requires_grad(IntPtr tensor, int on);
    [LibraryImport(Library)] internal static partial int st_grad_of(IntPtr tensor, out IntPtr grad);
    [LibraryImport(Library)] internal static partial int st_set_grad(IntPtr tensor, IntPtr grad);
    [LibraryImport(Library)] internal static partial int st_retain_grad(IntPtr tensor);
    [LibraryImport(Library)] internal static partial int st_backward(IntPtr* tensors, int n, IntPtr* grads, int gradsCount, int retain, int create, IntPtr* inputs, int inputsCount);
    [LibraryImport(Library)] internal static partial int st_grad(IntPtr* outputs, int n, IntPtr* inputs, int inputsCount, IntPtr* grads, int gradsCount, int retain, int create, int allowUnused, IntPtr* results);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int st_grad_enabled();
    [LibraryImport(Library), SuppressGCTransition] internal static partial void st_set_grad_enabled(int on);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int st_inference_enabled();
    [LibraryImport(Library)] internal static partial IntPtr st_inference_enter(int on);
    [LibraryImport(Library)] internal static partial void st_inference_leave(IntPtr guard);
    [LibraryImport(Library)] internal static partial void st_manual_seed(long seed);
    [LibraryImport(Library)] internal static partial int st_generator(int deviceType, int deviceIndex, int fresh, out IntPtr generator);
    [LibraryImport(Library)] internal static partial void st_generator_release(IntPtr generator);
    [LibraryImport(Library)] internal static partial int st_generator_seed(IntPtr generator, int set, ref long seed);
    [LibraryImport(Library)] internal static partial int st_generator_state(IntPtr generator, IntPtr set, out IntPtr get);
    [LibraryImport(Library)] internal static partial int st_threads();
    [LibraryImport(Library)] internal static partial int st_interop_threads();
    [LibraryImport(Library)] internal static partial int st_set_threads(int n);
    [LibraryImport(Library)] internal static partial int st_set_interop_threads(int n);
    [LibraryImport(Library)] internal static partial int st_cuda_count();
    [LibraryImport(Library)] internal static partial int st_cuda_synchronize(int index);
    [LibraryImport(Library)] internal static partial int st_get_default_dtype();
    [LibraryImport(Library)] internal static partial int st_set_default_dtype(int dtype);
    [LibraryImport(Library)] internal static partial void st_sink(IntPtr sink, IntPtr tensor);
    [LibraryImport(Library)] internal static partial int st_function_setup(delegate* unmanaged<long, int, IntPtr, IntPtr*, int, IntPtr, long> run, delegate* unmanaged<long, void> drop);
    [LibraryImport(Library)] internal static partial int st_function_apply(long state, IntPtr* inputs, int count, IntPtr* results, int capacity);
    [LibraryImport(Library)] internal static partial int st_context_mark(IntPtr context, int what, IntPtr* tensors, int count);
    [LibraryImport(Library)] internal static partial int st_context_saved(IntPtr context, IntPtr* results, int capacity);
    [LibraryImport(Library)] internal static partial int st_context_materialize(IntPtr context, int on);
    [LibraryImport(Library)] internal static partial long* st_live_bytes();
    [LibraryImport(Library)] internal static partial long st_memory(int what);
    [LibraryImport(Library)] internal static partial int st_attention_ready();
    [LibraryImport(Library)] internal static partial int st_attention(IntPtr query, IntPtr key, IntPtr value, IntPtr mask, double scale, out IntPtr result);
    [LibraryImport(Library)] internal static partial int st_group_norm(IntPtr input, IntPtr weight, IntPtr bias, long groups, double eps, int silu, out IntPtr result);
    [LibraryImport(Library)] internal static partial int st_adam(IntPtr parameter, IntPtr gradient, IntPtr mean, IntPtr square, IntPtr most, int maximize, double keep, double penalty, double beta1, double beta2, double epsilon, double root, double rate);
    [LibraryImport(Library)] internal static partial int st_convolution(IntPtr input, IntPtr weight, IntPtr bias, long padY, long padX, out IntPtr result);
    [LibraryImport(Library)] internal static partial int st_gelu(IntPtr tensor, out IntPtr result);
    [LibraryImport(Library)] internal static partial int st_silu_over(IntPtr tensor);
    [LibraryImport(Library)] internal static partial int st_about(int what, out byte* text);
    [LibraryImport(Library)] internal static partial int st_profile_start();
    [LibraryImport(Library)] internal static partial int st_profile_stop(out long inside, out byte* text);

    /// <summary>Throws libtorch's last error on this thread when the status is negative.</summary>
    internal static int Check(int status)
    {
        if (status < 0) throw Error();
        return status;
    }

    internal static Exception Error()
    {
        var message = Marshal.PtrToStringUTF8((IntPtr)st_error()) ?? "libtorch failed without a message";
        torch.autograd.FunctionCalls.Rethrow(message);
        return new ExternalException(message);
    }

    internal static string TakeText(byte* text)
    {
        var s = Marshal.PtrToStringUTF8((IntPtr)text) ?? "";
        st_free(text);
        return s;
    }
}
