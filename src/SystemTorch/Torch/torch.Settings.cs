// Names of dtypes and devices, seeds, threads, defaults, scopes.
namespace TorchSharp;

public static partial class torch
{
    public static readonly ScalarType uint8 = ScalarType.Byte;
    public static readonly ScalarType int8 = ScalarType.Int8;
    public static readonly ScalarType int16 = ScalarType.Int16;
    public static readonly ScalarType @short = ScalarType.Int16;
    public static readonly ScalarType int32 = ScalarType.Int32;
    public static readonly ScalarType @int = ScalarType.Int32;
    public static readonly ScalarType int64 = ScalarType.Int64;
    public static readonly ScalarType @long = ScalarType.Int64;
    public static readonly ScalarType half = ScalarType.Float16;
    public static readonly ScalarType float16 = ScalarType.Float16;
    public static readonly ScalarType bfloat16 = ScalarType.BFloat16;
    public static readonly ScalarType @float = ScalarType.Float32;
    public static readonly ScalarType float32 = ScalarType.Float32;
    public static readonly ScalarType @double = ScalarType.Float64;
    public static readonly ScalarType float64 = ScalarType.Float64;
    public static readonly ScalarType complex64 = ScalarType.ComplexFloat32;
    public static readonly ScalarType cfloat = ScalarType.ComplexFloat32;
    public static readonly ScalarType complex128 = ScalarType.ComplexFloat64;
    public static readonly ScalarType cdouble = ScalarType.ComplexFloat64;
    public static readonly ScalarType @bool = ScalarType.Bool;

    public static readonly Device CPU = new(DeviceType.CPU);
    public static readonly Device META = new(DeviceType.META);
    public static Device CUDA => new(DeviceType.CUDA);

    /// <summary>libtorch's version.</summary>
    public static unsafe string __version__ { get { Native.Check(Native.st_about(0, out var text)); return Native.TakeText(text); } }

    public static Device device(string description) => new(description);
    public static Device device(string deviceType, int index = -1) => new(deviceType, index);
    public static Device device(DeviceType deviceType, int index = -1) => new(deviceType, index);
    public static Device device(int index) => new(index);

    public static Device InitializeDevice(Device? device)
    {
        device ??= _defaultDevice ?? CPU;
        InitializeDeviceType(device.type);
        return device;
    }

    public static void InitializeDeviceType(DeviceType deviceType)
    {
        if (deviceType == DeviceType.CUDA && !cuda.is_available()) throw new InvalidOperationException("Torch device type CUDA is not available: this libtorch has no CUDA or sees no GPU");
    }

    public static bool TryInitializeDeviceType(DeviceType deviceType) => deviceType is DeviceType.CPU or DeviceType.META || deviceType == DeviceType.CUDA && cuda.is_available();

    public static bool cuda_is_available() => cuda.is_available();

    public static partial class cuda
    {
        public static bool is_available() => device_count() > 0;
        public static int device_count() => Native.st_cuda_count();
        public static void manual_seed(long seed) => torch.manual_seed(seed);
        public static void manual_seed_all(long seed) => torch.manual_seed(seed);
        public static void synchronize(Device? device = null) => Native.Check(Native.st_cuda_synchronize(device?.index ?? -1));
        public static bool is_cudnn_available() => is_available();
    }

    public static DisposeScope NewDisposeScope() => new(DisposeScopeManager.State);
    public static DisposeScope? CurrentDisposeScope => DisposeScopeManager.State.Current;

    public static Tensor WrappedTensorDisposeScope(Func<Tensor> expr)
    {
        using var scope = NewDisposeScope();
        return expr().MoveToOuterDisposeScope();
    }

    public static Generator manual_seed(long seed)
    {
        Native.st_manual_seed(seed);
        return Generator.Default;
    }

    public static long seed() { using var g = Generator.Default; var s = g.seed(); Native.st_manual_seed(s); return s; }
    public static long initial_seed() { using var g = Generator.Default; return g.initial_seed(); }
    public static Tensor get_rng_state() { using var g = Generator.Default; return g.get_state(); }
    public static void set_rng_state(Tensor new_state) { using var g = Generator.Default; g.set_state(new_state); }

    public static partial class random
    {
        public static Generator manual_seed(long seed) => torch.manual_seed(seed);
        public static long seed() => torch.seed();
        public static long initial_seed() => torch.initial_seed();
        public static Tensor get_rng_state() => torch.get_rng_state();
        public static void set_rng_state(Tensor new_state) => torch.set_rng_state(new_state);
    }

    public static int get_num_threads() => Native.st_threads();
    public static int get_num_interop_threads() => Native.st_interop_threads();
    public static void set_num_threads(int num) => Native.Check(Native.st_set_threads(num));
    public static void set_num_interop_threads(int num) => Native.Check(Native.st_set_interop_threads(num));

    public static ScalarType get_default_dtype() => (ScalarType)Native.st_get_default_dtype();
    public static void set_default_dtype(ScalarType dtype) => Native.Check(Native.st_set_default_dtype((int)dtype));
    public static Device get_default_device() => _defaultDevice ?? CPU;
    public static void set_default_device(Device device) => _defaultDevice = device.type == DeviceType.CPU ? null : device;
    public static void set_default_device(string device) => set_default_device(new Device(device));

    public static bool is_complex(ScalarType type) => type is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64;
    public static bool is_floating_point(ScalarType type) => type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;
    public static bool is_integral(ScalarType type) => type is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64 or ScalarType.Bool;
    public static bool is_complex(Tensor input) => input.is_complex();
    public static bool is_floating_point(Tensor input) => input.is_floating_point();
    public static bool is_integral(Tensor t) => t.is_integral();
    public static bool is_tensor(object obj) => obj is Tensor;
    public static long numel(Tensor input) => input.numel();
    public static ScalarType result_type(Tensor tensor1, Tensor tensor2) => (ScalarType)Aten.CallScalar("result_type.Tensor", tensor1, tensor2).AsLong;
    public static ScalarType promote_types(ScalarType type1, ScalarType type2) => (ScalarType)Aten.CallScalar("promote_types", type1, type2).AsLong;
    public static bool can_cast(ScalarType from, ScalarType to) => Aten.CallBool("can_cast", from, to);

    public static void _assert(bool condition, string message)
    {
        if (!condition) throw new InvalidOperationException(message);
    }

    public static void _assert(Func<bool> condition, string message) => _assert(condition(), message);
    public static void CheckForErrors() { }

    public static FInfo finfo() => finfo(get_default_dtype());

    public static FInfo finfo(ScalarType dtype) => dtype switch
    {
        ScalarType.Float32 or ScalarType.ComplexFloat32 => new FInfo { bits = 32, eps = 1.1920928955078125e-07, max = float.MaxValue, min = float.MinValue, tiny = 1.1754943508222875e-38, smallest_normal = 1.1754943508222875e-38, resolution = 1e-06 },
        ScalarType.Float64 or ScalarType.ComplexFloat64 => new FInfo { bits = 64, eps = 2.220446049250313e-16, max = double.MaxValue, min = double.MinValue, tiny = 2.2250738585072014e-308, smallest_normal = 2.2250738585072014e-308, resolution = 1e-15 },
        ScalarType.Float16 => new FInfo { bits = 16, eps = 0.0009765625, max = 65504, min = -65504, tiny = 6.103515625e-05, smallest_normal = 6.103515625e-05, resolution = 0.001 },
        ScalarType.BFloat16 => new FInfo { bits = 16, eps = 0.0078125, max = 3.3895313892515355e+38, min = -3.3895313892515355e+38, tiny = 1.1754943508222875e-38, smallest_normal = 1.1754943508222875e-38, resolution = 0.01 },
        _ => throw new ArgumentException($"finfo is for floating point types, not {dtype}"),
    };
}
