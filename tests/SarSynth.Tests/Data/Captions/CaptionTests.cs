// Captions from columns, text files and class maps, edited in bulk; pairs of folders and of the satellite's view.
using System.Text.Json.Nodes;
using MathNet.Numerics;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Tests.Data;

public sealed class CaptionTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-captions-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(string name)
    {
        var path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>Three tiles in two parts; the second has no caption.</summary>
    private string Tiles()
    {
        File.WriteAllText(At("tiles/train/metadata.jsonl"), """
            {"file_name":"a.png","text":"a quay","row":1}
            {"file_name":"b.png","row":2}

            """);
        File.WriteAllText(At("tiles/test/metadata.jsonl"), """{"file_name":"c.png","text":"é quay","extra":[1,2.50]}"""
            + "\n");
        return At("tiles");
    }

    private string[] Captions() => [.. ((string[])["train", "test"]).SelectMany(part =>
        File.ReadLines(At($"tiles/{part}/metadata.jsonl")))
        .Select(line => (string?)JsonNode.Parse(line)!["text"] ?? "-")];

    [Fact]
    public void SetReplaceAndPrefixLeaveEverythingElse()
    {
        var tiles = Tiles();
        Assert.Equal((3, 2, 1), CaptionEdit.Run(tiles, CaptionEdit.Replace("quay", "pier")));
        Assert.Equal(["a pier", "-", "é pier"], Captions());
        Assert.Equal((3, 2, 1), CaptionEdit.Run(tiles, CaptionEdit.Prefix("<SAR>")));
        Assert.Equal((3, 0, 1), CaptionEdit.Run(tiles, CaptionEdit.Prefix("<SAR>")));
        Assert.Equal(["<SAR> a pier", "-", "<SAR> é pier"], Captions());
        Assert.Equal("""{"file_name":"c.png","text":"<SAR> é pier","extra":[1,2.50]}""" + "\n",
            File.ReadAllText(At("tiles/test/metadata.jsonl")));
        Assert.Equal((3, 3, 0), CaptionEdit.Run(tiles, CaptionEdit.Set("ground"), preview: true));
        Assert.Equal("-", Captions()[1]);
        Assert.Equal((3, 3, 0), CaptionEdit.Run(tiles, CaptionEdit.Set("ground")));
        Assert.Equal("""{"file_name":"b.png","text":"ground","row":2}""",
            File.ReadLines(At("tiles/train/metadata.jsonl")).ElementAt(1));
    }

    [Fact]
    public void ColumnsAndTextFilesGiveCaptions()
    {
        var tiles = Tiles();
        File.WriteAllText(At("captions.csv"), "file_name,words\nb.png,\"two, quoted\"\nsub/unknown.png,x\n");
        Assert.Equal((3, 1, 0), CaptionEdit.Run(tiles, CaptionEdit.Column(At("captions.csv"), "words")));
        Assert.Equal("two, quoted", Captions()[1]);
        File.WriteAllText(At("tiles/train/a.txt"), "from a file\n");
        Assert.Equal((3, 1, 0), CaptionEdit.Run(tiles, CaptionEdit.Sidecars()));
        Assert.Equal("from a file", Captions()[0]);
        File.WriteAllText(At("texts/c.txt"), "elsewhere");
        Assert.Equal((3, 1, 0), CaptionEdit.Run(tiles, CaptionEdit.Sidecars(At("texts"))));
        Assert.Equal("elsewhere", Captions()[2]);
    }

    [Fact]
    public void AWrongLineLeavesAllIndicesAsTheyWere()
    {
        var tiles = Tiles();
        File.AppendAllText(At("tiles/train/metadata.jsonl"), "{\"file_name\": \n");
        var before = File.ReadAllText(At("tiles/test/metadata.jsonl"));
        Assert.Contains("line 3", Assert.Throws<TileException>(() => CaptionEdit.Run(tiles, CaptionEdit.Set("x")))
            .Message);
        Assert.Equal(before, File.ReadAllText(At("tiles/test/metadata.jsonl")));
        File.WriteAllText(At("twice.csv"), "file_name,text\na.png,x\na.png,y\n");
        Assert.Contains("line 3: found it a second time", Assert.Throws<TileException>(() =>
            CaptionEdit.Column(At("twice.csv"))).Message);
        Assert.Contains("found no metadata.jsonl", Assert.Throws<TileException>(() =>
            CaptionEdit.Run(At("texts2/x")[..^2], CaptionEdit.Set("x"))).Message);
    }

    /// <summary>60 % water, 25 % built-up, 13 % trees, 2 % grass of the pixels that hold data.</summary>
    private static float[] Map() => [.. Enumerable.Range(0, 110).Select(i => i < 60 ? 80f : i < 85 ? 50f : i < 98 ? 10f
        : i < 100 ? 30f : float.NaN)];

    [Fact]
    public void AClassMapTellsWhatIsThereAndHowMuch()
    {
        var legend = ClassLegend.WorldCover;
        Assert.Equal([("permanent water", 0.6), ("built-up land", 0.25), ("tree cover", 0.13), ("grassland", 0.02)],
            legend.Shares(Map()));
        var captions = Enumerable.Range(0, 60).Select(i => legend.Caption(Map(), 1, $"tile{i}")!).ToList();
        Assert.True(captions.Distinct().Count() >= 8);
        Assert.All(captions, c => Assert.Matches("^(SAR|radar|synthetic aperture radar)", c));
        // The largest comes first, the others by their shares, what is below 3 % not at all.
        Assert.All(captions, c =>
            Assert.True(c.IndexOf("permanent water", StringComparison.Ordinal) is > 0 and var water
            && c.IndexOf("built-up land", StringComparison.Ordinal) is var built && built > water
                && c.IndexOf("tree cover", StringComparison.Ordinal) > built, c));
        Assert.DoesNotContain(captions, c => c.Contains("grassland", StringComparison.Ordinal));
        Assert.Contains(captions, c =>
            c.Contains("permanent water (60 %) with built-up land (25 %) and tree cover (13 %)",
            StringComparison.Ordinal));
        Assert.Contains(captions, c => c.Contains("much permanent water, some built-up land and some tree cover",
            StringComparison.Ordinal));
        Assert.Equal(legend.Caption(Map(), 1, "tile7"), captions[7]);
        Assert.NotEqual(captions, Enumerable.Range(0, 60).Select(i => legend.Caption(Map(), 2, $"tile{i}")!));
        Assert.Null(legend.Caption([float.NaN], 1, "x"));
        Assert.Contains("found code 77", Assert.Throws<InvalidDataException>(() => legend.Caption([77f], 1, "x"))
            .Message);
        Assert.Equal("water", ClassLegend.Kit.Names[(int)LandCover.Water]);
    }

    [Fact]
    public void ClassMapsOfAFolderCaptionItsTiles()
    {
        var tiles = Tiles();
        File.WriteAllBytes(At("maps/a.png"), Shards.Png(80, 4, 4));
        File.WriteAllText(At("legend.json"), """{"80": "deep water"}""");
        Assert.Equal((3, 1, 1), CaptionEdit.Run(tiles, CaptionEdit.ClassMaps(At("maps"),
            ClassLegend.Find(At("legend.json")))));
        Assert.EndsWith(" deep water", Captions()[0]);
        Assert.Throws<FileNotFoundException>(() => ClassLegend.Find("nobody"));
    }

    [Fact]
    public void FoldersWithEqualNamesArePairs()
    {
        for (var i = 0; i < 3; i++)
        {
            File.WriteAllBytes(At($"air/{i}.png"), Shards.Png(100 + i, 16, 16));
            GeoTiff.Write(new AmplitudeImage(4, 4, [.. Enumerable.Repeat(i + 1f, 16)]), At($"sat/deep/{i}.tif"));
        }
        File.WriteAllText(At("air/0.txt"), "zero");
        var set = PairMaker.Join(At("air"), At("sat"), At("pairs"), caption: "ground", Split.Validation);
        Assert.Equal(["0", "1", "2"], set.Scenes.Select(s => s.Name));
        Assert.All(set.Scenes, s => Assert.Equal(Split.Validation, s.Split));
        var scenes = PairedDataset.Open(At("pairs")).Load(At("pairs")).ToList();
        Assert.Equal(["zero", "ground", "ground"], scenes.Select(s => s.CaptionAt(0, 0, 16)));
        Assert.Equal((4, 102 / 255f, 3f), (scenes[2].Scale, scenes[2].Airborne.Pixels[0],
            scenes[2].Satellite.Pixels[0]));
        File.WriteAllBytes(At("air/3.png"), Shards.Png(1, 16, 16));
        Assert.Contains("tile '3': found no image of this name", Assert.Throws<TileException>(() =>
            PairMaker.Join(At("air"), At("sat"), At("more"), "x")).Message);
        GeoTiff.Write(new AmplitudeImage(5, 4, new float[20]), At("sat/3.tif"));
        Assert.Contains("tile '3'", Assert.Throws<TileException>(() => PairMaker.Join(At("air"), At("sat"), At("more"),
            "x")).Message);
    }

    [Fact]
    public void TheSatellitesViewOfComplexTilesIsThatOfItsRecipe()
    {
        var random = new Random(1);
        Complex32 Sample()
        {
            var (radius, turn) = (Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())), 2 * Math.PI * random.NextDouble());
            return new Complex32((float)(radius * Math.Cos(turn)), (float)(radius * Math.Sin(turn)));
        }
        // Single-look samples of mean intensity 2 at 0.4 m; tiles of them are over their ceiling.
        var facts = new SarMetadata { AzimuthSpacing = 0.4, RangeSpacing = 0.4, SlantRange = false,
            IncidenceAngle = 40 };
        GeoTiff.Write(new ComplexImage(256, 256, [.. Enumerable.Range(0, 65536).Select(_ => Sample())], facts),
            At("scene.tif"));
        TileMaker.Run([At("scene.tif")], At("tiles"), new() { Size = 128, Format = TileFormat.Complex,
            Caption = "speckle" });
        var sensor = Sensors.Named("satellite-x-160");
        var set = PairMaker.Degrade(At("tiles"), facts => SatelliteRecipe.Of(sensor, facts), At("pairs"));
        Assert.Equal(4, set.Scenes.Count);
        var scenes = set.Load(At("pairs")).ToList();
        Assert.All(scenes, s => Assert.Equal((4, "speckle"), (s.Scale, s.CaptionAt(0, 0, 128))));
        // Mean intensity is kept by the chain: 2, over 4 x 1024 satellite pixels of about 4 looks to 3 standard
        // errors, and
        // the airborne one over 65536 single looks. The satellite's incidence changes it by its own power law.
        Assert.Equal(2, scenes.Average(s => s.Airborne.Pixels.Average(a => (double)a * a)), 3 * 2 / Math.Sqrt(65536.0));
        var recipe = SatelliteRecipe.Of(sensor, facts);
        var gain = Math.Pow(Math.Cos(sensor.IncidenceAngle * Math.PI / 180) / Math.Cos(40 * Math.PI / 180),
            recipe.IncidencePower);
        var noise = Math.Pow(10, (recipe.NoiseEquivalentSigmaNought ?? double.NegativeInfinity) / 10);
        Assert.Equal(2 * gain + noise, scenes.Average(s => s.Satellite.Pixels.Average(a => (double)a * a)),
            3 * 2 * gain / Math.Sqrt(4096.0));
        GeoTiff.Write(new AmplitudeImage(32, 32, new float[1024], facts), At("detected/x.tif"));
        Assert.Contains("expected complex samples",
            Assert.Throws<TileException>(() => PairMaker.Degrade(At("detected"), f => SatelliteRecipe.Of(sensor, f),
                At("no"), "x")).Message);
    }
}
