// Sources of pixels made of others: turned by their diagonal, stacked from
// segments, cut to the valid samples of each line.
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Rows and columns of another source exchanged: for products that store range along rows.</summary>
internal sealed class TransposedSource(PixelSource inner) : PixelSource
{
    public override int Rows => inner.Columns;

    public override int Columns => inner.Rows;

    public override bool IsComplex => inner.IsComplex;

    public override (int Rows, int Columns) BlockSize => (inner.BlockSize.Columns, inner.BlockSize.Rows);

    public override Validity Validity => inner.Validity;

    public override void Read(RasterWindow window, Span<float> pixels)
    {
        var turned = new float[pixels.Length];
        inner.Read(Turned(window), turned);
        Transpose(turned, window, pixels);
    }

    public override void Read(RasterWindow window, Span<Complex32> pixels)
    {
        var turned = new Complex32[pixels.Length];
        inner.Read(Turned(window), turned);
        Transpose(turned, window, pixels);
    }

    public override void Dispose() => inner.Dispose();

    private static RasterWindow Turned(RasterWindow window) =>
        new(window.Column, window.Row, window.Columns, window.Rows);

    // In squares, so that both sides stay in the cache.
    private static void Transpose<T>(T[] from, RasterWindow window, Span<T> to)
    {
        const int side = 32;
        for (var top = 0; top < window.Rows; top += side)
        {
            for (var left = 0; left < window.Columns; left += side)
            {
                for (var row = top; row < Math.Min(top + side, window.Rows); row++)
                {
                    for (var column = left; column < Math.Min(left + side, window.Columns); column++)
                        to[row * window.Columns + column] = from[column * window.Rows + row];
                }
            }
        }
    }
}

/// <summary>Sources of equal width one below the other: large NITF images come in segments.</summary>
internal sealed class StackedSource : PixelSource
{
    private readonly List<PixelSource> parts;

    public StackedSource(string path, List<PixelSource> parts)
    {
        this.parts = parts;
        if (parts.Select(part => part.Columns).Distinct().Count() != 1)
            throw new RasterException(path,
                $"has segments of {string.Join(", ", parts.Select(part => part.Columns))} columns, "
                + "expected equal ones");
        Rows = checked(parts.Sum(part => part.Rows));
    }

    public override int Rows { get; }

    public override int Columns => parts[0].Columns;

    public override bool IsComplex => parts[0].IsComplex;

    public override (int Rows, int Columns) BlockSize => parts[0].BlockSize;

    public override Validity Validity => parts.Select(part => part.Validity).Aggregate((a, b) => a with
    {
        NoDataValue = a.NoDataValue ?? b.NoDataValue, Fill = a.Fill ?? b.Fill, Mask = a.Mask | b.Mask,
    });

    public override void Read(RasterWindow window, Span<float> pixels)
    {
        foreach (var (part, within, offset) in Parts(window))
            part.Read(within, pixels.Slice(offset, within.Rows * within.Columns));
    }

    public override void Read(RasterWindow window, Span<Complex32> pixels)
    {
        foreach (var (part, within, offset) in Parts(window))
            part.Read(within, pixels.Slice(offset, within.Rows * within.Columns));
    }

    public override void Dispose() => parts.ForEach(part => part.Dispose());

    private IEnumerable<(PixelSource Part, RasterWindow Within, int Offset)> Parts(RasterWindow window)
    {
        var first = 0;
        foreach (var part in parts)
        {
            int top = Math.Max(window.Row, first), bottom = Math.Min(window.Row + window.Rows, first + part.Rows);
            if (top < bottom)
                yield return (part, new RasterWindow(top - first, window.Column, bottom - top, window.Columns),
                    (top - window.Row) * window.Columns);
            first += part.Rows;
        }
    }
}

/// <summary>
/// A source of which the product says, line by line, which samples are valid; the others are no data.
/// </summary>
/// <param name="inner">All samples.</param>
/// <param name="ranges">For a row, its ranges of valid columns in order, from the first to before the last.</param>
internal sealed class ValidLinesSource(PixelSource inner, Func<int, IReadOnlyList<(int First, int End)>> ranges)
    : PixelSource
{
    public override int Rows => inner.Rows;

    public override int Columns => inner.Columns;

    public override bool IsComplex => inner.IsComplex;

    public override (int Rows, int Columns) BlockSize => inner.BlockSize;

    public override Validity Validity => inner.Validity with { Mask = inner.Validity.Mask | MaskKind.Lines };

    public override void Read(RasterWindow window, Span<float> pixels)
    {
        inner.Read(window, pixels);
        Cut(window, pixels, float.NaN);
    }

    public override void Read(RasterWindow window, Span<Complex32> pixels)
    {
        inner.Read(window, pixels);
        Cut(window, pixels, new Complex32(float.NaN, float.NaN));
    }

    public override void Dispose() => inner.Dispose();

    private void Cut<T>(RasterWindow window, Span<T> pixels, T none)
    {
        for (var row = 0; row < window.Rows; row++)
        {
            var line = pixels.Slice(row * window.Columns, window.Columns);
            var at = 0;
            foreach (var (first, end) in ranges(window.Row + row))
            {
                var start = Math.Clamp(first - window.Column, at, line.Length);
                line[at..start].Fill(none);
                at = Math.Clamp(end - window.Column, start, line.Length);
            }
            line[at..].Fill(none);
        }
    }
}
