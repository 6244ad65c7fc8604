// Discrete Fourier transforms of complex images: any size, two threads or more, eight lines at a time in SIMD lanes.
// Stockham autosort of radices 2, 3, 4, 5 and small primes (Van Loan 1992, ch. 1.7); Bluestein (1970) for large primes.
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MathNet.Numerics;

namespace SarSynth.Radar.Signal;

/// <summary>
/// Discrete Fourier transforms in place, in numpy's convention: forward X[k] = sum x[n] exp(-2 pi i k n / N) without a
/// factor, inverse with 1/N. Any length; single precision (relative error about 1e-7 log2 N).
/// </summary>
public static class Fourier
{
    /// <summary>Forward transform of both axes.</summary>
    /// <param name="data">Row-major [rows x columns], replaced by its spectrum (zero frequency at index 0).</param>
    /// <param name="rows">Number of rows, at least 1.</param>
    /// <param name="columns">Number of columns, at least 1.</param>
    /// <exception cref="ArgumentException">The array does not hold rows x columns values.</exception>
    public static void Forward2D(Complex32[] data, int rows, int columns)
    {
        ForwardRows(data, rows, columns);
        ForwardColumns(data, rows, columns);
    }

    /// <summary>Inverse transform of both axes, scaled by 1/(rows x columns).</summary>
    /// <inheritdoc cref="Forward2D"/>
    public static void Inverse2D(Complex32[] data, int rows, int columns)
    {
        InverseRows(data, rows, columns);
        InverseColumns(data, rows, columns);
    }

    /// <summary>Forward transform of one line.</summary>
    /// <param name="data">The line, replaced by its spectrum.</param>
    public static void Forward(Complex32[] data) => ForwardRows(data, 1, data.Length);

    /// <summary>Inverse transform of one line, scaled by 1/N.</summary>
    /// <param name="data">The spectrum, replaced by the line.</param>
    public static void Inverse(Complex32[] data) => InverseRows(data, 1, data.Length);

    /// <summary>Forward transform of every row.</summary>
    /// <inheritdoc cref="Forward2D"/>
    public static void ForwardRows(Complex32[] data, int rows, int columns) =>
        Rows(data, rows, columns, inverse: false);

    /// <summary>Inverse transform of every row, scaled by 1/columns.</summary>
    /// <inheritdoc cref="Forward2D"/>
    public static void InverseRows(Complex32[] data, int rows, int columns) => Rows(data, rows, columns, inverse: true);

    /// <summary>Forward transform of every column.</summary>
    /// <inheritdoc cref="Forward2D"/>
    public static void ForwardColumns(Complex32[] data, int rows, int columns) =>
        Columns(data, rows, columns, inverse: false);

    /// <summary>Inverse transform of every column, scaled by 1/rows.</summary>
    /// <inheritdoc cref="Forward2D"/>
    public static void InverseColumns(Complex32[] data, int rows, int columns) =>
        Columns(data, rows, columns, inverse: true);

    private const int Lanes = FourierPlan.Lanes;

    private static unsafe void Rows(Complex32[] data, int rows, int columns, bool inverse)
    {
        Check(data, rows, columns);
        var plan = FourierPlan.Of(columns);
        InParallel(data, plan, (rows + Lanes - 1) / Lanes, (values, buffer, batch) =>
        {
            int first = batch * Lanes, lines = Math.Min(Lanes, rows - first);
            var origin = values + 2L * first * columns;
            LoadRows(origin, columns, lines, buffer, inverse);
            var result = plan.Execute(buffer);
            StoreRows(result, columns, lines, origin, inverse, inverse ? 1f / columns : 1f);
        });
    }

    private static unsafe void Columns(Complex32[] data, int rows, int columns, bool inverse)
    {
        Check(data, rows, columns);
        var plan = FourierPlan.Of(rows);
        InParallel(data, plan, (columns + Lanes - 1) / Lanes, (values, buffer, batch) =>
        {
            int first = batch * Lanes, lines = Math.Min(Lanes, columns - first);
            var origin = values + 2L * first;
            LoadColumns(origin, rows, columns, lines, buffer, inverse);
            var result = plan.Execute(buffer);
            StoreColumns(result, rows, columns, lines, origin, inverse, inverse ? 1f / rows : 1f);
        });
    }

    private unsafe delegate void BatchAction(float* values, float* buffer, int batch);

    private static unsafe void InParallel(Complex32[] data, FourierPlan plan, int batches, BatchAction action)
    {
        fixed (Complex32* pinned = data)
        {
            var address = (nint)pinned;
            var work = new ThreadLocal<nint>(() => (nint)NativeMemory.AlignedAlloc(plan.BufferBytes, 64),
                trackAllValues: true);
            try
            {
                if (batches == 1)
                    action((float*)address, (float*)work.Value, 0);
                else
                    Parallel.For(0, batches, batch => action((float*)address, (float*)work.Value, batch));
            }
            finally
            {
                foreach (var buffer in work.Values)
                    NativeMemory.AlignedFree((void*)buffer);
                work.Dispose();
            }
        }
    }

    // A buffer element is eight real parts, then eight imaginary parts: one of each line. Swapping the two parts on the
    // way in and on the way out turns the forward transform into the inverse.
    private static unsafe void LoadRows(float* from, int columns, int lines, float* to, bool swap)
    {
        int real = swap ? Lanes : 0, imaginary = swap ? 0 : Lanes;
        if (lines < Lanes)
            new Span<float>(to, columns * 2 * Lanes).Clear();
        for (var line = 0; line < lines; line++)
        {
            var source = from + 2L * line * columns;
            float* re = to + real + line, im = to + imaginary + line;
            for (var i = 0; i < columns; i++, source += 2, re += 2 * Lanes, im += 2 * Lanes)
            {
                *re = source[0];
                *im = source[1];
            }
        }
    }

    private static unsafe void StoreRows(float* from, int columns, int lines, float* to, bool swap, float scale)
    {
        int real = swap ? Lanes : 0, imaginary = swap ? 0 : Lanes;
        for (var line = 0; line < lines; line++)
        {
            var target = to + 2L * line * columns;
            float* re = from + real + line, im = from + imaginary + line;
            for (var i = 0; i < columns; i++, target += 2, re += 2 * Lanes, im += 2 * Lanes)
            {
                target[0] = *re * scale;
                target[1] = *im * scale;
            }
        }
    }

    private static readonly Vector256<int> Evens = Vector256.Create(0, 2, 4, 6, 1, 3, 5, 7);

    private static unsafe void LoadColumns(float* from, int rows, int columns, int lines, float* to, bool swap)
    {
        int real = swap ? Lanes : 0, imaginary = swap ? 0 : Lanes;
        for (var i = 0; i < rows; i++, from += 2L * columns, to += 2 * Lanes)
        {
            if (lines == Lanes)
            {
                // r0 i0 r1 i1 r2 i2 r3 i3 -> r0 r1 r2 r3 i0 i1 i2 i3, twice.
                var a = Vector256.Shuffle(Vector256.Load(from), Evens);
                var b = Vector256.Shuffle(Vector256.Load(from + Lanes), Evens);
                Vector256.Create(a.GetLower(), b.GetLower()).StoreAligned(to + real);
                Vector256.Create(a.GetUpper(), b.GetUpper()).StoreAligned(to + imaginary);
                continue;
            }
            for (var line = 0; line < Lanes; line++)
            {
                to[real + line] = line < lines ? from[2 * line] : 0;
                to[imaginary + line] = line < lines ? from[2 * line + 1] : 0;
            }
        }
    }

    private static readonly Vector256<int> Interleave = Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7);

    private static unsafe void StoreColumns(float* from, int rows, int columns, int lines, float* to, bool swap,
        float scale)
    {
        int real = swap ? Lanes : 0, imaginary = swap ? 0 : Lanes;
        for (var i = 0; i < rows; i++, from += 2 * Lanes, to += 2L * columns)
        {
            if (lines == Lanes)
            {
                var re = Vector256.LoadAligned(from + real) * scale;
                var im = Vector256.LoadAligned(from + imaginary) * scale;
                Vector256.Shuffle(Vector256.Create(re.GetLower(), im.GetLower()), Interleave).Store(to);
                Vector256.Shuffle(Vector256.Create(re.GetUpper(), im.GetUpper()), Interleave).Store(to + Lanes);
                continue;
            }
            for (var line = 0; line < lines; line++)
            {
                to[2 * line] = from[real + line] * scale;
                to[2 * line + 1] = from[imaginary + line] * scale;
            }
        }
    }

    private static void Check(Complex32[] data, int rows, int columns)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        if ((long)rows * columns != data.Length)
            throw new ArgumentException($"data: found {data.Length} values, expected "
                + $"{rows} x {columns} = {(long)rows * columns}.", nameof(data));
    }
}
