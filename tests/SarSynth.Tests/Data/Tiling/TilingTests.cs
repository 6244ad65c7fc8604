// Scenes become tiles: numbers against closed forms, what is dropped, ranks, and runs that are stopped anywhere.
using System.Text.Json.Nodes;
using MathNet.Numerics;
using SarSynth.Data;
using SarSynth.Figures;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.Data;

public sealed class TilingTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-tiling-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(string name) => Path.Combine(folder, name);

    private static readonly TilingRecipe small = new() { Size = 32, Caption = "speckle", Validation = 0.2, Test = 0.2,
        Block = 64 };

    /// <summary>Single-look speckle of mean intensity 1: an exponential intensity, so that the amplitude is
    /// Rayleigh.</summary>
    private static float[] Speckle(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())))];
    }

    private string Scene(string name, int rows, int columns, float[] amplitudes, SarMetadata? facts = null)
    {
        GeoTiff.Write(new AmplitudeImage(rows, columns, amplitudes, facts), At(name));
        return At(name);
    }

    private static List<JsonObject> Rows(string tiles) => [.. ((string[])["train", "validation", "test"])
        .Select(part => Path.Combine(tiles, part, "metadata.jsonl")).Where(File.Exists)
        .SelectMany(File.ReadLines).Select(line => JsonNode.Parse(line)!.AsObject())];

    [Fact]
    public void TilesAreAmplitudesOverMeanPlusThreeSigmaWithPlaceAndChecksum()
    {
        var amplitudes = Speckle(100 * 80, 1);
        var set = TileMaker.Run([Scene("scene.tif", 100, 80, amplitudes)], At("tiles"), small);
        // The grid of 32 fits 3 x 2 times.
        Assert.Equal(6, Assert.Single(set.Scenes).Kept);
        Assert.Equal(6, set.Tiles.Values.Sum());
        var mean = amplitudes.Average(a => (double)a);
        var ceiling = mean + 3 * Math.Sqrt(amplitudes.Average(a => (a - mean) * (a - mean)));
        using var source = Tiles.Open(At("tiles"));
        Assert.Empty(source.Check().Require().Problems);
        foreach (var step in source.Sequence(new TileOrder { IsShuffled = false }).Take(6))
        {
            var tile = step.Load();
            Assert.Equal(ceiling, tile.Ceiling!.Value, 1e-9 * ceiling);
            Assert.Equal(("scene", "speckle"), (tile.Place!.Scene, tile.Caption()));
            var values = tile.ToUnitRange();
            for (var i = 0; i < values.Length; i++)
                Assert.Equal(Math.Min(1, amplitudes[(tile.Place.Row + i / 32) * 80 + tile.Place.Column
                    + i % 32] / ceiling), values[i], 0.6 / 65535);
        }
        foreach (var row in Rows(At("tiles")))
        {
            Assert.Equal(FileFingerprint.Of(At($"tiles/{row["split"]}/{row["file_name"]}")).Sha256,
                (string?)row["sha256"]);
            // A tile of 32 holds one window of 25: its ENL of 1 is known to about a tenth.
            Assert.InRange((double)row["enl"]!, 0.75, 1.35);
            var (top, left) = ((int)row["row"]!, (int)row["column"]!);
            Assert.Equal(Enumerable.Range(0, 1024).Average(i => (double)amplitudes[(top + i / 32) * 80 + left
                + i % 32]), (double)row["mean"]!, 1e-9);
        }
        Assert.False(Directory.Exists(At("tiles/.work")));
    }

    [Fact]
    public void ComplexScenesAreRefocusedToTheSpacingAndKeepTheirPower()
    {
        // A tone inside the kept band comes through as it was; half the speckle's spectrum leaves speckle of the same
        // power.
        var random = new Random(2);
        var tone = new Complex32[128 * 128];
        var speckle = new Complex32[128 * 128];
        for (var i = 0; i < tone.Length; i++)
        {
            tone[i] = Complex32.FromPolarCoordinates(2,
                (float)(2 * Math.PI * (0.125 * (i / 128) + 0.0625 * (i % 128))));
            var (radius, turn) = (Math.Sqrt(-Math.Log(1 - random.NextDouble())), 2 * Math.PI * random.NextDouble());
            speckle[i] = new Complex32((float)(radius * Math.Cos(turn)), (float)(radius * Math.Sin(turn)));
        }
        var facts = new SarMetadata { AzimuthSpacing = 0.4, RangeSpacing = 0.5 };
        GeoTiff.Write(new ComplexImage(128, 128, tone, facts), At("tone.tif"));
        GeoTiff.Write(new ComplexImage(128, 128, speckle, facts), At("speckle.tif"));
        var set = TileMaker.Run([At("tone.tif"), At("speckle.tif")], At("tiles"), small with { Spacing = 0.8,
            Format = TileFormat.GeoTiff, MostSaturated = 1 });
        Assert.Equal([(64, 80), (64, 80)], set.Scenes.Select(s => (s.Rows, s.Columns)));
        Assert.Equal((0.8, 0.8), (set.Scenes[0].RowSpacing!.Value, set.Scenes[0].ColumnSpacing!.Value));
        Assert.Equal(2, set.Scenes.Single(s => s.Name == "tone").Normalisation.Ceiling, 1e-4);
        // 5120 Rayleigh amplitudes: mean sqrt(pi)/2 to 0.5227 / sqrt(5120) = 0.73 %; three times that.
        Assert.Equal(Math.Sqrt(Math.PI) / 2, set.Scenes.Single(s => s.Name == "speckle").Normalisation.Mean,
            0.022 * Math.Sqrt(Math.PI) / 2);
        using var source = Tiles.Open(At("tiles"));
        foreach (var tile in source.Sequence(new TileOrder()).Take((int)source.Count!).Select(s => s.Load()).Where(t =>
            t.Place!.Scene == "tone"))
            Assert.All(tile.Image.ToAmplitude().Pixels, a => Assert.Equal(1, a, 1e-4));
    }

    [Fact]
    public void DetectedScenesAreAveragedInIntensity()
    {
        // Amplitude sqrt(c) in column c: intensity c. A new column of 1.5 old ones is the mean of the intensities
        // under it.
        var amplitudes = Enumerable.Range(0, 48 * 48).Select(i => (float)Math.Sqrt(i % 48)).ToArray();
        Scene("ramp.tif", 48, 48, amplitudes, facts: new() { AzimuthSpacing = 2, RangeSpacing = 2 });
        var recipe = small with { Spacing = 3, Block = 960, Format = TileFormat.GeoTiff, MostSaturated = 1,
            MostEmpty = 1 };
        TileMaker.Run([At("ramp.tif")], At("tiles"), recipe);
        using var source = Tiles.Open(At("tiles"));
        var tile = source.Sequence(new TileOrder()).First().Load();
        var pixels = tile.Image.ToAmplitude().Pixels;
        for (var c = 0; c < 32; c++)
        {
            // Pairs of new columns stand for three old ones, b, b + 1 and b + 2: (b + (b + 1) / 2) / 1.5, then ((b +
            // 1) / 2 + b + 2) / 1.5.
            double b = c / 2 * 3, expected = c % 2 == 0 ? (b + (b + 1) / 2) / 1.5 : ((b + 1) / 2 + b + 2) / 1.5;
            Assert.Equal(Math.Sqrt(expected), pixels[7 * 32 + c] * tile.Ceiling!.Value, 1e-5);
        }
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData(20.0, 2)]
    public void CalibrationFollowsTheProductsTables(double? spacing, int factor)
    {
        // A small Sentinel-1 product whose pixels are 100 everywhere: 100 sqrt(factor) is left of it, whatever the
        // grid.
        var product = TestData.Golden("cases/07-noise-uncovered/noise_azi_short.SAFE");
        var calibration = Radar.Radiometry.Calibration.Open(product);
        using var scene = PreparedScene.Open(product, new TilingRecipe { Spacing = spacing }, At("scratch.tif"));
        Assert.StartsWith("SigmaNought", scene.Radiometry);
        Assert.Equal((60 / factor, 40 / factor), (scene.Rows, scene.Columns));
        var window = new RasterWindow(7, 5, 12, 10);
        var found = scene.Read(window).ToAmplitude().Pixels;
        var fine = new double[40];
        for (var row = 0; row < window.Rows; row++)
        {
            calibration.Factors((window.Row + row) * factor, 0, Backscatter.SigmaNought, fine);
            for (var column = 0; column < window.Columns; column++)
            {
                var wanted = 100 * Math.Sqrt(fine[(window.Column + column) * factor]);
                Assert.Equal(wanted, found[row * window.Columns + column], (factor == 1 ? 1e-6 : 0.01) * wanted);
            }
        }
    }

    [Fact]
    public void EmptyAndSaturatedTilesAreDroppedAndCounted()
    {
        var amplitudes = Speckle(64 * 160, 3);
        for (var row = 0; row < 64; row++)
            for (var column = 0; column < 160; column++)
            {
                ref var a = ref amplitudes[row * 160 + column];
                // 4 of 32 columns without data, 1 of 32 (kept, with a mask), zeros, and a bright field.
                a = column is >= 32 and < 36 or 64 ? float.NaN : column is >= 96 and < 100 ? 0 : column >= 128
                    && row < 16 ? 50 : a;
            }
        var recipe = small with { Validation = 0, Test = 0 };
        var set = TileMaker.Run([Scene("scene.tif", 64, 160, amplitudes)], At("tiles"), recipe);
        var scene = Assert.Single(set.Scenes);
        Assert.Equal((5, 4, 1), (scene.Kept, scene.Dropped["empty"], scene.Dropped["saturated"]));
        using var source = Tiles.Open(At("tiles"));
        var masked = source.Sequence(new TileOrder()).Take(5).Select(s => s.Load()).Where(t => t.Validity().Contains(0))
            .ToList();
        Assert.Equal([64, 64], masked.Select(t => t.Place!.Column));
        Assert.All(masked, t => Assert.Equal(Enumerable.Range(0, 1024).Select(i => i % 32 == 0 ? 0f : 1f),
            t.Validity()));
        Assert.Equal(4, TileMaker.Run([At("scene.tif")], At("all"), recipe with { MostSaturated = 1, MostEmpty = 0 })
            .Tiles["train"]);
    }

    [Fact]
    public void FillIsZerosAmongZerosAndADarkPixelIsNot()
    {
        float[] pixels =
        [
            0, 0, 1, 1, 1, 1,
            0, 0, 1, 0, 1, 1,
            0, 1, 1, 1, 1, 1,
            1, 1, 0, 0, 0, 1,
            1, 1, 0, 0, 0, 1,
            1, 1, 0, 0, 0, 1,
        ];
        // Those whose four neighbours are 0 or outside: two of the corner, and the middle of the square with its foot
        // below.
        var fill = TileStatistics.FillOf(new AmplitudeImage(6, 6, pixels));
        Assert.Equal([0, 6, 4 * 6 + 3, 5 * 6 + 3], Enumerable.Range(0, 36).Where(i => fill[i]));
        Assert.Equal(4 / 36.0, TileStatistics.Of(new AmplitudeImage(6, 6, pixels), 2).Fill, 1e-12);
    }

    /// <summary>Everything but the record of when and by what it was made.</summary>
    private static Dictionary<string, string> Contents(string tiles) => Directory.EnumerateFiles(tiles, "*",
        SearchOption.AllDirectories)
        .Where(f => !f.EndsWith("provenance.json", StringComparison.Ordinal))
        .ToDictionary(f => Path.GetRelativePath(tiles, f), f => FileFingerprint.Of(f).Sha256);

    [Fact]
    public void ARunThatIsStoppedAnywhereEndsAsIfItHadNotBeen()
    {
        var speckle = Speckle(2 * 160 * 160, 7);
        var samples = Enumerable.Range(0, 160 * 160).Select(i => new Complex32(speckle[2 * i], speckle[2 * i + 1] - 1))
            .ToArray();
        GeoTiff.Write(new ComplexImage(160, 160, samples, new() { AzimuthSpacing = 1, RangeSpacing = 1 }),
            At("one.tif"));
        Scene("two.tif", 128, 128, Speckle(128 * 128, 8), facts: new() { AzimuthSpacing = 1, RangeSpacing = 1 });
        string[] scenes = [At("one.tif"), At("two.tif")];
        var recipe = small with { Spacing = 1.25, Overlap = 8, Block = 120 };
        TileMaker.Run(scenes, At("whole/tiles"), recipe);
        var whole = Contents(At("whole/tiles"));
        Assert.True(whole.Count > 20);
        var stops = 0;
        for (var stop = 1; stop < 60; stop += 3)
        {
            var tiles = At($"stopped{stop}/tiles");
            if (RunUntil(stop, scenes, tiles, recipe))
                break;
            stops++;
            // What a killed process may leave: a journal that ends within a line, and a tile that is not whole.
            if (Directory.GetFiles(Path.Combine(tiles, ".work"), "*.jsonl") is [var journal, ..]
                && new FileInfo(journal).Length is > 20 and var length)
            {
                using (var file = File.OpenWrite(journal))
                    file.SetLength(length - 10);
                var made = Directory.GetFiles(tiles, Path.GetFileNameWithoutExtension(journal) + "_*.png",
                    SearchOption.AllDirectories);
                if (stop % 2 == 0 && made.Length > 0)
                    File.WriteAllText(made.Order().First(), "torn");
            }
            TileMaker.Run(scenes, tiles, recipe);
            Assert.Equal(whole, Contents(tiles));
            Directory.Delete(tiles, recursive: true);
        }
        Assert.InRange(stops, 5, 60);
    }

    private static bool RunUntil(int stop, string[] scenes, string tiles, TilingRecipe recipe)
    {
        using var cancel = new CancellationTokenSource();
        var told = 0;
        Progress.Display = _ => new Counted(() =>
        {
            if (++told == stop)
                cancel.Cancel();
        });
        Progress.Time = new Hurried();
        try
        {
            TileMaker.Run(scenes, tiles, recipe, cancel: cancel.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        finally
        {
            Progress.Display = null;
            Progress.Time = TimeProvider.System;
        }
    }

    private sealed class Counted(Action told) : IProgressDisplay
    {
        public void At(double share, string note) => told();

        public void End(bool done)
        {
        }
    }

    /// <summary>A clock that is a second later at every look, so that all news is told.</summary>
    private sealed class Hurried : TimeProvider
    {
        private long now;

        public override long GetTimestamp() => Interlocked.Add(ref now, TimestampFrequency);
    }

    [Fact]
    public void RanksTogetherMakeWhatOneMakes()
    {
        string[] scenes = [.. Enumerable.Range(0, 5).Select(i => Scene($"s{i}.tif", 64, 64, Speckle(64 * 64, i)))];
        TileMaker.Run(scenes, At("one/tiles"), small);
        for (var rank = 2; rank >= 0; rank--)
        {
            TileMaker.Run(scenes, At("three/tiles"), small, rank, 3);
            Assert.Equal(rank == 0, File.Exists(At("three/tiles/croissant.json")));
        }
        Assert.Equal(Contents(At("one/tiles")), Contents(At("three/tiles")));
        // More scenes later, by the same recipe; captions that were written meanwhile stay.
        TileMaker.Run(scenes[..3], At("grown/tiles"), small);
        CaptionEdit.Run(At("grown/tiles"), CaptionEdit.Set("mine"));
        TileMaker.Run(scenes, At("grown/tiles"), small);
        Assert.Equal(["mine", "speckle"], Rows(At("grown/tiles")).Select(row => (string?)row["text"]).Distinct()
            .Order());
        CaptionEdit.Run(At("grown/tiles"), CaptionEdit.Set("speckle"));
        Assert.Equal(Contents(At("one/tiles")), Contents(At("grown/tiles")));
    }

    [Fact]
    public void ScenesThatComeLaterLieOnTheBlocksOfTheFirstAndAddTheirInputs()
    {
        string[] scenes = [.. new[] { 2.0, 1.0 }.Select((spacing, i) => Scene($"s{i}.tif", 64, 64,
            Speckle(64 * 64, i), facts: new() { AzimuthSpacing = spacing, RangeSpacing = spacing }))];
        var recipe = small with { Spacing = null, Block = null };
        TileMaker.Run(scenes[..1], At("tiles"), recipe);
        var block = TileSet.Open(At("tiles")).Recipe.Block;
        TileMaker.Run(scenes[1..], At("tiles"), recipe);
        var set = TileSet.Open(At("tiles"));
        Assert.Equal((block, 2), (set.Recipe.Block, set.Scenes.Count));
        var inputs = KitJson.Read<Provenance>(At("tiles/tiles.json.provenance.json")).Inputs;
        Assert.Equal(["s0.tif", "s1.tif"], inputs.Select(f => f.Path).Order());
        // Once more changes nothing.
        TileMaker.Run(scenes, At("tiles"), recipe);
        Assert.Equal(2, KitJson.Read<Provenance>(At("tiles/tiles.json.provenance.json")).Inputs.Count);
    }

    [Fact]
    public void WhatCannotBeCutIsNamed()
    {
        var scene = Scene("scene.tif", 64, 64, Speckle(64 * 64, 1), facts: new() { AzimuthSpacing = 2,
            RangeSpacing = 4 });
        void Refused(string words, Action act) => Assert.Contains(words, Assert.ThrowsAny<Exception>(act).Message);
        Refused("expected 65 x 65 or more", () => TileMaker.Run([scene], At("a"), small with { Size = 65 }));
        Refused("give --spacing 4 or more", () => TileMaker.Run([scene], At("b"), small with { Spacing = 0.8 }));
        Refused("found 'scene' 2 times", () => TileMaker.Run([scene, scene], At("c"), small));
        Refused("overlap: found 32, expected 0 to 31", () => TileMaker.Run([scene], At("d"),
            small with { Overlap = 32 }));
        Refused("expected complex samples", () => TileMaker.Run([scene], At("e"),
            small with { Format = TileFormat.Complex }));
        Refused("rank: found 2 of 2", () => TileMaker.Run([scene], At("f"), small, 2, 2));
        Refused("nowhere.tif", () => TileMaker.Run([At("nowhere.tif")], At("g"), small));
        File.WriteAllText(At("notes.txt"), "mine");
        Refused("expected an empty folder", () => TileMaker.Run([scene], folder, small));
        Assert.Equal("mine", File.ReadAllText(At("notes.txt")));
        TileMaker.Run([scene], At("h"), small);
        Refused("expected overlap 8 where it has 0", () => TileMaker.Run([scene], At("h"), small with { Overlap = 8 }));
        var bare = Scene("bare.tif", 64, 64, Speckle(64 * 64, 1));
        Refused("does not tell its spacing", () => TileMaker.Run([bare], At("i"), small with { Spacing = 8 }));
    }

    /// <summary>The datasets library refuses parts whose indices differ in columns or in the types of their
    /// values.</summary>
    [Fact]
    public void IndicesOfAllPartsHaveTheSameColumnsOfTheSameTypes()
    {
        var amplitudes = Speckle(256 * 256, 1);
        amplitudes[0] = float.NaN;
        TileMaker.Run([Scene("scene.tif", 256, 256, amplitudes)], At("tiles"), small);
        var rows = Rows(At("tiles"));
        Assert.Equal(3, rows.Select(row => (string?)row["split"]).Distinct().Count());
        Assert.Single(rows.Select(row => string.Join(' ', row.Select(c => c.Key))).Distinct());
        foreach (var real in (string[])["ceiling", "mean", "sigma", "enl", "no_data", "fill", "saturated"])
            Assert.All(rows, row => Assert.Matches("[.E]", row[real]!.ToJsonString()));
        Assert.Single(rows, row => (string?)row["mask"] != "");
    }

    [Fact]
    public void CroissantDescribesThePartsAsTheyAre()
    {
        TileMaker.Run([Scene("scene.tif", 256, 256, Speckle(256 * 256, 1))], At("tiles"), small);
        var croissant = JsonNode.Parse(File.ReadAllText(At("tiles/croissant.json")))!;
        Assert.Equal("http://mlcommons.org/croissant/1.0", (string?)croissant["conformsTo"]);
        var sets = croissant["recordSet"]!.AsArray();
        foreach (var set in sets)
        {
            var part = (string)set!["@id"]!;
            var index = croissant["distribution"]!.AsArray().Single(d => (string)d!["@id"]! == $"{part}-index")!;
            Assert.Equal(FileFingerprint.Of(At($"tiles/{index["contentUrl"]}")).Sha256, (string?)index["sha256"]);
            var first = JsonNode.Parse(File.ReadLines(At($"tiles/{part}/metadata.jsonl")).First())!.AsObject();
            Assert.All(set["field"]!.AsArray(), field =>
                Assert.True(first.ContainsKey((string)field!["source"]!["extract"]!["column"]!)));
        }
        Assert.Equal(3, sets.Count);
    }

    [Fact]
    public void TheReportShowsTilesAndCountsAndNeedsNoNetwork()
    {
        TileMaker.Run([Scene("scene.tif", 256, 256, Speckle(256 * 256, 1))], At("tiles"), small);
        var rows = Rows(At("tiles"));
        var page = File.ReadAllText(TileReport.Write(At("tiles"), shown: 1000));
        Assert.Equal(rows.Count, page.Split("data:image/png;base64,").Length - 1);
        Assert.All(rows, row => Assert.Contains($"scene, row {row["row"]}, column {row["column"]}", page));
        Assert.DoesNotContain("http", page.Replace("http-equiv", "", StringComparison.Ordinal),
            StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
    }

    [OptionalDataTheory("sar")]
    [InlineData("umbra-yasur/umbra_mount_yasur.tiff", 256, null, 15)]
    [InlineData("envisat-slc/warped_envisat.slc", 128, null, 1)]
    [InlineData("uavsar-sanandreas/SanAnd_138.h5", 64, 6.3, 1)]
    [InlineData("airsar-sanfrancisco/T11.bin", 256, null, 1)]
    [InlineData("sentinel1-gamma0/S1A__IW___A_20150309T173017_VV_grd_mli_geo_norm_db.tif", 64, null, 1)]
    public void RealProductsBecomeTiles(string product, int size, double? spacing, int least)
    {
        var path = TestData.Optional(Path.Combine("sar", product));
        var set = TileMaker.Run([path], At("tiles"), new() { Size = size, Spacing = spacing, Caption = "real",
            MostEmpty = 0.1 });
        Assert.True(set.Tiles.Values.Sum() >= least, $"{product}: {KitJson.Serialize(set)}");
        using var source = Tiles.Open(At("tiles"));
        Assert.Empty(source.Check().Require().Problems);
        using var batches = new TileBatches(source, new TileOrder(), 2);
        Assert.All(batches.Next(), tile => Assert.InRange(tile.ToUnitRange().Average(), 0.02f, 0.7f));
        Assert.Contains(size.ToString(), File.ReadAllText(TileReport.Write(At("tiles"))));
    }
}
