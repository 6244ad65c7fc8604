// The part of HDF5's C API that reads datasets. GDAL is passed by here: it knows no half-precision complex numbers.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>An open HDF5 file. Every call holds one lock, for the library may be built without threads.</summary>
internal sealed unsafe partial class Hdf5File : IDisposable
{
    private static readonly Lock Gate = new();
    private static readonly Lazy<(long Float, long Double, long CString)> NativeTypes = new(Initialise);

    private readonly string path;
    private long file;

    /// <exception cref="RasterException">It is no HDF5 file, or damaged.</exception>
    public Hdf5File(string path)
    {
        this.path = path;
        _ = NativeTypes.Value;
        lock (Gate)
        {
            file = H5Fopen(path, 0, 0);
            if (file < 0)
                throw new RasterException(path, $"cannot be opened as HDF5: {Reason()}");
        }
    }

    /// <summary>Whether there is an object at a path.</summary>
    public bool Has(string name)
    {
        lock (Gate)
        {
            // Every group on the way must be there, or HDF5 calls it an error.
            for (var at = name.IndexOf('/', 1); at > 0; at = name.IndexOf('/', at + 1))
            {
                if (H5Lexists(file, name[..at], 0) <= 0)
                    return false;
            }
            return H5Lexists(file, name, 0) > 0;
        }
    }

    /// <summary>Names in a group, in order; empty when there is no such group.</summary>
    public List<string> Names(string group)
    {
        var names = new List<string>();
        if (group != "/" && !Has(group))
            return names;
        lock (Gate)
        {
            var handle = H5Oopen(file, group, 0);
            if (handle < 0)
                return names;
            for (ulong i = 0; i < 10000; i++)
            {
                var length = (long)H5Lget_name_by_idx(handle, ".", 0, 0, i, null, 0, 0);
                if (length <= 0)
                    break;
                var bytes = new byte[length + 1];
                fixed (byte* buffer = bytes)
                    _ = H5Lget_name_by_idx(handle, ".", 0, 0, i, buffer, (nuint)bytes.Length, 0);
                names.Add(System.Text.Encoding.UTF8.GetString(bytes, 0, (int)length));
            }
            _ = H5Oclose(handle);
        }
        return names;
    }

    /// <summary>The text of a scalar dataset, or of the first value of an array; null when it is absent or no text.</summary>
    public string? Text(string name) => Texts(name).FirstOrDefault();

    /// <summary>The texts of a dataset; empty when it is absent or holds none.</summary>
    public List<string> Texts(string name)
    {
        if (!Has(name))
            return [];
        lock (Gate)
        {
            var dataset = H5Dopen2(file, name, 0);
            if (dataset < 0)
                return [];
            long type = H5Dget_type(dataset), space = H5Dget_space(dataset);
            try
            {
                const int stringClass = 3;
                var count = H5Sget_simple_extent_npoints(space);
                var size = (long)H5Tget_size(type);
                if (H5Tget_class(type) != stringClass || count is < 1 or > 10000 || size is < 1 or > 1 << 20)
                    return [];
                return H5Tis_variable_str(type) > 0 ? VariableTexts(dataset, type, space, (int)count) : FixedTexts(dataset, type, (int)count, (int)size);
            }
            finally
            {
                _ = H5Tclose(type);
                _ = H5Sclose(space);
                _ = H5Dclose(dataset);
            }
        }
    }

    /// <summary>The numbers of a dataset as doubles, and its shape; null when it is absent or holds none.</summary>
    public (double[] Values, long[] Shape)? Numbers(string name)
    {
        if (!Has(name))
            return null;
        lock (Gate)
        {
            var dataset = H5Dopen2(file, name, 0);
            if (dataset < 0)
                return null;
            long type = H5Dget_type(dataset), space = H5Dget_space(dataset);
            try
            {
                var count = H5Sget_simple_extent_npoints(space);
                if (H5Tget_class(type) is not (0 or 1) || count is < 1 or > 50_000_000)
                    return null;
                var values = new double[count];
                fixed (double* buffer = values)
                {
                    if (H5Dread(dataset, NativeTypes.Value.Double, 0, 0, 0, buffer) < 0)
                        throw new RasterException(path, $"{name} cannot be read: {Reason()}");
                }
                return (values, ShapeOf(space));
            }
            finally
            {
                _ = H5Tclose(type);
                _ = H5Sclose(space);
                _ = H5Dclose(dataset);
            }
        }
    }

    /// <summary>The first number of a dataset; null when it is absent.</summary>
    public double? Number(string name) => Numbers(name)?.Values[0] is { } number && double.IsFinite(number) ? number : null;

    /// <summary>Opens a two-dimensional dataset of real numbers, or of compounds of two.</summary>
    /// <exception cref="RasterException">It is not there or is of another kind.</exception>
    public Hdf5Dataset Open(string name)
    {
        lock (Gate)
        {
            var dataset = H5Dopen2(file, name, 0);
            if (dataset < 0)
                throw new RasterException(path, $"has no dataset {name}");
            return new Hdf5Dataset(path, name, dataset);
        }
    }

    public void Dispose()
    {
        lock (Gate)
        {
            if (file > 0)
                _ = H5Fclose(file);
            file = 0;
        }
    }

    private static List<string> FixedTexts(long dataset, long type, int count, int size)
    {
        var bytes = new byte[checked(count * size)];
        fixed (byte* buffer = bytes)
        {
            if (H5Dread(dataset, type, 0, 0, 0, buffer) < 0)
                return [];
        }
        return [.. Enumerable.Range(0, count).Select(i => System.Text.Encoding.UTF8.GetString(bytes, i * size, size).TrimEnd('\0', ' '))];
    }

    private static List<string> VariableTexts(long dataset, long type, long space, int count)
    {
        var pointers = new nint[count];
        fixed (nint* buffer = pointers)
        {
            if (H5Dread(dataset, type, 0, 0, 0, buffer) < 0)
                return [];
            List<string> texts = [.. pointers.Select(pointer => Marshal.PtrToStringUTF8(pointer) ?? "")];
            _ = H5Dvlen_reclaim(type, space, 0, buffer);
            return texts;
        }
    }

    private static long[] ShapeOf(long space)
    {
        var shape = new ulong[Math.Clamp(H5Sget_simple_extent_ndims(space), 0, 32)];
        fixed (ulong* sizes = shape)
            _ = H5Sget_simple_extent_dims(space, sizes, null);
        return [.. shape.Select(size => (long)Math.Min(size, long.MaxValue))];
    }

    private static (long, long, long) Initialise()
    {
        var library = NativeLibraries.Require(NativeLibraries.Hdf5);
        lock (Gate)
        {
            _ = H5open();
            _ = H5Eset_auto2(0, 0, 0);
            return (Global("H5T_NATIVE_FLOAT_g"), Global("H5T_NATIVE_DOUBLE_g"), Global("H5T_C_S1_g"));
        }

        long Global(string name) => *(long*)NativeLibrary.GetExport(library, name);
    }

    private static string Reason()
    {
        var reasons = new List<string>();
        var handle = GCHandle.Alloc(reasons);
        // From the innermost call outwards: the first is the cause.
        _ = H5Ewalk2(0, 0, &Collect, GCHandle.ToIntPtr(handle));
        handle.Free();
        return reasons.Count > 0 ? reasons[0] : "the file is damaged";
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ErrorRecord
    {
        public long Class, Major, Minor;
        public uint Line;
        public nint Function, File, Description;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Collect(uint number, ErrorRecord* error, nint data)
    {
        if (GCHandle.FromIntPtr(data).Target is List<string> reasons && Marshal.PtrToStringUTF8(error->Description) is { Length: > 0 } text)
            reasons.Add(text);
        return 0;
    }

    /// <summary>A two-dimensional dataset, real or complex of any precision; HDF5 itself converts to single precision.</summary>
    internal sealed class Hdf5Dataset : IDisposable
    {
        private readonly string path;
        private readonly string name;
        private readonly long memoryType;
        private long dataset;

        internal Hdf5Dataset(string path, string name, long dataset)
        {
            this.path = path;
            this.name = name;
            this.dataset = dataset;
            long type = H5Dget_type(dataset), space = H5Dget_space(dataset);
            try
            {
                var shape = ShapeOf(space);
                if (shape.Length != 2 || shape.Any(size => size is < 1 or > int.MaxValue))
                    throw new RasterException(path, $"{name} has shape [{string.Join(", ", shape)}], expected two dimensions of one pixel or more");
                (Rows, Columns) = ((int)shape[0], (int)shape[1]);
                (memoryType, IsComplex) = MemoryType(type);
                BlockSize = Chunk();
            }
            catch
            {
                Dispose();
                throw;
            }
            finally
            {
                _ = H5Tclose(type);
                _ = H5Sclose(space);
            }
        }

        public int Rows { get; }

        public int Columns { get; }

        public bool IsComplex { get; }

        /// <summary>
        /// Type of the numbers in the file, of a complex sample that of its parts: "int16", "float32".
        /// </summary>
        public string SampleType { get; private set; } = "";

        public (int Rows, int Columns) BlockSize { get; }

        /// <summary>Reads a window: floats, or pairs of floats when the dataset is complex.</summary>
        public void Read(RasterWindow window, void* buffer)
        {
            lock (Gate)
            {
                ObjectDisposedException.ThrowIf(dataset == 0, this);
                var start = stackalloc ulong[] { (ulong)window.Row, (ulong)window.Column };
                var count = stackalloc ulong[] { (ulong)window.Rows, (ulong)window.Columns };
                long fileSpace = H5Dget_space(dataset), memorySpace = H5Screate_simple(2, count, null);
                try
                {
                    if (H5Sselect_hyperslab(fileSpace, 0, start, null, count, null) < 0 || H5Dread(dataset, memoryType, memorySpace, fileSpace, 0, buffer) < 0)
                        throw new RasterException(path, $"pixels of {window} in {name} cannot be read: {Reason()}");
                }
                finally
                {
                    _ = H5Sclose(fileSpace);
                    _ = H5Sclose(memorySpace);
                }
            }
        }

        public void Dispose()
        {
            lock (Gate)
            {
                if (dataset > 0)
                    _ = H5Dclose(dataset);
                if (IsComplex && memoryType > 0)
                    _ = H5Tclose(memoryType);
                dataset = 0;
            }
        }

        private (long Type, bool Complex) MemoryType(long type)
        {
            const int integer = 0, real = 1, compound = 6;
            switch (H5Tget_class(type))
            {
                case integer or real:
                    SampleType = NameOf(type);
                    return (NativeTypes.Value.Float, false);
                case compound when H5Tget_nmembers(type) == 2:
                    var complex = H5Tcreate(compound, 2 * sizeof(float));
                    for (uint member = 0; member < 2; member++)
                    {
                        var pointer = H5Tget_member_name(type, member);
                        var memberName = Marshal.PtrToStringUTF8(pointer) ?? "";
                        _ = H5free_memory(pointer);
                        var memberType = H5Tget_member_type(type, member);
                        var kind = H5Tget_class(memberType);
                        var sample = NameOf(memberType);
                        _ = H5Tclose(memberType);
                        if (member == 1 && sample != SampleType)
                            throw new RasterException(path,
                                $"{name} has complex numbers of {SampleType} and {sample}, expected equal parts");
                        SampleType = sample;
                        // The names tell which is which; members without a telling name come real first.
                        var imaginary = memberName.StartsWith("i", StringComparison.OrdinalIgnoreCase) || (member == 1 && !memberName.StartsWith("r", StringComparison.OrdinalIgnoreCase));
                        if (kind is not (integer or real) || H5Tinsert(complex, memberName, imaginary ? (nuint)sizeof(float) : 0, NativeTypes.Value.Float) < 0)
                            throw new RasterException(path, $"{name} has compounds that are no complex numbers");
                    }
                    return (complex, true);
                default:
                    throw new RasterException(path, $"{name} holds neither real nor complex numbers");
            }
        }

        private static string NameOf(long type) =>
            $"{(H5Tget_class(type) == 1 ? "float" : H5Tget_sign(type) == 0 ? "uint" : "int")}{8 * H5Tget_size(type)}";

        private (int, int) Chunk()
        {
            const int chunked = 2;
            var list = H5Dget_create_plist(dataset);
            var sizes = stackalloc ulong[] { 1, (ulong)Columns };
            if (list >= 0 && H5Pget_layout(list) == chunked)
                _ = H5Pget_chunk(list, 2, sizes);
            if (list >= 0)
                _ = H5Pclose(list);
            return ((int)Math.Clamp(sizes[0], 1, (ulong)Rows), (int)Math.Clamp(sizes[1], 1, (ulong)Columns));
        }
    }
}
