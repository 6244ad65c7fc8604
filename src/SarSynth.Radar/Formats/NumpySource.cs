// Two-dimensional arrays in NumPy's .npy format, versions 1 to 3.
// NEP 1: magic, version, header length, a Python dictionary with descr, fortran_order and shape.
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Reads real (b1, i, u, f) and complex arrays in C order; windows are read without the rest.</summary>
internal sealed partial class NumpySource : PixelSource
{
    private readonly string path;
    private readonly FileStream file;
    private readonly long start;
    private readonly char kind;
    private readonly int size;
    private readonly bool bigEndian;

    public NumpySource(string path)
    {
        this.path = path;
        file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 16);
        try
        {
            var (header, dataStart) = Header();
            start = dataStart;
            var type = TypePattern().Match(header);
            var shape = ShapePattern().Match(header);
            if (!type.Success || !shape.Success || !header.Contains("'fortran_order'"))
                throw new RasterException(path, $"has a NumPy header that is not understood: {header.Trim()}");
            if (header.Contains("'fortran_order': True"))
                throw new RasterException(path,
                    "is a NumPy array in Fortran order, expected C order (numpy.ascontiguousarray)");
            bigEndian = type.Groups[1].Value == ">";
            kind = type.Groups[2].Value[0];
            size = int.Parse(type.Groups[3].Value, CultureInfo.InvariantCulture);
            if (!(kind is 'f' && size is 2 or 4 or 8) && !(kind is 'c' && size is 8 or 16)
                && !(kind is 'i' or 'u' && size is 1 or 2 or 4 or 8) && !(kind is 'b' && size is 1))
                throw new RasterException(path,
                    $"holds numbers of type {kind}{size}, expected integers, floats or complex numbers");
            var sizes = shape.Groups[1].Value.Split(',',
                StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (sizes.Length != 2 || !int.TryParse(sizes[0], CultureInfo.InvariantCulture, out var rows)
                || !int.TryParse(sizes[1], CultureInfo.InvariantCulture, out var columns) || rows < 1 || columns < 1)
                throw new RasterException(path,
                    $"has shape ({shape.Groups[1].Value}), expected two dimensions of one pixel or more");
            (Rows, Columns) = (rows, columns);
            var expected = start + (long)rows * columns * size;
            if (file.Length < expected)
                throw new RasterException(path, $"is truncated: found {file.Length} bytes, expected {expected}");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override int Rows { get; }

    public override int Columns { get; }

    public override bool IsComplex => kind == 'c';

    public override void Read(RasterWindow window, Span<float> pixels)
    {
        var bytes = new byte[window.Columns * size];
        for (var row = 0; row < window.Rows; row++)
        {
            Line(window, row, bytes, size);
            for (var column = 0; column < window.Columns; column++)
                pixels[row * window.Columns + column] = Number(bytes.AsSpan(column * size, size));
        }
    }

    public override void Read(RasterWindow window, Span<Complex32> pixels)
    {
        var bytes = new byte[window.Columns * size];
        for (var row = 0; row < window.Rows; row++)
        {
            Line(window, row, bytes, size / 2);
            for (var column = 0; column < window.Columns; column++)
            {
                var sample = bytes.AsSpan(column * size, size);
                pixels[row * window.Columns + column] = new Complex32(Number(sample[..(size / 2)]),
                    Number(sample[(size / 2)..]));
            }
        }
    }

    public override void Dispose() => file.Dispose();

    private (string Header, long Start) Header()
    {
        Span<byte> head = stackalloc byte[12];
        if (file.ReadAtLeast(head, 12, throwOnEndOfStream: false) < 12)
            throw new RasterException(path, "is truncated inside its NumPy header");
        if (head[6] is not (1 or 2 or 3) || head[7] != 0)
            throw new RasterException(path, $"is NumPy format version {head[6]}.{head[7]}, expected 1.0, 2.0 or 3.0");
        var first = head[6] == 1;
        var length = first ? BinaryPrimitives.ReadUInt16LittleEndian(head[8..])
            : BinaryPrimitives.ReadUInt32LittleEndian(head[8..]);
        var start = (first ? 10L : 12L) + length;
        if (start > file.Length || length > 1 << 20)
            throw new RasterException(path, "is truncated inside its NumPy header");
        var text = new byte[length];
        file.Position = start - length;
        file.ReadExactly(text);
        return (Encoding.UTF8.GetString(text), start);
    }

    private void Line(RasterWindow window, int row, byte[] bytes, int word)
    {
        file.Position = start + ((long)(window.Row + row) * Columns + window.Column) * size;
        file.ReadExactly(bytes);
        if (bigEndian)
        {
            for (var at = 0; at < bytes.Length; at += word)
                bytes.AsSpan(at, word).Reverse();
        }
    }

    private float Number(ReadOnlySpan<byte> bytes) => (kind, bytes.Length) switch
    {
        ('f' or 'c', 2) => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes),
        ('f' or 'c', 4) => BinaryPrimitives.ReadSingleLittleEndian(bytes),
        ('f' or 'c', _) => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        ('i', 1) => (sbyte)bytes[0],
        ('i', 2) => BinaryPrimitives.ReadInt16LittleEndian(bytes),
        ('i', 4) => BinaryPrimitives.ReadInt32LittleEndian(bytes),
        ('i', _) => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        (_, 1) => bytes[0],
        (_, 2) => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        (_, 4) => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
    };

    [GeneratedRegex(@"'descr'\s*:\s*'([<>|=]?)([a-z])(\d{1,2})'")]
    private static partial Regex TypePattern();

    [GeneratedRegex(@"'shape'\s*:\s*\(([^)]*)\)")]
    private static partial Regex ShapePattern();
}
