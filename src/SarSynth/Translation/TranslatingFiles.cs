// Files in, GeoTIFFs out: strips of finished rows where the way allows it, provenance beside the result.
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using MathNet.Numerics;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Translation;

public sealed partial class Translator
{
    /// <summary>
    /// Translates a file into a GeoTIFF, and writes the provenance beside it. The file is read once and the result
    /// written as it is made. Mean and speckle write their rows into a folder beside the output first (its name and
    /// ".parts"): a translation that was killed goes on from there to the same bytes, and several processes may share
    /// one. Diffusion holds the latents of the whole image, <see cref="BytesPerPixel"/> in memory.
    /// </summary>
    /// <param name="input">A raster that <see cref="SarRaster"/> reads.</param>
    /// <param name="output">The GeoTIFF to write (.tif, .tiff); it appears whole or not at all.</param>
    /// <param name="recipe">Seed, steps, prompt, radiometry.</param>
    /// <param name="options">How the input is read; the product's own rules when null.</param>
    /// <param name="progress">Told the share that is done; <see cref="Progress"/> is told when null.</param>
    /// <param name="shard">Which process this is of several that make the one output; null for the only one.</param>
    /// <param name="replace">Begin anew where finished rows of another translation are.</param>
    /// <param name="cancel">Ends between windows; finished rows are kept.</param>
    /// <exception cref="RasterException">The input is not a raster or cannot be read, or has no valid
    /// pixel.</exception>
    /// <exception cref="IOException">Finished rows of another translation are there.</exception>
    /// <exception cref="NotSupportedException">Diffusion denoises a scene as one image: it has no shards.</exception>
    /// <inheritdoc cref="Translate(SarImage, TranslateRecipe, Action{double}?, CancellationToken)"/>
    public TranslationResult TranslateFile(string input, string output, TranslateRecipe recipe,
        RasterOptions? options = null, Action<double>? progress = null, Shard? shard = null, bool replace = false,
        CancellationToken cancel = default)
    {
        GeoTiff.RequireExtension(output);
        using var raster = SarRaster.Open(input, options);
        var way = WayOf(recipe);  // A wish that cannot be should not leave a file behind.
        if (shard is { Count: > 1 } && way != TranslationWay.MeanAndSpeckle)
        {
            throw new NotSupportedException($"shard: the way {way} denoises a scene as one image; only "
                + $"{TranslationWay.MeanAndSpeckle} is made in parts.");
        }
        var clock = new StageClock();
        var (source, averaged, said) = Matched(raster, recipe);
        if (InputMatch.FarOutside(Card, source.Metadata, source.Place) is { } far && !recipe.Outside)
            throw new InvalidDataException($"{input}: {far} --force translates it all the same.");
        var finer = LevelOf(source, recipe).Finer;
        var files = Files is null ? null : ModelFiles.Joined(Files.Value, ModelFiles.OfAdditions(recipe));
        TranslationResult Told(TranslationResult found)
        {
            if (found.LeftOut == (long)source.Rows * source.Columns)
                throw new RasterException(input, "has no pixel above 0, so there is nothing to translate");
            return found with
            {
                Remarks = said is null ? found.Remarks : [said, .. found.Remarks],
                Assumed = [.. Choices(raster, options), .. found.Assumed],
                Ran = found.Ran with
                {
                    Model = Name, ModelFiles = files, Pixels = raster.Kind, Channel = raster.Channel,
                    Part = raster.Part, Averaged = averaged == (1, 1) ? null : [averaged.Rows, averaged.Columns],
                },
                Stages = clock.Costs,
            };
        }

        GeoTiffWriter Writer() => new(output, source.Rows * finer, source.Columns * finer,
            recipe.Complex ? PixelKind.Complex : PixelKind.Amplitude,
            Fine(source.Metadata, finer, files), source.Place?.Refined(finer));

        TranslationResult found;
        if (way == TranslationWay.MeanAndSpeckle)
        {
            var parts = TranslationParts.Open(output, JobOf(input, raster, recipe, files), source.Rows * finer,
                source.Columns * finer * (recipe.Complex ? Marshal.SizeOf<Complex32>() : sizeof(float)), replace);
            try
            {
                found = Told(MakeParts(parts, shard ?? Shard.Whole, source, recipe, clock, progress, cancel));
            }
            catch
            {
                parts.DeleteIfEmpty();
                throw;
            }
            if (!parts.IsWhole)
                return found with { IsComplete = false };
            using var held = parts.Lock(cancel);
            if (held is null)
                return found;
            using (clock.Measure("writing"))
            {
                using var writer = Writer();
                PutTogether(parts, writer);
            }
            Record(found);
            parts.Delete();
        }
        else
        {
            using var writer = Writer();
            var amplitudes = new TileRows<float>(writer, (rows, columns, pixels) =>
                new AmplitudeImage(rows, columns, pixels));
            found = Run(source, recipe, (row, pixels) =>
            {
                using (clock.Measure("writing"))
                    amplitudes.Add(pixels);
            }, null, progress, cancel, clock: clock);
            found = Told(found);
            amplitudes.Finish();
            writer.Complete();
            Record(found);
        }
        return found with { Stages = clock.Costs };

        void Record(TranslationResult what) =>
            Provenance.Of("translate", recipe, recipe.Seed, [input], [output], Device.ToString())
                .With(what.Ran, what.Remarks, what.Assumed)
                .AsSynthetic("An airborne-like SAR image, made of a satellite image by a trained model; no "
                    + "measurement.", Name, files)
                .Write(output + ".provenance.json");
    }

    /// <summary>The spacings that a translation of a raster can have, finest first.</summary>
    /// <param name="raster">The satellite image; no pixel is read.</param>
    /// <param name="recipe">Its way, and how the input is matched; its spacing does not count.</param>
    /// <returns>The levels; and metres of the spacings in between, and of the input's own, that it cannot
    /// have.</returns>
    public (IReadOnlyList<TranslationLevel> Levels, IReadOnlyList<string> Lacking) Levels(
        SarRaster raster, TranslateRecipe recipe)
    {
        var (way, source) = (WayOf(recipe), Matched(raster, recipe).Source);
        return (TranslationLevel.Of(Card, way, source), TranslationLevel.Lacking(Card, way, source));
    }

    /// <summary>Whether finished rows of an output lie beside it, from which its translation goes on.</summary>
    public static bool IsBegun(string output) => TranslationParts.IsBegun(output);

    // A product averaged to the spacing that the model was trained on, by how much, and a line that says so.
    private (SatelliteSource Source, (int Rows, int Columns) By, string? Said) Matched(
        SarRaster raster, TranslateRecipe recipe)
    {
        const int block = 512;
        (int Rows, int Columns) by = recipe.AsIs ? (1, 1)
            : InputMatch.Averaging(Card, raster.Metadata, raster.GeoReference);
        if (by == (1, 1))
            return (SatelliteSource.Of(raster), by, null);
        var (source, said) = InputMatch.Averaged(Card, SatelliteSource.Of(raster,
            by.Rows * Math.Max(1, block / by.Rows), by.Columns * Math.Max(1, block / by.Columns)), by);
        return (source, said is null ? (1, 1) : by, said);
    }

    // The rows of this process that are not there yet.
    private TranslationResult MakeParts(TranslationParts parts, Shard shard, SatelliteSource source,
        TranslateRecipe recipe, StageClock clock, Action<double>? progress, CancellationToken cancel)
    {
        using var shown = progress is null ? Progress.Begin("translating") : null;
        progress ??= share => shown!.At(share);
        var missing = parts.Missing(shard);
        var (all, done) = (missing.Sum(m => (double)m.To - m.From), 0.0);
        TranslationResult? found = null;
        using var strips = parts.Write();
        foreach (var (from, to) in missing.DefaultIfEmpty((0, 0)))
        {
            found = Run(source, recipe, (row, pixels) => Keep<float>(row, pixels),
                (row, samples) => Keep<Complex32>(row, samples),
                share => progress(all == 0 ? 1 : (done + share * (to - from)) / all), cancel, (from, to), clock);
            done += to - from;
        }
        return found!;

        void Keep<T>(int row, ReadOnlySpan<T> line) where T : unmanaged
        {
            using (clock.Measure("writing"))
                strips.Add(row, line);
        }
    }

    private static void PutTogether(TranslationParts parts, GeoTiffWriter writer)
    {
        var amplitudes = new TileRows<float>(writer, (rows, columns, pixels) =>
            new AmplitudeImage(rows, columns, pixels));
        var samples = new TileRows<Complex32>(writer, (rows, columns, pixels) =>
            new ComplexImage(rows, columns, pixels));
        foreach (var strip in parts.Read())
        {
            if (writer.Kind == PixelKind.Complex)
                samples.Add(MemoryMarshal.Cast<byte, Complex32>(strip));
            else
                amplitudes.Add(MemoryMarshal.Cast<byte, float>(strip));
        }
        amplitudes.Finish();
        samples.Finish();
        writer.Complete();
    }

    // All that the pixels depend on.
    private static JsonObject JobOf(string input, SarRaster raster, TranslateRecipe recipe,
        IReadOnlyDictionary<string, string>? files) =>
        JsonSerializer.SerializeToNode(new
        {
            SyntheticContent.Version, recipe, ModelFiles = files, raster.Kind, raster.Channel, raster.Part,
            raster.Validity, Inputs = FileFingerprint.OfProduct(input).ToList(), TranslationParts.StripRows,
        }, KitJson.Options)!.AsObject();

    // What the reader chose or took for granted.
    private static IEnumerable<string> Choices(SarRaster raster, RasterOptions? options)
    {
        if (raster.KindIsAssumed && options?.Kind is null)
            yield return $"{raster.Kind.ToString().ToLowerInvariant()} pixels: the file does not tell";
        if (raster.Channels.Count > 1 && options?.Channel is null)
            yield return $"channel {raster.Channel} of {string.Join(", ", raster.Channels)}: none was asked for";
    }

    /// <summary>Collects rows until they fill a row of a file's tiles: a tile that is written in parts is packed as
    /// often.</summary>
    private sealed class TileRows<T>(GeoTiffWriter writer, Func<int, int, T[], SarImage> image)
    {
        private T[]? rows;
        private int first, filled;

        public void Add(ReadOnlySpan<T> pixels)
        {
            rows ??= new T[(long)Math.Min(writer.TileRows, writer.Rows) * writer.Columns];
            for (var from = 0; from < pixels.Length; from += writer.Columns)
            {
                pixels.Slice(from, writer.Columns).CopyTo(rows.AsSpan(filled++ * writer.Columns));
                if ((long)filled * writer.Columns == rows.LongLength)
                    Finish();
            }
        }

        public void Finish()
        {
            if (filled == 0)
                return;
            writer.WriteWindow(first, 0, image(filled, writer.Columns, rows![..(filled * writer.Columns)]));
            (first, filled) = (first + filled, 0);
        }
    }
}
