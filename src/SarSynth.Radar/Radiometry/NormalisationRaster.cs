// Normalisation of rasters of any size: one pass to fit, one to apply.
using System.Numerics.Tensors;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Radiometry;

/// <summary>What <see cref="NormalisationFit"/> and <see cref="Normalisation"/> do for images, for rasters.</summary>
public static class NormalisationRaster
{
    extension(NormalisationFit fit)
    {
        /// <summary>Takes in the amplitudes of a raster of any size.</summary>
        /// <param name="raster">The raster, of any pixel kind.</param>
        /// <param name="progress">Told the share that is done.</param>
        /// <returns>This fit.</returns>
        /// <exception cref="RasterException">The raster cannot be read.</exception>
        public NormalisationFit Add(SarRaster raster, Action<double>? progress = null)
        {
            ArgumentNullException.ThrowIfNull(raster);
            foreach (var (_, amplitude) in Amplitudes(raster, 0, progress))
                fit.Add(amplitude.Span);
            return fit;
        }
    }

    extension(Normalisation normalisation)
    {
        /// <summary>Writes a raster's model values as a GeoTIFF of <see cref="PixelKind.Normalised"/>.</summary>
        /// <param name="raster">The raster, of any pixel kind; its amplitudes are normalised.</param>
        /// <param name="path">The GeoTIFF; it appears whole or not at all.</param>
        /// <param name="options">How to write it.</param>
        /// <param name="progress">Told the share that is done.</param>
        /// <exception cref="RasterException">Reading or writing failed.</exception>
        public void Apply(SarRaster raster, string path, GeoTiffOptions? options = null,
            Action<double>? progress = null)
        {
            ArgumentNullException.ThrowIfNull(raster);
            using var writer = new GeoTiffWriter(
                path, raster.Rows, raster.Columns, PixelKind.Normalised, raster.Metadata, raster.GeoReference, options);
            foreach (var (window, amplitude) in Amplitudes(raster, writer.TileRows, progress))
            {
                var values = amplitude.Span;
                normalisation.Apply(values, values);
                writer.WriteIntensity(window, values, window.Columns);
            }
            writer.Complete();
        }
    }

    private static IEnumerable<(RasterWindow Window, Memory<float> Amplitude)> Amplitudes(
        SarRaster raster, int tileRows, Action<double>? progress)
    {
        var pixels = Array.Empty<float>();
        long done = 0;
        foreach (var window in raster.BlockWindows(tileRows))
        {
            var count = window.Rows * window.Columns;
            if (pixels.Length < count)
                pixels = new float[count];
            raster.ReadIntensity(window, pixels);
            var amplitude = pixels.AsMemory(0, count);
            TensorPrimitives.Sqrt(amplitude.Span, amplitude.Span);
            yield return (window, amplitude);
            done += count;
            progress?.Invoke((double)done / raster.Rows / raster.Columns);
        }
    }
}
