// COSAR: the complex images of TerraSAR-X. GDAL's driver is passed by: it leaves out the last valid sample of every
// line. Level 1b Product Format Specification TX-GS-DD-3307, section COSAR; all numbers are big-endian.
using System.Buffers.Binary;
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// One burst of pairs of 16 bits, integers in version 1 and half-precision numbers in version 2: four annotation lines,
/// then a line per azimuth sample with two words of validity before it.
/// </summary>
internal sealed class CosarSource : PixelSource
{
    private const int AnnotationLines = 4;
    private readonly string path;
    private readonly FileStream file;
    private readonly int lineBytes;
    private readonly bool half;

    /// <exception cref="RasterException">
    /// No COSAR file, one of a version that is not known, a truncated one, or one of several bursts.
    /// </exception>
    public CosarSource(string path)
    {
        this.path = path;
        file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 16);
        try
        {
            Span<byte> head = stackalloc byte[36];
            if (file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length
                || !head.Slice(28, 4).SequenceEqual("CSAR"u8))
                throw new RasterException(path, "is no COSAR file: expected the mark CSAR at byte 28");
            var version = BinaryPrimitives.ReadInt32BigEndian(head[32..]);
            half = version switch
            {
                1 => false,
                2 => true,
                _ => throw new RasterException(path,
                    $"is COSAR of version {version}, expected 1 (pairs of int16) or 2 (pairs of float16)"),
            };
            Columns = BinaryPrimitives.ReadInt32BigEndian(head[8..]);
            Rows = BinaryPrimitives.ReadInt32BigEndian(head[12..]);
            lineBytes = BinaryPrimitives.ReadInt32BigEndian(head[20..]);
            var lines = BinaryPrimitives.ReadInt32BigEndian(head[24..]);
            if (Rows < 1 || Columns < 1 || lineBytes < 8L + 4L * Columns || lines < Rows + (long)AnnotationLines)
                throw new RasterException(path,
                    $"has a COSAR header that cannot be: {Rows} x {Columns} samples in "
                    + $"{lines} lines of {lineBytes} bytes");
            var burst = (long)lineBytes * lines;
            if (file.Length < burst)
                throw new RasterException(path, $"is truncated: found {file.Length} bytes, expected {burst}");
            if (file.Length - burst >= 36)
                throw new RasterException(path, "holds several bursts (ScanSAR), expected one");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override int Rows { get; }

    public override int Columns { get; }

    public override bool IsComplex => true;

    public override Validity Validity => new() { Mask = MaskKind.Lines };

    public override void Read(RasterWindow window, Span<float> pixels) =>
        throw new NotSupportedException("The samples are complex.");

    /// <summary>Samples outside a line's valid part are no data.</summary>
    public override void Read(RasterWindow window, Span<Complex32> pixels)
    {
        var bytes = new byte[4 * window.Columns];
        Span<byte> validity = stackalloc byte[8];
        var none = new Complex32(float.NaN, float.NaN);
        for (var row = 0; row < window.Rows; row++)
        {
            var start = (long)lineBytes * (AnnotationLines + window.Row + row);
            file.Position = start;
            file.ReadExactly(validity);
            // First and last valid sample, counted from 1.
            int first = BinaryPrimitives.ReadInt32BigEndian(validity) - 1,
                last = BinaryPrimitives.ReadInt32BigEndian(validity[4..]) - 1;
            if (first < 0 || last >= Columns)
                throw new RasterException(path,
                    $"line {window.Row + row} is damaged: "
                    + $"its valid samples are {first + 1} to {last + 1} of {Columns}");
            file.Position = start + 8 + 4L * window.Column;
            file.ReadExactly(bytes);
            for (var column = 0; column < window.Columns; column++)
            {
                var at = window.Column + column;
                pixels[row * window.Columns + column] = at < first || at > last ? none
                    : new Complex32(Number(bytes.AsSpan(4 * column)), Number(bytes.AsSpan(4 * column + 2)));
            }
        }
    }

    public override void Dispose() => file.Dispose();

    private float Number(ReadOnlySpan<byte> bytes) =>
        half ? (float)BinaryPrimitives.ReadHalfBigEndian(bytes) : BinaryPrimitives.ReadInt16BigEndian(bytes);
}
