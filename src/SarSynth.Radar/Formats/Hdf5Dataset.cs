// A two-dimensional dataset of an HDF5 file, read chunk by chunk.
using System.Buffers;
using MathNet.Numerics;
using PureHDF;
using PureHDF.Selections;
using PureHDF.VOL.Native;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// Real numbers, or complex ones as compounds of two, of any precision; they arrive in single precision.
/// </summary>
internal sealed class Hdf5Dataset
{
    // Bytes of a piece of a dataset without chunks; bytes of decoded chunks that are kept.
    private const int Piece = 8 << 20, Kept = 64 << 20;

    private readonly string path, name;
    private readonly NativeDataset dataset;
    private readonly Hdf5Number type;
    private readonly H5DatasetAccess access = new(ChunkCache: new SimpleReadingChunkCache(521, Kept));
    private readonly bool isImaginaryFirst;

    /// <exception cref="RasterException">It has not two dimensions, or holds other things than numbers.</exception>
    public Hdf5Dataset(string path, string name, NativeDataset dataset)
    {
        (this.path, this.name, this.dataset) = (path, name, dataset);
        var shape = Hdf5File.Guarded(path, $"{name} cannot be opened", () => ShapeOf(dataset));
        if (shape.Length != 2 || shape.Any(size => size is < 1 or > int.MaxValue))
            throw new RasterException(path,
                $"{name} has shape [{string.Join(", ", shape)}], expected two dimensions of one pixel or more");
        (Rows, Columns) = ((int)shape[0], (int)shape[1]);
        (type, IsComplex, isImaginaryFirst) = Hdf5File.Guarded(path, $"{name} cannot be opened", () =>
            TypeOf(dataset.Type));
        BlockSize = Hdf5File.Guarded(path, $"{name} cannot be opened", Chunk);
        (NoData, NoDataIsUnusual) = Hdf5File.Guarded(path, $"the fill value of {name} cannot be read", ReadNoData);
    }

    public int Rows { get; }

    public int Columns { get; }

    public bool IsComplex { get; }

    /// <summary>Type of the numbers in the file, of a complex sample that of its parts: "int16", "float32".</summary>
    public string SampleType => type.Name;

    /// <summary>Size of a chunk; a line where there are none.</summary>
    public (int Rows, int Columns) BlockSize { get; }

    /// <summary>
    /// The value that means no data: of the attribute _FillValue, or else the dataset's own fill value unless that is
    /// 0, which HDF5 takes where nothing is said; the real part of complex ones. Null where there is none, or NaN.
    /// </summary>
    public double? NoData { get; }

    /// <summary>
    /// Whether there is a fill value whose imaginary part is neither 0 nor the real part: it is not heeded.
    /// </summary>
    public bool NoDataIsUnusual { get; }

    /// <summary>Sizes of the dimensions.</summary>
    public static long[] ShapeOf(NativeDataset dataset) =>
        [.. dataset.Space.Dimensions.Select(size => (long)Math.Min(size, long.MaxValue))];

    /// <summary>Reads a window of complex samples.</summary>
    public void Read(RasterWindow window, Span<Complex32> samples) =>
        Read(window, System.Runtime.InteropServices.MemoryMarshal.Cast<Complex32, float>(samples));

    /// <summary>Reads a window: floats, or pairs of floats when the dataset is complex.</summary>
    /// <exception cref="RasterException">The pixels cannot be read.</exception>
    public void Read(RasterWindow window, Span<float> numbers)
    {
        var parts = IsComplex ? 2 : 1;
        foreach (var part in Parts(window))
        {
            var bytes = ArrayPool<byte>.Shared.Rent(checked(part.Rows * part.Columns * parts * type.Size));
            try
            {
                Fill(part, bytes.AsSpan(0, part.Rows * part.Columns * parts * type.Size));
                var line = part.Columns * parts;
                for (var row = 0; row < part.Rows; row++)
                {
                    var at = ((part.Row + row - window.Row) * window.Columns + part.Column - window.Column) * parts;
                    type.ToSingles(bytes.AsSpan(row * line * type.Size, line * type.Size), numbers.Slice(at, line));
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(bytes);
            }
        }
        if (!isImaginaryFirst)
            return;
        for (var i = 0; i < numbers.Length; i += 2)
            (numbers[i], numbers[i + 1]) = (numbers[i + 1], numbers[i]);
    }

    private void Fill(RasterWindow part, Span<byte> bytes)
    {
        try
        {
            dataset.Read(access, bytes, new HyperslabSelection(2,
                [(ulong)part.Row, (ulong)part.Column], [(ulong)part.Rows, (ulong)part.Columns]));
        }
        catch (Exception error) when (error is not ObjectDisposedException)
        {
            throw new RasterException(path,
                $"pixels of {part} in {name} cannot be read: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    // The parts of a window that lie in one chunk each, so that a chunk is decoded once; without
    // chunks a few lines at a time.
    private IEnumerable<RasterWindow> Parts(RasterWindow window)
    {
        var (high, wide) = dataset.Layout.Class == H5DataLayoutClass.Chunked ? BlockSize
            : (Math.Max(1, Piece / (window.Columns * dataset.Type.Size)), Columns);
        for (long row = window.Row, next; row < window.Row + window.Rows; row = next)
        {
            next = Math.Min(window.Row + window.Rows, (row / high + 1) * high);
            for (long column = window.Column, right; column < window.Column + window.Columns; column = right)
            {
                right = Math.Min(window.Column + window.Columns, (column / wide + 1) * wide);
                yield return new RasterWindow((int)row, (int)column, (int)(next - row), (int)(right - column));
            }
        }
    }

    private (Hdf5Number Type, bool IsComplex, bool IsImaginaryFirst) TypeOf(IH5DataType found)
    {
        if (Hdf5Number.Of(found) is { } real)
            return (real, false, false);
        if (found.Class != H5DataTypeClass.Compound || found.Compound.Members is not { Length: 2 } members)
            throw new RasterException(path, $"{name} holds neither real nor complex numbers");
        var types = Array.ConvertAll(members, member => Hdf5Number.Of(member.Type)
            ?? throw new RasterException(path, $"{name} has compounds that are no complex numbers"));
        if (types[0] != types[1])
            throw new RasterException(path,
                $"{name} has complex numbers of {types[0].Name} and {types[1].Name}, expected equal parts");
        if (found.Size != 2 * types[0].Size || members[0].Offset + members[1].Offset != types[0].Size)
            throw new RasterException(path,
                $"{name} has complex numbers of {found.Size} bytes, expected 2 x {types[0].Size}");
        // The names tell which is which; members without a telling name come real first.
        var imaginary = Array.FindIndex(members, member =>
            member.Name.StartsWith("i", StringComparison.OrdinalIgnoreCase));
        if (imaginary < 0)
            imaginary = members[1].Name.StartsWith("r", StringComparison.OrdinalIgnoreCase) ? 0 : 1;
        return (types[0], true, members[imaginary].Offset == 0);
    }

    private (int, int) Chunk() =>
        dataset.Layout is { Class: H5DataLayoutClass.Chunked, Chunks: [var rows, var columns, ..] }
        ? ((int)Math.Clamp(rows, 1, (ulong)Rows), (int)Math.Clamp(columns, 1, (ulong)Columns)) : (1, Columns);

    private (double?, bool) ReadNoData()
    {
        double[]? values = null;
        if (dataset.AttributeExists("_FillValue") && dataset.Attribute("_FillValue") is NativeAttribute attribute)
        {
            var ofSample = attribute.Type.Class == H5DataTypeClass.Compound;
            if ((ofSample ? type : Hdf5Number.Of(attribute.Type)) is not { } number
                || (ofSample && attribute.Type.Size != 2 * type.Size))
                return (null, true);
            values = number.ToDoubles(RawOf(attribute));
        }
        else if (dataset.FillValue.Value is { } own && own.Length == dataset.Type.Size)
        {
            values = type.ToDoubles((byte[])own.Clone());
            if (values.All(value => value == 0))
                return (null, false);
        }
        if (values is null || values.Length == 0 || double.IsNaN(values[0]))
            return (null, false);
        if (isImaginaryFirst && values.Length > 1)
            Array.Reverse(values, 0, 2);
        return values.Length > 1 && values[1] != 0 && values[1] != values[0] ? (null, true) : (values[0], false);
    }

    // PureHDF hands over the values of an attribute in one piece each.
    private static byte[] RawOf(NativeAttribute attribute)
    {
        var count = attribute.Space.Dimensions.Aggregate(1UL, (product, size) => product * size);
        if (count != 1)
            throw new InvalidDataException($"_FillValue holds {count} values, expected one");
        return attribute.Type.Size switch
        {
            1 => One<byte>(), 2 => One<ushort>(), 4 => One<uint>(), 8 => One<ulong>(), 16 => One<UInt128>(),
            var size => throw new InvalidDataException($"_FillValue has {size} bytes"),
        };

        byte[] One<T>()
            where T : unmanaged
        {
            var value = new T[1];
            attribute.Read<T>(value.AsSpan());
            return System.Runtime.InteropServices.MemoryMarshal.AsBytes<T>(value).ToArray();
        }
    }
}
