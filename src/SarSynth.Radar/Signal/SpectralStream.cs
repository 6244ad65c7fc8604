// The spectral crop of images larger than memory. The transform is separable: rows are cropped as they come and put
// into a scratch file by strips of columns, then the strips are cropped one after the other. The result is that of the
// whole image, no block has an edge.
using System.Runtime.InteropServices;
using MathNet.Numerics;
using Microsoft.Win32.SafeHandles;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Signal;

/// <summary>A cropped image in a scratch file, which goes with this object.</summary>
internal sealed class SpectralStream : IDisposable
{
    private const int BandSamples = 1 << 20, StripSamples = 1 << 21;

    private readonly string path;
    private readonly int rows, columns, stripColumns;
    private readonly SpectralCrop crop;
    private readonly SafeFileHandle scratch;
    private readonly CoarseGaps gaps;
    private double energy, kept;

    /// <param name="path">The file that is being made: the scratch file lies beside it, and errors name it.</param>
    /// <param name="rows">Rows of the image.</param>
    /// <param name="columns">Columns of the image.</param>
    /// <param name="crop">What to keep; with both centroids.</param>
    /// <exception cref="RasterException">
    /// There is not enough room for the scratch file, or the folder cannot be written.
    /// </exception>
    public SpectralStream(string path, int rows, int columns, SpectralCrop crop)
    {
        (this.path, this.rows, this.columns, this.crop) = (path, rows, columns, crop);
        (NewRows, NewColumns) = ResolutionChange.NewGrid(rows, columns, crop);
        gaps = new CoarseGaps(rows, columns, NewRows, NewColumns);
        stripColumns = Math.Clamp(StripSamples / rows, 1, NewColumns);
        scratch = Scratch(path, 8L * rows * NewColumns);
    }

    /// <summary>Rows of the result.</summary>
    public int NewRows { get; }

    /// <summary>Columns of the result.</summary>
    public int NewColumns { get; }

    /// <summary>The factor that keeps the mean intensity.</summary>
    public float Scale =>
        kept > 0 ? (float)Math.Sqrt(energy / kept * ((double)NewRows * NewColumns / ((double)rows * columns))) : 0;

    /// <summary>Crops the image.</summary>
    /// <param name="read">Gives whole lines of the image, in order: window and target; NaN marks no data.</param>
    /// <param name="progress">Told the share that is done.</param>
    public void Run(Action<RasterWindow, Complex32[]> read, Action<double>? progress)
    {
        CropRows(read, share => progress?.Invoke(0.5 * share));
        CropColumns(share => progress?.Invoke(0.5 + 0.5 * share));
    }

    /// <summary>Reads lines of the result, not yet scaled; NaN where there is no data.</summary>
    public void ReadLines(int firstRow, int count, Complex32[] lines)
    {
        var piece = new Complex32[count * stripColumns];
        foreach (var strip in Strips())
        {
            var part = piece.AsSpan(0, count * strip.Columns);
            Transfer(part, Offset(strip) + 8L * firstRow * strip.Columns, write: false);
            for (var row = 0; row < count; row++)
                part.Slice(row * strip.Columns, strip.Columns).CopyTo(lines.AsSpan(row * NewColumns + strip.Column));
        }
        gaps.Apply(firstRow, lines.AsSpan(0, count * NewColumns));
    }

    public void Dispose() => scratch.Dispose();

    private void CropRows(Action<RasterWindow, Complex32[]> read, Action<double> progress)
    {
        var taps = ResolutionChange.Taps(columns, NewColumns, crop.RangeCentroid!.Value, crop.ColumnBandwidth,
            crop.ColumnWindow);
        var bandRows = Math.Clamp(BandSamples / columns, 1, rows);
        Complex32[] lines = [], cropped = [], piece = new Complex32[bandRows * stripColumns];
        foreach (var band in RasterWindow.Cover(rows, columns, bandRows, columns))
        {
            if (lines.Length != band.Rows * columns)
                (lines, cropped) = (new Complex32[band.Rows * columns], new Complex32[band.Rows * NewColumns]);
            read(band, lines);
            gaps.Take(lines);
            energy += Energy(lines);
            Fourier.ForwardRows(lines, band.Rows, columns);
            Array.Clear(cropped);
            for (var row = 0; row < band.Rows; row++)
            {
                foreach (var tap in taps)
                    cropped[row * NewColumns + tap.To] = lines[row * columns + tap.From] * tap.Weight;
            }
            Fourier.InverseRows(cropped, band.Rows, NewColumns);
            foreach (var strip in Strips())
            {
                var part = piece.AsSpan(0, band.Rows * strip.Columns);
                for (var row = 0; row < band.Rows; row++)
                    cropped.AsSpan(row * NewColumns + strip.Column, strip.Columns)
                        .CopyTo(part[(row * strip.Columns)..]);
                Transfer(part, Offset(strip) + 8L * band.Row * strip.Columns, write: true);
            }
            progress((double)(band.Row + band.Rows) / rows);
        }
    }

    private void CropColumns(Action<double> progress)
    {
        var taps = ResolutionChange.Taps(rows, NewRows, crop.DopplerCentroid!.Value, crop.RowBandwidth, crop.RowWindow);
        Complex32[] lines = [], cropped = [];
        foreach (var strip in Strips())
        {
            if (lines.Length != rows * strip.Columns)
                (lines, cropped) = (new Complex32[rows * strip.Columns], new Complex32[NewRows * strip.Columns]);
            Transfer(lines, Offset(strip), write: false);
            Fourier.ForwardColumns(lines, rows, strip.Columns);
            Array.Clear(cropped);
            foreach (var tap in taps)
            {
                for (var column = 0; column < strip.Columns; column++)
                    cropped[tap.To * strip.Columns + column] = lines[tap.From * strip.Columns + column] * tap.Weight;
            }
            Fourier.InverseColumns(cropped, NewRows, strip.Columns);
            kept += Energy(cropped);
            Transfer(cropped, Offset(strip), write: true);
            progress((double)(strip.Column + strip.Columns) / NewColumns);
        }
    }

    private IEnumerable<RasterWindow> Strips() => RasterWindow.Cover(1, NewColumns, 1, stripColumns);

    private long Offset(RasterWindow strip) => 8L * rows * strip.Column;

    private void Transfer(Span<Complex32> samples, long offset, bool write)
    {
        var bytes = MemoryMarshal.AsBytes(samples);
        try
        {
            if (write)
            {
                RandomAccess.Write(scratch, bytes, offset);
                return;
            }
            for (int done = 0, read; done < bytes.Length; done += read)
            {
                read = RandomAccess.Read(scratch, bytes[done..], offset + done);
                if (read == 0)
                    throw new IOException("the scratch file ends early");
            }
        }
        catch (IOException error)
        {
            throw new RasterException(path, $"cannot be made: {error.Message}", error);
        }
    }

    private static SafeFileHandle Scratch(string path, long bytes)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        if (!Directory.Exists(folder))
            throw new RasterException(path, "cannot be written: its folder does not exist");
        var free = new DriveInfo(folder).AvailableFreeSpace;
        if (free < bytes)
            throw new RasterException(path,
                $"cannot be made: its scratch file needs {bytes / 1e9:F1} GB, found "
                + $"{free / 1e9:F1} GB free in {folder}");
        try
        {
            return File.OpenHandle(Path.Combine(folder, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}.scratch"),
                FileMode.CreateNew, FileAccess.ReadWrite,
                FileShare.None, FileOptions.DeleteOnClose);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RasterException(path, $"cannot be made: {error.Message}", error);
        }
    }

    private static double Energy(Complex32[] samples)
    {
        double sum = 0;
        foreach (var value in samples)
            sum += (double)value.Real * value.Real + (double)value.Imaginary * value.Imaginary;
        return sum;
    }
}
