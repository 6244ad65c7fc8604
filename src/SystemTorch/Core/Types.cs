// Enumerations and small types of TorchSharp's API; the numbers of ScalarType and DeviceType are c10's.
using static TorchSharp.torch;

namespace TorchSharp;

public enum DeviceType { CPU = 0, CUDA = 1, MKLDNN = 2, OPENGL = 3, OPENCL = 4, IDEEP = 5, HIP = 6, FPGA = 7, MSNPU = 8, XLA = 9, MPS = 13, META = 14 }
public enum PaddingModes { Zeros = 0, Reflect = 1, Replicate = 2, Circular = 3, Constant = 4 }
public enum Padding { Valid = 0, Same = 1 }
public enum Reduce { prod, mean, amax, amin }
public enum EmbeddingBagMode { Sum = 0, Mean = 1, Max = 2 }
public enum FFTNormType { Backward = 0, Forward = 1, Ortho = 2 }
public enum TensorStringStyle { Metadata, Julia, Numpy, CSharp, Default }
public enum layout { strided, sparse_coo }
public enum memory_format { preserve_format, contiguous_format, channels_last }
public enum indexing { xy, ij }
public enum compute_mode { use_mm_for_euclid_dist_if_necessary, use_mm_for_euclid_dist, donot_use_mm_for_euclid_dist }

public static partial class torch
{
    public enum ScalarType : sbyte
    {
        Byte = 0, Int8 = 1, Int16 = 2, Int32 = 3, Int64 = 4, Float16 = 5, Float32 = 6, Float64 = 7,
        ComplexFloat32 = 9, ComplexFloat64 = 10, Bool = 11, BFloat16 = 15,
    }

    public enum RoundingMode { None, trunc, floor }
    public enum InterpolationMode { Nearest = 0, Linear = 1, Bilinear = 2, Bicubic = 3, Trilinear = 4, Area = 5, NearestExact = 6 }
    public enum UpsampleMode { Nearest = 0, Linear = 1, Bilinear = 2, Bicubic = 3, Trilinear = 4 }
    public enum GridSampleMode { Nearest = 0, Bilinear = 1 }
    public enum GridSamplePaddingMode { Zeros = 0, Reflection = 1, Border = 2 }

    public struct FInfo
    {
        public int bits;
        public double eps;
        public double max;
        public double min;
        public double tiny;
        public double smallest_normal;
        public double resolution;
    }

    /// <summary>Where a tensor lies: "cpu", "cuda", "cuda:1", "meta".</summary>
    public sealed class Device
    {
        public DeviceType type { get; }
        public int index { get; } = -1;

        public Device(string description)
        {
            var parts = description.Split(':');
            var at = -1;
            if (parts.Length > 2 || parts.Length == 2 && (!int.TryParse(parts[1], out at) || at < 0))
                throw new ArgumentException($"Invalid device description: '{description}'; expected for example cpu, cuda or cuda:0");
            type = Parse(parts[0]);
            index = type == DeviceType.CUDA && at < 0 ? 0 : at;
        }

        public Device(string deviceType, int index = -1) : this(Parse(deviceType), index) { }

        public Device(DeviceType deviceType, int index = -1)
        {
            type = deviceType;
            this.index = deviceType == DeviceType.CUDA && index < 0 ? 0 : index;
        }

        public Device(int index) : this(DeviceType.CUDA, index) { }

        private static DeviceType Parse(string name) =>
            Enum.TryParse<DeviceType>(name, ignoreCase: true, out var t) && !char.IsDigit(name[0])
                ? t : throw new ArgumentException($"Invalid device description: '{name}'; expected for example cpu, cuda or cuda:0");

        public static implicit operator Device(string description) => new(description);

        public override string ToString() => index < 0 || type == DeviceType.CPU ? type.ToString().ToLowerInvariant() : $"{type.ToString().ToLowerInvariant()}:{index}";
    }
}
