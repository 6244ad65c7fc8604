// Pixels of one band of a GDAL dataset, or of two bands that together are complex.
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>How two real bands make one complex sample.</summary>
internal enum BandPair
{
    None,
    RealImaginary,

    /// <summary>Amplitude (through a table, if any) and phase in 256ths of a turn: SICD's AMP8I_PHS8I.</summary>
    AmplitudePhase,
}

/// <summary>A band of a GDAL dataset; closes the dataset with it.</summary>
internal sealed unsafe class GdalSource : PixelSource
{
    private readonly string path;
    private readonly nint first;
    private readonly nint second;
    private readonly BandPair pair;
    private readonly double[]? amplitudes;
    private GdalMask mask;
    private readonly float scale = 1;
    private readonly float offset;
    private double power = 1;
    private double powerScale = 1;
    private nint dataset;

    public GdalSource(string path, nint dataset, int band = 1, BandPair pair = BandPair.None,
        double[]? amplitudes = null)
    {
        this.path = path;
        this.dataset = dataset;
        this.pair = pair;
        this.amplitudes = amplitudes;
        Rows = Gdal.GDALGetRasterYSize(dataset);
        Columns = Gdal.GDALGetRasterXSize(dataset);
        first = Gdal.GDALGetRasterBand(dataset, band);
        second = pair == BandPair.None ? 0 : Gdal.GDALGetRasterBand(dataset, band + 1);
        if (first == 0 || (pair != BandPair.None && second == 0))
            throw new RasterException(path,
                $"has {Gdal.GDALGetRasterCount(dataset)} bands, expected band {(first == 0 ? band : band + 1)}");
        Type = Gdal.GDALGetRasterDataType(first);
        IsComplex = pair != BandPair.None || Type is >= GdalType.ComplexInt16 and <= GdalType.ComplexFloat64;
        mask = new GdalMask(dataset, pair == BandPair.None ? [first] : [first, second], null);
        var factor = Gdal.GDALGetRasterScale(first, out var found);
        if (found != 0 && double.IsFinite(factor) && factor != 0)
            scale = (float)factor;
        var shift = Gdal.GDALGetRasterOffset(first, out found);
        if (found != 0 && double.IsFinite(shift))
            offset = (float)shift;
    }

    public nint Dataset => dataset;

    /// <summary>The type of the samples in the file.</summary>
    public GdalType Type { get; }

    public override int Rows { get; }

    public override int Columns { get; }

    public override bool IsComplex { get; }

    public override (int Rows, int Columns) BlockSize
    {
        get
        {
            Gdal.GDALGetBlockSize(first, out var columns, out var rows);
            return (rows, columns);
        }
    }

    public override Validity Validity => mask.Validity;

    /// <summary>Tells the stored value that the product's specification calls fill.</summary>
    public void SetFill(double fill) =>
        mask = new GdalMask(dataset, pair == BandPair.None ? [first] : [first, second], fill);

    /// <summary>Makes real pixels scale x stored^power, for products that compress their amplitudes.</summary>
    public void SetPower(double exponent, double scaleAfter) => (power, powerScale) = (exponent, scaleAfter);

    public override void Read(RasterWindow window, Span<float> pixels)
    {
        Transfer(first, window, pixels, GdalType.Float32, sizeof(float));
        mask.Apply(window, pixels, ReadMask);
        if (scale != 1 || offset != 0)
        {
            foreach (ref var pixel in pixels)
                pixel = pixel * scale + offset;
        }
        if (power != 1 || powerScale != 1)
        {
            foreach (ref var pixel in pixels)
                pixel = (float)(Math.Pow(pixel, power) * powerScale);
        }
    }

    public override void Read(RasterWindow window, Span<Complex32> pixels)
    {
        if (pair == BandPair.None)
        {
            Transfer(first, window, pixels, GdalType.ComplexFloat32, sizeof(Complex32));
            mask.Apply(window, pixels, ReadMask);
            return;
        }
        float[] a = new float[pixels.Length], b = new float[pixels.Length];
        Transfer(first, window, a.AsSpan(), GdalType.Float32, sizeof(float));
        Transfer(second, window, b.AsSpan(), GdalType.Float32, sizeof(float));
        for (var i = 0; i < pixels.Length; i++)
        {
            if (pair == BandPair.RealImaginary)
            {
                pixels[i] = new Complex32(a[i], b[i]);
                continue;
            }
            var (sine, cosine) = Math.SinCos(2 * Math.PI * b[i] / 256);
            var amplitude = amplitudes is null ? a[i] : amplitudes[(byte)a[i]];
            pixels[i] = new Complex32((float)(amplitude * cosine), (float)(amplitude * sine));
        }
        mask.Apply(window, pixels, ReadMask);
    }

    public override void Dispose()
    {
        if (dataset != 0)
            _ = Gdal.GDALClose(dataset);
        dataset = 0;
    }

    private void ReadMask(nint band, RasterWindow window, float[] values) =>
        Transfer(band, window, values.AsSpan(0, window.Rows * window.Columns), GdalType.Float32, sizeof(float));

    private void Transfer<T>(nint band, RasterWindow window, Span<T> pixels, GdalType type, int size)
        where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(dataset == 0, this);
        Gdal.Begin();
        fixed (T* buffer = pixels)
        {
            var result = Gdal.GDALRasterIOEx(band, 0, window.Column, window.Row, window.Columns, window.Rows,
                buffer, window.Columns, window.Rows, type, size, (long)size * window.Columns, 0);
            // A block that fails to decode may leave zeros behind: any error spoils the read.
            if (result != 0 || Gdal.HasErrors)
                throw new RasterException(path,
                    $"pixels of {window} cannot be read: {Gdal.Errors("the file is damaged")}");
        }
    }
}
